package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"countersign/migrations"
)

// The steps that bring the job queue's tables. The queue's own migrations take no lock; as
// steps of ours they run under one. A queue with newer migrations brings a step of its own
// beside the first: that one is done in every database there is.
const (
	queueVersion = 900
	queueTables  = 8 // the last of the queue's own migrations that the steps bring
)

// Migrate brings the schema to the version of this binary, as the owner of the tables.
// Any number of replicas may do so at once: one works, the others wait.
func Migrate(ctx context.Context, ownerURL string, log *slog.Logger) (int, error) {
	pool, err := pgxpool.New(ctx, ownerURL)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	p, err := provider(migrations.FS, db, pool, log)
	if err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

// Pending reports whether the schema is behind this binary.
func Pending(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) (bool, error) {
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	p, err := provider(migrations.FS, db, pool, log)
	if err != nil {
		return false, err
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("pending migrations: %w", err)
	}
	return pending, nil
}

func provider(steps fs.FS, db *sql.DB, pool *pgxpool.Pool, log *slog.Logger) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithSessionLocker(locker), goose.WithSlog(log), goose.WithDisableGlobalRegistry(true),
		// Every file has a lower number than the queue's step, and comes later.
		goose.WithAllowOutofOrder(true),
		goose.WithGoMigrations(goose.NewGoMigration(queueVersion, &goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error {
			return migrateQueue(ctx, pool)
		}}, nil)))
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return p, nil
}

func migrateQueue(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: queueTables}); err != nil {
		return err
	}
	_, err = pool.Exec(ctx, `do $$ declare t text; begin
		if exists (select from pg_roles where rolname = 'countersign_app') then
			for t in select tablename from pg_tables where schemaname = current_schema() and tablename like 'river\_%' loop
				execute format('grant select, insert, update, delete on %I to countersign_app', t);
			end loop;
			execute format('grant usage, select on all sequences in schema %I to countersign_app', current_schema());
		end if;
	end $$`)
	return err
}
