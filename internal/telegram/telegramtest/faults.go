package telegramtest

import (
	"cmp"
	"maps"
	"net/http"
	"strings"
	"time"
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
	s.calls = keep(append(s.calls, Call{Number: c.number, At: s.clock.Now(), Method: c.method, Params: params}), s.options.Keep)
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

// Limits are the rate limits. Zero values are no limit.
type Limits struct {
	PerChat  int // messages and edits per second in one chat
	Burst    int // how many may come at once in a chat
	PerGroup int // messages and edits per minute in one group
	Overall  int // messages and edits per second in all
}

// RealLimits are those that Telegram states.
func RealLimits() Limits { return Limits{PerChat: 1, Burst: 3, PerGroup: 20, Overall: 30} }

// SetLimits changes the rate limits.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limiter = limiter{limits: l}
}

// Fullest is how near the rates came to their limits, and how many calls each of them refused.
type Fullest struct {
	Second, Chat, Group int // the most in one second, in one chat's burst, in a group's minute
	Refused             struct{ Second, Chat, Group int }
}

// Fullest tells it since the limits were set.
func (s *Server) Fullest() Fullest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limiter.fullest
}

// limiter remembers when what was sent.
type limiter struct {
	limits  Limits
	all     []time.Time
	chats   map[int64][]time.Time
	fullest Fullest
}

// take accounts for a message or an edit; it returns how many seconds too early that was.
func (l *limiter) take(c *chat, now time.Time) int {
	if l.chats == nil {
		l.chats = map[int64][]time.Time{}
	}
	burst := max(l.limits.Burst, 1)
	while := time.Duration(burst) * time.Second
	second := over(l.all, l.limits.Overall, time.Second, now)
	one := over(l.chats[c.ID], l.limits.PerChat*burst, while, now)
	group := time.Duration(0)
	if c.Type != Private {
		group = over(l.chats[c.ID], l.limits.PerGroup, time.Minute, now)
	}
	if wait := max(second, one, group); wait > 0 {
		count(&l.fullest.Refused.Second, second)
		count(&l.fullest.Refused.Chat, one)
		count(&l.fullest.Refused.Group, group)
		return int((wait + time.Second - 1) / time.Second)
	}
	l.all = append(recent(l.all, now.Add(-time.Second)), now)
	mine := append(recent(l.chats[c.ID], now.Add(-time.Minute)), now)
	l.chats[c.ID] = mine
	f := &l.fullest
	f.Second, f.Chat = max(f.Second, len(l.all)), max(f.Chat, len(recent(mine, now.Add(-while))))
	if c.Type != Private {
		f.Group = max(f.Group, len(mine))
	}
	return 0
}

func count(refused *int, wait time.Duration) {
	if wait > 0 {
		*refused++
	}
}

// over is how long to wait until fewer than limit of times lie within window.
func over(times []time.Time, limit int, window time.Duration, now time.Time) time.Duration {
	times = recent(times, now.Add(-window))
	if limit <= 0 || len(times) < limit {
		return 0
	}
	return max(times[len(times)-limit].Add(window).Sub(now), time.Millisecond)
}

func recent(times []time.Time, after time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(after) {
		times = times[1:]
	}
	return times
}
