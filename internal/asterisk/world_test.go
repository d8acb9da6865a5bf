package asterisk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake starts a stand-in.
func fake(t *testing.T, o asterisktest.Options) *asterisktest.Server {
	t.Helper()
	f, err := asterisktest.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, f.Close()) })
	return f
}

// options are those of a client of the stand-in.
func options(f *asterisktest.Server) asterisk.Options {
	return asterisk.Options{
		Address: f.Addr(), User: asterisktest.User, Secret: asterisktest.Secret, Now: time.Now,
		Pause: time.Millisecond, Longest: 20 * time.Millisecond, Settle: 50 * time.Millisecond, Ping: time.Minute,
	}
}

// begin makes a client and has it run until the test ends.
func begin(t *testing.T, o asterisk.Options) *asterisk.Client {
	t.Helper()
	c, err := asterisk.New(o)
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return c
}

// open is a client that is up, with the first Resync taken.
func open(t *testing.T, o asterisk.Options) *asterisk.Client {
	t.Helper()
	c := begin(t, o)
	if e := next(t, c); e.Kind != asterisk.Resync {
		t.Fatalf("begins with %v", e)
	}
	if at := c.State(); !at.Up || at.Since.IsZero() || !strings.Contains(at.Version, ".") {
		t.Fatalf("state %+v", at)
	}
	return c
}

// next takes the next event.
func next(t *testing.T, c *asterisk.Client, told ...string) asterisk.Event {
	t.Helper()
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	e, err := c.Next(within)
	if err != nil {
		t.Fatalf("no event came: %v; told before: %q", err, told)
	}
	if e.At.IsZero() {
		t.Errorf("%v has no time", e)
	}
	return e
}

// until takes events up to one that is wanted, and tells all of them.
func until(t *testing.T, c *asterisk.Client, last asterisk.Kind, job string) (told []string, end asterisk.Event) {
	t.Helper()
	for {
		e := next(t, c, told...)
		told = append(told, say(e))
		if e.Kind == last && e.Job == job {
			return told, e
		}
	}
}

// say is an event as "kind job room cause".
func say(e asterisk.Event) string {
	words := []string{e.Kind.String()}
	for _, word := range []string{e.Job, e.Room} {
		if word != "" {
			words = append(words, word)
		}
	}
	if e.Kind == asterisk.Failed || e.Kind == asterisk.Refused {
		words = append(words, e.Cause.String())
	}
	return strings.Join(words, " ")
}

// ring has a phone called into a room.
func ring(t *testing.T, c *asterisk.Client, call asterisk.Call) {
	t.Helper()
	o, err := call.Originate()
	must(t, err)
	must(t, c.Originate(t.Context(), o))
}

// join does, and waits until it is in there.
func join(t *testing.T, c *asterisk.Client, call asterisk.Call) asterisk.Event {
	t.Helper()
	ring(t, c, call)
	_, e := until(t, c, asterisk.Joined, call.Job)
	return e
}

func wantIs(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
