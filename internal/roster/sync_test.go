package roster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/google/workspacetest"
	"countersign/internal/roster"
	"countersign/internal/route"
	"countersign/internal/secret"
)

func TestGroupsGiveAndTakeManagedRolesOnly(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(t, directory.User{ExternalID: "17", Email: "anna@corp.example", Name: "Anna", Roles: roles("auditor", "clerk", "treasurer@LLC-B"), Locale: "de"})
	o.account("1", "anna@corp.example", payers)
	o.account("2", "boris@corp.example", payers, clerks)
	o.account("3", "guest@other.example", payers)
	o.at(t, "2").Language = "ru"

	dry := o.mustPlan(t)
	wantLine(t, dry, `+ "boris"`, `email "boris@corp.example"`, `roles "clerk|finance_manager|treasurer@LLC-A"`, `locale "ru"`)
	wantLine(t, dry, `~ "17"`, `roles "auditor|clerk|treasurer@LLC-B" -> "auditor|finance_manager|treasurer@LLC-A|treasurer@LLC-B"`)
	wantLine(t, dry, "1 added, 1 changed")
	if all := o.entries(t); len(all) != 1 || all["17"].Name != "Anna" || o.changed != nil {
		t.Fatalf("a dry run changed %+v, %v", all, o.changed)
	}

	o.mustApply(t)
	wantRoles(t, o.entries(t)["17"], "auditor finance_manager treasurer@LLC-A treasurer@LLC-B")
	wantRoles(t, o.entries(t)["boris"], "clerk finance_manager treasurer@LLC-A")
	if e := o.entries(t)["17"]; e.Locale != "de" || e.Name != "Mx anna" {
		t.Errorf("%+v", e)
	}
	if d := cmp.Diff([]string{"17", "boris"}, o.changed); d != "" {
		t.Error(d)
	}
	wantNothing(t, o)

	o.roll.Groups = nil
	o.mustApply(t)
	wantRoles(t, o.entries(t)["17"], "auditor treasurer@LLC-B")
	wantRoles(t, o.entries(t)["boris"], "")
	wantNothing(t, o)
	if len(o.entries(t)) != 2 || len(o.alarms) > 0 {
		t.Errorf("%v, alarms %v", o.entries(t), o.alarms)
	}
}

func TestEverybodyInAGroupOfEverybody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example")
	o.roll.Groups = []google.Group{{Address: clerks, Everybody: true}}
	o.mustApply(t)
	wantRoles(t, o.entries(t)["anna"], "clerk")
}

func TestOnlyKnownPeopleAreTakenWhereSaidSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.OnlyKnown = true
	o.put(t, directory.User{ExternalID: "anna", Email: "anna@corp.example", Name: "Anna"})
	o.account("1", "anna@corp.example", clerks)
	o.account("2", "boris@corp.example", clerks)
	o.mustApply(t)
	wantRoles(t, o.entries(t)["anna"], "clerk")
	if len(o.entries(t)) != 1 {
		t.Errorf("%v", o.entries(t))
	}
	wantNothing(t, o)
}

func TestWhoLeavesTheCompanyIsDeactivatedAndTakenBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for id, name := range map[string]string{"1": "anna", "2": "boris", "3": "vera", "4": "gleb"} {
		o.account(id, name+"@corp.example", payers)
	}
	o.account("5", "dina@corp.example")
	o.at(t, "5").Suspended = true
	o.mustApply(t)
	if _, there := o.entries(t)["dina"]; there {
		t.Error("a suspended account was added")
	}
	o.put(t, directory.User{ExternalID: "robot", Email: "robot@corp.example", Name: "Robot"}, directory.User{ExternalID: "elsewhere", Email: "e@other.example", Name: "E"})
	o.login(t, 1001, "1", "anna@corp.example")
	o.login(t, 1002, "2", "boris@corp.example")

	o.at(t, "1").Suspended, o.at(t, "2").Archived = true, true
	o.remove("3")
	o.changed = nil
	done := o.mustApply(t)
	wantLine(t, done, `- "anna"`, roster.Suspended)
	wantLine(t, done, `. "robot"`, "left alone")
	all := o.entries(t)
	for name, why := range map[string]string{"anna": roster.Suspended, "boris": roster.Archived, "vera": roster.Gone} {
		if e := all[name]; e.Active || e.DeactivatedWhy != why || e.Linked() {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if !all["gleb"].Active || !all["robot"].Active || !all["elsewhere"].Active {
		t.Error("somebody else left too")
	}
	if d := cmp.Diff([]string{"anna", "boris", "vera"}, o.changed); d != "" {
		t.Error(d)
	}
	wantNothing(t, o)

	// The accounts show who Anna and Boris are. Vera's address is another's now.
	o.at(t, "1").Suspended, o.at(t, "2").Archived = false, false
	o.account("6", "vera@corp.example", payers)
	o.roll.Groups[0].Members = slices.DeleteFunc(o.roll.Groups[0].Members, func(id string) bool { return id == "1" })
	done = o.mustApply(t)
	wantLine(t, done, `^ "anna"`, roster.Suspended)
	wantLine(t, done, `? "vera@corp.example"`, `"vera", who is another account`, "detach")
	all = o.entries(t)
	if !all["anna"].Active || !all["boris"].Active || all["vera"].Active || all["anna"].Linked() {
		t.Errorf("anna %v, boris %v, vera %v", all["anna"].Active, all["boris"].Active, all["vera"].Active)
	}
	wantRoles(t, all["anna"], "")
	wantNothing(t, o)
}

func TestWhoWasDeactivatedByHandStaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example", payers)
	o.mustApply(t)
	o.login(t, 1001, "1", "anna@corp.example")
	if err := o.Directory.Deactivate(t.Context(), "admin", "anna", "fraud"); err != nil {
		t.Fatal(err)
	}
	o.roll.Groups = nil
	wantLine(t, o.mustApply(t), `? "anna@corp.example"`, "by hand")
	if e := o.entries(t)["anna"]; e.Active || len(e.Roles) == 0 {
		t.Errorf("%+v", e)
	}
}

func TestTooManyLeaversStopTheRun(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 50 {
		o.account(fmt.Sprint(i), fmt.Sprintf("p%02d@corp.example", i), payers)
	}
	o.mustApply(t)
	for i := range 6 {
		o.at(t, fmt.Sprint(i)).Suspended = true
	}
	o.account("new", "new@corp.example")
	o.changed = nil

	dry, err := o.Plan(t.Context())
	many, ok := isTooMany(err)
	if !ok || *many != (roster.TooManyError{Would: 6, Of: 50, Limit: 5}) || len(dry.Deactivate) != 6 {
		t.Fatalf("got %v and %d", err, len(dry.Deactivate))
	}
	if _, err := o.Apply(t.Context()); err == nil || len(o.alarms) != 1 || !strings.Contains(o.alarms[0], "6 of 50") {
		t.Fatalf("got %v, alarms %v", err, o.alarms)
	}
	if all := o.entries(t); len(all) != 50 || !all["p00"].Active || o.changed != nil {
		t.Errorf("something was done: %d, %v", len(all), o.changed)
	}

	o.Limit = 12
	if done := o.mustApply(t); len(done.Deactivate) != 6 || len(done.Diff.Added) != 1 {
		t.Errorf("done\n%s", done)
	}
	wantNothing(t, o)
}

func TestThreePeopleMayLeaveASmallCompanyAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 5 {
		o.account(fmt.Sprint(i), fmt.Sprintf("p%d@corp.example", i))
	}
	o.mustApply(t)
	o.remove("0")
	o.remove("1")
	o.remove("2")
	o.remove("3")
	if _, err := o.Plan(t.Context()); err == nil {
		t.Error("four of five may leave")
	}
	o.account("3", "p3@corp.example")
	if done := o.mustApply(t); len(done.Deactivate) != 3 {
		t.Errorf("done\n%s", done)
	}
}

func TestEmptyCompanyIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.put(t, directory.User{ExternalID: "anna", Email: "anna@corp.example", Name: "Anna"})
	for _, roll := range []google.Roll{{}, {Accounts: []google.Account{{ID: "1", Email: "guest@other.example"}}}} {
		o.roll = roll
		if _, err := o.Apply(t.Context()); !errors.Is(err, roster.ErrEmpty) {
			t.Errorf("got %v", err)
		}
	}
	if len(o.alarms) != 2 {
		t.Errorf("alarms %v", o.alarms)
	}
	broken := errors.New("away")
	o.Roll = func(context.Context) (google.Roll, error) { return google.Roll{}, broken }
	if _, err := o.Apply(t.Context()); !errors.Is(err, broken) || len(o.alarms) != 2 {
		t.Errorf("got %v, alarms %v", err, o.alarms)
	}
}

func TestLastApproverIsHeldBackWithoutHisTelegramAccount(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example", payers)
	o.account("2", "boris@corp.example", payers)
	o.mustApply(t)
	o.login(t, 1001, "1", "anna@corp.example")
	o.login(t, 1002, "2", "boris@corp.example")
	// either is the other's successor
	o.asks("payment_request", route.Selector{Role: "treasurer", Of: "company"})
	o.at(t, "1").Suspended, o.at(t, "2").Suspended = true, true
	o.changed = nil
	dry := o.mustPlan(t)
	done := o.mustApply(t)
	if dry.String() != done.String() {
		t.Errorf("said\n%s\ndone\n%s", dry, done)
	}
	wantLine(t, done, `- "anna"`)
	wantLine(t, done, `! "boris"`, "payment_request", "unlinked")
	all := o.entries(t)
	if all["anna"].Active || !all["boris"].Active || all["boris"].Linked() {
		t.Errorf("anna %+v, boris %+v", all["anna"], all["boris"])
	}
	if len(o.alarms) != 1 || !strings.Contains(o.alarms[0], `"boris" (Mx boris), suspended in Google Workspace: route payment_request`) {
		t.Errorf("alarms %q", o.alarms)
	}
	if d := cmp.Diff([]string{"anna", "boris"}, o.changed); d != "" {
		t.Error(d)
	}
	wantNothing(t, o)
	wantLine(t, o.mustPlan(t), `! "boris"`, "no Telegram account")

	// A newcomer of the same run is a successor.
	o.account("3", "vera@corp.example", payers)
	done = o.mustApply(t)
	if o.entries(t)["boris"].Active || len(done.Held) > 0 {
		t.Errorf("done\n%s", done)
	}
}

func TestLeaverWhoseRoutesCannotBeAskedForStays(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example")
	o.account("2", "boris@corp.example")
	o.mustApply(t)
	o.at(t, "1").Suspended = true
	broken := errors.New("away")
	o.Routes = func(context.Context) ([]route.Route, error) { return nil, broken }
	if _, err := o.Apply(t.Context()); !errors.Is(err, broken) || !o.entries(t)["anna"].Active {
		t.Errorf("got %v", err)
	}
}

func TestOneOddAccountDoesNotKeepTheOthers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.account("1", "anna@corp.example")
	o.account("2", "bo ris@corp.example")
	o.account("3", "vera@corp.example")
	o.at(t, "3").Name = "Ve\u202era"
	done := o.mustApply(t)
	wantLine(t, done, `? "bo ris@corp.example"`, "is not an address")
	wantLine(t, done, `? "vera@corp.example"`, "control characters")
	if len(o.entries(t)) != 1 {
		t.Errorf("%v", o.entries(t))
	}
	wantNothing(t, o)

	o.login(t, 1001, "1", "anna@corp.example")
	o.at(t, "1").Suspended = true
	o.mustApply(t)
	o.at(t, "1").Suspended, o.at(t, "1").Name = false, "An\u202ena"
	o.mustApply(t)
	if o.entries(t)["anna"].Active {
		t.Error("somebody whose data are refused was taken back with the old ones")
	}
}

func TestWhoWasHeldBackIsNotCountedAnew(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 8 {
		o.account(fmt.Sprint(i), fmt.Sprintf("p%d@corp.example", i))
	}
	o.mustApply(t)
	for i := range 3 {
		o.at(t, fmt.Sprint(i)).Suspended = true
		o.asks("payment_request", route.Selector{Person: fmt.Sprintf("p%d", i)})
	}
	o.asks("contract", route.Selector{Person: "p3"}, route.Selector{Person: "p7"})
	o.mustApply(t)
	for i := range 3 {
		o.at(t, fmt.Sprint(i+3)).Suspended = true
	}
	done := o.mustApply(t)
	if len(done.Held) != 3 || len(done.Deactivate) != 3 {
		t.Errorf("done\n%s", done)
	}
	wantLine(t, done, `- "p3"`, "still named in route contract, rule 1")
}

func TestSyncOfAFakeCompany(t *testing.T) {
	t.Parallel()
	s, err := workspacetest.Open(t.Context(), workspacetest.Options{Admin: "chief@corp.example", Page: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"anna", "boris", "gleb"} {
		s.Put(workspacetest.User{ID: name, Email: name + "@corp.example", Name: name, Employee: "E-" + name})
	}
	s.PutGroup(workspacetest.Group{Address: payers, Members: []string{clerks, "boris@corp.example"}}, workspacetest.Group{Address: clerks, Members: []string{"anna@corp.example"}})
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t)
	o.Naming = roster.ByEmployee
	o.Roll = (&google.Workspace{
		Subject: "chief@corp.example", Credentials: secret.Text(key), Groups: o.Addresses(), Pause: time.Millisecond, Endpoint: s.URL(),
	}).Read
	o.mustApply(t)
	all := o.entries(t)
	wantRoles(t, all["E-anna"], "clerk finance_manager treasurer@LLC-A")
	wantRoles(t, all["E-boris"], "finance_manager treasurer@LLC-A")
	s.Remove("boris@corp.example")
	s.Break(workspacetest.Users, workspacetest.Trouble{Fault: workspacetest.Empty})
	if _, err := o.Apply(t.Context()); !errors.Is(err, google.ErrGarbled) || !o.entries(t)["E-boris"].Active {
		t.Errorf("got %v", err)
	}
	s.Mend()
	o.mustApply(t)
	if o.entries(t)["E-boris"].Active {
		t.Error("Boris is still there")
	}
	wantNothing(t, o)
}
