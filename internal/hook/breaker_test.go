package hook_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/hook"
)

func TestRetriesFollowTheScheduleForSevenDaysAndThenTheDeliveryIsDead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var dead []string
	b.Metrics.Dead = func(endpoint string) { dead = append(dead, endpoint) }
	e := b.endpoint(hook.NewEndpoint{})
	bad, good := b.emit("bad", "case.decided", "case.withdrawn"), 0
	b.receiver.script(func(r request, _ int) act {
		if r.Document == "bad" && r.Seq == 1 {
			return status(400)
		}
		return accept
	})
	var waits []time.Duration
	b.rounds()
	for b.states(e.ID)[bad[0]] == hook.Due {
		last := b.deliveries(e.ID)
		d := last[len(last)-1]
		wait := d.NextAt.Sub(b.clock.now()).Round(time.Second)
		waits = append(waits, wait)
		b.clock.move(wait + time.Second)
		good++
		b.emit(fmt.Sprint("good", good), "case.started") // others succeed: the endpoint is not to blame
		b.rounds()
		if len(waits) > 60 {
			t.Fatal("tried for ever")
		}
	}
	want := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
	}
	var total time.Duration
	for i, got := range waits {
		base := 8 * time.Hour
		if i < len(want) {
			base = want[i]
		}
		if got < base*79/100 || got > base*121/100 {
			t.Errorf("wait %d is %s, want %s and at most a fifth more or less", i+1, got, base)
		}
		total += got
	}
	if total < 7*24*time.Hour || len(waits) < 24 || len(waits) > 34 {
		t.Errorf("given up after %s and %d tries", total, len(waits))
	}
	if got := b.states(e.ID); got[bad[0]] != hook.Dead || got[bad[1]] != hook.Done {
		t.Errorf("the bad event is %s, its successor %s; want dead and done", got[bad[0]], got[bad[1]])
	}
	if diff := cmp.Diff([]string{e.ID}, dead); diff != "" || !b.log.has("given up") {
		t.Errorf("nobody was told (-want +got):\n%s", diff)
	}
}

func TestAnswersDecideWhatHappensNext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, test := range []struct {
		name   string
		how    act
		state  hook.DeliveryState
		status int
		error  string
	}{
		{"200", status(200), hook.Done, 200, ""},
		{"202", status(202), hook.Done, 202, ""},
		{"204", status(204), hook.Done, 204, ""},
		{"301", redirect(301), hook.Due, 301, "redirects are not followed"},
		{"307", redirect(307), hook.Due, 307, "redirects are not followed"},
		{"400", status(400), hook.Due, 400, "the receiver refused it"},
		{"401", status(401), hook.Due, 401, "the receiver refused it"},
		{"404", status(404), hook.Due, 404, "the receiver refused it"},
		{"406", status(406), hook.Due, 406, "the receiver refused it"},
		{"500", status(500), hook.Due, 500, "the receiver refused it"},
		{"reset", reset, hook.Due, 0, "*"},
		{"reset in the body", resetBody, hook.Done, 200, ""},
		{"a promise of more", short, hook.Done, 200, ""},
		{"no HTTP", garbage, hook.Due, 0, "*"},
		{"strange status", garbageStatus, hook.Due, 999, "the receiver refused it"},
	} {
		before := len(b.receiver.all())
		d, end := b.one(hook.NewEndpoint{}, test.how)
		if n := len(b.receiver.all()) - before; n != 1 {
			t.Errorf("%s: %d requests; want one and no second try at once", test.name, n)
		}
		if d.State != test.state || deref(d.LastStatus) != test.status {
			t.Errorf("%s: state %s, status %d", test.name, d.State, deref(d.LastStatus))
		}
		if got := deref(d.LastError); got != test.error && (test.error != "*" || got == "") {
			t.Errorf("%s: error %q, want %q", test.name, got, test.error)
		}
		if due := d.State == hook.Due; due != d.NextAt.After(b.clock.now().Add(3*time.Second)) {
			t.Errorf("%s: state %s, next at %s", test.name, d.State, d.NextAt)
		}
		end()
	}
}

func TestGonePausesTheEndpointAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{InFlight: 1})
	b.receiver.script(func(_ request, nth int) act {
		if nth == 1 {
			return status(http.StatusGone)
		}
		return accept
	})
	a := b.emit("A", "case.started", "case.decided")
	b.rounds()
	if got := b.get(e.ID); got.State != hook.Paused || got.Reason != hook.ReasonGone || got.Due != 2 {
		t.Errorf("endpoint %+v", got)
	}
	if !b.log.has("ERROR webhook endpoint paused") {
		t.Error("nobody was told")
	}
	b.emit("A", "case.withdrawn")
	b.clock.move(30 * time.Hour)
	if n := b.rounds(); n != 0 {
		t.Errorf("%d requests to a paused endpoint", n)
	}
	b.receiver.script(nil)
	if _, err := b.Resume(t.Context(), source, e.ID); err != nil {
		t.Fatal(err)
	}
	drain(b)
	if got := b.receiver.all(); len(got) != 4 || got[1].ID != a[0] || got[1].Attempt != 1 {
		t.Errorf("after the resumption: %+v", got)
	}
	inOrder(t, b.receiver.all())
}

func TestBusyReceiverIsLeftAloneForTheTimeItAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	start := b.clock.now()
	for _, test := range []struct {
		name, header string
		least, most  time.Duration
	}{
		{"nothing asked", "", 4 * time.Second, 6 * time.Second},
		{"less than is due anyway", "1", 4 * time.Second, 6 * time.Second},
		{"a little more", "7", 7 * time.Second, 7 * time.Second},
		{"too much", "86400", 8 * time.Second, 12 * time.Second},
		{"a date", "Mon, 15 Jun 2026 09:00:07 GMT", 6 * time.Second, 7 * time.Second},
		{"a date gone by", "Mon, 15 Jun 2020 09:00:07 GMT", 4 * time.Second, 6 * time.Second},
		{"nonsense", "soon", 4 * time.Second, 6 * time.Second},
		{"negative", "-5", 4 * time.Second, 6 * time.Second},
		{"overflow", "99999999999999999999", 4 * time.Second, 6 * time.Second},
	} {
		e := b.endpoint(hook.NewEndpoint{InFlight: 1})
		busy := true
		b.receiver.script(func(request, int) act {
			return func(w http.ResponseWriter, _ request) {
				if busy {
					w.Header().Set("Retry-After", test.header)
					w.WriteHeader(http.StatusTooManyRequests)
				}
			}
		})
		b.emit("A", "case.started")
		b.emit("B", "case.started")
		if n := b.rounds(); n != 1 {
			t.Errorf("%s: %d requests, want 1: the whole endpoint waits", test.name, n)
		}
		wait := deref(b.get(e.ID).HeldUntil).Sub(b.clock.now()).Round(100 * time.Millisecond)
		if wait < test.least || wait > test.most+500*time.Millisecond {
			t.Errorf("%s: held for %s, want %s to %s", test.name, wait, test.least, test.most)
		}
		busy = false
		b.clock.move(13 * time.Second)
		if n := b.rounds(); n != 2 {
			t.Errorf("%s: %d requests afterwards, want 2", test.name, n)
		}
		if err := b.Delete(t.Context(), source, e.ID); err != nil {
			t.Fatal(err)
		}
		b.clock.set(start)
	}
}

func TestHoldIsNeverLongerThanAnHour(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(request, int) act {
		return func(w http.ResponseWriter, _ request) {
			w.Header().Set("Retry-After", "100000")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	b.emit("A", "case.started")
	for range 12 {
		b.rounds()
		d := b.deliveries(e.ID)[0]
		if wait := b.get(e.ID).HeldUntil.Sub(b.clock.now()); wait > time.Hour+time.Second {
			t.Errorf("attempt %d: the endpoint is held for %s", d.Attempts, wait)
		}
		b.clock.move(d.NextAt.Sub(b.clock.now()) + time.Second)
	}
}

func TestBreakerOpensProbesOnceAMinuteAndRecoversSlowly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{InFlight: 8})
	b.receiver.script(func(request, int) act { return status(500) })
	const documents = 120
	for i := range documents {
		b.emit(fmt.Sprint("D", i), "case.started")
	}
	if n := b.rounds(); n < 16 || n > 24 {
		t.Errorf("%d requests before the breaker opened, want about 16", n)
	}
	for minute := range 5 {
		if n := b.rounds(); n != 0 {
			t.Errorf("minute %d: %d requests while it is open", minute, n)
		}
		b.clock.move(61 * time.Second)
		if n := b.rounds(); n != 1 {
			t.Errorf("minute %d: %d probes, want 1", minute, n)
		}
	}
	b.receiver.script(nil)
	b.clock.move(61 * time.Second)
	var seconds []int
	for total := 0; total < documents; {
		n := b.rounds()
		if total += n; n > 0 {
			seconds = append(seconds, n)
		}
		b.clock.move(time.Second)
		if len(seconds) > 40 {
			t.Fatalf("does not drain: %v", seconds)
		}
	}
	if diff := cmp.Diff([]int{2, 2, 4, 8, 16, 32}, seconds[:min(6, len(seconds))]); diff != "" {
		t.Errorf("requests in each second of the recovery (-want +got):\n%s", diff)
	}
	if got := b.get(e.ID); got.Failures != 0 || got.FailingSince != nil || got.Due != 0 {
		t.Errorf("endpoint after the recovery: %+v", got)
	}
}

func TestOtherEndpointsDoNotNoticeAFailingOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endpoint(hook.NewEndpoint{URL: b.receiver.URL + "/good"})
	other := newReceiver(t, b.clock.now)
	other.script(func(request, int) act { return status(503) })
	_, secret, err := b.Create(t.Context(), source, hook.NewEndpoint{URL: other.URL})
	if err != nil {
		t.Fatal(err)
	}
	other.know(secret.Reveal())
	for i := range 40 {
		b.emit(fmt.Sprint("D", i), "case.started", "case.decided")
	}
	b.rounds()
	if n := len(b.receiver.all()); n != 80 {
		t.Errorf("%d of 80 events came to the good endpoint", n)
	}
}

func TestFailingEndpointIsToldOfAndPausedAfterFiveDays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(request, int) act { return status(500) })
	b.emit("A", "case.started")
	step := func(d time.Duration) {
		t.Helper()
		for end := b.clock.now().Add(d); b.clock.now().Before(end); b.clock.move(min(30*time.Minute, d)) {
			b.rounds()
		}
		b.rounds()
		if err := b.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step(time.Minute)
	if b.log.has("quarter of an hour") {
		t.Error("told after a minute")
	}
	step(20 * time.Minute)
	if !b.log.has("WARN webhook endpoint fails for a quarter of an hour") {
		t.Error("not told after 20 minutes")
	}
	step(25 * time.Hour)
	if !b.log.has("ERROR webhook endpoint fails for a day") {
		t.Error("no alarm after a day")
	}
	step(60 * time.Hour)
	if got := b.get(e.ID).State; got != hook.Active {
		t.Errorf("%s before five days are over", got)
	}
	step(50 * time.Hour)
	if got := b.get(e.ID); got.State != hook.Paused || got.Reason != hook.ReasonFailing || got.Due != 1 {
		t.Errorf("after five days: %+v", got)
	}
	if !b.log.has("ERROR webhook endpoint paused after five days") {
		t.Error("paused silently")
	}
}

func TestOneSuccessClearsTheClock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(request, int) act { return status(500) })
	b.emit("A", "case.started")
	for range 8 * 24 {
		b.rounds()
		b.clock.move(time.Hour / 2)
	}
	b.receiver.script(nil)
	b.emit("B", "case.started")
	b.clock.move(10 * time.Hour)
	drain(b)
	b.receiver.script(func(request, int) act { return status(500) })
	b.emit("C", "case.started")
	for range 2 * 24 {
		b.rounds()
		b.clock.move(time.Hour)
	}
	if err := b.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.get(e.ID); got.State != hook.Active || got.Failures == 0 {
		t.Errorf("two days after a success: %+v", got)
	}
}

// drain moves on by seconds until nothing is due, for a recovery is slow at first.
func drain(b *bench) {
	b.tb.Helper()
	for range 20 {
		b.rounds()
		b.clock.move(time.Second)
	}
}

func deref[T int | string | time.Time](p *T) (v T) { //nolint:ireturn // T is no interface
	if p != nil {
		v = *p
	}
	return v
}
