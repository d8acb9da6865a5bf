package hook_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/hook"
)

func TestReplayReachesBackToWhatIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ago(120)
	all, some := b.endpoint(hook.NewEndpoint{}), b.endpoint(hook.NewEndpoint{Types: []string{"case.decided"}})
	var ids []string // of 120, 110, … 20 days ago, two a day
	for days := 120; days >= 20; days -= 10 {
		b.ago(days)
		ids = append(ids, b.emitOld(fmt.Sprint("A", days), "case.started", "case.decided")...)
		b.rounds()
	}
	b.ago(0)
	b.purge(105)
	b.purge(65) // six days of eleven are gone
	at := func(days int) time.Time { return time.Now().Add(-time.Duration(days) * day) }
	gone, kept, last := ids[11], ids[12], ids[21]
	for _, test := range []struct {
		name     string
		endpoint string
		query    hook.ReplayQuery
		want     int
		expired  bool
	}{
		{"one that is kept", all.ID, hook.ReplayQuery{Event: kept}, 1, false},
		{"one that is gone", all.ID, hook.ReplayQuery{Event: gone}, 0, true},
		{"the first of all", all.ID, hook.ReplayQuery{Event: ids[0]}, 0, true},
		{"all from one that is kept", all.ID, hook.ReplayQuery{FromEvent: kept}, 10, false},
		{"all from one that is gone", all.ID, hook.ReplayQuery{FromEvent: gone}, 0, true},
		{"from one that is gone to one that is kept", all.ID, hook.ReplayQuery{FromEvent: gone, ToEvent: last}, 0, true},
		{"between two that are kept", all.ID, hook.ReplayQuery{FromEvent: ids[14], ToEvent: ids[16]}, 3, false},
		{"all up to one that is gone", all.ID, hook.ReplayQuery{ToEvent: gone}, 0, true},
		{"all up to one that is kept", all.ID, hook.ReplayQuery{ToEvent: ids[13]}, 2, false},
		{"since a moment within what is kept", all.ID, hook.ReplayQuery{Since: at(45)}, 6, false},
		{"since the last that is gone", all.ID, hook.ReplayQuery{Since: at(69)}, 10, false},
		{"since a moment before the last that is gone", all.ID, hook.ReplayQuery{Since: at(71)}, 0, true},
		{"a time of which nothing is kept", all.ID, hook.ReplayQuery{Since: at(115), Until: at(100)}, 0, true},
		{"from one that is kept, since long ago", all.ID, hook.ReplayQuery{FromEvent: kept, Since: at(115)}, 10, false},
		{"all that is kept", all.ID, hook.ReplayQuery{}, 10, false},
		{"all that is kept up to a moment", all.ID, hook.ReplayQuery{Until: at(45)}, 4, false},
		{"of another endpoint, one that is gone", some.ID, hook.ReplayQuery{Event: gone}, 0, true},
		{"of another endpoint, all from one that is kept", some.ID, hook.ReplayQuery{FromEvent: ids[13]}, 5, false},
	} {
		n, err := b.Replay(t.Context(), source, test.endpoint, test.query)
		expired, ok := errors.AsType[*hook.ExpiredError](err)
		if n != test.want || ok != test.expired || err != nil && !ok {
			t.Errorf("%s: %d, %v; want %d, expired %v", test.name, n, err, test.want, test.expired)
		}
		if ok && (!errors.Is(err, hook.ErrNotFound) || expired.Endpoint != test.endpoint || expired.After.Sub(at(70)).Abs() > time.Hour) {
			t.Errorf("%s: %+v, which is kept after %s", test.name, expired, at(70))
		}
		if made := b.rounds(); made != test.want {
			t.Errorf("%s: %d requests, want %d", test.name, made, test.want)
		}
	}
	if n := b.count(`select count(*) from webhook_replay`); n != 10 {
		t.Errorf("%d replays on record, want the 10 that were granted", n)
	}
}

func TestEventThatAnEndpointNeverHadIsNotCalledExpired(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ago(100)
	e := b.endpoint(hook.NewEndpoint{Types: []string{"case.decided"}})
	b.emitOld("A", "case.decided")
	b.rounds()
	b.purge(90)
	b.ago(50)
	unwanted := b.emitOld("B", "case.started")[0]
	b.rounds()
	untouched := b.endpoint(hook.NewEndpoint{Types: []string{"case.withdrawn"}})
	for name, test := range map[string]struct{ source, endpoint, event string }{
		"another type":               {source, e.ID, unwanted},
		"no event at all":            {source, e.ID, "evt_00000000000000000000000000"},
		"an endpoint without purges": {source, untouched.ID, unwanted},
		"another's endpoint":         {"other", e.ID, unwanted},
		"no endpoint":                {source, "whk_00000000000000000000000000", unwanted},
	} {
		_, err := b.Replay(t.Context(), test.source, test.endpoint, hook.ReplayQuery{Event: test.event})
		if _, expired := errors.AsType[*hook.ExpiredError](err); !errors.Is(err, hook.ErrNotFound) || expired {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.Skip(t.Context(), test.source, test.endpoint, test.event); !errors.Is(err, hook.ErrNotFound) {
			t.Errorf("%s, skipped: %v", name, err)
		}
	}
}

func TestOperatorIsToldWhatExpired(t *testing.T) {
	t.Parallel()
	a := newAged(t)
	a.purge(90)
	err := a.Skip(t.Context(), "", a.main.ID, a.done)
	if _, expired := errors.AsType[*hook.ExpiredError](err); !expired {
		t.Errorf("skip of a purged event: %v", err)
	}
	_, err = a.Replay(t.Context(), "", a.main.ID, hook.ReplayQuery{Event: a.done})
	if _, expired := errors.AsType[*hook.ExpiredError](err); !expired {
		t.Errorf("replay of a purged event: %v", err)
	}
	if n, err := a.Replay(t.Context(), "", a.main.ID, hook.ReplayQuery{Event: a.settledLate}); n != 1 || err != nil {
		t.Errorf("replay of one that was given up late: %d, %v", n, err)
	}
}

// straggler has an endpoint whose first event was given up long after the later two were
// done, and a purge that came in between.
func straggler(tb testing.TB) (b *bench, endpoint, stuck string, old []string) {
	tb.Helper()
	b = newBench(tb)
	b.ago(102)
	endpoint = b.endpoint(hook.NewEndpoint{}).ID
	b.refusals("K")
	stuck = b.emitOld("S", "case.started")[0]
	b.rounds()
	b.ago(100)
	old = []string{b.emitOld("K1", "case.started")[0], b.emitOld("K2", "case.started")[0]}
	b.rounds()
	b.ago(91)
	b.rounds() // only now it is given up
	if n := b.purge(95); n != 2+4 {
		tb.Fatalf("%d rows purged, want two deliveries and four attempts", n)
	}
	return b, endpoint, stuck, old
}

// TestListGoesOnWhereAPurgedPageEnded: somebody turns pages while the purge comes by.
func TestListGoesOnWhereAPurgedPageEnded(t *testing.T) {
	t.Parallel()
	b, endpoint, stuck, old := straggler(t)
	var got []string
	list, err := b.Deliveries(t.Context(), source, endpoint, hook.Filter{}, hook.Page{Before: old[1]})
	for _, d := range list {
		got = append(got, d.EventID)
	}
	if diff := cmp.Diff([]string{stuck}, got); diff != "" || err != nil {
		t.Errorf("after a purged page: %v (-want +got):\n%s", err, diff)
	}
	_, err = b.Deliveries(t.Context(), source, endpoint, hook.Filter{}, hook.Page{Before: "evt_00000000000000000000000000"})
	if !errors.Is(err, hook.ErrNotFound) {
		t.Errorf("after no event: %v", err)
	}
}

func TestStragglerIsReplayedAloneAndNotAsABeginning(t *testing.T) {
	t.Parallel()
	b, endpoint, stuck, old := straggler(t)
	expired := func(q hook.ReplayQuery) bool {
		_, err := b.Replay(t.Context(), source, endpoint, q)
		_, is := errors.AsType[*hook.ExpiredError](err)
		return is
	}
	if !expired(hook.ReplayQuery{FromEvent: stuck}) || !expired(hook.ReplayQuery{Event: old[1]}) {
		t.Error("what was purged after the straggler is passed over in silence")
	}
	if n, err := b.Replay(t.Context(), source, endpoint, hook.ReplayQuery{Event: stuck}); n != 1 || err != nil {
		t.Errorf("the straggler alone: %d, %v", n, err)
	}
	b.receiver.script(nil)
	b.rounds()
	b.ago(80)
	if n, err := b.Replay(t.Context(), source, endpoint, hook.ReplayQuery{Event: stuck}); n != 1 || err != nil {
		t.Errorf("the straggler once more: %d, %v", n, err)
	}
	b.rounds()
	if n := b.purge(79); n != 1+3 {
		t.Errorf("%d rows purged, want the straggler and its last three attempts", n)
	}
	since := time.Now().Add(-101 * day)
	if !expired(hook.ReplayQuery{Event: stuck}) || !expired(hook.ReplayQuery{Event: old[1]}) || !expired(hook.ReplayQuery{Since: since}) {
		t.Error("what was purged first is forgotten")
	}
}

// TestReplayDoesNotCountWhatAPurgeTakesAway: a replay has counted what there is when a
// purge that had it in hand commits.
func TestReplayDoesNotCountWhatAPurgeTakesAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		since   time.Time
		want    int
		expired bool
	}{
		"all that is kept":   {want: 1},
		"all since long ago": {since: time.Now().Add(-200 * day), expired: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.ago(100)
			e := b.endpoint(hook.NewEndpoint{})
			b.emitOld("A", "case.started", "case.decided")
			b.rounds()
			b.ago(50)
			b.emitOld("B", "case.started")
			b.rounds()
			purge, err := b.ledger.Pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = purge.Rollback(t.Context()) }()
			if _, err := purge.Exec(t.Context(), `select webhook_purge_deliveries(now() - interval '90 days', '-infinity', 0)`); err != nil {
				t.Fatal(err)
			}
			type result struct {
				n   int
				err error
			}
			done := make(chan result, 1)
			go func() {
				n, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{Since: test.since})
				done <- result{n, err}
			}()
			b.until(`select count(*) = 1, pg_sleep(0.02) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
			if err := purge.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := <-done
			_, expired := errors.AsType[*hook.ExpiredError](got.err)
			if got.n != test.want || expired != test.expired || got.err != nil && !expired {
				t.Errorf("%d, %v; want %d, expired %v", got.n, got.err, test.want, test.expired)
			}
			if made := b.rounds(); made != test.want {
				t.Errorf("%d requests, want %d", made, test.want)
			}
		})
	}
}
