package telegram_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const proxyPassword = "p@ss/w:rd&secret"

// authority is a certificate that this process believes, as if the system's list had it.
var authority tls.Certificate

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "authority")
	if err != nil {
		panic(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	plain := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	authority = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	if err := os.Setenv("SSL_CERT_FILE", file); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// cloud is the Bot API over TLS, as Telegram's own is.
func cloud(t *testing.T) (*telegramtest.Server, string) {
	t.Helper()
	s, err := telegramtest.New(telegramtest.Options{Token: token})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	front := httptest.NewUnstartedServer(s)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.TLS = &tls.Config{Certificates: []tls.Certificate{authority}, MinVersion: tls.VersionTLS12}
	front.StartTLS()
	t.Cleanup(front.Close)
	s.User(anna, "Anna", "ru")
	_, err = s.StartBot(anna, "")
	must(t, err)
	return s, front.URL
}

func proxied(t *testing.T, o telegramtest.ProxyOptions) *telegramtest.Proxy {
	t.Helper()
	p, err := telegramtest.OpenProxy(o)
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// freePort gives an address to come back to: of those that the system hands to nobody.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+mathrand.IntN(12000)))
		if err == nil {
			must(t, l.Close())
			return l.Addr().String()
		}
	}
}

func say(t *testing.T, c *telegram.Client, text string) error {
	t.Helper()
	_, err := c.Send(t.Context(), telegram.Outgoing{ChatID: anna, Text: text})
	return err
}

func TestCallsGoThroughTheProxyAndNothingGoesBesideIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scheme string
		o      telegramtest.ProxyOptions
		asked  string
	}{
		"socks5":                 {"socks5", telegramtest.ProxyOptions{}, "SOCKS5 "},
		"socks5 with a password": {"socks5", telegramtest.ProxyOptions{User: "gate way", Password: proxyPassword}, "SOCKS5 "},
		"http":                   {"http", telegramtest.ProxyOptions{}, "CONNECT "},
		"http with a password":   {"http", telegramtest.ProxyOptions{User: "gate way", Password: proxyPassword}, "CONNECT "},
		"https":                  {"https", telegramtest.ProxyOptions{User: "gate", Password: proxyPassword, Certificate: &authority}, "CONNECT "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, address := cloud(t)
			p := proxied(t, c.o)
			client := client(t, telegram.Options{APIURL: address, Proxy: p.URL(c.scheme)})
			must(t, say(t, client, "by the proxy"))
			must(t, say(t, client, "on the same connection"))
			updates, err := client.GetUpdates(t.Context(), telegram.Poll{})
			must(t, err)
			// Only the host is told, and one way carries all calls.
			if want := []string{c.asked + strings.TrimPrefix(address, "https://")}; !slices.Equal(p.Asked(), want) {
				t.Errorf("asked for %q, want %q", p.Asked(), want)
			}
			if n := len(s.Messages(anna)); n != 3 || len(updates) != 1 {
				t.Errorf("%d messages and %d updates", n, len(updates))
			}
		})
	}
}

func TestPlainHTTPGoesThroughAnHTTPProxyAsARequest(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	p := proxied(t, telegramtest.ProxyOptions{User: "gate", Password: proxyPassword})
	c := client(t, telegram.Options{APIURL: s.URL(), Proxy: p.URL("http")})
	must(t, say(t, c, "hello"))
	if asked := p.Asked(); len(asked) != 1 || !strings.HasPrefix(asked[0], "POST "+s.URL()+"/bot") {
		t.Errorf("asked for %q", asked)
	}
}

// Whatever the proxy does before it has let us through, nothing was sent: the message may
// be sent again, and arrives once.
func TestFaultOfTheProxyIsSaidAndTheMessageArrivesOnceItIsMended(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schemes []string
		broken  *telegramtest.ProxyOptions // nil: away
		says    string
	}{
		"away":                             {[]string{"http", "socks5"}, nil, "cannot be reached"},
		"wrong password":                   {[]string{"http", "socks5"}, &telegramtest.ProxyOptions{User: "gate", Password: "another-password"}, "takes neither the user nor the password"},
		"wrong, in the words of tinyproxy": {[]string{"http"}, &telegramtest.ProxyOptions{User: "gate", Password: proxyPassword, Refuse: http.StatusUnauthorized}, "takes neither the user nor the password"},

		"not allowed": {[]string{"http"}, &telegramtest.ProxyOptions{User: "gate", Password: proxyPassword, Refuse: http.StatusForbidden}, "403 Forbidden"},
		"no way out":  {[]string{"http"}, &telegramtest.ProxyOptions{User: "gate", Password: proxyPassword, Refuse: http.StatusBadGateway}, "does not let us through"},
		"ruled out":   {[]string{"socks5"}, &telegramtest.ProxyOptions{User: "gate", Password: proxyPassword, Refuse: 2}, "does not let us through"},
		"hangs up":    {[]string{"http", "socks5"}, &telegramtest.ProxyOptions{User: "gate", Password: proxyPassword, Cut: true}, "EOF"},
	} {
		for _, scheme := range c.schemes {
			t.Run(name+" "+scheme, func(t *testing.T) {
				t.Parallel()
				s, address := cloud(t)
				good := telegramtest.ProxyOptions{Listen: freePort(t), User: "gate", Password: proxyPassword}
				p := proxied(t, good)
				client := client(t, telegram.Options{APIURL: address, Proxy: p.URL(scheme)})
				must(t, p.Close())
				if c.broken != nil {
					broken := *c.broken
					broken.Listen = good.Listen
					p = proxied(t, broken)
				}
				before := len(s.Calls())
				err := say(t, client, "pay")
				if telegram.KindOf(err) != telegram.Transient || !strings.Contains(err.Error(), c.says) || len(s.Calls()) != before {
					t.Errorf("%v, want %q; %d calls arrived", err, c.says, len(s.Calls())-before)
				}
				if text := fmt.Sprintf("%+v %#v", err, err); strings.Contains(text, "w:rd") || strings.Contains(text, "w%3Ard") || strings.Contains(text, "secret_token") {
					t.Errorf("a secret is in %s", text)
				}
				if c.broken != nil {
					must(t, p.Close())
				}
				proxied(t, good)
				must(t, say(t, client, "pay"))
				if m := s.Messages(anna); len(m) != 2 || m[1].Text != "pay" {
					t.Errorf("shown: %+v", m)
				}
			})
		}
	}
}

func TestProxyThatEndsDuringACallLeavesASendUnknown(t *testing.T) {
	t.Parallel()
	s, address := cloud(t)
	p := proxied(t, telegramtest.ProxyOptions{})
	c := client(t, telegram.Options{APIURL: address, Proxy: p.URL("socks5")})
	hold := make(chan struct{})
	defer close(hold)
	s.FailNext("sendMessage", telegramtest.Delay(hold))
	go func() {
		_ = s.WaitFor(t.Context(), func() bool { return len(s.CallsOf("sendMessage")) == 1 })
		_ = p.Close()
	}()
	if err := say(t, c, "pay"); telegram.KindOf(err) != telegram.Unknown {
		t.Errorf("%v", err)
	}
}

func TestPasswordThatAPlainProxyRefusesIsSaid(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	p := proxied(t, telegramtest.ProxyOptions{User: "gate", Password: proxyPassword})
	c := client(t, telegram.Options{APIURL: s.URL(), Proxy: strings.Replace(p.URL("http"), "gate", "other", 1)})
	if err := say(t, c, "pay"); telegram.KindOf(err) != telegram.Transient || !strings.Contains(err.Error(), "telegram.proxy") {
		t.Errorf("%v", err)
	}
}

// A proxy that opens the connection and answers for Telegram itself gets nothing.
func TestProxyThatReadsAlongIsRefused(t *testing.T) {
	t.Parallel()
	var read []string
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { read = append(read, r.URL.Path) }))
	defer stranger.Close()
	p := proxied(t, telegramtest.ProxyOptions{})
	c := client(t, telegram.Options{APIURL: stranger.URL, Proxy: p.URL("http")})
	if err := say(t, c, "pay"); telegram.KindOf(err) != telegram.Config || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
	stranger.Close()
	if len(read) != 0 {
		t.Errorf("it read %q", read)
	}
}

// A reverse proxy stands in for the Bot API under a path of its own.
func TestReverseProxyWithAPathStandsInForTheBotAPI(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	mux := http.NewServeMux()
	mux.Handle("/telegram/", http.StripPrefix("/telegram", s))
	front := httptest.NewServer(mux)
	defer front.Close()
	must(t, say(t, client(t, telegram.Options{APIURL: front.URL + "/telegram/"}), "hello"))
	_, err := client(t, telegram.Options{APIURL: front.URL}).GetMe(t.Context())
	if err == nil || strings.Contains(err.Error(), "secret_token") {
		t.Errorf("beside the path: %v", err)
	}
}
