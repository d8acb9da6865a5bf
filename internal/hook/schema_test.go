package hook_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// ours is the step that makes the tables of this package.
const ours = 6

// TestSchemaGoesWithoutATraceAndComesBack takes the step back and does it again.
func TestSchemaGoesWithoutATraceAndComesBack(t *testing.T) {
	t.Parallel()
	address, _ := postgrestest.NewDatabase(t, func(context.Context, string) error { return nil }, "hook_empty")
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	files := fstest.MapFS{}
	for i := 1; i <= ours; i++ {
		names, err := fs.Glob(migrations.FS, fmt.Sprintf("%04d_*.sql", i))
		if err != nil || len(names) != 1 {
			t.Fatalf("migration %d: %v, %v", i, names, err)
		}
		text, err := fs.ReadFile(migrations.FS, names[0])
		if err != nil {
			t.Fatal(err)
		}
		files[names[0]] = &fstest.MapFile{Data: text}
	}
	db := stdlib.OpenDBFromPool(pool)
	t.Cleanup(func() { _ = db.Close() })
	steps, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := steps.UpTo(t.Context(), ours-1); err != nil {
		t.Fatal(err)
	}
	before := things(t, pool)
	if _, err := steps.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	with := things(t, pool)
	if _, err := steps.DownTo(t.Context(), ours-1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, things(t, pool)); diff != "" {
		t.Errorf("after the step was taken back (-before +after):\n%s", diff)
	}
	if _, err := steps.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(with, things(t, pool)); diff != "" || len(with) < len(before)+8 {
		t.Errorf("after it was done again (-first +again):\n%s", diff)
	}
}

// things lists what is in the schema.
func things(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	var out []string
	err := pool.QueryRow(t.Context(), `select array_agg(name order by name) from (
		select relkind::text || ' ' || relname as name from pg_class where relnamespace = 'public'::regnamespace
		union all select 'function ' || oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace) n`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
