package chat_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
)

// The window that a tap opens holds 200 characters. What is cut off there is the end: what was
// decided, and when.
func TestAnswerToATapIsWholeHoweverLongTheNamesAre(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.find(t, "petrov")
	_, err := o.Directory.PutUser(t.Context(), "test", directory.User{
		ExternalID: p.ExternalID, Email: p.Email, Roles: p.Roles, Name: strings.TrimSpace(strings.Repeat("Константинопольский ", 10)),
	})
	must(t, err)
	o.standsIn(t, "petrov", "orlova")
	o.Post(t, "91")
	old := o.card(t, ledgertest.Second)
	accept := old.Keyboard[0][0].Data
	if a := o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget), "✅"); !strings.Contains(a.Text, "recorded") {
		t.Fatalf("told %q", a.Text)
	}
	verdicts := map[string]string{"en": "approved", "ru": "согласовано", "de": "genehmigt", "es": "aprobado"}
	for tag, verdict := range verdicts {
		_, err := o.Directory.Set(t.Context(), "test", o.find(t, "orlova").ID, func(s *directory.Setting) { s.Locale = tag })
		must(t, err)
		a := o.forge(t, ledgertest.Second, old.ID, accept)
		if !strings.Contains(a.Text, "Константинопольский") || !strings.Contains(a.Text, verdict) || !strings.HasSuffix(a.Text, ".") || len(utf16.Encode([]rune(a.Text))) > 200 {
			t.Errorf("%s: told %q", tag, a.Text)
		}
	}
}
