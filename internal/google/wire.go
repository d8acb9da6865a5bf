package google

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	mostBody    = 64 << 10
	mostHeaders = 64 << 10
)

// client has no cookies and keeps no connections: people sign in rarely, and a request
// on a connection that is new is never sent twice.
func (p *Provider) client() *http.Client {
	p.wire.Do(func() {
		p.http = &http.Client{Transport: narrow{next: &http.Transport{
			Proxy:                  http.ProxyURL(p.Proxy),
			DialContext:            (&net.Dialer{}).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
			DisableKeepAlives:      true,
			DisableCompression:     true, // what is counted is what is read
			MaxResponseHeaderBytes: mostHeaders,
		}}}
	})
	return p.http
}

// narrow lets through only what an issuer may answer: JSON, from itself, of bounded size.
type narrow struct{ next http.RoundTripper }

// RoundTrip reads the answer whole, within the time of the request.
func (n narrow) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := n.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or nobody wants it
	switch status := resp.StatusCode; {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return nil, fault(fmt.Sprintf("it answers %d", status))
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return nil, fault("it sends us elsewhere")
	case !isJSON(resp.Header.Get("Content-Type")):
		return nil, fault(fmt.Sprintf("it answers %d without JSON", status))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > mostBody {
		return nil, fault("the answer is too large")
	}
	whole := *resp
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return &whole, nil
}

func isJSON(header string) bool {
	kind, _, err := mime.ParseMediaType(header)
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// read gets a document and decodes it strictly.
func (p *Provider) read(ctx context.Context, address string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, ownTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fault("its address cannot be read")
	}
	req.Header.Set("Accept", "application/json")
	resp, err := p.client().Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it is in memory
	if resp.StatusCode != http.StatusOK {
		return fault(fmt.Sprintf("it answers %d", resp.StatusCode))
	}
	if err := json.UnmarshalRead(resp.Body, into); err != nil {
		return fault("the document cannot be read")
	}
	return nil
}

// isAddress tells whether secrets may be sent there: over https, or over http when nothing
// leaves this machine.
func isAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || strings.Contains(address, "#") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	at, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && at.IsLoopback()
}
