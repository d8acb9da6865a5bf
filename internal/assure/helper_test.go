package assure_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/assure"
	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/google/googletest"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/people"
	"countersign/internal/secret"
)

// The Telegram accounts of the tests.
const (
	annasPhone = 7001
	borisPhone = 7002
)

// aCase is the case of most tests, and other another one.
const (
	aCase = "cas_00000000000000000000000001"
	other = "cas_00000000000000000000000002"
)

// vote is a call of Cast.
type vote struct {
	ask    assure.Ask
	method string
}

// town is a directory, a desk with its pages, a login service, and those who are told.
type town struct {
	*ledgertest.Bench

	desk   *assure.Desk
	google *googletest.Server
	web    *httptest.Server
	owner  *pgxpool.Pool
	log    *journal
	ids    map[string]people.ID

	mu     sync.Mutex
	told   map[int64][]string
	alarms []string // what administrators were told
	votes  []vote
	answer func() (string, error) // of Cast
	now    time.Time
}

// journal keeps what was logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newTown(tb testing.TB) *town {
	tb.Helper()
	t := &town{
		Bench: ledgertest.Empty(tb), told: map[int64][]string{}, ids: map[string]people.ID{}, log: &journal{},
		now: time.Date(2026, 6, 15, 9, 0, 10, 0, time.UTC), answer: func() (string, error) { return "✅ Approved: <b>4711</b>", nil },
	}
	t.Import(tb, person("anna"), person("boris"))
	owner, err := pgxpool.New(tb.Context(), t.OwnerURL)
	must(tb, err)
	tb.Cleanup(owner.Close)
	t.owner = owner
	t.exec(tb, "insert into seal_canary (key_id, sealed, made_at) values ($1, $2, now())", keyID, sealWith(tb, keyID, "song", "canary"))
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
			{Subject: "3", Email: "nobody@example.org", Verified: true, Domain: "example.org"},
		},
	})
	must(tb, err)
	tb.Cleanup(func() { _ = t.google.Close() })
	t.furnish(tb)
	must(tb, t.desk.Mount(router))
	router.HandleFunc("/auth/{service}/callback", func(w http.ResponseWriter, r *http.Request) {
		if !t.desk.Callback(w, r) {
			w.WriteHeader(http.StatusTeapot) // package link goes on
			_, _ = io.WriteString(w, `<main data-page="not-mine">`)
		}
	}).Methods(http.MethodGet)
	t.tie(tb, "anna", annasPhone, "1")
	t.tie(tb, "boris", borisPhone, "2")
	return t
}

func (t *town) furnish(tb testing.TB) {
	tb.Helper()
	texts := localetest.Texts(tb)
	t.desk = &assure.Desk{
		Store: &assure.Store{Pool: t.Pool}, Directory: t.Directory, PublicURL: t.web.URL, Texts: texts, Language: "en", Zone: time.UTC,
		Services: []*google.Provider{t.provider()}, Log: slog.New(slog.NewTextHandler(t.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Username: func() string { return "countersign_bot" },
		Describe: func(_ context.Context, a assure.Ask, lang locale.Lang) ([]string, error) {
			if a.Case == other {
				return nil, errors.New("the ledger is away")
			}
			return []string{"№ 4711, " + lang.Tag(), "Payee <i>Ltd</i>", "1,000.00 " + a.Verdict}, nil
		},
		Cast: func(_ context.Context, a assure.Ask, method string) (string, error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.votes = append(t.votes, vote{a, method})
			return t.answer()
		},
		Tell: func(_ context.Context, account int64, text string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.told[account] = append(t.told[account], text)
		},
		TellAdministrators: func(_ context.Context, text string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.alarms = append(t.alarms, text)
		},
		Seal: func(plain, row string) ([]byte, error) { return sealWith(tb, keyID, plain, row), nil },
		Open: open,
		Now: func() time.Time {
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.now
		},
	}
}

func (t *town) provider() *google.Provider {
	return &google.Provider{
		Name: "google", Title: "Google", Issuer: t.google.URL(), ClientID: "client", Secret: secret.Text("hush"),
		Redirect: t.web.URL + "/auth/google/callback", Domains: []string{"example.org"}, HostedDomainClaim: true, Now: time.Now,
	}
}

// tie links a person to a Telegram account by a login.
func (t *town) tie(tb testing.TB, id string, account int64, subject string) {
	tb.Helper()
	err := pgx.BeginFunc(tb.Context(), t.Pool, func(tx pgx.Tx) error {
		l, err := t.Directory.LinkIn(tb.Context(), tx, "test", directory.NewLink{
			Account: account, Terms: directory.Terms{Confirm: directory.Notify},
			Proof: directory.Proof{Issuer: t.google.URL(), Subject: subject, Email: id + "@example.org"},
		})
		t.ids[id] = l.Person
		return err
	})
	must(tb, err)
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

// exec runs a statement as the owner of the tables.
func (t *town) exec(tb testing.TB, sql string, args ...any) {
	tb.Helper()
	_, err := t.owner.Exec(tb.Context(), sql, args...)
	must(tb, err)
}

func ask[T any](tb testing.TB, pool *pgxpool.Pool, sql string, args ...any) T { //nolint:ireturn // a type parameter, not an interface
	tb.Helper()
	var v T
	if err := pool.QueryRow(tb.Context(), sql, args...).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return v
}

// ask is a decision of Anna's.
func (t *town) ask() assure.Ask {
	return assure.Ask{
		Person: t.ids["anna"], Account: annasPhone, Case: aCase, Round: 1, Revision: 3, Verdict: "accept", Reason: "as agreed 👍", Least: assure.PIN, Language: "en",
	}
}

// begin gives the address of a confirmation.
func (t *town) begin(tb testing.TB, a assure.Ask) string {
	tb.Helper()
	address, err := t.desk.Begin(tb.Context(), a)
	must(tb, err)
	return t.here(address)
}

// secure gives Anna a PIN or codes by the pages, and forgets what she was told.
func (t *town) secure(tb testing.TB, methods ...assure.Method) (key string) {
	tb.Helper()
	b := t.browser(tb)
	p := b.enter("anna", annasPhone)
	for _, m := range methods {
		if m == assure.PIN {
			p = b.send(p, "setup/pin", "pin", goodPIN, "repeat", goodPIN)
			continue
		}
		p = b.send(p, "setup/totp")
		key = strings.ReplaceAll(p.Find(tb, `class="code">([A-Z2-7 ]+)<`), " ", "")
		p = b.send(p, "setup/totp/complete", "totp", t.code(tb, key, 0))
		t.pass(30 * time.Second)
	}
	if p.Key() != "setup" {
		tb.Fatalf("%d %s", p.Status, p.Body)
	}
	t.mu.Lock()
	t.told = map[int64][]string{}
	t.mu.Unlock()
	return key
}

const goodPIN = "274913"

// pass moves the clock by which codes go.
func (t *town) pass(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.now.Add(d)
}

// code is what an app shows, some steps from now.
func (t *town) code(tb testing.TB, shared string, steps int64) string {
	tb.Helper()
	key, err := base32.StdEncoding.DecodeString(shared)
	must(tb, err)
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(t.desk.Now().Unix()/30+steps)))
	sum := mac.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

func (t *town) cast() []vote {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.votes)
}

// nothing checks that no vote was cast.
func (t *town) nothing(tb testing.TB) {
	tb.Helper()
	if v := t.cast(); len(v) != 0 {
		tb.Errorf("cast: %+v", v)
	}
}

// heard reports whether an account was told something with the words.
func (t *town) heard(account int64, words string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.told[account], func(text string) bool { return strings.Contains(text, words) })
}
