package route

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"countersign/internal/document"
)

const (
	maxRules = 100
	maxSteps = 20
)

// Check finds everything that is wrong with a route by itself. All mistakes are
// reported at once, each naming the rule and what to do.
func (r Route) Check() error {
	var found []error
	bad := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	if !isName(r.Key) {
		bad("key %q: use a-z, 0-9 and _, starting with a letter", r.Key)
	}
	if !isName(r.Document) {
		bad("document %q: name the type of document that the route is for", r.Document)
	}
	if !slices.Contains([]Repeat{AskEach, CarryAdjacent, Distinct}, r.Repeat) {
		bad("repeat %q: use ask_each, carry_adjacent or distinct", r.Repeat)
	}
	if !slices.Contains([]ReasonRule{ReasonNever, ReasonOnReject, ReasonAlways}, r.Reason) {
		bad("reason %q: use never, on_reject or always", r.Reason)
	}
	for _, f := range slices.Concat(r.Change.Cosmetic, r.Change.Tolerant) {
		if document.Hard(f) {
			bad("change: %s is always material; remove it from the list", f)
		}
	}
	if n := len(r.Rules); n == 0 || n > maxRules {
		bad("rules: %d given; a route has 1 to %d", n, maxRules)
		return errors.Join(found...)
	}
	for i, rule := range r.Rules {
		found = append(found, rule.check(i)...)
	}
	found = append(found, r.checkDeciding()...)
	found = append(found, r.checkStepUps()...)
	found = append(found, r.checkOrder()...)
	return errors.Join(found...)
}

// checkDeciding: when a field names the people of a step, a change of it makes other
// people responsible, and the votes of those before must not stand.
func (r Route) checkDeciding() []error {
	var found []error
	soft := slices.Concat(r.Change.Cosmetic, r.Change.Tolerant)
	for i, rule := range r.Rules {
		for _, s := range rule.Steps {
			for _, sel := range s.Who {
				if f := sel.Of + sel.Field; slices.Contains(soft, f) {
					found = append(found, fmt.Errorf("change: %s decides who is asked (rule %d, %s, step %s); remove it from the list",
						f, i+1, rule.Name, s.Key))
				}
			}
		}
	}
	return found
}

func isName(s string) bool {
	return regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`).MatchString(s)
}

func (rule Rule) check(i int) []error {
	var found []error
	bad := func(format string, args ...any) {
		found = append(found, fmt.Errorf("rule %d (%s): "+format, append([]any{i + 1, rule.Name}, args...)...))
	}
	if !isName(rule.Name) {
		bad("name: use a-z, 0-9 and _, starting with a letter")
	}
	if rule.When.empty() {
		bad("when: currencies leave out %s, the currency of up_to; no document matches", rule.When.UpTo.Currency)
	}
	if n := len(rule.Steps); n == 0 || n > maxSteps {
		bad("%d steps; a rule has 1 to %d", n, maxSteps)
	}
	seen := map[string]bool{}
	for _, s := range rule.Steps {
		if seen[s.Key] {
			bad("step %s is there twice", s.Key)
		}
		seen[s.Key] = true
		for _, err := range s.check() {
			bad("step %s: %w", s.Key, err)
		}
	}
	return found
}

func (s Step) check() []error {
	var found []error
	bad := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	if !isName(s.Key) {
		bad("key: use a-z, 0-9 and _, starting with a letter")
	}
	switch s.Mode {
	case Any, All:
		if s.N != 0 {
			bad("n goes with mode n_of_m only")
		}
	case NOfM:
		if s.N < 1 || s.N > 100 {
			bad("n is %d; use 1 to 100", s.N)
		}
	default:
		bad("mode %q: use one of %s", s.Mode, byMode)
	}
	if s.Deny < 0 || s.Deny > 100 {
		bad("deny is %d; use 1 to 100", s.Deny)
	}
	if len(s.Who) == 0 {
		bad("who is empty: nobody would be asked")
	}
	for _, sel := range s.Who {
		if err := sel.check(); err != nil {
			found = append(found, err)
		}
	}
	return found
}

func (sel Selector) check() error {
	ways := 0
	for _, way := range []string{sel.Role, sel.Person, sel.Field} {
		if way != "" {
			ways++
		}
	}
	switch {
	case ways != 1:
		return errors.New("who: give exactly one of role, person, field")
	case sel.Of != "" && sel.Role == "":
		return errors.New("who: of goes with role only")
	case sel.Of != "" && !document.Known(sel.Of):
		return fmt.Errorf("who: of = %q is no field of a document", sel.Of)
	case sel.Field != "" && !document.Known(sel.Field):
		return fmt.Errorf("who: field = %q is no field of a document", sel.Field)
	}
	return nil
}

// checkOrder finds rules that can never be reached, pairs of which it depends on
// the order alone which one is taken, and a missing default.
func (r Route) checkOrder() []error {
	var found []error
	for j, later := range r.Rules {
		before := len(found)
		for i, earlier := range r.Rules[:j] {
			switch {
			case later.Name == earlier.Name:
				found = append(found, fmt.Errorf("rules %d and %d are both named %s", i+1, j+1, later.Name))
			case earlier.When.covers(later.When):
				found = append(found, fmt.Errorf("rule %d (%s) is never reached: rule %d (%s) takes all of it; move it up or narrow the other",
					j+1, later.Name, i+1, earlier.Name))
			case !later.When.covers(earlier.When) && earlier.When.meets(later.When):
				found = append(found, fmt.Errorf("rules %d (%s) and %d (%s) overlap: some documents match both, and only their order decides; narrow one",
					i+1, earlier.Name, j+1, later.Name))
			}
		}
		if len(found) == before && !r.reached(j) {
			found = append(found, fmt.Errorf("rule %d (%s) is never reached: the rules before it together take all of it; remove it", j+1, later.Name))
		}
	}
	if last := r.Rules[len(r.Rules)-1]; !last.When.always() {
		found = append(found, fmt.Errorf("rule %d (%s) is the last and has a condition: end with a rule without one, so that no document is left over",
			len(r.Rules), last.Name))
	}
	return found
}

// empty: nothing matches, because the band is in a currency that is left out.
func (c Condition) empty() bool {
	return c.UpTo != nil && !within(c.Currencies, c.UpTo.Currency)
}

func (c Condition) always() bool {
	return len(c.Companies) == 0 && len(c.CostCenters) == 0 && len(c.Currencies) == 0 && c.UpTo == nil
}

// covers: everything that o matches, c matches.
func (c Condition) covers(o Condition) bool {
	return superset(c.Companies, o.Companies) && superset(c.CostCenters, o.CostCenters) &&
		superset(c.Currencies, o.currencies()) && c.bandCovers(o)
}

// currencies: a band is in one currency, whatever the list says.
func (c Condition) currencies() []string {
	if c.UpTo != nil {
		return []string{c.UpTo.Currency}
	}
	return c.Currencies
}

func (c Condition) bandCovers(o Condition) bool {
	return c.UpTo == nil || o.UpTo != nil && c.UpTo.Currency == o.UpTo.Currency && c.UpTo.Minor >= o.UpTo.Minor
}

// meets: some document matches both.
func (c Condition) meets(o Condition) bool {
	return common(c.Companies, o.Companies) && common(c.CostCenters, o.CostCenters) && common(c.currencies(), o.currencies())
}

func superset(a, b []string) bool {
	if len(a) == 0 {
		return true
	}
	return len(b) > 0 && !slices.ContainsFunc(b, func(v string) bool { return !slices.Contains(a, v) })
}

func common(a, b []string) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(v string) bool { return slices.Contains(b, v) })
}
