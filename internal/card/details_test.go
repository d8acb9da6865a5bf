package card_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/goldentest"
	"countersign/internal/locale/localetest"
	"countersign/internal/people"
	"countersign/internal/route"
)

// sheet collects what people are shown besides the cards.
type sheet struct {
	t   *testing.T
	tag string
	out strings.Builder
}

func (s *sheet) keep(title string, c card.Card) {
	s.t.Helper()
	if err := checkHTML(c.HTML); err != nil {
		s.t.Errorf("%s: %v", title, err)
	}
	fmt.Fprintf(&s.out, "=== %s\n%s\n\n", title, c.HTML)
}

func (s *sheet) details(title string, d card.Detail) {
	s.t.Helper()
	s.keep("details: "+title, card.DetailsOf(d, localetest.Texts(s.t).For(s.tag)))
}

// TestDetailsReadAsWritten shows what the button for more says, and how a document stands, in
// each language.
func TestDetailsReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		s := &sheet{t: t, tag: tag}
		s.reasons()
		s.proofs()
		s.deputies()
		s.standing()
		goldentest.Same(t, "details."+tag, s.out.String())
	}
}

// reasons: why somebody is asked, and what is new.
func (s *sheet) reasons() {
	first := begin(s.t, request(), threeSteps(), staff())
	asked := card.Detail{View: first.view(), Person: "per_anna", AskedAt: first.now, Before: first.doc(), Known: true}
	s.details("nothing is new", asked)
	asked.Before.Amount, asked.Before.DueDate, asked.Before.Files = rub(10000000), "", asked.Before.Files[:1]
	s.details("it has changed", asked)
	s.details("somebody who was never asked", card.Detail{View: first.view(), Person: "per_olga"})
	plan := threeSteps()
	plan.Steps = []route.Step{{Key: "owner", Mode: route.Any, Who: []route.Selector{{Field: "requester"}, {Field: "fields.owner"}, {Person: "petr"}, {Role: "duty_officer"}}}}
	all := staff()
	all[4].Roles = append(all[4].Roles, people.Role{Name: "duty_officer"})
	d := document.Document{Type: "conference_stop", Fields: map[string]string{"owner": "boris"}}
	named := begin(s.t, d, plan, all)
	for _, id := range []people.ID{"per_boris", "per_petr", "per_tanya"} {
		s.details("why "+string(id), card.Detail{View: named.view(), Person: id, AskedAt: named.now})
	}
}

// proofs: what approving takes beyond a tap.
func (s *sheet) proofs() {
	for _, least := range []approval.Assurance{approval.ByPIN, approval.ByLogin, approval.ByTOTP, approval.ByPasskey} {
		plan := threeSteps()
		plan.StepUps = []route.StepUp{{Over: new(rub(1)), Least: least, Steps: []string{"budget_holder"}}}
		asked := begin(s.t, request(), plan, staff())
		s.details("proof by "+string(least), card.Detail{View: asked.view(), Person: "per_anna", AskedAt: asked.now})
	}
}

// deputies: by whose right somebody is asked, within its bounds and after its end.
func (s *sheet) deputies() {
	asked := begin(s.t, request(), threeSteps(), staff())
	limit := rub(20000000)
	asked.standIns = []people.Delegation{
		{ID: 17, Principal: "per_anna", Deputy: "per_lucia", Until: asked.now.AddDate(0, 1, 0), Hands: 2, Scope: people.Scope{UpTo: &limit}},
		{ID: 18, Principal: "per_lucia", Deputy: "per_petr", Until: time.Date(2026, 3, 9, 21, 0, 0, 0, time.UTC), Hands: 1},
	}
	asked.c.Recheck(asked.doc(), asked.dir(), asked.tick())
	deputy := card.Detail{View: asked.view(), Person: "per_petr", AskedAt: asked.now}
	s.details("a deputy of a deputy", deputy)
	asked.standIns = nil
	deputy.View = asked.view()
	s.details("a deputy whose time is over", deputy)
}

// standing: how a document stands, and what is left of a message where nobody reads it any more.
func (s *sheet) standing() {
	lang := localetest.Texts(s.t).For(s.tag)
	for _, name := range []string{"opened", "talk_over", "unreachable", "deputy_asked", "consumed", "rejected", "files_awaited"} {
		v := situations()[name](s.t).view()
		s.keep("standing: "+name, card.Standing(v, lang))
		if name == "opened" {
			s.keep("astray: a person's", card.Astray(v, card.Audience(v)[0], lang))
			s.keep("astray: a group's", card.Astray(v, card.Spot{Kind: card.KindGroup, Chat: "finance"}, lang))
		}
	}
}
