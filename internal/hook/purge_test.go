package hook_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/hook"
)

const day = 24 * time.Hour

// ago sets the clock back to days before now. The database judges the age of things by
// its own clock, which no test moves.
func (b *bench) ago(days int) { b.clock.set(time.Now().Add(-time.Duration(days) * day)) }

// emitOld stores events of the time that the clock shows.
func (b *bench) emitOld(document string, kinds ...string) []string {
	b.tb.Helper()
	ids, err := emitAt(b.tb.Context(), b.ledger.Pool, b.clock.now(), document, kinds...)
	if err != nil {
		b.tb.Fatal(err)
	}
	return ids
}

// purge removes what is older than days.
func (b *bench) purge(days int) int64 {
	b.tb.Helper()
	n, err := b.Purge(b.tb.Context(), time.Now().Add(-time.Duration(days)*day))
	if err != nil {
		b.tb.Fatal(err)
	}
	return n
}

// count gives what a query counts.
func (b *bench) count(query string, args ...any) int {
	b.tb.Helper()
	var n int
	if err := b.ledger.Pool.QueryRow(b.tb.Context(), query, args...).Scan(&n); err != nil {
		b.tb.Fatalf("%s: %v", query, err)
	}
	return n
}

func (b *bench) attempts(endpoint, event string) int {
	b.tb.Helper()
	list, err := b.Attempts(b.tb.Context(), source, endpoint, event)
	if err != nil {
		b.tb.Fatal(err)
	}
	return len(list)
}

// refusals lets the receiver take only what begins with one of the letters given.
func (b *bench) refusals(taken ...string) {
	b.receiver.script(func(r request, _ int) act {
		if slices.Contains(taken, r.Document[:1]) {
			return accept
		}
		return status(404)
	})
}

// aged is an endpoint with history of every kind, some of it old, and one that is paused
// with an old event due.
type aged struct {
	*bench

	main, paused                                                       hook.Endpoint
	done, dead, skipped, waiting, settledLate, youngDone, youngWaiting string
}

func newAged(tb testing.TB) *aged {
	tb.Helper()
	a := &aged{bench: newBench(tb)}
	a.ago(100)
	a.main = a.endpoint(hook.NewEndpoint{Types: []string{"case.started"}})
	a.paused = a.endpoint(hook.NewEndpoint{Types: []string{"case.withdrawn"}})
	a.refusals("A", "F")
	a.done, a.dead = a.emitOld("A", "case.started")[0], a.emitOld("B", "case.started")[0]
	a.skipped, a.waiting = a.emitOld("C", "case.started")[0], a.emitOld("D", "case.withdrawn")[0]
	a.rounds()
	if err := a.Skip(tb.Context(), source, a.main.ID, a.skipped); err != nil {
		tb.Fatal(err)
	}
	if _, err := a.Pause(tb.Context(), source, a.paused.ID, "a rest"); err != nil {
		tb.Fatal(err)
	}
	a.ago(92)
	a.rounds()
	a.settledLate = a.emitOld("E", "case.started")[0]
	a.rounds()
	a.ago(60)
	a.rounds()
	a.ago(6)
	a.youngDone, a.youngWaiting = a.emitOld("F", "case.started")[0], a.emitOld("G", "case.started")[0]
	a.rounds()
	want := map[string]hook.DeliveryState{
		a.done: hook.Done, a.dead: hook.Dead, a.skipped: hook.Skipped, a.settledLate: hook.Dead,
		a.youngDone: hook.Done, a.youngWaiting: hook.Due,
	}
	if diff := cmp.Diff(want, a.states(a.main.ID)); diff != "" {
		tb.Fatalf("history (-want +got):\n%s", diff)
	}
	return a
}

func TestOldHistoryIsPurgedAndTheRestStays(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	for event, want := range map[string]int{a.done: 1, a.dead: 2, a.skipped: 1, a.settledLate: 2} {
		if got := a.attempts(a.main.ID, event); got != want {
			t.Fatalf("event %s has %d attempts, want %d", event, got, want)
		}
	}
	before := a.deliveries(a.main.ID)
	// Three deliveries; their four attempts, that of the event that waits, and the first
	// of the one that was given up later.
	if n := a.purge(90); n != 3+6 {
		t.Errorf("%d rows purged, want 9", n)
	}
	want := slices.DeleteFunc(before, func(d hook.Delivery) bool {
		return d.EventID == a.done || d.EventID == a.dead || d.EventID == a.skipped
	})
	if diff := cmp.Diff(want, a.deliveries(a.main.ID)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]hook.DeliveryState{a.waiting: hook.Due}, a.states(a.paused.ID)); diff != "" {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
	for event, want := range map[string]int{a.done: 0, a.dead: 0, a.skipped: 0, a.settledLate: 1, a.youngDone: 1, a.youngWaiting: 1} {
		if got := a.attempts(a.main.ID, event); got != want {
			t.Errorf("event %s has %d attempts, want %d", event, got, want)
		}
	}
	if n := a.purge(90); n != 0 {
		t.Errorf("%d rows purged the second time", n)
	}
}

func TestPurgedDeliveryIsNeverMadeAgain(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	a.purge(7)
	a.receiver.script(nil)
	before := len(a.receiver.all())
	other := a.replica()
	a.ago(0)
	a.rounds()
	a.Hook = other
	a.rounds()
	if _, err := a.Resume(t.Context(), source, a.paused.ID); err != nil {
		t.Fatal(err)
	}
	fresh := a.emitOld("A", "case.started")[0]
	a.rounds()
	want, got := []string{a.youngWaiting, a.waiting, fresh}, a.receiver.ids()[before:]
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests after the purge (-want +got):\n%s", diff)
	}
	var pos int64
	if err := a.ledger.Pool.QueryRow(t.Context(), `select count(*) - count(distinct pos) from feed`).Scan(&pos); err != nil || pos != 0 {
		t.Errorf("%d places given twice, %v", pos, err)
	}
}

func TestWhatIsYoungerThanAWeekIsNotPurged(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	before := a.count(`select (select count(*) from delivery) + (select count(*) from webhook_attempt)`)
	for _, at := range []time.Time{time.Now(), time.Now().Add(-hook.MinKeep + time.Minute), time.Now().Add(day)} {
		n, err := a.Purge(t.Context(), at)
		var refused *pgconn.PgError
		if n != 0 || !errors.As(err, &refused) || refused.Code != "CS027" {
			t.Errorf("before %s: %d, %v", at, n, err)
		}
	}
	if left := a.count(`select (select count(*) from delivery) + (select count(*) from webhook_attempt)`); left != before {
		t.Errorf("%d rows of %d left", left, before)
	}
	if _, err := a.Purge(t.Context(), time.Now().Add(-hook.MinKeep-time.Second)); err != nil {
		t.Errorf("a week ago: %v", err)
	}
	if diff := cmp.Diff(map[string]hook.DeliveryState{a.youngDone: hook.Done, a.youngWaiting: hook.Due}, a.states(a.main.ID)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestPurgeAndReplayAtOnceShareTheDeliveries: each delivery is either purged or sent
// again, and the replay counts those that it sends.
func TestPurgeAndReplayAtOnceShareTheDeliveries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ago(100)
	e := b.endpoint(hook.NewEndpoint{InFlight: 16})
	const documents = 100
	for i := range documents {
		b.emitOld(fmt.Sprint("D", i), "case.started")
	}
	b.rounds()
	b.ago(0)
	before := time.Now().Add(-90 * day)
	var purged, refusedFrom, replayed int
	var group sync.WaitGroup
	group.Go(func() {
		for range 20 {
			n, err := b.Purge(t.Context(), before)
			if err != nil {
				t.Error(err)
			}
			purged += int(n)
		}
	})
	group.Go(func() {
		n, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{})
		if err != nil {
			t.Error(err)
		}
		replayed = n
	})
	group.Go(func() {
		if _, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{Since: time.Now().Add(-101 * day)}); err != nil {
			if _, expired := errors.AsType[*hook.ExpiredError](err); !expired {
				t.Error(err)
			}
			refusedFrom++
		}
	})
	group.Wait()
	due := b.count(`select count(*) from delivery where state = 'due'`)
	left := b.count(`select count(*) from delivery`)
	if purged != documents+documents-left || due != left {
		t.Errorf("%d rows purged, %d deliveries left, %d due", purged, left, due)
	}
	if refusedFrom > 0 && replayed != due {
		t.Errorf("the replay counts %d of %d", replayed, due)
	}
	if refusedFrom == 0 && left != documents {
		t.Errorf("all since the beginning were promised, %d of %d are left", left, documents)
	}
	if made := b.rounds(); made != due {
		t.Errorf("%d requests for %d due", made, due)
	}
}

func TestPurgeOfMoreThanOneBiteWalksItsIndexOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ago(100)
	e := b.endpoint(hook.NewEndpoint{})
	young := b.emitOld("A", "case.started")[0]
	b.rounds()
	const rows = 11_000 // two bites and a bit
	b.furnish(e.ID, rows)
	b.ago(1)
	b.emitOld("B", "case.started")
	b.rounds()
	config, err := pgxpool.ParseConfig(b.ledger.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	// A transaction that began before keeps the removed rows from being vacuumed, or
	// being skipped as known to be dead.
	tx, err := b.ledger.Pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `select count(*) from delivery`); err != nil {
		t.Fatal(err)
	}
	h := &hook.Hook{Pool: pool, Ledger: b.ledger.DB, Now: time.Now, Clock: b.clock.now}
	n, err := h.Purge(t.Context(), time.Now().Add(-90*day))
	if err != nil || n != 2*(rows+1) {
		t.Errorf("%d rows purged, %v; want %d", n, err, 2*(rows+1))
	}
	pool.Close() // a session tells what it did when it ends
	b.until(`select idx_scan >= 3, pg_sleep(0.02) from pg_stat_user_indexes where indexrelname = 'delivery_settled'`)
	for _, index := range []string{"delivery_settled", "webhook_attempt_at"} {
		read := b.count(`select idx_tup_read from pg_stat_user_indexes where indexrelname = $1`, index)
		if read < rows || read > rows+rows/10 {
			t.Errorf("%d entries of %s read for %d rows", read, index, rows)
		}
	}
	if left := b.count(`select count(*) from delivery`); left != 1 {
		t.Errorf("%d deliveries left, want 1", left)
	}
	if _, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{FromEvent: young}); !errors.Is(err, hook.ErrNotFound) {
		t.Errorf("replay from the first: %v", err)
	}
}

// furnish puts as many old, settled deliveries with their attempts into the database, half
// of them settled at one moment.
func (b *bench) furnish(endpoint string, rows int) {
	b.tb.Helper()
	if err := furnish(b.tb.Context(), b.ledger.Pool, endpoint, rows); err != nil {
		b.tb.Fatal(err)
	}
}

func furnish(ctx context.Context, pool *pgxpool.Pool, endpoint string, rows int) error {
	_, err := pool.Exec(ctx, `with n as (
			select i, 'evt_' || lpad(i::text, 26, '0') as id, now() - interval '95 days' - greatest(0, i - $2::int / 2) * interval '1 second' as at
			from generate_series(1, $2::int) i),
		d as (select id, source from document limit 1),
		e as (
			insert into event (id, document_id, document_seq, source, kind, at, body)
			select n.id, d.id, 1000 + n.i, d.source, 'vote.cast', n.at, '{}' from n, d order by n.i returning seq, id, document_id, document_seq, at),
		f as (
			insert into feed (pos, seq, source) select 1000 + row_number() over (order by e.seq), e.seq, d.source from e, d returning pos, seq),
		a as (
			insert into webhook_attempt (endpoint, event_id, lease, at, duration_ms, status) select $1, n.id, 1, n.at + n.i / 100 * interval '1 millisecond', 5, 200 from n)
		insert into delivery (endpoint, pos, event_id, document_id, document_seq, kind, at, state, attempt, due_since, next_at, lease, last_status, settled_at)
		select $1, f.pos, e.id, e.document_id, e.document_seq, 'vote.cast', e.at, 'done', 1, e.at, e.at, 1, 200, e.at from e join f using (seq)`, endpoint, rows)
	return err
}

func TestPurgeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := a.Purge(ctx, time.Now().Add(-90*day)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	if n := a.purge(90); n != 9 {
		t.Errorf("%d rows purged afterwards, want 9", n)
	}
}
