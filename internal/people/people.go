// Package people knows persons and who holds which role.
//
// It owns the meaning of a role and of its scope, and who stands in for whom and when; it
// answers from a value: a Directory is a snapshot that somebody else loaded. It leaves storage, links to
// messengers and sign-in to package directory, and who may vote to approval.
package people

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// ID names a person inside Countersign; it never changes and is never reused.
type ID string

// Person is somebody who may be asked, may ask, or may be told.
type Person struct {
	ID         ID
	ExternalID string // the ERP's own name for the person
	Name       string
	Email      string // lower case
	Roles      []Role
	Locale     string         // BCP 47 tag; empty: not known yet
	Follows    bool           // Locale is what the messenger says, as far as it was heard
	Zone       *time.Location // by whose clock he is told times; nil: that of the house
	Quiet      Quiet          // when he is written to without a sound
	Active     bool           // false: left the company; holds no role, casts no vote
	Telegram   int64          // id of the linked Telegram account; 0: not linked
	Power      Power          // what that account may do
	Frozen     bool           // his account was taken from him until an administrator gives him one again
}

// Power is what a linked account may do yet.
type Power struct {
	Waits  bool      // for an administrator
	From   time.Time // it decides from then on; zero: at once
	Proved time.Time // when the login behind it was last proved; zero: an administrator made the link
}

// The reasons why a linked account may not decide.
var (
	ErrUnconfirmed = errors.New("the link waits for an administrator")
	ErrCoolingOff  = errors.New("the link is too new to decide")
	ErrLoginOld    = errors.New("the login is too old to decide")
)

// Decides says why the account may not decide at a moment, or nothing. A login is good
// for so long a life; 0: for ever.
func (p Power) Decides(at time.Time, life time.Duration) error {
	switch {
	case p.Waits:
		return ErrUnconfirmed
	case at.Before(p.From):
		return ErrCoolingOff
	case life > 0 && !p.Proved.IsZero() && at.Sub(p.Proved) >= life:
		return ErrLoginOld
	default:
		return nil
	}
}

// Role is a role as it is given to a person, for everything or for one scope.
// Its text form is "treasurer" or "treasurer@LLC-A".
type Role struct {
	Name  string
	Scope string // a company, a cost center or whatever a route step looks at; empty: everywhere
}

// ParseRole reads the text form of a role.
func ParseRole(text string) Role {
	name, scope, _ := strings.Cut(strings.TrimSpace(text), "@")
	return Role{Name: strings.TrimSpace(name), Scope: strings.TrimSpace(scope)}
}

// String gives the text form of the role.
func (r Role) String() string {
	if r.Scope == "" {
		return r.Name
	}
	return r.Name + "@" + r.Scope
}

// Linked reports whether the person can be reached in the messenger.
func (p Person) Linked() bool { return p.Telegram != 0 }

// Holds reports whether the person was given exactly this role in exactly this scope.
func (p Person) Holds(r Role) bool { return p.Active && slices.Contains(p.Roles, r) }

// Called reports whether the words an ERP uses can mean this person: the external id
// or the mail address, in whatever case. Other than Find it does not mind that they mean
// somebody else too: in doubt a person is a party of a document.
func (p Person) Called(ref string) bool {
	w := word(ref)
	return w != "" && (w == word(p.ExternalID) || w == word(p.Email))
}

func word(ref string) string { return strings.ToLower(strings.TrimSpace(ref)) }

// Directory is a snapshot of everybody. The zero value knows nobody.
type Directory struct {
	byID       map[ID]Person
	byExternal map[string]ID
	byEmail    map[string]ID
	byTelegram map[int64]ID
	byRole     map[Role][]ID
	byWord     map[string][]ID // all whom a word can mean
	standing   standing
}

// NewDirectory makes a snapshot of the persons given. Where two persons share an
// external id, a mail address or a Telegram account, neither is found by it:
// an ambiguous name must not decide who is asked.
func NewDirectory(persons []Person) Directory {
	d := Directory{
		byID:       make(map[ID]Person, len(persons)),
		byExternal: map[string]ID{},
		byEmail:    map[string]ID{},
		byTelegram: map[int64]ID{},
		byRole:     map[Role][]ID{},
		byWord:     map[string][]ID{},
	}
	for _, p := range persons {
		d.byID[p.ID] = p
		index(d.byExternal, p.ExternalID, p.ID)
		index(d.byEmail, strings.ToLower(p.Email), p.ID)
		index(d.byTelegram, p.Telegram, p.ID)
		id, mail := word(p.ExternalID), word(p.Email)
		if id != "" {
			d.byWord[id] = append(d.byWord[id], p.ID)
		}
		if mail != "" && mail != id {
			d.byWord[mail] = append(d.byWord[mail], p.ID)
		}
		if !p.Active {
			continue
		}
		for _, r := range p.Roles {
			d.byRole[r] = append(d.byRole[r], p.ID)
		}
	}
	for _, ids := range d.byRole {
		slices.Sort(ids)
	}
	return d
}

// index remembers the owner of a key; a second owner makes the key nobody's.
func index[K comparable](m map[K]ID, key K, id ID) {
	var zero K
	if key == zero {
		return
	}
	if _, taken := m[key]; taken {
		m[key] = ""
		return
	}
	m[key] = id
}

// Person finds a person by id.
func (d Directory) Person(id ID) (Person, bool) {
	p, ok := d.byID[id]
	return p, ok
}

// Find finds a person by the words an ERP uses: external id first, then mail address.
func (d Directory) Find(ref string) (Person, bool) {
	ref = strings.TrimSpace(ref)
	if id := d.byExternal[ref]; ref != "" && id != "" {
		return d.Person(id)
	}
	if id := d.byEmail[strings.ToLower(ref)]; ref != "" && id != "" {
		return d.Person(id)
	}
	return Person{}, false
}

// Meant lists everybody whom the words of an ERP can mean, by Person.Called.
func (d Directory) Meant(ref string) []ID { return slices.Clone(d.byWord[word(ref)]) }

// ByTelegram finds the active person whose linked Telegram account has this id.
func (d Directory) ByTelegram(account int64) (Person, bool) {
	id := d.byTelegram[account]
	if account == 0 || id == "" {
		return Person{}, false
	}
	p, ok := d.Person(id)
	return p, ok && p.Active
}

// InRole lists the active persons who hold the role for the scope, ordered by id.
// A role given for the scope itself is nearer than one given for everything:
// those who hold it everywhere are asked only where nobody holds it in particular.
func (d Directory) InRole(name, scope string) []Person {
	ids := d.byRole[Role{Name: name, Scope: scope}]
	if len(ids) == 0 {
		ids = d.byRole[Role{Name: name}]
	}
	out := make([]Person, 0, len(ids))
	for _, id := range slices.Compact(slices.Clone(ids)) {
		out = append(out, d.byID[id])
	}
	return out
}

// Without is the directory as it would be without a person.
func (d Directory) Without(id ID) Directory {
	rest := make([]Person, 0, len(d.byID))
	for _, p := range d.byID {
		if p.ID != id {
			rest = append(rest, p)
		}
	}
	out := NewDirectory(rest)
	out.standing = d.standing
	return out
}

// Len is the number of persons known.
func (d Directory) Len() int { return len(d.byID) }

// WithRole lists the active persons who hold the role in any scope, ordered by id.
func (d Directory) WithRole(name string) []Person {
	var out []Person
	for _, p := range d.byID {
		if p.Active && slices.ContainsFunc(p.Roles, func(r Role) bool { return r.Name == name }) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Person) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out
}
