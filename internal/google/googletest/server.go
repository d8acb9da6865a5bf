// Package googletest owns a stand-in for Google's sign-in: a strict OpenID issuer on
// loopback, with a page where one of its people is chosen. Tests run against it and so
// does the demonstration, so it knows nothing of package testing. It refuses what the
// standard forbids: a redirect that is not registered, a code used twice, a wrong or
// missing PKCE verifier. It is stricter than mockoidc, which does not compare the redirect
// when a code is exchanged. What a token says and how it is signed can be altered, and
// every endpoint broken, to see whether it is noticed.
//
// It leaves the meaning of an account to its callers.
package googletest

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Account is somebody who can sign in.
type Account struct {
	Subject  string // never changes
	Email    string
	Verified bool // the mail address
	Name     string
	Domain   string // of the company; empty for a private account
}

// Options configure a Server. ClientID, Secret and Redirects are needed.
type Options struct {
	Listen    string // a loopback address; "127.0.0.1:0" when empty
	ClientID  string
	Secret    string
	Redirects []string // addresses to which people are sent back, exactly
	Accounts  []Account
	Key       *rsa.PrivateKey // a new one when nil
	Now       func() time.Time
}

// codeLife is how long a code may be exchanged.
const codeLife = time.Minute

// Server is the issuer. Its methods may be called concurrently.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	done     chan error

	mu             sync.Mutex
	grants         map[string]*grant // by code
	key            *rsa.PrivateKey
	keyID          string
	rotations      int
	signing        Signing
	alter          func(claims map[string]any)
	alterDiscovery func(document map[string]any)
	broken         map[string]broken // by endpoint
	calls          map[string]int    // by endpoint
	refused        []string
}

// grant is what a person agreed to.
type grant struct {
	account   Account
	redirect  string
	nonce     string
	challenge string
	scope     string
	aged      bool      // the age of the login was limited: then the token says when it was
	login     time.Time // when the person proved who he is
	until     time.Time
	used      bool
}

// ErrOptions comes back for options that cannot work.
var ErrOptions = errors.New("not acceptable")

// Open starts an issuer.
func Open(ctx context.Context, o Options) (*Server, error) {
	if o.ClientID == "" || o.Secret == "" || o.Now == nil {
		return nil, fmt.Errorf("client and clock: %w", ErrOptions)
	}
	address := o.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("listen on %s: %w", address, ErrOptions)
	}
	key := o.Key
	if key == nil {
		var err error
		if key, err = newKey(); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, listener: l, done: make(chan error, 1), grants: map[string]*grant{},
		broken: map[string]broken{}, calls: map[string]int{},
	}
	s.Rotate(key)
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Close ends the issuer.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// URL is the issuer, as it stands in every token.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Alter changes what later tokens say; nil ends it.
func (s *Server) Alter(change func(claims map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alter = change
}

// Refused lists why requests were refused.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Discovery, s.may(Discovery, s.discovery))
	mux.HandleFunc("GET "+Keys, s.may(Keys, s.keys))
	mux.HandleFunc("GET /authorize", s.ask)
	mux.HandleFunc("POST /authorize", s.agree)
	mux.HandleFunc("POST "+Token, s.may(Token, s.token))
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *Server) refuse(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, why)
}

func (s *Server) account(email string) (Account, bool) {
	i := slices.IndexFunc(s.options.Accounts, func(a Account) bool { return a.Email == email })
	if i < 0 {
		return Account{}, false
	}
	return s.options.Accounts[i], true
}
