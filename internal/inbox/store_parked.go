package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotParked comes back when an update was not given up, or is not there at all.
var ErrNotParked = errors.New("no parked update")

// Parked is an update that was given up and is kept to be looked at.
type Parked struct {
	ID       int64
	Received time.Time
	Attempts int
	Outcome  string // why
}

// Parked lists the updates that were given up, the oldest first.
func (x *Inbox) Parked(ctx context.Context) ([]Parked, error) {
	rows, err := x.Pool.Query(ctx, `select update_id, received_at, attempts, coalesce(outcome, '') from telegram_update
		where bot_id = $1 and state = 'parked' order by received_at, update_id`, x.Bot)
	if err != nil {
		return nil, fmt.Errorf("parked updates: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Parked])
	if err != nil {
		return nil, fmt.Errorf("parked updates: %w", err)
	}
	return out, nil
}

// Retry brings back an update that was given up, as if it had never been tried. Whoever
// looks for work next takes it.
func (x *Inbox) Retry(ctx context.Context, id int64) error {
	tag, err := x.Pool.Exec(ctx, `update telegram_update set state = 'new', outcome = null, settled_at = null, attempts = 0,
		next_at = now(), lease = lease + 1 where bot_id = $1 and update_id = $2 and state = 'parked'`, x.Bot, id)
	if err != nil {
		return fmt.Errorf("update %d: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("update %d: %w", id, ErrNotParked)
	}
	return nil
}
