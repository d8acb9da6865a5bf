package calendar

import "time"

// Daily is something that is done once a day, at an hour on somebody's wall.
type Daily struct {
	Hour  int
	Since time.Time     // when that was settled: not for a moment before
	Done  time.Time     // when it was done last; zero: never
	Late  time.Duration // what is missed for longer is left out
}

// Due reports whether it is to be done at a moment, by the clock that the moment carries.
// An hour that does not exist comes when the clock jumps over it; of one that comes twice,
// the first counts. Whoever takes his clock elsewhere has a day there of which the one that
// was done may be a part already: it is one a day by the clock of now.
func (d Daily) Due(now time.Time) bool {
	today, zone := dateOf(now), now.Location()
	at := moment(today, d.Hour*60, zone)
	return !now.Before(at) && now.Sub(at) < d.Late && !at.Before(d.Since) && d.Done.Before(moment(today, 0, zone))
}
