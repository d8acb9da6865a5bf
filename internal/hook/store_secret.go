package hook

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/seal"
	"countersign/internal/secret"
)

// What a secret is for. It is a part of the row's name.
const (
	roleCurrent       = "current"
	rolePrevious      = "previous"
	roleAuthorization = "authorization"
)

// kept is where a secret of an endpoint belongs.
func kept(endpoint, role string) seal.Place {
	return seal.Place{Table: "webhook_secret", Column: "sealed", Row: endpoint + "/" + role}
}

const setCurrent = `insert into webhook_secret (endpoint, role, secret, sealed, public, created_at)
	values ($1, 'current', $2, $3, nullif($4, ''), coalesce($5::timestamptz, now()))`

const setAuthorization = `insert into webhook_secret (endpoint, role, secret, sealed, created_at)
	values ($1, 'authorization', $2, $3, coalesce($4::timestamptz, now()))
	on conflict (endpoint, role) do update set secret = excluded.secret, sealed = excluded.sealed, created_at = excluded.created_at`

// How long both secrets sign after a rotation.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 7 * 24 * time.Hour
)

// Rotate gives an endpoint a new secret and returns it, as Create does. The one before
// signs as well until the overlap is over, so the receiver changes over in its own
// time; 0 means a day. An older one ends at once.
func (h *Hook) Rotate(ctx context.Context, source, id string, overlap time.Duration) (Endpoint, secret.Text, error) {
	setDefault(&overlap, DefaultOverlap)
	if overlap > MaxOverlap {
		bad := &InvalidError{}
		bad.add("overlap", "out_of_range", "at most %s", MaxOverlap)
		return Endpoint{}, "", bad
	}
	var pair keyPair
	e, err := h.act(ctx, source, id, func(tx pgx.Tx) error {
		var scheme Scheme
		err := tx.QueryRow(ctx, `select scheme from webhook where id = $1`, id).Scan(&scheme)
		if err != nil {
			return err
		}
		if pair, err = newKey(scheme); err != nil {
			return err
		}
		if err := h.retire(ctx, tx, id, overlap); err != nil {
			return err
		}
		fresh, err := h.Seal.Keep(secret.Text(pair.secret), kept(id, roleCurrent))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, setCurrent, id, fresh.Clear, fresh.Sealed, pair.public, h.clock())
		return err
	})
	if err != nil || e.Scheme != HMAC {
		return e, "", err
	}
	return e, secret.Text(pair.secret), nil
}

// retire makes the current secret the previous one, which is another row: it is sealed
// anew for that. One that cannot be opened is lost, and the endpoint goes on without it.
func (h *Hook) retire(ctx context.Context, tx pgx.Tx, id string, overlap time.Duration) error {
	if _, err := tx.Exec(ctx, `delete from webhook_secret where endpoint = $1 and role = 'previous'`, id); err != nil {
		return err
	}
	var now seal.Kept
	err := tx.QueryRow(ctx, `select secret, sealed from webhook_secret where endpoint = $1 and role = 'current' for update`, id).Scan(&now.Clear, &now.Sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // it was lost before
	}
	if err != nil {
		return err
	}
	text, err := h.Seal.Reveal(now, kept(id, roleCurrent))
	if errors.Is(err, seal.ErrRefused) { // an unknown key means that the file here is old: others can open it
		h.Log.WarnContext(ctx, "webhook secret is lost: it cannot be opened, and signs no longer", slog.String("webhook_id", id), slog.Any("error", err))
		_, err = tx.Exec(ctx, `delete from webhook_secret where endpoint = $1 and role = 'current'`, id)
		return err
	}
	if err != nil {
		return err
	}
	then, err := h.Seal.Keep(text, kept(id, rolePrevious))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update webhook_secret set role = 'previous', secret = $4, sealed = $5,
		expires_at = coalesce($2::timestamptz, now()) + $3::interval where endpoint = $1 and role = 'current'`,
		id, h.clock(), overlap, then.Clear, then.Sealed)
	return err
}

// RevokePrevious ends the previous secret now.
func (h *Hook) RevokePrevious(ctx context.Context, source, id string) (Endpoint, error) {
	return h.act(ctx, source, id, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from webhook_secret where endpoint = $1 and role = 'previous'`, id)
		return err
	})
}
