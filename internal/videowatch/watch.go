package videowatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"countersign/internal/directory"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf"
	"countersign/internal/wake"
)

// Watch looks after servers. Set the fields before Run.
type Watch struct {
	Servers   []Server
	Store     *Store
	Directory *directory.Store
	Notices   *notice.Store
	Buttons   Buttons // under the alert of a forgotten conference; nil: none
	Now       func() time.Time
	Log       *slog.Logger
}

// Server is one of them, and how it is looked after.
type Server struct {
	Client *trueconf.Server
	Check  Check
	Rule   Rule
	Scan   Scan
}

// Buttons makes those that a person gets under the alert of a forgotten conference, in the
// transaction of the alert.
type Buttons func(ctx context.Context, tx Tx, person people.ID, server string, c trueconf.Conference) ([][]notice.Button, error)

// Times of the loops. Whoever dies leaves a duty alone for as long as it is held; nobody is
// at one for longer than it takes.
const (
	checkTime = 40 * time.Second
	checkHold = checkTime + 20*time.Second
	scanTime  = 2 * time.Minute
	scanHold  = scanTime + time.Minute // what becomes of a stop is looked at beyond the time
	shortest  = 100 * time.Millisecond
	longest   = 30 * time.Second // after a fault; and clocks may be set
)

// Run looks after the servers until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, s := range w.Servers {
		if s.Check.Every > 0 {
			all.Go(func() { w.loop(ctx, s, w.CheckOnce) })
		}
		if s.Scan.Every > 0 {
			all.Go(func() { w.loop(ctx, s, w.ScanOnce) })
		}
	}
	all.Wait()
	return nil
}

// loop does a duty whenever it is due.
func (w *Watch) loop(ctx context.Context, s Server, once func(context.Context, Server) (time.Duration, error)) {
	for {
		wait, err := once(ctx, s)
		if ctx.Err() != nil {
			return
		}
		switch {
		case errors.Is(err, errLost): // another replica is at it
		case err != nil:
			w.Log.WarnContext(ctx, "video server not looked after", slog.String("server", s.Client.Name()), slog.Any("error", err))
			wait = longest
		}
		if !wake.Rest(ctx, min(max(wait, shortest), longest)) {
			return
		}
	}
}

// CheckOnce looks at a server if that is due, and tells how long it is until it is again.
func (w *Watch) CheckOnce(ctx context.Context, s Server) (time.Duration, error) {
	t, wait, err := w.Store.take(ctx, turn{server: s.Client.Name(), duty: checking, every: s.Check.Every}, checkHold)
	if err != nil || t.no == 0 {
		return wait, err
	}
	within, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	h := s.Client.Health(within)
	if err := ctx.Err(); err != nil { // what did not answer was not given the time to
		return 0, err
	}
	dir, err := w.Directory.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	told := false
	err = w.Store.record(ctx, t, s.Check, found{looks: looks(h, w.Now()), version: h.Version, expires: h.CertExpires}, func(tx Tx, n news) error {
		all := alerts(t.server, n)
		told = len(all) > 0
		return w.tell(ctx, tx, dir, t.server, all)
	})
	if err != nil {
		return 0, err
	}
	if told {
		w.Notices.Bell.Ring()
	}
	return s.Check.Every, nil
}
