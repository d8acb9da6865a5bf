package locale_test

import (
	"bufio"
	"flag"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "take out of the list what a golden file holds by now")

// unread lists the texts that no golden file holds, each with its reason.
const unread = "testdata/unread.txt"

// TestEveryTextStandsInAGoldenFile looks for every text of every language in the golden files
// of that language: what people read was read by somebody before. That is told by the words of
// a text, not by its key: two texts of the same words are one.
func TestEveryTextStandsInAGoldenFile(t *testing.T) {
	t.Parallel()
	missing := map[string][]string{}
	for _, tag := range languages {
		all := goldens(t, tag)
		for key, forms := range read(t, tag) {
			if !slices.ContainsFunc(slices.Collect(maps.Values(forms)), func(words string) bool { return shown(all, words) }) {
				missing[key] = append(missing[key], tag)
			}
		}
	}
	listed := exceptions(t)
	if *update {
		listed = trim(t, listed, missing)
	}
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		if listed[key] == "" {
			t.Errorf("%s stands in no golden file of %s; show it in one, or name the reason in %s", key, strings.Join(missing[key], ", "), unread)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(listed)) {
		if missing[key] == nil {
			t.Errorf("%s stands in golden files of all languages: take it out of %s", key, unread)
		}
	}
}

// exceptions reads lines of a key and its reason.
func exceptions(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.FromSlash(unread))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	listed := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, reason, _ := strings.Cut(lines.Text(), " ")
		if reason == "" {
			t.Errorf("%s: %s has no reason", unread, key)
		}
		listed[key] = reason
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return listed
}

func trim(t *testing.T, listed map[string]string, missing map[string][]string) map[string]string {
	t.Helper()
	maps.DeleteFunc(listed, func(key, _ string) bool { return missing[key] == nil })
	var lines strings.Builder
	for _, key := range slices.Sorted(maps.Keys(listed)) {
		fmt.Fprintf(&lines, "%s %s\n", key, listed[key])
	}
	if err := os.WriteFile(filepath.FromSlash(unread), []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return listed
}

// goldens is what all golden files of a language hold, marks of HTML and white space evened out.
func goldens(t *testing.T, tag string) string {
	t.Helper()
	var all strings.Builder
	count := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".golden" {
			return err
		}
		if !strings.HasSuffix(name, "."+tag+".golden") && filepath.Base(filepath.Dir(name)) != tag {
			return nil
		}
		count++
		text, err := os.ReadFile(name)
		all.WriteString(even(html.UnescapeString(string(text))) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 40 {
		t.Fatalf("only %d golden files of %s were read", count, tag)
	}
	return all.String()
}

func even(text string) string { return strings.Join(strings.Fields(text), " ") }

// within is how far the words of a text may lie apart where values stand between them.
const within = 1500

var (
	value  = regexp.MustCompile(`\{\{.*?\}\}`)
	letter = regexp.MustCompile(`\pL`)
)

// shown reports whether the words of a text stand there, one after the other. A text without
// words of its own is always.
func shown(all, words string) bool {
	var parts []string
	longest := ""
	for _, part := range value.Split(html.UnescapeString(words), -1) {
		part = even(part)
		if !letter.MatchString(part) {
			continue
		}
		parts = append(parts, part)
		if len(part) > len(longest) {
			longest = part
		}
	}
	if longest == "" {
		return true
	}
	for at := 0; ; {
		i := strings.Index(all[at:], longest)
		if i < 0 {
			return false
		}
		at += i
		around := all[max(0, at-within):min(len(all), at+len(longest)+within)]
		if whole(all[:at], longest, all[at+len(longest):]) && ordered(around, parts) {
			return true
		}
		at += len(longest)
	}
}

// whole reports whether words are not cut out of longer ones: "No" is not in "Now". Words
// that begin or end with a mark stand whole after a letter, too.
func whole(before, words, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(words)
	end, _ := utf8.DecodeLastRuneInString(words)
	next, _ := utf8.DecodeRuneInString(after)
	cutBefore := unicode.IsLetter(last) && unicode.IsLetter(first)
	cutAfter := unicode.IsLetter(end) && unicode.IsLetter(next)
	return !cutBefore && !cutAfter
}

// TestTextIsFoundNextToAValueButNotInsideAWord holds the search itself.
func TestTextIsFoundNextToAValueButNotInsideAWord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		all, words string
		want       bool
	}{
		{"✅ Connected: Anna Smith. Documents come here.", "✅ Connected: {{.Name}}. Documents come here.", true},
		{"Das Google-Konto von diesem Telegram aus", "Das {{.Service}}-Konto von diesem Telegram aus", true},
		{"Nowhere, and Now", "No", false},
		{"and No.", "No", true},
	} {
		if got := shown(c.all, c.words); got != c.want {
			t.Errorf("%q in %q: %v", c.words, c.all, got)
		}
	}
}

func ordered(text string, parts []string) bool {
	for _, part := range parts {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
