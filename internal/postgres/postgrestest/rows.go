package postgrestest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Row is a row to insert: SQL expressions by column.
type Row map[string]string

// With gives the row with some columns changed.
func (r Row) With(change Row) Row {
	out := maps.Clone(r)
	maps.Copy(out, change)
	return out
}

// overriding ends the value of an identity column that is named outright.
const overriding = " overriding"

// Insert is the statement. A value of an identity column ends in " overriding".
func (r Row) Insert(table string) string {
	columns := slices.Sorted(maps.Keys(r))
	values, system := make([]string, len(columns)), ""
	for i, c := range columns {
		v, outright := strings.CutSuffix(r[c], overriding)
		if values[i] = v; outright {
			system = " overriding system value"
		}
	}
	return fmt.Sprintf("insert into %s (%s)%s values (%s)", table, strings.Join(columns, ", "), system, strings.Join(values, ", "))
}

// Try runs a statement after others and takes everything back. The error is that of the
// statement; the others must succeed.
func Try(tb testing.TB, pool *pgxpool.Pool, before []string, sql string) error {
	tb.Helper()
	undo := errors.New("undo")
	var tried error
	err := pgx.BeginFunc(tb.Context(), pool, func(tx pgx.Tx) error {
		if len(before) > 0 {
			if _, err := tx.Exec(tb.Context(), strings.Join(before, ";"), pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		_, tried = tx.Exec(tb.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		return undo
	})
	if !errors.Is(err, undo) {
		tb.Fatal(err)
	}
	return tried
}

// Guards names every constraint and unique index of the tables.
func Guards(tb testing.TB, pool *pgxpool.Pool, tables ...string) []string {
	tb.Helper()
	var all []string
	err := pool.QueryRow(tb.Context(), `
		select array_agg(name order by name) from (
			select conname::text as name from pg_constraint where conrelid = any ($1::text[]::regclass[]) and contype <> 't'
			union
			select indexrelid::regclass::text from pg_index where indrelid = any ($1::text[]::regclass[]) and indisunique) g`, tables).Scan(&all)
	if err != nil {
		tb.Fatal(err)
	}
	return all
}
