package approval_test

import (
	"fmt"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

// round is what the events alone say of a round.
type round struct {
	plan     route.Plan
	amount   money.Amount
	revision int
	first    int             // the revision with which it opened
	fresh    bool            // the payee was new then
	asked    map[int]int     // seats: of those who were asked for themselves
	deputies map[string]bool // slots of those who were asked for others
	stuck    bool
	votes    map[int]map[people.ID]approval.Vote
}

// mustApprove recounts the votes of the last round: no path approves without them.
func mustApprove(t judge, events []approval.Event) {
	t.Helper()
	r := recount(t, events)
	if len(r.plan.Steps) == 0 {
		t.Fatalf("approved by a route without steps")
	}
	voters := map[people.ID]int{}
	for i, s := range r.plan.Steps {
		accepts, rejects := 0, 0
		for who, v := range r.votes[i] {
			voters[who]++
			switch v.Verdict {
			case approval.Accept:
				accepts++
			case approval.Reject:
				rejects++
			case approval.Return:
				t.Fatalf("approved although %s sent it back", who)
			}
			if v.Revision < r.first || v.Revision > r.revision {
				t.Fatalf("the vote of %s on revision %d counts for %d, round of %d", who, v.Revision, r.revision, r.first)
			}
			if !near(v.Amount, r.amount, r.plan.Change.Drift) {
				t.Fatalf("%s judged %s, approved is %s", who, v.Amount, r.amount)
			}
			if v.Verdict == approval.Accept && strength(v.Assurance) < r.wanted(s.Key) {
				t.Fatalf("%s accepted %s in step %s by %s: %+v", who, r.amount, s.Key, v.Assurance, r.plan.StepUps)
			}
			if r.plan.Repeat == route.Distinct && voters[who] > 1 {
				t.Fatalf("%s voted in two steps of a distinct route", who)
			}
		}
		need := map[route.Mode]int{route.Any: 1, route.All: r.asked[i], route.NOfM: s.N}[s.Mode]
		if need < 1 || accepts < need || rejects >= max(1, s.Deny) {
			t.Fatalf("step %d (%s, n %d, deny %d) passed with %d accepting and %d rejecting of %d asked",
				i, s.Mode, s.N, s.Deny, accepts, rejects, r.asked[i])
		}
	}
}

// recount reads the last round off the events.
func recount(t judge, events []approval.Event) round {
	t.Helper()
	var r round
	for _, e := range events {
		switch e.Kind {
		case approval.Started, approval.RoundOpened:
			r = round{
				plan: *e.Plan, amount: e.Amount, revision: e.Revision, first: e.Revision, fresh: e.NewPayee,
				asked: map[int]int{}, deputies: map[string]bool{}, votes: map[int]map[people.ID]approval.Vote{},
			}
		case approval.Changed:
			r.revision, r.amount = e.Revision, e.Amount
			if e.Class == document.Material {
				r.votes = nil // a round must open before anything else counts
			}
		case approval.StepOpened, approval.Reassigned, approval.Stuck:
			if (e.Kind == approval.Reassigned) != (r.asked[e.Step] > 0 && !r.stuck) && e.Kind != approval.Stuck {
				t.Fatalf("step %d, stuck %t, with %d asked meets %s", e.Step, r.stuck, r.asked[e.Step], e.Kind)
			}
			r.stuck = e.Kind == approval.Stuck
			r.seat(e)
			if r.votes[e.Step] == nil {
				r.votes[e.Step] = map[people.ID]approval.Vote{}
			}
		case approval.VoteCast:
			r.votes[e.Step][e.Person] = *e.Vote
		default:
		}
	}
	return r
}

// seat counts who is asked for himself.
func (r round) seat(e approval.Event) {
	slot := func(no int) string { return fmt.Sprint(e.Step, "/", no) }
	for _, s := range e.Slots {
		if r.deputies[slot(s.No)] = s.For != ""; s.For == "" {
			r.asked[e.Step]++
		}
	}
	for _, no := range e.Gone {
		if !r.deputies[slot(no)] {
			r.asked[e.Step]--
		}
	}
}

// near is the tolerance in plain arithmetic: the amounts of these tests are small.
func near(from, to money.Amount, drift money.Tolerance) bool {
	moved := max(from.Minor-to.Minor, to.Minor-from.Minor)
	return from.Currency == to.Currency && (moved <= drift.Minor || moved*10_000 <= from.Minor*drift.BasisPoints)
}

// strength counts the kinds of proof in the order in which the words of the rules name them.
func strength(a approval.Assurance) int {
	return map[approval.Assurance]int{"chat": 1, "pin": 2, "login": 3, "totp": 4, "passkey": 5}[a]
}

// wanted is the strength that the last amount of the round asks for in a step, by the
// letter of the rules.
func (r round) wanted(step string) int {
	most, named := 1, map[string]bool{}
	for _, u := range r.plan.StepUps {
		if u.Over != nil && (len(u.Steps) == 0 || u.Steps[0] == step) {
			named[u.Over.Currency] = true
		}
	}
	for _, u := range r.plan.StepUps {
		switch {
		case len(u.Steps) > 0 && u.Steps[0] != step:
		case u.NewPayee && !r.fresh:
		case u.Over != nil && u.Over.Currency == r.amount.Currency && r.amount.Minor <= u.Over.Minor:
		case u.Over != nil && u.Over.Currency != r.amount.Currency && named[r.amount.Currency]:
		default:
			most = max(most, strength(u.Least))
		}
	}
	return most
}
