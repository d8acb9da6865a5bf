package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// Digest is the wish for one message a day of what waits.
type Digest struct {
	On   bool `json:"on,omitempty"`
	Hour int  `json:"hour"` // by the person's own clock
}

func (d Digest) valid() bool { return d.Hour >= 0 && d.Hour < 24 && (d.On || d.Hour == 0) }

// Subscriber is somebody who wants a digest.
type Subscriber struct {
	Person people.ID
	Hour   int
	Since  time.Time // when he chose the hour
	Done   time.Time // when he was last thought of; zero: never
}

// Subscribers lists who wants a digest.
func (s *Store) Subscribers(ctx context.Context) ([]Subscriber, error) {
	rows, err := s.Pool.Query(ctx, `select person_id, digest_hour, digest_since, digest_done from setting where digest_hour is not null order by person_id`)
	if err != nil {
		return nil, fmt.Errorf("digests: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Subscriber, error) {
		var sub Subscriber
		var done *time.Time
		err := row.Scan(&sub.Person, &sub.Hour, &sub.Since, &done)
		sub.Since, sub.Done = sub.Since.UTC(), instant(done)
		return sub, err
	})
	if err != nil {
		return nil, fmt.Errorf("digests: %w", err)
	}
	return out, nil
}

// Digested notes that somebody was thought of at a moment, in one commit with what tell
// does. Where another replica was quicker, or he chose anew, nothing happens: false.
func (s *Store) Digested(ctx context.Context, sub Subscriber, at time.Time, tell func(tx Tx) error) (bool, error) {
	mine := false
	var was *time.Time
	if !sub.Done.IsZero() {
		was = &sub.Done
	}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update setting set digest_done = $4
			where person_id = $1 and digest_hour = $2 and digest_since = $3 and digest_done is not distinct from $5`,
			sub.Person, sub.Hour, sub.Since, at, was)
		if mine = tag.RowsAffected() > 0; err != nil || !mine {
			return err
		}
		return tell(tx)
	})
	if err != nil {
		return false, fmt.Errorf("digest of %s: %w", sub.Person, err)
	}
	return mine, nil
}
