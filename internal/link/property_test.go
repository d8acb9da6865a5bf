package link_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/link"
)

// actor is somebody with a telephone, a browser and an account of the login service. What
// he gets, anybody may come to hold: links are forwarded, proofs and codes are read out.
type actor struct {
	account int64
	email   string
	browser *browser
}

// loot is what is going around.
type loot struct {
	addresses, callbacks []string
	proofs               map[int64][]string // by the telephone of whoever saw it
	screens              []link.Screen
}

// TestWhateverIsMixedUpNobodyIsTiedToAnothersAccount lets three people begin, forward,
// steal, replay and agree in any order. The honest two never agree to what names somebody
// else and never hand on a proof (what follows from that is a test of its own); the thief
// does everything. A link that comes out of it is
// always somebody's own Telegram with his own login.
func TestWhateverIsMixedUpNobodyIsTiedToAnothersAccount(t *testing.T) {
	t.Parallel()
	linked := 0
	w := newTown(t)
	rapid.Check(t, func(rt *rapid.T) {
		w.reset(t)
		actors := []*actor{
			{account: annasPhone, email: "anna@example.org", browser: w.browser(t)},
			{account: borisPhone, email: "boris@example.org", browser: w.browser(t)},
			{account: thiefsPhone, email: "Carol@Example.org", browser: w.browser(t)},
		}
		own := map[string]int64{"anna": annasPhone, "boris": borisPhone, "carol": thiefsPhone}
		l := loot{proofs: map[int64][]string{}}
		for range rapid.IntRange(3, 25).Draw(rt, "steps") {
			a := rapid.SampledFrom(actors).Draw(rt, "who")
			w.step(t, rt, a, &l)
			for person, account := range w.links(t) {
				if own[person] != account {
					rt.Fatalf("%s is tied to %d", person, account)
				}
			}
		}
		linked += len(w.links(t))
	})
	if linked == 0 {
		t.Error("nobody was ever linked: the test tries nothing")
	}
}

// reset forgets what was before, as the owner of the tables may in a test.
func (t *town) reset(tb testing.TB) {
	tb.Helper()
	for person := range t.links(tb) {
		must(tb, t.Directory.UnlinkUser(tb.Context(), "test", person, "reset"))
	}
	_, err := t.Pool.Exec(tb.Context(), "delete from link_attempt")
	must(tb, err)
}

func pick[T any](rt *rapid.T, what string, of []T) (one T, ok bool) { //nolint:ireturn // a type parameter, not an interface
	if len(of) == 0 {
		return one, false
	}
	return rapid.SampledFrom(of).Draw(rt, what), true
}

// step is one thing that one of them does.
func (t *town) step(tb testing.TB, rt *rapid.T, a *actor, l *loot) {
	tb.Helper()
	thief := a.account == thiefsPhone
	switch rapid.IntRange(0, 6).Draw(rt, "act") {
	case 0:
		if s, err := t.desk.Login(tb.Context(), t.user(tb, a.account)); err == nil && len(s.Buttons) > 0 {
			l.addresses = append(l.addresses, s.Buttons[0].URL)
		}
	case 1: // whoever opens an address signs in as himself
		if address, ok := pick(rt, "address", l.addresses); ok {
			t.goes(tb, a, address, l)
		}
	case 2:
		if callback, ok := pick(rt, "callback", l.callbacks); ok {
			a.browser.Get(callback)
			t.look(a, l)
		}
	case 3:
		// One's own, or one that the thief sends around.
		if proof, ok := pick(rt, "proof", slices.Concat(l.proofs[a.account], l.proofs[thiefsPhone])); ok {
			s, _, err := t.desk.Started(tb.Context(), t.user(tb, a.account), proof)
			must(tb, err)
			t.agree(tb, rt, a, s, l)
		}
	case 4: // nobody but its owner comes by a code: it is told to nobody, says the page
		t.look(a, l)
	case 5:
		if s, ok := pick(rt, "screen", l.screens); ok && thief {
			t.tap(tb, a.account, s, rapid.IntRange(0, 1).Draw(rt, "button"))
		}
	case 6: // the whole way, as it should be
		if s, err := t.desk.Login(tb.Context(), t.user(tb, a.account)); err == nil && len(s.Buttons) > 0 {
			l.addresses = append(l.addresses, s.Buttons[0].URL)
			t.goes(tb, a, s.Buttons[0].URL, l)
			if seen := l.proofs[a.account]; len(seen) > 0 {
				s, _, err := t.desk.Started(tb.Context(), t.user(tb, a.account), seen[len(seen)-1])
				must(tb, err)
				t.agree(tb, rt, a, s, l)
			}
		}
	}
}

// goes opens an address and signs in, as far as the pages let him.
func (t *town) goes(tb testing.TB, a *actor, address string, l *loot) {
	tb.Helper()
	p := a.browser.Get(address)
	if p.Key() != "start" {
		return
	}
	form := url.Values{"attempt": {p.Find(tb, `name="attempt" value="([^"]+)"`)}}
	out := a.browser.Do("POST", strings.Split(address, "?")[0], form, "Sec-Fetch-Site", "same-origin")
	if out.Location == "" {
		return
	}
	callback, err := t.google.SignIn(tb.Context(), out.Location, a.email)
	must(tb, err)
	l.callbacks = append(l.callbacks, callback)
	a.browser.Get(callback)
	t.look(a, l)
}

// look takes what the page shows.
func (t *town) look(a *actor, l *loot) {
	if p := a.browser.Get(t.web.URL + "/auth/google/proof"); p.Key() == "proof" {
		l.proofs[a.account] = append(l.proofs[a.account], payload(a.browser.tb, p))
	}
}

// agree: honest people look at the name; the thief presses whatever there is.
func (t *town) agree(tb testing.TB, rt *rapid.T, a *actor, s link.Screen, l *loot) {
	tb.Helper()
	if len(s.Buttons) == 0 {
		return
	}
	l.screens = append(l.screens, s)
	mine := strings.Contains(s.Text, strings.ToUpper(a.email[:1])+a.email[1:strings.Index(a.email, "@")]+" Smith")
	switch {
	case mine && rapid.Bool().Draw(rt, "agrees"), !mine && a.account == thiefsPhone:
		t.tap(tb, a.account, s, 0)
	case !mine:
		t.tap(tb, a.account, s, 1)
	}
}
