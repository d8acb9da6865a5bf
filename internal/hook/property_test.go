package hook_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/hook"
)

// TestWhateverTheReceiverDoesNothingIsLostAndOrderHolds lets a receiver answer at random,
// with several replicas, pauses and replays in between.
func TestWhateverTheReceiverDoesNothingIsLostAndOrderHolds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	second := b.replica()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		e := b.endpoint(hook.NewEndpoint{InFlight: rapid.IntRange(1, 4).Draw(rt, "in_flight")})
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "500", "503", "404", "302", "reset", "short", "garbage"}), 1, 12).Draw(rt, "faults")
		var mu sync.Mutex
		taken := map[string]bool{}
		next, from := 0, len(b.receiver.all())
		b.receiver.script(func(r request, nth int) act {
			mu.Lock()
			defer mu.Unlock()
			next++
			fault := faults[next%len(faults)]
			if nth > 6 || fault == "ok" || fault == "short" {
				taken[r.ID] = true
			}
			if nth > 6 {
				return accept
			}
			return map[string]act{
				"ok": accept, "500": status(500), "503": status(503), "404": status(404),
				"302": redirect(302), "reset": reset, "short": short, "garbage": garbage,
			}[fault]
		})
		var ids []string
		for i, n := range rapid.SliceOfN(rapid.IntRange(1, 3), 1, 3).Draw(rt, "documents") {
			kinds := []string{"case.started", "vote.cast", "case.decided"}[:n]
			ids = append(ids, b.emit(fmt.Sprint("R", run, "D", i), kinds...)...)
		}
		for range 8 {
			b.step(second, rapid.SampledFrom([]string{"round", "round", "two", "pause"}).Draw(rt, "step"), e.ID)
			b.clock.move(3 * time.Hour)
		}
		states := b.states(e.ID)
		for _, id := range ids {
			if states[id] == hook.Done && !taken[id] {
				rt.Errorf("event %s is done and was not taken", id)
			}
			if states[id] != hook.Done && states[id] != hook.Due {
				rt.Errorf("event %s is %s", id, states[id])
			}
			if states[id] == hook.Due && b.get(e.ID).Due == 0 {
				rt.Errorf("event %s waits and nobody sees it", id)
			}
		}
		b.receiver.script(nil)
		b.finish(e.ID)
		for id, state := range b.states(e.ID) {
			if state != hook.Done {
				rt.Errorf("event %s is %s with a receiver that takes everything", id, state)
			}
		}
		inOrder(rt, b.receiver.all()[from:])
		if err := b.Delete(b.tb.Context(), source, e.ID); err != nil {
			rt.Fatal(err)
		}
	})
}

// step does one thing of many.
func (b *bench) step(second *hook.Hook, what, endpoint string) {
	b.tb.Helper()
	switch what {
	case "round":
		b.rounds()
	case "two":
		var wg sync.WaitGroup
		wg.Go(func() { b.rounds() })
		wg.Go(func() {
			if _, err := second.Deliver(b.tb.Context()); err != nil {
				b.tb.Error(err)
			}
		})
		wg.Wait()
	case "pause":
		if _, err := b.Pause(b.tb.Context(), source, endpoint, "a rest"); err != nil {
			b.tb.Fatal(err)
		}
		b.rounds()
		if _, err := b.Resume(b.tb.Context(), source, endpoint); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// finish lets time pass until nothing is due.
func (b *bench) finish(endpoint string) {
	b.tb.Helper()
	for range 40 {
		b.rounds()
		if b.get(endpoint).Due == 0 {
			return
		}
		b.clock.move(time.Hour)
	}
}
