package route_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

const shipped = "../../configs/routes/payment_request.toml"

// small is the shortest route that there is.
const small = `key = "pay"
document = "payment"
[[rule]]
name = "all"
[[rule.step]]
key = "s"
who = [{ role = "r" }]
`

func TestTheShippedRouteIsSound(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	r, err := route.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	step := func(key, title, of string) route.Step {
		return route.Step{Key: key, Title: title, Mode: route.Any, Who: []route.Selector{{Role: key, Of: of}}}
	}
	want := route.Route{
		Key: "payment_request", Document: "payment_request", Title: "Payment request",
		Repeat: route.CarryAdjacent, Reason: route.ReasonOnReject,
		Change: document.Policy{Cosmetic: []string{"number", "title", "url", "last_editor"}, Tolerant: []string{"due_date"}},
		Rules: []route.Rule{{Name: "three_steps", Steps: []route.Step{
			step("budget_holder", "Budget holder", "cost_center"), step("finance_manager", "Finance manager", "company"),
			step("treasurer", "Treasurer", "company"),
		}}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	var staff []people.Person
	for _, role := range []string{"budget_holder@HQ", "finance_manager", "treasurer@A"} {
		staff = append(staff, people.Person{ID: people.ID(role), Active: true, Roles: []people.Role{people.ParseRole(role)}})
	}
	if err := r.CheckPeople(people.NewDirectory(staff)); err != nil {
		t.Errorf("with somebody for each step: %v", err)
	}
	mustSay(t, r.CheckPeople(people.NewDirectory(staff[:1])), []string{"step finance_manager: 0 people", "step treasurer: 0 people"})
}

func TestEveryKeyOfARouteFileIsRead(t *testing.T) {
	t.Parallel()
	r, err := route.Parse([]byte(`
key = "pay"
document = "payment"
title = "Payments"
repeat = "distinct"
reason = "always"
[change]
cosmetic = ["title"]
tolerant = ["due_date"]
tolerance_percent = "2.5"
tolerance_minor_units = 100
[[rule]]
name = "small"
[rule.when]
companies = ["A"]
cost_centers = ["K"]
currencies = ["JPY"]
up_to = "1500"
currency = "JPY"
[[rule.step]]
key = "first"
title = "First"
mode = "n_of_m"
n = 2
deny = 3
who = [{ role = "r", of = "company" }, { person = "ann" }, { field = "fields.owner" }]
[[rule]]
name = "rest"
[[rule.step]]
key = "s"
who = [{ person = "ann" }]
`))
	if err != nil {
		t.Fatal(err)
	}
	limit := money.Amount{Minor: 1500, Currency: "JPY"}
	want := route.Route{
		Key: "pay", Document: "payment", Title: "Payments", Repeat: route.Distinct, Reason: route.ReasonAlways,
		Change: document.Policy{
			Cosmetic: []string{"title"}, Tolerant: []string{"due_date"}, Drift: money.Tolerance{BasisPoints: 250, Minor: 100},
		},
		Rules: []route.Rule{
			{
				Name: "small",
				When: route.Condition{Companies: []string{"A"}, CostCenters: []string{"K"}, Currencies: []string{"JPY"}, UpTo: &limit},
				Steps: []route.Step{{
					Key: "first", Title: "First", Mode: route.NOfM, N: 2, Deny: 3,
					Who: []route.Selector{{Role: "r", Of: "company"}, {Person: "ann"}, {Field: "fields.owner"}},
				}},
			},
			{Name: "rest", Steps: []route.Step{{Key: "s", Mode: route.Any, Who: []route.Selector{{Person: "ann"}}}}},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

func TestWhatARouteFileLeavesOutHasADefault(t *testing.T) {
	t.Parallel()
	r, err := route.Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if r.Repeat != route.CarryAdjacent || r.Reason != route.ReasonOnReject || r.Rules[0].Steps[0].Mode != route.Any ||
		r.Rules[0].Steps[0].Denials() != 1 || r.Change.Drift != (money.Tolerance{}) {
		t.Errorf("%+v", r)
	}
}

func TestEveryMistakeInARouteFileIsNamed(t *testing.T) {
	t.Parallel()
	before := func(key, text string) string { return strings.Replace(small, key, text+key, 1) }
	tests := map[string]struct {
		text string
		want []string // each must be said
	}{
		"an unknown key":        {"steps = 1\n" + small, []string{"unknown keys:", "1| steps = 1", "~"}},
		"an unknown deep key":   {before("who", "dney = 2\n"), []string{"unknown keys:", "dney = 2"}},
		"a broken line":         {"key = pay\n", []string{"not readable:", "1| key = pay"}},
		"a key twice":           {"key = \"x\"\n" + small, []string{"not readable:"}},
		"another type":          {"title = 7\n" + small, []string{"not readable:", "title = 7"}},
		"not text":              {"key = \"\xff\"", []string{"not readable:"}},
		"nothing":               {"", []string{`key "": use`, `document "": name`, "rules: 0 given"}},
		"a percentage":          {before("[[rule]]", "[change]\ntolerance_percent = \"5%\"\n"), []string{"change.tolerance_percent: percentage \"5%\""}},
		"a negative tolerance":  {before("[[rule]]", "[change]\ntolerance_minor_units = -1\n"), []string{"change.tolerance_minor_units: give 0 or more"}},
		"a soft account":        {before("[[rule]]", "[change]\ncosmetic = [\"payee.account\"]\n"), []string{"change: payee.account is always material"}},
		"a band of no money":    {before("[[rule.step]]", "[rule.when]\nup_to = \"5\"\n"), []string{"rule 1 (all): when.up_to:", "(give a decimal string, and when.currency)"}},
		"a band of words":       {before("[[rule.step]]", "[rule.when]\nup_to = \"a lot\"\ncurrency = \"RUB\"\n"), []string{"rule 1 (all): when.up_to: amount \"a lot\" RUB"}},
		"a band of nothing":     {before("[[rule.step]]", "[rule.when]\nup_to = \"0.00\"\ncurrency = \"RUB\"\n"), []string{"when.up_to:", "out of range"}},
		"a number, not a text":  {before("[[rule.step]]", "[rule.when]\nup_to = 5.00\ncurrency = \"RUB\"\n"), []string{"not readable:", "up_to = 5.00"}},
		"a currency alone":      {before("[[rule.step]]", "[rule.when]\ncurrency = \"RUB\"\n"), []string{"when.currency goes with when.up_to; use when.currencies"}},
		"a band without a rest": {before("[[rule.step]]", "[rule.when]\nup_to = \"5\"\ncurrency = \"RUB\"\n"), []string{"is the last and has a condition"}},
		"a mode":                {before("who", "mode = \"most\"\n"), []string{`mode "most": use one of any, all, n_of_m`}},
		"two mistakes": {
			"repeat = \"x\"\n" + before("[[rule]]", "[change]\ntolerance_percent = \"x\"\n"),
			[]string{"change.tolerance_percent:", `repeat "x": use`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := route.Parse([]byte(test.text))
			if err == nil {
				t.Fatalf("it was taken:\n%s", test.text)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not said in:\n%v", want, err)
				}
			}
		})
	}
}

// FuzzParse: what is taken passes every check, and finds a rule for every document.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(small)
	f.Add(strings.Replace(small, "[[rule.step]]", "[rule.when]\nup_to = \"5\"\ncurrency = \"RUB\"\n[[rule.step]]", 1) +
		"[[rule]]\nname = \"rest\"\n[[rule.step]]\nkey = \"s\"\nmode = \"n_of_m\"\nn = 2\nwho = [{ field = \"fields.owner\" }]\n")
	f.Add(small + "[[step_up]]\nover = \"5\"\ncurrency = \"RUB\"\nnew_payee = true\nsteps = [\"s\"]\nleast = \"totp\"\n")
	f.Add(small + "[[step_up]]\nleast = \"passkey\"\n[[step_up]]\nnew_payee = true\nleast = \"pin\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := route.Parse([]byte(text))
		if err != nil {
			return
		}
		if err := r.Check(); err != nil {
			t.Fatalf("taken, but %v:\n%s", err, text)
		}
		for _, d := range []document.Document{
			{},
			{Company: "A", CostCenter: "K", Amount: money.Amount{Minor: 1, Currency: "RUB"}},
			{Amount: money.Amount{Minor: 1 << 62, Currency: "JPY"}, Fields: map[string]string{"owner": "ann"}},
		} {
			plan, ok := r.Match(d)
			if !ok || len(plan.Steps) == 0 {
				t.Fatalf("no steps for %+v in:\n%s", d, text)
			}
			if asks := plan.Asks(d, true); asks != nil && len(asks) != len(plan.Steps) {
				t.Fatalf("%d steps, asked for is %q:\n%s", len(plan.Steps), asks, text)
			}
			for _, s := range plan.Steps {
				if _, ok := s.Need(len(s.Resolve(d, people.Directory{}))); ok {
					t.Fatalf("step %s is content with nobody:\n%s", s.Key, text)
				}
			}
		}
		if err := r.CheckPeople(people.Directory{}); err == nil && !strings.Contains(text, "field") {
			t.Fatalf("nobody can be asked, and it may be published:\n%s", text)
		}
	})
}

func TestRouteThatWasPublishedIsReadWhateverTodaysChecksSay(t *testing.T) {
	t.Parallel()
	text := []byte(`key = "old"
document = "payment_request"
[[rule]]
name = "all"
`) // no step: nothing that could be published now
	if _, err := route.Parse(text); err == nil {
		t.Error("a rule without steps can be published")
	}
	if r, err := route.Read(text); err != nil || r.Key != "old" || len(r.Rules) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := route.Read([]byte("key = 1")); err == nil {
		t.Error("a text that is no route is read")
	}
}
