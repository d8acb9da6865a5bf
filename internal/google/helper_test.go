package google_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/google"
	"countersign/internal/google/googletest"
	"countersign/internal/secret"
)

const (
	anna     = "Anna@Corp.example"
	boris    = "boris@gmail.example"
	redirect = "http://127.0.0.1:9/auth/google/callback"
	client   = "client.apps.example"
	password = "p+a s%s/wörd&=:secret"
	nonce    = "a-nonce-of-this-attempt"
	verifier = "a-verifier-that-is-long-enough-for-the-standard"
)

// Keys take long to make, so all issuers of the tests begin with the same one.
var (
	firstKey  = sync.OnceValue(newKey)
	secondKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// desk is an issuer, a provider that uses it, and the clock of both.
type desk struct {
	*googletest.Server
	*google.Provider

	now atomic.Int64
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{}
	d.now.Store(time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC).Unix())
	clock := func() time.Time { return time.Unix(d.now.Load(), 0).UTC() }
	var err error
	d.Server, err = googletest.Open(t.Context(), googletest.Options{
		ClientID: client, Secret: password, Redirects: []string{redirect, redirect + "/other"}, Key: firstKey(), Now: clock,
		Accounts: []googletest.Account{
			{Subject: "117", Email: anna, Verified: true, Name: "Anna", Domain: "corp.example"},
			{Subject: "118", Email: boris, Verified: true, Name: "Boris"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Provider = &google.Provider{
		Name: "google", Title: "Google", Issuer: d.URL(), ClientID: client, Secret: secret.Text(password),
		Redirect: redirect, Domains: []string{"Corp.example"}, HostedDomainClaim: true, Timeout: time.Minute, Now: clock,
	}
	return d
}

func (d *desk) pass(by time.Duration) { d.now.Add(int64(by / time.Second)) }

func request() google.Request {
	return google.Request{State: "a-state", Nonce: nonce, Verifier: verifier}
}

// code is what the browser brings back.
func (d *desk) code(t *testing.T, email string, r google.Request) string {
	t.Helper()
	address, err := d.Provider.SignIn(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d.agree(t, address, email)
}

func (d *desk) agree(t *testing.T, address, email string) string {
	t.Helper()
	to, err := d.Server.SignIn(t.Context(), address, email)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, redirect+"?") || u.Query().Get("code") == "" {
		t.Fatalf("sent to %s: %v", to, err)
	}
	return u.Query().Get("code")
}

func (d *desk) identify(t *testing.T, email string) (google.Identity, error) {
	t.Helper()
	return d.Identify(t.Context(), d.code(t, email, request()), request())
}

// reason is why an error refuses; empty when it does not.
func reason(err error) google.Reason {
	if r, ok := errors.AsType[*google.RefusedError](err); ok && errors.Is(err, google.ErrRefused) {
		return r.Reason
	}
	return ""
}

func wantReason(t *testing.T, err error, want google.Reason) {
	t.Helper()
	if reason(err) != want || errors.Is(err, google.ErrUnreachable) {
		t.Errorf("got %v, want refused: %s", err, want)
	}
}

func wantUnreachable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, google.ErrUnreachable) || errors.Is(err, google.ErrRefused) {
		t.Errorf("got %v, want unreachable", err)
	}
}

func wantCalls(t *testing.T, d *desk, endpoint string, want int) {
	t.Helper()
	if got := d.Calls(endpoint); got != want {
		t.Errorf("%d calls of %s, want %d", got, endpoint, want)
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not in a minute", what)
		}
	}
}
