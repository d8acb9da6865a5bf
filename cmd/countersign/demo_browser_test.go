package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshots names a folder in which the browser's pictures are kept.
const screenshots = "COUNTERSIGN_TEST_SCREENSHOTS"

// browser is a person in front of the page.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	complain []string // what the page's console says
}

// findBrowser gives the program; a machine without one skips the test loudly, unless it
// is required.
func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const text = "NO BROWSER ON THIS MACHINE: the page of the demonstration was not looked at; install chromium"
	if os.Getenv("COUNTERSIGN_TEST_BROWSER") == "require" {
		t.Fatal(text)
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil { // go test keeps a skip to itself
		_, _ = fmt.Fprintln(terminal, text)
		_ = terminal.Close()
	}
	t.Skip(text)
	return ""
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findBrowser(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WindowSize(1440, 900),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	b := &browser{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.IsException() || m.Source == "security" {
				b.mu.Lock()
				b.complain = append(b.complain, m.String())
				b.mu.Unlock()
			}
		}
	}()
	return b
}

// do runs steps; a failure leaves a picture behind.
func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.fail(what, err)
	}
}

func (b *browser) fail(what string, err error) {
	b.t.Helper()
	path := filepath.Join(b.t.ArtifactDir(), "failure.png")
	if picture, shot := chromedp.Run(b.ctx, chromedp.CaptureScreenshot()); shot == nil {
		_ = os.WriteFile(path, picture, 0o600)
	}
	read, unread := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if unread != nil {
		read = unread.Error()
	}
	b.t.Fatalf("%s: %v (picture, with -artifacts: %s); the page says:\n%s", what, err, path, read)
}

// sees waits until an expression holds on the page, or on the one that follows it.
func (b *browser) sees(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; {
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience)))
		if err == nil {
			return
		}
		leaving := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "Cannot find context")
		if !leaving || time.Now().After(end) {
			b.fail("never seen: "+what, err)
		}
	}
}

// reads waits for a message of a chat with all these parts, as it is shown.
func (b *browser) reads(chat int64, parts ...string) {
	b.t.Helper()
	b.sees(fmt.Sprintf("%q in chat %d", parts, chat), inMessage(chat, "true", parts...))
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
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		err = chromedp.Do(ctx, chromedp.Click(xpath, chromedp.NodeVisible))
		cancel()
		if err == nil {
			return
		}
	}
	b.fail("click on "+xpath, err)
}

// types writes into a field. It may be drawn anew at that moment, too.
func (b *browser) types(selector, text string) {
	b.t.Helper()
	field := chromedp.CSS(selector)
	var err error
	for range 3 {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		err = chromedp.Do(ctx, chromedp.WaitVisible(field), chromedp.Clear(field), chromedp.SendKeys(field, text))
		cancel()
		if err == nil {
			return
		}
	}
	b.fail("write into "+selector, err)
}

// picture keeps what is on the screen, if somebody wants to see it.
func (b *browser) picture(name string) {
	b.t.Helper()
	folder := os.Getenv(screenshots)
	if folder == "" {
		return
	}
	b.do("rest", chromedp.Evaluate[chromedp.Void](`Promise.all(document.getAnimations().map(a => a.finished.catch(() => {})))`, chromedp.EvalAwaitPromise))
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) theme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		b.fail("theme", err)
	}
}

const noButtons = `!m.querySelector('.key[data-data]')`

func TestDemonstrationTellsItsStoryInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	s := startDemo(t)
	b.do("open", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.url+"/?lang=en"))
	b.sees("greetings", inMessage(ivan, "true", "✅ Connected: Ivan Kozlov"))
	b.picture("01-begin")

	b.visaOne()
	b.rejectAnother()
	b.changeAThird()
	b.sees("three steps are ticked off", `document.querySelectorAll('.guide .done').length === 3`)
	b.connectANewcomer(s)
	b.sees("every step is ticked off", `document.querySelectorAll('.guide .done').length === 4`)
	b.sees("webhooks and feed agree", `document.getElementById('agree').classList.contains('good')`)
	b.theme("dark")
	b.picture("08-dark")
	b.fits()
	b.theme("light")

	b.onAPhone(s.url)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complain) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(b.complain, "\n"))
	}
}

func (b *browser) visaOne() {
	b.t.Helper()
	b.click(`//button[@id="send"]`)
	b.reads(pyotr, "4711", "👉", "125,000.00")
	b.sees("whose turn it is", fmt.Sprintf(`document.getElementById('pane-%d').classList.contains('turn')`, pyotr))
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
		b.sees(fmt.Sprintf("the end in chat %d, without buttons", chat), inMessage(chat, noButtons, "4711", state, "125"))
	}
	b.click(`//*[@data-document="REQ-4711"]//button[.="Pay"]`)
	b.sees("the payment", `document.querySelector('[data-document="REQ-4711"] .tries').innerText.includes('Paid with PAY-0001')`)
	b.reads(demoGroup, "4711", "PAY-0001")
	b.click(`//*[@data-document="REQ-4711"]//button[.="Pay again"]`)
	b.sees("the refusal", `document.querySelector('[data-document="REQ-4711"] .tries').innerText.includes('Payment PAY-0002 refused')`)
	b.picture("04-paid")
}

func (b *browser) rejectAnother() {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "Contract.txt")
	if err := os.WriteFile(file, []byte("The banner hangs until it falls."), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS(`#entry [name=file]`), []string{file}))
	b.click(`//button[@id="send"]`)
	b.reads(pyotr, "4712", "👉")
	b.reads(demoGroup, "Contract.txt")
	b.press(pyotr, "❌")
	b.reads(pyotr, "Why are you rejecting", "4712")
	b.picture("05-why")
	b.types(fmt.Sprintf("#pane-%d .composer input", pyotr), "Not in our plan\r")
	for _, chat := range []int64{anna, pyotr, demoGroup} {
		b.sees(fmt.Sprintf("the reason in chat %d", chat), inMessage(chat, noButtons, "4712", "❌", "Not in our plan"))
	}
	b.sees("the ERP knows", `document.querySelector('[data-document="REQ-4712"]').innerText.includes('Reason: Not in our plan')`)
	b.picture("06-rejected")
}

func (b *browser) changeAThird() {
	b.t.Helper()
	b.click(`//button[@id="send"]`)
	b.reads(pyotr, "4713", "👉", "96,000.00")
	b.press(pyotr, "✅")
	b.reads(olga, "4713", "👉")
	b.sees("the hint", `document.getElementById('next').innerText.includes('Change amount')`)
	b.click(`//*[@data-document="REQ-4713"]//button[.="Change amount"]`)
	b.types(`[data-document="REQ-4713"] .asks input`, "99 000,50\r")
	b.reads(pyotr, "4713", "👉", "96,000.00", "99,000.50")
	b.sees("the old card of the next step", inMessage(olga, noButtons, "4713", "🔄"))
	b.sees("the votes fell", `document.querySelector('[data-document="REQ-4713"]').innerText.includes('Votes voided: 1')`)
	b.picture("07-changed")
}

// connectANewcomer: from /login in her chat through the browser and back, by the code.
func (b *browser) connectANewcomer(s *shown) {
	b.t.Helper()
	line := fmt.Sprintf("#pane-%d .composer input", maria)
	b.types(line, "/login\r")
	b.reads(maria, "Sign in to connect this Telegram account")
	m := s.card(maria, "Sign in to connect")
	other, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	tab := &browser{t: b.t, ctx: other}
	tab.do("open the link", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)), chromedp.Navigate(m.Keyboard[0][0].URL))
	tab.sees("whose Telegram it is", `document.body.innerText.includes('Maria Orlova') && document.body.innerText.includes('somebody is trying to act in your name')`)
	tab.picture("12-login-start")
	tab.click(`//button[@class="act"]`)
	tab.click(`//button[@value="orlova@example.com"]`)
	tab.sees("the proof", `document.querySelector('main')?.dataset.page === 'proof'`)
	tab.picture("13-login-proof")
	tab.theme("dark")
	tab.picture("14-login-dark")
	code, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](`document.querySelector('.code').innerText`))
	if err != nil {
		tab.fail("the code", err)
	}
	b.types(line, code+"\r")
	b.reads(maria, "o…a@example.com", "Maria Orlova", "Is that you?")
	tab.sees("that the chat asks", `document.querySelector('main')?.dataset.page === 'brought'`)
	b.picture("15-login-ask")
	b.press(maria, "🔗")
	b.reads(maria, "✅ Connected: Maria Orlova")
	tab.sees("the end", `document.querySelector('main')?.dataset.page === 'done'`)
	tab.theme("light")
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
	b.do("the console", chromedp.EmulateViewport(1280, 800), chromedp.Navigate(gateway+"/console"))
	b.click(`//button[@class="act"]`)
	b.click(`//button[@value="ivanova@example.com"]`)
	b.sees("the people", `document.querySelector('main')?.dataset.page === 'people' && document.body.innerText.includes('Maria Orlova')`)
	b.picture("17-console-people")
	b.click(`//a[.="Maria Orlova"]`)
	b.sees("one person", `document.querySelector('main')?.dataset.page === 'person' && document.body.innerText.includes('link.made')`)
	b.theme("dark")
	b.picture("18-console-person")
	b.theme("light")
}

// fits: nothing sticks out, and no button is too small to hit.
func (b *browser) fits() {
	b.t.Helper()
	b.sees("no sideways scrolling", `document.documentElement.scrollWidth <= window.innerWidth`)
	b.sees("nothing wider than its chat", `[...document.querySelectorAll('.scroll')].every(s => s.scrollWidth <= s.clientWidth)`)
}

func (b *browser) onAPhone(page string) {
	b.t.Helper()
	b.do("a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)),
		chromedp.Navigate(page+"/?lang=ru"))
	b.sees("the ERP alone", `document.getElementById('pane-erp').getBoundingClientRect().width === innerWidth`)
	b.sees("Russian", `document.getElementById('send').innerText === 'Отправить на согласование'`)
	b.sees("the third request", `!!document.querySelector('[data-document="REQ-4713"]')`)
	b.picture("09-phone-erp")
	b.do("the tab of Pyotr", chromedp.Tap(chromedp.CSS(fmt.Sprintf(`[data-tab="%d"]`, pyotr))))
	b.sees("his chat", fmt.Sprintf(`Math.abs(document.getElementById('pane-%d').getBoundingClientRect().left) < 2`, pyotr))
	b.picture("10-phone-chat")
	accept := chromedp.CSS(fmt.Sprintf(`#pane-%d .key.success`, pyotr))
	b.do("accept", chromedp.Tap(accept))
	b.reads(olga, "4713", "👉", "99")
	b.do("the tab of Olga", chromedp.Tap(chromedp.CSS(fmt.Sprintf(`[data-tab="%d"]`, olga))))
	b.sees("her chat", fmt.Sprintf(`Math.abs(document.getElementById('pane-%d').getBoundingClientRect().left) < 2`, olga))
	b.theme("dark")
	b.picture("11-phone-dark")
	b.theme("light")
	b.fits()
}
