package card

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"countersign/internal/approval"
	"countersign/internal/people"
)

// ErrSpot means that a text is not the key of a spot.
var ErrSpot = errors.New("not the key of a message")

// Kind says what a message is for.
type Kind string

// The kinds of message.
const (
	KindApprover  Kind = "approver"  // asks a person, in one step of one round
	KindRequester Kind = "requester" // shows a requester how the request fares
	KindOutcome   Kind = "outcome"   // tells a requester that it has ended
	KindGroup     Kind = "group"     // tells a group
	KindBlocked   Kind = "blocked"   // tells a group that nobody can be asked, in one step of one round
	KindFile      Kind = "file"      // a file of the document, under a card
	KindQuestion  Kind = "question"  // asks a requester what an approver wants to know
	KindAnswer    Kind = "answer"    // tells an approver what was answered
)

// Spot is one message that should exist, once.
type Spot struct {
	Kind   Kind
	Person people.ID      // whose private chat; empty in a group
	Chat   string         // external id of a group; empty for a person
	Round  int            // of Approver, Outcome and Blocked
	Step   int            // of Approver and Blocked
	State  approval.State // of Outcome: which end it tells
	File   string         // digest, of File
	No     int            // of the question, of Question and Answer

	// ReplyTo is the key of the spot that it hangs under, or empty.
	ReplyTo string
	// Past: the time to send it is over. If the message exists it is kept up to date; if
	// not, it is not missed.
	Past bool
}

// Key names the message within its case; it never changes. It says nothing of ReplyTo
// and Past.
func (s Spot) Key() string {
	switch s.Kind {
	case KindApprover:
		return fmt.Sprintf("%s/%d/%d/%s", s.Kind, s.Round, s.Step, s.Person)
	case KindOutcome:
		return fmt.Sprintf("%s/%d/%s/%s", s.Kind, s.Round, s.State, s.Person)
	case KindQuestion, KindAnswer:
		return fmt.Sprintf("%s/%d/%s", s.Kind, s.No, s.Person)
	case KindRequester:
		return fmt.Sprintf("%s/%s", s.Kind, s.Person)
	case KindGroup:
		return fmt.Sprintf("%s/%s", s.Kind, s.Chat)
	case KindBlocked:
		return fmt.Sprintf("%s/%d/%d/%s", s.Kind, s.Round, s.Step, s.Chat)
	case KindFile:
		if s.Person != "" {
			return fmt.Sprintf("%s/%s/person/%s", s.Kind, s.File, s.Person)
		}
		return fmt.Sprintf("%s/%s/group/%s", s.Kind, s.File, s.Chat)
	default:
		return ""
	}
}

// ParseSpot reads what Key wrote, and nothing else.
func ParseSpot(key string) (Spot, error) {
	kind, rest, _ := strings.Cut(key, "/")
	s := Spot{Kind: Kind(kind)}
	switch s.Kind {
	case KindApprover, KindBlocked:
		parts := strings.SplitN(rest+"//", "/", 3)
		s.Round, s.Step = number(parts[0]), number(parts[1])
		if who := strings.TrimSuffix(parts[2], "//"); s.Kind == KindBlocked {
			s.Chat = who
		} else {
			s.Person = people.ID(who)
		}
	case KindOutcome:
		parts := strings.SplitN(rest+"//", "/", 3)
		s.Round, s.State = number(parts[0]), approval.State(parts[1])
		s.Person = people.ID(strings.TrimSuffix(parts[2], "//"))
	case KindQuestion, KindAnswer:
		no, who, _ := strings.Cut(rest, "/")
		s.No, s.Person = number(no), people.ID(who)
	case KindRequester:
		s.Person = people.ID(rest)
	case KindGroup:
		s.Chat = rest
	case KindFile:
		parts := strings.SplitN(rest+"//", "/", 3)
		s.File = parts[0]
		if id := strings.TrimSuffix(parts[2], "//"); parts[1] == "person" {
			s.Person = people.ID(id)
		} else {
			s.Chat = id
		}
	}
	if s.Person == "" && s.Chat == "" || s.Key() != key {
		return Spot{}, fmt.Errorf("key %.100q: %w", key, ErrSpot)
	}
	return s, nil
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// Audience lists the messages that should exist about the case, those that others hang
// under first. Persons are listed whether they can be reached or not; persons nobody
// knows are not.
func Audience(v View) []Spot {
	asked := v.approvers()
	out := slices.Concat(asked, v.requesters())
	out = append(out, v.questions(out)...)
	for _, g := range v.Groups {
		out = append(out, Spot{Kind: KindGroup, Chat: g.ID})
	}
	out = append(out, v.blocked()...)
	return append(out, v.files(asked)...)
}

// blocked: a message for each time that nobody could be asked. What it told before is
// kept up to date where it exists.
func (v View) blocked() []Spot {
	var out []Spot
	for _, g := range v.Fallback {
		for round := 1; round <= v.Case.Round; round++ {
			for step := range v.Case.Plan.Steps {
				s := Spot{Kind: KindBlocked, Chat: g.ID, Round: round, Step: step}
				s.Past = !v.blockedAt(s)
				out = append(out, s)
			}
		}
	}
	return out
}

// blockedAt reports whether the case waits for somebody who can be asked in this step.
func (v View) blockedAt(s Spot) bool {
	return v.Case.State == approval.Blocked && v.Case.Round == s.Round && v.Case.Step == s.Step
}

// approvers: a new message for each asking, since an edit makes no sound. Only those who
// are asked now get it; the others' messages follow the case. A vote that the machine
// carried over asks nobody anything: it is told on the card on which it was cast.
func (v View) approvers() []Spot {
	var out []Spot
	for _, s := range v.Case.Slots {
		if s.Vote != nil && s.Vote.Via == approval.ViaCarried {
			continue
		}
		spot := Spot{Kind: KindApprover, Person: s.Person, Round: s.Round, Step: s.Step}
		if _, known := v.People.Person(s.Person); !known || slices.ContainsFunc(out, func(o Spot) bool { return o.Key() == spot.Key() }) {
			continue
		}
		spot.Past = !v.asks(spot)
		out = append(out, spot)
	}
	return out
}

// requesters: the card, and a message of its own for the end, so that it is heard. Ends
// that no longer hold are kept up to date too.
func (v View) requesters() []Spot {
	p, known := v.People.Find(v.Doc.Requester)
	if !known || !p.Active {
		return nil
	}
	card := Spot{Kind: KindRequester, Person: p.ID}
	out := []Spot{card}
	add := func(round int, state approval.State) {
		spot := Spot{Kind: KindOutcome, Person: p.ID, Round: round, State: state, ReplyTo: card.Key()}
		spot.Past = round != v.Case.Round || state != v.Case.State
		out = append(out, spot)
	}
	for round := 1; round <= v.Case.Round; round++ {
		switch {
		case v.sentBack(round):
			add(round, approval.Returned)
		case round < v.Case.Round || v.Case.Decision != nil && v.Case.State == approval.Withdrawn:
			add(round, approval.Approved) // it may have been
		}
	}
	if v.ended() && v.Case.State != approval.Returned {
		add(v.Case.Round, v.Case.State)
	}
	return out
}

// sentBack reports whether a round ended with a question.
func (v View) sentBack(round int) bool {
	return slices.ContainsFunc(v.Case.Slots, func(s approval.Slot) bool {
		return s.Round == round && s.Vote != nil && s.Vote.Verdict == approval.Return
	})
}

// ended: there is something to tell the requester.
func (v View) ended() bool {
	return v.Case.State != approval.InProgress && v.Case.State != approval.Blocked
}

// files: each file once to each group and to each person ever asked, under the newest
// card there. Those who voted in this round hear of files added later; those whose time
// to be asked is over do not.
func (v View) files(asked []Spot) []Spot {
	newest := map[people.ID]Spot{}
	var order []people.ID
	for _, s := range asked {
		if _, seen := newest[s.Person]; !seen {
			order = append(order, s.Person)
		}
		newest[s.Person] = s
	}
	var out []Spot
	add := func(digest string, past bool) {
		m, _ := v.attached(digest)
		for _, g := range v.Groups {
			if g.NoFiles {
				continue
			}
			under := Spot{Kind: KindGroup, Chat: g.ID}
			out = append(out, Spot{Kind: KindFile, File: digest, Chat: g.ID, ReplyTo: under.Key(), Past: past})
		}
		for _, id := range order {
			out = append(out, Spot{
				Kind: KindFile, File: digest, Person: id, ReplyTo: newest[id].Key(),
				Past: past || !v.follows(newest[id]) || m.By == id, // who sent it has it
			})
		}
	}
	arrived, gone := v.digests()
	for _, d := range arrived {
		add(d, false)
	}
	for _, d := range gone {
		add(d, true)
	}
	return out
}

// follows: the person is asked now, or voted in this round of a case that goes on.
func (v View) follows(newest Spot) bool {
	s, ok := v.slot(newest)
	voted := ok && s.State == approval.SlotVoted && !v.Case.State.Closed()
	return !newest.Past || voted
}

// digests lists the files that are here, and those of earlier revisions that the
// document no longer has, each once.
func (v View) digests() (arrived, gone []string) {
	seen := map[string]bool{}
	for _, f := range v.Doc.Files {
		if !seen[f.SHA256] && !slices.Contains(v.Case.Missing, f.SHA256) {
			arrived = append(arrived, f.SHA256)
		}
		seen[f.SHA256] = true
	}
	for _, m := range v.Files {
		if !seen[m.File.SHA256] {
			arrived = append(arrived, m.File.SHA256)
		}
		seen[m.File.SHA256] = true
	}
	for _, no := range v.revisions() {
		for _, f := range v.Earlier[no].Files {
			if !seen[f.SHA256] {
				gone = append(gone, f.SHA256)
			}
			seen[f.SHA256] = true
		}
	}
	return arrived, gone
}

// revisions lists the earlier revisions known, the latest first.
func (v View) revisions() []int {
	out := slices.Sorted(maps.Keys(v.Earlier))
	slices.Reverse(out)
	return out
}

// slot finds the slot that an approver's spot speaks of: of those in which he was asked for
// one person and another, the one that is alive, or the last.
func (v View) slot(s Spot) (approval.Slot, bool) {
	var last approval.Slot
	found := false
	for _, sl := range v.Case.Slots {
		if sl.Round != s.Round || sl.Step != s.Step || sl.Person != s.Person {
			continue
		}
		if last, found = sl, true; sl.State != approval.SlotSuperseded {
			break
		}
	}
	return last, found
}

// asks reports whether the spot asks its person now.
func (v View) asks(s Spot) bool {
	sl, ok := v.slot(s)
	who, known := v.People.Person(s.Person)
	return ok && known && who.Active && v.Case.State == approval.InProgress &&
		sl.State == approval.SlotOpen && sl.Round == v.Case.Round && sl.Step == v.Case.Step
}
