package people_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/money"
	"countersign/internal/people"
)

// day is a day of June at noon.
func day(n int) time.Time { return time.Date(2026, 6, n, 12, 0, 0, 0, time.UTC) }

func gave(id people.DelegationID, from, to people.ID, first, last int) people.Delegation {
	return people.Delegation{ID: id, Principal: from, Deputy: to, From: day(first), Until: day(last), Hands: 3}
}

func TestADelegationHoldsFromItsFirstMomentToItsLast(t *testing.T) {
	t.Parallel()
	d := gave(1, "p1", "p2", 5, 7)
	for at, want := range map[time.Time]bool{
		d.From.Add(-1): false, d.From: true, d.Until.Add(-1): true, d.Until: false,
	} {
		if d.Holds(at) != want {
			t.Errorf("at %s it holds: %t", at, !want)
		}
	}
}

func TestAScopeIsNarrowedByEachOfItsWords(t *testing.T) {
	t.Parallel()
	rent := people.Matter{Role: "treasurer", Type: "payment", Company: "A", Amount: money.Amount{Minor: 100, Currency: "RUB"}}
	limit := func(minor int64, currency string) people.Scope {
		return people.Scope{UpTo: &money.Amount{Minor: minor, Currency: currency}}
	}
	for _, test := range []struct {
		scope people.Scope
		want  bool
	}{
		{people.Scope{}, true},
		{people.Scope{Role: "treasurer", Type: "payment", Company: "A"}, true},
		{people.Scope{Role: "budget"}, false},
		{people.Scope{Type: "contract"}, false},
		{people.Scope{Company: "B"}, false},
		{limit(100, "RUB"), true},
		{limit(99, "RUB"), false},
		{limit(1000, "USD"), false},
	} {
		if got := test.scope.Covers(rent); got != test.want {
			t.Errorf("%+v covers it: %t", test.scope, got)
		}
	}
}

func TestARightThatWouldComeBackIsKnown(t *testing.T) {
	t.Parallel()
	d := people.NewDirectory(nil).With([]people.Delegation{gave(1, "p2", "p3", 1, 10), gave(2, "p3", "p4", 5, 20)}, nil)
	for name, test := range map[string]struct {
		n    people.Delegation
		want bool
	}{
		"to himself":                        {gave(9, "p1", "p1", 1, 2), true},
		"on":                                {gave(9, "p4", "p1", 6, 9), false},
		"back":                              {gave(9, "p3", "p2", 6, 9), true},
		"back through another":              {gave(9, "p4", "p2", 6, 9), true},
		"back, when the other is over":      {gave(9, "p3", "p2", 10, 12), false},
		"back, before the other begins":     {gave(9, "p4", "p3", 1, 5), false},
		"the same once more, as it is kept": {gave(1, "p2", "p3", 1, 10), false},
	} {
		if got := d.Circular(test.n); got != test.want {
			t.Errorf("%s: circular %t", name, got)
		}
	}
}

func TestWhoIsAwayIsKnownUntilHeIsBack(t *testing.T) {
	t.Parallel()
	d := people.NewDirectory(staff()).With(nil, []people.Absence{
		{ID: 1, Person: "p1", From: day(5), Until: day(9)}, {ID: 2, Person: "p1", From: day(7), Until: day(8)},
	})
	for at, want := range map[time.Time]int64{day(4): 0, day(5): 1, day(7): 1, day(9): 0} {
		a, away := d.Away("p1", at)
		if a.ID != want || away != (want > 0) {
			t.Errorf("on %s: %+v, %t", at, a, away)
		}
	}
	if _, away := d.Away("p2", day(7)); away {
		t.Error("somebody else is away")
	}
}

func TestADeputyStandsByNoOtherDelegationsThanHisOwn(t *testing.T) {
	t.Parallel()
	first, second := gave(1, "p1", "p2", 1, 9), gave(2, "p2", "p3", 1, 9)
	first.Hands = 2
	d := people.NewDirectory(staff()).With([]people.Delegation{first, second}, nil)
	everybody := func(people.ID) bool { return true }
	want := []people.Deputy{{Person: "p2", By: []people.DelegationID{1}}, {Person: "p3", By: []people.DelegationID{1, 2}}}
	if diff := cmp.Diff(want, d.Deputies("p1", people.Matter{}, day(3), everybody)); diff != "" {
		t.Error(diff)
	}
	for _, deputy := range want {
		if !d.Stands("p1", deputy, people.Matter{}, day(3)) {
			t.Errorf("%+v does not stand", deputy)
		}
	}
	for _, wrong := range []people.Deputy{
		{Person: "p3", By: []people.DelegationID{1}}, {Person: "p3", By: []people.DelegationID{2}}, {Person: "p2"}, {Person: "p2", By: []people.DelegationID{7}},
	} {
		if d.Stands("p1", wrong, people.Matter{}, day(3)) {
			t.Errorf("%+v stands", wrong)
		}
	}
	if none := d.Deputies("p1", people.Matter{}, day(9), everybody); len(none) > 0 {
		t.Errorf("when it is over: %+v", none)
	}
	trusted := func(id people.ID) bool { return id != "p2" }
	if none := d.Deputies("p1", people.Matter{}, day(3), trusted); len(none) > 0 {
		t.Errorf("through somebody who may not himself: %+v", none)
	}
}

func TestSomebodyIsFoundByTheBeginningsOfHisNames(t *testing.T) {
	t.Parallel()
	d := people.NewDirectory([]people.Person{
		{ID: "1", Name: "Анна Смит", ExternalID: "anna", Active: true},
		{ID: "2", Name: "Анна-Мария Петрова", Active: true},
		{ID: "3", Name: "Борис Анненков", Active: true},
		{ID: "4", Name: "Анна Ушла"},
	})
	for text, want := range map[string][]people.ID{
		"анна": {"1", "2"}, "  СМИТ ан": {"1"}, "ann": nil, "anna": {"1"}, "анн бор": {"3"}, " ": nil, "%": nil,
	} {
		if got := ids(d.Named(text, 9)); !slices.Equal(got, want) {
			t.Errorf("%q means %q", text, got)
		}
	}
	if got := d.Named("ан", 1); len(got) != 1 {
		t.Errorf("%d were found", len(got))
	}
}
