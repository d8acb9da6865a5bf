package main

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/people"
)

const usersHead = "external_id,email,name,roles,telegram_id,locale\n"

func TestFileOfUsersTakesNoRoleFromTheLastWhoHasIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	lost := d.file("lost.csv", usersHead+"petrov,petrov@example.org,Pyotr Petrov,,,\n")
	for _, args := range [][]string{{"users", "import", "--dry-run", lost}, {"users", "import", "--limit", "100", lost}} {
		out, errs, code := d.run(args...)
		if code != exitFailed || !strings.Contains(errs, "step budget") || !strings.Contains(errs, "give the role to a successor first") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
		if dry := args[2] == "--dry-run"; dry != strings.Contains(out, `- budget_holder is taken from 1 of 1: "petrov"`) {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out := d.must("users", "list"); !strings.Contains(out, "budget_holder") {
		t.Errorf("it is gone: %s", out)
	}
	handed := d.file("handed.csv", usersHead+"petrov,petrov@example.org,Pyotr Petrov,,,\nanders,anders@example.org,Anders,budget_holder,,\n")
	if out := d.must("users", "import", handed); !strings.Contains(out, "is taken from 1 of 1") {
		t.Errorf("handed over: %s", out)
	}
}

// login is a link by a login of some time ago, on the given terms.
func (d *desk) login(id string, account int64, ago time.Duration, terms directory.Terms) {
	d.t.Helper()
	if _, err := d.Directory.PutUser(d.t.Context(), "test", directory.User{ExternalID: id, Name: id, Email: id + "@example.org"}); err != nil {
		d.t.Fatal(err)
	}
	at := d.Clock.Now
	d.Directory.Now = func() time.Time { return time.Now().Add(-ago) } // the command goes by the true time
	defer func() { d.Directory.Now = at }()
	err := pgx.BeginFunc(d.t.Context(), d.Pool, func(tx pgx.Tx) error {
		_, err := d.Directory.LinkIn(d.t.Context(), tx, "link", directory.NewLink{
			Account: account, Terms: terms,
			Proof: directory.Proof{Issuer: "https://accounts.google.com", Subject: id, Email: id + "@example.org"},
		})
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestListOfLinksSaysHowEachStands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	d.env = append(d.env, "COUNTERSIGN_LINK_RELOGIN_DAYS=30")
	d.login("login", 2001, 0, directory.Terms{Confirm: directory.Notify})
	d.login("waiting", 2002, 0, directory.Terms{Confirm: directory.ByAdmin})
	d.login("cooling", 2003, 0, directory.Terms{Confirm: directory.CoolingOff, Cooling: 24 * time.Hour})
	d.login("old", 2004, 31*24*time.Hour, directory.Terms{Confirm: directory.Notify})
	for _, id := range []string{"frozen", "left", "unlinked"} {
		d.login(id, 2010+int64(len(id)), 0, directory.Terms{Confirm: directory.Notify})
	}
	d.Import(t, directory.User{ExternalID: "never", Name: "Never"},
		directory.User{ExternalID: "held", Name: "Held", Roles: []people.Role{people.ParseRole("treasurer@LLC-Z")}, Telegram: 2020})
	if _, err := d.Directory.Freeze(ctx, "admin", "frozen", "lost the telephone"); err != nil {
		t.Fatal(err)
	}
	for id, end := range map[string][2]string{"held": {"workspace", "suspended in Google Workspace"}, "unlinked": {"admin", "asked for it"}} {
		if err := d.Directory.UnlinkUser(ctx, end[0], id, end[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Directory.Deactivate(ctx, "workspace", "left", "gone from Google Workspace"); err != nil {
		t.Fatal(err)
	}
	out := d.must("users", "list", "--links")
	for id, state := range map[string]string{
		"petrov": "can decide", "login": "can decide", "waiting": `waits for "users confirm"`, "cooling": "can decide from ", "old": "must log in again",
		"frozen": `frozen: lost the telephone`, "left": "left: gone from Google Workspace",
		"never": "never linked", "unlinked": "unlinked: asked for it", "held": "left, held back until there is a successor: suspended in Google Workspace",
	} {
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.HasPrefix(line, id+" ") && strings.Contains(line, state)
		}
		if !found {
			t.Errorf("of %s %q is not said in\n%s", id, state, out)
		}
	}
}
