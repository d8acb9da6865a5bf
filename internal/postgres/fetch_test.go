//go:build !windows

package postgres_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/postgres"
)

// entry is one thing in an archive.
type entry struct {
	name, content string
	mode          int64
	kind          byte
}

func archive(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Typeflag: e.kind, Size: int64(len(e.content))}
		if e.kind != 0 && e.kind != tar.TypeReg {
			h.Size, h.Linkname = 0, e.content
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.content)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// shelf is a package server in a variable.
func shelf(content []byte, calls *int) postgres.Packer {
	return func(_ context.Context, _ postgres.Package, folder string) (string, error) {
		*calls++
		name := filepath.Join(folder, "x.tgz")
		return name, os.WriteFile(name, content, 0o600)
	}
}

func pinned(content []byte) postgres.Package {
	sum := sha512.Sum512(content)
	return postgres.Package{Name: "server", Version: "15.18.0", SHA512: hex.EncodeToString(sum[:])}
}

// relay is a package whose programs hand over to the machine's, if a link that only the list of links makes is there.
func relay(t *testing.T) []byte {
	t.Helper()
	machine := open(t, postgres.Options{DataDir: seeded(t), Test: true}).Binaries()
	program := func(name string) string {
		return fmt.Sprintf(`#!/bin/sh
here=$(dirname "$0")
[ -e "$here/../lib/libx.so" ] || { echo libx.so is missing >&2; exit 127; }
export LD_LIBRARY_PATH='%s'
exec '%s' "$@"
`, strings.Join(machine.Libraries, ":"), filepath.Join(machine.Dir, name))
	}
	return archive(t,
		entry{name: "package/native/bin/postgres", content: program("postgres"), mode: 0o755},
		entry{name: "package/native/bin/initdb", content: program("initdb"), mode: 0o755},
		entry{name: "package/native/lib/libx.so.1.2", content: "x", mode: 0o644},
		entry{name: "package/native/pg-symlinks.json", content: `[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so"}]`, mode: 0o644},
	)
}

func TestServerIsFetchedOnceWhereTheMachineHasNone(t *testing.T) {
	t.Parallel()
	content := relay(t)
	calls := 0
	cache := dataDir(t)
	broken := postgres.Way{Name: "broken", Fetch: func(context.Context, string, int) (postgres.Layout, error) {
		return postgres.Layout{}, errors.New("the shop is closed")
	}}
	var log journal
	options := func(dir string) postgres.Options {
		return postgres.Options{DataDir: dir, Test: true, Finder: &postgres.Finder{}, Fetcher: &postgres.Fetcher{
			Cache: cache, Log: log.logger(), Ways: []postgres.Way{broken, postgres.FromPackage("box", pinned(content), shelf(content, &calls))},
		}}
	}
	i := open(t, options(dataDir(t)))
	if !strings.HasPrefix(i.Binaries().Dir, cache) {
		t.Errorf("the programs are in %s", i.Binaries().Dir)
	}
	exec1(t, i.AppDSN(), "SELECT 1")
	for _, said := range []string{"fetching a private copy", "way=box", cache, "the shop is closed"} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("nobody was told: %s", said)
		}
	}
	exec1(t, open(t, options(seeded(t))).AppDSN(), "SELECT 1")
	if calls != 1 {
		t.Errorf("fetched %d times", calls)
	}
	left, err := filepath.Glob(filepath.Join(cache, "fetching-*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNothingFoundAndNothingFetchedSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	calls := 0
	content := archive(t, entry{name: "package/native/bin/postgres", content: "#!/bin/sh\nexit 1\n", mode: 0o755})
	_, err := postgres.Open(t.Context(), postgres.Options{DataDir: dataDir(t), Finder: &postgres.Finder{}, Fetcher: &postgres.Fetcher{
		Cache: dataDir(t), Ways: []postgres.Way{postgres.FromPackage("box", pinned(content), shelf(content, &calls))},
	}})
	if !errors.Is(err, postgres.ErrNoServer) {
		t.Fatalf("got %v", err)
	}
	for _, said := range []string{"box", "Debian", "Fedora", "Alpine", "macOS", "Windows", "database.url"} {
		if !strings.Contains(err.Error(), said) {
			t.Errorf("nothing about %s in: %v", said, err)
		}
	}
}

func TestOnlyTheMajorOfTheClusterIsFetched(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	must(t, os.MkdirAll(filepath.Join(dir, "postgres", "data"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "postgres", "data", "PG_VERSION"), []byte("14\n"), 0o600))
	calls := 0
	_, err := postgres.Open(t.Context(), postgres.Options{DataDir: dir, Finder: &postgres.Finder{}, Fetcher: &postgres.Fetcher{
		Cache: dataDir(t), Ways: []postgres.Way{postgres.FromPackage("box", postgres.Package{Version: "15.1.0"}, shelf(nil, &calls))},
	}})
	if err == nil || !strings.Contains(err.Error(), "box brings version 15, the cluster was made by 14") || calls != 0 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

func TestArchiveThatIsNotAcceptableIsRefused(t *testing.T) {
	t.Parallel()
	good := archive(t, entry{name: "package/a", content: "a", mode: 0o644})
	links := func(list string) []byte {
		return archive(t, entry{name: "package/native/pg-symlinks.json", content: list, mode: 0o644}, entry{name: "package/native/a", content: "a", mode: 0o644})
	}
	var many []entry
	for range 20_001 {
		many = append(many, entry{name: "package", kind: tar.TypeDir})
	}
	for name, c := range map[string]struct {
		content []byte
		pin     postgres.Package
		want    error
	}{
		"OtherDigest":        {good, postgres.Package{SHA512: strings.Repeat("0", 128)}, postgres.ErrDigest},
		"NoDigest":           {good, postgres.Package{}, postgres.ErrDigest},
		"NotAnArchive":       {[]byte("<html>"), pinned([]byte("<html>")), postgres.ErrArchive},
		"CutOff":             {good[:len(good)/2], pinned(good[:len(good)/2]), postgres.ErrArchive},
		"NameGoesUp":         {archive(t, entry{name: "package/../../evil", content: "x"}), postgres.Package{}, postgres.ErrArchive},
		"NameIsAbsolute":     {archive(t, entry{name: "/tmp/evil", content: "x"}), postgres.Package{}, postgres.ErrArchive},
		"Link":               {archive(t, entry{name: "package/l", content: "/etc", kind: tar.TypeSymlink}), postgres.Package{}, postgres.ErrArchive},
		"HardLink":           {archive(t, entry{name: "package/l", content: "/etc/passwd", kind: tar.TypeLink}), postgres.Package{}, postgres.ErrArchive},
		"Device":             {archive(t, entry{name: "package/d", kind: tar.TypeChar}), postgres.Package{}, postgres.ErrArchive},
		"SameNameTwice":      {archive(t, entry{name: "package/a"}, entry{name: "package/a"}), postgres.Package{}, os.ErrExist},
		"TooManyEntries":     {archive(t, many...), postgres.Package{}, postgres.ErrArchive},
		"ListOfLinksIsNone":  {links(`{`), postgres.Package{}, postgres.ErrArchive},
		"ListedLinkGoesUp":   {links(`[{"source":"native/a","target":"../../evil"}]`), postgres.Package{}, postgres.ErrArchive},
		"ListedSourceGoesUp": {links(`[{"source":"../../../etc/passwd","target":"native/b"}]`), postgres.Package{}, postgres.ErrArchive},
		"ListedIsAbsolute":   {links(`[{"source":"/etc/passwd","target":"native/b"}]`), postgres.Package{}, postgres.ErrArchive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.pin.SHA512 == "" && name != "NoDigest" {
				c.pin = pinned(c.content)
			}
			calls := 0
			top := t.TempDir()
			folder := filepath.Join(top, "a", "b")
			must(t, os.MkdirAll(folder, 0o755))
			_, err := postgres.FromPackage("box", c.pin, shelf(c.content, &calls)).Fetch(t.Context(), folder, 0)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			for _, evil := range []string{filepath.Join(top, "evil"), filepath.Join(top, "a", "evil"), "/tmp/evil"} {
				if _, err := os.Lstat(evil); err == nil {
					t.Errorf("%s was written", evil)
				}
			}
		})
	}
}

func TestPackagesArePinnedForCommonSystems(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, system := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"} {
		name, machine, _ := strings.Cut(system, "/")
		p, err := postgres.PinnedPackage(name, machine)
		must(t, err)
		digest, err := hex.DecodeString(p.SHA512)
		if err != nil || len(digest) != sha512.Size || seen[p.SHA512] || !strings.HasPrefix(p.Version, "15.") || !strings.Contains(p.Name, name) {
			t.Errorf("%s: %+v", system, p)
		}
		seen[p.SHA512] = true
	}
	if _, err := postgres.PinnedPackage("windows", "amd64"); err == nil {
		t.Error("there is a package for windows")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, entry{name: "package/native/bin/postgres", content: "x", mode: 0o755}))
	f.Add(archive(f, entry{name: "package/../../evil", content: "x"}))
	f.Add(archive(f, entry{name: "package/native/pg-symlinks.json", content: `[{"source":"../x","target":"y"}]`}))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, content []byte) {
		top := t.TempDir()
		folder := filepath.Join(top, "in")
		must(t, os.Mkdir(folder, 0o755))
		calls := 0
		_, _ = postgres.FromPackage("box", pinned(content), shelf(content, &calls)).Fetch(t.Context(), folder, 0)
		found, err := os.ReadDir(top)
		must(t, err)
		if len(found) != 1 {
			t.Errorf("something was written outside: %v", found)
		}
	})
}
