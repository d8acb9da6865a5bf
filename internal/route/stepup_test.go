package route_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/route"
)

func TestStepUpsOfARouteFileAreRead(t *testing.T) {
	t.Parallel()
	r, err := route.Parse([]byte(small + `
[[step_up]]
over = "500000.00"
currency = "RUB"
least = "totp"
[[step_up]]
new_payee = true
steps = ["s"]
least = "pin"
[[step_up]]
over = "1500"
currency = "JPY"
new_payee = true
least = "passkey"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []route.StepUp{
		{Over: &money.Amount{Minor: 500_000_00, Currency: "RUB"}, Least: route.ByTOTP},
		{NewPayee: true, Steps: []string{"s"}, Least: route.ByPIN},
		{Over: &money.Amount{Minor: 1500, Currency: "JPY"}, NewPayee: true, Least: route.ByPasskey},
	}
	if diff := cmp.Diff(want, r.StepUps); diff != "" {
		t.Error(diff)
	}
	matched, _ := r.Match(document.Document{})
	named, _ := r.Plan("all")
	for _, p := range []route.Plan{matched, named} {
		if diff := cmp.Diff(want, p.StepUps); diff != "" || !p.AsksNewness() {
			t.Errorf("the plan: %s", diff)
		}
	}
}

func TestEveryMistakeInAStepUpIsNamed(t *testing.T) {
	t.Parallel()
	over := func(text, more string) string { return "over = \"" + text + "\"\ncurrency = \"RUB\"\n" + more }
	tests := map[string]struct {
		tables []string
		want   []string
	}{
		"no least":             {[]string{"new_payee = true"}, []string{`step_up 1: least "": use pin, login, totp or passkey`}},
		"the chat":             {[]string{"new_payee = true\nleast = \"chat\""}, []string{`step_up 1: least "chat": use pin`}},
		"an unknown word":      {[]string{over("5", "least = \"face\"")}, []string{`step_up 1: least "face"`}},
		"in capitals":          {[]string{over("5", "least = \"PIN\"")}, []string{`step_up 1: least "PIN"`}},
		"no condition":         {[]string{over("5", "least = \"pin\""), "least = \"totp\""}, []string{"step_up 2: no condition: give over (with currency), new_payee = true, or both"}},
		"an old payee":         {[]string{"new_payee = false\nleast = \"pin\""}, []string{"step_up 1: no condition"}},
		"over without":         {[]string{"over = \"5\"\nleast = \"pin\""}, []string{"step_up 1: over: currency", "(give a decimal string, and currency)"}},
		"a currency alone":     {[]string{"currency = \"RUB\"\nnew_payee = true\nleast = \"pin\""}, []string{"step_up 1: currency goes with over"}},
		"an unknown currency":  {[]string{"over = \"5\"\ncurrency = \"RUR\"\nleast = \"pin\""}, []string{"step_up 1: over: currency \"RUR\""}},
		"over nothing":         {[]string{over("0.00", "least = \"pin\"")}, []string{"step_up 1: over:", "out of range"}},
		"over a word":          {[]string{over("a lot", "least = \"pin\"")}, []string{"step_up 1: over:", "not a plain decimal"}},
		"over a number":        {[]string{"over = 5.00\ncurrency = \"RUB\"\nleast = \"pin\""}, []string{"not readable:"}},
		"an unknown key":       {[]string{"ovr = \"5\"\nleast = \"pin\""}, []string{"unknown keys:", "ovr"}},
		"an unknown step":      {[]string{over("5", "steps = [\"s\", \"pay\"]\nleast = \"pin\"")}, []string{`step_up 1: step "pay": no rule has a step of this key`}},
		"a step twice":         {[]string{over("5", "steps = [\"s\", \"s\"]\nleast = \"pin\"")}, []string{"step_up 1: step s is there twice"}},
		"the same twice":       {[]string{over("5", "least = \"pin\""), over("5.00", "least = \"pin\"")}, []string{"step_up 2: asks for nothing that step_up 1 does not ask for; remove it"}},
		"less for the same":    {[]string{over("5", "least = \"pin\""), over("5", "least = \"login\"")}, []string{"step_up 1: asks for nothing that step_up 2 does not ask for"}},
		"less for more":        {[]string{over("5", "least = \"totp\""), over("6", "least = \"pin\"")}, []string{"step_up 2: asks for nothing that step_up 1"}},
		"a part of the payees": {[]string{over("5", "least = \"totp\""), over("6", "new_payee = true\nleast = \"totp\"")}, []string{"step_up 2: asks for nothing that step_up 1"}},
		"a part of the sums":   {[]string{over("5", "new_payee = true\nleast = \"totp\""), "new_payee = true\nleast = \"totp\""}, []string{"step_up 1: asks for nothing that step_up 2"}},
		"a part of the steps":  {[]string{over("5", "steps = [\"s\"]\nleast = \"totp\""), over("5", "least = \"totp\"")}, []string{"step_up 1: asks for nothing that step_up 2"}},
		"too many":             {slices.Repeat([]string{over("5", "least = \"pin\"")}, 51), []string{"step_up: 51 given; a route has 50 at most"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := small
			for _, table := range test.tables {
				text += "[[step_up]]\n" + table + "\n"
			}
			_, err := route.Parse([]byte(text))
			if err == nil {
				t.Fatalf("it was taken:\n%s", text)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not said in:\n%v", want, err)
				}
			}
			if n := strings.Count("\n"+err.Error(), "\nstep_up "); n > 1 {
				t.Errorf("one mistake is told as %d:\n%v", n, err)
			}
		})
	}
}

func TestStepUpsThatAddSomethingAreTaken(t *testing.T) {
	t.Parallel()
	r := sound()
	r.Rules[0].Steps = append(r.Rules[0].Steps, route.Step{Key: "pay", Mode: route.Any, Who: []route.Selector{{Role: "r"}}})
	dollars := money.Amount{Minor: 100, Currency: "USD"}
	r.StepUps = []route.StepUp{
		{Over: new(rub(5)), Least: route.ByPIN},
		{Over: new(rub(50)), Least: route.ByTOTP},
		{Over: new(rub(5)), Steps: []string{"pay"}, Least: route.ByLogin},
		{Over: &dollars, Least: route.ByPIN},
		{NewPayee: true, Least: route.ByPIN},
		{Over: new(rub(50)), NewPayee: true, Least: route.ByPasskey},
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

// TestStepUpThatIsCalledIdleIsIdle: without it everything is asked for as before, but for
// sums in a currency that then no limit names.
func TestStepUpThatIsCalledIdleIsIdle(t *testing.T) {
	t.Parallel()
	words := []route.Assurance{route.ByPIN, route.ByLogin, route.ByTOTP, route.ByPasskey}
	ups := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) route.StepUp {
		u := route.StepUp{NewPayee: rapid.Bool().Draw(t, "new"), Least: rapid.SampledFrom(words).Draw(t, "least")}
		if !u.NewPayee || rapid.Bool().Draw(t, "over") {
			u.Over = new(rub(rapid.Int64Range(1, 3).Draw(t, "limit")))
		}
		u.Steps = rapid.SampledFrom([][]string{nil, {"a"}, {"b"}, {"a", "b"}}).Draw(t, "steps")
		return u
	}), 1, 4)
	rapid.Check(t, func(t *rapid.T) {
		r := sound()
		step := func(key string) route.Step {
			return route.Step{Key: key, Mode: route.Any, Who: []route.Selector{{Role: "r"}}}
		}
		r.Rules[0].Steps = []route.Step{step("a"), step("b")}
		r.StepUps = ups.Draw(t, "step-ups")
		err := r.Check()
		with, _ := r.Plan("all")
		idle := 0
		for i := range r.StepUps {
			without := with
			without.StepUps = slices.Delete(slices.Clone(with.StepUps), i, i+1)
			same := true
			for _, amount := range []money.Amount{rub(1), rub(2), rub(3), rub(4), {Minor: 1, Currency: "USD"}} {
				for _, fresh := range []bool{true, false} {
					d := document.Document{Amount: amount}
					same = same && slices.Equal(with.Asks(d, fresh), without.Asks(d, fresh))
				}
			}
			said := err != nil && strings.Contains(err.Error(), "step_up "+string(rune('1'+i))+": asks for nothing")
			if said && !same {
				t.Fatalf("step_up %d is called idle and is not: %v", i+1, err)
			}
			if said {
				idle++
			}
		}
		if idle == len(r.StepUps) {
			t.Fatalf("all are called idle: %v", err)
		}
	})
}

func TestStrongestStepUpThatHoldsIsAskedFor(t *testing.T) {
	t.Parallel()
	p := route.Plan{
		Steps: []route.Step{{Key: "a"}, {Key: "b"}},
		StepUps: []route.StepUp{
			{Over: new(rub(10)), Least: route.ByTOTP},
			{Over: new(rub(5)), Least: route.ByPIN},
			{NewPayee: true, Steps: []string{"b"}, Least: route.ByLogin},
			{Over: new(rub(20)), NewPayee: true, Steps: []string{"a"}, Least: route.ByPasskey},
			{Over: &money.Amount{Minor: 1000, Currency: "USD"}, Steps: []string{"b"}, Least: route.ByPasskey},
		},
	}
	usd := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "USD"} }
	for name, test := range map[string]struct {
		amount money.Amount
		fresh  bool
		want   []route.Assurance
	}{
		"small":                        {rub(5), false, nil},
		"over the lower":               {money.Amount{Minor: 501, Currency: "RUB"}, false, []route.Assurance{"pin", "pin"}},
		"over both":                    {rub(11), false, []route.Assurance{"totp", "totp"}},
		"small, a new payee":           {rub(5), true, []route.Assurance{"chat", "login"}},
		"over the lower, a new payee":  {rub(6), true, []route.Assurance{"pin", "login"}},
		"over all, a new payee":        {rub(21), true, []route.Assurance{"passkey", "totp"}},
		"a currency of one step":       {usd(1000), false, []route.Assurance{"totp", "chat"}},
		"over in that currency":        {usd(1001), false, []route.Assurance{"totp", "passkey"}},
		"a currency of none":           {money.Amount{Minor: 1, Currency: "EUR"}, false, []route.Assurance{"totp", "passkey"}},
		"of none, and a new payee":     {money.Amount{Minor: 1, Currency: "EUR"}, true, []route.Assurance{"passkey", "passkey"}},
		"no amount at all is the most": {money.Amount{}, false, []route.Assurance{"totp", "passkey"}},
	} {
		if diff := cmp.Diff(test.want, p.Asks(document.Document{Amount: test.amount}, test.fresh)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	p.StepUps = []route.StepUp{{NewPayee: true, Least: route.ByPIN}}
	if got := p.Asks(document.Document{Amount: usd(1)}, false); got != nil {
		t.Errorf("without a limit a currency asked for %q", got)
	}
}

func TestAssurancesAreInTheirOrder(t *testing.T) {
	t.Parallel()
	all := []route.Assurance{"chat", "pin", "login", "totp", "passkey"}
	for i, given := range all {
		for j, least := range all {
			if given.Gives(least) != (i >= j) {
				t.Errorf("%s for %s: %t", given, least, given.Gives(least))
			}
		}
		for _, odd := range []route.Assurance{"", "face", "PIN", "pin "} {
			if odd.Known() || odd.Gives(given) || given.Gives(odd) || odd.Gives(odd) {
				t.Errorf("%q counts for something", odd)
			}
		}
	}
	lists := [][]route.Assurance{nil, {"chat", "totp"}, {"pin", "login", "chat"}}
	want := []route.Assurance{"pin", "totp", "chat"}
	if got := route.Raise(lists[1], lists[2]); !slices.Equal(got, want) || !slices.Equal(route.Raise(lists[2], lists[1]), want) {
		t.Errorf("raised to %q", got)
	}
	if got := route.Raise(nil, lists[1]); !slices.Equal(got, lists[1]) || route.Raise(nil, nil) != nil {
		t.Errorf("raised to %q", got)
	}
	if !slices.Equal(lists[1], []route.Assurance{"chat", "totp"}) {
		t.Error("a list that was given is changed")
	}
}

// TestExampleOfTheShippedRouteIsSound: what stands there as a remark can be put to use.
func TestExampleOfTheShippedRouteIsSound(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(text), "# [[step_up]]\n")
	if !found {
		t.Fatal("there is no example")
	}
	example, _, _ = strings.Cut("# [[step_up]]\n"+example, "\n\n")
	var used strings.Builder
	for line := range strings.Lines(example + "\n") {
		used.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
	}
	r, err := route.Parse([]byte(string(text) + "\n" + used.String()))
	if err != nil || len(r.StepUps) != 2 {
		t.Errorf("%+v, %v", r.StepUps, err)
	}
}
