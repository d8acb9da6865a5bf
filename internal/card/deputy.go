package card

import (
	"countersign/internal/approval"
	"countersign/internal/people"
)

// named is who a slot asks, and for whom where he is a deputy.
func (p page) named(s approval.Slot) string {
	name := p.name(s.Person)
	if s.For == "" {
		return name
	}
	return p.t("card.for", map[string]any{"Name": name, "Principal": p.name(s.For)})
}

// deputy tells somebody for whom he is asked, and by which delegation.
func (p page) deputy() []line {
	s, ok := p.slot(p.spot)
	if !ok || s.For == "" {
		return nil
	}
	last := s.By[len(s.By)-1]
	return []line{words(p.t("card.deputy", map[string]any{"Principal": p.name(s.For), "Delegation": int64(last)})).bold()}
}

// filled finds the vote that took the seat of a slot.
func (p page) filled(s approval.Slot) (approval.Slot, bool) {
	for _, o := range p.Case.Slots {
		if o.Round == s.Round && o.Step == s.Step && o.Vote != nil && o.Seat() == s.Seat() {
			return o, true
		}
	}
	return approval.Slot{}, false
}

// seats counts whose votes a step waits for or has: a deputy has no seat of his own.
func seats(slots []approval.Slot) int {
	n := 0
	for _, s := range slots {
		if s.For == "" {
			n++
		}
	}
	return n
}

// away says of somebody who is asked that he is not there.
func (p page) away(id people.ID, name string) string {
	until, away := p.Away[id]
	if !away {
		return name
	}
	return p.t("card.away", map[string]any{"Name": name, "Time": p.lang.Until(until, p.zone())})
}
