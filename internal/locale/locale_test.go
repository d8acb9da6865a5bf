package locale_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/web"
)

// directory holds the texts of the product, and the files given in place of those of
// the same name or beside them.
func directory(t *testing.T, files map[string]string) fs.FS {
	t.Helper()
	built := bare(files)
	for _, tag := range languages {
		name := tag + ".toml"
		if _, given := built[name]; given {
			continue
		}
		data, err := fs.ReadFile(web.Locales(), name)
		if err != nil {
			t.Fatal(err)
		}
		built[name] = &fstest.MapFile{Data: data}
	}
	return built
}

func bare(files map[string]string) fstest.MapFS {
	built := fstest.MapFS{}
	for name, text := range files {
		built[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return built
}

func load(t *testing.T, files map[string]string) *locale.Texts {
	t.Helper()
	texts, err := locale.Load(directory(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestLanguageIsFoundFromAnyTag(t *testing.T) {
	t.Parallel()
	texts := load(t, map[string]string{"pt-BR.toml": `"doc.other" = "Documento"`, "pt.toml": ``, "it.toml": "# nothing yet\n"})
	tests := map[string]string{
		"ru": "ru", "RU": "ru", "ru-RU": "ru", "ru_RU": "ru", "de-AT": "de", "es-419": "es", "en-GB": "en", "en": "en", " de ": "de",
		"pt-br": "pt-BR", "pt-PT": "pt", "zh-hans": "en", "zh-Hant-TW": "en", "": "en", "-": "en", "--": "en", "russian": "en",
		"ru\x00": "en", "'; drop table": "en", "de-" + strings.Repeat("x", 100_000): "en",
	}
	for tag, want := range tests {
		if got := texts.For(tag).Tag(); got != want {
			t.Errorf("%.40q speaks %s, want %s", tag, got, want)
		}
	}
}

func TestLanguageIsFoundFromAnAcceptLanguageHeader(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	tests := map[string]string{
		"ru": "ru", "ru-RU,ru;q=0.9,en;q=0.8": "ru", "en;q=0.5, de;q=0.9": "de", "fr, es;q=0.3": "es", "fr-FR": "en", "*": "en", "": "en",
		";;;q=": "en", "de;q=abc": "en", "de" + strings.Repeat("-a", 100_000): "en",
	}
	for header, want := range tests {
		if got := texts.Accept(header).Tag(); got != want {
			t.Errorf("%.40q speaks %s, want %s", header, got, want)
		}
	}
}

func TestRussianCountsAsItShould(t *testing.T) {
	t.Parallel()
	lang := load(t, map[string]string{"ru.toml": `
"queue.header" = { one = "{{.Count}} документ", few = "{{.Count}} документа", many = "{{.Count}} документов", other = "{{.Count}} документа" }
`}).For("ru")
	tests := map[int]string{
		0: "0 документов", 1: "1 документ", 2: "2 документа", 4: "4 документа", 5: "5 документов", 11: "11 документов",
		12: "12 документов", 21: "21 документ", 22: "22 документа", 25: "25 документов", 111: "111 документов", 1001: "1\u00a0001 документ",
	}
	for count, want := range tests {
		if got := lang.N("queue.header", count, nil); got != want {
			t.Errorf("%d: %q, want %q", count, got, want)
		}
	}
}

func TestOtherLanguagesCount(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	tests := []struct {
		tag   string
		count int
		want  string
	}{
		{"en", 0, "0 documents await your decision"},
		{"en", 1, "1 document awaits your decision"},
		{"en", 1200, "1,200 documents await your decision"},
		{"de", 1, "1 Dokument wartet auf Ihre Entscheidung"},
		{"de", 2, "2 Dokumente warten auf Ihre Entscheidung"},
		{"es", 1, "1 documento espera su decisión"},
		{"es", 21, "21 documentos esperan su decisión"},
		{"es", 1_000_000, "1.000.000 de documentos esperan su decisión"},
		{"ru", 21, "21 документ ожидает вашего решения"},
		{"ru", 3, "3 документа ожидают вашего решения"},
	}
	for _, test := range tests {
		if got := texts.For(test.tag).N("queue.header", test.count, nil); got != test.want {
			t.Errorf("%s %d: %q, want %q", test.tag, test.count, got, test.want)
		}
	}
}

func TestPlaceholdersAreFilledAndNothingElseHappens(t *testing.T) {
	t.Parallel()
	lang := localetest.Texts(t).For("en")
	data := map[string]any{"Name": `<b>{{.Time}}</b> {{printf "x"}}`, "Time": 5}
	if got, want := lang.T("card.vote.accepted", data), `✅ <b>{{.Time}}</b> {{printf "x"}} — approved, 5`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := lang.T("card.vote.accepted", map[string]any{"Time": "now"}), "✅ {{.Name}} — approved, now"; got != want {
		t.Errorf("without a value: %q, want %q", got, want)
	}
	if got, want := lang.T("card.waiting_for", nil), "Waiting for: {{.Names}}"; got != want {
		t.Errorf("without data: %q, want %q", got, want)
	}
	before := map[string]any{"X": 1}
	_ = lang.N("queue.more", 3, before)
	if diff := cmp.Diff(map[string]any{"X": 1}, before); diff != "" {
		t.Errorf("the caller's data were changed: %s", diff)
	}
}

// A value may end with a dot of its own.
func TestSentenceEndsWithOneDot(t *testing.T) {
	t.Parallel()
	lang := localetest.Texts(t).For("en")
	for name, want := range map[string]string{
		"Anna": "A test message was sent to Anna.", "Ivanov & Co.": "A test message was sent to Ivanov & Co.",
		"A very long na…": "A test message was sent to A very long na…", "": "A test message was sent to .",
	} {
		if got := lang.T("doctor.test.sent", map[string]any{"Name": name}); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestAGapIsVisible(t *testing.T) {
	t.Parallel()
	texts := load(t, map[string]string{"fr.toml": `"doc.other" = "Document (fr)"`})
	french := texts.For("fr-CA")
	tests := map[string]string{
		french.T("doc.other", nil):                        "Document (fr)",
		french.T("doc.payment_request", nil):              "Payment request",
		french.T("no.such.key", nil):                      "no.such.key",
		french.N("no.such.key", 2, nil):                   "no.such.key",
		french.N("queue.header", 1, nil):                  "1 document awaits your decision",
		french.T("", nil):                                 "",
		(locale.Lang{}).T("doc.other", nil):               "doc.other",
		(locale.Lang{}).N("queue.header", 2, nil):         "queue.header",
		french.T("doc.other", map[string]any{"Extra": 1}): "Document (fr)",
	}
	for got, want := range tests {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !french.Has("doc.payment_request") || french.Has("role.janitor") || (locale.Lang{}).Has("doc.other") {
		t.Error("Has must tell a known key from an unknown one")
	}
}

func TestALanguageMaySayOnlyAPart(t *testing.T) {
	t.Parallel()
	texts := load(t, map[string]string{
		"ru.toml": "[button]\naccept = \"✅ Завизировать\"\n", "kk.toml": `"button.reject" = "❌ Қабылдамау"`, "notes.txt": "not ours",
	})
	if diff := cmp.Diff([]string{"de", "en", "es", "kk", "ru"}, texts.Languages()); diff != "" {
		t.Error(diff)
	}
	ru, kk := texts.For("ru"), texts.For("kk")
	for got, want := range map[string]string{
		ru.T("button.accept", nil): "✅ Завизировать",
		ru.T("button.reject", nil): "❌ Reject",
		kk.T("button.reject", nil): "❌ Қабылдамау",
		kk.T("button.accept", nil): "✅ Approve",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	mistakes := map[string]struct{ file, text, told string }{
		"unknown key":         {"ru.toml", `"button.acept" = "✅ Да"`, `unknown key "button.acept"`},
		"unknown placeholder": {"ru.toml", `"card.round" = "Круг {{.Number}}"`, "{{.Number}}"},
		"program":             {"ru.toml", `"card.round" = "{{range .N}}"`, "braces"},
		"function":            {"ru.toml", `"card.round" = "{{printf .N}}"`, "braces"},
		"method":              {"ru.toml", `"card.round" = "{{.N.String}}"`, "braces"},
		"unclosed":            {"ru.toml", `"card.round" = "{{.N"`, "braces"},
		"no name":             {"ru.toml", `"card.round" = "{{.}}"`, "braces"},
		"closed only":         {"ru.toml", `"card.round" = "N}}"`, "braces"},
		"blank":               {"ru.toml", `"card.round" = " "`, "no text"},
		"empty":               {"ru.toml", `"card.round" = ""`, "no text"},
		"no other form":       {"ru.toml", `"queue.more" = { one = "ещё {{.Count}}" }`, "other"},
		"accept mark":         {"de.toml", `"button.accept" = "Genehmigen"`, "✅"},
		"reject mark":         {"de.toml", `"button.reject" = "✅ Ablehnen"`, "❌"},
		"bad TOML":            {"ru.toml", `"card.round" = `, "ru.toml"},
		"same key twice":      {"ru.toml", "\"card.round\" = \"a\"\n\"card.round\" = \"b\"", "ru.toml"},
		"number":              {"ru.toml", `"card.round" = 5`, "ru.toml"},
		"no language":         {"my texts.toml", `"card.round" = "x"`, "my texts.toml"},
	}
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texts, err := locale.Load(directory(t, map[string]string{mistake.file: mistake.text}))
			if !errors.Is(err, locale.ErrTexts) || texts != nil {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), mistake.told) || !strings.Contains(err.Error(), mistake.file) {
				t.Errorf("%q names neither %q nor its file", err, mistake.told)
			}
		})
	}
	_, err := locale.Load(directory(t, map[string]string{
		"ru.toml": "\"a.b\" = \"x\"\n\"card.round\" = \"{{.Z}}\"", "de.toml": `"c.d" = "x"`,
	}))
	for _, part := range []string{`"a.b"`, "{{.Z}}", `"c.d"`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not named in %v", part, err)
		}
	}
}

func TestWithoutEnglishThereIsNothing(t *testing.T) {
	t.Parallel()
	if _, err := locale.Load(bare(map[string]string{"ru.toml": `"doc.other" = "Документ"`})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := locale.Load(bare(map[string]string{"en.toml": `"x.y" = "{{"`})); !errors.Is(err, locale.ErrTexts) {
		t.Errorf("got %v", err)
	}
}

func TestManyReadersShareTheTexts(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	want := texts.For("ru").N("queue.header", 5, nil)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 200 {
				lang := texts.For("ru-RU")
				if got := lang.N("queue.header", 5, nil); got != want {
					t.Errorf("got %q", got)
				}
				if got := lang.T("tap.already_same", map[string]any{"Time": "x"}); !strings.Contains(got, "x") {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	readers.Wait()
}

func FuzzFile(f *testing.F) {
	for _, text := range []string{`"card.round" = "{{.N}}"`, `"card.round" = "{{.N"`, "[card]\nround = \"x\"", `a = [1]`, `other = "x"`, ``, `card = { round = { one = "" } }`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		texts, err := locale.Load(directory(t, map[string]string{"ru.toml": text}))
		if err != nil {
			return
		}
		for _, key := range []string{"card.round", "queue.header"} {
			if words := texts.For("ru").N(key, 5, map[string]any{"N": 1}); words == "" || words == key {
				t.Fatalf("%q left no text for %s: %q", text, key, words)
			}
		}
	})
}

func BenchmarkT(b *testing.B) {
	texts, err := locale.Load(web.Locales())
	if err != nil {
		b.Fatal(err)
	}
	lang, data := texts.For("ru"), map[string]any{"Name": "Иванов", "Time": "14:05"}
	for b.Loop() {
		_ = lang.T("card.vote.accepted", data)
	}
}
