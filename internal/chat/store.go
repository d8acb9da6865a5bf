package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/approval"
	"countersign/internal/ident"
)

// Dialogs keeps what people were asked to write, one question a person.
type Dialogs struct {
	Pool *pgxpool.Pool
}

// Dialog is a verdict that waits for its reason.
type Dialog struct {
	ID        string
	Account   int64
	Case      approval.ID
	Round     int
	Step      int
	No        int
	Revision  int
	Verdict   approval.Verdict
	MessageID int64
	ExpiresAt time.Time
}

// Open keeps a question; an older one of the same person is dropped.
func (s *Dialogs) Open(ctx context.Context, d *Dialog) error {
	id, err := ident.New("dlg")
	if err != nil {
		return err
	}
	d.ID = id
	_, err = s.Pool.Exec(ctx, `insert into dialog (account, id, case_id, round, step, no, revision, verdict, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (account) do update set id = excluded.id, case_id = excluded.case_id, round = excluded.round, step = excluded.step,
			no = excluded.no, revision = excluded.revision, verdict = excluded.verdict, expires_at = excluded.expires_at, message_id = null`,
		d.Account, d.ID, d.Case, d.Round, d.Step, d.No, d.Revision, d.Verdict, d.ExpiresAt)
	if err != nil {
		return fmt.Errorf("question to %d: %w", d.Account, err)
	}
	return nil
}

// Asked notes the message in which the question was put.
func (s *Dialogs) Asked(ctx context.Context, d *Dialog, message int64) error {
	d.MessageID = message
	if _, err := s.Pool.Exec(ctx, `update dialog set message_id = $2 where id = $1`, d.ID, message); err != nil {
		return fmt.Errorf("question %s: %w", d.ID, err)
	}
	return nil
}

// Of finds the question that a person was asked; nil when there is none.
func (s *Dialogs) Of(ctx context.Context, account int64) (*Dialog, error) {
	d := &Dialog{Account: account}
	var message *int64
	err := s.Pool.QueryRow(ctx, `select id, case_id, round, step, no, revision, verdict, message_id, expires_at from dialog where account = $1`,
		account).Scan(&d.ID, &d.Case, &d.Round, &d.Step, &d.No, &d.Revision, &d.Verdict, &message, &d.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no question is no mistake
	}
	if err != nil {
		return nil, fmt.Errorf("question to %d: %w", account, err)
	}
	if message != nil {
		d.MessageID = *message
	}
	return d, nil
}

// Close drops the question, unless another one took its place.
func (s *Dialogs) Close(ctx context.Context, d *Dialog) error {
	if _, err := s.Pool.Exec(ctx, `delete from dialog where id = $1`, d.ID); err != nil {
		return fmt.Errorf("question %s: %w", d.ID, err)
	}
	return nil
}
