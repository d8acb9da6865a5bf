package link_test

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestPersonUnlinksHisOwnTelegram(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	ask := w.desk.Unlink(w.user(t, annasPhone))
	if !strings.Contains(ask.Text, "Disconnect Anna Smith") {
		t.Errorf("%+v", ask)
	}
	if s := w.tap(t, annasPhone, ask, 1); s.Text != "Nothing was changed." || len(w.links(t)) != 1 {
		t.Errorf("canceled: %+v, %v", s, w.links(t))
	}
	if s := w.tap(t, annasPhone, ask, 0); s.Text != "Disconnected." || len(w.links(t)) != 0 {
		t.Errorf("%+v, %v", s, w.links(t))
	}
	if s := w.tap(t, annasPhone, ask, 0); !strings.Contains(s.Text, "not connected") {
		t.Errorf("again: %+v", s)
	}
	if s := w.desk.Unlink(w.user(t, annasPhone)); !strings.Contains(s.Text, "/login") || len(s.Buttons) != 0 {
		t.Errorf("of nobody: %+v", s)
	}
	if n := len(w.redrawn); n != 2 { // linked, unlinked
		t.Errorf("shown anew %d times", n)
	}
	w.link(t, annasPhone, "anna@example.org")
}

func TestColleagueFreezesALostTelephone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	w.link(t, borisPhone, "boris@example.org")
	lost := func(account int64, whom string) (text string, buttons int) {
		s, err := w.desk.Lost(t.Context(), w.user(t, account), whom)
		must(t, err)
		return s.Text, len(s.Buttons)
	}
	for whom, want := range map[string]string{"": "/lost ivanova@example.org", "  ": "/lost ivanova@example.org", "nobody": "Nobody is known", "\x00": "Nobody is known"} {
		if text, buttons := lost(borisPhone, whom); !strings.Contains(text, want) || buttons != 0 {
			t.Errorf("/lost %q: %s", whom, text)
		}
	}
	if text, buttons := lost(thiefsPhone, "anna"); !strings.Contains(text, "not connected") || buttons != 0 {
		t.Errorf("from a stranger: %s", text)
	}
	ask, err := w.desk.Lost(t.Context(), w.user(t, borisPhone), " Anna@Example.org ")
	must(t, err)
	if !strings.Contains(ask.Text, "Freeze Anna Smith (anna@example.org)?") {
		t.Errorf("%+v", ask)
	}
	if s := w.tap(t, thiefsPhone, ask, 0); !strings.Contains(s.Text, "not connected") || len(w.links(t)) != 2 {
		t.Errorf("a stranger freezes: %+v", s)
	}
	if s := w.tap(t, borisPhone, ask, 0); s.Text != "🧊 Frozen: Anna Smith. The administrators have been told." {
		t.Errorf("%+v", s)
	}
	if got := w.links(t); !maps.Equal(got, map[string]int64{"boris": borisPhone}) || !w.heard(annasPhone, "reported lost") || !w.alarmed("Boris Smith (boris) says that the telephone is lost") {
		t.Errorf("%v, told %v, administrators %v", got, w.told(), w.alarms())
	}
	if s := w.tap(t, borisPhone, ask, 0); !strings.Contains(s.Text, "was frozen before") || len(w.told()[annasPhone]) != 1 {
		t.Errorf("again: %+v, %v", s, w.told())
	}
	b := w.browser(t) // whoever has the telephone has her browser, too
	if p := b.Get(b.signIn(w.login(t, annasPhone), "anna@example.org")); p.Key() != "failed.frozen" {
		t.Errorf("a login from the lost telephone: %s", p.Body)
	}
	must(t, w.Directory.Unfreeze(t.Context(), "admin", "anna"))
	w.link(t, annasPhone, "anna@example.org")
}

func TestOneAccountCannotLockEverybodyOut(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, id := range []string{"dan", "eve", "fred", "gina"} {
		w.Import(t, person(id))
	}
	w.link(t, borisPhone, "boris@example.org")
	freeze := func(whom string) string {
		ask, err := w.desk.Lost(t.Context(), w.user(t, borisPhone), whom)
		must(t, err)
		return w.tap(t, borisPhone, ask, 0).Text
	}
	for _, whom := range []string{"dan", "eve", "fred"} {
		if text := freeze(whom); !strings.Contains(text, "Frozen") {
			t.Errorf("%s: %s", whom, text)
		}
	}
	if text := freeze("gina"); !strings.Contains(text, "several colleagues today") {
		t.Errorf("the fourth: %s", text)
	}
	w.Clock.Advance(25 * time.Hour)
	if text := freeze("gina"); !strings.Contains(text, "Frozen") {
		t.Errorf("the next day: %s", text)
	}
}
