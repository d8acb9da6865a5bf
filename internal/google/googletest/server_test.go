package googletest_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/google/googletest"
)

const (
	redirect = "http://127.0.0.1:9/auth/google/callback"
	verifier = "a-verifier-that-is-long-enough-for-the-standard"
	work     = "anna@corp.example"
)

var noon = time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC)

// issuer is an open server with a clock that a test can move.
type issuer struct {
	*googletest.Server

	t   *testing.T
	now atomic.Int64
}

func open(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.now.Store(noon.Unix())
	var err error
	i.Server, err = googletest.Open(t.Context(), googletest.Options{
		ClientID: "client", Secret: "s3cret", Redirects: []string{redirect},
		Accounts: []googletest.Account{
			{Subject: "1", Email: work, Verified: true, Name: "Anna", Domain: "corp.example"},
			{Subject: "2", Email: "boris@gmail.example", Name: "Boris"},
		},
		Now: func() time.Time { return time.Unix(i.now.Load(), 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *issuer) get(path string) map[string]any {
	i.t.Helper()
	resp, err := http.Get(i.URL() + path)
	if err != nil {
		i.t.Fatal(err)
	}
	return read(i.t, resp)
}

func read(t *testing.T, resp *http.Response) map[string]any {
	t.Helper()
	defer resp.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// question is a good request for sign-in.
func (i *issuer) question() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {"client"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"st"}, "nonce": {"no"}, "code_challenge": {encode(sum[:])}, "code_challenge_method": {"S256"},
	}
}

func (i *issuer) code(email string) string {
	i.t.Helper()
	to, err := i.SignIn(i.t.Context(), i.URL()+"/authorize?"+i.question().Encode(), email)
	if err != nil {
		i.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, redirect+"?") || u.Query().Get("state") != "st" {
		i.t.Fatalf("sent to %s: %v", to, err)
	}
	return u.Query().Get("code")
}

func form(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
		"client_id": {"client"}, "client_secret": {"s3cret"},
	}
}

func plain(t *testing.T, part string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (i *issuer) exchange(f url.Values) (int, map[string]any) {
	i.t.Helper()
	resp, err := http.PostForm(i.URL()+"/token", f)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp.StatusCode, read(i.t, resp)
}

// claims checks the signature with the published key.
func (i *issuer) claims(token string) map[string]any {
	i.t.Helper()
	key, _ := i.get("/jwks")["keys"].([]any)[0].(map[string]any)
	number := func(name string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(key[name].(string))
		if err != nil {
			i.t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	parts := strings.Split(token, ".")
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	public := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
		i.t.Fatal(err)
	}
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	out := map[string]any{}
	if err := json.Unmarshal(body, &out); err != nil {
		i.t.Fatal(err)
	}
	return out
}

func TestSomebodySignsIn(t *testing.T) {
	t.Parallel()
	i := open(t)
	if d := i.get("/.well-known/openid-configuration"); d["issuer"] != i.URL() || d["token_endpoint"] != i.URL()+"/token" {
		t.Errorf("discovery %v", d)
	}
	for email, want := range map[string]map[string]any{
		work:                  {"sub": "1", "email": work, "email_verified": true, "name": "Anna", "hd": "corp.example"},
		"boris@gmail.example": {"sub": "2", "email": "boris@gmail.example", "email_verified": false, "name": "Boris"},
	} {
		status, answer := i.exchange(form(i.code(email)))
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		got := i.claims(answer["id_token"].(string))
		delete(got, "at_hash")
		want["iss"], want["aud"], want["azp"], want["nonce"] = i.URL(), "client", "client", "no"
		want["iat"], want["exp"] = float64(noon.Unix()), float64(noon.Add(time.Hour).Unix())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRequestsThatTheStandardForbidsAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(url.Values)
		want   string // error told to the client; empty: nobody is sent anywhere
	}{
		"another client":         {func(q url.Values) { q.Set("client_id", "x") }, ""},
		"another redirect":       {func(q url.Values) { q.Set("redirect_uri", redirect+"/") }, ""},
		"two redirects":          {func(q url.Values) { q.Add("redirect_uri", redirect) }, ""},
		"no code":                {func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
		"no openid":              {func(q url.Values) { q.Set("scope", "email") }, "invalid_scope"},
		"no state":               {func(q url.Values) { q.Del("state") }, "invalid_request"},
		"no nonce":               {func(q url.Values) { q.Del("nonce") }, "invalid_request"},
		"no challenge":           {func(q url.Values) { q.Del("code_challenge") }, "invalid_request"},
		"a challenge as it is":   {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"a strange age":          {func(q url.Values) { q.Set("max_age", "soon") }, "invalid_request"},
		"an age below zero":      {func(q url.Values) { q.Set("max_age", "-1") }, "invalid_request"},
		"a strange prompt":       {func(q url.Values) { q.Set("prompt", "select_account none") }, "invalid_request"},
		"the person cancels":     {func(url.Values) {}, "access_denied"},
		"nobody of that account": {func(url.Values) {}, "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := open(t)
			q := i.question()
			tt.change(q)
			email := work
			if tt.want == "access_denied" {
				email = strings.TrimPrefix(name, "the person cancels")
			}
			to, err := i.SignIn(context.WithoutCancel(t.Context()), i.URL()+"/authorize?"+q.Encode(), email)
			if tt.want == "" {
				if err == nil {
					t.Errorf("sent to %s", to)
				}
			} else if u, _ := url.Parse(to); err != nil || u.Query().Get("error") != tt.want || u.Query().Has("code") {
				t.Errorf("sent to %s: %v", to, err)
			}
			if len(i.Refused()) != 1 {
				t.Errorf("refusals %v", i.Refused())
			}
		})
	}
}

func TestCodesAreExchangedOnceByWhomTheyWereGivenTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*issuer, url.Values)
		want   string
	}{
		"another code":     {func(_ *issuer, f url.Values) { f.Set("code", "x") }, "invalid_grant"},
		"another redirect": {func(_ *issuer, f url.Values) { f.Set("redirect_uri", redirect+"?a=b") }, "invalid_grant"},
		"another verifier": {func(_ *issuer, f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) }, "invalid_grant"},
		"no verifier":      {func(_ *issuer, f url.Values) { f.Del("code_verifier") }, "invalid_grant"},
		"another secret":   {func(_ *issuer, f url.Values) { f.Set("client_secret", "x") }, "invalid_client"},
		"another client":   {func(_ *issuer, f url.Values) { f.Set("client_id", "x") }, "invalid_client"},
		"another grant":    {func(_ *issuer, f url.Values) { f.Set("grant_type", "password") }, "unsupported_grant_type"},
		"too late":         {func(i *issuer, _ url.Values) { i.now.Add(60) }, "invalid_grant"},
		"used before":      {func(i *issuer, f url.Values) { i.exchange(f) }, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := open(t)
			f := form(i.code(work))
			tt.change(i, f)
			if status, answer := i.exchange(f); status < 400 || answer["error"] != tt.want {
				t.Errorf("%d %v, want %s", status, answer, tt.want)
			}
		})
	}
}

func TestTokensSayWhatATestWants(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.Alter(func(c map[string]any) { c["nonce"] = "another" })
	_, answer := i.exchange(form(i.code(work)))
	if got := i.claims(answer["id_token"].(string))["nonce"]; got != "another" {
		t.Errorf("nonce %v", got)
	}
}
