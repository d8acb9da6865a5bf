package notice

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
)

// commitTime is after what time it is called unknown whether something was stored.
const commitTime = 10 * time.Second

// Change gives a progress of a source another body; its messages follow. No is the
// sender's own number of the change: what comes late never covers up what is newer. The
// same number with the same content changes nothing, also after the end.
func (s *Store) Change(ctx context.Context, source, id string, no int64, change func(*Body)) (changed bool, err error) {
	err = commit(ctx, s.Pool, func(tx pgx.Tx) error {
		var class Class
		var now Body
		var last int64
		err := tx.QueryRow(ctx, `select class, body, sequence from notice where id = $1 and coalesce(source, '') = $2 for update`, id, source).Scan(&class, &now, &last)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrUnknown
		}
		if err != nil {
			return err
		}
		next := now
		change(&next)
		next = next.clean()
		if fault := next.check(); fault != "" || next.State == "" && class == Progress {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		switch {
		case class != Progress:
			return ErrFixed
		case no == last && reflect.DeepEqual(now.clean(), next):
			return nil
		case no <= last:
			return ErrLate
		case now.State != Running:
			return ErrOver
		}
		changed = true
		return s.change(ctx, tx, id, no, next)
	})
	if err != nil {
		return false, fmt.Errorf("notice %s: %w", id, err)
	}
	if changed {
		s.Bell.Ring()
	}
	return changed, nil
}

// change stores a body. Messages that somebody has in hand, or that are not sent yet, find
// the newest when they are noted or begun.
func (s *Store) change(ctx context.Context, tx pgx.Tx, id string, no int64, to Body) error {
	b := &pgx.Batch{}
	b.Queue(`update notice set body = $2, sequence = $3, version = version + 1 where id = $1`, id, to, no)
	b.Queue(`update notice_message set next_at = now()
		where notice_id = $1 and part = 0 and message_id is not null and fault = '' and next_at is null`, id)
	return tx.SendBatch(ctx, b).Close()
}

// beginner is a pool.
type beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// commit does work in a transaction. A commit that is under way is not cancelled with the
// caller: where its answer does not come, the error is ledger.ErrUnknown.
func commit(ctx context.Context, pool beginner, work func(pgx.Tx) error) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	defer func() { _ = tx.Rollback(ending) }() // after the commit it does nothing
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.Commit(ending); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnknown, err)
	}
	return nil
}
