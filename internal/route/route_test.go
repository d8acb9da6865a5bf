package route_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

func rub(whole int64) money.Amount { return money.Amount{Minor: whole * 100, Currency: "RUB"} }

func TestTheFirstRuleThatHoldsIsTaken(t *testing.T) {
	t.Parallel()
	limit := rub(1000)
	r := route.Route{
		Key: "pay", Version: 4, Repeat: route.Distinct, Reason: route.ReasonAlways,
		Change: document.Policy{Cosmetic: []string{"title"}},
		Rules: []route.Rule{
			{Name: "small", When: route.Condition{UpTo: &limit, Companies: []string{"A", "B"}}, Steps: []route.Step{{Key: "one"}}},
			{Name: "dollars", When: route.Condition{Currencies: []string{"USD", "EUR"}}},
			{Name: "cars", When: route.Condition{CostCenters: []string{"CARS"}}},
		},
	}
	tests := []struct {
		company, center string
		amount          money.Amount
		want            string
	}{
		{"A", "", rub(1000), "small"}, // the limit is within
		{"B", "CARS", rub(1), "small"},
		{"A", "CARS", money.Amount{Minor: 1000_01, Currency: "RUB"}, "cars"},
		{"C", "CARS", rub(1), "cars"},
		{"A", "", money.Amount{Minor: 1, Currency: "USD"}, "dollars"}, // another currency is never within a band
		{"", "", money.Amount{Minor: 1, Currency: "EUR"}, "dollars"},
		{"A", "", money.Amount{Minor: 1, Currency: "JPY"}, ""},
		{"a", "", rub(1), ""},
		{"", "", money.Amount{}, ""},
	}
	for _, test := range tests {
		plan, ok := r.Match(document.Document{Company: test.company, CostCenter: test.center, Amount: test.amount})
		if plan.Rule != test.want || ok != (test.want != "") {
			t.Errorf("%s %s %s %s: rule %q, %t; want %q", test.company, test.center, test.amount, test.amount.Currency, plan.Rule, ok, test.want)
		}
	}
	plan, _ := r.Match(document.Document{Company: "A", Amount: rub(1)})
	want := route.Plan{
		Route: "pay", Version: 4, Rule: "small", Repeat: route.Distinct, Reason: route.ReasonAlways,
		Change: document.Policy{Cosmetic: []string{"title"}}, Steps: []route.Step{{Key: "one"}},
	}
	if diff := cmp.Diff(want, plan); diff != "" {
		t.Error(diff)
	}
	if kept, ok := r.Plan("small"); !ok || !cmp.Equal(kept, plan) {
		t.Errorf("by its name: %+v", kept)
	}
	if _, ok := r.Plan("none"); ok {
		t.Error("a rule that is not there has a plan")
	}
}

func TestPlansAreTheSameWhenRouteVersionAndRuleAre(t *testing.T) {
	t.Parallel()
	p := route.Plan{Route: "pay", Version: 1, Rule: "small"}
	for name, other := range map[string]route.Plan{
		"route": {Route: "x", Version: 1, Rule: "small"}, "version": {Route: "pay", Version: 2, Rule: "small"},
		"rule": {Route: "pay", Version: 1, Rule: "large"},
	} {
		if p.Same(other) || other.Same(p) {
			t.Errorf("another %s is the same", name)
		}
	}
	if !p.Same(p) {
		t.Error("a plan differs from itself")
	}
}

func staff() people.Directory {
	person := func(id string, roles ...string) people.Person {
		p := people.Person{ID: people.ID(id), ExternalID: id, Email: id + "@example.com", Active: true}
		for _, r := range roles {
			p.Roles = append(p.Roles, people.ParseRole(r))
		}
		return p
	}
	gone := person("gone", "treasurer", "treasurer@A")
	gone.Active = false
	return people.NewDirectory([]people.Person{
		person("ann", "treasurer@A"), person("bob", "treasurer@A", "treasurer@B"), person("cat", "treasurer"), person("dan"), gone,
	})
}

func TestAStepNamesItsPeople(t *testing.T) {
	t.Parallel()
	d := document.Document{Company: "A", Requester: "dan@example.com", Fields: map[string]string{"owner": "cat", "left": "gone", "who": "x"}}
	tests := map[string]struct {
		who  []route.Selector
		want []string // person, and why
	}{
		"a role everywhere":      {[]route.Selector{{Role: "treasurer"}}, []string{"cat role:treasurer"}},
		"a role of the company":  {[]route.Selector{{Role: "treasurer", Of: "company"}}, []string{"ann role:treasurer@A", "bob role:treasurer@A"}},
		"a scope nobody has":     {[]route.Selector{{Role: "treasurer", Of: "cost_center"}}, []string{"cat role:treasurer"}},
		"a person":               {[]route.Selector{{Person: "dan@example.com"}}, []string{"dan person:dan@example.com"}},
		"a person who left":      {[]route.Selector{{Person: "gone"}}, nil},
		"nobody we know":         {[]route.Selector{{Person: "x"}, {Role: "poet"}, {Field: "fields.who"}, {Field: "contract"}}, nil},
		"a field":                {[]route.Selector{{Field: "fields.owner"}, {Field: "requester"}}, []string{"cat field:fields.owner", "dan field:requester"}},
		"a field with who left":  {[]route.Selector{{Field: "fields.left"}}, nil},
		"a selector that is not": {[]route.Selector{{}}, nil},
		"nobody twice": {
			[]route.Selector{{Person: "bob"}, {Role: "treasurer", Of: "company"}, {Field: "fields.owner"}, {Role: "treasurer"}},
			[]string{"bob person:bob", "ann role:treasurer@A", "cat field:fields.owner"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range (route.Step{Who: test.who}).Resolve(d, staff()) {
				got = append(got, string(c.Person)+" "+c.Because)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHowManyMustAccept(t *testing.T) {
	t.Parallel()
	tests := []struct {
		step route.Step
		m    int
		need int
		ok   bool
	}{
		{route.Step{Mode: route.Any}, 3, 1, true},
		{route.Step{Mode: route.Any}, 0, 1, false},
		{route.Step{Mode: route.All}, 3, 3, true},
		{route.Step{Mode: route.All}, 0, 0, false}, // all of nobody is nobody
		{route.Step{Mode: route.NOfM, N: 2}, 2, 2, true},
		{route.Step{Mode: route.NOfM, N: 2}, 1, 2, false},
		{route.Step{Mode: route.NOfM}, 5, 0, false},
		{route.Step{Mode: route.NOfM, N: -1}, 5, -1, false},
		{route.Step{Mode: "odd"}, 5, 0, false},
		{route.Step{}, 5, 0, false},
	}
	for _, test := range tests {
		if need, ok := test.step.Need(test.m); need != test.need || ok != test.ok {
			t.Errorf("%s n %d of %d: %d, %t", test.step.Mode, test.step.N, test.m, need, ok)
		}
	}
	for deny, want := range map[int]int{-1: 1, 0: 1, 1: 1, 3: 3} {
		if got := (route.Step{Deny: deny}).Denials(); got != want {
			t.Errorf("deny %d: %d rejections end the step, want %d", deny, got, want)
		}
	}
}

func TestARouteThatMayFindNobodyIsNotPublished(t *testing.T) {
	t.Parallel()
	step := func(mode route.Mode, n int, who ...route.Selector) route.Step {
		return route.Step{Key: "pay", Mode: mode, N: n, Who: who}
	}
	ofCompany := route.Selector{Role: "treasurer", Of: "company"}
	tests := map[string]struct {
		when route.Condition
		step route.Step
		want []string // nothing: it may be published
	}{
		"a role that somebody holds":        {route.Condition{}, step(route.Any, 0, route.Selector{Role: "treasurer"}), nil},
		"a role that nobody holds":          {route.Condition{}, step(route.Any, 0, route.Selector{Role: "poet"}), []string{"pay: 0 people can be asked, 1 must accept"}},
		"all of nobody":                     {route.Condition{}, step(route.All, 0, route.Selector{Role: "poet"}), []string{"0 people can be asked, 1 must accept"}},
		"two of one":                        {route.Condition{}, step(route.NOfM, 2, route.Selector{Role: "treasurer"}), []string{"1 people can be asked, 2 must accept"}},
		"every company has one":             {route.Condition{}, step(route.Any, 0, ofCompany), nil},
		"one company has not two":           {route.Condition{}, step(route.NOfM, 2, ofCompany), []string{"with company B 1 people can be asked, 2 must accept"}},
		"the rule is for the other":         {route.Condition{Companies: []string{"A"}}, step(route.NOfM, 2, ofCompany), nil},
		"a company of nobody":               {route.Condition{Companies: []string{"A", "Z"}}, step(route.NOfM, 2, ofCompany), []string{"with company Z 1 people can be asked"}},
		"a cost center of nobody":           {route.Condition{CostCenters: []string{"K"}}, step(route.NOfM, 2, route.Selector{Role: "treasurer", Of: "cost_center"}), []string{"with cost_center K 1 people"}},
		"a scoped role of nobody":           {route.Condition{}, step(route.Any, 0, route.Selector{Role: "poet", Of: "company"}), []string{"0 people can be asked"}},
		"a person":                          {route.Condition{}, step(route.Any, 0, route.Selector{Person: "dan"}), nil},
		"a person who is not known":         {route.Condition{}, step(route.All, 0, route.Selector{Person: "x"}, route.Selector{Person: "dan"}), []string{`pay: who: person = "x": nobody active`}},
		"a person who left":                 {route.Condition{}, step(route.Any, 0, route.Selector{Person: "gone"}), []string{`person = "gone"`, "0 people can be asked"}},
		"one person by two names":           {route.Condition{}, step(route.NOfM, 2, route.Selector{Person: "dan"}, route.Selector{Person: "dan@example.com"}), []string{"1 people can be asked, 2 must accept"}},
		"whom a field names is known later": {route.Condition{}, step(route.NOfM, 9, route.Selector{Field: "fields.owner"}), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := route.Route{Rules: []route.Rule{{Name: "r", When: test.when, Steps: []route.Step{test.step}}}}.CheckPeople(staff())
			mustSay(t, err, test.want)
		})
	}
}

// TestARoleOfNoScopeIsHeldEverywhere: a step that looks at no field asks those who hold
// the role for everything, and nobody who holds it for one company.
func TestARoleOfNoScopeIsHeldEverywhere(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory([]people.Person{{ID: "1", Active: true, Roles: []people.Role{{Name: "r", Scope: "A"}}}})
	s := route.Step{Key: "s", Mode: route.Any, Who: []route.Selector{{Role: "r"}}}
	if asked := s.Resolve(document.Document{Company: "A"}, dir); len(asked) > 0 {
		t.Fatalf("asked: %+v", asked)
	}
	mustSay(t, route.Route{Rules: []route.Rule{{Name: "all", Steps: []route.Step{s}}}}.CheckPeople(dir), []string{"rule 1 (all), step s: 0 people can be asked, 1 must accept"})
}

// mustSay checks that the error says these things, one a line, and nothing else.
func mustSay(t *testing.T, err error, want []string) {
	t.Helper()
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	if len(lines) != len(want) {
		t.Fatalf("%d mistakes, want %d:\n%v", len(lines), len(want), err)
	}
	for i, text := range want {
		if !strings.Contains(lines[i], text) {
			t.Errorf("%q does not say %q", lines[i], text)
		}
	}
}
