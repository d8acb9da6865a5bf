// Package route knows who must agree to what: ordered rules over a document, each
// with the steps that a case runs through.
//
// It owns matching, resolving a step to persons, what a step asks for beyond the chat,
// and the checks made when a route is saved. It leaves votes and rounds to approval and storage to ledger.
package route

import (
	"slices"
	"strings"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
)

// Mode says how many of those asked must accept.
type Mode string

// The modes of a step.
const (
	Any    Mode = "any"    // one is enough
	All    Mode = "all"    // everybody asked
	NOfM   Mode = "n_of_m" // Step.N of those asked
	byMode      = "any, all, n_of_m"
)

// Repeat says what becomes of a person who is asked in two steps.
type Repeat string

// The ways of treating one person in two steps.
const (
	AskEach       Repeat = "ask_each"       // asked again
	CarryAdjacent Repeat = "carry_adjacent" // a vote carries to the very next step only
	Distinct      Repeat = "distinct"       // leaves the later step
)

// ReasonRule says which verdicts need a reason in words.
type ReasonRule string

// When a reason is needed. A return always needs one: it is the question.
const (
	ReasonNever    ReasonRule = "never"
	ReasonOnReject ReasonRule = "on_reject"
	ReasonAlways   ReasonRule = "always"
)

// Route is one immutable version of a route for one type of document.
type Route struct {
	Key      string
	Version  int // given by the ledger when it is published; 0 before
	Document string
	Title    string
	Repeat   Repeat
	Reason   ReasonRule
	Change   document.Policy
	StepUps  []StepUp // where more than the chat is asked for
	Rules    []Rule
}

// Rule is a condition with the steps that follow from it. The first rule that
// matches is taken; the last one has no condition.
type Rule struct {
	Name  string
	When  Condition
	Steps []Step
}

// Condition holds when each of its parts holds; an empty part always does.
type Condition struct {
	Companies   []string
	CostCenters []string
	Currencies  []string
	UpTo        *money.Amount // inclusive; an amount of another currency is never within it
}

// Step is a stage: whom to ask and how many must accept.
type Step struct {
	Key   string     `json:"key"`
	Title string     `json:"title"`
	Mode  Mode       `json:"mode"`
	N     int        `json:"n,omitempty"`    // for n_of_m
	Deny  int        `json:"deny,omitempty"` // rejections that end the step; at least 1
	Who   []Selector `json:"who"`
}

// Selector names approvers in one of three ways.
type Selector struct {
	Role   string `json:"role,omitempty"` // holders of a role, in the scope that the field Of of the document names
	Of     string `json:"of,omitempty"`
	Person string `json:"person,omitempty"` // external id or mail address
	Field  string `json:"field,omitempty"`  // a field of the document which names the person
}

// Plan is the part of a route that a case keeps: the version and the rule that
// matched, as they were when its round opened.
type Plan struct {
	Route   string          `json:"route"`
	Version int             `json:"version"`
	Rule    string          `json:"rule"`
	Repeat  Repeat          `json:"repeat"`
	Reason  ReasonRule      `json:"reason"`
	Change  document.Policy `json:"change"`
	StepUps []StepUp        `json:"step_up,omitempty"`
	Steps   []Step          `json:"steps"`
}

// Match gives the plan of the first rule that holds for the document. A route
// that passed Check always has one.
func (r Route) Match(d document.Document) (Plan, bool) {
	for _, rule := range r.Rules {
		if rule.When.Holds(d) {
			return r.plan(rule), true
		}
	}
	return Plan{}, false
}

// Plan gives the plan of a rule by its name, for a case that keeps it.
func (r Route) Plan(name string) (Plan, bool) {
	for _, rule := range r.Rules {
		if rule.Name == name {
			return r.plan(rule), true
		}
	}
	return Plan{}, false
}

func (r Route) plan(rule Rule) Plan {
	return Plan{
		Route: r.Key, Version: r.Version, Rule: rule.Name,
		Repeat: r.Repeat, Reason: r.Reason, Change: r.Change, StepUps: r.StepUps, Steps: rule.Steps,
	}
}

// Same reports whether two plans ask the same people the same things.
func (p Plan) Same(o Plan) bool {
	return p.Route == o.Route && p.Version == o.Version && p.Rule == o.Rule
}

// Holds reports whether the condition holds for the document.
func (c Condition) Holds(d document.Document) bool {
	return within(c.Companies, d.Company) && within(c.CostCenters, d.CostCenter) &&
		within(c.Currencies, d.Amount.Currency) && c.band(d.Amount)
}

func within(allowed []string, value string) bool {
	return len(allowed) == 0 || slices.Contains(allowed, value)
}

// band: without a rate another currency counts as the highest band.
func (c Condition) band(a money.Amount) bool {
	return c.UpTo == nil || a.Currency == c.UpTo.Currency && a.Minor <= c.UpTo.Minor
}

// Candidate is a person that a step would ask, and why.
type Candidate struct {
	Person people.ID
	// Because is the selector that named the person, as stored with the slot:
	// "role:treasurer@LLC-A", "person:ann", "field:fields.owner".
	Because string
}

// Resolve lists the distinct active persons whom the step names for the document,
// in the order of its selectors. Those whom the first selector named are not
// listed again.
func (s Step) Resolve(d document.Document, dir people.Directory) []Candidate {
	var out []Candidate
	for _, sel := range s.Who {
		for _, c := range sel.Resolve(d, dir) {
			if !slices.ContainsFunc(out, func(o Candidate) bool { return o.Person == c.Person }) {
				out = append(out, c)
			}
		}
	}
	return out
}

// Resolve lists the active persons whom the selector names for the document.
func (sel Selector) Resolve(d document.Document, dir people.Directory) []Candidate {
	var out []Candidate
	add := func(p people.Person, because string) {
		if p.Active {
			out = append(out, Candidate{p.ID, because})
		}
	}
	switch {
	case sel.Role != "":
		scope := ""
		if sel.Of != "" {
			scope = d.Field(sel.Of)
		}
		for _, p := range dir.InRole(sel.Role, scope) {
			add(p, "role:"+given(p, sel.Role, scope).String())
		}
	case sel.Person != "":
		if p, ok := dir.Find(sel.Person); ok {
			add(p, "person:"+sel.Person)
		}
	case sel.Field != "":
		if p, ok := dir.Find(d.Field(sel.Field)); ok {
			add(p, "field:"+sel.Field)
		}
	}
	return out
}

// Gave reports whether it was this selector that named somebody, by Candidate.Because.
func (sel Selector) Gave(because string) bool {
	kind, name, _ := strings.Cut(because, ":")
	switch {
	case sel.Role != "":
		return kind == "role" && people.ParseRole(name).Name == sel.Role
	case sel.Person != "":
		return kind == "person" && name == sel.Person
	default:
		return kind == "field" && name == sel.Field
	}
}

// given tells in which scope the person really holds the role.
func given(p people.Person, name, scope string) people.Role {
	if r := (people.Role{Name: name, Scope: scope}); p.Holds(r) {
		return r
	}
	return people.Role{Name: name}
}

// Need is how many of m persons asked must accept; ok is false when m are too few.
func (s Step) Need(m int) (need int, ok bool) {
	switch s.Mode {
	case All:
		need = m
	case NOfM:
		need = s.N
	case Any:
		need = 1
	default:
		return 0, false
	}
	return need, need >= 1 && need <= m
}

// Denials is how many rejections end the step.
func (s Step) Denials() int { return max(1, s.Deny) }
