package videowatch_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

func TestWhatStaysForgottenIsStoppedAfterAWarningAndThatIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	must(t, w.watch.Store.Want(t.Context(), w.who["vera"].ID, office, videowatch.Wants{Alerts: true})) // not this
	c := w.left()
	w.scan(t)
	if all := w.hears(t, "forgotten_stop info "+both); all[0].Body.Spans["After"] != 15*time.Minute {
		t.Errorf("told %+v", all[0].Body)
	}
	w.pass(t, 14*time.Minute)
	w.scan(t)
	w.runs(t, c.Session)
	w.pass(t, 2*time.Minute)
	must(t, w.watch.Store.Want(t.Context(), w.who["oleg"].ID, office, videowatch.Wants{})) // he has heard enough
	w.scan(t)
	w.ended(t, c.Session)
	if all := w.hears(t, "stopped info ada"); all[0].Body.Data["Topic"] != "Standup" {
		t.Errorf("told %+v", all[0].Body)
	}
	w.scan(t)
	w.hears(t, "")
	if n := w.tc.Count(trueconftest.Stop); n != 1 {
		t.Errorf("asked to stop %d times", n)
	}
	if err := w.watch.Store.Snooze(t.Context(), videowatch.Word{Server: office, Session: c.Session, By: w.who["ada"].ID}, time.Hour); !errors.Is(err, videowatch.ErrOver) {
		t.Errorf("a snooze that came too late gave %v", err)
	}
}

// Somebody who comes in, also while the conference is being stopped, keeps it.
func TestWhoComesInKeepsTheConference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	clara := trueconftest.Person{ID: "clara@srv.example"}
	c := w.left()
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, time.Hour)
	w.tc.Break(trueconftest.Participants, trueconftest.Trouble{After: 2, Times: 1, Do: func() { w.tc.Enter(room, clara) }}) // after the list, which counts people, and the first judgement
	w.scan(t)
	w.hears(t, "")
	w.runs(t, c.Session)
	w.scan(t)
	w.tc.Leave(room, clara.ID)
	w.scan(t)
	w.hears(t, "") // one alert a session
	w.exec(t, "update watch_session set told_at = told_at - interval '1 day'")
	w.scan(t)
	w.runs(t, c.Session) // the time began anew when she left
	w.pass(t, 16*time.Minute)
	w.scan(t)
	w.hears(t, "stopped info "+both)
	w.ended(t, c.Session)
}

// After hours in which nobody looked, what was forgotten before may have been used since.
func TestAGapInTheLookingBeginsTheTimeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	c := w.left()
	w.scan(t)
	w.pass(t, 3*time.Hour)
	w.exec(t, "update watch_session set seen_at = seen_at - interval '3 hours'")
	w.scan(t)
	w.runs(t, c.Session)
}

func TestAStopThatRacesARestartOfTheConferenceStopsNoOtherSession(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		endpoint trueconftest.Endpoint
		after    int
	}{"while it is judged again": {trueconftest.Participants, 2}, "right before the request": {trueconftest.One, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
			old := w.left()
			w.scan(t)
			w.hears(t, "forgotten_stop info "+both)
			w.pass(t, time.Hour)
			var now trueconftest.Conference
			var once sync.Once
			w.tc.Break(at.endpoint, trueconftest.Trouble{After: at.after, Do: func() { once.Do(func() { now = w.tc.Start(room) }) }})
			w.scan(t)
			w.scan(t)
			w.runs(t, now.Session)
			if now.Session == "" || now.Session == old.Session {
				t.Fatalf("nothing raced: %q after %q", now.Session, old.Session)
			}
			if all := lines(w.notices(t)); all != "stop_over info "+both && all != "" {
				t.Errorf("told %q", all)
			}
			if n := w.tc.Count(trueconftest.Stop); n != 0 {
				t.Errorf("asked to stop %d times", n)
			}
		})
	}
}

// Whoever takes care of a conference in the moment in which it is judged is heard.
func TestASnoozeThatRacesTheStopKeepsTheConference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	c := w.left()
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, time.Hour)
	snooze := func() error {
		return w.watch.Store.Snooze(t.Context(), videowatch.Word{Server: office, Session: c.Session, By: w.who["ada"].ID}, time.Hour)
	}
	w.tc.Break(trueconftest.Participants, trueconftest.Trouble{Times: 1, Do: func() { must(t, snooze()) }})
	w.scan(t)
	w.hears(t, "")
	w.runs(t, c.Session)
	w.pass(t, 2*time.Hour)
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, time.Hour)
	var late error
	w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Times: 1, Do: func() { late = snooze() }})
	w.scan(t)
	if !errors.Is(late, videowatch.ErrStopping) {
		t.Errorf("a snooze during the stop gave %v", late)
	}
	w.hears(t, "stopped info "+both)
}

// Whoever dies between a stop and its note leaves it to the next, who finds out what became
// of it, and touches no other session.
func TestAStopThatWasCutOffIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	// what this replica finds from then on is not kept
	lose := func(t *testing.T, w *world) func() {
		t.Helper()
		return func() { w.exec(t, "update watch_turn set no = no + 1") }
	}
	prepared := func(t *testing.T) (*world, trueconftest.Conference) {
		t.Helper()
		w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
		c := w.left()
		w.scan(t)
		w.hears(t, "forgotten_stop info "+both)
		w.pass(t, time.Hour)
		return w, c
	}
	cutOff := func(t *testing.T, w *world) {
		t.Helper()
		w.due(t)
		if _, err := w.watch.ScanOnce(t.Context(), w.at); err == nil {
			t.Fatal("nothing was cut off")
		}
		w.hears(t, "")
		if is := w.kept(t, "select outcome || attempts || (stop_at is not null) from watch_session"); is != "1true" {
			t.Fatalf("kept %s", is)
		}
		w.tc.Mend()
	}
	t.Run("after it was done", func(t *testing.T) {
		t.Parallel()
		w, _ := prepared(t)
		w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Times: 1, Do: lose(t, w)})
		cutOff(t, w)
		w.scan(t)
		w.hears(t, "stop_over info "+both)
		w.scan(t)
		w.hears(t, "")
	})
	t.Run("before it was asked for", func(t *testing.T) {
		t.Parallel()
		w, c := prepared(t)
		w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5, Do: lose(t, w)})
		cutOff(t, w)
		w.runs(t, c.Session)
		w.scan(t)
		w.hears(t, "stopped info "+both)
		w.ended(t, c.Session)
	})
	t.Run("and somebody came in since", func(t *testing.T) {
		t.Parallel()
		w, c := prepared(t)
		w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5, Do: lose(t, w)})
		cutOff(t, w)
		w.tc.Enter(room, trueconftest.Person{ID: "clara@srv.example"})
		w.scan(t)
		w.hears(t, "")
		w.runs(t, c.Session)
		must(t, w.watch.Store.Snooze(t.Context(), videowatch.Word{Server: office, Session: c.Session, By: w.who["ada"].ID}, time.Hour)) // it was called off
	})
	t.Run("and it is not told which session runs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, trueconftest.Options{Version: "5.4.0.1"}, stopping(15*time.Minute))
		c := w.left()
		w.scan(t)
		w.hears(t, "forgotten_stop info "+both)
		w.pass(t, time.Hour)
		w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5, Do: lose(t, w)})
		cutOff(t, w)
		w.tc.Break(trueconftest.One, trueconftest.Trouble{Do: func() { w.tc.Put(c) }})
		w.tc.Break(trueconftest.Calls, trueconftest.Trouble{Do: func() { w.tc.Stop(room) }})
		w.scan(t)
		w.hears(t, "")
	})
	t.Run("and the room runs anew", func(t *testing.T) {
		t.Parallel()
		w, _ := prepared(t)
		w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Times: 1, Do: lose(t, w)})
		cutOff(t, w)
		now := w.left()
		w.scan(t)
		w.hears(t, "forgotten_stop info "+both+"; stop_over info "+both)
		w.runs(t, now.Session)
	})
}

func TestAStopThatCannotBeIsToldOfAndNotTriedForEver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault trueconftest.Fault
		why   string
		tries int
	}{"a right is missing": {trueconftest.Forbidden, "watch.fault.right", 1}, "the server is ill": {trueconftest.Trouble5, "watch.fault.other", 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
			left := w.left()
			w.scan(t)
			w.hears(t, "forgotten_stop info "+both)
			w.pass(t, time.Hour)
			w.tc.Break(trueconftest.Stop, always(c.fault))
			var all []told
			for range 6 {
				w.scan(t)
				all = append(all, w.notices(t)...)
			}
			if lines(all) != "stop_failed info "+both || all[0].Body.Words["Why"] != c.why || (all[0].Body.Data["Right"] != "") != (c.tries == 1) {
				t.Errorf("told %+v", all)
			}
			if n := w.tc.Count(trueconftest.Stop); n != c.tries {
				t.Errorf("tried %d times", n)
			}
			w.runs(t, left.Session)
		})
	}
}

func TestADryRunStopsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, func(s *videowatch.Server) { s.Scan.StopAfter, s.Scan.DryRun = 15*time.Minute, true })
	c := w.left()
	w.scan(t)
	w.hears(t, "forgotten info "+both)
	w.pass(t, time.Hour)
	w.scan(t)
	w.scan(t)
	w.hears(t, "rehearsed info "+both)
	w.runs(t, c.Session)
	if n := w.tc.Count(trueconftest.Stop); n != 0 {
		t.Errorf("asked to stop %d times", n)
	}
}

func TestTwoReplicasTellOnceAndStopOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	w.left()
	other := w.replica(ledgertest.On(t, w.OwnerURL, w.AppURL))
	together := func() {
		w.due(t)
		var all sync.WaitGroup
		for _, watch := range []*videowatch.Watch{w.watch, other, w.watch, other} {
			all.Go(func() {
				if _, err := watch.ScanOnce(t.Context(), w.at); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	together()
	together()
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, time.Hour)
	together()
	together()
	w.hears(t, "stopped info "+both)
	if n := w.tc.Count(trueconftest.Stop); n != 1 {
		t.Errorf("asked to stop %d times", n)
	}
}
