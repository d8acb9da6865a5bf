package erp

import (
	"context"
	"sync"
	"time"

	"countersign/internal/server"
)

const (
	// uploads is how many contents are held in memory at once.
	uploads = 8
	// uploadsOfOne is how many of them one source has at most: who sends slowly must not
	// keep the others out.
	uploadsOfOne = uploads / 2

	uploadTime = 3 * time.Minute // for a body; 25 MB at 150 KB a second
	answerTime = 30 * time.Second
)

// places are those for contents in memory.
type places struct {
	all chan struct{}

	mu     sync.Mutex
	source map[string]chan struct{}
}

func newPlaces() *places {
	return &places{all: make(chan struct{}, uploads), source: map[string]chan struct{}{}}
}

// of gives the places of a source. There are no more sources than keys were made for.
func (p *places) of(source string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.source[source] == nil {
		p.source[source] = make(chan struct{}, uploadsOfOne)
	}
	return p.source[source]
}

// enter waits for a place.
func (p *places) enter(ctx context.Context, source string) (leave func(), err error) {
	own := p.of(source)
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case p.all <- struct{}{}:
		return func() { <-p.all; <-own }, nil
	case <-ctx.Done():
		<-own
		return nil, ctx.Err()
	}
}

// place waits for one of the places for large contents, and gives the request the time
// that such a one needs: for the wait, and anew when it is its turn.
func (d *Door) place(c *call) (leave func(), err error) {
	server.Extend(c.w, c.r, d.Now(), uploadTime, uploadTime+answerTime)
	if leave, err = d.places.enter(c.ctx(), c.key.Source); err == nil {
		server.Extend(c.w, c.r, d.Now(), uploadTime, uploadTime+answerTime)
	}
	return leave, err
}
