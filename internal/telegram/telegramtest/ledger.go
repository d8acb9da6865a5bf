package telegramtest

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// keepEntries, where nothing else is asked for, bounds the ledgers of a server that runs for long; the oldest entries go first.
const keepEntries = 200_000

// Call is one call of the Bot API.
type Call struct {
	Number int64
	At     time.Time
	Method string
	Params map[string]string
	// Done says that the call had its effect.
	Done bool
	// Code and Description are the refusal.
	Code        int
	Description string
	// Lost says what became of the answer, when it did not arrive.
	Lost string
}

// EventKind is something that people did or were told.
type EventKind string

// The kinds of event.
const (
	EventTap       EventKind = "tap"
	EventSay       EventKind = "say"
	EventInline    EventKind = "inline query"
	EventTold      EventKind = "told"      // the answer to a tap
	EventShown     EventKind = "shown"     // a message appeared
	EventEdited    EventKind = "edited"    // a message changed
	EventReacted   EventKind = "reacted"   // the bot put an emoji under a message
	EventDeleted   EventKind = "deleted"   // a message vanished
	EventBlocked   EventKind = "blocked"   // the bot was blocked or removed
	EventUnblocked EventKind = "unblocked" // or let in again
	EventDelivered EventKind = "delivered" // an update was taken by the bot
	EventFailed    EventKind = "failed"    // an update was refused by the bot and will be tried again
	EventExpired   EventKind = "expired"   // an update was dropped, because its life was over
	EventDiscarded EventKind = "discarded" // an update was dropped, because the bot asked for it
)

// Event is an entry of the ledger of people.
type Event struct {
	Number    int64
	At        time.Time
	Kind      EventKind
	UserID    int64
	ChatID    int64
	MessageID int64
	UpdateID  int64
	QueryID   string
	Text      string
	Data      string
	Alert     bool
}

// Calls returns the ledger of calls.
func (s *Server) Calls() []Call { return s.CallsOf(Any) }

// CallsOf returns the calls of one method, or of Any.
func (s *Server) CallsOf(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []Call
	for _, c := range s.calls {
		if method == Any || c.Method == method {
			c.Params = maps.Clone(c.Params)
			calls = append(calls, c)
		}
	}
	return calls
}

// Ledger returns what people did and were told.
func (s *Server) Ledger() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func (s *Server) record(e Event) {
	s.last.event++
	e.Number, e.At = s.last.event, s.clock.Now()
	s.events = keep(append(s.events, e), s.options.Keep)
	s.touch()
}

// Outcome is how a call ended: Code is zero where it had its effect.
type Outcome struct {
	Method string
	Code   int
}

// Counts says how many calls ended how since the server began, those too that are no
// longer remembered.
func (s *Server) Counts() map[Outcome]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Since returns what people did and were told after the event of a number, as far as it
// is remembered.
func (s *Server) Since(number int64) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := slices.BinarySearchFunc(s.events, number+1, func(e Event, n int64) int { return int(e.Number - n) })
	return slices.Clone(s.events[i:])
}

// note writes down how a call ended.
func (s *Server) note(c *call, r *refusal) {
	o := Outcome{Method: c.method}
	if r != nil {
		o.Code = r.code
	}
	s.mu.Lock()
	s.counts[o]++
	s.mu.Unlock()
	s.amend(c.number, func(c *Call) {
		if c.Done = r == nil; !c.Done {
			c.Code, c.Description = r.code, r.text
		}
	})
}

func (s *Server) noteLost(number int64, why string) {
	s.amend(number, func(c *Call) { c.Lost = why })
}

func (s *Server) amend(number int64, change func(*Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := slices.BinarySearchFunc(s.calls, number, func(c Call, n int64) int { return int(c.Number - n) })
	if found {
		change(&s.calls[i])
		s.touch()
	}
}

func keep[T any](entries []T, most int) []T {
	if len(entries) > most {
		return slices.Clone(entries[len(entries)-most/2:])
	}
	return entries
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
