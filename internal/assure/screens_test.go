package assure_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/assure"
	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/google/googletest"
	"countersign/internal/pages/pagestest"
)

// album collects what people are shown in the browser, and told in the messenger.
type album struct {
	*town

	t    *testing.T
	lang string
	text strings.Builder
}

// TestScreensReadAsWritten shows the pages of /security and of a confirmation, what is wrong
// there, and what the person and the administrators hear of it, in each language.
func TestScreensReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			a := &album{t: t, town: newTown(t), lang: tag}
			a.desk.Language = tag
			for id := range a.ids {
				_, err := a.Directory.Set(t.Context(), "test", a.ids[id], func(s *directory.Setting) { s.Locale = tag })
				must(t, err)
			}
			key := a.setup()
			a.confirm(key)
			a.casting(key)
			a.astray()
			a.others()
			a.refused()
			a.heardOf()
			goldentest.Same(t, "screens."+tag, a.text.String())
			if gap := regexp.MustCompile(`\{\{|assure\.[a-z_]+\.|<no value>`).FindString(a.text.String()); gap != "" {
				t.Errorf("%s is a key without a text, or a placeholder", gap)
			}
		})
	}
}

// TestPasskeysReadAsWritten shows the same of passkeys.
func TestPasskeysReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			a := &album{t: t, town: withPasskeys(t), lang: tag}
			a.desk.Language = tag
			for id := range a.ids {
				_, err := a.Directory.Set(t.Context(), "test", a.ids[id], func(s *directory.Setting) { s.Locale = tag })
				must(t, err)
			}
			d := a.makes()
			a.bounded(d)
			a.uses(d)
			a.heardOf()
			goldentest.Same(t, "passkeys."+tag, a.text.String())
			if gap := regexp.MustCompile(`\{\{|assure\.[a-z_]+\.|<no value>`).FindString(a.text.String()); gap != "" {
				t.Errorf("%s is a key without a text, or a placeholder", gap)
			}
		})
	}
}

// makes: a passkey, with what can be wrong.
func (a *album) makes() *device {
	b, d := a.browser(a.t), a.device(a.t)
	p := a.shown("/security, no passkey yet", b.login(a.enroll(b), "anna@example.org"))
	a.shown("a name that is too long", b.post(p, "setup/passkey", "name", strings.Repeat("x", 200)))
	p = a.shown("a passkey, begun", b.send(p, "setup/passkey", "name", "laptop"))
	a.shown("a device that answers nonsense", b.post(p, "setup/passkey/complete", "passkey", `{"id":`))
	p = b.send(b.login(a.enroll(b), "anna@example.org"), "setup/passkey", "name", "laptop")
	a.shown("a passkey is made", b.send(p, "setup/passkey/complete", "passkey", d.makes(p.asks(a.t, "create"))))
	return d
}

// uses: a decision, a device that fails, a copy.
func (a *album) uses(d *device) {
	b, ask := a.browser(a.t), a.strong()
	ask.Language = a.lang
	d.counter = 40
	p := a.shown("a decision that takes a passkey", b.get(a.begin(a.t, ask)))
	p = a.shown("a device that did not confirm", b.post(p, "passkey", "passkey", `{"id":"x"}`))
	a.shown("confirmed with a passkey", b.send(p, "passkey", "passkey", d.uses(p.asks(a.t, "get"))))
	ask.No++
	p = b.get(a.begin(a.t, ask))
	copied := *d
	copied.counter = 7
	a.shown("a copy of a passkey", b.post(p, "passkey", "passkey", copied.uses(p.asks(a.t, "get"))))
	ask.No++
	a.shown("no passkey is left", b.get(a.begin(a.t, ask)))
	b = a.browser(a.t)
	a.shown("/security, with the passkey that was copied", b.login(a.enroll(b), "anna@example.org"))
	must(a.t, a.desk.Reset(a.t.Context(), "admin", a.ids["anna"]))
}

// shown keeps the words of a page; what is secret or passing there is another each time.
func (a *album) shown(title string, p page) page {
	words := pagestest.Page{Body: regexp.MustCompile(`(class="code">)[A-Z2-7 ]+<`).ReplaceAllString(p.Body, "${1}AAAA BBBB<")}.Words()
	words = regexp.MustCompile(`[^\n]*\b20[0-9]{2}\b[^\n]*`).ReplaceAllStringFunc(words, a.dated)
	fmt.Fprintf(&a.text, "=== page: %s (%d)\n%s\n\n", title, p.Status, words)
	return p
}

// dated makes a moment of the database's clock the same each time.
func (a *album) dated(line string) string {
	lang := a.desk.Texts.For(a.lang)
	for at := time.Now().Add(-5 * time.Minute); at.Before(time.Now().Add(3 * time.Hour)); at = at.Add(time.Minute) {
		line = strings.ReplaceAll(line, lang.DateTime(at, time.UTC), lang.DateTime(time.Date(2026, 6, 15, 11, 0, 0, 0, time.UTC), time.UTC))
	}
	return line
}

// enroll is the way of /security to where somebody changes what he has.
func (a *album) enroll(b *browser) page {
	address, err := a.desk.Enroll(a.t.Context(), a.ids["anna"], annasPhone, a.lang)
	must(a.t, err)
	return b.get(a.here(address))
}

// setup: a PIN, codes and a passkey, with what can be wrong.
func (a *album) setup() (key string) {
	b := a.browser(a.t)
	enter := a.shown("/security, before the login", a.enroll(b))
	p := a.shown("/security, nothing is set", b.login(enter, "anna@example.org"))
	a.shown("a PIN of letters", b.post(p, "setup/pin", "pin", "abcdef", "repeat", "abcdef"))
	a.shown("a weak PIN", b.post(p, "setup/pin", "pin", "123456", "repeat", "123456"))
	a.shown("PINs that differ", b.post(p, "setup/pin", "pin", goodPIN, "repeat", "8305172"))
	p = a.shown("a PIN is set", b.send(p, "setup/pin", "pin", goodPIN, "repeat", goodPIN))
	p = a.shown("codes, begun", b.send(p, "setup/totp"))
	key = a.secretOf(p)
	a.shown("a first code that is another", b.post(p, "setup/totp/complete", "totp", a.code(a.t, key, 9)))
	p = a.shown("codes are set", b.send(p, "setup/totp/complete", "totp", a.code(a.t, key, 0)))
	a.pass(30 * time.Second)
	a.shown("codes without a code", b.post(p, "setup/totp"))
	a.shown("codes with a wrong code", b.post(p, "setup/totp", "now", a.code(a.t, key, 9)))
	a.shown("the PIN is removed", b.send(p, "setup/pin/remove", "now", a.code(a.t, key, 0)))
	a.pass(30 * time.Second)
	b.send(p, "setup/pin", "pin", goodPIN, "repeat", goodPIN, "now", a.code(a.t, key, 0))
	a.pass(30 * time.Second)
	return key
}

// secretOf is what a page gives to be typed into an app.
func (a *album) secretOf(p page) string {
	return strings.ReplaceAll(p.Find(a.t, `class="code">([A-Z2-7 ]+)<`), " ", "")
}

func (a *album) asking(no int) assure.Ask {
	out := a.ask()
	out.Language, out.No = a.lang, no
	return out
}

// confirm: what one is asked, what is wrong, and the end.
func (a *album) confirm(key string) {
	b := a.browser(a.t)
	address := a.begin(a.t, a.asking(0))
	p := a.shown("a decision to confirm", b.get(address))
	for range 2 {
		a.shown("a wrong PIN", b.post(p, "pin", "pin", "111119"))
	}
	a.shown("a wrong code", b.post(p, "totp", "totp", a.code(a.t, key, 9)))
	a.shown("no code", b.post(p, "totp", "totp", "12"))
	a.shown("confirmed", b.send(p, "totp", "totp", a.code(a.t, key, 0)))
	a.shown("confirmed before", b.get(address))
	a.pass(30 * time.Second)
	next := b.get(a.begin(a.t, a.asking(1)))
	var out page
	for range 5 {
		out = b.post(next, "pin", "pin", "111119")
		next = b.get(a.begin(a.t, a.asking(1)))
	}
	a.shown("the last wrong PIN", out)
	a.shown("the PIN is locked", next)
	boris := a.asking(2)
	boris.Person, boris.Account = a.ids["boris"], borisPhone
	boris.Least = assure.TOTP
	a.shown("nothing to confirm with", a.browser(a.t).get(a.begin(a.t, boris)))
}

// refused: what is no longer valid, of another browser or person, or away.
func (a *album) refused() {
	stale := a.web.URL + "/confirm"
	a.shown("a page that is none", a.browser(a.t).do(http.MethodGet, stale, nil, "Accept-Language", a.lang))
	b := a.browser(a.t)
	p := b.get(a.begin(a.t, a.asking(3)))
	a.shown("a form of another site", b.do(http.MethodPost, a.web.URL+"/confirm/pin", map[string][]string{}, "Sec-Fetch-Site", "cross-site", "Accept-Language", a.lang))
	a.shown("another account", b.login(p, "boris@example.org"))
	p = b.get(a.begin(a.t, a.asking(4)))
	back := b.away(p, "anna@example.org")
	a.shown("in another browser", a.browser(a.t).do(http.MethodGet, back, nil, "Accept-Language", a.lang))
	a.shown("the login was canceled", b.login(b.get(a.begin(a.t, a.asking(5))), ""))
	blind := a.asking(6)
	blind.Case = other
	a.shown("the ledger is away", a.browser(a.t).get(a.begin(a.t, blind)))
	a.google.Break(googletest.Discovery, googletest.Status)
	a.desk.Services[0] = a.provider()
	a.shown("the login service is away", a.browser(a.t).get(a.begin(a.t, a.asking(7))))
}

func (a *album) heardOf() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, account := range []int64{annasPhone, borisPhone} {
		for _, text := range a.told[account] {
			fmt.Fprintf(&a.text, "=== %d is told\n%s\n\n", account, a.dated(text))
		}
	}
	for _, text := range a.alarms {
		fmt.Fprintf(&a.text, "=== administrators are told\n%s\n\n", a.dated(text))
	}
}
