package inbox

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"time"

	"countersign/internal/crash"
	"countersign/internal/telegram"
)

// hand gives an update to its worker: updates of one actor are acted on in order. It
// reports false when the worker has too much to do.
func (x *Inbox) hand(it *Item) bool {
	h := maphash.Comparable(x.seed, it.Actor)
	w := x.workers[fastWorkers+h%slowWorkers]
	if it.Fast {
		w = x.workers[h%fastWorkers]
	}
	x.Crash.Pass(crash.InboxAnswered)
	x.hold(it)
	select {
	case w <- it:
		return true
	default:
		x.drop(it)
		return false
	}
}

// hold counts an update among those whose leases are renewed, from when it waits for a
// worker until it is settled.
func (x *Inbox) hold(it *Item) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held[it] = true
}

func (x *Inbox) drop(it *Item) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.held, it)
}

// until is how long the update is surely ours.
func (x *Inbox) until(it *Item) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return it.until
}

// extend notes that a lease was renewed by a statement that we began at a time.
func (x *Inbox) extend(it *Item, begun time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it.until = begun.Add(leaseTime)
}

// ending lists the updates whose lease ends soon.
func (x *Inbox) ending(now time.Time) []*Item {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []*Item
	for it := range x.held {
		if it.until.Sub(now) < renewBefore {
			out = append(out, it)
		}
	}
	return out
}

// room is how many more updates the workers can take.
func (x *Inbox) room() int {
	n := 0
	for _, w := range x.workers {
		n += cap(w) - len(w)
	}
	return n
}

func (x *Inbox) work(ctx context.Context, queue <-chan *Item) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case it := <-queue:
			x.act(ctx, it)
		}
	}
}

func (x *Inbox) sweep(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := x.Sweep(ctx); err != nil && ctx.Err() == nil {
			x.Log.WarnContext(ctx, "inbox not readable", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Sweep keeps the leases of what is in hand and looks for updates whose lease has ended:
// a replica died, an act failed. Run does it every second.
func (x *Inbox) Sweep(ctx context.Context) error {
	x.setUp()
	if err := x.renew(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		due, err := x.claim(ctx, min(x.room(), maxClaim))
		var left []*Item
		for _, it := range due {
			if !x.hand(it) {
				left = append(left, it)
			}
		}
		err = errors.Join(err, x.release(context.WithoutCancel(ctx), left, pollEvery))
		if err != nil || len(due) < maxClaim || len(left) > 0 {
			return err
		}
	}
	return nil
}

// act runs the handler and settles the update by what it said. Shutting down stops
// taking updates, not the one in hand.
func (x *Inbox) act(stop context.Context, it *Item) {
	defer x.drop(it)
	it.grace = func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
		return graced(ctx, stop, d)
	}
	ctx, cancel := graced(stop, stop, cmp.Or(x.life, handleTime))
	defer cancel()
	ours, err := x.ours(ctx, it)
	if err != nil || !ours {
		if err != nil {
			x.Log.WarnContext(ctx, "update not kept", slog.Int64("update_id", it.ID), slog.Any("error", err))
		}
		return
	}
	x.Crash.Pass(crash.InboxClaimed)
	e := Ending{Began: x.Now(), Err: errGivenUp}
	if it.Attempt <= maxDeaths {
		e.Outcome, e.Err = x.guarded(telegram.Concerning(ctx, it.about()), it)
	}
	err = x.conclude(ctx, it, e.Outcome, e.Err)
	x.note(it, e, err)
	if err != nil {
		x.Log.WarnContext(ctx, "update not settled", slog.Int64("update_id", it.ID), slog.Any("error", err))
	}
}

// conclude writes what the handler came to. It has a time of its own: a call that hangs
// takes all of the handler's, and what came of it is to be kept none the less.
func (x *Inbox) conclude(ctx context.Context, it *Item, outcome string, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	switch {
	case err == nil && it.settled && outcome == it.said:
		return nil
	case err == nil && it.settled:
		return x.correct(ctx, it, outcome)
	case err == nil:
		return x.settle(ctx, it, "done", outcome)
	case errors.Is(err, ErrLater):
		x.Log.WarnContext(ctx, "update waits", slog.Int64("update_id", it.ID), slog.Any("error", err))
		return x.postpone(ctx, it, it.Attempt-1) // it is not to blame
	case it.gone(err):
		x.Log.ErrorContext(ctx, "update parked", slog.Int64("update_id", it.ID), slog.Any("error", err))
		x.seen("parked")
		return x.settle(ctx, it, "parked", err.Error())
	default:
		x.Log.WarnContext(ctx, "update not handled yet", slog.Int64("update_id", it.ID), slog.Any("error", err))
		return x.postpone(ctx, it, it.Attempt)
	}
}

// graced is ctx with a time of its own, for what is in hand: it outlives stop by a while.
func graced(ctx, stop context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	unhook := context.AfterFunc(stop, func() { time.AfterFunc(lastCall, cancel) })
	return out, func() { unhook(); cancel() }
}

// guarded turns a panic into an error: one bad update must not end the process.
func (x *Inbox) guarded(ctx context.Context, it *Item) (outcome string, err error) {
	defer func() {
		if p := recover(); p != nil {
			x.Log.ErrorContext(ctx, "panic in update", slog.Int64("update_id", it.ID), slog.Any("panic", p))
			err = errors.New("panic while handling the update")
		}
	}()
	return x.Handle(ctx, it)
}
