package trueconf_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// looked fails when a request to stop does not follow right upon the look that tells the
// session.
func looked(t *testing.T, f *trueconftest.Server) {
	t.Helper()
	requests := f.Requests()
	for i, r := range requests {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.Path, "/stop") {
			continue
		}
		before := requests[max(0, i-1)]
		if before.Method != http.MethodGet || !strings.HasSuffix(before.Path, "/conferences/100") && !strings.Contains(before.Query, "named_conf_id=100") {
			t.Errorf("%s %s came after %s %s?%s", r.Method, r.Path, before.Method, before.Path, before.Query)
		}
	}
}

func TestOnlyTheSessionThatWasLookedAtIsStopped(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(version))
		before := ref(t, s, "100")
		now := f.Start("100")
		if err := s.Stop(t.Context(), before); !errors.Is(err, trueconf.ErrOtherSession) {
			t.Errorf("got %v", err)
		}
		if f.Count(trueconftest.Stop) != 0 {
			t.Error("asked to stop")
		}
		if c, _ := f.Conference("100"); c.Session != now.Session || !c.Running {
			t.Errorf("left %+v", c)
		}
		if err := s.Stop(t.Context(), ref(t, s, "100")); err != nil {
			t.Error(err)
		}
		looked(t, f)
	})
}

func TestARestartWhileTheTokenIsRenewedDoesNotStopTheNewSession(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(version))
		c := ref(t, s, "100")
		f.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Refused, Times: 1, Do: func() { f.Start("100") }})
		if err := s.Stop(t.Context(), c); !errors.Is(err, trueconf.ErrOtherSession) {
			t.Errorf("got %v", err)
		}
		if now, _ := f.Conference("100"); !now.Running {
			t.Error("the new session was stopped")
		}
		looked(t, f)
	})
}

func TestATokenThatEndsMeanwhileIsRenewedBeforeAnotherLook(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		now := time.Now()
		clock := func() time.Time { return now }
		f := serve(t, trueconftest.Options{Now: clock})
		f.PutUser(trueconftest.User{ID: "anna"})
		f.Put(trueconftest.Conference{ID: "100", Owner: "anna", Running: true})
		s := open(t, f, api(version), func(o *trueconf.Options) { o.Now = clock })
		c := ref(t, s, "100")
		last := trueconftest.One
		if version == "v3" {
			last = trueconftest.Calls
		}
		f.Break(last, trueconftest.Trouble{Times: 1, Do: func() { now = now.Add(59*time.Minute + 30*time.Second) }})
		if err := s.Stop(t.Context(), c); err != nil {
			t.Error(err)
		}
		if f.Count(trueconftest.Stop) != 1 || f.Count(trueconftest.Token) != 2 {
			t.Errorf("%d stops, %d tokens", f.Count(trueconftest.Stop), f.Count(trueconftest.Token))
		}
		looked(t, f)
	})
}

func TestAStopIsWellWhenTheSessionIsOverWhateverTheAnswerWas(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		for name, trouble := range map[string]func(f *trueconftest.Server) trueconftest.Trouble{
			"answer lost": func(*trueconftest.Server) trueconftest.Trouble {
				return trueconftest.Trouble{Fault: trueconftest.Lost}
			},
			"ended by its owner": func(f *trueconftest.Server) trueconftest.Trouble {
				return trueconftest.Trouble{Fault: trueconftest.Bad, Do: func() { f.Stop("100") }}
			},
			"room removed": func(f *trueconftest.Server) trueconftest.Trouble {
				return trueconftest.Trouble{Do: func() { f.Remove("100") }}
			},
			"done, then an error": func(f *trueconftest.Server) trueconftest.Trouble {
				return trueconftest.Trouble{Fault: trueconftest.Gateway, Do: func() { f.Stop("100") }}
			},
			"done, then started anew": func(f *trueconftest.Server) trueconftest.Trouble {
				return trueconftest.Trouble{Fault: trueconftest.Cut, Do: func() { f.Start("100") }}
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := serve(t, trueconftest.Options{})
				office(f)
				s := open(t, f, api(version))
				c := ref(t, s, "100")
				f.Break(trueconftest.Stop, trouble(f))
				if err := s.Stop(t.Context(), c); err != nil {
					t.Error(err)
				}
				if f.Count(trueconftest.Stop) != 1 {
					t.Errorf("asked %d times", f.Count(trueconftest.Stop))
				}
			})
		}
	})
}

func TestAStopThatChangedNothingSaysSo(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		for fault, kind := range map[trueconftest.Fault]trueconf.Kind{
			trueconftest.Trouble5: trueconf.Other, trueconftest.Bad: trueconf.BadRequest, trueconftest.Forbidden: trueconf.Right,
			trueconftest.Cut: trueconf.Unreachable, trueconftest.Refused: trueconf.Credentials, trueconftest.Idle: trueconf.Other,
		} {
			f := serve(t, trueconftest.Options{})
			office(f)
			s := open(t, f, api(version))
			c := ref(t, s, "100")
			f.Break(trueconftest.Stop, trueconftest.Trouble{Fault: fault})
			if err := s.Stop(t.Context(), c); err == nil || trueconf.KindOf(err) != kind {
				t.Errorf("%s: %v", fault, err)
			}
			looked(t, f)
		}
	})
}

func TestAStopThatShowsLaterIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f, api("v4"))
	c := ref(t, s, "100")
	f.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Idle})
	f.Break(trueconftest.One, trueconftest.Trouble{After: 2, Do: func() { f.Stop("100") }})
	if err := s.Stop(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestAStopThatTimesOutIsLookedAfterAlsoWhenTheAskerIsGone(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f)
	c := ref(t, s, "100")
	ctx, cancel := context.WithCancel(t.Context())
	f.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Hang, Do: func() {
		f.Stop("100")
		cancel()
	}})
	if err := s.Stop(ctx, c); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeToldApartIsNotStopped(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f, api("v3"))
	all, err := s.Running(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := ref(t, s, "100")
	f.Break(trueconftest.Calls, trueconftest.Trouble{Fault: trueconftest.Empty})
	for what, c := range map[string]trueconf.Conference{"call without a room": all[1], "session not told": {ID: "100", Running: true}} {
		if err := s.Stop(t.Context(), c); trueconf.KindOf(err) != trueconf.NotSupported {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Stop(t.Context(), c); err == nil {
		t.Error("stopped without a log")
	}
	if f.Count(trueconftest.Stop) != 0 {
		t.Error("asked to stop")
	}
}
