package trueconf_test

import (
	"strings"
	"testing"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// asked lists the versions that requests went to.
func asked(f *trueconftest.Server) map[string]bool {
	all := map[string]bool{}
	for _, r := range f.Requests() {
		if version, ok := strings.CutPrefix(r.Path, "/api/"); ok {
			version, _, _ = strings.Cut(version, "/")
			all[version] = true
		}
	}
	return all
}

func TestTheFamilyIsChosenByWhatTheServerAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server trueconftest.Options
		api    string
		want   string
	}{
		"new":            {trueconftest.Options{}, "auto", "v4"},
		"new, not said":  {trueconftest.Options{}, "", "v4"},
		"new, set":       {trueconftest.Options{}, "v3", "v3.11"},
		"old":            {trueconftest.Options{Version: "5.4.0.1"}, "auto", "v3.11"},
		"older":          {trueconftest.Options{Version: "5.0.0.1", Oldest: "v3.6"}, "auto", "v3.6"},
		"oldest":         {trueconftest.Options{Version: "4.7.0.1", Oldest: "v3.3"}, "auto", "v3.3"},
		"one version":    {trueconftest.Options{}, "v3.4", "v3.4"},
		"grants are old": {trueconftest.Options{OldGrants: true}, "auto", "v4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, tt.server)
			office(f)
			s := open(t, f, api(tt.api))
			for range 2 {
				c := ref(t, s, "100")
				if c.Session == "" || c.People != 3 {
					t.Errorf("got %+v", c)
				}
			}
			if all := asked(f); !all[tt.want] {
				t.Errorf("asked %v", all)
			}
			before := len(f.Requests())
			ref(t, s, "100")
			for _, r := range f.Requests()[before:] {
				if !strings.HasPrefix(r.Path, "/api/"+tt.want+"/") {
					t.Errorf("asks %s again", r.Path)
				}
			}
		})
	}
}

func TestAServerWithoutTheVersionThatIsSetIsTooOld(t *testing.T) {
	t.Parallel()
	for version, o := range map[string]trueconftest.Options{"v4": {Version: "5.4.0.1"}, "v3.11": {Oldest: "v3.3"}} {
		_, err := open(t, serve(t, o), api(version)).Running(t.Context())
		if trueconf.KindOf(err) != trueconf.TooOld {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestTheFamilyIsNotRememberedOfAServerThatDidNotAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f)
	f.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.Gateway, Times: 1})
	if _, err := s.Running(t.Context()); err == nil {
		t.Fatal("an answer out of nothing")
	}
	if _, err := s.Running(t.Context()); err != nil || !asked(f)["v4"] || asked(f)["v3.11"] {
		t.Errorf("%v: asked %v", err, asked(f))
	}
}

func TestAServerThatWasRenewedIsAskedInTheNewFamilyFromTheNextProbeOn(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f)
	f.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.NoRoute, Times: 1})
	ref(t, s, "100")
	if asked(f)["v4"] && f.Count(trueconftest.Calls) == 0 {
		t.Fatalf("asked %v", asked(f))
	}
	if h := s.Health(t.Context()); !h.Web.OK() || !h.Login.OK() {
		t.Fatalf("%+v", h)
	}
	before := f.Count(trueconftest.Calls)
	if ref(t, s, "100"); f.Count(trueconftest.Calls) != before {
		t.Error("still asks the call log")
	}
}

func TestASessionThatTheNewFamilyDoesNotDateIsAsOldAsWhoIsLongestInIt(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f, api("v4"))
	f.Break(trueconftest.Sessions, trueconftest.Trouble{Fault: trueconftest.NoRoute})
	c := ref(t, s, "100")
	there, _ := f.Conference("100")
	if !c.Started.Equal(there.Started.UTC()) {
		t.Errorf("began %s, want %s", c.Started, there.Started)
	}
	f.Break(trueconftest.Participants, trueconftest.Trouble{Fault: trueconftest.Forbidden})
	if c := ref(t, s, "100"); !c.Started.IsZero() || c.People != -1 || c.Session == "" {
		t.Errorf("made up %+v", c)
	}
}

func TestACallWithoutARoomHasParticipantsInTheNewFamilyToo(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	for _, c := range f.Conferences() {
		if c.ID != "" {
			continue
		}
		got, err := open(t, f, api("v4")).Participants(t.Context(), trueconf.Conference{Session: c.Session, Owner: c.Owner})
		if err != nil || len(got) != 1 || !got[0].Owner {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
