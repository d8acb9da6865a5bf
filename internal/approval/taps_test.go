package approval_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
	"countersign/internal/route"
)

func noon() time.Time { return time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC) }

// parallel opens a case of one step for n people.
func parallel(s route.Step, n int) (approval.Case, people.Directory, []approval.Event) {
	var staff []people.Person
	for i := range n {
		staff = append(staff, people.Person{
			ID: people.ID(fmt.Sprintf("per_%d", i)), ExternalID: fmt.Sprintf("x%d", i), Active: true, Roles: []people.Role{{Name: "r"}},
		})
	}
	dir := people.NewDirectory(staff)
	s.Key, s.Who = "s", []route.Selector{{Role: "r"}}
	c, events := approval.Open(approval.Opening{
		ID: "cas_1", Key: document.Key{Source: "s", ExternalID: "e"}, Revision: 1, Document: rent(),
		Plan: route.Plan{Route: "r", Version: 1, Rule: "all", Repeat: route.AskEach, Reason: route.ReasonNever, Steps: []route.Step{s}},
	}, dir, noon())
	return c, dir, events
}

func rent() document.Document {
	return document.Document{Type: "d", Requester: "eve", Amount: rub(100)}
}

func tap(i int, v approval.Verdict) approval.Ballot {
	return approval.Ballot{
		Person: people.ID(fmt.Sprintf("per_%d", i)), Round: 1, No: i, Revision: 1, Verdict: v, Via: approval.ViaChat,
		Reason: fmt.Sprintf("says %d", i),
	}
}

// TestTapsInAnyOrderHaveOneOutcome: in whatever order the taps of a parallel step come,
// and however often each is repeated, what comes of it is what plain counting says, with
// one final decision, by the person whose tap completed it.
func TestTapsInAnyOrderHaveOneOutcome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "people")
		s := route.Step{
			Mode: rapid.SampledFrom([]route.Mode{route.Any, route.All, route.NOfM}).Draw(t, "mode"),
			Deny: rapid.IntRange(0, n+1).Draw(t, "deny"),
		}
		need := map[route.Mode]int{route.Any: 1, route.All: n}[s.Mode]
		if s.Mode == route.NOfM {
			s.N = rapid.IntRange(1, n).Draw(t, "n")
			need = s.N
		}
		verdicts := rapid.SliceOfN(rapid.SampledFrom([]approval.Verdict{approval.Accept, approval.Reject}), n, n).Draw(t, "verdicts")
		var order []int
		for i := range n {
			order = append(order, i, i)
		}
		order = rapid.Permutation(order).Draw(t, "order")

		want, by := approval.InProgress, people.ID("")
		accepts, rejects, voted := 0, 0, map[int]bool{}
		c, dir, events := parallel(s, n)
		other, _, _ := parallel(s, n)
		for _, i := range order {
			done, err := c.Vote(tap(i, verdicts[i]), rent(), dir, noon()) // all at one moment
			_, again := other.Vote(tap(i, verdicts[i]), rent(), dir, noon())
			if !reflect.DeepEqual(c, other) || fmt.Sprint(err) != fmt.Sprint(again) {
				t.Fatalf("the same taps came to %+v, %v and %+v, %v", c, err, other, again)
			}
			events = append(events, done...)
			already, twice := errors.AsType[*approval.AlreadyVotedError](err)
			switch {
			case voted[i]:
				if !twice || !already.Same || already.Person != tap(i, "").Person {
					t.Fatalf("the second tap of %d: %v", i, err)
				}
				continue
			case want != approval.InProgress:
				if !errors.Is(err, approval.ErrClosed) {
					t.Fatalf("the tap of %d after the end: %v", i, err)
				}
				continue
			case err != nil:
				t.Fatalf("the tap of %d: %v", i, err)
			}
			voted[i] = true
			if verdicts[i] == approval.Accept {
				accepts++
			} else {
				rejects++
			}
			switch {
			case accepts >= need:
				want, by = approval.Approved, tap(i, "").Person
			case rejects >= max(1, s.Deny) || accepts+n-len(voted) < need:
				want, by = approval.Rejected, tap(i, "").Person
			}
			if c.State != want {
				t.Fatalf("after %d accepting, %d rejecting of %d (%s, n %d, deny %d): %s, want %s",
					accepts, rejects, n, s.Mode, s.N, s.Deny, c.State, want)
			}
		}
		decided := 0
		for _, e := range events {
			if e.Kind == approval.Decided {
				decided++
			}
		}
		if decided != 1 || c.Decision == nil || c.Decision.By != by || c.Decision.Outcome != want {
			t.Fatalf("%d decisions, the last %+v; want %s by %s", decided, c.Decision, want, by)
		}
	})
}

// TestTheDecisionSpeaksWithTheVoteThatCompletedIt, also when clocks do not help to
// tell which one it was.
func TestTheDecisionSpeaksWithTheVoteThatCompletedIt(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]time.Duration{"one moment": 0, "a clock set back": -time.Hour} {
		c, dir, _ := parallel(route.Step{Mode: route.All, Deny: 2}, 3)
		c.Plan.Steps[0].Mode = route.Any
		for i, no := range []int{2, 0} {
			if _, err := c.Vote(tap(no, approval.Reject), rent(), dir, noon().Add(time.Duration(i)*later)); err != nil {
				t.Fatal(err)
			}
		}
		if c.State != approval.Rejected || c.Decision.By != "per_0" || c.Decision.Reason != "says 0" || c.Note != "says 0" {
			t.Errorf("%s: %s, %+v", name, c.State, c.Decision)
		}
	}
}

func TestARouteWithoutStepsApprovesNothing(t *testing.T) {
	t.Parallel()
	c, events := approval.Open(approval.Opening{ID: "cas_1", Revision: 1, Document: rent()}, people.Directory{}, noon())
	if c.State != approval.Blocked || c.Note == "" || len(events) != 2 {
		t.Errorf("%+v", c)
	}
	if more := c.Recheck(rent(), people.Directory{}, noon()); len(more) > 0 || c.State != approval.Blocked {
		t.Errorf("%s, %+v", c.State, more)
	}
}

// TestRevisionsAreNumberedUpwards: were a number given twice, a card of the older state
// could vote on the newer.
func TestRevisionsAreNumberedUpwards(t *testing.T) {
	t.Parallel()
	next := rent()
	next.Payee.Account = "2"
	for no, want := range map[int]error{-1: approval.ErrMovedOn, 0: approval.ErrMovedOn, 1: approval.ErrMovedOn, 2: nil, 9: nil} {
		c, dir, _ := parallel(route.Step{Mode: route.Any}, 1)
		events, _, err := c.Revise(approval.Revision{No: no, Previous: rent(), Next: next, Plan: c.Plan}, dir, noon())
		if !errors.Is(err, want) || (want != nil) != (len(events) == 0) {
			t.Errorf("revision %d after 1: %v, %d events", no, err, len(events))
		}
		if want == nil && (c.Revision != no || c.Hash != next.Hash()) {
			t.Errorf("revision %d: the case is at %d, %s", no, c.Revision, c.Hash)
		}
	}
}

// TestAnotherVersionOfTheRouteIsAnotherRound: the votes were given under the old one.
func TestAnotherVersionOfTheRouteIsAnotherRound(t *testing.T) {
	t.Parallel()
	c, dir, _ := parallel(route.Step{Mode: route.All}, 2)
	if _, err := c.Vote(tap(0, approval.Accept), rent(), dir, noon()); err != nil {
		t.Fatal(err)
	}
	next, plan := rent(), c.Plan
	next.Title, plan.Version = "x", 2
	c.Plan.Change.Cosmetic = []string{"title"}
	_, class, err := c.Revise(approval.Revision{No: 2, Previous: rent(), Next: next, Plan: plan}, dir, noon())
	if err != nil || class != document.Material || c.Round != 2 || c.Plan.Version != 2 {
		t.Errorf("%s, %v, round %d, version %d", class, err, c.Round, c.Plan.Version)
	}
}

// TestAClockOfThisMachineIsStoredAsAnyOther: a stored time has no zone and no
// monotonic part, and the case must be the same after it was read back.
func TestAClockOfThisMachineIsStoredAsAnyOther(t *testing.T) {
	t.Parallel()
	now := time.Now().In(time.FixedZone("there", 3*3600))
	c, dir, events := parallel(route.Step{Mode: route.All}, 2)
	opened, more := approval.Open(approval.Opening{ID: "cas_2", Revision: 1, Document: rent(), Plan: c.Plan}, dir, now)
	voted, err := opened.Vote(tap(1, approval.Accept), rent(), dir, now)
	if err != nil || !opened.OpenedAt.Equal(now) {
		t.Fatalf("%v, opened at %s", err, opened.OpenedAt)
	}
	events = append(append(events, more...), voted...)
	for _, e := range events {
		text, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := approval.Unmarshal(text)
		if err != nil || !reflect.DeepEqual(again.At, e.At) || e.Vote != nil && !reflect.DeepEqual(again.Vote.At, e.Vote.At) {
			t.Errorf("%s at %#v came back at %#v, %v", e.Kind, e.At, again.At, err)
		}
	}
}

// TestWhatIsNoEventIsRefused: a case must not be rebuilt from facts that are not understood.
func TestWhatIsNoEventIsRefused(t *testing.T) {
	t.Parallel()
	for text, malformed := range map[string]bool{
		`{"kind":"case.started","case":"cas_1"}`:                              true, // no plan
		`{"kind":"case.round_opened","case":"cas_1"}`:                         true,
		`{"kind":"vote.cast","case":"cas_1"}`:                                 true, // no vote
		`{"kind":"vote.cast","vote":{"verdict":"accept","assurance":"face"}}`: true, // no such proof
		`{"kind":"document.changed","asks":["chat","face"]}`:                  true,
		`{"kind":"document.changed","asks":[""]}`:                             true,
		`{"kind":"case.something_new"}`:                                       true,
		`{}`:                                                                  true,
		`{"kind":7}`:                                                          false, // not an event at all
		`[]`:                                                                  false,
		``:                                                                    false,
	} {
		_, err := approval.Unmarshal([]byte(text))
		if err == nil || errors.Is(err, approval.ErrEvent) != malformed {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, kind := range []approval.Kind{
		approval.StepOpened, approval.Reassigned, approval.StepClosed, approval.Stuck, approval.SentBack, approval.Decided, approval.TakenBack,
		approval.RanOut, approval.Changed, approval.FileStored, approval.Consumed,
	} {
		text, _ := approval.Event{Kind: kind}.Marshal()
		if e, err := approval.Unmarshal(text); err != nil || e.Kind != kind {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestAStrayEventMovesNothing but the count: it neither breaks the replay nor votes.
func TestAStrayEventMovesNothing(t *testing.T) {
	t.Parallel()
	_, _, events := parallel(route.Step{Mode: route.All}, 2)
	want := approval.Replay(events)
	want.Events++
	accept := &approval.Vote{Verdict: approval.Accept, Assurance: approval.ByChat}
	for name, e := range map[string]approval.Event{
		"no vote":         {Kind: approval.VoteCast, Round: 1},
		"no such slot":    {Kind: approval.VoteCast, Round: 1, No: 9, Vote: accept},
		"no such round":   {Kind: approval.VoteCast, Vote: accept},
		"no plan":         {Kind: approval.Started, Round: 7},
		"a round of none": {Kind: approval.RoundOpened, Round: 7},
		"unknown":         {Kind: "vote.cast_by_mail", Vote: accept},
	} {
		got := approval.Replay(append(slices.Clip(events), e))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// TestVoteStoredBeforeThereWereProofsIsOneOfTheChat.
func TestVoteStoredBeforeThereWereProofsIsOneOfTheChat(t *testing.T) {
	t.Parallel()
	e, err := approval.Unmarshal([]byte(`{"kind":"vote.cast","vote":{"verdict":"accept","revision":1}}`))
	if err != nil || e.Vote.Assurance != approval.ByChat {
		t.Errorf("%+v, %v", e.Vote, err)
	}
}

func FuzzReplay(f *testing.F) {
	_, _, events := parallel(route.Step{Mode: route.All}, 2)
	for _, e := range events {
		text, err := e.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, text)
	}
	f.Add([]byte(`{"kind":"case.round_opened","round":1,"plan":{"steps":[{"key":"s"}]},"asks":["totp","pin"],"new_payee":true}`),
		[]byte(`{"kind":"vote.cast","round":1,"vote":{"verdict":"accept","assurance":"passkey"}}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var read []approval.Event
		for _, text := range [][]byte{first, second, first} {
			if e, err := approval.Unmarshal(text); err == nil {
				read = append(read, e)
			}
		}
		c := approval.Replay(read)
		if c.Events != len(read) {
			t.Fatalf("%+v of %+v", c, read)
		}
		_ = c.Awaiting() // and whatever else reads a case
		_ = c.Judged("per_0")
		_ = c.InStep(0)
		_ = c.Least(-1)
		_ = c.Least(len(c.Asks))
	})
}
