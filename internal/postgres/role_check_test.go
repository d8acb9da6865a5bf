//go:build !windows

package postgres_test

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
	"countersign/internal/postgres"
)

// as is the address of the service's database for another role.
func as(t *testing.T, i *postgres.Instance, role string) string {
	t.Helper()
	u, err := url.Parse(i.AppDSN())
	must(t, err)
	u.User = url.UserPassword(role, "x")
	return u.String()
}

func checkRole(t *testing.T, dsn string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(t.Context())
	return postgres.CheckRole(t.Context(), conn)
}

// migrated is a server of an operator, as far as roles go: everybody may connect, and the schema is open.
func migrated(t *testing.T) *postgres.Instance {
	t.Helper()
	i := open(t, postgres.Options{DataDir: seeded(t), Test: true})
	must(t, checkRole(t, i.AppDSN())) // nothing is there yet, and nothing is wrong
	_, err := ledger.Migrate(t.Context(), i.OwnerDSN(), slog.New(slog.DiscardHandler))
	must(t, err)
	exec1(t, i.AdminDSN(postgres.Database), `GRANT CONNECT ON DATABASE countersign TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC`)
	return i
}

// mustBeCured runs as the superuser what the error advises, and expects it to help.
func mustBeCured(t *testing.T, i *postgres.Instance, role string, err error) {
	t.Helper()
	_, advice, found := strings.Cut(err.Error(), "run ")
	if !found {
		t.Fatalf("no advice in: %v", err)
	}
	exec1(t, i.AdminDSN(postgres.Database), advice)
	if err := checkRole(t, as(t, i, role)); err != nil {
		t.Errorf("after %s: %v", advice, err)
	}
}

func TestRoleThatCannotServeIsToldWhatToRun(t *testing.T) {
	t.Parallel()
	i := migrated(t)
	for role, c := range map[string]struct {
		sql  string
		want string // "" when the role can serve
	}{
		"pay":         {``, "run GRANT countersign_app TO pay"},
		`"Pay role"`:  {``, `run GRANT countersign_app TO "Pay role"`},
		"poor":        {`GRANT SELECT ON directory_state TO poor`, "may not read table public."},
		"reserved":    {`ALTER ROLE reserved NOINHERIT; GRANT countersign_app TO reserved`, "does not inherit: run "},
		"lost":        {`GRANT countersign_app TO lost; ALTER ROLE lost SET search_path = pg_catalog`, "which are in schema public: run ALTER ROLE lost SET"},
		"member":      {`GRANT countersign_app TO member`, ""},
		"grandchild":  {`CREATE ROLE family; GRANT countersign_app TO family; GRANT family TO grandchild`, ""},
		"heir":        {`GRANT countersign_owner TO heir`, ""},
		"mighty":      {`ALTER ROLE mighty SUPERUSER`, ""},
		"independent": {`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO independent`, ""},
	} {
		exec1(t, i.AdminDSN(postgres.Database), "CREATE ROLE "+role+" LOGIN PASSWORD 'x'; "+c.sql)
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			name := strings.Trim(role, `"`)
			err := checkRole(t, as(t, i, name))
			if c.want == "" {
				must(t, err)
				return
			}
			if !errors.Is(err, postgres.ErrRole) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			mustBeCured(t, i, name, err)
		})
	}
	must(t, checkRole(t, i.AppDSN()))
	must(t, checkRole(t, i.OwnerDSN()))
	memberMayWhatTheServiceMay(t, i)
}

func TestRoleIsToldOfTheOwnerWhereTheServicesRoleCameTooLate(t *testing.T) {
	t.Parallel()
	i := migrated(t)
	exec1(t, i.AdminDSN(postgres.Database), `REVOKE ALL ON SCHEMA public FROM PUBLIC`)
	for _, c := range []struct{ role, sql string }{
		{"late", `DROP OWNED BY countersign_app`},
		{"absent", `DROP ROLE countersign_app`},
	} {
		exec1(t, i.AdminDSN(postgres.Database), c.sql+"; CREATE ROLE "+c.role+" LOGIN PASSWORD 'x'")
		err := checkRole(t, as(t, i, c.role))
		if !errors.Is(err, postgres.ErrRole) || !strings.Contains(err.Error(), "run GRANT countersign_owner TO "+c.role) {
			t.Fatalf("got %v", err)
		}
		mustBeCured(t, i, c.role, err)
	}
}

// Membership is all that an operator is told to grant, so it must be enough for everything.
func memberMayWhatTheServiceMay(t *testing.T, i *postgres.Instance) {
	t.Helper()
	exec1(t, i.AdminDSN(postgres.Database), `CREATE ROLE clerk LOGIN PASSWORD 'x'; CREATE ROLE stranger LOGIN PASSWORD 'x'; GRANT countersign_app TO clerk`)
	rights := func(dsn string) []string {
		return strings.Split(ask(t, dsn, `
			SELECT string_agg(line, E'\n' ORDER BY line) FROM (
				SELECT relname || '.' || attname || ' ' || p AS line
				FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid, unnest('{select,insert,update,references}'::text[]) p
				WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND has_column_privilege(c.oid, attnum, p)
				UNION ALL SELECT relname || ' ' || p FROM pg_class c, unnest('{delete,truncate,trigger}'::text[]) p
				WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND has_table_privilege(c.oid, p)
				UNION ALL SELECT relname || ' ' || p FROM pg_class c, unnest('{usage,select,update}'::text[]) p
				WHERE relnamespace = 'public'::regnamespace AND CASE WHEN relkind = 'S' THEN has_sequence_privilege(c.oid, p) END
				UNION ALL SELECT oid::regprocedure || ' execute' FROM pg_proc
				WHERE pronamespace = 'public'::regnamespace AND has_function_privilege(oid, 'execute')
				UNION ALL SELECT 'schema ' || p FROM unnest('{usage,create}'::text[]) p WHERE has_schema_privilege('public', p)
				UNION ALL SELECT 'database ' || p FROM unnest('{connect,create,temporary}'::text[]) p WHERE has_database_privilege(current_database(), p)
			) lines`), "\n")
	}
	want := rights(i.AppDSN())
	if diff := cmp.Diff(want, rights(as(t, i, "clerk"))); diff != "" {
		t.Error(diff)
	}
	if few := rights(as(t, i, "stranger")); len(few)*2 > len(want) {
		t.Errorf("a stranger has %d rights of %d: nothing was compared", len(few), len(want))
	}
	const sweep = `SELECT webhook_purge_attempts(now() - interval '30 days', '-infinity')`
	must(t, try(t, as(t, i, "clerk"), sweep))
	if try(t, as(t, i, "stranger"), sweep) == nil {
		t.Error("a stranger may call what runs as the owner")
	}
	if try(t, as(t, i, "clerk"), `DROP TABLE event`) == nil || try(t, as(t, i, "clerk"), `DELETE FROM event`) == nil {
		t.Error("a member may more than the service")
	}
}
