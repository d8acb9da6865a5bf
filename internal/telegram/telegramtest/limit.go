package telegramtest

import (
	"slices"
	"time"
)

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

// take accounts for a message or an edit that came at a time; it returns how many seconds too
// early that was.
func (l *limiter) take(c *chat, at time.Time) int {
	if l.chats == nil {
		l.chats = map[int64][]time.Time{}
	}
	burst := max(l.limits.Burst, 1)
	all, one := with(l.all, at, time.Second), with(l.chats[c.ID], at, time.Minute)
	second, wait := rate{l.limits.Overall, time.Second}.look(all, at)
	inChat, waitChat := rate{l.limits.PerChat * burst, time.Duration(burst) * time.Second}.look(one, at)
	inGroup, waitGroup := 0, time.Duration(0)
	if c.Type != Private {
		inGroup, waitGroup = rate{l.limits.PerGroup, time.Minute}.look(one, at)
	}
	f := &l.fullest
	if longest := max(wait, waitChat, waitGroup); longest > 0 {
		count(&f.Refused.Second, wait)
		count(&f.Refused.Chat, waitChat)
		count(&f.Refused.Group, waitGroup)
		return int((longest + time.Second - 1) / time.Second)
	}
	l.all, l.chats[c.ID] = all, one
	f.Second, f.Chat, f.Group = max(f.Second, second), max(f.Chat, inChat), max(f.Group, inGroup)
	return 0
}

func count(refused *int, wait time.Duration) {
	if wait > 0 {
		*refused++
	}
}

// with adds a time where it belongs: a call that waited here comes to its turn after later
// ones. What is older than two windows is dropped.
func with(times []time.Time, at time.Time, window time.Duration) []time.Time {
	i, _ := slices.BinarySearchFunc(times, at, func(t, at time.Time) int {
		if t.After(at) {
			return 1
		}
		return -1
	})
	times = slices.Insert(slices.Clone(times), i, at)
	first := slices.IndexFunc(times, func(t time.Time) bool { return t.After(at.Add(-2 * window)) })
	return times[first:]
}

// rate is a limit: so many within any such window, or any number when most is 0.
type rate struct {
	most   int
	window time.Duration
}

// look gives the most that any window holds which the call of a time is in, and how much
// later it should have come.
func (r rate) look(times []time.Time, at time.Time) (fullest int, wait time.Duration) {
	from := 0
	for to, t := range times {
		if t.Before(at) {
			continue
		}
		for !times[from].After(t.Add(-r.window)) {
			from++
		}
		if !at.After(t.Add(-r.window)) {
			break
		}
		n := to - from + 1
		fullest = max(fullest, n)
		if r.most > 0 && n > r.most {
			wait = max(wait, times[to-r.most].Add(r.window).Sub(at), time.Millisecond)
		}
	}
	return fullest, wait
}
