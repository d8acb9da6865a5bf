package link_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// without runs something while notices cannot be stored.
func (t *town) without(tb testing.TB, do func()) {
	tb.Helper()
	owner, err := pgx.Connect(tb.Context(), t.OwnerURL)
	must(tb, err)
	defer func() { must(tb, owner.Close(tb.Context())) }()
	_, err = owner.Exec(tb.Context(), "alter table notice rename to notice_away")
	must(tb, err)
	do()
	_, err = owner.Exec(tb.Context(), "alter table notice_away rename to notice")
	must(tb, err)
}

// Who is to be told of an act is part of the act: a process that dies in between has done
// neither.
func TestNobodyIsLinkedUnlinkedOrTurnedAwayUntold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	p := w.browser(t).prove(w.login(t, annasPhone), "anna@example.org")
	ask := w.start(t, annasPhone, payload(t, p))
	fails := func(what string, err error) {
		if err == nil {
			t.Errorf("%s went through untold", what)
		}
	}
	w.without(t, func() {
		_, err := w.desk.Tap(t.Context(), w.user(t, annasPhone), ask.Buttons[0].Data)
		fails("a link", err)
		_, err = w.desk.Tap(t.Context(), w.user(t, annasPhone), ask.Buttons[1].Data)
		fails("not me", err)
	})
	if len(w.links(t)) != 0 {
		t.Errorf("linked: %v", w.links(t))
	}
	if s := w.tap(t, annasPhone, ask, 0); !strings.HasPrefix(s.Text, "✅ Connected") || !w.alarmed("connected Telegram account 7001") {
		t.Errorf("%+v, administrators %v", s, w.alarms())
	}
	w.without(t, func() {
		_, err := w.desk.Tap(t.Context(), w.user(t, annasPhone), w.desk.Unlink(w.user(t, annasPhone)).Buttons[0].Data)
		fails("the end of a link", err)
		_, err = w.desk.Freeze(t.Context(), "admin", "anna", "lost")
		fails("a freeze", err)
	})
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone}) {
		t.Errorf("links: %v", got)
	}
	p = w.browser(t).prove(w.login(t, borisPhone), "boris@example.org")
	w.without(t, func() {
		_, _, err := w.desk.Started(t.Context(), w.user(t, thiefsPhone), payload(t, p))
		fails("a stranger's proof", err)
	})
	if s := w.start(t, thiefsPhone, payload(t, p)); !strings.Contains(s.Text, "another Telegram account") && !w.alarmed("foreign sign-in link") {
		t.Errorf("%+v, administrators %v", s, w.alarms())
	}
}

func TestUnlinkEndsTheLinkOfItsOwnAccountOnly(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	late := w.user(t, annasPhone)
	ask := w.desk.Unlink(late)
	w.link(t, annasPhone+10, "anna@example.org") // she has a new telephone by the time that the tap arrives
	if _, err := w.desk.Tap(t.Context(), late, ask.Buttons[0].Data); err != nil {
		t.Error(err)
	}
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone + 10}) || w.alarmed("disconnected") {
		t.Errorf("links: %v, administrators %v", got, w.alarms())
	}
	w.tap(t, annasPhone+10, w.desk.Unlink(w.user(t, annasPhone+10)), 0)
	if len(w.links(t)) != 0 || !w.alarmed("Anna Smith (anna) disconnected Telegram account 7011.") {
		t.Errorf("links: %v, administrators %v", w.links(t), w.alarms())
	}
}

// A tap whose process died before the cards were shown anew comes again.
func TestAgreementThatComesAgainShowsTheCards(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	p := w.browser(t).prove(w.login(t, annasPhone), "anna@example.org")
	ask := w.start(t, annasPhone, payload(t, p))
	w.tap(t, annasPhone, ask, 0)
	w.tap(t, annasPhone, ask, 0)
	if n := len(w.redrawn); n != 2 {
		t.Errorf("shown anew %d times, want once for each tap", n)
	}
}

func TestSecondTabOfABrowserIsNoStranger(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	address := w.login(t, annasPhone)
	callback := b.signIn(address, "anna@example.org")
	if p := b.Get(address); p.Status != http.StatusOK || p.Key() != "start" { // the page once more
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if p := b.Get(callback); p.Status != http.StatusSeeOther {
		t.Fatalf("%d %s, told %v", p.Status, p.Body, w.told())
	}
	b.prove(w.login(t, borisPhone), "boris@example.org") // another attempt gets a secret of its own
}

// The answer that brings the browser its next secret may be lost.
func TestLostAnswerOfTheLoginAccusesNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	callback := b.signIn(w.login(t, annasPhone), "anna@example.org")
	u, err := url.Parse(callback)
	must(t, err)
	before := b.Client.Jar.Cookies(u)
	if p := b.Get(callback); p.Status != http.StatusSeeOther {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	for _, c := range before {
		c.Path, c.Secure = "/", true
	}
	b.Client.Jar.SetCookies(u, before)
	if p := b.Get(callback); p.Status != http.StatusBadRequest || p.Key() != "stale" {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	if w.heard(annasPhone, "another browser") || w.google.TokenCalls() != 1 {
		t.Errorf("told %v after %d token calls", w.told(), w.google.TokenCalls())
	}
	w.link(t, annasPhone, "anna@example.org")
}
