package hook_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is what the receiver got, after it was found to be in order.
type request struct {
	ID       string
	Document string
	Seq      int
	Type     string
	Attempt  int
	Stamp    int64
	Signed   []string
	Auth     string
	Body     string
}

// act is how the receiver behaves to a request.
type act func(w http.ResponseWriter, r request)

func status(code int) act {
	return func(w http.ResponseWriter, _ request) { w.WriteHeader(code) }
}

func accept(http.ResponseWriter, request) {}

// reset breaks the connection without an answer.
func reset(w http.ResponseWriter, _ request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// receiver is a strict ERP: it refuses to understand what is not exactly as promised,
// and remembers all.
type receiver struct {
	*httptest.Server

	tb     testing.TB
	now    func() time.Time
	mu     sync.Mutex
	keys   []string
	got    []request
	change chan struct{}
	behave func(r request, nth int) act // nil: accept
	busy   int
	peak   int
}

func newReceiver(tb testing.TB, now func() time.Time) *receiver {
	tb.Helper()
	r := &receiver{tb: tb, now: now, change: make(chan struct{})}
	r.Server = httptest.NewServer(r)
	tb.Cleanup(r.Close)
	return r
}

// know adds a key that the receiver verifies with: whsec_… or whpk_….
func (r *receiver) know(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, key)
}

func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = nil
}

func (r *receiver) script(f func(r request, nth int) act) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave = f
}

func (r *receiver) all() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) ids() []string {
	var out []string
	for _, g := range r.all() {
		out = append(out, g.ID)
	}
	return out
}

func (r *receiver) most() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peak
}

// wait waits until the requests so far are as wished.
func (r *receiver) wait(enough func([]request) bool) {
	r.tb.Helper()
	deadline := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		change, got := r.change, slices.Clone(r.got)
		r.mu.Unlock()
		if enough(got) {
			return
		}
		select {
		case <-change:
		case <-deadline:
			r.tb.Fatalf("the receiver waits in vain; it has %d requests", len(got))
		}
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	got, err := r.read(hr)
	if err != nil {
		r.tb.Errorf("request refused: %v", err)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	r.mu.Lock()
	r.got = append(r.got, got)
	nth := 0
	for _, g := range r.got {
		if g.ID == got.ID {
			nth++
		}
	}
	r.busy++
	r.peak = max(r.peak, r.busy)
	behave := r.behave
	close(r.change)
	r.change = make(chan struct{})
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.busy--
		r.mu.Unlock()
	}()
	how := act(accept)
	if behave != nil {
		how = behave(got, nth)
	}
	how(w, got)
}

func (r *receiver) read(hr *http.Request) (request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, hr.Body, 32<<10))
	if err != nil {
		return request{}, err
	}
	if hr.Method != http.MethodPost || hr.ContentLength != int64(len(body)) {
		return request{}, fmt.Errorf("%s with %d of %d bytes", hr.Method, len(body), hr.ContentLength)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Countersign-Webhooks/1", "Accept-Encoding": "identity",
	} {
		if got := hr.Header.Values(name); len(got) != 1 || got[0] != want {
			return request{}, fmt.Errorf("%s is %q", name, got)
		}
	}
	if hr.Header.Get("Cookie") != "" {
		return request{}, fmt.Errorf("a cookie came")
	}
	out := request{ID: hr.Header.Get("webhook-id"), Signed: strings.Split(hr.Header.Get("webhook-signature"), " "), Auth: hr.Header.Get("Authorization"), Body: string(body)}
	if out.Stamp, err = strconv.ParseInt(hr.Header.Get("webhook-timestamp"), 10, 64); err != nil {
		return request{}, err
	}
	if out.Attempt, err = strconv.Atoi(hr.Header.Get("webhook-attempt")); err != nil {
		return request{}, err
	}
	if skew := r.now().Sub(time.Unix(out.Stamp, 0)); skew < -5*time.Minute || skew > 5*time.Minute {
		return request{}, fmt.Errorf("the timestamp is off by %s", skew)
	}
	if !r.verified(out) {
		return request{}, fmt.Errorf("no signature of %q fits", out.Signed)
	}
	var event struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		ExternalID string `json:"external_id"`
		Seq        int    `json:"seq"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return request{}, err
	}
	if event.ID != out.ID {
		return request{}, fmt.Errorf("the header names %s, the body %s", out.ID, event.ID)
	}
	out.Document, out.Seq, out.Type = event.ExternalID, event.Seq, event.Type
	return out, nil
}

// verified is the receiver's own code: it shares nothing with the sender's.
func (r *receiver) verified(q request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := q.ID + "." + strconv.FormatInt(q.Stamp, 10) + "." + q.Body
	return slices.ContainsFunc(q.Signed, func(s string) bool {
		return slices.ContainsFunc(r.keys, func(key string) bool { return fits(key, s, text) })
	})
}

func fits(key, signature, text string) bool {
	prefix, encoded, _ := strings.Cut(key, "_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	switch prefix {
	case "whsec":
		mac := hmac.New(sha256.New, raw)
		mac.Write([]byte(text))
		return hmac.Equal([]byte(signature), []byte("v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))))
	case "whpk":
		given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1a,"))
		return err == nil && strings.HasPrefix(signature, "v1a,") && ed25519.Verify(raw, []byte(text), given)
	default:
		return false
	}
}
