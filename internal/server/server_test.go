package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"go.uber.org/goleak"

	"countersign/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAHalfSentHeaderIsCut(t *testing.T) {
	t.Parallel()
	r := start(t, &server.Server{
		Handler:  http.NotFoundHandler(),
		Timeouts: server.Timeouts{ReadHeader: 50 * time.Millisecond, Read: 10 * patience, Idle: 10 * patience},
	})
	conn := dial(t, r.addr)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: gate"); err != nil {
		t.Fatal(err)
	}
	// The end comes from the server, or the read fails at the deadline of the connection.
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection was held: %v", err)
	}
}

func TestAHalfSentBodyIsCut(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	r := start(t, &server.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			read <- err
		}),
		Timeouts: server.Timeouts{Read: 100 * time.Millisecond},
	})
	conn := dial(t, r.addr)
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 100\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, read); err == nil {
		t.Error("half a body was taken for a whole one")
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection was held: %v", err)
	}
}

func TestTooLargeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, func(router *mux.Router) {
		router.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	})
	many := make([]string, 0, 201)
	for i := range 200 {
		many = append(many, fmt.Sprintf("X-H%d: v", i))
	}
	same := make([]string, 0, 201)
	for range 200 {
		same = append(same, "X-Same: v")
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  int
	}{
		{"64 KB cookie", []string{"Cookie: a=" + strings.Repeat("x", 64<<10)}, 431},
		{"17 KB cookie", []string{"Cookie: a=" + strings.Repeat("x", 17<<10)}, 431},
		{"200 headers", many, 431},
		{"200 times one header", same, 431},
		{"8 KB cookie and 50 headers", append([]string{"Cookie: a=" + strings.Repeat("x", 8<<10)}, many[:50]...), 204},
	} {
		if got := send(t, r.addr, append([]string{"GET /"}, c.lines...)...); got.status != c.want {
			t.Errorf("%s: %d, want %d", c.name, got.status, c.want)
		}
	}
}

func TestTheEndWaitsForRequestsInHand(t *testing.T) {
	t.Parallel()
	entered, finish := make(chan struct{}), make(chan struct{})
	health := &server.Health{Log: slog.New(slog.DiscardHandler), Now: time.Now}
	router := server.NewRouter()
	router.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-server.Draining(r.Context()) // a long poll learns that the end has begun
		<-finish
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request in hand was canceled: %v", err)
		}
		fmt.Fprint(w, "done")
	})
	router.HandleFunc("/readyz", health.Ready)
	s := &server.Server{Handler: router, Health: health, Timeouts: server.Timeouts{DrainDelay: 50 * time.Millisecond}}
	r := start(t, s)
	if got := send(t, r.addr, "GET /readyz"); got.status != http.StatusOK {
		t.Errorf("ready before the end: %d", got.status)
	}

	answered := make(chan answer, 1)
	go func() { answered <- send(t, r.addr, "GET /work") }()
	receive(t, entered)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	waitUntil(t, func() bool {
		rec := newRecorder()
		health.Ready(rec, mustRequest(t, "/readyz"))
		return rec.Code == http.StatusServiceUnavailable && strings.Contains(rec.Body.String(), "draining")
	})
	waitUntil(t, func() bool { // no new connection is taken
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("the server ended before its request: %v", err)
	default:
	}
	close(finish)
	if got := receive(t, answered); got.status != http.StatusOK || got.body != "done" {
		t.Errorf("the request in hand got %+v", got)
	}
	if err := receive(t, stopped); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestARequestThatNeverEndsIsCutAtTheEnd(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	canceled := make(chan struct{})
	r := start(t, &server.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			close(canceled)
			<-release // deaf to the end of its context
		}),
		Timeouts: server.Timeouts{Drain: 50 * time.Millisecond},
	})
	conn := dial(t, r.addr)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: gate\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	receive(t, entered)
	if err := r.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	receive(t, canceled)
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection was held: %v", err)
	}
	close(release)
	if !strings.Contains(r.log.String(), "requests cut at the end") {
		t.Errorf("nobody is told: %s", r.log)
	}
}

func TestAServerCanRunAgain(t *testing.T) {
	t.Parallel()
	health := &server.Health{Log: slog.New(slog.DiscardHandler), Now: time.Now}
	s := &server.Server{Handler: http.HandlerFunc(health.Ready), Health: health}
	for range 2 {
		r := start(t, s)
		if got := send(t, r.addr, "GET /"); got.status != http.StatusOK {
			t.Errorf("got %+v", got)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALostListenerIsAnError(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	s := &server.Server{Handler: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)}
	if err := s.Run(t.Context(), listener); err == nil || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run returned %v", err)
	}
}

func TestMoreConnectionsThanAllowedWait(t *testing.T) {
	t.Parallel()
	var free atomic.Bool
	r := start(t, &server.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/second" && !free.Load() {
				t.Error("two connections were served at once")
			}
			w.WriteHeader(http.StatusNoContent)
		}),
		Connections: 1,
	})
	first := dial(t, r.addr)
	reader := bufio.NewReader(first)
	again := func() {
		if _, err := io.WriteString(first, "GET /first HTTP/1.1\r\nHost: gate\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	again()
	second := dial(t, r.addr)
	if _, err := io.WriteString(second, "GET /second HTTP/1.1\r\nHost: gate\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for range 50 { // while the second waits, the first is served
		again()
	}
	free.Store(true)
	first.Close()
	res, err := http.ReadResponse(bufio.NewReader(second), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("the second connection got %d", res.StatusCode)
	}
}

func TestLongPollsAndUploadsOutliveTheServersTimeouts(t *testing.T) {
	t.Parallel()
	wait := make(chan struct{})
	handler := http.NewServeMux()
	handler.HandleFunc("/poll", func(w http.ResponseWriter, r *http.Request) {
		server.Extend(w, r, time.Now(), 50*time.Millisecond, patience)
		select {
		case <-r.Context().Done():
			t.Error("a deadline ended the long poll")
		case <-wait:
			fmt.Fprint(w, "event")
		}
	})
	handler.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		server.Extend(w, r, time.Now(), patience, patience)
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, string(body), err)
	})
	r := start(t, &server.Server{Handler: handler, Timeouts: server.Timeouts{
		ReadHeader: 300 * time.Millisecond, Read: 100 * time.Millisecond, Write: 100 * time.Millisecond,
	}})

	polled := make(chan answer, 1)
	go func() { polled <- send(t, r.addr, "GET /poll") }()
	upload := dial(t, r.addr)
	if _, err := io.WriteString(upload, "PUT /upload HTTP/1.1\r\nHost: gate\r\nContent-Length: 8\r\nConnection: close\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	// The same server cuts who sends no header: when that is done, both have
	// lived longer than it allows others.
	conn := dial(t, r.addr)
	if _, err := io.WriteString(conn, "POST /poll HTTP/1.1\r\nHo"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	close(wait)
	if got := receive(t, polled); got.body != "event" {
		t.Errorf("the long poll got %+v", got)
	}
	if _, err := io.WriteString(upload, "rest"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(upload); err != nil || !strings.HasSuffix(string(got), "halfrest<nil>") {
		t.Errorf("the upload got %q, %v", got, err)
	}
}

func TestAnAnswerIsFlushedThroughEveryLayer(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{InFlight: 8}, func(router *mux.Router) {
		router.HandleFunc("/sse", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "first\n")
			w.(http.Flusher).Flush()
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("flush: %v", err)
			}
			<-r.Context().Done()
		})
	})
	first := make(chan struct{})
	ctx, cancel := context.WithCancel(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { close(first) }}))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/sse", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	receive(t, first)
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || line != "first\n" {
		t.Errorf("read %q, %v", line, err)
	}
}
