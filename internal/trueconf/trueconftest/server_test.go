package trueconftest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/internal/trueconf/trueconftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller asks a stand-in.
type caller struct {
	t      *testing.T
	f      *trueconftest.Server
	http   *http.Client
	access string
}

func serve(t *testing.T, o trueconftest.Options) *caller {
	t.Helper()
	f, err := trueconftest.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(f.Certificate())
	c := &caller{t: t, f: f, http: &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, DisableKeepAlives: true}, // else a lost answer is asked for again
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ask makes a request and gives the status and the body.
func (c *caller) ask(method, path, body string) (status int, text string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.f.URL()+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.access != "" {
		r.Header.Set("Authorization", "Bearer "+c.access)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(raw)
}

// login takes a token of either kind.
func (c *caller) login(path string) int {
	c.t.Helper()
	body := url.Values{"grant_type": {"client_credentials"}, "client_id": {trueconftest.ClientID}, "client_secret": {trueconftest.ClientSecret}}.Encode()
	if strings.Contains(path, "v4") {
		body = fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, trueconftest.ClientID, trueconftest.ClientSecret)
	}
	status, text := c.ask(http.MethodPost, path, body)
	var got struct {
		Access  string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	if status == http.StatusOK && (json.Unmarshal([]byte(text), &got) != nil || got.Access == "" || got.Expires <= 0) {
		c.t.Fatalf("a token like %s", text)
	}
	c.access = got.Access
	return status
}

const (
	oldToken = "/oauth2/v1/token"
	newToken = "/api/v4/oauth2/token"
	oldList  = "/api/v3.11/conferences"
	newList  = "/api/v4/conferences"
)

func TestTokensAreOfOneFamilyAndEnd(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := serve(t, trueconftest.Options{Now: func() time.Time { return now }, Life: time.Minute})
	check := func(what, path string, want int, word string) {
		t.Helper()
		if status, text := c.ask(http.MethodGet, path, ""); status != want || !strings.Contains(text, word) {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
	check("no token", oldList, http.StatusForbidden, "accessTokenInvalid")
	check("no token", newList, http.StatusUnauthorized, "errors")
	c.login(oldToken)
	check("an old one", oldList, http.StatusOK, `"cnt":0`)
	check("an old one", newList, http.StatusUnauthorized, "errors")
	check("in the address", newList+"?access_token="+c.access, http.StatusUnauthorized, "errors")
	c.login(newToken)
	check("a new one", newList, http.StatusOK, `"results":0`)
	check("a new one", oldList, http.StatusForbidden, "accessTokenInvalid")
	now = now.Add(time.Minute)
	check("one that has ended", newList, http.StatusUnauthorized, "errors")
	c.login(newToken)
	c.f.Revoke()
	check("one that was revoked", newList, http.StatusUnauthorized, "errors")
	c.login(newToken)
	c.f.Grant("users:read")
	check("without the right", newList, http.StatusForbidden, "forbidden")
	c.f.Client("another", "client")
	if status := c.login(oldToken); status != http.StatusUnauthorized {
		t.Errorf("an unknown client: %d", status)
	}
	old := serve(t, trueconftest.Options{OldGrants: true})
	if status := old.login(newToken); status != http.StatusBadRequest {
		t.Errorf("a grant that is not there: %d", status)
	}
	if old.login(oldToken); old.access == "" {
		t.Error("no token")
	}
	if status, _ := old.ask(http.MethodGet, newList, ""); status != http.StatusOK {
		t.Errorf("an old token for all: %d", status)
	}
}

func TestAnOldServerHasOnlyWhatItsVersionHad(t *testing.T) {
	t.Parallel()
	c := serve(t, trueconftest.Options{Version: "5.4.9.1", Oldest: "v3.6"})
	c.login(oldToken)
	for path, want := range map[string]int{
		"/api/v3.3/conferences": http.StatusOK, "/api/v3.6/conferences": http.StatusOK, "/api/v3.8/conferences": http.StatusNotFound,
		"/api/v4/conferences": http.StatusNotFound, "/api/v4/server": http.StatusNotFound,
	} {
		if status, text := c.ask(http.MethodGet, path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if _, err := trueconftest.Open(t.Context(), trueconftest.Options{Oldest: "v3.12"}); err == nil {
		t.Error("a version that never was")
	}
}

func TestASessionIsNewWithEachStart(t *testing.T) {
	t.Parallel()
	c := serve(t, trueconftest.Options{})
	first := c.f.Put(trueconftest.Conference{ID: "1", Owner: "anna", Running: true, People: []trueconftest.Person{{ID: "anna@srv.example"}}})
	second := c.f.Start("1")
	if first.Session == "" || second.Session == first.Session || len(second.People) != 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
	c.f.Stop("1")
	if now, _ := c.f.Conference("1"); now.Running || now.Session != "" {
		t.Errorf("over: %+v", now)
	}
	c.login(oldToken)
	_, text := c.ask(http.MethodGet, "/api/v3.11/logs/calls?named_conf_id=1", "")
	if strings.Count(text, `"conference_id"`) != 2 || strings.Contains(text, `"end_time":null`) {
		t.Errorf("the log has %s", text)
	}
	call := c.f.Put(trueconftest.Conference{Owner: "anna", Running: true})
	c.f.Stop(call.Session)
	if slices.ContainsFunc(c.f.Conferences(), func(c trueconftest.Conference) bool { return c.ID == "" }) {
		t.Error("a call that is over is still there")
	}
}

func TestWhatTheServerDoesNotKnowItRefuses(t *testing.T) {
	t.Parallel()
	c := serve(t, trueconftest.Options{})
	c.f.PutUser(trueconftest.User{ID: "anna"})
	c.f.Put(trueconftest.Conference{ID: "1", Owner: "anna"})
	c.login(newToken)
	body := func(id, owner, invited string) string {
		return fmt.Sprintf(`{"id":%q,"topic":"T","owner":%q,"mode":"PxP","schedule":{"type":"none"},"invitations":[{"id":%q}]}`, id, owner, invited)
	}
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		word               string
	}{
		"an owner":       {http.MethodPost, newList, body("", "nobody", "anna"), http.StatusBadRequest, "userNotFound"},
		"who is invited": {http.MethodPost, newList, body("", "anna", "nobody"), http.StatusBadRequest, "userNotFound"},
		"an id twice":    {http.MethodPost, newList, body("1", "anna", "anna"), http.StatusBadRequest, "uniqueValueAlreadyInUse"},
		"a body":         {http.MethodPost, newList, `{"topic":`, http.StatusBadRequest, "badRequest"},
		"a conference":   {http.MethodGet, newList + "/2", "", http.StatusNotFound, "conferenceNotFound"},
		"to be stopped":  {http.MethodPost, newList + "/2/stop", "", http.StatusNotFound, "conferenceNotFound"},
		"to be removed":  {http.MethodDelete, newList + "/2", "", http.StatusNotFound, "conferenceNotFound"},
		"a path":         {http.MethodGet, "/api/v4/nothing", "", http.StatusNotFound, "routeNotFound"},
		"guests of it":   {http.MethodGet, "/api/v4/software/clients?call_id=2", "", http.StatusNotFound, "conferenceNotFound"},
	} {
		if status, text := c.ask(tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(text, tt.word) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
}

func TestServerIsClosedTwiceWithoutHarm(t *testing.T) {
	t.Parallel()
	s, err := trueconftest.Open(t.Context(), trueconftest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
