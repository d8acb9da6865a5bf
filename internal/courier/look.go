package courier

import (
	"context"
	"log/slog"
	"time"

	"countersign/internal/approval"
)

// Look is what may be on cards, or not.
type Look struct {
	Meet  bool // they lead to video meetings
	Phone bool // and to talks by telephone
}

// Appear makes what the settings say of cards hold for all replicas: who starts last is
// right, and is drawn by. When that is another look than before, the open cases are to be
// drawn anew; Renew asks for them.
func (c *Courier) Appear(ctx context.Context) error {
	changed, err := c.Store.appear(ctx, c.Bot, c.Look)
	if err == nil && changed {
		c.Log.InfoContext(ctx, "open cases are shown anew: talks about them were turned on or off", slog.Any("look", c.Look))
	}
	return err
}

// Renew asks for some of the open cases to be drawn in the look of now, and reports whether
// there may be more. Of several replicas one does so at a time, each case is asked for once,
// and what a kill cuts off is gone on with.
func (c *Courier) Renew(ctx context.Context) (more bool, err error) {
	look, more, err := c.Store.renew(ctx, c.Bot, func(after approval.ID) ([]approval.ID, error) {
		const atOnce = 100 // others wait for the same hands
		return c.Ledger.Open(ctx, after, atOnce)
	})
	if err == nil {
		c.look.Store(&look)
	}
	if more {
		c.Ledger.Bell.Ring()
	}
	return more, err
}

// looks is what is on cards now.
func (c *Courier) looks() Look {
	if now := c.look.Load(); now != nil {
		return *now
	}
	return c.Look
}

// appearance is what Run does for the look of the cards.
type appearance struct {
	*Courier

	there bool // it holds for all
	at    time.Time
}

// begin is done before anything is drawn, until it succeeds.
func (a *appearance) begin(ctx context.Context) {
	if a.there {
		return
	}
	err := a.Appear(ctx)
	a.there = err == nil
	a.complain(ctx, err)
	a.step(ctx)
}

// goOn is done when nothing else waits.
func (a *appearance) goOn(ctx context.Context) {
	if a.there && a.Now().Sub(a.at) >= settleEvery {
		a.step(ctx)
	}
}

func (a *appearance) step(ctx context.Context) {
	a.at = a.Now()
	if a.there {
		_, err := a.Renew(ctx)
		a.complain(ctx, err)
	}
}

func (a *appearance) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		a.Log.WarnContext(ctx, "open cases not shown anew yet", slog.Any("error", err))
	}
}
