package videowatch_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/deed"
	"countersign/internal/trueconf/trueconftest"
)

// recorded are the deeds of the gateway's own, the oldest first.
func (w *world) recorded(t *testing.T) string {
	t.Helper()
	all, _, err := (&deed.Store{Pool: w.Pool}).Find(t.Context(), deed.Query{Server: office, Limit: 50})
	must(t, err)
	var out []string
	for _, d := range all {
		if d.By != (deed.By{}) || d.Topic != "Standup" || d.Owner != "anna" || d.Conference != room {
			t.Errorf("on record is %+v", d)
		}
		out = append([]string{strings.TrimSpace(d.What + " " + d.Outcome)}, out...)
	}
	return strings.Join(out, ", ")
}

// Each attempt of the gateway's own at a stop stays on record with its end, whoever finds it
// out, also when the session itself is kept no longer.
func TestEachStopByTheRuleIsOnRecordForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	expect := func(what, want string) {
		t.Helper()
		if got := w.recorded(t); got != want {
			t.Errorf("%s: on record is %q, want %q", what, got, want)
		}
	}
	w.left()
	w.scan(t)
	w.pass(t, time.Hour)
	expect("before anything", "")

	clara := trueconftest.Person{ID: "clara@srv.example"}
	w.tc.Break(trueconftest.Participants, trueconftest.Trouble{After: 2, Times: 1, Do: func() { w.tc.Enter(room, clara) }})
	w.scan(t)
	expect("somebody came in", "stop called_off")
	w.tc.Leave(room, clara.ID)
	w.scan(t)
	w.pass(t, time.Hour)

	w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5, Times: 1})
	w.scan(t)
	expect("an answer that says nothing", "stop called_off, stop unclear")

	w.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5, Do: func() { w.exec(t, "update watch_turn set no = no + 1") }})
	w.due(t)
	if _, err := w.watch.ScanOnce(t.Context(), w.at); err == nil {
		t.Fatal("nothing was cut off")
	}
	w.tc.Mend()
	expect("under way, and cut off", "stop called_off, stop unclear, stop")
	w.scan(t)
	expect("at last", "stop called_off, stop unclear, stop failed, stop done")

	w.exec(t, "update watch_session set made_at = made_at - interval '100 days', over_at = over_at - interval '100 days'")
	if n, err := w.watch.Store.Purge(t.Context(), 90*24*time.Hour); err != nil || n != 1 {
		t.Errorf("%d sessions went, %v", n, err)
	}
	expect("when the session is kept no longer", "stop called_off, stop unclear, stop failed, stop done")
}

// A server that left the settings is looked at by nobody: what it ran then goes in its time.
func TestSessionsOfAServerThatIsNobodysGoInTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.left()
	w.scan(t)
	const keep = 90 * 24 * time.Hour
	w.exec(t, "update watch_session set made_at = made_at - interval '100 days'")
	if n, err := w.watch.Store.Purge(t.Context(), keep); err != nil || n != 0 {
		t.Errorf("%d went of a server that is looked at, %v", n, err)
	}
	w.exec(t, "update watch_turn set begun_at = begun_at - interval '100 days'")
	if n, err := w.watch.Store.Purge(t.Context(), keep); err != nil || n != 1 {
		t.Errorf("%d went, %v", n, err)
	}
}

// What cannot be put on record is not done.
func TestAStopThatCannotBeRecordedIsNotTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(15*time.Minute))
	c := w.left()
	w.scan(t)
	w.pass(t, time.Hour)
	w.owner(t, "alter table video_deed add constraint no_more check (false) not valid")
	w.due(t)
	if _, err := w.watch.ScanOnce(t.Context(), w.at); err == nil || w.tc.Count(trueconftest.Stop) != 0 {
		t.Errorf("%v, asked to stop %d times", err, w.tc.Count(trueconftest.Stop))
	}
	w.runs(t, c.Session)
	w.owner(t, "alter table video_deed drop constraint no_more")
	w.scan(t)
	w.ended(t, c.Session)
}
