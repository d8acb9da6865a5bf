package courier

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// owned are the claims that a drawing made and did not take back. It renews these alone:
// whose claim is a dead courier's must be able to see it end.
type owned struct {
	mu  sync.Mutex
	all map[spotOf]bool
}

func (o *owned) add(at spotOf) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[spotOf]bool{}
	}
	o.all[at] = true
}

func (o *owned) drop(at spotOf) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, at)
}

func (o *owned) list() []spotOf {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.all))
}

// claim notes that a message is about to be sent, unless somebody else is sending it.
func (r *drawing) claim(ctx context.Context, at spotOf) (bool, error) {
	claimed, err := r.Store.Claim(ctx, at)
	if claimed {
		r.owned.add(at)
	}
	return claimed, err
}

// release takes a claim back.
func (r *drawing) release(ctx context.Context, at spotOf) error {
	r.owned.drop(at)
	return r.Store.Release(ctx, at)
}
