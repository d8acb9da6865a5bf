package asterisk_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// wantDoubt wants an error that says that it may have been done, and nothing that contradicts it.
func wantDoubt(t *testing.T, what string, err error) {
	t.Helper()
	wantIs(t, what, err, asterisk.ErrUnanswered)
	for _, verdict := range []error{
		asterisk.ErrAway, asterisk.ErrLogin, asterisk.ErrForbidden, asterisk.ErrNotReady, asterisk.ErrNotFound, asterisk.ErrRefused,
	} {
		if errors.Is(err, verdict) {
			t.Errorf("%s: %q counts as %q, too", what, err, verdict)
		}
	}
}

// stalling is a stand-in that answers no Ping after that of the login, with a client that has sent one.
func stalling(t *testing.T, change func(*asterisk.Options)) (*asterisktest.Server, *asterisk.Client) {
	t.Helper()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Ping, o.Timeout = time.Millisecond, time.Second
	if change != nil {
		change(&o)
	}
	f.Break("Ping", asterisktest.Trouble{Fault: asterisktest.Silent, After: 1, Times: 1})
	c := open(t, o)
	eventually(t, "it is asked whether it lives", func() bool { return f.Count("Ping") == 2 })
	return f, c
}

// Asterisk takes a call and answers nothing any more, while the line to it stays up: the
// connection is given up before the call's own time is over, and the phone may ring.
func TestCallThatWasSentToAStalledAsteriskMayRing(t *testing.T) {
	t.Parallel()
	f, c := stalling(t, nil)
	f.Break("Originate", asterisktest.Trouble{Fault: asterisktest.Silent, Times: 1})
	o, err := asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}.Originate()
	must(t, err)
	wantDoubt(t, "a call", c.Originate(t.Context(), o))
	if f.Count("Originate") != 1 {
		t.Errorf("asked %d times", f.Count("Originate"))
	}
}

// So may that of a file which lies in the folder.
func TestFileThatLiesThereMayRing(t *testing.T) {
	t.Parallel()
	s := spool(t)
	_, c := stalling(t, func(o *asterisk.Options) { o.Spool, o.Taken = s, time.Minute })
	o, err := asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}.Originate()
	must(t, err)
	wantDoubt(t, "a call", c.Originate(t.Context(), o))
	if len(files(t, s, "outgoing")) != 1 {
		t.Errorf("there lies %q", files(t, s, "outgoing"))
	}
}

// Nothing is heard of a file, and it cannot be asked for, or not be taken back.
func TestFileOfWhichNobodyKnowsMayRing(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		fault asterisktest.Fault
		spoil func(tmp string) error
	}{
		"Denied":     {asterisktest.Denied, nil},
		"Refused":    {asterisktest.Refused, nil},
		"NoFolder":   {asterisktest.Pass, os.RemoveAll},
		"NotAFolder": {asterisktest.Pass, func(tmp string) error { return errors.Join(os.RemoveAll(tmp), os.WriteFile(tmp, nil, 0o600)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := spool(t)
			f := fake(t, asterisktest.Options{}) // it takes them from elsewhere
			options := options(f)
			options.Spool, options.Taken = s, 20*time.Millisecond
			c := open(t, options)
			looked := make(chan struct{})
			f.Break("CoreShowChannels", asterisktest.Trouble{Fault: story.fault, Gate: looked, Times: 1})
			o, err := asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}.Originate()
			must(t, err)
			done := make(chan error, 1)
			go func() { done <- c.Originate(t.Context(), o) }()
			eventually(t, "it is looked for", func() bool { return f.Count("CoreShowChannels") == 2 })
			if story.spoil != nil {
				must(t, story.spoil(beside(s, "tmp")))
			}
			close(looked)
			fault := <-done
			wantDoubt(t, "a call", fault)
			wantNoNumber(t, fault)
			if len(files(t, s, "outgoing")) != 1 {
				t.Errorf("there lies %q", files(t, s, "outgoing"))
			}
		})
	}
}

// A kick was sent, and did nothing that is known of, before Asterisk went away.
func TestKickBeforeAsteriskWentAwayMayBeDone(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Settle = time.Second
	c := open(t, o)
	e := join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	f.Deafen("job-1")
	done := make(chan error, 1)
	go func() { done <- c.Kick(t.Context(), "ROOM1", e.Channel) }()
	eventually(t, "the kick is sent", func() bool { return f.Count("ConfbridgeKick") == 1 })
	_, err := c.Version(t.Context()) // its answer comes after that to the kick
	must(t, err)
	must(t, f.Stop())
	wantDoubt(t, "the kick", <-done)
}

// What was certainly not sent does not become doubtful by what the connection ended with.
func TestWhatWasNotSentIsNotInDoubt(t *testing.T) {
	t.Parallel()
	f, c := stalling(t, func(o *asterisk.Options) { o.Timeout, o.Pause = 300*time.Millisecond, time.Minute })
	eventually(t, "it is given up", func() bool { return !c.State().Up })
	wantIs(t, "why", c.State().Err, asterisk.ErrUnanswered) // the Ping
	o, err := asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}.Originate()
	must(t, err)
	err = c.Originate(t.Context(), o)
	wantIs(t, "a call", err, asterisk.ErrAway)
	if errors.Is(err, asterisk.ErrUnanswered) || f.Count("Originate") != 0 {
		t.Errorf("%v, asked %d times", err, f.Count("Originate"))
	}
}
