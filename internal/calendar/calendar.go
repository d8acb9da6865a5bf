// Package calendar owns working time: the hours of a week, the days that differ
// from it, and arithmetic in working time that stays right when clocks change. It
// leaves the present moment, and which company uses which calendar, to its
// callers. It has none yet: steps have no deadlines so far.
package calendar

import (
	"errors"
	"fmt"
	"time"
)

// ErrInvalid means that a calendar or a part of it makes no sense. Every error
// of this package wraps it.
var ErrInvalid = errors.New("invalid calendar")

// horizonDays bounds every walk over days. Nothing is due later than that, and
// a calendar that never works cannot hang its caller.
const horizonDays = 100 * 366

// Calendar says when a company works. The zero value never works; Validate
// finds that out before anybody waits for it.
type Calendar struct {
	// Location is the time zone in which the hours are read; nil is UTC.
	Location *time.Location
	// Week holds the working hours of each weekday, Sunday first as in
	// time.Weekday, in ascending order and without overlap.
	Week [7][]Span
	// Days replaces the hours of single dates: no spans make a holiday, any
	// spans make a working day, whatever its weekday.
	Days map[Date][]Span
}

// Standard works from Monday to Friday, 09:00 to 18:00, without a break.
func Standard(location *time.Location) Calendar {
	c := Calendar{Location: location}
	for day := time.Monday; day <= time.Friday; day++ {
		c.Week[day] = []Span{{From: 9 * minutesPerHour, To: 18 * minutesPerHour}}
	}
	return c
}

// Validate tells everything that is wrong at once: spans out of the day, out of
// order or overlapping, dates that do not exist, and a week without any
// working time, in which no deadline would ever come.
func (c Calendar) Validate() error {
	var faults []error
	works := false
	for day, spans := range c.Week {
		works = works || len(spans) > 0
		if err := checkSpans(spans); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", time.Weekday(day), err))
		}
	}
	if !works {
		faults = append(faults, fmt.Errorf("no working hours on any weekday: %w", ErrInvalid))
	}
	for date, spans := range c.Days {
		if !date.exists() {
			faults = append(faults, fmt.Errorf("date %s does not exist: %w", date, ErrInvalid))
		}
		if err := checkSpans(spans); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", date, err))
		}
	}
	return errors.Join(faults...)
}

// Next returns the first working moment that is not before t: t itself during
// working hours. A calendar that does not work for a hundred years answers
// with the end of that time.
func (c Calendar) Next(t time.Time) time.Time {
	next := c.horizon(t)
	c.walk(t, func(from, _ time.Time) bool {
		next = from
		return false
	})
	return next
}

// Add returns the earliest moment by which the given working time has passed
// since t, so a whole day of work ends in the evening and not on the next
// morning. Nothing to add, or less, returns t. The answer is at most a hundred
// years away.
func (c Calendar) Add(t time.Time, working time.Duration) time.Time {
	if working <= 0 {
		return t.In(c.location())
	}
	end := c.horizon(t)
	c.walk(t, func(from, to time.Time) bool {
		if length := to.Sub(from); length < working {
			working -= length
			return true
		}
		end = from.Add(working)
		return false
	})
	return end
}

// Working returns how much working time lies between two moments; it is
// negative when to is before from, which tells how late something is. Time
// more than a hundred years after the earlier moment is not counted.
func (c Calendar) Working(from, to time.Time) time.Duration {
	if to.Before(from) {
		return -c.Working(to, from)
	}
	var sum time.Duration
	c.walk(from, func(start, end time.Time) bool {
		if !start.Before(to) {
			return false
		}
		if end.After(to) {
			end = to
		}
		sum += end.Sub(start)
		return true
	})
	return sum
}

// walk calls visit with every stretch of working time from t on, the first one
// cut at t, until visit says false or the horizon is reached.
func (c Calendar) walk(t time.Time, visit func(from, to time.Time) bool) {
	location := c.location()
	t = t.Round(0).In(location)
	day := dateOf(t)
	for range horizonDays {
		for _, span := range c.spans(day) {
			from, to := moment(day, span.From, location), moment(day, span.To, location)
			if !to.After(t) {
				continue
			}
			if from.Before(t) {
				from = t
			}
			if from.Before(to) && !visit(from, to) {
				return
			}
		}
		day = day.next()
	}
}

func (c Calendar) spans(day Date) []Span {
	if spans, special := c.Days[day]; special {
		return spans
	}
	return c.Week[day.weekday()]
}

func (c Calendar) location() *time.Location {
	if c.Location == nil {
		return time.UTC
	}
	return c.Location
}

func (c Calendar) horizon(t time.Time) time.Time {
	return t.Round(0).In(c.location()).AddDate(0, 0, horizonDays)
}
