package directory_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// lastMigration is the last step that has to do with the directory's tables.
const lastMigration = 60

// house is a database with one store in it, as the service sees it.
type house struct {
	*directory.Store

	app   *pgxpool.Pool // what the service may do
	owner *pgxpool.Pool // what migrations may do
	clock *clock
}

// clock is the time of a test.
type clock struct{ micros atomic.Int64 }

func (c *clock) Now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

func newHouse(tb testing.TB) house {
	tb.Helper()
	owner, app := postgrestest.NewDatabase(tb, migrate, "directory "+digest(tb))
	h := house{app: open(tb, app), owner: open(tb, owner), clock: &clock{}}
	h.clock.micros.Store(time.Date(2026, 11, 20, 9, 30, 0, 123_000, time.UTC).UnixMicro())
	h.Store = h.another()
	return h
}

// another is a second process on the same database.
func (h house) another() *directory.Store {
	return &directory.Store{Pool: h.app, Now: h.clock.Now}
}

func open(tb testing.TB, address string) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		tb.Fatal(err)
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

func migrate(ctx context.Context, address string) error {
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrateTo(ctx, pool, lastMigration)
}

// migrateTo brings the schema to a step, up or down.
func migrateTo(ctx context.Context, pool *pgxpool.Pool, step int64) error {
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err = p.UpTo(ctx, step); err != nil {
		return err
	}
	_, err = p.DownTo(ctx, step)
	return err
}

// digest changes with the migrations.
func digest(tb testing.TB) string {
	tb.Helper()
	sum := sha256.New()
	for i := 1; i <= lastMigration; i++ {
		names, err := fs.Glob(migrations.FS, fmt.Sprintf("%04d_*.sql", i))
		if err != nil || len(names) > 1 {
			tb.Fatalf("migration %d: %v, %v", i, names, err)
		}
		for _, name := range names { // a number may be left out
			text, err := migrations.FS.ReadFile(name)
			if err != nil {
				tb.Fatal(err)
			}
			sum.Write(text)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func role(text string) people.Role { return people.ParseRole(text) }

func anna() directory.User {
	return directory.User{ExternalID: "anna", Email: "anna@corp.example", Name: "Анна Смит", Roles: []people.Role{role("treasurer"), role("budget_holder@CC-12")}, Locale: "ru"}
}

func boris() directory.User {
	return directory.User{ExternalID: "boris", Email: "boris@corp.example", Name: "Boris", Roles: []people.Role{role("treasurer@LLC-A")}, Locale: "en"}
}

// mustPut stores users and gives them back as the core sees them.
func (h house) mustPut(tb testing.TB, users ...directory.User) []people.Person {
	tb.Helper()
	if _, err := h.Import(tb.Context(), "test", users, directory.Apply); err != nil {
		tb.Fatal(err)
	}
	var out []people.Person
	for _, u := range users {
		out = append(out, h.person(tb, u.ExternalID))
	}
	return out
}

func (h house) person(tb testing.TB, externalID string) people.Person {
	tb.Helper()
	return h.entry(tb, externalID).Person
}

func (h house) entry(tb testing.TB, externalID string) directory.Entry {
	tb.Helper()
	entries, err := h.Users(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		if e.ExternalID == externalID {
			return e
		}
	}
	tb.Fatalf("nobody is called %q", externalID)
	return directory.Entry{}
}

func (h house) version(tb testing.TB) int64 {
	tb.Helper()
	return ask[int64](tb, h.app, "select version from directory_state")
}

// journal lists what happened to a subject, oldest first.
func (h house) journal(tb testing.TB, subject string) []string {
	tb.Helper()
	return ask[[]string](tb, h.app, "select coalesce(array_agg(what || ' by ' || actor order by id), '{}') from directory_journal where subject = $1", subject)
}

func ask[T any](tb testing.TB, pool *pgxpool.Pool, sql string, args ...any) T { //nolint:ireturn // a type parameter, not an interface
	tb.Helper()
	var v T
	if err := pool.QueryRow(tb.Context(), sql, args...).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return v
}
