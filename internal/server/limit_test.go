package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/server"
)

func TestABodyThatEndedAtItsLimitIsToldFromOthers(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]bool{99: false, 100: false, 101: true, 5000: true} {
		_, err := io.ReadAll(http.MaxBytesReader(newRecorder(), io.NopCloser(io.LimitReader(zeros{}, size)), 100))
		if server.IsTooLarge(fmt.Errorf("read: %w", err)) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if server.IsTooLarge(io.ErrUnexpectedEOF) || server.IsTooLarge(nil) {
		t.Error("another error is taken for it")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestTooManyAtOnceAreRefusedExceptTapsAndHealth(t *testing.T) {
	t.Parallel()
	entered, finish := make(chan struct{}), make(chan struct{})
	r := front(t, &server.Front{InFlight: 2, Exempt: []string{"/telegram/webhook"}}, func(router *mux.Router) {
		router.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) {
			entered <- struct{}{}
			<-finish
		})
		router.HandleFunc("/telegram/webhook", func(http.ResponseWriter, *http.Request) {})
		server.MountOps(router, &server.Health{Now: time.Now}, prometheus.NewRegistry())
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { send(t, r.addr, "GET /slow") })
		receive(t, entered)
	}
	got := send(t, r.addr, "GET /slow")
	if p := problemOf(t, got); got.status != 503 || p.Code != "overloaded" || !p.Retryable || got.header.Get("Retry-After") != "" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
	for _, path := range append(server.OpsPaths(), "/telegram/webhook") {
		if got := send(t, r.addr, "GET "+path); got.status != http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := send(t, r.addr, "GET /telegram/webhook%2f"); got.status == http.StatusOK {
		t.Error("a variant of an exempt path is taken")
	}
	close(finish)
	wg.Wait()
	go func() { <-entered }()
	if got := send(t, r.addr, "GET /slow"); got.status != http.StatusOK {
		t.Errorf("the places are not free again: %d", got.status)
	}
}

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func TestEachKeyHasItsOwnRate(t *testing.T) {
	t.Parallel()
	var c clock
	limiter := &server.Limiter{Rate: 2, Burst: 4, Now: c.now}
	count := func(key string, tries int) (passed int, wait time.Duration) {
		for range tries {
			ok, after := limiter.Allow(key)
			if ok {
				passed++
			} else {
				wait = after
			}
		}
		return passed, wait
	}
	if n, wait := count("a", 40); n != 4 || wait != 500*time.Millisecond {
		t.Errorf("a burst let %d through and says to wait %v", n, wait)
	}
	if n, _ := count("b", 4); n != 4 {
		t.Errorf("another key was let through %d times", n)
	}
	c.advance(500 * time.Millisecond)
	if n, _ := count("a", 10); n != 1 {
		t.Errorf("after half a second %d passed", n)
	}
	c.advance(time.Hour)
	if n, _ := count("a", 10); n != 4 {
		t.Errorf("after an hour %d passed", n)
	}
	if ok, wait := (&server.Limiter{Rate: 1, Now: c.now}).Allow("a"); ok || wait <= 0 {
		t.Error("a limiter without a burst lets somebody through")
	}
}

func TestTheLimiterForgetsTheOldestKeysOnly(t *testing.T) {
	t.Parallel()
	var c clock
	limiter := &server.Limiter{Rate: 1, Burst: 1, Keys: 3, Now: c.now}
	limiter.Allow("mine")
	for i := range 100 {
		limiter.Allow(fmt.Sprint("other ", i))
		if ok, _ := limiter.Allow("mine"); ok {
			t.Fatal("a key in use was forgotten, and its limit with it")
		}
	}
}

func TestARateHoldsAmongManyAtOnce(t *testing.T) {
	t.Parallel()
	var c clock
	limiter := &server.Limiter{Rate: 1, Burst: 10, Now: c.now}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if ok, _ := limiter.Allow("one"); ok {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 10 {
		t.Errorf("%d passed, want 10", passed.Load())
	}
}

func TestAKeyHasSoManyRequestsInHand(t *testing.T) {
	t.Parallel()
	gate := &server.Gate{Limit: 2}
	first, ok1 := gate.Enter("a")
	_, ok2 := gate.Enter("a")
	_, ok3 := gate.Enter("a")
	_, other := gate.Enter("b")
	if !ok1 || !ok2 || ok3 || !other {
		t.Errorf("entered: %v %v %v, another key %v", ok1, ok2, ok3, other)
	}
	first()
	first() // leaving twice frees one place only
	_, ok4 := gate.Enter("a")
	_, ok5 := gate.Enter("a")
	if !ok4 || ok5 {
		t.Errorf("after one left: %v, and one more %v", ok4, ok5)
	}
}

func TestAProblemSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 1500 * time.Millisecond: "2", time.Minute: "60"} {
		rec := newRecorder()
		server.WriteProblem(rec, mustRequest(t, "/"), server.Problem{
			Status: http.StatusTooManyRequests, Code: "rate_limited", RetryAfter: wait,
			Errors: []server.FieldError{{Field: "lines[2].amount", Code: "not_positive", Message: "Above zero, please."}},
		})
		if got := rec.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After %q, want %q", wait, got, want)
		}
		want := `{"type":"urn:countersign:problem:rate_limited","title":"Too Many Requests","status":429,"code":"rate_limited","message":"Too Many Requests",` +
			`"errors":[{"field":"lines[2].amount","code":"not_positive","message":"Above zero, please."}],"request_id":"","retryable":false}`
		if got := strings.TrimSpace(rec.Body.String()); got != want {
			t.Errorf("got %s", got)
		}
	}
}
