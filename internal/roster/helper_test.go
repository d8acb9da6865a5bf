package roster_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/roster"
	"countersign/internal/route"
)

const (
	payers = "payers@corp.example"
	clerks = "clerks@corp.example"
)

// office is a sync with a directory and a company that tests change.
type office struct {
	*roster.Sync

	bench   *ledgertest.Bench
	roll    google.Roll
	routes  []route.Route
	alarms  []string // for the command line
	told    []roster.Alarm
	changed []string
}

func newOffice(tb testing.TB) *office {
	tb.Helper()
	o := &office{bench: ledgertest.Empty(tb)}
	o.Sync = &roster.Sync{
		Config: roster.Config{
			Groups: map[string][]string{payers: {"treasurer@LLC-A", "finance_manager"}, clerks: {"clerk"}},
			Naming: roster.ByLocal, Domains: []string{"corp.example"},
		},
		Roll:      func(context.Context) (google.Roll, error) { return o.roll, nil },
		Directory: o.bench.Directory,
		Brought:   o.brought,
		Routes:    func(context.Context) ([]route.Route, error) { return o.routes, nil },
		Changed: func(_ context.Context, ids ...string) (int, error) {
			o.changed = append(o.changed, ids...)
			return 0, nil
		},
		Alarm: func(_ context.Context, a roster.Alarm) {
			o.alarms, o.told = append(o.alarms, a.Text), append(o.told, a)
		},
	}
	return o
}

// asks publishes a route of one step that asks for those.
func (o *office) asks(key string, who ...route.Selector) {
	o.routes = append(o.routes, route.Route{Key: key, Document: "payment_request", Rules: []route.Rule{{
		Name: "all", Steps: []route.Step{{Key: "only", Mode: route.Any, Who: who}},
	}}})
}

func (o *office) brought(ctx context.Context) ([]string, error) {
	rows, err := o.bench.Pool.Query(ctx,
		"select distinct subject from directory_journal where actor = $1 and what in ('person.added', 'person.changed')", roster.Actor)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// account is one of the company, and a member of the groups.
func (o *office) account(id, email string, groups ...string) {
	name, _, _ := strings.Cut(email, "@")
	o.roll.Accounts = append(o.roll.Accounts, google.Account{ID: id, Email: email, Name: "Mx " + name})
	for _, g := range groups {
		o.join(id, g)
	}
}

func (o *office) join(id, group string) {
	i := slices.IndexFunc(o.roll.Groups, func(g google.Group) bool { return g.Address == group })
	if i < 0 {
		o.roll.Groups, i = append(o.roll.Groups, google.Group{Address: group}), len(o.roll.Groups)
	}
	g := &o.roll.Groups[i]
	g.Members = append(g.Members, id)
	slices.Sort(g.Members)
}

// at is an account to be changed.
func (o *office) at(tb testing.TB, id string) *google.Account {
	tb.Helper()
	for i := range o.roll.Accounts {
		if o.roll.Accounts[i].ID == id {
			return &o.roll.Accounts[i]
		}
	}
	tb.Fatalf("no account %s", id)
	return nil
}

func (o *office) remove(id string) {
	o.roll.Accounts = slices.DeleteFunc(o.roll.Accounts, func(a google.Account) bool { return a.ID == id })
}

func (o *office) mustApply(tb testing.TB) roster.Plan {
	tb.Helper()
	p, err := o.Apply(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func (o *office) mustPlan(tb testing.TB) roster.Plan {
	tb.Helper()
	p, err := o.Plan(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func (o *office) entries(tb testing.TB) map[string]directory.Entry {
	tb.Helper()
	list, err := o.Directory.Users(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]directory.Entry{}
	for _, e := range list {
		out[e.ExternalID] = e
	}
	return out
}

func (o *office) put(tb testing.TB, users ...directory.User) {
	tb.Helper()
	if _, err := o.Directory.Import(tb.Context(), "csv", users, directory.Apply); err != nil {
		tb.Fatal(err)
	}
}

// login ties a Telegram account and one of the company to a person.
func (o *office) login(tb testing.TB, telegram int64, id, email string) {
	tb.Helper()
	if err := o.tryLogin(tb, telegram, id, email); err != nil {
		tb.Fatal(err)
	}
}

// tryLogin is login where it may be refused.
func (o *office) tryLogin(tb testing.TB, telegram int64, id, email string) error {
	tb.Helper()
	return pgx.BeginFunc(tb.Context(), o.bench.Pool, func(tx pgx.Tx) error {
		_, err := o.Directory.LinkIn(tb.Context(), tx, "link", directory.NewLink{
			Account: telegram, Proof: directory.Proof{Issuer: google.Issuer, Subject: id, Email: email}, Terms: directory.Terms{Confirm: directory.Notify},
		})
		return err
	})
}

func roles(texts ...string) []people.Role {
	var out []people.Role
	for _, t := range texts {
		out = append(out, people.ParseRole(t))
	}
	return out
}

func wantRoles(tb testing.TB, e directory.Entry, want string) {
	tb.Helper()
	var got []string
	for _, r := range e.Roles {
		got = append(got, r.String())
	}
	if strings.Join(got, " ") != want {
		tb.Errorf("%s has %q, want %q", e.ExternalID, got, want)
	}
}

func wantLine(tb testing.TB, p roster.Plan, parts ...string) {
	tb.Helper()
	for _, line := range p.Lines() {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return
		}
	}
	tb.Errorf("no line with %q in\n%s", parts, p)
}

func wantNothing(tb testing.TB, o *office) {
	tb.Helper()
	if p := o.mustPlan(tb); !p.Nothing() {
		tb.Errorf("there is still something to do:\n%s", p)
	}
}

func isTooMany(err error) (*roster.TooManyError, bool) {
	return errors.AsType[*roster.TooManyError](err)
}
