package telegramtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

const (
	defaultConnections = 40
	maxConnections     = 100_000
	maxCertificate     = 3 << 20
	deliveryTimeout    = 60 * time.Second
)

// hook is a webhook and what is on its way to it.
type hook struct {
	url         string
	secret      string
	certificate string
	connections int
	client      *http.Client
	slots       chan struct{}
	ctx         context.Context //nolint:containedctx // ends the deliveries of this webhook
	end         context.CancelFunc
	running     map[string]bool // the queues that have a worker
	errorAt     time.Time
	errorText   string
	goneSince   time.Time // of answers 410
}

func (s *Server) setWebhook(c *call) (any, *refusal) {
	address := c.params["url"]
	if address == "" {
		return s.deleteWebhook(c)
	}
	certificate, refused := readCertificate(c)
	if refused != nil {
		return nil, refused
	}
	secret := c.params["secret_token"]
	switch {
	case len(secret) > 256:
		return nil, bad("secret token is too long")
	case !regexp.MustCompile(`^[A-Za-z0-9_-]*$`).MatchString(secret):
		return nil, bad("secret token contains unallowed characters")
	}
	if refused := checkAddress(address); refused != nil {
		return nil, refused
	}
	if refused := s.allow(c); refused != nil {
		return nil, refused
	}
	connections := int(c.int("max_connections"))
	if connections <= 0 {
		connections = defaultConnections
	}
	h := &hook{
		url: address, secret: secret, certificate: string(certificate), connections: min(connections, maxConnections),
		running: map[string]bool{},
	}
	s.discard(c)
	if old := s.hook; old != nil && old.url == h.url && old.secret == h.secret && old.certificate == h.certificate && old.connections == h.connections {
		return true, nil
	}
	s.replaceHook(h, certificate)
	return true, nil
}

func (s *Server) deleteWebhook(c *call) (any, *refusal) {
	s.discard(c)
	s.replaceHook(nil, nil)
	return true, nil
}

func (s *Server) discard(c *call) {
	if c.bool("drop_pending_updates") {
		for _, u := range s.pending {
			s.dropped(u, EventDiscarded)
		}
		s.pending = nil
	}
}

// replaceHook ends the deliveries to one webhook, and the poll, and begins with another.
func (s *Server) replaceHook(h *hook, certificate []byte) {
	if s.hook != nil {
		s.hook.end()
		s.hook.client.CloseIdleConnections()
	}
	s.hook = h
	s.touch()
	if h == nil {
		return
	}
	if s.poll != nil {
		s.poll.terminate("terminated by setWebhook request")
	}
	h.client = deliveryClient(h.connections, certificate)
	h.slots = make(chan struct{}, h.connections)
	h.ctx, h.end = context.WithCancel(s.ctx)
	for _, u := range s.pending {
		u.tries, u.backoff, u.next = 0, 0, time.Time{}
		s.deliver(u.queue)
	}
}

func readCertificate(c *call) ([]byte, *refusal) {
	f, uploaded := c.files["certificate"]
	switch {
	case !uploaded && c.params["certificate"] != "":
		return nil, bad("bad webhook: certificate must be uploaded as a file")
	case !uploaded:
		return nil, nil
	case len(f.data) > maxCertificate:
		return nil, bad("bad webhook: certificate is too big")
	case !x509.NewCertPool().AppendCertsFromPEM(f.data):
		return nil, bad("bad webhook: failed to load the certificate")
	}
	return f.data, nil
}

// checkAddress takes https anywhere, and http on loopback, as a local Bot API server does.
func checkAddress(address string) *refusal {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return bad("invalid webhook URL specified")
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return bad("bad webhook: An HTTPS URL must be provided for webhook")
	}
	return nil
}

func deliveryClient(connections int, certificate []byte) *http.Client {
	transport := &http.Transport{
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: deliveryTimeout,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableCompression: true,
	}
	if certificate != nil {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(certificate)
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *Server) getWebhookInfo(*call) (any, *refusal) {
	s.prune()
	info := map[string]any{"url": "", "has_custom_certificate": false, "pending_update_count": len(s.pending)}
	if s.allowed != nil {
		info["allowed_updates"] = s.allowed
	}
	h := s.hook
	if h == nil {
		return info, nil
	}
	info["url"], info["has_custom_certificate"], info["max_connections"] = h.url, h.certificate != "", h.connections
	info["ip_address"] = "127.0.0.1"
	if !h.errorAt.IsZero() {
		info["last_error_date"], info["last_error_message"] = h.errorAt.Unix(), h.errorText
	}
	return info, nil
}
