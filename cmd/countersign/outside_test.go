package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// balancer stands before the replicas: it asks one after the other, and answers 502
// when the one it asked died.
type balancer struct {
	url string

	mu   sync.Mutex
	back []string
	next int
}

func newBalancer(tb testing.TB) *balancer {
	tb.Helper()
	b := &balancer{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			target, err := url.Parse(b.pick())
			if err == nil {
				r.SetURL(target)
			}
		},
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	srv := httptest.NewServer(proxy)
	tb.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.back) == 0 {
		return "http://127.0.0.1:1"
	}
	b.next++
	return b.back[b.next%len(b.back)]
}

func (b *balancer) add(u string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.back = append(b.back, u)
}

func (b *balancer) remove(u string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.back = slices.DeleteFunc(b.back, func(s string) bool { return s == u })
}

// receiver is the ERP's end of the webhooks. It believes only what is signed, keeps what
// it got, and knows its own doubles.
type receiver struct {
	url string

	mu      sync.Mutex
	secret  []byte
	byID    map[string]string
	order   []event
	doubles int
	forged  int
}

type event struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"`
	ExternalID string         `json:"external_id"`
	Seq        int            `json:"seq"`
	Data       map[string]any `json:"data"`
}

func newReceiver(tb testing.TB) *receiver {
	tb.Helper()
	r := &receiver{byID: map[string]string{}}
	srv := httptest.NewServer(http.HandlerFunc(r.take))
	tb.Cleanup(srv.Close)
	r.url = srv.URL + "/events"
	return r
}

func (r *receiver) trust(secret string) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = key
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var e event
	if err != nil || json.Unmarshal(body, &e) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	mac := hmac.New(sha256.New, r.secret)
	fmt.Fprintf(mac, "%s.%s.%s", req.Header.Get("Webhook-Id"), req.Header.Get("Webhook-Timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !slices.Contains(strings.Fields(req.Header.Get("Webhook-Signature")), want) || req.Header.Get("Webhook-Id") != e.ID {
		r.forged++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if before, seen := r.byID[e.ID]; seen {
		r.doubles++
		if before != string(body) {
			r.forged++
		}
		return
	}
	r.byID[e.ID] = string(body)
	r.order = append(r.order, e)
}

// of lists the events of a document in the order in which they came.
func (r *receiver) of(id string) []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []event
	for _, e := range r.order {
		if e.ExternalID == id {
			out = append(out, e)
		}
	}
	return out
}
