package assure_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"countersign/internal/assure"
)

// FuzzForms: whatever is sent to whatever form, with a page that is open, nothing is cast
// and nothing of ours breaks.
func FuzzForms(f *testing.F) {
	w := newTown(f)
	w.secure(f, assure.PIN)
	b := w.browser(f)
	p := b.get(w.begin(f, w.ask()))
	_, token := p.whose(f)
	acts := []string{"pin", "totp", "login", "again", "enroll", "setup/pin", "setup/pin/remove", "setup/totp", "setup/totp/cancel", "setup/totp/complete", "setup/totp/remove"}
	for i, seed := range []string{
		"", "pin=27491", "pin=274913&pin=1", "totp=12345６", "service=google&service=x", "service=%00", "of=asr_x", "t=x", "pin=%ff%fe", ";;==&&%zz", "now=1&pin=2&repeat=3", "a[]=1",
	} {
		f.Add(uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, act uint8, form string) {
		if strings.Contains(form, goodPIN) {
			return
		}
		body := "t=" + token + "&" + form
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.web.URL+"/confirm/"+acts[int(act)%len(acts)], strings.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := b.Client.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s %q: %s", acts[int(act)%len(acts)], form, resp.Status)
		}
		w.nothing(t)
	})
}

// FuzzCallback: whatever comes back from a browser casts nothing, and asks the login
// service nothing.
func FuzzCallback(f *testing.F) {
	w := newTown(f)
	b := w.browser(f)
	back, err := url.Parse(b.away(b.get(w.begin(f, w.ask())), "anna@example.org"))
	must(f, err)
	state := back.Query().Get("state")
	for _, seed := range []string{
		"", "state=x&code=y", "state=a&state=b&code=c", "error=x&state=y", "state=%00&code=%ff", ";;==&&%zz", "code[]=c&state=" + state, "iss=x&code=y&state=" + state,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if q, err := url.ParseQuery(query); err == nil && q.Get("state") == state && (q.Has("code") || q.Has("error")) && !q.Has("iss") {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.web.URL+"/auth/google/callback", nil)
		must(t, err)
		req.URL.RawQuery = query
		if req.URL, err = req.URL.Parse(req.URL.String()); err != nil {
			return // no client can send it
		}
		resp, err := b.Client.Do(req)
		if err != nil {
			return
		}
		must(t, resp.Body.Close())
		if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusTeapot || w.google.TokenCalls() != 0 {
			t.Errorf("%q: %s, %d token calls", query, resp.Status, w.google.TokenCalls())
		}
		w.nothing(t)
	})
}
