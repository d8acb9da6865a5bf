package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// userAgent never changes: receivers let it through by name.
const userAgent = "Countersign-Webhooks/1"

const (
	connectTime = 5 * time.Second
	bodyTime    = 2 * time.Second // for the rest of an answer whose verdict is known
	idleTime    = 4 * time.Second // shorter than receivers keep one: a request on a connection just closed is lost
	mostHeaders = 64 << 10
	mostRead    = 16 << 10
	mostKept    = 4 << 10
	longError   = 300
)

var (
	errSlow    = errors.New("no answer in time")
	errStopped = errors.New("the gateway stopped before the answer came")
)

// client makes the requests.
type client struct {
	now   func() time.Time
	plain *http.Client
	tls   *http.Client
}

func newClient(g *guard, o Options, now func() time.Time) *client {
	return &client{now: now, plain: o.client(g, g.local), tls: o.client(g, g.world)}
}

func (o Options) client(g *guard, check addressCheck) *http.Client {
	dialer := &net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second, ControlContext: check.control}
	return &http.Client{
		// An answer that sends us elsewhere is a failure: nobody but the endpoint may see the signature.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // also none from the environment: the address that we dial must be the receiver's
			DialContext:            dial(g, dialer),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			TLSHandshakeTimeout:    connectTime,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConns:           512,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        idleTime,
			MaxResponseHeaderBytes: mostHeaders,
			WriteBufferSize:        4 << 10,
			ReadBufferSize:         4 << 10,
		},
	}
}

// dial resolves the name itself, in bounded time, and tries its addresses in turn. The
// dialer's control looks at each.
func dial(g *guard, d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		found, err := g.addresses(ctx, host)
		if err != nil {
			return nil, err
		}
		var failed error
		for _, a := range found {
			conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), port))
			if err == nil {
				return conn, nil
			}
			if failed == nil || errors.Is(err, ErrBlocked) {
				failed = err
			}
		}
		return nil, failed
	}
}

func (g *guard) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if !isName(host) {
		return nil, fmt.Errorf("%w: %q is neither an address nor a name", ErrBlocked, host)
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := g.lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("look up %s: no address", host)
	}
	return found, nil
}

// post is a request to an endpoint.
type post struct {
	lane    *lane
	event   string
	body    []byte
	at      time.Time // of the attempt, by the clock that all replicas share
	attempt int
}

// answer is what came back.
type answer struct {
	status     int // 0: none
	retryAfter string
	sample     string
	err        error // why there is no answer
	took       time.Duration
}

// delivered reports that the receiver took it.
func (a answer) delivered() bool { return a.status >= 200 && a.status <= 299 }

// send makes one request. Three quarters of the endpoint's time may pass until the
// headers are here. The transport itself tries a second connection only when not a
// byte of the request had gone out on the first.
func (c *client) send(ctx context.Context, p post) answer {
	start := c.now()
	a := c.exchange(ctx, p)
	a.took = max(0, c.now().Sub(start))
	if a.err != nil && ctx.Err() != nil {
		a.err = errStopped
	}
	return a
}

func (c *client) exchange(ctx context.Context, p post) answer {
	total := time.Duration(p.lane.TimeoutMS) * time.Millisecond
	ctx, stop := context.WithTimeoutCause(ctx, total, errSlow)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := p.request(ctx)
	if err != nil {
		return answer{err: err}
	}
	headers := time.AfterFunc(total*3/4, func() { cancel(errSlow) })
	defer headers.Stop()
	sender := c.tls
	if req.URL.Scheme == "http" {
		sender = c.plain
	}
	resp, err := sender.Do(req)
	if err != nil {
		return answer{err: cause(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }()
	headers.Stop()
	rest := time.AfterFunc(bodyTime, func() { cancel(errSlow) })
	defer rest.Stop()
	sample, _ := io.ReadAll(io.LimitReader(resp.Body, mostRead)) // the verdict is in the status; the rest is for people
	return answer{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After"), sample: printable(sample, mostKept)}
}

func (p post) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.lane.URL, bytes.NewReader(p.body))
	if err != nil {
		return nil, errors.New("the endpoint's address cannot be read")
	}
	signature, err := Sign(p.event, p.at, p.body, p.lane.secrets...)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Webhook-Id":        {p.event},
		"Webhook-Timestamp": {strconv.FormatInt(p.at.Unix(), 10)},
		"Webhook-Signature": {signature},
		"Webhook-Attempt":   {strconv.Itoa(p.attempt)}, // for people; not signed
		"Content-Type":      {"application/json"},
		"User-Agent":        {userAgent},
		"Accept-Encoding":   {"identity"},
	}
	if p.lane.authorization != "" {
		req.Header.Set("Authorization", p.lane.authorization)
	}
	return req, nil
}

// cause says why a request failed, without its address: that may hold a secret.
func cause(ctx context.Context, err error) error {
	if reason := context.Cause(ctx); errors.Is(reason, errSlow) {
		return errSlow
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// printable makes text that a database and a person can read of whatever bytes.
func printable(raw []byte, most int) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(raw), "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
