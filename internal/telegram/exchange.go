package telegram

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxBuffered  = 8 << 20          // a request without a streamed file
	maxWait      = 7 * 24 * 3600    // seconds
	idleTimeout  = 20 * time.Second // below the server's, so that we close first
	idlePerHost  = 64
	dialTimeout  = 10 * time.Second
	maxErrorText = 300
)

// exchange is what is known of one call while it runs.
type exchange struct {
	method string
	limit  time.Duration // beyond the timeout of the client
	upload *upload       // the file that is streamed, nil for none
	wrote  atomic.Bool   // something of the request may have reached the server
	done   bool          // the exchange itself ended: err and result count
	err    *Error
	result jsontext.Value

	facts Facts
	bytes int64        // of the request, unless it is streamed
	tries atomic.Int32 // at the network
}

type exchangeKey struct{}

func (t *exchange) failure() error {
	if t.err == nil {
		return nil // not a typed nil
	}
	return t.err
}

func transport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          idlePerHost,
		MaxIdleConnsPerHost:   idlePerHost,
		ExpectContinueTimeout: time.Second,
	}
}

// Do is the seam below the library: it sends a request once, reads the answer within bounds and judges it.
// The answer it gives back has been judged good. It is not for callers of this package.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	t, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, &Error{Kind: Bug, Method: path.Base(req.URL.Path), cause: errors.New("call outside of the client")}
	}
	body, err := c.exchange(t, req)
	if t.done {
		t.err = err
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}, nil
}

func (c *Client) exchange(t *exchange, req *http.Request) ([]byte, *Error) {
	if t.upload == nil {
		if err := buffer(req); err != nil {
			return nil, c.failed(t, Bug, err)
		}
	}
	if idempotent(t.method) {
		// Present without a value it is not sent, and makes net/http repeat the request by itself when a
		// kept-alive connection turns out to be stale.
		req.Header["Idempotency-Key"] = nil
	}
	t.done = true
	t.bytes = req.ContentLength
	resp, err := c.wire.RoundTrip(req.WithContext(t.traced(req.Context())))
	if err != nil {
		return nil, c.undelivered(t, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.failed(t, lost(t.method), fmt.Errorf("answer: %w", err))
	case len(body) > maxAnswer:
		return nil, c.failed(t, lost(t.method), fmt.Errorf("answer has more than %d bytes", maxAnswer))
	}
	return body, c.judge(t, resp, body)
}

// buffer reads the body that the library streams through a pipe, so that it has a length and can be repeated.
func buffer(req *http.Request) error {
	defer func() { _ = req.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBuffered+1))
	if err != nil {
		return fmt.Errorf("request body: %w", err)
	}
	if len(body) > maxBuffered {
		return fmt.Errorf("request body has more than %d bytes", maxBuffered)
	}
	if len(body) == 0 { // the library announces a form all the same, which strict servers miss
		req.Header.Del("Content-Type")
		req.ContentLength, req.Body, req.GetBody = 0, http.NoBody, func() (io.ReadCloser, error) { return http.NoBody, nil }
		return nil
	}
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, err = req.GetBody()
	return err
}

// undelivered judges an exchange without an answer.
func (c *Client) undelivered(t *exchange, err error) *Error {
	if t.upload != nil {
		if kind, cause := t.upload.fault(); cause != nil { // a form cut short has no effect
			return c.failed(t, kind, cause)
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return c.failed(t, Config, err)
	}
	if t.wrote.Load() {
		return c.failed(t, lost(t.method), err)
	}
	return c.failed(t, Transient, onTheWay(c.proxy, err))
}

type answer struct {
	OK          bool           `json:"ok"`
	Result      jsontext.Value `json:"result"`
	Code        int            `json:"error_code"`
	Description string         `json:"description"`
	Parameters  struct {
		RetryAfter int64 `json:"retry_after"`
		MigrateTo  int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// judge reads an answer; it returns nil when the call was done.
func (c *Client) judge(t *exchange, resp *http.Response, body []byte) *Error {
	var a answer
	if err := unmarshal(body, &a); err != nil || (!a.OK && a.Code == 0 && a.Description == "") {
		return c.foreign(t, resp)
	}
	if a.OK {
		t.result = a.Result
		return nil
	}
	if a.Code == 0 {
		a.Code = resp.StatusCode
	}
	e := &Error{
		Kind: Classify(t.method, a.Code, a.Description), Method: t.method, Code: a.Code,
		Description: c.mask(shorten(a.Description)),
	}
	switch {
	case a.Parameters.MigrateTo != 0:
		e.Kind, e.MigrateTo = Migrated, a.Parameters.MigrateTo
	case e.Kind == RateLimited:
		e.RetryAfter = wait(a.Parameters.RetryAfter, a.Description, resp.Header)
	}
	return e
}

// foreign judges an answer that the Bot API did not write: a proxy's or a load balancer's page.
func (c *Client) foreign(t *exchange, resp *http.Response) *Error {
	e := &Error{Method: t.method, Code: resp.StatusCode, Description: "answer is not from the Bot API", Kind: Config}
	switch code := resp.StatusCode; {
	case code < http.StatusMultipleChoices, code >= http.StatusInternalServerError, code == http.StatusRequestTimeout:
		e.Kind = lost(t.method)
	case code == http.StatusProxyAuthRequired: // before the Bot API: nothing was done
		e.Kind, e.Description = Transient, "the proxy takes neither the user nor the password of telegram.proxy"
	case code == http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = RateLimited, wait(0, "", resp.Header)
	case code == http.StatusRequestEntityTooLarge:
		e.Kind = TooLarge
	}
	return e
}

// wait is how long a 429 asks us to wait: at least a second, at most a week.
func wait(seconds int64, description string, header http.Header) time.Duration {
	for _, text := range []string{header.Get("Retry-After"), regexp.MustCompile(`retry after ([0-9]+)`).FindString(description)} {
		if seconds > 0 {
			break
		}
		n, err := strconv.ParseInt(regexp.MustCompile(`[0-9]+$`).FindString(text), 10, 64)
		if err == nil {
			seconds = n
		} else if text != "" && errors.Is(err, strconv.ErrRange) {
			seconds = math.MaxInt64
		}
	}
	return time.Duration(min(max(seconds, 1), maxWait)) * time.Second
}

func shorten(s string) string {
	if len(s) > maxErrorText {
		return strings.ToValidUTF8(s[:maxErrorText], "")
	}
	return s
}

// unmarshal reads an answer, leniently: the server that we called ourselves needs no strictness.
func unmarshal(data []byte, v any) error {
	return json.Unmarshal(data, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
