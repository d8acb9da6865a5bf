package server_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/server"
)

// patience is how long a test waits for what must happen; nothing waits for it to pass.
const patience = 10 * time.Second

// running is a server on a listener of its own.
type running struct {
	url, addr string
	log       *book
	stop      func() error // ends the server and gives what Run returned
	ended     <-chan error
}

// start runs a server until the test ends.
func start(t *testing.T, s *server.Server) running {
	t.Helper()
	log := &book{}
	if s.Log == nil {
		s.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return receive(t, ended)
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return running{url: "http://" + listener.Addr().String(), addr: listener.Addr().String(), log: log, stop: stop, ended: ended}
}

// front runs a whole front with a router that the test fills.
func front(t *testing.T, f *server.Front, routes func(*mux.Router)) running {
	t.Helper()
	log := &book{}
	f.Log = slog.New(server.LogHandler(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	f.Now = time.Now
	if f.Router == nil {
		f.Router = server.NewRouter("external_id")
	}
	routes(f.Router)
	r := start(t, &server.Server{Handler: f.Handler(), Log: f.Log})
	r.log = log
	return r
}

// book is a log that a test can read while it is written.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func receive[T any](t *testing.T, from <-chan T) T { //nolint:ireturn // it is the type that the caller chose
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Error("nothing came in time")
		return *new(T)
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// send speaks HTTP/1.1 as it is written, so that nothing is cleaned on the way.
func send(t *testing.T, addr string, lines ...string) answer {
	t.Helper()
	conn := dial(t, addr)
	head := lines[0] + " HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n"
	for _, line := range lines[1:] {
		head += line + "\r\n"
	}
	// The server may refuse and close before everything is written.
	_, _ = io.WriteString(conn, head+"\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("%s: %v", lines[0], err)
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	// A server that refuses a header resets the connection when it has said so.
	if err != nil && res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s: %v", lines[0], err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it did not happen in time")
		}
	}
}
