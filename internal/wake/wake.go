// Package wake owns a bell between parts of one process: who commits something rings,
// and loops that wait look again at once instead of at their next poll.
//
// A ring says only that something may have changed. It is never the message itself:
// everything that must be done is found in the database, also without a ring.
package wake

import "sync"

// Bell wakes everybody who waits. The zero value is ready; a nil Bell rings for nobody.
type Bell struct {
	mu sync.Mutex
	ch chan struct{}
}

// Ring wakes all who wait now.
func (b *Bell) Ring() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// Wait gives a channel that is closed at the next ring. Take it before looking at the
// database: a ring between looking and waiting is then not lost.
func (b *Bell) Wait() <-chan struct{} {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}
