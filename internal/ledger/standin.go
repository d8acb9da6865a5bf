package ledger

import (
	"context"
	"fmt"

	"countersign/internal/directory"
	"countersign/internal/people"
)

// Lists of cases to be looked at anew: the next $2 after the id $1.
const (
	// Somebody is asked whose right began to be another's, too.
	asking = `select distinct s.case_id from slot s join approval_case c on c.id = s.case_id
		where s.state = 'open' and c.state = 'in_progress' and s.case_id > $1 and s.person_id = $3 order by s.case_id limit $2`
	// Somebody is asked by a delegation that is over.
	outlasted = `select distinct s.case_id from slot s where s.state = 'open' and s.for_person is not null
		and s.by_delegations @> array[$3::bigint] and s.case_id > $1 order by s.case_id limit $2`
)

// StandIn lets the open cases follow what began or is over: deputies are asked from then on,
// or no more, and the cards say who is away. Call it after each change of delegations and
// absences, and every minute. It may run in many places at once.
func (db *DB) StandIn(ctx context.Context) error {
	due, err := db.Directory.Due(ctx)
	if err != nil {
		return fmt.Errorf("stand in: %w", classify(err))
	}
	var left faults
	for _, d := range due {
		if err := db.follow(ctx, d); err != nil {
			left.add(fmt.Errorf("delegation %d of %s: %w", d.Delegation, d.Person, err))
		}
	}
	return left.err()
}

// RedrawConcerning asks for the messages of every open case that one of the persons has to
// do with, asked or told: what they say of him, or to him, has changed.
func (db *DB) RedrawConcerning(ctx context.Context, ids ...people.ID) error {
	return db.redrawAll(ctx, concerning, ids)
}

// follow looks at the cases that one delegation or absence concerns. It is noted as done
// only when all of them were looked at.
func (db *DB) follow(ctx context.Context, d directory.Due) error {
	if d.Delegation == 0 {
		if err := db.redrawAll(ctx, askedOf, []people.ID{d.Person}); err != nil {
			return err
		}
		return db.Directory.Followed(ctx, d)
	}
	list, of := asking, any(string(d.Person))
	if d.Over {
		list, of = outlasted, int64(d.Delegation)
	}
	var missed faults
	for after := ""; ; {
		ids, err := db.cases(ctx, list, after, page, of)
		if err != nil {
			return err
		}
		_, done := db.recheckThese(ctx, ids, &missed)
		if done < len(ids) {
			return ctx.Err()
		}
		if len(ids) < page {
			break
		}
		after = ids[len(ids)-1]
	}
	if err := missed.err(); err != nil {
		return err
	}
	return db.Directory.Followed(ctx, d)
}
