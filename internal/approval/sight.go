package approval

import (
	"slices"

	"countersign/internal/document"
	"countersign/internal/people"
)

// Asked lists everybody who was ever asked about the case, in any round.
func (c *Case) Asked() []people.ID {
	var out []people.ID
	for _, s := range c.Slots {
		if !slices.Contains(out, s.Person) {
			out = append(out, s.Person)
		}
	}
	return out
}

// Sees reports whether a person may see what a document says: whoever was ever asked
// about it, whose request it is, and on whose behalf. Nobody else, whatever his role: who
// may look after the gateway has no business with payments. Whoever left sees nothing; a
// new link sees before it decides.
func Sees(p people.Person, d document.Document, asked []people.ID, dir people.Directory) bool {
	if !p.Active || p.ID == "" {
		return false
	}
	if slices.Contains(asked, p.ID) {
		return true
	}
	for _, ref := range []string{d.Requester, d.OnBehalfOf} {
		if who, ok := dir.Find(ref); ok && who.ID == p.ID {
			return true
		}
	}
	return false
}

// Party lists who takes part in a case that is still to be decided: the requester, who has
// decided in this round, and who is asked. Whoever was spared a decision is left in peace.
func Party(c *Case, d document.Document, dir people.Directory) []people.ID {
	if !c.State.Open() {
		return nil
	}
	var out []people.ID
	add := func(p people.Person, known bool) {
		if known && p.Active && !slices.Contains(out, p.ID) {
			out = append(out, p.ID)
		}
	}
	add(dir.Find(d.Requester))
	for _, s := range c.Slots {
		if s.Round == c.Round && (s.State == SlotOpen || s.State == SlotVoted) {
			add(dir.Person(s.Person))
		}
	}
	return out
}
