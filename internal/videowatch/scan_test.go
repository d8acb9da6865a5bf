package videowatch_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

const room = "4711"

var anna = trueconftest.Person{ID: "anna@srv.example", Name: "Anna", Role: 2}

// left puts a conference that its owner was left alone in.
func (w *world) left(more ...trueconftest.Person) trueconftest.Conference {
	return w.tc.Put(trueconftest.Conference{
		ID: room, Topic: "Standup", Owner: "anna", Running: true, Started: time.Now().Add(-2 * time.Hour), People: append([]trueconftest.Person{anna}, more...),
	})
}

// pass lets time go by for what is kept of sessions, in which it was looked at them as usual.
func (w *world) pass(t *testing.T, d time.Duration) {
	t.Helper()
	w.exec(t, `update watch_session set made_at = made_at - $1::interval, since = since - $1::interval, told_at = told_at - $1::interval, snoozed_until = snoozed_until - $1::interval`, d)
}

func (w *world) running(session string) bool {
	c, _ := w.tc.Conference(room)
	return c.Running && c.Session == session
}

func (w *world) runs(t *testing.T, session string) {
	t.Helper()
	if !w.running(session) {
		t.Errorf("session %s does not run", session)
	}
}

func (w *world) ended(t *testing.T, session string) {
	t.Helper()
	if w.running(session) {
		t.Errorf("session %s runs", session)
	}
}

func stopping(after time.Duration) func(*videowatch.Server) {
	return func(s *videowatch.Server) { s.Scan.StopAfter = after }
}

func TestAForgottenConferenceIsToldOfOnceASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.tc.Put(trueconftest.Conference{ID: "young", Owner: "boris", Running: true, Started: time.Now().Add(-50 * time.Minute)})
	w.tc.Put(trueconftest.Conference{ID: "led", Owner: "boris", Running: true, Started: time.Now().Add(-3 * time.Hour), People: []trueconftest.Person{anna, {ID: "clara@srv.example"}}})
	w.left()
	w.scan(t)
	all := w.hears(t, "forgotten info "+both)
	b := all[0].Body
	if b.Data["Topic"] != "Standup" || b.Data["Owner"] == "" || b.Data["People"] != "1" || b.Data["Server"] != office || b.Words["Why"] != "watch.why.alone" ||
		b.Spans["Age"].Round(time.Minute) != 2*time.Hour {
		t.Errorf("told %+v", b)
	}
	w.watch = w.replica(ledgertest.On(t, w.OwnerURL, w.AppURL))
	w.scan(t)
	w.tc.Leave(room, anna.ID)
	w.scan(t)
	w.hears(t, "")
	w.tc.Stop(room)
	w.scan(t)
	w.tc.Start(room)
	w.scan(t)
	w.hears(t, "") // a session of its own, and a young one
	w.left()
	w.scan(t)
	w.hears(t, "forgotten info "+both)
}

// A server may list a session twice, under two rooms: it is one all the same.
func TestASessionThatIsListedTwiceIsToldOfOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(time.Minute))
	for _, id := range []string{room, "twin"} {
		w.tc.Put(trueconftest.Conference{
			ID: id, Session: "0000002a@srv.example#vcs", Topic: "Standup", Owner: "anna", Running: true, Started: time.Now().Add(-2 * time.Hour), People: []trueconftest.Person{anna},
		})
	}
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, time.Hour)
	w.scan(t)
	w.hears(t, "stopped info "+both)
	if n := w.tc.Count(trueconftest.Stop); n != 1 {
		t.Errorf("told to stop %d times", n)
	}
}

func TestWhatIsNotKnownIsNotToldOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(time.Minute))
	c := w.left()
	w.tc.Break(trueconftest.Participants, always(trueconftest.Trouble5))
	w.scan(t)
	w.hears(t, "")
	w.tc.Mend()
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, time.Hour)
	w.tc.Break(trueconftest.Participants, always(trueconftest.Trouble5))
	w.scan(t) // what is not known now is not stopped, however long it was forgotten
	w.tc.Mend()
	w.scan(t) // and its time begins anew
	w.hears(t, "")
	w.runs(t, c.Session)
}

func TestAListThatCannotBeReadSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.left()
	w.scan(t)
	w.hears(t, "forgotten info "+both)
	w.tc.Break(trueconftest.List, always(trueconftest.Trouble5))
	w.tc.Break(trueconftest.Calls, always(trueconftest.Trouble5))
	w.due(t)
	if _, err := w.watch.ScanOnce(t.Context(), w.at); err == nil {
		t.Error("nothing was wrong")
	}
	if over := w.kept(t, "select coalesce(over_at::text, 'not over') from watch_session"); over != "not over" {
		t.Errorf("over %s", over)
	}
	w.tc.Mend()
	w.scan(t)
	w.hears(t, "")
}

func TestWhatIsSnoozedIsToldOfAgainAndWhatIsIgnoredIsNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, stopping(30*time.Minute))
	c := w.left()
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	must(t, w.watch.Store.Snooze(t.Context(), videowatch.Word{Server: office, Session: c.Session, By: w.who["ada"].ID}, time.Hour))
	w.pass(t, 59*time.Minute)
	w.scan(t)
	w.hears(t, "")
	w.pass(t, 2*time.Minute)
	w.scan(t)
	w.hears(t, "forgotten_stop info "+both)
	w.pass(t, 29*time.Minute)
	w.scan(t)
	w.runs(t, c.Session) // since the second time
	must(t, w.watch.Store.Ignore(t.Context(), videowatch.Word{Server: office, Session: c.Session, By: w.who["oleg"].ID}))
	w.pass(t, 24*time.Hour)
	w.scan(t)
	w.hears(t, "")
	w.runs(t, c.Session)

	before := w.tc.Put(trueconftest.Conference{ID: "other", Owner: "boris", Running: true, Started: time.Now().Add(-2 * time.Hour)})
	must(t, w.watch.Store.Ignore(t.Context(), videowatch.Word{Server: office, Session: before.Session, By: w.who["oleg"].ID})) // from a screen, before any alert
	w.scan(t)
	w.hears(t, "")
}

// Everybody gets buttons of his own, made in the transaction of the alert.
func TestEverybodyGetsHisOwnButtons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	c := w.left()
	w.watch.Buttons = func(ctx context.Context, tx videowatch.Tx, person people.ID, server string, of trueconf.Conference) ([][]notice.Button, error) {
		if server != office || of.Session != c.Session || of.ID != room {
			t.Errorf("buttons for %q of %q", of.Session, server)
		}
		var there bool
		err := tx.QueryRow(ctx, "select exists (select from watch_session where session = $1)", of.Session).Scan(&there)
		if !there {
			t.Error("the buttons are not made with the alert")
		}
		return [][]notice.Button{{{Text: "Stop", Data: "v:" + string(person)[4:20]}}}, err
	}
	w.scan(t)
	all := w.notices(t)
	slices.SortFunc(all, func(a, b told) int { return strings.Compare(a.To[0], b.To[0]) })
	if lines(all) != "forgotten info ada; forgotten info oleg" {
		t.Fatalf("told %q", lines(all))
	}
	for _, n := range all {
		if data := n.Body.Buttons[0][0].Data; data != "v:"+string(w.who[n.To[0]].ID)[4:20] {
			t.Errorf("%s has %q", n.To[0], data)
		}
	}
}

// A call without a room cannot be stopped through the API, and a server may tell anything.
func TestOddConferencesAreToldOfInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{Oldest: "v3.3", Version: "5.3.0.1"}, stopping(15*time.Minute))
	w.tc.Put(trueconftest.Conference{
		Topic: "<b>a</b>\u202e\n🟢 all is well" + strings.Repeat("x", 300), Running: true, Started: time.Now().Add(-2 * time.Hour), Owner: "anna",
	})
	w.scan(t)
	b := w.hears(t, "forgotten_stop info "+both)[0].Body
	if topic := b.Data["Topic"]; !strings.HasPrefix(topic, "<b>a</b> 🟢 all is well") || len([]rune(topic)) > 240 || strings.Contains(topic, "\n") {
		t.Errorf("topic %q", topic)
	}
	w.pass(t, time.Hour)
	w.scan(t)
	if all := w.hears(t, "stop_failed info "+both); all[0].Body.Words["Why"] != "watch.fault.not_supported" {
		t.Errorf("told %+v", all[0].Body)
	}
	w.tc.Put(trueconftest.Conference{ID: "void", Running: true, Started: time.Now().Add(-2 * time.Hour)})
	w.scan(t)
	if b := w.hears(t, "forgotten_stop info "+both)[0].Body; b.Words["Topic"] != "watch.untitled" {
		t.Errorf("told %+v", b)
	}
}

func TestWhatIsOverIsKeptForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.left()
	w.scan(t)
	for want := range int64(2) {
		if want > 0 {
			w.tc.Stop(room)
			w.scan(t)
		}
		w.exec(t, "update watch_session set made_at = made_at - interval '100 days', over_at = over_at - interval '100 days'")
		if n, err := w.watch.Store.Purge(t.Context(), 90*24*time.Hour); err != nil || n != want {
			t.Errorf("%d went, want %d, %v", n, want, err)
		}
	}
}

// Whoever looks after the servers may come later than the first look: he is told then.
func TestAConferenceIsToldOfOnceThereIsSomebodyToTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	all := []directory.User{user("ada", 1, "treasurer"), user("oleg", 2, "treasurer"), user("vera", 3, "treasurer")}
	_, err := w.Directory.Import(t.Context(), "test", all, directory.Apply)
	must(t, err)
	w.left()
	w.scan(t)
	w.hears(t, "")
	w.Import(t, user("ada", 1, "video_administrator"))
	w.scan(t)
	w.hears(t, "forgotten info ada")
	w.scan(t)
	w.hears(t, "")
	w.Import(t, all[0])
	_, _, err = w.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "office", TelegramID: -100_1, Title: "Office", Fallback: true})
	must(t, err)
	w.tc.Stop(room)
	w.tc.Start(room)
	w.left()
	w.scan(t)
	w.hears(t, "forgotten info administrators")
}
