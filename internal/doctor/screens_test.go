package doctor_test

import (
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
		{regexp.QuoteMeta(os.TempDir()) + `/[^ ,;:"]*`, "/FOLDER"},
		{`[A-Z][a-z]{2} [0-9]{1,2}, [0-9]{4}, [0-9:]+ UTC`, "DAY UTC"},
		{`[0-9]{1,2}[./ ]([0-9]{1,2}|[^0-9 ]+)[./ ][0-9]{4}( г\.)?,? [0-9:]+ UTC`, "DAY UTC"},
		{`[0-9a-f]{64}`, "DIGEST"},
		{`719[89][.,][0-9]|7200[.,][0-9]`, "7200"},
		{`lookup ([a-z.]+).*: (no such host|server misbehaving)`, "lookup $1: no such host"},
	} {
		text = regexp.MustCompile(p[0]).ReplaceAllString(text, p[1])
	}
	return text
}

// readAsWritten shows each finding of a gateway with one thing wrong, in each language.
func readAsWritten(t *testing.T, found map[string]doctor.Finding) {
	t.Helper()
	texts := localetest.Texts(t)
	for _, tag := range []string{"en", "ru", "de", "es"} {
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(found)) {
			f := found[name]
			fmt.Fprintf(&out, "=== %s (%s, %s)\n%s\n\n", name, f.Check, f.Level, passing(f.Text(texts.For(tag))))
		}
		goldentest.Same(t, "findings."+tag, out.String())
	}
}
