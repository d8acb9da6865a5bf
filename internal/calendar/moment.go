package calendar

import (
	"time"
)

// moment returns the first instant at which a clock on the wall has reached the
// given minute of the given date. Hours that are skipped in spring are reached
// when the clock jumps over them; hours that come twice in autumn are reached
// the first time. So neighboring spans stay neighbors, and whole days add up to
// the 23, 24 or 25 hours that the day really has.
func moment(day Date, minute int, location *time.Location) time.Time {
	wall := time.Date(day.Year, day.Month, day.Day, 0, minute, 0, 0, time.UTC)
	// No zone is a whole day away from UTC, so the wall is still ahead here.
	at := wall.Add(-24 * time.Hour).In(location)
	for {
		_, offset := at.Zone()
		_, end := at.ZoneBounds()
		reached := wall.Add(-time.Duration(offset) * time.Second)
		switch {
		case !reached.After(at):
			return at // the clock was set forward past this minute
		case end.IsZero() || reached.Before(end):
			return reached.In(location)
		}
		at = end.In(location)
	}
}
