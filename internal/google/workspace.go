package google

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	admin "google.golang.org/api/admin/directory/v1"

	"countersign/internal/secret"
)

// Workspace reads the accounts and groups of a company from Google Workspace. It is used as
// a literal; the fields do not change afterwards. It only reads, with the three scopes that
// [WorkspaceScopes] names, and calls nobody before the first Read.
type Workspace struct {
	// Customer is the company; "my_customer", that of the administrator, when empty.
	Customer string
	// Subject is the address of the administrator in whose name is read.
	Subject string
	// Credentials are the JSON key of a service account to which the domain-wide delegation
	// was given. It or ServiceAccount is needed, not both.
	Credentials secret.Text
	// ServiceAccount is the address of one that is used without a key: what this process
	// runs as (the application default credentials) may sign for it.
	ServiceAccount string
	// Groups are the addresses of those whose members are read, none twice.
	Groups []string
	// Proxy is on the way to Google; none when nil, also not that of the environment.
	Proxy *url.URL
	// Timeout bounds Read as a whole; 5 minutes when zero.
	Timeout time.Duration
	// Pause is the first one before a call is tried again; the next is twice as long. 1 s
	// when zero.
	Pause time.Duration
	// Endpoint is called in the place of all of Google, for tests. It must be on loopback.
	Endpoint string
}

// Roll is a company as Google Workspace knows it at one time, the accounts in the order of
// their addresses.
type Roll struct {
	Accounts []Account
	Groups   []Group
}

// Account is one of its users.
type Account struct {
	ID        string   // never changes; at sign-in it is the subject of the identity
	Email     string   // the primary address, in small letters
	Aliases   []string // other addresses, in small letters
	Name      string
	Suspended bool
	Archived  bool
	Unit      string // path of the organizational unit
	Employee  string // the employee number; empty when there is none
	Language  string // language code, as Google has it; empty when unknown
}

// Addresses lists all mail addresses of the account, the primary one first.
func (a Account) Addresses() []string { return append([]string{a.Email}, a.Aliases...) }

// Group is a group with all its members, those of groups within it too.
type Group struct {
	Address   string   // as it was asked for
	Name      string   // as it is called
	Members   []string // ids of accounts, sorted; may name accounts of other companies
	Everybody bool     // all accounts of the company are members
}

const (
	ownReadTimeout = 5 * time.Minute
	ownPause       = time.Second
	mostEntries    = 50_000 // of one list
	usersPage      = 500
	membersPage    = 200
	customers      = "my_customer"
)

// WorkspaceScopes are what must be delegated to the service account.
func WorkspaceScopes() []string {
	return []string{
		admin.AdminDirectoryUserReadonlyScope,
		admin.AdminDirectoryGroupReadonlyScope,
		admin.AdminDirectoryGroupMemberReadonlyScope,
	}
}

// Check says everything that is wrong with the fields. It calls nobody.
func (w *Workspace) Check() error {
	var wrong []error
	must := func(fine bool, what string) {
		if !fine {
			wrong = append(wrong, errors.New("google workspace: "+what))
		}
	}
	must(strings.Contains(w.Subject, "@"), "there must be the address of an administrator to read in the name of")
	must((w.Credentials == "") != (w.ServiceAccount == ""), "there must be either the key of a service account or the address of one that is used without a key")
	must(w.ServiceAccount == "" || strings.Contains(w.ServiceAccount, "@") && isPrintable(w.ServiceAccount) && !strings.ContainsAny(w.ServiceAccount, "/:?#%"),
		"the service account is not an address")
	if w.Credentials != "" {
		_, fault := w.key()
		must(fault == "", fault)
	}
	for i, g := range w.Groups {
		must(strings.Contains(g, "@") && isPrintable(g), fmt.Sprintf("group %q is not an address", g))
		must(!slices.Contains(w.Groups[:i], g), fmt.Sprintf("group %q occurs twice", g))
	}
	must(w.Timeout >= 0 && w.Pause >= 0, "a time is below zero")
	must(w.Proxy == nil || w.Proxy.Host != "", "the proxy has no host")
	at, err := url.Parse(w.Endpoint)
	must(w.Endpoint == "" || err == nil && isLoopback(at.Hostname()) && isAddress(w.Endpoint), "the endpoint must be on loopback")
	return errors.Join(wrong...)
}

// Read gives the company as it is: all of it, or an error that says what to do. The error
// is one of [ErrCredentials], [ErrDelegation], [ErrNoGroup], [ErrQuota], [ErrGarbled],
// [ErrAway], or that of the context.
func (w *Workspace) Read(ctx context.Context) (Roll, error) {
	if err := w.Check(); err != nil {
		return Roll{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(w.Timeout, ownReadTimeout))
	defer cancel()
	roll, err := w.read(ctx)
	if err != nil {
		return Roll{}, fmt.Errorf("read google workspace: %w", err)
	}
	return roll, nil
}

func (w *Workspace) read(ctx context.Context) (roll Roll, err error) {
	s, err := w.open(ctx)
	if err != nil {
		return Roll{}, err
	}
	defer s.transport.CloseIdleConnections()
	if roll.Accounts, err = s.accounts(ctx); err != nil {
		return Roll{}, err
	}
	for _, address := range w.Groups {
		g, err := s.group(ctx, address)
		if err != nil {
			return Roll{}, fmt.Errorf("group %s: %w", address, err)
		}
		roll.Groups = append(roll.Groups, g)
	}
	return roll, nil
}

// accounts reads all users, page by page.
func (s *session) accounts(ctx context.Context) ([]Account, error) {
	var all []Account
	seen := map[string]bool{}
	list := s.service.Users.List().Customer(cmp.Or(s.workspace.Customer, customers)).MaxResults(usersPage).OrderBy("email").
		Fields("kind", "nextPageToken", "users(id,primaryEmail,aliases,nonEditableAliases,name/fullName,suspended,archived,orgUnitPath,externalIds,languages)")
	err := s.pages(ctx, "users", func(token string) (string, error) {
		page, err := list.PageToken(token).Context(ctx).Do()
		if err != nil {
			return "", err
		}
		if page.Kind != "admin#directory#users" {
			return "", garbled("a page does not say that it is a list of users")
		}
		for _, u := range page.Users {
			if u == nil || u.Id == "" || u.PrimaryEmail == "" || seen[u.Id] {
				return "", garbled("a user has no id or address, or occurs twice")
			}
			seen[u.Id] = true
			all = append(all, account(u))
		}
		return page.NextPageToken, tooLong(len(all))
	})
	return all, err
}

func account(u *admin.User) Account {
	a := Account{
		ID: u.Id, Email: strings.ToLower(strings.TrimSpace(u.PrimaryEmail)), Suspended: u.Suspended, Archived: u.Archived,
		Unit: u.OrgUnitPath, Employee: employee(u.ExternalIds), Language: language(u.Languages),
	}
	if u.Name != nil {
		a.Name = strings.Join(strings.Fields(u.Name.FullName), " ")
	}
	for _, alias := range slices.Concat(u.Aliases, u.NonEditableAliases) {
		if alias = strings.ToLower(strings.TrimSpace(alias)); alias != a.Email && !slices.Contains(a.Aliases, alias) {
			a.Aliases = append(a.Aliases, alias)
		}
	}
	return a
}

// objects are the values of a field that the library leaves undecoded.
func objects(field any) []map[string]any {
	list, _ := field.([]any)
	var out []map[string]any
	for _, v := range list {
		if o, ok := v.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func text(o map[string]any, field string) string {
	t, _ := o[field].(string)
	return strings.TrimSpace(t)
}

// employee is the number that the Admin console calls the employee ID.
func employee(ids any) string {
	for _, o := range objects(ids) {
		if v := text(o, "value"); text(o, "type") == "organization" && v != "" {
			return v
		}
	}
	return ""
}

// language is the preferred one, or else the first.
func language(languages any) string {
	first := ""
	for _, o := range objects(languages) {
		code := text(o, "languageCode")
		if code != "" && text(o, "preference") == "preferred" {
			return code
		}
		first = cmp.Or(first, code)
	}
	return first
}

// group reads a group and its members, page by page.
func (s *session) group(ctx context.Context, address string) (Group, error) {
	g := Group{Address: address}
	key := address
	err := s.try(ctx, "group", func() error {
		found, err := s.service.Groups.Get(address).Fields("kind", "id", "name").Context(ctx).Do()
		if err != nil {
			return err
		}
		if found.Kind != "admin#directory#group" || found.Id == "" {
			return garbled("the answer does not say that it is a group")
		}
		key, g.Name = found.Id, found.Name
		return nil
	})
	if err != nil {
		return Group{}, err
	}
	list := s.service.Members.List(key).IncludeDerivedMembership(true).MaxResults(membersPage).
		Fields("kind", "nextPageToken", "members(id,type)")
	err = s.pages(ctx, "members", func(token string) (string, error) {
		page, err := list.PageToken(token).Context(ctx).Do()
		if err != nil {
			return "", err
		}
		if page.Kind != "admin#directory#members" {
			return "", garbled("a page does not say that it is a list of members")
		}
		for _, m := range page.Members {
			if m == nil {
				return "", garbled("a member is missing")
			}
			g.Everybody = g.Everybody || m.Type == "CUSTOMER"
			if m.Type == "USER" && m.Id != "" { // a group within is there with its members, a member without id has no account
				g.Members = append(g.Members, m.Id)
			}
		}
		return page.NextPageToken, tooLong(len(g.Members))
	})
	slices.Sort(g.Members)
	g.Members = slices.Compact(g.Members)
	return g, err
}

func tooLong(entries int) error {
	if entries > mostEntries {
		return garbled(fmt.Sprintf("the list has more than %d entries", mostEntries))
	}
	return nil
}
