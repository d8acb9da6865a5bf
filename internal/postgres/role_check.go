package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrRole comes back when the role of a connection may not do the service's work.
var ErrRole = errors.New("the role of database.url cannot serve")

// rights is what a role has, and where it could get what it lacks. The names are quoted as SQL wants them.
type rights struct {
	Role, Schema, Owner string
	Lacks               string // the first table it may not read, "" when it may read all that the service's role reads
	Version             int    // of the server
	Found               bool   // without a schema's name: it is in the search path
	App                 bool   // the service's role has the rights
	Member              bool   // of the service's role
}

// CheckRole says in one sentence what to do when the connection's role may not
// use the service's tables. The owner of the tables, the role AppRole and every
// role that inherits from one of them may; so may a role with grants of its
// own. A database without the tables is in order: it is not migrated yet.
func CheckRole(ctx context.Context, q Querier) error {
	// The catalogs are open to everybody, the functions that look a name up are
	// not. has_table_privilege knows owners, superusers and what is inherited.
	// The service's role may be absent: then only one table is looked at.
	var r rights
	err := q.QueryRow(ctx, `
		WITH app AS (SELECT oid FROM pg_roles WHERE rolname = $1),
		anchor AS (
			SELECT c.oid, c.relnamespace AS schema, c.relowner AS owner, pg_table_is_visible(c.oid) AS found
			FROM pg_class c WHERE c.relname = 'directory_state' AND c.relkind = 'r' ORDER BY found DESC, c.oid LIMIT 1)
		SELECT quote_ident(current_user), quote_ident(n.nspname), quote_ident(pg_get_userbyid(a.owner)),
		       coalesce((
		         SELECT c.relname FROM pg_class c
		         WHERE c.relnamespace = a.schema AND c.relkind = 'r'
		           AND (c.oid = a.oid OR has_table_privilege((SELECT oid FROM app), c.oid, 'select'))
		           AND NOT (has_schema_privilege(a.schema, 'usage') AND has_table_privilege(c.oid, 'select'))
		         ORDER BY c.oid <> a.oid, c.relname LIMIT 1), ''),
		       current_setting('server_version_num')::int, a.found,
		       coalesce((SELECT has_schema_privilege(oid, a.schema, 'usage') AND has_table_privilege(oid, a.oid, 'select') FROM app), false),
		       coalesce((SELECT pg_has_role(oid, 'member') FROM app), false)
		FROM anchor a JOIN pg_namespace n ON n.oid = a.schema`, AppRole,
	).Scan(&r.Role, &r.Schema, &r.Owner, &r.Lacks, &r.Version, &r.Found, &r.App, &r.Member)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rights of the service's role: %w", err)
	}
	return r.err()
}

func (r rights) err() error {
	lacks := fmt.Sprintf("%s may not read table %s.%s", r.Role, r.Schema, r.Lacks)
	switch {
	case r.Lacks == "" && r.Found:
		return nil
	case r.Lacks == "":
		return fmt.Errorf("%w: %s does not find the tables, which are in schema %s: run ALTER ROLE %s SET search_path = %s",
			ErrRole, r.Role, r.Schema, r.Role, r.Schema)
	case !r.App:
		return fmt.Errorf("%w: %s, and neither may %s, which did not exist when the tables were made: connect as their owner %s, or run GRANT %s TO %s",
			ErrRole, lacks, AppRole, r.Owner, r.Owner, r.Role)
	case !r.Member:
		return fmt.Errorf("%w: %s: run GRANT %s TO %s", ErrRole, lacks, AppRole, r.Role)
	case r.Version >= 160000: // since then it is each membership that inherits or not
		return fmt.Errorf("%w: %s: it is a member of %s that does not inherit: run GRANT %s TO %s WITH INHERIT TRUE",
			ErrRole, lacks, AppRole, AppRole, r.Role)
	default:
		return fmt.Errorf("%w: %s: it is a member of %s that does not inherit: run ALTER ROLE %s INHERIT", ErrRole, lacks, AppRole, r.Role)
	}
}
