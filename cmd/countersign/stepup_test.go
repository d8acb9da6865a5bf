package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/google/googletest"
	"countersign/internal/pages/pagestest"
	"countersign/internal/telegram/telegramtest"
)

// signedIn is a world with a login service, a key for secrets, and a route that asks the
// budget holder for a PIN above 100,000.
func signedIn(t *testing.T) (*world, *googletest.Server) {
	t.Helper()
	w := newWorld(t, "webhook", 1)
	issuer, err := googletest.Open(t.Context(), googletest.Options{
		ClientID: "client", Secret: "hush", Redirects: []string{w.balancer.url + "/auth/google/callback"}, Now: time.Now,
		Accounts: []googletest.Account{{Subject: "p", Email: "petrov@example.org", Verified: true, Domain: "example.org"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = issuer.Close() })
	w.extra = []string{
		"COUNTERSIGN_GOOGLE_CLIENT_ID=client", "COUNTERSIGN_GOOGLE_CLIENT_SECRET=hush", "COUNTERSIGN_GOOGLE_ISSUER=" + issuer.URL(),
		"COUNTERSIGN_GOOGLE_SESSION_AGE_CLAIMS=on", "COUNTERSIGN_SEAL_KEY_FILE=" + filepath.Join(t.TempDir(), "seal.key"),
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "configs", "routes", "payment_request.toml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "route.toml")
	more := "\n[[step_up]]\nover = \"100000.00\"\ncurrency = \"RUB\"\nleast = \"pin\"\nsteps = [\"budget_holder\"]\n"
	if err := os.WriteFile(file, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.command("routes", "publish", file)
	w.replicas[0].stop(syscall.SIGTERM)
	w.start("")
	return w, issuer
}

// opens follows the button of a message.
func (w *world) opens(b *pagestest.Browser, m telegramtest.Message) (page pagestest.Page, address string) {
	w.t.Helper()
	address = m.Keyboard[0][0].URL
	return b.Get(address), address
}

// signsIn is /login, the browser, and the way back into the chat.
func (w *world) signsIn(account int64, b *pagestest.Browser, issuer *googletest.Server) {
	w.t.Helper()
	if _, err := w.tg.Say(account, account, "/login", 0); err != nil {
		w.t.Fatal(err)
	}
	p, address := w.opens(b, w.sees(account, "Sign in with Google"))
	start, _, _ := strings.Cut(address, "?")
	p = b.Post(start, url.Values{"attempt": {p.Find(w.t, `name="attempt" value="([^"]+)"`)}})
	to, err := issuer.SignIn(w.t.Context(), p.Location, "petrov@example.org")
	if err != nil {
		w.t.Fatal(err)
	}
	p = b.Get(b.Get(to).Location)
	if _, err := w.tg.StartBot(account, p.Find(w.t, `start=([A-Za-z0-9_-]+)`)); err != nil {
		w.t.Fatal(err)
	}
	w.tap(account, w.sees(account, "Is that you?"), "🔗 Connect")
	w.sees(account, "✅ Connected")
}

// whose is a form with the hidden field that says which attempt it is of.
func whose(t *testing.T, p pagestest.Page, form url.Values) url.Values {
	t.Helper()
	m := regexp.MustCompile(`<input type="hidden" name="(t|of)" value="([^"]+)">`).FindStringSubmatch(p.Body)
	if m == nil {
		t.Fatalf("no form on the page: %s", p.Body)
	}
	form.Set(m[1], m[2])
	return form
}

// through sends a browser to the login service and back.
func through(t *testing.T, b *pagestest.Browser, issuer *googletest.Server, p pagestest.Page) pagestest.Page {
	t.Helper()
	to, err := issuer.SignIn(t.Context(), p.Location, "petrov@example.org")
	if err != nil {
		t.Fatalf("%d %s: %v", p.Status, p.Body, err)
	}
	p = b.Get(to)
	for range 3 {
		if p.Location != "" {
			p = b.Get(p.Location)
		}
	}
	return p
}

func TestLargePaymentNeedsMoreThanATap(t *testing.T) {
	t.Parallel()
	const pin = "480613"
	w, issuer := signedIn(t)
	confirm := w.balancer.url + "/confirm"
	b := pagestest.OnLoopback(t)
	w.signsIn(pyotr, b, issuer)
	if _, err := w.tg.Say(pyotr, pyotr, "/security", 0); err != nil {
		t.Fatal(err)
	}
	p, _ := w.opens(b, w.sees(pyotr, "confirm large payments", "🔐 Open"))
	p = b.Post(confirm+"/login", whose(t, p, url.Values{"service": {"google"}}))
	p = through(t, b, issuer, p)
	if p.Key() != "setup" {
		t.Fatalf("after the login: %d %s", p.Status, p.Body)
	}
	p = b.Post(confirm+"/setup/pin", whose(t, p, url.Values{"pin": {pin}, "repeat": {pin}}))
	if p.Status >= http.StatusBadRequest {
		t.Fatalf("the PIN: %d %s", p.Status, p.Body)
	}
	w.post("4711", payment("4711", "125000.00"))
	card := w.sees(pyotr, "4711", "✅ Approve", "🔐")
	if a := w.tap(pyotr, card, "✅ Approve"); !strings.Contains(a.Text, "needs a confirmation in the browser") {
		t.Errorf("the tap alone: %q", a.Text)
	}
	if st := w.document("4711"); st.Case.Status != "in_progress" {
		t.Errorf("after the tap: %+v", st.Case)
	}
	p, _ = w.opens(b, w.sees(pyotr, "confirm your approval in the browser", "🔐 Confirm"))
	for _, words := range []string{">RUB 125,000.00<", "Landlord LLC", "Payment request No. 4711<", "Your decision: approved"} {
		if !strings.Contains(strings.ReplaceAll(p.Body, "\u00a0", " "), words) {
			t.Errorf("%q is not on the page: %s", words, p.Body)
		}
	}
	wrong := b.Post(confirm+"/pin", whose(t, p, url.Values{"pin": {"111222"}}))
	if strings.Contains(wrong.Body, "✅") || wrong.Key() != "confirm" {
		t.Errorf("a wrong PIN: %d %s", wrong.Status, wrong.Body)
	}
	done := b.Post(confirm+"/pin", whose(t, p, url.Values{"pin": {pin}}))
	if done.Location != "" {
		done = b.Get(done.Location)
	}
	w.sees(olga, "4711", "✅")
	if !strings.Contains(done.Body, "✅") {
		t.Errorf("the page: %d %s", done.Status, done.Body)
	}
	w.sees(anna, "4711", "✅ Pyotr Petrov")
	w.post("4712", payment("4712", "900.00"))
	if a := w.tap(pyotr, w.sees(pyotr, "4712", "✅ Approve"), "✅ Approve"); !strings.Contains(a.Text, "✅") {
		t.Errorf("a small one: %q", a.Text)
	}
}
