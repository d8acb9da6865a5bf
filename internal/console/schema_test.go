package console_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"countersign/internal/postgres/postgrestest"
	"countersign/migrations"
)

// Of a session made before nobody knows by which login; a role counts for the addresses
// that there were.
func TestSessionsOfBeforeEndAndRolesOfBeforeKeepTheirAddresses(t *testing.T) {
	t.Parallel()
	address, _ := postgrestest.NewDatabase(t, func(context.Context, string) error { return nil }, "console, empty")
	owner, err := pgxpool.New(t.Context(), address)
	must(t, err)
	t.Cleanup(owner.Close)
	db := stdlib.OpenDBFromPool(owner)
	t.Cleanup(func() { _ = db.Close() })
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	must(t, err)
	_, err = p.UpTo(t.Context(), 18)
	must(t, err)
	_, err = p.DownTo(t.Context(), 16)
	must(t, err)
	_, err = db.ExecContext(t.Context(), `
		insert into person (id, external_id, name, email, created_at) values
			('per_00000000000000000000000001', 'anna', 'Anna', 'anna@example.org', now()), ('per_00000000000000000000000002', 'boris', 'Boris', '', now());
		insert into identity (person_id, issuer, subject, email, bound_at, bound_by) values ('per_00000000000000000000000001', 'https://login.example', '1', 'A@example.org', now(), 'x');
		insert into console_grant (person_id, role, granted_at, granted_by) values
			('per_00000000000000000000000001', 'viewer', now(), 'per_00000000000000000000000002'), ('per_00000000000000000000000002', 'viewer', now(), 'per_00000000000000000000000001');
		insert into console_session (token_hash, person_id, created_at, seen_at, expires_at, client)
			values (sha256('x'), 'per_00000000000000000000000001', now(), now(), now() + interval '1 hour', '')`)
	must(t, err)
	_, err = p.UpTo(t.Context(), 18)
	must(t, err)
	var live int
	var anna, boris []string
	must(t, owner.QueryRow(t.Context(), "select count(*) from console_session where ended_at is null").Scan(&live))
	const of = "select array(select unnest(addresses) order by 1) from console_grant where person_id like '%' || $1"
	must(t, owner.QueryRow(t.Context(), of, "1").Scan(&anna))
	must(t, owner.QueryRow(t.Context(), of, "2").Scan(&boris))
	if live != 0 || len(anna) != 2 || anna[0] != "a@example.org" || anna[1] != "anna@example.org" || len(boris) != 0 {
		t.Errorf("%d sessions are live, addresses %q and %q", live, anna, boris)
	}
}
