package link_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/google/googletest"
	"countersign/internal/link"
	"countersign/internal/pages/pagestest"
)

// album collects what people are shown in the messenger and in the browser.
type album struct {
	*town

	text strings.Builder
}

// TestScreensReadAsWritten shows every screen and page of a link in each language.
func TestScreensReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			a := &album{town: newTown(t)}
			a.lang = tag
			a.linked(t)
			a.refused(t)
			a.ended(t)
			a.odd(t)
			a.untied(t)
			for i, text := range a.alarms() {
				fmt.Fprintf(&a.text, "=== administrators are told, %d\n%s\n\n", i+1, text)
			}
			for _, account := range []int64{annasPhone, borisPhone, carolsPhone, thiefsPhone, newPhone} {
				for i, text := range a.told()[account] {
					fmt.Fprintf(&a.text, "=== %d is told, %d\n%s\n\n", account, i+1, text)
				}
			}
			goldentest.Same(t, "screens."+tag, a.text.String())
			if gap := regexp.MustCompile(`\{\{|\b(link|login|page)\.[a-z_]{3,}\.`).FindString(a.text.String()); gap != "" {
				t.Errorf("%s is a key without a text, or a placeholder", gap)
			}
		})
	}
}

func (a *album) screen(title string, s link.Screen) link.Screen {
	fmt.Fprintf(&a.text, "=== %s\n%s\n", title, s.Text)
	for _, b := range s.Buttons {
		fmt.Fprintf(&a.text, "[%s]\n", b.Text)
	}
	a.text.WriteString("\n")
	return s
}

// page keeps the words of a page. Its code is another each time.
func (a *album) page(title string, p pagestest.Page) pagestest.Page {
	words := pagestest.Page{Body: regexp.MustCompile(`(class="code">)[0-9 ]+<`).ReplaceAllString(p.Body, "${1}0000 0000<")}.Words()
	fmt.Fprintf(&a.text, "=== page: %s (%d)\n%s\n\n", title, p.Status, words)
	return p
}

const (
	carolsPhone = 7003
	newPhone    = 7004 // carol's, later
	othersPhone = 7100 // the first of those who are nobody here
)

// linked: the whole way, by the link back and by the code.
func (a *album) linked(t *testing.T) {
	t.Helper()
	login, err := a.desk.Login(t.Context(), a.user(t, annasPhone))
	must(t, err)
	address := a.screen("/login", login).Buttons[0].URL
	b := a.browser(t)
	a.page("before the login", b.Get(address))
	proof := a.page("with the proof", b.prove(address, "anna@example.org"))
	a.screen("a wrong code", a.types(t, annasPhone, "0000 0000"))
	ask := a.screen("the question", a.start(t, annasPhone, payload(t, proof)))
	a.page("while the question is open", b.Get(a.web.URL+"/auth/google/proof"))
	a.screen("linked", a.tap(t, annasPhone, ask, 0))
	p := a.user(t, annasPhone).Person
	_, err = a.Directory.Set(t.Context(), "messenger", p.ID, func(s *directory.Setting) { s.Heard = a.lang }) // as the chat does
	must(t, err)
	a.page("in the end", b.Get(a.web.URL+"/auth/google/proof"))
	a.screen("the same question later", a.tap(t, annasPhone, ask, 0))
	again, err := a.desk.Login(t.Context(), a.user(t, annasPhone))
	must(t, err)
	a.screen("/login of one who is linked", again)
}

// refused: each reason that a page or the chat gives.
func (a *album) refused(t *testing.T) {
	t.Helper()
	b := a.browser(t)
	for i, email := range []string{"nobody@example.org", "unverified@example.org", "anna@private.example", ""} {
		p := b.Get(b.signIn(a.login(t, othersPhone+int64(i)), email)) // attempts are few
		for p.Location != "" {
			p = b.Get(p.Location)
		}
		a.page("refused as "+email, p)
	}
	none := a.web.URL + "/auth/google/start?attempt=nonsense"
	a.page("an address that is none", a.browser(t).Do(http.MethodGet, none, nil, "Accept-Language", a.lang))
	stolen := a.browser(t).prove(a.login(t, thiefsPhone), "boris@example.org")
	a.screen("a proof of another telephone", a.start(t, borisPhone, payload(t, stolen)))
	no := a.start(t, borisPhone, payload(t, a.browser(t).prove(a.login(t, borisPhone), "boris@example.org")))
	a.screen("not me", a.tap(t, borisPhone, no, 1))
	for _, terms := range []directory.Terms{{Confirm: directory.ByAdmin}, {Confirm: directory.CoolingOff, Cooling: 2 * time.Hour}} {
		a.desk.Terms = terms
		a.screen(fmt.Sprintf("linked, confirmed by %v", terms.Confirm), a.link(t, borisPhone, "boris@example.org"))
		a.screen("disconnected", a.tap(t, borisPhone, a.desk.Unlink(a.user(t, borisPhone)), 0))
	}
	a.desk.Terms = directory.Terms{Confirm: directory.Notify}
}

// ended: what else an attempt comes to.
func (a *album) ended(t *testing.T) {
	t.Helper()
	proof := a.web.URL + "/auth/google/proof"
	b := a.browser(t)
	stale := payload(t, b.prove(a.login(t, carolsPhone), "Carol@Example.org"))
	for range 3 {
		a.screen("a wrong code", a.types(t, carolsPhone, "0000 0000"))
	}
	a.page("after three wrong codes", b.Get(proof))
	a.screen("a proof of an attempt that has ended", a.start(t, carolsPhone, stale))
	b.prove(a.login(t, carolsPhone), "Carol@Example.org")
	callback := a.browser(t).signIn(a.login(t, carolsPhone), "Carol@Example.org")
	a.page("a newer attempt", b.Get(proof))
	a.page("another browser", b.Get(callback))
	a.google.Alter(func(claims map[string]any) { claims["nonce"] = "x" })
	a.page("a login that was not asked for", b.Get(b.signIn(a.login(t, carolsPhone), "Carol@Example.org")))
	a.google.Alter(nil)
	a.link(t, carolsPhone, "Carol@Example.org")
	_, err := a.Directory.Set(t.Context(), "messenger", a.user(t, carolsPhone).Person.ID, func(s *directory.Setting) { s.Heard = a.lang })
	must(t, err)
	many, err := a.desk.Login(t.Context(), a.user(t, carolsPhone))
	must(t, err)
	a.screen("/login for the sixth time", many)
	a.google.Break(googletest.Token, googletest.Status)
	a.page("no login service", b.Get(b.signIn(a.login(t, newPhone), "Carol@Example.org")))
	a.google.Break(googletest.Token, googletest.Sound)
	a.page("the account of another", b.Get(b.signIn(a.login(t, annasPhone), "Carol@Example.org")))
	a.link(t, newPhone, "Carol@Example.org")
	a.google.Alter(func(claims map[string]any) { claims["sub"] = "made-anew" })
	a.page("a login that was made anew", b.Get(b.signIn(a.login(t, newPhone), "Carol@Example.org")))
	a.google.Alter(nil)
}

// odd: browsers and pages that lead nowhere, and a bot whose name is not known yet.
func (a *album) odd(t *testing.T) {
	t.Helper()
	name := a.desk.Username
	a.desk.Username = func() string { return "" }
	a.page("with the proof, for a bot without a name", a.browser(t).prove(a.login(t, newPhone), "Carol@Example.org"))
	a.desk.Username = name
	b := a.browser(t)
	ask := func(title, method, address string, form url.Values) {
		a.page(title, b.Do(method, address, form, "Accept-Language", a.lang))
	}
	ask("a login service that is none", http.MethodGet, a.web.URL+"/auth/other/start", nil)
	ask("a page of others", http.MethodGet, a.web.URL+"/auth/google/proof", nil)
	address := a.login(t, newPhone)
	form := url.Values{"attempt": {strings.Split(address, "attempt=")[1]}}
	ask("no cookie", http.MethodPost, a.web.URL+"/auth/google/start", form)
	a.page("the form of another site", b.Do(http.MethodPost, a.web.URL+"/auth/google/start", form, "Sec-Fetch-Site", "cross-site", "Accept-Language", a.lang))
	store := a.desk.Store
	a.desk.Store = &link.Store{Pool: a.closed(t)}
	ask("no database", http.MethodGet, address, nil)
	a.desk.Store = store
}

// closed is a database that answers nobody.
func (a *album) closed(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), a.AppURL)
	must(t, err)
	pool.Close()
	return pool
}

// untied: leaving, and freezing a colleague.
func (a *album) untied(t *testing.T) {
	t.Helper()
	b := a.browser(t)
	a.link(t, borisPhone, "boris@example.org")
	for _, whom := range []string{"", "nobody", "boris"} {
		s, err := a.desk.Lost(t.Context(), a.user(t, borisPhone), whom)
		must(t, err)
		a.screen("/lost "+whom, s)
	}
	ask, err := a.desk.Lost(t.Context(), a.user(t, borisPhone), "anna")
	must(t, err)
	a.screen("/lost anna", ask)
	a.screen("frozen", a.tap(t, borisPhone, ask, 0))
	a.screen("frozen before", a.tap(t, borisPhone, ask, 0))
	frozen, err := a.desk.Login(t.Context(), a.user(t, annasPhone))
	must(t, err)
	a.screen("/login of one who is frozen", frozen)
	a.page("a login of one who is frozen", b.Get(b.signIn(frozen.Buttons[0].URL, "anna@example.org")))
	for _, whom := range []string{"dan", "eve", "fred"} {
		a.Import(t, person(whom))
		ask, err := a.desk.Lost(t.Context(), a.user(t, borisPhone), whom)
		must(t, err)
		if last := a.tap(t, borisPhone, ask, 0); whom == "fred" {
			a.screen("the fourth in a day", last)
		}
	}
	_, err = a.desk.Freeze(t.Context(), "admin", "carol", "SIM swapped")
	must(t, err)
	leave := a.screen("/unlink", a.desk.Unlink(a.user(t, borisPhone)))
	a.screen("canceled", a.tap(t, borisPhone, leave, 1))
	a.screen("disconnected", a.tap(t, borisPhone, leave, 0))
	a.screen("/unlink of nobody", a.desk.Unlink(a.user(t, borisPhone)))
	a.desk.Services = nil
	alone, err := a.desk.Login(t.Context(), a.user(t, borisPhone))
	must(t, err)
	a.screen("/login without login services", alone)
}
