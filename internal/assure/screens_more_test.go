package assure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"countersign/internal/assure"
	"countersign/internal/google/googletest"
)

// casting: a decision that does not get through at first, one that is looked at meanwhile, and
// a code that counts elsewhere in the same moment.
func (a *album) casting(key string) {
	b := a.browser(a.t)
	address := a.begin(a.t, a.asking(10))
	p := b.get(address)
	begun, end, answered := make(chan bool), make(chan bool), make(chan page)
	cast := a.desk.Cast
	a.desk.Cast = func(context.Context, assure.Ask, string) (string, error) {
		close(begun)
		<-end
		return "", errors.New("away")
	}
	go func() { answered <- b.send(p, "totp", "totp", a.code(a.t, key, 0)) }()
	<-begun
	a.shown("the decision is under way", b.get(address))
	close(end)
	again := a.shown("the decision did not get through", <-answered)
	a.desk.Cast = cast
	a.shown("tried again", b.send(again, "again"))
	a.pass(30 * time.Second)
	a.sameMoment(key)
	for range 4 {
		b = a.browser(a.t)
		p = b.get(a.begin(a.t, a.asking(11)))
		b.post(p, "totp", "totp", a.code(a.t, key, 9))
	}
	a.shown("the fifth wrong code", b.post(p, "totp", "totp", a.code(a.t, key, 9)))
	a.shown("codes are locked", b.get(a.begin(a.t, a.asking(11))))
}

// sameMoment sends one code for two decisions; the one that does not count is shown.
func (a *album) sameMoment(key string) {
	var both sync.WaitGroup
	both.Add(2)
	code, now := a.code(a.t, key, 0), a.desk.Now
	a.desk.Now = func() time.Time { // asked when both are counted
		both.Done()
		both.Wait()
		return now()
	}
	answers := make(chan page, 2)
	for no := range 2 {
		b := a.browser(a.t)
		p := b.get(a.begin(a.t, a.asking(20+no)))
		go func() { answers <- b.send(p, "totp", "totp", code) }()
	}
	for range 2 {
		if p := <-answers; p.Key() != "done" {
			a.shown("a code that counted in the same moment", p)
		}
	}
	a.desk.Now = now
	a.pass(30 * time.Second)
}

// astray: browsers and logins that do not lead to the decision.
func (a *album) astray() {
	b := a.browser(a.t)
	p := b.get(a.begin(a.t, a.asking(12)))
	a.shown("no cookie", a.browser(a.t).post(p, "totp", "totp", "123456"))
	a.google.Alter(func(claims map[string]any) { claims["nonce"] = "x" })
	a.shown("a login that was not asked for", b.login(p, "anna@example.org"))
	p = b.get(a.begin(a.t, a.asking(13)))
	a.google.Alter(func(claims map[string]any) { claims["auth_time"] = time.Now().Add(-7 * time.Minute).Unix() })
	a.shown("a login that is old", b.login(p, "anna@example.org"))
	a.google.Alter(nil)
	p = b.get(a.begin(a.t, a.asking(14)))
	a.google.Break(googletest.Token, googletest.Status)
	a.shown("no login service", b.login(p, "anna@example.org"))
	a.google.Break(googletest.Token, googletest.Sound)
}

const carolsPhone = 7003

// others: Boris, whose login may be an old one, and Carol, whom no login service knows.
func (a *album) others() {
	enter := func(b *browser, id string, account int64) page {
		address, err := a.desk.Enroll(a.t.Context(), a.ids[id], account, a.lang)
		must(a.t, err)
		return b.get(a.here(address))
	}
	a.desk.Undated = map[string]bool{"google": true}
	b := a.browser(a.t)
	p := b.send(b.login(enter(b, "boris", borisPhone), "boris@example.org"), "setup/pin", "pin", goodPIN, "repeat", goodPIN)
	p = a.shown("a PIN is set, and a login may be old", b.send(p, "setup/totp", "now", goodPIN))
	key := a.secretOf(p)
	p = b.send(p, "setup/totp/complete", "totp", a.code(a.t, key, 0))
	a.pass(30 * time.Second)
	b.send(p, "setup/totp/remove", "now", a.code(a.t, key, 0))
	a.desk.Undated = nil
	carol := person("carol")
	carol.Telegram = carolsPhone
	a.Import(a.t, carol) // an administrator has linked her
	e, err := a.Directory.User(a.t.Context(), "carol")
	must(a.t, err)
	a.ids["carol"] = e.ID
	a.shown("/security of somebody whom no login service knows", enter(b, "carol", carolsPhone))
	must(a.t, a.desk.Reset(a.t.Context(), "admin", a.ids["boris"]))
	ask := a.asking(15)
	ask.Person, ask.Account, ask.Least = a.ids["boris"], borisPhone, assure.TOTP
	for { // until there were too many in an hour
		p = b.get(a.begin(a.t, ask))
		if out := b.send(p, "enroll"); out.Status == http.StatusTooManyRequests {
			a.shown("[Set it up] too often", out)
			return
		}
	}
}

// bounded: no eleventh passkey, one that this device has already, and one that is removed.
func (a *album) bounded(d *device) {
	const rest = "id like 'psk_000000000000%'"
	opened := a.desk.Open
	a.desk.Open = func(sealed []byte, row string) (string, error) { // of rows that are put there by hand there is no seal
		text, err := open(sealed, row)
		if err != nil {
			return "", errors.New("no seal")
		}
		return text, nil
	}
	a.exec(a.t, `insert into assure_passkey (id, person_id, name, credential_id, sealed, counter, added_at, copied_at)
		select 'psk_0000000000000000000000000' || n, person_id, 'key ' || n, sha256(n::text::bytea), sealed, 0, now(), now() from assure_passkey, generate_series(1, 9) n`)
	b := a.browser(a.t)
	p := b.login(a.enroll(b), "anna@example.org")
	out := b.post(p, "setup/passkey", "name", "eleventh", "now", d.uses(p.asks(a.t, "get")))
	fmt.Fprintf(&a.text, "=== an eleventh passkey\n%s\n\n", out.wrong())
	b.send(out, "setup/passkey/remove", "key", "psk_00000000000000000000000001", "now", d.uses(out.asks(a.t, "get")))
	a.exec(a.t, "delete from assure_passkey where "+rest)
	a.desk.Open = opened
}
