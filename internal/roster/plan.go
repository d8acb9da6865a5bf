package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/people"
)

// Why the sync deactivates somebody. The same words, found in the directory, say that it
// was the sync, so that it may take the person back.
const (
	Suspended = "suspended in Google Workspace"
	Archived  = "archived in Google Workspace"
	Gone      = "gone from Google Workspace"
)

// ErrEmpty comes back when the company has no account of its domains: nothing is done.
var ErrEmpty = errors.New("google workspace has no account in the domains of the sync: nothing was done")

// Known is what our directory knows.
type Known struct {
	Entries  []directory.Entry
	Subjects map[people.ID][]string // live accounts at Google, by person
	Brought  []string               // external ids that the sync wrote before
}

// Person is somebody whom the plan speaks of.
type Person struct {
	ID         people.ID
	ExternalID string
	Name       string
	Reason     string   // why deactivated
	Linked     bool     // a Telegram account
	Routes     []string // where he is the last one, if he is held back
	Named      []string // where routes still name him, if he is not
}

// Conflict is an account that is left alone, and why.
type Conflict struct {
	Account string // address
	Text    string
}

// Plan is what there is to do.
type Plan struct {
	Users      []directory.User // those who are new or other than they were
	Diff       directory.Diff   // what storing them does; a Sync fills it in
	Lost       []Loss           // roles that it takes; likewise
	Deactivate []Person
	Reactivate []Person
	Held       []Person // who would be deactivated, were they not the last of a role in Routes; a Sync finds them
	Conflicts  []Conflict
	Strangers  []Person // have an address in the domains and no account, and nothing shows that they ever had one
	Of         int      // active people known to the sync
}

// Nothing tells whether there is nothing to do. Conflicts and those who are held back and
// no longer linked wait for people.
func (p Plan) Nothing() bool {
	return len(p.Users)+len(p.Deactivate)+len(p.Reactivate) == 0 && !slices.ContainsFunc(p.Held, func(h Person) bool { return h.Linked })
}

// refuse is the error when more would leave than may. Those held back before, who lost
// their links then, are not counted anew.
func (c Config) refuse(p Plan) error {
	would := len(p.Deactivate)
	for _, h := range p.Held {
		if h.Linked {
			would++
		}
	}
	return Rule{Limit: c.Limit}.tooMany("", would, p.Of)
}

// Plan compares the company with our directory. It is pure. With the error for too many
// the plan is given too, to be looked at.
func (c Config) Plan(roll google.Roll, known Known) (Plan, error) {
	plan, err := c.compare(roll, known)
	if err != nil {
		return Plan{}, err
	}
	return plan, c.refuse(plan)
}

func (c Config) compare(roll google.Roll, known Known) (Plan, error) {
	if err := c.Check(); err != nil {
		return Plan{}, err
	}
	if !slices.ContainsFunc(roll.Accounts, func(a google.Account) bool { return c.within(a.Addresses()...) }) {
		return Plan{}, ErrEmpty
	}
	p := planner{Config: c, roll: roll, Known: known, managed: c.managed(), brought: map[string]bool{}, present: map[people.ID]bool{}}
	for _, id := range known.Brought {
		p.brought[id] = true
	}
	for _, f := range p.match() {
		p.decide(f)
	}
	p.names()
	p.rest()
	p.settle()
	return p.plan, nil
}

// planner is a plan in the making.
type planner struct {
	Config
	Known

	roll    google.Roll
	managed []people.Role
	brought map[string]bool
	present map[people.ID]bool // in the roll, by whatever shows it
	fresh   []directory.User
	plan    Plan
}

func (p *planner) conflict(a google.Account, format string, args ...any) {
	p.plan.Conflicts = append(p.plan.Conflicts, Conflict{a.Email, fmt.Sprintf(format, args...)})
}

// decide settles what becomes of an account and of the person it was found to be.
func (p *planner) decide(f match) {
	a, e := f.account, f.entry
	leaves := a.Suspended || a.Archived
	if e == nil {
		if !leaves && !p.OnlyKnown && p.within(a.Addresses()...) {
			p.add(a)
		}
		return
	}
	p.present[e.ID] = true
	if !p.within(append(a.Addresses(), e.Email)...) {
		return
	}
	if e.Active {
		p.plan.Of++
	}
	switch {
	case leaves && e.Active && a.Suspended:
		p.leave(e, Suspended)
	case leaves && e.Active:
		p.leave(e, Archived)
	case leaves:
	case e.Active || ours(*e) && f.proved:
		p.change(a, e)
	case ours(*e): // the address may have been given to somebody else since
		p.conflict(a, "%s was %s; nothing proves that it is the same person: reactivate by hand", shown(e.ExternalID), e.DeactivatedWhy)
	default:
		p.conflict(a, "%s was deactivated by hand and stays so", shown(e.ExternalID))
	}
}

func ours(e directory.Entry) bool {
	return slices.Contains([]string{Suspended, Archived, Gone}, e.DeactivatedWhy)
}

func person(e *directory.Entry, reason string) Person {
	return Person{ID: e.ID, ExternalID: e.ExternalID, Name: e.Name, Reason: reason, Linked: e.Linked()}
}

func (p *planner) leave(e *directory.Entry, reason string) {
	p.plan.Deactivate = append(p.plan.Deactivate, person(e, reason))
}

func (p *planner) add(a google.Account) {
	u := directory.User{ExternalID: p.name(a), Email: a.Email, Name: a.Name, Locale: locale(a.Language), Workspace: a.ID, Roles: tidy(p.given(p.roll, a.ID))}
	if u.Name == "" {
		u.Name = a.Email
	}
	if u.ExternalID == "" {
		p.conflict(a, "there is no employee number, hence no external id")
		return
	}
	p.fresh = append(p.fresh, u)
}

// change brings a person's data to what the company says. The language that he has stays.
func (p *planner) change(a google.Account, e *directory.Entry) {
	u := directory.User{ExternalID: e.ExternalID, Email: a.Email, Name: a.Name, Locale: e.Locale, Workspace: a.ID}
	if u.Name == "" {
		u.Name = e.Name
	}
	if u.Locale == "" {
		u.Locale = locale(a.Language)
	}
	for _, r := range e.Roles {
		if !slices.Contains(p.managed, r) {
			u.Roles = append(u.Roles, r)
		}
	}
	u.Roles = tidy(append(u.Roles, p.given(p.roll, a.ID)...))
	if u.Workspace != e.Workspace || u.Name != e.Name || u.Email != e.Email || u.Locale != e.Locale || !slices.Equal(u.Roles, tidy(slices.Clone(e.Roles))) {
		p.plan.Users = append(p.plan.Users, u)
	}
	if !e.Active {
		p.plan.Reactivate = append(p.plan.Reactivate, person(e, e.DeactivatedWhy))
	}
}

// names lets in those who are new and whose external id is nobody else's.
func (p *planner) names() {
	taken := map[string]int{}
	for _, e := range p.Entries {
		taken[e.ExternalID]++
	}
	for _, u := range p.fresh {
		taken[u.ExternalID]++
	}
	for _, u := range p.fresh {
		if taken[u.ExternalID] > 1 {
			p.conflict(google.Account{Email: u.Email}, "the external id %s is taken", shown(u.ExternalID))
			continue
		}
		p.plan.Users = append(p.plan.Users, u)
	}
}

// rest looks at those who have an address in the domains and no account.
func (p *planner) rest() {
	addresses := map[string]bool{}
	for _, a := range p.roll.Accounts {
		for _, address := range a.Addresses() {
			addresses[address] = true
		}
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		switch {
		case !e.Active || p.present[e.ID] || !p.within(e.Email) && (e.Email != "" || e.Workspace == ""):
		case addresses[e.Email]:
			p.conflict(google.Account{Email: e.Email}, "the account is proved to be somebody else than %s, who has its address", shown(e.ExternalID))
		case e.Workspace != "" || len(p.Subjects[e.ID]) > 0 || p.brought[e.ExternalID]:
			p.plan.Of++
			p.leave(e, Gone)
		default:
			p.plan.Strangers = append(p.plan.Strangers, person(e, ""))
		}
	}
}

// settle puts everything in an order that does not depend on Google's.
func (p *planner) settle() {
	by := func(a, b Person) int { return strings.Compare(a.ExternalID, b.ExternalID) }
	slices.SortFunc(p.plan.Users, func(a, b directory.User) int { return strings.Compare(a.ExternalID, b.ExternalID) })
	slices.SortFunc(p.plan.Deactivate, by)
	slices.SortFunc(p.plan.Reactivate, by)
	slices.SortFunc(p.plan.Strangers, by)
	slices.SortStableFunc(p.plan.Conflicts, func(a, b Conflict) int { return strings.Compare(a.Account, b.Account) })
}

// tidy sorts roles and leaves each once.
func tidy(roles []people.Role) []people.Role {
	slices.SortFunc(roles, func(a, b people.Role) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Scope, b.Scope)
	})
	return slices.Compact(roles)
}

// locale is a language of Google's as a tag, or nothing where it is none.
func locale(language string) string {
	tag := strings.ReplaceAll(language, "_", "-")
	parts := strings.Split(tag, "-")
	if n := len(parts[0]); n < 2 || n > 3 || strings.Trim(parts[0], "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	for _, part := range parts[1:] {
		if n := len(part); n < 2 || n > 8 || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return ""
		}
	}
	return tag
}

// shown quotes a text from outside, cut so that it cannot flood a report.
func shown(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
