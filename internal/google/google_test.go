package google_test

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"countersign/internal/google"
	"countersign/internal/google/googletest"
)

func TestSomebodySignsIn(t *testing.T) {
	t.Parallel()
	d := open(t)
	want := google.Identity{
		Issuer: d.URL(), Subject: "117", Email: "anna@corp.example", HostedDomain: "corp.example", IssuedAt: d.Now(),
	}
	for range 3 {
		got, err := d.identify(t, anna)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	wantCalls(t, d, googletest.Discovery, 1)
	wantCalls(t, d, googletest.Keys, 1)
	wantCalls(t, d, googletest.Token, 3)
	if len(d.Refused()) > 0 {
		t.Errorf("refusals %v", d.Refused())
	}
}

func TestNobodyIsCalledBeforeTheFirstSignIn(t *testing.T) {
	t.Parallel()
	d := open(t)
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	wantCalls(t, d, googletest.Discovery, 0)
}

func TestTheBrowserIsSentWithEverythingThatIsAskedFor(t *testing.T) {
	t.Parallel()
	basic := url.Values{
		"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"a-state"}, "nonce": {nonce}, "prompt": {"select_account"}, "hd": {"Corp.example"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	for name, tt := range map[string]struct {
		change func(*google.Provider, *google.Request)
		want   map[string]string // beyond the basic ones; "" when it must not be there
	}{
		"as usual":        {func(*google.Provider, *google.Request) {}, nil},
		"two domains":     {func(p *google.Provider, _ *google.Request) { p.Domains = []string{"a.example", "b.example"} }, map[string]string{"hd": "*"}},
		"any domain":      {func(p *google.Provider, _ *google.Request) { p.Domains = nil }, map[string]string{"hd": ""}},
		"not Google":      {func(p *google.Provider, _ *google.Request) { p.HostedDomainClaim = false }, map[string]string{"hd": ""}},
		"a hint":          {func(_ *google.Provider, r *google.Request) { r.LoginHint = "a&b=c@d" }, map[string]string{"login_hint": "a&b=c@d"}},
		"a fresh login":   {func(_ *google.Provider, r *google.Request) { r.MaxAge = 5 * time.Minute }, map[string]string{"prompt": "login", "max_age": "300", "claims": `{"id_token":{"auth_time":{"essential":true}}}`}},
		"the very newest": {func(_ *google.Provider, r *google.Request) { r.MaxAge = time.Millisecond }, map[string]string{"prompt": "login", "max_age": "1", "claims": `{"id_token":{"auth_time":{"essential":true}}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, r := open(t), request()
			tt.change(d.Provider, &r)
			got, err := d.Provider.SignIn(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(basic)
			for k, v := range tt.want {
				want[k] = []string{v}
				if v == "" {
					delete(want, k)
				}
			}
			at, query, _ := strings.Cut(got, "?")
			values, err := url.ParseQuery(query)
			if diff := cmp.Diff(want, values); err != nil || at != d.URL()+"/authorize" || diff != "" {
				t.Errorf("%s %v\n%s", at, err, diff)
			}
		})
	}
}

func TestO05CodesThatAreNoneCostNoCall(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, code := range []string{"", strings.Repeat("x", 4<<10), "a\nb", "a\x00", "ä", " a"} {
		_, err := d.Identify(t.Context(), code, request())
		wantReason(t, err, google.ReasonCode)
	}
	if d.TokenCalls() != 0 || d.Calls(googletest.Discovery) != 0 {
		t.Errorf("%d token calls", d.TokenCalls())
	}
}

func TestO05ACodeWorksOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	code := d.code(t, anna, request())
	if _, err := d.Identify(t.Context(), code, request()); err != nil {
		t.Fatal(err)
	}
	_, err := d.Identify(t.Context(), code, request())
	wantReason(t, err, google.ReasonCode)
	wantCalls(t, d, googletest.Token, 2)
}

func TestO22AStolenCodeIsWorthNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	code, other := d.code(t, anna, request()), request()
	other.Verifier = strings.Repeat("v", 43)
	_, err := d.Identify(t.Context(), code, other)
	wantReason(t, err, google.ReasonCode)
	_, err = d.Identify(t.Context(), code, request()) // the attempt is dead for its owner too
	wantReason(t, err, google.ReasonCode)
}

func TestTheIssuerChecksTheRedirectAndTheClientToo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*google.Provider)
		want   google.Reason
	}{
		"another redirect": {func(p *google.Provider) { p.Redirect += "/other" }, google.ReasonCode},
		"another secret":   {func(p *google.Provider) { p.Secret = "guess" }, google.ReasonClient},
		"another client":   {func(p *google.Provider) { p.ClientID = "somebody" }, google.ReasonClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			code := d.code(t, anna, request())
			tt.change(d.Provider)
			_, err := d.Identify(t.Context(), code, request())
			wantReason(t, err, tt.want)
			wantCalls(t, d, googletest.Token, 1)
		})
	}
}

func TestTheSecretGoesTheWayThatTheIssuerNames(t *testing.T) {
	t.Parallel()
	for name, methods := range map[string]any{
		"form": []string{"client_secret_post"}, "header": []string{"client_secret_basic"}, "nothing said": nil,
		"both": []string{"private_key_jwt", "client_secret_basic", "client_secret_post"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.AlterDiscovery(func(m map[string]any) {
				m["token_endpoint_auth_methods_supported"] = methods
				if methods == nil {
					delete(m, "token_endpoint_auth_methods_supported")
				}
			})
			if _, err := d.identify(t, anna); err != nil {
				t.Error(err)
			}
			wantCalls(t, d, googletest.Token, 1)
		})
	}
}

func TestRequestsThatLackSomethingAreNotMade(t *testing.T) {
	t.Parallel()
	d := open(t)
	for name, change := range map[string]func(*google.Request){
		"no state":         func(r *google.Request) { r.State = "" },
		"no nonce":         func(r *google.Request) { r.Nonce = "" },
		"no verifier":      func(r *google.Request) { r.Verifier = "" },
		"a short verifier": func(r *google.Request) { r.Verifier = verifier[:42] },
		"a long verifier":  func(r *google.Request) { r.Verifier = strings.Repeat("v", 129) },
		"an odd verifier":  func(r *google.Request) { r.Verifier += "+" },
		"an age below 0":   func(r *google.Request) { r.MaxAge = -time.Second },
	} {
		r := request()
		change(&r)
		if _, err := d.Provider.SignIn(t.Context(), r); !errors.Is(err, google.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.Identify(t.Context(), "code", r); !errors.Is(err, google.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCalls(t, d, googletest.Discovery, 0)
}

func TestEveryMistakeInTheFieldsIsNamed(t *testing.T) {
	t.Parallel()
	fine := func() *google.Provider {
		return &google.Provider{
			Name: "keycloak-2", Issuer: "https://id.corp.example/realms/x", ClientID: "c", Secret: "s",
			Redirect: "https://gw.corp.example/cb", Domains: []string{"corp.example"}, Now: time.Now,
		}
	}
	if err := fine().Check(); err != nil {
		t.Error(err)
	}
	for name, tt := range map[string]struct {
		change func(*google.Provider)
		want   string
	}{
		"no name":              {func(p *google.Provider) { p.Name = "" }, "name"},
		"a name in capitals":   {func(p *google.Provider) { p.Name = "Google" }, "name"},
		"a long name":          {func(p *google.Provider) { p.Name = strings.Repeat("a", 33) }, "name"},
		"no issuer":            {func(p *google.Provider) { p.Issuer = "" }, "issuer"},
		"a bare issuer":        {func(p *google.Provider) { p.Issuer = "accounts.google.com" }, "issuer"},
		"an issuer over http":  {func(p *google.Provider) { p.Issuer = "http://accounts.google.com" }, "issuer"},
		"almost loopback":      {func(p *google.Provider) { p.Issuer = "http://127.0.0.1.example" }, "issuer"},
		"an issuer with query": {func(p *google.Provider) { p.Issuer += "?a=b" }, "issuer"},
		"an issuer with place": {func(p *google.Provider) { p.Issuer += "#a" }, "issuer"},
		"an issuer with user":  {func(p *google.Provider) { p.Issuer = "https://a:b@id.example" }, "issuer"},
		"no client":            {func(p *google.Provider) { p.ClientID = "" }, "client id"},
		"a client with blank":  {func(p *google.Provider) { p.ClientID = "c " }, "client id"},
		"no secret":            {func(p *google.Provider) { p.Secret = "" }, "client secret"},
		"a relative redirect":  {func(p *google.Provider) { p.Redirect = "/cb" }, "redirect"},
		"a domain with at":     {func(p *google.Provider) { p.Domains = []string{"@corp.example"} }, "domain"},
		"an empty domain":      {func(p *google.Provider) { p.Domains = []string{""} }, "domain"},
		"a disguised domain":   {func(p *google.Provider) { p.Domains = []string{"\u212aorp.example"} }, "domain"},
		"a proxy to nowhere":   {func(p *google.Provider) { p.Proxy = &url.URL{Scheme: "http"} }, "proxy"},
		"no clock":             {func(p *google.Provider) { p.Now = nil }, "clock"},
	} {
		p := fine()
		tt.change(p)
		if err := p.Check(); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := p.SignIn(t.Context(), request()); err == nil {
			t.Errorf("%s: signs in", name)
		}
	}
	if err := (&google.Provider{}).Check(); strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("of nothing: %v", err)
	}
}
