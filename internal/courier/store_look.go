package courier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/ledger"
)

// appear keeps how cards look, and tells whether that is another look than before. Where
// nobody kept it yet, only cards that lead to a talk look otherwise than all did once.
func (s *Store) appear(ctx context.Context, bot int64, now Look) (changed bool, err error) {
	err = s.Pool.QueryRow(ctx, `insert into card_look as l (bot_id, meet, phone, changed_at, next_case, done) values ($1, $2, $3, now(), '', not ($2 or $3))
		on conflict (bot_id) do update set meet = excluded.meet, phone = excluded.phone, changed_at = now(), next_case = '', done = false
			where (l.meet, l.phone) <> (excluded.meet, excluded.phone)
		returning not done`, bot, now.Meet, now.Phone).Scan(&changed)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // none: it is as it was
		return false, fmt.Errorf("look of cards: %w", err)
	}
	return changed, nil
}

// renew asks for the next cases, and tells how cards look. Of several replicas that go on
// from the same case one does: what is asked for is committed with the step. A moment after
// a change nobody is asked: the others have yet to hear of it. Whoever finds the cases needs
// no second connection while this one is held.
func (s *Store) renew(ctx context.Context, bot int64, next func(after approval.ID) ([]approval.ID, error)) (now Look, more bool, err error) {
	var after approval.ID
	var since time.Time
	var ripe bool
	err = s.Pool.QueryRow(ctx, `select meet, phone, not done, next_case, changed_at, changed_at <= now() - interval '5 seconds' from card_look where bot_id = $1`, bot).
		Scan(&now.Meet, &now.Phone, &more, &after, &since, &ripe)
	if err == nil && more && ripe {
		more, err = s.step(ctx, bot, after, since, next)
	}
	if err != nil {
		return Look{}, false, fmt.Errorf("look of cards: %w", err)
	}
	return now, more, nil
}

func (s *Store) step(ctx context.Context, bot int64, after approval.ID, since time.Time, next func(approval.ID) ([]approval.ID, error)) (more bool, err error) {
	open, err := next(after)
	if err != nil {
		return false, err
	}
	var last approval.ID
	if more = len(open) > 0; more {
		last = open[len(open)-1]
	}
	return more, pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update card_look set next_case = case when $4 = '' then next_case else $4 end, done = $4 = ''
			where bot_id = $1 and next_case = $2 and changed_at = $3 and not done`, bot, after, since, last)
		if err != nil || tag.RowsAffected() == 0 || !more { // none: another replica did
			return err
		}
		b := &pgx.Batch{}
		ledger.LendRedraw(open...)(b)
		return tx.SendBatch(ctx, b).Close()
	})
}
