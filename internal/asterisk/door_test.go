package asterisk_test

import (
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// Asterisk tells nobody who locks a room: it is seen in the list, by all.
func TestRoomThatSomebodyElseLockedIsTold(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	other := open(t, o)
	o.Ping = 5 * time.Millisecond
	c := open(t, o)
	join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	must(t, other.Lock(t.Context(), "ROOM1"))
	if e := next(t, c); say(e) != "locked ROOM1" {
		t.Errorf("told %q", say(e))
	}
	looked := f.Count("ConfbridgeListRooms")
	eventually(t, "it looks again", func() bool { return f.Count("ConfbridgeListRooms") > looked+1 })
	must(t, c.Unlock(t.Context(), "ROOM1"))
	must(t, c.Mute(t.Context(), "ROOM1", f.Calls()[0].Channel))
	for _, want := range []string{"unlocked ROOM1", "muted job-1 ROOM1"} { // each once
		if e := next(t, c); say(e) != want {
			t.Errorf("told %q, want %q", say(e), want)
		}
	}
}

func TestRoomThatWasLockedWhenItEndedIsForgotten(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Ping = 5 * time.Millisecond
	c := open(t, o)
	join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	must(t, c.Lock(t.Context(), "ROOM1"))
	must(t, c.Hangup(t.Context(), "job-1"))
	until(t, c, asterisk.Ended, "")
	looked := f.Count("ConfbridgeListRooms")
	eventually(t, "it looks again", func() bool { return f.Count("ConfbridgeListRooms") > looked+1 })
	join(t, c, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"})
	looked = f.Count("ConfbridgeListRooms")
	eventually(t, "it looks again", func() bool { return f.Count("ConfbridgeListRooms") > looked+1 })
	must(t, c.Lock(t.Context(), "ROOM1"))
	if e := next(t, c); say(e) != "locked ROOM1" {
		t.Errorf("told %q", say(e))
	}
}

// What an administrator does at Asterisk's own console is told, too.
func TestRealConsoleIsHeard(t *testing.T) {
	t.Parallel()
	r := openReal(t)
	o := r.options()
	o.Ping = 100 * time.Millisecond
	c := open(t, o)
	e := join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	for _, act := range []struct {
		words string
		kind  asterisk.Kind
		job   string
	}{
		{"confbridge lock ROOM1", asterisk.Locked, ""},
		{"confbridge mute ROOM1 " + e.Channel, asterisk.Muted, "job-1"},
		{"confbridge unlock ROOM1", asterisk.Unlocked, ""},
		{"confbridge unmute ROOM1 " + e.Channel, asterisk.Unmuted, "job-1"},
		{"confbridge kick ROOM1 " + e.Channel, asterisk.Left, "job-1"},
	} {
		r.command(t, act.words)
		until(t, c, act.kind, act.job)
	}
}
