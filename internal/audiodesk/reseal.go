package audiodesk

import (
	"context"
	"errors"
	"fmt"

	"countersign/internal/seal"
)

// Reseal seals numbers and PINs anew that are under an older key than the newest, reading at
// most limit of them at a time, and gives how many it sealed. It may be cut short and called
// again, also by several replicas at once and while calls are made. What cannot be opened
// stays as it is and is named in the error, which does not keep the others waiting.
func (d *Desk) Reseal(ctx context.Context, limit int) (done int, err error) {
	if d.Seal == nil {
		return 0, fmt.Errorf("seal telephone numbers and PINs: %w", seal.ErrNoSeal)
	}
	primary, err := d.Seal.Primary()
	if err != nil {
		return 0, err
	}
	var closed []error
	renewed, err := d.renew(ctx, primary)
	if renewed {
		done++
	}
	closed = append(closed, err)
	k, err := d.keyIfAny(ctx) // of the numbers' marks
	if err != nil {
		return done, errors.Join(append(closed, err)...)
	}
	for _, s := range shelves() {
		r := resealing{shelf: s, keys: k, primary: primary, limit: max(1, limit)}
		for more := true; more && err == nil; {
			more, err = d.resealSome(ctx, &r)
		}
		done, closed = done+r.done, append(closed, r.closed...)
		if err != nil {
			return done, err
		}
	}
	return done, errors.Join(closed...)
}

// resealing is one pass over a shelf.
type resealing struct {
	shelf   shelf
	keys    keys
	primary uint32
	limit   int
	after   string // where the last batch ended
	done    int
	closed  []error
}

// resealSome seals the next ones and reports whether there may be more.
func (d *Desk) resealSome(ctx context.Context, r *resealing) (more bool, err error) {
	found, err := d.Store.shelved(ctx, r.shelf, r.after, r.primary, r.limit)
	if err != nil {
		return false, err
	}
	if len(found) > 0 && r.keys.now == nil { // somebody gave a number meanwhile, or it is about a PIN
		if r.keys, err = d.key(ctx); err != nil {
			return false, err
		}
	}
	for _, was := range found {
		r.after = was.ID
		at := r.shelf.place(was.ID)
		plain, err := d.Seal.Open(was.Sealed, at)
		if err != nil {
			r.closed = append(r.closed, err)
			continue
		}
		now, err := d.Seal.Seal(plain, at)
		if err != nil {
			return false, err
		}
		put, err := d.Store.put(ctx, r.shelf, was, now, markWith(r.keys.now, plain))
		if err != nil {
			return false, err
		}
		if put {
			r.done++
		}
	}
	return len(found) == r.limit, nil
}
