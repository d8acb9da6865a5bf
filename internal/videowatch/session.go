package videowatch

import (
	"time"

	"countersign/internal/trueconf"
)

// Scan says how often forgotten conferences are looked for, and what becomes of them.
type Scan struct {
	Every     time.Duration // 0: not at all
	StopAfter time.Duration // since people were told of one that stays so; 0: only people stop it
	DryRun    bool          // say what would be stopped, and stop nothing
}

// mostAttempts is how often one is to be stopped before it is given up.
const mostAttempts = 3

// outcome is what became of a conference that was to be stopped; empty: nothing yet.
type outcome string

const (
	stopped outcome = "stopped"
	over    outcome = "over"   // it had ended, or another run of the room had begun
	failed  outcome = "failed" // it runs, and is not tried any more
)

// session is what is kept of one run of a room that was found forgotten, or that somebody
// does not want to hear of. Times that are zero have not come.
type session struct {
	Session      string
	Conference   string
	Why          Why
	Since        time.Time // forgotten without a break
	SeenAt       time.Time // found so last
	ToldAt       time.Time
	SnoozedUntil time.Time
	IgnoredAt    time.Time
	DryAt        time.Time
	StopAt       time.Time
	Attempts     int
	Outcome      outcome
	Fault        string // why the last attempt came to nothing
}

// step is what is to be done about a conference.
type step int

const (
	leave step = iota
	warn       // tell people of it
	again      // tell them once more: they asked to be reminded
	rehearse
	stop
	giveUp
)

// next takes a verdict into account. A conference is stopped only when it was forgotten
// without a break for long enough since people were told, and nobody wants to keep it:
// somebody who came in, an answer that is missing, or a gap in the looking begins the time
// anew.
func (s Scan) next(x session, v Verdict, now time.Time) (session, step) {
	if x.Outcome != "" {
		return x, leave
	}
	if !v.Forgotten {
		x.Since, x.StopAt = time.Time{}, time.Time{}
		return x, leave
	}
	if x.Since.IsZero() || now.Sub(x.SeenAt) > s.gap() {
		x.Since = now
	}
	x.SeenAt, x.Why = now, v.Why
	switch {
	case !x.IgnoredAt.IsZero(), now.Before(x.SnoozedUntil):
		return x, leave
	case x.ToldAt.IsZero():
		x.ToldAt = now
		return x, warn
	case x.SnoozedUntil.After(x.ToldAt):
		x.ToldAt, x.DryAt = now, time.Time{}
		return x, again
	case s.StopAfter == 0 || now.Sub(later(x.ToldAt, x.Since)) < s.StopAfter:
		return x, leave
	case s.DryRun && !x.DryAt.IsZero():
		return x, leave
	case s.DryRun:
		x.DryAt = now
		return x, rehearse
	case x.Attempts >= mostAttempts:
		x.StopAt = later(x.StopAt, now)
		return x, giveUp
	default:
		x.StopAt, x.Attempts = now, x.Attempts+1
		return x, stop
	}
}

// gap is for how long nobody may have looked before the time begins anew.
func (s Scan) gap() time.Duration {
	const least = 5 * time.Minute
	return max(3*s.Every, least)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// final reports whether an error of a stop will not go away by itself.
func final(err error) bool {
	switch trueconf.KindOf(err) {
	case trueconf.Credentials, trueconf.Right, trueconf.TooOld, trueconf.BadRequest, trueconf.NotSupported:
		return true
	default:
		return false
	}
}
