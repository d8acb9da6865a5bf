package approval

import (
	"slices"
	"time"

	"countersign/internal/document"
	"countersign/internal/people"
	"countersign/internal/route"
)

// turn is one act on a case: it works on a copy and collects the facts, and the case
// takes both only when nothing was refused.
type turn struct {
	c    Case
	doc  document.Document
	dir  people.Directory
	now  time.Time
	done []Event
}

func (c *Case) turn(doc document.Document, dir people.Directory, now time.Time) *turn {
	return &turn{c: c.clone(), doc: doc, dir: dir, now: instant(now)}
}

// instant keeps of a time what a stored event keeps of it: no zone, no monotonic clock.
func instant(t time.Time) time.Time { return t.UTC().Round(0) }

// emit fills in what every event says and lets the case take it.
func (t *turn) emit(e Event) {
	e.At, e.Case, e.Key = t.now, t.c.ID, t.c.Key
	if e.Round == 0 {
		e.Round = t.c.Round
	}
	if e.Hash == "" {
		e.Revision, e.Hash, e.Amount = t.c.Revision, t.c.Hash, t.c.Amount
	}
	plan := t.c.Plan
	if e.Plan != nil {
		plan = *e.Plan
	}
	if e.Step < len(plan.Steps) {
		e.StepKey = plan.Steps[e.Step].Key
	}
	t.c.apply(e)
	t.done = append(t.done, e)
}

// open asks the people of a step, or blocks when too few can be asked: a step that
// nobody matches never counts as approved. Of a step that has been opened before, who
// voted stays, who left goes, and who can be asked in addition is.
func (t *turn) open(step int) {
	if step >= len(t.c.Plan.Steps) {
		t.block(step, nobodyToAsk)
		return
	}
	g := t.seat(step, t.added(step))
	before := t.tally(step)
	if why := t.obstacle(step, before, g.more); why != "" {
		t.block(step, why)
		return
	}
	kind := StepOpened
	if t.c.State == InProgress && len(t.c.InStep(step)) > 0 {
		kind = Reassigned
	}
	t.emit(Event{Kind: kind, Step: step, Slots: g.slots, Gone: g.gone})
	t.carry(step)
	if before.last >= 0 && t.c.State == InProgress && t.c.Step == step {
		t.count(step, before.last)
	}
}

// Why a case is blocked.
const (
	nobodyToAsk  = "nobody_to_ask"
	filesMissing = "files_missing"
)

// obstacle says why a step cannot be opened, if so: too few people can vote, or those who
// have not yet cannot bring it to approval any more. Somebody's leaving neither rejects
// nor approves: it blocks.
func (t *turn) obstacle(step int, v votes, more int) string {
	s := t.c.Plan.Steps[step]
	need, ok := s.Need(v.asked + more)
	switch {
	case !ok || v.accepts+v.open+more < need || s.Mode == route.All && t.unheard(step):
		return nobodyToAsk
	case v.accepts >= need && len(t.c.Missing) > 0:
		return filesMissing
	default:
		return ""
	}
}

// unheard reports whether one of those whose word a step of all needs has none: a
// selector names nobody who may vote, and nobody whom it named has voted.
func (t *turn) unheard(step int) bool {
	return slices.ContainsFunc(t.c.Plan.Steps[step].Who, func(sel route.Selector) bool {
		return !slices.ContainsFunc(sel.Resolve(t.doc, t.dir), func(c route.Candidate) bool {
			return !t.c.parties().has(c.Person, t.dir)
		}) && !slices.ContainsFunc(t.c.InStep(step), func(s Slot) bool {
			return s.State == SlotVoted && sel.Gave(s.Because)
		})
	})
}

// gone lists the open slots of a step whose persons, asked for themselves, may not vote
// any more.
func (t *turn) gone(step int) []int {
	var out []int
	for _, s := range t.c.InStep(step) {
		p, known := t.dir.Person(s.Person)
		if s.For == "" && s.State == SlotOpen && (!known || !p.Active || t.c.parties().has(s.Person, t.dir)) {
			out = append(out, s.No)
		}
	}
	return out
}

// added lists slots for those whom the step names and who are not asked in it, nor have
// voted, nor has anybody for them.
func (t *turn) added(step int) []Slot {
	there := t.c.InStep(step)
	var out []Slot
	for _, cand := range t.c.Plan.Steps[step].Resolve(t.doc, t.dir) {
		has := func(o Slot) bool {
			return o.State == SlotOpen && o.Person == cand.Person && o.For == "" ||
				o.State == SlotVoted && (o.Person == cand.Person || o.For == cand.Person)
		}
		if slices.ContainsFunc(there, has) || t.c.parties().has(cand.Person, t.dir) || t.leaves(cand.Person) {
			continue
		}
		out = append(out, Slot{Round: t.c.Round, Step: step, Person: cand.Person, Because: cand.Because, State: SlotOpen})
	}
	return out
}

// block says that the step cannot go on, and asks nobody meanwhile; saying it twice
// would tell nobody anything.
func (t *turn) block(step int, why string) {
	if t.c.State == Blocked && t.c.Step == step && t.c.Note == why {
		return
	}
	var gone []int
	for _, s := range t.c.InStep(step) {
		if s.State == SlotOpen {
			gone = append(gone, s.No)
		}
	}
	t.emit(Event{Kind: Stuck, Step: step, Gone: gone, Reason: why})
}

// leaves: under distinct, who voted in this round is not asked again.
func (t *turn) leaves(id people.ID) bool {
	return t.c.Plan.Repeat == route.Distinct &&
		slices.ContainsFunc(t.c.Slots, func(s Slot) bool {
			return s.Round == t.c.Round && s.State == SlotVoted && s.Person == id
		})
}

// carry takes a vote given in the step just before as a vote in this one. A carried
// vote is not carried again: it reaches the very next step only. Nor is one carried past
// a file that nobody has seen, or into a step that asks for more than it was given for.
func (t *turn) carry(step int) {
	if t.c.Plan.Repeat != route.CarryAdjacent || step == 0 || len(t.c.Missing) > 0 {
		return
	}
	least := t.c.Least(step)
	for _, s := range t.c.InStep(step) {
		s, _ = t.c.Slot(s.Round, s.Step, s.No) // another may have filled the seat in this very loop
		before := slices.IndexFunc(t.c.InStep(step-1), func(b Slot) bool {
			return b.Person == s.Person && b.For == s.For && b.State == SlotVoted && b.Vote.Verdict == Accept && b.Vote.Via != ViaCarried &&
				b.Vote.Assurance.Gives(least)
		})
		if s.State != SlotOpen || before < 0 || t.c.State != InProgress || t.c.Step != step {
			continue
		}
		v := *t.c.InStep(step - 1)[before].Vote
		v.Via, v.By, v.At = ViaCarried, s.By, t.now
		t.emit(Event{Kind: VoteCast, Step: step, No: s.No, Person: s.Person, Vote: &v})
		t.count(step, s.No)
	}
}

// votes is how a step stands.
type votes struct {
	asked, open, accepts, denials int
	last                          int // number of the slot that voted last; -1: nobody did
}

// tally counts the votes of a step by seats. Who left without a vote is not counted.
func (t *turn) tally(step int) votes {
	v := votes{last: -1}
	var at time.Time
	for _, s := range t.c.InStep(step) {
		switch {
		case s.State == SlotSuperseded, s.State == SlotOpen && s.For != "": // whom he stands in for is asked, too
			continue
		case s.State == SlotOpen:
			v.open++
		case s.Vote == nil:
		case s.Vote.Verdict == Accept:
			v.accepts++
		case s.Vote.Verdict == Reject:
			v.denials++
		}
		v.asked++
		if s.Vote != nil && !s.Vote.At.Before(at) {
			v.last, at = s.No, s.Vote.At
		}
	}
	return v
}

// count looks at the votes of the open step after the one in slot no, and closes the
// step when they are enough either way, or when those left cannot reach approval.
func (t *turn) count(step, no int) {
	s := t.c.Plan.Steps[step]
	v := t.tally(step)
	last, _ := t.c.Slot(t.c.Round, step, no) // whose vote completed the step
	need, ok := s.Need(v.asked)
	switch {
	case ok && v.accepts >= need:
		t.emit(Event{Kind: StepClosed, Step: step, Outcome: Approved, Person: last.Person})
		t.next(step, last.Person)
	case v.denials >= s.Denials() || v.accepts+v.open < need:
		t.emit(Event{Kind: StepClosed, Step: step, Outcome: Rejected, Person: last.Person})
		t.emit(Event{Kind: Decided, Step: step, Outcome: Rejected, Person: last.Person, Reason: last.Vote.Reason})
	}
}

func (t *turn) next(step int, by people.ID) {
	if step+1 < len(t.c.Plan.Steps) {
		t.open(step + 1)
		return
	}
	t.emit(Event{Kind: Decided, Step: step, Outcome: Approved, Person: by})
}
