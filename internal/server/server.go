// Package server owns how HTTP comes in and goes out, whatever it is about: the
// listener with its limits and its end, who is calling and under which request
// id, the log and the metrics of requests, which paths are taken at all, health,
// and the one form of an error. It leaves what the paths mean, who may use them
// and what an error of the ledger is called to the doors.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Timeouts bound what one connection may cost. A zero field has its default.
type Timeouts struct {
	ReadHeader time.Duration // 5 s
	Read       time.Duration // 15 s for header and body; [Extend] gives more
	Write      time.Duration // 30 s from the end of the header to the end of the answer; [Extend] gives more
	Idle       time.Duration // 75 s between two requests
	DrainDelay time.Duration // 0 s from "not ready" to a closed listener
	Drain      time.Duration // 20 s for the requests in hand at the end
}

func (t Timeouts) orDefaults() Timeouts {
	t.ReadHeader = cmp.Or(t.ReadHeader, 5*time.Second)
	t.Read = cmp.Or(t.Read, 15*time.Second)
	t.Write = cmp.Or(t.Write, 30*time.Second)
	t.Idle = cmp.Or(t.Idle, 75*time.Second)
	t.Drain = cmp.Or(t.Drain, 20*time.Second)
	return t
}

// headerBytes is what a request may have before its body. The standard library
// reads 4 KiB above its setting before it refuses.
const headerBytes = 16<<10 - 4<<10

// Server answers requests on a listener. Its zero limits have their defaults.
type Server struct {
	Handler     http.Handler
	Log         *slog.Logger
	Health      *Health // told about the end; may be nil
	Timeouts    Timeouts
	Connections int // open at once; more wait in the backlog; 2000
}

// Run answers requests until ctx ends. Then it says "not ready", stops taking
// connections, and gives the requests in hand time to finish; what is still
// running after that is cut. It is nil when ctx ends, and the listener is closed
// in any case.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	timeouts := s.Timeouts.orDefaults()
	draining := make(chan struct{})
	// Requests live on when ctx ends: they are the work in hand.
	base, cut := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), drainKey{}, (<-chan struct{})(draining)))
	defer cut()
	httpServer := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: timeouts.ReadHeader,
		ReadTimeout:       timeouts.Read,
		WriteTimeout:      timeouts.Write,
		IdleTimeout:       timeouts.Idle,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	s.Health.drain(false)
	served := make(chan error, 1)
	go func() {
		served <- httpServer.Serve(netutil.LimitListener(listener, cmp.Or(s.Connections, 2000)))
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}

	s.Health.drain(true)
	close(draining)
	delay := time.NewTimer(timeouts.DrainDelay)
	defer delay.Stop()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-delay.C:
	}
	return s.end(base, httpServer, timeouts.Drain, served)
}

// end lets the requests in hand finish, and cuts those that do not.
func (s *Server) end(base context.Context, httpServer *http.Server, within time.Duration, served <-chan error) error {
	ctx, cancel := context.WithTimeout(base, within)
	defer cancel()
	err := httpServer.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.WarnContext(base, "requests cut at the end", "after", within)
		err = httpServer.Close()
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

type drainKey struct{}

// Draining is closed when the server begins to end. A request that waits for
// something, such as a long poll, should answer then.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainKey{}).(<-chan struct{})
	return draining
}
