package hook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
)

// MinKeep is how long the history of deliveries is kept at least: the database refuses
// to purge what is younger.
const MinKeep = 7 * 24 * time.Hour

// Purge removes the attempts made before a moment and the deliveries settled before it,
// and gives how many rows that were. It works in small bites and never waits for a
// delivery; when ctx ends, or something fails, what was removed so far stays removed
// and is counted. A delivery that is due stays whatever its age. Nothing is delivered
// anew for having been purged: deliveries are made when an event gets its place in the
// feed, and never again.
func (h *Hook) Purge(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for _, bite := range []string{
		`select removed, reached, $3::bigint from webhook_purge_attempts($1, coalesce($2::timestamptz, '-infinity'))`,
		`select removed, reached, reached_pos from webhook_purge_deliveries($1, coalesce($2::timestamptz, '-infinity'), coalesce($3, 0))`,
	} {
		n, err := h.purge(ctx, bite, before)
		total += n
		if err != nil {
			return total, fmt.Errorf("purge the history of webhooks: %w", classify(err))
		}
	}
	return total, nil
}

// purge takes bites until nothing is left.
func (h *Hook) purge(ctx context.Context, bite string, before time.Time) (int64, error) {
	var total int64
	var since *time.Time
	var pos *int64
	for first := true; first || since != nil; first = false {
		var n int64
		if err := h.Pool.QueryRow(ctx, bite, before, since, pos).Scan(&n, &since, &pos); err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// horizon is the end of what was purged of an endpoint: the last place in the feed and
// the latest event.
type horizon struct {
	pos int64
	at  time.Time
}

func horizonOf(ctx context.Context, query func(context.Context, string, ...any) pgx.Row, endpoint string) (horizon, error) {
	var z horizon
	err := query(ctx, `select pos, at from webhook_horizon where endpoint = $1`, endpoint).Scan(&z.pos, &z.at)
	if errors.Is(err, pgx.ErrNoRows) {
		return z, nil
	}
	return z, err
}

// pos finds the place of an event that an endpoint had. It is given also with an
// *ExpiredError, when the delivery was purged.
func (h *Hook) pos(ctx context.Context, source, endpoint, event string) (int64, error) {
	var pos int64
	err := h.Pool.QueryRow(ctx, `select pos from delivery where endpoint = $1 and event_id = $2`, endpoint, event).Scan(&pos)
	if errors.Is(err, pgx.ErrNoRows) {
		pos, err = h.gone(ctx, source, endpoint, event)
	}
	if err != nil {
		return pos, fmt.Errorf("event %s of %s: %w", event, endpoint, classify(err))
	}
	return pos, nil
}

// gone tells an event whose delivery may have been purged from one that the endpoint
// never had.
func (h *Hook) gone(ctx context.Context, source, endpoint, event string) (int64, error) {
	w, err := h.Get(ctx, source, endpoint)
	if err != nil {
		return 0, err
	}
	z, err := horizonOf(ctx, h.Pool.QueryRow, endpoint)
	if err != nil {
		return 0, err
	}
	e, err := h.Ledger.Event(ctx, w.Source, event)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return 0, ErrNotFound
	case err != nil:
		return 0, err
	case e.Pos > z.pos:
		return 0, ErrNotFound
	}
	return e.Pos, &ExpiredError{endpoint, z.at}
}
