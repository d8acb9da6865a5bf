package assure_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/assure"
)

func TestPasskeysAreListedNamedAndRemoved(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	one := w.equip(t, "anna", annasPhone)
	b, two := w.browser(t), w.device(t)
	p := b.enter("anna", annasPhone)
	// A login gives no second one: the first must be shown.
	if out := b.post(p, "setup/passkey", "name", "phone"); out.wrong() == "" || strings.Contains(out.Body, "data-create") {
		t.Errorf("without the first: %d %s", out.Status, out.Body)
	}
	p = b.get(w.web.URL + "/confirm?of=" + w.id(t, "enr"))
	p = b.send(p, "setup/passkey", "name", "  my <b>phone</b> ", "now", one.uses(p.asks(t, "get")))
	before := p.asks(t, "create")
	if before.Party.ID != "localhost" || before.Selection.Verification != "required" || before.Selection.ResidentKey != "discouraged" || before.Attestation != "none" ||
		len(before.Exclude) != 1 || before.Exclude[0].ID != b64(one.id) || before.User.ID != b64([]byte(w.ids["anna"])) {
		t.Errorf("%+v", before)
	}
	b.post(p, "setup/passkey/complete", "passkey", "") // any answer uses its challenge up
	for name, says := range map[string]func(asked) string{
		"nothing":                    func(asked) string { return "" },
		"the same device":            one.makes,
		"not unlocked":               func(k asked) string { d := *two; d.flags = present; return d.makes(k) },
		"another site":               func(k asked) string { d := *two; d.origin = "https://evil.example"; return d.makes(k) },
		"a key of another site":      func(k asked) string { d := *two; d.host = "evil.example"; return d.makes(k) },
		"a name that can be guessed": func(k asked) string { d := *two; d.id = []byte("short"); return d.makes(k) },
		"another challenge": func(k asked) string {
			k.Challenge = b64([]byte("0123456789abcdef0123456789abcdef"))
			return two.makes(k)
		},
		"the challenge of before":                 func(asked) string { return two.makes(before) },
		"an answer to the question for the first": two.shows,
	} {
		p = b.get(w.web.URL + "/confirm?of=" + w.id(t, "enr"))
		says := says(p.asks(t, "create"))
		if out := b.post(p, "setup/passkey/complete", "passkey", says); out.wrong() == "" || ask[int](t, w.owner, "select count(*) from assure_passkey") != 1 {
			t.Errorf("%s: %d %s", name, out.Status, out.Body)
		}
	}
	p = b.get(w.web.URL + "/confirm?of=" + w.id(t, "enr"))
	p = b.send(p, "setup/passkey/complete", "passkey", two.makes(p.asks(t, "create")))
	if !strings.Contains(p.Body, "my &lt;b&gt;phone&lt;/b&gt;") || !strings.Contains(p.Body, ">laptop<") || !w.heard(annasPhone, "“my <b>phone</b>” was added") {
		t.Errorf("%s, told %v", p.Body, w.told)
	}
	first := ask[string](t, w.owner, "select id from assure_passkey where name = 'laptop'")
	if out := b.post(p, "setup/passkey/remove", "key", first); out.wrong() == "" {
		t.Errorf("removed by a login: %d %s", out.Status, out.Body)
	}
	p = b.get(w.web.URL + "/confirm?of=" + w.id(t, "enr"))
	gone := b.send(p, "setup/passkey/remove", "key", first, "now", two.uses(p.asks(t, "get")))
	if strings.Contains(gone.Body, ">laptop<") || !w.heard(annasPhone, "“laptop” was removed") {
		t.Errorf("%s", gone.Body)
	}
	if diff := cmp.Diff([]string{"passkey.set", "passkey.set", "passkey.removed"}, w.changes(t)); diff != "" {
		t.Error(diff)
	}
	boris := w.equip(t, "boris", borisPhone)
	hers := ask[string](t, w.owner, "select id from assure_passkey where person_id = $1", w.ids["anna"])
	e := w.browser(t)
	p = e.enter("boris", borisPhone)
	e.send(p, "setup/passkey/remove", "key", hers, "now", boris.uses(p.asks(t, "get")))
	if n := ask[int](t, w.owner, "select count(*) from assure_passkey"); n != 2 {
		t.Errorf("Boris removed a key of Anna's: %d left", n)
	}
}

// Codes are shown before the first passkey comes, and a passkey before the first codes:
// a login alone gives no second way to whoever has one that is stronger.
func TestLoginAloneGivesNoSecondStrongWay(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	secret := w.secure(t, assure.TOTP)
	b, d := w.browser(t), w.device(t)
	p := b.enter("anna", annasPhone)
	for _, now := range []string{"", "000000"} {
		if out := b.post(p, "setup/passkey", "name", "x", "now", now); out.wrong() == "" || strings.Contains(out.Body, "data-create") {
			t.Errorf("with %q: %d %s", now, out.Status, out.Body)
		}
	}
	if out := b.post(p, "setup/passkey/complete", "passkey", d.makes(asked{})); out.Status != http.StatusSeeOther {
		t.Errorf("out of turn: %d", out.Status)
	}
	p = b.send(p, "setup/passkey", "name", "x", "now", w.code(t, secret, 0))
	b.send(p, "setup/passkey/complete", "passkey", d.makes(p.asks(t, "create")))
	if n := ask[int](t, w.owner, "select count(*) from assure_passkey"); n != 1 {
		t.Errorf("%d passkeys", n)
	}
	w.equip(t, "boris", borisPhone)
	e := w.browser(t)
	if out := e.post(e.enter("boris", borisPhone), "setup/totp"); out.wrong() == "" || strings.Contains(out.Body, "otpauth") {
		t.Errorf("codes by a login: %d %s", out.Status, out.Body)
	}
}

func TestPasskeysAreBoundedAndNamed(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	b := w.browser(t)
	p := b.enter("anna", annasPhone)
	for _, name := range []string{"", " ", strings.Repeat("я", 61), "a\u202eb", "a\x00b", "a\nb", "\xff"} {
		if out := b.post(p, "setup/passkey", "name", name); !strings.Contains(out.wrong(), "1 to 60") {
			t.Errorf("%q: %d %s", name, out.Status, out.wrong())
		}
	}
	d := w.equip(t, "anna", annasPhone)
	w.exec(t, `insert into assure_passkey (id, person_id, name, credential_id, sealed, counter, added_at)
		select 'psk_0000000000000000000000000' || n, person_id, name, sha256(n::text::bytea), sealed, 0, now() from assure_passkey, generate_series(1, 9) n`)
	e := w.browser(t)
	w.desk.Open = func(sealed []byte, row string) (string, error) { // of those rows there is no seal
		if text, err := open(sealed, row); err == nil {
			return text, nil
		}
		return "", errors.New("no seal")
	}
	w.exec(t, "update assure_passkey set copied_at = now() where id like 'psk_000000000000%'")
	p = e.enter("anna", annasPhone)
	if out := e.post(p, "setup/passkey", "name", "eleventh", "now", d.uses(p.asks(t, "get"))); !strings.Contains(out.wrong(), "10 passkeys already") {
		t.Errorf("%d %s", out.Status, out.wrong())
	}
}

func TestPasskeyIsSealedAnewAfterARotation(t *testing.T) {
	t.Parallel()
	w := withPasskeys(t)
	d := w.equip(t, "anna", annasPhone)
	const next = 8
	w.exec(t, "insert into seal_canary (key_id, sealed, made_at) values ($1, $2, now())", next, sealWith(t, next, "song", "canary"))
	w.desk.Seal = func(plain, row string) ([]byte, error) { return sealWith(t, next, plain, row), nil }
	if n, err := w.desk.Reseal(t.Context(), next, 1); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	w.exec(t, "delete from seal_canary where key_id = $1", keyID)
	b := w.browser(t)
	p := b.get(w.begin(t, w.strong()))
	if p = b.send(p, "passkey", "passkey", d.uses(p.asks(t, "get"))); p.Key() != "done" {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}

func TestPasskeysWhereBrowsersUseThem(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://pay.example.com": true, "https://pay.example.com:8443": true, "http://localhost:8080": true, "https://localhost": true, "http://a.localhost:1": true,
		"http://pay.example.com": false, "https://192.0.2.7": false, "http://127.0.0.1:8080": false, "https://[::1]": false, "": false, "ftp://localhost": false, "https://": false,
	} {
		if got := assure.PasskeysAt(address); got != want {
			t.Errorf("%q: %t", address, got)
		}
	}
	w := newTown(t) // at an address that has no name
	b := w.browser(t)
	p := b.enter("anna", annasPhone)
	if strings.Contains(p.Body, "passkey") {
		t.Errorf("%s", p.Body)
	}
	if out := b.post(p, "setup/passkey", "name", "x"); out.wrong() == "" {
		t.Errorf("%d %s", out.Status, out.Body)
	}
}
