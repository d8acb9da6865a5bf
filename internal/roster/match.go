package roster

import (
	"slices"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/people"
)

// match is an account with the person that it is; nobody yet when nil.
type match struct {
	account google.Account
	entry   *directory.Entry
	proved  bool // by more than an address
}

// claim is an account that may be somebody.
type claim struct {
	account google.Account
	persons []*directory.Entry
}

// match finds who is who. What proves it goes first: the account that the person is known
// as, the one by which he signed in, and the employee number where it is the external id.
// What is left goes by address, or by an external id made of it. Whoever is found twice, or
// claimed twice, is a conflict and left alone: present, and not changed.
func (p *planner) match() []match {
	by := p.index()
	var proved, claims []claim
	taken := map[people.ID]bool{}
	for _, a := range p.single(by) {
		strong := by.strong(p.Config, a)
		if len(strong) == 0 {
			claims = append(claims, claim{account: a})
			continue
		}
		proved = append(proved, claim{a, strong})
		for _, e := range strong {
			taken[e.ID] = true
		}
	}
	for i, c := range claims {
		for _, e := range unique(by.weak(p.Config, c.account)) {
			if !taken[e.ID] {
				claims[i].persons = append(claims[i].persons, e)
			}
		}
	}
	sure := p.sift(proved)
	for i := range sure {
		sure[i].proved = true
	}
	return append(sure, p.sift(p.believable(claims))...)
}

// single leaves the accounts whose addresses are nobody else's.
func (p *planner) single(by entries) []google.Account {
	owners := map[string]int{}
	for _, a := range p.roll.Accounts {
		for _, address := range a.Addresses() {
			owners[address]++
		}
	}
	var out []google.Account
	for _, a := range p.roll.Accounts {
		if !slices.ContainsFunc(a.Addresses(), func(address string) bool { return owners[address] > 1 }) {
			out = append(out, a)
			continue
		}
		for _, e := range append(by.strong(p.Config, a), by.weak(p.Config, a)...) {
			p.present[e.ID] = true
		}
		p.conflict(a, "one of its addresses belongs to another account too")
	}
	return out
}

// believable leaves those claims by address that nothing speaks against.
func (p *planner) believable(claims []claim) []claim {
	var out []claim
	for _, c := range claims {
		a, against := c.account, ""
		for _, e := range c.persons {
			switch {
			case e.Workspace != "":
				against = "belongs to %s, who is another account of the company; detach him if it is the same person"
			case len(p.Subjects[e.ID]) > 0:
				against = "belongs to %s, who signed in with another account; forget that identity if it is the same person"
			case p.Naming == ByEmployee && a.Employee != "":
				against = "belongs to %s, whose employee number is another"
			case e.Email != "" && !slices.Contains(a.Addresses(), e.Email):
				against = "gives the external id %s, of somebody with another address"
			}
			if against != "" {
				p.conflict(a, "the address "+against, shown(e.ExternalID))
				break
			}
		}
		if against == "" {
			out = append(out, c)
			continue
		}
		for _, e := range c.persons {
			p.present[e.ID] = true
		}
	}
	return out
}

// sift leaves those claims that are clear.
func (p *planner) sift(claims []claim) []match {
	times := map[people.ID]int{}
	for _, c := range claims {
		for _, e := range c.persons {
			times[e.ID]++
			p.present[e.ID] = true
		}
	}
	var out []match
	for _, c := range claims {
		twice := slices.ContainsFunc(c.persons, func(e *directory.Entry) bool { return times[e.ID] > 1 })
		another := slices.IndexFunc(c.persons, func(e *directory.Entry) bool { return e.Workspace != "" && e.Workspace != c.account.ID })
		switch {
		case another >= 0:
			p.conflict(c.account, "it is found as %s, who is another account of the company; detach him if it is the same person", shown(c.persons[another].ExternalID))
		case len(c.persons) > 1:
			p.conflict(c.account, "it is both %s and %s", shown(c.persons[0].ExternalID), shown(c.persons[1].ExternalID))
		case twice:
			p.conflict(c.account, "it is %s, and so is another account", shown(c.persons[0].ExternalID))
		case len(c.persons) == 1:
			out = append(out, match{account: c.account, entry: c.persons[0]})
		default:
			out = append(out, match{account: c.account})
		}
	}
	return out
}

// entries are people by what they may be found by. An address and an external id are one
// person's alone, so each list has one entry at most.
type entries struct {
	company, subject, external, email map[string][]*directory.Entry
}

func (p *planner) index() entries {
	by := entries{map[string][]*directory.Entry{}, map[string][]*directory.Entry{}, map[string][]*directory.Entry{}, map[string][]*directory.Entry{}}
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.Workspace != "" {
			by.company[e.Workspace] = append(by.company[e.Workspace], e)
		}
		for _, subject := range p.Subjects[e.ID] {
			by.subject[subject] = append(by.subject[subject], e)
		}
		by.external[e.ExternalID] = append(by.external[e.ExternalID], e)
		if e.Email != "" {
			by.email[e.Email] = append(by.email[e.Email], e)
		}
	}
	return by
}

// strong are those who are proved to be the account's owner.
func (by entries) strong(c Config, a google.Account) []*directory.Entry {
	out := slices.Concat(by.company[a.ID], by.subject[a.ID])
	if c.Naming == ByEmployee && a.Employee != "" {
		out = append(out, by.external[a.Employee]...)
	}
	return unique(out)
}

// weak are those who have one of the addresses, and who has the external id that the
// address makes.
func (by entries) weak(c Config, a google.Account) []*directory.Entry {
	var out []*directory.Entry
	for _, address := range a.Addresses() {
		out = append(out, by.email[address]...)
	}
	if c.Naming != ByEmployee && c.within(a.Addresses()...) {
		out = append(out, by.external[c.name(a)]...)
	}
	return out
}

func unique(found []*directory.Entry) []*directory.Entry {
	var out []*directory.Entry
	for _, e := range found {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}
