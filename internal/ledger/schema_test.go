package ledger_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// assurances is the step that brought them.
const assurances = 14

// steps gives our migrations on a database: this program needs them all.
func steps(tb testing.TB, ownerURL string) *goose.Provider {
	tb.Helper()
	config, err := pgxpool.ParseConfig(ownerURL)
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	db := stdlib.OpenDBFromPool(pool)
	tb.Cleanup(func() { _ = db.Close() })
	out, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestWhatWasPaidBeforeTheUpgradeIsKnownAfterIt: nobody is asked for a proof because the
// ledger forgot whom it had paid, and the step can be taken back and done again.
func TestWhatWasPaidBeforeTheUpgradeIsKnownAfterIt(t *testing.T) {
	t.Parallel()
	ownerURL, appURL := postgrestest.NewDatabase(t, func(context.Context, string) error { return nil }, "bare")
	p := steps(t, ownerURL)
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := ledgertest.On(t, ownerURL, appURL)
	b.Furnish(t)
	for i, account := range []string{"DE89 3704 0044 0532 0130 00", "de89370400440532013000", "", "4070\n2810", "40702810 "} {
		id := fmt.Sprint(i)
		d := ledgertest.Payment(id)
		if d.Payee.Account = account; account == "" {
			d.Title = "Rent \x00, June" // PostgreSQL reads no such character
		}
		st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
		if err != nil {
			t.Fatal(err)
		}
		b.Approve(t, id)
		if i == 4 {
			break // approved, and not paid
		}
		if _, err := b.Consume(t.Context(), ledgertest.Key(id), st.Hash, "pay-"+id); err != nil {
			t.Fatal(err)
		}
	}
	known := payees(t, b)
	if len(known) != 2 {
		t.Fatalf("known are %q", known)
	}
	if _, err := p.DownTo(t.Context(), assurances-1); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(known, payees(t, b)); diff != "" {
		t.Errorf("known before and after:\n%s", diff)
	}
	b.Pool.Reset() // what it prepared is of the time before
	st, err := b.Document(t.Context(), ledgertest.Key("4"))
	if err != nil || st.Case.State != approval.Approved || st.Case.Slots[0].Vote.Assurance != approval.ByChat {
		t.Fatalf("%+v, %v", st.Case, err)
	}
	assertReplay(t, b, "4")
	dir, err := b.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p1, _ := dir.Find("petrov")
	if found, err := b.Numbered(t.Context(), "4", p1, 10); err != nil || len(found) != 1 {
		t.Errorf("found by its number: %+v, %v", found, err)
	}
}

func payees(t *testing.T, b *ledgertest.Bench) []string {
	t.Helper()
	rows, err := b.Pool.Query(t.Context(), `select concat_ws(' ', source, company, account, bank, case_id) from known_payee order by account`)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}
