package assure_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/assure"
)

// changes is the journal.
func (t *town) changes(tb testing.TB) []string {
	tb.Helper()
	return ask[[]string](tb, t.owner, `select coalesce(array_agg(what || case when actor = person_id then '' else ' by ' || actor end order by id), '{}') from assure_journal`)
}

func TestPersonSetsChangesAndRemovesWhatHeConfirmsWith(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	p := b.enter("anna", annasPhone)
	if strings.Count(p.Body, "Not set.") != 2 {
		t.Errorf("%s", p.Body)
	}
	p = b.send(p, "setup/pin", "pin", goodPIN, "repeat", goodPIN)
	if strings.Count(p.Body, "Not set.") != 1 || !strings.Contains(p.Body, "Set since") {
		t.Errorf("a PIN: %s", p.Body)
	}
	p = b.send(p, "setup/pin", "pin", "8305172", "repeat", "8305172") // a fresh login is stronger than the old PIN
	if !w.confirms(t, "pin", "8305172") || w.confirms(t, "pin", goodPIN) {
		t.Error("the new PIN does not take the place of the old")
	}
	p = b.send(p, "setup/totp")
	app := p.Find(t, `href="(otpauth://[^"]+)"`)
	u, err := url.Parse(app)
	must(t, err)
	secret := u.Query().Get("secret")
	if len(secret) != 32 || u.Path != "/Countersign:anna@example.org" || u.Host != "totp" || !strings.Contains(p.Body, secret[:4]+" "+secret[4:8]) {
		t.Errorf("%s", app)
	}
	if w.offered(t, "totp") {
		t.Error("a secret counts before its first code")
	}
	if out := b.post(p, "setup/totp/complete", "totp", w.code(t, secret, 5)); !strings.Contains(out.wrong(), "not the code of the new key") {
		t.Errorf("a wrong first code: %s", out.Body)
	}
	if out := b.send(p, "setup/totp/cancel"); strings.Contains(out.Body, "otpauth") {
		t.Errorf("canceled: %s", out.Body)
	}
	p = b.send(p, "setup/totp")
	second := strings.ReplaceAll(p.Find(t, `class="code">([A-Z2-7 ]+)<`), " ", "")
	if second == secret {
		t.Error("the same secret again")
	}
	p = b.send(p, "setup/totp/complete", "totp", w.code(t, second, 0))
	if w.confirms(t, "totp", w.code(t, second, 0)) {
		t.Error("the first code counts twice")
	}
	if !w.confirms(t, "totp", w.code(t, second, 1)) {
		t.Error("codes do not confirm")
	}
	p = b.send(p, "setup/pin/remove")
	if w.offered(t, "pin") || strings.Count(p.Body, "Not set.") != 1 {
		t.Errorf("%s", p.Body)
	}
	b.send(p, "setup/pin/remove") // sent twice
	if diff := cmp.Diff([]string{"pin.set", "pin.set", "totp.set", "pin.removed"}, w.changes(t)); diff != "" {
		t.Error(diff)
	}
	told := 0
	for _, words := range []string{"Your PIN was set", "Codes from an app were set up", "Your PIN was removed"} {
		if w.heard(annasPhone, words) {
			told++
		}
	}
	if told != 3 || !w.heard(annasPhone, "If that was not you") {
		t.Errorf("told %v", w.told)
	}
}

// confirms reports whether something typed confirms.
func (t *town) confirms(tb testing.TB, m, typed string) bool {
	tb.Helper()
	b := t.browser(tb)
	return b.send(b.get(t.begin(tb, t.ask())), m, m, typed).Key() == "done"
}

func (t *town) offered(tb testing.TB, m string) bool {
	tb.Helper()
	return strings.Contains(t.browser(tb).get(t.begin(tb, t.ask())).Body, `action="/confirm/`+m+`"`)
}

// A login alone takes no codes away: they are stronger.
func TestCodesAreChangedWithACodeOnly(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.TOTP)
	b := w.browser(t)
	p := b.enter("anna", annasPhone)
	for _, act := range []string{"setup/totp", "setup/totp/remove"} {
		if out := b.post(p, act); out.Status != http.StatusForbidden || out.wrong() == "" {
			t.Errorf("%s without a code: %d %s", act, out.Status, out.Body)
		}
		if out := b.post(p, act, "now", w.code(t, secret, 7)); !strings.Contains(out.wrong(), "left") {
			t.Errorf("%s with a wrong code: %d %s", act, out.Status, out.Body)
		}
	}
	if out := b.post(p, "setup/totp/complete", "totp", "123456"); out.Status != http.StatusSeeOther || !w.offered(t, "totp") {
		t.Errorf("%d %s", out.Status, out.Body)
	}
	p = b.send(p, "setup/totp", "now", w.code(t, secret, 0))
	next := strings.ReplaceAll(p.Find(t, `class="code">([A-Z2-7 ]+)<`), " ", "")
	p = b.send(p, "setup/totp/complete", "totp", w.code(t, next, 0))
	if w.confirms(t, "totp", w.code(t, secret, 1)) || !w.confirms(t, "totp", w.code(t, next, 1)) {
		t.Error("the new app does not take the place of the old")
	}
	w.pass(60e9)
	if b.send(p, "setup/totp/remove", "now", w.code(t, next, 0)); w.offered(t, "totp") {
		t.Error("still offered")
	}
}

func TestWeakPINsAreRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	p := b.enter("anna", annasPhone)
	for pin, want := range map[string]string{
		"": "6 to 12", "12345": "6 to 12", "1234567890123": "6 to 12", "27491a": "6 to 12", "２７４９１３": "6 to 12",
		"123456": "tries that PIN first", "654321": "tries that PIN first", "000000": "tries that PIN first", "890123": "tries that PIN first", "210987654": "tries that PIN first",
	} {
		if out := b.post(p, "setup/pin", "pin", pin, "repeat", pin); out.Status != http.StatusForbidden || !strings.Contains(out.wrong(), want) {
			t.Errorf("%q: %d %s", pin, out.Status, out.wrong())
		}
	}
	if out := b.post(p, "setup/pin", "pin", goodPIN, "repeat", "274914"); !strings.Contains(out.wrong(), "not the same") {
		t.Errorf("%s", out.wrong())
	}
	if len(w.changes(t)) != 0 || len(w.told) != 0 {
		t.Errorf("%v, told %v", w.changes(t), w.told)
	}
}

// Nobody changes anything before the login, with a confirmation, or after the time.
func TestNothingIsChangedWithoutTheLogin(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	address, err := w.desk.Enroll(t.Context(), w.ids["anna"], annasPhone, "en")
	must(t, err)
	b := w.browser(t)
	p := b.get(address)
	if p.Key() != "enter" {
		t.Fatalf("%s", p.Body)
	}
	acts := []string{"setup/pin", "setup/pin/remove", "setup/totp", "setup/totp/cancel", "setup/totp/complete", "setup/totp/remove", "pin", "totp", "again"}
	tries := func(what, want string, b *browser, p page) {
		for _, act := range acts {
			if out := b.post(p, act, "pin", goodPIN, "repeat", goodPIN, "totp", "123456", "now", "123456"); out.Key() != want && out.Status != http.StatusSeeOther {
				t.Errorf("%s %s: %d %s", what, act, out.Status, out.Key())
			}
		}
		if len(w.changes(t)) != 0 || ask[int](t, w.owner, "select count(*) from assure_secret") != 0 || ask[int](t, w.owner, "select count(pending) from assure_attempt") != 0 {
			t.Errorf("%s: changed: %v", what, w.changes(t))
		}
	}
	tries("before the login", "enter", b, p)
	other := w.browser(t)
	tries("with a confirmation", "confirm", other, other.get(w.begin(t, w.ask())))
	in := b.login(p, "anna@example.org")
	for _, old := range []page{p, in} { // before and after the cookie was changed
		if out := w.browser(t).post(old, "setup/pin", "pin", goodPIN, "repeat", goodPIN); out.Status != http.StatusBadRequest {
			t.Errorf("another browser: %d %s", out.Status, out.Key())
		}
	}
	w.exec(t, "alter table assure_attempt disable trigger assure_attempt_goes_on")
	w.exec(t, "update assure_attempt set expires_at = created_at + interval '1 microsecond'")
	w.exec(t, "alter table assure_attempt enable always trigger assure_attempt_goes_on")
	tries("too late", "stale", b, in)
}

func TestCookieIsAnotherOneAfterTheLogin(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	address, err := w.desk.Enroll(t.Context(), w.ids["anna"], annasPhone, "en")
	must(t, err)
	b := w.browser(t)
	u, err := url.Parse(w.web.URL)
	must(t, err)
	p := b.get(address)
	before := b.Client.Jar.Cookies(u)
	in := b.login(p, "anna@example.org")
	fixed := w.browser(t) // whoever planted the cookie that she began with
	fixed.Client.Jar.SetCookies(u, []*http.Cookie{{Name: before[0].Name, Value: before[0].Value, Path: "/", Secure: true}})
	if out := fixed.post(in, "setup/pin", "pin", goodPIN, "repeat", goodPIN); out.Status != http.StatusBadRequest {
		t.Errorf("%d %s", out.Status, out.Key())
	}
	if out := b.send(in, "setup/pin", "pin", goodPIN, "repeat", goodPIN); out.Key() != "setup" {
		t.Errorf("%d %s", out.Status, out.Key())
	}
}

// A service that does not say when somebody logged in confirms nothing, and lets a PIN be
// changed only by who knows it.
func TestUndatedLoginsAreWorthLess(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.google.Alter(func(c map[string]any) { delete(c, "auth_time") })
	w.desk.Undated = map[string]bool{"google": true}
	a := w.ask()
	a.Least = assure.Login
	b := w.browser(t)
	p := b.get(w.begin(t, a))
	if strings.Contains(p.Body, "/confirm/login") {
		t.Errorf("%s", p.Body)
	}
	if out := b.post(p, "login", "service", "google"); out.Status != http.StatusBadRequest {
		t.Errorf("%d %s", out.Status, out.Location)
	}
	w.secure(t, assure.PIN)
	p = b.enter("anna", annasPhone)
	for now, words := range map[string]string{"": "6 to 12", "111119": "left"} {
		for _, act := range []string{"setup/pin", "setup/pin/remove", "setup/totp"} {
			if out := b.post(p, act, "pin", "8305172", "repeat", "8305172", "now", now); !strings.Contains(out.wrong(), words) {
				t.Errorf("%s with %q: %d %s", act, now, out.Status, out.wrong())
			}
		}
	}
	if b.send(p, "setup/pin", "pin", "8305172", "repeat", "8305172", "now", goodPIN); !w.confirms(t, "pin", "8305172") {
		t.Error("the new PIN does not confirm")
	}
	if out := b.send(p, "setup/totp", "now", "8305172"); !strings.Contains(out.Body, "/confirm/setup/totp/complete") {
		t.Errorf("%s", out.Body)
	}
}

// Nor does such a login give a PIN to whoever has codes.
func TestUndatedLoginsGiveNoSecondWay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.TOTP)
	w.google.Alter(func(c map[string]any) { delete(c, "auth_time") })
	w.desk.Undated = map[string]bool{"google": true}
	b := w.browser(t)
	p := b.enter("anna", annasPhone)
	if !strings.Contains(p.Body, `name="now"`) {
		t.Errorf("no code is asked for: %s", p.Body)
	}
	for _, now := range []string{"", "000000"} {
		if out := b.post(p, "setup/pin", "pin", goodPIN, "repeat", goodPIN, "now", now); out.wrong() == "" {
			t.Errorf("with %q: %d", now, out.Status)
		}
	}
	if w.offered(t, "pin") {
		t.Error("a PIN was given")
	}
}

func TestAdministratorResetsAndThePersonIsTold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN, assure.TOTP)
	for range 2 {
		must(t, w.desk.Reset(t.Context(), "admin", w.ids["anna"]))
	}
	if w.offered(t, "pin") || w.offered(t, "totp") || !w.heard(annasPhone, "An administrator removed") || len(w.told[annasPhone]) != 1 {
		t.Errorf("told %v", w.told)
	}
	got := w.changes(t)
	if len(got) != 4 || got[2] != "pin.reset by admin" && got[3] != "pin.reset by admin" {
		t.Errorf("%v", got)
	}
}

func TestSecretsAreSealedAnewAfterARotation(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.PIN, assure.TOTP)
	const next = 8
	w.exec(t, "insert into seal_canary (key_id, sealed, made_at) values ($1, $2, now())", next, sealWith(t, next, "song", "canary"))
	w.desk.Seal = func(plain, row string) ([]byte, error) { return sealWith(t, next, plain, row), nil }
	if n, err := w.desk.Reseal(t.Context(), next, 1); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := w.desk.Reseal(t.Context(), next, 1); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	w.exec(t, "delete from seal_canary where key_id = $1", keyID)
	if !w.confirms(t, "pin", goodPIN) || !w.confirms(t, "totp", w.code(t, secret, 0)) {
		t.Error("what was sealed anew does not open")
	}
	w.desk.Open = func([]byte, string) (string, error) { return "", http.ErrNoCookie }
	if n, err := w.desk.Reseal(t.Context(), 9, 10); err == nil || n != 0 {
		t.Errorf("what cannot be opened: %d, %v", n, err)
	}
	// A secret that is moved to another row does not open there.
	w.desk.Open = open
	w.exec(t, "update assure_secret s set sealed = (select sealed from assure_secret where method = 'totp'), set_at = now() where method = 'pin'")
	b := w.browser(t)
	if out := b.post(b.get(w.begin(t, w.ask())), "pin", "pin", goodPIN); out.Status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", out.Status, out.Key())
	}
}

// A rotation while somebody is at it: the key on his page stays good, and no old one is
// needed for it. One that cannot be opened any more gives way to a new one.
func TestSecretThatWaitsIsSealedAnewToo(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.browser(t)
	p := b.send(b.enter("anna", annasPhone), "setup/totp")
	secret := strings.ReplaceAll(p.Find(t, `class="code">([A-Z2-7 ]+)<`), " ", "")
	over := w.browser(t)
	over.send(over.enter("boris", borisPhone), "setup/totp")
	w.exec(t, "update assure_attempt set ended_at = now(), outcome = 'superseded' where person_id = $1", w.ids["boris"])
	const next = 8
	w.exec(t, "insert into seal_canary (key_id, sealed, made_at) values ($1, $2, now())", next, sealWith(t, next, "song", "canary"))
	w.desk.Seal = func(plain, row string) ([]byte, error) { return sealWith(t, next, plain, row), nil }
	if n, err := w.desk.Reseal(t.Context(), next, 1); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if n := ask[int](t, w.owner, "select count(*) from assure_attempt where seal_key_id(pending) = 7 and ended_at is null"); n != 0 {
		t.Errorf("%d wait under the old key", n)
	}
	w.desk.Open = func(sealed []byte, row string) (string, error) {
		if sealed[4] != next {
			return "", errors.New("unknown key")
		}
		return open(sealed, row)
	}
	if p = b.send(p, "setup/totp/complete", "totp", w.code(t, secret, 0)); p.Key() != "setup" || !w.confirms(t, "totp", w.code(t, secret, 1)) {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	w.pass(time.Minute)
	p = b.send(p, "setup/totp", "now", w.code(t, secret, 0))
	w.exec(t, "update assure_attempt set pending = $1 where ended_at is null and kind = 'enroll'", sealWith(t, keyID, "x", "y"))
	if p := b.send(p, "setup/totp/complete", "totp", "123456"); p.Key() != "setup" || strings.Contains(p.Body, "otpauth") || !strings.Contains(p.Body, `action="/confirm/setup/totp"`) {
		t.Errorf("closed: %d %s", p.Status, p.Body)
	}
}

func TestWhoNeverLoggedInIsToldToDoSo(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	u := person("carol")
	u.Telegram = 7003
	w.Import(t, u)
	dir, err := w.Directory.Snapshot(t.Context())
	must(t, err)
	carol, _ := dir.Find("carol")
	address, err := w.desk.Enroll(t.Context(), carol.ID, 7003, "en")
	must(t, err)
	b := w.browser(t)
	p := b.get(address)
	if p.Key() != "enter" || !strings.Contains(p.Body, "/login to the bot") || strings.Contains(p.Body, "<form") {
		t.Errorf("%s", p.Body)
	}
}
