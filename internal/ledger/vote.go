package ledger

import (
	"context"
	"time"

	"countersign/internal/approval"
	"countersign/internal/crash"
	"countersign/internal/people"
)

// Tap is a verdict as it comes from a messenger: an account, not yet a person.
type Tap struct {
	Account   int64 // the Telegram account
	Case      approval.ID
	Round     int
	Step      int
	No        int
	Revision  int
	Verdict   approval.Verdict
	Reason    string
	Assurance approval.Assurance // what a proof bound to just this tap has shown; empty: the chat alone
}

// Voted is what became of a tap.
type Voted struct {
	Status Status
	Person people.Person
	People people.Directory
	At     time.Time
}

// ErrNotLinked: the account is nobody's.
var errNotLinked = approval.ErrNotAsked

// Vote takes a tap. Who holds the account, and whether it may decide yet, is read in the
// same transaction. What is lent (the inbox's "done") is committed also when the vote is refused, so that an
// answer always follows a commit that wrote something.
func (db *DB) Vote(ctx context.Context, t Tap, also ...Also) (Voted, error) {
	var out Voted
	r, err := db.change(ctx, byCase(t.Case), crash.TapWritten, func(r *record, now time.Time) ([]fact, error) {
		out = Voted{People: r.People, At: now}
		p, ok := r.People.ByTelegram(t.Account)
		if !ok {
			return nil, errNotLinked
		}
		out.Person = p
		if err := p.Power.Decides(now, db.LoginLife); err != nil {
			return nil, err
		}
		if r.CaseID != string(r.Case.ID) {
			return nil, approval.ErrMovedOn
		}
		events, err := r.Case.Vote(approval.Ballot{
			Person: p.ID, Round: t.Round, Step: t.Step, No: t.No, Revision: t.Revision,
			Verdict: t.Verdict, Reason: t.Reason, Via: approval.ViaChat, Assurance: t.Assurance,
		}, r.Doc, r.People, now)
		return factsOf(events), err
	}, also...)
	if r != nil {
		out.Status = r.status()
	}
	if err == nil {
		db.Crash.Pass(crash.TapCommitted)
	}
	return out, err
}
