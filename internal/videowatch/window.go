package videowatch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrWindow comes back for hours of a week that cannot be read.
var ErrWindow = errors.New("no hours of a week, such as Mon-Fri 09:00-18:00")

// Window is hours that come back every week: from one minute of the day until another, on
// some days in a row. Hours that do not end after they begin end on the next day.
type Window struct {
	From, To   time.Weekday // the days on which it begins
	Begin, End int          // minutes of the day; End may be 24:00
}

const minutesOfDay = 24 * 60

// ParseWindow reads "Mon-Fri 09:00-18:00" or "Sat 22:00-02:00".
func ParseWindow(text string) (Window, error) {
	days, hours, both := strings.Cut(text, " ")
	begin, end, span := strings.Cut(hours, "-")
	first, last, row := strings.Cut(days, "-")
	if !row {
		last = first
	}
	from, ok := weekday(first)
	to, also := weekday(last)
	w := Window{From: from, To: to, Begin: minute(begin), End: minute(end)}
	if !both || !span || !ok || !also || w.Begin < 0 || w.Begin == minutesOfDay || w.End < 0 {
		return Window{}, fmt.Errorf("%.40q: %w", text, ErrWindow)
	}
	return w, nil
}

// Covers reports whether a moment, by the clock it carries, is within.
func (w Window) Covers(at time.Time) bool {
	now := at.Hour()*60 + at.Minute()
	if w.Begin < w.End {
		return w.on(at.Weekday()) && w.Begin <= now && now < w.End
	}
	return w.on(at.Weekday()) && w.Begin <= now || w.on((at.Weekday()+6)%7) && now < w.End
}

func (w Window) on(day time.Weekday) bool { return (day-w.From+7)%7 <= (w.To-w.From+7)%7 }

func weekday(word string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if word == day.String()[:3] {
			return day, true
		}
	}
	return 0, false
}

// minute reads 09:00 as 540, up to 24:00, and gives -1 for anything else.
func minute(text string) int {
	if text == "24:00" {
		return minutesOfDay
	}
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return -1
	}
	return at.Hour()*60 + at.Minute()
}
