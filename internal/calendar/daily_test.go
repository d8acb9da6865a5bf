package calendar_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/internal/calendar"
)

func TestDailyIsDueOnceADayWhateverTheClockDoes(t *testing.T) {
	t.Parallel()
	const never = "0001-01-01 00:00"
	for name, c := range map[string]struct {
		zone             string
		hour             int
		since, done, now string // in UTC
		want             bool
	}{
		"before the hour":                {"Europe/Berlin", 9, never, never, "2026-01-20 07:59", false},
		"at the hour":                    {"Europe/Berlin", 9, never, never, "2026-01-20 08:00", true},
		"done today":                     {"Europe/Berlin", 9, never, "2026-01-20 08:00", "2026-01-20 08:01", false},
		"done yesterday":                 {"Europe/Berlin", 9, never, "2026-01-19 13:00", "2026-01-20 08:00", true},
		"late":                           {"Europe/Berlin", 9, never, "2026-01-19 08:00", "2026-01-20 13:59", true},
		"too late":                       {"Europe/Berlin", 9, never, "2026-01-19 08:00", "2026-01-20 14:00", false},
		"chosen after the hour":          {"Europe/Berlin", 9, "2026-01-20 08:01", never, "2026-01-20 08:02", false},
		"chosen before the hour":         {"Europe/Berlin", 9, "2026-01-20 07:59", never, "2026-01-20 08:00", true},
		"moved to a later hour, done":    {"Europe/Berlin", 18, "2026-01-20 10:00", "2026-01-20 08:00", "2026-01-20 17:00", false},
		"at midnight":                    {"Europe/Berlin", 0, never, "2026-01-18 23:00", "2026-01-19 23:00", true},
		"last hour, missed over night":   {"Europe/Berlin", 23, never, "2026-01-18 22:00", "2026-01-19 23:30", false},
		"the hour does not exist, early": {"Europe/Berlin", 2, never, "2026-03-28 01:00", "2026-03-29 00:59", false},
		"the hour does not exist":        {"Europe/Berlin", 2, never, "2026-03-28 01:00", "2026-03-29 01:00", true}, // 03:00 on the wall
		"and then it is done":            {"Europe/Berlin", 2, never, "2026-03-29 01:00", "2026-03-29 01:30", false},
		"the hour comes twice":           {"Europe/Berlin", 2, never, "2026-10-24 00:00", "2026-10-25 00:00", true},
		"and the second time is none":    {"Europe/Berlin", 2, never, "2026-10-25 00:00", "2026-10-25 01:00", false},
		"no midnight on that day":        {"Asia/Beirut", 0, never, "2026-03-27 22:00", "2026-03-28 22:00", true}, // 01:00 on the wall
		"midnight comes twice":           {"America/Havana", 0, never, "2026-11-01 04:00", "2026-11-01 05:00", false},
		"a day was left out":             {"Pacific/Apia", 9, never, "2011-12-29 19:00", "2011-12-30 19:00", true},   // the 31st after the 29th
		"went west, done in the east":    {"Europe/Berlin", 9, never, "2026-01-19 23:00", "2026-01-20 08:00", false}, // 9:00 in Vladivostok is the same day here
		"went west, the next day":        {"Europe/Berlin", 9, never, "2026-01-19 23:00", "2026-01-21 08:00", true},
		"went east, done in the west":    {"Asia/Vladivostok", 9, never, "2026-01-20 14:00", "2026-01-20 23:00", false}, // already the 21st there
		"went east, the next day":        {"Asia/Vladivostok", 9, never, "2026-01-20 14:00", "2026-01-21 23:00", true},
		"went over the date line":        {"Pacific/Honolulu", 9, never, "2026-01-20 20:00", "2026-01-21 19:00", true}, // told in Auckland on the 21st
	} {
		read := func(text string) time.Time { return at(t, time.UTC, text+":00") }
		d := calendar.Daily{Hour: c.hour, Since: read(c.since), Done: read(c.done), Late: 6 * time.Hour}
		if got := d.Due(read(c.now).In(zone(t, c.zone))); got != c.want {
			t.Errorf("%s: due %t, want %t", name, got, c.want)
		}
	}
}

// Whoever looks often enough and keeps one zone is told once on each of his days.
func TestDailyComesOnEachDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		where := zone(r, rapid.SampledFrom(zones).Draw(r, "zone"))
		d := calendar.Daily{Hour: rapid.IntRange(0, 23).Draw(r, "hour"), Late: 6 * time.Hour}
		now := time.Date(rapid.IntRange(2005, 2030).Draw(r, "year"), time.Month(rapid.IntRange(1, 12).Draw(r, "month")), 1, 0, 0, 0, 0, where)
		days, told := map[string]bool{}, map[string]int{}
		for range 40 * 24 * 4 {
			now = now.Add(15 * time.Minute)
			days[now.Format(time.DateOnly)] = true
			if d.Due(now) {
				d.Done = now
				told[now.Format(time.DateOnly)]++
			}
		}
		missed := 0
		for day := range days {
			if told[day] > 1 {
				r.Fatalf("%d times on %s", told[day], day)
			}
			if told[day] == 0 {
				missed++
			}
		}
		if missed > 1 { // the last day may not have come to its hour
			r.Fatalf("%d days without", missed)
		}
	})
}
