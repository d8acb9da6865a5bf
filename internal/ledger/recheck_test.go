package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// block submits a document that nobody can be asked about: the one budget holder wrote it.
func block(t *testing.T, b *ledgertest.Bench, id string) ledger.Status {
	t.Helper()
	d := ledgertest.Payment(id)
	d.LastEditor = "petrov"
	st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	if err != nil || st.Case.State != approval.Blocked {
		t.Fatalf("%s is %s, %v", id, st.Case.State, err)
	}
	return st
}

// strand submits a document that waits for the finance manager, and lets her go.
func strand(t *testing.T, b *ledgertest.Bench, id string) {
	t.Helper()
	b.Post(t, id)
	b.Vote(t, id, ledgertest.Budget, approval.Accept, "")
	b.Import(t, ledgertest.User("fomina", "Vera Fomina", "finance_manager", 2002))
	if err := b.Directory.Deactivate(t.Context(), "test", "sidorova", "left"); err != nil {
		t.Fatal(err)
	}
}

// asked names who is asked about a document, or the state of its case if nobody is.
func asked(t *testing.T, b *ledgertest.Bench, id string) string {
	t.Helper()
	st, err := b.Document(t.Context(), ledgertest.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Awaiting) == 0 {
		return string(st.Case.State)
	}
	return st.Awaiting[0].User
}

// owner gives a connection of the owner of the tables.
func owner(t *testing.T, b *ledgertest.Bench) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// multiply makes copies of the one document that is there, with older ids.
func multiply(t *testing.T, b *ledgertest.Bench, copies int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), owner(t, b), func(tx pgx.Tx) error {
		for _, c := range []struct{ table, differ string }{
			{"document", `'id', 'doc_' || no, 'external_id', 'copy ' || no, 'case_id', 'cas_' || no`},
			{"revision", `'document_id', 'doc_' || no`},
			{"approval_case", `'id', 'cas_' || no, 'document_id', 'doc_' || no`},
		} {
			_, err := tx.Exec(t.Context(), fmt.Sprintf(`insert into %[1]s select (jsonb_populate_record(one, jsonb_build_object(%[2]s))).*
				from %[1]s one, (select lpad(i::text, 26, '0') as no from generate_series(1, $1::int) i) numbers`, c.table, c.differ), copies)
			if err != nil {
				return fmt.Errorf("%s: %w", c.table, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// locks lists for each document who locked it last: a lock leaves its mark in the row.
func locks(t *testing.T, b *ledgertest.Bench) map[string]string {
	t.Helper()
	rows, err := b.Pool.Query(t.Context(), `select external_id, xmax::text from document`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var id, by string
	if _, err := pgx.ForEachRow(rows, []any{&id, &by}, func() error { out[id] = by; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// looked counts the documents that were locked since.
func looked(t *testing.T, b *ledgertest.Bench, before map[string]string) int {
	t.Helper()
	n := 0
	for id, by := range locks(t, b) {
		if was, ok := before[id]; ok && was != by {
			n++
		}
	}
	return n
}

func TestCaseThatCannotBeLookedAtKeepsNoOtherFromIt(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	broken := block(t, b, "broken")
	block(t, b, "blocked")
	strand(t, b, "stranded")
	b.Import(t, ledgertest.User("new", "New Holder", "budget_holder", 2001))
	for _, sql := range []string{
		`create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$`,
		`create trigger broken before update on approval_case for each row when (old.id = '` + string(broken.Case.ID) + `') execute function broken()`,
	} {
		if _, err := owner(t, b).Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	on, err := b.Recheck(t.Context())
	if err == nil || !strings.Contains(err.Error(), string(broken.Case.ID)) || strings.Contains(err.Error(), "more") {
		t.Errorf("the error says %v", err)
	}
	if on != 1 || asked(t, b, "blocked") != "new" || asked(t, b, "stranded") != "fomina" || asked(t, b, "broken") != "blocked" {
		t.Errorf("%d went on; %s, %s, %s", on, asked(t, b, "blocked"), asked(t, b, "stranded"), asked(t, b, "broken"))
	}
	assertReplay(t, b, "blocked")
	assertReplay(t, b, "stranded")
}

func TestChangeOfAPersonDoesNotFailForACaseThatIsBroken(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	block(t, b, "broken")
	strand(t, b, "stranded")
	b.Import(t, ledgertest.User("new", "New Holder", "budget_holder", 2001))
	for _, sql := range []string{
		`create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$`,
		`create trigger broken before update on approval_case for each row when (old.state = 'blocked') execute function broken()`,
	} {
		if _, err := owner(t, b).Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if on, err := b.PeopleChanged(t.Context(), "sidorova", "fomina", "new"); on != 0 || err != nil {
		t.Errorf("%d went on, %v", on, err)
	}
	if who := asked(t, b, "stranded"); who != "fomina" {
		t.Errorf("asked is %s", who)
	}
}

// TestManyBlockedCasesHideNoOther: a thousand documents of somebody who cannot be asked
// about his own, and behind them those that can go on.
func TestManyBlockedCasesHideNoOther(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	block(t, b, "hopeless")
	multiply(t, b, 1000)
	before := locks(t, b)
	strand(t, b, "stranded")
	if on, err := b.PeopleChanged(t.Context(), "sidorova"); on != 0 || err != nil || asked(t, b, "stranded") != "fomina" {
		t.Errorf("%d went on, %v; asked is %s", on, err, asked(t, b, "stranded"))
	}
	if n := looked(t, b, before); n == 0 || n > 200 {
		t.Errorf("%d blocked cases were looked at while a request waited", n)
	}
	d := ledgertest.Payment("last")
	d.LastEditor, d.CostCenter = "petrov", "CC-99"
	if _, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("last"), Document: d}); err != nil {
		t.Fatal(err)
	}
	b.Import(t, ledgertest.User("smirnov", "Oleg Smirnov", "budget_holder@CC-99", 2001))
	before = locks(t, b)
	if on, err := b.Recheck(t.Context()); on != 1 || err != nil || asked(t, b, "last") != "smirnov" {
		t.Errorf("%d went on, %v; asked is %s", on, err, asked(t, b, "last"))
	}
	if n := looked(t, b, before); n != 1002 {
		t.Errorf("%d of 1002 blocked cases were looked at", n)
	}
}

func TestRecheckBeginsWhereTheLastOneWasStopped(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	for i := range 10 {
		block(t, b, fmt.Sprint(i))
	}
	before, now := locks(t, b), b.Now
	for range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		looks := 0
		b.Now = func() time.Time { // each look asks for the time once
			if looks++; looks == 3 {
				cancel()
			}
			return now()
		}
		if _, err := b.Recheck(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cancel()
	}
	if n := looked(t, b, before); n != 10 {
		t.Errorf("%d of 10 were looked at", n)
	}
}
