package asterisk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
)

// spool is a folder as Asterisk has it.
func spool(t *testing.T) *asterisk.Spool {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"outgoing", "tmp"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	return &asterisk.Spool{Outgoing: filepath.Join(dir, "outgoing"), Now: time.Now}
}

// files lists a folder of the spool.
func files(t *testing.T, s *asterisk.Spool, folder string) []string {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(filepath.Dir(s.Outgoing), folder))
	must(t, err)
	names := make([]string, 0, len(all))
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

func TestCallFileHoldsTheCallAndNothingElse(t *testing.T) {
	t.Parallel()
	s := spool(t)
	s.Archive, s.Mode = true, 0o640
	must(t, s.Put(asterisk.Call{
		Job: "job-1", Number: "+79991110001", Room: "ROOM1", Language: "pt_BR", Admin: true, PIN: "1234",
		CallerNumber: "100", CallerName: "Anna B", Ring: 20 * time.Second,
	}))
	name := filepath.Join(s.Outgoing, "countersign-79991110001.call")
	got, err := os.ReadFile(name)
	must(t, err)
	want := "Channel: Local/+79991110001@telegram-out/n\nCallerID: \"Anna B\" <100>\nMaxRetries: 0\nWaitTime: 20\nAccount: countersign:job-1\n" +
		"Context: conf-in\nExtension: ROOM1\nPriority: 1\nSetvar: JOB=job-1\nSetvar: ROLE=admin\nSetvar: LANG=pt_BR\nSetvar: ROOM_PIN=1234\nArchive: yes\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	at, err := os.Stat(name)
	if err != nil || at.Mode() != 0o640 {
		t.Error(at.Mode(), err)
	}
	if left := files(t, s, "tmp"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestNumberIsCalledOnceAtATime(t *testing.T) {
	t.Parallel()
	s := spool(t)
	var made, busy atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			own := *s // as another process would have it
			number := map[bool]string{true: "+79991110001", false: "79991110001"}[i%2 == 0]
			switch err := own.Put(asterisk.Call{Job: fmt.Sprint("job-", i), Number: number, Room: "ROOM1"}); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, asterisk.ErrInProgress):
				busy.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 || busy.Load() != 15 {
		t.Errorf("made %d, busy %d", made.Load(), busy.Load())
	}
	if diff := cmp.Diff([]string{"countersign-79991110001.call"}, files(t, s, "outgoing")); diff != "" {
		t.Error(diff)
	}
	if left := files(t, s, "tmp"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	must(t, s.Put(asterisk.Call{Job: "other", Number: "79991110002", Room: "ROOM1"})) // another number
	must(t, os.Remove(filepath.Join(s.Outgoing, "countersign-79991110001.call")))     // as Asterisk does when the call is over
	if going, err := s.InProgress("79991110001"); going || err != nil {
		t.Error(going, err)
	}
	must(t, s.Put(asterisk.Call{Job: "again", Number: "79991110001", Room: "ROOM1"}))
	must(t, s.Withdraw("79991110001"))
	must(t, s.Withdraw("79991110001")) // what is not there is withdrawn
	if diff := cmp.Diff([]string{"countersign-79991110002.call"}, files(t, s, "outgoing")); diff != "" {
		t.Error(diff)
	}
}

// A process that is killed while it makes a file leaves it beside the outgoing folder, where
// Asterisk does not look. It is in nobody's way, and goes in time.
func TestHalfMadeFileCallsNobody(t *testing.T) {
	t.Parallel()
	s := spool(t)
	half := filepath.Join(filepath.Dir(s.Outgoing), "tmp", "countersign-123")
	foreign := filepath.Join(filepath.Dir(s.Outgoing), "tmp", "somebody-else")
	for _, name := range []string{half, foreign} {
		must(t, os.WriteFile(name, []byte("Channel: Local/1"), 0o600))
	}
	must(t, s.Put(asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}))
	if _, err := os.Stat(half); err != nil {
		t.Errorf("a file that may just be made is gone: %v", err)
	}
	s.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	must(t, s.Put(asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"}))
	if diff := cmp.Diff([]string{"somebody-else"}, files(t, s, "tmp")); diff != "" {
		t.Error(diff)
	}
}

func TestCallFileThatCannotBePutIsNotHalfThere(t *testing.T) {
	t.Parallel()
	s := spool(t)
	must(t, os.Remove(s.Outgoing))
	err := s.Put(asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"})
	if err == nil || !strings.Contains(err.Error(), "call file: rename") {
		t.Errorf("got %v", err)
	}
	if left := files(t, s, "tmp"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	s.Beside = filepath.Join(t.TempDir(), "missing")
	if err := s.Put(asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}); err == nil || !strings.Contains(err.Error(), "left behind") && !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
}

func TestRealAsteriskTakesCallFiles(t *testing.T) {
	t.Parallel()
	r := openReal(t)
	c := open(t, r.options())
	s := &asterisk.Spool{Outgoing: r.path("spool/outgoing"), Owner: own, Group: own, Now: time.Now, Archive: true}
	must(t, s.Put(asterisk.Call{Job: "filed", Number: "79991110001", Room: "ROOM1", CallerName: "Anna"}))
	must(t, s.Put(asterisk.Call{Job: "engaged", Number: "79995550486", Room: "ROOM1"}))
	wantIs(t, "a second call", s.Put(asterisk.Call{Job: "second", Number: "79991110001", Room: "ROOM1"}), asterisk.ErrInProgress)
	var told []string
	for len(of("engaged", told)) < 1 || len(of("filed", told)) < 3 {
		told = append(told, say(next(t, c)))
	}
	if diff := cmp.Diff([]string{"ringing filed", "answered filed", "joined filed ROOM1"}, of("filed", told)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"failed engaged busy"}, of("engaged", told)); diff != "" {
		t.Error(diff)
	}
	if at, err := os.Stat(filepath.Join(s.Outgoing, "countersign-79991110001.call")); err != nil || at.Sys().(*syscall.Stat_t).Uid != own {
		t.Error(at, err)
	}
	wantIs(t, "a second call while it goes on", s.Put(asterisk.Call{Job: "second", Number: "+79991110001", Room: "ROOM1"}), asterisk.ErrInProgress)
	people, err := c.People(t.Context(), "ROOM1")
	if err != nil || len(people) != 1 || people[0].Job != "filed" {
		t.Fatal(people, err)
	}

	// Measured: what was cut off is called again, at the time that Asterisk gave the file when it
	// began the call: its ringing and five minutes later. Here the clock is put on.
	r.kill(t)
	name := filepath.Join(s.Outgoing, "countersign-79991110001.call")
	if at, err := os.Stat(name); err != nil || at.ModTime().Before(time.Now().Add(4*time.Minute)) {
		t.Error(at, err)
	}
	must(t, os.Chtimes(name, time.Time{}, time.Now().Add(-time.Second)))
	r.start(t)
	until(t, c, asterisk.Resync, "")
	eventually(t, "it is called again", func() bool {
		people, err = c.People(t.Context(), "ROOM1")
		return err == nil && len(people) == 1 && people[0].Job == "filed"
	})
	must(t, c.Kick(t.Context(), "ROOM1", people[0].Channel))
	until(t, c, asterisk.HungUp, "filed")
	eventually(t, "its file is gone", func() bool {
		going, err := s.InProgress("79991110001")
		return !going && err == nil
	})
	if diff := cmp.Diff([]string{"countersign-79991110001.call", "countersign-79995550486.call"}, files(t, s, "outgoing_done")); diff != "" {
		t.Error(diff)
	}
}
