package asterisk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// What is left of calls and rooms when Asterisk is killed: nothing, and the client says so.
func TestKilledAsteriskHasNoCallsAndTheClientComesBack(t *testing.T) {
	t.Parallel()
	t.Run("StandIn", func(t *testing.T) {
		t.Parallel()
		f := fake(t, asterisktest.Options{})
		killed(t, open(t, options(f)), func() { must(t, f.Stop()) }, func() { must(t, f.Start(t.Context())) })
	})
	t.Run("Real", func(t *testing.T) {
		t.Parallel()
		r := openReal(t)
		killed(t, open(t, r.options()), func() { r.kill(t) }, func() { r.start(t) })
	})
}

func killed(t *testing.T, c *asterisk.Client, kill, start func()) {
	t.Helper()
	join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	up := c.State()
	kill()
	eventually(t, "the client knows", func() bool { return !c.State().Up })
	if at := c.State(); at.Err == nil || at.Since.Before(up.Since) || at.Version != up.Version {
		t.Errorf("state %+v", at)
	}
	_, err := c.People(t.Context(), "ROOM1")
	wantIs(t, "people", err, asterisk.ErrAway)
	o, err := asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"}.Originate()
	must(t, err)
	wantIs(t, "originate", c.Originate(t.Context(), o), asterisk.ErrAway)
	start()
	if told, _ := until(t, c, asterisk.Resync, ""); len(told) != 1 {
		t.Errorf("told %q", told)
	}
	channels, err := c.Channels(t.Context())
	if err != nil || len(channels) != 0 {
		t.Error(channels, err)
	}
	rooms, err := c.Rooms(t.Context())
	if err != nil || len(rooms) != 0 {
		t.Error(rooms, err)
	}
	told := []string{}
	ring(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}) // the id is good again
	for len(of("job-1", told)) < 3 {
		told = append(told, say(next(t, c)))
	}
	if diff := cmp.Diff([]string{"ringing job-1", "answered job-1", "joined job-1 ROOM1"}, of("job-1", told)); diff != "" {
		t.Error(diff)
	}
}

// A client that comes anew finds the calls of another one, and what becomes of them.
func TestCallsOfAnotherClientAreKnown(t *testing.T) {
	t.Parallel()
	t.Run("StandIn", func(t *testing.T) {
		t.Parallel()
		o := options(fake(t, asterisktest.Options{}))
		found(t, open(t, o), func() *asterisk.Client { return open(t, o) })
	})
	t.Run("Real", func(t *testing.T) {
		t.Parallel()
		o := openReal(t).options()
		found(t, open(t, o), func() *asterisk.Client { return open(t, o) })
	})
}

func found(t *testing.T, first *asterisk.Client, another func() *asterisk.Client) {
	t.Helper()
	join(t, first, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	ring(t, first, asterisk.Call{Job: "job-2", Number: "79995550480", Room: "ROOM1"})
	until(t, first, asterisk.Ringing, "job-2")
	c := another()
	up, err := c.Channels(t.Context())
	must(t, err)
	got := map[string]bool{}
	for _, ch := range up {
		if ch.Job != "" {
			got[ch.Job] = ch.Answered
		}
	}
	if diff := cmp.Diff(map[string]bool{"job-1": true, "job-2": false}, got); diff != "" {
		t.Error(diff)
	}
	ring(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}) // its answer is lost on nobody: there is none
	must(t, c.Hangup(t.Context(), "job-1"))
	must(t, c.Hangup(t.Context(), "job-2"))
	for name, c := range map[string]*asterisk.Client{"first": first, "second": c} {
		var told []string
		for len(of("job-1", told)) < 2 || len(of("job-2", told)) < 1 {
			told = append(told, say(next(t, c)))
		}
		if diff := cmp.Diff([]string{"left job-1 ROOM1", "hung up job-1"}, of("job-1", told)); diff != "" {
			t.Error(name, diff)
		}
		if diff := cmp.Diff([]string{"failed job-2 no answer"}, of("job-2", told)); diff != "" {
			t.Error(name, diff)
		}
	}
}
