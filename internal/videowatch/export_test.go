package videowatch

import "time"

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
