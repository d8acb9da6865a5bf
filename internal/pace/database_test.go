package pace_test

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// database makes a database with the table of the package, opened as the service opens it.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	_, app := postgrestest.NewDatabase(t, migrate, "pace")
	pool, err := pgxpool.New(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// migrate goes up, down and up again, with the ground and the step of this package alone.
func migrate(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	files := fstest.MapFS{}
	for _, name := range []string{"0001_ground.sql", "0005_pace.sql", "0059_pace_window.sql"} {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return err
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	steps, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return err
	}
	if _, err := steps.Up(ctx); err != nil {
		return err
	}
	if _, err := steps.DownTo(ctx, 1); err != nil {
		return err
	}
	_, err = steps.Up(ctx)
	return err
}
