package telegramtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const (
	firstBackoff  = 2 * time.Second
	maxRetryAfter = 3600
	goneLimit     = 23 * time.Hour
)

// deliver gives a queue that has something to deliver a worker.
func (s *Server) deliver(queue string) {
	h := s.hook
	if h == nil || s.ctx.Err() != nil || h.running[queue] {
		return
	}
	h.running[queue] = true
	s.running.Go(func() { s.work(h, queue) })
}

// work delivers one queue, one update after the other, until it is empty or the webhook is another.
func (s *Server) work(h *hook, queue string) {
	for {
		u, wait, paused := s.first(h, queue)
		switch {
		case u == nil:
			return
		case paused != nil:
			select {
			case <-paused:
			case <-h.ctx.Done():
			}
			continue
		case wait > 0:
			if s.clock.Wait(h.ctx, wait) != nil {
				return
			}
			continue
		}
		select {
		case h.slots <- struct{}{}:
		case <-h.ctx.Done():
			return
		}
		status, retryAfter, err := s.post(h, u)
		<-h.slots
		if h.ctx.Err() == nil {
			s.settle(h, u, outcome{status: status, retryAfter: retryAfter, err: err})
		}
	}
}

// first returns the head of a queue and how long it has to wait; nil ends the worker.
func (s *Server) first(h *hook, queue string) (*update, time.Duration, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	if s.hook == h && h.ctx.Err() == nil {
		for _, u := range s.pending {
			if u.queue == queue {
				return u, u.next.Sub(s.clock.Now()), s.resume
			}
		}
	}
	delete(h.running, queue)
	return nil, 0, nil
}

type outcome struct {
	status     int
	retryAfter time.Duration
	err        error
}

// post sends an update once.
func (s *Server) post(h *hook, u *update) (int, time.Duration, error) {
	ctx, cancel := context.WithCancelCause(h.ctx)
	defer cancel(nil)
	late := s.clock.alarm(ctx, deliveryTimeout)
	go func() {
		select {
		case <-late:
			cancel(errReadTimeout)
		case <-ctx.Done():
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(u.body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Encoding", "gzip, deflate")
	if h.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", h.secret)
	}
	if password, set := req.URL.User.Password(); set {
		req.SetBasicAuth(req.URL.User.Username(), password)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, 0, errors.Join(err, context.Cause(ctx))
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, 0, errors.Join(err, context.Cause(ctx))
	}
	return resp.StatusCode, retryAfter(resp.Header), nil
}

var errReadTimeout = errors.New("read timeout expired")

func retryAfter(header http.Header) time.Duration {
	n, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(min(n, maxRetryAfter)) * time.Second
}

// settle decides what becomes of an update that was sent: a second try at once, then after 2, 4, 8 and more
// seconds. It is dropped if the next try would come after its life.
func (s *Server) settle(h *hook, u *update, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if o.err == nil && o.status >= 200 && o.status < 300 {
		h.goneSince = time.Time{}
		s.taken(u)
		return
	}
	h.errorAt, h.errorText = now, o.text()
	s.record(Event{Kind: EventFailed, UserID: u.userID, UpdateID: u.id, Text: h.errorText})
	if s.gone(h, o.status, now) {
		return
	}
	u.tries++
	delay := o.retryAfter
	if delay == 0 {
		delay = u.backoff
		u.backoff = max(firstBackoff, u.backoff*2)
		if limit := time.Duration(60+rand.IntN(61)) * time.Second; delay > limit {
			delay = limit
		}
	}
	if u.next = now.Add(delay); u.next.After(u.expires) {
		u.expires = now
		s.prune()
	}
}

// gone removes a webhook that has answered 410 for 23 hours.
func (s *Server) gone(h *hook, status int, now time.Time) bool {
	switch {
	case status != http.StatusGone:
		h.goneSince = time.Time{}
	case h.goneSince.IsZero():
		h.goneSince = now
	case now.Sub(h.goneSince) > goneLimit:
		s.replaceHook(nil, nil)
		return true
	}
	return false
}

// text is the outcome as getWebhookInfo tells it.
func (o outcome) text() string {
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](o.err)
	switch {
	case o.err == nil:
		return fmt.Sprintf("Wrong response from the webhook: %d %s", o.status, http.StatusText(o.status))
	case errors.Is(o.err, errReadTimeout):
		return "Read timeout expired"
	case errors.Is(o.err, syscall.ECONNREFUSED):
		return "Connection refused"
	case badCertificate:
		return "SSL error {error:0A000086:SSL routines::certificate verify failed}"
	case errors.Is(o.err, io.EOF), errors.Is(o.err, syscall.ECONNRESET):
		return "Connection closed"
	default:
		return "Connection failed"
	}
}
