package route_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/route"
)

// sound is a route that passes every check.
func sound() route.Route {
	return route.Route{
		Key: "pay", Document: "payment", Repeat: route.AskEach, Reason: route.ReasonNever,
		Rules: []route.Rule{rule("all", route.Condition{})},
	}
}

func rule(name string, when route.Condition) route.Rule {
	return route.Rule{Name: name, When: when, Steps: []route.Step{{Key: "s", Mode: route.Any, Who: []route.Selector{{Role: "r"}}}}}
}

func upTo(whole int64) route.Condition {
	return route.Condition{UpTo: new(rub(whole))}
}

func TestEveryMistakeInARouteIsNamed(t *testing.T) {
	t.Parallel()
	first := func(edit func(s *route.Step)) func(r *route.Route) {
		return func(r *route.Route) { edit(&r.Rules[0].Steps[0]) }
	}
	who := func(sel route.Selector) func(r *route.Route) {
		return first(func(s *route.Step) { s.Who = append(s.Who, sel) })
	}
	tests := map[string]struct {
		edit func(r *route.Route)
		want []string
	}{
		"nothing":       {func(*route.Route) {}, nil},
		"key":           {func(r *route.Route) { r.Key = "Pay" }, []string{`key "Pay": use a-z, 0-9 and _, starting with a letter`}},
		"key too long":  {func(r *route.Route) { r.Key = strings.Repeat("k", 65) }, []string{`use a-z, 0-9 and _`}},
		"document":      {func(r *route.Route) { r.Document = "" }, []string{`document "": name the type of document`}},
		"repeat":        {func(r *route.Route) { r.Repeat = "" }, []string{`repeat "": use ask_each, carry_adjacent or distinct`}},
		"reason":        {func(r *route.Route) { r.Reason = "x" }, []string{`reason "x": use never, on_reject or always`}},
		"soft account":  {func(r *route.Route) { r.Change.Cosmetic = []string{"title", "payee.account"} }, []string{"change: payee.account is always material"}},
		"soft amount":   {func(r *route.Route) { r.Change.Tolerant = []string{"amount"} }, []string{"change: amount is always material"}},
		"no rules":      {func(r *route.Route) { r.Rules = nil }, []string{"rules: 0 given; a route has 1 to 100"}},
		"many rules":    {func(r *route.Route) { r.Rules = make([]route.Rule, 101) }, []string{"rules: 101 given"}},
		"rule name":     {func(r *route.Route) { r.Rules[0].Name = "1st" }, []string{"rule 1 (1st): name: use a-z"}},
		"no steps":      {func(r *route.Route) { r.Rules[0].Steps = nil }, []string{"rule 1 (all): 0 steps; a rule has 1 to 20"}},
		"step key":      {first(func(s *route.Step) { s.Key = "" }), []string{"rule 1 (all): step : key: use a-z"}},
		"n without use": {first(func(s *route.Step) { s.N = 1 }), []string{"rule 1 (all): step s: n goes with mode n_of_m only"}},
		"n of all":      {first(func(s *route.Step) { s.Mode, s.N = route.All, 2 }), []string{"n goes with mode n_of_m only"}},
		"n of nothing":  {first(func(s *route.Step) { s.Mode = route.NOfM }), []string{"n is 0; use 1 to 100"}},
		"n too high":    {first(func(s *route.Step) { s.Mode, s.N = route.NOfM, 101 }), []string{"n is 101; use 1 to 100"}},
		"mode":          {first(func(s *route.Step) { s.Mode = "most" }), []string{`mode "most": use one of any, all, n_of_m`}},
		"deny below":    {first(func(s *route.Step) { s.Deny = -1 }), []string{"deny is -1; use 1 to 100"}},
		"deny above":    {first(func(s *route.Step) { s.Deny = 101 }), []string{"deny is 101; use 1 to 100"}},
		"who is nobody": {first(func(s *route.Step) { s.Who = nil }), []string{"step s: who is empty: nobody would be asked"}},
		"no way":        {who(route.Selector{}), []string{"who: give exactly one of role, person, field"}},
		"two ways":      {who(route.Selector{Role: "r", Person: "p"}), []string{"who: give exactly one of role, person, field"}},
		"of a person":   {who(route.Selector{Person: "p", Of: "company"}), []string{"who: of goes with role only"}},
		"of what":       {who(route.Selector{Role: "r", Of: "firm"}), []string{`who: of = "firm" is no field of a document`}},
		"which field":   {who(route.Selector{Field: "owner"}), []string{`who: field = "owner" is no field of a document`}},
		"step twice": {
			func(r *route.Route) { r.Rules[0].Steps = append(r.Rules[0].Steps, r.Rules[0].Steps[0]) },
			[]string{"rule 1 (all): step s is there twice"},
		},
		"a soft field decides who": {
			func(r *route.Route) {
				r.Change.Cosmetic, r.Change.Tolerant = []string{"fields.owner"}, []string{"cost_center"}
				r.Rules[0].Steps[0].Who = []route.Selector{{Role: "r", Of: "cost_center"}, {Field: "fields.owner"}, {Role: "r"}}
			},
			[]string{"change: cost_center decides who is asked (rule 1, all, step s)", "change: fields.owner decides who is asked"},
		},
		"a band in a currency left out": {
			func(r *route.Route) {
				r.Rules = slices.Insert(r.Rules, 0, rule("dead", route.Condition{UpTo: new(rub(1)), Currencies: []string{"USD"}}))
			},
			[]string{"rule 1 (dead): when: currencies leave out RUB, the currency of up_to; no document matches"},
		},
		"everything at once": {
			func(r *route.Route) { r.Key, r.Document, r.Rules[0].Steps[0].Mode = "", "", "" },
			[]string{"key", "document", "mode"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sound()
			test.edit(&r)
			mustSay(t, r.Check(), test.want)
		})
	}
}

func TestTheOrderOfRulesIsChecked(t *testing.T) {
	t.Parallel()
	in := func(companies ...string) route.Condition { return route.Condition{Companies: companies} }
	center := func(centers ...string) route.Condition { return route.Condition{CostCenters: centers} }
	cash := func(currencies ...string) route.Condition { return route.Condition{Currencies: currencies} }
	always := route.Condition{}
	tests := map[string]struct {
		rules []route.Condition
		want  []string
	}{
		"a default alone":            {[]route.Condition{always}, nil},
		"bands upwards":              {[]route.Condition{upTo(100), upTo(1000), always}, nil},
		"bands downwards":            {[]route.Condition{upTo(1000), upTo(100), always}, []string{"rule 2 (b) is never reached: rule 1 (a) takes all of it"}},
		"the same band":              {[]route.Condition{upTo(100), upTo(100), always}, []string{"rule 2 (b) is never reached: rule 1 (a)"}},
		"no default":                 {[]route.Condition{upTo(100)}, []string{"rule 1 (a) is the last and has a condition: end with a rule without one"}},
		"two defaults":               {[]route.Condition{always, always}, []string{"rule 2 (b) is never reached"}},
		"the default first":          {[]route.Condition{always, upTo(100)}, []string{"rule 2 (b) is never reached", "rule 2 (b) is the last and has a condition"}},
		"apart":                      {[]route.Condition{in("A"), in("B"), always}, nil},
		"special before general":     {[]route.Condition{in("A"), in("A", "B"), always}, nil},
		"general before special":     {[]route.Condition{in("A", "B"), in("A"), always}, []string{"rule 2 (b) is never reached: rule 1 (a)"}},
		"lists that overlap":         {[]route.Condition{in("A", "B"), in("B", "C"), always}, []string{"rules 1 (a) and 2 (b) overlap: some documents match both, and only their order decides"}},
		"company and cost center":    {[]route.Condition{in("A"), center("K"), always}, []string{"rules 1 (a) and 2 (b) overlap"}},
		"currencies apart":           {[]route.Condition{cash("RUB"), cash("USD"), always}, nil},
		"a band and its currency":    {[]route.Condition{upTo(100), cash("RUB"), always}, nil},
		"a currency and its band":    {[]route.Condition{cash("RUB"), upTo(100), always}, []string{"rule 2 (b) is never reached"}},
		"a band and other money":     {[]route.Condition{upTo(100), cash("USD"), always}, nil},
		"a band and mixed money":     {[]route.Condition{upTo(100), cash("USD", "RUB"), always}, nil},
		"two together take the rest": {[]route.Condition{in("A"), in("B"), in("A", "B"), always}, []string{"rule 3 (c) is never reached: the rules before it together take all of it"}},
		"not quite":                  {[]route.Condition{in("A"), in("B"), in("A", "B", "C"), always}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sound()
			r.Rules = nil
			for i, when := range test.rules {
				r.Rules = append(r.Rules, rule(string(rune('a'+i)), when))
			}
			mustSay(t, r.Check(), test.want)
		})
	}
	r := sound()
	r.Rules = []route.Rule{rule("a", in("A")), rule("a", always)}
	mustSay(t, r.Check(), []string{"rules 1 and 2 are both named a"})
}

// TestTheCheckOfTheOrderAgreesWithTryingEverything: over a small universe of documents
// a rule is called unreachable, or two rules overlapping, exactly when they are.
func TestTheCheckOfTheOrderAgreesWithTryingEverything(t *testing.T) {
	t.Parallel()
	universe := everything()
	rapid.Check(t, func(t *rapid.T) {
		r := sound()
		r.Rules = nil
		for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
			r.Rules = append(r.Rules, rule(string(rune('a'+i)), conditions().Draw(t, "when")))
		}
		r.Rules = append(r.Rules, rule("z", route.Condition{}))
		said := ""
		if err := r.Check(); err != nil {
			said = err.Error()
		}
		for j := range r.Rules {
			reached := slices.ContainsFunc(universe, func(d document.Document) bool {
				plan, _ := r.Match(d)
				return plan.Rule == r.Rules[j].Name
			})
			dead := !slices.ContainsFunc(universe, r.Rules[j].When.Holds)
			shadowed := strings.Contains(said, "("+r.Rules[j].Name+") is never reached")
			if overlaps := strings.Contains(said, "and "+ordinal(j, r.Rules[j].Name)+" overlap"); !overlaps && reached == (shadowed || dead) {
				t.Fatalf("rule %d is reached: %t, matches nothing: %t, but Check says\n%s\n%s", j+1, reached, dead, said, describe(r))
			}
			if reached && shadowed {
				t.Fatalf("rule %d is reached, but Check says\n%s\n%s", j+1, said, describe(r))
			}
			if dead != strings.Contains(said, "rule "+ordinal(j, r.Rules[j].Name)+": when: currencies leave out") {
				t.Fatalf("rule %d matches nothing: %t, but Check says\n%s\n%s", j+1, dead, said, describe(r))
			}
			for i := range j {
				mustOverlap(t, r, universe, [2]int{i, j}, said)
			}
		}
	})
}

// mustOverlap: two rules overlap when both can match, and neither takes all of the other.
func mustOverlap(t *rapid.T, r route.Route, universe []document.Document, pair [2]int, said string) {
	t.Helper()
	both, onlyFirst, onlySecond := false, false, false
	for _, d := range universe {
		a, b := r.Rules[pair[0]].When.Holds(d), r.Rules[pair[1]].When.Holds(d)
		both, onlyFirst, onlySecond = both || a && b, onlyFirst || a && !b, onlySecond || b && !a
	}
	text := "rules " + ordinal(pair[0], r.Rules[pair[0]].Name) + " and " + ordinal(pair[1], r.Rules[pair[1]].Name) + " overlap"
	dead := strings.Contains(said, "leave out") // then much is said that follows from it
	if want := both && onlyFirst && onlySecond; !dead && want != strings.Contains(said, text) {
		t.Fatalf("rules %v overlap: %t, but Check says\n%s\n%s", pair, want, said, describe(r))
	}
}

func ordinal(i int, name string) string { return string(rune('1'+i)) + " (" + name + ")" }

func describe(r route.Route) string {
	var b strings.Builder
	for _, rule := range r.Rules {
		limit := "any amount"
		if up := rule.When.UpTo; up != nil {
			limit = up.String() + " " + up.Currency
		}
		b.WriteString(rule.Name + ": " + strings.Join(slices.Concat(rule.When.Companies, rule.When.CostCenters, rule.When.Currencies), " ") + " " + limit + "\n")
	}
	return b.String()
}

func conditions() *rapid.Generator[route.Condition] {
	some := func(values ...string) *rapid.Generator[[]string] {
		return rapid.OneOf(rapid.Just[[]string](nil), rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, 3, rapid.ID[string]))
	}
	return rapid.Custom(func(t *rapid.T) route.Condition {
		c := route.Condition{
			Companies: some("A", "B", "C").Draw(t, "companies"), CostCenters: some("K", "L", "M").Draw(t, "centers"),
			Currencies: some("RUB", "USD", "JPY").Draw(t, "currencies"),
		}
		if rapid.Bool().Draw(t, "band") {
			limit := rapid.SampledFrom([]money.Amount{
				{Minor: 1, Currency: "RUB"}, {Minor: 2, Currency: "RUB"}, {Minor: 3, Currency: "RUB"}, {Minor: 1, Currency: "USD"},
			}).Draw(t, "limit")
			c.UpTo = &limit
		}
		return c
	})
}

// everything is one document for every way in which the conditions above can tell them apart.
func everything() []document.Document {
	var out []document.Document
	for _, company := range []string{"A", "B", "C", "other", ""} {
		for _, center := range []string{"K", "L", "M", "other"} {
			for _, currency := range []string{"RUB", "USD", "JPY", "EUR"} {
				for _, minor := range []int64{1, 2, 3, math.MaxInt64} {
					out = append(out, document.Document{Company: company, CostCenter: center, Amount: money.Amount{Minor: minor, Currency: currency}})
				}
			}
		}
	}
	return out
}
