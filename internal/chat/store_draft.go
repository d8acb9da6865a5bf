package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/money"
	"countersign/internal/people"
)

// draft is a delegation that somebody puts together. It means nothing until it is made.
type draft struct {
	No int64
	people.Delegation

	Account int64
	Awaits  string // which field is to be written next; empty: none
	Said    int64  // the message that brought what was written last
	Made    people.DelegationID
	changes int
}

const draftColumns = `no, account, deputy, role, type, company, coalesce(most_minor, 0), coalesce(currency, ''),
	starts_at, until, awaits, said, coalesce(delegation_id, 0), changes`

func scanDraft(row pgx.CollectableRow) (draft, error) {
	var f draft
	var limit money.Amount
	var from, until *time.Time
	err := row.Scan(&f.No, &f.Account, &f.Deputy, &f.Scope.Role, &f.Scope.Type, &f.Scope.Company, &limit.Minor, &limit.Currency,
		&from, &until, &f.Awaits, &f.Said, &f.Made, &f.changes)
	if limit.Currency != "" {
		f.Scope.UpTo = &limit
	}
	if from != nil {
		f.From = *from
	}
	if until != nil {
		f.Until = *until
	}
	return f, err
}

// openDraft begins a delegation in place of the one that the account was putting together.
func (s *Dialogs) openDraft(ctx context.Context, account int64, expires time.Time) (f draft, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from delegation_draft where account = $1`, account); err != nil {
			return err
		}
		f, err = oneDraft(ctx, tx, `insert into delegation_draft (account, expires_at) values ($1, $2)
			on conflict (account) do update set awaits = '' returning `+draftColumns, account, expires)
		return err
	})
	if err != nil {
		return draft{}, fmt.Errorf("delegation of %d: %w", account, err)
	}
	return f, nil
}

// draftOf finds the one of this number that the account puts together, until its time is up.
func (s *Dialogs) draftOf(ctx context.Context, account, no int64, now time.Time) (draft, bool, error) {
	return s.draft(ctx, `account = $1 and no = $2 and expires_at > $3`, account, no, now)
}

// awaitingDraft finds the one for which the account was to write something, or wrote this
// message.
func (s *Dialogs) awaitingDraft(ctx context.Context, account, message int64, now time.Time) (draft, bool, error) {
	return s.draft(ctx, `account = $1 and (awaits <> '' or said = $2) and delegation_id is null and expires_at > $3`, account, message, now)
}

func (s *Dialogs) draft(ctx context.Context, which string, args ...any) (draft, bool, error) {
	f, err := oneDraft(ctx, s.Pool, `select `+draftColumns+` from delegation_draft where `+which, args...)
	if errors.Is(err, pgx.ErrNoRows) {
		return draft{}, false, nil
	}
	if err != nil {
		return draft{}, false, fmt.Errorf("delegation of %v: %w", args[0], err)
	}
	return f, true, nil
}

func oneDraft(ctx context.Context, q directory.Querier, sql string, args ...any) (draft, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return draft{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanDraft)
}

// errFormMoved: something else was chosen in the same moment.
var errFormMoved = errors.New("the form was changed meanwhile")

// saveDraft keeps what was chosen. Where something else was chosen since the draft was read,
// nothing is kept: the update is to be handled again.
func (s *Dialogs) saveDraft(ctx context.Context, f draft) error {
	var most *int64
	var currency *string
	if limit := f.Scope.UpTo; limit != nil {
		most, currency = &limit.Minor, &limit.Currency
	}
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	tag, err := s.Pool.Exec(ctx, `update delegation_draft set changes = changes + 1, deputy = $3, role = $4, type = $5, company = $6, most_minor = $7, currency = $8,
		starts_at = $9, until = $10, awaits = $11, said = $12 where no = $1 and account = $2 and delegation_id is null and changes = $13`,
		f.No, f.Account, f.Deputy, f.Scope.Role, f.Scope.Type, f.Scope.Company, most, currency, moment(f.From), moment(f.Until), f.Awaits, f.Said, f.changes)
	if err != nil {
		return fmt.Errorf("delegation of %d: %w", f.Account, err)
	}
	if tag.RowsAffected() == 0 {
		return later(errFormMoved)
	}
	return nil
}

// dropDraft lets go of it. One of which a delegation was made is none any more, and stays
// known for whoever taps on it again.
func (s *Dialogs) dropDraft(ctx context.Context, account int64, now time.Time) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `delete from delegation_draft where account = $1 and delegation_id is null and expires_at > $2`, account, now)
	if err != nil {
		return false, fmt.Errorf("delegation of %d: %w", account, err)
	}
	return tag.RowsAffected() > 0, nil
}

// settleDraft reads, within the commit in which a delegation is made, what it is to be, and
// whether that was made before: taps come twice.
func settleDraft(ctx context.Context, e directory.Querier, f draft, now time.Time) (draft, error) {
	kept, err := oneDraft(ctx, e, `select `+draftColumns+` from delegation_draft where account = $1 and no = $2 and expires_at > $3 for update`, f.Account, f.No, now)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errFormOver
	}
	return kept, err
}

// madeOf notes what was made of it.
func madeOf(ctx context.Context, e directory.Querier, f draft, id people.DelegationID) error {
	_, err := oneDraft(ctx, e, `update delegation_draft set delegation_id = $2, awaits = '' where no = $1 returning `+draftColumns, f.No, id)
	return err
}
