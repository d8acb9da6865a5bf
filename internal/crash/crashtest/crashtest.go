// Package crashtest lets what speaks with others over the network die in the middle of what it
// does, inside the process of a test.
//
// It owns the wires of whoever is to die: as soon as a number of messages went out on them, all
// are cut and none can be opened. The last message arrives and its answer does not: to the
// others it is the same as a process that was killed there. Kills of whole processes, at
// named points, are package crash's.
package crashtest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Life is that of somebody whose connections all lead over its wires.
type Life struct {
	mu    sync.Mutex
	armed bool
	left  int
	over  chan struct{}
	open  map[net.Conn]bool
}

// New begins a life that nothing ends yet.
func New(tb testing.TB) *Life {
	tb.Helper()
	l := &Life{over: make(chan struct{}), open: map[net.Conn]bool{}}
	tb.Cleanup(l.end)
	return l
}

// EndAfter lets it end with the n-th message from now on; with the first of none, when n is 0.
func (l *Life) EndAfter(n int) {
	l.mu.Lock()
	l.armed, l.left = true, n
	l.mu.Unlock()
	if n == 0 {
		l.end()
	}
}

// Over tells of its end.
func (l *Life) Over() <-chan struct{} { return l.over }

// Ended reports whether it is over.
func (l *Life) Ended() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// Wire gives an address that leads to another one, for as long as the life lasts.
func (l *Life) Wire(tb testing.TB, network, address string) string {
	tb.Helper()
	return l.Weighed(tb, network, address, func([]byte) int { return 1 })
}

// Weighed is a Wire with messages that count for more than one, or for nothing.
func (l *Life) Weighed(tb testing.TB, network, address string, weigh func([]byte) int) string {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := (&net.Dialer{}).DialContext(context.Background(), network, address)
			if err != nil || !l.keep(from, to) {
				_ = from.Close()
				continue
			}
			wg.Go(func() { l.carry(from, to, weigh) })
			wg.Go(func() { back(to, from) })
		}
	})
	tb.Cleanup(func() { _ = listener.Close(); l.end(); wg.Wait() })
	return listener.Addr().String()
}

// keep holds connections that are to be cut in the end; false when that has come.
func (l *Life) keep(from, to net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Ended() {
		_ = to.Close()
		return false
	}
	l.open[from], l.open[to] = true, true
	return true
}

// carry takes messages to the others, until the last.
func (l *Life) carry(from, to net.Conn, weigh func([]byte) int) {
	defer func() { _, _ = from.Close(), to.Close() }()
	text := make([]byte, 64<<10)
	for {
		n, err := from.Read(text)
		if err != nil || !l.send(to, text[:n], weigh(text[:n])) {
			return
		}
	}
}

// send lets a message pass, and ends the life where it was the last: so none goes out beside it.
func (l *Life) send(to net.Conn, text []byte, weight int) bool {
	l.mu.Lock()
	if l.Ended() {
		l.mu.Unlock()
		return false
	}
	_, err := to.Write(text)
	last := false
	if l.armed && weight > 0 {
		l.left -= weight
		last = l.left <= 0
	}
	l.mu.Unlock()
	if last {
		l.end()
	}
	return err == nil && !last
}

func back(to, from net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	text := make([]byte, 64<<10)
	for {
		n, err := to.Read(text)
		if err != nil {
			return
		}
		if _, err := from.Write(text[:n]); err != nil {
			return
		}
	}
}

func (l *Life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Ended() {
		return
	}
	close(l.over)
	for c := range l.open {
		_ = c.Close()
	}
}
