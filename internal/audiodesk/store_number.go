package audiodesk

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// keptNumber is one as it is stored.
type keptNumber struct {
	person       people.ID
	account      int64
	sealed, mark []byte
}

func (s *Store) number(ctx context.Context, p people.ID) (k keptNumber, there bool, err error) {
	err = s.Pool.QueryRow(ctx, `select person_id, account, sealed, mark from audio_number where person_id = $1`, p).Scan(&k.person, &k.account, &k.sealed, &k.mark)
	if errors.Is(err, pgx.ErrNoRows) {
		return keptNumber{}, false, nil
	}
	return k, err == nil, fail("telephone number", err)
}

// keep keeps somebody's number in place of the one before.
func (s *Store) keep(ctx context.Context, k keptNumber) error {
	_, err := s.Pool.Exec(ctx, `insert into audio_number (person_id, account, sealed, mark, given_at) values ($1, $2, $3, $4, statement_timestamp())
		on conflict (person_id) do update set account = excluded.account, sealed = excluded.sealed, mark = excluded.mark, given_at = excluded.given_at`,
		k.person, k.account, k.sealed, k.mark)
	return fail("telephone number", err)
}

// drop forgets somebody's number, and what could tell it from others in the calls that are
// over. Only is the account that gave it; 0: whichever did.
func (s *Store) drop(ctx context.Context, p people.ID, only int64) error {
	return fail("telephone number", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from audio_number where person_id = $1 and ($2 = 0 or account = $2)`, p, only)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `update audio_call set mark = null where person_id = $1 and ended_at is not null and mark is not null`, p)
		return err
	}))
}

// givers are whose numbers are kept, with the accounts that gave them.
func (s *Store) givers(ctx context.Context) (map[people.ID]int64, error) {
	rows, err := s.Pool.Query(ctx, `select person_id, account from audio_number`)
	if err != nil {
		return nil, fail("telephone numbers", err)
	}
	out := map[people.ID]int64{}
	var p people.ID
	var account int64
	_, err = pgx.ForEachRow(rows, []any{&p, &account}, func() error { out[p] = account; return nil })
	return out, fail("telephone numbers", err)
}
