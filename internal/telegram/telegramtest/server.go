package telegramtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options configure a Server. The zero value is usable.
type Options struct {
	// Token is the only token known; "4242424242:test-token" when empty.
	Token string
	// BotName is the bot's username; "countersign_bot" when empty.
	BotName string
	// Listen is the loopback address to listen on; "127.0.0.1:0" when empty.
	Listen string
	// Clock is the time; RealClock when nil.
	Clock *Clock
	// MaxFile is the greatest file, in bytes; 50 MB when zero.
	MaxFile int64
	// Limits are the rate limits; none when zero.
	Limits Limits
	// ReadsAll turns privacy mode off: the bot sees every message of its groups.
	ReadsAll bool
	// NoFeedback turns chosen_inline_result off.
	NoFeedback bool
	// Keep is how many calls, and how many events, are remembered; 200,000 when zero.
	Keep int
}

// Server is the stand-in. Its methods may be called concurrently.
type Server struct {
	options Options
	clock   *Clock
	botID   int64
	methods map[string]method

	listener net.Listener
	http     *http.Server
	ctx      context.Context //nolint:containedctx // ends what the server started: deliveries and polls
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu       sync.Mutex
	version  int64
	changed  chan struct{}
	users    map[int64]*User
	chats    map[int64]*chat
	files    map[string]*file
	inline   map[string]*Message // messages of inline mode
	queries  map[string]*query
	commands map[string][]Command
	about    map[string]string
	last     struct{ message, update, query, file, album, call, event int64 }
	faults   map[string][]Fault
	always   map[string]*Fault
	limiter  limiter
	counts   map[Outcome]int
	calls    []Call
	events   []Event
	pending  []*update
	allowed  []string // nil is the default set
	hook     *hook
	poll     *poll
	resume   chan struct{} // not nil while paused
}

// Open starts a server.
func Open(o Options) (*Server, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	address := o.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	var config net.ListenConfig
	if s.listener, err = config.Listen(s.ctx, "tcp", address); err != nil {
		return nil, fmt.Errorf("listen for the bot api: %w", err)
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return s.ctx }}
	s.running.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.stop()
		}
	})
	return s, nil
}

// New returns a server that does not listen: its ServeHTTP is for a listener of the caller's.
func New(o Options) (*Server, error) {
	if o.Token == "" {
		o.Token = "4242424242:test-token"
	}
	if o.BotName == "" {
		o.BotName = "countersign_bot"
	}
	if o.MaxFile == 0 {
		o.MaxFile = 50 << 20
	}
	if o.Keep == 0 {
		o.Keep = keepEntries
	}
	if o.Clock == nil {
		o.Clock = RealClock()
	}
	number, _, _ := strings.Cut(o.Token, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("token of the bot api: %w", err)
	}
	s := &Server{
		options: o, clock: o.Clock, botID: id, changed: make(chan struct{}),
		users: map[int64]*User{}, chats: map[int64]*chat{}, files: map[string]*file{}, inline: map[string]*Message{},
		counts:  map[Outcome]int{},
		queries: map[string]*query{}, commands: map[string][]Command{}, about: map[string]string{}, faults: map[string][]Fault{}, always: map[string]*Fault{},
	}
	s.last.update = 870_000_000
	s.limiter.limits = o.Limits
	s.methods = s.table()
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Close ends the server and all it does, and waits for it.
func (s *Server) Close() error {
	s.stop()
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	s.mu.Lock()
	s.replaceHook(nil, nil)
	s.mu.Unlock()
	s.running.Wait()
	return err
}

// URL is the address to give to a client.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Token is the token of the bot.
func (s *Server) Token() string { return s.options.Token }

// BotID is the account of the bot.
func (s *Server) BotID() int64 { return s.botID }

// BotName is the username of the bot.
func (s *Server) BotName() string { return s.options.BotName }

// Clock is the time of the server.
func (s *Server) Clock() *Clock { return s.clock }

// touch notes a change and wakes whoever waits for one.
func (s *Server) touch() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

// Version counts the changes.
func (s *Server) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Changed waits until there are more changes than since, and returns how many there are.
func (s *Server) Changed(ctx context.Context, since int64) (int64, error) {
	for {
		s.mu.Lock()
		version, changed := s.version, s.changed
		s.mu.Unlock()
		if version > since {
			return version, nil
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return version, fmt.Errorf("wait for change %d: %w", since+1, http.ErrServerClosed)
		case <-ctx.Done():
			return version, fmt.Errorf("wait for change %d: %w", since+1, ctx.Err())
		}
	}
}

// WaitFor waits until holds returns true, asking after every change. It may call any method of the server.
func (s *Server) WaitFor(ctx context.Context, holds func() bool) error {
	for {
		version := s.Version()
		if holds() {
			return nil
		}
		if _, err := s.Changed(ctx, version); err != nil {
			return err
		}
	}
}
