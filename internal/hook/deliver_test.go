package hook_test

import (
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/hook"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

func TestEventsOfTheLedgerArriveToTheByteAndInOrder(t *testing.T) {
	t.Parallel()
	l := ledgertest.New(t)
	r := newReceiver(t, l.Clock.Now)
	h := &hook.Hook{Pool: l.Pool, Ledger: l.DB, Bell: l.Bell, Now: time.Now, Clock: l.Clock.Now, Log: slog.New(slog.DiscardHandler), Egress: loopback()}
	_, secret, err := h.Create(t.Context(), source, hook.NewEndpoint{URL: r.URL})
	if err != nil {
		t.Fatal(err)
	}
	r.know(secret.Reveal())
	run(t, h)
	l.Post(t, "REQ-1")
	l.Approve(t, "REQ-1")
	l.Post(t, "REQ-2")
	l.Vote(t, "REQ-2", ledgertest.Budget, approval.Reject, "no budget")
	r.wait(func(got []request) bool {
		n := 0
		for _, g := range got {
			if g.Type == string(approval.Decided) {
				n++
			}
		}
		return n == 2
	})
	feed, err := l.Feed(t.Context(), ledger.FeedQuery{Source: source, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	r.wait(func(got []request) bool { return len(got) >= len(feed) })
	inOrder(t, r.all())
	bodies := map[string]string{}
	for _, g := range r.all() {
		bodies[g.ID] = g.Body
	}
	for _, e := range feed {
		if bodies[e.ID] != e.Body {
			t.Errorf("event %s came as %q, is %q", e.ID, bodies[e.ID], e.Body)
		}
	}
}

func TestLaterEventOfADocumentWaitsForTheEarlier(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(r request, nth int) act {
		if r.Document == "A" && r.Seq == 1 && nth <= 2 {
			return status(500)
		}
		return accept
	})
	ofA := func() []string {
		var out []string
		for _, r := range b.receiver.all() {
			if r.Document == "A" {
				out = append(out, r.ID)
			}
		}
		return out
	}
	a := b.emit("A", "case.started", "case.decided")
	b.emit("B", "case.started", "case.decided")
	if n := b.rounds(); n != 3 {
		t.Errorf("%d requests, want one for A and two for B", n)
	}
	a = append(a, b.emit("A", "case.withdrawn")...)
	if n := b.rounds(); n != 0 {
		t.Errorf("%d requests for a new event of A, which does not wait", n)
	}
	for _, d := range b.deliveries(e.ID) { // those that wait behind it cost nobody a look before its time
		if wait := d.NextAt.Sub(b.clock.now()); d.State == hook.Due && wait < 3*time.Second {
			t.Errorf("event %d of A is looked at again in %s", d.DocumentSeq, wait)
		}
	}
	if diff := cmp.Diff(a[:1], ofA()); diff != "" {
		t.Fatalf("while the first of A fails (-want +got):\n%s", diff)
	}
	b.clock.move(7 * time.Second)
	b.rounds()
	b.clock.move(40 * time.Second)
	b.rounds()
	if diff := cmp.Diff([]string{a[0], a[0], a[0], a[1], a[2]}, ofA()); diff != "" {
		t.Errorf("after the retries (-want +got):\n%s", diff)
	}
	for id, state := range b.states(e.ID) {
		if state != hook.Done {
			t.Errorf("event %s is %s", id, state)
		}
	}
	inOrder(t, b.receiver.all())
}

func TestDocumentsGoInParallelUpToTheBoundOfAllReplicas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endpoint(hook.NewEndpoint{InFlight: 3})
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	b.receiver.script(func(request, int) act {
		return func(http.ResponseWriter, request) { <-release }
	})
	for _, d := range []string{"A", "B", "C", "D", "E"} {
		b.emit(d, "case.started", "case.decided")
	}
	if _, err := b.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() {
		n, err := b.Deliver(t.Context())
		if n != 3 {
			t.Errorf("%d requests at once, want 3", n)
		}
		first <- err
	}()
	b.receiver.wait(func(got []request) bool { return len(got) == 3 })
	seen := map[string]bool{}
	for _, g := range b.receiver.all() {
		if seen[g.Document] {
			t.Errorf("two events of %s at once", g.Document)
		}
		seen[g.Document] = true
	}
	if n, err := b.replica().Deliver(t.Context()); n != 0 || err != nil {
		t.Errorf("another replica makes %d requests more, %v", n, err)
	}
	free()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	b.rounds()
	if n, most := len(b.receiver.all()), b.receiver.most(); n != 10 || most != 3 {
		t.Errorf("%d requests in all, at most %d at once", n, most)
	}
	inOrder(t, b.receiver.all())
}

func TestTwoReplicasDeliverEachEventOnce(t *testing.T) {
	t.Parallel()
	b := newLiveBench(t)
	e := b.endpoint(hook.NewEndpoint{InFlight: 8})
	stop, stopOther := run(t, b.Hook), run(t, b.replica())
	const documents = 60
	for i := range documents {
		b.emit(string(rune('A'+i%26))+string(rune('a'+i/26)), "case.started", "vote.cast", "case.decided")
	}
	b.receiver.wait(func(got []request) bool { return len(got) >= 3*documents })
	seen := map[string]int{}
	for _, g := range b.receiver.all() {
		seen[g.ID]++
	}
	if len(seen) != 3*documents || len(b.receiver.all()) != 3*documents {
		t.Errorf("%d requests for %d events, want %d", len(b.receiver.all()), len(seen), 3*documents)
	}
	inOrder(t, b.receiver.all())
	stop()
	stopOther()
	for id, state := range b.states(e.ID) {
		if state != hook.Done {
			t.Errorf("event %s is %s", id, state)
		}
	}
}

func TestTypesSelectWhatAnEndpointGets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endpoint(hook.NewEndpoint{Types: []string{"case.decided"}})
	ids := b.emit("A", "case.started", "vote.cast", "case.decided")
	b.rounds()
	if diff := cmp.Diff(ids[2:], b.receiver.ids()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnotherSourceHearsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, _, err := b.Create(t.Context(), "other", hook.NewEndpoint{URL: b.receiver.URL}); err != nil {
		t.Fatal(err)
	}
	b.emit("A", "case.started")
	if n := b.rounds(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestStalledWorkerChangesNothingAfterItsLease(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	stale := make(chan string, 1)
	slow := b.replica()
	slow.Metrics.Stale = func(endpoint string) { stale <- endpoint }
	ids := b.emit("A", "case.started")
	arrived, release := make(chan int), [3]chan struct{}{1: make(chan struct{}), 2: make(chan struct{})}
	b.receiver.script(func(_ request, nth int) act {
		return func(w http.ResponseWriter, _ request) {
			arrived <- nth
			<-release[nth]
			if nth == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
	})
	if _, err := b.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	finished := make(chan error, 2)
	deliver := func(h *hook.Hook) {
		_, err := h.Deliver(t.Context())
		finished <- err
	}
	go deliver(slow)
	<-arrived
	b.clock.move(3 * time.Second)
	if n := b.rounds(); n != 0 {
		t.Fatalf("%d requests while the lease holds", n)
	}
	b.clock.move(4 * time.Second)
	go deliver(b.Hook)
	<-arrived
	before := b.deliveries(e.ID)
	close(release[1])
	if err := <-finished; err != nil {
		t.Fatal(err)
	}
	if got := <-stale; got != e.ID {
		t.Errorf("stale end counted for %s", got)
	}
	if diff := cmp.Diff(before, b.deliveries(e.ID)); diff != "" || b.get(e.ID).Failures != 0 {
		t.Errorf("the stalled worker changed something (-before +after):\n%s", diff)
	}
	close(release[2])
	if err := <-finished; err != nil {
		t.Fatal(err)
	}
	if b.states(e.ID)[ids[0]] != hook.Done {
		t.Errorf("delivery %+v", b.deliveries(e.ID))
	}
}

func TestLeaseIsRenewedWhileARequestIsUnderWay(t *testing.T) {
	t.Parallel()
	b := newLiveBench(t)
	b.endpoint(hook.NewEndpoint{})
	b.Options = hook.Options{Lease: 400 * time.Millisecond, Poll: 50 * time.Millisecond}
	second := b.replica()
	second.Options = b.Options
	b.emit("A", "case.started", "case.decided")
	arrived, release := make(chan struct{}, 9), make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	b.receiver.script(func(r request, _ int) act {
		if r.Seq != 1 {
			return accept
		}
		return func(http.ResponseWriter, request) { arrived <- struct{}{}; <-release }
	})
	run(t, b.Hook)
	run(t, second)
	<-arrived
	b.until(`select count(*) > 0, pg_sleep(0.02) from delivery where lease_until > (select min(due_since) from delivery) + interval '1.5 seconds'`)
	free()
	b.receiver.wait(func(got []request) bool { return len(got) >= 2 })
	if got := b.receiver.all(); got[0].Seq != 1 || got[1].Seq != 2 {
		t.Errorf("the request under way was made again: %v", b.receiver.ids())
	}
}

func TestStoppedServiceFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	b := newLiveBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	arrived, release := make(chan struct{}), make(chan struct{})
	b.receiver.script(func(request, int) act {
		return func(http.ResponseWriter, request) { close(arrived); <-release }
	})
	ids := b.emit("A", "case.started")
	stop := run(t, b.Hook)
	<-arrived
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(release)
	<-stopped
	if got := b.states(e.ID)[ids[0]]; got != hook.Done {
		t.Errorf("the delivery under way is %s", got)
	}
}

func TestStoppedServiceBreaksOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	b := newLiveBench(t)
	b.Options.Grace = 50 * time.Millisecond
	e := b.endpoint(hook.NewEndpoint{})
	arrived, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	b.receiver.script(func(request, int) act {
		return func(http.ResponseWriter, request) { close(arrived); <-release }
	})
	b.emit("A", "case.started")
	stop := run(t, b.Hook)
	<-arrived
	stop()
	d := b.deliveries(e.ID)[0]
	if d.State != hook.Due || d.InFlight || d.LastError == nil {
		t.Errorf("the broken off delivery: %+v", d)
	}
	if got := b.get(e.ID).Failures; got != 0 {
		t.Errorf("our own stop counts as %d failures of the receiver", got)
	}
}
