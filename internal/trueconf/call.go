package trueconf

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// call is one request to the API.
type call struct {
	op     string // what is asked, for errors and for who observes
	right  string // the scope that it needs
	method string // GET when empty
	path   string // below the version, escaped
	query  url.Values
	body   any    // sent as JSON
	like   string // the op just made, whose version has this call, too
	once   bool   // sent only with a token at hand, and not again with another: what it changes must be looked at again first
}

// answer is what came back.
type answer struct {
	status int
	body   []byte
	tls    *tls.ConnectionState
}

const mostBody = 4 << 20

// The words of what lies below an [Error].
var (
	errRedirect = errors.New("the answer leads to another place; is the address right, with https:// and the port?")
	errLong     = errors.New("the answer is longer than all that the API gives")
	errGarbled  = errors.New("the answer is not what the API gives; is something else at this address?")
	errBroken   = errors.New("the connection broke before the answer was whole")
	errLoop     = errors.New("the pages of the answer repeat")
	errPages    = errors.New("the answer has more pages than can be true")
	errStale    = errors.New("the access token is not accepted")
)

// api is a family of versions with the tokens that it takes.
type api struct {
	s        *Server
	jar      *jar
	versions []string // the newest first

	mu     sync.Mutex
	routes map[string]string // op -> the version that answered it
}

// do makes a call and decodes the answer into a value, unless that is nil. A version that
// does not have the call is passed over for an older one.
func (a *api) do(ctx context.Context, c call, into any) error {
	err := a.any(ctx, c, into)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Server, e.Op = a.s.o.Name, c.op
	}
	return err
}

func (a *api) any(ctx context.Context, c call, into any) error {
	versions := a.versions
	a.mu.Lock()
	if i := slices.Index(versions, a.routes[cmp.Or(c.like, c.op)]); i >= 0 {
		versions = versions[i:]
		if c.like != "" {
			versions = versions[:1]
		}
	}
	a.mu.Unlock()
	var err error
	for _, v := range versions {
		var got answer
		if got, err = a.authorized(ctx, c, v); KindOf(err) == TooOld {
			continue
		}
		a.mu.Lock()
		a.routes[c.op] = v
		a.mu.Unlock()
		if err == nil && into != nil && json.Unmarshal(got.body, into) != nil && c.method == "" {
			err = &Error{Status: got.status, Err: errGarbled} // what was done may be answered with nothing
		}
		return err
	}
	return err
}

// authorized makes a call with a token, and once more with a new one when it is refused.
func (a *api) authorized(ctx context.Context, c call, version string) (answer, error) {
	for again := false; ; again = true {
		token, err := a.jar.token(ctx, c.once)
		if err != nil {
			return answer{}, err
		}
		got, err := a.s.send(ctx, c, "/api/"+version+c.path, token)
		if !errors.Is(err, errStale) {
			return got, err
		}
		a.jar.drop(token)
		if again || c.once || a.s.o.AccessToken != "" {
			return got, err
		}
	}
}

// send makes a call and judges the answer. A question is asked once more when the
// connection broke or a proxy found nobody behind it.
func (s *Server) send(ctx context.Context, c call, path, token string) (answer, error) {
	for again := false; ; again = true {
		began := s.o.Now()
		got, err := s.exchange(ctx, c, path, token)
		if err == nil {
			err = judge(c, got, token, s.o.ClientSecret.Reveal())
		}
		s.observe(c.op, err, began)
		passing := KindOf(err) == Unreachable || got.status >= http.StatusBadGateway && got.status <= http.StatusGatewayTimeout
		if err == nil || again || !passing || c.method != "" || !wait(ctx, s.o.Pause) {
			return got, err
		}
	}
}

func (s *Server) observe(op string, err error, began time.Time) {
	if s.o.Observe == nil {
		return
	}
	kind := Fine
	if err != nil {
		kind = KindOf(err)
	}
	s.o.Observe(op, kind, s.o.Now().Sub(began))
}

// wait lets a time go by; false when the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// exchange sends one request and reads all of the answer.
func (s *Server) exchange(ctx context.Context, c call, path, token string) (answer, error) {
	u := s.base.String() + path
	if len(c.query) > 0 {
		u += "?" + c.query.Encode()
	}
	var body io.Reader
	kind := ""
	switch b := c.body.(type) {
	case nil:
	case url.Values:
		body, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return answer{}, &Error{Kind: BadRequest, Err: err}
		}
		body, kind = bytes.NewReader(text), "application/json"
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, c.method, u, body)
	if err != nil {
		return answer{}, &Error{Kind: BadRequest, Err: errors.New("it does not fit into an address")}
	}
	r.Header.Set("Accept", "application/json")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		// In the header, also for the oldest versions: the library on the other side looks
		// there first, and an address ends in the logs of whoever stands between.
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{}, fault(outer, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
	switch {
	case err != nil:
		return answer{status: resp.StatusCode, tls: resp.TLS}, fault(outer, err)
	case len(text) > mostBody:
		return answer{status: resp.StatusCode, tls: resp.TLS}, &Error{Status: resp.StatusCode, Err: errLong}
	}
	return answer{resp.StatusCode, text, resp.TLS}, nil
}
