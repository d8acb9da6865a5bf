// Package asterisktest owns a stand-in for an Asterisk behind its manager interface: logins
// with rights, calls to telephones that do what their numbers say, rooms with who is in them,
// and the dialplan of deploy/asterisk. It refuses what the real one refuses, reads variables
// as that one does, and has its traps: a second call with the same id comes to nothing, and a
// kick may say that it was done and do nothing. It can be told to fail at any action, and to
// be started anew, which loses all calls.
//
// It leaves the meaning of what it tells to its callers.
package asterisktest

import (
	"bufio"
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
	"maps"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"
)

// The user that a server knows when nothing else is said.
const (
	User   = "countersign"
	Secret = "a-secret-of-the-stand-in"
)

// Options configure a Server. All may be left empty.
type Options struct {
	Listen   string // "127.0.0.1:0" when empty
	User     string
	Secret   string
	Read     []string // classes of events that the user hears; as deploy/asterisk/manager.conf when nil
	Write    []string // classes of actions that he may ask for; likewise
	Version  string
	Starting <-chan struct{} // until it is closed it has not started; nil: it has
	Without  string          // a context, or an extension, that its dialplan lacks
	TLS      bool            // with a certificate of its own, for 127.0.0.1
	Until    time.Time       // the end of that certificate; in a year when zero
	Now      func() time.Time

	Trunk     string   // how its line to the network is; NOT_INUSE when empty
	NoModules []string // that are not loaded, as app_confbridge
	NoPrompts []string // that are missing, as de/conf-locked

	Outgoing string // the folder that it takes call files from; empty: none
}

// Server is an Asterisk. Its methods may be called concurrently.
type Server struct {
	o           Options
	trust       *tls.Config
	certificate []byte
	at          string

	mu       sync.Mutex
	listener net.Listener // nil: stopped
	sessions map[*session]bool
	all      sync.WaitGroup
	phones   map[string]Phone
	calls    []*Call // those that are up
	rooms    []*room
	channels int
	trouble  map[string][]Trouble
	count    map[string]int
	actions  []map[string][]string
	logins   int
}

// Open starts a server on loopback.
func Open(ctx context.Context, o Options) (*Server, error) {
	o.User, o.Secret = cmp.Or(o.User, User), cmp.Or(o.Secret, Secret)
	o.Listen, o.Version = cmp.Or(o.Listen, "127.0.0.1:0"), cmp.Or(o.Version, "16.28.0~dfsg-0+deb11u4")
	if o.Read == nil {
		o.Read = []string{"call", "system", "user"}
	}
	if o.Write == nil {
		o.Write = []string{"originate", "call", "reporting"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	const year = 365 * 24 * time.Hour
	if o.Until.IsZero() {
		o.Until = o.Now().Add(year)
	}
	o.Trunk = cmp.Or(o.Trunk, "NOT_INUSE")
	s := &Server{
		o: o, sessions: map[*session]bool{}, phones: map[string]Phone{},
		trouble: map[string][]Trouble{}, count: map[string]int{},
	}
	if o.TLS {
		if err := s.certify(); err != nil {
			return nil, err
		}
	}
	if err := s.listen(ctx, o.Listen); err != nil {
		return nil, err
	}
	s.at = s.listener.Addr().String()
	return s, nil
}

func (s *Server) listen(ctx context.Context, at string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return err
	}
	if s.trust != nil {
		l = tls.NewListener(l, s.trust)
	}
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	if s.o.Outgoing != "" {
		s.all.Go(func() { s.spool(l) })
	}
	s.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	})
	return nil
}

// serve has a session of its own for each connection.
func (s *Server) serve(conn net.Conn) {
	n := &session{s: s, conn: conn, r: bufio.NewReaderSize(conn, mostLine+len("\r\n")), ready: make(chan struct{}, 1), over: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		_ = conn.Close()
		return
	}
	s.sessions[n] = true
	s.all.Go(n.run)
	s.all.Go(n.write)
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.at }

// Certificate is that of the server, in PEM form.
func (s *Server) Certificate() []byte { return s.certificate }

// Stop ends the server as a power cut does: calls, rooms and connections are gone.
func (s *Server) Stop() error {
	s.mu.Lock()
	var err error
	if s.listener != nil {
		err = s.listener.Close()
		s.listener = nil
	}
	for _, c := range s.calls {
		c.stop()
	}
	s.calls, s.rooms = nil, nil
	all := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, n := range all {
		n.end()
	}
	s.all.Wait()
	return err
}

// Start has it listen again where it did.
func (s *Server) Start(ctx context.Context) error { return s.listen(ctx, s.at) }

// Restart is a Stop and a Start.
func (s *Server) Restart(ctx context.Context) error {
	return errors.Join(s.Stop(), s.Start(ctx))
}

// Close ends the server. It may be called twice.
func (s *Server) Close() error { return s.Stop() }

// Drop cuts all connections; calls go on.
func (s *Server) Drop() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, n := range all {
		n.end()
	}
}

func (s *Server) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	const year = 365 * 24 * time.Hour
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "asterisk.example"}, NotBefore: s.o.Until.Add(-year - year), NotAfter: s.o.Until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	s.certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.trust = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return err
}
