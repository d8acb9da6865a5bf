package assure_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"countersign/internal/browsertest"
	"countersign/internal/pages"
)

// patience bounds a step of a real browser on a busy machine.
const patience = time.Minute

// chromium is a person in front of a real browser, whose device can make passkeys.
type chromium struct {
	*browsertest.Browser

	tb   testing.TB
	town *town
}

func openChromium(t *testing.T, w *town) *chromium {
	t.Helper()
	c := &chromium{tb: t, town: w, Browser: browsertest.Open(t, browsertest.Options{Of: "a passkey", Width: 390, Height: 844, Patience: patience})}
	plain := httptest.NewServer(w.web.Config.Handler) // browsers trust this machine without TLS
	t.Cleanup(plain.Close)
	w.desk.PublicURL = strings.Replace(plain.URL, "127.0.0.1", "localhost", 1)
	return c
}

// device gives the browser an authenticator that its owner unlocks, or not.
func (c *chromium) device() webauthn.AuthenticatorID {
	c.tb.Helper()
	_, err := chromedp.Call(c.Ctx, webauthn.Enable, webauthn.EnableParams{})
	must(c.tb, err)
	made, err := chromedp.Call(c.Ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	must(c.tb, err)
	return made.AuthenticatorID
}

func (c *chromium) sees(expression string) {
	c.tb.Helper()
	c.Sees(expression, expression)
}

// on waits for a page of ours with some words.
func (c *chromium) on(key, words string) {
	c.tb.Helper()
	c.sees(fmt.Sprintf(`document.querySelector('main[data-page=%q]') !== null && document.body.innerText.includes(%q)`, key, words))
}

func (c *chromium) press(selector string) {
	c.tb.Helper()
	c.Do("press "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// enter is the way to where somebody changes what he has; the login is given.
func (c *chromium) enter(language string) {
	c.tb.Helper()
	w := c.town
	address, err := w.desk.Enroll(c.tb.Context(), w.ids["anna"], annasPhone, language)
	must(c.tb, err)
	c.Do("enter", chromedp.Navigate(address))
	id := w.id(c.tb, "enr")
	got, err := chromedp.Call(c.Ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	must(c.tb, err)
	for _, cookie := range got.Cookies {
		if cookie.Name == "__Host-"+strings.ReplaceAll(id, "_", "-") {
			w.exec(c.tb, `update assure_attempt set cookie_hash = $2, opened_at = now(), service = 'google', state_hash = sha256(id::bytea), logins = 1,
				exchanged_at = now(), method = 'login', proved_at = now() where id = $1`, id, pages.Hash(cookie.Value))
		}
	}
	c.Do("come in", chromedp.Navigate(w.desk.PublicURL+"/confirm?of="+id))
}

// picture keeps the whole page in both themes, if somebody wants to see it.
func (c *chromium) picture(name string) {
	c.tb.Helper()
	folder := os.Getenv(browsertest.Screenshots)
	if folder == "" {
		return
	}
	for _, theme := range []string{"dark", "light"} {
		c.Theme(theme)
		shot, err := chromedp.Run(c.Ctx, chromedp.FullScreenshot(100))
		must(c.tb, err)
		must(c.tb, os.WriteFile(filepath.Join(folder, name+"-"+theme+".png"), shot, 0o600))
	}
}

func TestRealBrowserMakesAPasskeyAndApprovesWithIt(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	c := openChromium(t, w)
	device := c.device()
	c.enter("en")
	c.on("setup", "Passkeys")
	c.Do("name", chromedp.SendKeys(chromedp.CSS(`input[name="name"]`), "desk 12"))
	c.press(`form[action="/confirm/setup/passkey"] button`)
	c.on("setup", "Now your device makes the passkey")
	c.picture("make")
	c.press(`form[data-create] button`)
	c.on("setup", "Added:")
	if !w.heard(annasPhone, "“desk 12” was added") {
		t.Errorf("told %v", w.told)
	}
	a := w.strong()
	address, err := w.desk.Begin(t.Context(), a)
	must(t, err)
	c.Do("open", chromedp.Navigate(address))
	c.on("confirm", "Confirm with a passkey")
	c.picture("confirm")
	locked := func(unlocked bool) {
		_, err := chromedp.Call(c.Ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: unlocked})
		must(t, err)
	}
	locked(false) // somebody who holds the device, and cannot unlock it
	c.press(`form[action="/confirm/passkey"] button`)
	c.on("confirm", "The device did not confirm")
	w.nothing(t)
	locked(true)
	c.press(`form[action="/confirm/passkey"] button`)
	c.on("done", "✅ Approved")
	if v := w.cast(); len(v) != 1 || v[0].method != "passkey" || v[0].ask != a {
		t.Errorf("%+v", v)
	}
	// To change what she has she shows it.
	c.enter("en")
	c.on("setup", "You will be asked for one of your passkeys first")
	c.picture("setup")
	c.press(`form[action="/confirm/setup/passkey/remove"] button`)
	c.sees(`!document.body.innerText.includes('desk 12')`)
	if n := ask[int](t, w.owner, "select count(*) from assure_passkey"); n != 0 {
		t.Errorf("%d passkeys stay", n)
	}
}

// No page of ours is broader than a telephone, in Russian, whose words are long.
func TestPagesFitATelephone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	c := openChromium(t, w)
	fits := func(name, key string) {
		c.on(key, "")
		c.picture(name)
		c.sees(`document.documentElement.scrollWidth <= innerWidth`)
	}
	c.device()
	c.enter("ru")
	fits("ru-setup", "setup")
	c.press(`form[action="/confirm/setup/totp"] button`)
	c.sees(`document.querySelector('svg.qr')?.getBoundingClientRect().width > 200`)
	fits("ru-codes", "setup")
	c.Do("name", chromedp.SendKeys(chromedp.CSS(`input[name="name"]`), strings.Repeat("Ноутбук", 8)))
	c.press(`form[action="/confirm/setup/passkey"] button`)
	c.sees(`document.querySelector('form[data-create]') !== null`)
	c.press(`form[data-create] button`)
	c.sees(`document.querySelector('form.key') !== null`)
	fits("ru-passkey", "setup")
	c.Do("a PIN", chromedp.SendKeys(chromedp.CSS(`input[name="pin"]`), goodPIN), chromedp.SendKeys(chromedp.CSS(`input[name="repeat"]`), goodPIN))
	c.press(`form[action="/confirm/setup/pin"] button`)
	c.sees(`document.querySelector('form[action="/confirm/setup/pin/remove"]') !== null`)
	a := w.ask()
	a.Language = "ru"
	address, err := w.desk.Begin(t.Context(), a)
	must(t, err)
	c.Do("open", chromedp.Navigate(address))
	fits("ru-confirm", "confirm")
	c.Do("a PIN", chromedp.SendKeys(chromedp.CSS(`input[name="pin"]`), "111119"))
	c.press(`form[action="/confirm/pin"] button`)
	c.sees(`document.querySelector('.wrong:not([hidden])') !== null`)
	fits("ru-wrong", "confirm")
	w.answer = func() (string, error) { return "", errors.New("away") }
	c.Do("a PIN", chromedp.SendKeys(chromedp.CSS(`input[name="pin"]`), goodPIN))
	c.press(`form[action="/confirm/pin"] button`)
	fits("ru-again", "again")
	c.Do("open", chromedp.Navigate(w.desk.PublicURL+"/confirm?t=x"))
	fits("stale", "stale")
}
