// Package pagestest owns a browser for tests: one person's, with its cookies, which goes
// nowhere by itself. It leaves what a page should say to whoever opens it.
package pagestest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Browser is one person's browser.
type Browser struct {
	Client *http.Client

	tb testing.TB
}

// Open gives a fresh browser that trusts a server of the test.
func Open(tb testing.TB, s *httptest.Server) *Browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &Browser{tb: tb, Client: &http.Client{
		Transport: s.Client().Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Page is what a browser got.
type Page struct {
	Status   int
	Header   http.Header
	Body     string
	Location string // where it is sent on, in full
}

// Do asks for a page; headers are names and values in turn.
func (b *Browser) Do(method, address string, form url.Values, headers ...string) Page {
	b.tb.Helper()
	req, err := http.NewRequestWithContext(b.tb.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.tb.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.Client.Do(req)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	p := Page{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	if to, err := resp.Location(); err == nil {
		p.Location = to.String()
	}
	return p
}

// Get opens an address.
func (b *Browser) Get(address string) Page {
	b.tb.Helper()
	return b.Do(http.MethodGet, address, nil)
}

// Post sends a form as a page of ours does.
func (b *Browser) Post(address string, form url.Values) Page {
	b.tb.Helper()
	if form == nil {
		form = url.Values{}
	}
	return b.Do(http.MethodPost, address, form, "Sec-Fetch-Site", "same-origin")
}

// Key is which page it is.
func (p Page) Key() string {
	m := regexp.MustCompile(`data-page="([^"]*)"`).FindStringSubmatch(p.Body)
	if m == nil {
		return ""
	}
	return m[1]
}

// Find gives what a pattern's group matches on the page.
func (p Page) Find(tb testing.TB, pattern string) string {
	tb.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.Body)
	if m == nil {
		tb.Fatalf("%s is not on the page:\n%s", pattern, p.Body)
	}
	return html.UnescapeString(m[1])
}
