package card

import (
	"slices"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/route"
)

// How many people of one step are named.
const (
	mostNames     = 6
	roomOfSteps   = 1200
	mostCrowded   = 2 // of votes and of names, when there is no room for more
	roomOfReasons = 200
)

// stateLine says where the case is, and to whom it is asked that it waits for him.
func (p page) stateLine() line {
	switch {
	case p.spot.Kind == KindApprover && p.asks(p.spot):
		return words(p.t("card.your_turn", nil)).bold()
	case p.Case.Consumed != nil:
		return p.consumed()
	default:
		return words(p.t("state."+string(p.Case.State), nil))
	}
}

// ending says why the case is where it is, if somebody gave a reason.
func (p page) ending() []line {
	var out []line
	say := func(key, name, text string) {
		if text = tidy(text, maxReason); text != "" {
			out = append(out, words(p.t(key, map[string]any{name: text})))
		}
	}
	c := p.Case
	switch c.State {
	case approval.Rejected:
		say("card.reason", "Reason", c.Decision.Reason)
	case approval.Returned:
		say("card.question", "Question", c.Note)
	case approval.Withdrawn:
		say("card.reason", "Reason", c.Note)
	case approval.Blocked:
		say("card.blocked_reason", "Reason", p.word("blocked.", c.Note))
	case approval.Approved, approval.InProgress, approval.Expired: // that time ran out is all there is to say
	}
	return out
}

// consumed says that the ERP took the decision and pays.
func (p page) consumed() line {
	return words("💸 " + p.t("card.consumed", map[string]any{
		"Ref": tidy(p.Case.Consumed.Ref, maxName), "Time": p.time(p.Case.Consumed.At),
	}))
}

// decider says whose vote completed the decision, or sent the document back, and when.
func (p page) decider() (string, bool) {
	for _, s := range slices.Backward(p.Case.Slots) {
		if s.Round != p.Case.Round || s.Vote == nil {
			continue
		}
		switch d := p.Case.Decision; {
		case p.Case.State == approval.Returned && s.Vote.Verdict == approval.Return:
			return p.by(s), true
		case p.Case.State.Closed() && p.Case.State != approval.Rejected:
			return "", false
		case d != nil && s.Person == d.By:
			return p.by(s), true
		}
	}
	return "", false
}

func (p page) by(s approval.Slot) string {
	return p.t("outcome.by", map[string]any{"Name": p.named(s), "Time": p.time(s.Vote.At)})
}

// ownPart says what became of the viewer's own part: what he decided, or who decided
// before he did.
func (p page) ownPart() []line {
	s, ok := p.slot(p.spot)
	switch {
	case !ok:
		return nil
	case s.Vote != nil:
		return p.ownVote(s)
	case s.State == approval.SlotSuperseded:
		var out []line
		by, closed := p.filled(s)
		if !closed {
			by, closed = p.closer(s.Step)
		}
		if closed {
			out = append(out, words(p.t("card.step_closed_by", map[string]any{
				"Name": p.named(by), "Time": p.time(by.Vote.At),
			})))
		}
		return append(out, words(p.t("card.not_needed", nil)))
	default:
		return nil
	}
}

func (p page) ownVote(s approval.Slot) []line {
	out := []line{p.yourVote(s)}
	for _, next := range p.Case.Slots {
		if next.Round == s.Round && next.Step == s.Step+1 && next.Person == s.Person &&
			next.Vote != nil && next.Vote.Via == approval.ViaCarried && next.Step < len(p.Case.Plan.Steps) {
			title := p.stepTitle(p.Case.Plan.Steps[next.Step])
			out = append(out, words(p.t("card.your_vote_carried", map[string]any{"Title": title})))
		}
	}
	return out
}

func (p page) yourVote(s approval.Slot) line {
	return words(p.t("card.your_vote", map[string]any{
		"Verdict": p.t("verdict."+string(s.Vote.Verdict), nil), "Time": p.time(s.Vote.At),
	}))
}

// reason gives the words that a vote was cast with, if any.
func (p page) reason(s approval.Slot, limit int) []line {
	why := tidy(s.Vote.Reason, limit)
	switch {
	case why == "":
		return nil
	case s.Vote.Verdict == approval.Return:
		return []line{words(p.t("card.question", map[string]any{"Question": why}))}
	case s.Vote.Verdict == approval.Accept:
		return []line{words(p.t("card.grounds", map[string]any{"Reason": why}))}
	default:
		return []line{words(p.t("card.reason", map[string]any{"Reason": why}))}
	}
}

// closer finds the vote that closed a step of the current round.
func (p page) closer(step int) (approval.Slot, bool) {
	var last approval.Slot
	for _, s := range p.Case.InStep(step) {
		if s.Vote != nil && (last.Vote == nil || !s.Vote.At.Before(last.Vote.At)) {
			last = s
		}
	}
	return last, last.Vote != nil
}

// outdated is what is left of a card of an earlier round: nothing on it can be mistaken
// for what is up for decision now.
func (p page) outdated() []line {
	out := []line{p.headline(), words(p.t("card.outdated", nil))}
	asked := func(s approval.Slot) bool { return s.Round == p.Case.Round && s.Person == p.spot.Person }
	if slices.ContainsFunc(p.Case.Slots, asked) {
		out = []line{p.headline(), words(p.t("card.superseded", nil))}
	} else if p.Case.State != approval.InProgress {
		out = append(out, p.stateLine())
	}
	s, ok := p.slot(p.spot)
	if !ok || s.Vote == nil {
		return out
	}
	out = append(out, line{}, p.yourVote(s))
	if s.Vote.Amount.Currency != "" {
		out = append(out, p.label("field.amount").then(words(p.money(s.Vote.Amount))))
	}
	return append(out, p.reason(s, maxReason)...)
}

// proof tells the person what accepting takes beyond a tap, where it takes more.
func (p page) proof() []line {
	var key string
	switch p.Case.Least(p.spot.Step) {
	case approval.ByPIN:
		key = "card.proof.pin"
	case approval.ByLogin:
		key = "card.proof.login"
	case approval.ByTOTP:
		key = "card.proof.totp"
	case approval.ByPasskey:
		key = "card.proof.passkey"
	case approval.ByChat:
		return nil
	}
	return []line{words(p.t(key, nil))}
}

// progress lists the steps: who decided what and when, and who is awaited.
func (p page) progress() []line {
	full := p.steps(mostNames)
	if size(full) <= roomOfSteps {
		return full
	}
	if short := p.steps(mostCrowded); size(short) <= roomOfSteps {
		return short
	}
	return p.openStep()
}

func (p page) steps(most int) []line {
	var out []line
	c := p.Case
	for i, s := range c.Plan.Steps {
		votes := p.votes(i, most)
		if i >= c.Step && len(votes) == 0 && p.ended() {
			break // it will not come to this
		}
		key := "card.progress.next"
		switch {
		case i < c.Step || c.Decision != nil && c.Decision.Outcome == approval.Approved:
			key = "card.progress.done"
		case i == c.Step:
			key = "card.progress.current"
		}
		title := words(p.t(key, map[string]any{"Title": p.stepTitle(s)}))
		if key == "card.progress.current" {
			title = title.bold()
		}
		out = append(out, title)
		out = append(out, votes...)
		if i == c.Step && c.State == approval.InProgress {
			out = append(out, p.waiting(s, most)...)
		}
	}
	return out
}

// openStep is all that is said where the steps would be a wall.
func (p page) openStep() []line {
	c := p.Case
	out := []line{words(p.t("card.step", map[string]any{
		"N": c.Step + 1, "Total": len(c.Plan.Steps), "Title": p.stepTitle(c.Plan.Steps[c.Step]),
	})).bold()}
	out = append(out, p.votes(c.Step, mostCrowded)...)
	if c.State == approval.InProgress {
		out = append(out, p.waiting(c.Plan.Steps[c.Step], mostCrowded)...)
	}
	return out
}

// stepTitle is the title that the route gives. One that only repeats the key of the step
// is said in the reader's language, if there is a role of that name.
func (p page) stepTitle(s route.Step) string {
	spoken := strings.ReplaceAll(s.Key, "_", " ")
	if s.Title == "" || strings.EqualFold(s.Title, spoken) {
		if role, ok := p.known("role." + s.Key); ok {
			return role
		}
	}
	if s.Title == "" {
		return tidy(spoken, maxName)
	}
	return tidy(s.Title, maxName)
}

// votes lists what was decided in a step, in its order; of many, refusals come first.
func (p page) votes(step, most int) []line {
	cast := slices.DeleteFunc(p.Case.InStep(step), func(s approval.Slot) bool { return s.Vote == nil })
	slices.SortStableFunc(cast, func(a, b approval.Slot) int { return a.Vote.At.Compare(b.Vote.At) })
	if len(cast) > most {
		slices.SortStableFunc(cast, func(a, b approval.Slot) int { return refusal(b) - refusal(a) })
	}
	var out []line
	for _, s := range cast[:min(most, len(cast))] {
		out = append(out, p.vote(s))
		if s.Vote.Reason != p.told() && s.Vote.Via != approval.ViaCarried {
			out = append(out, p.reason(s, roomOfReasons)...)
		}
	}
	if rest := len(cast) - most; rest > 0 {
		out = append(out, words(p.lang.N("queue.more", rest, nil)))
	}
	return out
}

func refusal(s approval.Slot) int {
	if s.Vote.Verdict == approval.Accept {
		return 0
	}
	return 1
}

// told is the reason that the card gives elsewhere.
func (p page) told() string {
	if p.Case.Decision != nil && p.Case.State == approval.Rejected {
		return p.Case.Decision.Reason
	}
	return p.Case.Note
}

func (p page) vote(s approval.Slot) line {
	data := map[string]any{"Name": p.named(s), "Time": p.time(s.Vote.At)}
	switch {
	case s.Vote.Via == approval.ViaCarried:
		return words(p.t("card.carried", data))
	case s.Vote.Verdict == approval.Accept:
		return words(p.t("card.vote.accepted", data))
	case s.Vote.Verdict == approval.Reject:
		return words(p.t("card.vote.rejected", data))
	default:
		return words(p.t("card.vote.returned", data))
	}
}

// awaited is the name of somebody who is asked. Who has no account in the messenger yet,
// or shut the bot out, got no card: somebody must tell him.
func (p page) awaited(s approval.Slot) string {
	who, _ := p.People.Person(s.Person)
	switch data := map[string]any{"Name": p.named(s)}; {
	case !who.Linked():
		return p.t("card.not_linked", data)
	case p.Closed[who.Telegram]:
		return p.t("card.unreachable", data)
	default:
		return p.away(s.Person, p.named(s))
	}
}

// waiting names those who are asked, the viewer first, and how many must accept if more
// than one must.
func (p page) waiting(s route.Step, most int) []line {
	slots := p.Case.InStep(p.Case.Step)
	var names []string
	accepted := 0
	for _, sl := range slots {
		switch {
		case sl.State == approval.SlotOpen && sl.Person == p.spot.Person && p.asks(p.spot):
			names = append([]string{p.t("card.you", nil)}, names...)
		case sl.State == approval.SlotOpen:
			names = append(names, p.awaited(sl))
		case sl.Vote != nil && sl.Vote.Verdict == approval.Accept:
			accepted++
		}
	}
	var out []line
	if need, ok := s.Need(seats(slots)); ok && need > 1 {
		out = append(out, words(p.t("card.progress", map[string]any{"Done": accepted, "Needed": need})))
	}
	text := strings.Join(names[:min(most, len(names))], ", ")
	if rest := len(names) - most; rest > 0 {
		text += " " + p.lang.N("queue.more", rest, nil)
	}
	return append(out, words(p.t("card.waiting_for", map[string]any{"Names": text})))
}
