package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/people"
)

// gives asks for a delegation of some hours, in some hours.
func (h house) gives(from, to people.Person, in, hours int) directory.NewDelegation {
	at := h.clock.Now().Add(time.Duration(in) * time.Hour)
	return directory.NewDelegation{Delegation: people.Delegation{
		Principal: from.ID, Deputy: to.ID, From: at, Until: at.Add(time.Duration(hours) * time.Hour), Hands: 1,
	}}
}

func TestADelegationIsRefusedWhereItWouldDoHarm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	carla := boris()
	carla.ExternalID, carla.Email = "carla", "carla@corp.example"
	p := h.mustPut(t, anna(), boris(), carla)
	if _, _, err := h.Delegate(t.Context(), "test", h.gives(p[0], p[1], 0, 10)); err != nil {
		t.Fatal(err)
	}
	long, endless, nothing := h.gives(p[0], p[2], 0, 24*401), h.gives(p[0], p[2], 0, 0), h.gives(p[0], p[2], 0, 1)
	nothing.Hands = 0
	linked := h.gives(p[1], p[2], 0, 1)
	linked.Account = 4711
	gone := h.gives(p[0], people.Person{ID: "per_00000000000000000000000000"}, 0, 1)
	for name, c := range map[string]struct {
		n    directory.NewDelegation
		want error
	}{
		"to himself":                 {h.gives(p[0], p[0], 0, 1), directory.ErrInvalid},
		"back":                       {h.gives(p[1], p[0], 5, 10), directory.ErrCircular},
		"too long":                   {long, directory.ErrInvalid},
		"for no time":                {endless, directory.ErrInvalid},
		"through no hands":           {nothing, directory.ErrInvalid},
		"by an account that is none": {linked, directory.ErrPowerless},
		"to nobody":                  {gone, directory.ErrUnknown},
	} {
		if _, _, err := h.Delegate(t.Context(), "test", c.n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, _, err := h.Delegate(t.Context(), "test", h.gives(p[1], p[0], 10, 10)); err != nil {
		t.Errorf("back, when the first is over: %v", err)
	}
	if err := h.Deactivate(t.Context(), "test", "carla", "left"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Delegate(t.Context(), "test", h.gives(p[0], p[2], 0, 1)); !errors.Is(err, directory.ErrInactive) {
		t.Errorf("to somebody who has left: %v", err)
	}
}

func TestWhatAnERPSaysAgainChangesNothingAndWhatItSaysAnewReplaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna(), boris())
	if _, err := h.app.Exec(t.Context(), "insert into source (name, created_at) values ('hr', now())"); err != nil {
		t.Fatal(err)
	}
	name := directory.Name{Source: "hr", ExternalID: "vacation-1"}
	n := directory.NewAbsence{Absence: people.Absence{Person: p[0].ID, From: h.clock.Now().Add(time.Hour), Until: h.clock.Now().Add(48 * time.Hour)}, Deputy: p[1].ID, Name: name}
	first, created, err := h.PutAbsence(t.Context(), "key", n)
	if err != nil || !created || first.Through == 0 {
		t.Fatalf("%+v, %t, %v", first, created, err)
	}
	before := h.version(t)
	if again, created, err := h.PutAbsence(t.Context(), "key", n); err != nil || created || again.ID != first.ID || h.version(t) != before {
		t.Errorf("the same again: %+v, %t, %v", again, created, err)
	}
	n.Until = n.Until.Add(time.Hour)
	second, created, err := h.PutAbsence(t.Context(), "key", n)
	if err != nil || created || second.ID == first.ID {
		t.Errorf("a day longer: %+v, %t, %v", second, created, err)
	}
	given, err := h.Delegations(t.Context(), p[1].ID)
	if err != nil || len(given) != 1 || given[0].ID != second.Through || !given[0].Until.Equal(n.Until) {
		t.Errorf("delegations: %+v, %v", given, err)
	}
	h.clock.advance(50 * time.Hour) // it is over, and its name is free for the next year
	n.From, n.Until = n.From.Add(100*time.Hour), n.Until.Add(100*time.Hour)
	if _, _, err := h.PutAbsence(t.Context(), "key", n); err != nil {
		t.Errorf("the next one: %v", err)
	}
	ended, err := h.EndNamed(t.Context(), "key", name, "stays")
	if err != nil || ended.Ended.IsZero() || ended.Why != "stays" {
		t.Errorf("%+v, %v", ended, err)
	}
	if again, err := h.EndNamed(t.Context(), "key", name, "once more"); err != nil || again.Why != "stays" {
		t.Errorf("%+v, %v", again, err)
	}
	if given, err := h.Delegations(t.Context(), ""); err != nil || len(given) > 0 {
		t.Errorf("left are %+v, %v", given, err)
	}
	if _, err := h.EndNamed(t.Context(), "key", directory.Name{Source: "hr", ExternalID: "x\x00"}, "x"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("nobody's name: %v", err)
	}
	want := []string{
		"absence.made by key", "delegation.made by key", "absence.ended by key", "delegation.ended by key", "absence.made by key", "delegation.made by key",
		"absence.ended by key", "delegation.ended by key", "absence.made by key", "delegation.made by key", "absence.ended by key", "delegation.ended by key",
	}
	if got := h.journal(t, "anna"); !slices.Equal(got[1:], want) {
		t.Errorf("journal: %q", got)
	}
}

func TestWhoLeavesStandsInForNobodyAnyMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna(), boris())
	for i, n := range []directory.NewDelegation{h.gives(p[0], p[1], 0, 10), h.gives(p[1], p[0], 20, 10)} {
		if _, _, err := h.Delegate(t.Context(), "test", n); err != nil {
			t.Fatal(fmt.Sprint(i), err)
		}
	}
	n := directory.NewAbsence{Absence: people.Absence{Person: p[1].ID, From: h.clock.Now(), Until: h.clock.Now().Add(time.Hour)}}
	if _, _, err := h.PutAbsence(t.Context(), "test", n); err != nil {
		t.Fatal(err)
	}
	if err := h.Deactivate(t.Context(), "test", "boris", "left"); err != nil {
		t.Fatal(err)
	}
	given, err := h.Delegations(t.Context(), "")
	gone, also := h.Absences(t.Context(), "")
	if err != nil || also != nil || len(given)+len(gone) > 0 {
		t.Errorf("%+v, %+v, %v, %v", given, gone, err, also)
	}
}
