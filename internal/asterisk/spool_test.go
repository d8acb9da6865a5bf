package asterisk_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
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
	"countersign/internal/asterisk/asterisktest"
)

// spool is a folder as Asterisk has it.
func spool(t *testing.T) *asterisk.Spool {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"outgoing", "tmp", "outgoing_done"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	return &asterisk.Spool{Outgoing: filepath.Join(dir, "outgoing")}
}

// beside is a folder next to that of call files.
func beside(s *asterisk.Spool, names ...string) string {
	return filepath.Join(append([]string{filepath.Dir(s.Outgoing)}, names...)...)
}

// files lists a folder of the spool.
func files(t *testing.T, s *asterisk.Spool, folder string) []string {
	t.Helper()
	all, err := os.ReadDir(beside(s, folder))
	must(t, err)
	names := make([]string, 0, len(all))
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

// put puts a call file that Asterisk has a minute to take.
func put(t *testing.T, s *asterisk.Spool, call asterisk.Call) error {
	t.Helper()
	return putAt(t, s, call, time.Now())
}

func putAt(t *testing.T, s *asterisk.Spool, call asterisk.Call, now time.Time) error {
	t.Helper()
	o, err := call.Originate()
	must(t, err)
	return s.Put(o, now, now.Add(time.Minute))
}

func TestCallFileHoldsTheCallAndNothingElse(t *testing.T) {
	t.Parallel()
	s := spool(t)
	now := time.Unix(1700000000, 0)
	must(t, putAt(t, s, asterisk.Call{
		Job: "job-1", Number: "+79991110001", Room: "ROOM1", Language: "pt_BR", Admin: true, PIN: "1234",
		CallerNumber: "100", CallerName: "Anna B", Ring: 20 * time.Second,
	}, now))
	name := filepath.Join(s.Outgoing, "countersign-79991110001.call")
	got, err := os.ReadFile(name)
	must(t, err)
	want := "Channel: Local/+79991110001@telegram-out/n\nCallerID: \"Anna B\" <100>\nMaxRetries: 0\nWaitTime: 20\nAccount: countersign:job-1\n" +
		"Context: conf-in\nExtension: ROOM1\nPriority: 1\nSetvar: UNTIL=1700000060\nSetvar: JOB=job-1\nSetvar: ROLE=admin\nSetvar: LANG=pt_BR\nSetvar: ROOM_PIN=1234\nArchive: yes\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	at, err := os.Stat(name)
	if err != nil || at.Mode() != 0o660 || !at.ModTime().Equal(now) { // one of the future is not taken
		t.Error(at, err)
	}
	if left := files(t, s, "tmp"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	must(t, os.Remove(beside(s, "outgoing_done"))) // nowhere to keep what is over
	must(t, put(t, s, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"}))
	if got, err := os.ReadFile(filepath.Join(s.Outgoing, "countersign-79991110002.call")); err != nil || strings.Contains(string(got), "Archive") {
		t.Errorf("%s, %v", got, err)
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
			switch err := put(t, &own, asterisk.Call{Job: fmt.Sprint("job-", i), Number: number, Room: "ROOM1"}); {
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
	must(t, put(t, s, asterisk.Call{Job: "other", Number: "79991110002", Room: "ROOM1"})) // another number
}

// A process that is killed while it makes a file leaves it beside the outgoing folder, where
// Asterisk does not look. It is in nobody's way, and goes in time.
func TestHalfMadeFileCallsNobody(t *testing.T) {
	t.Parallel()
	s := spool(t)
	half, foreign := beside(s, "tmp", "countersign-123"), beside(s, "tmp", "somebody-else")
	for _, name := range []string{half, foreign} {
		must(t, os.WriteFile(name, []byte("Channel: Local/1"), 0o600))
	}
	must(t, put(t, s, asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}))
	if _, err := os.Stat(half); err != nil {
		t.Errorf("a file that may just be made is gone: %v", err)
	}
	must(t, putAt(t, s, asterisk.Call{Job: "job-2", Number: "79991110002", Room: "ROOM1"}, time.Now().Add(2*time.Hour)))
	if diff := cmp.Diff([]string{"somebody-else"}, files(t, s, "tmp")); diff != "" {
		t.Error(diff)
	}
}

// What is wrong with the folder is said in words, whether a call is put there or it is tried.
func TestFolderThatTakesNoFilesIsNamed(t *testing.T) {
	t.Parallel()
	call := asterisk.Call{Job: "job-1", Number: "79991110001", Room: "ROOM1"}
	elsewhere := fmt.Sprintf("/dev/shm/countersign-%d-%d", os.Getpid(), rand.IntN(1<<30))
	apart := os.Mkdir(elsewhere, 0o700)
	t.Cleanup(func() { must(t, os.RemoveAll(elsewhere)) })
	for name, story := range map[string]struct {
		change func(s *asterisk.Spool) error
		fault  asterisk.SpoolFault
		says   string
	}{
		"no folder": {func(s *asterisk.Spool) error { return os.RemoveAll(s.Outgoing) }, asterisk.SpoolMissing, "there is no such folder"},
		"no tmp":    {func(s *asterisk.Spool) error { return os.RemoveAll(beside(s, "tmp")) }, asterisk.SpoolMissing, beside(&asterisk.Spool{Outgoing: "/outgoing"}, "tmp")},
		"another file system": {func(s *asterisk.Spool) error {
			return errors.Join(os.Remove(beside(s, "tmp")), os.Symlink(elsewhere, beside(s, "tmp")))
		}, asterisk.SpoolApart, "another file system"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := spool(t)
			must(t, s.Check())
			if story.fault == asterisk.SpoolApart && apart != nil {
				without(t, "NO OTHER FILE SYSTEM: "+apart.Error())
			}
			must(t, story.change(s))
			for _, err := range []error{s.Check(), put(t, s, call)} {
				wantNoNumber(t, err)
				wrong, ok := errors.AsType[*asterisk.SpoolError](err)
				if !ok || wrong.Fault != story.fault || !errors.Is(err, asterisk.ErrRefused) || !strings.Contains(err.Error(), story.says) {
					t.Errorf("%v", err)
				}
			}
		})
	}
	for fault, err := range map[asterisk.SpoolFault]error{ // who runs the tests may be root
		asterisk.SpoolDenied: &fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, asterisk.SpoolOwner: &fs.PathError{Op: "chown", Path: "/x", Err: syscall.EPERM},
		asterisk.SpoolBroken: &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC},
	} {
		if wrong, ok := errors.AsType[*asterisk.SpoolError](spool(t).Wrong(err)); !ok || wrong.Fault != fault {
			t.Errorf("%v is %v", err, wrong)
		}
	}
}

// The name of a call file is a number, and errors go into the log.
func TestErrorOfACallFileHasNoNumber(t *testing.T) {
	t.Parallel()
	s := spool(t)
	must(t, os.Mkdir(beside(s, "outgoing", "countersign-79991110001.call"), 0o700)) // can be opened, and not read
	said := &said{}
	o := options(fake(t, asterisktest.Options{}))
	o.Spool, o.Log = s, slog.New(slog.NewTextHandler(said, nil))
	c := open(t, o)
	if log := said.String(); !strings.Contains(log, "is a directory") || strings.Contains(log, "79991110001") {
		t.Error(log)
	}
	call, err := asterisk.Call{Job: "job-1", Number: "+79991110001", Room: "ROOM1"}.Originate()
	must(t, err)
	err = c.Originate(t.Context(), call)
	wantIs(t, "a call", err, syscall.EISDIR)
	wantIs(t, "a call", err, asterisk.ErrRefused)
	wantNoNumber(t, err)
}

func wantNoNumber(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), "7999111000") {
		t.Errorf("a number goes into the log: %v", err)
	}
}

func TestFolderIsTriedWithoutATrace(t *testing.T) {
	t.Parallel()
	s := spool(t)
	must(t, s.Check())
	if left := append(files(t, s, "outgoing"), files(t, s, "tmp")...); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}
