package people

import "time"

// minutesOfDay is how many minutes a day has by its clock.
const minutesOfDay = 24 * 60

// Quiet are hours in which somebody is written to without a sound: from one minute of the
// day until another, by his own clock. The zero value is none.
type Quiet struct {
	From int
	To   int // before From: of the next day
}

// Valid reports whether the hours are ones, or none.
func (q Quiet) Valid() bool {
	return q == Quiet{} || q.From != q.To && min(q.From, q.To) >= 0 && max(q.From, q.To) < minutesOfDay
}

// Covers reports whether a moment, by the clock it carries, is within.
func (q Quiet) Covers(at time.Time) bool {
	now := at.Hour()*60 + at.Minute()
	if q.From < q.To {
		return q.From <= now && now < q.To
	}
	return q.From > q.To && (q.From <= now || now < q.To)
}

// Clock is the person's own zone, or the one given.
func (p Person) Clock(house *time.Location) *time.Location {
	if p.Zone != nil {
		return p.Zone
	}
	return house
}

// Hushed reports whether a message at a moment should come without a sound.
func (p Person) Hushed(at time.Time, house *time.Location) bool {
	zone := p.Clock(house)
	if zone == nil {
		zone = time.UTC
	}
	return p.Quiet.Covers(at.In(zone))
}
