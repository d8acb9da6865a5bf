package ledger

import (
	"context"
	"io/fs"
	"log/slog"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// firstRelease is the last step of the oldest release that may be in use.
const firstRelease = "0009_courier.sql"

// TestDatabaseOfTheFirstReleaseIsBroughtUpToDate: the queue's step is done there, with a
// higher number than all that came since.
func TestDatabaseOfTheFirstReleaseIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	nothing := func(context.Context, string) error { return nil }
	address, _ := postgrestest.NewDatabase(t, nothing, "empty")
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	all, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, later := fstest.MapFS{}, 0
	for _, name := range all {
		if name > firstRelease {
			later++
			continue
		}
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		old[name] = &fstest.MapFile{Data: text}
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	p, err := provider(old, db, pool, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `with p as (insert into person (id, external_id, name, email, created_at)
			values ('per_00000000000000000000000001', 'anna', 'Anna', 'anna@example.com', now()) returning id)
		insert into telegram_link (person_id, account, how, linked_at, linked_by) select id, 1001, 'administrator', now(), 'import' from p`); err != nil {
		t.Fatal(err)
	}
	if behind, err := Pending(t.Context(), pool, log); err != nil || !behind {
		t.Errorf("pending %t, %v", behind, err)
	}
	if n, err := Migrate(t.Context(), address, log); err != nil || n != later || later == 0 {
		t.Errorf("%d steps of %d, %v", n, later, err)
	}
	if behind, err := Pending(t.Context(), pool, log); err != nil || behind {
		t.Errorf("pending %t, %v", behind, err)
	}
}

// TestStepsBringTheTablesOfThisQueue: a newer queue needs a step of its own.
func TestStepsBringTheTablesOfThisQueue(t *testing.T) {
	t.Parallel()
	m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := m.AllVersions()
	if last := all[len(all)-1].Version; last != queueTables {
		t.Errorf("the queue has migration %d, the steps bring %d", last, queueTables)
	}
}
