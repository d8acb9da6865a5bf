package asterisk_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// world is a test with a client that is up.
type world struct {
	t *testing.T
	c *asterisk.Client
	o asterisk.Options
}

// another is one more client that is up.
func (w world) another() *asterisk.Client {
	w.t.Helper()
	return open(w.t, w.o)
}

func newWorld(t *testing.T, o asterisk.Options) world {
	t.Helper()
	return world{t, open(t, o), o}
}

// both runs a story with the stand-in and with a real Asterisk: what is true of one is of the other.
func both(t *testing.T, story func(w world)) {
	t.Helper()
	t.Parallel()
	t.Run("StandIn", func(t *testing.T) {
		t.Parallel()
		story(newWorld(t, options(fake(t, asterisktest.Options{}))))
	})
	t.Run("Real", func(t *testing.T) {
		t.Parallel()
		story(newWorld(t, openReal(t).options()))
	})
}

// of gives what was told of a job.
func of(job string, told []string) []string {
	return slices.DeleteFunc(slices.Clone(told), func(s string) bool { return !strings.Contains(s+" ", " "+job+" ") })
}

func TestTwoCallsMeetInARoom(t *testing.T) {
	both(t, func(w world) {
		t, c := w.t, w.c
		rooms, err := c.Rooms(t.Context())
		if err != nil || len(rooms) != 0 {
			t.Fatal(rooms, err)
		}
		ring(t, c, asterisk.Call{Job: "job-1", Number: "+79991110001", Room: "ROOM1", CallerNumber: "100", CallerName: asterisk.PlainName(`Zoë "the" <b> Ω`)})
		told, first := until(t, c, asterisk.Joined, "job-1")
		if diff := cmp.Diff([]string{"ringing job-1", "answered job-1", "joined job-1 ROOM1"}, of("job-1", told)); diff != "" {
			t.Error(diff)
		}
		if !slices.Contains(told, "begun ROOM1") { // what is told of rooms comes beside what is told of calls
			until(t, c, asterisk.Begun, "")
		}
		second := join(t, c, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1", Admin: true, Language: "en"})
		if first.Admin || !second.Admin || first.Channel == second.Channel {
			t.Errorf("%+v, %+v", first, second)
		}
		people, err := c.People(t.Context(), "ROOM1")
		must(t, err)
		slices.SortFunc(people, func(a, b asterisk.Participant) int { return strings.Compare(a.Job, b.Job) })
		want := []asterisk.Participant{
			{Job: "job-1", Channel: first.Channel, Number: "100", Name: "Zoë the b Ω"},
			{Job: "job-2", Channel: second.Channel, Admin: true},
		}
		if diff := cmp.Diff(want, people); diff != "" {
			t.Error(diff)
		}
		rooms, err = c.Rooms(t.Context())
		if diff := cmp.Diff([]asterisk.Room{{Name: "ROOM1", People: 2}}, rooms); diff != "" || err != nil {
			t.Error(diff, err)
		}
		up, err := c.Channels(t.Context())
		must(t, err)
		ours := slices.DeleteFunc(up, func(ch asterisk.Channel) bool { return ch.Job == "" })
		slices.SortFunc(ours, func(a, b asterisk.Channel) int { return strings.Compare(a.Job, b.Job) })
		if diff := cmp.Diff([]asterisk.Channel{
			{Job: "job-1", Name: first.Channel, ID: "job-1", Answered: true, Room: "ROOM1"}, {Job: "job-2", Name: second.Channel, ID: "job-2", Answered: true, Room: "ROOM1"},
		}, ours); diff != "" {
			t.Error(diff)
		}

		must(t, c.Mute(t.Context(), "ROOM1", first.Channel))
		if _, e := until(t, c, asterisk.Muted, "job-1"); !e.Muted || e.Room != "ROOM1" {
			t.Errorf("%+v", e)
		}
		people, err = c.People(t.Context(), "ROOM1")
		if err != nil || !slices.ContainsFunc(people, func(p asterisk.Participant) bool { return p.Job == "job-1" && p.Muted }) {
			t.Error(people, err)
		}
		must(t, c.Unmute(t.Context(), "ROOM1", first.Channel))
		until(t, c, asterisk.Unmuted, "job-1")

		must(t, c.Kick(t.Context(), "ROOM1", first.Channel))
		told, _ = until(t, c, asterisk.HungUp, "job-1")
		if diff := cmp.Diff([]string{"left job-1 ROOM1", "hung up job-1"}, of("job-1", told)); diff != "" {
			t.Error(diff)
		}
		must(t, c.Hangup(t.Context(), "job-2")) // a job is good for a channel's name
		told, _ = until(t, c, asterisk.HungUp, "job-2")
		if diff := cmp.Diff([]string{"left job-2 ROOM1", "hung up job-2"}, of("job-2", told)); diff != "" {
			t.Error(diff)
		}
		if !slices.Contains(told, "ended ROOM1") {
			until(t, c, asterisk.Ended, "")
		}
		people, err = c.People(t.Context(), "ROOM1")
		if err != nil || len(people) != 0 {
			t.Error(people, err)
		}
		for what, err := range map[string]error{
			"mute":   c.Mute(t.Context(), "ROOM1", first.Channel),
			"kick":   c.Kick(t.Context(), "ROOM1", first.Channel),
			"lock":   c.Lock(t.Context(), "ROOM1"),
			"hangup": c.Hangup(t.Context(), first.Channel),
		} {
			wantIs(t, what, err, asterisk.ErrNotFound)
		}
	})
}

func TestWhyACallFailed(t *testing.T) {
	both(t, func(w world) {
		t, c := w.t, w.c
		for _, story := range []struct {
			number string
			cause  asterisk.Cause
			told   int // events of the job
		}{
			{"79995550486", asterisk.Busy, 1},
			{"79995550503", asterisk.Congestion, 1},
			{"79995550404", asterisk.UnknownNumber, 1},
			{"79995550603", asterisk.Rejected, 1},
			{"79995550480", asterisk.NoAnswer, 2},
		} {
			job := "to-" + story.number
			ring(t, c, asterisk.Call{Job: job, Number: story.number, Room: "ROOM1", Ring: time.Second})
			told, e := until(t, c, asterisk.Failed, job)
			if e.Cause != story.cause || len(told) != story.told {
				t.Errorf("%s: %v", story.number, told)
			}
		}
		// nothing more is told of them: what comes next is of the next call
		ring(t, c, asterisk.Call{Job: "after", Number: "79991110001", Room: "ROOM1"})
		if e := next(t, c); e.Job != "after" || e.Kind != asterisk.Ringing {
			t.Errorf("%v", say(e))
		}
	})
}

func TestPINIsKeyedInOrNot(t *testing.T) {
	both(t, func(w world) {
		t, c := w.t, w.c
		ring(t, c, asterisk.Call{Job: "wrong", Number: "79991110066", Room: "ROOM1", PIN: "1234", Language: "de"})
		ring(t, c, asterisk.Call{Job: "right", Number: "79991110055", Room: "ROOM1", PIN: "1234", Language: "de"})
		told, _ := until(t, c, asterisk.HungUp, "wrong")
		if diff := cmp.Diff([]string{"ringing wrong", "answered wrong", "refused wrong ROOM1 wrong PIN", "hung up wrong"}, of("wrong", told)); diff != "" {
			t.Error(diff)
		}
		if !slices.Contains(told, "joined right ROOM1") {
			until(t, c, asterisk.Joined, "right")
		}
		people, err := c.People(t.Context(), "ROOM1")
		if err != nil || len(people) != 1 || people[0].Job != "right" {
			t.Error(people, err)
		}
	})
}

func TestLockedRoomTakesOnlyAdministrators(t *testing.T) {
	both(t, func(w world) {
		t, c := w.t, w.c
		join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
		must(t, c.Lock(t.Context(), "ROOM1"))
		if e := next(t, c); e.Kind != asterisk.Locked || e.Room != "ROOM1" {
			t.Errorf("%+v", e)
		}
		ring(t, c, asterisk.Call{Job: "late", Number: "79991110002", Room: "ROOM1"})
		told, _ := until(t, c, asterisk.HungUp, "late")
		if !slices.Contains(told, "refused late ROOM1 room locked") {
			t.Errorf("told %q", told)
		}
		join(t, c, asterisk.Call{Job: "chief", Number: "79991110003", Room: "ROOM1", Admin: true})
		rooms, err := c.Rooms(t.Context())
		if err != nil || len(rooms) != 1 || !rooms[0].Locked || rooms[0].People != 2 {
			t.Error(rooms, err)
		}
		must(t, c.Unlock(t.Context(), "ROOM1"))
		until(t, c, asterisk.Unlocked, "")
		join(t, c, asterisk.Call{Job: "late-2", Number: "79991110002", Room: "ROOM1"})
		must(t, c.KickAll(t.Context(), "ROOM1"))
		until(t, c, asterisk.Ended, "")
	})
}

func TestWhoHangsUpIsOut(t *testing.T) {
	both(t, func(w world) {
		t, c := w.t, w.c
		ring(t, c, asterisk.Call{Job: "short", Number: "79991110077", Room: "ROOM1"})
		told, _ := until(t, c, asterisk.HungUp, "short")
		want := []string{"ringing short", "answered short", "joined short ROOM1", "left short ROOM1", "hung up short"}
		if diff := cmp.Diff(want, of("short", told)); diff != "" {
			t.Error(diff)
		}
	})
}

// Measured: Asterisk says of a second call with the id of one that is up that it is queued, and
// then that it failed, in all its ways. The first one goes on, and nothing must be told of it.
func TestSecondCallWithTheSameJobIsNotMade(t *testing.T) {
	both(t, func(w world) {
		t, c := w.t, w.c
		call := asterisk.Call{Job: "once", Number: "79991110001", Room: "ROOM1"}
		join(t, c, call)
		ring(t, c, call)
		ring(t, c, asterisk.Call{Job: "other", Number: "79995550486", Room: "ROOM1"})
		if e := next(t, c); say(e) != "failed other busy" {
			t.Errorf("told %q", say(e))
		}
		people, err := c.People(t.Context(), "ROOM1")
		if err != nil || len(people) != 1 {
			t.Error(people, err)
		}
		must(t, c.Hangup(t.Context(), "once"))
		until(t, c, asterisk.HungUp, "once")
		for joined := false; !joined; { // once it is over the id is good again, with Asterisk 22 perhaps a moment later
			ring(t, c, call)
			for over := false; !over && !joined; {
				e := next(t, c)
				over, joined = e.Job == "once" && e.Kind == asterisk.Failed, e.Job == "once" && e.Kind == asterisk.Joined
			}
		}
		must(t, c.Hangup(t.Context(), "once"))
	})
}

// A job that is called again and fails before it has a channel has failed again.
func TestEachFailureOfAJobIsTold(t *testing.T) {
	t.Parallel()
	c := open(t, options(fake(t, asterisktest.Options{})))
	o, err := asterisk.Call{Job: "again", Number: "79991110001", Room: "ROOM1"}.Originate()
	must(t, err)
	o.Channel = "Local/79991110001@elsewhere/n"
	for range 2 {
		must(t, c.Originate(t.Context(), o))
		if e := next(t, c); say(e) != "failed again unexplained" {
			t.Errorf("told %q", say(e))
		}
	}
}
