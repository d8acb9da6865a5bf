package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Binaries are the programs of one installed server.
type Binaries struct {
	Dir       string   // folder with initdb and postgres
	Version   string   // "15.18"
	Major     int      // 15
	Libraries []string // folders the loader must search, for unpacked copies
}

// Finder looks for installed servers.
type Finder struct {
	// Setting is a folder named by the operator: the one with the programs, or the one above its bin. Nothing else is looked at when it is set.
	Setting string
	// Path is a list of folders in the form of the PATH variable.
	Path string
	// Folders are patterns of folders to look into.
	Folders []string
}

// UsualFolders are the places where packages of the common systems put the server.
func UsualFolders() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                   // RHEL and relatives, the project's own packages
		"/usr/lib/postgresql*/bin",                           // SUSE, Gentoo
		"/usr/lib64/postgresql*/bin",                         // the same, 64 bit
		"/usr/libexec/postgresql*",                           // Alpine
		"/usr/bin",                                           // Fedora, Arch
		"/usr/local/bin",                                     // FreeBSD and Homebrew on Intel
		"/usr/local/pgsql/bin",                               // built from source
		"/run/current-system/sw/bin",                         // NixOS
		"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel, versioned
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew on Linux
		"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
		"/Library/PostgreSQL/*/bin",                          // EDB's installer
		"/opt/local/lib/postgresql*/bin",                     // MacPorts
	}
}

// Find returns the newest server of at least MinMajor, or of exactly the given
// major version when it is not zero: a cluster runs only on the major version
// that made it. The error is ErrNoServer and says what was seen.
func (f *Finder) Find(ctx context.Context, major int) (Binaries, error) {
	var best Binaries
	var refused []error
	for _, dir := range f.candidates() {
		b, err := probe(ctx, Binaries{Dir: dir})
		switch {
		case err != nil:
			refused = append(refused, err)
		case b.Major < MinMajor:
			refused = append(refused, fmt.Errorf("%s is version %s, too old (%d or newer is needed)", dir, b.Version, MinMajor))
		case major != 0 && b.Major != major:
			refused = append(refused, fmt.Errorf("%s is version %s, the cluster was made by %d", dir, b.Version, major))
		case newer(b.Version, best.Version):
			best = b
		}
	}
	if best.Dir == "" {
		return Binaries{}, errors.Join(append([]error{ErrNoServer}, refused...)...)
	}
	return best, nil
}

// candidates are folders that hold both programs, each once, links resolved.
func (f *Finder) candidates() []string {
	var dirs []string
	if f.Setting != "" {
		dirs = []string{f.Setting, filepath.Join(f.Setting, "bin")}
	} else {
		dirs = filepath.SplitList(f.Path)
		for _, pattern := range f.Folders {
			found, err := filepath.Glob(pattern)
			if err == nil {
				dirs = append(dirs, found...)
			}
		}
	}
	var out []string
	for _, dir := range dirs {
		program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err != nil || !filepath.IsAbs(program) {
			continue
		}
		folder := filepath.Dir(program)
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil && !slices.Contains(out, folder) {
			out = append(out, folder)
		}
	}
	return out
}

// probe asks the server itself for its version, which also proves that it loads.
func probe(ctx context.Context, b Binaries) (Binaries, error) {
	out, err := b.command(ctx, "postgres", "--version").CombinedOutput()
	if err != nil {
		return b, fmt.Errorf("%s does not run: %w: %s", filepath.Join(b.Dir, "postgres"), err, firstLine(string(out)))
	}
	found := regexp.MustCompile(`\(PostgreSQL\) (\d+)[^ \n]*`).FindSubmatch(out)
	if found == nil {
		return b, fmt.Errorf("%s does not tell its version: %s", b.Dir, firstLine(string(out)))
	}
	b.Version = strings.TrimPrefix(string(found[0]), "(PostgreSQL) ")
	b.Major, err = strconv.Atoi(string(found[1]))
	return b, err
}

// command builds a call of one of the programs, in an environment of its own.
func (b Binaries) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(b.Dir, name), args...) //nolint:gosec // the programs were searched for by us
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent"}
	if len(b.Libraries) > 0 {
		c.Env = append(c.Env, "LD_LIBRARY_PATH="+strings.Join(b.Libraries, string(os.PathListSeparator)))
	}
	return c
}

// newer compares versions number by number; "18beta1" is older than "18.0" and newer than "17.9".
func newer(a, b string) bool {
	numbers := func(s string) []int {
		var out []int
		for part := range strings.SplitSeq(s, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				major, _ := strconv.Atoi(regexp.MustCompile(`^\d*`).FindString(part))
				return append(out, major, -1)
			}
			out = append(out, n)
		}
		return out
	}
	return slices.CompareFunc(numbers(a), numbers(b), cmp.Compare[int]) > 0
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
