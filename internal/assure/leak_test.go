package assure_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/internal/assure"
)

func TestLookingChangesNothingAndFormsComeFromOurPages(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	address := w.begin(t, w.ask())
	state := func() string {
		return ask[string](t, w.owner, "select string_agg(a::text, ';' order by id) || (select string_agg(s::text, ';') from assure_secret s) from assure_attempt a")
	}
	before := state()
	for range 2 {
		if p := w.browser(t).do(http.MethodGet, address, nil, "Sec-Purpose", "prefetch"); p.Key() != "confirm" {
			t.Fatalf("%s", p.Body)
		}
	}
	if p := w.browser(t).do(http.MethodHead, address, nil); p.Status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d", p.Status)
	}
	b := w.browser(t)
	p := b.get(address)
	name, token := p.whose(t)
	for what, headers := range map[string][]string{
		"cross-site": {"Sec-Fetch-Site", "cross-site"}, "another page of the site": {"Sec-Fetch-Site", "same-site"},
		"another origin": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		for _, act := range []string{"pin", "totp", "login", "again", "enroll", "setup/pin", "setup/pin/remove", "setup/totp", "setup/totp/cancel", "setup/totp/complete", "setup/totp/remove"} {
			form := url.Values{name: {token}, "pin": {goodPIN}, "repeat": {goodPIN}, "service": {"google"}}
			if out := b.do(http.MethodPost, w.web.URL+"/confirm/"+act, form, headers...); out.Status != http.StatusForbidden || out.Key() != "foreign" {
				t.Errorf("%s %s: %d %s", what, act, out.Status, out.Key())
			}
		}
	}
	for _, act := range []string{"pin", "totp", "login", "again"} {
		if out := b.get(w.web.URL + "/confirm/" + act); out.Status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", act, out.Status)
		}
	}
	if after := state(); after != before {
		t.Errorf("changed:\n%s\n%s", before, after)
	}
	h := p.Header
	for name, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"Set-Cookie": "HttpOnly; Secure; SameSite=Lax",
	} {
		if !strings.Contains(h.Get(name), want) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.HasPrefix(h.Get("Set-Cookie"), "__Host-asr-") {
		t.Errorf("%s, %s", csp, h.Get("Set-Cookie"))
	}
}

// Nothing that opens anything is in the log or in the database in the clear.
func TestSecretsAreNowhereToBeRead(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.PIN, assure.TOTP)
	b := w.browser(t)
	address := w.begin(t, w.ask())
	p := b.get(address)
	b.post(p, "pin", "pin", "600613")
	code := w.code(t, secret, 0)
	w.desk.Open = func([]byte, string) (string, error) { return "", fmt.Errorf("no key") }
	if out := b.post(p, "totp", "totp", code); out.Status != http.StatusServiceUnavailable || out.Key() != "away" {
		t.Errorf("%d %s", out.Status, out.Key())
	}
	w.desk.Open = func([]byte, string) (string, error) { return "$argon2id$garbage", nil }
	if out := b.post(p, "pin", "pin", goodPIN); out.Status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", out.Status, out.Key())
	}
	w.desk.Open = open
	callback := b.away(p, "anna@example.org")
	b.get(callback)
	w.nothingOf(t, "garbage")
	u, err := url.Parse(callback)
	must(t, err)
	for _, c := range b.Client.Jar.Cookies(u) {
		w.nothingOf(t, c.Value)
	}
	for _, text := range []string{goodPIN, "600613", secret, code, strings.Split(address, "t=")[1], u.Query().Get("state"), u.Query().Get("code")} {
		w.nothingOf(t, text)
	}
}

func (t *town) nothingOf(tb testing.TB, text string) {
	tb.Helper()
	if strings.Contains(t.log.String(), text) {
		tb.Errorf("%q is in the log", text)
	}
	dump := ask[string](tb, t.owner, `select concat((select string_agg(to_jsonb(a)::text, '') from assure_attempt a),
		(select string_agg(to_jsonb(s)::text, '') from assure_secret s), (select string_agg(to_jsonb(j)::text, '') from assure_journal j))`)
	if strings.Contains(dump, text) {
		tb.Errorf("%q is in the database", text)
	}
}
