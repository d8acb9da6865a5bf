package trueconftest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/trueconf/trueconftest"
)

// seat asks for a way in and gives the token of it.
func (c *caller) seat(path, guest string) (token string, ways int) {
	c.t.Helper()
	_, text := c.ask(http.MethodGet, path+"/software/clients?call_id=1&user="+url.QueryEscape("2$"+guest+"*Ann"), "")
	var got struct {
		Clients []struct {
			Type string `json:"type"`
			URL  string `json:"web_url"`
		} `json:"clients"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		c.t.Fatal(err)
	}
	for _, w := range got.Clients {
		if w.Type == "web" {
			ways++
			_, fragment, _ := strings.Cut(w.URL, "#")
			for part := range strings.SplitSeq(fragment, "&") {
				if text, ok := strings.CutPrefix(part, "token="); ok {
					token = text
				}
			}
		}
	}
	return token, ways
}

func TestAGuestEntersWithHisSeatAndASecondOneTakesHisPlace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := serve(t, trueconftest.Options{Now: func() time.Time { return now }})
	c.f.Put(trueconftest.Conference{ID: "1", Owner: "anna", Guests: true})
	enter := func(token string, want int) {
		t.Helper()
		if status, text := c.ask(http.MethodPost, "/webrtc/1/enter", url.Values{"token": {token}}.Encode()); status != want {
			t.Errorf("%d %s, want %d", status, text, want)
		}
	}
	first, ways := c.seat("/api/v4", "ann")
	if ways != 2 {
		t.Errorf("%d ways in the new family", ways)
	}
	enter(first, http.StatusConflict) // it does not run yet
	c.f.Start("1")
	enter("another", http.StatusForbidden)
	enter(first, http.StatusNoContent)
	second, ways := c.seat("/api/v3.11", "ann")
	if ways != 1 {
		t.Errorf("%d ways in the old family", ways)
	}
	enter(second, http.StatusNoContent)
	if there, _ := c.f.Conference("1"); len(there.People) != 1 || there.People[0].ID != "#guest2:ann@srv.example" || there.People[0].Name != "Ann" {
		t.Errorf("in it: %+v", there.People)
	}
	c.ask(http.MethodPost, "/webrtc/1/leave", url.Values{"token": {second}}.Encode())
	if there, _ := c.f.Conference("1"); len(there.People) != 0 {
		t.Errorf("still in it: %+v", there.People)
	}
	now = now.Add(time.Hour)
	enter(second, http.StatusForbidden)
	if status, text := c.ask(http.MethodGet, "/webrtc/1", ""); status != http.StatusOK || !strings.Contains(text, "postMessage") {
		t.Errorf("the page: %d %s", status, text)
	}
	c.f.Put(trueconftest.Conference{ID: "1", Owner: "anna"})
	if _, ways := c.seat("/api/v4", "ann"); ways != 0 {
		t.Error("a seat where guests may not enter")
	}
}

func TestEachFaultFailsItsTimesAndEndsWhenMended(t *testing.T) {
	t.Parallel()
	for fault, want := range map[trueconftest.Fault]struct {
		status int
		word   string
	}{
		trueconftest.Refused: {http.StatusUnauthorized, "error"}, trueconftest.Forbidden: {http.StatusForbidden, "forbidden"},
		trueconftest.Gone: {http.StatusNotFound, "conferenceNotFound"}, trueconftest.NoRoute: {http.StatusNotFound, "page not found"},
		trueconftest.Bad: {http.StatusBadRequest, "userNotFound"}, trueconftest.Trouble5: {http.StatusInternalServerError, "<html>"},
		trueconftest.Gateway: {http.StatusBadGateway, "<html>"}, trueconftest.Wall: {http.StatusForbidden, "<html>"},
		trueconftest.Cut: {0, "EOF"}, trueconftest.Lost: {0, "EOF"}, trueconftest.HalfJSON: {http.StatusOK, `"list":[`},
		trueconftest.Empty: {http.StatusOK, "{}"}, trueconftest.Null: {http.StatusOK, "null"}, trueconftest.HTML: {http.StatusOK, "<html>"},
		trueconftest.Huge: {http.StatusOK, "xxxx"}, trueconftest.Away: {http.StatusTemporaryRedirect, ""}, trueconftest.Idle: {http.StatusNoContent, ""},
		trueconftest.EchoPage: {http.StatusInternalServerError, "the body"}, trueconftest.Echo: {http.StatusBadRequest, "errors"},
		trueconftest.Pass: {http.StatusOK, "results"}, trueconftest.SamePage: {http.StatusOK, "results"},
	} {
		c := serve(t, trueconftest.Options{})
		c.login(newToken)
		done := 0
		c.f.Break(trueconftest.List, trueconftest.Trouble{Fault: fault, After: 1, Times: 1, Do: func() { done++ }})
		for i, sound := range []bool{true, false, true} {
			status, text := c.ask(http.MethodGet, newList, "the body")
			switch {
			case sound && status != http.StatusOK:
				t.Errorf("%q, call %d: %d %.80s", fault, i, status, text)
			case !sound && (status != want.status || !strings.Contains(text, want.word)):
				t.Errorf("%q: %d %.80s", fault, status, text)
			}
		}
		if done != 1 || c.f.Count(trueconftest.List) != 3 {
			t.Errorf("%q: done %d times in %d calls", fault, done, c.f.Count(trueconftest.List))
		}
		c.f.Break(trueconftest.List, trueconftest.Trouble{Fault: trueconftest.Bad})
		c.f.Mend()
		if status, _ := c.ask(http.MethodGet, newList, ""); status != http.StatusOK {
			t.Errorf("mended: %d", status)
		}
	}
}

func TestALostAnswerIsOfWorkThatWasDone(t *testing.T) {
	t.Parallel()
	c := serve(t, trueconftest.Options{TLS: true})
	c.f.Put(trueconftest.Conference{ID: "1", Owner: "anna", Running: true})
	c.login(newToken)
	c.f.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Lost})
	if status, _ := c.ask(http.MethodPost, newList+"/1/stop", ""); status != 0 {
		t.Errorf("answered %d", status)
	}
	if there, _ := c.f.Conference("1"); there.Running {
		t.Error("not done")
	}
}
