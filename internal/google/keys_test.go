package google_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/google"
	"countersign/internal/google/googletest"
)

func TestO08TokensSignedOtherwiseAreRefused(t *testing.T) {
	t.Parallel()
	for how, want := range map[googletest.Signing]google.Reason{
		googletest.AnotherKey: google.ReasonSignature,
		googletest.UnknownKey: google.ReasonKey,
		googletest.NoKey:      google.ReasonKey,
		googletest.HS256:      google.ReasonAlgorithm,
		googletest.None:       google.ReasonToken, // its third part is empty
		googletest.TwoParts:   google.ReasonToken,
		googletest.FourParts:  google.ReasonToken,
		googletest.Padded:     google.ReasonToken,
		googletest.Critical:   google.ReasonToken,
	} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.Sign(how)
			_, err := d.identify(t, anna)
			wantReason(t, err, want)
			wantCalls(t, d, googletest.Token, 1)
			d.Sign(googletest.Proper)
			if _, err := d.identify(t, anna); err != nil {
				t.Error(err)
			}
		})
	}
}

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestO08TokensOfAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	rest := "." + part(`{}`) + "." + part("signature")
	for token, want := range map[string]google.Reason{
		"":                                    google.ReasonToken,
		"..":                                  google.ReasonToken,
		"a.b":                                 google.ReasonToken,
		part(`{"alg":"RS256"}`) + "==" + rest: google.ReasonToken,
		part(`{"alg":"RS256"`) + rest:         google.ReasonToken,
		part(`{"alg":"RS256"}`) + "\n" + rest: google.ReasonToken,
		"e31" + rest:                          google.ReasonToken, // {} in a second spelling
		part(`{"alg":"none","alg":"RS256"}`) + rest:           google.ReasonToken,
		part(`{"alg":"none","kid":"googletest-1"}`) + rest:    google.ReasonAlgorithm,
		part(`{"alg":"None","kid":"googletest-1"}`) + rest:    google.ReasonAlgorithm,
		part(`{"alg":"RS384","kid":"googletest-1"}`) + rest:   google.ReasonAlgorithm,
		part(`{"alg":"PS256","kid":"googletest-1"}`) + rest:   google.ReasonAlgorithm,
		part(`{"alg":["RS256"],"kid":"googletest-1"}`) + rest: google.ReasonToken,
		part(`{"ALG":"RS256","kid":"googletest-1"}`) + rest:   google.ReasonAlgorithm,
		part(`{"alg":"RS256","kid":"googletest-1"}`) + rest:   google.ReasonSignature,
		`{"payload":"e30","signatures":[]}`:                   google.ReasonToken,
	} {
		_, err := d.Open(t.Context(), d.URL()+"/jwks", token)
		wantReason(t, err, want)
	}
}

func TestANewKeyIsFoundAndAFloodOfUnknownOnesAsksSeldom(t *testing.T) {
	t.Parallel()
	d := open(t)
	signIn := func(want google.Reason) {
		t.Helper()
		if _, err := d.identify(t, anna); reason(err) != want || (want == "") != (err == nil) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	flood := func(want int) {
		t.Helper()
		d.Sign(googletest.UnknownKey)
		for range 20 {
			signIn(google.ReasonKey)
		}
		d.Sign(googletest.Proper)
		wantCalls(t, d, googletest.Keys, want)
	}
	signIn("")
	d.pass(time.Minute)
	d.Rotate(secondKey())
	signIn("") // the first look for a key does not wait
	wantCalls(t, d, googletest.Keys, 2)
	flood(2)
	d.pass(5*time.Minute - time.Second)
	flood(2)
	d.pass(time.Second)
	flood(3)
	d.Rotate(firstKey())
	signIn(google.ReasonKey) // too early
	d.pass(5 * time.Minute)
	signIn("")
	wantCalls(t, d, googletest.Keys, 4)
}

func TestAnUnknownKeyAtTheFirstSignInIsLookedForOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Sign(googletest.UnknownKey)
	_, err := d.identify(t, anna)
	wantReason(t, err, google.ReasonKey)
	wantCalls(t, d, googletest.Keys, 1)
}

func TestAKeyThatIsWithdrawnIsForgotten(t *testing.T) {
	t.Parallel()
	d := open(t)
	if _, err := d.identify(t, anna); err != nil {
		t.Fatal(err)
	}
	d.pass(6 * time.Hour)
	if _, err := d.identify(t, anna); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, d, googletest.Keys, 2)
	wantCalls(t, d, googletest.Discovery, 2)
}

func TestKeysThatCannotBeReadAreNoReasonToRefuse(t *testing.T) {
	t.Parallel()
	for _, fault := range []googletest.Fault{googletest.Status, googletest.HTML, googletest.Huge, googletest.Redirect} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.Break(googletest.Keys, fault)
			for range 3 {
				_, err := d.identify(t, anna)
				wantUnreachable(t, err)
			}
			wantCalls(t, d, googletest.Keys, 1)
			d.Break(googletest.Keys, googletest.Sound)
			d.pass(5 * time.Second)
			if _, err := d.identify(t, anna); err != nil {
				t.Error(err)
			}

			d.Break(googletest.Keys, fault) // now they are known: whoever has an old key comes in
			d.pass(7 * time.Hour)
			if _, err := d.identify(t, anna); err != nil {
				t.Error(err)
			}
			d.pass(time.Minute)
			d.Sign(googletest.UnknownKey) // and for a new key nobody can say
			_, err := d.identify(t, anna)
			wantUnreachable(t, err)
			d.Sign(googletest.Proper)
			d.pass(17 * time.Hour)
			_, err = d.identify(t, anna)
			wantUnreachable(t, err)
		})
	}
}

func TestOfPublishedKeysThoseThatSignForUsAreTaken(t *testing.T) {
	t.Parallel()
	n := base64.RawURLEncoding.EncodeToString(firstKey().N.Bytes())
	weak := base64.RawURLEncoding.EncodeToString(new(big.Int).Rsh(firstKey().N, 1024).Bytes())
	key := func(id, change string) string {
		fields := map[string]string{"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": n, "e": "AQAB"}
		if name, value, ok := strings.Cut(change, "="); ok {
			fields[name] = value
		}
		var list []string
		for name, value := range fields {
			if value != "" {
				list = append(list, fmt.Sprintf("%q:%q", name, value))
			}
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	for name, tt := range map[string]struct {
		keys []string
		want []string
	}{
		"one":             {[]string{key("a", "")}, []string{"a"}},
		"more":            {[]string{key("a", ""), key("b", ""), key("c", "")}, []string{"a", "b", "c"}},
		"for any use":     {[]string{key("a", "use="), key("b", "alg=")}, []string{"a", "b"}},
		"to encrypt":      {[]string{key("a", ""), key("b", "use=enc")}, []string{"a"}},
		"to sign so":      {[]string{key("a", ""), key("b", "alg=RS512")}, []string{"a"}},
		"no id":           {[]string{key("a", ""), key("", "")}, []string{"a"}},
		"weak":            {[]string{key("a", ""), key("b", "n="+weak)}, []string{"a"}},
		"heavy":           {[]string{key("a", ""), key("b", "n="+strings.Repeat("_", 1400))}, []string{"a"}},
		"no number":       {[]string{key("a", ""), key("b", "n=+/"), key("c", "n=")}, []string{"a"}},
		"exponent of one": {[]string{key("a", ""), key("b", "e=AQ"), key("c", "e=AQAAAAAAAAAB")}, []string{"a"}},
		"another kind":    {[]string{key("a", ""), `{"kty":"EC","crv":"P-256","kid":"b","x":"AA","y":"AA"}`}, []string{"a"}},
		"one id for two":  {[]string{key("a", ""), key("b", ""), key("b", ""), key("b", "")}, []string{"a"}},
		"none":            {nil, nil},
		"none of use":     {[]string{key("a", "use=enc")}, nil},
	} {
		got, err := google.KeyIDs([]byte(`{"keys":[` + strings.Join(tt.keys, ",") + `]}`))
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != (tt.want != nil) {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(part(`{"alg":"RS256","kid":"googletest-1"}`) + "." + part(`{}`) + "." + part("signature"))
	f.Add(part(`{"alg":"none"}`) + "." + part(`{}`) + ".")
	f.Add("a.b.c.d")
	issuer, err := googletest.Open(f.Context(), googletest.Options{ClientID: client, Secret: password, Key: firstKey(), Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { issuer.Close() })
	at := time.Unix(1781956800, 0)
	p := &google.Provider{Timeout: time.Minute, Now: func() time.Time { return at }}
	f.Fuzz(func(t *testing.T, token string) {
		if payload, err := p.Open(t.Context(), issuer.URL()+"/jwks", token); err == nil || !errors.Is(err, google.ErrRefused) {
			t.Errorf("%q: %s %v", token, payload, err)
		}
		if issuer.Calls(googletest.Keys) > 2 {
			t.Errorf("%d calls", issuer.Calls(googletest.Keys))
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"` + base64.RawURLEncoding.EncodeToString(firstKey().N.Bytes()) + `","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","kid":"b"}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if ids, err := google.KeyIDs(document); err == nil && (len(ids) == 0 || slices.Contains(ids, "")) {
			t.Errorf("%q", ids)
		}
	})
}
