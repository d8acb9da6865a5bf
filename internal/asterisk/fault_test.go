package asterisk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// asks is every question and every act, in a room with job-1 in it.
func asks(c *asterisk.Client, channel string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"ConfbridgeListRooms": func(ctx context.Context) error { _, err := c.Rooms(ctx); return err },
		"ConfbridgeList":      func(ctx context.Context) error { _, err := c.People(ctx, "ROOM1"); return err },
		"CoreShowChannels":    func(ctx context.Context) error { _, err := c.Channels(ctx); return err },
		"CoreSettings":        func(ctx context.Context) error { _, err := c.Version(ctx); return err },
		"ConfbridgeMute":      func(ctx context.Context) error { return c.Mute(ctx, "ROOM1", channel) },
		"ConfbridgeUnmute":    func(ctx context.Context) error { return c.Unmute(ctx, "ROOM1", channel) },
		"ConfbridgeLock":      func(ctx context.Context) error { return c.Lock(ctx, "ROOM1") },
		"ConfbridgeUnlock":    func(ctx context.Context) error { return c.Unlock(ctx, "ROOM1") },
		"ConfbridgeKick":      func(ctx context.Context) error { return c.Kick(ctx, "ROOM1", channel) },
		"Hangup":              func(ctx context.Context) error { return c.Hangup(ctx, channel) },
		"Originate": func(ctx context.Context) error {
			o, err := asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"}.Originate()
			return errors.Join(err, c.Originate(ctx, o))
		},
	}
}

func TestEachFaultAtEachAction(t *testing.T) {
	t.Parallel()
	for fault, want := range map[asterisktest.Fault]struct {
		is   error
		back bool // with a new connection
	}{
		asterisktest.Cut:     {asterisk.ErrUnanswered, true},
		asterisktest.Lost:    {asterisk.ErrUnanswered, true},
		asterisktest.Flood:   {asterisk.ErrUnanswered, true},
		asterisktest.Endless: {asterisk.ErrUnanswered, true},
		asterisktest.Silent:  {asterisk.ErrUnanswered, false},
		asterisktest.Garbage: {asterisk.ErrUnanswered, false},
		asterisktest.Refused: {asterisk.ErrRefused, false},
		asterisktest.Denied:  {asterisk.ErrForbidden, false},
		asterisktest.Odd:     {asterisk.ErrProtocol, false},
		asterisktest.Torn:    {asterisk.ErrProtocol, false},
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			f := fake(t, asterisktest.Options{})
			c := open(t, options(f))
			e := join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
			w, all := trial{c, f, fault, want.is}, asks(c, e.Channel)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				ask := all[name]
				if name == "Hangup" || name == "ConfbridgeKick" || name == "Originate" {
					continue // they change who is there; below
				}
				w.meet(t, name, ask)
				if want.back {
					until(t, c, asterisk.Resync, "")
				}
				if err := ask(t.Context()); err != nil {
					t.Errorf("%s after it: %v", name, err)
				}
			}
			for _, name := range []string{"Originate", "ConfbridgeKick", "Hangup"} {
				w.meet(t, name, all[name])
				if want.back {
					until(t, c, asterisk.Resync, "")
				}
			}
			up, err := c.Channels(t.Context())
			jobs := map[string]int{}
			for _, ch := range up {
				jobs[ch.Job]++
			}
			delete(jobs, "")
			left := map[string]int{"job-1": 1}
			if fault == asterisktest.Lost {
				left = map[string]int{"job-2": 1} // what was lost was done, once
			}
			if diff := cmp.Diff(left, jobs); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

// trial is a client whose server has a fault.
type trial struct {
	c     *asterisk.Client
	f     *asterisktest.Server
	fault asterisktest.Fault
	want  error
}

// meet has an action meet the fault.
func (w trial) meet(t *testing.T, name string, ask func(context.Context) error) {
	t.Helper()
	c, f, fault := w.c, w.f, w.fault
	f.Break(name, asterisktest.Trouble{Fault: fault, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := f.Count(name)
	if fault == asterisktest.Silent || fault == asterisktest.Garbage { // the caller waits until it was heard, and no longer
		tick := time.NewTicker(5 * time.Millisecond)
		var all sync.WaitGroup
		defer tick.Stop()
		defer all.Wait()
		all.Go(func() {
			for ctx.Err() == nil && f.Count(name) == before {
				<-tick.C
			}
			cancel()
		})
	}
	err := ask(ctx)
	if name == "Hangup" && errors.Is(err, asterisk.ErrNotFound) && fault == asterisktest.Lost {
		f.Mend() // the kick before it was done
		return
	}
	wantIs(t, name, err, w.want)
	if f.Count(name) != before+1 {
		t.Errorf("%s was asked %d times", name, f.Count(name)-before)
	}
	if !c.State().Up && c.State().Err == nil {
		t.Errorf("%s: it does not say why it is away", name)
	}
}

func TestListWithoutEndIsLeftUnread(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	f.Break("ConfbridgeListRooms", asterisktest.Trouble{Fault: asterisktest.Glut, Times: 1})
	_, err := c.Rooms(t.Context())
	wantIs(t, "rooms", err, asterisk.ErrProtocol)
	if rooms, err := c.Rooms(t.Context()); err != nil || len(rooms) != 0 {
		t.Error(rooms, err)
	}
	if _, err := asterisk.Decode(strings.Repeat("A: "+strings.Repeat("b", 8000)+"\r\n", 9) + "\r\n"); errors.Is(err, io.EOF) {
		t.Error("a message of 72 kB was read")
	}
}

func TestConnectionThatDiesFailsAllThatWait(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	f.Break("CoreSettings", asterisktest.Trouble{Fault: asterisktest.Silent, Times: 8})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := c.Version(context.WithoutCancel(t.Context()))
			wantIs(t, "version", err, asterisk.ErrUnanswered)
		})
	}
	eventually(t, "all wait", func() bool { return f.Count("CoreSettings") == 9 })
	f.Drop()
	all.Wait()
	if e := next(t, c); e.Kind != asterisk.Resync {
		t.Errorf("told %v", e)
	}
	if _, err := c.Version(t.Context()); err != nil {
		t.Error(err)
	}
}

// A connection that was cut far away says nothing.
func TestSilentConnectionIsFoundDead(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Ping, o.Timeout = 5*time.Millisecond, 200*time.Millisecond
	c := open(t, o)
	f.Break("Ping", asterisktest.Trouble{Fault: asterisktest.Silent, Times: 1})
	until(t, c, asterisk.Resync, "")
	eventually(t, "it lives", func() bool { return f.Count("Ping") > 2 && c.State().Up })
}

func TestWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		server asterisktest.Options
		change func(*asterisk.Options)
		is     error
		says   string
	}{
		"WrongSecret":  {asterisktest.Options{}, func(o *asterisk.Options) { o.Secret = "another-one" }, asterisk.ErrLogin, "manager.conf"},
		"WrongUser":    {asterisktest.Options{}, func(o *asterisk.Options) { o.User = "nobody" }, asterisk.ErrLogin, "manager.conf"},
		"NoReporting":  {asterisktest.Options{Write: []string{"originate", "call"}}, nil, asterisk.ErrForbidden, "write = reporting"},
		"NotHeard":     {asterisktest.Options{Read: []string{"call", "user"}}, func(o *asterisk.Options) { o.Timeout = 500 * time.Millisecond }, asterisk.ErrNotReady, "read = system"},
		"NoDialplan":   {asterisktest.Options{Without: "conf-in"}, nil, asterisk.ErrNotReady, "extensions.conf"},
		"NobodyThere":  {asterisktest.Options{}, func(o *asterisk.Options) { o.Address = "127.0.0.1:1" }, asterisk.ErrAway, "refused"},
		"NotTLS":       {asterisktest.Options{}, func(o *asterisk.Options) { o.TLS = true }, asterisk.ErrAway, "tls"},
		"NotTrusted":   {asterisktest.Options{TLS: true}, func(o *asterisk.Options) { o.TLS = true }, asterisk.ErrAway, "certificate"},
		"NotTheServer": {asterisktest.Options{TLS: true}, func(o *asterisk.Options) { o.Timeout = 500 * time.Millisecond }, asterisk.ErrAway, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fake(t, story.server)
			o := options(f)
			if story.change != nil {
				story.change(&o)
			}
			c := begin(t, o)
			eventually(t, "it says why", func() bool { return c.State().Err != nil })
			at := c.State()
			if at.Up || at.Since.IsZero() || !errors.Is(at.Err, story.is) || !strings.Contains(at.Err.Error(), story.says) || strings.Contains(fmt.Sprintf("%v %+v", at.Err, o), o.Secret.Reveal()) {
				t.Errorf("state %+v", at)
			}
			_, err := c.Rooms(t.Context())
			wantIs(t, "rooms", err, asterisk.ErrAway)
			wantIs(t, "rooms", err, story.is) // the reason goes with it
		})
	}
}

// The answer and the end of the connection come at once.
func TestRefusedLoginIsNeverALostConnection(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Secret, o.Longest = "another-one", 2*time.Millisecond
	c := begin(t, o)
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for f.Count("Login") < 150 {
		<-tick.C
		if err := c.State().Err; err != nil && !errors.Is(err, asterisk.ErrLogin) {
			t.Fatal(err)
		}
	}
}

func TestMissingRightIsNamed(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{Write: []string{"reporting"}})
	c := open(t, options(f))
	for name, right := range map[string]string{"Originate": "write = originate", "Hangup": "write = call", "ConfbridgeLock": "write = call"} {
		wantForbidden(t, asks(c, "Local/1@x-1;1")[name](t.Context()), right)
	}
}

func wantForbidden(t *testing.T, err error, right string) {
	t.Helper()
	if e, ok := errors.AsType[*asterisk.Error](err); !ok || !errors.Is(err, asterisk.ErrForbidden) || e.Right != right || !strings.Contains(err.Error(), right) {
		t.Errorf("%v, want %s", err, right)
	}
}

func TestOverTLSWithAnAuthorityOfOnesOwn(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{TLS: true})
	o := options(f)
	o.TLS, o.CA = true, filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(o.CA, f.Certificate(), 0o600))
	c := open(t, o)
	join(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
}

// Something else listens there: it does not get the secret.
func TestSecretGoesToAsteriskOnly(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	heard := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "SSH-2.0-OpenSSH_9.2\r\n")
			raw := make([]byte, 1000)
			n, _ := conn.Read(raw)
			heard <- string(raw[:n])
			conn.Close()
		}
	}()
	c := begin(t, asterisk.Options{Address: l.Addr().String(), User: "u", Secret: "topsecret", Now: time.Now, Pause: time.Millisecond})
	if got := <-heard; got != "" {
		t.Errorf("it was told %q", got)
	}
	eventually(t, "it says why", func() bool { return errors.Is(c.State().Err, asterisk.ErrProtocol) })
	must(t, l.Close())
	<-done
}

func TestNotUpBeforeAsteriskHasStarted(t *testing.T) {
	t.Parallel()
	starting := make(chan struct{})
	f := fake(t, asterisktest.Options{Starting: starting})
	c := begin(t, options(f))
	eventually(t, "it logged in", func() bool { return f.Count("Login") == 1 })
	_, err := c.Rooms(t.Context())
	wantIs(t, "rooms", err, asterisk.ErrAway)
	close(starting)
	if e := next(t, c); e.Kind != asterisk.Resync || !c.State().Up || f.Count("Login") != 1 {
		t.Errorf("%v, %+v", e, c.State())
	}
}

func TestSlowSubscriberLooksAgain(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Events = 3
	c := open(t, o)
	ring(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}) // ringing, answered, begun, joined
	ring(t, c, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"})
	_, err := c.Channels(t.Context()) // its answer comes after all of it
	must(t, err)
	var told []string
	for range 4 {
		told = append(told, say(next(t, c)))
	}
	if diff := cmp.Diff([]string{"ringing job-1", "answered job-1", "begun ROOM1", "resync"}, told); diff != "" {
		t.Error(diff)
	}
	must(t, c.Mute(t.Context(), "ROOM1", f.Calls()[0].Channel)) // from then on nothing is missed
	if e := next(t, c); say(e) != "muted job-1 ROOM1" {
		t.Errorf("told %q", say(e))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhoIsNoCallOfOursIsSeenInTheRoom(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{})
	c := open(t, options(f))
	f.Visit("ROOM1", "4930123")
	_, e := until(t, c, asterisk.Joined, "")
	people, err := c.People(t.Context(), "ROOM1")
	if diff := cmp.Diff([]asterisk.Participant{{Channel: e.Channel, Number: "4930123"}}, people); diff != "" || err != nil {
		t.Error(diff, err)
	}
	must(t, c.Kick(t.Context(), "ROOM1", e.Channel))
	until(t, c, asterisk.Left, "")
}
