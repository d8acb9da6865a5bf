package postgres

import (
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

// debian calls the tools of a Debian machine with lists and caches of its own,
// so that the machine's stay as they are and no rights are needed. The tools
// check the packages against the signatures the machine trusts.
type debian struct{ folder string }

// fromDebian downloads the server's package with the libraries the machine lacks, and unpacks them without installing.
//
// Unlike the way of FromPackage, this one is pinned to no version and no
// digest. What comes is what the machine's own sources offer today, signed by
// whom the machine trusts already. A pin would be worse: a distribution keeps
// only its newest build, so a pin fails with the next repair of a hole, and the
// right build and its libraries differ by release and machine. Whoever wants
// the same bytes each time installs PostgreSQL, or names it in
// database.binaries.
func fromDebian(ctx context.Context, folder string, major int) (Layout, error) {
	d := debian{folder: folder}
	for _, dir := range []string{"apt/lists/partial", "apt/cache/archives/partial", "debs"} {
		if err := os.MkdirAll(filepath.Join(folder, dir), 0o755); err != nil { //nolint:gosec // the tools hand their rights over
			return Layout{}, err
		}
	}
	if _, err := d.run(ctx, "apt-get", "update", "-qq"); err != nil {
		return Layout{}, err
	}
	server, err := d.server(ctx, major)
	if err != nil {
		return Layout{}, err
	}
	names, err := d.withLibraries(ctx, server)
	if err != nil {
		return Layout{}, err
	}
	if _, err := d.run(ctx, "apt-get", append([]string{"download", "-qq"}, names...)...); err != nil {
		return Layout{}, err
	}
	debs, err := filepath.Glob(filepath.Join(folder, "debs", "*.deb"))
	if err != nil {
		return Layout{}, err
	}
	for _, deb := range debs {
		if _, err := d.run(ctx, "dpkg", "-x", deb, folder); err != nil {
			return Layout{}, err
		}
	}
	for _, dir := range []string{"apt", "debs"} {
		if err := os.RemoveAll(filepath.Join(folder, dir)); err != nil {
			return Layout{}, err
		}
	}
	return Layout{Bin: "usr/lib/postgresql/" + strings.TrimPrefix(server, "postgresql-") + "/bin", Libraries: d.libraryFolders()}, nil
}

func (d debian) run(ctx context.Context, tool string, args ...string) (string, error) {
	if strings.HasPrefix(tool, "apt-") {
		args = append([]string{
			"-o", "Dir::State::Lists=" + filepath.Join(d.folder, "apt", "lists"),
			"-o", "Dir::Cache=" + filepath.Join(d.folder, "apt", "cache"),
		}, args...)
	}
	c := exec.CommandContext(ctx, tool, args...) //nolint:gosec // three tools, named above
	c.Dir = filepath.Join(d.folder, "debs")
	c.Env = append(os.Environ(), "LC_ALL=C")
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", tool, err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}

// server is the name of the package to take.
func (d debian) server(ctx context.Context, major int) (string, error) {
	if major != 0 {
		return "postgresql-" + strconv.Itoa(major), nil
	}
	out, err := d.run(ctx, "apt-cache", "depends", "postgresql")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`Depends: (postgresql-\d+)\n`).FindStringSubmatch(out)
	if found == nil {
		return "", errors.New("the package lists name no server")
	}
	return found[1], nil
}

// withLibraries adds the libraries the package needs, step by step, that the machine does not have.
func (d debian) withLibraries(ctx context.Context, server string) ([]string, error) {
	have, err := d.run(ctx, "dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n")
	if err != nil {
		return nil, err
	}
	needs := regexp.MustCompile(`(?m)^ +(?:Pre)?Depends: (lib\S+)$`)
	names := []string{server}
	for next := names; len(next) > 0; {
		out, err := d.run(ctx, "apt-cache", append([]string{"depends"}, next...)...)
		if err != nil {
			return nil, err
		}
		next = nil
		for _, found := range needs.FindAllStringSubmatch(out, -1) {
			name := found[1]
			// The compiler library is large and used only by jit, which is off.
			if strings.HasPrefix(name, "libllvm") || slices.Contains(names, name) || strings.Contains("\n"+have, "\n"+name+" installed\n") {
				continue
			}
			names = append(names, name)
			next = append(next, name)
		}
	}
	return names, nil
}

// libraryFolders are where the unpacked libraries lie.
func (d debian) libraryFolders() []string {
	var out []string
	for _, pattern := range []string{"usr/lib/*-linux-*", "lib/*-linux-*"} {
		found, err := filepath.Glob(filepath.Join(d.folder, pattern))
		if err != nil {
			continue
		}
		for _, dir := range found {
			if inside, err := filepath.Rel(d.folder, dir); err == nil {
				out = append(out, inside)
			}
		}
	}
	return out
}
