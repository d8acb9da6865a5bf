package console_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/jackc/pgx/v5"

	"countersign/internal/console"
	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/doctor"
	"countersign/internal/google"
	"countersign/internal/google/googletest"
	"countersign/internal/journal"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
	"countersign/internal/pages/pagestest"
)

// house is a directory, its console and a login service.
type house struct {
	*ledgertest.Bench

	desk   *console.Desk
	google *googletest.Server
	web    *httptest.Server

	mu      sync.Mutex
	changed []string // whose messages were drawn anew
}

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	h := &house{Bench: ledgertest.Empty(tb)}
	var users []directory.User
	var accounts []googletest.Account
	for _, id := range []string{"anna", "boris", "carol", "dan"} {
		users = append(users, directory.User{ExternalID: id, Name: strings.ToUpper(id[:1]) + id[1:] + " <Smith>", Email: id + "@example.org"})
		accounts = append(accounts, googletest.Account{Subject: "sub-" + id, Email: id + "@example.org", Verified: true, Domain: "example.org"})
	}
	h.Import(tb, users...)
	router := mux.NewRouter()
	h.web = httptest.NewTLSServer(router)
	tb.Cleanup(h.web.Close)
	key, err := signingKey()
	must(tb, err)
	h.google, err = googletest.Open(tb.Context(), googletest.Options{
		ClientID: "client", Secret: "hush", Redirects: []string{h.web.URL + "/auth/google/callback", h.web.URL + "/auth/other/callback"}, Now: time.Now, Key: key,
		Accounts: append(accounts, googletest.Account{Subject: "x", Email: "stranger@example.org", Verified: true, Domain: "example.org"}),
	})
	must(tb, err)
	tb.Cleanup(func() { _ = h.google.Close() })
	texts := localetest.Texts(tb)
	h.desk = &console.Desk{
		Store: &console.Store{Pool: h.Pool}, Directory: h.Directory, Administrators: []string{"Anna@example.org"}, PublicURL: h.web.URL, Texts: texts,
		Services: []*google.Provider{h.provider("google"), h.provider("other")},
		Freeze: func(ctx context.Context, by, externalID, reason string) (directory.Frozen, error) {
			return h.Directory.Freeze(ctx, by, externalID, reason)
		},
		Changed: func(_ context.Context, id string) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed = append(h.changed, id)
			return nil
		},
		Chart:  &doctor.Chart{Every: 5 * time.Second, Now: h.Clock.Now, Examine: func(context.Context) []doctor.Finding { return nil }},
		Client: func(context.Context) string { return "192.0.2.7" }, Now: h.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Deeds: &deed.Store{Pool: h.Pool}, Traces: &journal.Store{Pool: h.Pool}, Lookup: journal.Lookup{
			Accounts: func(context.Context, string) ([]int64, error) { return []int64{7}, nil },
			Cases:    func(context.Context, string, string) ([]string, error) { return []string{"cas_1"}, nil },
		},
	}
	must(tb, h.desk.Mount(router))
	router.HandleFunc("/auth/{service}/callback", func(w http.ResponseWriter, r *http.Request) {
		if !h.desk.Callback(w, r) {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	return h
}

func (h *house) provider(name string) *google.Provider {
	return &google.Provider{
		Name: name, Title: name, Issuer: h.google.URL(), ClientID: "client", Secret: "hush",
		Redirect: h.web.URL + "/auth/" + name + "/callback", Domains: []string{"example.org"}, HostedDomainClaim: true, Now: time.Now,
	}
}

// signIn goes from the door to where the login service's answer leads.
func (h *house) signIn(tb testing.TB, b *pagestest.Browser, id string) pagestest.Page {
	tb.Helper()
	return b.Get(h.callback(tb, b, id+"@example.org"))
}

func (h *house) callback(tb testing.TB, b *pagestest.Browser, email string) string {
	tb.Helper()
	out := b.Post(h.web.URL+"/console/login/google", nil)
	if out.Status != http.StatusSeeOther {
		tb.Fatalf("%d %s", out.Status, out.Body)
	}
	to, err := h.google.SignIn(tb.Context(), out.Location, email)
	must(tb, err)
	return to
}

// inside is a browser in which somebody is signed in.
func (h *house) inside(tb testing.TB, id string) *pagestest.Browser {
	tb.Helper()
	b := pagestest.Open(tb, h.web)
	if p := h.signIn(tb, b, id); p.Location != h.web.URL+"/console/people" {
		tb.Fatalf("%s: %d %s", id, p.Status, p.Body)
	}
	return b
}

// act presses a button on a person's page as he is shown now; form is what is typed.
func (h *house) act(tb testing.TB, b *pagestest.Browser, id, act string, form url.Values) pagestest.Page {
	tb.Helper()
	return b.Post(h.web.URL+"/console/person/"+act, h.filled(tb, id, act, form))
}

// filled is the form of an act with what the page itself puts there.
func (h *house) filled(tb testing.TB, id, act string, typed url.Values) url.Values {
	tb.Helper()
	e, err := h.Directory.User(tb.Context(), id)
	must(tb, err)
	form := url.Values{"id": {id}}
	switch act {
	case "confirm":
		form.Set("link", strconv.FormatInt(e.Link.ID, 10))
	case "unfreeze":
		form.Set("frozen", strconv.FormatInt(e.FrozenAt.UnixMicro(), 10))
	case "forget":
		identities, err := h.Directory.Identities(tb.Context())
		must(tb, err)
		for _, i := range identities[e.ID] {
			form.Set("login", strconv.FormatInt(i.ID, 10))
		}
	case "role":
		var was string
		must(tb, h.Pool.QueryRow(tb.Context(), "select coalesce(max(role), '') from console_grant where person_id = $1 and ended_at is null", e.ID).Scan(&was))
		form.Set("was", was)
		form.Set("email", e.Email)
	}
	maps.Copy(form, typed)
	return form
}

func (h *house) page(id string) string {
	return h.web.URL + "/console/person?id=" + url.QueryEscape(id)
}

func (h *house) link(tb testing.TB, id string, account int64, terms directory.Terms) {
	tb.Helper()
	must(tb, pgx.BeginFunc(tb.Context(), h.Pool, func(tx pgx.Tx) error {
		_, err := h.Directory.LinkIn(tb.Context(), tx, "test", directory.NewLink{
			Account: account, SeenAs: "Seen " + id, Terms: terms, Proof: directory.Proof{Issuer: h.google.URL(), Subject: "sub-" + id, Email: id + "@example.org"},
		})
		return err
	}))
}

func why(text string) url.Values { return url.Values{"reason": {text}} }

func TestFirstAdministratorSignsInAndGivesRoles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := pagestest.Open(t, h.web)
	if p := b.Get(h.web.URL + "/console"); p.Status != http.StatusOK || p.Key() != "door" || !strings.Contains(p.Header.Get("Content-Security-Policy"), h.google.URL()) {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	for _, id := range []string{"boris", "stranger"} {
		if p := h.signIn(t, pagestest.Open(t, h.web), id); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "no role in this console") {
			t.Errorf("%s: %d %s", id, p.Status, p.Body)
		}
	}
	b = h.inside(t, "anna")
	people := b.Get(h.web.URL + "/console/people")
	for _, words := range []string{"Anna &lt;Smith&gt;", "dan@example.org", "never connected", "administrator", "4 of 4"} {
		if !strings.Contains(people.Body, words) {
			t.Errorf("%q is not in %s", words, people.Body)
		}
	}
	if p := b.Get(h.web.URL + "/console/people?q=BORIS"); !strings.Contains(p.Body, "boris@") || strings.Contains(p.Body, "dan@example.org") {
		t.Errorf("a search: %s", p.Body)
	}
	if p := h.act(t, b, "boris", "role", url.Values{"role": {"viewer"}}); p.Status != http.StatusSeeOther {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	boris := h.inside(t, "boris")
	if p := boris.Get(h.page("anna")); p.Status != http.StatusOK || strings.Contains(p.Body, "/role") || strings.Contains(p.Body, "/freeze") {
		t.Errorf("a viewer sees: %d %s", p.Status, p.Body)
	}
	h.act(t, b, "boris", "role", url.Values{"role": {""}})
	if p := boris.Get(h.web.URL + "/console/people"); p.Status != http.StatusUnauthorized || p.Key() != "door" {
		t.Errorf("C-05 after the role was taken: %d %s", p.Status, p.Key())
	}
	shown := b.Get(h.web.URL + "/console/journal")
	for _, words := range []string{"granted", "ended", "refused", "stranger@example.org", "identity.bound"} {
		if !strings.Contains(shown.Body, words) {
			t.Errorf("%q is not in the journal: %s", words, shown.Body)
		}
	}
}

// An ERP's key may write addresses, so none of them makes an administrator.
func TestAddressInTheRecordMakesNoAdministrator(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.signIn(t, pagestest.Open(t, h.web), "boris")
	h.Import(t, directory.User{ExternalID: "anna", Name: "Anna", Email: "other@example.org"})
	h.Import(t, directory.User{ExternalID: "boris", Name: "Boris", Email: "anna@example.org"})
	if p := h.signIn(t, pagestest.Open(t, h.web), "boris"); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "no role in this console") {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}

func TestEachRoleMayDoWhatItIsForAndNoMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	acts := map[string]url.Values{
		"freeze": why("lost"), "unlink": why("lost"), "confirm": {}, "unfreeze": {}, "forget": why("new"), "role": {"role": {"viewer"}},
	}
	for role, may := range map[string][]string{"viewer": {}, "auditor": {"journal"}, "operator": {"freeze", "unlink"}, "administrator": {"journal", "freeze", "unlink", "confirm", "unfreeze", "forget", "role"}} {
		h.act(t, anna, "boris", "role", url.Values{"role": {role}})
		b := h.inside(t, "boris")
		allowed := func(what string) bool { return strings.Contains(" "+strings.Join(may, " ")+" ", " "+what+" ") }
		if p := b.Get(h.web.URL + "/console/journal"); (p.Status == http.StatusOK) != allowed("journal") {
			t.Errorf("%s, journal: %d", role, p.Status)
		}
		for act, form := range acts {
			if p := h.act(t, b, "dan", act, form); (p.Status != http.StatusForbidden) != allowed(act) {
				t.Errorf("%s, %s: %d", role, act, p.Status)
			}
		}
		if p := b.Get(h.web.URL + "/console/people"); p.Status != http.StatusOK {
			t.Errorf("%s, people: %d", role, p.Status)
		}
		must(t, h.Directory.Unfreeze(t.Context(), "test", "dan"))
	}
}

func TestLinksAreConfirmedFrozenAndUnboundUnderTheNameOfWhoDidIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.link(t, "dan", 77, directory.Terms{Confirm: directory.ByAdmin})
	b := h.inside(t, "anna")
	if p := b.Get(h.page("dan")); !strings.Contains(p.Body, "waits for an administrator") || !strings.Contains(p.Body, "Seen dan") {
		t.Fatalf("%s", p.Body)
	}
	do := func(act string, form url.Values, status int, words string) {
		t.Helper()
		p := h.act(t, b, "dan", act, form)
		if p.Status != status {
			t.Errorf("%s: %d %s", act, p.Status, p.Body)
		}
		if p := b.Get(h.page("dan")); !strings.Contains(p.Body, words) {
			t.Errorf("%s: the page lacks %q: %s", act, words, p.Body)
		}
	}
	do("confirm", nil, http.StatusSeeOther, ">connected<")
	do("confirm", nil, http.StatusConflict, ">connected<")
	do("freeze", nil, http.StatusUnprocessableEntity, ">connected<")
	do("freeze", why("stolen"), http.StatusSeeOther, ">frozen<")
	do("freeze", why("stolen"), http.StatusSeeOther, ">frozen<") // C-13 a double click
	do("unfreeze", nil, http.StatusSeeOther, ">disconnected<")
	do("forget", why("account made anew"), http.StatusSeeOther, ">disconnected<")
	do("forget", why("again"), http.StatusNotFound, ">disconnected<")
	do("role", url.Values{"role": {"king"}}, http.StatusUnprocessableEntity, "")
	notes, err := h.Directory.Journal(t.Context(), "dan", 0, 100)
	must(t, err)
	done := map[string]string{}
	for _, n := range notes {
		done[n.What] = n.Actor
	}
	for _, what := range []string{"link.confirmed", "person.frozen", "person.unfrozen", "identity.ended"} {
		if done[what] != "anna" {
			t.Errorf("%s was done by %q", what, done[what])
		}
	}
	if len(h.changed) != 5 {
		t.Errorf("shown anew: %v", h.changed)
	}
}

func TestForgedAndForeignRequestsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	freeze := h.web.URL + "/console/person/freeze"
	for name, headers := range map[string][]string{"C-01": {"Sec-Fetch-Site", "cross-site"}, "C-02": {"Sec-Fetch-Site", "same-site"}, "origin": {"Origin", "https://evil.example"}} {
		if p := b.Do(http.MethodPost, freeze, h.filled(t, "dan", "freeze", why("x")), headers...); p.Status != http.StatusForbidden {
			t.Errorf("%s: %d", name, p.Status)
		}
	}
	if p := b.Get(freeze); p.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", p.Status)
	}
	if p := b.Post(freeze, url.Values{"id": {"dan"}, "reason": {strings.Repeat("x", 10<<10)}}); p.Status != http.StatusBadRequest {
		t.Errorf("10 KB: %d", p.Status)
	}
	if p := b.Get(h.page("nobody")); p.Status != http.StatusNotFound {
		t.Errorf("nobody: %d", p.Status)
	}
	if p := b.Get(h.web.URL + "/console/person?id=%00"); p.Status != http.StatusNotFound {
		t.Errorf("NUL: %d", p.Status)
	}
	if e, err := h.Directory.User(t.Context(), "dan"); err != nil || e.Frozen {
		t.Errorf("dan: %+v, %v", e, err)
	}
	other := pagestest.Open(t, h.web)
	callback := h.callback(t, b, "anna@example.org")
	if p := other.Get(callback); p.Status != http.StatusTeapot { // nobody's here
		t.Errorf("a callback in another browser: %d", p.Status)
	}
	calls := h.google.TokenCalls()
	h.signIn(t, b, "anna")
	callback = h.callback(t, b, "anna@example.org")
	b.Get(callback)
	if p := b.Get(callback); p.Status != http.StatusTeapot || h.google.TokenCalls() != calls+2 {
		t.Errorf("a callback again: %d, %d token calls", p.Status, h.google.TokenCalls()-calls)
	}
	callback = h.callback(t, b, "anna@example.org")
	if p := b.Get(callback + "&iss=https%3A%2F%2Fevil.example"); p.Status != http.StatusBadRequest {
		t.Errorf("another issuer: %d", p.Status)
	}
	if p := b.Get(h.web.URL + "/auth/google/callback?state=" + strings.Repeat("A", 43) + "&code=x"); p.Status != http.StatusTeapot {
		t.Errorf("a state of somebody else's: %d", p.Status)
	}
}

func TestRolesAreGivenByAnotherAlsoWhereTheCodeIsWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.gives(t, h.inside(t, "anna"), "carol", "viewer")
	h.signIn(t, pagestest.Open(t, h.web), "stranger")
	for name, sql := range map[string]string{
		"to himself":   `insert into console_grant (person_id, role, granted_at, granted_by, addresses) select id, 'administrator', now(), id, '{}' from person where external_id = 'boris'`,
		"an odd role":  `insert into console_grant (person_id, role, granted_at, granted_by, addresses) select a.id, 'king', now(), b.id, '{}' from person a, person b where a.external_id = 'boris' and b.external_id = 'anna'`,
		"a deletion":   `delete from console_grant`,
		"the journal":  `update console_journal set what = 'login'`,
		"long session": `insert into console_session (token_hash, person_id, created_at, seen_at, expires_at, client, identity_id, era) select sha256('x'), person_id, now(), now(), now() + interval '25 hours', '', id, 0 from identity`,
		"no login":     `insert into console_session (token_hash, person_id, created_at, seen_at, expires_at, client) select sha256('x'), person_id, now(), now(), now() + interval '1 hour', '' from identity`,
		"a login of another": `insert into console_session (token_hash, person_id, created_at, seen_at, expires_at, client, identity_id, era)
			select sha256('x'), p.id, now(), now(), now() + interval '1 hour', '', i.id, 0 from identity i, person p where p.external_id = 'dan'`,
		"a later era":       `update console_session set era = era + 1`,
		"a role for others": `update console_grant set addresses = '{x@example.org}', ended_at = now(), ended_by = granted_by`,
		"a refusal less":    `update console_refusal set times = times - 1`,
		"no refusal":        `delete from console_refusal`,
		"no roles":          `delete from console_journal where what = 'granted'`,
	} {
		if _, err := h.Pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s is possible", name)
		}
	}
}
