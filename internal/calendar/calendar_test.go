package calendar_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones must be the same on every machine

	"pgregory.net/rapid"

	"countersign/internal/calendar"
)

// zones have been chosen for their odd changes: half an hour, at midnight, a
// whole day skipped, far from UTC on both sides, none at all.
var zones = []string{
	"UTC", "Europe/Moscow", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Beirut", "Asia/Kathmandu",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Havana", "Africa/Cairo",
}

func zone(t interface{ Fatal(args ...any) }, name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func spans(t *testing.T, text string) []calendar.Span {
	t.Helper()
	parsed, err := calendar.ParseSpans(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func at(t *testing.T, location *time.Location, text string) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04:05", text, location)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// treasury works with a lunch break, has a holiday in the middle of the week, a
// Saturday made up for it and a short eve.
func treasury(t *testing.T) calendar.Calendar {
	t.Helper()
	c := calendar.Calendar{Location: zone(t, "Europe/Moscow"), Days: map[calendar.Date][]calendar.Span{
		{Year: 2026, Month: time.June, Day: 12}: nil,
		{Year: 2026, Month: time.June, Day: 11}: spans(t, "09:00-13:00,14:00-17:00"),
		{Year: 2026, Month: time.June, Day: 20}: spans(t, "10:00-14:00"),
	}}
	for day := time.Monday; day <= time.Friday; day++ {
		c.Week[day] = spans(t, "09:00-13:00,14:00-18:00")
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDeadlinesFallIntoWorkingHours(t *testing.T) {
	t.Parallel()
	c := treasury(t)
	tests := []struct {
		name, from string
		working    time.Duration
		want       string
	}{
		{"within the morning", "2026-06-08 09:30:00", 2 * time.Hour, "2026-06-08 11:30:00"},
		{"over lunch", "2026-06-08 12:00:00", 2 * time.Hour, "2026-06-08 15:00:00"},
		{"to the last minute of the day", "2026-06-08 09:00:00", 8 * time.Hour, "2026-06-08 18:00:00"},
		{"a second more", "2026-06-08 09:00:00", 8*time.Hour + time.Second, "2026-06-09 09:00:01"},
		{"from the night before", "2026-06-07 23:00:00", time.Hour, "2026-06-08 10:00:00"},
		{"from lunch", "2026-06-08 13:20:00", 10 * time.Minute, "2026-06-08 14:10:00"},
		{"over a short eve, a holiday and a weekend", "2026-06-11 16:00:00", 2 * time.Hour, "2026-06-15 10:00:00"},
		{"into a Saturday that is worked", "2026-06-19 17:00:00", 90 * time.Minute, "2026-06-20 10:30:00"},
		{"over that Saturday", "2026-06-20 13:00:00", 2 * time.Hour, "2026-06-22 10:00:00"},
		{"two working weeks", "2026-06-22 09:00:00", 80 * time.Hour, "2026-07-03 18:00:00"},
		{"no time at all, at night", "2026-06-08 03:00:00", 0, "2026-06-08 03:00:00"},
		{"less than nothing", "2026-06-08 10:00:00", -time.Hour, "2026-06-08 10:00:00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			from, want := at(t, c.Location, test.from), at(t, c.Location, test.want)
			if got := c.Add(from, test.working); !got.Equal(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestNextWorkingMoment(t *testing.T) {
	t.Parallel()
	c := treasury(t)
	tests := map[string]string{
		"2026-06-08 08:59:59": "2026-06-08 09:00:00",
		"2026-06-08 09:00:00": "2026-06-08 09:00:00",
		"2026-06-08 12:59:59": "2026-06-08 12:59:59",
		"2026-06-08 13:00:00": "2026-06-08 14:00:00",
		"2026-06-08 18:00:00": "2026-06-09 09:00:00",
		"2026-06-11 17:30:00": "2026-06-15 09:00:00",
		"2026-06-19 23:00:00": "2026-06-20 10:00:00",
	}
	for from, want := range tests {
		if got := c.Next(at(t, c.Location, from)); !got.Equal(at(t, c.Location, want)) {
			t.Errorf("after %s: %s, want %s", from, got, want)
		}
	}
}

func TestWorkingTimeBetweenTwoMoments(t *testing.T) {
	t.Parallel()
	c := treasury(t)
	tests := []struct {
		from, to string
		want     time.Duration
	}{
		{"2026-06-08 00:00:00", "2026-06-09 00:00:00", 8 * time.Hour},
		{"2026-06-08 12:30:00", "2026-06-08 14:30:00", time.Hour},
		{"2026-06-08 13:10:00", "2026-06-08 13:50:00", 0},
		{"2026-06-08 10:00:00", "2026-06-08 10:00:00", 0},
		{"2026-06-08 00:00:00", "2026-06-15 00:00:00", 31 * time.Hour},
		{"2026-06-20 00:00:00", "2026-06-22 00:00:00", 4 * time.Hour},
		{"2026-06-08 11:00:00", "2026-06-08 10:00:00", -time.Hour},
	}
	for _, test := range tests {
		if got := c.Working(at(t, c.Location, test.from), at(t, c.Location, test.to)); got != test.want {
			t.Errorf("%s to %s: %s, want %s", test.from, test.to, got, test.want)
		}
	}
}

func TestDaysAreAsLongAsTheClockMakesThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, day string
		hours           string
		want            time.Duration
	}{
		{"spring, whole day", "Europe/Berlin", "2026-03-29", "00:00-24:00", 23 * time.Hour},
		{"autumn, whole day", "Europe/Berlin", "2026-10-25", "00:00-24:00", 25 * time.Hour},
		{"spring, the hour that is skipped", "Europe/Berlin", "2026-03-29", "02:00-03:00", 0},
		{"spring, half of it is skipped", "Europe/Berlin", "2026-03-29", "01:30-02:30", 30 * time.Minute},
		{"spring, office hours", "Europe/Berlin", "2026-03-29", "09:00-18:00", 9 * time.Hour},
		{"autumn, the hour that comes twice", "Europe/Berlin", "2026-10-25", "02:00-03:00", 2 * time.Hour},
		{"half an hour, spring", "Australia/Lord_Howe", "2026-10-04", "00:00-24:00", 23*time.Hour + 30*time.Minute},
		{"half an hour, autumn", "Australia/Lord_Howe", "2026-04-05", "00:00-24:00", 24*time.Hour + 30*time.Minute},
		{"no midnight", "America/Sao_Paulo", "2018-11-04", "00:00-24:00", 23 * time.Hour},
		{"midnight twice", "America/Sao_Paulo", "2018-02-17", "00:00-24:00", 25 * time.Hour},
		{"a day that never was", "Pacific/Apia", "2011-12-30", "00:00-24:00", 0},
		{"the day after it", "Pacific/Apia", "2011-12-31", "00:00-24:00", 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			date, err := calendar.ParseDate(test.day)
			if err != nil {
				t.Fatal(err)
			}
			c := calendar.Calendar{
				Location: zone(t, test.zone),
				Days:     map[calendar.Date][]calendar.Span{date: spans(t, test.hours)},
			}
			noon := time.Date(date.Year, date.Month, date.Day, 12, 0, 0, 0, time.UTC)
			if got := c.Working(noon.AddDate(0, 0, -3), noon.AddDate(0, 0, 3)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestACalendarThatNeverWorksStillAnswers(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	var never calendar.Calendar
	for name, got := range map[string]time.Time{"Add": never.Add(from, time.Minute), "Next": never.Next(from)} {
		if years := got.Sub(from).Hours() / 24 / 365; years < 99 || years > 101 {
			t.Errorf("%s answers %s", name, got)
		}
	}
	if got := never.Working(from, from.AddDate(1000, 0, 0)); got != 0 {
		t.Errorf("worked %s", got)
	}
	office := calendar.Standard(nil)
	if got := office.Add(from, 1<<63-1); got.Sub(from).Hours() < 99*365*24 {
		t.Errorf("the longest duration ends on %s", got)
	}
}

func draw(t *rapid.T) (calendar.Calendar, time.Time) {
	c := calendar.Calendar{
		Location: zone(t, rapid.SampledFrom(zones).Draw(t, "zone")),
		Days:     map[calendar.Date][]calendar.Span{},
	}
	day := rapid.Custom(func(t *rapid.T) []calendar.Span {
		edges := rapid.SliceOfNDistinct(rapid.IntRange(0, 24*60), 0, 6, rapid.ID[int]).Draw(t, "edges")
		var drawn []calendar.Span
		last := -1
		for i := 0; i+1 < len(edges); i += 2 {
			from, to := min(edges[i], edges[i+1]), max(edges[i], edges[i+1])
			if from >= last {
				drawn = append(drawn, calendar.Span{From: from, To: to})
				last = to
			}
		}
		return drawn
	})
	for weekday := range c.Week {
		c.Week[weekday] = day.Draw(t, time.Weekday(weekday).String())
	}
	c.Week[rapid.IntRange(0, 6).Draw(t, "surely")] = []calendar.Span{{From: 9 * 60, To: 17*60 + 30}}
	from := time.Date(rapid.SampledFrom([]int{2011, 2018, 2026, 2027}).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
	from = from.Add(time.Duration(rapid.Int64Range(0, int64(365*24*time.Hour)).Draw(t, "within the year")))
	for range rapid.IntRange(0, 5).Draw(t, "special days") {
		special := from.AddDate(0, 0, rapid.IntRange(-2, 20).Draw(t, "special"))
		c.Days[calendar.Date{Year: special.Year(), Month: special.Month(), Day: special.Day()}] = day.Draw(t, "hours")
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c, from
}

func TestAddedWorkingTimeIsCountedBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := draw(t)
		working := time.Duration(rapid.Int64Range(0, int64(500*time.Hour)).Draw(t, "working"))
		end := c.Add(from, working)
		if got := c.Working(from, end); got != working {
			t.Fatalf("%s + %s = %s, counted back %s", from, working, end, got)
		}
		if working > 0 && c.Working(from, end.Add(-1)) != working-1 {
			t.Fatalf("%s + %s = %s is not the earliest such moment", from, working, end)
		}
		middle := from.Add(end.Sub(from) / 3)
		if sum := c.Working(from, middle) + c.Working(middle, end); sum != working {
			t.Fatalf("cut at %s the parts sum up to %s, not %s", middle, sum, working)
		}
		if back := c.Working(end, from); back != -working {
			t.Fatalf("backwards %s", back)
		}
	})
}

func TestLaterStartsAndLongerWorkNeverEndEarlier(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := draw(t)
		working := time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(t, "working"))
		more := time.Duration(rapid.Int64Range(0, int64(50*time.Hour)).Draw(t, "more"))
		end := c.Add(from, working)
		if longer := c.Add(from, working+more); longer.Before(end) {
			t.Fatalf("%s more end earlier: %s before %s", more, longer, end)
		}
		if later := c.Add(from.Add(more), working); later.Before(end) {
			t.Fatalf("%s later ends earlier: %s before %s", more, later, end)
		}
		if twice := c.Add(end, more+1); !twice.Equal(c.Add(from, working+more+1)) {
			t.Fatalf("in two parts %s, in one %s", twice, c.Add(from, working+more+1))
		}
	})
}

func TestNextIsTheFirstMomentThatCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := draw(t)
		next := c.Next(from)
		if next.Before(from) || c.Working(from, next) != 0 {
			t.Fatalf("%s of work before %s", c.Working(from, next), next)
		}
		if c.Working(next, next.Add(1)) != 1 || !c.Next(next).Equal(next) {
			t.Fatalf("%s does not count", next)
		}
	})
}

// The other way to count: look at the clock on the wall once a minute. A minute
// is worked when the furthest that the clock has shown lies within the hours.
func TestCountingMinuteByMinuteAgrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := draw(t)
		from = from.Truncate(time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(0, 5*24*60).Draw(t, "minutes")) * time.Minute)
		var furthest time.Time
		var want time.Duration
		for now := from.Add(-30 * time.Hour); now.Before(to); now = now.Add(time.Minute) {
			y, mo, d := now.In(c.Location).Date()
			h, mi, _ := now.In(c.Location).Clock()
			if shown := time.Date(y, mo, d, h, mi, 0, 0, time.UTC); shown.After(furthest) {
				furthest = shown
			}
			if !now.Before(from) && worked(c, furthest) {
				want += time.Minute
			}
		}
		if got := c.Working(from, to); got != want {
			t.Fatalf("%s to %s in %s: %s, minute by minute %s", from, to, c.Location, got, want)
		}
	})
}

func worked(c calendar.Calendar, wall time.Time) bool {
	hours, special := c.Days[calendar.Date{Year: wall.Year(), Month: wall.Month(), Day: wall.Day()}]
	if !special {
		hours = c.Week[wall.Weekday()]
	}
	minute := wall.Hour()*60 + wall.Minute()
	for _, span := range hours {
		if span.From <= minute && minute < span.To {
			return true
		}
	}
	return false
}
