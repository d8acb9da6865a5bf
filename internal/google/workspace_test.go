package google_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/google"
	"countersign/internal/google/workspacetest"
	"countersign/internal/secret"
)

const (
	chief    = "chief@corp.example"
	payers   = "payers@corp.example"
	managers = "managers@corp.example"
)

// company is a fake Workspace and a reader of it.
type company struct {
	*workspacetest.Server
	*google.Workspace
}

func openCompany(t *testing.T, o workspacetest.Options) company {
	t.Helper()
	o.Admin, o.Key = chief, firstKey()
	s, err := workspacetest.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	s.Put(
		workspacetest.User{ID: "1", Email: "Anna@Corp.example", Aliases: []string{"a.smith@corp.example"}, Name: " Anna  Smith", Unit: "Finance", Employee: "E-17", Language: "ru"},
		workspacetest.User{ID: "2", Email: "boris@corp.example", Name: "Boris", Suspended: true},
		workspacetest.User{ID: "3", Email: "vera@corp.example", Name: "Vera", Archived: true},
		workspacetest.User{ID: "4", Email: "gleb@corp.example", Name: "Gleb"},
		workspacetest.User{ID: "5", Email: "dina@corp.example", Name: "Dina"},
	)
	s.PutGroup(
		workspacetest.Group{Address: payers, Name: "Payers", Members: []string{managers, "gleb@corp.example", "guest@other.example"}},
		workspacetest.Group{Address: managers, Name: "Managers", Members: []string{"Anna@Corp.example", "gleb@corp.example", "vera@corp.example"}},
	)
	return company{s, &google.Workspace{
		Subject: chief, Credentials: secret.Text(key), Groups: []string{payers, managers},
		Timeout: time.Minute, Pause: time.Millisecond, Endpoint: s.URL(),
	}}
}

func wantRoll() google.Roll {
	return google.Roll{
		Accounts: []google.Account{
			{ID: "1", Email: "anna@corp.example", Aliases: []string{"a.smith@corp.example"}, Name: "Anna Smith", Unit: "/Finance", Employee: "E-17", Language: "ru"},
			{ID: "2", Email: "boris@corp.example", Name: "Boris", Suspended: true, Unit: "/"},
			{ID: "5", Email: "dina@corp.example", Name: "Dina", Unit: "/"},
			{ID: "4", Email: "gleb@corp.example", Name: "Gleb", Unit: "/"},
			{ID: "3", Email: "vera@corp.example", Name: "Vera", Archived: true, Unit: "/"},
		},
		Groups: []google.Group{
			{Address: payers, Name: "Payers", Members: []string{"1", "3", "4", "x-guest@other.example"}},
			{Address: managers, Name: "Managers", Members: []string{"1", "3", "4"}},
		},
	}
}

func TestCompanyIsReadWholeWhateverThePages(t *testing.T) {
	t.Parallel()
	for _, page := range []int{0, 1, 2, 5} {
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			t.Parallel()
			c := openCompany(t, workspacetest.Options{Page: page})
			got, err := c.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(wantRoll(), got); d != "" {
				t.Error(d)
			}
			if page == 1 && c.Calls(workspacetest.Users) != 5 {
				t.Errorf("%d calls for 5 pages", c.Calls(workspacetest.Users))
			}
			if refused := c.Refused(); len(refused) > 0 {
				t.Errorf("refused: %v", refused)
			}
		})
	}
}

func TestGroupOfEverybodySaysSo(t *testing.T) {
	t.Parallel()
	c := openCompany(t, workspacetest.Options{})
	c.PutGroup(workspacetest.Group{Address: managers, Members: []string{workspacetest.Everybody}})
	got, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Groups[0].Everybody || !got.Groups[1].Everybody {
		t.Errorf("groups %+v", got.Groups)
	}
}

func TestServiceAccountWithoutKeySignsThroughWhatTheProcessRunsAs(t *testing.T) {
	c := openCompany(t, workspacetest.Options{Page: 2})
	own := filepath.Join(t.TempDir(), "own.json")
	if err := os.WriteFile(own, []byte(c.Credentials.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", own)
	c.Credentials, c.ServiceAccount = "", workspacetest.ServiceAccount
	got, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wantRoll(), got); d != "" {
		t.Error(d)
	}
	if c.Calls(workspacetest.Sign) != 1 {
		t.Errorf("signed %d times", c.Calls(workspacetest.Sign))
	}

	c.ServiceAccount = "another@project.iam.example"
	wantProblem(t, c, google.ErrCredentials, "may not sign for another@project.iam.example", "Token Creator")

	c.ServiceAccount = workspacetest.ServiceAccount
	c.Subject = "nobody@corp.example"
	wantProblem(t, c, google.ErrCredentials, "nobody@corp.example is no account")

	if err := os.WriteFile(own, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, c, google.ErrCredentials, "no application default credentials")
}

// wantProblem reads and looks at the error, which never holds a secret.
func wantProblem(t *testing.T, c company, want error, words ...string) {
	t.Helper()
	got, err := c.Read(t.Context())
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if d := cmp.Diff(google.Roll{}, got); d != "" {
		t.Errorf("a part was given beside the error: %s", d)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	for _, hidden := range []string{"ya29.", "PRIVATE", "eyJ", "assertion", "Bearer"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%q holds %q", err, hidden)
		}
	}
}

func TestEveryFailureSaysWhatToDo(t *testing.T) {
	t.Parallel()
	scopes := workspacetest.Scopes()
	type trouble = workspacetest.Trouble
	for name, tt := range map[string]struct {
		options  workspacetest.Options
		endpoint workspacetest.Endpoint
		trouble  trouble
		change   func(c company)
		want     error
		words    []string
	}{
		"no delegation":       {options: workspacetest.Options{Scopes: []string{}}, want: google.ErrDelegation, words: append([]string{"Domain-wide delegation"}, scopes...)},
		"one scope missing":   {options: workspacetest.Options{Scopes: scopes[:2]}, want: google.ErrDelegation, words: scopes},
		"unknown subject":     {change: func(c company) { c.Subject = "nobody@corp.example" }, want: google.ErrCredentials, words: []string{"nobody@corp.example"}},
		"no administrator":    {change: func(c company) { c.Subject = "gleb@corp.example" }, want: google.ErrDelegation, words: []string{"gleb@corp.example must be an administrator"}},
		"another key":         {change: anotherKey, want: google.ErrCredentials, words: []string{"revoked"}},
		"a broken key":        {change: brokenKey, want: google.ErrCredentials, words: []string{"cannot be used to sign"}},
		"unknown customer":    {change: func(c company) { c.Customer = "C1" }, want: google.ErrDelegation, words: []string{"customer"}},
		"forbidden":           {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Forbidden}, want: google.ErrDelegation, words: scopes},
		"scope":               {endpoint: workspacetest.Members, trouble: trouble{Fault: workspacetest.Scope}, want: google.ErrDelegation, words: scopes},
		"API off":             {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Disabled}, want: google.ErrDelegation, words: []string{"not enabled"}},
		"group not there":     {change: func(c company) { c.RemoveGroup(managers) }, want: google.ErrNoGroup, words: []string{managers}},
		"quota":               {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.TooMany}, want: google.ErrQuota, words: []string{"users, page 1"}},
		"quota of the user":   {endpoint: workspacetest.Groups, trouble: trouble{Fault: workspacetest.UserQuota}, want: google.ErrQuota, words: []string{payers}},
		"quota of the day":    {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.DayQuota}, want: google.ErrQuota},
		"down":                {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Status500}, want: google.ErrAway, words: []string{"500"}},
		"bad request":         {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.BadRequest}, want: google.ErrDelegation},
		"token endpoint down": {endpoint: workspacetest.Token, trouble: trouble{Fault: workspacetest.Status500}, want: google.ErrAway},
		"token endpoint html": {endpoint: workspacetest.Token, trouble: trouble{Fault: workspacetest.HTML}, want: google.ErrAway, words: []string{"proxy"}},
		"empty token":         {endpoint: workspacetest.Token, trouble: trouble{Fault: workspacetest.Empty}, want: google.ErrGarbled},
		"half a token":        {endpoint: workspacetest.Token, trouble: trouble{Fault: workspacetest.HalfJSON}, want: google.ErrGarbled},
		"nobody there":        {change: func(c company) { c.Endpoint = "http://127.0.0.1:1" }, want: google.ErrAway},
		// a list that is cut off is never a shorter list
		"page missing":           {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Status500, After: 2}, want: google.ErrAway, words: []string{"page 3"}},
		"page cut off":           {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Cut, After: 2}, want: google.ErrAway, words: []string{"ends in the middle"}},
		"half a page":            {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.HalfJSON, After: 2}, want: google.ErrGarbled, words: []string{"page 3"}},
		"empty page":             {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Empty, After: 2}, want: google.ErrGarbled, words: []string{"page 3"}},
		"wrong page":             {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.WrongJSON, After: 2}, want: google.ErrGarbled},
		"page of a proxy":        {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.HTML, After: 2}, want: google.ErrAway, words: []string{"proxy"}},
		"huge page":              {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Huge}, want: google.ErrAway, words: []string{"too large"}},
		"redirect":               {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.Redirect}, want: google.ErrAway, words: []string{"307"}},
		"the same page for ever": {endpoint: workspacetest.Users, trouble: trouble{Fault: workspacetest.SamePage}, want: google.ErrGarbled},
		"members cut off":        {endpoint: workspacetest.Members, trouble: trouble{Fault: workspacetest.Empty, After: 1}, want: google.ErrGarbled, words: []string{payers, "page 2"}},
		"members for ever":       {endpoint: workspacetest.Members, trouble: trouble{Fault: workspacetest.SamePage}, want: google.ErrGarbled, words: []string{payers}},
		"group empty":            {endpoint: workspacetest.Groups, trouble: trouble{Fault: workspacetest.Empty}, want: google.ErrGarbled, words: []string{payers}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.options.Page = 1
			c := openCompany(t, tt.options)
			if tt.change != nil {
				tt.change(c)
			}
			if tt.endpoint != "" {
				c.Break(tt.endpoint, tt.trouble)
			}
			wantProblem(t, c, tt.want, tt.words...)
		})
	}
}

// anotherKey is a sound key that Google does not know.
func anotherKey(c company) {
	other, err := workspacetest.Open(context.Background(), workspacetest.Options{Admin: chief, Key: secondKey()})
	if err != nil {
		panic(err)
	}
	defer other.Close()
	key, err := other.Key()
	if err != nil {
		panic(err)
	}
	c.Credentials = secret.Text(strings.ReplaceAll(string(key), other.URL(), c.URL()))
}

func brokenKey(c company) {
	var key map[string]string
	if err := json.Unmarshal([]byte(c.Credentials.Reveal()), &key); err != nil {
		panic(err)
	}
	key["private_key"] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	text, err := json.Marshal(key)
	if err != nil {
		panic(err)
	}
	c.Credentials = secret.Text(text)
}

func TestShortTroubleIsOvercome(t *testing.T) {
	t.Parallel()
	c := openCompany(t, workspacetest.Options{Page: 2})
	type trouble = workspacetest.Trouble
	c.Break(workspacetest.Token, trouble{Fault: workspacetest.Status500, Times: 1})
	c.Break(workspacetest.Users, trouble{Fault: workspacetest.TooMany, After: 1, Times: 2}, trouble{Fault: workspacetest.Cut, After: 1, Times: 1})
	c.Break(workspacetest.Groups, trouble{Fault: workspacetest.UserQuota, Times: 3})
	c.Break(workspacetest.Members, trouble{Fault: workspacetest.Status500, Times: 1})
	got, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wantRoll(), got); d != "" {
		t.Error(d)
	}
	wantCallsOf(t, c, workspacetest.Token, 2)
	wantCallsOf(t, c, workspacetest.Users, 3+3)
	wantCallsOf(t, c, workspacetest.Groups, 2+3)
}

func wantCallsOf(t *testing.T, c company, e workspacetest.Endpoint, want int) {
	t.Helper()
	if got := c.Calls(e); got != want {
		t.Errorf("%d calls of %s, want %d", got, e, want)
	}
}

func TestReadingHasAnEnd(t *testing.T) {
	t.Parallel()
	for _, e := range []workspacetest.Endpoint{workspacetest.Token, workspacetest.Users, workspacetest.Members} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			c := openCompany(t, workspacetest.Options{})
			c.Break(e, workspacetest.Trouble{Fault: workspacetest.Hang})
			c.Timeout = 300 * time.Millisecond
			wantProblem(t, c, google.ErrAway, context.DeadlineExceeded.Error())

			ctx, cancel := context.WithCancel(t.Context())
			c.Timeout = time.Minute
			done := make(chan error, 1)
			before := c.Calls(e)
			go func() { _, err := c.Read(ctx); done <- err }()
			eventually(t, "the call", func() bool { return c.Calls(e) > before })
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want canceled", err)
			}
		})
	}
}

func TestWorkspaceThatCannotWorkIsTold(t *testing.T) {
	t.Parallel()
	err := (&google.Workspace{Groups: []string{"payers", payers, payers}, Timeout: -1, Endpoint: "http://google.example", Proxy: &url.URL{}}).Check()
	for _, want := range []string{"administrator", "either the key", `"payers" is not an address`, "twice", "below zero", "loopback", "proxy"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	const hidden = "a-private-part"
	for _, key := range []string{
		hidden, `{"type":"authorized_user","private_key":"` + hidden + `"}`,
		`{"type":"service_account","client_email":"a@b","private_key":"` + hidden + `","token_uri":"http://elsewhere.example/"}`,
	} {
		err := (&google.Workspace{Subject: chief, Credentials: secret.Text(key)}).Check()
		if err == nil || strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %v", key, err)
		}
	}
	both := &google.Workspace{Subject: chief, Credentials: "{}", ServiceAccount: "a@b/c"}
	if err := both.Check(); err == nil || !strings.Contains(err.Error(), "service account is not an address") || !strings.Contains(err.Error(), "either the key") {
		t.Errorf("%v", err)
	}
}
