package asterisk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// Other people's calls, thousands of events of them at once, cost no connection and no event of
// ours. Measured: a hundred thousand are read in two seconds on a busy machine of two cores.
func TestFloodOfEventsCostsNothingOfOurs(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Timeout = time.Minute // the race detector is slow
	c := open(t, o)
	var flood strings.Builder
	for i := range 4_000 {
		id := fmt.Sprintf("Channel: PJSIP/other-%d\r\nAccountCode: visitors\r\nUniqueid: 9.%[1]d\r\nLinkedid: 9.%[1]d\r\n", i)
		for _, event := range []string{"Newchannel", "Newstate", "DialBegin", "NewExten", "Hangup"} {
			flood.WriteString("Event: " + event + "\r\nPrivilege: call,all\r\n" + id + "\r\n")
		}
	}
	f.Say(flood.String())
	ring(t, c, asterisk.Call{Job: "job-1", Number: "79995550486", Room: "ROOM1"})
	if e := next(t, c); say(e) != "failed job-1 busy" {
		t.Errorf("told %q", say(e))
	}
	if n := f.Count("Login"); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// A network gives what Asterisk writes in pieces, and may cut it anywhere: half a message is
// none, and what is whole is read however it came.
func TestHalfAMessageIsNone(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	began := channel("Newchannel", "")
	f.Say(began + "Event: Hangup\r\nChannel: Local/1@telegram-out-00000000;1\r\nUniqueid: job-1\r\nLinkedid: job-1\r\nCause: 17")
	answer := make(chan error, 1)
	go func() { _, err := c.Version(t.Context()); answer <- err }()
	eventually(t, "it asks", func() bool { return f.Count("CoreSettings") == 2 }) // what answers it is behind half a line
	f.Drop()
	wantIs(t, "what was asked", <-answer, asterisk.ErrUnanswered)
	if told, _ := until(t, c, asterisk.Resync, ""); len(told) != 1 {
		t.Errorf("told %q", told)
	}
	for _, piece := range strings.SplitAfter(began+channel("Newstate", ""), ":") {
		f.Say(piece)
	}
	if e := next(t, c); say(e) != "ringing job-1" {
		t.Errorf("told %q", say(e))
	}
}

// A line of a megabyte is read no further than a line may be, and the client comes back.
func TestLineWithoutEndEndsTheConnection(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	f.Say("Event: UserEvent\r\nBlob: " + strings.Repeat("x", 1<<20) + "\r\n\r\n")
	until(t, c, asterisk.Resync, "")
	if _, err := c.Version(t.Context()); err != nil || f.Count("Login") != 2 {
		t.Error(err, f.Count("Login"))
	}
}
