package card_test

import (
	"regexp"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/locale/localetest"
	"countersign/internal/route"
)

func TestCardOfWhoIsAskedSaysWhatApprovingTakes(t *testing.T) {
	t.Parallel()
	want := map[string]map[approval.Assurance]string{
		"en": {
			approval.ByPIN: "your PIN on our page", approval.ByLogin: "to sign in again",
			approval.ByTOTP: "a code from your authenticator app", approval.ByPasskey: "your passkey in the browser",
		},
		"ru": {approval.ByPIN: "PIN-код", approval.ByLogin: "войти ещё раз", approval.ByTOTP: "код из приложения", approval.ByPasskey: "ключ доступа"},
		"de": {approval.ByPIN: "Ihre PIN", approval.ByLogin: "erneute Anmeldung", approval.ByTOTP: "ein Code", approval.ByPasskey: "Passkey"},
		"es": {approval.ByPIN: "su PIN", approval.ByLogin: "iniciar sesión de nuevo", approval.ByTOTP: "un código", approval.ByPasskey: "llave de acceso"},
	}
	for tag, levels := range want {
		for least, text := range levels {
			plan := threeSteps()
			plan.StepUps = []route.StepUp{{Over: new(rub(1)), Least: least, Steps: []string{"budget_holder"}}}
			v := begin(t, request(), plan, staff()).view()
			check(t, v, tag)
			for _, spot := range card.Audience(v) {
				c := card.For(v, spot, localetest.Texts(t).For(tag))
				line := regexp.MustCompile(`(?m)^🔐 .*$`).FindString(c.Plain)
				if asked := spot.Kind == card.KindApprover; asked != strings.Contains(line, text) || !asked && strings.Contains(c.Plain, "🔐") {
					t.Errorf("%s, %s, %s: %q", tag, least, spot.Key(), line)
				}
			}
		}
	}
}

func TestProofIsNotSpokenOfWhereApprovingIsNotPossible(t *testing.T) {
	t.Parallel()
	plan := threeSteps()
	plan.StepUps = []route.StepUp{{Over: new(rub(1)), Least: approval.ByTOTP}}
	d := request()
	d.Payee.Account = strings.Repeat("40702810", 30)
	v := begin(t, d, plan, staff()).view()
	if c := card.For(v, card.Audience(v)[0], localetest.Texts(t).For("en")); strings.Contains(c.Plain, "🔐") || accepts(c) {
		t.Error(c.Plain)
	}
}
