package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

// Kind is the type of an event, as the public feed names it.
type Kind string

// The kinds of event.
const (
	Started     Kind = "case.started"
	StepOpened  Kind = "case.step_opened"
	Reassigned  Kind = "case.step_reassigned" // somebody is asked no more, or others are asked beside those who were
	VoteCast    Kind = "vote.cast"
	StepClosed  Kind = "case.step_closed"
	Stuck       Kind = "case.blocked"
	SentBack    Kind = "case.returned"
	Decided     Kind = "case.decided"
	TakenBack   Kind = "case.withdrawn"
	RanOut      Kind = "case.expired"
	Changed     Kind = "document.changed"
	RoundOpened Kind = "case.round_opened"
	FileStored  Kind = "document.file_stored"
	Consumed    Kind = "decision.consumed"
	Asked       Kind = "question.asked"
	Replied     Kind = "question.answered"
)

// Event is a fact about a case. Which fields are set follows from its kind; folding
// the events of a case in order gives the case (Replay).
type Event struct {
	Kind     Kind                  `json:"kind"`
	At       time.Time             `json:"at"`
	Case     ID                    `json:"case"`
	Key      document.Key          `json:"key"`
	Round    int                   `json:"round"`
	Step     int                   `json:"step"`
	StepKey  string                `json:"step_key,omitempty"`
	Revision int                   `json:"revision"`
	Hash     string                `json:"hash,omitempty"`
	Amount   money.Amount          `json:"amount"`
	Plan     *route.Plan           `json:"plan,omitempty"`
	Parties  []string              `json:"parties,omitempty"`
	Barred   []people.ID           `json:"barred,omitempty"` // whom the parties meant
	NewPayee bool                  `json:"new_payee,omitempty"`
	Asks     []Assurance           `json:"asks,omitempty"` // as in Case
	Missing  []string              `json:"missing,omitempty"`
	Slots    []Slot                `json:"slots,omitempty"` // asked from now on
	Gone     []int                 `json:"gone,omitempty"`  // numbers of slots in the step that nobody fills any more
	No       int                   `json:"no"`
	Person   people.ID             `json:"person,omitempty"`
	Vote     *Vote                 `json:"vote,omitempty"`
	Outcome  State                 `json:"outcome,omitempty"`
	Reason   string                `json:"reason,omitempty"`
	Class    document.Class        `json:"class,omitempty"`
	Changes  []document.Difference `json:"changes,omitempty"`
	Ref      string                `json:"ref,omitempty"`
	File     string                `json:"file,omitempty"`
	Question *Question             `json:"question,omitempty"`
}

// Marshal gives the event as the ledger keeps it for replay.
func (e Event) Marshal() ([]byte, error) { return json.Marshal(e) }

// Unmarshal reads what Marshal wrote.
func Unmarshal(b []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(b, &e); err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	if e.Vote != nil && e.Vote.Assurance == "" {
		e.Vote.Assurance = ByChat
	}
	if err := e.whole(); err != nil {
		return Event{}, err
	}
	return e, nil
}

// whole tells what an event lacks that its kind cannot do without: a case must not
// be rebuilt from facts that are not understood.
func (e Event) whole() error {
	for _, a := range e.Asks {
		if !a.Known() {
			return fmt.Errorf("event %s of case %s: %w: assurance %q", e.Kind, e.Case, ErrEvent, a)
		}
	}
	switch e.Kind {
	case Started, RoundOpened:
		if e.Plan == nil {
			return fmt.Errorf("event %s of case %s: %w: no plan", e.Kind, e.Case, ErrEvent)
		}
	case VoteCast:
		if e.Vote == nil {
			return fmt.Errorf("event %s of case %s: %w: no vote", e.Kind, e.Case, ErrEvent)
		}
		if !e.Vote.Assurance.Known() {
			return fmt.Errorf("event %s of case %s: %w: assurance %q", e.Kind, e.Case, ErrEvent, e.Vote.Assurance)
		}
	case Asked, Replied:
		if e.Question == nil || (e.Question.Answer != nil) != (e.Kind == Replied) {
			return fmt.Errorf("event %s of case %s: %w: no question, or the wrong half of it", e.Kind, e.Case, ErrEvent)
		}
	case StepOpened, Reassigned, StepClosed, Stuck, SentBack, Decided, TakenBack, RanOut, Changed, FileStored, Consumed:
	default:
		return fmt.Errorf("event %q of case %s: %w: unknown kind", e.Kind, e.Case, ErrEvent)
	}
	return nil
}

// Replay folds events into the case they made. An event that lacks what its kind
// needs (Unmarshal refuses it) moves nothing.
func Replay(events []Event) Case {
	var c Case
	for _, e := range events {
		c.apply(e)
	}
	return c
}

// apply is the only place where a case changes.
func (c *Case) apply(e Event) {
	c.Events++
	if e.whole() != nil {
		return
	}
	switch e.Kind {
	case Started:
		c.ID, c.Key, c.OpenedAt, c.State = e.Case, e.Key, e.At, InProgress
		c.take(e)
		c.Missing = e.Missing
	case Changed:
		c.Revision, c.Hash, c.Amount, c.Missing = e.Revision, e.Hash, e.Amount, e.Missing
		c.Parties, c.Barred, c.Asks = e.Parties, e.Barred, e.Asks
	case RoundOpened:
		c.void()
		c.take(e)
		c.State, c.Note, c.Decision = InProgress, "", nil
	case StepOpened, Reassigned:
		c.State, c.Step, c.Note = InProgress, e.Step, ""
		c.seat(e)
	case VoteCast:
		c.count(e)
	case StepClosed:
		c.supersede()
	case Stuck:
		c.seat(e)
		c.State, c.Step, c.Note = Blocked, e.Step, e.Reason
	case SentBack:
		c.supersede()
		c.State, c.Note = Returned, e.Reason
	case Decided, TakenBack, RanOut:
		c.end(e)
	case FileStored:
		c.Missing = slices.DeleteFunc(slices.Clone(c.Missing), func(d string) bool { return d == e.File })
	case Consumed:
		c.Consumed = &Consumption{Ref: e.Ref, Hash: e.Hash, At: e.At}
	case Asked:
		c.Questions = append(c.Questions, *e.Question)
	case Replied:
		if i := slices.IndexFunc(c.Questions, func(q Question) bool { return q.No == e.Question.No }); i >= 0 {
			c.Questions[i] = *e.Question
		}
	}
}

// count puts a vote into its slot.
func (c *Case) count(e Event) {
	if i := c.find(e.Round, e.Step, e.No); i >= 0 {
		c.Slots[i].State, c.Slots[i].Vote = SlotVoted, e.Vote
		c.fill(c.Slots[i])
	}
}

// fill lets the others go who were asked for the same seat.
func (c *Case) fill(by Slot) {
	for i, s := range c.Slots {
		if s.State == SlotOpen && s.Round == by.Round && s.Step == by.Step && s.Seat() == by.Seat() {
			c.Slots[i].State = SlotSuperseded
		}
	}
}

// seat lets those who left go and asks those who were not asked, or are again.
func (c *Case) seat(e Event) {
	for _, no := range e.Gone {
		if i := c.find(e.Round, e.Step, no); i >= 0 && c.Slots[i].State == SlotOpen {
			c.Slots[i].State = SlotSuperseded
		}
	}
	for _, s := range e.Slots {
		if i := c.find(s.Round, s.Step, s.No); i >= 0 {
			c.Slots[i] = s
			continue
		}
		c.Slots = append(c.Slots, s)
	}
}

// take adopts what a round begins with.
func (c *Case) take(e Event) {
	c.Round, c.Revision, c.Hash, c.Amount = e.Round, e.Revision, e.Hash, e.Amount
	c.Parties, c.Barred = e.Parties, e.Barred
	c.Plan, c.Step = *e.Plan, 0
	c.NewPayee, c.Asks = e.NewPayee, e.Asks
}

func (c *Case) end(e Event) {
	c.supersede()
	c.State, c.Note = e.Outcome, e.Reason
	if e.Kind == Decided {
		c.Decision = &Decision{
			Outcome: e.Outcome, Round: e.Round, Revision: e.Revision, At: e.At, By: e.Person, Reason: e.Reason,
		}
	}
}

// supersede closes what is still open in this round.
func (c *Case) supersede() {
	for i, s := range c.Slots {
		if s.State == SlotOpen {
			c.Slots[i].State = SlotSuperseded
		}
	}
}

// void ends a round: what was voted in it counts no more.
func (c *Case) void() {
	for i, s := range c.Slots {
		if s.Round == c.Round && s.State != SlotSuperseded {
			c.Slots[i].State = SlotVoid
		}
	}
}
