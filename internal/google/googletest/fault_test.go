package googletest_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/google/googletest"
)

func TestEndpointsFailAsTold(t *testing.T) {
	t.Parallel()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, endpoint := range []string{googletest.Discovery, googletest.Keys, googletest.Token} {
		i := open(t)
		call := func(ctx context.Context) (int, string, int) {
			method := http.MethodGet
			if endpoint == googletest.Token {
				method = http.MethodPost
			}
			req, err := http.NewRequestWithContext(ctx, method, i.URL()+endpoint, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				return 0, "", 0
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
			return resp.StatusCode, kind, len(body)
		}
		sound, _, _ := call(t.Context())
		for fault, want := range map[googletest.Fault]int{
			googletest.Status: 500, googletest.HTML: 200, googletest.Huge: 200, googletest.Redirect: 307, googletest.Sound: sound,
		} {
			i.Break(endpoint, fault)
			status, kind, size := call(t.Context())
			if status != want || (size > 10<<20) != (fault == googletest.Huge) || (kind == "text/html" && status == 200) != (fault == googletest.HTML) {
				t.Errorf("%s %s: %d %s %d", endpoint, fault, status, kind, size)
			}
		}
		i.Break(endpoint, googletest.Hang)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan int, 1)
		go func() {
			status, _, _ := call(ctx)
			done <- status
		}()
		cancel()
		if status := <-done; status != 0 {
			t.Errorf("%s: %d although it hangs", endpoint, status)
		}
		before := i.Calls(endpoint)
		go func() {
			status, _, _ := call(t.Context())
			done <- status
		}()
		deadline := time.After(time.Minute)
		for i.Calls(endpoint) == before {
			select {
			case <-deadline:
				t.Fatal("no call in a minute")
			case status := <-done:
				t.Fatalf("%s: %d although it hangs", endpoint, status)
			case <-time.After(time.Millisecond):
			}
		}
		i.Break(endpoint, googletest.Sound)
		if status := <-done; status != sound {
			t.Errorf("%s: %d once it works again, want %d", endpoint, status, sound)
		}
	}
}

func TestTokensAreSignedAsTold(t *testing.T) {
	t.Parallel()
	i := open(t)
	for how, want := range map[googletest.Signing]struct {
		parts  int
		header string
	}{
		googletest.Proper: {3, `"alg":"RS256","kid":"googletest-1"`}, googletest.AnotherKey: {3, `"alg":"RS256","kid":"googletest-1"`},
		googletest.UnknownKey: {3, `"kid":"unknown-`}, googletest.NoKey: {3, `{"alg":"RS256","typ":"JWT"}`},
		googletest.HS256: {3, `"alg":"HS256"`}, googletest.None: {3, `"alg":"none"`}, googletest.TwoParts: {2, "RS256"},
		googletest.FourParts: {4, "RS256"}, googletest.Padded: {3, "RS256"}, googletest.Critical: {3, `"crit":["mystery"]`},
	} {
		i.Sign(how)
		_, answer := i.exchange(form(i.code(work)))
		token, _ := answer["id_token"].(string)
		head, rest, _ := strings.Cut(token, ".")
		if got := plain(t, head); strings.Count(rest, ".")+2 != want.parts || !strings.Contains(got, want.header) {
			t.Errorf("%s: %s %s", how, got, token)
		}
	}
	if i.TokenCalls() != 10 || i.Calls(googletest.Token) != 10 {
		t.Errorf("%d token calls", i.TokenCalls())
	}
}

func TestAKeyIsReplaced(t *testing.T) {
	t.Parallel()
	i := open(t)
	_, before := i.exchange(form(i.code(work)))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.Rotate(key)
	published, _ := i.get("/jwks")["keys"].([]any)[0].(map[string]any)
	_, after := i.exchange(form(i.code(work)))
	i.claims(after["id_token"].(string))
	head, _, _ := strings.Cut(after["id_token"].(string), ".")
	old, _, _ := strings.Cut(before["id_token"].(string), ".")
	if published["kid"] != "googletest-2" || !strings.Contains(plain(t, head), "googletest-2") || old == head {
		t.Errorf("published %v, used %s", published["kid"], plain(t, head))
	}
}

func TestTheTimeOfALoginIsToldToThoseWhoLimitItsAge(t *testing.T) {
	t.Parallel()
	i := open(t)
	q := i.question()
	q.Set("max_age", "60")
	q.Set("prompt", "login")
	to, err := i.SignIn(t.Context(), i.URL()+"/authorize?"+q.Encode(), work)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	i.now.Add(30)
	_, answer := i.exchange(form(u.Query().Get("code")))
	if at := i.claims(answer["id_token"].(string))["auth_time"]; at != float64(noon.Unix()) {
		t.Errorf("auth_time %v", at)
	}
}

func TestWhatTheIssuerSaysOfItselfCanBeAltered(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.AlterDiscovery(func(d map[string]any) { d["issuer"] = "another" })
	if got := i.get(googletest.Discovery)["issuer"]; got != "another" {
		t.Errorf("issuer %v", got)
	}
	i.AlterDiscovery(nil)
	if got := i.get(googletest.Discovery)["issuer"]; got != i.URL() {
		t.Errorf("issuer %v", got)
	}
}
