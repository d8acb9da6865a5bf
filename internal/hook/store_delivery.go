package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
)

const deliveryColumns = `event_id, kind, at, document_id, document_seq, state, attempt, next_at,
	lease_until is not null, last_status, last_error, last_sample, settled_at`

// Deliveries lists the deliveries of an endpoint that are kept. ErrNotFound: no such
// endpoint, or Before is no event that it had. Before may have been purged meanwhile.
func (h *Hook) Deliveries(ctx context.Context, source, endpoint string, f Filter, p Page) ([]Delivery, error) {
	if _, err := h.Get(ctx, source, endpoint); err != nil {
		return nil, err
	}
	before := int64(1<<63 - 1)
	if p.Before != "" {
		pos, err := h.pos(ctx, source, endpoint, p.Before)
		if _, purged := errors.AsType[*ExpiredError](err); err != nil && !purged {
			return nil, err
		}
		before = pos
	}
	setDefault(&p.Limit, 50)
	rows, err := h.Pool.Query(ctx, `select `+deliveryColumns+` from delivery
		where endpoint = $1 and pos < $2 and ($3 = '' or state = $3) and ($4 = '' or kind = $4) and ($5 = '' or document_id = $5)
		order by pos desc limit $6`, endpoint, before, f.State, f.Kind, f.DocumentID, min(p.Limit, 100))
	if err != nil {
		return nil, fmt.Errorf("deliveries of %s: %w", endpoint, classify(err))
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Delivery])
	if err != nil {
		return nil, fmt.Errorf("deliveries of %s: %w", endpoint, classify(err))
	}
	return list, nil
}

// Attempts lists the requests made for one event that are kept, the first one first.
func (h *Hook) Attempts(ctx context.Context, source, endpoint, event string) ([]Attempt, error) {
	if _, err := h.Get(ctx, source, endpoint); err != nil {
		return nil, err
	}
	rows, err := h.Pool.Query(ctx, `select event_id, at, duration_ms * interval '1 millisecond', coalesce(status, 0),
		coalesce(error, ''), coalesce(sample, '') from webhook_attempt where endpoint = $1 and event_id = $2 order by at, lease`, endpoint, event)
	if err != nil {
		return nil, fmt.Errorf("attempts of %s: %w", event, classify(err))
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Attempt])
	if err != nil {
		return nil, fmt.Errorf("attempts of %s: %w", event, classify(err))
	}
	return list, nil
}

// release lets those that waited for an earlier event of their document go as soon as
// it is settled: it may have been settled, or brought forward, ahead of its time.
func (h *Hook) release(ctx context.Context, tx pgx.Tx, endpoint string) error {
	_, err := tx.Exec(ctx, `with t as (select coalesce($2::timestamptz, statement_timestamp()) as now)
		update delivery f set next_at = t.now from t
		where f.endpoint = $1 and f.state = 'due' and f.attempt = 0 and f.lease_until is null and f.next_at > t.now`, endpoint, h.clock())
	return err
}

// Skip gives up an event that the receiver does not want, so that later ones of its
// document can go. A delivery that is settled already stays as it is; one that was
// purged is an *ExpiredError.
func (h *Hook) Skip(ctx context.Context, source, endpoint, event string) error {
	pos, err := h.pos(ctx, source, endpoint, event)
	if err != nil {
		return err
	}
	_, err = h.act(ctx, source, endpoint, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update delivery set state = 'skipped', lease_until = null,
			settled_at = coalesce($3::timestamptz, statement_timestamp()) where endpoint = $1 and pos = $2 and state = 'due'`, endpoint, pos, h.clock())
		if err != nil {
			return err
		}
		return h.release(ctx, tx, endpoint)
	})
	return err
}

// ping is what a test says. It is no event of the feed.
type ping struct {
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	Timestamp string   `json:"timestamp"`
	Source    string   `json:"source"`
	Data      pingData `json:"data"`
}

type pingData struct {
	Webhook string `json:"webhook"`
}

// Test sends a "ping" to an endpoint, also to a paused one, waits for the answer and
// gives it. How the endpoint fares is not touched.
func (h *Hook) Test(ctx context.Context, source, endpoint string) (Attempt, error) {
	h.prepare()
	l, at, err := h.lane(ctx, source, endpoint)
	if err != nil {
		return Attempt{}, err
	}
	id, err := ident.New("evt")
	if err != nil {
		return Attempt{}, err
	}
	body, err := json.Marshal(ping{id, "ping", at.UTC().Format(time.RFC3339), l.Source, pingData{endpoint}})
	if err != nil {
		return Attempt{}, err
	}
	a := h.client.send(ctx, post{lane: l, event: id, body: body, at: at, attempt: 1})
	o := outcome{claimed: claimed{Endpoint: endpoint, EventID: id, claimedAt: at}, answer: a}
	out := Attempt{EventID: id, At: at, Took: a.took, Status: a.status, Sample: a.sample}
	if text := o.text(); text != nil {
		out.Error = *text
	}
	_, err = h.Pool.Exec(context.WithoutCancel(ctx), `insert into webhook_attempt (endpoint, event_id, lease, at, duration_ms, status, error, sample)
		values ($1, $2, 0, $3, $4, $5, $6, $7)`, endpoint, id, at, a.took.Milliseconds(), o.status(), o.text(), o.sample())
	if err != nil {
		return out, fmt.Errorf("note the test of %s: %w", endpoint, classify(err))
	}
	return out, nil
}

// lane reads what is needed to send to an endpoint, and the time.
func (h *Hook) lane(ctx context.Context, source, endpoint string) (*lane, time.Time, error) {
	rows, err := h.Pool.Query(ctx, `select `+laneColumns+`where l.endpoint = $2 and ($3 = '' or w.source = $3)`, h.clock(), endpoint, source)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("webhook %s: %w", endpoint, classify(err))
	}
	l, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[lane])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, time.Time{}, fmt.Errorf("webhook %s: %w", endpoint, ErrNotFound)
	case err != nil:
		return nil, time.Time{}, fmt.Errorf("webhook %s: %w", endpoint, classify(err))
	case l.State == Ended:
		return nil, time.Time{}, fmt.Errorf("webhook %s: %w", endpoint, ErrEnded)
	}
	if err := l.unlock(h.Seal); err != nil {
		return nil, time.Time{}, fmt.Errorf("webhook %s: %w", endpoint, err)
	}
	var at time.Time
	if err := h.Pool.QueryRow(ctx, `select coalesce($1::timestamptz, clock_timestamp())`, h.clock()).Scan(&at); err != nil {
		return nil, time.Time{}, fmt.Errorf("webhook %s: %w", endpoint, classify(err))
	}
	return l, at, nil
}
