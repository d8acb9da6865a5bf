package hook_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/hook"
)

func redirect(code int) act {
	return func(w http.ResponseWriter, _ request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
	}
}

// raw answers with bytes of its own and closes.
func raw(text string) act {
	return func(w http.ResponseWriter, _ request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(text))
		_ = conn.Close()
	}
}

func garbage(w http.ResponseWriter, r request) { raw("220 mail.example.org ESMTP\r\n")(w, r) }
func garbageStatus(w http.ResponseWriter, r request) {
	raw("HTTP/1.1 999 Huh\r\nContent-Length: 0\r\n\r\n")(w, r)
}

func short(w http.ResponseWriter, r request) {
	raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok")(w, r)
}

func resetBody(w http.ResponseWriter, _ request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"))
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(other.Close)
	b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(request, int) act {
		return func(w http.ResponseWriter, _ request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	})
	b.emit("A", "case.started")
	b.rounds()
	if reached.Load() != 0 || len(b.receiver.all()) != 1 {
		t.Errorf("the other server was reached %d times, the receiver %d times", reached.Load(), len(b.receiver.all()))
	}
}

func TestHugeAnswersTakeLittleMemoryAndLeaveASample(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var written atomic.Int64
	for _, test := range []struct {
		name   string
		how    act
		state  hook.DeliveryState
		sample string
	}{
		{"a body of 200 MB", func(w http.ResponseWriter, _ request) {
			chunk := bytes.Repeat([]byte("x"), 1<<16)
			for range 200 << 20 >> 16 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
				written.Add(int64(len(chunk)))
			}
		}, hook.Done, "xxxx"},
		{"a bomb", func(w http.ResponseWriter, _ request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bytes.Repeat([]byte{0x1f, 0x8b, 0}, 1<<20))
		}, hook.Done, "\x1f\uFFFD"},
		{"headers of 10 MB", func(w http.ResponseWriter, r request) {
			raw("HTTP/1.1 200 OK\r\n"+strings.Repeat("X-Junk: "+strings.Repeat("j", 1000)+"\r\n", 10_000)+"\r\n")(w, r)
		}, hook.Due, ""},
		{"an endless header", func(w http.ResponseWriter, r request) {
			raw("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("j", 10<<20))(w, r)
		}, hook.Due, ""},
		{"nulls and broken text", func(w http.ResponseWriter, _ request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte("\x00\xff\xfeошибка"))
		}, hook.Due, "\uFFFD\uFFFDошибка"},
	} {
		d, end := b.one(hook.NewEndpoint{}, test.how)
		if d.State != test.state || !strings.HasPrefix(deref(d.LastSample), test.sample) || len(deref(d.LastSample)) > 4096 {
			t.Errorf("%s: state %s, error %q, sample of %d bytes: %.20q", test.name, d.State, deref(d.LastError), len(deref(d.LastSample)), deref(d.LastSample))
		}
		end()
	}
	if written.Load() > 32<<20 { // the buffers of the connection are large; what is read is not
		t.Errorf("%d MB of 200 were taken", written.Load()>>20)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("%d MB are in use afterwards", m.HeapAlloc>>20)
	}
}

func TestSilentAndDrippingReceiversAreCutOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, test := range []struct {
		name  string
		how   func(hold <-chan struct{}) act
		state hook.DeliveryState
	}{
		{"silence", func(hold <-chan struct{}) act {
			return func(http.ResponseWriter, request) { <-hold }
		}, hook.Due},
		{"a header that never ends", func(hold <-chan struct{}) act {
			return func(w http.ResponseWriter, _ request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nX-Slow: "))
				<-hold
			}
		}, hook.Due},
		{"a body that never ends", func(hold <-chan struct{}) act {
			return func(w http.ResponseWriter, _ request) {
				_, _ = w.Write([]byte("taken"))
				_ = http.NewResponseController(w).Flush()
				<-hold
			}
		}, hook.Done},
	} {
		hold := make(chan struct{})
		d, end := b.one(hook.NewEndpoint{Timeout: time.Second}, test.how(hold))
		if d.State != test.state || d.State == hook.Due && deref(d.LastError) != "no answer in time" {
			t.Errorf("%s: state %s, error %q", test.name, d.State, deref(d.LastError))
		}
		close(hold)
		end()
	}
}

func TestDroppedAnswerMeansTheSameEventAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endpoint(hook.NewEndpoint{})
	b.receiver.script(func(_ request, nth int) act {
		if nth == 1 {
			return reset // it was taken, and nobody heard so
		}
		return accept
	})
	b.emit("A", "case.started")
	b.rounds()
	b.clock.move(10 * time.Second)
	b.rounds()
	got := b.receiver.all()
	if len(got) != 2 || got[0].ID != got[1].ID || got[0].Body != got[1].Body {
		t.Fatalf("requests: %+v", got)
	}
	if got[0].Stamp == got[1].Stamp || got[0].Signed[0] == got[1].Signed[0] || got[1].Attempt != 2 {
		t.Errorf("the second request is no new one: %+v", got)
	}
}

func TestNameThatTurnsToAForbiddenAddressIsBlockedWhenDialed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Egress = nil
	const public = "93.184.216.34"
	now := public
	b.Options.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr(now)}, nil
	}
	for _, to := range []string{"127.0.0.1", "169.254.169.254", "10.0.0.7", "::1", "::ffff:127.0.0.1", "fe80::1%lo"} {
		now = public
		e := b.endpoint(hook.NewEndpoint{URL: "https://erp.example.org/hook"})
		now = to
		b.emit("A", "case.started")
		b.rounds()
		if d := b.deliveries(e.ID)[0]; d.State != hook.Due || !strings.Contains(deref(d.LastError), "blocked address") {
			t.Errorf("%s: state %s, error %q", to, d.State, deref(d.LastError))
		}
		if !b.log.has("ERROR webhook blocked") || len(b.receiver.all()) > 0 {
			t.Errorf("%s: nobody was told, or %d requests came", to, len(b.receiver.all()))
		}
		if err := b.Delete(t.Context(), source, e.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOperatorOpensNetworksOnlyForWhatHeNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	port := netip.MustParseAddrPort(b.receiver.Listener.Addr().String()).Port()
	b.Options.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	b.Egress = append(loopback(), netip.MustParsePrefix("10.0.0.0/8"))
	e := b.endpoint(hook.NewEndpoint{URL: fmt.Sprintf("http://erp.internal:%d/hook", port)})
	second := b.replica()
	second.Options.Lookup = b.Options.Lookup
	second.Egress = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	b.emit("A", "case.started")
	if _, err := b.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Deliver(t.Context()); err != nil { // 10.0.0.7 is refused there, 127.0.0.1 is tried next
		t.Fatal(err)
	}
	if got := b.deliveries(e.ID)[0].State; got != hook.Done {
		t.Errorf("delivery is %s: %s", got, deref(b.deliveries(e.ID)[0].LastError))
	}
}

func TestCertificateIsAlwaysVerified(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		host   string
		trust  func(*httptest.Server) *x509.CertPool
		state  hook.DeliveryState
		reason string
	}{
		{"unknown authority", "example.com", func(*httptest.Server) *x509.CertPool { return x509.NewCertPool() }, hook.Due, "certificate"},
		{"private authority", "example.com", trusted, hook.Done, ""},
		{"another name", "example.net", trusted, hook.Due, "certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			secure := httptest.NewTLSServer(b.receiver)
			t.Cleanup(secure.Close)
			b.Options.Roots = test.trust(secure)
			b.Options.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}
			_, port, _ := net.SplitHostPort(secure.Listener.Addr().String())
			e := b.endpoint(hook.NewEndpoint{URL: "https://" + net.JoinHostPort(test.host, port)})
			b.emit("A", "case.started")
			b.rounds()
			if d := b.deliveries(e.ID)[0]; d.State != test.state || !strings.Contains(deref(d.LastError), test.reason) {
				t.Errorf("state %s, error %q", d.State, deref(d.LastError))
			}
		})
	}
}

func trusted(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}
