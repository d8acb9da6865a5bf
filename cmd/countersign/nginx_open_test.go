package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
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

// freePort gives an address to listen on later: of those that the system hands to nobody.
func freePort(tb testing.TB) string {
	tb.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			if err := l.Close(); err != nil {
				tb.Fatal(err)
			}
			return l.Addr().String()
		}
	}
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
		"/etc/nginx/countersign/gateway.conf", gateway))
	n.cmd = runNginx(tb, path, dir, put("upstream.conf", back), front)
	n.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: n.trusted(tb), MinVersion: tls.VersionTLS12}}}
	pauseUntil(func() bool {
		resp, err := n.client.Get(n.url + "/healthz")
		return err == nil && resp.Body.Close() == nil
	}, patience)
	return n
}

// runNginx runs one with the files in a folder until the test ends.
func runNginx(tb testing.TB, path, dir string, files ...string) *exec.Cmd {
	tb.Helper()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the folder is the test's own
	}
	text := user + strings.ReplaceAll(`daemon off; worker_processes 1; pid DIR/pid; error_log DIR/error.log;
events { worker_connections 256; }
http {
  access_log DIR/access.log;
  client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
`, "DIR", dir)
	for _, file := range files {
		text += "  include " + file + ";\n"
	}
	main := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(main, []byte(text+"}\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(path, "-p", dir, "-c", main, "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	tb.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); <-ended })
	return cmd
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
