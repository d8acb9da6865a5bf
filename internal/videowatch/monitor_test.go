package videowatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

const both = "ada,oleg" // those who are told when nobody chose anything

func TestAServerThatGoesDownIsToldOfOnceAndSoIsItsReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 3)
	w.hears(t, "")
	w.tc.Break(trueconftest.About, always(trueconftest.Gateway))
	w.tc.Break(trueconftest.Engine, always(trueconftest.Gateway))
	w.check(t, 1)
	w.hears(t, "") // one look is not enough
	w.check(t, 1)
	all := w.hears(t, "down.server alarm "+both)
	if b := all[0].Body; b.Data["Server"] != office || b.Words["Why"] != "watch.fault.other" {
		t.Errorf("told %+v", b)
	}
	w.check(t, 5)
	w.hears(t, "")
	w.exec(t, "update watch_part set since = since - interval '12 minutes'")
	w.tc.Mend()
	w.check(t, 1)
	w.hears(t, "")
	w.check(t, 1)
	all = w.hears(t, "up.server info "+both)
	if away := all[0].Body.Spans["Away"].Round(time.Minute); away != 12*time.Minute {
		t.Errorf("away for %s", away)
	}
	w.check(t, 5)
	w.hears(t, "")
}

func TestAServerThatIsDownAtTheStartIsToldOfOnceWhateverIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.tc.CloseEngine()
	w.check(t, 1)
	w.watch = w.replica(ledgertest.On(t, w.OwnerURL, w.AppURL)) // a restart between two looks
	w.check(t, 1)
	if all := w.hears(t, "down.engine alarm "+both); all[0].Body.Words["Why"] != "watch.fault.unreachable" {
		t.Errorf("told %+v", all[0].Body)
	}
	w.watch = w.replica(ledgertest.On(t, w.OwnerURL, w.AppURL))
	w.check(t, 5)
	w.hears(t, "")
	s, err := w.watch.Store.Standing(t.Context(), office)
	must(t, err)
	engine := s.Parts[videowatch.Engine]
	if engine.State != videowatch.Down || engine.Fault != "unreachable" || engine.Since.IsZero() || s.Parts[videowatch.Web].State != videowatch.Well || s.Version == "" || s.Checked.IsZero() {
		t.Errorf("stands %+v", s)
	}
	if s, err := w.watch.Store.Standing(t.Context(), "Lab"); err != nil || !s.Checked.IsZero() || len(s.Parts) != 0 {
		t.Errorf("a server that nobody looked at stands %+v, %v", s, err)
	}
}

func TestEachPartIsToldOfByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 2)
	w.tc.Client("another", "secret")
	w.tc.Revoke()
	w.check(t, 2)
	if all := w.hears(t, "down.login alarm "+both); all[0].Body.Words["Why"] != "watch.fault.credentials" {
		t.Errorf("told %+v", all[0].Body)
	}
	w.tc.Break(trueconftest.About, always(trueconftest.Gateway))
	w.check(t, 2) // nothing can be said of the login now
	w.hears(t, "down.web alarm "+both)
	w.tc.Client(trueconftest.ClientID, trueconftest.ClientSecret)
	w.tc.Mend()
	w.check(t, 2)
	w.hears(t, "up.web info "+both+"; up.login info "+both)
}

func TestWhatFlapsIsToldOfOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 2)
	for range 10 {
		w.tc.Break(trueconftest.Engine, always(trueconftest.Trouble5))
		w.check(t, 1)
		w.tc.Mend()
		w.check(t, 1)
	}
	w.hears(t, "down.engine alarm "+both)
	w.check(t, 1)
	w.hears(t, "up.engine info "+both)
}

func TestACertificateIsToldOfBeforeItExpiresAndWhenItHas(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(5 * 24 * time.Hour).Truncate(time.Second)
	w := newWorld(t, trueconftest.Options{TLS: true, Until: until})
	w.check(t, 4)
	all := w.hears(t, "certificate_soon info "+both)
	if got := all[0].Body.Times["Until"]; !got.Equal(until) {
		t.Errorf("until %s", got)
	}
	w.watch.Now = func() time.Time { return until }
	w.check(t, 4)
	w.hears(t, "certificate_expired alarm "+both)
	w.watch.Now = func() time.Time { return until.AddDate(-1, 0, 0) } // as if it had been renewed
	w.check(t, 4)
	w.hears(t, "certificate_well info "+both)
}

func TestAnotherVersionIsToldOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 3)
	w.hears(t, "") // the first is no news
	w.exec(t, "update watch_server set version = '5.4.9.1'")
	w.check(t, 1)
	w.hears(t, "")
	w.check(t, 3)
	if all := w.hears(t, "version info "+both); all[0].Body.Data["Old"] != "5.4.9.1" || all[0].Body.Data["New"] != "5.5.1.10009" {
		t.Errorf("told %+v", all[0].Body)
	}
}

// Of two replicas one looks, and what both would tell is told once.
func TestTwoReplicasLookInTurnsAndTellOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 2)
	w.tc.CloseEngine()
	other := w.replica(ledgertest.On(t, w.OwnerURL, w.AppURL))
	for range 4 {
		w.due(t)
		looked := w.tc.Count(trueconftest.About)
		var all sync.WaitGroup
		for _, watch := range []*videowatch.Watch{w.watch, other, w.watch, other} {
			all.Go(func() {
				if _, err := watch.CheckOnce(t.Context(), w.at); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := w.tc.Count(trueconftest.About) - looked; n != 1 {
			t.Errorf("looked %d times in one turn", n)
		}
	}
	w.hears(t, "down.engine alarm "+both)
}

// A replica that was too slow finds that another has looked meanwhile: what it found is old.
func TestAReplicaThatLostItsTurnChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 2)
	w.tc.Break(trueconftest.Engine, trueconftest.Trouble{Fault: trueconftest.Trouble5, Times: 1, Do: func() {
		w.due(t)
		_, err := w.replica(w.Bench).CheckOnce(t.Context(), w.at)
		must(t, err)
	}})
	w.due(t)
	if _, err := w.watch.CheckOnce(t.Context(), w.at); err == nil {
		t.Error("what a slow replica found was kept")
	}
	if seen := w.kept(t, "select seen from watch_part where part = 'engine'"); seen != "w" && seen != "ww" {
		t.Errorf("seen %q", seen)
	}
}

// A process that ends in the middle of a look has not seen that the server is down, and the
// next one looks as soon as the turn is over.
func TestALookThatIsCutOffIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 2)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		w.tc.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.Hang, Times: 1, Do: cancel})
		w.due(t)
		if _, err := w.watch.CheckOnce(ctx, w.at); !errors.Is(err, context.Canceled) {
			t.Errorf("a look that was cut off gave %v", err)
		}
		cancel()
	}
	w.hears(t, "")
	if wait, err := w.watch.CheckOnce(t.Context(), w.at); err != nil || wait <= 0 {
		t.Errorf("the turn of who died was taken at once: %s, %v", wait, err)
	}
	w.check(t, 2)
	w.hears(t, "")
}

// What changes and what people are told of it are one commit: without the one there is not
// the other.
func TestNewsThatCannotBeToldAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{})
	w.check(t, 2)
	w.tc.CloseEngine()
	w.check(t, 1)
	owner := ledgertest.On(t, w.OwnerURL, w.OwnerURL)
	_, err := owner.Pool.Exec(t.Context(), "alter table notice add constraint no_more check (false) not valid")
	must(t, err)
	w.due(t)
	if _, err := w.watch.CheckOnce(t.Context(), w.at); err == nil {
		t.Error("nobody could be told, and nothing was wrong")
	}
	if state := w.kept(t, "select state from watch_part where part = 'engine'"); state != "well" {
		t.Errorf("the engine is kept as %q, and nobody was told", state)
	}
	_, err = owner.Pool.Exec(t.Context(), "alter table notice drop constraint no_more")
	must(t, err)
	w.check(t, 1)
	w.hears(t, "down.engine alarm "+both)
}

func TestWhoIsToldIsWhoMayAndWantsTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{}, func(s *videowatch.Server) { s.Check = videowatch.Check{Every: time.Second, Needed: 1, Of: 1} })
	down := func() string {
		w.tc.Break(trueconftest.Engine, always(trueconftest.Gateway))
		w.check(t, 1)
		all := lines(w.notices(t))
		w.tc.Mend()
		w.check(t, 1)
		w.notices(t)
		return all
	}
	want := func(who string, wants videowatch.Wants) {
		must(t, w.watch.Store.Want(t.Context(), w.who[who].ID, office, wants))
	}
	is := func(who string, want videowatch.Wants) {
		t.Helper()
		if got, err := w.watch.Store.Wants(t.Context(), w.who[who], office); err != nil || got != want {
			t.Errorf("%s wants %+v, %v", who, got, err)
		}
	}
	expect := func(when, want string) {
		t.Helper()
		if got := down(); got != want {
			t.Errorf("%s: told %q, want %q", when, got, want)
		}
	}
	is("ada", videowatch.Wants{Alerts: true, Forgotten: true})
	is("vera", videowatch.Wants{})
	is("otto", videowatch.Wants{})
	expect("nobody chose", "down.engine alarm ada,oleg")
	want("ada", videowatch.Wants{Forgotten: true})
	want("vera", videowatch.Wants{Alerts: true})
	want("tom", videowatch.Wants{Alerts: true}) // has no right to it
	is("ada", videowatch.Wants{Forgotten: true})
	is("vera", videowatch.Wants{Alerts: true})
	is("tom", videowatch.Wants{})
	expect("ada muted it, vera asked for it", "down.engine alarm oleg,vera")
	want("vera", videowatch.Wants{})
	want("oleg", videowatch.Wants{})
	expect("everybody muted it", "")
	want("oleg", videowatch.Wants{Alerts: true})
	w.Import(t, user("oleg", 2, "treasurer"))
	expect("the right was taken away", "")
	_, err := w.Directory.Import(t.Context(), "test", []directory.User{user("ada", 1, "treasurer"), user("vera", 3, "treasurer")}, directory.Apply)
	must(t, err)
	expect("nobody looks after it", "down.engine alarm administrators")
}

// A server's name may be anything, and so may its version.
func TestHostileNamesArePutInTheirPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trueconftest.Options{Version: "5.5\u202e1<b>.1.1"}, func(s *videowatch.Server) { s.Check.Needed, s.Check.Of = 1, 1 })
	w.check(t, 1)
	w.exec(t, "update watch_server set version = '1'")
	w.check(t, 1)
	for _, n := range w.notices(t) {
		if s := fmt.Sprint(n.Body.Data); s != "map[New:5.51<b>.1.1 Old:1 Server:Head office]" {
			t.Errorf("told %q", s)
		}
	}
}
