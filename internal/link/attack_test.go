package link_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/internal/google/googletest"
	"countersign/internal/pages/pagestest"
)

// nothing checks that an attack came to nothing: no link that should not be there, and no
// more questions to the login service than were honest.
func (t *town) nothing(tb testing.TB, tokenCalls int) {
	tb.Helper()
	if l := t.links(tb); len(l) != 0 {
		tb.Errorf("linked: %v", l)
	}
	if n := t.google.TokenCalls(); n != tokenCalls {
		tb.Errorf("%d token calls, want %d", n, tokenCalls)
	}
}

func TestForgedStatesReachNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	callback := b.signIn(w.login(t, annasPhone), "anna@example.org")
	u, err := url.Parse(callback)
	must(t, err)
	q := u.Query()
	with := func(change func(url.Values)) string {
		c := maps.Clone(q)
		change(c)
		return w.web.URL + "/auth/google/callback?" + c.Encode()
	}
	for name, address := range map[string]string{
		"O-01 no state":            with(func(q url.Values) { q.Del("state") }),
		"O-01 empty":               with(func(q url.Values) { q.Set("state", "") }),
		"O-01 twice":               with(func(q url.Values) { q.Add("state", q.Get("state")) }),
		"O-01 unknown":             with(func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }),
		"O-01 of another length":   with(func(q url.Values) { q.Set("state", q.Get("state")[:42]) }),
		"O-01 an account":          with(func(q url.Values) { q.Set("state", "7001") }),
		"O-05 no code":             with(func(q url.Values) { q.Del("code") }),
		"O-05 code twice":          with(func(q url.Values) { q.Add("code", q.Get("code")) }),
		"O-05 code of 4 KB":        with(func(q url.Values) { q.Set("code", strings.Repeat("c", 4<<10)) }),
		"another issuer":           with(func(q url.Values) { q.Set("iss", "https://evil.example") }),
		"two issuers":              with(func(q url.Values) { q["iss"] = []string{w.google.URL(), w.google.URL()} }),
		"another service":          strings.Replace(with(func(url.Values) {}), "/google/", "/keycloak/", 1),
		"the token of the attempt": with(func(q url.Values) { q.Set("state", strings.Split(w.login(t, borisPhone), "attempt=")[1]) }),
	} {
		if p := b.Get(address); p.Status != http.StatusBadRequest || p.Key() != "stale" || p.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", name, p.Status, p.Key())
		}
	}
	w.nothing(t, 0)
	if p := b.Get(with(func(q url.Values) { q.Set("iss", w.google.URL()); q.Set("next", "//evil.example") })); p.Location != w.web.URL+"/auth/google/proof" {
		t.Errorf("O-20 the honest one, with another way on: %d %s", p.Status, p.Location)
	}
}

func TestCallbackInAnotherBrowserEndsTheAttempt(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(*testing.T, *town) *browser{
		"O-02 without a cookie": func(t *testing.T, w *town) *browser { t.Helper(); return w.browser(t) },
		"O-02 with the cookie of another attempt": func(t *testing.T, w *town) *browser {
			t.Helper()
			b := w.browser(t)
			b.leave(w.login(t, thiefsPhone))
			return b
		},
		"a preset cookie": func(t *testing.T, w *town) *browser {
			t.Helper()
			b := w.browser(t)
			u, err := url.Parse(w.web.URL)
			must(t, err)
			b.Client.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-lnk", Value: strings.Repeat("A", 43), Path: "/", Secure: true}})
			return b
		},
	} {
		w := newTown(t)
		callback := w.browser(t).signIn(w.login(t, annasPhone), "anna@example.org")
		stranger := other(t, w)
		if p := stranger.Get(callback); p.Status != http.StatusBadRequest || p.Key() != "failed.other_browser" || !w.heard(annasPhone, "another browser") {
			t.Errorf("%s: %d %s, told: %v", name, p.Status, p.Body, w.told())
		}
		if p := stranger.Get(callback); p.Key() != "stale" {
			t.Errorf("%s, again: %s", name, p.Key())
		}
		w.nothing(t, 0)
	}
}

func TestCallbackIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	callback := b.signIn(w.login(t, annasPhone), "anna@example.org")
	first := b.Get(callback)
	again := b.Get(callback) // O-05: loaded again, or the back button
	if first.Location != w.web.URL+"/auth/google/proof" || again.Location != first.Location {
		t.Errorf("%d %s, then %d %s", first.Status, first.Location, again.Status, again.Location)
	}
	p := b.Get(again.Location)
	w.tap(t, annasPhone, w.start(t, annasPhone, payload(t, p)), 0)
	if p := b.Get(callback); p.Key() != "stale" {
		t.Errorf("after the end: %s", p.Key())
	}
	if n := w.google.TokenCalls(); n != 1 {
		t.Errorf("%d token calls", n)
	}
	if p := w.browser(t).Get(callback); p.Key() != "stale" {
		t.Errorf("replayed elsewhere: %s", p.Key())
	}
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone}) {
		t.Errorf("links: %v", got)
	}
}

// The thief sends the victim his own link. She signs in, and the proof opens in her own Telegram.
func TestVictimOfAForeignLinkEndsItInHerOwnTelegram(t *testing.T) {
	t.Parallel()
	for name, bring := range map[string]func(*testing.T, *town, pagestest.Page) string{
		"by the link": func(t *testing.T, w *town, p pagestest.Page) string {
			t.Helper()
			return w.start(t, annasPhone, payload(t, p)).Text
		},
		"by the code": func(t *testing.T, w *town, p pagestest.Page) string {
			t.Helper()
			return w.types(t, annasPhone, code(t, p)).Text
		},
	} {
		w := newTown(t)
		b := w.browser(t) // hers
		address := w.login(t, thiefsPhone)
		if p := b.Get(address); !strings.Contains(p.Body, "…666") || !strings.Contains(p.Body, "somebody is trying to act in your name") {
			t.Errorf("the page does not warn: %s", p.Body)
		}
		p := b.prove(address, "anna@example.org")
		if text := bring(t, w, p); !strings.Contains(text, "Somebody tried to connect another Telegram account in your name") {
			t.Errorf("%s: she reads %q", name, text)
		}
		if !w.heard(thiefsPhone, "ended") || !w.alarmed("came back from Telegram account 7001") {
			t.Errorf("%s: told %v, administrators %v", name, w.told(), w.alarms())
		}
		if p := b.Get(w.web.URL + "/auth/google/proof"); p.Key() != "failed.stranger" {
			t.Errorf("%s: the browser shows %s", name, p.Key())
		}
		if s := w.start(t, thiefsPhone, payload(t, p)); len(s.Buttons) != 0 { // she reads it out to him, too late
			t.Errorf("%s: the thief may go on: %+v", name, s)
		}
		w.nothing(t, 1)
	}
}

// She reads her code out to the thief: the link is made, she and the administrators are
// told, and with the careful settings it has no power.
func TestCodeThatIsReadOutToTheThiefGivesNoPowerBeforeItIsConfirmed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	w.desk.Terms.Confirm = "admin"
	p := w.browser(t).prove(w.login(t, thiefsPhone), "anna@example.org")
	w.tap(t, thiefsPhone, w.types(t, thiefsPhone, code(t, p)), 0)
	if err := w.user(t, thiefsPhone).Person.Power.Decides(w.Clock.Now(), 0); err == nil {
		t.Error("the thief decides")
	}
	if !w.heard(annasPhone, "tell an administrator at once") || !w.alarmed("waits for an administrator") {
		t.Errorf("told %v, administrators %v", w.told(), w.alarms())
	}
}

// The thief signs in as himself on the victim's Telegram.
func TestForeignLoginOnSomebodysTelegramIsRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, annasPhone, "anna@example.org")
	w.link(t, borisPhone, "boris@example.org")
	b := w.browser(t)
	callback := b.signIn(w.login(t, annasPhone), "boris@example.org")
	if p := b.Get(callback); p.Status != http.StatusForbidden || p.Key() != "failed.elsewhere" {
		t.Errorf("O-17: %d %s", p.Status, p.Key())
	}
	if !w.heard(annasPhone, "belongs to somebody else") || !w.heard(borisPhone, "Your login was used") || !w.alarmed("belongs to somebody else") {
		t.Errorf("O-17: told %v, administrators %v", w.told(), w.alarms())
	}
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone, "boris": borisPhone}) {
		t.Errorf("links: %v", got)
	}
}

func TestOnlyPeopleWithARecordAreLinked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email, key, chat, alarm string
		before                  func(*town)
	}{
		"nobody's address":     {"nobody@example.org", "failed.unknown", "n…y@example.org", "", nil},
		"O-14 private account": {"anna@private.example", "failed.domain", "domain", "", nil},
		"O-13 unverified":      {"unverified@example.org", "failed.unverified", "does not confirm", "", nil},
		"O-04 canceled":        {"", "failed.canceled", "canceled", "", nil},
		"left": {"anna@example.org", "failed.unknown", "No employee", "", func(w *town) {
			must(t, w.Directory.Deactivate(t.Context(), "admin", "anna", "left"))
		}},
		"frozen": {"anna@example.org", "failed.frozen", "frozen", "is frozen, and somebody signed in", func(w *town) {
			_, err := w.Directory.Freeze(t.Context(), "admin", "anna", "lost")
			must(t, err)
		}},
		"O-16 a new subject": {"anna@example.org", "failed.other_identity", "administrator", "users forget", func(w *town) {
			w.link(t, borisPhone, "anna@example.org")
			w.google.Alter(func(claims map[string]any) { claims["sub"] = "made-anew" })
		}},
		"O-11 another nonce":   {"anna@example.org", "failed.failed", "did not succeed", "", func(w *town) { w.google.Alter(func(c map[string]any) { c["nonce"] = "x" }) }},
		"O-10 another issuer":  {"anna@example.org", "failed.failed", "did not succeed", "", func(w *town) { w.google.Alter(func(c map[string]any) { c["iss"] = "https://evil.example" }) }},
		"O-08 not signed":      {"anna@example.org", "failed.failed", "did not succeed", "", func(w *town) { w.google.Sign(googletest.None) }},
		"O-07 token end point": {"anna@example.org", "failed.unreachable", "cannot be reached", "", func(w *town) { w.google.Break(googletest.Token, googletest.Status) }},
		"O-07 HTML":            {"anna@example.org", "failed.unreachable", "cannot be reached", "", func(w *town) { w.google.Break(googletest.Token, googletest.HTML) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			if c.before != nil {
				c.before(w)
			}
			before := w.links(t)
			b := w.browser(t)
			p := b.Get(b.signIn(w.login(t, annasPhone), c.email))
			if p.Key() != c.key || !strings.Contains(p.Body, "main") {
				t.Errorf("%d %s", p.Status, p.Body)
			}
			if !w.heard(annasPhone, c.chat) || c.alarm != "" && !w.alarmed(c.alarm) {
				t.Errorf("told %v, administrators %v", w.told(), w.alarms())
			}
			if p := b.Get(w.web.URL + "/auth/google/proof"); p.Key() != "stale" {
				t.Errorf("a proof all the same: %s", p.Body)
			}
			if got := w.links(t); !maps.Equal(got, before) {
				t.Errorf("links: %v", got)
			}
		})
	}
}

func TestCodeStolenFromTheAddressIsWorthNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	hers := w.browser(t).signIn(w.login(t, annasPhone), "anna@example.org")
	thief := w.browser(t)
	his := thief.leave(w.login(t, thiefsPhone)) // his own attempt, in his own browser
	stolen, err := url.Parse(hers)
	must(t, err)
	own, err := url.Parse(his)
	must(t, err)
	q := url.Values{"state": {own.Query().Get("state")}, "code": {stolen.Query().Get("code")}}
	if p := thief.Get(w.web.URL + "/auth/google/callback?" + q.Encode()); p.Key() != "failed.failed" { // O-22
		t.Errorf("%d %s", p.Status, p.Body)
	}
	w.nothing(t, 1)
}

func TestLookingAtALinkChangesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	address := w.login(t, annasPhone)
	for range 3 { // robots that preview, the person's own second look
		if p := w.browser(t).Do(http.MethodGet, address, nil, "Sec-Purpose", "prefetch"); p.Key() != "start" {
			t.Fatalf("O-19: %s", p.Body)
		}
	}
	if p := w.browser(t).Do(http.MethodHead, address, nil); p.Status != http.StatusMethodNotAllowed {
		t.Errorf("O-19 HEAD: %d", p.Status)
	}
	b := w.browser(t)
	if p := b.prove(address, "anna@example.org"); p.Key() != "proof" {
		t.Errorf("then the person: %s", p.Key())
	}
}

func TestPageIsOursAndInNoFrame(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	address := w.login(t, annasPhone)
	p := w.browser(t).Get(address)
	h := p.Header
	for name, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"Set-Cookie": "HttpOnly; Secure; SameSite=Lax",
	} {
		if !strings.Contains(h.Get(name), want) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+w.google.URL()) || strings.Contains(csp, "unsafe") {
		t.Errorf("%s", csp)
	}
	token := url.Values{"attempt": {p.Find(t, `name="attempt" value="([^"]+)"`)}}
	post := w.web.URL + "/auth/google/start"
	for name, headers := range map[string][]string{
		"cross-site": {"Sec-Fetch-Site", "cross-site"}, "another page of the site": {"Sec-Fetch-Site", "same-site"}, "another origin": {"Origin", "https://evil.example"},
	} {
		b := w.browser(t)
		b.Get(address)
		if out := b.Do(http.MethodPost, post, token, headers...); out.Status != http.StatusForbidden || out.Key() != "foreign" {
			t.Errorf("%s: %d %s", name, out.Status, out.Key())
		}
	}
	if out := w.browser(t).Do(http.MethodPost, post, token); out.Status != http.StatusBadRequest || out.Key() != "no_cookie" {
		t.Errorf("without a cookie: %d %s", out.Status, out.Key())
	}
	if out := w.browser(t).Do(http.MethodPost, w.web.URL+"/auth/google/callback", token); out.Status != http.StatusMethodNotAllowed {
		t.Errorf("O-20 POST: %d", out.Status)
	}
	w.nothing(t, 0)
}

func TestFormSentTwiceLeadsOnAndInAnotherBrowserItDoesNot(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	address := w.login(t, annasPhone)
	b, other := w.browser(t), w.browser(t)
	token := url.Values{"attempt": {b.Get(address).Find(t, `name="attempt" value="([^"]+)"`)}}
	other.Get(address)
	post := w.web.URL + "/auth/google/start"
	first, second := b.Do(http.MethodPost, post, token), b.Do(http.MethodPost, post, token)
	if first.Location == "" || first.Location != second.Location {
		t.Errorf("a double click: %d %q, %d %q", first.Status, first.Location, second.Status, second.Location)
	}
	if out := other.Do(http.MethodPost, post, token); out.Key() != "stale" {
		t.Errorf("another browser: %d %s", out.Status, out.Key())
	}
}

func TestNotMeEndsItAndIsTold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	ask := w.start(t, annasPhone, payload(t, b.prove(w.login(t, annasPhone), "boris@example.org")))
	if !strings.Contains(ask.Text, "Boris Smith") || !strings.Contains(ask.Text, "b…s@example.org") {
		t.Errorf("asked: %s", ask.Text)
	}
	for range 2 {
		if s := w.tap(t, annasPhone, ask, 1); !strings.Contains(s.Text, "Nothing was connected") {
			t.Errorf("%+v", s)
		}
	}
	if s := w.tap(t, annasPhone, ask, 0); !strings.Contains(s.Text, "no longer valid") {
		t.Errorf("then [Connect]: %+v", s)
	}
	if len(w.alarms()) != 1 || !w.alarmed("not me") {
		t.Errorf("administrators: %v", w.alarms())
	}
	if p := b.Get(w.web.URL + "/auth/google/proof"); p.Key() != "failed.declined" {
		t.Errorf("the browser: %s", p.Key())
	}
	w.nothing(t, 1)
}

func TestButtonsOfOthersAndOfNobodyDoNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ask := w.start(t, annasPhone, payload(t, w.browser(t).prove(w.login(t, annasPhone), "anna@example.org")))
	for button := range ask.Buttons {
		if s := w.tap(t, thiefsPhone, ask, button); !strings.Contains(s.Text, "no longer valid") || len(s.Buttons) != 0 {
			t.Errorf("button %d of another: %+v", button, s)
		}
	}
	for _, data := range []string{"lk:", "lk:y:", "lk:y:lnk_x", "lk:n:' or 1=1", "lk:f:per_x", "lk:zz", "lk:y:\x00"} {
		if s, err := w.desk.Tap(t.Context(), w.user(t, thiefsPhone), data); err != nil || len(s.Buttons) != 0 || s.Text == "" {
			t.Errorf("%q: %+v, %v", data, s, err)
		}
	}
	w.nothing(t, 1)
	w.tap(t, annasPhone, ask, 0)
	if got := w.links(t); !maps.Equal(got, map[string]int64{"anna": annasPhone}) {
		t.Errorf("links: %v", got)
	}
}
