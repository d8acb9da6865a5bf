package locale_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/web"
)

func with(t *testing.T, files map[string]string) (*locale.Texts, []error) {
	t.Helper()
	texts, mistakes, err := locale.LoadWith(web.Locales(), bare(files))
	if err != nil {
		t.Fatal(err)
	}
	return texts, mistakes
}

func TestOperatorChangesTextsAndAddsALanguage(t *testing.T) {
	t.Parallel()
	texts, mistakes := with(t, map[string]string{
		"ru.toml":   "[button]\naccept = \"✅ Завизировать\"\n",
		"fr.toml":   "\"button.accept\" = \"✅ Viser\"\n\"queue.header\" = { one = \"{{.Count}} document\", other = \"{{.Count}} documents\" }\n",
		"ja.toml":   `"queue.header" = "{{.Count}} 件"`,
		"en.toml":   `"doc.other" = "Paper"`,
		"README.md": "not ours",
	})
	if len(mistakes) > 0 {
		t.Fatal(errors.Join(mistakes...))
	}
	if got := strings.Join(texts.Languages(), " "); got != "de en es fr ja ru" {
		t.Errorf("languages: %s", got)
	}
	ru, fr := texts.For("ru"), texts.For("fr-CA")
	for got, want := range map[string]string{
		ru.T("button.accept", nil):                "✅ Завизировать",
		ru.T("button.reject", nil):                "❌ Отклонить",
		fr.T("button.accept", nil):                "✅ Viser",
		fr.T("button.reject", nil):                "❌ Reject",
		fr.T("doc.other", nil):                    "Paper", // English as the operator has it
		fr.N("queue.header", 1, nil):              "1 document",
		fr.N("queue.header", 5, nil):              "5 documents",
		texts.For("ja").N("queue.header", 3, nil): "3 件",
		fr.Name():              "Français",
		ru.Name():              "Русский",
		texts.For("en").Name(): "English",
		texts.For("de").Name(): "Deutsch",
		texts.For("es").Name(): "Español",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMistakesOfTheOperatorAreNamedAndTheProductsTextsStand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, told string }{
		"unknown key":         {"ru.toml", `"button.acept" = "✅ Да"`, "button.acept"},
		"missing placeholder": {"ru.toml", `"card.round" = "Круг"`, "lacks {{.N}}"},
		"unknown placeholder": {"ru.toml", `"card.round" = "Круг {{.N}} {{.X}}"`, "has {{.X}}"},
		"program":             {"ru.toml", `"card.round" = "{{range .N}}"`, "braces"},
		"bad plural form":     {"ru.toml", `"queue.header" = { one = "{{.Count}}", feww = "{{.Count}}", many = "{{.Count}}", other = "{{.Count}}" }`, `"feww"`},
		"lacking plural form": {"ru.toml", `"queue.header" = { one = "{{.Count}}", other = "{{.Count}}" }`, `lacks the form "few"`},
		"no plural form":      {"de.toml", `"queue.header" = "{{.Count}} Belege"`, `lacks the form "one"`},
		"needless form":       {"de.toml", `"queue.header" = { one = "{{.Count}}", few = "{{.Count}}", other = "{{.Count}}" }`, `has the form "few"`},
		"form where none is":  {"de.toml", `"card.round" = { one = "Runde {{.N}}", other = "Runde {{.N}}" }`, `has the form "one"`},
		"count left out":      {"de.toml", `"queue.header" = { one = "ein Beleg", other = "Belege" }`, "lacks {{.Count}}"},
		"lost mark":           {"de.toml", `"button.accept" = "Genehmigen"`, "must begin with ✅"},
		"blank":               {"de.toml", `"button.cancel" = " "`, "lacks the form"},
		"markup":              {"de.toml", `"button.cancel" = "<b>Zurück</b>"`, "markup"},
		"direction":           {"de.toml", "\"button.cancel\" = \"a\u202eb\"", "direction"},
		"control":             {"de.toml", `"button.cancel" = "a\u0007b"`, "not seen"},
		"too long a button":   {"de.toml", `"button.cancel" = "` + strings.Repeat("x", 41) + `"`, "40"},
		"too long a command":  {"de.toml", `"command.help" = "` + strings.Repeat("x", 257) + `"`, "256"},
		"a number":            {"de.toml", `"button.cancel" = 5`, "no text in quotes"},
		"a number in a form":  {"de.toml", `"queue.header" = { one = 1, other = "x" }`, "no text in quotes"},
		"broken TOML":         {"de.toml", "\n\"button.cancel\" = ", "de.toml:2"},
		"no language":         {"german.toml", `"button.cancel" = "Zurück"`, "german.toml"},
		"too large":           {"de.toml", "#" + strings.Repeat("x", 1<<20), "1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{c.file: c.text, "fr.toml": `"button.cancel" = "Annuler"`}
			texts, mistakes := with(t, files)
			if len(mistakes) != 1 || !errors.Is(mistakes[0], locale.ErrTexts) ||
				!strings.Contains(mistakes[0].Error(), c.told) || !strings.Contains(mistakes[0].Error(), c.file) {
				t.Fatalf("told: %v", mistakes)
			}
			shipped := localetest.Texts(t)
			for _, tag := range []string{"ru", "de"} {
				for _, key := range []string{"button.accept", "button.cancel", "card.round", "command.help"} {
					if got, want := texts.For(tag).T(key, nil), shipped.For(tag).T(key, nil); got != want {
						t.Errorf("%s %s: %q, want %q", tag, key, got, want)
					}
				}
				if got, want := texts.For(tag).N("queue.header", 1, nil), shipped.For(tag).N("queue.header", 1, nil); got != want {
					t.Errorf("%s: %q, want %q", tag, got, want)
				}
			}
			if got := texts.For("fr").T("button.cancel", nil); got != "Annuler" {
				t.Errorf("the file beside it says %q", got)
			}
		})
	}
}

func TestOneMistakeSpoilsNothingElseInItsFile(t *testing.T) {
	t.Parallel()
	texts, mistakes := with(t, map[string]string{"de.toml": "\"x.y\" = \"z\"\n\"button.cancel\" = \"Zurück\"\n\"doc.other\" = \"\"\n"})
	if len(mistakes) != 2 || texts.For("de").T("button.cancel", nil) != "Zurück" {
		t.Errorf("%v, %q", mistakes, texts.For("de").T("button.cancel", nil))
	}
}

func TestFolderThatIsNotThereIsAMistakeAndStopsNothing(t *testing.T) {
	t.Parallel()
	texts, mistakes, err := locale.LoadWith(web.Locales(), fstest.MapFS{"x.toml": &fstest.MapFile{Mode: 0}})
	if err != nil || len(mistakes) != 1 || len(texts.Languages()) != 4 {
		t.Errorf("%v, %v", mistakes, err)
	}
	texts, mistakes, err = locale.LoadWith(web.Locales(), nowhere(t))
	if err != nil || len(mistakes) != 1 || !strings.Contains(mistakes[0].Error(), "folder") || len(texts.Languages()) != 4 {
		t.Errorf("%v, %v", mistakes, err)
	}
}

func nowhere(t *testing.T) fs.FS {
	t.Helper()
	return os.DirFS(filepath.Join(t.TempDir(), "nowhere"))
}
