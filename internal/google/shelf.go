package google

import (
	"context"
	"sync"
	"time"
)

const (
	fresh    = 6 * time.Hour   // a document is not asked for again
	kept     = 24 * time.Hour  // it still serves when there is no newer one to be had
	rest     = 5 * time.Second // after a failure nobody is asked
	seekRest = 5 * time.Minute // after a fresh document was replaced because it lacked something
)

// shelf keeps one document of the issuer. Whoever needs it first fetches it, and those who
// come meanwhile wait for him.
type shelf[T any] struct {
	mu     sync.Mutex
	value  *T // nil: none came yet
	got    time.Time
	round  int   // how many came
	err    error // of the last fetch
	failed time.Time
	sought time.Time     // when a fresh value was last replaced: it lacked something
	busy   chan struct{} // closed when the fetch under way ends
}

// order says how a document is had.
type order[T any] struct {
	now   func() time.Time
	fetch func(ctx context.Context) (*T, error)
	has   func(*T) bool // whether it holds what is looked for
}

// get gives the document. It may still lack what is looked for: then it is too early to
// ask for a newer one, or the newest lacks it too.
func (s *shelf[T]) get(ctx context.Context, o order[T]) (*T, error) {
	s.mu.Lock()
	began := s.round
	s.mu.Unlock()
	for {
		value, busy, err := s.look(ctx, o, began)
		if busy == nil {
			return value, err
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// look gives what is there, if it will do. Else it gives the end of a fetch to wait for.
func (s *shelf[T]) look(ctx context.Context, o order[T], began int) (*T, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := o.now()
	lacks := s.value != nil && !o.has(s.value)
	resting := s.err != nil && now.Sub(s.failed) < rest
	settled := s.round > began || !s.sought.IsZero() && now.Sub(s.sought) < seekRest
	switch {
	case s.younger(now, fresh) && (!lacks || settled), s.younger(now, kept) && !lacks && resting:
		return s.value, nil, nil
	case resting:
		return nil, nil, s.err
	}
	if s.busy == nil {
		s.busy = make(chan struct{})
		// Others wait for it too: it ends by itself, not when this caller gives up.
		go s.fill(context.WithoutCancel(ctx), o)
	}
	return nil, s.busy, nil
}

func (s *shelf[T]) younger(now time.Time, than time.Duration) bool {
	return s.value != nil && now.Sub(s.got) < than
}

// fill fetches the document.
func (s *shelf[T]) fill(ctx context.Context, o order[T]) {
	value, err := o.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := o.now()
	if s.err = err; err != nil {
		s.failed = now
	} else {
		if s.younger(now, fresh) {
			s.sought = now
		}
		s.value, s.got = value, now
		s.round++
	}
	close(s.busy)
	s.busy = nil
}
