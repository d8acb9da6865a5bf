package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/server"
)

func TestReadinessAsksEveryCheckAndHidesWhy(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	var log book
	var c clock
	health := &server.Health{
		Log: slog.New(slog.NewTextHandler(&log, nil)), Now: c.now,
		Checks: []server.Check{
			{Name: "database", Run: func(context.Context) error {
				if broken.Load() {
					return errors.New("no route to db.internal")
				}
				return nil
			}},
			{Name: "migrations", Run: func(context.Context) error { return nil }},
		},
	}
	ask := func() (int, string) {
		c.advance(2 * time.Second)
		rec := newRecorder()
		health.Ready(rec, mustRequest(t, "/readyz"))
		return rec.Code, strings.TrimSpace(rec.Body.String())
	}
	want := func(status int, body string) {
		t.Helper()
		if gotStatus, gotBody := ask(); gotStatus != status || gotBody != body {
			t.Errorf("%d %s, want %d %s", gotStatus, gotBody, status, body)
		}
	}
	want(200, `{"status":"ok","checks":{"database":"ok","migrations":"ok"}}`)
	broken.Store(true)
	want(503, `{"status":"not ready","checks":{"database":"failing","migrations":"ok"}}`)
	want(503, `{"status":"not ready","checks":{"database":"failing","migrations":"ok"}}`)
	broken.Store(false)
	want(200, `{"status":"ok","checks":{"database":"ok","migrations":"ok"}}`)
	if text := log.String(); strings.Count(text, "no route to db.internal") != 1 || strings.Count(text, "ready again") != 1 {
		t.Errorf("a change is logged once each way: %s", text)
	}
}

func TestAHangingCheckFailsAndDoesNotPileUp(t *testing.T) {
	t.Parallel()
	release, done := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	health := &server.Health{
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Checks: []server.Check{{Name: "database", Timeout: time.Millisecond, Run: func(context.Context) error {
			calls.Add(1)
			<-release // deaf to its context
			close(done)
			return nil
		}}},
	}
	for range 20 {
		rec := newRecorder()
		health.Ready(rec, mustRequest(t, "/readyz"))
		if rec.Code != http.StatusServiceUnavailable {
			t.Errorf("ready with a hanging check: %d", rec.Code)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("the check was started %d times", calls.Load())
	}
	close(release)
	receive(t, done)
}

func TestOneWhoLeavesDoesNotSpoilTheAnswerForOthers(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	var log book
	health := &server.Health{
		Log: slog.New(slog.NewTextHandler(&log, nil)), Now: new(clock).now,
		Checks: []server.Check{{Name: "database", Timeout: patience, Run: func(ctx context.Context) error {
			close(entered)
			<-release
			return ctx.Err()
		}}},
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		health.Ready(newRecorder(), mustRequest(t, "/readyz").WithContext(ctx))
	}()
	receive(t, entered)
	leave()
	receive(t, left)
	close(release)
	rec := newRecorder()
	health.Ready(rec, mustRequest(t, "/readyz"))
	if rec.Code != http.StatusOK || log.String() != "" {
		t.Errorf("%d %s, logged %q", rec.Code, rec.Body, log.String())
	}
}

func TestAskingOftenCostsOneCheck(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	var c clock
	health := &server.Health{
		Log: slog.New(slog.DiscardHandler), Now: c.now,
		Checks: []server.Check{{Name: "database", Run: func(context.Context) error {
			calls.Add(1)
			return nil
		}}},
	}
	for range 50 {
		health.Ready(newRecorder(), mustRequest(t, "/readyz"))
	}
	if calls.Load() != 1 {
		t.Errorf("50 questions in a moment ran the check %d times", calls.Load())
	}
	c.advance(time.Second)
	health.Ready(newRecorder(), mustRequest(t, "/readyz"))
	if calls.Load() != 2 {
		t.Errorf("a second later the check had run %d times", calls.Load())
	}
}

func TestLivenessAsksNothing(t *testing.T) {
	t.Parallel()
	health := &server.Health{Checks: []server.Check{{Name: "database", Run: func(context.Context) error {
		t.Error("liveness asked the database")
		return nil
	}}}}
	r := front(t, &server.Front{}, func(router *mux.Router) { server.MountOps(router, health, prometheus.NewRegistry()) })
	for _, path := range []string{"/healthz", "/livez"} {
		if got := send(t, r.addr, "GET "+path); got.status != http.StatusOK || strings.TrimSpace(got.body) != `{"status":"ok"}` {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestMetricsCountByRouteTemplate(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	metrics, err := server.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	r := front(t, &server.Front{Metrics: metrics}, func(router *mux.Router) {
		router.HandleFunc("/v1/things/{id}", func(w http.ResponseWriter, r *http.Request) {
			if mux.Vars(r)["id"] == "9" {
				panic("boom")
			}
			w.WriteHeader(http.StatusAccepted)
		}).Methods(http.MethodPut)
		server.MountOps(router, &server.Health{Now: time.Now}, registry)
	})
	for i := range 10 {
		send(t, r.addr, fmt.Sprintf("PUT /v1/things/%d", i))
	}
	send(t, r.addr, "GET /random/0123456789")
	send(t, r.addr, "XYZZY1 /random/1")
	send(t, r.addr, "GET /v1/../x")

	var text string
	waitUntil(t, func() bool { // a request is counted after its answer has gone out
		text = send(t, r.addr, "GET /metrics").body
		return strings.Contains(text, `countersign_http_requests_total{method="GET",route="unmatched",status="400"} 1`)
	})
	for _, line := range []string{
		`countersign_http_requests_total{method="PUT",route="/v1/things/{id}",status="202"} 9`,
		`countersign_http_requests_total{method="PUT",route="/v1/things/{id}",status="500"} 1`,
		`countersign_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`countersign_http_requests_total{method="OTHER",route="unmatched",status="404"} 1`,
		`countersign_http_request_duration_seconds_count{method="PUT",route="/v1/things/{id}"} 10`,
		`countersign_http_requests_in_flight 1`,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics do not say %s", line)
		}
	}
	for _, path := range []string{"random", "XYZZY", "things/1"} {
		if strings.Contains(text, path) {
			t.Errorf("the metrics show %q, which a caller chose", path)
		}
	}
	if _, err := server.NewMetrics(registry); err == nil {
		t.Error("metrics registered twice")
	}
}
