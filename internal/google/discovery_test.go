package google_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/google"
	"countersign/internal/google/googletest"
)

func TestO07ATokenEndpointThatFailsIsCalledOnce(t *testing.T) {
	t.Parallel()
	for fault, words := range map[googletest.Fault]string{
		googletest.Status: "answers 500", googletest.Hang: "deadline", googletest.HTML: "without JSON",
		googletest.Huge: "too large", googletest.Redirect: "elsewhere",
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			d := open(t)
			if fault == googletest.Hang {
				d.Timeout = time.Second
			}
			code := d.code(t, anna, request())
			d.Break(googletest.Token, fault)
			_, err := d.Identify(t.Context(), code, request())
			wantUnreachable(t, err)
			slow := errors.Is(err, context.DeadlineExceeded)
			if slow != (fault == googletest.Hang) || !strings.Contains(err.Error(), words) {
				t.Errorf("got %v, want %s", err, words)
			}
			wantCalls(t, d, googletest.Token, 1)
			d.Break(googletest.Token, googletest.Sound)
			d.Timeout = time.Minute
			if _, err := d.identify(t, anna); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestO07WhoGivesUpIsNotKept(t *testing.T) {
	t.Parallel()
	d := open(t)
	code := d.code(t, anna, request())
	d.Break(googletest.Token, googletest.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := d.Identify(ctx, code, request())
		done <- err
	}()
	eventually(t, "a token call", func() bool { return d.TokenCalls() == 1 })
	cancel()
	err := <-done
	wantUnreachable(t, err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnIssuerThatCannotBeUsedIsAskedAgainSoonButNotAtOnce(t *testing.T) {
	t.Parallel()
	wrong := func(name string, value any) func(*desk) {
		return func(d *desk) { d.AlterDiscovery(set(name, value)) }
	}
	broken := func(f googletest.Fault) func(*desk) {
		return func(d *desk) { d.Break(googletest.Discovery, f) }
	}
	for name, change := range map[string]func(*desk){
		"500":             broken(googletest.Status),
		"a page":          broken(googletest.HTML),
		"10 MB":           broken(googletest.Huge),
		"a redirect":      broken(googletest.Redirect),
		"another issuer":  wrong("issuer", "https://accounts.google.com"),
		"a slash more":    func(d *desk) { d.AlterDiscovery(set("issuer", d.URL()+"/")) },
		"no issuer":       wrong("issuer", nil),
		"no page":         wrong("authorization_endpoint", nil),
		"no tokens":       wrong("token_endpoint", nil),
		"tokens over air": wrong("token_endpoint", "http://oauth2.example/token"),
		"keys over air":   wrong("jwks_uri", "http://oauth2.example/keys"),
		"a page of files": wrong("authorization_endpoint", "file:///etc/passwd"),
		"a page of ours":  wrong("authorization_endpoint", "/authorize"),
		"a page of users": wrong("authorization_endpoint", "https://a:b@id.example/"),
		"a script":        wrong("authorization_endpoint", "javascript:alert(1)"),
		"keys in a list":  wrong("jwks_uri", []string{"https://id.example"}),
		"no secret taken": wrong("token_endpoint_auth_methods_supported", []string{"private_key_jwt", "none"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			change(d)
			for range 3 {
				_, err := d.Provider.SignIn(t.Context(), request())
				wantUnreachable(t, err)
				_, err = d.Identify(t.Context(), "code", request())
				wantUnreachable(t, err)
			}
			wantCalls(t, d, googletest.Discovery, 1)
			d.AlterDiscovery(nil)
			d.Break(googletest.Discovery, googletest.Sound)
			d.pass(4 * time.Second)
			_, err := d.Provider.SignIn(t.Context(), request())
			wantUnreachable(t, err)
			wantCalls(t, d, googletest.Discovery, 1)
			d.pass(time.Second)
			if _, err := d.identify(t, anna); err != nil {
				t.Error(err)
			}
			wantCalls(t, d, googletest.Discovery, 2)
			wantCalls(t, d, googletest.Token, 1)
		})
	}
}

func TestWhatAnIssuerSaidServesForADayWhenItSaysNoMore(t *testing.T) {
	t.Parallel()
	d := open(t)
	ask := func() error {
		_, err := d.Provider.SignIn(t.Context(), request())
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	d.Break(googletest.Discovery, googletest.HTML)
	d.pass(6*time.Hour - time.Second)
	if err := ask(); err != nil {
		t.Error(err)
	}
	wantCalls(t, d, googletest.Discovery, 1)
	d.pass(time.Second)
	for range 3 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	wantCalls(t, d, googletest.Discovery, 2)
	d.pass(18 * time.Hour)
	wantUnreachable(t, ask())
	d.Break(googletest.Discovery, googletest.Sound)
	d.pass(5 * time.Second)
	if err := ask(); err != nil {
		t.Error(err)
	}
}

func TestManyAtOnceAskOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Break(googletest.Discovery, googletest.Hang)
	const many = 32
	var failed atomic.Int32
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			if _, err := d.Provider.SignIn(t.Context(), request()); err != nil {
				failed.Add(1)
			}
		})
	}
	eventually(t, "a call", func() bool { return d.Calls(googletest.Discovery) > 0 })
	d.Break(googletest.Discovery, googletest.Sound)
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d failed", failed.Load())
	}
	wantCalls(t, d, googletest.Discovery, 1)

	codes := make([]string, many)
	for i := range codes {
		codes[i] = d.code(t, anna, request())
	}
	for _, code := range codes {
		wg.Go(func() {
			if _, err := d.Identify(t.Context(), code, request()); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d failed", failed.Load())
	}
	wantCalls(t, d, googletest.Keys, 1)
	wantCalls(t, d, googletest.Token, many)
}

func TestWhoGivesUpDoesNotSpoilItForOthers(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Break(googletest.Discovery, googletest.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	ask := func(ctx context.Context, done chan<- error) {
		_, err := d.Provider.SignIn(ctx, request())
		done <- err
	}
	go ask(ctx, first)
	eventually(t, "a call", func() bool { return d.Calls(googletest.Discovery) > 0 })
	go ask(t.Context(), second)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || !errors.Is(err, google.ErrUnreachable) {
		t.Errorf("the first: %v", err)
	}
	d.Break(googletest.Discovery, googletest.Sound)
	if err := <-second; err != nil {
		t.Errorf("the second: %v", err)
	}
	wantCalls(t, d, googletest.Discovery, 1)
}

func TestAnIssuerThatHangsEndsInTime(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Timeout = time.Millisecond
	d.Break(googletest.Discovery, googletest.Hang)
	_, err := d.Provider.SignIn(t.Context(), request())
	wantUnreachable(t, err)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// overTLS is an issuer that says what it is told to say.
func overTLS(t *testing.T, config *tls.Config, document func(issuer string) string) *google.Provider {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewUnstartedServer(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, document(s.URL))
	})
	s.TLS = config
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &google.Provider{
		Name: "keycloak", Issuer: s.URL, ClientID: client, Secret: password, Redirect: redirect, Roots: roots, Now: time.Now,
	}
}

func document(issuer string) string {
	return fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q}`,
		issuer, issuer+"/authorize?tenant=a", issuer+"/token", issuer+"/jwks")
}

func TestIssuersAreReachedOverTLSOnly(t *testing.T) {
	t.Parallel()
	address, err := overTLS(t, nil, document).SignIn(t.Context(), request())
	if err != nil || !strings.HasPrefix(address, "https://127.0.0.1:") || !strings.Contains(address, "/authorize?tenant=a&") {
		t.Errorf("%s: %v", address, err)
	}

	stranger := overTLS(t, nil, document)
	stranger.Roots = nil
	_, err = stranger.SignIn(t.Context(), request())
	wantUnreachable(t, err)
	if !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}

	_, err = overTLS(t, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, document).SignIn(t.Context(), request())
	wantUnreachable(t, err)

	for name, odd := range map[string]func(string) string{
		"http on loopback":  func(s string) string { return strings.Replace(document(s), `t":"https:`, `t":"http:`, 1) },
		"an issuer twice":   func(s string) string { return strings.Replace(document(s), `{`, `{"issuer":"x",`, 1) },
		"two documents":     func(s string) string { return document(s) + `{}` },
		"an odd letter":     func(s string) string { return strings.Replace(document(s), `issuer`, `Issuer`, 1) },
		"nothing":           func(string) string { return "" },
		"half a document":   func(s string) string { return document(s)[:100] },
		"a list of nothing": func(string) string { return "[]" },
	} {
		_, err := overTLS(t, nil, odd).SignIn(t.Context(), request())
		if wantUnreachable(t, err); err == nil {
			t.Error(name)
		}
	}
}

func TestTheProxyIsTheOneThatIsGiven(t *testing.T) {
	t.Parallel()
	d := open(t)
	var seen atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		w.WriteHeader(http.StatusBadGateway)
		if !strings.HasPrefix(r.RequestURI, d.URL()) {
			t.Errorf("asked for %s", r.RequestURI)
		}
	}))
	t.Cleanup(proxy.Close)
	var err error
	if d.Proxy, err = url.Parse(proxy.URL); err != nil {
		t.Fatal(err)
	}
	_, err = d.Provider.SignIn(t.Context(), request())
	wantUnreachable(t, err)
	if seen.Load() != 1 || d.Calls(googletest.Discovery) != 0 {
		t.Errorf("the proxy saw %d, the issuer %d", seen.Load(), d.Calls(googletest.Discovery))
	}
}
