package hook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Bounds of replays of one endpoint.
const (
	MaxReplay      = 10_000 // deliveries at once
	MaxReplaysHour = 60
)

// span is what a replay is about: places in the feed and times of events, both ends
// included.
type span struct {
	endpoint string
	from, to int64
	since    time.Time
	until    time.Time
}

// Replay sends events again, with their own ids and new signatures, and gives how many.
// What still waits is tried now. It reaches back as far as deliveries are kept: a query
// without a beginning means all that are kept, and one that names an event, or begins at
// one or at a moment, up to which some are not, is refused with an *ExpiredError, so
// that nobody takes a part for the whole. ErrNotFound: the endpoint had no such event;
// ErrTooOften: more than MaxReplay at once or MaxReplaysHour in an hour.
func (h *Hook) Replay(ctx context.Context, source, endpoint string, q ReplayQuery) (int, error) {
	s, err := h.span(ctx, source, endpoint, q)
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	n := 0
	_, err = h.act(ctx, source, endpoint, func(tx pgx.Tx) (err error) {
		n, err = h.resend(ctx, tx, s, q)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	return n, nil
}

// span finds the events that a query names.
func (h *Hook) span(ctx context.Context, source, endpoint string, q ReplayQuery) (span, error) {
	s := span{endpoint: endpoint, to: 1<<63 - 1, since: q.Since, until: q.Until}
	if s.until.IsZero() {
		s.until = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	for _, named := range []struct {
		event  string
		bounds []*int64
	}{{q.FromEvent, []*int64{&s.from}}, {q.ToEvent, []*int64{&s.to}}, {q.Event, []*int64{&s.from, &s.to}}} {
		if named.event == "" {
			continue
		}
		pos, err := h.pos(ctx, source, endpoint, named.event)
		if err != nil {
			return s, err
		}
		for _, b := range named.bounds {
			*b = pos
		}
	}
	return s, nil
}

// resend makes the deliveries of a span due again. A purge does not stand in line for
// the endpoint, so it may take some away between the count and the change.
func (h *Hook) resend(ctx context.Context, tx pgx.Tx, s span, q ReplayQuery) (int, error) {
	n := 0
	err := tx.QueryRow(ctx, `select count(*) from (select from delivery where endpoint = $1 and pos between $2 and $3
		and at between $4 and $5 and lease_until is null limit $6) d`, s.endpoint, s.from, s.to, s.since, s.until, MaxReplay+1).Scan(&n)
	if err != nil {
		return 0, err
	}
	if n > MaxReplay {
		return 0, fmt.Errorf("%w: more than %d deliveries at once", ErrTooOften, MaxReplay)
	}
	if err := h.whole(ctx, tx, s); err != nil || n == 0 {
		return 0, err
	}
	id, err := h.recordReplay(ctx, tx, s.endpoint, q)
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `with t as (select coalesce($6::timestamptz, statement_timestamp()) as now)
		update delivery d set state = 'due', replay = $7, attempt = 0, due_since = t.now, next_at = t.now, settled_at = null
		from t where d.endpoint = $1 and d.pos between $2 and $3 and d.at between $4 and $5 and d.lease_until is null`,
		s.endpoint, s.from, s.to, s.since, s.until, h.clock(), id)
	if err != nil {
		return 0, err
	}
	if err := h.whole(ctx, tx, s); err != nil {
		return 0, err
	}
	return int(tag.RowsAffected()), h.release(ctx, tx, s.endpoint)
}

// whole refuses a span of whose beginning something was purged.
func (h *Hook) whole(ctx context.Context, tx pgx.Tx, s span) error {
	if s.from == s.to || s.from == 0 && s.since.IsZero() {
		return nil // the one was found, and who names no beginning wants what there is
	}
	z, err := horizonOf(ctx, tx.QueryRow, s.endpoint)
	if err != nil || s.from > z.pos || s.since.After(z.at) {
		return err
	}
	return &ExpiredError{s.endpoint, z.at}
}

// recordReplay keeps who wanted what, and refuses when that happens too often.
func (h *Hook) recordReplay(ctx context.Context, tx pgx.Tx, endpoint string, q ReplayQuery) (int64, error) {
	var lately int
	err := tx.QueryRow(ctx, `select count(*) from webhook_replay
		where endpoint = $1 and at > coalesce($2::timestamptz, now()) - interval '1 hour'`, endpoint, h.clock()).Scan(&lately)
	if err != nil {
		return 0, err
	}
	if lately >= MaxReplaysHour {
		return 0, fmt.Errorf("%w: %d in the last hour", ErrTooOften, lately)
	}
	by := q.By
	wanted, err := json.Marshal(q)
	if err != nil {
		return 0, err
	}
	if by == "" {
		by = "unknown"
	}
	var id int64
	err = tx.QueryRow(ctx, `insert into webhook_replay (endpoint, wanted, by, at)
		values ($1, $2, $3, coalesce($4::timestamptz, now())) returning id`,
		endpoint, printable(wanted, 500), printable([]byte(by), 200), h.clock()).Scan(&id)
	return id, err
}
