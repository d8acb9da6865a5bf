package trueconf_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

func TestAllPagesAreReadAndNothingTwice(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		const many = 17
		f := serve(t, trueconftest.Options{Page: 3})
		for i := range many {
			c := trueconftest.Conference{ID: fmt.Sprint(1000 + i), Topic: "T", Owner: "anna", Running: true}
			for k := range i {
				c.People = append(c.People, trueconftest.Person{ID: fmt.Sprintf("p%d@srv.example", k)})
			}
			f.Put(c)
			f.PutUser(trueconftest.User{ID: fmt.Sprint("user", i), Status: 1})
		}
		s := open(t, f, api(version))
		all, err := s.Running(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, c := range all {
			if people := fmt.Sprint(1000 + c.People); seen[c.ID] || c.ID != people {
				t.Errorf("got %+v", c)
			}
			seen[c.ID] = true
			people, err := s.Participants(t.Context(), c)
			if err != nil || len(people) != c.People {
				t.Errorf("%d people, %v; want %d", len(people), err, c.People)
			}
		}
		if len(seen) != many {
			t.Errorf("%d conferences", len(seen))
		}
		if n, err := s.Online(t.Context()); err != nil || n.Here != many {
			t.Errorf("%+v, %v", n, err)
		}
	})
}

func TestPagesThatRepeatAreNotTakenForMore(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{Page: 1})
		office(f)
		f.Put(trueconftest.Conference{ID: "101", Owner: "anna", Running: true})
		for _, e := range []trueconftest.Endpoint{trueconftest.List, trueconftest.Users} {
			f.Break(e, trueconftest.Trouble{Fault: trueconftest.SamePage})
		}
		s := open(t, f, api(version))
		if all, err := s.Running(t.Context()); err == nil || !strings.Contains(err.Error(), "repeat") {
			t.Errorf("%v, %v", all, err)
		}
		if n, err := s.Online(t.Context()); err == nil || !strings.Contains(err.Error(), "repeat") {
			t.Errorf("%+v, %v", n, err)
		}
	})
}

func TestPagesHaveAnEnd(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{Page: 1})
	for i := range 60 {
		f.PutUser(trueconftest.User{ID: fmt.Sprint("user", i), Status: 1})
	}
	if n, err := open(t, f, api("v3")).Online(t.Context()); err == nil || !strings.Contains(err.Error(), "more pages") {
		t.Errorf("%+v, %v", n, err)
	}
	if got := f.Count(trueconftest.Users); got != 50 {
		t.Errorf("read %d pages", got)
	}
}

func TestWhatEndsBetweenTwoPagesIsNoFault(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{Page: 1})
	for _, id := range []string{"1", "2", "3"} {
		f.Put(trueconftest.Conference{ID: id, Owner: "anna", Running: true})
	}
	f.Break(trueconftest.List, trueconftest.Trouble{After: 1, Times: 1, Do: func() { f.Stop("1"); f.Stop("2") }})
	all, err := open(t, f, api("v4")).Running(t.Context())
	if err != nil || len(all) == 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestTheLogIsNotReadBeyondWhatRuns(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{Page: 2})
	for i := range 120 {
		id := fmt.Sprint(i)
		f.Put(trueconftest.Conference{ID: id, Owner: "anna", Running: true})
		f.Stop(id)
	}
	f.Put(trueconftest.Conference{ID: "now", Owner: "anna", Running: true})
	all, err := open(t, f, api("v3")).Running(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != "now" {
		t.Errorf("%+v, %v", all, err)
	}
	if got := f.Count(trueconftest.Calls); got != 1 {
		t.Errorf("read %d pages", got)
	}
}

func TestAnIDThatWouldLeadElsewhereIsNotAskedFor(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	s := open(t, f, api("v3"))
	for _, id := range []string{"", ".", "..", "../users", `..\users`, "a/b", "a\nb", strings.Repeat("x", 300)} {
		if _, err := s.Conference(t.Context(), id); trueconf.KindOf(err) != trueconf.BadRequest {
			t.Errorf("%q: %v", id, err)
		}
		if err := s.Delete(t.Context(), id); trueconf.KindOf(err) != trueconf.BadRequest {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	if got := len(f.Requests()); got != 0 {
		t.Errorf("%d requests", got)
	}
}

func TestASessionKeepsItsNumberSign(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f, api("v3"))
	c := ref(t, s, "100")
	if _, err := s.Participants(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := "/api/v3.11/conference-sessions/" + strings.ReplaceAll(c.Session, "#", "%23") + "/participants"
	last := f.Requests()[len(f.Requests())-1]
	if last.Path != want || !strings.Contains(c.Session, "#") {
		t.Errorf("asked for %s, want %s", last.Path, want)
	}
}

// plain serves the API with a fixed answer for each path.
func plain(t *testing.T, answers map[string]string) *trueconf.Server {
	t.Helper()
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if page := cmp.Or(r.URL.Query().Get("page"), r.URL.Query().Get("page_id")); page != "" {
			answer = cmp.Or(answers[r.URL.Path+"?"+page], answer)
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
			io.WriteString(w, `{"access_token":"t","expires_in":3600}`)
		case !known:
			http.NotFound(w, r)
		default:
			io.WriteString(w, answer)
		}
	}))
	t.Cleanup(f.Close)
	s, err := trueconf.Open(trueconf.Options{Name: "x", Address: f.URL, Engine: "-", ClientID: "c", ClientSecret: "s", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestAListThatLeavesOutWhatWasAskedForIsReadStill(t *testing.T) {
	t.Parallel()
	const about = "/api/v4/server"
	for version, s := range map[string]*trueconf.Server{
		"v4": plain(t, map[string]string{
			about:                 `{"product":{"version":"5.5.1.2"}}`,
			"/api/v4/conferences": `{"results":1,"conferences":[{"id":"1","session_id":"a@s#vcs","tags":["keep"]}]}`,
		}),
		"v3": plain(t, map[string]string{
			"/api/v3.11/logs/calls":  `{"cnt":1,"list":[{"conference_id":"a@s#vcs","named_conf_id":"1","class":10,"duration":5,"end_time":null}]}`,
			"/api/v3.11/conferences": `{"cnt":1,"conferences":[{"id":"1","tags":["keep"]}]}`,
		}),
		"a page that is none": plain(t, map[string]string{
			about:                    `<html>welcome</html>`,
			"/api/v3.11/logs/calls":  `{"cnt":1,"list":[{"conference_id":"a@s#vcs","named_conf_id":"1","class":10,"duration":5,"end_time":null}]}`,
			"/api/v3.11/conferences": `{"cnt":1,"conferences":[{"id":"1","tags":["keep"]}]}`,
		}),
	} {
		all, err := s.Running(t.Context())
		if err != nil || len(all) != 1 || all[0].Session != "a@s#vcs" || len(all[0].Tags) != 1 || !all[0].Running {
			t.Errorf("%s: %+v, %v", version, all, err)
		}
	}
}

func TestAFullPageWithoutATotalIsNotTheLast(t *testing.T) {
	t.Parallel()
	people := func(from, to int) string {
		var rows []string
		for i := from; i < to; i++ {
			rows = append(rows, fmt.Sprintf(`{"id":"conn-%d","call_id":"u%d@s"}`, i, i))
		}
		return "[" + strings.Join(rows, ",") + "]"
	}
	const path = "/api/v4/conferences/1/participants"
	s := plain(t, map[string]string{"/api/v4/server": `{"product":{"version":"6.0"}}`, path: "[]", path + "?1": people(0, 100), path + "?2": people(100, 103)})
	got, err := s.Participants(t.Context(), trueconf.Conference{ID: "1", Session: "a"})
	if err != nil || len(got) != 103 {
		t.Errorf("%d, %v", len(got), err)
	}
}

// A server that fell leaves sessions in its log that never end.
func TestOfARoomTheYoungestSessionIsTheOneThatRuns(t *testing.T) {
	t.Parallel()
	row := func(session string, lasted int) string {
		return fmt.Sprintf(`{"conference_id":%q,"named_conf_id":"1","class":10,"duration":%d,"end_time":null}`, session, lasted)
	}
	for name, rows := range map[string]string{"last": row("old", 90000) + "," + row("new", 60), "first": row("new", 60) + "," + row("old", 90000)} {
		s := plain(t, map[string]string{
			"/api/v3.11/logs/calls":    `{"cnt":2,"list":[` + rows + `]}`,
			"/api/v3.11/conferences":   `{"cnt":1,"conferences":[{"id":"1","state":"running"}]}`,
			"/api/v3.11/conferences/1": `{"conference":{"id":"1","state":"running"}}`,
		})
		all, err := s.Running(t.Context())
		if err != nil || len(all) != 1 || all[0].Session != "new" || ref(t, s, "1").Session != "new" {
			t.Errorf("%s: %+v, %v", name, all, err)
		}
	}
}
