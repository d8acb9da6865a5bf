package videowatch_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

func TestTheSchemaCanBeTakenBackAndRefusesTheImpossible(t *testing.T) {
	t.Parallel()
	address, _ := postgrestest.NewDatabase(t, func(context.Context, string) error { return nil }, "videowatch, empty")
	owner, err := pgxpool.New(t.Context(), address)
	must(t, err)
	t.Cleanup(owner.Close)
	db := stdlib.OpenDBFromPool(owner)
	t.Cleanup(func() { _ = db.Close() })
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	must(t, err)
	_, err = p.UpTo(t.Context(), 53)
	must(t, err)
	_, err = p.DownTo(t.Context(), 51)
	must(t, err)
	var left int
	must(t, owner.QueryRow(t.Context(), "select count(*) from pg_class where relname like 'watch!_%' escape '!'").Scan(&left))
	if left != 0 {
		t.Errorf("%d relations are left", left)
	}
	_, err = p.UpTo(t.Context(), 53)
	must(t, err)
	_, err = owner.Exec(t.Context(), "insert into watch_session (server, session, made_at, told_at) values ('Lab', '1', now(), now()); insert into watch_server (server) values ('Lab')")
	must(t, err)
	for what, sql := range map[string]string{
		"stopped without a word before":  "update watch_session set outcome = 'stopped', outcome_at = now()",
		"stopped and nobody was warned":  "update watch_session set told_at = null, stop_at = now()",
		"an end without its time":        "update watch_session set stop_at = now(), outcome = 'over'",
		"put off by nobody":              "update watch_session set snoozed_until = now()",
		"ignored by nobody":              "update watch_session set ignored_at = now()",
		"two rows for one session":       "insert into watch_session (server, session, made_at) values ('Lab', '1', now())",
		"a certificate that is down":     "insert into watch_part (server, part, state, since, seen, took_us, at) values ('Lab', 'certificate', 'down', now(), '', 0, now())",
		"an engine that expires":         "insert into watch_part (server, part, state, since, seen, took_us, at) values ('Lab', 'engine', 'expired', now(), '', 0, now())",
		"a look that nobody can explain": "insert into watch_part (server, part, state, since, seen, took_us, at) values ('Lab', 'engine', 'well', now(), 'wx', 0, now())",
	} {
		if _, err := owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("the schema takes %s", what)
		}
	}
}
