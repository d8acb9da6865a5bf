package roster_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/people"
	"countersign/internal/roster"
	"countersign/internal/route"
)

func entry(ext, email string) directory.Entry {
	return directory.Entry{Person: people.Person{ID: people.ID("per_" + ext), ExternalID: ext, Name: ext, Email: email, Active: true}}
}

// as is somebody who is known to be an account of the company.
func as(account string, e directory.Entry) directory.Entry {
	e.Workspace = account
	return e
}

func TestDoubtIsAConflict(t *testing.T) {
	t.Parallel()
	const anna, boris = "anna@corp.example", "boris@corp.example"
	type account = google.Account
	for name, tt := range map[string]struct {
		naming   roster.Naming
		accounts []account
		entries  []directory.Entry
		subjects map[people.ID][]string
		want     string // of a conflict
	}{
		"an address twice":             {roster.ByLocal, []account{{ID: "1", Email: anna}, {ID: "2", Email: boris, Aliases: []string{anna}}}, []directory.Entry{entry("a", anna)}, nil, "another account too"},
		"the external id of another":   {roster.ByLocal, []account{{ID: "1", Email: anna}}, []directory.Entry{entry("anna", "other@corp.example")}, nil, `"anna", of somebody with another address`},
		"two new of one external id":   {roster.ByLocal, []account{{ID: "1", Email: anna}, {ID: "2", Email: "anna@sub.example"}}, nil, nil, "is taken"},
		"address of another login":     {roster.ByLocal, []account{{ID: "1", Email: anna}}, []directory.Entry{entry("a", anna)}, map[people.ID][]string{"per_a": {"9"}}, "another account; forget"},
		"another employee":             {roster.ByEmployee, []account{{ID: "1", Email: anna, Employee: "8"}}, []directory.Entry{entry("7", anna)}, nil, `"7", whose employee number`},
		"no employee number":           {roster.ByEmployee, []account{{ID: "1", Email: anna}}, nil, nil, "no employee number"},
		"login of one, number of two":  {roster.ByEmployee, []account{{ID: "1", Email: anna, Employee: "7"}}, []directory.Entry{entry("7", ""), entry("8", "")}, map[people.ID][]string{"per_8": {"1"}}, `both "8" and "7"`},
		"one number for two accounts":  {roster.ByEmployee, []account{{ID: "1", Email: anna, Employee: "7"}, {ID: "2", Email: boris, Employee: "7"}}, []directory.Entry{entry("7", anna)}, nil, "and so is another"},
		"address of one, login of two": {roster.ByLocal, []account{{ID: "1", Email: anna}}, []directory.Entry{entry("a", anna), as("1", entry("b", anna))}, map[people.ID][]string{"per_b": {"1"}}, "somebody else than"},
		"account of one, login of two": {roster.ByLocal, []account{{ID: "1", Email: anna}}, []directory.Entry{as("1", entry("a", anna)), entry("b", boris)}, map[people.ID][]string{"per_b": {"1"}}, `both "a" and "b"`},
		"address given to another":     {roster.ByLocal, []account{{ID: "2", Email: anna}}, []directory.Entry{as("1", entry("a", anna))}, nil, `"a", who is another account of the company; detach`},
		"external id of another":       {roster.ByLocal, []account{{ID: "2", Email: anna}}, []directory.Entry{as("1", entry("anna", "other@corp.example"))}, nil, `"anna", who is another account`},
		"number of another account":    {roster.ByEmployee, []account{{ID: "2", Email: boris, Employee: "7"}}, []directory.Entry{as("1", entry("7", anna))}, nil, `"7", who is another account`},
		"login of another account":     {roster.ByLocal, []account{{ID: "2", Email: boris}}, []directory.Entry{as("1", entry("a", anna))}, map[people.ID][]string{"per_a": {"2"}}, `"a", who is another account`},
		"two addresses of two persons": {roster.ByEmail, []account{{ID: "1", Email: anna, Aliases: []string{boris}}}, []directory.Entry{entry("a", anna), entry("b", boris)}, nil, `both "a" and "b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := roster.Config{Naming: tt.naming, Domains: []string{"corp.example", "sub.example"}}
			known := roster.Known{Entries: tt.entries, Subjects: tt.subjects}
			for _, e := range tt.entries {
				known.Brought = append(known.Brought, e.ExternalID) // who is not found would be gone
			}
			plan, err := c.Plan(google.Roll{Accounts: tt.accounts}, known)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(plan.Conflicts, func(c roster.Conflict) bool { return strings.Contains(c.Text, tt.want) }) {
				t.Errorf("no conflict says %q: %v", tt.want, plan.Conflicts)
			}
			if len(plan.Users)+len(plan.Deactivate) > 0 && len(tt.accounts) == 1 {
				t.Errorf("something is done in doubt: %+v", plan)
			}
		})
	}
}

func TestSyncThatCannotWorkIsTold(t *testing.T) {
	t.Parallel()
	err := roster.Config{
		Groups: map[string][]string{"Payers@corp.example": {"treasurer"}, "a@b": nil, "c@d": {"Treasurer", "x@", "a|b"}},
		Naming: "name", Domains: []string{"Corp.example"}, Limit: 101,
	}.Check()
	for _, want := range []string{"Payers", "a@b gives no role", `"Treasurer"`, `"x@"`, `"a|b"`, "naming", `"Corp.example"`, "101"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if err := (roster.Config{Naming: roster.ByEmail}).Check(); err == nil || !strings.Contains(err.Error(), "there must be a domain") {
		t.Errorf("got %v", err)
	}
}

// world draws companies from few names, so that they meet.
type world struct{ *rapid.T }

func (w world) n(what string, most int) int { return rapid.IntRange(0, most).Draw(w.T, what) }
func (w world) one(what string) bool        { return w.n(what, 3) == 0 }

func (w world) address() string {
	return fmt.Sprintf("p%d@%s", w.n("local", 5), []string{"corp.example", "sub.example", "other.example"}[w.n("domain", 2)])
}

func (w world) roll() google.Roll {
	var r google.Roll
	groups := []google.Group{{Address: payers, Everybody: w.n("everybody", 9) == 0}, {Address: clerks}}
	for id := range 8 {
		if w.one("absent") {
			continue
		}
		a := google.Account{ID: fmt.Sprint(id), Email: w.address(), Name: fmt.Sprintf("P%d", w.n("name", 2)), Suspended: w.one("suspended"), Archived: w.one("archived")}
		if w.one("alias") {
			if alias := w.address(); alias != a.Email {
				a.Aliases = []string{alias}
			}
		}
		if w.n("numbered", 1) == 0 {
			a.Employee = fmt.Sprintf("E%d", w.n("employee", 5))
		}
		for i := range groups {
			if w.one("member") {
				groups[i].Members = append(groups[i].Members, a.ID)
			}
		}
		r.Accounts = append(r.Accounts, a)
	}
	r.Groups = groups
	return r
}

func (w world) naming() roster.Naming {
	return []roster.Naming{roster.ByEmployee, roster.ByLocal, roster.ByEmail}[w.n("naming", 2)]
}

func (w world) roles() []people.Role {
	var out []people.Role
	for _, text := range []string{"auditor", "clerk", "finance_manager", "treasurer@LLC-A", "treasurer@LLC-B"} {
		if w.n("role", 1) == 0 {
			out = append(out, people.ParseRole(text))
		}
	}
	return out
}

func (w world) known() roster.Known {
	k := roster.Known{Subjects: map[people.ID][]string{}}
	taken, signed, known := map[string]bool{"": true}, map[string]bool{}, map[string]bool{}
	for i := range 6 {
		ext := []string{fmt.Sprintf("p%d", i), fmt.Sprintf("E%d", i), fmt.Sprintf("p%d@corp.example", i)}[w.n("kind", 2)]
		e := entry(ext, "")
		if address := w.address(); !taken[address] {
			e.Email, taken[address] = address, true
		}
		e.Roles = w.roles()
		if w.one("left") {
			e.Active, e.DeactivatedWhy = false, []string{roster.Suspended, roster.Gone, "fraud"}[w.n("why", 2)]
		}
		if subject := fmt.Sprint(w.n("subject", 9)); w.n("signed in", 1) == 0 && !signed[subject] {
			k.Subjects[e.ID], signed[subject] = []string{subject}, true
		}
		if account := fmt.Sprint(w.n("account", 9)); w.one("known") && !known[account] {
			e.Workspace, known[account] = account, true
		}
		if w.n("brought", 1) == 0 {
			k.Brought = append(k.Brought, ext)
		}
		k.Entries = append(k.Entries, e)
	}
	return k
}

func config(naming roster.Naming) roster.Config {
	return roster.Config{
		Groups: map[string][]string{payers: {"treasurer@LLC-A", "finance_manager"}, clerks: {"clerk"}},
		Naming: naming, Domains: []string{"corp.example", "sub.example"}, Limit: 100,
	}
}

// unmanaged are the roles of which the sync knows nothing.
func unmanaged(list []people.Role) string {
	var out []string
	for _, r := range list {
		if r.Name == "auditor" || r.Scope == "LLC-B" {
			out = append(out, r.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// at work tells whether the company has an active account for a person: the one that he is
// known as, or by which he signed in, or else one with his address.
func atWork(roll google.Roll, e directory.Entry, subjects []string) bool {
	if e.Workspace != "" {
		subjects = []string{e.Workspace}
	}
	for _, a := range roll.Accounts {
		if slices.Contains(subjects, a.ID) {
			return !a.Suspended && !a.Archived
		}
	}
	return e.Email != "" && slices.ContainsFunc(roll.Accounts, func(a google.Account) bool {
		return a.Email == e.Email && !a.Suspended && !a.Archived
	})
}

func TestWhateverTheCompanyPlansAreHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := world{t}
		roll, known, c := w.roll(), w.known(), config(w.naming())
		plan, err := c.Plan(roll, known)
		if err != nil {
			return // an empty company
		}
		before := map[string]directory.Entry{}
		for _, e := range known.Entries {
			before[e.ExternalID] = e
		}
		names := map[string]bool{}
		for _, u := range plan.Users {
			if e := before[u.ExternalID]; unmanaged(u.Roles) != unmanaged(e.Roles) {
				t.Errorf("%s had %q, gets %q", u.ExternalID, unmanaged(e.Roles), unmanaged(u.Roles))
			}
			if e := before[u.ExternalID]; names[u.ExternalID] || e.Workspace != "" && e.Workspace != u.Workspace {
				t.Errorf("%s twice, or another than %s", u.ExternalID, e.Workspace)
			}
			names[u.ExternalID] = true
		}
		for _, d := range plan.Deactivate {
			employed := c.Naming == roster.ByEmployee && slices.ContainsFunc(roll.Accounts, func(a google.Account) bool {
				return a.Employee == d.ExternalID && (a.Suspended || a.Archived)
			}) // the number says who he is, whoever has his address now
			if e := before[d.ExternalID]; !employed && atWork(roll, e, known.Subjects[e.ID]) {
				t.Errorf("%s is deactivated and at work: %s", d.ExternalID, d.Reason)
			}
			if names[d.ExternalID] {
				t.Errorf("%s is changed and deactivated", d.ExternalID)
			}
		}
		for _, r := range plan.Reactivate {
			if before[r.ExternalID].DeactivatedWhy == "fraud" {
				t.Errorf("%s is taken back", r.ExternalID)
			}
		}
	})
}

// scenario is a directory, and what becomes of the company after that.
type scenario struct {
	naming  roster.Naming
	known   roster.Known
	last    []bool // by entry
	signIns []int  // by entry; no login below zero
	rolls   []google.Roll
}

func (w world) scenario() scenario {
	s := scenario{naming: w.naming(), known: w.known(), rolls: []google.Roll{w.roll(), w.roll(), w.roll(), w.roll()}}
	for range s.known.Entries {
		s.last, s.signIns = append(s.last, w.one("last")), append(s.signIns, w.n("subject", 15)-7)
	}
	return s
}

func TestPlanThatWasAppliedIsDone(t *testing.T) {
	t.Parallel()
	scenarios := rapid.Custom(func(t *rapid.T) scenario { return world{t}.scenario() })
	for seed := range 15 {
		s := scenarios.Example(seed)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.Config = config(s.naming)
			s.settle(t, o)
			for _, o.roll = range s.rolls {
				s.step(t, o)
			}
		})
	}
}

// settle puts everybody into the directory.
func (s scenario) settle(t *testing.T, o *office) {
	t.Helper()
	for i, e := range s.known.Entries {
		c, err := o.Directory.PutUser(t.Context(), "csv", directory.User{ExternalID: e.ExternalID, Email: e.Email, Name: e.Name, Roles: e.Roles})
		if err != nil || c.Kind != directory.Added {
			continue // an address is an external id: he is not there
		}
		if s.last[i] {
			o.asks("payment_request", route.Selector{Person: e.ExternalID})
		}
		if subject := s.signIns[i]; subject >= 0 && e.Email != "" {
			_ = o.tryLogin(t, int64(subject)+1001, fmt.Sprint(subject), e.Email) // it may be another person's
		}
	}
}

// step carries a plan out and looks at what it did.
func (s scenario) step(t *testing.T, o *office) {
	t.Helper()
	before := o.entries(t)
	identities, err := o.Directory.Identities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done, err := o.Apply(t.Context())
	if errors.Is(err, roster.ErrEmpty) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if p := o.mustPlan(t); !p.Nothing() {
		t.Fatalf("done\n%s\nstill\n%s", done, p)
	}
	for ext, e := range o.entries(t) {
		b, known := before[ext]
		if known && unmanaged(b.Roles) != unmanaged(e.Roles) {
			t.Errorf("%s had %q, has %q", ext, unmanaged(b.Roles), unmanaged(e.Roles))
		}
		var subjects []string
		for _, i := range identities[e.ID] {
			subjects = append(subjects, i.Subject)
		}
		if b.Active && !e.Active && s.naming != roster.ByEmployee && atWork(o.roll, b, subjects) {
			t.Errorf("%s was deactivated and is at work: %s", ext, e.DeactivatedWhy)
		}
	}
}
