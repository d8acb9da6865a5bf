package workspacetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2/google"

	"countersign/internal/google/workspacetest"
)

const chief = "chief@corp.example"

func open(t *testing.T, o workspacetest.Options) *workspacetest.Server {
	t.Helper()
	s, err := workspacetest.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client asks in the name of a subject with scopes.
func client(t *testing.T, s *workspacetest.Server, subject string, scopes ...string) *http.Client {
	t.Helper()
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	c, err := google.JWTConfigFromJSON(key, scopes...)
	if err != nil {
		t.Fatal(err)
	}
	c.Subject = subject
	return c.Client(context.Background())
}

func ask(t *testing.T, c *http.Client, address string) (int, map[string]any) {
	t.Helper()
	resp, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestStandInIsStrict(t *testing.T) {
	t.Parallel()
	s := open(t, workspacetest.Options{Admin: chief, Page: 1})
	s.Put(workspacetest.User{ID: "1", Email: "a@corp.example"}, workspacetest.User{ID: "2", Email: "b@corp.example", Name: "B"})
	s.PutGroup(workspacetest.Group{Address: "g@corp.example", Members: []string{"h@corp.example"}}, workspacetest.Group{Address: "h@corp.example", Members: []string{"a@corp.example", "g@corp.example"}})
	c := client(t, s, chief, workspacetest.Scopes()...)
	users, members := s.URL()+"/admin/directory/v1/users?", s.URL()+"/admin/directory/v1/groups/g@corp.example/members?"
	_, first := ask(t, c, users+"customer=my_customer")
	next := fmt.Sprint(first["nextPageToken"])
	for name, tt := range map[string]struct {
		client  *http.Client
		address string
		want    int
	}{
		"no token":              {http.DefaultClient, users + "customer=my_customer", 401},
		"missing scope":         {client(t, s, chief, workspacetest.Scopes()[1]), users + "customer=my_customer", 403},
		"no administrator":      {client(t, s, "a@corp.example", workspacetest.Scopes()...), users + "customer=my_customer", 403},
		"no customer":           {c, users, 400},
		"unknown parameter":     {c, users + "customer=my_customer&max=1", 400},
		"too large a page":      {c, users + "customer=my_customer&maxResults=501", 400},
		"too many members":      {c, members + "maxResults=201", 400},
		"unknown page":          {c, users + "customer=my_customer&pageToken=x.1", 400},
		"page of another list":  {c, members + "pageToken=" + next, 400},
		"page, other questions": {c, users + "customer=" + workspacetest.Customer + "&pageToken=" + next, 400},
		"unknown group":         {c, s.URL() + "/admin/directory/v1/groups/x@corp.example", 404},
		"the next page":         {c, users + "customer=my_customer&pageToken=" + next, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, body := ask(t, tt.client, tt.address); got != tt.want {
				t.Errorf("status %d, want %d: %v", got, tt.want, body)
			}
		})
	}
}

func TestStandInGivesTheFieldsAskedFor(t *testing.T) {
	t.Parallel()
	s := open(t, workspacetest.Options{Admin: chief})
	s.Put(workspacetest.User{ID: "1", Email: "a@corp.example", Name: "A", Employee: "7"})
	c := client(t, s, chief, workspacetest.Scopes()...)
	_, got := ask(t, c, s.URL()+"/admin/directory/v1/users?customer=my_customer&fields="+url.QueryEscape("users(id,name/fullName)"))
	if text := fmt.Sprint(got); text != "map[users:[map[id:1 name:map[fullName:A]]]]" {
		t.Errorf("got %s", text)
	}
}

func TestStandInFollowsGroupsWithinGroupsOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	s := open(t, workspacetest.Options{Admin: chief})
	s.Put(workspacetest.User{ID: "1", Email: "a@corp.example"})
	s.PutGroup(
		workspacetest.Group{Address: "g@corp.example", Members: []string{"h@corp.example"}},
		workspacetest.Group{Address: "h@corp.example", Members: []string{"a@corp.example", "g@corp.example"}}, // a circle ends
	)
	c := client(t, s, chief, workspacetest.Scopes()...)
	for query, want := range map[string]int{"": 1, "?includeDerivedMembership=true": 3} {
		_, got := ask(t, c, s.URL()+"/admin/directory/v1/groups/g@corp.example/members"+query)
		if list, _ := got["members"].([]any); len(list) != want {
			t.Errorf("%q: %v", query, got)
		}
	}
}

func TestStandInChecksAssertions(t *testing.T) {
	t.Parallel()
	s := open(t, workspacetest.Options{Admin: chief, Scopes: workspacetest.Scopes()[:1]})
	for name, form := range map[string]url.Values{
		"nothing":         {},
		"another grant":   {"grant_type": {"password"}},
		"no assertion":    {"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}},
		"not signed":      {"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"e30.e30.e30"}},
		"an open promise": {"grant_type": {"assertion"}, "assertion": {"e30.e30.e30"}},
	} {
		resp, err := http.PostForm(s.URL()+"/token", form)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"error":"`) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	for name, c := range map[string]*http.Client{
		"a scope not delegated": client(t, s, chief, workspacetest.Scopes()...),
		"an unknown subject":    client(t, s, "x@corp.example", workspacetest.Scopes()[0]),
		"no scope":              client(t, s, chief),
	} {
		if resp, err := c.Get(s.URL() + "/admin/directory/v1/users"); err == nil {
			resp.Body.Close()
			t.Errorf("%s: got a token", name)
		}
	}
	if len(s.Refused()) != 8 {
		t.Errorf("refused %q", s.Refused())
	}
}

func TestStandInNeedsAnAdministrator(t *testing.T) {
	t.Parallel()
	if _, err := workspacetest.Open(t.Context(), workspacetest.Options{}); !errors.Is(err, workspacetest.ErrOptions) {
		t.Errorf("got %v", err)
	}
}
