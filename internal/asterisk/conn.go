package asterisk

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long a list may be: its items, and their texts together.
const (
	mostItems = 10_000
	mostBytes = 8 << 20
)

// action is what is asked.
type action struct {
	name   string
	fields []field
}

// answer is what came back.
type answer struct {
	reply message
	items []message // of a list
}

// waiting is an action whose answer is not whole yet.
type waiting struct {
	answer

	list bool
	size int
	err  error
	done chan struct{}
}

// conn is one connection.
type conn struct {
	net  net.Conn
	read reader
	hear func(message) // is told of every event
	id   string        // of the connection, in all its action ids
	slow time.Duration // what is not written by then ends the connection

	writing sync.Mutex
	mu      sync.Mutex
	last    int
	asked   map[string]*waiting
	err     error
	ended   chan struct{}
	booted  chan struct{} // closed once Asterisk has started
	once    sync.Once
}

// open connects and reads the greeting.
func (c *Client) open(ctx context.Context) (*conn, error) {
	within, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(within, "tcp", c.at)
	if err != nil {
		return nil, &Error{Action: "connect", Is: ErrAway, Err: err}
	}
	n := &conn{
		net: raw, hear: c.hear, id: rand.Text()[:10], slow: c.o.Timeout,
		asked: map[string]*waiting{}, ended: make(chan struct{}), booted: make(chan struct{}),
	}
	if c.o.TLS {
		n.net = tls.Client(raw, c.trust)
	}
	stop := context.AfterFunc(within, func() { _ = raw.Close() }) // a read ends with an error then
	err = n.greeted(within)
	if !stop() && err == nil {
		err = within.Err()
	}
	if err != nil {
		return nil, &Error{Action: "connect", Is: ErrAway, Err: errors.Join(cmp.Or(within.Err(), err), ignoreClosed(raw.Close()))}
	}
	return n, nil
}

// greeted sees that it is a manager interface, on this machine or behind a certificate that
// is trusted, before the secret goes there.
func (n *conn) greeted(ctx context.Context) error {
	if t, ok := n.net.(*tls.Conn); ok {
		if err := t.HandshakeContext(ctx); err != nil {
			return err
		}
	} else if at, ok := n.net.RemoteAddr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return errors.New("without TLS it must be on this machine, and it is not")
	}
	n.read = reader{bufio.NewReaderSize(n.net, mostLine)}
	line, err := n.read.line()
	if err == nil && !strings.HasPrefix(line, "Asterisk Call Manager/") {
		err = fmt.Errorf("%w: it does not greet as Asterisk does", ErrProtocol)
	}
	return err
}

// until is when the first of the certificates ends that the other side showed.
func (n *conn) until() (first time.Time) {
	t, secured := n.net.(*tls.Conn)
	if !secured {
		return time.Time{}
	}
	for _, c := range t.ConnectionState().PeerCertificates {
		if first.IsZero() || c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	return first
}

// listen takes what comes until the connection ends, and says why it did.
func (n *conn) listen() error {
	for {
		m, err := n.read.next()
		if err != nil {
			return err
		}
		m = m.sole()
		switch {
		case n.answered(m):
		case m.get("Event") == "FullyBooted":
			n.once.Do(func() { close(n.booted) })
		case m.get("Event") != "":
			n.hear(m)
		}
	}
}

// answered gives a message to the action that it belongs to. OriginateResponse is an event,
// although it has a field Response, and the action that it names has its answer.
func (n *conn) answered(m message) bool {
	event := m.get("Event")
	if event == "OriginateResponse" {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.asked[m.get("ActionID")]
	starts := event == "" && strings.EqualFold(m.get("EventList"), "start")
	switch {
	case w == nil || event != "" && !w.list:
		return false
	case starts:
		w.reply, w.list = m, true
		return true
	case event == "":
		w.reply = m
	case strings.EqualFold(m.get("EventList"), "Complete"):
		if items, err := strconv.Atoi(m.get("ListItems")); err != nil || items != len(w.items) {
			w.err = fmt.Errorf("%w: the list is not whole", ErrProtocol)
		}
	case m.get("EventList") != "": // cancelled
		w.err = fmt.Errorf("%w: the list is not whole", ErrProtocol)
	case len(w.items) == mostItems || w.size > mostBytes:
		w.err = fmt.Errorf("%w: the list is too long", ErrProtocol)
	default:
		w.size += m.size()
		w.items = append(w.items, m)
		return true
	}
	delete(n.asked, m.get("ActionID"))
	close(w.done)
	return true
}

// ask sends an action and waits for its answer. The error is ErrAway when nothing was sent,
// ErrUnanswered when it cannot be known what became of it.
func (n *conn) ask(ctx context.Context, a action) (answer, error) {
	n.mu.Lock()
	if err := cmp.Or(n.err, ctx.Err()); err != nil {
		defer n.mu.Unlock()
		return answer{}, &Error{Action: a.name, Is: ErrAway, Err: err}
	}
	n.last++
	id := "countersign/" + n.id + "/" + strconv.Itoa(n.last)
	w := &waiting{done: make(chan struct{})}
	n.asked[id] = w
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.asked, id)
	}()
	text, err := encode(append(message{{"Action", a.name}, {"ActionID", id}}, a.fields...))
	if err != nil {
		return answer{}, err
	}
	if err := n.write(text); err != nil {
		n.end(err)
		return answer{}, &Error{Action: a.name, Is: ErrUnanswered, Err: err}
	}
	var why error
	select {
	case <-w.done:
	case <-n.ended:
		why = n.why()
	case <-ctx.Done():
		why = ctx.Err()
	}
	select {
	case <-w.done: // also when it came right before the end
		return w.answer, wrap(a.name, w.err)
	default:
		return answer{}, &Error{Action: a.name, Is: ErrUnanswered, Err: why}
	}
}

func wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Action: name, Is: ErrProtocol, Err: err}
}

// write sends a text whole.
func (n *conn) write(text []byte) error {
	n.writing.Lock()
	defer n.writing.Unlock()
	slow := time.AfterFunc(n.slow, func() { n.end(errors.New("it takes nothing any more")) })
	defer slow.Stop()
	_, err := n.net.Write(text)
	return err
}

// end closes the connection; the first reason stays.
func (n *conn) end(why error) {
	n.mu.Lock()
	if n.err != nil {
		n.mu.Unlock()
		return
	}
	n.err = why
	close(n.ended)
	n.mu.Unlock()
	_ = n.net.Close() // the reason is known
}

func (n *conn) why() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
