package route_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/people"
	"countersign/internal/route"
)

func TestStepsThatAskForMoreNameWhomTheyAsk(t *testing.T) {
	t.Parallel()
	r, err := route.Parse([]byte(`key = "pay"
document = "payment_request"
[[step_up]]
new_payee = true
steps = ["pay"]
least = "totp"
[[step_up]]
over = "1000.00"
currency = "EUR"
steps = ["pay", "check"]
least = "pin"
[[rule]]
name = "all"
[[rule.step]]
key = "budget"
who = [{ role = "holder", of = "cost_center" }]
[[rule.step]]
key = "check"
who = [{ person = "cat" }, { role = "holder", of = "cost_center" }]
[[rule.step]]
key = "pay"
who = [{ role = "treasurer" }]
`))
	if err != nil {
		t.Fatal(err)
	}
	somebody := func(id string, roles ...string) people.Person {
		p := people.Person{ID: people.ID(id), ExternalID: id, Active: id != "gone"}
		for _, text := range roles {
			p.Roles = append(p.Roles, people.ParseRole(text))
		}
		return p
	}
	dir := people.NewDirectory([]people.Person{
		somebody("bob", "holder@CC-2", "treasurer"), somebody("ann", "holder@CC-1"), somebody("cat", "holder@CC-1"), somebody("gone", "treasurer"),
	})
	var got []string
	for _, d := range r.Demands(dir) {
		line := d.Where + " " + string(d.Least)
		for _, p := range d.Who {
			line += " " + p.ExternalID
		}
		got = append(got, line)
	}
	if d := cmp.Diff([]string{"rule 1 (all), step check pin ann bob cat", "rule 1 (all), step pay totp bob"}, got); d != "" {
		t.Error(d)
	}
}
