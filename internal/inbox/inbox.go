// Package inbox stores every update of the messenger before anybody answers for it,
// and hands each to whoever acts on it, until it is settled.
//
// It owns the updates as stored, their leases and their end. It leaves to package chat
// how they come in and what they mean. An update is stored once however often it is
// sent; it is acted on at least once, and its end is lent to the transaction of the
// act, so that a vote and "done" are one commit.
//
// What replicas compare with each other is written and read by the clock of the
// database. A replica's own clock only measures how long it may rely on a lease, counted
// from before it asked for it, so that it never does so for longer than the others wait.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/crash"
	"countersign/internal/seal"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

// Times and sizes. A replica that dies leaves its leases behind for so long.
const (
	leaseTime   = 5 * time.Second
	renewBefore = 3 * time.Second // the end of a lease
	pollEvery   = time.Second
	receiveTime = 5 * time.Second // then whoever sends is told to send again
	storeTime   = 4 * time.Second
	handleTime  = 30 * time.Second
	lastCall    = 15 * time.Second // for the updates in hand when the process is to end
	maxBatch    = 64               // updates in one commit; a batch is whoever is waiting already
	maxAttempts = 6
	maxDeaths   = 20 // attempts that ended without a word: the update may kill whoever takes it
	fastWorkers = 32
	slowWorkers = 8
	retryMin    = 500 * time.Millisecond // before the next try; longer the older the update is
	retryMax    = time.Minute
	backlog     = 256 // updates waiting for one worker
	maxClaim    = 200 // in one statement
)

// ErrUnavailable says that the update could not be stored; whoever sent it must send it again.
var ErrUnavailable = errors.New("the inbox is not available")

// ErrPark says that trying again would not help. The update is kept to be looked at.
var ErrPark = errors.New("not to be handled")

// ErrLater says that nothing is wrong with the update, but something that it needs is away.
var ErrLater = errors.New("not now")

// errGivenUp: whoever tried to handle it did not live to say what became of it.
var errGivenUp = errors.New("every attempt ended with the replica that made it")

// Inbox is the store and the workers over it. Set the fields before Run.
type Inbox struct {
	Pool  *pgxpool.Pool
	Bot   int64
	Bell  *wake.Bell
	Crash *crash.Points
	Now   func() time.Time // measures times here; others never see it
	Log   *slog.Logger
	Seal  *seal.Seal // of the webhook's secret; nil: it is kept in the clear
	// Handle acts on an update. It may run again for the same update, also at once on
	// another replica. It gives what became of it, for the record.
	Handle func(ctx context.Context, it *Item) (outcome string, err error)
	// Seen is called once for every update stored, for counting.
	Seen func(kind string)
	// Ended is told how each attempt at an update ended. It must not wait; nil: nobody is.
	Ended func(Ending)
	// Request names the request that a context belongs to; nil: none has a name.
	Request func(ctx context.Context) string

	life    time.Duration // of an act; 0: handleTime
	once    sync.Once
	arrive  chan *arrival
	workers []chan *Item
	seed    maphash.Seed

	mu      sync.Mutex
	stopped chan struct{} // closed while nobody stores for others
	held    map[*Item]bool
}

// Item is an update to act on.
type Item struct {
	ID      int64
	Fast    bool
	Actor   int64
	Body    []byte
	Attempt int
	Request string // that brought it; empty with the long poll

	inbox   *Inbox
	lease   int64         // its number: each time that somebody takes or gives back the update, it goes up
	until   time.Time     // it surely holds, by our own clock; guarded by the inbox
	waited  time.Duration // from when it was stored until somebody took it
	taken   time.Time     // by our own clock
	settled bool          // in the transaction of the act
	secret  bool          // what it says is not kept
	said    string        // what was noted there
	// grace makes a context with a time of its own; nil: nobody tells when to stop.
	grace func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// Longer is the context of the act with a time of its own, for what is known to take long.
// Whoever shares the worker waits meanwhile.
func (it *Item) Longer(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if it.grace == nil {
		return context.WithTimeout(ctx, d)
	}
	return it.grace(ctx, d)
}

// Age is how long ago the update came.
func (it *Item) Age() time.Duration {
	if it.inbox == nil {
		return 0
	}
	return it.waited + it.inbox.Now().Sub(it.taken)
}

// arrival is an update that waits to be stored.
type arrival struct {
	head    telegram.Head
	body    []byte
	request string
	done    chan error
}

func (x *Inbox) setUp() {
	x.once.Do(func() {
		x.arrive = make(chan *arrival, 4*maxBatch)
		x.seed = maphash.MakeSeed()
		x.held = map[*Item]bool{}
		x.stopped = make(chan struct{})
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
	ctx, cancel := context.WithTimeout(ctx, receiveTime)
	defer cancel()
	head, err := telegram.Envelope(body)
	if err != nil {
		x.seen("unreadable")
		x.tell(Ending{End: EndedUnreadable, ID: head.ID, Request: x.request(ctx), Err: err, Began: x.Now()})
		return x.quarantine(ctx, body, err)
	}
	x.Crash.Pass(crash.InboxRead)
	a := &arrival{head: head, body: body, request: x.request(ctx), done: make(chan error, 1)}
	if err = x.pass(ctx, a); err == nil {
		x.Crash.Pass(crash.InboxStored)
	}
	return err
}

// pass hands an update to whoever stores; when that one has gone home, it is stored
// here, for another replica to act on.
func (x *Inbox) pass(ctx context.Context, a *arrival) error {
	stopped := x.ended()
	select {
	case x.arrive <- a:
	case <-stopped:
		return x.alone(ctx, a)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	select {
	case err := <-a.done:
		return err
	case <-stopped:
		return x.alone(ctx, a) // it may be stored already: that does no harm
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err()) // it may be stored; the sender repeats it
	}
}

func (x *Inbox) request(ctx context.Context) string {
	if x.Request == nil {
		return ""
	}
	return x.Request(ctx)
}

func (x *Inbox) seen(kind string) {
	if x.Seen != nil {
		x.Seen(kind)
	}
}

// ended is closed when nobody stores for others any more.
func (x *Inbox) ended() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stopped
}

// Run stores what arrives and works on what is stored, until ctx ends. Updates in hand
// are finished, those that wait are given back.
func (x *Inbox) Run(ctx context.Context) error {
	x.setUp()
	x.begin()
	var wg sync.WaitGroup
	wg.Go(func() { x.flush(ctx) })
	for _, w := range x.workers {
		wg.Go(func() { x.work(ctx, w) })
	}
	wg.Go(func() { x.sweep(ctx) })
	wg.Wait()
	x.goHome(ctx)
	return nil
}

func (x *Inbox) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case <-x.stopped:
		x.stopped = make(chan struct{})
	default:
	}
}

// goHome gives back what nobody here will act on.
func (x *Inbox) goHome(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	var left []*Item
	for _, w := range x.workers {
		for len(w) > 0 {
			left = append(left, <-w)
		}
	}
	for _, it := range left {
		x.drop(it)
	}
	if err := x.release(ctx, left, 0); err != nil {
		x.Log.WarnContext(ctx, "updates not given back", slog.Int("count", len(left)), slog.Any("error", err))
	}
}

// flush is the one who stores: it takes whatever waits, without waiting for more.
// Several who store the same updates at once would deadlock.
func (x *Inbox) flush(ctx context.Context) {
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		close(x.stopped) // who waits in line stores for himself
	}()
	for ctx.Err() == nil {
		var batch []*arrival
		select {
		case <-ctx.Done():
			return
		case a := <-x.arrive:
			batch = append(batch, a)
		}
		for len(batch) < maxBatch && len(x.arrive) > 0 {
			batch = append(batch, <-x.arrive)
		}
		x.store(ctx, batch)
	}
}

// store writes a batch. When one of its members spoils it, each goes alone, and the one
// that cannot be stored is kept apart.
func (x *Inbox) store(ctx context.Context, batch []*arrival) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	fresh, err := x.insert(ctx, batch, leaseTime)
	if spoiled(err) && len(batch) > 1 {
		for _, a := range batch {
			x.store(ctx, []*arrival{a})
		}
		return
	}
	if spoiled(err) {
		x.seen("unreadable")
		err = x.quarantine(ctx, batch[0].body, err)
	}
	for _, a := range batch {
		a.done <- err
	}
	var left []*Item
	for _, it := range fresh {
		x.seen("stored")
		if !x.hand(it) {
			left = append(left, it)
		}
	}
	if err := x.release(ctx, left, pollEvery); err != nil {
		x.Log.WarnContext(ctx, "updates not given back", slog.Int("count", len(left)), slog.Any("error", err))
	}
}

// alone stores one update that nobody here will act on.
func (x *Inbox) alone(ctx context.Context, a *arrival) error {
	_, err := x.insert(ctx, []*arrival{a}, 0)
	if spoiled(err) {
		return x.quarantine(ctx, a.body, err)
	}
	return err
}
