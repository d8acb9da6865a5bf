package approval_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
	"countersign/internal/route"
)

// judge is whoever hears that something went wrong.
type judge interface {
	Helper()
	Fatalf(format string, args ...any)
}

// TestWhatMustHoldWhateverHappens plays random people on random routes who do
// anything in any order.
func TestWhatMustHoldWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) })
		w.mustStand(t)
		for range rapid.IntRange(1, 40).Draw(t, "acts") {
			w.play(t)
		}
		w.mustReplay(t)
	})
}

// TestThePlaysSeeEverything: an invariant that is never tried holds too easily.
func TestThePlaysSeeEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(1200) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(func(_ string, n int) int { return r.IntN(n) })
		for range 60 {
			if w.c.State.Closed() && r.IntN(6) == 0 {
				break
			}
			d := w.play(t)
			seen["state "+string(w.c.State)]++
			if d.err != nil {
				seen["refused "+d.err.Error()]++
			}
			if less, ok := errors.AsType[*approval.AssuranceError](d.err); ok {
				seen["asks for "+string(less.Least)]++
			}
			if d.name == "revise" && d.class == document.Tolerant && d.raised {
				seen["asks for more in a round"]++
			}
			if len(w.c.Unanswered()) > 0 && d.name != "ask" {
				seen["question left open"]++
			}
			for _, e := range d.events {
				seen[string(e.Kind)]++
				if e.Kind == approval.Replied && e.Person == "" {
					seen["answered for the ERP"]++
				}
				if e.Vote != nil {
					seen["via "+string(e.Vote.Via)]++
					seen[fmt.Sprintf("through %d hands", len(e.Vote.By))]++
					seen[fmt.Sprintf("for another %s %t", e.Vote.Via, e.Vote.For != "")]++
					seen["by "+string(e.Vote.Assurance)]++
				}
			}
			seen["class "+string(d.class)]++
		}
		w.mustReplay(t)
	}
	for _, want := range []string{
		"state in_progress", "state approved", "state rejected", "state returned", "state withdrawn", "state expired", "state blocked",
		"case.step_opened", "case.step_reassigned", "vote.cast", "case.step_closed", "case.blocked", "case.returned", "case.decided", "case.withdrawn",
		"case.expired", "document.changed", "case.round_opened", "document.file_stored", "decision.consumed",
		"question.asked", "question.answered", "question left open", "answered for the ERP",
		"by chat", "by pin", "by login", "by totp", "by passkey", "asks for pin", "asks for login", "asks for totp", "asks for passkey",
		"through 1 hands", "asks for more in a round", "via chat", "via carried", "class unchanged", "class cosmetic", "class tolerant", "class material",
	} {
		if seen[want] < 10 {
			t.Errorf("%s was seen %d times only", want, seen[want])
		}
	}
	if seen["for another carried true"] == 0 || seen["through 2 hands"] == 0 {
		t.Error("no vote for another was carried, or went through two hands")
	}
	for _, want := range []error{
		approval.ErrClosed, approval.ErrMovedOn, approval.ErrNotAsked, approval.ErrStepClosed, approval.ErrConflict, approval.ErrInactive, approval.ErrDelegation,
		approval.ErrReasonNeeded, approval.ErrFilesMissing, approval.ErrVerdict, approval.ErrNotApproved, approval.ErrRevision, approval.ErrConsumed,
		approval.ErrNoQuestion, approval.ErrAnswered, approval.ErrQuestionClosed, approval.ErrTooManyQuestions,
	} {
		if seen["refused "+want.Error()] == 0 {
			t.Errorf("%v was heard %d times only", want, seen["refused "+want.Error()])
		}
	}
}

// FuzzActs reads bytes as acts.
func FuzzActs(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 2))
		text := make([]byte, 300)
		for i := range text {
			text[i] = byte(r.UintN(256))
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = text[:min(len(text), 500)]
		w := newWorld(func(_ string, n int) int {
			if len(text) == 0 {
				return 0
			}
			b := text[0]
			text = text[1:]
			return int(b) % n
		})
		w.mustStand(t)
		for len(text) > 0 {
			w.play(t)
		}
		w.mustReplay(t)
	})
}

// play does one act and holds its outcome against the rules.
func (w *world) play(t judge) done {
	t.Helper()
	before, kept, old := w.c, w.c, len(w.events)
	before.Slots, before.Missing, before.Questions = slices.Clone(w.c.Slots), slices.Clone(w.c.Missing), slices.Clone(w.c.Questions)
	d := w.act()
	if !reflect.DeepEqual(before, kept) {
		t.Fatalf("%s reached into a copy of the case:\n%s", d.name, cmp.Diff(before, kept))
	}
	if (d.err != nil || len(d.events) == 0) && !reflect.DeepEqual(before, w.c) {
		t.Fatalf("%s: %v, no event, and yet it changed:\n%s", d.name, d.err, cmp.Diff(before, w.c))
	}
	if d.err != nil && len(d.events) > 0 {
		t.Fatalf("%s was refused with events %+v: %v", d.name, d.events, d.err)
	}
	if before.State.Closed() && (w.c.State != before.State || len(d.events) > 0 && d.name != "file") {
		t.Fatalf("%s after the end: %s became %s, events %+v", d.name, before.State, w.c.State, d.events)
	}
	if before.Consumed != nil && (w.c.State != approval.Approved || !reflect.DeepEqual(before.Consumed, w.c.Consumed)) {
		t.Fatalf("%s after the decision was consumed: %s, %+v", d.name, w.c.State, w.c.Consumed)
	}
	if took := d.name == "consume" && d.err == nil; took && (w.c.State != approval.Approved || w.c.Consumed == nil ||
		w.c.Consumed.Ref != d.ref || len(d.events) > 0 && w.c.Consumed.Hash != w.doc().Hash()) {
		t.Fatalf("consumed %+v of %s", w.c.Consumed, w.c.State)
	}
	if d.name == "vote" && d.err == nil && (d.ballot.Round != before.Round || d.ballot.Revision != before.Revision) {
		t.Fatalf("a card of another round or revision voted: %+v", d.ballot)
	}
	d.raised = w.mustAskMore(t, before)
	w.mustTalk(t, before, d)
	w.mustRevise(t, before, d)
	for i, e := range d.events {
		switch {
		case e.Kind == approval.VoteCast:
			w.mustVote(t, w.events[:old+i], e)
			w.mustDelegate(t, w.events[:old+i], e)
		case e.Kind == approval.StepOpened || e.Kind == approval.Reassigned:
			w.mustAsk(t, e)
		case e.Kind == approval.Decided && e.Outcome == approval.Approved:
			mustApprove(t, w.events[:old+i])
		}
	}
	w.mustStand(t)
	return d
}

// mustRevise: a change opens a round when its class says so, and otherwise nobody who
// voted has become a party.
func (w *world) mustRevise(t judge, before approval.Case, d done) {
	t.Helper()
	if d.name != "revise" || d.err != nil {
		return
	}
	opened := slices.ContainsFunc(d.events, func(e approval.Event) bool { return e.Kind == approval.RoundOpened })
	if want := d.class == document.Material || before.State == approval.Returned && d.class != document.Unchanged; opened != want {
		t.Fatalf("a %s change of a case %s opened a round: %t", d.class, before.State, opened)
	}
	if opened && w.c.NewPayee != d.fresh {
		t.Fatalf("round %d opened for a payee that is new %t, and says %t", w.c.Round, d.fresh, w.c.NewPayee)
	}
	for _, s := range w.c.Slots {
		if s.Round < w.c.Round && (s.State == approval.SlotOpen || s.State == approval.SlotVoted) {
			t.Fatalf("round %d, and %+v still counts", w.c.Round, s)
		}
		if opened || len(d.events) == 0 || s.Round != w.c.Round || s.State != approval.SlotVoted {
			continue
		}
		if w.party(d.next, s.Person) {
			t.Fatalf("%s voted, is a party of %+v, and the change is %s", s.Person, d.next, d.class)
		}
		if !near(s.Vote.Amount, d.next.Amount, w.route.Change.Drift) {
			t.Fatalf("%s voted on %s, it is %s now, and the change is %s", s.Person, s.Vote.Amount, d.next.Amount, d.class)
		}
	}
}

// mustTalk: talk moves nothing but the questions; who asks is asked himself, and who
// answers is not the one who asked. A question waits only while its slot does.
func (w *world) mustTalk(t judge, before approval.Case, d done) {
	t.Helper()
	if d.name == "ask" || d.name == "answer" {
		same := w.c
		same.Questions, same.Events = before.Questions, before.Events
		if d.err == nil && !reflect.DeepEqual(before, same) {
			t.Fatalf("%s moved the case:\n%s", d.name, cmp.Diff(before, same))
		}
	}
	for _, e := range d.events {
		switch {
		case e.Kind == approval.Asked && (e.Question.By != e.Person || e.Question.To == e.Person || !slices.Contains(before.Awaiting(), e.Person)):
			t.Fatalf("asked by %s, who is not asked or asks himself: %+v", e.Person, e.Question)
		case e.Kind == approval.Replied && (!before.Awaits(before.Questions[e.Question.No-1]) || e.Person != "" && e.Person != e.Question.To):
			t.Fatalf("answered out of turn: %+v", e.Question)
		}
	}
	for _, q := range w.c.Unanswered() {
		if !slices.Contains(w.c.Awaiting(), q.By) {
			t.Fatalf("the case is %s and does not await %s, whose question waits: %+v", w.c.State, q.By, q)
		}
	}
}

// mustAskMore: within a round no step comes to ask for less. It tells whether one came to
// ask for more.
func (w *world) mustAskMore(t judge, before approval.Case) bool {
	t.Helper()
	if before.Round != w.c.Round {
		return false
	}
	raised := false
	for i := range w.c.Plan.Steps {
		was, is := strength(before.Least(i)), strength(w.c.Least(i))
		if is < was {
			t.Fatalf("step %d of the same round asked for %s, and now for %s", i, before.Least(i), w.c.Least(i))
		}
		raised = raised || is > was
	}
	return raised
}

// mustAsk: a step asks active people who are no parties of the document.
func (w *world) mustAsk(t judge, e approval.Event) {
	t.Helper()
	for _, s := range e.Slots {
		if p, _ := w.dir.Person(s.Person); !p.Active || w.party(w.doc(), s.Person) || slices.Contains(w.c.Barred, s.Person) {
			t.Fatalf("%s is asked: active %t, parties %q", s.Person, p.Active, w.doc().Persons())
		}
	}
}

// mustVote: a vote is of somebody asked, once, active, in no conflict, on what there is now.
func (w *world) mustVote(t judge, past []approval.Event, e approval.Event) {
	t.Helper()
	asked := slices.ContainsFunc(past, func(o approval.Event) bool {
		return (o.Kind == approval.StepOpened || o.Kind == approval.Reassigned) && o.Round == e.Round && o.Step == e.Step &&
			slices.ContainsFunc(o.Slots, func(s approval.Slot) bool { return s.No == e.No && s.Person == e.Person })
	})
	again := slices.ContainsFunc(past, func(o approval.Event) bool {
		return o.Kind == approval.VoteCast && o.Round == e.Round && o.Step == e.Step && o.Person == e.Person
	})
	p, _ := w.dir.Person(e.Person)
	if !asked || again || !p.Active || w.party(w.doc(), e.Person) {
		t.Fatalf("the vote %+v: asked %t, voted before %t, active %t, parties %q", e, asked, again, p.Active, w.doc().Persons())
	}
	if wants := recount(t, past).wanted(e.StepKey); e.Vote.Verdict == approval.Accept && strength(e.Vote.Assurance) < wants {
		t.Fatalf("accepted by %s, the step wants %d", e.Vote.Assurance, wants)
	}
	if e.Vote.Verdict == approval.Accept && len(w.c.Missing) > 0 && e.Vote.Via != approval.ViaCarried {
		t.Fatalf("accepted without %q", w.c.Missing)
	}
	if e.Vote.Via != approval.ViaCarried {
		if e.Vote.Revision != len(w.docs) || e.Vote.Amount != w.doc().Amount {
			t.Fatalf("the vote %+v is on another revision than %d", e.Vote, len(w.docs))
		}
		return
	}
	from := slices.IndexFunc(past, func(o approval.Event) bool {
		return o.Kind == approval.VoteCast && o.Round == e.Round && o.Step == e.Step-1 && o.Person == e.Person
	})
	if from < 0 || past[from].Vote.Via == approval.ViaCarried || past[from].Vote.Verdict != approval.Accept ||
		w.route.Repeat != route.CarryAdjacent || past[from].Vote.Revision != e.Vote.Revision || past[from].Vote.Assurance != e.Vote.Assurance {
		t.Fatalf("carried from nowhere: %+v", e)
	}
}

// mustStand: an open case awaits somebody or is blocked and says so, and a round has
// one final decision at most.
func (w *world) mustStand(t judge) {
	t.Helper()
	asked := w.c.Awaiting()
	if (w.c.State == approval.InProgress) != (len(asked) > 0) {
		t.Fatalf("the case is %s and awaits %q", w.c.State, asked)
	}
	last := w.events[len(w.events)-1]
	if w.c.State == approval.Blocked && (w.c.Note == "" || !slices.ContainsFunc(w.events, func(e approval.Event) bool {
		return e.Kind == approval.Stuck && e.Round == w.c.Round && e.Step == w.c.Step
	})) {
		t.Fatalf("blocked without a word: note %q, last event %+v", w.c.Note, last)
	}
	decided := map[int][]approval.State{}
	for _, e := range w.events {
		if e.Kind == approval.Decided {
			decided[e.Round] = append(decided[e.Round], e.Outcome)
		}
	}
	for round, outcomes := range decided {
		if len(outcomes) != 1 {
			t.Fatalf("round %d was decided %q", round, outcomes)
		}
	}
	if d := w.c.Decision; d != nil && d.Outcome == approval.Approved && d.At.Equal(last.At) && last.Kind == approval.Decided && len(w.c.Missing) > 0 {
		t.Fatalf("approved without %q", w.c.Missing)
	}
	if last.Kind == approval.Consumed && len(w.c.Missing) > 0 {
		t.Fatalf("consumed without %q", w.c.Missing)
	}
	final := w.c.State == approval.Approved || w.c.State == approval.Rejected
	if final && (len(decided[w.c.Round]) != 1 || decided[w.c.Round][0] != w.c.State || w.c.Decision == nil || w.c.Decision.Outcome != w.c.State) {
		t.Fatalf("%s, but decided %q, %+v", w.c.State, decided[w.c.Round], w.c.Decision)
	}
	if w.c.Decision != nil && !final && w.c.State != approval.Withdrawn {
		t.Fatalf("the case is %s with the decision %+v", w.c.State, w.c.Decision)
	}
	for _, s := range w.c.Slots {
		if s.State == approval.SlotOpen && (w.c.State != approval.InProgress || s.Round != w.c.Round || s.Step != w.c.Step) {
			t.Fatalf("the case is %s at %d/%d, and %+v is open", w.c.State, w.c.Round, w.c.Step, s)
		}
	}
	w.mustBeSure(t)
	w.mustKeepMeaning(t)
	distinct := map[people.ID]int{}
	for _, s := range w.c.InStep(w.c.Step) {
		if s.State != approval.SlotOpen && s.State != approval.SlotVoted {
			continue
		}
		distinct[s.Person]++
		if distinct[s.Person] > 1 {
			t.Fatalf("%s is asked twice in one step", s.Person)
		}
	}
}

// mustBeSure: each step asks for what the rules want of the last amount, and the votes
// that stand gave it.
func (w *world) mustBeSure(t judge) {
	t.Helper()
	now := round{plan: w.c.Plan, amount: w.doc().Amount, fresh: w.c.NewPayee}
	for i, s := range w.c.Plan.Steps {
		if least := strength(w.c.Least(i)); least < now.wanted(s.Key) {
			t.Fatalf("step %s asks for %s where %d is wanted", s.Key, w.c.Least(i), now.wanted(s.Key))
		}
		for _, sl := range w.c.InStep(i) {
			if sl.State == approval.SlotVoted && sl.Vote.Verdict == approval.Accept && strength(sl.Vote.Assurance) < strength(w.c.Least(i)) {
				t.Fatalf("step %s asks for %s, and this vote stands: %+v", s.Key, w.c.Least(i), sl.Vote)
			}
		}
	}
}

// mustReplay: folding the events gives the case, also after they were stored; events
// that are lost or shuffled break nothing else.
func (w *world) mustReplay(t judge) {
	t.Helper()
	if again := approval.Replay(w.events); !reflect.DeepEqual(again, w.c) {
		t.Fatalf("replayed:\n%s", cmp.Diff(w.c, again))
	}
	var stored []approval.Event
	for _, e := range w.events {
		text, err := e.Marshal()
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		back, err := approval.Unmarshal(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		stored = append(stored, back)
	}
	if again := approval.Replay(stored); !cmp.Equal(again, w.c, cmpopts.EquateEmpty()) {
		t.Fatalf("stored and replayed:\n%s", cmp.Diff(w.c, again))
	}
	slices.Reverse(stored)
	approval.Replay(stored)
	approval.Replay(stored[len(stored)/2:])
}
