package approval

import (
	"slices"
	"time"

	"countersign/internal/document"
	"countersign/internal/people"
)

// Question is what somebody wants to know before he decides. It is open while his slot
// is and nobody has answered: whatever ends his part ends it too.
type Question struct {
	No     int       `json:"no"` // from 1 within the case
	ID     string    `json:"id"`
	Round  int       `json:"round"`
	Step   int       `json:"step"`
	Slot   int       `json:"slot"`
	By     people.ID `json:"by"`
	To     people.ID `json:"to,omitempty"` // empty: nobody known; the ERP answers
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
	Answer *Answer   `json:"answer,omitempty"`
}

// Answer is what was said to a question.
type Answer struct {
	ID     string    `json:"id"`
	By     people.ID `json:"by,omitempty"` // empty: the ERP says it, in the name of Author
	Author string    `json:"author"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

// Remark is what was said about a document, in order: a comment, a question, an answer,
// or a file. It is never a vote.
type Remark struct {
	ID       string
	Kind     string
	By       people.ID // empty: the ERP says it
	Author   string
	Text     string
	At       time.Time
	Question string         // id of the question, of an answer
	File     *document.File // of a file
}

// The kinds of remark.
const (
	IsComment  = "comment"
	IsQuestion = "question"
	IsAnswer   = "answer"
	IsFile     = "file"
)

// mostQuestions may be open of one person at a time.
const mostQuestions = 5

// Asking is a question as it comes in.
type Asking struct {
	ID     string
	Person people.ID
	Round  int
	Step   int
	No     int // of the slot
	Text   string
}

// Ask puts a question to the requester. The slot stays open: who asked may decide at any
// time. It is about the document, not about one revision of it.
func (c *Case) Ask(a Asking, doc document.Document, dir people.Directory, now time.Time) ([]Event, error) {
	if err := c.MayAsk(a, dir); err != nil {
		return nil, err
	}
	if blank(a.Text) {
		return nil, ErrReasonNeeded
	}
	q := Question{
		No: len(c.Questions) + 1, ID: a.ID, Round: a.Round, Step: a.Step, Slot: a.No, By: a.Person, Text: a.Text, At: instant(now),
	}
	if p, ok := dir.Find(doc.Requester); ok && p.Active && p.ID != a.Person {
		q.To = p.ID
	}
	t := c.turn(doc, dir, now)
	t.emit(Event{Kind: Asked, Step: a.Step, No: a.No, Person: a.Person, Question: &q})
	*c = t.c
	return t.done, nil
}

// MayAsk holds what keeps a person from asking, before he has found the words.
func (c *Case) MayAsk(a Asking, dir people.Directory) error {
	s, asked := c.Slot(a.Round, a.Step, a.No)
	person, known := dir.Person(a.Person)
	others := func(q Question) bool { return q.By != a.Person }
	switch {
	case !asked || s.Person != a.Person:
		return ErrNotAsked
	case !known || !person.Active:
		return ErrInactive
	case s.State == SlotVoted:
		return &AlreadyVotedError{Person: s.Person, Vote: *s.Vote}
	case a.Round != c.Round:
		return ErrMovedOn
	case c.State != InProgress:
		return ErrClosed
	case s.State != SlotOpen || a.Step != c.Step:
		return ErrStepClosed
	case c.parties().has(a.Person, dir):
		return ErrConflict
	case len(slices.DeleteFunc(c.Unanswered(), others)) >= mostQuestions:
		return ErrTooManyQuestions
	}
	return nil
}

// Reply is an answer as it comes in.
type Reply struct {
	Question string    // id
	ID       string    // of the answer
	Person   people.ID // empty: the ERP's word
	Author   string
	Text     string
}

// Answer takes the answer to a question that is open, from whom it asks or from the ERP.
func (c *Case) Answer(r Reply, now time.Time) ([]Event, error) {
	i := slices.IndexFunc(c.Questions, func(q Question) bool { return q.ID == r.Question })
	switch {
	case i < 0:
		return nil, ErrNoQuestion
	case r.Person != "" && c.Questions[i].To != r.Person:
		return nil, ErrNotAsked
	case c.Questions[i].Answer != nil:
		return nil, ErrAnswered
	case !c.Awaits(c.Questions[i]):
		return nil, ErrQuestionClosed
	case blank(r.Text):
		return nil, ErrReasonNeeded
	}
	q := c.Questions[i]
	q.Answer = &Answer{ID: r.ID, By: r.Person, Author: r.Author, Text: r.Text, At: instant(now)}
	t := c.turn(document.Document{}, people.Directory{}, now)
	t.emit(Event{Kind: Replied, Step: q.Step, No: q.Slot, Person: r.Person, Question: &q})
	*c = t.c
	return t.done, nil
}

// Awaits reports whether a question waits for its answer.
func (c *Case) Awaits(q Question) bool {
	s, ok := c.Slot(q.Round, q.Step, q.Slot)
	return ok && q.Answer == nil && c.State == InProgress && q.Round == c.Round && q.Step == c.Step && s.State == SlotOpen
}

// Unanswered lists the questions that wait for their answers. While there are any, the
// clock of the case stands.
func (c *Case) Unanswered() []Question {
	var out []Question
	for _, q := range c.Questions {
		if c.Awaits(q) {
			out = append(out, q)
		}
	}
	return out
}
