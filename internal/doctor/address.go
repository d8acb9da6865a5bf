package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// Address is where the world reaches the gateway.
type Address struct {
	URL         string // scheme, host and port; empty: it is not reached
	Webhook     bool   // Telegram delivers there
	Path        string // of the webhook
	Connections int    // that Telegram may make at once
	// Certificate is what Telegram is given a copy of; none for an ordinary one.
	Certificate    []byte
	CertificateErr error
	Roots          *x509.CertPool // who else is trusted; nil: whom the system trusts
}

func (a Address) hook() string { return a.URL + a.Path }

// trusted is by whom a certificate at the address must be signed.
func (a Address) trusted() *x509.CertPool {
	if len(a.Certificate) == 0 {
		return a.Roots
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.Certificate)
	return pool
}

// client asks the address and follows nobody elsewhere. It trusts whom Telegram would.
func (a Address) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: a.trusted()}, DisableKeepAlives: true, Proxy: nil,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// address looks whether the public address is reached from here, and by which certificate.
func (d *Doctor) address(ctx context.Context) []Finding {
	a := d.Address
	u, err := url.Parse(a.URL)
	switch {
	case a.CertificateErr != nil:
		return problem("doctor.address.certificate_file", data{"Why": a.CertificateErr})
	case a.URL == "":
		return ok("doctor.address.none", nil)
	case err != nil:
		return nil // the settings say so
	}
	if _, err := lookUp(ctx, u.Hostname()); err != nil {
		return problem("doctor.address.name", data{"Host": u.Hostname(), "Why": err})
	}
	var found []Finding
	if u.Scheme == "https" {
		chain, err := a.chain(ctx, u)
		if err != nil {
			return problem("doctor.address.away", data{"Address": a.URL, "Why": err})
		}
		if found = a.judge(chain, u.Hostname(), d.Now()); found[0].Level == Problem {
			return found
		}
	}
	status, err := a.ask(ctx)
	switch {
	case err != nil && len(found) > 0 && u.Scheme == "https" && len(a.Certificate) > 0:
		return found // Telegram also takes a name that only the common name has
	case err != nil:
		return problem("doctor.address.away", data{"Address": a.URL, "Why": err})
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return problem("doctor.address.gateway", data{"Address": a.URL, "Status": status})
	case found == nil:
		return ok("doctor.address.ok", data{"Address": a.URL})
	}
	return found
}

func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, err
}

func (a Address) ask(ctx context.Context) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, a.URL+"/", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := a.client().Do(req)
	if err != nil {
		return 0, plain(err)
	}
	return resp.StatusCode, resp.Body.Close()
}

// plain leaves the address out of an error, which the text names anyway.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// chain is what the server at the address shows, whether or not it is to be trusted.
func (a Address) chain(ctx context.Context, u *url.URL) ([]*x509.Certificate, error) {
	dialer := &tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: u.Hostname(), InsecureSkipVerify: true, //nolint:gosec // it is looked at, and nothing is sent
	}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	secured, isTLS := conn.(*tls.Conn)
	if !isTLS {
		return nil, errors.New("no TLS")
	}
	return secured.ConnectionState().PeerCertificates, nil
}

// judge says what is wrong with a certificate, the worst first.
func (a Address) judge(chain []*x509.Certificate, host string, now time.Time) []Finding {
	leaf, at := chain[0], data{"Address": a.URL, "Until": chain[0].NotAfter}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		at["From"] = leaf.NotBefore
		return problem("doctor.address.expired", at)
	}
	own := len(a.Certificate) > 0
	if leaf.VerifyHostname(host) != nil && (!own || leaf.Subject.CommonName != host) {
		at["Host"], at["Names"] = host, names(leaf)
		return problem("doctor.address.host", at)
	}
	options := x509.VerifyOptions{Roots: a.trusted(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	switch _, err := leaf.Verify(options); {
	case err != nil && own:
		return problem("doctor.address.other_certificate", at)
	case err != nil:
		at["Why"] = err
		return problem("doctor.address.stranger", at)
	case leaf.NotAfter.Sub(now) < soon:
		return warning("doctor.address.expiring", at)
	case own:
		return ok("doctor.address.own", at)
	}
	return ok("doctor.address.tls", at)
}

func names(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		all = []string{c.Subject.CommonName}
	}
	return strings.Join(all, ", ")
}
