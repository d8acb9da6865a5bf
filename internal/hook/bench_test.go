package hook_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"countersign/internal/hook"
	"countersign/internal/ident"
	"countersign/internal/ledger/ledgertest"
)

const source = ledgertest.Source

// clock is a time that tests move by hand; it stands still otherwise.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 6, 15, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = to
}

// bench is a hook with a ledger that tests put events into, and a receiver.
type bench struct {
	*hook.Hook

	tb       testing.TB
	clock    *clock
	ledger   *ledgertest.Bench
	receiver *receiver
	log      *record
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// newBench gives a hook whose time stands still.
func newBench(tb testing.TB) *bench {
	tb.Helper()
	c := newClock()
	b := &bench{tb: tb, clock: c, ledger: ledgertest.Empty(tb), receiver: newReceiver(tb, c.now), log: &record{}}
	b.Hook = b.replica()
	return b
}

// newLiveBench gives a hook that goes by the clock of the database.
func newLiveBench(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{tb: tb, ledger: ledgertest.Empty(tb), receiver: newReceiver(tb, time.Now), log: &record{}}
	b.Hook = b.replica()
	return b
}

// replica gives another hook on the same database.
func (b *bench) replica() *hook.Hook {
	h := &hook.Hook{
		Pool: b.ledger.Pool, Ledger: b.ledger.DB, Bell: b.ledger.Bell, Now: time.Now,
		Log: slog.New(b.log), Egress: loopback(),
	}
	if b.clock != nil {
		h.Clock = b.clock.now
	}
	return h
}

// endpoint makes an endpoint at the receiver, which learns its key.
func (b *bench) endpoint(n hook.NewEndpoint) hook.Endpoint {
	b.tb.Helper()
	if n.URL == "" {
		n.URL = b.receiver.URL + "/hook"
	}
	e, secret, err := b.Create(b.tb.Context(), source, n)
	if err != nil {
		b.tb.Fatal(err)
	}
	if n.Scheme == hook.Ed25519 {
		b.receiver.know(e.PublicKeys[0])
	} else {
		b.receiver.know(secret.Reveal())
	}
	return e
}

// emit stores the next events of a document, as the ledger does, and gives their ids.
func (b *bench) emit(document string, kinds ...string) []string {
	b.tb.Helper()
	ids, err := emit(b.tb.Context(), b.ledger.Pool, document, kinds...)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.ledger.Bell.Ring()
	return ids
}

func emit(ctx context.Context, pool *pgxpool.Pool, external string, kinds ...string) ([]string, error) {
	return emitAt(ctx, pool, time.Now(), external, kinds...)
}

func emitAt(ctx context.Context, pool *pgxpool.Pool, at time.Time, external string, kinds ...string) ([]string, error) {
	var ids []string
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		id, err := ident.New("doc")
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(external))
		hash := "sha256:" + hex.EncodeToString(sum[:])
		var seq int
		err = tx.QueryRow(ctx, `insert into document (id, source, external_id, type, revision, seen, hash, created_at)
			values ($1, $2, $3, 'payment_request', 1, 1, $4, now())
			on conflict (source, external_id) do update set events = document.events returning id, events`, id, source, external, hash).Scan(&id, &seq)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		batch.Queue(`insert into revision (document_id, revision, hash, body, amount_minor, currency, created_at)
			values ($1, 1, $2, '{}', 1, 'EUR', now()) on conflict do nothing`, id, hash)
		for _, kind := range kinds {
			seq++
			event, err := ident.New("evt")
			if err != nil {
				return err
			}
			ids = append(ids, event)
			body := fmt.Sprintf(`{"id":%q,"type":%q,"external_id":%q,"seq":%d, "text":"сумма 125 000,00 ₽"}`, event, kind, external, seq)
			batch.Queue(`with e as (
				insert into event (id, document_id, document_seq, source, kind, at, body)
				values ($1, $2, $3, $4, $5, $6, $7) returning seq) insert into event_new select seq from e`, event, id, seq, source, kind, at, body)
		}
		batch.Queue(`update document set events = $2 where id = $1`, id, seq)
		return tx.SendBatch(ctx, batch).Close()
	})
	return ids, err
}

// rounds places what waits and makes rounds until nothing is due now. It gives the
// number of requests.
func (b *bench) rounds() int {
	b.tb.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = b.Place(b.tb.Context()); err != nil {
			b.tb.Fatal(err)
		}
	}
	total := 0
	for {
		n, err := b.Deliver(b.tb.Context())
		if err != nil {
			b.tb.Fatal(err)
		}
		if n == 0 {
			return total
		}
		total += n
	}
}

// one sends one event to an endpoint of its own, at a receiver that behaves as told, and
// gives what became of it; end ends the endpoint.
func (b *bench) one(n hook.NewEndpoint, how act) (d hook.Delivery, end func()) {
	b.tb.Helper()
	e := b.endpoint(n)
	b.receiver.script(func(request, int) act { return how })
	b.emit("one", "case.started")
	b.rounds()
	return b.deliveries(e.ID)[0], func() {
		if err := b.Delete(b.tb.Context(), source, e.ID); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// states gives the state of each delivery of an endpoint, by event.
func (b *bench) states(endpoint string) map[string]hook.DeliveryState {
	b.tb.Helper()
	out := map[string]hook.DeliveryState{}
	for _, d := range b.deliveries(endpoint) {
		out[d.EventID] = d.State
	}
	return out
}

// deliveries gives all deliveries of an endpoint, the newest first.
func (b *bench) deliveries(endpoint string) []hook.Delivery {
	b.tb.Helper()
	var all []hook.Delivery
	page := hook.Page{Limit: 100}
	for {
		list, err := b.Deliveries(b.tb.Context(), source, endpoint, hook.Filter{}, page)
		if err != nil {
			b.tb.Fatal(err)
		}
		if all = append(all, list...); len(list) < page.Limit {
			return all
		}
		page.Before = list[len(list)-1].EventID
	}
}

func (b *bench) get(endpoint string) hook.Endpoint {
	b.tb.Helper()
	e, err := b.Get(b.tb.Context(), source, endpoint)
	if err != nil {
		b.tb.Fatal(err)
	}
	return e
}

// exec changes the database behind the hook's back.
func (b *bench) exec(sql string, args ...any) error {
	_, err := b.ledger.Pool.Exec(b.tb.Context(), sql, args...)
	return err
}

// run runs a hook until the test ends, or until the function it gives is called.
func run(tb testing.TB, h *hook.Hook) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.Run(ctx); err != nil {
			tb.Errorf("run: %v", err)
		}
	})
	once := sync.OnceFunc(func() { cancel(); wg.Wait() })
	tb.Cleanup(once)
	return once
}

// inOrder demands that the first arrivals of each document's events are in order.
func inOrder(tb rapid.TB, got []request) {
	tb.Helper()
	last, seen := map[string]int{}, map[string]bool{}
	for _, r := range got {
		if seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		if r.Seq <= last[r.Document] {
			tb.Errorf("document %s: event %d came after %d", r.Document, r.Seq, last[r.Document])
		}
		last[r.Document] = r.Seq
	}
}

// record keeps the log.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) Enabled(context.Context, slog.Level) bool { return true }
func (r *record) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *record) WithGroup(string) slog.Handler            { return r }

func (r *record) Handle(_ context.Context, l slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := l.Level.String() + " " + l.Message
	l.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	r.lines = append(r.lines, line)
	return nil
}

func (r *record) has(part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, part) })
}

// until waits until a query gives true.
func (b *bench) until(query string) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.tb.Context(), 30*time.Second)
	defer cancel()
	for done := false; !done; {
		if err := b.ledger.Pool.QueryRow(ctx, query).Scan(&done, nil); err != nil {
			b.tb.Fatalf("%s: %v", query, err)
		}
	}
}
