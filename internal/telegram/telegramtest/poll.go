package telegramtest

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// poll is a getUpdates that waits.
type poll struct {
	ended  bool
	reason string
	over   chan struct{}
}

func (p *poll) terminate(reason string) {
	if !p.ended {
		p.ended, p.reason = true, reason
		close(p.over)
	}
}

// getUpdates gives out what waits, or waits for something. It locks by itself.
func (s *Server) getUpdates(c *call) (any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hook != nil {
		return nil, conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	if s.poll != nil {
		s.poll.terminate("terminated by other getUpdates request; make sure that only one bot instance is running")
	}
	if refused := s.allow(c); refused != nil {
		return nil, refused
	}
	p := &poll{over: make(chan struct{})}
	s.poll = p
	defer func() {
		if s.poll == p {
			s.poll = nil
		}
	}()
	s.confirm(c.int("offset"))
	limit := int(c.int("limit"))
	if limit < 1 || limit > 100 {
		limit = 100
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	late := s.clock.alarm(ctx, time.Duration(min(max(c.int("timeout"), 0), 50))*time.Second)
	for c.int("timeout") > 0 && len(s.waiting()) == 0 {
		changed := s.changed
		s.mu.Unlock()
		over := false
		select {
		case <-changed:
		case <-late:
			over = true
		case <-p.over:
			over = true
		case <-c.ctx.Done():
			over = true
		case <-s.ctx.Done():
			over = true
		}
		s.mu.Lock()
		if over {
			break
		}
	}
	if p.ended {
		return nil, conflict(p.reason)
	}
	bodies := []json.RawMessage{}
	for _, u := range s.waiting() {
		if len(bodies) < limit {
			bodies = append(bodies, u.body)
		}
	}
	return bodies, nil
}

// waiting returns what may be given out now.
func (s *Server) waiting() []*update {
	s.prune()
	if s.resume != nil {
		return nil
	}
	return s.pending
}

// confirm takes away what lies below the offset; a negative one keeps only the last updates.
func (s *Server) confirm(offset int64) {
	if offset < 0 {
		if surplus := len(s.pending) + int(offset); surplus > 0 {
			for _, u := range slices.Clone(s.pending[:surplus]) {
				s.taken(u)
			}
		}
		return
	}
	for _, u := range slices.Clone(s.pending) {
		if u.id < offset {
			s.taken(u)
		}
	}
}
