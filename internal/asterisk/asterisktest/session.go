package asterisktest

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
)

// As the real one has it.
const (
	mostLine   = 1024
	mostFields = 128
)

// action is one that was asked for. A field may be there several times.
type action map[string][]string

func (a action) get(key string) string {
	if v := a[strings.ToLower(key)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// session is one connection.
type session struct {
	s    *Server
	conn net.Conn
	r    *bufio.Reader
	user bool // logged in

	writing sync.Mutex
	mu      sync.Mutex
	out     []byte
	ready   chan struct{}
	once    sync.Once
	over    chan struct{}
}

func (n *session) end() {
	n.once.Do(func() {
		close(n.over)
		_ = n.conn.Close()
	})
}

// send queues a text; nobody waits for a client that does not read.
func (n *session) send(text string) {
	n.mu.Lock()
	n.out = append(n.out, text...)
	n.mu.Unlock()
	select {
	case n.ready <- struct{}{}:
	default:
	}
}

func (n *session) write() {
	for {
		select {
		case <-n.over:
			return
		case <-n.ready:
			n.flush()
		}
	}
}

// flush writes what is queued.
func (n *session) flush() {
	n.writing.Lock()
	defer n.writing.Unlock()
	n.mu.Lock()
	text := n.out
	n.out = nil
	n.mu.Unlock()
	if _, err := n.conn.Write(text); err != nil {
		n.end()
	}
}

func (n *session) run() {
	defer func() {
		n.flush()
		n.end()
		n.s.mu.Lock()
		defer n.s.mu.Unlock()
		delete(n.s.sessions, n)
	}()
	n.send("Asterisk Call Manager/5.0.4\r\n")
	for {
		a, err := n.read()
		switch {
		case errors.Is(err, errLong):
			n.send(message("Response", "Error", "Message", "Failed to parse message: line too long"))
		case errors.Is(err, errMany):
			n.send(message("Response", "Error", "Message", "Too many lines in message or allocation failure"))
		case err != nil:
			return
		case !n.s.meet(n, a):
			return
		}
	}
}

var (
	errLong = errors.New("line too long")
	errMany = errors.New("too many lines")
)

// read takes one action. Like the real one it knows no line longer than its buffer.
func (n *session) read() (action, error) {
	a := action{}
	fields, long := 0, false
	for {
		raw, err := n.r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = true
			continue
		case err != nil:
			return nil, err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		if line == "" {
			switch {
			case long:
				return nil, errLong
			case fields > mostFields:
				return nil, errMany
			case fields == 0:
				continue
			}
			return a, nil
		}
		fields++
		key, value, _ := strings.Cut(line, ":")
		key = strings.ToLower(key)
		a[key] = append(a[key], strings.TrimLeft(value, " \t"))
	}
}

// message writes one, of keys and values in turn.
func message(pairs ...string) string {
	var b strings.Builder
	for pair := range slices.Chunk(pairs, 2) {
		b.WriteString(pair[0] + ": " + pair[1] + "\r\n")
	}
	return b.String() + "\r\n"
}

// reply answers an action.
func (n *session) reply(a action, response, text string, more ...string) {
	pairs := []string{"Response", response}
	if id := a.get("ActionID"); id != "" {
		pairs = append(pairs, "ActionID", id)
	}
	if text != "" {
		pairs = append(pairs, "Message", text)
	}
	n.send(message(append(pairs, more...)...))
}

// list answers with items, each a message's pairs.
func (n *session) list(a action, item, text string, items [][]string) {
	id, end := a.get("ActionID"), item+"Complete"
	switch item {
	case "CoreShowChannel":
		end = "CoreShowChannelsComplete"
	case "ListDialplan":
		end = "ShowDialPlanComplete"
	}
	n.reply(a, "Success", text, "EventList", "start")
	for _, pairs := range items {
		n.send(message(append([]string{"Event", item, "ActionID", id}, pairs...)...))
	}
	n.send(message("Event", end, "ActionID", id, "EventList", "Complete", "ListItems", count(len(items))))
}
