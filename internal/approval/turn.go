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
// nobody matches never counts as approved.
func (t *turn) open(step int) {
	if step >= len(t.c.Plan.Steps) {
		t.block(step)
		return
	}
	s := t.c.Plan.Steps[step]
	var slots []Slot
	for _, cand := range s.Resolve(t.doc, t.dir) {
		if conflicted(t.c.Parties, cand.Person, t.dir) || t.leaves(cand.Person) {
			continue
		}
		slots = append(slots, Slot{
			Round: t.c.Round, Step: step, No: len(slots),
			Person: cand.Person, Because: cand.Because, State: SlotOpen,
		})
	}
	if _, ok := s.Need(len(slots)); !ok {
		t.block(step)
		return
	}
	t.emit(Event{Kind: StepOpened, Step: step, Slots: slots})
	t.carry(step)
}

// block says that nobody can be asked; saying it twice would tell nobody anything.
func (t *turn) block(step int) {
	if t.c.State == Blocked && t.c.Step == step {
		return
	}
	t.emit(Event{Kind: Stuck, Step: step, Reason: "nobody_to_ask"})
}

// leaves: under distinct, who voted in this round is not asked again.
func (t *turn) leaves(id people.ID) bool {
	return t.c.Plan.Repeat == route.Distinct &&
		slices.ContainsFunc(t.c.Slots, func(s Slot) bool {
			return s.Round == t.c.Round && s.State == SlotVoted && s.Person == id
		})
}

// carry takes a vote given in the step just before as a vote in this one. A carried
// vote is not carried again: it reaches the very next step only.
func (t *turn) carry(step int) {
	if t.c.Plan.Repeat != route.CarryAdjacent || step == 0 {
		return
	}
	for _, s := range t.c.InStep(step) {
		before := slices.IndexFunc(t.c.InStep(step-1), func(b Slot) bool {
			return b.Person == s.Person && b.State == SlotVoted && b.Vote.Verdict == Accept && b.Vote.Via != ViaCarried
		})
		if before < 0 || t.c.State != InProgress || t.c.Step != step {
			continue
		}
		v := *t.c.InStep(step - 1)[before].Vote
		v.Via, v.At = ViaCarried, t.now
		t.emit(Event{Kind: VoteCast, Step: step, No: s.No, Person: s.Person, Vote: &v})
		t.count(step, s.No)
	}
}

// count looks at the votes of the open step after the one in slot no, and closes the
// step when they are enough either way, or when those left cannot reach approval.
func (t *turn) count(step, no int) {
	s := t.c.Plan.Steps[step]
	slots := t.c.InStep(step)
	var accepts, denials, open int
	for _, sl := range slots {
		switch {
		case sl.State == SlotOpen:
			open++
		case sl.Vote == nil:
		case sl.Vote.Verdict == Accept:
			accepts++
		case sl.Vote.Verdict == Reject:
			denials++
		}
	}
	last, _ := t.c.Slot(t.c.Round, step, no) // whose vote completed the step
	need, ok := s.Need(len(slots))
	switch {
	case ok && accepts >= need:
		t.emit(Event{Kind: StepClosed, Step: step, Outcome: Approved, Person: last.Person})
		t.next(step, last.Person)
	case denials >= s.Denials() || accepts+open < need:
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
