package route

import (
	"math"
	"slices"

	"countersign/internal/document"
	"countersign/internal/money"
)

// unnamed stands for all values that no rule names.
const unnamed = "\x00"

// reached reports whether some document gets as far as rule j. Of the amounts only
// the highest that the rule takes needs a look: every band starts at nothing.
func (r Route) reached(j int) bool {
	c := r.Rules[j].When
	earlier := r.Rules[:j]
	if c.empty() {
		return true // said already
	}
	for _, company := range witnesses(c.Companies, earlier, func(o Condition) []string { return o.Companies }) {
		d := document.Document{Company: company}
		left := holding(earlier, func(o Condition) bool { return within(o.Companies, company) })
		if r.reachedIn(j, left, d) {
			return true
		}
	}
	return false
}

// reachedIn is reached for documents of one company, with the rules left for it.
func (r Route) reachedIn(j int, earlier []Rule, d document.Document) bool {
	c := r.Rules[j].When
	for _, d.CostCenter = range witnesses(c.CostCenters, earlier, func(o Condition) []string { return o.CostCenters }) {
		left := holding(earlier, func(o Condition) bool { return within(o.CostCenters, d.CostCenter) })
		for _, currency := range witnesses(c.currencies(), left, Condition.currencies) {
			d.Amount = money.Amount{Minor: math.MaxInt64, Currency: currency}
			if c.UpTo != nil {
				d.Amount.Minor = c.UpTo.Minor
			}
			if c.Holds(d) && len(holding(left, func(o Condition) bool { return o.Holds(d) })) == 0 {
				return true
			}
		}
	}
	return false
}

// witnesses lists values of one field that between them stand for all that a
// condition allows.
func witnesses(allowed []string, earlier []Rule, of func(Condition) []string) []string {
	if len(allowed) > 0 {
		return allowed
	}
	out := []string{unnamed}
	for _, rule := range earlier {
		out = append(out, of(rule.When)...)
	}
	slices.Sort(out) // the unnamed first: it is taken by the fewest
	return slices.Compact(out)
}

func holding(rules []Rule, hold func(Condition) bool) []Rule {
	var out []Rule
	for _, rule := range rules {
		if hold(rule.When) {
			out = append(out, rule)
		}
	}
	return out
}
