package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/ident"
	"countersign/internal/ledger"
)

// Dialogs keeps what people were asked to write, one open question a person, and how
// each question ended.
type Dialogs struct {
	Pool *pgxpool.Pool
}

// Dialog is a verdict that waits for its reason, or a question or an answer that waits for
// its words; or waited.
type Dialog struct {
	ID        string
	Account   int64
	Tap       card.Tap // the verdict and what it is about
	Messages  []int64  // in which the question was put; none while that is not known
	OpenedAt  time.Time
	AskedAt   time.Time // when it was last put; zero: not yet, or nobody knows
	ExpiresAt time.Time
	Aside     bool // a field of a delegation was asked for since
	Outcome   Outcome
	EndedBy   int64     // the update that brought the reason
	Over      []*Dialog // whose place it took, as it was opened
}

// Outcome is how a question ended; empty while it is open.
type Outcome string

// The ends of a question.
const (
	Answered  Outcome = "voted"
	Written   Outcome = "said"      // the question or the answer is on record
	Refused   Outcome = "refused"   // the reason came, and the verdict was not taken
	Cancelled Outcome = "cancelled" // by the person
	Expired   Outcome = "expired"
	Replaced  Outcome = "replaced" // by a question about something else
	Unasked   Outcome = "unasked"  // the messenger would not show it
)

const dialogColumns = `id, account, case_id, round, step, no, revision, verdict, messages, opened_at,
	coalesce(asked_at, '0001-01-01 00:00:00Z'), expires_at, aside, coalesce(outcome, ''), coalesce(ended_by, 0)`

func scanDialog(row pgx.CollectableRow) (*Dialog, error) {
	d := &Dialog{}
	t := &d.Tap
	return d, row.Scan(&d.ID, &d.Account, &t.Case, &t.Round, &t.Step, &t.No, &t.Revision, &t.Verdict, &d.Messages, &d.OpenedAt,
		&d.AskedAt, &d.ExpiresAt, &d.Aside, &d.Outcome, &d.EndedBy)
}

// Open keeps a question and puts what is known of it into d: the same verdict once more
// finds the question that is open. One about something else takes the place of the older.
func (s *Dialogs) Open(ctx context.Context, d *Dialog) error {
	id, err := ident.New("dlg")
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+dialogColumns+` from dialog where account = $1 and outcome is null for update`, d.Account)
		if err != nil {
			return err
		}
		open, err := pgx.CollectRows(rows, scanDialog)
		if err != nil {
			return err
		}
		for _, was := range open {
			if was.Tap == d.Tap && d.OpenedAt.Before(was.ExpiresAt) {
				was.ExpiresAt, was.Aside = d.ExpiresAt, false
				*d = *was
				_, err := tx.Exec(ctx, `update dialog set expires_at = $2, aside = false where id = $1`, d.ID, d.ExpiresAt)
				return err
			}
			if _, err := tx.Exec(ctx, endSQL, was.ID, Replaced, nil); err != nil {
				return err
			}
			d.Over = append(d.Over, was)
		}
		d.ID = id
		t := d.Tap
		_, err = tx.Exec(ctx, `insert into dialog (id, account, case_id, round, step, no, revision, verdict, opened_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			d.ID, d.Account, t.Case, t.Round, t.Step, t.No, t.Revision, t.Verdict, d.OpenedAt, d.ExpiresAt)
		return err
	})
	if err != nil {
		return fmt.Errorf("question to %d: %w", d.Account, err)
	}
	return nil
}

// Asked notes a message in which the question was put.
func (s *Dialogs) Asked(ctx context.Context, d *Dialog, message int64, at time.Time) error {
	d.Messages, d.AskedAt = append(d.Messages, message), at
	if _, err := s.Pool.Exec(ctx, `update dialog set messages = messages || $2::bigint, asked_at = $3 where id = $1`, d.ID, message, at); err != nil {
		return fmt.Errorf("question %s: %w", d.ID, err)
	}
	return nil
}

// aside lets the open question of an account leave what is written next to another.
func (s *Dialogs) aside(ctx context.Context, account int64) error {
	if _, err := s.Pool.Exec(ctx, `update dialog set aside = true where account = $1 and outcome is null`, account); err != nil {
		return fmt.Errorf("question to %d: %w", account, err)
	}
	return nil
}

// ByID finds a question that the account was asked; nil when there is none.
func (s *Dialogs) ByID(ctx context.Context, account int64, id string) (*Dialog, error) {
	if !ident.Valid("dlg", id) {
		return nil, nil //nolint:nilnil // whatever a button says, there is no such question
	}
	found, err := s.find(ctx, account, `id = $2`, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Text is what a text may be about.
type Text struct {
	Account int64
	Update  int64
	ReplyTo int64 // the message that it replies to; 0 for none
}

// Of finds the question that a text is about: the one that it has answered before, or
// the one that it replies to; otherwise, the one that is open. Nil when there is none.
func (s *Dialogs) Of(ctx context.Context, t Text) (*Dialog, error) {
	found, err := s.find(ctx, t.Account, `(ended_by = $2 or $3 = any (messages) or outcome is null)`, t.Update, t.ReplyTo)
	if err != nil {
		return nil, err
	}
	for _, fits := range []func(d *Dialog) bool{
		func(d *Dialog) bool { return d.EndedBy == t.Update },
		func(d *Dialog) bool { return d.holds(t.ReplyTo) },
		func(d *Dialog) bool { return d.Outcome == "" },
	} {
		if i := slices.IndexFunc(found, fits); i >= 0 {
			return found[i], nil
		}
	}
	return nil, nil //nolint:nilnil // no question is no mistake
}

func (d *Dialog) holds(message int64) bool {
	return message != 0 && slices.Contains(d.Messages, message)
}

func (s *Dialogs) find(ctx context.Context, account int64, which string, args ...any) ([]*Dialog, error) {
	rows, err := s.Pool.Query(ctx, `select `+dialogColumns+` from dialog where account = $1 and `+which+` order by opened_at desc`,
		append([]any{account}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("questions to %d: %w", account, err)
	}
	found, err := pgx.CollectRows(rows, scanDialog)
	if err != nil {
		return nil, fmt.Errorf("questions to %d: %w", account, err)
	}
	return found, nil
}

const endSQL = `update dialog set outcome = $2, ended_by = $3, endings = 1 where id = $1 and outcome is null`

// End ends a question that is open and notes in d how it ended: by this, or before.
func (s *Dialogs) End(ctx context.Context, d *Dialog, by Outcome) error {
	tag, err := s.Pool.Exec(ctx, endSQL, d.ID, by, nil)
	if err == nil && tag.RowsAffected() > 0 {
		d.Outcome = by
		return nil
	}
	if err == nil {
		err = s.Pool.QueryRow(ctx, `select outcome, coalesce(ended_by, 0) from dialog where id = $1`, d.ID).Scan(&d.Outcome, &d.EndedBy)
	}
	if err != nil {
		return fmt.Errorf("question %s: %w", d.ID, err)
	}
	return nil
}

// refuse ends a question whose verdict was not taken, together with what is lent.
func (s *Dialogs) refuse(ctx context.Context, d *Dialog, update int64, also func(*pgx.Batch, error), refusal error) error {
	b := &pgx.Batch{}
	b.Queue(endSQL, d.ID, Refused, update)
	also(b, refusal)
	if err := s.Pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("question %s: %w", d.ID, err)
	}
	return nil
}

// Ending lends the end of a question to the transaction that votes with the reason. A
// vote that is new commits only if the question was open; see cameTooLate.
func (s *Dialogs) Ending(d *Dialog, update int64) ledger.Also {
	done := Answered
	if talks(d.Tap.Verdict) {
		done = Written
	}
	return func(b *pgx.Batch, refusal error) {
		switch already, voted := errors.AsType[*approval.AlreadyVotedError](refusal); {
		case refusal == nil:
			b.Queue(`update dialog set outcome = $2, ended_by = $3, endings = endings + 1 where id = $1`, d.ID, done, update)
		case voted && already.Same: // also by this very act, when the answer to its commit was lost
			b.Queue(endSQL, d.ID, Answered, update)
		default:
			b.Queue(endSQL, d.ID, Refused, update)
		}
	}
}

// butFor lends what is given unless the act is refused for one of these reasons.
func butFor(also ledger.Also, reasons ...error) ledger.Also {
	return func(b *pgx.Batch, refusal error) {
		if !slices.ContainsFunc(reasons, func(known error) bool { return errors.Is(refusal, known) }) {
			also(b, refusal)
		}
	}
}

// Purge removes questions whose time was up before the time given.
func (s *Dialogs) Purge(ctx context.Context, before time.Time) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from dialog where expires_at < $1`, before)
	if err != nil {
		return 0, fmt.Errorf("old questions: %w", err)
	}
	if _, err := s.Pool.Exec(ctx, `delete from delegation_draft where expires_at < $1`, before); err != nil {
		return 0, fmt.Errorf("old delegations in the making: %w", err)
	}
	return tag.RowsAffected(), nil
}
