package meet_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pages/pagestest"
	"countersign/internal/people"
	"countersign/internal/secret"
	"countersign/internal/server"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

const clinic = "Clinic"

// house is a desk with its page served, and a video server.
type house struct {
	*ledgertest.Bench

	desk  *meet.Desk
	video *trueconftest.Server
	web   *httptest.Server
	log   *book
}

// book is a log that a test can read while it is written.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *book) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *book) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newHouse(tb testing.TB, change ...func(*trueconftest.Options)) *house {
	tb.Helper()
	return newHouseBy(tb, httptest.NewTLSServer, change...)
}

func newHouseBy(tb testing.TB, listen func(http.Handler) *httptest.Server, change ...func(*trueconftest.Options)) *house {
	tb.Helper()
	h := &house{Bench: ledgertest.New(tb), log: &book{}}
	o := trueconftest.Options{Now: h.Clock.Now}
	for _, c := range change {
		c(&o)
	}
	var err error
	h.video, err = trueconftest.Open(tb.Context(), o)
	must(tb, err)
	tb.Cleanup(func() { _ = h.video.Close() })
	h.video.PutUser(trueconftest.User{ID: "petrov", Name: "Pyotr"}, trueconftest.User{ID: "reception", Name: "Reception"})
	h.replica(tb, listen, o)
	return h
}

// replica makes a desk of the house: the first, or another one on the same database.
func (h *house) replica(tb testing.TB, listen func(http.Handler) *httptest.Server, o trueconftest.Options) {
	tb.Helper()
	texts := localetest.Texts(tb)
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	verify := "true"
	if o.TLS {
		verify = "false"
	}
	srv, err := trueconf.Open(trueconf.Options{
		Name: clinic, Address: h.video.URL(), ClientID: trueconftest.ClientID, ClientSecret: secret.Text(trueconftest.ClientSecret), Verify: verify, API: "auto", Engine: "-",
		Now: h.Clock.Now, Timeout: 2 * time.Second, Connect: time.Second, Pause: time.Millisecond, Log: log,
	})
	must(tb, err)
	tb.Cleanup(srv.Close)
	h.desk = &meet.Desk{
		Store: &meet.Store{Pool: h.Pool, Notices: &notice.Store{Pool: h.Pool}}, Directory: h.Directory, Servers: map[string]*trueconf.Server{clinic: srv},
		Rules: meet.Rules{Server: clinic, Owner: "reception", Users: meet.MailName, Idle: 5 * time.Minute, Longest: 2 * time.Hour, Life: 24 * time.Hour},
		Texts: texts, Now: h.Clock.Now, Log: log,
	}
	router := server.NewRouter()
	front := &server.Front{Router: router, Log: log, Now: time.Now, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	h.web = listen(front.Handler())
	tb.Cleanup(h.web.Close)
	h.desk.PublicURL = h.web.URL
	must(tb, h.desk.Mount(router))
}

func (h *house) person(tb testing.TB, ref string) people.Person {
	tb.Helper()
	dir, err := h.Directory.Snapshot(tb.Context())
	must(tb, err)
	p, ok := dir.Find(ref)
	if !ok {
		tb.Fatalf("nobody is called %s", ref)
	}
	return p
}

// arrange makes a meeting with Pyotr for some guests.
func (h *house) arrange(tb testing.TB, change func(*meet.Wanted), guests ...meet.Guest) meet.Made {
	tb.Helper()
	w := meet.Wanted{Source: ledgertest.Source, Host: h.person(tb, "petrov"), Topic: "Consultation", Guests: guests}
	if change != nil {
		change(&w)
	}
	m, err := h.desk.Arrange(tb.Context(), w, nil)
	must(tb, err)
	return m
}

// said is what the page's script hears.
type said struct {
	State  string `json:"state"`
	Text   string `json:"text"`
	URL    string `json:"url"`
	Origin string `json:"origin"`
}

// guest is a person in front of the page.
type guest struct {
	*pagestest.Browser

	link string
	page pagestest.Page
}

// visit opens a link in a fresh browser.
func (h *house) visit(tb testing.TB, link string) *guest {
	tb.Helper()
	g := &guest{Browser: pagestest.Open(tb, h.web), link: link}
	g.page = g.Do(http.MethodGet, link, nil, "Accept-Language", "en")
	return g
}

// does sends what the page's script sends.
func (g *guest) does(tb testing.TB, act, name string, headers ...string) (said, pagestest.Page) {
	tb.Helper()
	p := g.Do(http.MethodPost, g.link+"/"+act, url.Values{"name": {name}}, append([]string{"Accept-Language", "en", "Sec-Fetch-Site", "same-origin"}, headers...)...)
	var s said
	if err := json.Unmarshal([]byte(p.Body), &s); err != nil {
		tb.Fatalf("%s: %d %.300s: %v", act, p.Status, p.Body, err)
	}
	return s, p
}

// joins comes in, and must.
func (g *guest) joins(tb testing.TB, name string) said {
	tb.Helper()
	s, p := g.does(tb, "join", name)
	if p.Status != http.StatusOK {
		tb.Fatalf("join: %d %s", p.Status, p.Body)
	}
	return s
}

// running lists the conferences that run on the video server.
func (h *house) running() []trueconftest.Conference {
	var out []trueconftest.Conference
	for _, c := range h.video.Conferences() {
		if c.Running {
			out = append(out, c)
		}
	}
	return out
}

func (h *house) sweep(tb testing.TB) {
	tb.Helper()
	must(tb, h.desk.Sweep(tb.Context()))
}

func (h *house) count(tb testing.TB, sql string, args ...any) (n int) {
	tb.Helper()
	must(tb, h.Pool.QueryRow(tb.Context(), sql, args...).Scan(&n))
	return n
}

// card reads the newest question to a host: its words, and the data of its buttons.
func (h *house) card(tb testing.TB) (name, admit, decline string) {
	tb.Helper()
	var text []byte
	must(tb, h.Pool.QueryRow(tb.Context(), `select body from notice order by created_at desc, id desc limit 1`).Scan(&text))
	var b notice.Body
	must(tb, json.Unmarshal(text, &b))
	if b.Key != "meet.lobby.card" || len(b.Buttons) != 1 || len(b.Buttons[0]) != 2 {
		tb.Fatalf("no card: %s", text)
	}
	return b.Data["Name"], b.Buttons[0][0].Data, b.Buttons[0][1].Data
}

// tap lets a person press a button of a card.
func (h *house) tap(tb testing.TB, who, data string) meet.Screen {
	tb.Helper()
	s, err := h.desk.Tap(tb.Context(), h.person(tb, who), h.desk.Texts.For("en"), data)
	must(tb, err)
	return s
}

// connect makes the desk call an address, and look at certificates.
func (h *house) connect(tb testing.TB, address string) {
	tb.Helper()
	h.desk.Servers = map[string]*trueconf.Server{clinic: h.client(tb, clinic, address)}
}

// client is a video server by some name at some address.
func (h *house) client(tb testing.TB, name, address string) *trueconf.Server {
	tb.Helper()
	srv, err := trueconf.Open(trueconf.Options{
		Name: name, Address: address, ClientID: trueconftest.ClientID, ClientSecret: secret.Text(trueconftest.ClientSecret), Verify: "true", Engine: "-",
		Now: h.Clock.Now, Timeout: 2 * time.Second, Pause: time.Millisecond,
	})
	must(tb, err)
	tb.Cleanup(srv.Close)
	return srv
}
