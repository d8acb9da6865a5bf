package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// report is what "doctor --json" prints.
type report struct {
	OK       bool `json:"ok"`
	Findings []struct {
		Check string `json:"check"`
		Level string `json:"level"`
		Code  string `json:"code"`
		Text  string `json:"text"`
	} `json:"findings"`
}

func (r report) has(code, words string) bool {
	for _, f := range r.Findings {
		if f.Code == code && strings.Contains(f.Text, words) {
			return true
		}
	}
	return false
}

// doctor runs the command with some more variables.
func (w *world) doctor(more []string, args ...string) (r report, code int) {
	w.t.Helper()
	var out, errs bytes.Buffer
	env := w.env()
	for _, v := range more {
		name, _, _ := strings.Cut(v, "=")
		env = append(without(env, name), v)
	}
	code = run(w.t.Context(), process{Args: append([]string{"doctor", "--json"}, args...), Env: env, Out: &out, Err: &errs})
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		w.t.Fatalf("exit %d: %v\n%s\n%s", code, err, out.String(), errs.String())
	}
	if text := out.String() + errs.String(); strings.Contains(text, w.tg.Token()) || strings.Contains(text, "test-token") {
		w.t.Errorf("the token is printed: %s", text)
	}
	return r, code
}

func (w *world) rows(table string) (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestDoctorFindsNoProblemBesideAGatewayThatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 1)
	w.quiet()
	stored, unreadable := w.rows("telegram_update"), w.rows("telegram_unreadable")
	r, code := w.doctor(nil, "--to", "petrov")
	if code != exitOK || !r.OK {
		t.Errorf("exit %d: %+v", code, r.Findings)
	}
	for code, words := range map[string]string{
		"database.ok": "PostgreSQL", "address.ok": w.balancer.url, "token.ok": w.tg.BotName(), "webhook.ok": "/telegram/webhook", "secret.ok": "",
		"menu.ok": "", "group.ok": "Payments", "erp.ok": "1", "work.ok": "", "test.sent": "Pyotr Petrov",
	} {
		if !r.has(code, words) {
			t.Errorf("%s is not found: %+v", code, r.Findings)
		}
	}
	if s, u := w.rows("telegram_update"), w.rows("telegram_unreadable"); s != stored || u != unreadable {
		t.Errorf("%d updates and %d unreadable ones were stored", s-stored, u-unreadable)
	}
	if r, code := w.doctor(nil, "--to", "nobody"); code != exitFailed || !r.has("test.nobody", "nobody") {
		t.Errorf("exit %d: %+v", code, r.Findings)
	}
	for line := range strings.Lines(w.command("doctor")) {
		if level, _, _ := strings.Cut(line, " "); level != "ok" && level != "warning" {
			t.Errorf("no line of a finding: %q", line)
		}
	}
}

// quiet waits until the gateway has told Telegram everything, of which what the bot says of
// itself in the last language comes last, and has acted on all that came.
func (w *world) quiet() {
	w.t.Helper()
	told := func() bool {
		return slices.ContainsFunc(w.tg.CallsOf("setMyShortDescription"), func(c telegramtest.Call) bool {
			return c.Done && c.Params["language_code"] == "ru"
		}) && w.rows("telegram_update where state = 'new'") == 0
	}
	if pauseUntil(told, patience); !told() {
		w.t.Fatalf("the gateway is never done with what it begins with\n%s", w.logs())
	}
}

func TestDoctorSaysWhatIsWrongAndEndsWithOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 1)
	w.quiet()
	w.replicas[0].stop(syscall.SIGTERM)
	for name, c := range map[string]struct {
		more  []string
		finds []string
	}{
		"nothing runs":      {nil, []string{"address.gateway", "secret.open"}},
		"another secret":    {[]string{"COUNTERSIGN_TELEGRAM_SECRET=0123456789abcdef"}, []string{"secret.open"}},
		"no database":       {[]string{"COUNTERSIGN_DATABASE_URL=postgres://u:passw0rd@127.0.0.1:1/x", "COUNTERSIGN_DATABASE_OWNER_URL="}, []string{"database.away", "skipped.database"}},
		"nothing there yet": {[]string{"COUNTERSIGN_DATABASE_URL=", "COUNTERSIGN_DATABASE_OWNER_URL="}, []string{"database.none", "skipped.database"}},
		"mistakes":          {[]string{"COUNTERSIGN_LIMITS_RATE=0", "COUNTERSIGN_TELEGRAM_TOKEN="}, []string{"settings.wrong", "token.none", "skipped.telegram", "erp.ok"}},
		"texts":             {[]string{"COUNTERSIGN_LOCALE_DIR=" + filepath.Join(t.TempDir(), "gone")}, []string{"texts.wrong"}},
		"certificate":       {[]string{"COUNTERSIGN_TELEGRAM_CERTIFICATE=" + filepath.Join(t.TempDir(), "gone")}, []string{"address.certificate_file"}},
		"proxy":             {[]string{"COUNTERSIGN_TELEGRAM_PROXY=http://u:passw0rd@127.0.0.1:1"}, []string{"token.proxy"}},
		"login":             {[]string{"COUNTERSIGN_GOOGLE_CLIENT_ID=x", "COUNTERSIGN_GOOGLE_CLIENT_SECRET=passw0rd", "COUNTERSIGN_GOOGLE_ISSUER=http://127.0.0.1:1"}, []string{"login.away"}},
		"workspace": {[]string{
			"COUNTERSIGN_WORKSPACE_SUBJECT=a@example.org", "COUNTERSIGN_WORKSPACE_DOMAINS=example.org", "COUNTERSIGN_WORKSPACE_CREDENTIALS=passw0rd",
		}, []string{"settings.wrong"}},
	} {
		r, code := w.doctor(c.more)
		if code != exitFailed || r.OK {
			t.Errorf("%s: exit %d", name, code)
		}
		for _, key := range c.finds {
			if !r.has(key, "") {
				t.Errorf("%s: %s is not found: %+v", name, key, r.Findings)
			}
		}
		for _, f := range r.Findings {
			if strings.Contains(f.Text, "passw0rd") || f.Code == "broke" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

func TestDoctorBeforeTheFirstStartLeavesTheDatabaseAsItIs(t *testing.T) {
	t.Parallel()
	w := &world{t: t, mode: "polling", balancer: newBalancer(t)}
	w.ownerURL, w.appURL = ledgertest.Database(t)
	var err error
	if w.tg, err = telegramtest.Open(telegramtest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.tg.Close() })
	if w.pool, err = pgxpool.New(t.Context(), w.ownerURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pool.Close)
	for _, sql := range []string{"drop schema public cascade", "create schema public"} {
		if _, err := w.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	r, code := w.doctor([]string{"COUNTERSIGN_DATABASE_URL=" + w.ownerURL})
	if code != exitFailed || !r.has("database.behind", "countersign migrate") || !r.has("skipped.database", "") {
		t.Errorf("exit %d: %+v", code, r.Findings)
	}
	if n := w.rows("pg_tables where schemaname = 'public'"); n != 0 {
		t.Errorf("%d tables were made", n)
	}
}

func TestSecondProgramThatPollsIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "polling", 1)
	pauseUntil(func() bool { r, _ := w.doctor(nil); return r.has("polling.ok", "") }, patience)
	w.tg.FailNext("getUpdates", telegramtest.Refuse(http.StatusConflict, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"))
	if _, err := w.tg.Say(pyotr, pyotr, "/help", 0); err != nil { // ends the poll of now, so that there is another
		t.Fatal(err)
	}
	pauseUntil(func() bool { r, _ := w.doctor(nil); return r.has("polling.conflict", "") }, patience)
	r, code := w.doctor(nil)
	if code != exitFailed || !r.has("polling.conflict", "") {
		t.Errorf("exit %d: %+v", code, r.Findings)
	}
}
