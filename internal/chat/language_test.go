package chat_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale"
	"countersign/web"
)

func TestLanguageOfTheOperatorIsOnOfferAndItsGapsAreEnglish(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	texts, mistakes, err := locale.LoadWith(web.Locales(), fstest.MapFS{"fr.toml": &fstest.MapFile{Data: []byte(`"settings.language" = "Langue"`)}})
	must(t, errors.Join(append(mistakes, err)...))
	o.door.Texts = texts
	o.say(t, ledgertest.Budget, "/settings")
	o.press(t, ledgertest.Budget, "🌐 Language")
	o.press(t, ledgertest.Budget, "Français")
	o.lastCard(t, ledgertest.Budget, "Langue: Français")
	o.lastCard(t, ledgertest.Budget, "Time zone: ")
	if p := o.find(t, "petrov"); p.Locale != "fr" {
		t.Errorf("%+v", p)
	}
}
