// Package browsertest owns a real browser for tests: finding and opening it, what its
// console says, and what it shows when a test fails. It leaves what a page should say to
// whoever opens it.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Screenshots names the environment variable of the folder in which pictures are kept that
// somebody wants to see.
const Screenshots = "COUNTERSIGN_TEST_SCREENSHOTS"

const (
	life = 3 * time.Minute // of a browser
	look = 50 * time.Millisecond
)

// Browser is a person in front of a page.
type Browser struct {
	Ctx context.Context //nolint:containedctx // a browser is one

	tb       testing.TB
	patience time.Duration

	mu     sync.Mutex
	errors []string // what a page calls an error
	faults []string // what no page should do: scripts that fail, its own policy broken
}

// Options are how a browser is opened.
type Options struct {
	Of            string // what nobody looks at without a browser
	Width, Height int64
	Patience      time.Duration // with which something is waited for
}

// find gives the program; a machine without one skips the test loudly, unless it is required.
func find(tb testing.TB, of string) string {
	tb.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	text := "NO BROWSER ON THIS MACHINE: nobody looked at " + of + "; install chromium"
	if os.Getenv("COUNTERSIGN_TEST_BROWSER") == "require" {
		tb.Fatal(text)
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil { // go test keeps a skip to itself
		_, _ = fmt.Fprintln(terminal, text)
		_ = terminal.Close()
	}
	tb.Skip(text)
	return ""
}

// Open starts a browser, which ends with the test.
func Open(tb testing.TB, o Options) *Browser {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(find(tb, o.Of)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(tb.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WindowSize(int(o.Width), int(o.Height)),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	tb.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, life)
	tb.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	tb.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	b := &Browser{Ctx: ctx, tb: tb, patience: o.Patience}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			if m.IsException() || m.Source == "security" {
				b.faults = append(b.faults, m.String())
			} else if m.Type == chromedp.ConsoleError {
				b.errors = append(b.errors, m.String())
			}
			b.mu.Unlock()
		}
	}()
	// Whatever comes first starts the browser, for as long as its context lives.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(o.Width, o.Height)); err != nil {
		tb.Fatal(err)
	}
	return b
}

// Tab is another tab of the browser.
func (b *Browser) Tab() *Browser {
	b.tb.Helper()
	ctx, cancel := chromedp.NewContext(b.Ctx)
	b.tb.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // it lives as long as the context of what comes first
		b.Fail("another tab", err)
	}
	return &Browser{Ctx: ctx, tb: b.tb, patience: b.patience}
}

// Quiet fails the test where a script failed or a page went against its own policy.
func (b *Browser) Quiet() {
	b.tb.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		b.tb.Errorf("the console says:\n%s", strings.Join(b.faults, "\n"))
	}
}

// Silent is Quiet, and fails also where a page called something an error.
func (b *Browser) Silent() {
	b.tb.Helper()
	b.Quiet()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errors) > 0 {
		b.tb.Errorf("the console tells of errors:\n%s", strings.Join(b.errors, "\n"))
	}
}

// Do takes steps.
func (b *Browser) Do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.tb.Helper()
	if err := b.Try(steps...); err != nil {
		b.Fail(what, err)
	}
}

// Try takes steps, for as long as there is patience.
func (b *Browser) Try(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(b.Ctx, b.patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// Sees waits until an expression holds on the page, or on the one that follows it.
func (b *Browser) Sees(what, expression string) {
	b.tb.Helper()
	for end := time.Now().Add(b.patience); ; {
		_, err := chromedp.Run(b.Ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(look), chromedp.WithPollingTimeout(b.patience)))
		if err == nil {
			return
		}
		leaving := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "Cannot find context")
		if !leaving || time.Now().After(end) {
			b.Fail("never seen: "+what, err)
		}
	}
}

// Theme turns the page dark or light.
func (b *Browser) Theme(name string) {
	b.tb.Helper()
	_, err := chromedp.Call(b.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		b.Fail("theme", err)
	}
}

// Fail ends the test. What was to be read on the page is told, and a picture stays behind:
// in the folder of a test's artifacts it would be gone with the test.
func (b *Browser) Fail(what string, err error) {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, b.patience)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	path := filepath.Join(os.TempDir(), "countersign-"+regexp.MustCompile(`[^\w-]+`).ReplaceAllString(b.tb.Name(), "_")+".png")
	if picture, shot := chromedp.Run(ctx, chromedp.CaptureScreenshot()); shot == nil {
		_ = os.WriteFile(path, picture, 0o600)
	} else {
		path = shot.Error()
	}
	b.mu.Lock()
	console := strings.Join(append(b.faults, b.errors...), "\n")
	b.mu.Unlock()
	b.tb.Fatalf("%s: %v\npicture: %s\nthe console says: %s\nthe page says:\n%s", what, err, path, console, text)
}
