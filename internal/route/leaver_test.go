package route_test

import (
	"slices"
	"strings"
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

func TestStepsThatRolesTakenAwayLeaveUndecided(t *testing.T) {
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
`))
	if err != nil {
		t.Fatal(err)
	}
	staff := func(roles map[string]string) people.Directory {
		var all []people.Person
		for id, list := range roles {
			p := people.Person{ID: people.ID(id), ExternalID: id, Active: true}
			for text := range strings.FieldsSeq(list) {
				p.Roles = append(p.Roles, people.ParseRole(text))
			}
			all = append(all, p)
		}
		return people.NewDirectory(all)
	}
	before := staff(map[string]string{"ann": "holder@CC-1 board", "bob": "holder@CC-1 board", "cat": ""})
	for name, tt := range map[string]struct {
		after map[string]string
		want  []string
	}{
		"nothing":           {map[string]string{"ann": "holder@CC-1 board", "bob": "holder@CC-1 board"}, nil},
		"handed over":       {map[string]string{"cat": "holder@CC-1 board", "bob": "board"}, nil},
		"one of two":        {map[string]string{"ann": "holder@CC-1 board", "bob": "holder@CC-1"}, []string{"route pay, rule 1 (all), step board"}},
		"scope of both":     {map[string]string{"ann": "holder@CC-2 board", "bob": "board"}, []string{"route pay, rule 1 (all), step budget (cost_center CC-1)"}},
		"wider than before": {map[string]string{"ann": "holder board", "bob": "board"}, nil},
	} {
		if d := cmp.Diff(tt.want, r.Loses(before, staff(tt.after))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
