package asterisk

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/internal/secret"
)

// Options say where Asterisk is and who asks. Address, User, Secret and Now are needed.
type Options struct {
	Address string // host or host:port; port 5038 when it has none, 5039 with TLS
	User    string // of manager.conf
	Secret  secret.Text
	TLS     bool   // without it the address must be on this machine
	CA      string // a file with the authorities to trust; empty: the system's

	Timeout time.Duration // of a connection with its login, and of one action; 10 s when zero
	Ping    time.Duration // between two looks whether the connection lives, and which rooms are locked; 5 s when zero
	Pause   time.Duration // before the second try to connect, and longer from then on; 500 ms when zero
	Longest time.Duration // between two tries at most; 30 s when zero
	Settle  time.Duration // within which who was removed must be gone; 500 ms when zero
	Taken   time.Duration // within which a call file must be taken, or nobody is called; 5 s when zero
	Events  int           // kept for [Client.Next]; 1024 when zero
	Spool   *Spool        // calls are asked for by files in it; nil: by the manager interface
	Try     time.Duration // after each login [Client.Try] has so long, and the log what it found; not done when zero

	Now func() time.Time
	Log *slog.Logger // may be nil
}

const (
	ownTimeout  = 10 * time.Second
	ownPing     = 5 * time.Second
	ownPause    = 500 * time.Millisecond
	ownLongest  = 30 * time.Second
	ownSettle   = 500 * time.Millisecond
	ownTaken    = 5 * time.Second
	ownEvents   = 1024
	portPlain   = "5038"
	portTLS     = "5039"
	half        = 2
	maxUserName = 80
)

// Client keeps one connection. Its methods may be called concurrently; Run once.
type Client struct {
	o      Options
	host   string
	at     string // host:port
	trust  *tls.Config
	events events

	mu      sync.Mutex
	conn    *conn // nil: not up
	state   State
	calls   *calls
	gone    map[string][]chan struct{} // by channel: closed once it left its room
	doors   doors
	tries   []*trying
	awaited map[string]chan struct{} // by job: closed once anything is told of it
	warned  string                   // what the log said last
}

// New checks the options. It calls nobody; [Client.Run] does.
func New(o Options) (*Client, error) {
	o.Timeout, o.Ping, o.Pause = cmp.Or(o.Timeout, ownTimeout), cmp.Or(o.Ping, ownPing), cmp.Or(o.Pause, ownPause)
	o.Longest, o.Settle, o.Events = cmp.Or(o.Longest, ownLongest), cmp.Or(o.Settle, ownSettle), cmp.Or(o.Events, ownEvents)
	o.Taken = cmp.Or(o.Taken, ownTaken)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	c := &Client{o: o, events: events{most: o.Events}, calls: newCalls(), gone: map[string][]chan struct{}{}, doors: doors{locked: map[string]bool{}}, awaited: map[string]chan struct{}{}}
	var problems []error
	must := func(fine bool, what string) {
		if !fine {
			problems = append(problems, errors.New(what))
		}
	}
	var err error
	if c.host, c.at, err = address(o); err != nil {
		problems = append(problems, err)
	} else {
		must(o.TLS || loopback(c.host), "without TLS the secret and all numbers could be read on the way: turn TLS on, or use an Asterisk on this machine")
	}
	must(o.User != "" && len(o.User) <= maxUserName && writable(o.User), "the user is missing, or has characters that no user has")
	must(o.Secret != "" && writable(o.Secret.Reveal()), "the secret is missing, begins or ends with a space, or has a line break or another control character")
	must(o.CA == "" || o.TLS, "there is an authority to trust, and TLS is off")
	must(o.Now != nil, "there is no clock")
	must(min(o.Timeout, o.Ping, o.Pause, o.Longest, o.Settle, o.Taken) > 0 && o.Events > 0, "a time or the number of events is below zero")
	if o.TLS && err == nil {
		c.trust, err = trusted(c.host, o.CA, o.Now)
		must(err == nil, fmt.Sprint(err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("asterisk: %w", err)
	}
	return c, nil
}

// address reads where Asterisk is.
func address(o Options) (host, at string, err error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		host, port = o.Address, portPlain
		if o.TLS {
			port = portTLS
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || net.ParseIP(host) == nil && !made(host, 1, 253, word+".-") {
		return "", "", errors.New("the address is neither host nor host:port")
	}
	return host, net.JoinHostPort(host, port), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// trusted says whose certificates are good.
func trusted(host, file string, now func() time.Time) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, Time: now}
	if file == "" {
		return c, nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("the authority to trust: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the authority to trust: %s holds no certificate in PEM form", file)
	}
	return c, nil
}

// State tells how the connection is.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Run keeps the connection until ctx ends: it connects anew whenever it ends, with pauses that
// grow. It returns nil.
func (c *Client) Run(ctx context.Context) error {
	pause := c.o.Pause
	for ctx.Err() == nil {
		began := c.o.Now()
		c.down(ctx, c.once(ctx))
		if c.o.Now().Sub(began) > c.o.Longest { // it was well for a while
			pause = c.o.Pause
		}
		jittered := pause/half + rand.N(pause) //nolint:gosec // only so that replicas do not come at once
		t := time.NewTimer(jittered)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(pause*half, c.o.Longest)
	}
	return nil
}

// once connects, and stays until the connection ends.
func (c *Client) once(ctx context.Context) error {
	n, err := c.open(ctx)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer n.end(errGivenUp) // not ErrAway: what was sent and waits may have been done
	all.Go(func() { n.end(n.listen()) })
	all.Go(func() {
		select {
		case <-ctx.Done():
			n.end(ctx.Err())
		case <-n.ended:
		}
	})
	now, err := c.greet(ctx, n)
	if err != nil {
		return err
	}
	c.up(ctx, n, now)
	if c.o.Try > 0 {
		within, cancel := context.WithCancel(ctx)
		defer cancel()
		all.Go(func() { c.warn(within) })
	}
	return c.watch(ctx, n)
}

// watch asks now and then whether the connection lives, since one that was cut far away is silent.
func (c *Client) watch(ctx context.Context, n *conn) error {
	t := time.NewTicker(c.o.Ping)
	defer t.Stop()
	untidy := ""
	for {
		select {
		case <-n.ended:
			return n.why()
		case <-t.C:
			if _, err := c.on(ctx, n, action{name: "Ping"}); err != nil {
				return err
			}
			if err := c.lookAtDoors(ctx, n); err != nil {
				return err
			}
			untidy = c.tidy(ctx, untidy)
		}
	}
}

// up makes the connection the one that actions take.
func (c *Client) up(ctx context.Context, n *conn, now State) {
	now.Up, now.Since = true, c.o.Now()
	c.mu.Lock()
	c.conn, c.state = n, now
	c.mu.Unlock()
	c.events.push(Event{Kind: Resync, At: c.o.Now()})
	c.o.Log.InfoContext(ctx, "connected to Asterisk", slog.String("version", now.Version))
}

// warn says in the log what calls will lack. It says nothing twice in a row.
func (c *Client) warn(ctx context.Context) {
	found, err := c.Try(ctx, c.o.Try)
	if ctx.Err() != nil || errors.Is(err, ErrAway) || errors.Is(err, ErrUnanswered) {
		return
	}
	var what []any
	if len(found.Lacks) > 0 {
		what = append(what, slog.String("rights", strings.Join(found.Lacks, ", ")))
	}
	if len(found.Modules) > 0 {
		what = append(what, slog.String("modules", strings.Join(found.Modules, ", ")))
	}
	if found.Trunk == TrunkUnknown || found.Trunk == TrunkAway {
		what = append(what, slog.String("trunk", found.Trunk))
	}
	if err != nil {
		what = append(what, slog.Any("error", err))
	}
	said := fmt.Sprint(what...)
	c.mu.Lock()
	again := c.warned == said
	c.warned = said
	c.mu.Unlock()
	if len(what) > 0 && !again {
		c.o.Log.WarnContext(ctx, "Asterisk lacks something that calls need; \"countersign doctor\" says what to do", what...)
	}
}

// down notes why there is no connection. Only a change is logged.
func (c *Client) down(ctx context.Context, err error) {
	c.mu.Lock()
	was := c.state
	c.conn = nil
	c.state.Up, c.state.Err = false, err
	if was.Up || was.Since.IsZero() {
		c.state.Since = c.o.Now()
	}
	c.mu.Unlock()
	if ctx.Err() == nil && (was.Up || was.Err == nil || was.Err.Error() != err.Error()) {
		c.o.Log.WarnContext(ctx, "no connection to Asterisk", slog.Any("error", err))
	}
}
