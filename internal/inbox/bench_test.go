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
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
)

const bot = 4242424242

// post is a database with replicas of an inbox over it. Time passes by itself, and in
// leaps when a test says so.
type post struct {
	url   string
	pool  *pgxpool.Pool
	owner *pgxpool.Pool

	mu     sync.RWMutex
	leaped time.Duration
}

// now is what the replicas' clocks show.
func (p *post) now() time.Time {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return time.Now().Add(p.leaped)
}

// leap lets time pass for everybody at once: for the replicas' clocks, and for the
// database, where everything is so much older then.
func (p *post) leap(t *testing.T, d time.Duration) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.owner.Exec(t.Context(), `with updates as (
			update telegram_update set received_at = received_at - $1::interval, next_at = next_at - $1::interval, settled_at = settled_at - $1::interval),
		unreadable as (update telegram_unreadable set received_at = received_at - $1::interval)
		update telegram_poller set until = until - $1::interval`, d)
	must(t, err)
	p.leaped += d
}

func newPost(t *testing.T) *post {
	t.Helper()
	owner, url := ledgertest.Database(t)
	return &post{url: url, pool: connect(t, url), owner: connect(t, owner)}
}

func connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
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

// wait holds an act up until the gate opens, or the replica must end.
func wait(ctx context.Context, gate <-chan struct{}) {
	select {
	case <-gate:
	case <-ctx.Done():
	}
}

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
		Pool: connect(t, p.url), Bot: bot, Now: p.now, Log: slog.New(slog.NewTextHandler(to, nil)),
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
	Lease    int64
	Received time.Time
	Next     time.Time
	Due      time.Duration // until Next
}

func (p *post) row(t *testing.T, id int64) row {
	t.Helper()
	var r row
	must(t, p.pool.QueryRow(t.Context(), `select state, coalesce(outcome, ''), attempts, copies, lease, received_at, next_at,
			case when isfinite(next_at) then next_at - clock_timestamp() else '0' end from telegram_update where update_id = $1`,
		id).Scan(&r.State, &r.Outcome, &r.Attempts, &r.Copies, &r.Lease, &r.Received, &r.Next, &r.Due))
	return r
}

// inHand reports whether a replica has the update, if none died with it. Each taking and
// each giving back counts one; it is stored as taken.
func (r row) inHand() bool { return r.Lease%2 == 1 }

// leave stores an update as a replica leaves it behind that died, with an hour's lease.
func (p *post) leave(t *testing.T, id int64, body []byte, attempts int) {
	t.Helper()
	_, err := p.pool.Exec(t.Context(), `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at, attempts)
		values ($1, $2, true, 7, $3, now(), now() + interval '1 hour', $4)`, int64(bot), id, body, attempts)
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
		p.leap(t, 2*time.Minute) // longer than any pause
		must(t, r.Sweep(t.Context()))
		var n row
		until(t, func() bool { // it is settled, or put off
			n = p.row(t, id)
			return n.State != "new" || !n.inHand() && n.Due > 0
		})
		if n.State != "new" {
			return n
		}
	}
	t.Fatalf("update %d does not come to an end", id)
	return row{}
}
