package videowatch

import (
	"errors"
	"time"

	"countersign/internal/notice"
	"countersign/internal/trueconf"
)

// See plays looks at a part, a letter each, and gives the state after each of them.
func (c Check) See(looks string) []State {
	states := map[rune]State{'w': Well, 'd': Down, 's': Soon, 'e': Expired}
	var g gauge
	var out []State
	for _, r := range looks {
		g = c.see(g, states[r])
		out = append(out, g.State)
	}
	return out
}

// Moment is a look at a session, and what somebody said of it before.
type Moment struct {
	At      time.Time
	Verdict Verdict
	Snooze  time.Duration // 0: nobody did
	Ignore  bool
}

// Stops plays looks, and tells at which of them the session is to be stopped, and at which
// people are told.
func (s Scan) Stops(all []Moment) (stops, tells []int) {
	var x session
	for i, m := range all {
		if m.Snooze > 0 {
			x.SnoozedUntil = m.At.Add(m.Snooze)
		}
		if m.Ignore {
			x.IgnoredAt = m.At
		}
		var what step
		x, what = s.next(x, m.Verdict, m.At)
		if what == stop {
			stops = append(stops, i)
		}
		if what == warn || what == again {
			tells = append(tells, i)
		}
	}
	return stops, tells
}

// Bodies are all kinds of what people are told.
func Bodies() []notice.Body {
	var out []notice.Body
	for part, states := range map[Part][]State{Engine: {Down, Well}, Web: {Down, Well}, Login: {Down, Well}, Certificate: {Soon, Expired, Well}} {
		for _, to := range states {
			from := Down
			if part == Certificate {
				from = Soon
			}
			for kind := trueconf.Other; kind <= trueconf.NotSupported; kind++ {
				word, right := faultOf(&trueconf.Error{Kind: kind, Right: "conferences", Err: errors.New("x")})
				for _, a := range alerts("Lab", news{changes: []change{{part: part, from: from, to: to, fault: word, right: right}}}) {
					out = append(out, a.body)
				}
				out = append(out, ended("Lab", end{outcome: failed, fault: word, right: right}, receipt{}))
			}
		}
	}
	for _, to := range []State{Down, Well} {
		for _, a := range alerts("Lab", news{from: "1", to: "2", changes: []change{{part: Engine, from: Down, to: to, fault: "other"}, {part: Web, from: Down, to: to, fault: "other"}}}) {
			out = append(out, a.body)
		}
	}
	w := &Watch{Now: time.Now}
	for _, why := range []Why{Alone, NoModerator, Empty, Guests} {
		for _, step := range []step{warn, again, rehearse, giveUp} {
			for _, after := range []time.Duration{0, time.Hour} {
				for _, fact := range []trueconf.Fact{trueconf.Untold, trueconf.Yes, trueconf.No} {
					x := seen{judged: judged{c: trueconf.Conference{Recording: fact}, verdict: Verdict{Forgotten: true, Why: why}}, step: step}
					out = append(out, w.found("Lab", Scan{StopAfter: after}, x))
				}
			}
		}
	}
	return append(out, ended("Lab", end{outcome: stopped}, receipt{}), ended("Lab", end{outcome: over}, receipt{}))
}
