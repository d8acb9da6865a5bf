package audiodesk

import "countersign/internal/people"

// right is what somebody may do with a room; each includes the lesser.
type right int

// The rights.
const (
	none   right = iota
	knows        // of the room, by its number: he may try the PIN
	sees         // who is in it
	enters       // has himself called into it
	leads        // mutes, takes out, locks and closes
)

// notYet is what somebody is told whose account may not act yet.
const notYet = "meet.call.not_yet"

// trusts reports whether an account may act for its person: nobody sees his rooms, or is called
// in his name, who only has got hold of his login.
func (d *Desk) trusts(p people.Person) bool { return p.Power.Decides(d.Now(), 0) == nil }

// rightIn is what a person may do in a room. Of the rooms of documents nobody knows but those
// whose documents they are: their names tell what those are about.
func rightIn(r Room, p people.Person, letIn bool) right {
	administers := p.Holds(people.Role{Name: Administrator})
	switch {
	case r.Kind != Public && r.Kind != Outside && r.Maker == p.ID:
		return leads
	case r.Kind == OfCase && letIn:
		return enters
	case r.Kind == OfCase:
		return none
	case administers && (r.Kind != Private || letIn):
		return leads
	case r.Kind == Public, letIn:
		return enters
	case administers:
		return sees
	case r.Kind == Private:
		return knows
	default:
		return none
	}
}
