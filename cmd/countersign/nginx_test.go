package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deployed is a file of deploy/.
func deployed(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", filepath.FromSlash(name)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// changed is a sample after what its head says to change: each is there.
func changed(tb testing.TB, text string, pairs ...string) string {
	tb.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			tb.Fatalf("the sample has no %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// program finds a program; a machine without it skips the test loudly, unless it is
// required.
func program(tb testing.TB, variable, name string) string {
	tb.Helper()
	for _, at := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	text := "NO " + strings.ToUpper(name) + " ON THIS MACHINE: the samples of deploy/ were not tried with it; install " + name
	if os.Getenv(variable) == "require" {
		tb.Fatal(text)
	}
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil { // go test keeps a skip to itself
		_, _ = fmt.Fprintln(terminal, text)
		_ = terminal.Close()
	}
	tb.Skip(text)
	return ""
}

const nginxWanted = "COUNTERSIGN_TEST_NGINX"

// nginx is a running one with the samples of deploy/nginx.
type nginx struct {
	url, at string
	tls     string // the folder of its certificate
	cmd     *exec.Cmd
	client  *http.Client
}

// freePort gives an address that nobody listens on.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// openNginx starts nginx in front of an address; more is what else is changed in the samples.
func openNginx(tb testing.TB, upstream string, more ...string) *nginx {
	tb.Helper()
	path := program(tb, nginxWanted, "nginx")
	dir := tb.TempDir()
	n := &nginx{at: freePort(tb), tls: filepath.Join(dir, "tls")}
	n.url = "https://" + n.at
	n.certificate(tb, "new", "127.0.0.1")
	put := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		return file
	}
	inside, back := deployed(tb, "nginx/gateway.conf"), changed(tb, deployed(tb, "nginx/upstream.conf"), "127.0.0.1:8080", upstream)
	for pair := range slices.Chunk(more, 2) {
		if strings.Contains(back, pair[0]) {
			back = changed(tb, back, pair...)
		} else {
			inside = changed(tb, inside, pair...)
		}
	}
	gateway := put("gateway.conf", inside)
	front := put("self-signed.conf", changed(tb, deployed(tb, "nginx/self-signed.conf"),
		"listen 8443 ssl;", "listen "+n.at+" ssl;", "/etc/countersign/tls", n.tls,
		"/var/log/nginx/countersign.log", filepath.Join(dir, "access.log"), "/etc/nginx/countersign/gateway.conf", gateway))
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the folder is the test's own
	}
	main := put("nginx.conf", user+strings.ReplaceAll(`daemon off; worker_processes 1; pid DIR/pid; error_log DIR/error.log;
events { worker_connections 256; }
http {
  client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  include `+put("upstream.conf", back)+`; include `+front+`;
}
`, "DIR", dir))
	n.cmd = exec.Command(path, "-p", dir, "-c", main, "-e", filepath.Join(dir, "error.log"))
	if err := n.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = n.cmd.Wait(); close(ended) }()
	tb.Cleanup(func() { _ = n.cmd.Process.Signal(syscall.SIGTERM); <-ended })
	n.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: n.trusted(tb), MinVersion: tls.VersionTLS12}}}
	pauseUntil(func() bool {
		resp, err := n.client.Get(n.url + "/healthz")
		return err == nil && resp.Body.Close() == nil
	}, patience)
	return n
}

func (n *nginx) trusted(tb testing.TB) *x509.CertPool {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(n.tls, "telegram.pem"))
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// certificate runs the script as an operator does.
func (n *nginx) certificate(tb testing.TB, args ...string) string {
	tb.Helper()
	program(tb, nginxWanted, "openssl")
	cmd := exec.Command("sh", append([]string{filepath.Join("..", "..", "deploy", "nginx", "certificate.sh")}, append(args, n.tls)...)...)
	cmd.Env = os.Environ()
	if n.cmd != nil {
		cmd.Env = append(cmd.Env, fmt.Sprintf("RELOAD=kill -HUP %d", n.cmd.Process.Pid))
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("certificate.sh %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// ask makes a request as anybody outside can.
func (n *nginx) ask(tb testing.TB, method, path, body string, header map[string]string) (int, http.Header) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, n.url+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header
}

// heard is what stands behind nginx and remembers what reached it.
type heard struct {
	mu       sync.Mutex
	requests []*http.Request
}

func listenBehind(tb testing.TB) (*heard, string) {
	tb.Helper()
	h := &heard{}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.mu.Lock()
		defer h.mu.Unlock()
		h.requests = append(h.requests, r)
	}))
	tb.Cleanup(srv.Close)
	return h, strings.TrimPrefix(srv.URL, "http://")
}

func (h *heard) all() []*http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

func TestNginxLetsInTheWebhookAndThePagesAndNothingElse(t *testing.T) {
	t.Parallel()
	h, behind := listenBehind(t)
	n := openNginx(t, behind, "rate=5r/s", "rate=1000r/s")
	in := []string{
		"/telegram/webhook", "/auth/google/start", "/auth/google/callback?code=1&state=a%2Fb", "/confirm", "/confirm/pin?x=1", "/console", "/console/people/usr_1",
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
		"/telegram", "/TELEGRAM/WEBHOOK", "/confirmation", "/consoles", "/auth", "/x/telegram/webhook", "/auth/../v1/events", "/console/%2e%2e/metrics",
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
	n := openNginx(t, behind, "client_body_timeout 10s;\nsend", "client_body_timeout 1s;\nsend")
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
	if hasty[http.StatusOK] < 20 || hasty[http.StatusTooManyRequests] == 0 {
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
