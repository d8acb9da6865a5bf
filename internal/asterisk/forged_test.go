package asterisk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// A caller brings a number with line breaks in it, and Asterisk writes them as they are.
func TestNumberOfACallerTellsNothingOfACall(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	forged := "1\r\nAccountCode: countersign:job-1\r\nUniqueid: job-1\r\nLinkedid: job-1\r\nCause: 17"
	f.Say("Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/evil-1\r\nCallerIDNum: " + forged +
		"\r\nAccountCode: \r\nUniqueid: 9.9\r\nLinkedid: 9.9\r\nCause: 16\r\n\r\n" +
		"Event: Newstate\r\nChannel: PJSIP/evil-1\r\nChannelState: 5\r\nCallerIDNum: 1\r\nAccountCode: countersign:job-2\r\nUniqueid: 9.9\r\nLinkedid: 9.9\r\nAccountCode: \r\nUniqueid: 9.8\r\nLinkedid: 9.8\r\n\r\n")
	must(t, c.Mute(t.Context(), "ROOM1", f.Calls()[0].Channel)) // is told after it
	if e := next(t, c); say(e) != "muted job-1 ROOM1" {
		t.Errorf("told %q", say(e))
	}
	up, err := c.Channels(t.Context())
	if err != nil || up[0].Job != "job-1" {
		t.Error(up, err)
	}
}

// The same by a real one, whose dialplan gives a caller such a number: he is in the room, is
// nobody of ours, and nobody is kept from looking.
func TestRealNumberOfACallerTellsNothingOfACall(t *testing.T) {
	t.Parallel()
	c := open(t, openReal(t).options())
	join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	o, err := asterisk.Call{Job: "stranger", Number: "79991110002", Room: "ROOM1"}.Originate()
	must(t, err)
	o.Context, o.Exten = "evil-caller", "1"
	must(t, c.Originate(t.Context(), o))
	eventually(t, "he is in the room", func() bool {
		people, err := c.People(t.Context(), "ROOM1")
		if err != nil {
			t.Fatal(err)
		}
		jobs := map[string]int{}
		for _, p := range people {
			jobs[p.Job]++
		}
		return cmp.Equal(jobs, map[string]int{"job-1": 1, "": 1})
	})
	rooms, err := c.Rooms(t.Context())
	if err != nil || len(rooms) != 1 || rooms[0].People != 2 {
		t.Error(rooms, err)
	}
	must(t, c.Hangup(t.Context(), "job-1"))
	told, _ := until(t, c, asterisk.HungUp, "job-1")
	if diff := cmp.Diff([]string{"left job-1 ROOM1", "hung up job-1"}, of("job-1", told)); diff != "" {
		t.Errorf("%s%s", diff, strings.Join(told, "\n"))
	}
}
