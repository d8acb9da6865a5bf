package hook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

const tendEvery = time.Minute

// trouble is an endpoint that keeps failing.
type trouble struct {
	Endpoint     string
	Source       string
	Failures     int
	FailingSince time.Time
}

// tendAlways looks after endpoints that keep failing.
func (h *Hook) tendAlways(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	away := outage{log: h.Log, what: "webhook tender"}
	for {
		away.note(ctx, h.Tend(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tend tells of endpoints that have failed for a quarter of an hour, warns of those that
// have for a day, and pauses those that have for five, never silently and never losing
// an event. One success clears the clock. It also forgets secrets that have expired.
func (h *Hook) Tend(ctx context.Context) error {
	for _, stage := range []struct {
		told  int
		after time.Duration
		level slog.Level
		text  string
	}{
		{1, 15 * time.Minute, slog.LevelWarn, "webhook endpoint fails for a quarter of an hour"},
		{2, 24 * time.Hour, slog.LevelError, "webhook endpoint fails for a day"},
	} {
		found, err := h.troubled(ctx, `update webhook_lane l set told = $2 from webhook w
			where w.id = l.endpoint and w.state = 'active' and l.told < $2
				and l.failing_since <= coalesce($1::timestamptz, now()) - $3::interval
			returning l.endpoint, w.source, l.failures, l.failing_since`, h.clock(), stage.told, stage.after)
		if err != nil {
			return err
		}
		for _, e := range found {
			h.Log.Log(ctx, stage.level, stage.text, e.attrs()...) //nolint:sloglint // one of the two texts above
		}
	}
	paused, err := h.troubled(ctx, `with bad as (
			select endpoint, failures, failing_since from webhook_lane
			where failing_since <= coalesce($1::timestamptz, now()) - interval '5 days' and failures >= 12 and failing_days >= 2
			order by endpoint for update)
		update webhook w set state = 'paused', reason = $2, row_version = row_version + 1, changed_at = coalesce($1::timestamptz, now())
		from bad where w.id = bad.endpoint and w.state = 'active'
		returning w.id, w.source, bad.failures, bad.failing_since`, h.clock(), ReasonFailing)
	if err != nil {
		return err
	}
	for _, e := range paused {
		h.Log.ErrorContext(ctx, "webhook endpoint paused after five days of failures", e.attrs()...)
	}
	_, err = h.Pool.Exec(ctx, `delete from webhook_secret where role = 'previous' and expires_at <= coalesce($1::timestamptz, now())`, h.clock())
	if err != nil {
		return fmt.Errorf("forget expired secrets: %w", classify(err))
	}
	return nil
}

func (h *Hook) troubled(ctx context.Context, query string, args ...any) ([]trouble, error) {
	rows, err := h.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("tend webhooks: %w", classify(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[trouble])
	if err != nil {
		return nil, fmt.Errorf("tend webhooks: %w", classify(err))
	}
	return found, nil
}

func (e trouble) attrs() []any {
	return []any{
		slog.String("webhook_id", e.Endpoint), slog.String("source", e.Source),
		slog.Int("failures", e.Failures), slog.Time("failing_since", e.FailingSince),
	}
}
