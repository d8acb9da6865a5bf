//go:build !windows

package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/postgres"
)

// install puts a server that only knows its version into a folder.
func install(t *testing.T, dir, says string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", says)
	if says == "" {
		script = "#!/bin/sh\necho libicu.so.60: cannot open shared object file >&2\nexit 127\n"
	}
	must(t, os.WriteFile(filepath.Join(dir, "postgres"), []byte(script), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "initdb"), []byte(script), 0o755))
	return dir
}

func TestNewestSuitableServerIsTaken(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	old := install(t, at("pg/13/bin"), "postgres (PostgreSQL) 13.21")
	fifteen := install(t, at("pg/15/bin"), "postgres (PostgreSQL) 15.9 (Debian 15.9-1)")
	seventeen := install(t, at("pg/17/bin"), "postgres (PostgreSQL) 17.10")
	earlier := install(t, at("other"), "postgres (PostgreSQL) 17.9")
	beta := install(t, at("beta"), "postgres (PostgreSQL) 18beta1")
	broken := install(t, at("broken"), "")
	mute := install(t, at("mute"), "hello")
	client := at("client")
	must(t, os.MkdirAll(client, 0o755))
	must(t, os.WriteFile(filepath.Join(client, "postgres"), nil, 0o755)) // no initdb beside it
	linked := at("linked")
	must(t, os.MkdirAll(linked, 0o755))
	must(t, os.Symlink(filepath.Join(fifteen, "postgres"), filepath.Join(linked, "postgres")))
	path := func(dirs ...string) string { return strings.Join(dirs, string(os.PathListSeparator)) }

	for name, c := range map[string]struct {
		finder postgres.Finder
		major  int
		want   string // folder
		say    string // in the error
	}{
		"NewestOfAll":              {postgres.Finder{Path: path(earlier, broken), Folders: []string{at("pg/*/bin")}}, 0, seventeen, ""},
		"NumbersNotLetters":        {postgres.Finder{Path: path(earlier, seventeen)}, 0, seventeen, ""},
		"BetaOfANewerMajor":        {postgres.Finder{Path: path(beta, seventeen)}, 0, beta, ""},
		"MajorOfTheCluster":        {postgres.Finder{Path: path(earlier), Folders: []string{at("pg/*/bin")}}, 15, fifteen, ""},
		"LinksAreFollowed":         {postgres.Finder{Path: linked}, 0, fifteen, ""},
		"SettingIsTheProgramsDir":  {postgres.Finder{Setting: fifteen, Path: seventeen}, 0, fifteen, ""},
		"SettingIsTheDirAbove":     {postgres.Finder{Setting: filepath.Dir(fifteen), Path: seventeen}, 0, fifteen, ""},
		"SettingIsWrong":           {postgres.Finder{Setting: client, Path: seventeen}, 0, "", "no suitable"},
		"TooOld":                   {postgres.Finder{Path: old}, 0, "", "13.21, too old"},
		"DoesNotLoad":              {postgres.Finder{Path: broken}, 0, "", "libicu.so.60"},
		"DoesNotTell":              {postgres.Finder{Path: mute}, 0, "", "does not tell its version: hello"},
		"OtherMajorThanTheCluster": {postgres.Finder{Path: seventeen}, 15, "", "17.10, the cluster was made by 15"},
		"Nothing":                  {postgres.Finder{Path: path("", "relative", client)}, 0, "", "no suitable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.finder.Find(t.Context(), c.major)
			if c.say != "" {
				if !errors.Is(err, postgres.ErrNoServer) || !strings.Contains(err.Error(), c.say) {
					t.Errorf("error %v, want one that says %q", err, c.say)
				}
				return
			}
			if err != nil || got.Dir != c.want {
				t.Errorf("got %q, %v; want %q", got.Dir, err, c.want)
			}
		})
	}
}
