package telegramtest

import (
	"context"
	"sync"
	"time"
)

// Clock is the time by which the server lives: the real one, a faster one, or one that stands until it is advanced.
type Clock struct {
	mu      sync.Mutex
	real    func() time.Time
	anchor  time.Time // real time at which base was the time
	base    time.Time
	rate    float64
	changed chan struct{}
}

// RealClock goes as the machine's clock does.
func RealClock() *Clock { return FastClock(1) }

// FastClock starts at the machine's time and goes rate times as fast.
func FastClock(rate float64) *Clock {
	now := time.Now()
	return &Clock{real: time.Now, anchor: now, base: now.Round(0), rate: rate, changed: make(chan struct{})}
}

// ManualClock stands at start until it is advanced.
func ManualClock(start time.Time) *Clock {
	return &Clock{real: time.Now, anchor: start, base: start, changed: make(chan struct{})}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.rate == 0 {
		return c.base
	}
	return c.base.Add(time.Duration(float64(c.real().Sub(c.anchor)) * c.rate))
}

// Advance moves the clock forward at once, and wakes whoever waits for that time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = c.base.Add(d)
	close(c.changed)
	c.changed = make(chan struct{})
}

// Wait returns nil when d has passed on this clock, or the error of ctx.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	until := c.Now().Add(d)
	for {
		c.mu.Lock()
		left, rate, changed := until.Sub(c.now()), c.rate, c.changed
		c.mu.Unlock()
		if left <= 0 {
			return nil
		}
		var fired <-chan time.Time
		if rate > 0 {
			timer := time.NewTimer(time.Duration(float64(left)/rate) + time.Microsecond)
			defer timer.Stop()
			fired = timer.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-fired:
		}
	}
}

// alarm is closed when d has passed on this clock, and never if ctx ends before.
func (c *Clock) alarm(ctx context.Context, d time.Duration) <-chan struct{} {
	rang := make(chan struct{})
	go func() {
		if c.Wait(ctx, d) == nil {
			close(rang)
		}
	}()
	return rang
}
