package card_test

import (
	"strings"
	"testing"

	"countersign/internal/card"
	"countersign/internal/locale/localetest"
	"countersign/internal/people"
)

// A deputy reads in the details by which delegations he is asked, from the principal on.
func TestDetailsNameTheDelegationsByWhichSomebodyIsAsked(t *testing.T) {
	t.Parallel()
	s := begin(t, request(), threeSteps(), staff())
	limit := rub(20000000)
	s.standIns = []people.Delegation{
		{ID: 17, Principal: "per_anna", Deputy: "per_lucia", Until: s.now.AddDate(0, 1, 0), Hands: 2, Scope: people.Scope{UpTo: &limit}},
		{ID: 18, Principal: "per_lucia", Deputy: "per_petr", Until: s.now.AddDate(0, 0, 7), Hands: 1},
	}
	s.c.Recheck(s.doc(), s.dir(), s.tick())
	for _, c := range []struct {
		who         people.ID
		lang        string
		want, never []string
	}{
		{"per_petr", "en", []string{
			"Delegation No. 17: Lucía Gómez decides for Анна Иванова until Apr 2, 2026, 09:05, up to RUB", "200,000.00",
			"Delegation No. 18: Пётр Сидоров decides for Lucía Gómez until Mar 9, 2026, 09:05",
		}, nil},
		{"per_lucia", "ru", []string{"Замещение № 17 до 2 апр. 2026", "Lucía Gómez решает за коллегу (Анна Иванова)", "на сумму до 200"}, []string{"№ 18"}},
		{"per_anna", "en", []string{"Why you"}, []string{"Delegation"}},
	} {
		got := card.DetailsOf(card.Detail{View: s.view(), Person: c.who}, localetest.Texts(t).For(c.lang)).HTML
		for _, words := range c.want {
			if !strings.Contains(got, words) {
				t.Errorf("%s does not read %q in\n%s", c.who, words, got)
			}
		}
		for _, words := range c.never {
			if strings.Contains(got, words) {
				t.Errorf("%s reads %q in\n%s", c.who, words, got)
			}
		}
	}
	s.standIns = nil // they ended, and the case has not followed yet
	if got := card.DetailsOf(card.Detail{View: s.view(), Person: "per_petr"}, localetest.Texts(t).For("en")).HTML; !strings.Contains(got, "Delegation No. 18 has ended") {
		t.Errorf("after its end:\n%s", got)
	}
}
