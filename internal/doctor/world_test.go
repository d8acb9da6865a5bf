package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"countersign/internal/chat"
	"countersign/internal/directory"
	"countersign/internal/doctor"
	"countersign/internal/google"
	"countersign/internal/google/googletest"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/locale/localetest"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const (
	group   = -1001234567890
	colleag = 1002
	right   = "the-right-secret-of-the-webhook"
)

// world is a gateway in good health and all that is around it.
type world struct {
	*doctor.Doctor
	t    *testing.T
	tg   *telegramtest.Server
	door http.Handler // what answers at the public address
	db   doctor.Database
	work inbox.Standing
	lag  int
	chat directory.Chat
	hook hook.Endpoint
	roll error
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func healthy(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: doctor.Database{Version: "17"}, work: inbox.Standing{Conflict: -1, Polled: true, Searches: 4, Chosen: 2}}
	var err error
	w.tg, err = telegramtest.Open(telegramtest.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, w.tg.Close()) })
	w.tg.User(colleag, "Pyotr", "en")
	_, err = w.tg.StartBot(colleag, "")
	must(t, err)
	must(t, w.tg.AddChat(telegramtest.Chat{ID: group, Type: telegramtest.Supergroup, Title: "Payments", Forum: true, Members: []int64{colleag}}))
	must(t, w.tg.Topic(group, 7, true))
	w.chat = directory.Chat{ID: "c", ExternalID: "payments", Title: "Payments", TelegramID: group, Thread: 7}
	w.hook = hook.Endpoint{ID: "whk_1", Source: "erp1c", State: hook.Active}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /telegram/webhook", (&chat.Door{Secret: right}).Webhook)
	w.door = mux
	texts := localetest.Texts(t)
	menu := []telegram.MenuCommand{{Name: "help", Description: "List"}}
	w.Doctor = &doctor.Doctor{
		Languages: texts.Languages(), Folder: t.TempDir(), Room: func(string) (uint64, bool) { return 10 << 30, true },
		Menus:    []doctor.Menu{{Scope: telegram.ScopePrivate, Commands: menu}},
		Database: func(context.Context) doctor.Database { return w.db },
		Secret:   func(context.Context) (secret.Text, error) { return right, nil },
		Chats:    func(context.Context) ([]directory.Chat, error) { return []directory.Chat{w.chat}, nil },
		Webhooks: func(context.Context) ([]hook.Endpoint, error) { return []hook.Endpoint{w.hook}, nil },
		Updates:  func(context.Context) (inbox.Standing, error) { return w.work, nil },
		Behind:   func(context.Context, time.Duration) (int, error) { return w.lag, nil },
		Roll:     func(context.Context) (int, error) { return 12, w.roll },
		Test: func(context.Context) (doctor.Recipient, error) {
			return doctor.Recipient{ID: "petrov", Name: "Pyotr", Account: colleag, Language: texts.For("en")}, nil
		},
		Services: []*google.Provider{w.service()}, Now: time.Now,
	}
	w.Telegram = w.client(telegram.Options{})
	must(t, w.Telegram.SetCommands(t.Context(), telegram.ScopePrivate, "", menu))
	updates, err := w.Telegram.GetUpdates(t.Context(), telegram.Poll{}) // what came of furnishing
	must(t, err)
	_, err = w.Telegram.GetUpdates(t.Context(), telegram.Poll{Offset: updates[len(updates)-1].ID + 1})
	must(t, err)
	w.serve(nil)
	return w
}

func (w *world) client(o telegram.Options) *telegram.Client {
	w.t.Helper()
	if o.Token == "" {
		o.Token = secret.Text(w.tg.Token())
	}
	if o.APIURL == "" {
		o.APIURL = w.tg.URL()
	}
	c, err := telegram.New(o)
	must(w.t, err)
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) service() *google.Provider {
	w.t.Helper()
	key, err := signingKey()
	must(w.t, err)
	g, err := googletest.Open(w.t.Context(), googletest.Options{ClientID: "client", Secret: "hush", Redirects: []string{"https://pay.example.com/auth/google/callback"}, Now: time.Now, Key: key})
	must(w.t, err)
	w.t.Cleanup(func() { _ = g.Close() })
	return &google.Provider{
		Name: "google", Title: "Google", Issuer: g.URL(), ClientID: "client", Secret: "hush", Redirect: "https://pay.example.com/auth/google/callback", Now: time.Now,
	}
}

// serve puts the public address behind a certificate; nil: one that everybody trusts.
func (w *world) serve(cert *tls.Certificate) {
	w.t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.door.ServeHTTP(rw, r) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	roots := x509.NewCertPool()
	if cert != nil {
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
	}
	srv.StartTLS()
	if cert == nil {
		roots.AddCert(srv.Certificate())
	}
	w.t.Cleanup(srv.Close)
	w.Address = doctor.Address{URL: srv.URL, Path: "/telegram/webhook", Webhook: true, Connections: 40, Roots: roots}
	must(w.t, w.Telegram.SetWebhook(w.t.Context(), telegram.Webhook{URL: srv.URL + "/telegram/webhook", Secret: right}))
}

// signed makes a certificate that signs itself.
func signed(t *testing.T, change func(*x509.Certificate)) (*tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// says makes the Bot API answer a method as it is told, always.
func (w *world) says(method string, result any) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"ok": true, "result": result})
	must(w.t, err)
	w.t.Cleanup(w.tg.FailAlways(method, telegramtest.Fault{Status: http.StatusOK, Body: string(body)}))
}

// info is what Telegram says of its deliveries, with a change.
func (w *world) info(change map[string]any) {
	w.t.Helper()
	all := map[string]any{"url": w.Address.URL + w.Address.Path, "has_custom_certificate": false, "pending_update_count": 0, "max_connections": 40, "ip_address": "127.0.0.1"}
	maps.Copy(all, change)
	w.says("getWebhookInfo", all)
}
