package chat_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/chat"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// front is a proxy of the company with a certificate that it signed itself.
type front struct {
	url  string
	cert atomic.Pointer[tls.Certificate]
	file atomic.Pointer[string] // what telegram.certificate names
}

func newFront(t *testing.T, o *office) *front {
	t.Helper()
	f := &front{}
	f.cert.Store(selfSigned(t))
	f.put(f.cert.Load())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /telegram/webhook", o.door.Webhook)
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*f.cert.Load()}, MinVersion: tls.VersionTLS12}, nil
	}}
	srv.Config.SetKeepAlivesEnabled(false) // every delivery sees the certificate of the moment
	srv.StartTLS()
	t.Cleanup(srv.Close)
	f.url = srv.URL + "/telegram/webhook"
	return f
}

func (f *front) put(certs ...*tls.Certificate) {
	var text strings.Builder
	for _, c := range certs {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	}
	now := text.String()
	f.file.Store(&now)
}

func (f *front) read() ([]byte, error) {
	if text := *f.file.Load(); text != "" {
		return []byte(text), nil
	}
	return nil, errors.New("telegram.certificate: half written")
}

func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	plain := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// clocked is an office in which time passes as the test says, and what was said is kept.
func clocked(t *testing.T) (*office, *journal, *atomic.Int64) {
	t.Helper()
	o, said, ahead := newOffice(t), &journal{}, &atomic.Int64{}
	o.door.Log = slog.New(slog.NewTextHandler(said, nil))
	o.door.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	return o, said, ahead
}

func (o *office) notice(f *front, self string) *chat.Notice {
	n := &chat.Notice{Door: o.door, Hook: chat.Hook{URL: f.url}, Certificate: f.read, Self: self, Me: func(telegram.Me) {}}
	return n
}

// decides posts a document and lets its first approver agree, by the front.
func (o *office) decides(t *testing.T, id string) {
	t.Helper()
	o.Post(t, id)
	card := o.card(t, ledgertest.Budget, id)
	pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "✅")
	must(t, err)
	if a, err := pressed.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "recorded") {
		t.Errorf("the tap was told %q, %v", a.Text, err)
	}
}

func (o *office) failedDeliveries() int {
	n := 0
	for _, e := range o.tg.Ledger() {
		if e.Kind == telegramtest.EventFailed {
			n++
		}
	}
	return n
}

func TestCertificateIsRotatedOnceOverTwoReplicasWithoutAGap(t *testing.T) {
	t.Parallel()
	o, said, _ := clocked(t)
	f := newFront(t, o)
	first, second := o.notice(f, "first"), o.notice(f, "second")
	before := len(o.tg.CallsOf("setWebhook"))
	uploads := func() int { return len(o.tg.CallsOf("setWebhook")) - before }
	both := func() { first.Step(t.Context()); second.Step(t.Context()); first.Step(t.Context()) }
	both()
	if uploads() != 1 {
		t.Fatalf("%d uploads by two replicas; said: %s", uploads(), said)
	}
	o.decides(t, "41")

	old, renewed := f.cert.Load(), selfSigned(t)
	f.put(old, renewed) // Telegram is to know both before the proxy changes
	both()
	f.cert.Store(renewed)
	o.decides(t, "42")
	f.put(renewed)
	both()
	o.decides(t, "43")
	if uploads() != 3 || o.failedDeliveries() != 0 {
		t.Errorf("%d uploads for three files, %d deliveries failed; said: %s", uploads(), o.failedDeliveries(), said)
	}
	if text := said.String(); strings.Contains(text, "somebody else") || strings.Count(text, "was changed") != 3 {
		t.Errorf("said: %s", text)
	}
}

func TestSuccessorOfAReplicaThatDiedUploadsTheCertificate(t *testing.T) {
	t.Parallel()
	o, _, _ := clocked(t)
	f := newFront(t, o)
	first, second := o.notice(f, "first"), o.notice(f, "second")
	first.Step(t.Context())
	renewed := selfSigned(t)
	f.put(renewed) // and before the first looks, it is gone
	second.Step(t.Context())
	before := len(o.tg.CallsOf("setWebhook"))
	must(t, o.inbox.LetGo(t.Context(), "first")) // what time does to who is dead
	second.Step(t.Context())
	f.cert.Store(renewed)
	if n := len(o.tg.CallsOf("setWebhook")) - before; n != 1 {
		t.Errorf("%d uploads by the successor", n)
	}
	o.decides(t, "41")
}

func TestCertificateThatCannotBeUsedChangesNothingAndIsSaidOnce(t *testing.T) {
	t.Parallel()
	o, said, ahead := clocked(t)
	f := newFront(t, o)
	n := o.notice(f, "one")
	n.Step(t.Context())
	before := len(o.tg.CallsOf("setWebhook"))
	good := *f.file.Load()
	empty := ""
	f.file.Store(&empty)
	for range 5 {
		n.Step(t.Context())
		ahead.Add(int64(time.Minute))
	}
	if got := len(o.tg.CallsOf("setWebhook")); got != before || strings.Count(said.String(), "half written") != 1 {
		t.Errorf("%d calls; said: %s", got-before, said)
	}
	f.file.Store(&good) // as it was: nothing to upload
	n.Step(t.Context())
	if got := len(o.tg.CallsOf("setWebhook")); got != before {
		t.Errorf("%d calls although nothing changed", got-before)
	}
	o.decides(t, "41")
}

func TestUploadThatTelegramRefusesIsTriedAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	o, said, _ := clocked(t)
	f := newFront(t, o)
	n := o.notice(f, "one")
	end := o.tg.FailAlways("setWebhook", telegramtest.BadGateway())
	var waits []time.Duration
	for range 8 {
		waits = append(waits, n.Step(t.Context()))
	}
	if waits[0] != 2*time.Second || waits[1] != 4*time.Second || waits[7] != time.Minute {
		t.Errorf("waits %v", waits)
	}
	end()
	n.Step(t.Context())
	o.decides(t, "41")
	if !strings.Contains(said.String(), "not set up yet") {
		t.Errorf("said: %s", said)
	}
}

func TestWebhookThatLostItsCertificateIsSetAgain(t *testing.T) {
	t.Parallel()
	o, said, ahead := clocked(t)
	f := newFront(t, o)
	n := o.notice(f, "one")
	n.Step(t.Context())
	must(t, o.door.Telegram.SetWebhook(t.Context(), telegram.Webhook{URL: f.url, Secret: o.door.Secret}))
	ahead.Add(int64(time.Minute))
	n.Step(t.Context())
	info, err := o.door.Telegram.GetWebhookInfo(t.Context())
	if err != nil || !info.Custom || !strings.Contains(said.String(), "what=certificate") {
		t.Errorf("%+v, %v; said: %s", info, err, said)
	}
}

// Files of replicas may differ while they are being replaced: what Telegram has is that of
// the replica that speaks now.
func TestReplicaThatSpeaksAgainTellsAnew(t *testing.T) {
	t.Parallel()
	o, _, _ := clocked(t)
	f := newFront(t, o)
	mine := *f.file.Load()
	first, second := o.notice(f, "first"), o.notice(f, "second")
	first.Certificate = func() ([]byte, error) { return []byte(mine), nil }
	f.put(selfSigned(t))
	for _, turn := range []struct {
		speaks *chat.Notice
		was    string
	}{{first, "nobody"}, {second, "first"}, {first, "second"}} {
		must(t, o.inbox.LetGo(t.Context(), turn.was))
		for _, n := range []*chat.Notice{turn.speaks, first, second} {
			n.Step(t.Context())
		}
	}
	o.decides(t, "41") // the front has the first's
}
