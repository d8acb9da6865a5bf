package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/seal"
	"countersign/internal/secret"
)

// desk is where an operator gives commands, with a database and no gateway.
type desk struct {
	*ledgertest.Bench

	t     testing.TB
	owner *pgxpool.Pool
	keys  string
	env   []string
}

func newDesk(tb testing.TB) *desk {
	tb.Helper()
	d := &desk{Bench: ledgertest.New(tb), t: tb, keys: filepath.Join(tb.TempDir(), "seal.key")}
	var err error
	if d.owner, err = pgxpool.New(tb.Context(), d.OwnerURL); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(d.owner.Close)
	d.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TZ=UTC",
		"COUNTERSIGN_DATABASE_URL=" + d.AppURL, "COUNTERSIGN_DATA_DIR=" + tb.TempDir(), "COUNTERSIGN_SEAL_KEY_FILE=" + d.keys,
	}
	return d
}

// run gives what a command printed, what it complained of, and its exit code.
func (d *desk) run(args ...string) (out, errs string, code int) {
	d.t.Helper()
	var o, e bytes.Buffer
	code = run(d.t.Context(), process{Args: args, Env: d.env, Out: &o, Err: &e})
	return o.String(), e.String(), code
}

// must runs a command that succeeds.
func (d *desk) must(args ...string) string {
	d.t.Helper()
	out, errs, code := d.run(args...)
	if code != exitOK {
		d.t.Fatalf("countersign %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// file writes one for a command to read.
func (d *desk) file(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// exec is what an operator does to the database by hand.
func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.owner.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatal(err)
	}
}

func TestOneDamagedSecretKeepsNoOtherFromTheNewKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s, err := seal.Start(t.Context(), d.Pool, seal.Options{File: d.keys, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(table, row string) []byte {
		out, err := s.Seal(secret.Text(strings.Repeat("text", 10)), seal.Place{Table: table, Column: "sealed", Row: row})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	e, err := d.Directory.User(t.Context(), "petrov")
	if err != nil {
		t.Fatal(err)
	}
	d.exec("insert into assure_secret (person_id, method, sealed, set_at) values ($1, 'pin', $2, now())", e.ID, sealed("assure_secret", "another/pin"))
	d.exec("insert into telegram_secret (bot_id, sealed) values (1, $1), (2, $2), (3, $3)",
		sealed("telegram_secret", "1"), sealed("telegram_secret", "another"), sealed("telegram_secret", "3"))

	d.exec("insert into audio_key (one, sealed) values (true, $1)", sealed("audio_key", "1"))
	d.exec("insert into audio_number (person_id, account, sealed, mark, given_at) values ($1, 1, $2, sha256(''), now())", e.ID, sealed("audio_number", "another"))

	out, errs, code := d.run("keys", "rotate", "--retire")
	if code != exitFailed || !strings.Contains(out, "3 secrets sealed with it") || !strings.Contains(out, "0 old keys removed") {
		t.Errorf("exit %d: %s", code, out)
	}
	for _, want := range []string{"assure_secret", string(e.ID) + "/pin", "users reset EXTERNAL_ID", "telegram_secret", "start the gateway anew", "audio_number.sealed of " + string(e.ID), "delete the rows named", "which is kept"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not said:\n%s", want, errs)
		}
	}
	d.must("users", "reset", "petrov")
	d.exec("delete from telegram_secret where bot_id = 2")
	d.exec("update audio_number set sealed = $1", sealed("audio_number", string(e.ID)))
	if out := d.must("keys", "rotate", "--retire"); !strings.Contains(out, "4 secrets sealed with it") || !strings.Contains(out, "2 old keys removed") {
		t.Errorf("mended: %s", out)
	}
}
