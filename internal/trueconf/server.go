package trueconf

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"countersign/internal/secret"
)

// Options say where a server is and who asks. Name, Address and Now are needed, and either
// ClientID with ClientSecret or AccessToken.
type Options struct {
	Name         string // as people know it
	Address      string // host, host:port or https://host:port; http:// only on loopback
	ClientID     string
	ClientSecret secret.Text
	AccessToken  secret.Text // never renewed
	Verify       string      // "true", the same when empty; "false"; or a file with the one authority to trust
	API          string      // "auto", the same when empty; "v3", "v4", or one version as "v3.3"
	Engine       string      // host:port of the media engine; empty: port 4307 of the host; "-": it is not probed

	Timeout time.Duration // of one request; 15 s when zero
	Connect time.Duration // of it, for a connection; 5 s when zero
	Pause   time.Duration // before another look; 500 ms when zero

	Now     func() time.Time
	Log     *slog.Logger                                   // may be nil
	Observe func(op string, kind Kind, took time.Duration) // told of every request; may be nil
}

const (
	ownTimeout = 15 * time.Second
	ownConnect = 5 * time.Second
	ownPause   = 500 * time.Millisecond
	enginePort = "4307"

	mostHeader = 64 << 10
	idle       = 30 * time.Second
	perHost    = 4
)

// Server is one TrueConf Server. Its methods may be called concurrently.
type Server struct {
	o      Options
	base   *url.URL // scheme and host only
	engine string   // host:port; empty: not probed
	client *http.Client
	v3     *v3
	v4     *v4

	mu     sync.Mutex
	spoken family // nil: not known yet
}

// Open checks the options and makes the server ready. It calls nobody.
func Open(o Options) (*Server, error) {
	base, wrong := address(o.Address)
	problems := []error{wrong}
	must := func(fine bool, what string) {
		if !fine {
			problems = append(problems, errors.New(what))
		}
	}
	must(o.Name != "", "it has no name")
	must(o.Now != nil, "it has no clock")
	must((o.AccessToken != "") != (o.ClientID != "" || o.ClientSecret != ""), "there must be either a client with its secret or a ready access token")
	must((o.ClientID == "") == (o.ClientSecret == ""), "of the client and its secret one is missing")
	must(printable(o.AccessToken.Reveal()), "the access token has characters that no token has")
	must(o.Timeout >= 0 && o.Connect >= 0 && o.Pause >= 0, "a time is below zero")
	versions, known := versions(o.API)
	must(known, fmt.Sprintf("api %q is none of auto, v3, v4 and v3.3 to v3.11", o.API))
	trust, err := trusted(o.Verify)
	problems = append(problems, err)
	if o.Engine != "" && o.Engine != "-" {
		_, port, err := net.SplitHostPort(o.Engine)
		must(err == nil && port != "", "the engine is not host:port")
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("trueconf server %q: %w", o.Name, err)
	}
	o.Timeout, o.Connect, o.Pause = cmp.Or(o.Timeout, ownTimeout), cmp.Or(o.Connect, ownConnect), cmp.Or(o.Pause, ownPause)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	s := &Server{o: o, base: base, client: client(o, trust)}
	switch o.Engine {
	case "-":
	case "":
		s.engine = net.JoinHostPort(base.Hostname(), enginePort)
	default:
		s.engine = o.Engine
	}
	s.v3 = &v3{&api{s: s, jar: newJar(s, oldToken, newToken), versions: versions, routes: map[string]string{}}}
	s.v4 = &v4{&api{s: s, jar: newJar(s, newToken, oldToken), versions: []string{"v4"}, routes: map[string]string{}}, s.v3}
	switch o.API {
	case "", "auto":
	case "v4":
		s.spoken = s.v4
	default:
		s.spoken = s.v3
	}
	return s, nil
}

// Close drops the connections that wait for the next request.
func (s *Server) Close() { s.client.CloseIdleConnections() }

// Name is how people know the server.
func (s *Server) Name() string { return s.o.Name }

// Origin is what a browser calls the origin of the server's pages.
func (s *Server) Origin() string { return s.base.String() }

// address reads where a server is.
func address(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the address is neither host, host:port nor https://host:port") // without the cause, which quotes it
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) { // browsers, and the server's own addresses, have the other form
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return nil, errors.New("the address holds letters that no name of a server has")
		}
	}
	switch {
	case u.Scheme == "http" && !loopback(host):
		return nil, errors.New("without TLS the secret could be read on the way; write https://")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the address does not begin with https://")
	case u.Scheme == "https" && port == "443", u.Scheme == "http" && port == "80":
		port = ""
	}
	at := host
	if strings.Contains(host, ":") {
		at = "[" + host + "]"
	}
	if port != "" {
		at = net.JoinHostPort(host, port)
	}
	return &url.URL{Scheme: u.Scheme, Host: at}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// versions are those of the old family to try, the newest first.
func versions(api string) ([]string, bool) {
	all := []string{"v3.11", "v3.10", "v3.9", "v3.8", "v3.7", "v3.6", "v3.5", "v3.4", "v3.3"}
	switch {
	case slices.Contains([]string{"", "auto", "v3", "v4"}, api):
		return []string{"v3.11", "v3.8", "v3.6", "v3.3"}, true
	case slices.Contains(all, api):
		return []string{api}, true
	}
	return nil, false
}

// trusted says whose certificates are good.
func trusted(verify string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch verify {
	case "", "true":
	case "false":
		c.InsecureSkipVerify = true // the operator says so of this one server
	default:
		text, err := os.ReadFile(verify) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("the authority to trust: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("the authority to trust: %s holds no certificate in PEM form", verify)
		}
	}
	return c, nil
}

// client is for one server: what it trusts is its own affair. The proxies that the
// environment names are not asked: what a secret passes is said in one place.
func client(o Options, trust *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: o.Connect}).DialContext,
			TLSClientConfig:        trust,
			TLSHandshakeTimeout:    o.Connect,
			MaxResponseHeaderBytes: mostHeader,
			MaxIdleConnsPerHost:    perHost,
			IdleConnTimeout:        idle,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: redirect,
	}
}

// redirect follows a question to another place of the same server. A request that changes
// something is not made twice, and a token goes nowhere else.
func redirect(to *http.Request, via []*http.Request) error {
	const most = 3
	from := via[0]
	if to.Method != http.MethodGet || from.Method != http.MethodGet || to.URL.Scheme != from.URL.Scheme || to.URL.Host != from.URL.Host || len(via) > most {
		return errRedirect
	}
	return nil
}

// printable reports whether a text can stand in a header.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
