package google

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"
	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

const (
	callTimeout   = 30 * time.Second
	longestPause  = 30 * time.Second
	mostPage      = 16 << 20 // bytes of one answer
	mostTries     = 4
	mostPages     = mostEntries // a page may be as small as one entry
	mostTokenBody = 64 << 10
)

// session is one reading.
type session struct {
	workspace *Workspace
	transport *http.Transport
	service   *admin.Service
	heard     heard
}

// heard is what the last call came to, for errors that a library puts into words of its own.
type heard struct {
	path   string
	status int
	body   []byte
	fault  error // from below HTTP, or our refusal of the answer
}

// open proves who we are and gets ready to read.
func (w *Workspace) open(ctx context.Context) (*session, error) {
	s := &session{workspace: w, transport: &http.Transport{
		Proxy:                  http.ProxyURL(w.Proxy),
		DialContext:            (&net.Dialer{}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: mostHeaders,
		DisableCompression:     true, // what is counted is what is read
	}}
	token, err := s.token(ctx)
	if err != nil {
		s.transport.CloseIdleConnections()
		return nil, err
	}
	client := &http.Client{Transport: &oauth2.Transport{Source: oauth2.StaticTokenSource(token), Base: s.wire(ctx)}}
	if s.service, err = admin.NewService(ctx, option.WithHTTPClient(client)); err != nil {
		return nil, fmt.Errorf("%w: the library cannot be set up", ErrAway)
	}
	return s, nil
}

// tripper is a way to answer a request.
type tripper func(*http.Request) (*http.Response, error)

// RoundTrip answers it.
func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// wire binds every call to the time of the reading, as some of the libraries do not, reads
// the answer whole, and remembers what it was.
func (s *session) wire(ctx context.Context) tripper {
	return func(r *http.Request) (*http.Response, error) {
		s.heard = heard{path: r.URL.Path}
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		r = r.Clone(ctx)
		if s.workspace.Endpoint != "" {
			at, err := url.Parse(s.workspace.Endpoint)
			if err != nil {
				return nil, fault("the endpoint cannot be read")
			}
			r.URL.Scheme, r.URL.Host, r.Host = at.Scheme, at.Host, at.Host
		}
		resp, err := s.transport.RoundTrip(r)
		if err == nil {
			resp, err = s.whole(resp)
		}
		s.heard.fault = err
		return resp, err
	}
}

// whole lets through only what Google may answer: JSON, from itself, of bounded size.
func (s *session) whole(resp *http.Response) (*http.Response, error) {
	defer func() { _ = resp.Body.Close() }() // it was read, or nobody wants it
	s.heard.status = resp.StatusCode
	sound := resp.StatusCode == http.StatusOK
	switch {
	case !sound && resp.StatusCode < http.StatusBadRequest:
		return nil, fault(fmt.Sprintf("it answers %d, which it never should", resp.StatusCode))
	case sound && !isJSON(resp.Header.Get("Content-Type")):
		return nil, fault("it answers something else than JSON; is there a proxy in between?")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostPage+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault("the answer ends in the middle"), err)
	}
	if len(body) > mostPage {
		return nil, fault("the answer is too large")
	}
	s.heard.body = body[:min(len(body), mostTokenBody)]
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(body))
	return &copied, nil
}

// pages asks for page after page, until there is no next one. A page that was asked for
// before is not asked for again: such a list would never end.
func (s *session) pages(ctx context.Context, what string, page func(token string) (next string, err error)) error {
	token, known := "", map[string]bool{}
	for n := 1; n <= mostPages; n++ {
		var next string
		err := s.try(ctx, fmt.Sprintf("%s, page %d", what, n), func() (err error) {
			next, err = page(token)
			return err
		})
		if err != nil || next == "" {
			return err
		}
		if known[next] {
			return fmt.Errorf("%s, page %d: %w", what, n, garbled("the next page is one that was read"))
		}
		known[next] = true
		token = next
	}
	return fmt.Errorf("%s: %w", what, garbled("the list does not end"))
}

// try makes a call, and again after a pause where that may help.
func (s *session) try(ctx context.Context, what string, call func() error) error {
	pause := cmp.Or(s.workspace.Pause, ownPause)
	for n := 1; ; n++ {
		err := call()
		if err == nil {
			return nil
		}
		problem, again := s.sort(err)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w: %w", what, ErrAway, ctx.Err())
		}
		if !again || n == mostTries {
			return fmt.Errorf("%s: %w", what, problem)
		}
		wait := time.NewTimer(min(max(pause, wished(err)), longestPause))
		select {
		case <-ctx.Done():
			wait.Stop()
			return fmt.Errorf("%s: %w: %w", what, problem, ctx.Err())
		case <-wait.C:
		}
		pause *= 2
	}
}

// wished is the pause that Google asks for.
func wished(err error) time.Duration {
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return 0
	}
	seconds, err := strconv.Atoi(e.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > int(longestPause/time.Second) {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
