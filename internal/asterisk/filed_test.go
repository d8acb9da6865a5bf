package asterisk_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

// filed is a world whose calls are asked for by files.
type filed struct {
	world
	s     *asterisk.Spool
	kill  func()
	start func()
}

// byFiles runs a story with the stand-in and with a real Asterisk.
func byFiles(t *testing.T, story func(w filed)) {
	t.Helper()
	t.Parallel()
	t.Run("StandIn", func(t *testing.T) {
		t.Parallel()
		s := spool(t)
		f := fake(t, asterisktest.Options{Outgoing: s.Outgoing, Write: []string{"call", "reporting"}})
		o := options(f)
		o.Spool = s
		story(filed{newWorld(t, o), s, func() { must(t, f.Stop()) }, func() { must(t, f.Start(t.Context())) }})
	})
	t.Run("Real", func(t *testing.T) {
		t.Parallel()
		r := openReal(t)
		o := r.options()
		o.Spool = &asterisk.Spool{Outgoing: r.path("spool/outgoing"), Owner: own, Group: own}
		story(filed{newWorld(t, o), o.Spool, func() { r.kill(t) }, func() { r.start(t) }})
	})
}

func TestCallsByFile(t *testing.T) {
	byFiles(t, func(w filed) {
		t, c := w.t, w.c
		must(t, w.s.Check())
		found, err := c.Try(t.Context(), 10*time.Second)
		if err != nil || found.Old || len(found.Lacks) != 0 {
			t.Errorf("%+v, %v", found, err)
		}
		first := asterisk.Call{Job: "job-1", Number: "+79991110001", Room: "ROOM1", CallerName: "Anna"}
		ring(t, c, first)
		told, _ := until(t, c, asterisk.Joined, "job-1")
		if diff := cmp.Diff([]string{"ringing job-1", "answered job-1", "joined job-1 ROOM1"}, of("job-1", told)); diff != "" {
			t.Error(diff)
		}
		second, err := asterisk.Call{Job: "job-2", Number: "79991110001", Room: "ROOM1"}.Originate()
		must(t, err)
		err = c.Originate(t.Context(), second)
		wantIs(t, "a second call", err, asterisk.ErrInProgress)
		wantIs(t, "a second call", err, asterisk.ErrRefused)
		ring(t, c, asterisk.Call{Job: "engaged", Number: "79995550486", Room: "ROOM1"})
		told, _ = until(t, c, asterisk.Failed, "engaged")
		if diff := cmp.Diff([]string{"failed engaged busy"}, of("engaged", told)); diff != "" {
			t.Error(diff)
		}
		must(t, c.Hangup(t.Context(), "job-1"))
		until(t, c, asterisk.HungUp, "job-1")
		must(t, c.Originate(t.Context(), second)) // at once: its file may not be gone yet
		until(t, c, asterisk.Joined, "job-2")
		must(t, c.KickAll(t.Context(), "ROOM1"))
		until(t, c, asterisk.HungUp, "job-2")
		eventually(t, "its file is put away", func() bool { return len(files(t, w.s, "outgoing")) == 0 })
	})
}

// Asterisk is killed in the middle of a call, and finds its file when it starts: measured, it
// would call again. Whoever is called late is not rung, and the number is free.
func TestNobodyIsRungAgainAfterADeath(t *testing.T) {
	byFiles(t, func(w filed) {
		t, c := w.t, w.c
		call := asterisk.Call{Job: "cut-off", Number: "79991110001", Room: "ROOM1"}
		ring(t, c, call)
		until(t, c, asterisk.Joined, "cut-off")
		w.kill()
		name := filepath.Join(w.s.Outgoing, "countersign-79991110001.call")
		at, err := os.Stat(name)
		must(t, err)
		if at.ModTime().Before(time.Now().Add(4 * time.Minute)) { // it is to be called at that time
			t.Error(at.ModTime())
		}
		raw, err := os.ReadFile(name) // some minutes later
		must(t, err)
		must(t, os.WriteFile(name, regexp.MustCompile(`UNTIL=[0-9]+`).ReplaceAll(raw, []byte("UNTIL=1700000000")), 0o600))
		past := time.Now().Add(-time.Minute)
		must(t, os.Chtimes(name, past, past))
		late := asterisk.Call{Job: "late", Number: "79991110002", Room: "ROOM1"} // put by one that was killed, while nobody took it
		o, err := late.Originate()
		must(t, err)
		must(t, w.s.Put(o, past, past.Add(time.Second)))
		w.start()
		until(t, c, asterisk.Resync, "")
		eventually(t, "the files are gone", func() bool { return len(files(t, w.s, "outgoing")) == 0 })
		ring(t, c, asterisk.Call{Job: "after", Number: call.Number, Room: "ROOM1"})
		told, _ := until(t, c, asterisk.Joined, "after")
		for _, job := range []string{"cut-off", "late"} {
			for _, one := range of(job, told) {
				if !strings.HasPrefix(one, "failed") && !strings.HasPrefix(one, "hung up") {
					t.Errorf("told %q", one)
				}
			}
		}
		people, err := c.People(t.Context(), "ROOM1")
		if err != nil || len(people) != 1 {
			t.Error(people, err)
		}
	})
}

// The dialplan itself holds to the end of a file's time, whoever put it and whether or not
// anybody is there to withdraw it.
func TestLateFileRingsNobody(t *testing.T) {
	byFiles(t, func(w filed) {
		o := w.o
		o.Spool = nil
		watcher := open(w.t, o)
		long := time.Now().Add(-time.Hour)
		late, err := asterisk.Call{Job: "late", Number: "+79991110002", Room: "ROOM1"}.Originate()
		must(w.t, err)
		must(w.t, w.s.Put(late, long, long.Add(5*time.Second)))
		if told, _ := until(w.t, watcher, asterisk.Failed, "late"); !cmp.Equal(told, []string{"failed late congestion"}) {
			w.t.Errorf("told %q", told)
		}
	})
}

// What a death left is in nobody's way; what may yet be taken is.
func TestFileLeftBehindDoesNotKeepANumber(t *testing.T) {
	t.Parallel()
	s := spool(t)
	o := options(fake(t, asterisktest.Options{Outgoing: s.Outgoing}))
	o.Spool = s
	c := open(t, o)
	call := asterisk.Call{Job: "left", Number: "79991110001", Room: "ROOM1"}
	left, err := call.Originate()
	must(t, err)
	call.Job = "job-1"
	next, err := call.Originate()
	must(t, err)
	soon := time.Now().Add(5 * time.Minute) // as Asterisk marks a file that it has taken
	must(t, s.Put(left, soon, time.Now().Add(time.Minute)))
	wantIs(t, "one that may be taken yet", c.Originate(t.Context(), next), asterisk.ErrInProgress)
	must(t, os.Remove(filepath.Join(s.Outgoing, "countersign-79991110001.call")))
	must(t, s.Put(left, soon, time.Now().Add(-time.Minute)))
	must(t, c.Originate(t.Context(), next))
	told, _ := until(t, c, asterisk.Joined, "job-1")
	if len(of("left", told)) != 0 || len(files(t, s, "tmp")) != 0 {
		t.Errorf("told %q, left %q", told, files(t, s, "tmp"))
	}
}

// A client that was away learns what became of the calls that were over meanwhile.
func TestCallsThatWereOverMeanwhileAreTold(t *testing.T) {
	t.Parallel()
	s := spool(t)
	must(t, put(t, s, asterisk.Call{Job: "left-over", Number: "79991110003", Room: "ROOM1"})) // by one that is dead
	must(t, os.Rename(beside(s, "outgoing", "countersign-79991110003.call"), beside(s, "outgoing_done", "countersign-old.call")))
	hours := time.Now().Add(-2 * time.Hour)
	must(t, os.Chtimes(beside(s, "outgoing_done", "countersign-old.call"), hours, hours))
	f := fake(t, asterisktest.Options{Outgoing: s.Outgoing})
	must(t, put(t, s, asterisk.Call{Job: "talked", Number: "79991110077", Room: "ROOM1"}))
	must(t, put(t, s, asterisk.Call{Job: "engaged", Number: "79995550486", Room: "ROOM1"}))
	must(t, put(t, s, asterisk.Call{Job: "goes-on", Number: "79991110001", Room: "ROOM1"}))
	eventually(t, "two are over", func() bool { return len(files(t, s, "outgoing_done")) == 3 && len(f.Calls()) == 1 })
	o := options(f)
	o.Spool = s
	c := begin(t, o)
	told, _ := until(t, c, asterisk.Resync, "")
	if diff := cmp.Diff([]string{"hung up talked", "failed engaged unexplained", "resync"}, told); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"countersign-79991110001.call"}, files(t, s, "outgoing")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"countersign-79991110077.call", "countersign-79995550486.call"}, files(t, s, "outgoing_done")); diff != "" {
		t.Error(diff) // what is over for long is nobody's business any more
	}
}

// The names of files are numbers: those of calls that are over go in time, while the connection
// lives and nobody calls.
func TestNumbersOfCallsThatAreOverGoInTime(t *testing.T) {
	t.Parallel()
	s := spool(t)
	f := fake(t, asterisktest.Options{})
	o := options(f)
	o.Spool, o.Ping = s, 5*time.Millisecond
	open(t, o)
	hours := time.Now().Add(-2 * time.Hour)
	for name, at := range map[string]time.Time{"countersign-79991110001.call": hours, "countersign-79991110002.call": time.Now(), "another-79991110003.call": hours} {
		must(t, os.WriteFile(beside(s, "tmp", name), nil, 0o600))
		must(t, os.Chtimes(beside(s, "tmp", name), at, at))
		must(t, os.Rename(beside(s, "tmp", name), beside(s, "outgoing_done", name)))
	}
	eventually(t, "the number is gone", func() bool { return len(files(t, s, "outgoing_done")) == 2 })
	if diff := cmp.Diff([]string{"another-79991110003.call", "countersign-79991110002.call"}, files(t, s, "outgoing_done")); diff != "" || f.Count("Login") != 1 {
		t.Errorf("%s, %d logins", diff, f.Count("Login"))
	}
}

// A dialplan from before call files would ring late.
func TestDialplanThatRingsLateGetsNoFiles(t *testing.T) {
	t.Parallel()
	o := options(fake(t, asterisktest.Options{Without: "late"}))
	open(t, o)
	o.Spool = spool(t)
	c := begin(t, o)
	eventually(t, "it says why", func() bool { return c.State().Err != nil })
	wantIs(t, "state", c.State().Err, asterisk.ErrNotReady)
}

// A file that Asterisk does not take calls nobody, now or later.
func TestFileThatIsNotTakenIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := spool(t)
	f := fake(t, asterisktest.Options{}) // it takes them from elsewhere
	o := options(f)
	o.Spool, o.Taken = s, 20*time.Millisecond
	c := open(t, o)
	call, err := asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}.Originate()
	must(t, err)
	wantIs(t, "not taken", c.Originate(t.Context(), call), asterisk.ErrRefused)
	if left := append(files(t, s, "outgoing"), files(t, s, "tmp")...); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	done := make(chan error, 1)
	o.Taken = time.Minute
	patient := open(t, o)
	go func() { done <- patient.Originate(t.Context(), call) }()
	eventually(t, "it is put", func() bool { return len(files(t, s, "outgoing")) == 1 })
	must(t, os.Remove(beside(s, "outgoing", "countersign-79991110001.call"))) // as Asterisk does to one that it cannot read
	f.Drop()
	wantIs(t, "cut in the middle", <-done, asterisk.ErrUnanswered)
	must(t, f.Stop())
	eventually(t, "it is away", func() bool { return !c.State().Up })
	wantIs(t, "away", c.Originate(t.Context(), call), asterisk.ErrAway)
	if left := files(t, s, "outgoing"); len(left) != 0 {
		t.Errorf("written while nobody is there: %q", left)
	}
}

// A call that goes on is not taken for one that was not taken, though nothing is heard of it.
func TestDeafClientDoesNotWithdrawACall(t *testing.T) {
	t.Parallel()
	s := spool(t)
	f := fake(t, asterisktest.Options{Outgoing: s.Outgoing, Read: []string{"system"}})
	o := options(f)
	o.Spool, o.Taken = s, 100*time.Millisecond
	c := open(t, o)
	ring(t, c, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	if diff := cmp.Diff([]string{"countersign-79991110001.call"}, files(t, s, "outgoing")); diff != "" || len(f.Calls()) != 1 {
		t.Error(diff, f.Calls())
	}
}

func TestFilesAreGivenToAsterisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		without(t, "NOT ROOT: files were not given to another user")
	}
	s := spool(t)
	s.Owner, s.Group = own, own+1
	must(t, put(t, s, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}))
	at, err := os.Stat(filepath.Join(s.Outgoing, "countersign-79991110001.call"))
	must(t, err)
	if is := at.Sys().(*syscall.Stat_t); is.Uid != own || is.Gid != own+1 {
		t.Errorf("%d:%d", is.Uid, is.Gid)
	}
}
