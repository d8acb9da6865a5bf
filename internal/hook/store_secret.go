package hook

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/secret"
)

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
		at := h.clock()
		b := &pgx.Batch{}
		b.Queue(`delete from webhook_secret where endpoint = $1 and role = 'previous'`, id)
		b.Queue(`update webhook_secret set role = 'previous', expires_at = coalesce($2::timestamptz, now()) + $3::interval
			where endpoint = $1 and role = 'current'`, id, at, overlap)
		b.Queue(`insert into webhook_secret (endpoint, role, secret, public, created_at)
			values ($1, 'current', $2, nullif($3, ''), coalesce($4::timestamptz, now()))`, id, pair.secret, pair.public, at)
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil || e.Scheme != HMAC {
		return e, "", err
	}
	return e, secret.Text(pair.secret), nil
}

// RevokePrevious ends the previous secret now.
func (h *Hook) RevokePrevious(ctx context.Context, source, id string) (Endpoint, error) {
	return h.act(ctx, source, id, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from webhook_secret where endpoint = $1 and role = 'previous'`, id)
		return err
	})
}
