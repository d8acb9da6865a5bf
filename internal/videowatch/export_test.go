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

// Album are all texts that people are sent, as they would read.
func Album() []notice.Body {
	const office = "Head office"
	w := &Watch{Now: func() time.Time { return time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC) }}
	var out []notice.Body
	told := func(n news) {
		for _, a := range alerts(office, n) {
			out = append(out, a.body)
		}
	}
	down := func(p Part, fault string) change { return change{part: p, from: Well, to: Down, fault: fault} }
	up := func(p Part, after time.Duration) change { return change{part: p, from: Down, to: Well, lasted: after} }
	told(news{changes: []change{down(Engine, "unreachable"), down(Web, "unreachable")}})
	told(news{changes: []change{up(Engine, 26*time.Hour), up(Web, 26*time.Hour)}})
	for _, p := range []Part{Engine, Web, Login} {
		told(news{changes: []change{down(p, "timeout")}})
		told(news{changes: []change{up(p, 42*time.Minute)}})
	}
	told(news{changes: []change{up(Web, time.Second)}})
	for kind := trueconf.Other; kind <= trueconf.NotSupported; kind++ {
		c := change{part: Login, from: Well, to: Down}
		c.fault, c.right = faultOf(&trueconf.Error{Kind: kind, Right: "users:read", Err: errors.New("x")})
		told(news{changes: []change{c}})
	}
	for _, to := range []State{Soon, Expired, Well} {
		told(news{expires: w.Now().AddDate(0, 0, 12), changes: []change{{part: Certificate, from: Soon, to: to}}})
	}
	told(news{from: "5.4.9.1", to: "5.5.1.10009"})
	found := func(how Scan, s step, why Why, c trueconf.Conference) {
		c.Started = w.Now().Add(-125 * time.Minute)
		out = append(out, w.found(office, how, seen{judged: judged{c: c, people: 2, verdict: Verdict{Forgotten: true, Why: why}}, step: s}))
	}
	standup := trueconf.Conference{Topic: "Standup", Owner: "anna"}
	found(Scan{}, warn, NoModerator, standup)
	found(Scan{StopAfter: 30 * time.Minute}, warn, Alone, trueconf.Conference{Recording: trueconf.Yes})
	found(Scan{StopAfter: 30 * time.Minute}, again, Empty, trueconf.Conference{Topic: "Standup", Owner: "anna", Recording: trueconf.No})
	found(Scan{StopAfter: 30 * time.Minute, DryRun: true}, rehearse, Guests, standup)
	r := receipt{topic: "Standup", owner: "anna"}
	return append(out, ended(office, end{outcome: stopped}, r), ended(office, end{outcome: over}, r),
		ended(office, end{outcome: failed, fault: "right", right: "conferences"}, r))
}
