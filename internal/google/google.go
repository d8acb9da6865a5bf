// Package google owns signing in with an account that somebody else vouches for: Google's,
// or that of any other OpenID issuer, such as Keycloak, Entra or Dex. It finds the issuer's
// endpoints and keys, makes the address to which a browser is sent, exchanges the code that
// comes back, and checks every word of the ID token.
//
// It leaves attempts, states, cookies and people to package link. Who signs in with an
// account is settled here; whether he may act as somebody is not.
package google

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"countersign/internal/secret"
)

// Issuer is Google itself. Tokens that name it without the scheme are refused.
const Issuer = "https://accounts.google.com"

const (
	ownTimeout = 10 * time.Second
	mostCode   = 4 << 10 // bytes; no code is as long as that
)

// Provider is one issuer with which people sign in. It is used as a literal, by pointer,
// and its methods may be called concurrently; the fields do not change afterwards. Nobody
// is called before the first sign-in.
type Provider struct {
	// Name is a part of addresses: small letters, digits and hyphens, 32 at most.
	Name string
	// Title is what a button says.
	Title string
	// Issuer is compared with what the issuer says of itself and with every token, letter
	// by letter. An issuer that serves many tenants under one name is not supported.
	Issuer string
	// ClientID and Secret are what the issuer gave the operator.
	ClientID string
	Secret   secret.Text
	// Redirect is where the issuer sends people back, as registered there.
	Redirect string
	// Domains are those whose people may sign in; none means all. That is safe as far as a
	// first sign-in is matched with the address in a person's record, and only so.
	Domains []string
	// HostedDomainClaim says that the domain is the one that stands in the claim hd, as at
	// Google. Elsewhere it is that of the mail address.
	HostedDomainClaim bool
	// TrustEmail takes the address of an issuer that does not say whether it is verified,
	// such as Entra. Set it only where nobody can choose his own address.
	TrustEmail bool
	// Proxy is on the way to the issuer; none when nil, also not that of the environment.
	Proxy *url.URL
	// Roots are trusted instead of the system's, for an issuer with a private authority.
	Roots *x509.CertPool
	// Timeout bounds SignIn and Identify, each as a whole; 10 s when zero.
	Timeout time.Duration
	// Now is the clock.
	Now func() time.Time

	known shelf[metadata]
	keys  shelf[keySet]
	wire  sync.Once
	http  *http.Client
}

// Request is one attempt to sign in. Identify needs it as it was given to SignIn. The
// three texts are random, and new for every attempt.
type Request struct {
	State    string
	Nonce    string
	Verifier string // of PKCE: 43 to 128 letters, digits and -._~
	// MaxAge asks for a login that is not older; zero takes any. An issuer that does not
	// say when somebody logged in cannot be asked: the token is refused.
	MaxAge time.Duration
	// LoginHint is the address that the issuer may offer first.
	LoginHint string
}

// Identity is an account, proven. Its key is the issuer with the subject; the address is
// for the first match with a person and for display.
type Identity struct {
	Issuer       string
	Subject      string
	Email        string // in small letters
	HostedDomain string // in small letters; empty for a private account and outside Google
	IssuedAt     time.Time
	AuthTime     time.Time // zero when the issuer does not say
}

// ErrRequest comes back for a request that no sign-in may be made of.
var ErrRequest = errors.New("the request needs state, nonce, a verifier of 43 to 128 unreserved characters, and no age below zero")

// SignIn gives the address to which the browser is sent.
func (p *Provider) SignIn(ctx context.Context, r Request) (string, error) {
	if err := p.ready(r); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, ownTimeout))
	defer cancel()
	m, err := p.metadata(ctx)
	if err != nil {
		return "", p.named(err)
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.Verifier), oauth2.SetAuthURLParam("nonce", r.Nonce)}
	for name, value := range p.wishes(r) {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return p.config(m).AuthCodeURL(r.State, options...), nil
}

// wishes are hints. An issuer may ignore each, so what they ask for is checked in the token.
func (p *Provider) wishes(r Request) map[string]string {
	w := map[string]string{"prompt": "select_account"} // never silently with whatever account is there
	if r.MaxAge > 0 {
		w["prompt"] = "login"
		w["max_age"] = strconv.Itoa(max(1, int(r.MaxAge/time.Second)))
		w["claims"] = `{"id_token":{"auth_time":{"essential":true}}}` // Google tells it only then
	}
	if r.LoginHint != "" {
		w["login_hint"] = r.LoginHint
	}
	if p.HostedDomainClaim && len(p.Domains) > 0 {
		w["hd"] = "*" // any company's
		if len(p.Domains) == 1 {
			w["hd"] = p.Domains[0]
		}
	}
	return w
}

// Identify exchanges a code, in one call that is never repeated, and checks what comes
// back. The error is [ErrUnreachable], or [ErrRefused] with the reason in a [RefusedError].
func (p *Provider) Identify(ctx context.Context, code string, r Request) (Identity, error) {
	if err := p.ready(r); err != nil {
		return Identity{}, err
	}
	if code == "" || len(code) >= mostCode || !isPrintable(code) {
		return Identity{}, p.named(refused(ReasonCode))
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, ownTimeout))
	defer cancel()
	m, err := p.metadata(ctx)
	if err != nil {
		return Identity{}, p.named(err)
	}
	raw, err := p.exchange(ctx, m, code, r.Verifier)
	if err != nil {
		return Identity{}, p.named(err)
	}
	payload, err := p.open(ctx, m, raw)
	if err != nil {
		return Identity{}, p.named(err)
	}
	id, err := p.judge(payload, r)
	if err != nil {
		return Identity{}, p.named(err)
	}
	return id, nil
}

// exchange gives the ID token for a code.
func (p *Provider) exchange(ctx context.Context, m *metadata, code, verifier string) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client())
	token, err := p.config(m).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", refused(ReasonAnswer)
	}
	return raw, nil
}

func (p *Provider) config(m *metadata) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.Secret.Reveal(), RedirectURL: p.Redirect,
		Scopes:   []string{"openid", "email"},
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, AuthStyle: m.style()},
	}
}

func (p *Provider) named(err error) error { return fmt.Errorf("sign in with %s: %w", p.Name, err) }

func (p *Provider) ready(r Request) error {
	if err := p.Check(); err != nil {
		return err
	}
	const shortest, longest = 43, 128
	n := len(r.Verifier)
	if r.State == "" || r.Nonce == "" || r.MaxAge < 0 || n < shortest || n > longest || strings.Trim(r.Verifier, unreserved) != "" {
		return p.named(ErrRequest)
	}
	return nil
}

const (
	letters    = "abcdefghijklmnopqrstuvwxyz"
	digits     = "0123456789"
	unreserved = letters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits + "-._~"
)

// Check says everything that is wrong with the fields. It calls nobody.
func (p *Provider) Check() error {
	const longName = 32
	var wrong []error
	must := func(fine bool, what string) {
		if !fine {
			wrong = append(wrong, fmt.Errorf("provider %q: %s", p.Name, what))
		}
	}
	must(p.Name != "" && len(p.Name) <= longName && strings.Trim(p.Name, letters+digits+"-") == "",
		"the name must be 1 to 32 small letters, digits and hyphens")
	must(isAddress(p.Issuer) && !strings.Contains(p.Issuer, "?"),
		"the issuer must be an https address without query and fragment (http is for loopback only)")
	must(p.ClientID != "" && isPrintable(p.ClientID), "there must be a client id, without blanks around it")
	must(p.Secret != "", "there must be a client secret")
	must(isAddress(p.Redirect), "the redirect must be an https address (http is for loopback only)")
	for _, d := range p.Domains {
		must(isDomain(d), fmt.Sprintf("%q is not a domain", d))
	}
	must(p.Proxy == nil || p.Proxy.Host != "", "the proxy has no host")
	must(p.Now != nil, "there must be a clock")
	return errors.Join(wrong...)
}
