package roster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/roster"
	"countersign/internal/route"
)

func isNobody(err error) bool {
	_, ok := errors.AsType[*roster.NobodyError](err)
	return ok
}

func TestTooManyWhoWouldLoseARoleStopTheRun(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 50 {
		o.account(fmt.Sprint(i), fmt.Sprintf("p%02d@corp.example", i), payers)
	}
	o.mustApply(t)
	leave := func(n int) {
		o.roll.Groups[0].Members = slices.DeleteFunc(o.roll.Groups[0].Members, func(id string) bool { return len(id) == 1 && id < fmt.Sprint(n) })
	}
	leave(6)
	o.account("new", "new@corp.example")
	o.changed = nil

	dry, err := o.Plan(t.Context())
	many, ok := isTooMany(err)
	if !ok || *many != (roster.TooManyError{Role: "finance_manager", Would: 6, Of: 50, Limit: 5}) || !strings.Contains(err.Error(), "treasurer@LLC-A") {
		t.Fatalf("got %v", err)
	}
	wantLine(t, dry, "- treasurer@LLC-A is taken from 6 of 50", `"p00", "p01"`)
	wantLine(t, dry, `~ "p00"`, "finance_manager|treasurer@LLC-A")
	if _, err := o.Apply(t.Context()); err == nil || len(o.alarms) != 1 || !strings.Contains(o.alarms[0], "6 of 50 people would lose the role finance_manager") {
		t.Fatalf("got %v, alarms %v", err, o.alarms)
	}
	all := o.entries(t)
	wantRoles(t, all["p00"], "finance_manager treasurer@LLC-A")
	if len(all) != 50 || o.changed != nil {
		t.Errorf("something was done: %d, %v", len(all), o.changed)
	}

	o.Limit = 12
	if done := o.mustApply(t); len(done.Lost) != 2 || len(done.Lost[0].From) != 6 {
		t.Errorf("done\n%s", done)
	}
	wantRoles(t, o.entries(t)["p00"], "")
	wantNothing(t, o)
}

func TestRoleOfTheLastWhoCanDecideStays(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example", payers)
	o.account("2", "boris@corp.example")
	o.account("3", "vera@corp.example")
	o.mustApply(t)
	o.asks("payment_request", route.Selector{Role: "treasurer", Of: "company"})
	o.roll.Groups[0].Members, o.at(t, "3").Suspended = nil, true

	if dry, err := o.Plan(t.Context()); !isNobody(err) || len(dry.Lost) != 2 {
		t.Errorf("%v\n%s", err, dry)
	}
	if _, err := o.Apply(t.Context()); !isNobody(err) || len(o.alarms) != 1 || !strings.Contains(o.alarms[0], "route payment_request, rule 1 (all), step only (company LLC-A)") {
		t.Errorf("%v, alarms %q", err, o.alarms)
	}
	wantRoles(t, o.entries(t)["anna"], "finance_manager treasurer@LLC-A")
	if !o.entries(t)["vera"].Active {
		t.Error("half of it was done")
	}

	o.join("2", payers) // a successor of the same run
	if done := o.mustApply(t); len(done.Lost) != 2 {
		t.Errorf("done\n%s", done)
	}
	wantRoles(t, o.entries(t)["anna"], "")
	wantRoles(t, o.entries(t)["boris"], "finance_manager treasurer@LLC-A")
}

func TestFileIsTakenByTheSameRule(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var with, without []directory.User
	for i := range 4 {
		u := directory.User{ExternalID: fmt.Sprintf("p%d", i), Name: "P", Roles: roles("clerk", "treasurer@LLC-A")}
		with = append(with, u)
		u.Roles = roles("clerk")
		without = append(without, u)
	}
	o.put(t, with...)
	take := func(users []directory.User, limit int, mode directory.Mode) (directory.Diff, []roster.Loss, error) {
		return roster.Rule{Limit: limit, Routes: o.routes}.Import(t.Context(), o.Directory, "admin", users, mode)
	}
	for _, mode := range []directory.Mode{directory.DryRun, directory.Apply} {
		d, lost, err := take(without, 0, mode)
		if many, ok := isTooMany(err); !ok || many.Would != 4 || many.Limit != 3 || len(lost) != 1 || len(d.Changed) != 4 {
			t.Errorf("%v: %v, %v", d, lost, err)
		}
	}
	o.asks("payment_request", route.Selector{Role: "treasurer", Of: "company"})
	if _, _, err := take(without, 100, directory.Apply); !isNobody(err) {
		t.Errorf("got %v", err)
	}
	wantRoles(t, o.entries(t)["p0"], "clerk treasurer@LLC-A")
	if d, lost, err := take(append(without[:3:3], with[3]), 0, directory.Apply); err != nil || len(lost) != 1 || len(d.Changed) != 3 {
		t.Errorf("%v: %v, %v", d, lost, err)
	}
	wantRoles(t, o.entries(t)["p0"], "clerk")
}

// TestNobodyChangesPeopleBetweenPlanAndStoring has another store write while a run is at
// work: it waits, and the run's plan is of what is there.
func TestNobodyChangesPeopleBetweenPlanAndStoring(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example", clerks)
	o.mustApply(t)
	another := &directory.Store{Pool: o.bench.Pool, Now: o.bench.Clock.Now}
	wrote := make(chan error, 1)
	o.Routes = func(context.Context) ([]route.Route, error) {
		// the run has read the company and begins with ours: the other one is quicker
		tx, err := o.bench.Pool.Begin(t.Context())
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(t.Context(), "select from directory_state for update"); err != nil {
			return nil, err
		}
		go func() {
			_, err := another.PutUser(t.Context(), "key csk", directory.User{ExternalID: "anna", Email: "anna@corp.example", Name: "Mx anna", Roles: roles("auditor", "clerk")})
			wrote <- err
		}()
		go func() {
			// whoever plans outside the lock has read by the time that both wait
			o.until(t, 2)
			_ = tx.Rollback(context.WithoutCancel(t.Context()))
		}()
		o.until(t, 1)
		return nil, nil
	}
	o.at(t, "1").Name = "Anna"
	o.mustApply(t)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	e := o.entries(t)["anna"]
	wantRoles(t, e, "auditor clerk")
	if e.Name != "Anna" {
		t.Errorf("%+v", e)
	}
}

// until waits for so many to wait for a lock.
func (o *office) until(t *testing.T, many int) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for n := 0; n < many; <-look.C {
		if err := o.bench.Pool.QueryRow(t.Context(), `select count(*) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Error(err)
			return
		}
	}
}
