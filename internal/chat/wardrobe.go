package chat

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/wake"
)

const (
	dressTime  = time.Minute // for one try: a Bot API that is slow with menus is asked later
	dressAgain = 30 * time.Second
	dressMost  = time.Hour
)

// Wardrobe gets the menus of commands, and what the bot says of itself, to be as they
// should, beside everything else: nothing waits for it. What is so already is left alone,
// and once all is nobody looks any more. Of several replicas with a webhook only the one that
// speaks with the Bot API looks.
type Wardrobe struct {
	Door *Door

	bell  wake.Bell
	mu    sync.Mutex
	due   bool
	turn  int           // counts Want and Leave
	again time.Duration // the latest pause
	said  [2]bool       // of menus and of descriptions: that they are not set
}

// Want asks for a look.
func (w *Wardrobe) Want() {
	w.mu.Lock()
	w.due, w.again = true, 0
	w.turn++
	w.mu.Unlock()
	w.bell.Ring()
}

// Leave says that another replica looks.
func (w *Wardrobe) Leave() {
	w.mu.Lock()
	w.due = false
	w.turn++
	w.mu.Unlock()
}

// Run looks until ctx ends, when it is asked to, and again until all is as it should be.
func (w *Wardrobe) Run(ctx context.Context) {
	for ctx.Err() == nil {
		rung := w.bell.Wait()
		pause := w.Step(ctx)
		var later <-chan time.Time
		if pause > 0 {
			later = time.After(pause)
		}
		select {
		case <-ctx.Done():
		case <-rung:
		case <-later:
		}
	}
}

// Step looks if it was asked to, and says after how long to look again; 0: not before it is
// asked to.
func (w *Wardrobe) Step(ctx context.Context) time.Duration {
	w.mu.Lock()
	due, turn := w.due, w.turn
	w.mu.Unlock()
	if !due {
		return 0
	}
	least, done := w.dress(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.turn != turn && w.due:
		return dressAgain // it was asked for anew meanwhile
	case w.turn != turn, done:
		w.due, w.again = false, 0
		return 0
	}
	w.again = max(min(max(2*w.again, dressAgain), dressMost), least)
	return w.again
}

// dress sets what is not so already, and says whether all is; if not, how long the Bot API
// wants to be left alone. The gateway works without: what is refused is said in the log,
// once for each kind.
func (w *Wardrobe) dress(ctx context.Context) (least time.Duration, done bool) {
	ctx, cancel := context.WithTimeout(ctx, dressTime)
	defer cancel()
	menus, about := w.menus(ctx), w.about(ctx)
	for kind, err := range []error{menus, about} {
		if e := asTelegram(err); e != nil {
			least = max(least, e.RetryAfter)
		}
		w.say(ctx, kind, err)
	}
	return least, menus == nil && about == nil
}

func (w *Wardrobe) menus(ctx context.Context) error {
	d := w.Door
	for _, m := range Menus(d.Texts, d.desks()...) {
		if err := d.setMenu(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (w *Wardrobe) about(ctx context.Context) error {
	for _, tag := range menuLanguages(w.Door.Texts) {
		if err := w.Door.introduce(ctx, tag); err != nil {
			return err
		}
	}
	return nil
}

func (w *Wardrobe) say(ctx context.Context, kind int, err error) {
	what := [...]string{"menu of commands", "description of the bot"}[kind]
	switch {
	case err == nil && w.said[kind]:
		w.Door.Log.InfoContext(ctx, "set after all", slog.String("what", what))
	case err != nil && !w.said[kind] && !errors.Is(err, context.Canceled):
		w.Door.Log.WarnContext(ctx, "not set; it is tried again, later and later", slog.String("what", what), slog.Any("error", err))
	default:
		return
	}
	w.said[kind] = err != nil
}
