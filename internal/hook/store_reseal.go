package hook

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/seal"
)

// Reseal seals every secret that is in the clear or under an old key, at most limit of
// them in one commit, and gives how many it sealed. It may be cut short and called again,
// also by several replicas at once. A secret that cannot be opened stays as it is and is
// named in the error, which does not keep the others waiting.
func (h *Hook) Reseal(ctx context.Context, limit int) (int, error) {
	if h.Seal == nil {
		return 0, fmt.Errorf("seal webhook secrets: %w", seal.ErrNoSeal)
	}
	r := &resealing{h: h, limit: max(1, limit)}
	for more := true; more; {
		err := again(func() (err error) { more, err = r.some(ctx); return err })
		if err != nil {
			return r.done, fmt.Errorf("seal webhook secrets: %w", err)
		}
	}
	return r.done, errors.Join(r.closed...)
}

// resealing is one pass over the secrets.
type resealing struct {
	h      *Hook
	limit  int
	after  keptSecret // where the last batch ended
	done   int
	closed []error
}

// keptSecret is a secret as it is stored.
type keptSecret struct {
	Endpoint string
	Role     string
	Clear    *string
	Sealed   []byte
}

// some seals the next ones and reports whether there may be more. Those whose rows are
// locked are passed over: whoever holds them removes them or seals them himself.
func (r *resealing) some(ctx context.Context) (more bool, err error) {
	primary, err := r.h.Seal.Primary()
	if err != nil {
		return false, err
	}
	var found []keptSecret
	var closed []error
	err = pgx.BeginFunc(ctx, r.h.Pool, func(tx pgx.Tx) error {
		closed = nil
		rows, err := tx.Query(ctx, `select endpoint, role, secret, sealed from webhook_secret
			where (endpoint, role) > ($1, $2) and sealed_key is distinct from $3
			order by endpoint, role limit $4 for update skip locked`, r.after.Endpoint, r.after.Role, primary, r.limit)
		if err != nil {
			return err
		}
		if found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[keptSecret]); err != nil {
			return err
		}
		b := &pgx.Batch{}
		for _, s := range found {
			if err := r.h.reseal(b, s); err != nil {
				closed = append(closed, err)
			}
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil || len(found) == 0 {
		return false, err
	}
	r.after, r.done, r.closed = found[len(found)-1], r.done+len(found)-len(closed), append(r.closed, closed...)
	return len(found) == r.limit, nil
}

func (h *Hook) reseal(b *pgx.Batch, s keptSecret) error {
	at := kept(s.Endpoint, s.Role)
	text, err := h.Seal.Reveal(seal.Kept{Clear: s.Clear, Sealed: s.Sealed}, at)
	if err != nil {
		return err
	}
	now, err := h.Seal.Keep(text, at)
	if err != nil {
		return err
	}
	b.Queue(`update webhook_secret set secret = $3, sealed = $4 where endpoint = $1 and role = $2`, s.Endpoint, s.Role, now.Clear, now.Sealed)
	return nil
}
