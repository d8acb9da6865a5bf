package audiodesk

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// keyDay is how long the key before the one of now is of use: until no call counts that was
// marked with it.
const keyDay = 25 * time.Hour

// forget forgets the key before when it is of no use any more.
func (s *Store) forget(ctx context.Context) error {
	_, err := s.Pool.Exec(ctx, `update audio_key set before = null, renewed_at = null where renewed_at < statement_timestamp() - $1::interval`, keyDay)
	return fail("key of the marks", err)
}

// renew changes the keys of the marks under the gate. Over tells that the one before, if there
// is one, is of no use any more. Where change gives none all stays as it is.
func (s *Store) renew(ctx context.Context, change func(k keptKeys, over bool) (keptKeys, error)) (changed bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		k, over := keptKeys{}, false
		err := tx.QueryRow(ctx, `select sealed, before, coalesce(renewed_at < statement_timestamp() - $1::interval, true) from audio_key for update`, keyDay).
			Scan(&k.sealed, &k.before, &over)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		now, err := change(k, over)
		if err != nil || now.sealed == nil {
			return err
		}
		changed = true
		_, err = tx.Exec(ctx, `update audio_key set sealed = $1, before = $2,
			renewed_at = case when $2::bytea is null then null when $3 then statement_timestamp() else renewed_at end`, now.sealed, now.before, over)
		return err
	})
	return changed && err == nil, fail("key of the marks", err)
}

// gate lets those who count calls go one after another: limits hold whoever asks at once.
const gate = `select from audio_key for update`

// keptKeys are those of the marks, as they are stored.
type keptKeys struct {
	sealed []byte // that of now; nil: nobody has made one yet
	before []byte // the one before it, while calls count that it marked; nil: there is none
}

// key gives them.
func (s *Store) key(ctx context.Context, tx query, how string) (k keptKeys, err error) {
	err = tx.QueryRow(ctx, `select sealed, before from audio_key `+how).Scan(&k.sealed, &k.before)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return k, err
}

// setKey keeps the first key, unless another replica was faster, and gives those that are kept.
func (s *Store) setKey(ctx context.Context, fresh []byte) (keptKeys, error) {
	if _, err := s.Pool.Exec(ctx, `insert into audio_key (one, sealed) values (true, $1) on conflict do nothing`, fresh); err != nil {
		return keptKeys{}, err
	}
	return s.key(ctx, s.Pool, "")
}
