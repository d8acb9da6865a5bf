package card_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/internal/card"
	"countersign/internal/goldentest"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
)

// draw shows everything that people see of a case.
func draw(v card.View, lang locale.Lang) string {
	var b strings.Builder
	for _, s := range card.Audience(v) {
		c := card.For(v, s, lang)
		fmt.Fprintf(&b, "=== %s", s.Key())
		if s.ReplyTo != "" {
			fmt.Fprintf(&b, " under %s", s.ReplyTo)
		}
		if s.Past {
			b.WriteString(" (past)")
		}
		if c.Silent {
			b.WriteString(" (silent)")
		}
		b.WriteString("\n" + c.HTML + "\n")
		if c.File != nil {
			fmt.Fprintf(&b, "{%s}\n", c.File.Name)
		}
		for _, row := range c.Buttons {
			for _, button := range row {
				fmt.Fprintf(&b, "[%s|%s%s|%s]", button.Text, button.Data, button.URL, button.Style)
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestCardsReadAsWritten(t *testing.T) {
	t.Parallel()
	all := localetest.Texts(t)
	for name, tell := range situations() {
		for _, tag := range []string{"en", "ru", "de", "es"} {
			t.Run(name+"/"+tag, func(t *testing.T) {
				t.Parallel()
				v := tell(t).view()
				check(t, v, tag)
				got := draw(v, all.For(tag))
				if gap := regexp.MustCompile(`\b(card|state|field|outcome|doc|button|verdict|blocked)\.[a-z_]{3,}|\{\{`).FindString(got); gap != "" {
					t.Errorf("%s is a key without a text, or a placeholder", gap)
				}
				goldentest.Same(t, tag+"/"+name, got)
			})
		}
	}
}

func TestEveryGoldenFileHasItsSituation(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Collect(maps.Keys(situations()))
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".golden"); !slices.Contains(known, name) {
			t.Errorf("%s shows a situation that is no more", file)
		}
	}
}
