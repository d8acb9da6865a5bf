package directory

import (
	"fmt"
	"slices"
	"strings"

	"countersign/internal/people"
)

// Kind says what an import does to one person.
type Kind string

// The kinds of change.
const (
	Added     Kind = "added"
	Changed   Kind = "changed"
	Unchanged Kind = "unchanged"
)

// FieldChange is one field that is not as it was.
type FieldChange struct {
	Field string
	Old   string
	New   string
}

// Change is what happens to one person.
type Change struct {
	ExternalID string
	Line       int
	Kind       Kind
	Fields     []FieldChange // of an added person: what is not empty
	Inactive   bool          // the person has left; the data are kept, no link is made
	Frozen     bool          // the person is frozen; no link is made until that is lifted
}

// Diff is what an import did, or would do.
type Diff struct {
	Added     []Change
	Changed   []Change
	Unchanged []Change
}

// move is the change of one person with what is needed to store it.
type move struct {
	change Change
	before Entry // zero for somebody new
	user   User
	relink bool
}

// plan compares users with those near them in the store. It is pure: it reads nothing
// and decides everything, so that all that is wrong is found at once.
// What was found wrong before goes into the same list.
func plan(users []User, near []Entry, found problems) ([]move, error) {
	p := planner{
		found:   found,
		known:   make(map[string]Entry, len(near)),
		lines:   make(map[string]User, len(users)),
		mail:    map[string]string{},
		words:   map[string][]string{},
		account: map[int64]string{},
		company: map[string]string{},
	}
	for _, e := range near {
		p.known[e.ExternalID] = e
	}
	for _, u := range users {
		p.enter(u)
	}
	p.occupy(near)
	moves := make([]move, 0, len(users))
	for _, u := range users {
		p.compare(u)
		moves = append(moves, p.move(u))
	}
	return moves, p.found.err()
}

type planner struct {
	found   problems
	known   map[string]Entry
	lines   map[string]User     // by external id: the first row that names it
	mail    map[string]string   // address -> external id, as things will be
	words   map[string][]string // external id in lower case -> external ids
	account map[int64]string    // Telegram account -> external id, as things are, then as the rows claim
	company map[string]string   // account in Google Workspace -> external id, likewise
}

func (p *planner) enter(u User) {
	if first, again := p.lines[u.ExternalID]; again {
		p.found.add(u, "external_id", fmt.Sprintf("external_id %s occurs twice%s", shown(u.ExternalID), where(first)))
		return
	}
	p.lines[u.ExternalID] = u
}

// occupy notes the names that those keep whom no row speaks of, and the accounts that
// are linked now: a row may not take an account over, not even from another row.
func (p *planner) occupy(near []Entry) {
	for _, e := range near {
		low := strings.ToLower(e.ExternalID)
		p.words[low] = append(p.words[low], e.ExternalID)
		if e.Telegram != 0 {
			p.account[e.Telegram] = e.ExternalID
		}
		if e.Workspace != "" {
			p.company[e.Workspace] = e.ExternalID
		}
		if _, spoken := p.lines[e.ExternalID]; !spoken && e.Email != "" {
			p.mail[e.Email] = e.ExternalID
		}
	}
	for id := range p.lines {
		if low := strings.ToLower(id); !slices.Contains(p.words[low], id) {
			p.words[low] = append(p.words[low], id)
		}
	}
}

// compare finds what is wrong with a user beside the others.
func (p *planner) compare(u User) {
	if u.Email != "" {
		p.compareEmail(u)
	}
	if owner, ok := p.mail[strings.ToLower(u.ExternalID)]; ok && owner != u.ExternalID {
		p.found.add(u, "external_id", fmt.Sprintf("external_id %s is the mail address of %s%s: a document that names it would mean either",
			shown(u.ExternalID), shown(owner), where(p.lines[owner])))
	}
	if u.Workspace != "" {
		p.compareWorkspace(u)
	}
	if u.Telegram == 0 {
		return
	}
	owner, ok := p.account[u.Telegram]
	if !ok {
		p.account[u.Telegram] = u.ExternalID
		return
	}
	if owner == u.ExternalID {
		return
	}
	if p.known[owner].Telegram == u.Telegram {
		p.found.add(u, "telegram_id", fmt.Sprintf("telegram_id %d is linked to %s; unlink it first", u.Telegram, shown(owner)))
		return
	}
	p.found.add(u, "telegram_id", fmt.Sprintf("telegram_id %d is also claimed for %s%s", u.Telegram, shown(owner), where(p.lines[owner])))
}

func (p *planner) compareEmail(u User) {
	if owner, ok := p.mail[u.Email]; ok && owner != u.ExternalID {
		left := ""
		if e, known := p.known[owner]; known && !e.Active {
			left = ", who has left"
		}
		p.found.add(u, "email", fmt.Sprintf("email %s belongs to %s%s%s", u.Email, shown(owner), left, where(p.lines[owner])))
		return
	}
	p.mail[u.Email] = u.ExternalID
	for _, other := range p.words[u.Email] {
		if other != u.ExternalID {
			p.found.add(u, "email", fmt.Sprintf("email %s is the external_id of %s%s: a document that names it would mean either",
				u.Email, shown(other), where(p.lines[other])))
		}
	}
}

// compareWorkspace lets nobody become another account, nor two persons one.
func (p *planner) compareWorkspace(u User) {
	if known := p.known[u.ExternalID].Workspace; known != "" && known != u.Workspace {
		p.found.add(u, "workspace_id", fmt.Sprintf("workspace_id %s: %s is known as account %s; detach it first if it is the same person",
			shown(u.Workspace), shown(u.ExternalID), shown(known)))
	}
	owner, taken := p.company[u.Workspace]
	if !taken {
		p.company[u.Workspace] = u.ExternalID
	} else if owner != u.ExternalID {
		p.found.add(u, "workspace_id", fmt.Sprintf("workspace_id %s is the account of %s%s", shown(u.Workspace), shown(owner), where(p.lines[owner])))
	}
}

func where(u User) string {
	if u.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", u.Line)
}

// move tells what storing the user changes.
func (p *planner) move(u User) move {
	before, known := p.known[u.ExternalID]
	m := move{user: u, before: before, change: Change{ExternalID: u.ExternalID, Line: u.Line, Kind: Added}}
	if known {
		m.change.Kind, m.change.Inactive = Unchanged, !before.Active
	}
	m.field("name", before.Name, u.Name)
	m.field("email", before.Email, u.Email)
	m.field("locale", before.Locale, u.Locale)
	m.field("roles", roleText(before.Roles), roleText(u.Roles))
	if u.Workspace != "" {
		m.field("workspace_id", before.Workspace, u.Workspace)
	}
	m.change.Frozen = !before.FrozenAt.IsZero()
	if u.Telegram != 0 && u.Telegram != before.Telegram && !m.change.Inactive && !m.change.Frozen {
		m.relink = true
		m.field("telegram_id", number(before.Telegram), number(u.Telegram))
	}
	if known && len(m.change.Fields) > 0 {
		m.change.Kind = Changed
	}
	return m
}

func (m *move) field(name, before, after string) {
	if before != after {
		m.change.Fields = append(m.change.Fields, FieldChange{name, before, after})
	}
}

func (m *move) touches(field string) bool {
	return slices.ContainsFunc(m.change.Fields, func(f FieldChange) bool { return f.Field == field })
}

func roleText(roles []people.Role) string { return strings.Join(roleTexts(roles), "|") }

func roleTexts(roles []people.Role) []string {
	texts := make([]string, len(roles))
	for i, r := range roles {
		texts[i] = r.String()
	}
	return texts
}

func number(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprint(id)
}

func diff(moves []move) Diff {
	var d Diff
	for _, m := range moves {
		switch m.change.Kind {
		case Added:
			d.Added = append(d.Added, m.change)
		case Changed:
			d.Changed = append(d.Changed, m.change)
		case Unchanged:
			d.Unchanged = append(d.Unchanged, m.change)
		}
	}
	return d
}
