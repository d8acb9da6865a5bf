// Package courier makes the messenger show what the ledger says: cards converge.
//
// It owns the messages as they were accepted, also those that people posted in chats nobody
// knows, and which look of the settings all of them have; and compares them with what package card says they should be; whatever differs is sent or edited. It leaves what a card says
// to card, limits to pace, and which cases are behind to ledger. Nothing is queued for
// it: a committed change of a case is the request to redraw, ten quick changes make one
// edit, and a crash at any moment is mended by looking again.
//
// Several may look at one case at once, after a stall or when it is asked to be redrawn
// meanwhile. So each message is claimed before it is sent and marked before it is
// edited; who finds that somebody else was there looks again.
package courier

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/directory"
	"countersign/internal/handout"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

const (
	leaseTime = 8 * time.Second         // a courier that dies leaves a case alone for so long
	trust     = leaseTime - leaseTime/4 // how long it is relied on, from before it was asked for
	pollEvery = time.Second
	// The old bot's process may still run when the new one's begins.
	othersEvery = 10 * time.Minute
	settleEvery = 2 * time.Second
	atOnce      = 32 // cases in hand; one that waits for the messenger keeps nobody else waiting
	claims      = 4  // cases leased before the first of them is drawn
	retryMin    = time.Second
	retryMax    = time.Minute
	// A change of a case waits no longer than this for a chat that must.
	patience    = 5 * time.Second
	lastCall    = 15 * time.Second // for what is in hand when the process is to end
	maxFailures = 10_000
	recent      = 24 * time.Hour // older news is not sent to a chat that is back
)

// Courier draws cards. Set the fields before Run.
type Courier struct {
	Ledger    *ledger.DB
	Directory *directory.Store
	Store     *Store
	Post      *post.Post
	Pace      *pace.Pace
	Texts     *locale.Texts
	GroupLang string        // language of groups
	Protect   []string      // types of document whose messages cannot be forwarded or saved; "*": all
	MaxFile   int64         // bytes that the messenger takes; 0: all
	Links     *handout.Desk // for larger files; nil: none
	Look      Look          // of the cards, as the settings here say
	Bot       int64
	Username  func() string
	Zone      *time.Location
	Bell      *wake.Bell
	Crash     *crash.Points
	Now       func() time.Time
	Log       *slog.Logger

	look     atomic.Pointer[Look] // the same, as whoever started last says; nil: not known
	mu       sync.Mutex
	failures map[string]failure // of a case in a row, for longer and longer pauses
}

type failure struct {
	count int
	at    time.Time
}

// Run draws until ctx ends; the messages in hand are finished.
func (c *Courier) Run(ctx context.Context) error {
	h := &hands{busy: make(chan struct{}, atOnce), look: make(chan struct{}, 1)}
	defer h.working.Wait()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var looked, settled time.Time // for cases of another bot, for changed groups
	look := appearance{Courier: c}
	for {
		rung := c.Bell.Wait()
		if c.Now().Sub(looked) >= othersEvery {
			looked = c.Now()
			c.takeOver(ctx)
		}
		if c.Now().Sub(settled) >= settleEvery {
			settled = c.Now()
			if err := c.Settle(ctx); err != nil && ctx.Err() == nil {
				c.Log.WarnContext(ctx, "changed groups not looked at", slog.Any("error", err))
			}
		}
		look.begin(ctx)
		n, err := c.fill(ctx, h)
		if err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "cards not drawn", slog.Any("error", err))
		}
		if n > 0 && err == nil {
			continue // there may be more
		}
		look.goOn(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-rung:
		case <-h.look:
		case <-tick.C:
		}
	}
}

// hands are what the cases are drawn with.
type hands struct {
	busy    chan struct{}
	look    chan struct{} // a hand became free, or a case is due
	working sync.WaitGroup
}

func (h *hands) nudge() {
	select {
	case h.look <- struct{}{}:
	default:
	}
}

// fill gives free hands something to do and tells how many.
func (c *Courier) fill(ctx context.Context, h *hands) (int, error) {
	free := cap(h.busy) - len(h.busy)
	if free == 0 {
		return 0, nil
	}
	since := c.Now()
	due, err := c.Ledger.Behind(ctx, min(free, claims), leaseTime)
	for _, d := range due {
		h.busy <- struct{}{}
		h.working.Go(func() {
			wait := c.draw(ctx, d, since)
			<-h.busy
			if wait < pollEvery {
				time.AfterFunc(wait, h.nudge)
			}
		})
	}
	return len(due), err
}

// RunOnce draws the cases that are behind, as many as there are hands, and gives how
// many it took.
func (c *Courier) RunOnce(ctx context.Context) (int, error) {
	since := c.Now()
	due, err := c.Ledger.Behind(ctx, atOnce, leaseTime)
	var wg sync.WaitGroup
	for _, d := range due {
		wg.Go(func() { c.draw(ctx, d, since) })
	}
	wg.Wait()
	return len(due), err
}

// draw brings the messages of one case to what they should be. What had to wait or
// failed is tried again later; the rest stays done. It gives how long that is.
func (c *Courier) draw(stop context.Context, d ledger.Drawing, since time.Time) time.Duration {
	c.Crash.Pass(crash.CardClaimed)
	ctx, cancel := graced(stop)
	defer cancel()
	ctx = telegram.Concerning(ctx, telegram.About{Case: string(d.Case.ID)})
	r := &drawing{Courier: c, d: d, stop: stop, since: since}
	r.until.Store(int64(trust))
	release := r.keep(ctx)
	wait, err := r.all(ctx)
	release()
	if err != nil {
		c.Log.WarnContext(ctx, "case not drawn", slog.String("case", string(d.Case.ID)), slog.Any("error", err))
		if wait = sooner(wait, c.failed(d)); r.partly { // a chat that fails does not hold up the others
			wait = min(wait, patience)
		}
	}
	if err := r.end(ctx, wait); err != nil {
		c.Log.WarnContext(ctx, "case not noted", slog.String("case", string(d.Case.ID)), slog.Any("error", err))
	}
	return wait
}

// graced is a context for what is in hand: it outlives ctx by a while.
func graced(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastCall, cancel) })
	return out, func() { stop(); cancel() }
}

// sooner is the smaller of two waits, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (c *Courier) failed(d ledger.Drawing) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if len(c.failures) >= maxFailures { // another replica may have drawn them long since
		maps.DeleteFunc(c.failures, func(_ string, f failure) bool { return now.Sub(f.at) > 2*retryMax })
	}
	if c.failures == nil || len(c.failures) >= maxFailures {
		c.failures = map[string]failure{}
	}
	f := c.failures[string(d.Case.ID)]
	if now.Sub(f.at) > 2*retryMax {
		f.count = 0
	}
	f = failure{count: f.count + 1, at: now}
	c.failures[string(d.Case.ID)] = f
	wait := min(retryMin<<min(f.count-1, 10), retryMax)
	return wait + rand.N(wait/5) //nolint:gosec // so that not all come back at once
}

// failing reports whether the drawing of a case failed before this one.
func (c *Courier) failing(d ledger.Drawing) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures[string(d.Case.ID)].count > 0
}

func (c *Courier) succeeded(d ledger.Drawing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.failures, string(d.Case.ID))
}

// Adopt makes a message known that a tap came from and nobody noted: the process that
// sent it died before it could. From then on it follows the case like the others.
func (c *Courier) Adopt(ctx context.Context, chat, message int64, t card.Tap) error {
	dir, err := c.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	p, ok := dir.ByTelegram(chat)
	if !ok {
		return nil
	}
	spot := card.Spot{Kind: card.KindApprover, Person: p.ID, Round: t.Round, Step: t.Step}
	isNew, err := c.Store.Adopt(ctx, spotOf{string(t.Case), spot.Key(), c.Bot, chat}, message)
	if err != nil || !isNew {
		return err
	}
	return c.Ledger.Redraw(ctx, t.Case)
}

// Reached is told that a chat takes messages again: what could not be shown there is
// tried once more.
func (c *Courier) Reached(ctx context.Context, chat int64) error {
	cases, err := c.Store.Retry(ctx, c.Bot, chat, recent)
	if err != nil {
		return err
	}
	for _, w := range cases {
		if err := c.Ledger.Redraw(ctx, w.Case); err != nil {
			return err
		}
	}
	return nil
}

// At tells of which case a message is, and for what; of none: ledger.ErrNotFound.
func (c *Courier) At(ctx context.Context, chat, message int64) (approval.ID, card.Spot, error) {
	return c.Store.At(ctx, c.Bot, chat, message)
}

// Closed lists the private chats that take no messages about a case, as far as is known.
func (c *Courier) Closed(ctx context.Context, id approval.ID) (map[int64]bool, error) {
	shown, err := c.Store.Shown(ctx, c.Bot, string(id))
	return closed(shown), err
}

// Find gives the newest card of a case in a chat; 0 when there is none.
func (c *Courier) Find(ctx context.Context, chat int64, w ledger.Waiting) (int64, error) {
	return c.Store.Newest(ctx, c.Bot, string(w.Case), chat)
}
