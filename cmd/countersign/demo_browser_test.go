package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"countersign/internal/browsertest"
)

// browser is a person in front of the page.
type browser struct {
	*browsertest.Browser

	t *testing.T
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{t: t, Browser: browsertest.Open(t, browsertest.Options{Of: "the page of the demonstration", Width: 1440, Height: 900, Patience: patience})}
}

// reads waits for a message of a chat with all these parts, as it is shown.
func (b *browser) reads(chat int64, parts ...string) {
	b.t.Helper()
	b.Sees(fmt.Sprintf("%q in chat %d", parts, chat), inMessage(chat, "true", parts...))
}

func inMessage(chat int64, and string, parts ...string) string {
	var all []string
	for _, p := range parts {
		all = append(all, fmt.Sprintf("m.innerText.replaceAll('\\u00a0', ' ').includes(%q)", p))
	}
	return fmt.Sprintf(`[...document.querySelectorAll('[id="pane-%d"] .message')].some(m => %s && %s)`, chat, strings.Join(all, " && "), and)
}

// press clicks the button of the newest card that has one.
func (b *browser) press(chat int64, mark string) {
	b.t.Helper()
	b.click(fmt.Sprintf(`(//*[@id="pane-%d"]//button[contains(@class,"key")][starts-with(.,%q)])[last()]`, chat, mark))
}

// click presses with the mouse. What it finds may be drawn anew at that moment: it looks
// again.
func (b *browser) click(xpath string) {
	b.t.Helper()
	var err error
	for range 3 {
		if err = b.Try(chromedp.Click(xpath, chromedp.NodeVisible)); err == nil {
			return
		}
	}
	b.Fail("click on "+xpath, err)
}

// types writes into a field. It may be drawn anew at that moment, too.
func (b *browser) types(selector, text string) {
	b.t.Helper()
	field := chromedp.CSS(selector)
	var err error
	for range 3 {
		if err = b.Try(chromedp.WaitVisible(field), chromedp.Clear(field), chromedp.SendKeys(field, text)); err == nil {
			return
		}
	}
	b.Fail("write into "+selector, err)
}

// picture keeps what is on the screen, if somebody wants to see it.
func (b *browser) picture(name string) {
	b.t.Helper()
	folder := os.Getenv(browsertest.Screenshots)
	if folder == "" {
		return
	}
	b.Do("rest", chromedp.Evaluate[chromedp.Void](`Promise.all(document.getAnimations().map(a => a.finished.catch(() => {})))`, chromedp.EvalAwaitPromise))
	shot, err := chromedp.Run(b.Ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

const noButtons = `!m.querySelector('.key[data-data]')`

func TestDemonstrationTellsItsStoryInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	s := startDemo(t)
	b.Do("open", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.url+"/?lang=en"))
	b.Sees("greetings", inMessage(ivan, "true", "✅ Connected: Ivan Kozlov"))
	b.picture("01-begin")

	b.visaOne()
	b.rejectAnother()
	b.changeAThird()
	b.Sees("three steps are ticked off", `document.querySelectorAll('.guide .done').length === 3`)
	b.connectANewcomer(s)
	b.Sees("every step is ticked off", `document.querySelectorAll('.guide .done').length === 4`)
	b.Sees("webhooks and feed agree", `document.getElementById('agree').classList.contains('good')`)
	b.Theme("dark")
	b.picture("08-dark")
	b.fits()
	b.Theme("light")

	b.onAPhone(s.url)
	b.Silent()
}

func (b *browser) visaOne() {
	b.t.Helper()
	b.click(`//button[@id="send"]`)
	b.reads(pyotr, "4711", "👉", "125,000.00")
	b.Sees("whose turn it is", fmt.Sprintf(`document.getElementById('pane-%d').classList.contains('turn')`, pyotr))
	b.picture("02-asked")
	b.press(pyotr, "✅")
	b.reads(olga, "4711", "👉")
	for _, chat := range []int64{anna, pyotr, demoGroup} {
		b.reads(chat, "4711", "✅ Pyotr Petrov", "edited")
	}
	b.picture("03-moved")
	b.press(olga, "✅")
	b.reads(ivan, "4711", "👉")
	b.press(ivan, "✅")
	for chat, state := range map[int64]string{anna: "✅ Approved", pyotr: "✅ Approved", olga: "✅ Согласовано", ivan: "✅ Approved", demoGroup: "✅ Approved"} {
		b.Sees(fmt.Sprintf("the end in chat %d, without buttons", chat), inMessage(chat, noButtons, "4711", state, "125"))
	}
	b.click(`//*[@data-document="REQ-4711"]//button[.="Pay"]`)
	b.Sees("the payment", `document.querySelector('[data-document="REQ-4711"] .tries').innerText.includes('Paid with PAY-0001')`)
	b.reads(demoGroup, "4711", "PAY-0001")
	b.click(`//*[@data-document="REQ-4711"]//button[.="Pay again"]`)
	b.Sees("the refusal", `document.querySelector('[data-document="REQ-4711"] .tries').innerText.includes('Payment PAY-0002 refused')`)
	b.picture("04-paid")
}

func (b *browser) rejectAnother() {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "Contract.txt")
	if err := os.WriteFile(file, []byte("The banner hangs until it falls."), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.Do("choose a file", chromedp.SetUploadFiles(chromedp.CSS(`#entry [name=file]`), []string{file}))
	b.click(`//button[@id="send"]`)
	b.reads(pyotr, "4712", "👉")
	b.reads(demoGroup, "Contract.txt")
	b.press(pyotr, "❌")
	b.reads(pyotr, "Why are you rejecting", "4712")
	b.picture("05-why")
	b.types(fmt.Sprintf("#pane-%d .composer input", pyotr), "Not in our plan\r")
	b.reads(pyotr, "Not in our plan") // else it was not sent
	for _, chat := range []int64{anna, pyotr, demoGroup} {
		b.Sees(fmt.Sprintf("the reason in chat %d", chat), inMessage(chat, noButtons, "4712", "❌", "Not in our plan"))
	}
	b.Sees("the ERP knows", `document.querySelector('[data-document="REQ-4712"]').innerText.includes('Reason: Not in our plan')`)
	b.picture("06-rejected")
}

func (b *browser) changeAThird() {
	b.t.Helper()
	b.click(`//button[@id="send"]`)
	b.reads(pyotr, "4713", "👉", "96,000.00")
	b.press(pyotr, "✅")
	b.reads(olga, "4713", "👉")
	b.Sees("the hint", `document.getElementById('next').innerText.includes('Change amount')`)
	b.click(`//*[@data-document="REQ-4713"]//button[.="Change amount"]`)
	b.types(`[data-document="REQ-4713"] .asks input`, "99 000,50\r")
	b.reads(pyotr, "4713", "👉", "96,000.00", "99,000.50")
	b.Sees("the old card of the next step", inMessage(olga, noButtons, "4713", "🔄"))
	b.Sees("the votes fell", `document.querySelector('[data-document="REQ-4713"]').innerText.includes('Votes voided: 1')`)
	b.picture("07-changed")
}

// connectANewcomer: from /login in her chat through the browser and back, by the code.
func (b *browser) connectANewcomer(s *shown) {
	b.t.Helper()
	line := fmt.Sprintf("#pane-%d .composer input", maria)
	b.types(line, "/login\r")
	b.reads(maria, "Sign in to connect this Telegram account")
	m := s.card(maria, "Sign in to connect")
	tab := &browser{t: b.t, Browser: b.Tab()}
	tab.Do("open the link", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)), chromedp.Navigate(m.Keyboard[0][0].URL))
	tab.Sees("whose Telegram it is", `document.body.innerText.includes('Maria Orlova') && document.body.innerText.includes('somebody is trying to act in your name')`)
	tab.picture("12-login-start")
	tab.click(`//button[@class="act"]`)
	tab.click(`//button[@value="orlova@example.com"]`)
	tab.Sees("the proof", `document.querySelector('main')?.dataset.page === 'proof'`)
	tab.picture("13-login-proof")
	tab.Theme("dark")
	tab.picture("14-login-dark")
	code, err := chromedp.Run(tab.Ctx, chromedp.Evaluate[string](`document.querySelector('.code').innerText`))
	if err != nil {
		tab.Fail("the code", err)
	}
	b.types(line, code+"\r")
	b.reads(maria, "o…a@example.com", "Maria Orlova", "Is that you?")
	tab.Sees("that the chat asks", `document.querySelector('main')?.dataset.page === 'brought'`)
	b.picture("15-login-ask")
	b.press(maria, "🔗")
	b.reads(maria, "✅ Connected: Maria Orlova")
	tab.Sees("the end", `document.querySelector('main')?.dataset.page === 'done'`)
	tab.Theme("light")
	tab.picture("16-login-done")
	gateway, err := url.Parse(m.Keyboard[0][0].URL)
	if err != nil {
		b.t.Fatal(err)
	}
	tab.administers("http://" + gateway.Host)
}

// administers: the first administrator signs in to the console and sees who is connected.
func (b *browser) administers(gateway string) {
	b.t.Helper()
	b.Do("the console", chromedp.EmulateViewport(1280, 800), chromedp.Navigate(gateway+"/console"))
	b.click(`//button[@class="act"]`)
	b.click(`//button[@value="ivanova@example.com"]`)
	b.Sees("the people", `document.querySelector('main')?.dataset.page === 'people' && document.body.innerText.includes('Maria Orlova')`)
	b.picture("17-console-people")
	b.click(`//a[.="Maria Orlova"]`)
	b.Sees("one person", `document.querySelector('main')?.dataset.page === 'person' && document.body.innerText.includes('link.made')`)
	b.Theme("dark")
	b.picture("18-console-person")
	b.Theme("light")
}

// fits: nothing sticks out, and no button is too small to hit.
func (b *browser) fits() {
	b.t.Helper()
	b.Sees("no sideways scrolling", `document.documentElement.scrollWidth <= window.innerWidth`)
	b.Sees("nothing wider than its chat", `[...document.querySelectorAll('.scroll')].every(s => s.scrollWidth <= s.clientWidth)`)
}

func (b *browser) onAPhone(page string) {
	b.t.Helper()
	b.Do("a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)),
		chromedp.Navigate(page+"/?lang=ru"))
	b.Sees("the ERP alone", `document.getElementById('pane-erp').getBoundingClientRect().width === innerWidth`)
	b.Sees("Russian", `document.getElementById('send').innerText === 'Отправить на согласование'`)
	b.Sees("the third request", `!!document.querySelector('[data-document="REQ-4713"]')`)
	b.picture("09-phone-erp")
	b.Do("the tab of Pyotr", chromedp.Tap(chromedp.CSS(fmt.Sprintf(`[data-tab="%d"]`, pyotr))))
	b.Sees("his chat", fmt.Sprintf(`Math.abs(document.getElementById('pane-%d').getBoundingClientRect().left) < 2`, pyotr))
	b.picture("10-phone-chat")
	accept := chromedp.CSS(fmt.Sprintf(`#pane-%d .key.success`, pyotr))
	b.Do("accept", chromedp.Tap(accept))
	b.reads(olga, "4713", "👉", "99")
	b.Do("the tab of Olga", chromedp.Tap(chromedp.CSS(fmt.Sprintf(`[data-tab="%d"]`, olga))))
	b.Sees("her chat", fmt.Sprintf(`Math.abs(document.getElementById('pane-%d').getBoundingClientRect().left) < 2`, olga))
	b.Theme("dark")
	b.picture("11-phone-dark")
	b.Theme("light")
	b.fits()
}
