package hook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
	"countersign/internal/secret"
)

// Create makes an endpoint. It gives the secret that both sides sign with; nobody can
// read it afterwards. With scheme v1a there is none to give: the receiver needs the
// endpoint's public key. The error may be an *InvalidError or ErrTooMany.
func (h *Hook) Create(ctx context.Context, source string, n NewEndpoint) (Endpoint, secret.Text, error) {
	n, err := h.complete(ctx, n)
	if err != nil {
		return Endpoint{}, "", err
	}
	id, err := ident.New("whk")
	if err != nil {
		return Endpoint{}, "", err
	}
	pair, err := newKey(n.Scheme)
	if err != nil {
		return Endpoint{}, "", err
	}
	err = pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('countersign.webhook'))`); err != nil {
			return err
		}
		var count int
		if err := tx.QueryRow(ctx, `select count(*) from webhook where source = $1 and state <> 'ended'`, source).Scan(&count); err != nil {
			return err
		}
		if count >= MaxEndpoints {
			return ErrTooMany
		}
		return h.insert(ctx, tx, row{id, source, n, pair})
	})
	if err != nil {
		return Endpoint{}, "", fmt.Errorf("create webhook of %s: %w", source, classify(err))
	}
	made, err := h.Get(ctx, source, id)
	if n.Scheme != HMAC {
		return made, "", err
	}
	return made, secret.Text(pair.secret), err
}

// row is an endpoint as it goes into the tables.
type row struct {
	id     string
	source string
	fields NewEndpoint
	key    keyPair
}

func (h *Hook) insert(ctx context.Context, tx pgx.Tx, r row) error {
	at := h.clock()
	b := &pgx.Batch{}
	signing, err := h.Seal.Keep(secret.Text(r.key.secret), kept(r.id, roleCurrent))
	if err != nil {
		return err
	}
	b.Queue(`insert into webhook (id, source, url, types, scheme, timeout_ms, in_flight, state, created_at, changed_at)
		select $1, $2, $3, $4, $5, $6, $7, 'active', now, now from (select coalesce($8::timestamptz, now()) as now) t`,
		r.id, r.source, r.fields.URL, r.fields.Types, r.fields.Scheme, r.fields.Timeout.Milliseconds(), r.fields.InFlight, at)
	b.Queue(`insert into webhook_lane (endpoint, served_at) values ($1, coalesce($2::timestamptz, now()))`, r.id, at)
	b.Queue(setCurrent, r.id, signing.Clear, signing.Sealed, r.key.public, at)
	if r.fields.Authorization != "" {
		auth, err := h.Seal.Keep(r.fields.Authorization, kept(r.id, roleAuthorization))
		if err != nil {
			return err
		}
		b.Queue(setAuthorization, r.id, auth.Clear, auth.Sealed, at)
	}
	return tx.SendBatch(ctx, b).Close()
}

const endpointColumns = `w.id, w.source, w.url, w.types, w.scheme, w.timeout_ms, w.in_flight, w.state, w.reason, w.row_version,
	w.created_at, w.changed_at, l.succeeded_at, l.failed_at, l.failing_since, l.failures, l.held_until,
	array(select s.public from webhook_secret s where s.endpoint = w.id and s.public is not null
		and (s.expires_at is null or s.expires_at > coalesce($1::timestamptz, now())) order by s.role),
	exists (select from webhook_secret s where s.endpoint = w.id and s.role = 'authorization'),
	(select s.expires_at from webhook_secret s where s.endpoint = w.id and s.role = 'previous' and s.expires_at > coalesce($1::timestamptz, now())),
	(select count(*) from delivery d where d.endpoint = w.id and d.state = 'due'),
	(select min(d.at) from delivery d where d.endpoint = w.id and d.state = 'due')
	from webhook w join webhook_lane l on l.endpoint = w.id `

func scanEndpoint(r pgx.CollectableRow) (Endpoint, error) {
	var e Endpoint
	var timeout int64
	err := r.Scan(&e.ID, &e.Source, &e.URL, &e.Types, &e.Scheme, &timeout, &e.InFlight, &e.State, &e.Reason, &e.Version,
		&e.CreatedAt, &e.ChangedAt, &e.LastSuccess, &e.LastFailure, &e.FailingSince, &e.Failures, &e.HeldUntil,
		&e.PublicKeys, &e.Authorization, &e.PreviousUntil, &e.Due, &e.OldestDue)
	e.Timeout = time.Duration(timeout) * time.Millisecond
	return e, err
}

// Get finds an endpoint of a source, also one that has ended. An empty source, here and
// in all that follows, means the operator: any source.
func (h *Hook) Get(ctx context.Context, source, id string) (Endpoint, error) {
	rows, err := h.Pool.Query(ctx, `select `+endpointColumns+`where w.id = $2 and ($3 = '' or w.source = $3)`, h.clock(), id, source)
	if err != nil {
		return Endpoint{}, fmt.Errorf("webhook %s: %w", id, classify(err))
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanEndpoint)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("webhook %s: %w", id, classify(err))
	}
	return e, nil
}

// List gives the endpoints of a source that have not ended, the oldest first.
func (h *Hook) List(ctx context.Context, source string) ([]Endpoint, error) {
	rows, err := h.Pool.Query(ctx, `select `+endpointColumns+`where ($2 = '' or w.source = $2) and w.state <> 'ended' order by w.id`, h.clock(), source)
	if err != nil {
		return nil, fmt.Errorf("webhooks of %s: %w", source, classify(err))
	}
	list, err := pgx.CollectRows(rows, scanEndpoint)
	if err != nil {
		return nil, fmt.Errorf("webhooks of %s: %w", source, classify(err))
	}
	return list, nil
}

// Update changes an endpoint that is at the version given. The error may be an
// *InvalidError, ErrStale, ErrEnded or ErrNotFound.
func (h *Hook) Update(ctx context.Context, source, id string, c Change) (Endpoint, error) {
	old, err := h.Get(ctx, source, id)
	if err != nil {
		return Endpoint{}, err
	}
	n := NewEndpoint{URL: old.URL, Types: old.Types, Scheme: old.Scheme, Timeout: old.Timeout, InFlight: old.InFlight}
	set(&n.URL, c.URL)
	set(&n.Types, c.Types)
	set(&n.Timeout, c.Timeout)
	set(&n.InFlight, c.InFlight)
	set(&n.Authorization, c.Authorization)
	if n, err = h.complete(ctx, n); err != nil {
		return Endpoint{}, err
	}
	err = h.locked(ctx, old, func(tx pgx.Tx) error {
		at := h.clock()
		tag, err := tx.Exec(ctx, `update webhook set url = $3, types = $4, timeout_ms = $5, in_flight = $6,
			changed_at = coalesce($7::timestamptz, now()), row_version = row_version + 1 where id = $1 and row_version = $2`,
			id, c.Version, n.URL, n.Types, n.Timeout.Milliseconds(), n.InFlight, at)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return ErrStale
		case c.Authorization == nil:
			return nil
		case n.Authorization == "":
			_, err = tx.Exec(ctx, `delete from webhook_secret where endpoint = $1 and role = 'authorization'`, id)
			return err
		}
		auth, err := h.Seal.Keep(n.Authorization, kept(id, roleAuthorization))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, setAuthorization, id, auth.Clear, auth.Sealed, at)
		return err
	})
	if err != nil {
		return Endpoint{}, fmt.Errorf("update webhook %s: %w", id, err)
	}
	return h.Get(ctx, source, id)
}

func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// locked does something to an endpoint that has not ended, under its lock.
func (h *Hook) locked(ctx context.Context, e Endpoint, act func(tx pgx.Tx) error) error {
	return again(func() error {
		return pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
			var state State
			err := tx.QueryRow(ctx, `select w.state from webhook_lane l join webhook w on w.id = l.endpoint
				where l.endpoint = $1 for update`, e.ID).Scan(&state)
			if err != nil {
				return err
			}
			if state == Ended {
				return ErrEnded
			}
			return act(tx)
		})
	})
}

// turnTo brings an endpoint into a state.
func (h *Hook) turnTo(ctx context.Context, tx pgx.Tx, id string, to State, reason string) (bool, error) {
	tag, err := tx.Exec(ctx, `update webhook set state = $2, reason = $3, changed_at = coalesce($4::timestamptz, now()),
		row_version = row_version + 1 where id = $1 and state <> $2`, id, to, reason, h.clock())
	return tag.RowsAffected() > 0, err
}

// Pause keeps the events of an endpoint until it is resumed. A paused endpoint stays as
// it is.
func (h *Hook) Pause(ctx context.Context, source, id, reason string) (Endpoint, error) {
	if reason == "" {
		reason = "paused by request"
	}
	return h.act(ctx, source, id, func(tx pgx.Tx) error {
		_, err := h.turnTo(ctx, tx, id, Paused, printable([]byte(reason), 200))
		return err
	})
}

// Resume sends what was kept, in order and slowly at first. What waited for a retry
// begins its schedule anew.
func (h *Hook) Resume(ctx context.Context, source, id string) (Endpoint, error) {
	return h.act(ctx, source, id, func(tx pgx.Tx) error {
		changed, err := h.turnTo(ctx, tx, id, Active, "")
		if err != nil || !changed {
			return err
		}
		_, err = tx.Exec(ctx, `update webhook_lane set failures = 0, failing_since = null, failing_days = 0, told = 0,
			held_until = null, rate = $2, rate_at = null, rate_used = 0 where endpoint = $1`, id, firstRate)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update delivery set due_since = t.now, next_at = t.now, attempt = 0
			from (select coalesce($2::timestamptz, statement_timestamp()) as now) t
			where endpoint = $1 and state = 'due' and lease_until is null`, id, h.clock())
		return err
	})
}

// act does something to an endpoint and gives what it is then.
func (h *Hook) act(ctx context.Context, source, id string, what func(tx pgx.Tx) error) (Endpoint, error) {
	h.prepare()
	e, err := h.Get(ctx, source, id)
	if err != nil {
		return Endpoint{}, err
	}
	if err := h.locked(ctx, e, what); err != nil {
		return Endpoint{}, fmt.Errorf("webhook %s: %w", id, err)
	}
	h.placed.Ring()
	return h.Get(ctx, source, id)
}

// Delete ends an endpoint: its secrets are removed and what waits is skipped. The
// history stays. An endpoint that has ended is ErrEnded.
func (h *Hook) Delete(ctx context.Context, source, id string) error {
	_, err := h.act(ctx, source, id, func(tx pgx.Tx) error {
		if _, err := h.turnTo(ctx, tx, id, Ended, ""); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from webhook_secret where endpoint = $1`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update delivery set state = 'skipped', lease_until = null, last_error = 'the endpoint has ended',
			settled_at = coalesce($2::timestamptz, statement_timestamp()) where endpoint = $1 and state = 'due'`, id, h.clock())
		return err
	})
	return err
}
