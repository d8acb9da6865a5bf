package assure_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/assure"
)

func TestPINConfirmsOneDecisionOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	b, a := w.browser(t), w.ask()
	p := b.get(w.begin(t, a))
	for _, words := range []string{"№ 4711, en", "Payee &lt;i&gt;Ltd&lt;/i&gt;", "1,000.00 accept", `name="pin"`} {
		if !strings.Contains(p.Body, words) {
			t.Errorf("the page does not show %s: %s", words, p.Body)
		}
	}
	w.nothing(t)
	done := b.send(p, "pin", "pin", goodPIN)
	if done.Key() != "done" || !strings.Contains(done.Body, "✅ Approved: &lt;b&gt;4711") || !w.heard(annasPhone, "✅ Approved: <b>4711") {
		t.Errorf("%d %s, told %v", done.Status, done.Body, w.told)
	}
	want := []vote{{a, "pin"}}
	if diff := cmp.Diff(want, w.cast(), cmp.AllowUnexported(vote{})); diff != "" {
		t.Error(diff)
	}
	for range 2 { // sent again, looked at again
		if p := b.send(p, "pin", "pin", goodPIN); p.Key() != "done" {
			t.Errorf("again: %s", p.Body)
		}
	}
	if n := len(w.cast()); n != 1 {
		t.Errorf("cast %d times", n)
	}
}

func TestFreshLoginConfirms(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b, a := w.browser(t), w.ask()
	a.Least = assure.Login
	p := b.get(w.begin(t, a))
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+w.google.URL()+";") {
		t.Error(csp)
	}
	callback := b.away(p, "anna@example.org")
	first, again := b.get(callback), b.get(callback) // the back button
	if p := b.get(first.Location); p.Key() != "done" || again.Location != first.Location {
		t.Errorf("%s, then %d %s", p.Body, again.Status, again.Body)
	}
	if v := w.cast(); len(v) != 1 || v[0].method != "login" || w.google.TokenCalls() != 1 {
		t.Errorf("%+v, %d token calls", v, w.google.TokenCalls())
	}
}

func TestCodesConfirmAndEachIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.TOTP)
	a := w.ask()
	a.Least = assure.TOTP
	confirm := func(code string) page {
		b := w.browser(t)
		return b.send(b.get(w.begin(t, a)), "totp", "totp", code)
	}
	now := w.code(t, secret, 0)
	if p := confirm(now[:3] + " " + now[3:]); p.Key() != "done" {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	for name, code := range map[string]string{
		"the same again": now, "the one of the step before": w.code(t, secret, -1), "two steps ahead": w.code(t, secret, 2), "two steps back": w.code(t, secret, -2),
	} {
		if p := confirm(code); p.Key() != "confirm" || !strings.Contains(p.wrong(), "wrong or was used") {
			t.Errorf("%s: %s", name, p.Body)
		}
	}
	if p := confirm(w.code(t, secret, 1)); p.Key() != "done" { // an app whose clock is ahead
		t.Errorf("the next: %s", p.Body)
	}
	w.pass(time.Hour)
	if p := confirm(w.code(t, secret, -1)); p.Key() != "done" { // one that is behind
		t.Errorf("an hour later: %s", p.Body)
	}
	if n := len(w.cast()); n != 3 {
		t.Errorf("cast %d times", n)
	}
}

// Those ways are offered that a person has and that are strong enough.
func TestWaysAreOfferedByTheirStrength(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN, assure.TOTP)
	for least, want := range map[assure.Method][]bool{assure.PIN: {true, true, true}, assure.Login: {false, true, true}, assure.TOTP: {false, false, true}} {
		a := w.ask()
		a.Least = least
		b := w.browser(t)
		p := b.get(w.begin(t, a))
		for i, act := range []string{"pin", "login", "totp"} {
			if strings.Contains(p.Body, `action="/confirm/`+act+`"`) != want[i] {
				t.Errorf("%s for %s: not %v", act, least, want[i])
			}
			if want[i] {
				continue
			}
			out := b.send(p, act, "pin", goodPIN, "service", "google")
			if wanted := map[string]string{"pin": "confirm", "login": "stale"}[act]; out.Key() != wanted || out.Location != "" || out.wrong() != "" {
				t.Errorf("%s for %s: %d %s", act, least, out.Status, out.Body)
			}
		}
	}
	w.nothing(t)
}

func TestWhoHasNothingIsLedToGetIt(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.ask()
	a.Least = assure.TOTP
	b := w.browser(t)
	p := b.get(w.begin(t, a))
	if p.Key() != "confirm" || strings.Contains(p.Body, "/confirm/pin") || strings.Contains(p.Body, "/confirm/login") {
		t.Fatalf("%s", p.Body)
	}
	p = b.send(p, "enroll")
	if p.Key() != "enter" {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if p = b.login(p, "anna@example.org"); p.Key() != "setup" || !strings.Contains(p.Body, "Not set.") {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	w.nothing(t)
}

// The vote could not be cast: the same proof works again within its time, without a PIN.
func TestProofIsGivenBackWhenCastingFails(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	w.answer = func() (string, error) { return "", errors.New("the database is away") }
	b := w.browser(t)
	address := w.begin(t, w.ask())
	p := b.send(b.get(address), "pin", "pin", goodPIN)
	if p.Key() != "again" || !strings.Contains(p.Body, "№ 4711") || strings.Contains(p.Body, "database") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if p = b.send(p, "again"); p.Key() != "again" {
		t.Errorf("it fails again: %s", p.Body)
	}
	if p := w.browser(t).get(address); p.Key() != "other_browser" {
		t.Errorf("in another browser: %s", p.Key())
	}
	w.answer = func() (string, error) { return "✅ Approved", nil }
	if p = b.send(p, "again"); p.Key() != "done" {
		t.Errorf("then: %s", p.Body)
	}
	if v := w.cast(); len(v) != 3 || v[2].method != "pin" || len(w.told[annasPhone]) != 1 {
		t.Errorf("%+v, told %v", v, w.told)
	}
}

func TestRefusalOfTheVoteIsShownAndUsesTheProof(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	w.answer = func() (string, error) { return "The document has changed since: revision 4.\x00", nil }
	b := w.browser(t)
	first := b.get(w.begin(t, w.ask()))
	p := b.send(first, "pin", "pin", goodPIN)
	if p.Key() != "done" || !strings.Contains(p.Body, "has changed since") || !w.heard(annasPhone, "revision 4") {
		t.Errorf("%s, told %v", p.Body, w.told)
	}
	if again := b.send(first, "again"); again.Key() != "done" || len(w.cast()) != 1 {
		t.Errorf("%s, cast %+v", again.Key(), w.cast())
	}
}

func TestNewConfirmationTakesThePlaceOfTheOldForTheSameSlotOnly(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.ask()
	first := w.begin(t, a)
	a.Step = 1
	elsewhere := w.begin(t, a)
	a.Step, a.Verdict = 0, "reject"
	second := w.begin(t, a)
	for address, want := range map[string]string{first: "stale", elsewhere: "confirm", second: "confirm"} {
		if p := w.browser(t).get(address); p.Key() != want {
			t.Errorf("%s, want %s", p.Key(), want)
		}
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for range 10 {
		_, err := w.desk.Enroll(t.Context(), w.ids["anna"], annasPhone, "en")
		must(t, err)
	}
	if _, err := w.desk.Enroll(t.Context(), w.ids["anna"], annasPhone, "en"); !errors.Is(err, assure.ErrTooMany) {
		t.Errorf("the eleventh: %v", err)
	}
	for range 120 {
		w.begin(t, w.ask())
	}
	if _, err := w.desk.Begin(t.Context(), w.ask()); !errors.Is(err, assure.ErrTooMany) {
		t.Errorf("the 121st: %v", err)
	}
	for name, change := range map[string]func(*assure.Ask){
		"no case": func(a *assure.Ask) { a.Case = "" }, "a case that is none": func(a *assure.Ask) { a.Case = "cas_' or 1=1" },
		"round": func(a *assure.Ask) { a.Round = 0 }, "step": func(a *assure.Ask) { a.Step = -1 }, "no": func(a *assure.Ask) { a.No = -1 },
		"revision": func(a *assure.Ask) { a.Revision = 0 }, "verdict": func(a *assure.Ask) { a.Verdict = "maybe" }, "least": func(a *assure.Ask) { a.Least = "chat" },
		"a long reason": func(a *assure.Ask) { a.Reason = strings.Repeat("я", 4097) }, "a reason that cannot be kept": func(a *assure.Ask) { a.Reason = "a\x00" },
		"a broken reason": func(a *assure.Ask) { a.Reason = "\xff" },
	} {
		a := w.ask()
		change(&a)
		if _, err := w.desk.Begin(t.Context(), a); !errors.Is(err, assure.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := w.ask()
	a.Account = borisPhone
	if _, err := w.desk.Begin(t.Context(), a); !errors.Is(err, assure.ErrNotLinked) {
		t.Errorf("from another's chat: %v", err)
	}
	if n, err := w.desk.Store.Purge(t.Context(), time.Hour); err != nil || n != 0 {
		t.Errorf("purged %d, %v", n, err)
	}
	if n, err := w.desk.Store.Purge(t.Context(), -time.Hour); err != nil || n != 130 {
		t.Errorf("purged %d, %v", n, err)
	}
}
