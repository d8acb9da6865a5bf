package hook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/crash"
)

// Run delivers until ctx ends: it then takes nothing new, gives what is under way a
// bounded time, and gives back the rest.
func (h *Hook) Run(ctx context.Context) error {
	h.prepare()
	var parts sync.WaitGroup
	parts.Go(func() { h.placeAll(ctx) })
	parts.Go(func() { h.tendAlways(ctx) })
	h.deliverAll(ctx)
	parts.Wait()
	return nil
}

// placeAll places events as they come.
func (h *Hook) placeAll(ctx context.Context) {
	poll := time.NewTicker(h.Options.Poll)
	defer poll.Stop()
	away := outage{log: h.Log, what: "webhook sequencer"}
	for ctx.Err() == nil {
		rung := h.Bell.Wait()
		n, err := h.Place(ctx)
		away.note(ctx, err)
		if n > 0 {
			continue
		}
		if err != nil {
			rung = nil // a bell that rings all the time must not hammer a database that is away
		}
		select {
		case <-ctx.Done():
		case <-rung:
		case <-poll.C:
		}
	}
}

// desk is what one replica has in hand.
type desk struct {
	h        *Hook
	results  chan outcome
	held     map[key]bool
	ended    []outcome // not noted yet
	renewing time.Time // of the last renewal
	away     outage
}

func (h *Hook) newDesk() *desk {
	return &desk{
		h: h, results: make(chan outcome, h.Options.Workers), held: map[key]bool{},
		renewing: h.Now(), away: outage{log: h.Log, what: "webhook deliverer"},
	}
}

// deliverAll sends what is due as it comes.
func (h *Hook) deliverAll(ctx context.Context) {
	d := h.newDesk()
	work, cut := context.WithCancel(context.WithoutCancel(ctx)) // a request under way outlives the order to stop
	defer cut()
	poll := time.NewTicker(min(h.Options.Poll, h.Options.Lease/4))
	defer poll.Stop()
	for ctx.Err() == nil {
		rung := h.placed.Wait()
		results := d.results
		if err := d.turn(work, h.Options.Workers-len(d.held)); err != nil {
			rung, results = nil, nil // only the poll tries again
		}
		select {
		case <-ctx.Done():
		case <-rung:
		case o := <-results:
			d.take(o)
		case <-poll.C:
			d.renew(work)
		}
	}
	d.drain(work, cut, poll.C)
}

// drain waits for what is under way, for a bounded time.
func (d *desk) drain(work context.Context, cut context.CancelFunc, poll <-chan time.Time) {
	grace := time.NewTimer(d.h.Options.Grace)
	defer grace.Stop()
	for len(d.held) > len(d.ended) {
		select {
		case o := <-d.results:
			d.take(o)
		case <-poll:
			d.renew(work)
		case <-grace.C:
			cut()
		}
	}
	_ = d.turn(context.WithoutCancel(work), 0) // what cannot be noted ends with its lease
}

// Deliver makes one round: it claims what is due, sends it, and notes the outcomes. It
// gives the number of requests made.
func (h *Hook) Deliver(ctx context.Context) (int, error) {
	h.prepare()
	d := h.newDesk()
	if err := d.turn(ctx, h.Options.Workers); err != nil {
		return 0, err
	}
	n := len(d.held)
	for len(d.ended) < n {
		d.ended = append(d.ended, <-d.results)
	}
	return n, d.turn(ctx, 0)
}

// linger is how long a finished request waits for others that are about to finish: one
// commit then notes them all. Nobody waits for that but the next delivery.
const linger = 2 * time.Millisecond

// take collects an outcome, and those that come with it.
func (d *desk) take(o outcome) {
	d.ended = append(d.ended, o)
	enough := time.NewTimer(linger)
	defer enough.Stop()
	for len(d.ended) < len(d.held) {
		select {
		case o := <-d.results:
			d.ended = append(d.ended, o)
		case <-enough.C:
			return
		}
	}
}

// turn notes what has ended and sends at most free new deliveries. It does not wait for
// them.
func (d *desk) turn(ctx context.Context, free int) error {
	t := &turn{h: d.h, outcomes: d.ended, free: max(0, free)}
	taken, err := t.run(ctx)
	d.away.note(ctx, err)
	if err != nil {
		return err
	}
	for _, o := range d.ended {
		delete(d.held, o.key())
	}
	d.h.report(ctx, d.ended, t.accepted)
	d.ended = nil
	if len(taken) > 0 {
		d.h.Crash.Pass(crash.HookClaimed)
	}
	for _, c := range taken {
		d.held[c.key()] = true
		go func() { d.results <- d.h.deliver(ctx, c) }()
	}
	return nil
}

// deliver makes the request of a claim.
func (h *Hook) deliver(ctx context.Context, c claimed) outcome {
	body, err := h.body(ctx, c)
	if err != nil {
		return unsentOutcome(c)
	}
	a := h.client.send(ctx, post{lane: c.lane, event: c.EventID, body: []byte(body), at: c.claimedAt, attempt: c.Attempt})
	if a.status != 0 {
		h.Crash.Pass(crash.HookSent)
	}
	return judge(c, a)
}

// body gives the text of an event as it was stored.
func (h *Hook) body(ctx context.Context, c claimed) (string, error) {
	if body, ok := h.bodies.Get(c.EventID); ok {
		return body, nil
	}
	h.reads <- struct{}{}
	defer func() { <-h.reads }()
	e, err := h.Ledger.Event(ctx, c.lane.Source, c.EventID)
	if err != nil {
		h.Log.ErrorContext(ctx, "event to deliver cannot be read", slog.String("event_id", c.EventID), slog.Any("error", err))
		return "", err
	}
	return e.Body, nil
}

// renew keeps the leases of what is under way.
func (d *desk) renew(ctx context.Context) {
	now := d.h.Now()
	if len(d.held) == 0 || now.Sub(d.renewing) < d.h.Options.Lease/3 {
		return
	}
	held := make([]key, 0, len(d.held))
	for k := range d.held {
		held = append(held, k)
	}
	ctx, cancel := context.WithTimeout(ctx, d.h.Options.Lease/3)
	defer cancel()
	if err := d.h.renew(ctx, held); err != nil {
		d.away.note(ctx, err)
		return
	}
	d.renewing = now
}

// report tells the counters and the log what happened to the deliveries.
func (h *Hook) report(ctx context.Context, ended, accepted []outcome) {
	counted := make(map[key]bool, len(accepted))
	for _, o := range accepted {
		counted[o.key()] = true
	}
	for _, o := range ended {
		switch {
		case o.unsent:
		case !counted[o.key()]:
			call1(h.Metrics.Stale, o.Endpoint)
			h.Log.WarnContext(ctx, "webhook delivery was taken over before its end was noted", o.attrs()...)
		case o.delivered():
			if h.Metrics.Delivered != nil {
				h.Metrics.Delivered(o.Endpoint, max(0, o.endedAt().Sub(o.At)), o.took)
			}
		default:
			h.reportFailure(ctx, o)
		}
	}
}

func (h *Hook) reportFailure(ctx context.Context, o outcome) {
	if h.Metrics.Failed != nil {
		h.Metrics.Failed(o.Endpoint, o.answer.status, o.took)
	}
	switch {
	case o.state == Dead:
		call1(h.Metrics.Dead, o.Endpoint)
		h.Log.ErrorContext(ctx, "webhook delivery given up", o.attrs()...)
	case o.gone():
		h.Log.ErrorContext(ctx, "webhook endpoint paused: its receiver is gone", o.attrs()...)
	case o.blocked():
		h.Log.ErrorContext(ctx, "webhook blocked: its name leads to a forbidden address", o.attrs()...)
	default:
		h.Log.InfoContext(ctx, "webhook delivery failed", o.attrs()...)
	}
}

func call1(f func(string), endpoint string) {
	if f != nil {
		f(endpoint)
	}
}

func (o outcome) attrs() []any {
	attrs := []any{slog.String("webhook_id", o.Endpoint), slog.String("event_id", o.EventID), slog.Int("attempt", o.Attempt)}
	if o.answer.status != 0 {
		attrs = append(attrs, slog.Int("status", o.answer.status))
	}
	if o.err != nil {
		attrs = append(attrs, slog.Any("error", o.err))
	}
	return attrs
}

// outage tells of a fault once when it begins and once when it ends.
type outage struct {
	log  *slog.Logger
	what string
	on   bool
}

func (o *outage) note(ctx context.Context, err error) {
	switch {
	case err != nil && !o.on && ctx.Err() == nil:
		o.log.ErrorContext(ctx, "webhooks wait for the database", slog.String("part", o.what), slog.Any("error", err))
		o.on = true
	case err == nil && o.on:
		o.log.InfoContext(ctx, "webhooks go on", slog.String("part", o.what))
		o.on = false
	}
}
