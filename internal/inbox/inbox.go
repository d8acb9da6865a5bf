// Package inbox stores every update of the messenger before anybody answers for it,
// and hands each to whoever acts on it, until it is settled.
//
// It owns the updates as stored, their leases and their end. It leaves to package chat
// how they come in and what they mean. An update is stored once however often it is
// sent; it is acted on at least once, and its end is lent to the transaction of the
// act, so that a vote and "done" are one commit.
package inbox

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

// Times and sizes. A replica that dies leaves its leases behind for so long.
const (
	leaseTime   = 5 * time.Second
	pollEvery   = time.Second
	maxBatch    = 64 // updates in one commit; a batch is whoever is waiting already
	maxAttempts = 6
	fastWorkers = 16
	slowWorkers = 4
	backlog     = 64 // updates waiting for one worker
)

// ErrUnavailable says that the update could not be stored; whoever sent it must send it again.
var ErrUnavailable = errors.New("the inbox is not available")

// Inbox is the store and the workers over it. Set the fields before Run.
type Inbox struct {
	Pool  *pgxpool.Pool
	Bot   int64
	Bell  *wake.Bell
	Crash *crash.Points
	Now   func() time.Time
	Log   *slog.Logger
	// Handle acts on an update. It may run again for the same update, also at once on
	// another replica. It gives what became of it, for the record.
	Handle func(ctx context.Context, it *Item) (outcome string, err error)
	// Seen is called once for every update stored, for counting.
	Seen func(kind string)

	once    sync.Once
	arrive  chan *arrival
	workers []chan *Item
	seed    maphash.Seed
}

// Item is an update to act on.
type Item struct {
	ID       int64
	Fast     bool
	Actor    int64
	Body     []byte
	Received time.Time
	Attempt  int

	inbox   *Inbox
	settled bool
}

// arrival is an update that waits to be stored.
type arrival struct {
	head telegram.Head
	body []byte
	done chan error
}

func (x *Inbox) setUp() {
	x.once.Do(func() {
		x.arrive = make(chan *arrival, 4*maxBatch)
		x.seed = maphash.MakeSeed()
		for range fastWorkers + slowWorkers {
			x.workers = append(x.workers, make(chan *Item, backlog))
		}
	})
}

// Receive stores an update. After nil it is safe from every crash; after an error it
// may or may not be stored, and sending it again does no harm. What cannot be read at
// all is kept apart, and that is no error: sending it again would not help.
func (x *Inbox) Receive(ctx context.Context, body []byte) error {
	x.setUp()
	head, err := telegram.Envelope(body)
	if err != nil {
		x.seen("unreadable")
		return x.quarantine(ctx, body, err)
	}
	x.Crash.Pass(crash.InboxRead)
	a := &arrival{head: head, body: body, done: make(chan error, 1)}
	select {
	case x.arrive <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.done:
		x.Crash.Pass(crash.InboxStored)
		return err
	case <-ctx.Done():
		return ctx.Err() // it may be stored; the sender repeats it
	}
}

func (x *Inbox) seen(kind string) {
	if x.Seen != nil {
		x.Seen(kind)
	}
}

// Run stores what arrives and works on what is stored, until ctx ends. Updates in hand
// are finished.
func (x *Inbox) Run(ctx context.Context) error {
	x.setUp()
	var wg sync.WaitGroup
	wg.Go(func() { x.flush(ctx) })
	for _, w := range x.workers {
		wg.Go(func() { x.work(ctx, w) })
	}
	x.sweep(ctx)
	wg.Wait()
	return nil
}

// flush is the one who stores: it takes whatever waits, without waiting for more.
// Several who store the same updates at once would deadlock.
func (x *Inbox) flush(ctx context.Context) {
	for {
		var batch []*arrival
		select {
		case <-ctx.Done():
			return
		case a := <-x.arrive:
			batch = append(batch, a)
		}
		for len(batch) < maxBatch {
			select {
			case a := <-x.arrive:
				batch = append(batch, a)
				continue
			default:
			}
			break
		}
		x.store(ctx, batch)
	}
}

// store writes a batch; when one of its members spoils it, each goes alone.
func (x *Inbox) store(ctx context.Context, batch []*arrival) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	fresh, err := x.insert(ctx, batch)
	if err != nil && len(batch) > 1 {
		for _, a := range batch {
			x.store(ctx, []*arrival{a})
		}
		return
	}
	for _, a := range batch {
		a.done <- err
	}
	for _, it := range fresh {
		x.seen("stored")
		x.hand(it)
	}
}

// hand gives an update to its worker: updates of one actor are acted on in order. When
// the worker has too much to do, the update is found again when its lease ends.
func (x *Inbox) hand(it *Item) {
	h := maphash.Comparable(x.seed, it.Actor)
	w := x.workers[fastWorkers+h%slowWorkers]
	if it.Fast {
		w = x.workers[h%fastWorkers]
	}
	x.Crash.Pass(crash.InboxAnswered)
	select {
	case w <- it:
	default:
	}
}

func (x *Inbox) work(ctx context.Context, queue <-chan *Item) {
	for {
		select {
		case <-ctx.Done():
			return
		case it := <-queue:
			x.act(ctx, it)
		}
	}
}

// sweep looks for updates whose lease has ended: a replica died, an act failed.
func (x *Inbox) sweep(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		due, err := x.claim(ctx)
		if err != nil && ctx.Err() == nil {
			x.Log.WarnContext(ctx, "inbox not readable", slog.Any("error", err))
		}
		for _, it := range due {
			x.hand(it)
		}
	}
}

// act runs the handler and settles the update by what it said. Shutting down stops
// taking updates, not the one in hand.
func (x *Inbox) act(ctx context.Context, it *Item) {
	x.Crash.Pass(crash.InboxClaimed)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	outcome, err := x.guarded(ctx, it)
	switch {
	case err == nil && it.settled:
		return
	case err == nil:
		err = x.settle(ctx, it, "done", outcome)
	case errors.Is(err, ErrPark), it.Attempt >= maxAttempts && !errors.Is(err, ErrLater):
		x.Log.ErrorContext(ctx, "update parked", slog.Int64("update_id", it.ID), slog.Any("error", err))
		x.seen("parked")
		err = x.settle(ctx, it, "parked", err.Error())
	default:
		x.Log.WarnContext(ctx, "update not handled yet", slog.Int64("update_id", it.ID), slog.Any("error", err))
		err = x.postpone(ctx, it)
	}
	if err != nil {
		x.Log.WarnContext(ctx, "update not settled", slog.Int64("update_id", it.ID), slog.Any("error", err))
	}
}

// ErrPark says that trying again would not help. The update is kept to be looked at.
var ErrPark = errors.New("not to be handled")

// ErrLater says that nothing is wrong with the update, but something that it needs is away.
var ErrLater = errors.New("not now")

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
