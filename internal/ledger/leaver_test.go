package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

func TestTheLastApproverCannotLeaveWithoutASuccessor(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	st := b.Post(t, "1")
	_, err := b.Leave(t.Context(), "admin", "petrov", "left")
	var sole *ledger.SoleError
	if !errors.As(err, &sole) || !errors.Is(err, ledger.ErrSole) || len(sole.Where) != 1 || !strings.Contains(sole.Where[0], "budget_holder") {
		t.Fatalf("%v", err)
	}
	if e, err := b.Directory.User(t.Context(), "petrov"); err != nil || !e.Active {
		t.Errorf("petrov: %+v, %v", e, err)
	}
	b.Import(t, ledgertest.User("successor", "Sergey Successor", "budget_holder", 2001))
	if named, err := b.Leave(t.Context(), "admin", "petrov", "left"); err != nil || len(named) != 0 {
		t.Fatalf("with a successor: %v, %v", named, err)
	}
	again, err := b.Case(t.Context(), st.Case.ID)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := b.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, s := range again.Case.Slots {
		p, _ := dir.Person(s.Person)
		if s.State == approval.SlotOpen {
			open++
			if p.ExternalID != "successor" {
				t.Errorf("%s is asked", p.ExternalID)
			}
		}
	}
	if open != 1 {
		t.Errorf("%d are asked", open)
	}
	if _, err := b.Leave(t.Context(), "admin", "orlova", "left"); err != nil { // one of two treasurers
		t.Errorf("one of two: %v", err)
	}
	if _, err := b.Leave(t.Context(), "admin", "orlova", "left"); err != nil {
		t.Errorf("who left before: %v", err)
	}
}

// TestTwoLastApproversCannotLeaveAtOnce lets both begin while somebody else writes, so that
// each is looked at before the other has left, if that is possible at all.
func TestTwoLastApproversCannotLeaveAtOnce(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	other := ledgertest.On(t, b.OwnerURL, b.AppURL)
	tx, err := b.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "select from directory_state for update"); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 2)
	for who, at := range map[string]*ledgertest.Bench{"kozlov": b, "orlova": other} {
		go func() {
			_, err := at.Leave(t.Context(), "admin", who, "left")
			left <- err
		}()
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for waiting := 0; waiting < 2; <-look.C {
		if err := b.Pool.QueryRow(t.Context(), `select count(*) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	one, two := <-left, <-left
	if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), ledger.ErrSole) {
		t.Errorf("%v and %v", one, two)
	}
}
