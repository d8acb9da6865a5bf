package wake

import (
	"context"
	"time"
)

// Rest waits for a while and reports true, or false as soon as ctx ends.
func Rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
