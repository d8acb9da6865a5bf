package locale

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

const (
	mostBytes = 1 << 20 // of a file of the operator's
	mostText  = 3000    // characters of a text: a message may hold more than one
)

// own is the operator's words as they are read: what is in order, and every mistake.
type own struct {
	known    map[string]entry // of the reference language
	mistakes []error
}

// entry is what is known of a text from the reference language.
type entry struct {
	placeholders []string // that it must have
	counted      bool     // it has plural forms
}

func (o *own) wrong(format string, args ...any) {
	o.mistakes = append(o.mistakes, fmt.Errorf(format+": %w", append(args, ErrTexts)...))
}

// LoadWith reads the texts of the product and lays an operator's over them: files of the
// same form that change texts, or bring a language that is new. A text of his that cannot
// be used is left out and named among the mistakes, and the product's stands in its place:
// what somebody wrote into a file stops no decision. The error is of the product's own.
func LoadWith(directory, theirs fs.FS) (*Texts, []error, error) {
	bundle := i18n.NewBundle(language.English)
	reference, err := readFile(directory, fallback+extension)
	if err != nil {
		return nil, nil, err
	}
	known := placeholdersByKey(reference)
	tags, err := loadDirectory(bundle, directory, reference, known)
	if err != nil {
		return nil, nil, err
	}
	o := &own{known: map[string]entry{}}
	for _, m := range reference {
		o.known[m.ID] = entry{placeholders: placeholdersOf(m.Other), counted: len(forms(m)) > 1}
	}
	for tag, messages := range o.read(theirs) {
		if err := bundle.AddMessages(tag, messages...); err != nil {
			o.wrong("%s%s: %v", tag, extension, err)
			continue
		}
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return newTexts(bundle, tags, known), o.mistakes, nil
}

func placeholdersOf(text string) []string {
	parsed, err := parse(text)
	if err != nil {
		return nil
	}
	return parsed.names()
}

// read gives what can be used of every file, by language.
func (o *own) read(theirs fs.FS) map[language.Tag][]*i18n.Message {
	out := map[language.Tag][]*i18n.Message{}
	if theirs == nil {
		return out
	}
	files, err := fs.ReadDir(theirs, ".")
	if err != nil {
		o.wrong("the folder cannot be read: %v", err)
	}
	for _, f := range files {
		base, ours := strings.CutSuffix(f.Name(), extension)
		if !ours || strings.HasPrefix(base, ".") {
			continue
		}
		tag, err := language.Parse(base)
		if err != nil || tag == language.Und {
			o.wrong("%s is not named after a language, such as fr.toml", f.Name())
			continue
		}
		if messages := o.file(theirs, f.Name(), tag); len(messages) > 0 {
			out[tag] = append(out[tag], messages...)
		}
	}
	return out
}

func (o *own) file(theirs fs.FS, name string, tag language.Tag) []*i18n.Message {
	if info, err := fs.Stat(theirs, name); err == nil && info.Size() > mostBytes {
		o.wrong("%s has more than %d bytes", name, mostBytes)
		return nil
	}
	data, err := fs.ReadFile(theirs, name)
	if err != nil {
		o.wrong("%s cannot be read: %v", name, err)
		return nil
	}
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		at := name
		if where, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, _ := where.Position()
			at = fmt.Sprintf("%s:%d", name, row)
		}
		o.wrong("%s is no TOML: %v", at, err)
		return nil
	}
	var out []*i18n.Message
	flat := flatten(raw, "")
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		texts, err := formsOf(flat[key])
		if err == nil {
			err = o.check(key, texts, tag)
		}
		if err != nil {
			o.wrong("%s: %s %v", name, key, err)
			continue
		}
		out = append(out, &i18n.Message{
			ID: key, Zero: texts["zero"], One: texts["one"], Two: texts["two"], Few: texts["few"], Many: texts["many"], Other: texts["other"],
		})
	}
	return out
}

// flatten writes [button] accept = "…" as button.accept; a table with a plural form in it is
// one text.
func flatten(raw map[string]any, prefix string) map[string]any {
	out := map[string]any{}
	for key, value := range raw {
		table, nested := value.(map[string]any)
		if nested && !slices.ContainsFunc(pluralForms(), func(form string) bool { return table[form] != nil }) {
			maps.Copy(out, flatten(table, prefix+key+"."))
			continue
		}
		out[prefix+key] = value
	}
	return out
}

// formsOf gives the words of a text by plural form; "other" when it has only one.
func formsOf(value any) (map[string]string, error) {
	switch value := value.(type) {
	case string:
		return map[string]string{"other": value}, nil
	case map[string]any:
		out := map[string]string{}
		for form, words := range value {
			text, ok := words.(string)
			switch {
			case !slices.Contains(pluralForms(), form):
				return nil, fmt.Errorf("has the form %q, which is none of %s", form, strings.Join(pluralForms(), ", "))
			case !ok:
				return nil, fmt.Errorf("(%s) is no text in quotes", form)
			}
			out[form] = text
		}
		return out, nil
	default:
		return nil, errors.New("is no text in quotes")
	}
}

func pluralForms() []string { return []string{"zero", "one", "two", "few", "many", "other"} }

// check tells what is wrong with a text in the light of the reference language and of the
// plural forms of its own.
func (o *own) check(key string, texts map[string]string, tag language.Tag) error {
	e, ok := o.known[key]
	if !ok {
		return errors.New("is no text of this version; look its key up in en.toml")
	}
	needed := []string{"other"}
	if e.counted {
		needed = cardinals(tag)
	}
	for _, form := range needed {
		if strings.TrimSpace(texts[form]) == "" {
			return fmt.Errorf("lacks the form %q; %s has %s here", form, tag, strings.Join(needed, ", "))
		}
	}
	for _, form := range slices.Sorted(maps.Keys(texts)) {
		if !slices.Contains(needed, form) && (form != "many" || !e.counted) { // newer tables have it for whole millions
			return fmt.Errorf("has the form %q, and %s has %s here", form, tag, strings.Join(needed, ", "))
		}
		if err := e.checkWords(key, form, texts[form]); err != nil {
			return fmt.Errorf("(%s) %w", form, err)
		}
	}
	return nil
}

func (e entry) checkWords(key, form, words string) error {
	parsed, err := parse(words)
	if err != nil {
		return err
	}
	for _, name := range parsed.names() {
		if !slices.Contains(e.placeholders, name) {
			return fmt.Errorf("has {{.%s}}, which the English text has not", name)
		}
	}
	for _, name := range e.placeholders {
		if !slices.Contains(parsed.names(), name) && (name != countPlaceholder || form == "other") {
			return fmt.Errorf("lacks {{.%s}}", name)
		}
	}
	switch most := room(key); {
	case !strings.HasPrefix(words, mark(key)):
		return fmt.Errorf("must begin with %s", mark(key))
	case !utf8.ValidString(words) || strings.ContainsFunc(words, hidden):
		return errors.New("holds a sign that is not seen, or changes the direction of writing")
	case regexp.MustCompile(`</?[A-Za-z][^>]*>`).MatchString(words):
		return errors.New("holds markup, which would be shown as it is: texts are plain")
	case utf8.RuneCountInString(words) > most:
		return fmt.Errorf("is longer than %d characters", most)
	}
	return nil
}

// hidden signs could make a card say what it does not.
func hidden(r rune) bool {
	return r != '\n' && unicode.Is(unicode.Cc, r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\ufeff'
}

// room is how long a text may be where the messenger would refuse or cut it.
func room(key string) int {
	switch group, _, _ := strings.Cut(key, "."); {
	case group == "button":
		return 40
	case key == "bot.short":
		return 120
	case group == "tap":
		return 200
	case group == "command":
		return 256
	case key == "bot.about":
		return 512
	}
	return mostText
}

// cardinals are the plural forms that the whole numbers of a language take.
func cardinals(tag language.Tag) []string {
	names := map[plural.Form]string{
		plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
	}
	found := map[string]bool{"other": true}
	for n := range 1000 {
		found[names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]] = true
	}
	return slices.DeleteFunc(pluralForms(), func(form string) bool { return !found[form] })
}
