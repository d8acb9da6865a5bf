package link_test

import (
	"net/http"
	"testing"
)

// FuzzCallback: whatever comes back from a browser is answered with a page, links nobody
// and asks the login service nothing.
func FuzzCallback(f *testing.F) {
	w := newTown(f)
	b := w.browser(f)
	b.leave(w.login(f, annasPhone))
	for _, seed := range []string{
		"", "state=x&code=y", "state=&code=", "state=a&state=b&code=c", "error=access_denied&state=x", "state=%00&code=%ff", "iss=x&state=y&code=z",
		"state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&code=4/x", ";;==&&%zz", "code=c&state[]=x&next=//evil.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
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
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s", query, resp.Status)
		}
		if w.google.TokenCalls() != 0 || len(w.links(t)) != 0 {
			t.Errorf("%q: %d token calls, links %v", query, w.google.TokenCalls(), w.links(t))
		}
	})
}

// FuzzTyped: whatever is typed is no code of anybody's.
func FuzzTyped(f *testing.F) {
	w := newTown(f)
	for _, seed := range []string{"", "12345678", "1234 5678", "0000-0000", "\x00", "１２３４５６７８", "link-", "lk:y:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u := w.user(t, thiefsPhone)
		if s, mine, err := w.desk.Typed(t.Context(), u, text); err != nil || mine {
			t.Errorf("typed %q: %+v, %v", text, s, err)
		}
		if s, _, err := w.desk.Started(t.Context(), u, "link-"+text); err != nil || len(s.Buttons) != 0 {
			t.Errorf("brought %q: %+v, %v", text, s, err)
		}
		if s, err := w.desk.Tap(t.Context(), u, "lk:"+text); err != nil || s.Text == "" {
			t.Errorf("tapped %q: %+v, %v", text, s, err)
		}
		if _, err := w.desk.Lost(t.Context(), u, text); err != nil {
			t.Errorf("lost %q: %v", text, err)
		}
	})
}
