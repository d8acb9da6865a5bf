package videowatch_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/videowatch"
)

// Whatever happens: a session is stopped only after people were told, when it was forgotten
// at each look since for long enough, with no gap between them, and while nobody wants it
// kept.
func TestASessionIsStoppedOnlyWhenItStayedForgottenSincePeopleWereTold(t *testing.T) {
	t.Parallel()
	stopped := 0
	rapid.Check(t, func(t *rapid.T) {
		how := videowatch.Scan{Every: time.Minute, StopAfter: 10 * time.Minute}
		at := noon()
		var all []videowatch.Moment
		for range rapid.IntRange(15, 40).Draw(t, "looks") {
			step := time.Minute
			if rapid.IntRange(0, 19).Draw(t, "late") == 19 {
				step = 20 * time.Minute
			}
			at = at.Add(step)
			m := videowatch.Moment{At: at, Verdict: videowatch.Verdict{Forgotten: true, Why: videowatch.Empty}}
			switch rapid.IntRange(0, 29).Draw(t, "what") {
			case 26:
				m.Verdict = videowatch.Verdict{}
			case 27:
				m.Verdict = videowatch.Verdict{Unknown: true}
			case 28:
				m.Snooze = 5 * time.Minute
			case 29:
				m.Ignore = true
			}
			all = append(all, m)
		}
		stops, tells := how.Stops(all)
		if len(stops) > 3 {
			t.Errorf("stopped %d times", len(stops))
		}
		for _, i := range stops {
			stopped++
			justified(t, all, i, tells)
		}
	})
	if stopped == 0 {
		t.Error("nothing was ever stopped: the property says nothing")
	}
}

// justified walks back from a stop.
func justified(t *rapid.T, all []videowatch.Moment, i int, tells []int) {
	now := all[i].At
	warned := false
	for _, n := range tells {
		warned = warned || n < i && now.Sub(all[n].At) >= 10*time.Minute
		if n < i && now.Sub(all[n].At) < 10*time.Minute {
			t.Errorf("stopped at %d, told at %d", i, n)
		}
	}
	if !warned {
		t.Errorf("stopped at %d, and nobody was told", i)
	}
	for n := i; n >= 0 && now.Sub(all[n].At) < 10*time.Minute; n-- {
		if !all[n].Verdict.Forgotten {
			t.Errorf("stopped at %d, and at %d it was not forgotten", i, n)
		}
		if n > 0 && all[n].At.Sub(all[n-1].At) > 5*time.Minute {
			t.Errorf("stopped at %d, and nobody had looked before %d", i, n)
		}
	}
	for n := range i + 1 {
		if all[n].Ignore {
			t.Errorf("stopped at %d, and it was to be ignored", i)
		}
		if s := all[n].Snooze; s > 0 && now.Before(all[n].At.Add(s)) {
			t.Errorf("stopped at %d, and it was put off", i)
		}
	}
}
