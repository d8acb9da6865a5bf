// Package trueconftest owns a stand-in for a TrueConf Server: the token endpoints of both
// families, the REST API of version 3 and of version 4, the media engine's page, and a web
// client of its own for guests. It keeps rooms, sessions, participants and users, which a
// test fills and looks into, and acts on what it is asked: it refuses tokens that are
// unknown or too old and calls that the client has no right to, gives lists page by page,
// and starts, stops and removes conferences. It can be told to fail at any call.
//
// It leaves the meaning of what it tells to its callers.
package trueconftest

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// The client that a server knows when nothing else is said.
const (
	ClientID     = "countersign"
	ClientSecret = "a-secret-of-the-stand-in"
)

// Options configure a Server. All may be left empty.
type Options struct {
	Domain       string // of the server; "srv.example" when empty
	Listen       string // "127.0.0.1:0" when empty
	ClientID     string
	ClientSecret string
	Scopes       []string      // what the client may; all that Scopes names when nil
	Token        string        // one more token, which never ends
	Life         time.Duration // of a token; an hour when zero
	Version      string        // "5.5.1.10009" when empty; below 5.5 there is no version 4
	Oldest       string        // the newest of the old family, as "v3.3"; "v3.11" when empty
	OldGrants    bool          // version 4 gives no token to a client; tokens of the old kind are good everywhere
	Page         int           // greatest number of entries on a page; as many as asked for when zero
	Frames       bool          // the web client is offered as a frame only, as by version 3.11
	NoWebClient  bool          // the licence has none
	TLS          bool          // with a certificate of its own
	Hosts        []string      // that the certificate is for; localhost and 127.0.0.1 when nil
	Until        time.Time     // when the certificate ends; in a year when zero
	Now          func() time.Time
}

// Scopes are the rights that a client needs for all that Countersign asks.
func Scopes() []string {
	return []string{"conferences", "users:read", "logs.calls:read", "logs.calls.participants:read"}
}

// Request is one that came in.
type Request struct {
	Method, Path, Query string // the path escaped
	Header              http.Header
	Body                string
}

// Server is a TrueConf Server. Its methods may be called concurrently.
type Server struct {
	o           Options
	listener    net.Listener
	http        *http.Server
	media       *httptest.Server
	done        chan error
	certificate []byte

	mu       sync.Mutex
	rooms    []*Conference
	past     []Conference
	users    []User
	tokens   map[string]grant
	seats    map[string]seat
	sessions int
	trouble  map[Endpoint][]Trouble
	calls    map[Endpoint]int
	requests []Request
}

// Open starts a server on loopback.
func Open(ctx context.Context, o Options) (*Server, error) {
	o.Domain = cmp.Or(o.Domain, "srv.example")
	o.ClientID, o.ClientSecret = cmp.Or(o.ClientID, ClientID), cmp.Or(o.ClientSecret, ClientSecret)
	o.Version, o.Oldest = cmp.Or(o.Version, "5.5.1.10009"), cmp.Or(o.Oldest, "v3.11")
	o.Life = cmp.Or(o.Life, time.Hour)
	if o.Scopes == nil {
		o.Scopes = Scopes()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hosts == nil {
		o.Hosts = []string{"localhost", "127.0.0.1"}
	}
	if !slices.Contains(old(), o.Oldest) {
		return nil, errors.New("trueconftest: no such version as " + o.Oldest)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	s := &Server{
		o: o, listener: l, done: make(chan error, 1), tokens: map[string]grant{}, seats: map[string]seat{},
		trouble: map[Endpoint][]Trouble{}, calls: map[Endpoint]int{},
	}
	if o.Token != "" {
		s.tokens[o.Token] = grant{old: true, new: true}
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	if o.TLS {
		pair, err := s.certify()
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
		s.http.ErrorLog = quiet()
	}
	media := http.NewServeMux()
	media.HandleFunc("GET /vsstatus", s.at(Engine, s.engine))
	s.media = httptest.NewServer(s.noted(media))
	go func() {
		s.done <- s.http.Serve(l)
		close(s.done)
	}()
	return s, nil
}

// Close ends the server.
func (s *Server) Close() error {
	s.CloseEngine()
	err := s.http.Close()
	if served, first := <-s.done; first && !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// URL is where it listens.
func (s *Server) URL() string {
	if s.o.TLS {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// Engine is where the media engine listens.
func (s *Server) Engine() string { return s.media.Listener.Addr().String() }

// CloseEngine ends the media engine alone.
func (s *Server) CloseEngine() {
	s.media.CloseClientConnections()
	s.media.Close()
}

// Certificate is that of the server, in PEM form.
func (s *Server) Certificate() []byte { return s.certificate }

// Requests lists what came in, the oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) certify() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	const year = 365 * 24 * time.Hour
	until := s.o.Until
	if until.IsZero() {
		until = s.o.Now().Add(year)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: s.o.Domain}, NotBefore: until.Add(-2 * year), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, host := range s.o.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
			continue
		}
		c.DNSNames = append(c.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	s.certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
