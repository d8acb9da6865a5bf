package approval

import (
	"errors"
	"fmt"

	"countersign/internal/people"
)

// Refusals. A refused act changes nothing.
var (
	// ErrClosed: the case has ended, or waits for the ERP after a return.
	ErrClosed = errors.New("the case is closed")
	// ErrMovedOn: the act speaks of an older revision or round.
	ErrMovedOn = errors.New("the document has changed since")
	// ErrNotAsked: the person holds no such slot.
	ErrNotAsked = errors.New("the person is not asked here")
	// ErrStepClosed: the step ended without this person.
	ErrStepClosed = errors.New("the step is closed")
	// ErrConflict: the person wrote the document or stands to gain from it.
	ErrConflict = errors.New("conflict of interest")
	// ErrDelegation: who is asked for somebody else may not decide for him any more.
	ErrDelegation = errors.New("the delegation does not hold any more")
	// ErrInactive: the person has left.
	ErrInactive = errors.New("the person is deactivated")
	// ErrReasonNeeded: the verdict needs a reason in words.
	ErrReasonNeeded = errors.New("a reason is needed")
	// ErrFilesMissing: what is to be judged is not all here yet.
	ErrFilesMissing = errors.New("announced files have not arrived")
	// ErrVerdict: no such verdict, or no such kind of proof with it.
	ErrVerdict = errors.New("unknown verdict")
	// ErrAssurance: the verdict needs more than was shown; AssuranceError says what.
	ErrAssurance = errors.New("more proof of the person is needed")
	// ErrNoRoute: no route is published for this type of document.
	ErrNoRoute = errors.New("no route for this type of document")
	// ErrNotApproved: there is no approval to take.
	ErrNotApproved = errors.New("the document is not approved")
	// ErrRevision: the hash given is not the one that was decided on.
	ErrRevision = errors.New("the document differs from what was decided on")
	// ErrConsumed: the decision was taken already.
	ErrConsumed = errors.New("the decision has been consumed")
	// ErrNoQuestion: no question of this case has that id.
	ErrNoQuestion = errors.New("no such question")
	// ErrAnswered: the question has its answer.
	ErrAnswered = errors.New("the question has been answered")
	// ErrQuestionClosed: whoever asked decides no more, so nobody waits for an answer.
	ErrQuestionClosed = errors.New("the question is closed")
	// ErrTooManyQuestions: some of the person's questions must be answered first.
	ErrTooManyQuestions = errors.New("too many open questions")
	// ErrEvent: a stored event is no fact that this version understands.
	ErrEvent = errors.New("malformed event")
)

// AlreadyVotedError says that the slot holds a vote: the same verdict again is no
// mistake, another one is not taken.
type AlreadyVotedError struct {
	Person people.ID
	Vote   Vote
	Same   bool
}

func (e *AlreadyVotedError) Error() string {
	return fmt.Sprintf("already voted %s at %s", e.Vote.Verdict, e.Vote.At.Format("2006-01-02 15:04:05 MST"))
}

// AssuranceError says what is asked of who accepts here. It is the last of the refusals:
// with this proof the vote would be taken. It is an ErrAssurance.
type AssuranceError struct {
	Least Assurance
}

func (e *AssuranceError) Error() string { return fmt.Sprintf("%v: %s", ErrAssurance, e.Least) }

// Is makes it an ErrAssurance.
func (e *AssuranceError) Is(target error) bool { return target == ErrAssurance }
