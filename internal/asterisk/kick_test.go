package asterisk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// Asterisk says "User kicked" and does nothing; from then on it does not find him.
func TestKickThatIsLostIsAHangup(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	e := join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	f.Deafen("job-1")
	must(t, c.Kick(t.Context(), "ROOM1", e.Channel))
	if f.Count("Hangup") != 1 || len(f.Calls()) != 0 {
		t.Errorf("%d hang-ups, %+v", f.Count("Hangup"), f.Calls())
	}

	e = join(t, c, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"})
	f.Deafen("job-2")
	raw := open(t, options(f)) // somebody else's kick was lost
	must(t, raw.Kick(t.Context(), "ROOM1", e.Channel))
	wantIs(t, "who is out", c.Kick(t.Context(), "ROOM1", e.Channel), asterisk.ErrNotFound)
}

// The window in which a real one loses kicks: the profile with its announcement, which the
// samples turn off.
func TestRealKickWithinTheWindow(t *testing.T) {
	t.Parallel()
	r := openReal(t, "announce_only_user = no", "announce_only_user = yes", "quiet = yes", "quiet = no")
	c := open(t, r.options())
	ring(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	var who []asterisk.Participant
	eventually(t, "he is in the list", func() bool {
		people, err := c.People(t.Context(), "ROOM1")
		who = people
		return err == nil && len(people) == 1
	})
	must(t, c.Kick(t.Context(), "ROOM1", who[0].Channel))
	until(t, c, asterisk.HungUp, "job-1")
	rooms, err := c.Rooms(t.Context())
	if err != nil || len(rooms) != 0 {
		t.Error(rooms, err)
	}
}

// Who was muted by the one that leads does not unmute himself by a key.
func TestRealKeyDoesNotUnmute(t *testing.T) {
	t.Parallel()
	c := open(t, openReal(t).options())
	e := join(t, c, asterisk.Call{Job: "job-1", Number: "79991110088", Room: "ROOM1"})
	must(t, c.Mute(t.Context(), "ROOM1", e.Channel))
	told, _ := until(t, c, asterisk.HungUp, "job-1")
	if diff := cmp.Diff([]string{"muted job-1 ROOM1", "left job-1 ROOM1", "hung up job-1"}, of("job-1", told)); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyIsMutedOrRemovedByHalfAName(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	e := join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	join(t, c, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"})
	for _, name := range []string{"all", "ALL", "participants", "", "/.*/", "/Local/", "Local", "Local/"} {
		for _, err := range []error{c.Mute(t.Context(), "ROOM1", name), c.Kick(t.Context(), "ROOM1", name), c.Hangup(t.Context(), name)} {
			if err == nil {
				t.Errorf("%q was taken for a channel", name)
			}
		}
	}
	for _, call := range f.Calls() {
		if call.Muted || !call.InRoom {
			t.Errorf("%+v", call)
		}
	}
	must(t, c.Mute(t.Context(), "ROOM1", e.Channel))
}
