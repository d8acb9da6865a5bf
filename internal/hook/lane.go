package hook

import (
	"time"

	"countersign/internal/seal"
)

const (
	narrowAfter = 4           // failures in a row after which one request at a time is enough
	breakAfter  = 16          // after which the breaker opens
	probeEvery  = time.Minute // how often an open breaker lets one request through
	firstRate   = 1           // sends a second after the breaker has closed; doubles every second
	lastRate    = 256         // beyond this there is no bound
	freshness   = time.Second // how exact the time of the last success is, to save writes
)

// lane is how an endpoint fares, and what is needed to send to it.
type lane struct {
	Endpoint  string
	Source    string
	URL       string
	State     State
	Scheme    Scheme
	TimeoutMS int
	InFlight  int
	Roles     []string  // of the secrets, as they are kept
	Clear     []*string // each is there or is sealed
	Sealed    [][]byte

	Failures     int
	FailingSince *time.Time
	FailingDays  int
	FailedAt     *time.Time
	SucceededAt  *time.Time
	HeldUntil    *time.Time
	Rate         int
	RateAt       *time.Time
	RateUsed     int
	Told         int

	ramped        bool     // the rate has just changed
	secrets       []string // that sign, the current one first
	authorization string
}

// unlock makes the secrets ready for use.
func (l *lane) unlock(s *seal.Seal) error {
	l.secrets, l.authorization = nil, ""
	for i, role := range l.Roles {
		text, err := s.Reveal(seal.Kept{Clear: l.Clear[i], Sealed: l.Sealed[i]}, kept(l.Endpoint, role))
		switch {
		case err != nil:
			return err
		case role == roleAuthorization:
			l.authorization = text.Reveal()
		default:
			l.secrets = append(l.secrets, text.Reveal())
		}
	}
	return nil
}

// room gives how many requests may be under way now, by all replicas together, and how
// many may begin now.
func (l *lane) room(now time.Time) (most, fresh int) {
	if l.State != Active || l.HeldUntil != nil && l.HeldUntil.After(now) {
		return 0, 0
	}
	most = l.InFlight
	if l.Failures >= narrowAfter {
		most = 1
	}
	fresh = most
	if l.Rate > 0 {
		l.ramp(now)
	}
	if l.Rate > 0 {
		fresh = min(fresh, max(0, l.Rate-l.RateUsed))
	}
	return most, fresh
}

// ramp opens the next second of a recovery.
func (l *lane) ramp(now time.Time) {
	if l.RateAt != nil && now.Sub(*l.RateAt) < time.Second {
		return
	}
	if l.RateUsed > 0 && l.Failures == 0 {
		l.Rate *= 2
	}
	if l.Rate > lastRate {
		l.Rate = 0
	}
	l.RateAt, l.RateUsed, l.ramped = &now, 0, true
}

// succeeded notes a success and reports whether that is worth a write.
func (l *lane) succeeded(at time.Time) bool {
	if l.Failures == 0 && l.SucceededAt != nil && at.Sub(*l.SucceededAt) < freshness {
		return false
	}
	if l.Failures >= breakAfter {
		l.Rate, l.RateAt, l.RateUsed = firstRate, nil, 0
		l.HeldUntil = nil
	}
	l.Failures, l.FailingSince, l.FailingDays, l.Told = 0, nil, 0, 0
	l.SucceededAt = &at
	return true
}

// failed notes a failure after which nothing is sent for a while.
func (l *lane) failed(at time.Time, wait time.Duration) {
	if l.FailingSince == nil {
		l.FailingSince = &at
	}
	if l.FailedAt == nil || l.FailingDays == 0 || !sameDay(*l.FailedAt, at) {
		l.FailingDays++
	}
	l.FailedAt = &at
	l.Failures++
	if l.Rate > 1 {
		l.Rate /= 2
	}
	if l.Failures >= breakAfter {
		wait = max(wait, probeEvery)
	}
	if until := at.Add(wait); wait > 0 && (l.HeldUntil == nil || l.HeldUntil.Before(until)) {
		l.HeldUntil = &until
	}
}

func sameDay(a, b time.Time) bool {
	const layout = "2006-01-02"
	return a.UTC().Format(layout) == b.UTC().Format(layout)
}
