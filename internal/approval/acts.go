package approval

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/document"
	"countersign/internal/people"
	"countersign/internal/route"
)

// Opening is what a case begins with.
type Opening struct {
	ID       ID
	Key      document.Key
	Revision int
	Document document.Document
	Missing  []string // digests of files announced and not here yet
	Plan     route.Plan
	NewPayee bool  // to whom nothing was paid before; it matters only where the plan AsksNewness
	Previous *Case // of the same document, which has ended; nil for the first
}

// Open starts a case over the first revision that it sees.
func Open(o Opening, dir people.Directory, now time.Time) (Case, []Event) {
	t := &turn{doc: o.Document, dir: dir, now: instant(now)}
	t.c.ID, t.c.Key = o.ID, o.Key
	var before parties // who wrote the document stays who wrote it from case to case
	if o.Previous != nil {
		before = o.Previous.parties()
	}
	who := before.next(o.Document.Persons(), dir)
	t.emit(Event{
		Kind: Started, Round: 1, Revision: o.Revision, Hash: o.Document.Hash(), Amount: o.Document.Amount,
		Plan: &o.Plan, Parties: who.words, Barred: who.barred, Missing: o.Missing,
		NewPayee: o.NewPayee, Asks: o.Plan.Asks(o.Document, o.NewPayee),
	})
	t.open(0)
	return t.c, t.done
}

// Ballot is a vote as it comes in: by whom, on what, and how.
type Ballot struct {
	Person    people.ID
	Round     int
	Step      int
	No        int
	Revision  int // as shown to the person
	Verdict   Verdict
	Reason    string
	Via       Via
	Assurance Assurance // empty: the chat alone
}

// Vote takes a person's verdict. The document is the one that the case is about
// now. On an error the case is as it was.
func (c *Case) Vote(b Ballot, doc document.Document, dir people.Directory, now time.Time) ([]Event, error) {
	t := c.turn(doc, dir, now)
	if err := t.mayVote(b); err != nil {
		return nil, err
	}
	s, _ := c.Slot(b.Round, b.Step, b.No)
	t.emit(Event{Kind: VoteCast, Step: b.Step, No: b.No, Person: b.Person, Reason: b.Reason, Vote: &Vote{
		Verdict: b.Verdict, Reason: b.Reason, Revision: c.Revision, Amount: c.Amount, Via: b.Via,
		Assurance: b.assurance(), For: s.For, By: s.By, At: t.now,
	}})
	if b.Verdict == Return {
		t.emit(Event{Kind: SentBack, Step: b.Step, Person: b.Person, Reason: b.Reason})
	} else {
		t.count(b.Step, b.No)
		t.deputize() // whoever was asked for a seat that is filled is free for another
	}
	*c = t.c
	return t.done, nil
}

// mayVote holds the refusals in the order in which they help the person most.
func (t *turn) mayVote(b Ballot) error {
	c := &t.c
	s, asked := c.Slot(b.Round, b.Step, b.No)
	person, known := t.dir.Person(b.Person)
	switch {
	case !b.Verdict.Known() || !b.assurance().Known():
		return ErrVerdict
	case !asked || s.Person != b.Person:
		return ErrNotAsked
	case !known || !person.Active:
		return ErrInactive
	case s.State == SlotVoted:
		return &AlreadyVotedError{Person: s.Person, Vote: *s.Vote, Same: s.Vote.Verdict == b.Verdict}
	case b.Round != c.Round || b.Revision != c.Revision:
		return ErrMovedOn
	case c.State != InProgress:
		return ErrClosed
	case s.State != SlotOpen || b.Step != c.Step:
		return ErrStepClosed
	case c.parties().has(b.Person, t.dir) || c.parties().has(s.Seat(), t.dir):
		return ErrConflict
	case s.For != "" && !t.stands(s):
		return ErrDelegation
	case b.Verdict == Accept && len(c.Missing) > 0:
		return ErrFilesMissing
	case c.needsReason(b.Verdict) && blank(b.Reason):
		return ErrReasonNeeded
	}
	return c.assured(b)
}

// blank: white space says nothing.
func blank(reason string) bool { return strings.TrimSpace(reason) == "" }

func (c *Case) needsReason(v Verdict) bool {
	switch {
	case v == Return || c.Plan.Reason == route.ReasonAlways:
		return true
	case c.Plan.Reason == route.ReasonNever:
		return false
	default:
		return v == Reject
	}
}

// Revision is a new state of the document.
type Revision struct {
	No       int
	Previous document.Document
	Next     document.Document
	Missing  []string
	Plan     route.Plan // what the version of the route that the case keeps says of Next
	NewPayee bool       // as in Opening
}

// Revise takes a changed document: votes stand or fall by the class of the change.
// It gives the class as it was judged. A closed case takes nothing (ErrClosed: open
// another one), and after the decision was consumed only cosmetic changes. Revisions
// are numbered upwards (ErrMovedOn).
func (c *Case) Revise(r Revision, dir people.Directory, now time.Time) ([]Event, document.Class, error) {
	if c.State.Closed() {
		return nil, "", ErrClosed
	}
	change := document.Compare(r.Previous, r.Next, c.Plan.Change)
	if change.Class == document.Unchanged {
		return nil, change.Class, nil
	}
	if r.No <= c.Revision {
		return nil, "", ErrMovedOn
	}
	class := c.judge(r, change, dir)
	if c.Consumed != nil && class != document.Cosmetic {
		return nil, class, ErrConsumed
	}
	t := c.turn(r.Next, dir, now)
	who := c.parties().next(r.Next.Persons(), dir)
	anew, asks := class == document.Material || c.State == Returned, c.Asks
	if !anew {
		asks = c.asks(r)
	}
	t.emit(Event{
		Kind: Changed, Step: c.Step, Revision: r.No, Hash: r.Next.Hash(), Amount: r.Next.Amount, Asks: asks,
		Parties: who.words, Barred: who.barred, Missing: r.Missing, Class: class, Changes: change.Differences,
	})
	switch {
	case anew:
		t.emit(Event{
			Kind: RoundOpened, Round: c.Round + 1, Revision: r.No, Hash: r.Next.Hash(), Amount: r.Next.Amount,
			Plan: &r.Plan, Parties: who.words, Barred: who.barred, NewPayee: r.NewPayee, Asks: r.Plan.Asks(r.Next, r.NewPayee),
		})
		t.open(0)
	case c.State == Blocked:
		t.open(c.Step)
	default:
		t.deputize() // another sum, another limit
	}
	*c = t.c
	return t.done, class, nil
}

// asks is what the round asks for when it goes on with another state of the document: its
// payee is the same, and what was asked for before stays so.
func (c *Case) asks(r Revision) []Assurance {
	return route.Raise(c.Asks, c.Plan.Asks(r.Next, c.NewPayee))
}

// judge settles what Compare left open: the drift since the oldest standing vote (or,
// while nobody voted, since the state before, so that one leap is never small), whether
// the same people would be asked, whether somebody who voted or is asked has become a
// party of the document, and whether the votes were given for as much as it asks for now.
func (c *Case) judge(r Revision, change document.Change, dir people.Directory) document.Class {
	class, voted := change.Class, false
	if !c.Plan.Same(r.Plan) || c.short(c.asks(r)) {
		return document.Material
	}
	who := c.parties().next(r.Next.Persons(), dir)
	for _, s := range c.Slots {
		if s.Round != c.Round || s.State != SlotOpen && s.State != SlotVoted {
			continue
		}
		if s.For != "" && s.Vote == nil { // only beside another, who is still asked
			continue
		}
		if who.has(s.Person, dir) || who.has(s.Seat(), dir) || s.For != "" && beyond(s, r.Next, dir) {
			return document.Material
		}
		voted = voted || s.Vote != nil
		if s.Vote != nil && !c.Plan.Change.Allows(s.Vote.Amount, r.Next.Amount) {
			return document.Material
		}
	}
	if !voted && !c.Plan.Change.Allows(r.Previous.Amount, r.Next.Amount) {
		return document.Material
	}
	return class
}

// Recheck looks at the open step anew after people, roles or delegations changed, or time
// passed: a blocked one may open, who left while he was asked is replaced or, when nobody
// can take the place, the case is blocked and says so, and deputies come and go. Votes that
// were cast stand.
func (c *Case) Recheck(doc document.Document, dir people.Directory, now time.Time) []Event {
	t := c.turn(doc, dir, now)
	switch {
	case c.State != Blocked && c.State != InProgress:
		return nil
	case c.State == Blocked || len(t.gone(c.Step)) > 0:
		t.open(c.Step)
	default:
		t.deputize()
	}
	*c = t.c
	return t.done
}

// Withdraw ends the case on the ERP's word. After the final approval it needs a
// reason; after the decision was consumed it is too late. Withdrawing again is no
// mistake and no event.
func (c *Case) Withdraw(reason string, now time.Time) ([]Event, error) {
	switch {
	case c.State == Withdrawn:
		return nil, nil
	case c.Consumed != nil:
		return nil, ErrConsumed
	case c.State.Closed():
		return nil, ErrClosed
	case c.State == Approved && blank(reason):
		return nil, ErrReasonNeeded
	}
	t := c.turn(document.Document{}, people.Directory{}, now)
	t.emit(Event{Kind: TakenBack, Step: c.Step, Outcome: Withdrawn, Reason: reason})
	*c = t.c
	return t.done, nil
}

// Expire ends an open case whose time is up. Silence never approves.
func (c *Case) Expire(reason string, now time.Time) ([]Event, error) {
	if c.State != InProgress && c.State != Blocked && c.State != Returned {
		return nil, ErrClosed
	}
	t := c.turn(document.Document{}, people.Directory{}, now)
	t.emit(Event{Kind: RanOut, Step: c.Step, Outcome: Expired, Reason: reason})
	*c = t.c
	return t.done, nil
}

// Consume takes the approval for a payment: once, and only of exactly what was
// decided on. The same reference again is no mistake and no event.
func (c *Case) Consume(hash, ref string, now time.Time) ([]Event, error) {
	switch {
	case c.State != Approved:
		return nil, ErrNotApproved
	case c.Consumed != nil && c.Consumed.Ref != ref:
		return nil, ErrConsumed
	case c.Consumed != nil && c.Consumed.Hash == hash:
		return nil, nil
	case hash != c.Hash:
		return nil, ErrRevision
	case c.Consumed != nil:
		return nil, ErrConsumed
	case len(c.Missing) > 0: // nobody has seen them
		return nil, ErrFilesMissing
	}
	t := c.turn(document.Document{}, people.Directory{}, now)
	t.emit(Event{Kind: Consumed, Step: c.Step, Ref: ref})
	*c = t.c
	return t.done, nil
}

// StoreFile notes that an announced file has arrived. A case that waited for it goes on.
func (c *Case) StoreFile(digest string, doc document.Document, dir people.Directory, now time.Time) []Event {
	if !slices.Contains(c.Missing, digest) {
		return nil
	}
	t := c.turn(doc, dir, now)
	t.emit(Event{Kind: FileStored, Step: c.Step, File: digest})
	if t.c.State == Blocked && len(t.c.Missing) == 0 {
		t.open(c.Step)
	}
	*c = t.c
	return t.done
}
