package doctor

import (
	"context"
	"sync"
	"time"
)

// Chart keeps what was found last, and lets nobody look too often: looking costs others
// something, too.
type Chart struct {
	Every   time.Duration // at the earliest
	Examine func(ctx context.Context) []Finding
	Now     func() time.Time

	looking sync.Mutex
	mu      sync.Mutex
	found   []Finding
	at      time.Time
}

// Look looks anew, unless somebody does so now or has just done so.
func (c *Chart) Look(ctx context.Context) {
	if !c.looking.TryLock() {
		return
	}
	defer c.looking.Unlock()
	if _, at := c.Last(); !at.IsZero() && c.Now().Sub(at) < c.Every {
		return
	}
	found := c.Examine(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found, c.at = found, c.Now()
}

// Last is what was found last, and when; the zero time before anybody looked.
func (c *Chart) Last() ([]Finding, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found, c.at
}
