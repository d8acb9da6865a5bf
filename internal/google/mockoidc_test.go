package google_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"countersign/internal/google"
	"countersign/internal/secret"
)

// foreign is an issuer that others wrote, against their reading of the standard. It is
// laxer than ours: what a hostile one sends is tried with googletest.
type foreign struct {
	*mockoidc.MockOIDC
	*google.Provider

	mu    sync.Mutex   // around what a test changes and a request reads
	ahead atomic.Int64 // of the clocks of both, in seconds
}

// set changes something between two requests.
func (f *foreign) set(change func(*mockoidc.MockOIDC)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.MockOIDC)
}

// one lets requests in one by one.
func (f *foreign) one(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func openForeign(t *testing.T) *foreign {
	t.Helper()
	m, err := mockoidc.NewServer(firstKey())
	if err != nil {
		t.Fatal(err)
	}
	f := &foreign{MockOIDC: m}
	if err := m.AddMiddleware(f.one); err != nil {
		t.Fatal(err)
	}
	at, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(at, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	f.Provider = &google.Provider{
		Name: "foreign", Title: "Foreign", Issuer: m.Issuer(), ClientID: m.ClientID, Secret: secret.Text(m.ClientSecret),
		Redirect: redirect, Domains: []string{"corp.example"}, Timeout: time.Minute,
		Now: func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load()) * time.Second) },
	}
	return f
}

// code is what the browser of somebody brings back.
func (f *foreign) code(t *testing.T, u *mockoidc.MockUser, r google.Request) string {
	t.Helper()
	f.set(func(m *mockoidc.MockOIDC) { m.QueueUser(u) })
	address, err := f.SignIn(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := http.DefaultTransport.RoundTrip(req) // it is not followed
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = back.Body.Close() }()
	to, err := url.Parse(back.Header.Get("Location"))
	if err != nil || back.StatusCode != http.StatusFound || to.Query().Get("state") != r.State || !strings.HasPrefix(to.String(), redirect) {
		t.Fatalf("%s, sent to %s: %v", back.Status, to, err)
	}
	return to.Query().Get("code")
}

func worker() *mockoidc.MockUser {
	return &mockoidc.MockUser{Subject: "117", Email: anna, EmailVerified: true}
}

func TestLoginAtAnIssuerThatOthersWrote(t *testing.T) {
	t.Parallel()
	f := openForeign(t)
	code := f.code(t, worker(), request())
	id, err := f.Identify(t.Context(), code, request())
	if err != nil || id.Subject != "117" || id.Email != strings.ToLower(anna) || id.Issuer != f.Provider.Issuer || time.Since(id.IssuedAt) > time.Minute {
		t.Fatalf("%+v, %v", id, err)
	}
	_, err = f.Identify(t.Context(), code, request())
	wantReason(t, err, google.ReasonCode) // it was used
	_, err = f.Identify(t.Context(), "no-code-of-theirs", request())
	wantReason(t, err, google.ReasonCode)
}

func TestForeignIssuerKeepsToTheAttempt(t *testing.T) {
	t.Parallel()
	f := openForeign(t)
	other := request()
	other.Verifier += "-of-another-attempt"
	_, err := f.Identify(t.Context(), f.code(t, worker(), request()), other)
	wantReason(t, err, google.ReasonCode) // PKCE, as they check it
	other = request()
	other.Nonce = "of-another-attempt"
	_, err = f.Identify(t.Context(), f.code(t, worker(), request()), other)
	wantReason(t, err, google.ReasonNonce)
	stranger := worker()
	stranger.Email = "anna@other.example"
	_, err = f.Identify(t.Context(), f.code(t, stranger, request()), request())
	wantReason(t, err, google.ReasonDomain)
	stranger = worker()
	stranger.EmailVerified = false
	_, err = f.Identify(t.Context(), f.code(t, stranger, request()), request())
	wantReason(t, err, google.ReasonUnverified)
	f.Secret = "another"
	_, err = f.Identify(t.Context(), f.code(t, worker(), request()), request())
	wantReason(t, err, google.ReasonClient)
}

func TestForeignIssuerChangesItsKeyAndItsClock(t *testing.T) {
	t.Parallel()
	f := openForeign(t)
	if _, err := f.Identify(t.Context(), f.code(t, worker(), request()), request()); err != nil {
		t.Fatal(err)
	}
	next, err := mockoidc.NewKeypair(secondKey())
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour // keys are not asked for again at once
	f.set(func(m *mockoidc.MockOIDC) { m.Keypair = next; m.FastForward(day) })
	f.ahead.Store(int64(day / time.Second))
	if id, err := f.Identify(t.Context(), f.code(t, worker(), request()), request()); err != nil || id.Subject != "117" {
		t.Errorf("with the next key: %+v, %v", id, err)
	}

	f.set(func(m *mockoidc.MockOIDC) { m.FastForward(-time.Hour) }) // the token was good for ten minutes
	_, err = f.Identify(t.Context(), f.code(t, worker(), request()), request())
	wantReason(t, err, google.ReasonExpired)
	f.set(func(m *mockoidc.MockOIDC) { m.FastForward(2 * time.Hour) })
	_, err = f.Identify(t.Context(), f.code(t, worker(), request()), request())
	wantReason(t, err, google.ReasonClock)

	f.set(func(m *mockoidc.MockOIDC) {
		m.FastForward(-time.Hour)
		m.QueueError(&mockoidc.ServerError{Code: http.StatusServiceUnavailable, Error: "temporarily_unavailable"})
	})
	_, err = f.Identify(t.Context(), "any", request())
	wantUnreachable(t, err)
}
