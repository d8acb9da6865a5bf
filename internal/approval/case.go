// Package approval is the machine of a decision: a case runs a route over the
// revisions of one document, and persons vote.
//
// It owns what a case may do, which facts follow from it, and who may see what it is about,
// as values: no clock, no storage, no messenger. It leaves whom a step names to route, what changed in a
// document to document, storing to ledger, and wording to card and the doors.
package approval

import (
	"cmp"
	"slices"
	"time"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

// ID names a case.
type ID string

// State is where a case is. Its values are those of the public API.
type State string

// The states of a case.
const (
	InProgress State = "in_progress" // a step is open and somebody is asked
	Approved   State = "approved"
	Rejected   State = "rejected"
	Returned   State = "returned" // sent back with a question; the next revision opens a new round
	Withdrawn  State = "withdrawn"
	Expired    State = "expired"
	Blocked    State = "blocked" // nobody can be asked; it is said to the fallback group
)

// Closed reports whether the case can never go on: a new revision opens a new case.
func (s State) Closed() bool { return s == Rejected || s == Withdrawn || s == Expired }

// Open reports whether it is still to be decided.
func (s State) Open() bool { return s == InProgress || s == Returned || s == Blocked }

// Verdict is what a person decides.
type Verdict string

// The verdicts.
const (
	Accept Verdict = "accept"
	Reject Verdict = "reject"
	Return Verdict = "return" // back to the requester with a question
)

// Known reports whether the verdict is one of the three.
func (v Verdict) Known() bool { return v == Accept || v == Reject || v == Return }

// Via is the door by which a vote came in.
type Via string

// The doors, and votes that the machine carried over by itself.
const (
	ViaChat    Via = "chat"
	ViaConsole Via = "console"
	ViaCarried Via = "carried"
)

// SlotState is what became of one person asked in one step.
type SlotState string

// The states of a slot.
const (
	SlotOpen       SlotState = "open"
	SlotVoted      SlotState = "voted"
	SlotSuperseded SlotState = "superseded" // the step ended without this person
	SlotVoid       SlotState = "void"       // the round ended: a vote cast here counts no more
)

// Slot is one person asked in one step of one round, for himself or for one other. Those
// who are asked for the same person share a seat: the first of them to vote fills it.
type Slot struct {
	Round   int       `json:"round"`
	Step    int       `json:"step"` // from 0, as in the plan
	No      int       `json:"no"`   // from 0 within the step
	Person  people.ID `json:"person"`
	For     people.ID `json:"for,omitempty"` // for whom a deputy is asked
	By      Chain     `json:"by,omitempty"`  // why he is
	Because string    `json:"because"`       // which selector of the route named the person, or the one he is asked for
	State   SlotState `json:"state"`
	Vote    *Vote     `json:"vote,omitempty"`
}

// Chain is the delegations by which somebody is a deputy, from the principal on.
type Chain []people.DelegationID

// Seat names whose vote the slot gives.
func (s Slot) Seat() people.ID { return cmp.Or(s.For, s.Person) }

// Vote is what a person decided, on which revision, in which amount.
type Vote struct {
	Verdict   Verdict      `json:"verdict"`
	Reason    string       `json:"reason,omitempty"`
	Revision  int          `json:"revision"`
	Amount    money.Amount `json:"amount"`
	Via       Via          `json:"via"`
	Assurance Assurance    `json:"assurance,omitempty"` // in what was stored before there were others: of the chat
	For       people.ID    `json:"for,omitempty"`       // as in Slot
	By        Chain        `json:"by,omitempty"`
	At        time.Time    `json:"at"`
}

// Decision is the final result of a round.
type Decision struct {
	Outcome  State     `json:"outcome"`
	Round    int       `json:"round"`
	Revision int       `json:"revision"`
	At       time.Time `json:"at"`
	By       people.ID `json:"by,omitempty"` // whose vote completed it
	Reason   string    `json:"reason,omitempty"`
}

// Consumption records that the ERP took the decision and pays.
type Consumption struct {
	Ref  string    `json:"ref"`
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
}

// Case is one run of a route over the revisions of a document.
type Case struct {
	ID        ID
	Key       document.Key
	Plan      route.Plan
	Parties   []string    // words of the document for those in conflict, at this revision
	Barred    []people.ID // whom those words meant when they came in: a name may change, who wrote the document does not
	Round     int
	Revision  int
	Hash      string
	Amount    money.Amount
	NewPayee  bool        // when the round opened; looked at only where the route asks for it
	Asks      []Assurance // what each step wants of those who accept; nil: the chat is enough. It never falls within a round
	Missing   []string    // digests of files announced and not here yet
	State     State
	Step      int        // index of the step that is open, or where the round ended
	Note      string     // why it is blocked, the question of a return, the reason of an end
	Slots     []Slot     // of all rounds, in the order they were asked
	Questions []Question // of all rounds, in the order they were asked
	Decision  *Decision
	Consumed  *Consumption
	OpenedAt  time.Time
	Events    int // how many events made it; also its version
}

// Awaiting lists the persons who are asked now.
func (c *Case) Awaiting() []people.ID {
	var out []people.ID
	if c.State != InProgress {
		return nil
	}
	for _, s := range c.Slots {
		if s.Round == c.Round && s.Step == c.Step && s.State == SlotOpen {
			out = append(out, s.Person)
		}
	}
	return out
}

// Slot finds the slot of a round, step and number.
func (c *Case) Slot(round, step, no int) (Slot, bool) {
	if i := c.find(round, step, no); i >= 0 {
		return c.Slots[i], true
	}
	return Slot{}, false
}

func (c *Case) find(round, step, no int) int {
	return slices.IndexFunc(c.Slots, func(s Slot) bool {
		return s.Round == round && s.Step == step && s.No == no
	})
}

// InStep lists the slots of a step of the current round.
func (c *Case) InStep(step int) []Slot {
	var out []Slot
	for _, s := range c.Slots {
		if s.Round == c.Round && s.Step == step {
			out = append(out, s)
		}
	}
	return out
}

// Judged is the last revision before this round that the person voted on, or 0.
func (c *Case) Judged(id people.ID) int {
	last := 0
	for _, s := range c.Slots {
		if s.Person == id && s.Vote != nil && s.Round < c.Round {
			last = max(last, s.Vote.Revision)
		}
	}
	return last
}

// clone copies what a turn may change, so that a refused act changes nothing.
func (c *Case) clone() Case {
	out := *c
	out.Slots = slices.Clone(c.Slots)
	out.Missing = slices.Clone(c.Missing)
	out.Questions = slices.Clone(c.Questions)
	return out
}

// parties are those in conflict with a document.
type parties struct {
	words  []string
	barred []people.ID
}

// has reports whether the person stands to gain from the document or wrote it. A word of
// the document that means two persons makes both of them parties.
func (p parties) has(id people.ID, dir people.Directory) bool {
	person, ok := dir.Person(id)
	return slices.Contains(p.barred, id) || ok && slices.ContainsFunc(p.words, person.Called)
}

func (c *Case) parties() parties { return parties{c.Parties, c.Barred} }

// next are the parties of another revision: whoever its words mean, and whoever was a
// party before, unless by a word that is no longer there.
func (p parties) next(words []string, dir people.Directory) parties {
	out := parties{words: words}
	add := func(id people.ID) {
		if !slices.Contains(out.barred, id) {
			out.barred = append(out.barred, id)
		}
	}
	for _, w := range words {
		for _, id := range dir.Meant(w) {
			add(id)
		}
	}
	dropped := parties{words: slices.DeleteFunc(slices.Clone(p.words), func(w string) bool { return slices.Contains(words, w) })}
	for _, id := range p.barred {
		if !dropped.has(id, dir) {
			add(id)
		}
	}
	slices.Sort(out.barred)
	return out
}
