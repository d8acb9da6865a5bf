package erp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/erp"
	"countersign/internal/server"
)

// begin sends a request and does not wait for its answer.
func (b *bench) begin(t *testing.T, q request) (hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, q.method, b.url+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", b.auth)
	r.Header.Set("Content-Type", "application/json")
	for _, line := range q.headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	ended := make(chan error, 1)
	go func() {
		res, err := b.client.RoundTrip(r)
		if err == nil {
			res.Body.Close()
			err = fmt.Errorf("status %d", res.StatusCode)
		}
		ended <- err
	}()
	return func() {
		cancel()
		if err := <-ended; err == nil || strings.HasPrefix(err.Error(), "status") {
			t.Errorf("%s %s was answered before the caller went away: %v", q.method, q.path, err)
		}
	}
}

// await asks until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("%s does not come", what)
		default:
		}
	}
}

// blocked waits until so many connections wait for a lock.
func (b *bench) blocked(t *testing.T, many int) {
	t.Helper()
	watch := owner(t, b)
	await(t, "a request that waits in the database", func() bool {
		var n int
		if err := watch.QueryRow(t.Context(), `select count(distinct pid) from pg_locks
			where not granted and database = (select oid from pg_database where datname = current_database())`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n >= many
	})
}

func TestACallerWhoHangsUpIsNoFaultOfTheService(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 100)
	b := newBench(t, func(d *erp.Door) {
		d.Limiter = &server.Limiter{Rate: 1000, Burst: 1000, Now: func() time.Time { arrived <- struct{}{}; return d.Now() }}
	})
	b.put(t, "REQ", rent)
	<-arrived
	for n, q := range []request{
		{method: "GET", path: "/v1/events?wait=25"},
		{method: "GET", path: "/v1/events?wait=25&types=comment.added"},
	} {
		hangUp := b.begin(t, q)
		<-arrived // it reads or waits
		hangUp()
		await(t, "the end of a long poll", func() bool { return strings.Count(b.log.String(), "status=499") == n+1 })
	}

	// The others wait for a lock that never comes.
	tx, err := owner(t, b).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // already done if all went well
	if _, err := tx.Exec(t.Context(), `lock table document, revision, comment, feed, event in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	queries := []request{
		{method: "GET", path: "/v1/events"},
		{method: "GET", path: documentPath("REQ")},
		{method: "PUT", path: documentPath("REQ"), body: replace(t, rent, "June", "July")},
		{method: "PUT", path: documentPath("NEW"), body: rent},
		{method: "POST", path: documentPath("REQ") + "/withdraw", body: `{}`},
		{method: "POST", path: documentPath("REQ") + "/comments", body: remark, headers: []string{"Idempotency-Key: comment-0001"}},
		{method: "POST", path: "/v1/documents/batch", body: `{"items":[{"external_id":"REQ","document":` + rent + `},{"external_id":"NEW","document":` + rent + `}]}`},
	}
	var ends []func()
	for _, q := range queries {
		ends = append(ends, b.begin(t, q))
	}
	b.blocked(t, len(queries)+1) // the batch waits twice
	for _, hangUp := range ends {
		hangUp()
	}
	await(t, "the end of all requests", func() bool { return strings.Count(b.log.String(), "status=499") == 2+len(queries) })
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.log.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") || strings.Contains(line, "status=5") {
			t.Error(line)
		}
	}
	// The key was given back: nothing had happened.
	expect(t, b.post(t, documentPath("REQ")+"/comments", remark, "Idempotency-Key: comment-0001"), 201, "")
	if n := b.comments(t); n != 1 {
		t.Errorf("%d comments", n)
	}
}

func TestAFaultIsToldAlsoWhenTheCallerIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	gate, err := owner(t, b).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Rollback(context.WithoutCancel(t.Context())) }) // already done if all went well
	if _, err := gate.Exec(t.Context(), `select pg_advisory_xact_lock(1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := owner(t, b).Exec(t.Context(), `create function fault() returns trigger language plpgsql as $$ begin
		perform pg_advisory_xact_lock(1); raise exception 'burnt'; end $$;
		create trigger fault before insert on comment for each row execute function fault()`); err != nil {
		t.Fatal(err)
	}
	hangUp := b.begin(t, request{method: "POST", path: documentPath("REQ") + "/comments", body: remark, headers: []string{"Idempotency-Key: comment-0001"}})
	b.blocked(t, 1)
	hangUp()
	if err := gate.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of the request", func() bool { return strings.Contains(b.log.String(), "status=500") })
	if log := b.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "burnt") {
		t.Errorf("%s", log)
	}
}
