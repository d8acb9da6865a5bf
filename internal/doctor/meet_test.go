package doctor_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/doctor"
	"countersign/internal/goldentest"
	"countersign/internal/locale/localetest"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// TestMeetingsAreLookedAt shows each finding about video meetings in each language, and that
// looking leaves nothing on the server.
func TestMeetingsAreLookedAt(t *testing.T) {
	t.Parallel()
	texts := localetest.Texts(t)
	guests := trueconftest.Conference{ID: "200", Topic: "Visit", Owner: "anna", Running: true, Guests: true}
	cases := map[string]struct {
		options trueconftest.Options
		make    func(w *world, f *trueconftest.Server)
		level   doctor.Level
		key     string
	}{
		"off": {make: func(w *world, _ *trueconftest.Server) { w.Meet = &doctor.Meetings{Missing: []string{"meet.server"}} }, level: doctor.OK, key: "off"},
		"half set": {make: func(w *world, _ *trueconftest.Server) {
			w.Meet.Missing = []string{"server.public_url", `trueconf.servers."Moon"`}
		}, level: doctor.Problem, key: "missing"},
		"unreachable": {make: func(w *world, _ *trueconftest.Server) {
			var err error
			w.Meet.Server, err = trueconf.Open(trueconf.Options{Name: "Head office", Address: "http://127.0.0.1:1", AccessToken: "x", Engine: "-", Now: time.Now})
			must(t, err)
		}, level: doctor.Problem, key: "wrong"},
		"users unknown": {make: func(_ *world, f *trueconftest.Server) {
			f.Break(trueconftest.OneUser, trueconftest.Trouble{Fault: trueconftest.Forbidden})
		}, level: doctor.Problem, key: "wrong"},
		"no such owner": {make: func(w *world, _ *trueconftest.Server) { w.Meet.Owner = "nobody" }, level: doctor.Problem, key: "owner"},
		"no web client": {options: trueconftest.Options{NoWebClient: true}, make: func(_ *world, f *trueconftest.Server) { f.Put(guests) }, level: doctor.Problem, key: "licence"},
		"not to be seen": {make: func(_ *world, f *trueconftest.Server) {
			f.Put(trueconftest.Conference{ID: "100", Owner: "anna", Running: true})
		}, level: doctor.OK, key: "untried"},
		"well":          {make: func(_ *world, f *trueconftest.Server) { f.Put(guests) }, level: doctor.OK, key: "ok"},
		"without owner": {make: func(w *world, f *trueconftest.Server) { w.Meet.Owner = ""; f.Put(guests) }, level: doctor.OK, key: "ok"},
	}
	found := map[string]doctor.Finding{}
	for name, c := range cases {
		w, f := studio(t, c.options, nil)
		f.PutUser(trueconftest.User{ID: "reception"})
		w.Meet = &doctor.Meetings{Wanted: true, Server: w.Video[0], Owner: "reception"}
		c.make(w, f)
		before := len(f.Conferences())
		for _, one := range w.Examine(t.Context()) {
			if one.Check == "meet" {
				found[name] = one
			}
		}
		if got := found[name]; got.Level != c.level || got.Key != "doctor.meet."+c.key {
			t.Errorf("%s: %s %s", name, got.Level, got.Key)
		}
		if len(f.Conferences()) != before {
			t.Errorf("%s: conferences were made", name)
		}
	}
	for _, tag := range []string{"en", "ru", "de", "es"} {
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(found)) {
			fmt.Fprintf(&out, "=== %s (%s)\n%s\n\n", name, found[name].Level, passing(found[name].Text(texts.For(tag))))
		}
		goldentest.Same(t, "meetings."+tag, out.String())
	}
}
