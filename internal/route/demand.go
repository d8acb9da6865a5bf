package route

import (
	"cmp"
	"fmt"
	"slices"

	"countersign/internal/people"
)

// Demand is a step that may ask for more than the chat, with those whom it can ask.
type Demand struct {
	Where string    // route, rule and step
	Least Assurance // the most that any of the step-ups may ask for
	Who   []people.Person
}

// Demands lists the steps that may ask for more than the chat. Whom a field of the document
// names is known with the document only.
func (r Route) Demands(dir people.Directory) []Demand {
	var out []Demand
	for i, rule := range r.Rules {
		for _, s := range rule.Steps {
			least := ByChat
			for _, u := range forStep(r.StepUps, s.Key) {
				least = least.stronger(u.Least)
			}
			if least != ByChat {
				out = append(out, Demand{fmt.Sprintf("rule %d (%s), step %s", i+1, rule.Name, s.Key), least, s.holders(dir)})
			}
		}
	}
	return out
}

// holders are all whom the step can ask, of whatever document, in order.
func (s Step) holders(dir people.Directory) []people.Person {
	var out []people.Person
	for _, sel := range s.Who {
		if sel.Role != "" {
			out = append(out, dir.WithRole(sel.Role)...)
		}
		if p, ok := dir.Find(sel.Person); sel.Person != "" && ok && p.Active {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b people.Person) int { return cmp.Compare(a.ExternalID, b.ExternalID) })
	return slices.CompactFunc(out, func(a, b people.Person) bool { return a.ID == b.ID })
}
