package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/seal"
	"countersign/internal/secret"
)

// stepUp is the shipped route that wants this of its treasurers above an amount.
func (d *desk) stepUp(least string) string {
	d.t.Helper()
	return d.file("route.toml", ledgertest.StepUp(fmt.Sprintf("[[step_up]]\nover = \"1000.00\"\ncurrency = \"EUR\"\nsteps = [\"treasurer\"]\nleast = %q", least)))
}

func TestRouteIsCheckedAgainstWhatItsApproversHave(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.env = append(d.env, "COUNTERSIGN_SERVER_PUBLIC_URL=https://visa.example", "COUNTERSIGN_GOOGLE_CLIENT_ID=c", "COUNTERSIGN_GOOGLE_CLIENT_SECRET=s", "COUNTERSIGN_GOOGLE_SESSION_AGE_CLAIMS=on")
	s, err := seal.Start(t.Context(), d.Pool, seal.Options{File: d.keys, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Directory.User(t.Context(), "kozlov")
	if err != nil {
		t.Fatal(err)
	}
	pin, err := s.Seal(secret.Text("hash"), seal.Place{Table: "assure_secret", Column: "sealed", Row: string(e.ID) + "/pin"})
	if err != nil {
		t.Fatal(err)
	}
	d.exec("insert into assure_secret (person_id, method, sealed, set_at) values ($1, 'pin', $2, now())", e.ID, pin)
	d.login("signed", 3001, time.Hour, directory.Terms{Confirm: directory.Notify})
	d.exec("insert into person_role (person_id, role) select id, 'treasurer' from person where external_id = 'signed'")
	d.exec("update directory_state set version = version + 1")

	for least, who := range map[string]string{"pin": "orlova", "login": "kozlov orlova", "totp": "kozlov orlova signed", "passkey": "kozlov orlova signed"} {
		out, errs, code := d.run("routes", "check", d.stepUp(least))
		if code != exitOK || !strings.Contains(out, "correct") {
			t.Fatalf("%s: exit %d, %s", least, code, errs)
		}
		var got []string
		for line := range strings.Lines(errs) {
			if rest, ok := strings.CutPrefix(line, "warning: "); ok && strings.Contains(rest, "step treasurer asks for "+least) {
				_, rest, _ = strings.Cut(rest, least+": ")
				id, _, _ := strings.Cut(rest, " ")
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != who || strings.Count(errs, "warning: ") != len(got) {
			t.Errorf("%s: warned of %v, want %s:\n%s", least, got, who, errs)
		}
	}
}

func TestRouteThatNobodyCouldConfirmIsWarnedOf(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.env = append(d.env, "COUNTERSIGN_SEAL_KEY_FILE=", "COUNTERSIGN_SERVER_PUBLIC_URL=")
	file := d.stepUp("pin")
	for _, verb := range []string{"check", "publish"} {
		_, errs, code := d.run("routes", verb, file)
		if code != exitOK || !strings.Contains(errs, "server.public_url is not set") || !strings.Contains(errs, "seal.key_file is not set") {
			t.Errorf("%s: exit %d, %s", verb, code, errs)
		}
	}
	if _, errs, code := d.run("routes", "publish", filepath.Join("..", "..", "configs", "routes", "payment_request.toml")); code != exitOK || strings.Contains(errs, "warning") {
		t.Errorf("without step-ups: exit %d, %s", code, errs)
	}
	d.env = append(d.env, "COUNTERSIGN_DATABASE_URL=postgres://nobody@127.0.0.1:1/none")
	if _, errs, code := d.run("routes", "check", file); code != exitOK || !strings.Contains(errs, "people were not looked at") {
		t.Errorf("database away: exit %d, %s", code, errs)
	}
	d.env = append(d.env, "COUNTERSIGN_DATABASE_URL=")
	if _, errs, code := d.run("routes", "check", file); code != exitOK || strings.Contains(errs, "people") {
		t.Errorf("no database yet: exit %d, %s", code, errs)
	}
}
