package people

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/money"
)

// DelegationID numbers a delegation; people speak of it by that number.
type DelegationID int64

// MostHands is through how many hands a right may go at most.
const MostHands = 3

// Delegation lets a deputy decide beside somebody and for him, from one moment until
// another. Whoever of the two votes first, wins.
type Delegation struct {
	ID        DelegationID
	Principal ID // whose right it is
	Deputy    ID
	Scope     Scope
	From      time.Time
	Until     time.Time // from then on it is over
	Hands     int       // through how many hands the right may go, this deputy's being the first
}

// Scope bounds what may be decided; what is empty bounds nothing.
type Scope struct {
	Role    string
	Type    string // of document
	Company string
	UpTo    *money.Amount // inclusive; nothing in another currency
}

// Matter is what is to be decided, as far as delegations look at it.
type Matter struct {
	Role    string // for which the principal is asked; empty: for another reason
	Type    string
	Company string
	Amount  money.Amount
}

// Covers reports whether the matter is within the scope.
func (s Scope) Covers(m Matter) bool {
	within := func(bound, value string) bool { return bound == "" || bound == value }
	return within(s.Role, m.Role) && within(s.Type, m.Type) && within(s.Company, m.Company) &&
		(s.UpTo == nil || s.UpTo.Currency == m.Amount.Currency && m.Amount.Minor <= s.UpTo.Minor)
}

// Holds reports whether the delegation is in force at a moment.
func (d Delegation) Holds(at time.Time) bool { return !at.Before(d.From) && at.Before(d.Until) }

// Deputy is somebody who may decide for another.
type Deputy struct {
	Person ID
	By     []DelegationID // from the principal on
}

// Absence says that somebody is away, from one moment until another.
type Absence struct {
	ID     int64
	Person ID
	From   time.Time
	Until  time.Time
}

// standing is who stands in for whom, and who is away.
type standing struct {
	byID        map[DelegationID]Delegation
	byPrincipal map[ID][]Delegation // ordered by number
	away        map[ID][]Absence
}

// With is the directory with these delegations and absences instead of those it had.
func (d Directory) With(delegations []Delegation, absences []Absence) Directory {
	s := standing{byID: map[DelegationID]Delegation{}, byPrincipal: map[ID][]Delegation{}, away: map[ID][]Absence{}}
	for _, one := range delegations {
		s.byID[one.ID] = one
		s.byPrincipal[one.Principal] = append(s.byPrincipal[one.Principal], one)
	}
	for _, of := range s.byPrincipal {
		slices.SortFunc(of, func(a, b Delegation) int { return int(a.ID - b.ID) })
	}
	for _, a := range absences {
		s.away[a.Person] = append(s.away[a.Person], a)
	}
	d.standing = s
	return d
}

// Delegation finds a delegation that is in force, will be, or has just ended.
func (d Directory) Delegation(id DelegationID) (Delegation, bool) {
	one, ok := d.standing.byID[id]
	return one, ok
}

// DelegationsOf lists what somebody gave away, ordered by number.
func (d Directory) DelegationsOf(principal ID) []Delegation {
	return slices.Clone(d.standing.byPrincipal[principal])
}

// Away tells whether somebody is away at a moment; of several absences, the one that ends
// last.
func (d Directory) Away(id ID, at time.Time) (Absence, bool) {
	var out Absence
	for _, a := range d.standing.away[id] {
		if !at.Before(a.From) && at.Before(a.Until) && a.Until.After(out.Until) {
			out = a
		}
	}
	return out, !out.Until.IsZero()
}

// Deputies lists who may decide a matter for somebody, the nearest first. A right goes on
// only through hands that may decide themselves.
func (d Directory) Deputies(principal ID, m Matter, at time.Time, may func(ID) bool) []Deputy {
	type hand struct {
		Deputy

		left int // how many hands may follow
	}
	var out []Deputy
	reach := []hand{{Deputy{Person: principal}, MostHands}}
	for range MostHands {
		var next []hand
		for _, h := range reach {
			for _, one := range d.standing.byPrincipal[h.Person] {
				left := min(h.left, one.Hands) - 1
				if left < 0 || one.Deputy == principal || !one.Holds(at) || !one.Scope.Covers(m) || !may(one.Deputy) {
					continue
				}
				next = append(next, hand{Deputy{one.Deputy, append(slices.Clone(h.By), one.ID)}, left})
			}
		}
		for _, h := range next {
			if !slices.ContainsFunc(out, func(o Deputy) bool { return o.Person == h.Person }) {
				out = append(out, h.Deputy)
			}
		}
		reach = next
	}
	return out
}

// Stands reports whether a deputy may still decide a matter by these delegations.
func (d Directory) Stands(principal ID, by Deputy, m Matter, at time.Time) bool {
	holder, left := principal, MostHands
	for _, id := range by.By {
		one, ok := d.standing.byID[id]
		if left = min(left, one.Hands) - 1; !ok || left < 0 || one.Principal != holder || !one.Holds(at) || !one.Scope.Covers(m) {
			return false
		}
		holder = one.Deputy
	}
	return len(by.By) > 0 && holder == by.Person
}

// Circular reports whether a delegation would lead back to whoever gives it: others that
// are in force while it is, lead from the deputy to him.
func (d Directory) Circular(n Delegation) bool {
	seen := map[ID]bool{}
	var leads func(from ID) bool
	leads = func(from ID) bool {
		if from == n.Principal {
			return true
		}
		if seen[from] {
			return false
		}
		seen[from] = true
		return slices.ContainsFunc(d.standing.byPrincipal[from], func(one Delegation) bool {
			return one.ID != n.ID && one.From.Before(n.Until) && n.From.Before(one.Until) && leads(one.Deputy)
		})
	}
	return leads(n.Deputy)
}

// Named lists the active persons of whom somebody thinks when he writes a name: each word
// begins a word of the name, or it is the external id or the mail address. At most so many,
// ordered by name.
func (d Directory) Named(text string, most int) []Person {
	words := strings.Fields(strings.ToLower(text))
	var out []Person
	for _, p := range d.byID {
		if p.Active && len(words) > 0 && (p.Called(text) || begins(p.Name, words)) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Person) int {
		return strings.Compare(a.Name+"\x00"+string(a.ID), b.Name+"\x00"+string(b.ID))
	})
	return out[:min(most, len(out))]
}

func begins(name string, words []string) bool {
	parts := strings.Fields(strings.ToLower(name))
	return !slices.ContainsFunc(words, func(w string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, w) })
	})
}
