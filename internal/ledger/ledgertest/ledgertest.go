// Package ledgertest gives tests a ledger on a real PostgreSQL: a database of its own
// for each test, migrated, with people in it and the shipped route published.
//
// It owns what tests begin with. It leaves the server to package postgrestest.
package ledgertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/configs"
	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/file"
	"countersign/internal/ledger"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/postgres/postgrestest"
	"countersign/internal/wake"
	"countersign/migrations"
)

// Source is the ERP that the documents of tests come from.
const Source = "erp1c"

// The Telegram accounts of the people of tests.
const (
	Requester = 1001
	Budget    = 1002
	Finance   = 1003
	Treasurer = 1004
	Second    = 1005 // another treasurer
)

// Route is the shipped route of a payment request.
func Route() string {
	text, err := fs.ReadFile(configs.Files(), "routes/payment_request.toml")
	if err != nil {
		panic(err) // it is part of this binary
	}
	return string(text)
}

// StepUp gives the shipped route with more tables, [[step_up]] for one.
func StepUp(tables string) string { return Route() + "\n" + tables + "\n" }

// Bench is a ledger with everything around it.
type Bench struct {
	*ledger.DB

	OwnerURL string
	AppURL   string
	Clock    *Clock
}

// Clock is a clock that goes on by a microsecond at each look, so that no two moments
// are the same, and by more when told to.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now gives the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Database makes a migrated, empty database and gives the addresses of its owner and of
// the service.
func Database(tb testing.TB) (ownerURL, appURL string) {
	tb.Helper()
	return postgrestest.NewDatabase(tb, func(ctx context.Context, ownerURL string) error {
		_, err := ledger.Migrate(ctx, ownerURL, slog.New(slog.DiscardHandler))
		return err
	}, key(tb))
}

// key names the template after the migrations, so that a changed one makes a new one.
func key(tb testing.TB) string {
	tb.Helper()
	sum := sha256.New()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return "ledger_" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// Empty gives a ledger without people or routes, as the service's role sees it.
func Empty(tb testing.TB) *Bench {
	tb.Helper()
	ownerURL, appURL := Database(tb)
	return On(tb, ownerURL, appURL)
}

// On gives a ledger on a database that is there: another replica.
func On(tb testing.TB, ownerURL, appURL string) *Bench {
	tb.Helper()
	config, err := pgxpool.ParseConfig(appURL)
	if err != nil {
		tb.Fatal(err)
	}
	config.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	clock := &Clock{now: time.Date(2026, 6, 15, 9, 0, 0, 0, time.UTC)}
	return &Bench{
		DB: &ledger.DB{
			Pool: pool, Directory: &directory.Store{Pool: pool, Now: clock.Now},
			Files: &file.Store{Pool: pool, Now: clock.Now, Max: 25 << 20},
			Now:   clock.Now, Bell: &wake.Bell{},
		},
		OwnerURL: ownerURL, AppURL: appURL, Clock: clock,
	}
}

// New gives a ledger with five people, linked, and the shipped route.
func New(tb testing.TB) *Bench {
	tb.Helper()
	b := Empty(tb)
	b.Furnish(tb)
	return b
}

// Furnish puts the five people and the route into an empty ledger.
func (b *Bench) Furnish(tb testing.TB) {
	tb.Helper()
	b.Import(tb,
		User("ivanova", "Anna Ivanova", "requester", Requester),
		User("petrov", "Pyotr Petrov", "budget_holder", Budget),
		User("sidorova", "Olga Sidorova", "finance_manager", Finance),
		User("kozlov", "Ivan Kozlov", "treasurer", Treasurer),
		User("orlova", "Maria Orlova", "treasurer", Second),
	)
	if _, err := b.Publish(tb.Context(), []byte(Route()), "test"); err != nil {
		tb.Fatal(err)
	}
}

// User is a person with one role and a linked account.
func User(id, name, role string, account int64) directory.User {
	return directory.User{
		ExternalID: id, Name: name, Email: id + "@example.org", Roles: []people.Role{people.ParseRole(role)}, Telegram: account,
	}
}

// Import puts people into the directory.
func (b *Bench) Import(tb testing.TB, users ...directory.User) {
	tb.Helper()
	if _, err := b.Directory.Import(tb.Context(), "test", users, directory.Apply); err != nil {
		tb.Fatal(err)
	}
}

// StandIn makes somebody the deputy of another, of external ids, for a while from now on.
func (b *Bench) StandIn(tb testing.TB, principal, deputy string, in, until time.Duration) directory.Given {
	tb.Helper()
	dir, err := b.Directory.Snapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	from, _ := dir.Find(principal)
	to, _ := dir.Find(deputy)
	now := b.Clock.Now()
	g, _, err := b.Directory.Delegate(tb.Context(), "test", directory.NewDelegation{Delegation: people.Delegation{
		Principal: from.ID, Deputy: to.ID, From: now.Add(in), Until: now.Add(until), Hands: 1,
	}})
	if err == nil {
		err = b.DB.StandIn(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// Payment is a payment request that is as it should be.
func Payment(number string) document.Document {
	return document.Document{
		Type: "payment_request", Number: number, Title: "Rent, June", Company: "LLC-A", CostCenter: "CC-12",
		Requester: "ivanova", Amount: money.Amount{Minor: 12500000, Currency: "RUB"}, DueDate: "2026-06-30",
		Payee: document.Payee{Name: "Landlord LLC", TaxID: "7701234567", Account: "40702810000000000001", BankID: "044525225"},
	}
}

// Key is the name of a document of the tests' ERP.
func Key(id string) document.Key { return document.Key{Source: Source, ExternalID: id} }

// Post submits a payment request.
func (b *Bench) Post(tb testing.TB, id string) ledger.Status {
	tb.Helper()
	st, err := b.Submit(tb.Context(), ledger.Submission{Key: Key(id), Document: Payment(id)})
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// Tap gives a tap on the first open slot of the person who holds the account.
func (b *Bench) Tap(tb testing.TB, id string, account int64, v approval.Verdict) ledger.Tap {
	tb.Helper()
	st, err := b.Document(tb.Context(), Key(id))
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := b.Directory.Snapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	p, _ := dir.ByTelegram(account)
	t := ledger.Tap{Account: account, Case: st.Case.ID, Round: st.Case.Round, Step: st.Case.Step, Revision: st.Case.Revision, Verdict: v}
	for _, s := range st.Case.InStep(st.Case.Step) {
		if s.Person == p.ID {
			t.No = s.No
		}
	}
	return t
}

// Vote lets the person decide; a refusal fails the test.
func (b *Bench) Vote(tb testing.TB, id string, account int64, v approval.Verdict, reason string) ledger.Voted {
	tb.Helper()
	t := b.Tap(tb, id, account, v)
	t.Reason = reason
	out, err := b.DB.Vote(tb.Context(), t)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// Approve lets all three steps accept.
func (b *Bench) Approve(tb testing.TB, id string) {
	tb.Helper()
	for _, account := range []int64{Budget, Finance, Treasurer} {
		b.Vote(tb, id, account, approval.Accept, "")
	}
}

// SequenceAll gives all events that wait their places in the feed.
func (b *Bench) SequenceAll(tb testing.TB) {
	tb.Helper()
	for {
		n, err := b.Sequence(tb.Context(), func(context.Context, pgx.Tx, []ledger.FeedEvent) error { return nil })
		if err != nil {
			tb.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}
