package notice

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/internal/wake"
)

// hands are what a board does at the same time: one lane for each chat that gets texts, and
// fewer for those that get files. A chat, or an upload, that is slow holds up only itself.
type hands struct {
	*Board

	over  func(error)   // told how each lane ended
	ended chan struct{} // one did
	wg    sync.WaitGroup
	pools []*pool
}

// pool is the lanes of one kind.
type pool struct {
	files bool
	most  int

	mu   sync.Mutex
	busy map[int64]bool // chats
}

func (b *Board) hands(over func(error)) *hands {
	return &hands{Board: b, over: over, ended: make(chan struct{}, 1), pools: []*pool{
		{most: textLanes, busy: map[int64]bool{}}, {files: true, most: fileLanes, busy: map[int64]bool{}},
	}}
}

// idle reports whether nothing is in hand.
func (h *hands) idle() bool {
	return !slices.ContainsFunc(h.pools, func(p *pool) bool { return len(p.chats()) > 0 })
}

// take takes what hands are free for of what is due, and gives how many messages that is.
func (h *hands) take(ctx context.Context, before *time.Time) (int, error) {
	n := 0
	var found []error
	for _, p := range h.pools {
		took, err := h.fill(ctx, p, before)
		n, found = n+took, append(found, err)
	}
	return n, errors.Join(found...)
}

func (h *hands) fill(ctx context.Context, p *pool, before *time.Time) (int, error) {
	busy := p.chats()
	if len(busy) == p.most || ctx.Err() != nil {
		return 0, nil
	}
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.answered()) // else it may be taken by nobody
	defer cancel()
	due, err := h.Store.claim(asked, want{
		bot: h.Post.Bot, files: p.files, busy: busy, chats: p.most - len(busy), before: before, lease: h.leased(),
	})
	if err != nil {
		return 0, err
	}
	byChat := map[int64][]piece{}
	for _, d := range due {
		byChat[d.Chat] = append(byChat[d.Chat], d)
	}
	for chat, of := range byChat {
		p.occupy(chat)
		h.wg.Go(func() {
			err := h.lane(ctx, of)
			p.free(chat)
			h.over(err)
			select {
			case h.ended <- struct{}{}:
			default: // it is known that one did
			}
		})
	}
	return len(due), nil
}

// lane brings the messages of one chat to where they should be. They are its own until it is
// through; where that cannot be kept up, it lets go of them before others may take them.
func (h *hands) lane(ctx context.Context, of []piece) error {
	shift, end := context.WithTimeout(ctx, h.leased()/2)
	defer end()
	ctx, drop := context.WithCancel(context.WithoutCancel(ctx))
	defer drop()
	l := &lane{Board: h.Board, shift: shift}
	safe := time.AfterFunc(h.safe(), drop)
	defer safe.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer drop()
	wg.Go(func() { h.keep(ctx, of, safe) })
	return l.tell(ctx, of)
}

// keep renews the lease of messages in hand until ctx ends.
func (h *hands) keep(ctx context.Context, of []piece, safe *time.Timer) {
	for wake.Rest(ctx, h.leased()/4) {
		asked, cancel := context.WithTimeout(ctx, h.answered())
		err := h.Store.keep(asked, of, h.leased())
		cancel()
		switch {
		case err == nil:
			safe.Reset(h.safe())
		case ctx.Err() == nil:
			h.Log.WarnContext(ctx, "notices not kept in hand", slog.Any("error", err))
		}
	}
}

// Parts of a lease: what is not answered within answered is not counted on, so that what was
// is safe for so long.
func (b *Board) answered() time.Duration { return b.leased() / 6 }
func (b *Board) safe() time.Duration     { return b.leased() * 2 / 3 }

func (p *pool) chats() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.AppendSeq([]int64{}, maps.Keys(p.busy))
}

func (p *pool) occupy(chat int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy[chat] = true
}

func (p *pool) free(chat int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, chat)
}
