package doctor_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/internal/doctor"
	"countersign/internal/goldentest"
	"countersign/internal/locale/localetest"
)

// passing is what is another each time: ports, folders of a test, days, and what the system
// and its libraries say in words of their own.
func passing(text string) string {
	for _, p := range [][2]string{
		{`127\.0\.0\.1:[0-9]+`, "127.0.0.1:PORT"},
		{regexp.QuoteMeta(os.TempDir()) + `/[^ ,;:"]*[^ ,;:".]`, "/FOLDER"},
		{`[A-Z][a-z]{2} [0-9]{1,2}, [0-9]{4}, [0-9:]+ UTC`, "DAY UTC"},
		{`[0-9]{1,2}[./ ]([0-9]{1,2}|[^0-9 ]+)[./ ][0-9]{4}( г\.)?,? [0-9:]+ UTC`, "DAY UTC"},
		{`[0-9a-f]{64}`, "DIGEST"},
		{`719[89][.,][0-9]|7200[.,][0-9]`, "7200"},
		{`\b0[.,][0-9] (s|с)`, "0 $1"},
		{`lookup ([a-z.]+).*: (no such host|server misbehaving)`, "lookup $1: no such host"},
	} {
		text = regexp.MustCompile(p[0]).ReplaceAllString(text, p[1])
	}
	return text
}

// readAsWritten shows findings, each by the name of what is wrong, in each language.
func readAsWritten(t *testing.T, file string, found map[string]doctor.Finding) {
	t.Helper()
	texts := localetest.Texts(t)
	for _, tag := range languages() {
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(found)) {
			f := found[name]
			fmt.Fprintf(&out, "=== %s (%s, %s)\n%s\n\n", name, f.Check, f.Level, passing(f.Text(texts.For(tag))))
		}
		goldentest.Same(t, file+"."+tag, out.String())
	}
}

func languages() []string { return []string{"en", "ru", "de", "es"} }

// TestHealthyGatewayReadsAsWritten shows what is said where all is well, and the test message.
func TestHealthyGatewayReadsAsWritten(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	w := healthy(t)
	for _, tag := range languages() {
		lang := texts.For(tag)
		w.Test = func(context.Context) (doctor.Recipient, error) {
			return doctor.Recipient{ID: "petrov", Name: "Pyotr", Account: colleag, Language: lang}, nil
		}
		var out strings.Builder
		for _, f := range w.Examine(t.Context()) {
			fmt.Fprintf(&out, "=== %s (%s)\n%s\n\n", f.Check, f.Level, passing(f.Text(lang)))
		}
		messages := w.tg.Messages(colleag)
		fmt.Fprintf(&out, "=== what Pyotr got\n%s\n", messages[len(messages)-1].Text)
		goldentest.Same(t, "healthy."+tag, out.String())
	}
}
