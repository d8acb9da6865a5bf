package ledger

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
)

// writeSlots: slots and votes come before the case, so that the schema's guards see the
// case as it was when the vote was cast. A vote comes before its slot is closed, and a slot
// is closed before the same person is asked for somebody else.
func (r *record) writeSlots(b *pgx.Batch, facts []fact, now time.Time) {
	fresh := r.Case.Slots[len(r.states):]
	var late []*approval.Event // votes carried into slots that are made with them
	for _, f := range facts {
		switch e := f.event; {
		case e == nil || e.Kind != approval.VoteCast:
		case isOf(fresh, e):
			late = append(late, e)
		default:
			r.writeVote(b, e)
		}
	}
	r.updateSlots(b, func(s approval.Slot) bool { return s.State != approval.SlotOpen })
	r.updateSlots(b, func(s approval.Slot) bool { return s.State == approval.SlotOpen })
	for _, s := range fresh {
		b.Queue(`insert into slot (case_id, round, step, no, person_id, for_person, by_delegations, because, state, asked_at)
			values ($1, $2, $3, $4, $5, nullif($6, ''), $7, $8, $9, $10)`,
			r.Case.ID, s.Round, s.Step, s.No, s.Person, string(s.For), numbers(s.By), s.Because, s.State, now)
	}
	for _, e := range late {
		r.writeVote(b, e)
	}
}

func isOf(slots []approval.Slot, e *approval.Event) bool {
	return slices.ContainsFunc(slots, func(s approval.Slot) bool { return s.Round == e.Round && s.Step == e.Step && s.No == e.No })
}

func (r *record) writeVote(b *pgx.Batch, e *approval.Event) {
	v := e.Vote
	b.Queue(`insert into vote (case_id, round, step, no, person_id, revision, amount_minor, currency, verdict, reason, via, assurance,
			for_person, by_delegations, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, nullif($13, ''), $14, $15)`,
		r.Case.ID, e.Round, e.Step, e.No, e.Person, v.Revision, v.Amount.Minor, v.Amount.Currency,
		v.Verdict, v.Reason, v.Via, v.Assurance, string(v.For), numbers(v.By), v.At)
}

// updateSlots writes the slots whose state changed to one that fits, in one statement.
func (r *record) updateSlots(b *pgx.Batch, fits func(approval.Slot) bool) {
	var round, step, no []int
	var state, because []string
	for i, was := range r.states {
		s := r.Case.Slots[i]
		if !fits(s) {
			continue
		}
		if !slices.Equal(s.By, was.By) {
			b.Queue(`update slot set by_delegations = $5 where case_id = $1 and round = $2 and step = $3 and no = $4`,
				r.Case.ID, s.Round, s.Step, s.No, numbers(s.By))
		}
		if s.State != was.State {
			round, step, no = append(round, s.Round), append(step, s.Step), append(no, s.No)
			state, because = append(state, string(s.State)), append(because, s.Because)
		}
	}
	switch len(state) {
	case 0:
	case 1: // nearly every vote
		b.Queue(`update slot set state = $5, because = $6 where case_id = $1 and round = $2 and step = $3 and no = $4`,
			r.Case.ID, round[0], step[0], no[0], state[0], because[0])
	default:
		b.Queue(`update slot s set state = n.state, because = n.because
			from unnest($2::int[], $3::int[], $4::int[], $5::text[], $6::text[]) n(round, step, no, state, because)
			where s.case_id = $1 and (s.round, s.step, s.no) = (n.round, n.step, n.no)`,
			r.Case.ID, round, step, no, state, because)
	}
}

// numbers gives delegations as the database takes them; none is no null.
func numbers(c approval.Chain) []int64 {
	out := make([]int64, len(c))
	for i, id := range c {
		out[i] = int64(id)
	}
	return out
}
