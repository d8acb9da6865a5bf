package telegramtest

import (
	"cmp"
	"maps"
	"net/http"
	"strings"
)

// Any stands for every method in FailNext and FailAlways.
const Any = "*"

// Fault is a way in which a call goes wrong. With none of Code, Status and Drop the call is only late, by Hold.
type Fault struct {
	// Hold is waited for first: for its closing, or a value.
	Hold <-chan struct{}
	// Code and Text are a refusal in the form of the Bot API.
	Code       int
	Text       string
	RetryAfter int
	MigrateTo  int64
	// Status and Body are an answer that the Bot API did not write.
	Status int
	Body   string
	// Drop closes the connection without an answer.
	Drop bool
	// Effect makes the call do its work first: then only the answer is wrong, late or lost.
	Effect bool
}

// Refuse is a refusal with one of Telegram's texts, "Bad Request: chat not found" for instance.
func Refuse(code int, text string) Fault { return Fault{Code: code, Text: text} }

// TooMany is a refusal for so many seconds.
func TooMany(seconds int) Fault {
	return Fault{Code: http.StatusTooManyRequests, RetryAfter: seconds, Text: "Too Many Requests: retry after " + itoa(int64(seconds))}
}

// BadGateway is the page of a front server.
func BadGateway() Fault {
	return Fault{Status: http.StatusBadGateway, Body: "<html><body><h1>502 Bad Gateway</h1></body></html>"}
}

// Drop closes the connection and does nothing.
func Drop() Fault { return Fault{Drop: true} }

// Lose does the work and closes the connection without an answer.
func Lose() Fault { return Fault{Drop: true, Effect: true} }

// Delay waits for the channel and then does the work.
func Delay(until <-chan struct{}) Fault { return Fault{Hold: until} }

// FailNext makes the next calls of a method, or of Any, go wrong, one after the other.
func (s *Server) FailNext(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// FailAlways makes every call of a method, or of Any, go wrong until it is ended.
func (s *Server) FailAlways(method string, fault Fault) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always[method] = &fault
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.always[method] == &fault {
			delete(s.always, method)
		}
	}
}

// begin enters a call into the ledger and finds its fault.
func (s *Server) begin(c *call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last.call++
	c.number = s.last.call
	params := maps.Clone(c.params)
	for name, f := range c.files {
		params[name] = "file " + f.name + ", " + itoa(int64(len(f.data))) + " bytes"
	}
	s.calls = keep(append(s.calls, Call{Number: c.number, At: c.at, Method: c.method, Params: params}), s.options.Keep)
	s.touch()
	for _, key := range []string{c.method, Any} {
		if queue := s.faults[key]; len(queue) > 0 {
			s.faults[key] = queue[1:]
			return &queue[0]
		}
	}
	return cmp.Or(s.always[c.method], s.always[Any])
}

// misbehave does what a fault says; it returns true if the call is to go on as if nothing had been.
func (s *Server) misbehave(w http.ResponseWriter, c *call, f *Fault) bool {
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-c.ctx.Done():
		case <-s.ctx.Done():
		}
	}
	switch {
	case f.Drop:
		s.noteLost(c.number, "connection closed")
		// The server of net/http closes the connection for this value, and writes no log.
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		s.noteLost(c.number, "answered with a page")
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
		return false
	case f.Code != 0:
		refused := &refusal{code: f.Code, text: f.Text, retryAfter: f.RetryAfter, migrateTo: f.MigrateTo}
		if !f.Effect {
			s.note(c, refused)
		}
		s.refuse(w, refused)
		return false
	case c.ctx.Err() != nil:
		s.noteLost(c.number, "caller gave up")
		return true
	default:
		return true
	}
}

// canonical is the name of a method as the documentation writes it.
func (s *Server) canonical(name string) string {
	for _, known := range methodNames() {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}
