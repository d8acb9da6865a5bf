package pages_test

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/pages"
)

func TestEverythingFollowsFromTheSeedAndNothingLeadsBack(t *testing.T) {
	t.Parallel()
	a, b := pages.NewSeed(), pages.NewSeed()
	if !a.Valid() || a == b || !pages.IsToken(a.Token("state")) {
		t.Fatalf("%q, %q", a, b)
	}
	seen := map[string]bool{}
	for _, s := range []pages.Seed{a, b} {
		for _, purpose := range []string{"state", "nonce", "verifier"} {
			token := s.Token(purpose)
			if seen[token] || token != s.Token(purpose) || strings.Contains(token, string(s)) {
				t.Errorf("%s of %q: %q", purpose, s, token)
			}
			seen[token] = true
		}
		if code := s.Code("code"); len(code) != 8 || strings.Trim(code, "0123456789") != "" || code != s.Code("code") {
			t.Errorf("code %q", code)
		}
		if len(s.Hash()) != 32 {
			t.Errorf("hash of %d bytes", len(s.Hash()))
		}
	}
	for _, bad := range []string{"", "x", string(a)[:42], string(a) + "A", string(a)[:42] + "!", strings.Repeat("=", 43)} {
		if pages.Seed(bad).Valid() {
			t.Errorf("%q is taken for a seed", bad)
		}
	}
}

func TestBrowserKeepsOneSecretUnderAName(t *testing.T) {
	t.Parallel()
	const name = "__Host-x"
	s := pages.NewSeed()
	w := httptest.NewRecorder()
	pages.Keep(w, name, s, time.Hour)
	c := w.Result().Cookies()[0]
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 3600 {
		t.Errorf("%+v", c)
	}
	for want, values := range map[bool][]string{true: {string(s)}, false: {string(s), string(s)}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for _, v := range values {
			r.AddCookie(&http.Cookie{Name: name, Value: v})
		}
		if got, ok := pages.Cookie(r, name); ok != want || ok && got != s {
			t.Errorf("%d cookies: %q, %t", len(values), got, ok)
		}
	}
	w = httptest.NewRecorder()
	if pages.Drop(w, name); w.Result().Cookies()[0].MaxAge >= 0 {
		t.Error("it stays")
	}
	if v, ok := pages.Single(url.Values{"a": {"1"}, "b": {"1", "2"}, "c": {""}}, "a"); v != "1" || !ok {
		t.Error("a single value is not found")
	}
	for _, name := range []string{"b", "c", "d"} {
		if _, ok := pages.Single(url.Values{"b": {"1", "2"}, "c": {""}}, name); ok {
			t.Errorf("%s is single", name)
		}
	}
}

func TestPageGoesOutWholeAndForOnePerson(t *testing.T) {
	t.Parallel()
	good := template.Must(template.New("x").Parse(`<p>{{.}}</p>`))
	w := httptest.NewRecorder()
	if err := pages.Write(w, pages.Page{Status: 403, Template: good, Data: "<b>", Lang: "de", Leaves: []string{"https://login.example"}}); err != nil {
		t.Fatal(err)
	}
	if w.Code != 403 || w.Body.String() != "<p>&lt;b&gt;</p>" || w.Header().Get("Content-Language") != "de" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	csp := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "form-action 'self' https://login.example;", "frame-ancestors 'none'", "style-src 'sha256-"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s lacks %s", csp, part)
		}
	}
	w = httptest.NewRecorder()
	bad := template.Must(template.New("x").Parse(`<p>half{{.Nothing.There}}</p>`))
	if err := pages.Write(w, pages.Page{Status: 200, Template: bad, Data: struct{}{}}); err == nil || w.Code != 500 || strings.Contains(w.Body.String(), "half") {
		t.Errorf("%v, %d %s", err, w.Code, w.Body)
	}
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	deny := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	guard, err := pages.SameOrigin("https://pay.example.com:8443", deny)
	if err != nil {
		t.Fatal(err)
	}
	h := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"Sec-Fetch-Site", "same-origin", 200},
		{"Sec-Fetch-Site", "same-site", 418},
		{"Sec-Fetch-Site", "cross-site", 418},
		{"Origin", "https://pay.example.com:8443", 200},
		{"Origin", "https://evil.example", 418},
		{"Origin", "null", 418},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8080/x", nil)
		r.Header.Set(c.header, c.value)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.header, c.value, w.Code, c.want)
		}
	}
	if guard, err := pages.SameOrigin("", deny); err != nil || guard == nil {
		t.Errorf("without an address: %v", err)
	}
}
