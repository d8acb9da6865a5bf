package notice

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/handout"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/wake"
)

// Times of the loop.
const (
	pollEvery = time.Second
	leaseTime = time.Minute // whoever dies leaves a message alone for so long; who lives keeps it
	atOnce    = 64
	textLanes = 8                      // chats that are written to at the same time
	fileLanes = 4                      // and that get files
	inPlace   = 300 * time.Millisecond // a turn that comes so soon is waited for
	retryMin  = time.Second
	retryMax  = 5 * time.Minute
)

// Board tells the notices. Set the fields before Run.
type Board struct {
	Store     *Store
	Directory *directory.Store
	Ledger    *ledger.DB // of the documents that notices are about
	Post      *post.Post
	Links     *handout.Desk // for files that are too large for the messenger; nil: none
	MaxFile   int64         // bytes that the messenger takes; 0: all
	Pace      *pace.Pace
	Texts     *locale.Texts
	Language  string // of groups
	Office    calendar.Calendar
	Now       func() time.Time
	Log       *slog.Logger

	lease time.Duration // leaseTime when 0
}

func (b *Board) leased() time.Duration { return cmp.Or(b.lease, leaseTime) }

// Run tells what there is to tell until ctx ends; the message in hand of each chat is finished.
func (b *Board) Run(ctx context.Context) error {
	failed := func(err error) {
		if err != nil && ctx.Err() == nil {
			b.Log.WarnContext(ctx, "notices not told", slog.Any("error", err))
		}
	}
	h := b.hands(failed)
	defer h.wg.Wait()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		rung := b.Store.Bell.Wait()
		n, err := 0, b.spread(ctx)
		if err == nil {
			n, err = h.take(ctx, nil)
		}
		failed(err)
		if n > 0 && err == nil && ctx.Err() == nil {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-rung:
		case <-tick.C:
		case <-h.ended:
		}
	}
}

// RunOnce settles who gets new notices, brings messages that are due to where they should
// be, and gives how many were in hand.
func (b *Board) RunOnce(ctx context.Context) (int, error) {
	if err := b.spread(ctx); err != nil {
		return 0, err
	}
	due, err := b.Store.now(ctx)
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	var found error
	failed := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		found = errors.Join(found, err)
	}
	h := b.hands(failed)
	all := 0
	for through := false; !through; {
		idle := h.idle()
		n, err := h.take(ctx, &due)
		all += n
		if n == 0 && err == nil && !idle {
			<-h.ended
		}
		failed(err)
		through = err != nil || n == 0 && idle
	}
	h.wg.Wait()
	return all, found
}

// spread settles who gets new notices.
func (b *Board) spread(ctx context.Context) error {
	for {
		more, err := b.Store.spread(ctx, func(to To) ([]recipient, error) { return b.recipients(ctx, to) })
		if err != nil || !more {
			return err
		}
	}
}

// turn asks the limits for a message; a short wait is waited for.
func (b *Board) turn(ctx context.Context, p piece) (time.Duration, error) {
	class := pace.Notice
	if p.Class == Alarm {
		class = pace.NewCard
	}
	for waited := time.Duration(0); ; {
		wait, err := b.Pace.Take(ctx, pace.Ask{Bot: b.Post.Bot, Chat: p.Chat, Group: p.Chat < 0, Class: class})
		if err != nil || wait == 0 {
			return 0, err
		}
		if waited += wait; waited > inPlace || !wake.Rest(ctx, wait) {
			return wait, nil
		}
	}
}
