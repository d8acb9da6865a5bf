package ledger_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/wake"
)

// listeners waits until so many connections listen.
func listeners(t *testing.T, b *ledgertest.Bench, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		var n int
		if err := b.Pool.QueryRow(ctx, `select count(*) from pg_stat_activity
			where datname = current_database() and query = 'listen countersign_wake' and state = 'idle'`).Scan(&n); err != nil {
			t.Fatalf("%d of %d listen: %v", n, want, err)
		}
		if n == want {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

// arrive waits for the channel to be closed.
func arrive(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	select {
	case <-ch:
	case <-deadline.C:
		t.Fatal(what)
	}
}

// ear hears every notice that a replica sends.
type ear struct {
	conn *pgx.Conn
	from map[string]int
}

// until hears until there was a notice from a replica.
func (e *ear) until(t *testing.T, replica string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		n, err := e.conn.WaitForNotification(ctx)
		if err != nil {
			t.Fatalf("no notice from %s: %v", replica, err)
		}
		if e.from[n.Payload]++; n.Payload == replica {
			return
		}
	}
}

func TestARingIsToldOnceHoweverManyHearIt(t *testing.T) {
	t.Parallel()
	b := ledgertest.Empty(t)
	bells := map[string]*wake.Bell{"a": {}, "b": {}, "c": {}}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for self, bell := range bells {
		w := &ledger.Wires{Pool: b.Pool, Bell: bell, Self: self}
		running.Go(func() { _ = w.Run(ctx) })
	}
	listeners(t, b, len(bells))
	conn, err := pgx.Connect(t.Context(), b.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), `listen countersign_wake`); err != nil {
		t.Fatal(err)
	}
	e := &ear{conn: conn, from: map[string]int{}}
	ring := func(self string) {
		t.Helper()
		heard := map[string]<-chan struct{}{}
		for other, bell := range bells {
			heard[other] = bell.Wait()
		}
		bells[self].Ring()
		for other, ch := range heard {
			arrive(t, other+" did not hear "+self, ch)
		}
		e.until(t, self)
	}
	for range 5 {
		ring("a")
	}
	ring("b") // it had five times the occasion to repeat what it heard
	ring("c")
	if diff := cmp.Diff(map[string]int{"a": 5, "b": 1, "c": 1}, e.from); diff != "" {
		t.Errorf("notices (-want +sent):\n%s", diff)
	}
}

func TestWiresEndAfterTheNoticeInHand(t *testing.T) {
	t.Parallel()
	b := ledgertest.Empty(t)
	config, err := pgxpool.ParseConfig(b.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	bell := &wake.Bell{}
	busy, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	armed := false // the connection after the listening one carries the notice
	config.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) {
		if !armed {
			armed = true
			return true, nil
		}
		once.Do(func() { close(busy) })
		<-release
		return true, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = (&ledger.Wires{Pool: pool, Bell: bell, Self: "a"}).Run(ctx)
	}()
	listeners(t, b, 1)
	bell.Ring()
	arrive(t, "no notice is sent", busy)
	cancel()
	listeners(t, b, 0)
	select {
	case <-done:
		t.Error("ended while a notice was being sent")
	default:
	}
	close(release)
	arrive(t, "did not end", done)
}
