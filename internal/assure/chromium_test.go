package assure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"countersign/internal/pages"
)

// patience bounds a step of a real browser on a busy machine.
const patience = time.Minute

// chromium is a person in front of a real browser, whose device can make passkeys.
type chromium struct {
	tb   testing.TB
	town *town
	ctx  context.Context
}

// openChromium skips, loudly, where there is no browser, unless it is required.
func openChromium(t *testing.T, w *town) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil && os.Getenv("COUNTERSIGN_TEST_BROWSER") == "require" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("NO BROWSER ON THIS MACHINE: no real one used a passkey; install chromium")
	}
	plain := httptest.NewServer(w.web.Config.Handler) // browsers trust this machine without TLS
	t.Cleanup(plain.Close)
	w.desk.PublicURL = strings.Replace(plain.URL, "127.0.0.1", "localhost", 1)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	c := &chromium{tb: t, town: w, ctx: ctx}
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(390, 844))) // whatever comes first starts the browser, for as long as its context lives
	return c
}

// device gives the browser an authenticator that its owner unlocks, or not.
func (c *chromium) device() webauthn.AuthenticatorID {
	c.tb.Helper()
	_, err := chromedp.Call(c.ctx, webauthn.Enable, webauthn.EnableParams{})
	must(c.tb, err)
	made, err := chromedp.Call(c.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	must(c.tb, err)
	return made.AuthenticatorID
}

func (c *chromium) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.fail(what, err)
	}
}

func (c *chromium) fail(what string, err error) {
	c.tb.Helper()
	text, _ := chromedp.Run(c.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	c.tb.Fatalf("%s: %v\n%s", what, err, text)
}

// sees waits until an expression holds on the page, or on the one that follows it.
func (c *chromium) sees(expression string) {
	c.tb.Helper()
	for end := time.Now().Add(patience); ; {
		_, err := chromedp.Run(c.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience)))
		if err == nil {
			return
		}
		leaving := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "Cannot find context")
		if !leaving || time.Now().After(end) {
			c.fail("never seen: "+expression, err)
		}
	}
}

// on waits for a page of ours with some words.
func (c *chromium) on(key, words string) {
	c.tb.Helper()
	c.sees(fmt.Sprintf(`document.querySelector('main[data-page=%q]') !== null && document.body.innerText.includes(%q)`, key, words))
}

func (c *chromium) press(selector string) {
	c.tb.Helper()
	c.do("press "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// enter is the way to where somebody changes what he has; the login is given.
func (c *chromium) enter(language string) {
	c.tb.Helper()
	w := c.town
	address, err := w.desk.Enroll(c.tb.Context(), w.ids["anna"], annasPhone, language)
	must(c.tb, err)
	c.do("enter", chromedp.Navigate(address))
	id := w.id(c.tb, "enr")
	got, err := chromedp.Call(c.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	must(c.tb, err)
	for _, cookie := range got.Cookies {
		if cookie.Name == "__Host-"+strings.ReplaceAll(id, "_", "-") {
			w.exec(c.tb, `update assure_attempt set cookie_hash = $2, opened_at = now(), service = 'google', state_hash = sha256(id::bytea), logins = 1,
				exchanged_at = now(), method = 'login', proved_at = now() where id = $1`, id, pages.Hash(cookie.Value))
		}
	}
	c.do("come in", chromedp.Navigate(w.desk.PublicURL+"/confirm?of="+id))
}

// picture keeps the whole page in both themes, if somebody wants to see it.
func (c *chromium) picture(name string) {
	c.tb.Helper()
	folder := os.Getenv("COUNTERSIGN_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	for _, theme := range []string{"dark", "light"} {
		_, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		})
		must(c.tb, err)
		shot, err := chromedp.Run(c.ctx, chromedp.FullScreenshot(100))
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
	c.do("name", chromedp.SendKeys(chromedp.CSS(`input[name="name"]`), "desk 12"))
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
	c.do("open", chromedp.Navigate(address))
	c.on("confirm", "Confirm with a passkey")
	c.picture("confirm")
	locked := func(unlocked bool) {
		_, err := chromedp.Call(c.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: unlocked})
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
	c.do("name", chromedp.SendKeys(chromedp.CSS(`input[name="name"]`), strings.Repeat("Ноутбук", 8)))
	c.press(`form[action="/confirm/setup/passkey"] button`)
	c.sees(`document.querySelector('form[data-create]') !== null`)
	c.press(`form[data-create] button`)
	c.sees(`document.querySelector('form.key') !== null`)
	fits("ru-passkey", "setup")
	c.do("a PIN", chromedp.SendKeys(chromedp.CSS(`input[name="pin"]`), goodPIN), chromedp.SendKeys(chromedp.CSS(`input[name="repeat"]`), goodPIN))
	c.press(`form[action="/confirm/setup/pin"] button`)
	c.sees(`document.querySelector('form[action="/confirm/setup/pin/remove"]') !== null`)
	a := w.ask()
	a.Language = "ru"
	address, err := w.desk.Begin(t.Context(), a)
	must(t, err)
	c.do("open", chromedp.Navigate(address))
	fits("ru-confirm", "confirm")
	c.do("a PIN", chromedp.SendKeys(chromedp.CSS(`input[name="pin"]`), "111119"))
	c.press(`form[action="/confirm/pin"] button`)
	c.sees(`document.querySelector('.wrong:not([hidden])') !== null`)
	fits("ru-wrong", "confirm")
	w.answer = func() (string, error) { return "", errors.New("away") }
	c.do("a PIN", chromedp.SendKeys(chromedp.CSS(`input[name="pin"]`), goodPIN))
	c.press(`form[action="/confirm/pin"] button`)
	fits("ru-again", "again")
	c.do("open", chromedp.Navigate(w.desk.PublicURL+"/confirm?t=x"))
	fits("stale", "stale")
}
