package approval

import (
	"slices"
	"strings"

	"countersign/internal/document"
	"countersign/internal/people"
)

// seating is who is asked in a step from now on, and who no more. The deputies follow from
// those who are asked for themselves.
type seating struct {
	gone  []int
	slots []Slot
	more  int // by how many seats there are more than before

	there []Slot // of the step, as they are
	next  int    // the first number that was never given
}

// put asks somebody: in the slot that he had for the same seat, or in a new one. What a
// card says once, its slot means for ever.
func (g *seating) put(s Slot) {
	i := slices.IndexFunc(g.there, func(o Slot) bool { return o.Person == s.Person && o.For == s.For })
	if i >= 0 {
		s.No = g.there[i].No
	} else {
		s.No, g.next = g.next, g.next+1
	}
	g.slots = append(g.slots, s)
}

// seat settles who is asked in a step: of those it names themselves, all who can be or only
// those who are already, and their deputies.
func (t *turn) seat(step int, named []Slot) seating {
	there := t.c.InStep(step)
	g := seating{there: there, next: len(there), gone: t.gone(step)}
	g.more = len(named) - len(g.gone)
	var own []Slot
	for _, s := range there {
		if s.For == "" && s.State == SlotOpen && !slices.Contains(g.gone, s.No) {
			own = append(own, s)
		}
	}
	for _, s := range named {
		g.put(s)
	}
	t.deputies(&g, append(own, g.slots...))
	return g
}

// deputies settles who is asked for those who are: whoever is and may be, stays.
func (t *turn) deputies(g *seating, own []Slot) {
	var busy []people.ID // a person is asked once, or has voted, or has been voted for
	for _, s := range own {
		busy = append(busy, s.Person)
	}
	for _, s := range g.there {
		if s.State == SlotVoted {
			busy = append(busy, s.Person, s.Seat())
		}
	}
	asked := func(s Slot) bool {
		return slices.ContainsFunc(own, func(o Slot) bool { return o.Person == s.For })
	}
	for _, s := range g.there {
		if s.For == "" || s.State != SlotOpen {
			continue
		}
		if asked(s) && !slices.Contains(busy, s.Person) && t.mayDecide(s.Person) && t.stands(s) {
			busy = append(busy, s.Person)
		} else {
			g.gone = append(g.gone, s.No)
		}
	}
	for _, o := range own {
		for _, d := range t.dir.Deputies(o.Person, matter(o, t.doc), t.now, t.mayDecide) {
			if slices.Contains(busy, d.Person) {
				continue
			}
			busy = append(busy, d.Person)
			g.put(Slot{
				Round: t.c.Round, Step: o.Step, Person: d.Person, For: o.Person, By: d.By, Because: o.Because, State: SlotOpen,
			})
		}
	}
	g.gone = slices.DeleteFunc(g.gone, func(no int) bool { // by other delegations, and without a break
		return slices.ContainsFunc(g.slots, func(s Slot) bool { return s.No == no })
	})
}

// deputize lets the deputies of the open step come and go.
func (t *turn) deputize() {
	if t.c.State != InProgress {
		return
	}
	step := t.c.Step
	if g := t.seat(step, nil); g.more == 0 && len(g.gone)+len(g.slots) > 0 {
		t.emit(Event{Kind: Reassigned, Step: step, Slots: g.slots, Gone: g.gone})
		t.carry(step)
	}
}

// mayDecide: nobody is a deputy who could not decide the document himself.
func (t *turn) mayDecide(id people.ID) bool {
	p, known := t.dir.Person(id)
	return known && p.Active && !t.c.parties().has(id, t.dir) && !t.leaves(id)
}

// stands reports whether a deputy's slot still rests on something.
func (t *turn) stands(s Slot) bool {
	p, known := t.dir.Person(s.For)
	return known && p.Active && t.dir.Stands(s.For, people.Deputy{Person: s.Person, By: s.By}, matter(s, t.doc), t.now)
}

// beyond reports whether a deputy's vote would reach farther than he may: a delegation
// that nobody remembers allows nothing above what was voted on.
func beyond(s Slot, next document.Document, dir people.Directory) bool {
	return slices.ContainsFunc(s.By, func(id people.DelegationID) bool {
		d, known := dir.Delegation(id)
		if !known {
			return next.Amount.Minor > s.Vote.Amount.Minor
		}
		return !d.Scope.Covers(matter(s, next))
	})
}

// matter is what a slot decides, as delegations look at it.
func matter(s Slot, d document.Document) people.Matter {
	m := people.Matter{Type: d.Type, Company: d.Company, Amount: d.Amount}
	if kind, name, _ := strings.Cut(s.Because, ":"); kind == "role" {
		m.Role = people.ParseRole(name).Name
	}
	return m
}
