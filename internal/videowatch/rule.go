// Package videowatch looks after TrueConf Servers: whether each of them is there, and which
// conferences were left running by mistake.
//
// It owns the rules of both, what was found with its history, who wants to be told, and the
// conferences that are stopped because nobody took care of them. The decisions are pure; of
// several replicas one looks at a time, and what it found is one commit with what people are
// told. Requests to a server are package trueconf's, messages are notice's, and what people
// do on their screens videodesk's.
package videowatch

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/trueconf"
)

// Why says what makes a conference a forgotten one.
type Why string

// The shapes of a forgotten conference. Guests is a part of NoModerator, for whom that is
// too wide.
const (
	Alone       Why = "alone"        // only its owner or one moderator is left
	NoModerator Why = "no_moderator" // people, and no moderator among them
	Empty       Why = "empty"        // nobody
	Guests      Why = "guests"       // guests only
)

// Rule says which conferences of a server are forgotten.
type Rule struct {
	Older time.Duration // a younger one is not
	When  []Why         // which shapes count
	Least int           // people in it; with fewer it is not; 0: no bound
	Most  int           // with more it is not; 0: no bound

	// Those that never are.
	IDs       []string
	Owners    []string
	Tags      []string
	Hours     []Window // while one of them covers the moment
	Scheduled bool     // those with a time of their own
	Zone      *time.Location
}

// DefaultRule is that of the first design.
func DefaultRule() Rule { return Rule{Older: time.Hour, When: []Why{Alone, NoModerator, Empty}} }

// Verdict is what a rule says of a conference.
type Verdict struct {
	Forgotten bool
	Why       Why
	Unknown   bool // too little is told of it to say; it is never forgotten then
}

// Judge says whether a conference is forgotten at a moment. Known reports whether the
// people in it could be asked for.
func (r Rule) Judge(c trueconf.Conference, in []trueconf.Participant, known bool, now time.Time) Verdict {
	weight := r.weigh(c, now)
	v := Verdict{Unknown: weight == untold || weight == open && !known}
	if v.Unknown || weight == spared {
		return v
	}
	if len(in) < r.Least || r.Most > 0 && len(in) > r.Most {
		return Verdict{}
	}
	for _, why := range shapes(in) {
		if slices.Contains(r.When, why) {
			return Verdict{Forgotten: true, Why: why}
		}
	}
	return Verdict{}
}

// weighed is what can be said of a conference before the people in it are asked for.
type weighed int

const (
	spared weighed = iota // whoever is in it
	untold                // since when it runs, or which run of it this is
	open                  // the people decide
)

func (r Rule) weigh(c trueconf.Conference, now time.Time) weighed {
	switch {
	case !c.Running, r.excepts(c, now):
		return spared
	case c.Session == "", c.Started.IsZero():
		return untold
	case now.Sub(c.Started) < r.Older:
		return spared
	default:
		return open
	}
}

func (r Rule) excepts(c trueconf.Conference, now time.Time) bool {
	if zone := r.Zone; zone != nil {
		now = now.In(zone)
	} else {
		now = now.UTC()
	}
	return r.Scheduled && c.Scheduled ||
		slices.Contains(r.IDs, c.ID) && c.ID != "" ||
		slices.ContainsFunc(r.Owners, func(owner string) bool { return sameUser(owner, c.Owner) }) ||
		slices.ContainsFunc(r.Tags, func(tag string) bool {
			return slices.ContainsFunc(c.Tags, func(t string) bool { return strings.EqualFold(tag, t) })
		}) ||
		slices.ContainsFunc(r.Hours, func(w Window) bool { return w.Covers(now) })
}

// shapes are those that the people in a conference make, the narrowest first.
func shapes(in []trueconf.Participant) []Why {
	leads := func(p trueconf.Participant) bool { return p.Moderator || p.Owner }
	switch {
	case len(in) == 0:
		return []Why{Empty}
	case len(in) == 1 && leads(in[0]):
		return []Why{Alone}
	case slices.ContainsFunc(in, leads):
		return nil
	case slices.ContainsFunc(in, func(p trueconf.Participant) bool { return !p.Guest }):
		return []Why{NoModerator}
	default:
		return []Why{Guests, NoModerator}
	}
}

// sameUser compares names of users, of which one may carry the server's name, and both the
// place from which they called. Two that name different servers are two people.
func sameUser(a, b string) bool {
	name := func(s string) (user, at string) {
		s, _, _ = strings.Cut(strings.TrimSpace(s), "/")
		user, at, _ = strings.Cut(s, "@")
		return user, at
	}
	first, here := name(a)
	second, there := name(b)
	return first != "" && strings.EqualFold(first, second) && (here == "" || there == "" || strings.EqualFold(here, there))
}
