package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
)

const bot = 4242424242

// post is a database with replicas of an inbox over it. Their clock is the test's.
type post struct {
	url   string
	pool  *pgxpool.Pool
	clock *clock
}

// clock is a time that tests move by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMicro(c.at.Load()) }

func (c *clock) move(d time.Duration) { c.at.Add(d.Microseconds()) }

func newPost(t *testing.T) *post {
	t.Helper()
	_, url := ledgertest.Database(t)
	p := &post{url: url, clock: &clock{}}
	p.clock.at.Store(time.Date(2026, 6, 15, 9, 0, 0, 0, time.UTC).UnixMicro())
	p.pool = p.connect(t)
	return p
}

func (p *post) connect(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), p.url)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// replica is an inbox that runs until the test ends, or is told to end.
type replica struct {
	*inbox.Inbox

	end func()

	mu    sync.Mutex
	done  []int64 // ids, as they were handled
	tries map[int64]int
	note  chan struct{}
}

// act is what a replica does with an update.
type act func(ctx context.Context, it *inbox.Item) (string, error)

func fine(context.Context, *inbox.Item) (string, error) { return "fine", nil }

func (p *post) replica(t *testing.T, do act) *replica {
	t.Helper()
	r := p.asleep(t, do)
	r.start(t)
	return r
}

// asleep is a replica that does not run yet.
func (p *post) asleep(t *testing.T, do act) *replica {
	t.Helper()
	r := &replica{tries: map[int64]int{}, note: make(chan struct{}, 10_000)}
	to := io.Discard
	if os.Getenv("VERBOSE") != "" {
		to = os.Stderr
	}
	r.Inbox = &inbox.Inbox{
		Pool: p.connect(t), Bot: bot, Now: p.clock.now, Log: slog.New(slog.NewTextHandler(to, nil)),
		Handle: func(ctx context.Context, it *inbox.Item) (string, error) {
			r.mu.Lock()
			r.tries[it.ID]++
			r.mu.Unlock()
			defer func() { r.note <- struct{}{} }()
			outcome, err := do(ctx, it)
			if err == nil {
				r.mu.Lock()
				r.done = append(r.done, it.ID)
				r.mu.Unlock()
			}
			return outcome, err
		},
	}
	return r
}

func (r *replica) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	r.end = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(r.end)
}

func (r *replica) handled() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.done)
}

func (r *replica) tried(id int64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries[id]
}

// tap is an update of the fast lane.
func tap(id, actor int64) []byte {
	return fmt.Appendf(nil, `{"update_id":%d,"callback_query":{"id":"1","from":{"id":%d,"is_bot":false,"first_name":"P"},"data":"x"}}`, id, actor)
}

// said is an update of the slow lane.
func said(id, actor int64, text string) []byte {
	return fmt.Appendf(nil, `{"update_id":%d,"message":{"message_id":1,"date":1,"chat":{"id":%d,"type":"private"},"text":%q}}`, id, actor, text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// row is an update as it is stored.
type row struct {
	State    string
	Outcome  string
	Attempts int
	Copies   int
	Next     time.Time
}

func (p *post) row(t *testing.T, id int64) row {
	t.Helper()
	var r row
	must(t, p.pool.QueryRow(t.Context(), `select state, coalesce(outcome, ''), attempts, copies, next_at from telegram_update where update_id = $1`,
		id).Scan(&r.State, &r.Outcome, &r.Attempts, &r.Copies, &r.Next))
	return r
}

// leave stores an update as a replica leaves it behind that died.
func (p *post) leave(t *testing.T, id int64, body []byte, attempts int) {
	t.Helper()
	_, err := p.pool.Exec(t.Context(), `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at, attempts)
		values ($1, $2, true, 7, $3, $4, $5, $6)`, int64(bot), id, body, p.clock.now(), p.clock.now().Add(5*time.Second), attempts)
	must(t, err)
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("it never happened"))
	t.Cleanup(cancel)
	return ctx
}

// until waits for something to become true.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	ctx := limited(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("it never happened")
		case <-tick.C:
		}
	}
}

// settled waits until an update has come to its end.
func (p *post) settled(t *testing.T, id int64) row {
	t.Helper()
	until(t, func() bool { return p.row(t, id).State != "new" })
	return p.row(t, id)
}

// push lets time pass and a replica look, until the update has come to its end.
func (p *post) push(t *testing.T, r *replica, id int64) row {
	t.Helper()
	for range 200 {
		p.clock.move(time.Minute)
		must(t, r.Sweep(t.Context()))
		var n row
		until(t, func() bool { // it is settled, or put off: not due, and not in hand
			n = p.row(t, id)
			left := n.Next.Sub(p.clock.now())
			return n.State != "new" || left > 0 && left != 5*time.Second
		})
		if n.State != "new" {
			return n
		}
	}
	t.Fatalf("update %d does not come to an end", id)
	return row{}
}
