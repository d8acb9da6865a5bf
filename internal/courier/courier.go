// Package courier makes the messenger show what the ledger says: cards converge.
//
// It owns the messages as they were accepted, and compares them with what package card
// says they should be; whatever differs is sent or edited. It leaves what a card says
// to card, limits to pace, and which cases are behind to ledger. Nothing is queued for
// it: a committed change of a case is the request to redraw, ten quick changes make one
// edit, and a crash at any moment is mended by looking again.
package courier

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/card"
	"countersign/internal/crash"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/pace"
	"countersign/internal/telegram"
	"countersign/internal/wake"
)

const (
	leaseTime = 8 * time.Second // a courier that dies leaves a case alone for so long
	pollEvery = time.Second
	atOnce    = 8 // cases drawn in parallel
	retryMin  = time.Second
	retryMax  = time.Minute
)

// Courier draws cards. Set the fields before Run.
type Courier struct {
	Ledger    *ledger.DB
	Directory *directory.Store
	Files     *file.Store
	Store     *Store
	Telegram  *telegram.Client
	Pace      *pace.Pace
	Texts     *locale.Texts
	GroupLang string // language of groups
	Bot       int64
	Username  func() string
	Zone      *time.Location
	Bell      *wake.Bell
	Crash     *crash.Points
	Now       func() time.Time
	Log       *slog.Logger

	mu       sync.Mutex
	failures map[string]int // of a case in a row, for longer and longer pauses
}

// Run draws until ctx ends; the case in hand is finished.
func (c *Courier) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		rung := c.Bell.Wait()
		n, err := c.RunOnce(ctx)
		if err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "cards not drawn", slog.Any("error", err))
		}
		if n > 0 && err == nil {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-rung:
		case <-tick.C:
		}
	}
}

// RunOnce draws a few cases that are behind and gives how many it took.
func (c *Courier) RunOnce(ctx context.Context) (int, error) {
	due, err := c.Ledger.Behind(ctx, atOnce, leaseTime)
	var wg sync.WaitGroup
	for _, d := range due {
		wg.Go(func() { c.draw(context.WithoutCancel(ctx), d) })
	}
	wg.Wait()
	return len(due), err
}

// draw brings the messages of one case to what they should be. What had to wait or
// failed is tried again later; the rest stays done.
func (c *Courier) draw(ctx context.Context, d ledger.Drawing) {
	c.Crash.Pass(crash.CardClaimed)
	round := &drawing{Courier: c, d: d, until: c.Now().Add(leaseTime - 2*time.Second)}
	wait, err := round.all(ctx)
	switch {
	case err != nil:
		c.Log.WarnContext(ctx, "case not drawn", slog.String("case", string(d.Case.ID)), slog.Any("error", err))
		wait = max(wait, c.failed(d))
	case wait == 0:
		c.succeeded(d)
		c.Crash.Pass(crash.CardNoted)
		err = c.Ledger.Drawn(ctx, d)
	}
	if wait > 0 {
		err = c.Ledger.Postpone(ctx, d, c.Now().Add(wait))
	}
	if err != nil {
		c.Log.WarnContext(ctx, "case not noted", slog.String("case", string(d.Case.ID)), slog.Any("error", err))
	}
}

func (c *Courier) failed(d ledger.Drawing) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures == nil {
		c.failures = map[string]int{}
	}
	c.failures[string(d.Case.ID)]++
	return min(retryMin<<min(c.failures[string(d.Case.ID)]-1, 10), retryMax)
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
	isNew, err := c.Store.Adopt(ctx, spotOf{string(t.Case), spot.Key(), chat}, message, c.Now())
	if err != nil || !isNew {
		return err
	}
	return c.Ledger.Redraw(ctx, t.Case)
}

// Find gives the newest card of a case in a chat; 0 when there is none.
func (c *Courier) Find(ctx context.Context, chat int64, w ledger.Waiting) (int64, error) {
	return c.Store.Newest(ctx, string(w.Case), chat)
}
