package courier

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// appear keeps how cards look, and tells whether that is another look than before. Where
// nobody kept it yet, only cards that lead to meetings look otherwise than all did once.
func (s *Store) appear(ctx context.Context, bot int64, meet bool) (changed bool, err error) {
	err = s.Pool.QueryRow(ctx, `insert into card_look as l (bot_id, meet, changed_at, next_case, done) values ($1, $2, now(), '', not $2)
		on conflict (bot_id) do update set meet = excluded.meet, changed_at = now(), next_case = '', done = false where l.meet <> excluded.meet
		returning not done`, bot, meet).Scan(&changed)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // none: it is as it was
		return false, fmt.Errorf("look of cards: %w", err)
	}
	return changed, nil
}

// renew lets one replica ask for the next cases, and tells how cards look. A moment after a
// change nobody is asked: the others have yet to hear of it.
func (s *Store) renew(ctx context.Context, bot int64, ask func(after string) (next string, err error)) (meet, more bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select meet, not done from card_look where bot_id = $1`, bot).Scan(&meet, &more)
		if err != nil || !more {
			return err
		}
		var after string
		err = tx.QueryRow(ctx, `select next_case from card_look where bot_id = $1 and not done and changed_at <= now() - interval '5 seconds' for update skip locked`, bot).Scan(&after)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		next, err := ask(after)
		if err != nil {
			return err
		}
		more = next != ""
		_, err = tx.Exec(ctx, `update card_look set next_case = case when $2 = '' then next_case else $2 end, done = $2 = '' where bot_id = $1`, bot, next)
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("look of cards: %w", err)
	}
	return meet, more, nil
}
