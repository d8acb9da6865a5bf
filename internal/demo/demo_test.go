package demo_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/demo"
	"countersign/web"
)

func words(t *testing.T, lang string) map[string]string {
	t.Helper()
	text, err := fs.ReadFile(web.Demo(), lang+".json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPageSaysTheSameInEveryLanguage(t *testing.T) {
	t.Parallel()
	en, ru := words(t, "en"), words(t, "ru")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(en)), slices.Sorted(maps.Keys(ru))); diff != "" {
		t.Error(diff)
	}
	blank := regexp.MustCompile(`\{\w+\}`)
	for key, text := range en {
		want, got := blank.FindAllString(text, -1), blank.FindAllString(ru[key], -1)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%s: blanks %v and %v", key, want, got)
		}
	}
}

func TestEveryWordOfThePageIsThere(t *testing.T) {
	t.Parallel()
	en := words(t, "en")
	used := regexp.MustCompile(`(?:\.T\.|\bt\(")([a-z][a-z0-9_.]*)`)
	found := 0
	err := fs.WalkDir(web.Demo(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".js") && !strings.HasSuffix(path, ".html") {
			return err
		}
		text, err := fs.ReadFile(web.Demo(), path)
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, ok := en[m[1]]; !ok {
				t.Errorf("%s uses %q", path, m[1])
			}
		}
		return err
	})
	if err != nil || found < 40 {
		t.Errorf("%d words found: %v", found, err)
	}
}

// The page shows no words of the code: what goes wrong has a code, and the page its text.
func TestEveryErrorIsToldInWordsOfThePage(t *testing.T) {
	t.Parallel()
	en := words(t, "en")
	for prefix, where := range map[string]struct {
		files []string
		code  string
	}{
		"error.": {[]string{"calls.go"}, `return http\.Status\w+, "(\w+)"`},
		"code.":  {[]string{"fakeerp/books.go", "fakeerp/client.go"}, `\bCode: "(\w+)"`},
	} {
		found := map[string]bool{}
		for _, name := range where.files {
			source, err := os.ReadFile(filepath.FromSlash(name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(where.code).FindAllStringSubmatch(string(source), -1) {
				found[m[1]] = true
				if en[prefix+m[1]] == "" {
					t.Errorf("%s: no words for %s%s", name, prefix, m[1])
				}
			}
		}
		if len(found) < 4 {
			t.Errorf("%v: only %v were found", where.files, found)
		}
	}
}

func TestDemonstrationRefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	used := t.TempDir()
	if err := os.WriteFile(filepath.Join(used, "ledger"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		listen, folder string
		want           error
	}{
		"everybody's address":   {"0.0.0.0:0", "", demo.ErrNotLocal},
		"a name of the net":     {"example.com:80", "", demo.ErrNotLocal},
		"a folder that is used": {"127.0.0.1:0", used, demo.ErrUsed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := demo.Demo{Listen: tt.listen, DataDir: tt.folder, Log: slog.New(slog.DiscardHandler), Now: time.Now}
			if err := d.Run(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}
