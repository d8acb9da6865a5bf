package people_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/people"
)

func staff() []people.Person {
	return []people.Person{
		{ID: "p3", ExternalID: "cat", Email: "cat@example.com", Active: true, Telegram: 3, Roles: roles("treasurer", "auditor@A")},
		{ID: "p1", ExternalID: "ann", Email: "ann@example.com", Active: true, Telegram: 1, Roles: roles("treasurer@A", "auditor@A")},
		{ID: "p2", ExternalID: "bob", Email: "bob@example.com", Active: true, Roles: roles("treasurer@A", "treasurer@A", "treasurer@B")},
		{ID: "p4", ExternalID: "gone", Email: "gone@example.com", Telegram: 4, Roles: roles("treasurer@A", "treasurer@C", "poet")},
	}
}

func roles(texts ...string) []people.Role {
	var out []people.Role
	for _, t := range texts {
		out = append(out, people.ParseRole(t))
	}
	return out
}

func ids(persons []people.Person) []people.ID {
	var out []people.ID
	for _, p := range persons {
		out = append(out, p.ID)
	}
	return out
}

func TestARoleIsReadAndWrittenInOneForm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want people.Role
	}{
		{"treasurer", people.Role{Name: "treasurer"}},
		{" treasurer @ LLC-A ", people.Role{Name: "treasurer", Scope: "LLC-A"}},
		{"treasurer@", people.Role{Name: "treasurer"}},
		{"holder@a@b", people.Role{Name: "holder", Scope: "a@b"}},
		{"", people.Role{}},
	}
	for _, test := range tests {
		got := people.ParseRole(test.text)
		if got != test.want {
			t.Errorf("%q: %+v, want %+v", test.text, got, test.want)
		}
		if again := people.ParseRole(got.String()); again != got {
			t.Errorf("%q came back as %+v", got, again)
		}
	}
}

func TestTheNearerScopeIsAsked(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory(staff())
	tests := []struct {
		role, scope string
		want        []people.ID
	}{
		{"treasurer", "A", []people.ID{"p1", "p2"}}, // not who holds it everywhere, and nobody twice
		{"treasurer", "B", []people.ID{"p2"}},
		{"treasurer", "C", []people.ID{"p3"}}, // who left holds nothing
		{"treasurer", "unknown", []people.ID{"p3"}},
		{"treasurer", "", []people.ID{"p3"}},
		{"auditor", "A", []people.ID{"p1", "p3"}},
		{"auditor", "", nil},
		{"poet", "", nil},
		{"nobody", "A", nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, ids(dir.InRole(test.role, test.scope))); diff != "" {
			t.Errorf("%s of %q:\n%s", test.role, test.scope, diff)
		}
	}
}

func TestWithRoleLooksAtEveryScope(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory(staff())
	for role, want := range map[string][]people.ID{"treasurer": {"p1", "p2", "p3"}, "auditor": {"p1", "p3"}, "poet": nil} {
		if diff := cmp.Diff(want, ids(dir.WithRole(role))); diff != "" {
			t.Errorf("%s:\n%s", role, diff)
		}
	}
	if dir.Len() != 4 {
		t.Errorf("%d people known, want 4", dir.Len())
	}
}

func TestARoleIsHeldInItsOwnScopeOnly(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory(staff())
	tests := []struct {
		id   people.ID
		role string
		want bool
	}{
		{"p1", "treasurer@A", true},
		{"p1", "treasurer", false},
		{"p1", "treasurer@B", false},
		{"p3", "treasurer", true},
		{"p3", "treasurer@A", false},
		{"p4", "poet", false},
	}
	for _, test := range tests {
		p, _ := dir.Person(test.id)
		if got := p.Holds(people.ParseRole(test.role)); got != test.want {
			t.Errorf("%s holds %s: %t, want %t", test.id, test.role, got, test.want)
		}
	}
}

func TestAPersonIsFoundByTheWordsOfTheERP(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory(staff())
	for ref, want := range map[string]people.ID{
		"ann": "p1", " ann ": "p1", "ann@example.com": "p1", "ANN@Example.COM": "p1", "gone": "p4",
		"": "", "  ": "", "ANN": "", "p1": "", "nobody": "",
	} {
		p, ok := dir.Find(ref)
		if p.ID != want || ok != (want != "") {
			t.Errorf("%q found %q, %t; want %q", ref, p.ID, ok, want)
		}
	}
}

func TestAnAmbiguousNameFindsNobody(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory([]people.Person{
		{ID: "1", ExternalID: "x", Email: "a@example.com", Telegram: 7, Active: true},
		{ID: "2", ExternalID: "x", Email: "b@example.com", Telegram: 7, Active: true},
		{ID: "3", ExternalID: "x", Email: "B@example.com", Telegram: 7, Active: true},
		{ID: "4", ExternalID: "y", Email: "c@example.com", Telegram: 8},
		{ID: "5", ExternalID: "c@example.com", Active: true},
	})
	for ref, want := range map[string]people.ID{
		"x": "", "b@example.com": "", "a@example.com": "1", "y": "4",
		"c@example.com": "5", // the external id goes before the mail address
	} {
		if p, ok := dir.Find(ref); p.ID != want || ok != (want != "") {
			t.Errorf("%q found %q, want %q", ref, p.ID, want)
		}
	}
	if p, ok := dir.ByTelegram(7); ok {
		t.Errorf("an account of three people found %q", p.ID)
	}
}

func TestAnAmbiguousNameMeansEverybodyWhoIsCalledSo(t *testing.T) {
	t.Parallel()
	p := people.Person{ID: "1", ExternalID: "x", Email: "a@example.com"}
	for ref, want := range map[string]bool{
		"x": true, " x ": true, "a@example.com": true, "A@EXAMPLE.com ": true,
		"X": true, "": false, " ": false, "1": false, "b@example.com": false,
	} {
		if got := p.Called(ref); got != want {
			t.Errorf("%q: %t, want %t", ref, got, want)
		}
	}
	dir := people.NewDirectory([]people.Person{p, {ID: "2", ExternalID: "A@example.com"}, {ID: "3"}})
	for ref, want := range map[string][]people.ID{"X": {"1"}, "a@Example.com": {"1", "2"}, "": nil, "1": nil} {
		if diff := cmp.Diff(want, dir.Meant(ref)); diff != "" {
			t.Errorf("%q means (-want +got):\n%s", ref, diff)
		}
	}
	if (people.Person{ID: "1"}).Called("") {
		t.Error("nobody's name is empty")
	}
}

func TestOnlyALinkedAndActiveAccountIsSomebody(t *testing.T) {
	t.Parallel()
	dir := people.NewDirectory(staff())
	if p, ok := dir.ByTelegram(3); !ok || p.ID != "p3" || !p.Linked() {
		t.Errorf("account 3 is %q, %t", p.ID, ok)
	}
	for _, account := range []int64{0, 4, 99, -3} {
		if _, ok := dir.ByTelegram(account); ok {
			t.Errorf("account %d is somebody", account)
		}
	}
	if p, _ := dir.Person("p2"); p.Linked() {
		t.Error("bob is linked to no account")
	}
}

func TestTheZeroDirectoryKnowsNobody(t *testing.T) {
	t.Parallel()
	var dir people.Directory
	_, byID := dir.Person("p1")
	_, byRef := dir.Find("ann")
	_, byAccount := dir.ByTelegram(1)
	if byID || byRef || byAccount || dir.Len() != 0 || len(dir.InRole("treasurer", "")) != 0 || len(dir.WithRole("treasurer")) != 0 {
		t.Error("it knows somebody")
	}
}

func TestAccountDecidesOnceItMayAndAsLongAsItMay(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		power people.Power
		life  time.Duration
		want  error
	}{
		"by an administrator":      {people.Power{}, time.Hour, nil},
		"waits":                    {people.Power{Waits: true}, 0, people.ErrUnconfirmed},
		"a moment before its time": {people.Power{From: noon.Add(1)}, 0, people.ErrCoolingOff},
		"from its time on":         {people.Power{From: noon}, 0, nil},
		"fresh login":              {people.Power{Proved: noon.Add(-time.Hour + 1)}, time.Hour, nil},
		"old login":                {people.Power{Proved: noon.Add(-time.Hour)}, time.Hour, people.ErrLoginOld},
		"old login is enough":      {people.Power{Proved: noon.Add(-10000 * time.Hour)}, 0, nil},
	} {
		if err := c.power.Decides(noon, c.life); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
