// Package wake owns a bell between parts of one process: who commits something rings,
// and loops that wait look again at once instead of at their next poll.
//
// A ring says only that something may have changed. It is never the message itself:
// everything that must be done is found in the database, also without a ring. Whoever
// hears of a ring in another process makes it an echo here, which wakes the loops as a
// ring does, but not the one who carries rings to other processes: it would go round
// for ever.
package wake

import "sync"

// Bell wakes everybody who waits. The zero value is ready; a nil Bell rings for nobody.
type Bell struct {
	mu    sync.Mutex
	heard chan struct{} // closed by rings and echoes
	rung  chan struct{} // closed by rings
}

// Ring wakes all who wait now.
func (b *Bell) Ring() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	strike(&b.heard)
	strike(&b.rung)
}

// Echo wakes all who wait now but for rings of this process alone.
func (b *Bell) Echo() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	strike(&b.heard)
}

// Wait gives a channel that is closed at the next ring or echo. Take it before looking
// at the database: a ring between looking and waiting is then not lost.
func (b *Bell) Wait() <-chan struct{} {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return waiting(&b.heard)
}

// Rung gives a channel that is closed at the next ring of this process. Take it before
// telling of the last.
func (b *Bell) Rung() <-chan struct{} {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return waiting(&b.rung)
}

func strike(ch *chan struct{}) {
	if *ch != nil {
		close(*ch)
		*ch = nil
	}
}

func waiting(ch *chan struct{}) <-chan struct{} {
	if *ch == nil {
		*ch = make(chan struct{})
	}
	return *ch
}
