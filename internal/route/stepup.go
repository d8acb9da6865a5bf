package route

import (
	"fmt"
	"slices"

	"countersign/internal/document"
	"countersign/internal/money"
)

const maxStepUps = 50

// StepUp asks for more than the chat where each of its conditions holds. It has one at
// least.
type StepUp struct {
	Over     *money.Amount `json:"over,omitempty"` // exclusive
	NewPayee bool          `json:"new_payee,omitempty"`
	Steps    []string      `json:"steps,omitempty"` // keys; empty: every step
	Least    Assurance     `json:"least"`
}

// Asks reports whether the route asks for a proof by name somewhere.
func (r Route) Asks(proof Assurance) bool {
	return slices.ContainsFunc(r.StepUps, func(u StepUp) bool { return u.Least == proof })
}

// AsksNewness reports whether it matters to what the plan asks for if the payee is new.
func (p Plan) AsksNewness() bool {
	return slices.ContainsFunc(p.StepUps, func(u StepUp) bool { return u.NewPayee })
}

// Asks tells what each step wants of those who accept the document, the strongest where
// several step-ups hold; nil when the chat is enough in all of them.
func (p Plan) Asks(d document.Document, newPayee bool) []Assurance { //nolint:revive // a fact about the payee, not a switch
	if len(p.StepUps) == 0 {
		return nil
	}
	out := make([]Assurance, len(p.Steps))
	more := false
	for i, s := range p.Steps {
		out[i] = ByChat
		theirs := forStep(p.StepUps, s.Key)
		for _, u := range theirs {
			if (!u.NewPayee || newPayee) && (u.Over == nil || over(theirs, *u.Over, d.Amount)) {
				out[i] = out[i].stronger(u.Least)
			}
		}
		more = more || out[i] != ByChat
	}
	if !more {
		return nil
	}
	return out
}

// forStep lists the step-ups that speak of a step.
func forStep(all []StepUp, key string) []StepUp {
	return slices.DeleteFunc(slices.Clone(all), func(u StepUp) bool {
		return len(u.Steps) > 0 && !slices.Contains(u.Steps, key)
	})
}

// over: there are no rates, so an amount in a currency that no limit of the step names is
// over each of them.
func over(theirs []StepUp, limit, a money.Amount) bool {
	if a.Currency == limit.Currency {
		return a.Minor > limit.Minor
	}
	return !slices.ContainsFunc(theirs, func(u StepUp) bool { return u.Over != nil && u.Over.Currency == a.Currency })
}

// checkStepUps finds step-ups that say nothing, or nothing new.
func (r Route) checkStepUps() []error {
	var found []error
	bad := func(i int, format string, args ...any) {
		found = append(found, fmt.Errorf("step_up %d: "+format, append([]any{i + 1}, args...)...))
	}
	if n := len(r.StepUps); n > maxStepUps {
		return []error{fmt.Errorf("step_up: %d given; a route has %d at most", n, maxStepUps)}
	}
	for i, u := range r.StepUps {
		if !u.Least.Known() || u.Least == ByChat {
			bad(i, "least %q: use pin, login, totp or passkey", u.Least)
		}
		if u.empty() {
			bad(i, "no condition: give over (with currency), new_payee = true, or both")
		}
		for j, key := range u.Steps {
			if slices.Contains(u.Steps[:j], key) {
				bad(i, "step %s is there twice", key)
			} else if !r.hasStep(key) {
				bad(i, "step %q: no rule has a step of this key", key)
			}
		}
		for j, o := range r.StepUps {
			if j != i && !o.empty() && o.covers(u) && (j < i || !u.covers(o)) {
				bad(i, "asks for nothing that step_up %d does not ask for; remove it", j+1)
				break
			}
		}
	}
	return found
}

func (r Route) hasStep(key string) bool {
	return slices.ContainsFunc(r.Rules, func(rule Rule) bool {
		return slices.ContainsFunc(rule.Steps, func(s Step) bool { return s.Key == key })
	})
}

func (u StepUp) empty() bool { return u.Over == nil && !u.NewPayee }

// covers: wherever o holds, u does, and asks for as much.
func (u StepUp) covers(o StepUp) bool {
	lower := u.Over == nil || o.Over != nil && u.Over.Currency == o.Over.Currency && u.Over.Minor <= o.Over.Minor
	return lower && (!u.NewPayee || o.NewPayee) && superset(u.Steps, o.Steps) && u.Least.Gives(o.Least)
}
