package courier

import (
	"context"
	"log/slog"
	"time"

	"countersign/internal/approval"
)

// Appear makes what the settings say of cards hold for all replicas: who starts last is
// right, and is drawn by. When that is another look than before, the open cases are to be
// drawn anew; Renew asks for them.
func (c *Courier) Appear(ctx context.Context) error {
	changed, err := c.Store.appear(ctx, c.Bot, c.Meet)
	if err == nil && changed {
		c.Log.InfoContext(ctx, "open cases are shown anew: video meetings were turned on or off", slog.Bool("on", c.Meet))
	}
	return err
}

// Renew asks for some of the open cases to be drawn in the look of now, and reports whether
// there may be more. Of several replicas one does so at a time, each case is asked for once,
// and what a kill cuts off is gone on with.
func (c *Courier) Renew(ctx context.Context) (more bool, err error) {
	meet, more, err := c.Store.renew(ctx, c.Bot, func(after string) (string, error) {
		const atOnce = 100 // others wait for the same hands
		open, err := c.Ledger.Open(ctx, approval.ID(after), atOnce)
		if err != nil || len(open) == 0 {
			return "", err
		}
		return string(open[len(open)-1]), c.Ledger.Redraw(ctx, open...)
	})
	if err == nil {
		c.meet.Store(&meet)
	}
	return more, err
}

// meets reports whether cards lead to video meetings now.
func (c *Courier) meets() bool {
	if now := c.meet.Load(); now != nil {
		return *now
	}
	return c.Meet
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
