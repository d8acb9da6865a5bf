package approval

import (
	"cmp"
	"slices"

	"countersign/internal/route"
)

// Assurance says by what a person has shown to be who he is.
type Assurance = route.Assurance

// The ways to show it, from the weakest up.
const (
	ByChat    = route.ByChat
	ByPIN     = route.ByPIN
	ByLogin   = route.ByLogin
	ByTOTP    = route.ByTOTP
	ByPasskey = route.ByPasskey
)

// Least is what the case asks of those who accept in a step, in this round.
func (c *Case) Least(step int) Assurance {
	if step < 0 || step >= len(c.Asks) {
		return ByChat
	}
	return c.Asks[step]
}

// assured tells what the ballot lacks to be taken, if anything. To reject and to return
// needs no more than the chat.
func (c *Case) assured(b Ballot) error {
	if least := c.Least(b.Step); b.Verdict == Accept && !b.assurance().Gives(least) {
		return &AssuranceError{Least: least}
	}
	return nil
}

// assurance: a ballot that does not say is one of the chat.
func (b Ballot) assurance() Assurance { return cmp.Or(b.Assurance, ByChat) }

// short reports whether a vote that counts was given for less than is asked for now.
func (c *Case) short(asks []Assurance) bool {
	return slices.ContainsFunc(c.Slots, func(s Slot) bool {
		return s.Round == c.Round && s.State == SlotVoted && s.Vote.Verdict == Accept &&
			s.Step < len(asks) && !s.Vote.Assurance.Gives(asks[s.Step])
	})
}
