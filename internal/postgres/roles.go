package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// EnsureRoles makes the owner's and the service's role, or gives them the
// passwords they should have. The connection is a superuser's.
func EnsureRoles(ctx context.Context, admin *pgx.Conn, s Secrets) error {
	for _, r := range []struct{ name, password string }{{OwnerRole, s.Owner}, {AppRole, s.App}} {
		v, err := verifier(r.password, s.Salt)
		if err != nil {
			return err
		}
		var exists, right bool
		err = admin.QueryRow(ctx, `SELECT count(*) = 1, coalesce(bool_and(rolpassword = $2), false) FROM pg_authid WHERE rolname = $1`, r.name, v).Scan(&exists, &right)
		if err != nil {
			return fmt.Errorf("role %s: %w", r.name, err)
		}
		if right {
			continue
		}
		verb := "CREATE"
		if exists {
			verb = "ALTER"
		}
		_, err = admin.Exec(ctx, verb+" ROLE "+r.name+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '"+v+"'")
		if err != nil {
			return fmt.Errorf("role %s: %w", r.name, err)
		}
	}
	return nil
}

// EnsureDatabase makes a database that belongs to the owner role and lets the
// service in. It appears under its name only when it is ready.
func EnsureDatabase(ctx context.Context, admin *pgx.Conn, name string) error {
	var exists bool
	if err := admin.QueryRow(ctx, `SELECT count(*) = 1 FROM pg_database WHERE datname = $1`, name).Scan(&exists); err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	if exists {
		return nil
	}
	fresh := name + "_new"
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + quote(fresh),
		"CREATE DATABASE " + quote(fresh) + " OWNER " + OwnerRole,
		GrantDatabase(fresh),
	} {
		if _, err := admin.Exec(ctx, statement); err != nil {
			return fmt.Errorf("database %s: %w", name, err)
		}
	}
	if err := ensureSchema(ctx, admin, fresh); err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	if _, err := admin.Exec(ctx, "ALTER DATABASE "+quote(fresh)+" RENAME TO "+quote(name)); err != nil {
		return fmt.Errorf("database %s: %w", name, err)
	}
	return nil
}

// GrantDatabase is the statement that opens a database to the service and closes it to all others.
func GrantDatabase(name string) string {
	return "REVOKE ALL ON DATABASE " + quote(name) + " FROM PUBLIC; GRANT CONNECT ON DATABASE " + quote(name) + " TO " + AppRole
}

// ensureSchema gives the public schema to the owner; the service may use it and make nothing in it.
func ensureSchema(ctx context.Context, admin *pgx.Conn, database string) error {
	config := admin.Config()
	config.Database = database
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER SCHEMA public OWNER TO "+OwnerRole+"; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO "+AppRole)
	if closing := conn.Close(ctx); err == nil {
		err = closing
	}
	return err
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
