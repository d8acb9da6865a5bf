package locale_test

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"countersign/internal/locale/localetest"
	"countersign/web"
)

var languages = []string{"de", "en", "es", "ru"}

// entry is a text as the file has it: plural form to words, "other" if it has
// only one.
type entry map[string]string

// files are the locale files as they are shipped, by language. To read them takes a while with
// the race detector: once is enough.
var files = sync.OnceValues(func() (map[string]map[string]entry, error) {
	all := map[string]map[string]entry{}
	for _, tag := range languages {
		data, err := fs.ReadFile(web.Locales(), tag+".toml")
		if err != nil {
			return nil, err
		}
		var raw map[string]any
		if err := toml.Unmarshal(data, &raw); err != nil {
			return nil, err
		}
		all[tag] = map[string]entry{}
		for key, value := range raw {
			switch value := value.(type) {
			case string:
				all[tag][key] = entry{"other": value}
			case map[string]any:
				all[tag][key] = entry{}
				for form, words := range value {
					all[tag][key][form] = words.(string)
				}
			default:
				return nil, fmt.Errorf("%s: %s is a %T", tag, key, value)
			}
		}
	}
	return all, nil
})

// read gives the texts of a language; they are not to be changed.
func read(t *testing.T, tag string) map[string]entry {
	t.Helper()
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	return all[tag]
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

func placeholders(words string) []string {
	found := map[string]bool{}
	for _, match := range placeholder.FindAllStringSubmatch(words, -1) {
		found[match[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func TestEveryKeyExistsInEveryLanguageWithTheSamePlaceholders(t *testing.T) {
	t.Parallel()
	english := read(t, "en")
	keys := slices.Sorted(maps.Keys(english))
	if len(keys) < 150 {
		t.Fatalf("only %d keys were read", len(keys))
	}
	for _, tag := range languages {
		other := read(t, tag)
		if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(other))); diff != "" {
			t.Errorf("%s has other keys than en (- missing, + unknown):\n%s", tag, diff)
		}
		for _, key := range keys {
			if (len(other[key]) > 1) != (len(english[key]) > 1) {
				t.Errorf("%s: %s has plural forms in one language only", tag, key)
			}
			want := placeholders(english[key]["other"])
			for form, words := range other[key] {
				if diff := cmp.Diff(want, placeholders(words)); diff != "" {
					t.Errorf("%s: %s (%s) has other placeholders:\n%s", tag, key, form, diff)
				}
			}
		}
	}
}

// cardinals asks CLDR which forms the whole numbers of a language take.
func cardinals(tag string) []string {
	names := map[plural.Form]string{
		plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many",
	}
	found := map[string]bool{"other": true}
	for n := range 1000 {
		found[names[plural.Cardinal.MatchPlural(language.MustParse(tag), n, 0, 0, 0, 0)]] = true
	}
	if tag == "es" {
		found["many"] = true // newer tables of CLDR have it for whole millions
	}
	return slices.Sorted(maps.Keys(found))
}

func TestEveryPluralFormOfTheLanguageIsThereAndNoOther(t *testing.T) {
	t.Parallel()
	plurals := 0
	for _, tag := range languages {
		want := cardinals(tag)
		for key, forms := range read(t, tag) {
			if len(forms) == 1 {
				continue
			}
			plurals++
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(forms))); diff != "" {
				t.Errorf("%s: %s (- missing, + needless):\n%s", tag, key, diff)
			}
		}
	}
	if plurals < 20 {
		t.Errorf("only %d plural texts were checked", plurals)
	}
}

func TestTextsAreTidy(t *testing.T) {
	t.Parallel()
	for _, tag := range languages {
		for key, forms := range read(t, tag) {
			for form, words := range forms {
				where := tag + ": " + key + " (" + form + ")"
				if words == "" || strings.TrimSpace(words) != words || strings.Contains(words, "  ") {
					t.Errorf("%s: stray blanks in %q", where, words)
				}
				if strings.ContainsAny(words, "<>&\t\r") || !utf8.ValidString(words) {
					t.Errorf("%s: %q would not survive as plain text", where, words)
				}
				if strings.Contains(words, "...") {
					t.Errorf("%s: three dots for an ellipsis", where)
				}
				if left := placeholder.ReplaceAllString(words, ""); strings.ContainsAny(left, "{}") {
					t.Errorf("%s: odd braces in %q", where, words)
				}
			}
		}
	}
}

func TestLanguagesAreNotMixed(t *testing.T) {
	t.Parallel()
	cyrillic := regexp.MustCompile(`\p{Cyrillic}`)
	same := map[string]bool{
		"card.change.field": true, "card.progress.done": true, "card.progress.current": true, "card.progress.next": true,
		"doc.numbered": true, "outcome.by": true, "queue.number": true, "reason.quoted": true,
	}
	for _, tag := range languages {
		for key, forms := range read(t, tag) {
			for form, words := range forms {
				if want := tag == "ru" && !same[key]; cyrillic.MatchString(words) != want {
					t.Errorf("%s: %s (%s): %q", tag, key, form, words)
				}
			}
		}
	}
}

func TestButtonsBeginWithTheirMark(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	for _, tag := range languages {
		lang := texts.For(tag)
		for key, mark := range map[string]string{"button.accept": "✅ ", "button.reject": "❌ ", "button.return": "↩️ "} {
			if words := lang.T(key, nil); !strings.HasPrefix(words, mark) {
				t.Errorf("%s: %s is %q", tag, key, words)
			}
		}
		for key, forms := range read(t, tag) {
			if n := utf8.RuneCountInString(forms["other"]); strings.HasPrefix(key, "button.") && n > 30 {
				t.Errorf("%s: %s is %d characters wide", tag, key, n)
			}
		}
	}
}

// Telegram cuts the answer to a tap after 200 characters.
func TestAnswersToATapFitWhenTheyAreFilled(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	for _, tag := range languages {
		lang := texts.For(tag)
		data := map[string]any{
			"Name": strings.Repeat("N", 60), "Time": "30 de septiembre de 2026, 23:59",
			"Verdict": lang.T("verdict.return", nil), "State": lang.T("state.returned", nil),
		}
		count := 0
		for key := range read(t, tag) {
			if !answersATap(key) {
				continue
			}
			count++
			words := lang.T(key, data)
			if n := len(utf16.Encode([]rune(words))); n > 200 || strings.Contains(words, "{{") {
				t.Errorf("%s: %s is %d characters: %s", tag, key, n, words)
			}
		}
		if count < 40 {
			t.Errorf("%s: only %d answers were checked", tag, count)
		}
	}
}

// answersATap: these, too, are said in the window that a tap opens.
func answersATap(key string) bool {
	return strings.HasPrefix(key, "tap.") || slices.Contains(strings.Fields(`
		find.over settings.saved reason.cancelled reason.expired talk.not_linked talk.unseen talk.not_yet talk.not_yours talk.answered talk.question_over
		talk.too_many talk.write talk.sent_before talk.expired talk.cancelled talk.replaced`), key)
}

func TestEveryStateVerdictAndRoleHasAWord(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	for _, key := range []string{
		"state.in_progress", "state.approved", "state.rejected", "state.returned", "state.withdrawn", "state.expired", "state.blocked",
		"verdict.accept", "verdict.reject", "verdict.return",
		"role.budget_holder", "role.finance_manager", "role.treasurer",
	} {
		heads := map[string]bool{}
		for _, tag := range languages {
			words := texts.For(tag).T(key, nil)
			heads[strings.Fields(words)[0]] = true
			if words == key {
				t.Errorf("%s has no word for %s", tag, key)
			}
		}
		if strings.HasPrefix(key, "state.") && len(heads) != 1 {
			t.Errorf("%s has a different mark in some language: %v", key, heads)
		}
	}
}

func TestCommandsSuitTheMenuOfABot(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	for _, tag := range languages {
		lang := texts.For(tag)
		for _, command := range []string{"queue", "find", "login", "help"} {
			if words := lang.T("command."+command, nil); len(words) > 256 || words == "command."+command {
				t.Errorf("%s: %s is described as %q", tag, command, words)
			}
			if !strings.Contains(lang.T("help.text", nil), "/"+command+" ") {
				t.Errorf("%s: the help does not name /%s", tag, command)
			}
		}
	}
}
