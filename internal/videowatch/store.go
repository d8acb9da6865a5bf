package videowatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store keeps what was found. Times are the database's.
type Store struct {
	Pool *pgxpool.Pool
}

// Tx is a transaction.
type Tx = pgx.Tx

// errLost says that another replica has taken over: what was found is old.
var errLost = errors.New("the turn is another's")

// duty is something that one replica does at a time.
type duty string

const (
	checking duty = "check"
	scanning duty = "scan"
)

// turn is the right to do a duty for a server until it is held.
type turn struct {
	server string
	duty   duty
	no     int64
	every  time.Duration
}

// take begins a turn when one is due; else it tells how long to wait for the next. Who
// dies in the middle keeps others from it for as long as hold.
func (s *Store) take(ctx context.Context, t turn, hold time.Duration) (turn, time.Duration, error) {
	err := s.Pool.QueryRow(ctx, `insert into watch_turn as t (server, duty, no, begun_at, next_at) values ($1, $2, 1, now(), now() + $3::interval)
		on conflict (server, duty) do update set no = t.no + 1, begun_at = now(), next_at = now() + $3::interval where t.next_at <= now() returning no`,
		t.server, t.duty, hold).Scan(&t.no)
	if err == nil {
		return t, 0, nil
	}
	var wait time.Duration
	if errors.Is(err, pgx.ErrNoRows) {
		err = s.Pool.QueryRow(ctx, `select greatest(next_at - now(), interval '0') from watch_turn where server = $1 and duty = $2`, t.server, t.duty).Scan(&wait)
	}
	if err != nil {
		return turn{}, 0, fmt.Errorf("video server %q: %w", t.server, err)
	}
	return turn{}, wait, nil
}

// in does work in a transaction that only who has the turn can commit. The work is given
// the time of the transaction.
func (s *Store) in(ctx context.Context, t turn, work func(tx Tx, now time.Time) error) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var now time.Time
		err := tx.QueryRow(ctx, `select now() from watch_turn where server = $1 and duty = $2 and no = $3 for update`, t.server, t.duty, t.no).Scan(&now)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLost
		}
		if err != nil {
			return err
		}
		return work(tx, now)
	})
	if err != nil {
		return fmt.Errorf("video server %q: %w", t.server, err)
	}
	return nil
}

// end gives the turn back; the next one is due its time after this one began.
func (t turn) end(ctx context.Context, tx Tx) error {
	_, err := tx.Exec(ctx, `update watch_turn set next_at = greatest(now(), begun_at + $3::interval) where server = $1 and duty = $2`, t.server, t.duty, t.every)
	return err
}

// plain is a text of a server as the database takes it.
func plain(s string, most int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most])
	}
	return s
}
