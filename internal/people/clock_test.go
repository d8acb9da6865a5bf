package people_test

import (
	"testing"
	"time"

	"countersign/internal/people"
)

func TestQuietHoursGoOverMidnightAndByTheOwnClock(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 3*60*60)
	night, noon := people.Quiet{From: 22 * 60, To: 7*60 + 30}, people.Quiet{From: 12 * 60, To: 13 * 60}
	at := func(hour, minute int) time.Time { return time.Date(2026, 6, 15, hour, minute, 0, 0, time.UTC) }
	for _, c := range []struct {
		p    people.Person
		at   time.Time
		want bool
	}{
		{people.Person{}, at(3, 0), false},
		{people.Person{Quiet: night}, at(21, 59), false},
		{people.Person{Quiet: night}, at(22, 0), true},
		{people.Person{Quiet: night}, at(0, 0), true},
		{people.Person{Quiet: night}, at(7, 29), true},
		{people.Person{Quiet: night}, at(7, 30), false},
		{people.Person{Quiet: noon}, at(12, 59), true},
		{people.Person{Quiet: noon}, at(13, 0), false},
		{people.Person{Quiet: night, Zone: east}, at(19, 0), true},
		{people.Person{Quiet: night, Zone: east}, at(5, 0), false},
	} {
		if got := c.p.Hushed(c.at, nil); got != c.want {
			t.Errorf("%+v at %s: %t", c.p.Quiet, c.at, got)
		}
	}
	for q, want := range map[people.Quiet]bool{{}: true, night: true, {From: 5, To: 5}: false, {From: -1, To: 5}: false, {From: 5, To: 1440}: false} {
		if q.Valid() != want {
			t.Errorf("%+v is valid: %t", q, !want)
		}
	}
}
