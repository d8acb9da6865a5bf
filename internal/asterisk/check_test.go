package asterisk_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
)

func TestAllThatCallsNeedIsTriedWithoutACall(t *testing.T) {
	both(t, func(w world) {
		other := w.another()
		found, err := w.c.Try(w.t.Context(), 10*time.Second)
		must(w.t, err)
		if found.Old || len(found.Lacks) != 0 || len(found.Modules) != 0 {
			w.t.Errorf("%+v", found)
		}
		if at := w.c.State(); at.Ahead.Abs() > time.Second || !at.Until.IsZero() {
			w.t.Errorf("%+v", at)
		}
		up, err := w.c.Channels(w.t.Context())
		if err != nil || len(up) != 0 {
			w.t.Errorf("%+v, %v", up, err)
		}
		ring(w.t, w.c, asterisk.Call{Job: "job-1", Number: "79995550486", Room: "ROOM1"})
		for _, c := range []*asterisk.Client{w.c, other} { // nobody is told of the try
			if told, _ := until(w.t, c, asterisk.Failed, "job-1"); len(told) != 1 {
				w.t.Errorf("told %q", told)
			}
		}
	})
}

func TestWhatCallsLackIsNamed(t *testing.T) {
	t.Parallel()
	full := asterisk.Check{Trunk: "NOT_INUSE"}
	for name, story := range map[string]struct {
		o    asterisktest.Options
		want func(*asterisk.Check)
	}{
		"nothing":       {asterisktest.Options{}, func(*asterisk.Check) {}},
		"hearing calls": {asterisktest.Options{Read: []string{"system", "user"}}, func(c *asterisk.Check) { c.Lacks = []string{"read = call"} }},
		"hearing the dialplan": {asterisktest.Options{Read: []string{"system", "call"}}, func(c *asterisk.Check) {
			*c = asterisk.Check{Lacks: []string{"read = user"}, Old: true}
		}},
		"the check": {asterisktest.Options{Without: asterisk.ContextCheck}, func(c *asterisk.Check) { *c = asterisk.Check{Old: true} }},
		"modules and prompts": {
			asterisktest.Options{NoModules: []string{"app_exec", "func_env"}, NoPrompts: []string{"de/conf-locked", "ru/conf-kicked"}, Trunk: asterisk.TrunkAway},
			func(c *asterisk.Check) {
				c.Modules, c.Prompts, c.Trunk = []string{"app_exec", "func_env"}, []string{"de/conf-locked", "ru/conf-kicked"}, asterisk.TrunkAway
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fake(t, story.o)
			got, err := open(t, options(f)).Try(t.Context(), 200*time.Millisecond)
			must(t, err)
			want := full
			story.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if len(f.Calls()) != 0 {
				t.Error("somebody was called")
			}
		})
	}
}

func TestRightToActThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for right, write := range map[string][]string{"write = call": {"originate", "reporting"}, "write = originate": {"call", "reporting"}} {
		_, err := open(t, options(fake(t, asterisktest.Options{Write: write}))).Try(t.Context(), time.Second)
		wantForbidden(t, err, right)
	}
}

// A real one has its prompts elsewhere, a trunk that its dialplan names and does not have, and
// lacks a module.
func TestRealAsteriskTellsWhatItLacks(t *testing.T) {
	t.Parallel()
	r := openReal(t)
	c := open(t, r.options())
	r.command(t, "module unload func_timeout.so")
	r.command(t, "module unload app_exec.so")
	found, err := c.Try(t.Context(), 10*time.Second)
	must(t, err)
	if found.Old || found.Trunk != asterisk.TrunkUnknown || !cmp.Equal(found.Modules, []string{"app_exec", "func_timeout"}) {
		t.Errorf("%+v", found)
	}
	if !slices.Contains(found.Prompts, "de/conf-locked") || slices.ContainsFunc(found.Prompts, func(p string) bool { return strings.HasPrefix(p, "en/") }) {
		t.Errorf("%q", found.Prompts)
	}
}

func TestClockOfAsteriskIsKnown(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{Now: func() time.Time { return time.Now().Add(-time.Hour) }})
	if at := open(t, options(f)).State(); (at.Ahead + time.Hour).Abs() > time.Second {
		t.Errorf("%+v", at)
	}
}

func TestWithoutRoomsItIsNotReady(t *testing.T) {
	t.Parallel()
	c := begin(t, options(fake(t, asterisktest.Options{NoModules: []string{"app_confbridge"}})))
	eventually(t, "it says why", func() bool { return c.State().Err != nil })
	wantIs(t, "state", c.State().Err, asterisk.ErrNotReady)
	if err := c.State().Err; !strings.Contains(err.Error(), "app_confbridge") {
		t.Error(err)
	}
}

// Who hears nothing of calls is told so when he has logged in, and once.
func TestLogSaysAtTheLoginWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := fake(t, asterisktest.Options{Read: []string{"system", "user"}})
	o := options(f)
	said := &said{}
	o.Try, o.Log = 50*time.Millisecond, slog.New(slog.NewTextHandler(said, nil))
	c := open(t, o)
	eventually(t, "it is said", func() bool { return strings.Contains(said.String(), `rights="read = call"`) })
	f.Drop()
	until(t, c, asterisk.Resync, "")
	eventually(t, "it is tried again", func() bool { return f.Count("Originate") == 2 })
	f.Break("Hangup", asterisktest.Trouble{Fault: asterisktest.Denied})
	f.Drop()
	eventually(t, "something else is said", func() bool { return strings.Contains(said.String(), "write = call") })
	if n := strings.Count(said.String(), "read = call"); n != 1 {
		t.Errorf("said %d times: %s", n, said)
	}
}

// said is a log.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
