package hook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/hook"
)

func TestReplaySendsTheSameEventWithANewSignature(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	ids := b.emit("A", "case.started", "case.decided")
	b.rounds()
	b.clock.move(time.Hour)
	n, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{Event: ids[0], By: "key_1"})
	if err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	b.rounds()
	got := b.receiver.all()
	if len(got) != 3 || got[2].ID != got[0].ID || got[2].Body != got[0].Body {
		t.Fatalf("requests %+v", got)
	}
	if got[2].Signed[0] == got[0].Signed[0] || got[2].Stamp-got[0].Stamp != 3600 {
		t.Errorf("the replay is no new request: %+v", got)
	}
	var by, wanted string
	if err := b.ledger.Pool.QueryRow(t.Context(), `select by, wanted from webhook_replay`).Scan(&by, &wanted); err != nil || by != "key_1" || !strings.Contains(wanted, ids[0]) {
		t.Errorf("record: %s wanted %s, %v", by, wanted, err)
	}
	attempts, err := b.Attempts(t.Context(), source, e.ID, ids[0])
	if err != nil || len(attempts) != 2 {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
}

func TestReplayOfARangeIsInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	a, c := b.emit("A", "case.started", "vote.cast", "case.decided"), b.emit("C", "case.started", "case.decided")
	b.rounds()
	for _, test := range []struct {
		name  string
		query hook.ReplayQuery
		want  int
	}{
		{"between two", hook.ReplayQuery{FromEvent: a[1], ToEvent: c[0]}, 3},
		{"from one on", hook.ReplayQuery{FromEvent: a[2]}, 3},
		{"up to one", hook.ReplayQuery{ToEvent: a[1]}, 2},
		{"all", hook.ReplayQuery{}, 5},
		{"backwards", hook.ReplayQuery{FromEvent: c[0], ToEvent: a[1]}, 0},
		{"before all", hook.ReplayQuery{Until: time.Now().Add(-24 * time.Hour)}, 0},
		{"since yesterday", hook.ReplayQuery{Since: time.Now().Add(-24 * time.Hour)}, 5},
	} {
		before := len(b.receiver.all())
		n, err := b.Replay(t.Context(), source, e.ID, test.query)
		if err != nil || n != test.want {
			t.Errorf("%s: %d, %v; want %d", test.name, n, err, test.want)
		}
		b.rounds()
		got := b.receiver.all()[before:]
		if len(got) != test.want {
			t.Errorf("%s: %d requests, want %d", test.name, len(got), test.want)
		}
		inOrder(t, got)
	}
}

func TestReplayRevivesTheDeadAndHurriesTheWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(request, int) act { return status(404) })
	ids := b.emit("A", "case.started", "case.decided")
	b.rounds()
	b.clock.move(8 * 24 * time.Hour)
	b.rounds()
	b.receiver.script(nil)
	want := map[string]hook.DeliveryState{ids[0]: hook.Dead, ids[1]: hook.Dead}
	if diff := cmp.Diff(want, b.states(e.ID)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	b.receiver.script(func(request, int) act { return status(404) })
	waiting := b.emit("B", "case.started", "case.decided")
	b.rounds()
	b.receiver.script(nil)
	if n, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{FromEvent: ids[0]}); err != nil || n != 4 {
		t.Fatalf("%d, %v", n, err)
	}
	b.rounds()
	want = map[string]hook.DeliveryState{ids[0]: hook.Done, ids[1]: hook.Done, waiting[0]: hook.Done, waiting[1]: hook.Done}
	if diff := cmp.Diff(want, b.states(e.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReplaysAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	ids := b.emit("A", "case.started")
	b.rounds()
	for i := range hook.MaxReplaysHour {
		if _, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{Event: ids[0]}); err != nil {
			t.Fatalf("replay %d: %v", i, err)
		}
	}
	if _, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{Event: ids[0]}); !errors.Is(err, hook.ErrTooOften) {
		t.Errorf("one more: %v", err)
	}
	b.clock.move(61 * time.Minute)
	if _, err := b.Replay(t.Context(), source, e.ID, hook.ReplayQuery{Event: ids[0]}); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestSkippedEventLetsLaterOnesGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(r request, _ int) act {
		if r.Seq == 1 {
			return status(422)
		}
		return accept
	})
	ids := b.emit("A", "case.started", "case.decided")
	for range 3 {
		b.rounds()
		b.clock.move(10 * time.Minute)
	}
	if err := b.Skip(t.Context(), source, e.ID, ids[0]); err != nil {
		t.Fatal(err)
	}
	b.rounds()
	want := map[string]hook.DeliveryState{ids[0]: hook.Skipped, ids[1]: hook.Done}
	if diff := cmp.Diff(want, b.states(e.ID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := b.Skip(t.Context(), source, e.ID, ids[1]); err != nil || b.states(e.ID)[ids[1]] != hook.Done {
		t.Errorf("a delivery that is done was skipped: %v", err)
	}
}

func TestDeliveriesAreListedByPageAndFilter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(r request, _ int) act {
		if r.Document == "D3" {
			return status(500)
		}
		return accept
	})
	var want []string
	for i := range 7 {
		want = append(b.emit(fmt.Sprint("D", i), "case.started"), want...)
	}
	b.rounds()
	var got []string
	for page := (hook.Page{Limit: 3}); ; {
		list, err := b.Deliveries(t.Context(), source, e.ID, hook.Filter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			got = append(got, d.EventID)
			page.Before = d.EventID
		}
		if len(list) < 3 {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	due, err := b.Deliveries(t.Context(), source, e.ID, hook.Filter{State: hook.Due}, hook.Page{})
	if err != nil || len(due) != 1 || due[0].EventID != want[3] || due[0].Attempts != 1 || deref(due[0].LastStatus) != 500 {
		t.Errorf("due %+v, %v", due, err)
	}
	one, err := b.Deliveries(t.Context(), source, e.ID, hook.Filter{DocumentID: due[0].DocumentID, Kind: "case.started"}, hook.Page{})
	if err != nil || len(one) != 1 {
		t.Errorf("of one document %+v, %v", one, err)
	}
	if none, err := b.Deliveries(t.Context(), source, e.ID, hook.Filter{Kind: "case.decided"}, hook.Page{}); err != nil || len(none) != 0 {
		t.Errorf("of another kind %+v, %v", none, err)
	}
}

func TestDatabaseRefusesTheImpossible(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	ids := b.emit("A", "case.started")
	b.rounds()
	b.receiver.script(func(request, int) act { return status(500) })
	open := b.emit("B", "case.started")
	b.rounds()
	for name, sql := range map[string]string{
		"done goes back to due":          `update delivery set state = 'due', settled_at = null where event_id = $1`,
		"done becomes dead":              `update delivery set state = 'dead' where event_id = $1`,
		"done becomes skipped":           `update delivery set state = 'skipped' where event_id = $1`,
		"lease goes back":                `update delivery set lease = lease - 1 where event_id = $1`,
		"another event":                  `update delivery set event_id = 'evt_x' where event_id = $1`,
		"another place":                  `update delivery set pos = pos + 100 where event_id = $1`,
		"done without an end":            `update delivery set settled_at = null where event_id = $1`,
		"lease on what is done":          `update delivery set lease_until = now() where event_id = $1`,
		"delivered by nobody":            `update delivery set state = 'done', settled_at = now() where event_id = $2`,
		"dead by nobody":                 `update delivery set state = 'dead', settled_at = now() where event_id = $2`,
		"due with an end":                `update delivery set settled_at = now() where event_id = $2`,
		"unknown state":                  `update delivery set state = 'lost' where event_id = $2`,
		"same event twice":               `insert into delivery select * from delivery where event_id = $1`,
		"place not in the feed":          `insert into delivery (endpoint, pos, event_id, document_id, document_seq, kind, at, due_since, next_at) select endpoint, 999999, 'evt_y', document_id, 1, kind, at, at, at from delivery where event_id = $1`,
		"history forgotten":              `delete from delivery where event_id = $1`,
		"attempt changed":                `update webhook_attempt set status = 500 where event_id = $1`,
		"attempt removed":                `delete from webhook_attempt where event_id = $1`,
		"replay removed":                 `delete from webhook_replay where wanted <> $1`,
		"version stands still":           `update webhook set url = 'https://x.example.org/' where source <> $1`,
		"version jumps":                  `update webhook set row_version = row_version + 2 where source <> $1`,
		"another source":                 `update webhook set source = 'x', row_version = row_version + 1 where source <> $1`,
		"another scheme":                 `update webhook set scheme = 'v1a', row_version = row_version + 1 where source <> $1`,
		"paused silently":                `update webhook set state = 'paused', row_version = row_version + 1 where source <> $1`,
		"user in the address":            `update webhook set url = 'https://a:b@x.example.org/', row_version = row_version + 1 where source <> $1`,
		"other protocol":                 `update webhook set url = 'ftp://x.example.org/', row_version = row_version + 1 where source <> $1`,
		"endpoint removed":               `delete from webhook where source <> $1`,
		"two current secrets":            `insert into webhook_secret (endpoint, role, secret, created_at) select endpoint, role, 'x', now() from webhook_secret where secret <> $1`,
		"previous secret without an end": `update webhook_secret set role = 'previous' where secret <> $1`,
		"failures without a beginning":   `update webhook_lane set failures = 3, failing_since = null where endpoint <> $1`,
	} {
		args := []any{ids[0]}
		if strings.Contains(sql, "$2") {
			sql, args = strings.ReplaceAll(sql, "$2", "$1"), []any{open[0]}
		}
		if err := b.exec(sql, args...); err == nil {
			t.Errorf("%s: the database lets it be", name)
		}
	}
	if err := b.Delete(t.Context(), source, e.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.exec(`update webhook set state = 'active', row_version = row_version + 1`); err == nil {
		t.Error("an ended endpoint lives again")
	}
}
