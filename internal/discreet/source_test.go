package discreet_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Errors are cut by the handler; what is logged by a name of its own is written down in the
// source, and is an id of ours there.
func TestNobodyLogsAnAccountAnAddressOrANameByItself(t *testing.T) {
	t.Parallel()
	private := regexp.MustCompile(`slog\.\w+\("(account|other|email|mail|phone|name|text|query|amount|payee|title|username)"|slog\.\w+\("\w+", [\w.()]*\.(ExternalID|Email|Account|Telegram|TelegramID|Name|Title|SeenAs|Phone)\)`)
	house := os.DirFS("../..")
	seen := 0
	err := fs.WalkDir(house, ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (strings.HasSuffix(path, "test") || path == "internal/demo"):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(house, path)
		seen++
		for _, found := range private.FindAllString(string(text), -1) {
			if !strings.Contains(found, `"service", s.Name`) { // of a login service, from the configuration
				t.Errorf("%s: %s", path, found)
			}
		}
		return err
	})
	if err != nil || seen < 100 {
		t.Errorf("%d files looked through: %v", seen, err)
	}
}
