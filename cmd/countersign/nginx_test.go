package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNginxLetsInTheWebhookAndThePagesAndNothingElse(t *testing.T) {
	t.Parallel()
	h, behind := listenBehind(t)
	n := openNginx(t, behind, "rate=5r/s", "rate=1000r/s")
	in := []string{
		"/telegram/webhook", "/auth/google/start", "/auth/google/callback?code=1&state=a%2Fb", "/confirm", "/confirm/pin?x=1", "/console", "/console/people/usr_1",
		"/meet/x", "/files/x",
	}
	for _, path := range in {
		if status, _ := n.ask(t, http.MethodPost, path, "{}", nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	var got []string
	for _, r := range h.all() {
		got = append(got, r.RequestURI)
	}
	if !slices.Equal(got, in) {
		t.Errorf("reached %q, want %q", got, in)
	}
	for _, path := range []string{
		"/", "/v1/events", "/v1/sources/erp/documents/1", "/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/telegram/webhook/", "/telegram/webhookx",
		"/telegram", "/TELEGRAM/WEBHOOK", "/confirmation", "/consoles", "/auth", "/meet", "/filesx/y", "/x/telegram/webhook", "/auth/../v1/events", "/console/%2e%2e/metrics",
		"//v1//events", "/.git/config",
	} {
		if status, _ := n.ask(t, http.MethodPost, path, "{}", nil); status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
	if more := len(h.all()); more != len(in) {
		t.Errorf("%d requests reached what stands behind, want %d", more, len(in))
	}
}

func TestNginxAloneSaysWhoCalls(t *testing.T) {
	t.Parallel()
	h, behind := listenBehind(t)
	n := openNginx(t, behind)
	n.ask(t, http.MethodPost, webhookPath, "{}", map[string]string{
		"X-Telegram-Bot-Api-Secret-Token": "secret-of-the-webhook", "Content-Type": "application/json",
		"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1", "X-Forwarded-Server": "evil",
		"Forwarded": "for=6.6.6.6", "X-Real-Ip": "6.6.6.6", "X-Client-Ip": "6.6.6.6", "True-Client-Ip": "6.6.6.6", "X-Forwarded": "6.6.6.6",
		"X-Request-Id": "chosen-outside", "X_Forwarded_For": "6.6.6.6",
	})
	all := h.all()
	if len(all) != 1 {
		t.Fatalf("%d requests", len(all))
	}
	got := all[0].Header
	if got.Get("X-Telegram-Bot-Api-Secret-Token") != "secret-of-the-webhook" || got.Get("X-Forwarded-For") != "127.0.0.1" || got.Get("X-Forwarded-Proto") != "https" ||
		all[0].Host != n.at || len(got.Get("X-Request-Id")) != 32 {
		t.Errorf("said: %v for %s", got, all[0].Host)
	}
	for name, values := range got {
		for _, bad := range []string{"6.6.6.6", "evil", "gopher", "chosen-outside"} {
			if strings.Contains(strings.Join(values, " "), bad) {
				t.Errorf("%s: %q came through", name, values)
			}
		}
	}
}

func TestNginxKeepsLargeAndSlowBodiesAndTheHastyAway(t *testing.T) {
	t.Parallel()
	h, behind := listenBehind(t)
	// A rate that lets nothing in again while the test runs: a slow machine is no slow caller.
	n := openNginx(t, behind, "client_body_timeout 10s;\nsend", "client_body_timeout 1s;\nsend", "rate=5r/s", "rate=1r/m")
	if status, _ := n.ask(t, http.MethodPost, webhookPath, strings.Repeat("x", 256<<10), nil); status != http.StatusOK {
		t.Errorf("256 KiB: %d", status)
	}
	for path, size := range map[string]int{webhookPath: 256<<10 + 1, "/confirm/pin": 16<<10 + 1} {
		if status, _ := n.ask(t, http.MethodPost, path, strings.Repeat("x", size), nil); status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s with %d bytes: %d", path, size, status)
		}
	}
	conn, err := tls.Dial("tcp", n.at, &tls.Config{RootCAs: n.trusted(t), MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\n{", webhookPath, n.at)
	answer, err := io.ReadAll(conn) // nginx ends it
	if text := string(answer); text != "" && !strings.Contains(text, " 408 ") {
		t.Errorf("the slow one was told %s, %v", text, err)
	}
	if got := len(h.all()); got != 1 {
		t.Errorf("%d requests reached what stands behind, want the one that fits", got)
	}
	hasty := map[int]int{}
	for range 40 {
		status, _ := n.ask(t, http.MethodGet, "/console", "", nil)
		hasty[status]++
	}
	if hasty[http.StatusOK] < 20 || hasty[http.StatusOK]+hasty[http.StatusTooManyRequests] != 40 || hasty[http.StatusTooManyRequests] < 10 {
		t.Errorf("40 pages at once: %v", hasty)
	}
	for range 40 { // Telegram is not among them
		if status, _ := n.ask(t, http.MethodPost, webhookPath, "{}", nil); status != http.StatusOK {
			t.Fatalf("webhook: %d", status)
		}
	}
}

// TestGatewayBehindNginx is the small server: nginx with a certificate that signs itself,
// which Telegram is given; the gateway restarts, and the certificate changes.
func TestGatewayBehindNginx(t *testing.T) {
	t.Parallel()
	behind := freePort(t)
	n := openNginx(t, behind)
	w := newWorld(t, "webhook", 1)
	w.replicas[0].stop(syscall.SIGTERM)
	w.extra = []string{
		"COUNTERSIGN_SERVER_LISTEN=" + behind, "COUNTERSIGN_SERVER_PUBLIC_URL=" + n.url, "COUNTERSIGN_SERVER_TRUSTED_PROXIES=127.0.0.1",
		"COUNTERSIGN_TELEGRAM_CERTIFICATE=" + filepath.Join(n.tls, "telegram.pem"), "COUNTERSIGN_LOG_LEVEL=INFO",
	}
	r := w.start("")
	w.post("D-1", payment("D-1", "10.00"))
	w.agrees(pyotr, "D-1")
	if status, header := n.ask(t, http.MethodPost, webhookPath, "{}", map[string]string{"X-Forwarded-For": "6.6.6.6"}); status != http.StatusUnauthorized || len(header.Get("X-Request-Id")) != 32 {
		t.Errorf("a stranger was told %d, %v", status, header)
	}
	if strings.Contains(w.logs(), "6.6.6.6") {
		t.Errorf("an address from outside is believed:\n%s", w.logs())
	}

	card := w.seesCard(olga, "D-1")
	r.stop(syscall.SIGTERM)
	if status, _ := n.ask(t, http.MethodPost, webhookPath, "{}", nil); status != http.StatusBadGateway {
		t.Errorf("without the gateway: %d, want 502", status)
	}
	pressed, err := w.tg.Press(olga, olga, card.ID, "✅")
	if err != nil {
		t.Fatal(err)
	}
	r = w.start("")
	if a, err := pressed.Wait(w.limited(patience)); err != nil || !strings.HasPrefix(a.Text, "✅") {
		t.Errorf("the tap of that time was told %q, %v", a.Text, err)
	}

	failed := w.failedDeliveries()
	w.uploads(r, 1)
	n.certificate(t, "next", "127.0.0.1")
	w.uploads(r, 2)
	n.certificate(t, "switch")
	served := func() string {
		conn, err := tls.Dial("tcp", n.at, &tls.Config{RootCAs: n.trusted(t), MinVersion: tls.VersionTLS12})
		if err != nil {
			return err.Error()
		}
		defer func() { _ = conn.Close() }()
		return "served"
	}
	pauseUntil(func() bool { return served() == "served" }, patience) // telegram.pem holds the new one only
	w.agrees(ivan, "D-1")
	w.uploads(r, 3)
	w.post("D-2", payment("D-2", "20.00"))
	w.agrees(pyotr, "D-2")
	if got := w.failedDeliveries(); got != failed || served() != "served" {
		t.Errorf("%d deliveries failed while the certificate changed; nginx: %s", got-failed, served())
	}
}

// agrees lets somebody press, by the webhook.
func (w *world) agrees(account int64, id string) {
	w.t.Helper()
	if a := w.tap(account, w.seesCard(account, id), "✅"); !strings.HasPrefix(a.Text, "✅") {
		w.t.Errorf("%d is told %q\n%s", account, a.Text, w.logs())
	}
}

// uploads waits until a replica has given Telegram so many certificates.
func (w *world) uploads(r *replica, want int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	has := func() int { return strings.Count(r.log(), "Telegram has the certificate") }
	for has() < want && ctx.Err() == nil {
		pause(20 * time.Millisecond)
	}
	if has() != want {
		w.t.Fatalf("%d certificates uploaded, want %d:\n%s", has(), want, r.log())
	}
}
