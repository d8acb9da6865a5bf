package assure_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/assure"
	"countersign/internal/google/googletest"
)

// Whoever holds the address only holds a page that asks for what he does not know. From
// the first form on it is one browser's.
func TestAttemptBelongsToOneBrowser(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	address := w.begin(t, w.ask())
	hers, his, bare := w.browser(t), w.browser(t), w.browser(t)
	p := hers.get(address)
	if out := bare.post(p, "pin", "pin", goodPIN); out.Status != http.StatusBadRequest || out.Key() != "no_cookie" {
		t.Errorf("without a cookie: %d %s", out.Status, out.Key())
	}
	thief := his.get(address)
	hers.send(p, "pin", "pin", "111119")
	for name, out := range map[string]page{
		"looks": his.get(address), "types": his.post(thief, "pin", "pin", goodPIN), "logs in": his.post(thief, "login", "service", "google"),
		"sets himself up": his.post(thief, "enroll"),
	} {
		if out.Status != http.StatusBadRequest || out.Key() != "other_browser" {
			t.Errorf("another browser %s: %d %s", name, out.Status, out.Key())
		}
	}
	w.nothing(t)
	id := w.id(t, "asr")
	if out := his.get(w.web.URL + "/confirm?of=" + id); out.Key() != "stale" {
		t.Errorf("by the id alone: %s", out.Key())
	}
	if out := his.do(http.MethodPost, w.web.URL+"/confirm/pin", url.Values{"of": {id}, "pin": {goodPIN}}); out.Key() != "stale" {
		t.Errorf("by the id alone: %s", out.Key())
	}
	if p := hers.send(hers.get(w.web.URL+"/confirm?of="+id), "pin", "pin", goodPIN); p.Key() != "done" {
		t.Errorf("she herself: %s", p.Body)
	}
	for name, b := range map[string]*browser{"his": his, "bare": bare} {
		if out := b.get(address); out.Key() != "stale" || strings.Contains(out.Body, "4711") {
			t.Errorf("afterwards in %s: %s", name, out.Body)
		}
	}
}

// id is that of the newest attempt.
func (t *town) id(tb testing.TB, prefix string) string {
	tb.Helper()
	return ask[string](tb, t.owner, "select max(id) from assure_attempt where id like $1 || '%'", prefix)
}

func TestTokensAreOneSlotsAndShortLived(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	b, a := w.browser(t), w.ask()
	p := b.get(w.begin(t, a))
	past := func() {
		w.exec(t, "alter table assure_attempt disable trigger assure_attempt_goes_on")
		w.exec(t, "update assure_attempt set expires_at = created_at + interval '1 microsecond' where ended_at is null")
		w.exec(t, "alter table assure_attempt enable always trigger assure_attempt_goes_on")
	}
	past()
	if out := b.post(p, "pin", "pin", goodPIN); out.Status != http.StatusBadRequest || out.Key() != "stale" {
		t.Errorf("expired: %d %s", out.Status, out.Key())
	}
	a.Least = assure.Login
	callback := b.away(b.get(w.begin(t, a)), "anna@example.org")
	past()
	if out := b.get(b.get(callback).Location); out.Key() != "stale" || w.google.TokenCalls() != 1 { // 1: when she set her PIN
		t.Errorf("expired at the login service: %s, %d token calls", out.Key(), w.google.TokenCalls())
	}
	w.answer = func() (string, error) { return "", fmt.Errorf("away") }
	a.Least = assure.PIN
	again := b.send(b.get(w.begin(t, a)), "pin", "pin", goodPIN)
	past()
	if out := b.send(again, "again"); out.Key() != "stale" || len(w.cast()) != 1 {
		t.Errorf("given back, and expired: %s, cast %+v", out.Key(), w.cast())
	}
	for name, q := range map[string]string{
		"nothing": "", "an empty token": "t=", "a short one": "t=" + strings.Repeat("A", 42), "an unknown one": "t=" + strings.Repeat("A", 43),
		"two": "t=" + strings.Repeat("A", 43) + "&t=" + strings.Repeat("B", 43), "no id": "of=asr_1", "an unknown id": "of=asr_" + strings.Repeat("0", 26),
		"both": "t=" + strings.Repeat("A", 43) + "&of=asr_" + strings.Repeat("0", 26),
	} {
		if out := b.get(w.web.URL + "/confirm?" + q); out.Status != http.StatusBadRequest || out.Key() != "stale" || out.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", name, out.Status, out.Key())
		}
	}
}

// A PIN that is typed for one case confirms that one only, and each of two tabs its own.
func TestProofIsForNoOtherCase(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	b, a := w.browser(t), w.ask()
	first := b.get(w.begin(t, a))
	a.Round, a.Verdict = 2, "reject"
	second := b.get(w.begin(t, a))
	if p := b.send(first, "pin", "pin", goodPIN); p.Key() != "done" {
		t.Fatalf("%s", p.Body)
	}
	if out := b.send(second, "again"); out.Key() != "confirm" {
		t.Errorf("the other one is proved, too: %s", out.Body)
	}
	if v := w.cast(); len(v) != 1 || v[0].ask.Round != 1 || v[0].ask.Verdict != "accept" {
		t.Errorf("%+v", v)
	}
	cookies := b.Client.Jar
	u, err := url.Parse(w.web.URL)
	must(t, err)
	stolen := w.browser(t) // has the first one's cookie, and sends it as the second's
	seconds := "__Host-" + strings.ReplaceAll(w.id(t, "asr"), "_", "-")
	for _, c := range cookies.Cookies(u) {
		if c.Name != seconds {
			stolen.Client.Jar.SetCookies(u, []*http.Cookie{{Name: seconds, Value: c.Value, Path: "/", Secure: true}})
		}
	}
	b.send(second, "pin", "pin", "999998")
	if out := stolen.post(second, "pin", "pin", goodPIN); out.Key() != "other_browser" || len(w.cast()) != 1 {
		t.Errorf("%s %+v", out.Body, w.cast())
	}
}

// The account that comes back must be the one that is bound to the person.
func TestAnotherLoginConfirmsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email, key, chat string
		before           func(*town)
	}{
		"another's":             {"boris@example.org", "other_person", "another account", nil},
		"nobody's":              {"nobody@example.org", "other_person", "another account", nil},
		"canceled":              {"", "canceled", "", nil},
		"her address made anew": {"anna@example.org", "other_person", "another account", func(w *town) { w.google.Alter(func(c map[string]any) { c["sub"] = "99" }) }},
		"an old login": {"anna@example.org", "old_login", "", func(w *town) {
			w.google.Alter(func(c map[string]any) { c["auth_time"] = time.Now().Add(-7 * time.Minute).Unix() })
		}},
		"one of unknown age":  {"anna@example.org", "old_login", "", func(w *town) { w.google.Alter(func(c map[string]any) { delete(c, "auth_time") }) }},
		"another nonce":       {"anna@example.org", "refused", "", func(w *town) { w.google.Alter(func(c map[string]any) { c["nonce"] = "x" }) }},
		"not signed":          {"anna@example.org", "refused", "", func(w *town) { w.google.Sign(googletest.None) }},
		"the service is away": {"anna@example.org", "unreachable", "", func(w *town) { w.google.Break(googletest.Token, googletest.Status) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t)
			if c.before != nil {
				c.before(w)
			}
			a := w.ask()
			a.Least = assure.Login
			b := w.browser(t)
			p := b.get(w.begin(t, a))
			callback := b.away(p, c.email)
			out := b.get(callback)
			if out.Key() != c.key || c.chat != "" && !w.heard(annasPhone, c.chat) {
				t.Errorf("%d %s, told %v", out.Status, out.Body, w.told)
			}
			if again := b.get(callback); again.Status == http.StatusOK {
				t.Errorf("the same again: %d %s", again.Status, again.Key())
			}
			w.nothing(t)
			w.google.Alter(nil)
			w.google.Break(googletest.Token, googletest.Sound)
			if c.chat == "" { // she may try again
				w.google.Sign(googletest.Proper)
				if out := b.login(b.get(w.web.URL+out.link(t)), "anna@example.org"); out.Key() != "done" {
					t.Errorf("again: %d %s", out.Status, out.Body)
				}
			}
		})
	}
}

// link is the button that leads back.
func (p page) link(tb testing.TB) string {
	tb.Helper()
	return p.Find(tb, `class="act" href="(/confirm[^"]+)"`)
}

func TestLoginThatComesBackElsewhereEndsTheAttempt(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(*town) *browser{
		"without a cookie": func(w *town) *browser { return w.browser(t) },
		"with a cookie of another attempt": func(w *town) *browser {
			b, a := w.browser(t), w.ask()
			a.No = 5
			b.get(w.begin(t, a))
			return b
		},
	} {
		w := newTown(t)
		a := w.ask()
		b := w.browser(t)
		callback := b.away(b.get(w.begin(t, a)), "anna@example.org")
		if out := other(w).get(callback); out.Key() != "other_browser" || !w.heard(annasPhone, "in another browser") {
			t.Errorf("%s: %d %s, told %v", name, out.Status, out.Body, w.told)
		}
		if out := b.get(callback); b.get(out.Location).Key() != "stale" || w.google.TokenCalls() != 0 {
			t.Errorf("%s, then she herself: %d %s", name, out.Status, out.Body)
		}
		w.nothing(t)
	}
}

// An account that is no longer bound to her is not taken because its address is hers.
func TestLoginThatWasForgottenMeanwhileConfirmsNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	callback := b.away(b.get(w.begin(t, w.ask())), "anna@example.org")
	w.exec(t, "update identity set ended_at = now(), ended_by = 'a', ended_why = 'w' where subject = '1'")
	if out := b.get(callback); out.Key() != "other_person" {
		t.Errorf("%d %s", out.Status, out.Body)
	}
	w.nothing(t)
}

func TestCallbackLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	callback := b.away(b.get(w.begin(t, w.ask())), "anna@example.org")
	u, err := url.Parse(callback)
	must(t, err)
	with := func(change func(url.Values)) string {
		q := maps.Clone(u.Query())
		change(q)
		return w.web.URL + "/auth/google/callback?" + q.Encode()
	}
	for name, address := range map[string]string{
		"no state": with(func(q url.Values) { q.Del("state") }), "two": with(func(q url.Values) { q.Add("state", q.Get("state")) }),
		"unknown": with(func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }), "no token": with(func(q url.Values) { q.Set("state", "7001") }),
	} {
		if out := b.get(address); out.Status != http.StatusTeapot || out.Key() != "not-mine" {
			t.Errorf("%s: %d %s", name, out.Status, out.Body)
		}
	}
	for name, address := range map[string]string{
		"no code": with(func(q url.Values) { q.Del("code") }), "two codes": with(func(q url.Values) { q.Add("code", "x") }),
		"4 KB": with(func(q url.Values) { q.Set("code", strings.Repeat("c", 4<<10)) }), "another issuer": with(func(q url.Values) { q.Set("iss", "https://evil.example") }),
		"another service": strings.Replace(callback, "/google/", "/keycloak/", 1),
	} {
		if out := b.get(address); out.Status != http.StatusBadRequest || out.Key() != "stale" || w.google.TokenCalls() != 0 {
			t.Errorf("%s: %d %s", name, out.Status, out.Body)
		}
	}
	if out := b.get(callback); b.get(out.Location).Key() != "done" {
		t.Errorf("the honest one: %d %s", out.Status, out.Body)
	}
}

func TestCodeOfAnotherLoginIsWorthNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.ask()
	hers := w.browser(t)
	stolen, err := url.Parse(hers.away(hers.get(w.begin(t, a)), "anna@example.org"))
	must(t, err)
	a.No = 1
	his := w.browser(t)
	own, err := url.Parse(his.away(his.get(w.begin(t, a)), "boris@example.org"))
	must(t, err)
	q := url.Values{"state": {own.Query().Get("state")}, "code": {stolen.Query().Get("code")}}
	if out := his.get(w.web.URL + "/auth/google/callback?" + q.Encode()); out.Key() != "refused" {
		t.Errorf("%d %s", out.Status, out.Body)
	}
	w.nothing(t)
}

// Whose account was taken away, or who left, confirms nothing any more.
func TestPowerThatIsGoneConfirmsNothing(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(*town) error{
		"unlinked": func(w *town) error { return w.Directory.UnlinkUser(t.Context(), "admin", "anna", "x") },
		"frozen":   func(w *town) error { _, err := w.Directory.Freeze(t.Context(), "admin", "anna", "lost"); return err },
		"left":     func(w *town) error { return w.Directory.Deactivate(t.Context(), "admin", "anna", "left") },
		"reset":    func(w *town) error { return w.desk.Reset(t.Context(), "admin", w.ids["anna"]) },
	} {
		w := newTown(t)
		w.secure(t, assure.PIN)
		b := w.browser(t)
		address := w.begin(t, w.ask())
		p := b.get(address)
		callback := b.away(p, "anna@example.org")
		must(t, gone(w))
		if out := b.post(p, "pin", "pin", goodPIN); out.Key() != "stale" {
			t.Errorf("%s, PIN: %d %s", name, out.Status, out.Key())
		}
		if out := b.get(address); out.Key() != "stale" {
			t.Errorf("%s, page: %d %s", name, out.Status, out.Key())
		}
		if out := b.get(callback); out.Status == http.StatusSeeOther && b.get(out.Location).Key() != "stale" {
			t.Errorf("%s, login: %d %s", name, out.Status, out.Body)
		}
		w.nothing(t)
	}
}
