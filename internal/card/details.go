package card

import (
	"time"

	"countersign/internal/document"
	"countersign/internal/locale"
	"countersign/internal/people"
)

// Detail is what a person may want to know who is asked, beyond his card.
type Detail struct {
	View

	Person  people.ID
	AskedAt time.Time // zero: he was never asked
	// Before is the state that he voted on last, or that he was first shown; Known says that
	// there is one.
	Before document.Document
	Known  bool
}

// DetailsOf says why a person is asked, how the case stands, and what changed since he
// last looked.
func DetailsOf(d Detail, lang locale.Lang) Card {
	p := page{View: d.View, lang: lang}
	for _, s := range d.Case.Slots { // the newest is the last
		if s.Person == d.Person {
			p.spot = Spot{Kind: KindApprover, Person: d.Person, Round: s.Round, Step: s.Step}
		}
	}
	return compose([]line{p.headline(), p.stateLine()}, p.reasons(d.AskedAt), p.news(d), p.progress())
}

// reasons are what made the person one of those asked.
func (p page) reasons(askedAt time.Time) []line {
	if p.spot.Person == "" || p.spot.Step >= len(p.Case.Plan.Steps) {
		return nil
	}
	plan := p.Case.Plan
	out := append(append(p.why(), p.through()...), words(p.t("card.step", map[string]any{
		"N": p.spot.Step + 1, "Total": len(plan.Steps), "Title": p.stepTitle(plan.Steps[p.spot.Step]),
	})), words(p.t("talk.route", map[string]any{
		"Route": tidy(plan.Route, maxName), "Version": plan.Version, "Rule": tidy(plan.Rule, maxName),
	})))
	if center := tidy(p.Doc.CostCenter, maxValue); center != "" {
		out = append(out, p.label("field.cost_center").then(words(center)))
	}
	if !askedAt.IsZero() {
		out = append(out, words(p.t("talk.asked_at", map[string]any{"Time": p.time(askedAt)})))
	}
	return append(out, p.proof()...)
}

func (p page) news(d Detail) []line {
	if !d.Known {
		return nil
	}
	if out := p.since(d.Before, p.t("talk.changed", nil)); len(out) > 0 {
		return out
	}
	return []line{words(p.t("talk.unchanged", nil))}
}

// Standing says how a case stands to somebody who may see it: who is asked, who decided
// when, who cannot be reached, and what was said.
func Standing(v View, lang locale.Lang) Card {
	p := page{View: v, lang: lang}
	figures, _ := p.figures()
	blocks := [][]line{{p.headline(), p.stateLine()}, figures, p.ending(), p.notes(), p.progress()}
	return compose(append(blocks, p.talk(room(blocks)))...)
}
