package markup_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"countersign/internal/markup"
)

func TestCleanTakesAwayWhatReadsDifferently(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"plain":              {"Счёт №5, 10 €", "Счёт №5, 10 €"},
		"right to left":      {"pay \u202E001\u202C", "pay 001"},
		"isolates and marks": {"\u2066a\u2069\u200E\u200F\u061Cb", "ab"},
		"zero width":         {"Ac\u200Bme\u200C\u200D\u2060\uFEFF\u00AD", "Acme"},
		"nul and controls":   {"a\x00b\x07c\x1b[31m\x7f\u009f", "abc[31m"},
		"line ends":          {"a\r\nb\rc\u2028d\u2029e\u0085f\tg", "a\nb\nc\nd\ne\nf g"},
		"invalid utf-8":      {"a\xff\xfeb", "a\uFFFDb"},
		"nfc":                {"e\u0301", "é"},
		"tags block":         {"x\U000E0041\U000E007F", "x"},
		"hangul filler":      {"a\u3164b", "ab"},
		"emoji keeps":        {"⚠\uFE0F ✅", "⚠\uFE0F ✅"},
		"noncharacter":       {"a\uFFFEb", "ab"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := markup.Clean(tc.in); got != tc.want {
				t.Errorf("Clean(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestCleanIsSettledAfterOneRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once := markup.Clean(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "s"))
		if twice := markup.Clean(once); twice != once {
			t.Fatalf("Clean(%q) = %q", once, twice)
		}
		if !utf8.ValidString(once) || strings.ContainsAny(once, "\x00\r\u202E\u200B") {
			t.Fatalf("not clean: %q", once)
		}
	})
}

func TestTruncateCountsLikeTelegram(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in    string
		limit int
		want  string
	}{
		"fits":             {"abc", 3, "abc"},
		"cut":              {"abcd", 3, "ab…"},
		"surrogates":       {"😀😀", 4, "😀😀"},
		"no half of one":   {"😀😀", 3, "😀…"},
		"accent stays":     {"xe\u0301yz", 3, "x…"},
		"selector stays":   {"a⚠\uFE0Fbc", 3, "a…"},
		"space before cut": {"ab cde", 4, "ab…"},
		"one unit":         {"abc", 1, "…"},
		"nothing":          {"abc", 0, ""},
		"negative":         {"abc", -1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := markup.Truncate(tc.in, tc.limit); got != tc.want {
				t.Errorf("Truncate(%q, %d) = %q, want %q", tc.in, tc.limit, got, tc.want)
			}
		})
	}
}

func TestTruncateKeepsItsLimitAndItsBeginning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, limit := rapid.String().Draw(t, "s"), rapid.IntRange(0, 40).Draw(t, "limit")
		got := markup.Truncate(s, limit)
		if n := len(utf16.Encode([]rune(got))); n > limit || n != markup.Len16(got) {
			t.Fatalf("%q has %d units of %d, Len16 says %d", got, n, limit, markup.Len16(got))
		}
		if !strings.HasPrefix(s, strings.TrimSuffix(got, markup.Ellipsis)) {
			t.Fatalf("%q does not begin %q", got, s)
		}
	})
}

func TestPlainUndoesEscapeAndTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if got := markup.Plain("<b>" + markup.Escape(s) + `</b><a href="x">`); got != s {
			t.Fatalf("Plain(Escape(%q)) = %q", s, got)
		}
	})
	if got := markup.Plain("1 < 2 &amp; <b>x</b>"); got != "1 < 2 & x" {
		t.Errorf("Plain of a stray bracket = %q", got)
	}
}

func TestEscapeCoversAttributes(t *testing.T) {
	t.Parallel()
	if got, want := markup.Escape(`<a href="x">&amp;'`), `&lt;a href=&quot;x&quot;&gt;&amp;amp;'`; got != want {
		t.Errorf("Escape = %q, want %q", got, want)
	}
}
