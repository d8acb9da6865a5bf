package card_test

import (
	"strings"
	"testing"

	"countersign/internal/card"
	"countersign/internal/locale/localetest"
)

func TestBriefSaysOfADocumentNoMoreThanItsReadersMaySee(t *testing.T) {
	t.Parallel()
	s := situations()["opened"](t)
	lang := localetest.Texts(t).For("en")
	whole := card.BriefOf(s.view(), nil, lang)
	words := "To whom,\n  account 4070 2810…: " + s.doc().Amount.String()
	if !strings.Contains(whole.Line, s.doc().Number) || !strings.Contains(whole.Line, s.doc().Title) || whole.Cover(words) != words {
		t.Errorf("%q, %q", whole.Line, whole.Cover(words))
	}
	none := card.BriefOf(s.view(), card.Hideable(), lang)
	for _, secret := range []string{s.doc().Number, s.doc().Title, s.doc().Payee.Name, strings.Split(s.doc().Amount.String(), ".")[0]} {
		if covered := none.Line + none.Cover("x "+secret+" y\nz"); secret == "" || strings.Contains(covered, secret) || !strings.HasSuffix(covered, " y\nz") {
			t.Errorf("%q: %q", secret, covered)
		}
	}
}
