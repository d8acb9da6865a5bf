package assure_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/assure"
)

// tries is what is counted against guessing of Anna's.
func (t *town) tries(tb testing.TB, m assure.Method) int {
	tb.Helper()
	return ask[int](tb, t.owner, "select tries + lockouts from assure_secret where method = $1", m)
}

// A key that is away, or a secret that nobody can read, says nothing about what was typed.
func TestFaultOfTheSealIsNoTry(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	key := w.secure(t, assure.PIN, assure.TOTP)
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	for name, broken := range map[string]func([]byte, string) (string, error){
		"no key":         func([]byte, string) (string, error) { return "", errors.New("the key file is missing") },
		"not a hash":     func([]byte, string) (string, error) { return "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX$", nil },
		"nothing at all": func([]byte, string) (string, error) { return "", nil },
	} {
		w.desk.Open = broken
		for range 6 {
			for m, typed := range map[string]string{"pin": goodPIN, "totp": w.code(t, key, 0)} {
				if out := b.post(p, m, m, typed); out.Status != http.StatusServiceUnavailable {
					t.Errorf("%s: %s: %d %s", name, m, out.Status, out.Key())
				}
			}
		}
	}
	if n := w.tries(t, assure.PIN) + w.tries(t, assure.TOTP); n != 0 || len(w.told) != 0 {
		t.Errorf("%d tries are counted, told %v", n, w.told)
	}
	w.desk.Open = open
	if p := b.send(p, "pin", "pin", goodPIN); p.Key() != "done" {
		t.Errorf("then: %s", p.Body)
	}
}

// What was right stays right when the database fails right after.
func TestFaultOfTheRecordIsNoTry(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	key := w.secure(t, assure.PIN, assure.TOTP)
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	w.exec(t, `create function disk_full() returns trigger language plpgsql as $$ begin raise exception 'disk full' using errcode = '53100'; end $$`)
	w.exec(t, "create trigger disk_full before update on assure_attempt for each row when (new.proved_at is not null) execute function disk_full()")
	for range 6 {
		for m, typed := range map[string]string{"pin": goodPIN, "totp": w.code(t, key, 0)} {
			if out := b.post(p, m, m, typed); out.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %s", m, out.Status, out.Key())
			}
		}
	}
	if out := b.post(p, "pin", "pin", "111119"); !strings.Contains(out.wrong(), "4 tries left") {
		t.Errorf("a wrong one: %d %s", out.Status, out.wrong())
	}
	if n := w.tries(t, assure.TOTP); n != 0 {
		t.Errorf("%d codes are counted", n)
	}
	w.exec(t, "drop trigger disk_full on assure_attempt")
	if p := b.send(p, "totp", "totp", w.code(t, key, 0)); p.Key() != "done" || len(w.cast()) != 1 {
		t.Errorf("then: %s, cast %+v", p.Body, w.cast())
	}
}
