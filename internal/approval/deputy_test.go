package approval_test

import (
	"fmt"
	"slices"
	"time"

	"countersign/internal/approval"
	"countersign/internal/people"
)

// delegating: somebody gives a right away, or takes one back.
func (w *world) delegating() {
	w.delegations = slices.Clone(w.delegations)
	if n := len(w.delegations); n > 0 && w.choose("revoke", 4) == 0 {
		i := w.choose("which", n)
		w.delegations = slices.Delete(w.delegations, i, i+1)
	} else if d := w.delegation(); d.Principal != d.Deputy && !w.know().Circular(d) {
		w.delegations = append(w.delegations, d)
	}
	w.dir = w.know()
}

func (w *world) delegation() people.Delegation {
	w.given++
	d := people.Delegation{
		ID:        people.DelegationID(w.given),
		Principal: w.staff[w.choose("principal", len(w.staff))].ID, Deputy: w.staff[len(w.staff)-1-w.choose("deputy", len(w.staff))].ID,
		Scope: people.Scope{Role: pick(w, "role", "", "", "", "r0", "r1"), Type: pick(w, "type", "", "d", "d", "", "other")},
		From:  w.now.Add(time.Duration(pick(w, "from", 0, 0, 0, 3)) * time.Second), Hands: 3 - w.choose("hands", 3),
	}
	d.Until = d.From.Add(time.Duration(pick(w, "until", 100, 100, 100, 8)) * time.Second)
	if n := len(w.delegations); n > 0 && w.choose("on", 2) == 0 { // through other hands
		d.Principal = w.delegations[w.choose("which", n)].Deputy
	}
	if w.choose("limit", 5) == 0 {
		d.Scope.UpTo = new(rub(pick[int64](w, "most", 100, 104, 110, 99)))
	}
	return d
}

func (w *world) know() people.Directory {
	return people.NewDirectory(w.staff).With(w.delegations, nil)
}

// mustDelegate: by the delegations alone, not by the code under test, whoever votes for
// another may, the other is asked himself, and no seat is filled twice.
func (w *world) mustDelegate(t judge, past []approval.Event, e approval.Event) {
	t.Helper()
	var slot approval.Slot
	ownAsked := false
	for _, o := range past {
		if o.Round != e.Round || o.Step != e.Step {
			continue
		}
		for _, s := range o.Slots {
			if s.No == e.No {
				slot = s
			}
			ownAsked = ownAsked || s.Person == e.Vote.For && s.For == ""
		}
		seat := func(by people.ID, v *approval.Vote) people.ID {
			if v.For != "" {
				return v.For
			}
			return by
		}
		if o.Kind == approval.VoteCast && seat(o.Person, o.Vote) == seat(e.Person, e.Vote) {
			t.Fatalf("the seat of %s is filled twice: %+v, %+v", seat(e.Person, e.Vote), o, e)
		}
	}
	if slot.For != e.Vote.For || !slices.Equal(slot.By, e.Vote.By) {
		t.Fatalf("asked for %q by %v, voted for %q by %v", slot.For, slot.By, e.Vote.For, e.Vote.By)
	}
	if e.Vote.For == "" || e.Vote.Via == approval.ViaCarried {
		return
	}
	principal, _ := w.dir.Person(e.Vote.For)
	if !ownAsked || !principal.Active || w.party(w.doc(), principal.ID) {
		t.Fatalf("%s votes for %s: asked %t, active %t", e.Person, principal.ID, ownAsked, principal.Active)
	}
	holder := e.Vote.For
	for i, id := range e.Vote.By {
		n := slices.IndexFunc(w.delegations, func(d people.Delegation) bool { return d.ID == id })
		if n < 0 {
			t.Fatalf("the vote %+v rests on delegation %d, which is no more", e, id)
		}
		d := w.delegations[n]
		limit := d.Scope.UpTo
		if d.Principal != holder || w.now.Before(d.From) || !w.now.Before(d.Until) || d.Hands < len(e.Vote.By)-i ||
			d.Scope.Type != "" && d.Scope.Type != w.doc().Type || limit != nil && limit.Minor < w.doc().Amount.Minor ||
			d.Scope.Role != "" && slot.Because != "role:"+d.Scope.Role && slot.Because != "role:"+d.Scope.Role+"@h" {
			t.Fatalf("the vote %+v because %s rests on %+v", e, slot.Because, d)
		}
		holder = d.Deputy
	}
	if holder != e.Person || len(e.Vote.By) == 0 {
		t.Fatalf("the delegations %v of %s lead to %s, and %s votes", e.Vote.By, e.Vote.For, holder, e.Person)
	}
}

// mustKeepMeaning: what a card asked once, its slot asks for ever.
func (w *world) mustKeepMeaning(t judge) {
	t.Helper()
	for _, s := range w.c.Slots {
		place, whom := fmt.Sprintf("%d/%d/%d", s.Round, s.Step, s.No), string(s.Person+" for "+s.For)
		if was, known := w.meant[place]; known && was != whom {
			t.Fatalf("slot %s asked %s, and now %s", place, was, whom)
		}
		w.meant[place] = whom
	}
}
