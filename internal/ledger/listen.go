package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/wake"
)

const channel = "countersign_wake"

// Wires joins the bells of all replicas: a ring here is an echo there, and an echo is
// not told again. The notice is sent on its own and at most every few milliseconds,
// because a NOTIFY inside a transaction makes commits wait for each other. A notice lost
// is no harm: every loop polls as well.
type Wires struct {
	Pool *pgxpool.Pool
	Bell *wake.Bell
	Self string // tells our own notices from those of others
}

// Run carries rings until ctx ends. A lost connection is made anew.
func (w *Wires) Run(ctx context.Context) error {
	var telling sync.WaitGroup
	defer telling.Wait()
	rung := w.Bell.Rung()
	telling.Go(func() { w.tell(ctx, rung) })
	for ctx.Err() == nil {
		_ = w.listen(ctx) // the polls carry on meanwhile
		wake.Rest(ctx, time.Second)
	}
	return nil
}

func (w *Wires) listen(ctx context.Context) error {
	conn, err := w.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	c := conn.Hijack() // a listening connection must not serve others afterwards
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	if _, err := c.Exec(ctx, "listen "+channel); err != nil {
		return err
	}
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.Payload != w.Self {
			w.Bell.Echo()
		}
	}
}

// tell sends one notice for however many rings there were since the last.
func (w *Wires) tell(ctx context.Context, rung <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-rung:
		}
		rung = w.Bell.Rung() // a ring from here on may come too late for this notice
		if _, err := w.Pool.Exec(ctx, `select pg_notify($1, $2)`, channel, w.Self); err != nil {
			wake.Rest(ctx, time.Second)
		}
		wake.Rest(ctx, 20*time.Millisecond)
	}
}
