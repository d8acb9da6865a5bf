package assure_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/pages/pagestest"
)

// browser is one person's browser, at the pages of a town.
type browser struct {
	*pagestest.Browser

	tb   testing.TB
	town *town
}

func (t *town) browser(tb testing.TB) *browser {
	tb.Helper()
	return &browser{Browser: pagestest.Open(tb, t.web), tb: tb, town: t}
}

// page is what a browser got.
type page struct{ pagestest.Page }

// do asks for a page; a form comes from a page of ours, unless the headers say otherwise.
func (b *browser) do(method, address string, form url.Values, headers ...string) page {
	b.tb.Helper()
	if form != nil {
		headers = append([]string{"Sec-Fetch-Site", "same-origin"}, headers...)
	}
	return page{b.Do(method, address, form, headers...)}
}

func (b *browser) get(address string) page { b.tb.Helper(); return b.do(http.MethodGet, address, nil) }

// post sends a form of our pages with the fields given, and stays where it is answered.
func (b *browser) post(p page, act string, fields ...string) page {
	b.tb.Helper()
	form := url.Values{}
	name, value := p.whose(b.tb)
	form.Set(name, value)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, b.town.web.URL+"/confirm/"+act, form)
}

// send posts, and goes where it is sent on within our pages.
func (b *browser) send(p page, act string, fields ...string) page {
	b.tb.Helper()
	out := b.post(p, act, fields...)
	if out.Status == http.StatusSeeOther && strings.HasPrefix(out.Location, b.town.web.URL) {
		return b.get(out.Location)
	}
	return out
}

// login leaves for the login service from a page, signs in there and comes back.
func (b *browser) login(p page, email string) page {
	b.tb.Helper()
	back := b.get(b.away(p, email))
	if back.Status == http.StatusSeeOther {
		return b.get(back.Location)
	}
	return back
}

// away gives where the login service sends the browser back.
func (b *browser) away(p page, email string) string {
	b.tb.Helper()
	out := b.post(p, "login", "service", "google")
	if out.Status != http.StatusSeeOther {
		b.tb.Fatalf("%d %s", out.Status, out.Body)
	}
	to, err := b.town.google.SignIn(b.tb.Context(), out.Location, email)
	must(b.tb, err)
	return to
}

// enter goes to where somebody changes what he has.
func (b *browser) enter(id string, account int64) page {
	b.tb.Helper()
	address, err := b.town.desk.Enroll(b.tb.Context(), b.town.ids[id], account, "en")
	must(b.tb, err)
	p := b.login(b.get(b.town.here(address)), id+"@example.org")
	if p.Key() != "setup" {
		b.tb.Fatalf("%d %s", p.Status, p.Body)
	}
	return p
}

// whose is the field by which the page's forms name their attempt.
func (p page) whose(tb testing.TB) (name, value string) {
	tb.Helper()
	return p.Find(tb, `name="(t|of)" value="`), p.Find(tb, `name="(?:t|of)" value="([^"]+)"`)
}

// wrong is what the page says about the last try.
func (p page) wrong() string {
	m := regexp.MustCompile(`class="wrong" role="alert">([^<]*)<`).FindStringSubmatch(p.Body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}
