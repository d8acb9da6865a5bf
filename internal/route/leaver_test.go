package route_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/people"
	"countersign/internal/route"
)

func TestTheLastOneOfAStepIsFound(t *testing.T) {
	t.Parallel()
	r, err := route.Parse([]byte(`key = "pay"
document = "payment_request"
[[rule]]
name = "all"
[[rule.step]]
key = "budget"
who = [{ role = "holder", of = "cost_center" }]
[[rule.step]]
key = "board"
mode = "n_of_m"
n = 2
who = [{ role = "board" }]
[[rule.step]]
key = "boss"
who = [{ person = "cat" }, { role = "boss" }]
`))
	if err != nil {
		t.Fatal(err)
	}
	somebody := func(id string, roles ...string) people.Person {
		p := people.Person{ID: people.ID(id), ExternalID: id, Active: true}
		for _, text := range roles {
			p.Roles = append(p.Roles, people.ParseRole(text))
		}
		return p
	}
	dir := people.NewDirectory([]people.Person{
		somebody("ann", "holder@CC-1", "board"), somebody("bob", "holder@CC-2", "holder@CC-1", "board"), somebody("cat"), somebody("dan", "boss"),
	})
	for id, want := range map[people.ID][]string{
		"ann": {"route pay, rule 1 (all), step board"},
		"bob": {"route pay, rule 1 (all), step board", "route pay, rule 1 (all), step budget (cost_center CC-2)"},
		"cat": nil,
		"dan": nil,
	} {
		got := r.Sole(dir, id)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", id, d)
		}
	}
	if got := r.Sole(dir.Without("dan"), "cat"); len(got) != 1 {
		t.Errorf("the last boss: %v", got)
	}
	if got := r.Names(dir, "cat"); len(got) != 1 || len(r.Names(dir, "dan")) != 0 {
		t.Errorf("named: %v", got)
	}
}
