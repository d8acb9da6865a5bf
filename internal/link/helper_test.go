package link_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/google/googletest"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/pages/pagestest"
	"countersign/internal/people"
	"countersign/internal/secret"
)

// The Telegram accounts of the tests.
const (
	annasPhone  = 7001
	borisPhone  = 7002
	thiefsPhone = 7666
)

// town is a directory, a desk with its pages, a login service, and those who are told.
type town struct {
	*ledgertest.Bench

	desk   *link.Desk
	google *googletest.Server
	web    *httptest.Server

	tb    testing.TB
	texts *locale.Texts
	lang  string // of everybody's messenger

	mu      sync.Mutex
	redrawn []people.ID
}

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newTown(tb testing.TB) *town {
	tb.Helper()
	t := &town{Bench: ledgertest.Empty(tb), tb: tb, lang: "en"}
	t.Import(tb, person("anna"), person("boris"), person("carol"))
	router := mux.NewRouter()
	t.web = httptest.NewTLSServer(router)
	tb.Cleanup(t.web.Close)
	key, err := signingKey()
	must(tb, err)
	t.google, err = googletest.Open(tb.Context(), googletest.Options{
		ClientID: "client", Secret: "hush", Redirects: []string{t.web.URL + "/auth/google/callback"}, Now: time.Now, Key: key,
		Accounts: []googletest.Account{
			{Subject: "1", Email: "anna@example.org", Verified: true, Domain: "example.org"},
			{Subject: "2", Email: "boris@example.org", Verified: true, Domain: "example.org"},
			{Subject: "3", Email: "Carol@Example.org", Verified: true, Domain: "example.org"},
			{Subject: "4", Email: "nobody@example.org", Verified: true, Domain: "example.org"},
			{Subject: "5", Email: "anna@private.example", Verified: true},
			{Subject: "6", Email: "unverified@example.org", Domain: "example.org"},
		},
	})
	must(tb, err)
	tb.Cleanup(func() { _ = t.google.Close() })
	t.texts = localetest.Texts(tb)
	t.desk = &link.Desk{
		Store: &link.Store{Pool: t.Pool}, Directory: t.Directory, PublicURL: t.web.URL, Texts: t.texts,
		Services: []*google.Provider{t.provider()}, Terms: directory.Terms{Confirm: directory.Notify}, Zone: time.UTC, Now: t.Clock.Now,
		Username: func() string { return "countersign_bot" }, Log: slog.New(slog.DiscardHandler),
		Notices: &notice.Store{Pool: t.Pool},
		Redraw: func(_ context.Context, id people.ID) error {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.redrawn = append(t.redrawn, id)
			return nil
		},
	}
	must(tb, t.desk.Mount(router))
	return t
}

func (t *town) provider() *google.Provider {
	return &google.Provider{
		Name: "google", Title: "Google", Issuer: t.google.URL(), ClientID: "client", Secret: secret.Text("hush"),
		Redirect: t.web.URL + "/auth/google/callback", Domains: []string{"example.org"}, HostedDomainClaim: true, Now: time.Now,
	}
}

func person(id string) directory.User {
	return directory.User{ExternalID: id, Name: strings.ToUpper(id[:1]) + id[1:] + " Smith", Email: id + "@example.org"}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// user is an account as the chat shows it now.
func (t *town) user(tb testing.TB, account int64) link.User {
	tb.Helper()
	dir, err := t.Directory.Snapshot(tb.Context())
	must(tb, err)
	p, _ := dir.ByTelegram(account)
	return link.User{Account: account, Name: "Somebody", Username: "user" + string(rune('0'+account%10)), Language: t.lang, Person: p}
}

// login sends /login and gives the address of the button.
func (t *town) login(tb testing.TB, account int64) string {
	tb.Helper()
	s, err := t.desk.Login(tb.Context(), t.user(tb, account))
	must(tb, err)
	if len(s.Buttons) != 1 || s.Buttons[0].URL == "" {
		tb.Fatalf("no way to log in: %+v", s)
	}
	return s.Buttons[0].URL
}

// start sends /start with what follows.
func (t *town) start(tb testing.TB, account int64, args string) link.Screen {
	tb.Helper()
	s, mine, err := t.desk.Started(tb.Context(), t.user(tb, account), args)
	must(tb, err)
	if !mine {
		tb.Fatalf("%q is not taken for a proof", args)
	}
	return s
}

// types sends a text that should be a code.
func (t *town) types(tb testing.TB, account int64, text string) link.Screen {
	tb.Helper()
	s, mine, err := t.desk.Typed(tb.Context(), t.user(tb, account), text)
	must(tb, err)
	if !mine {
		tb.Fatalf("%q is not taken for a code", text)
	}
	return s
}

func (t *town) tap(tb testing.TB, account int64, s link.Screen, button int) link.Screen {
	tb.Helper()
	if len(s.Buttons) <= button {
		tb.Fatalf("no button %d: %+v", button, s)
	}
	out, err := t.desk.Tap(tb.Context(), t.user(tb, account), s.Buttons[button].Data)
	must(tb, err)
	return out
}

// links are the live links by external id.
func (t *town) links(tb testing.TB) map[string]int64 {
	tb.Helper()
	all, err := t.Directory.Users(tb.Context())
	must(tb, err)
	out := map[string]int64{}
	for _, e := range all {
		if e.Telegram != 0 {
			out[e.ExternalID] = e.Telegram
		}
	}
	return out
}

// news are the notices of an audience, as their readers will see them.
func (t *town) news(meant func(notice.To) []notice.Account, add func(notice.Account, string)) {
	t.tb.Helper()
	rows, err := t.Pool.Query(context.Background(), "select audience, body from notice order by created_at")
	must(t.tb, err)
	var to notice.To
	var b notice.Body
	_, err = pgx.ForEachRow(rows, []any{&to, &b}, func() error {
		for _, a := range meant(to) {
			data := map[string]any{}
			for key, value := range b.Data {
				data[key] = value
			}
			add(a, t.texts.For(a.Language).T(b.Key, data))
		}
		to, b = notice.To{}, notice.Body{}
		return nil
	})
	must(t.tb, err)
}

// told is what single accounts are told.
func (t *town) told() map[int64][]string {
	out := map[int64][]string{}
	t.news(func(to notice.To) []notice.Account { return to.Accounts }, func(a notice.Account, text string) { out[a.ID] = append(out[a.ID], text) })
	return out
}

// alarms are what administrators are told.
func (t *town) alarms() []string {
	var out []string
	t.news(func(to notice.To) []notice.Account {
		if !to.Administrators {
			return nil
		}
		return []notice.Account{{Language: t.lang}}
	}, func(_ notice.Account, text string) { out = append(out, text) })
	return out
}

// heard reports whether an account was told something with the words.
func (t *town) heard(account int64, words string) bool {
	return slices.ContainsFunc(t.told()[account], func(text string) bool { return strings.Contains(text, words) })
}

func (t *town) alarmed(words string) bool {
	return slices.ContainsFunc(t.alarms(), func(text string) bool { return strings.Contains(text, words) })
}

// browser is one person's browser, in this town.
type browser struct {
	*pagestest.Browser

	tb   testing.TB
	town *town
}

func (t *town) browser(tb testing.TB) *browser {
	tb.Helper()
	return &browser{Browser: pagestest.Open(tb, t.web), tb: tb, town: t}
}

// payload is what the link back to the messenger brings; code what is typed instead.
func payload(tb testing.TB, p pagestest.Page) string {
	tb.Helper()
	return p.Find(tb, `https://t\.me/countersign_bot\?start=([A-Za-z0-9_-]+)`)
}

func code(tb testing.TB, p pagestest.Page) string {
	tb.Helper()
	return p.Find(tb, `class="code">([0-9 ]+)<`)
}

// leave opens the button's address and presses the page's own; it gives where the browser is sent.
func (b *browser) leave(address string) string {
	b.tb.Helper()
	p := b.Get(address)
	if p.Status != http.StatusOK || p.Key() != "start" {
		b.tb.Fatalf("%d %s", p.Status, p.Body)
	}
	token := p.Find(b.tb, `name="attempt" value="([^"]+)"`)
	out := b.Do(http.MethodPost, strings.Split(address, "?")[0], url.Values{"attempt": {token}}, "Sec-Fetch-Site", "same-origin")
	if out.Status != http.StatusSeeOther {
		b.tb.Fatalf("%d %s", out.Status, out.Body)
	}
	return out.Location
}

// signIn goes from the button to where the login service sends the browser back.
func (b *browser) signIn(address, email string) (callback string) {
	b.tb.Helper()
	to, err := b.town.google.SignIn(b.tb.Context(), b.leave(address), email)
	must(b.tb, err)
	return to
}

// prove goes the whole way in the browser and gives the page with the proof.
func (b *browser) prove(address, email string) pagestest.Page {
	b.tb.Helper()
	p := b.Get(b.signIn(address, email))
	if p.Status != http.StatusSeeOther {
		b.tb.Fatalf("%d %s", p.Status, p.Body)
	}
	p = b.Get(p.Location)
	if p.Status != http.StatusOK || p.Key() != "proof" {
		b.tb.Fatalf("%d %s", p.Status, p.Body)
	}
	return p
}

// link does everything that one person does to be tied.
func (t *town) link(tb testing.TB, account int64, email string) link.Screen {
	tb.Helper()
	p := t.browser(tb).prove(t.login(tb, account), email)
	return t.tap(tb, account, t.start(tb, account, payload(tb, p)), 0)
}
