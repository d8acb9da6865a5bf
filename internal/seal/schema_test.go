//go:build linux

package seal_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// ours is the step that makes the table of this package.
const ours = 13

// ownPool is a pool for one goroutine: two connections are enough to look after keys.
func (d *desk) ownPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	c := d.pool.Config()
	c.MaxConns = 2
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), c)
	if err != nil {
		t.Error(err)
		return d.pool
	}
	t.Cleanup(pool.Close)
	return pool
}

// until waits for a question to be answered with yes.
func (d *desk) until(t *testing.T, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for yes := false; !yes; {
		must(t, d.pool.QueryRow(ctx, query).Scan(&yes))
	}
}

func TestDatabaseRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	known := sealed(t, d.Seal, long, bot(1))
	must(t, d.put(t, 1, known))
	unknown := sealed(t, newSeal(t), long, bot(2))
	for name, c := range map[string]struct {
		sql  string
		args []any
		code string
	}{
		"under an unknown key":      {`insert into telegram_secret (bot_id, sealed) values (2, $1)`, []any{unknown}, "23503"},
		"not sealed at all":         {`insert into telegram_secret (bot_id, sealed) values (2, convert_to(repeat('x', 80), 'UTF8'))`, nil, "23514"},
		"too short":                 {`insert into telegram_secret (bot_id, sealed) values (2, substr($1::bytea, 1, 50))`, []any{known}, "23514"},
		"sealed and in the clear":   {`insert into telegram_secret (bot_id, secret, sealed) values (2, repeat('x', 40), $1)`, []any{known}, "23514"},
		"neither":                   {`insert into telegram_secret (bot_id) values (2)`, nil, "23514"},
		"back into the clear":       {`update telegram_secret set secret = repeat('x', 40), sealed = null where bot_id = 1`, nil, "CS030"},
		"a short one in the clear":  {`insert into telegram_secret (bot_id, secret) values (2, 'short')`, nil, "23514"},
		"a key's name is made up":   {`insert into telegram_secret (bot_id, sealed, sealed_key) values (2, $1, 7)`, []any{known}, "428C9"},
		"a canary that changes":     {`update seal_canary set made_at = now()`, nil, "CS001"},
		"a canary of another key":   {`insert into seal_canary select key_id # 1, sealed, now() from seal_canary`, nil, "23514"},
		"a canary that is no value": {`insert into seal_canary values (7, 'x', now())`, nil, "23514"},
		"a key that is used goes":   {`delete from seal_canary`, nil, "23503"},
		"all canaries go":           {`truncate seal_canary cascade`, nil, "CS001"},
		"hook: neither":             {`insert into webhook_secret (endpoint, role, created_at) values ('whk_00000000000000000000000000', 'current', now())`, nil, "23514"},
		"hook: under unknown key":   {`insert into webhook_secret (endpoint, role, sealed, created_at) values ('whk_00000000000000000000000000', 'current', $1, now())`, []any{unknown}, "23503"},
	} {
		_, err := d.owner.Exec(t.Context(), c.sql, c.args...)
		if err == nil {
			t.Errorf("%s: the database lets it be", name)
			continue
		}
		refused(t, err, c.code)
	}
	for _, sql := range []string{
		`update seal_canary set made_at = now()`, `update telegram_secret set bot_id = 3`, `truncate seal_canary`,
	} {
		_, err := d.pool.Exec(t.Context(), sql)
		refused(t, err, "42501")
	}
}

func TestStepGoesBackOnlyWhileNothingIsSealed(t *testing.T) {
	t.Parallel()
	address, app := postgrestest.NewDatabase(t, func(context.Context, string) error { return nil }, "seal_empty")
	d := &desk{owner: connect(t, address), pool: connect(t, app), path: keyPath(t)}
	db := stdlib.OpenDBFromPool(d.owner)
	t.Cleanup(func() { _ = db.Close() })
	steps, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	must(t, err)
	_, err = steps.UpTo(t.Context(), ours)
	must(t, err)
	with := d.things(t)
	_, err = steps.DownTo(t.Context(), ours-1)
	must(t, err)
	if without := d.things(t); len(without) >= len(with) {
		t.Errorf("%d things with the step, %d without", len(with), len(without))
	}
	_, err = d.owner.Exec(t.Context(), `insert into telegram_secret values (1, repeat('x', 40))`)
	must(t, err)
	if _, err := d.pool.Exec(t.Context(), `update telegram_secret set secret = repeat('y', 40)`); err == nil {
		t.Error("the right to change secrets stayed behind")
	}
	_, err = d.owner.Exec(t.Context(), `insert into telegram_secret values (2, null)`)
	refused(t, err, "23502")
	_, err = steps.UpTo(t.Context(), ours)
	must(t, err)
	if diff := cmp.Diff(with, d.things(t)); diff != "" {
		t.Errorf("after it was done again (-first +again):\n%s", diff)
	}
	d.Seal = d.start(t)
	_, err = d.owner.Exec(t.Context(), `update telegram_secret set secret = null, sealed = $1`, sealed(t, d.Seal, long, bot(1)))
	must(t, err)
	if _, err := steps.DownTo(t.Context(), ours-1); err == nil {
		t.Error("the step went back and took sealed secrets with it")
	}
	if plain := d.sealedOf(t, 1); len(plain) == 0 {
		t.Error("the sealed secret is gone")
	}
}

func (d *desk) sealedOf(t *testing.T, bot int) (sealed []byte) {
	t.Helper()
	must(t, d.owner.QueryRow(t.Context(), `select sealed from telegram_secret where bot_id = $1`, bot).Scan(&sealed))
	return sealed
}

// things lists what is in the schema.
func (d *desk) things(t *testing.T) []string {
	t.Helper()
	var out []string
	must(t, d.owner.QueryRow(t.Context(), `select array_agg(name order by name) from (
		select relkind::text || ' ' || relname as name from pg_class where relnamespace = 'public'::regnamespace
		union all select 'function ' || oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace
		union all select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
		union all select 'trigger ' || tgname || ' ' || tgenabled::text from pg_trigger where not tgisinternal
		union all select 'column ' || table_name || '.' || column_name || ' ' || is_nullable || ' ' || data_type from information_schema.columns where table_schema = 'public'
		union all select 'right ' || table_name || '.' || column_name || ' ' || privilege_type from information_schema.column_privileges where grantee = 'countersign_app') n`).Scan(&out))
	return out
}
