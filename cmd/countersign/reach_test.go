package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
)

// ownCertificate signs itself, for 127.0.0.1 and the names.
func ownCertificate(tb testing.TB, names ...string) (tls.Certificate, string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	plain := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "127.0.0.1"}, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// write puts a file into a folder of the test's own.
func write(tb testing.TB, name, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// behindTLS gives the Bot API as Telegram's own is reached: over TLS.
func (w *world) behindTLS() (url, authority string) {
	w.t.Helper()
	cert, text := ownCertificate(w.t)
	front := httptest.NewUnstartedServer(w.tg)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	front.StartTLS()
	w.t.Cleanup(front.Close)
	return front.URL, write(w.t, "authority.pem", text)
}

// TestNothingIsLostWhileTheProxyIsAwayOrWronglySet: a closed network with one way out, by
// a proxy whose address stands in a file with its password, and no way in.
func TestNothingIsLostWhileTheProxyIsAwayOrWronglySet(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"socks5", "http"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			const password = "very:secret@proxy/password"
			w := newWorld(t, "polling", 1)
			w.replicas[0].stop(syscall.SIGTERM)
			api, authority := w.behindTLS()
			good := telegramtest.ProxyOptions{Listen: freePort(t), User: "gate", Password: password}
			p := openProxy(t, good)
			w.extra = []string{
				"COUNTERSIGN_TELEGRAM_API_URL=" + api, "SSL_CERT_FILE=" + authority, "COUNTERSIGN_SERVER_PUBLIC_URL=",
				"COUNTERSIGN_TELEGRAM_PROXY_FILE=" + write(t, "proxy", p.URL(scheme)+"\n"),
			}
			w.start("")
			w.post("D-1", payment("D-1", "10.00"))
			card := w.seesCard(pyotr, "D-1")
			said := func(words string) {
				t.Helper()
				if pauseUntil(func() bool { return strings.Contains(w.logs(), words) }, patience); !strings.Contains(w.logs(), words) {
					t.Fatalf("%q was never said:\n%s", words, w.logs())
				}
			}

			w.settled() // what is on its way may arrive twice
			closeProxy(t, p)
			pressed, err := w.tg.Press(pyotr, pyotr, card.ID, "✅")
			if err != nil {
				t.Fatal(err)
			}
			w.post("D-2", payment("D-2", "20.00"))
			said("cannot be reached")
			p = openProxy(t, telegramtest.ProxyOptions{Listen: good.Listen, User: "gate", Password: "another"})
			said("takes neither the user nor the password")
			closeProxy(t, p)
			p = openProxy(t, good)

			if a, err := pressed.Wait(w.limited(patience)); err != nil || !strings.Contains(a.Text, "recorded") {
				t.Errorf("the tap of that time was told %q, %v", a.Text, err)
			}
			w.seesCard(olga, "D-1")
			w.seesCard(pyotr, "D-2")
			for _, id := range []string{"D-1", "D-2"} {
				if n := strings.Count(w.transcript(pyotr), id); n != 1 {
					t.Errorf("%s is shown %d times:\n%s", id, n, w.transcript(pyotr))
				}
			}
			if asked := p.Asked(); len(asked) == 0 {
				t.Error("the proxy was passed by")
			}
			if text := w.logs(); strings.Contains(text, password) || strings.Contains(text, "secret%40") || strings.Contains(text, w.tg.Token()) {
				t.Errorf("a secret is in the log:\n%s", text)
			}
		})
	}
}

func openProxy(t *testing.T, o telegramtest.ProxyOptions) *telegramtest.Proxy {
	t.Helper()
	p, err := telegramtest.OpenProxy(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func closeProxy(t *testing.T, p *telegramtest.Proxy) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) failedDeliveries() int {
	n := 0
	for _, e := range w.tg.Ledger() {
		if e.Kind == telegramtest.EventFailed {
			n++
		}
	}
	return n
}

func keyOf(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
