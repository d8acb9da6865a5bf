package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// settling is after what time nobody can be at work any more who has not heard of a change:
// until then what follows from it is looked at again and again.
const settling = 2 * time.Minute

// remembered is how long the core hears of a delegation after its end.
const remembered = 24 * time.Hour

// standing reads the delegations and absences that are in force, will be, or were until a
// short while ago.
func standing(ctx context.Context, q Querier, at time.Time) ([]people.Delegation, []people.Absence, error) {
	rows, err := q.Query(ctx, `select `+delegationColumns+` from delegation d where d.ended_at is null and d.until > $1`, at.Add(-remembered))
	if err != nil {
		return nil, nil, fmt.Errorf("delegations: %w", err)
	}
	given, err := pgx.CollectRows(rows, scanGiven)
	if err != nil {
		return nil, nil, fmt.Errorf("delegations: %w", err)
	}
	delegations := make([]people.Delegation, len(given))
	for i, g := range given {
		delegations[i] = g.Delegation
	}
	if rows, err = q.Query(ctx, `select id, person_id, starts_at, until from absence where ended_at is null and until > $1`, at.Add(-remembered)); err != nil {
		return nil, nil, fmt.Errorf("absences: %w", err)
	}
	absences, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (people.Absence, error) {
		var a people.Absence
		err := row.Scan(&a.ID, &a.Person, &a.From, &a.Until)
		a.From, a.Until = a.From.UTC(), a.Until.UTC()
		return a, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("absences: %w", err)
	}
	return delegations, absences, nil
}

// Due is a delegation or an absence that began or is over, and what waits for that has not
// surely followed yet.
type Due struct {
	Delegation people.DelegationID // 0: an absence
	absence    int64
	Person     people.ID // whose right, or who is away
	Over       bool      // else: it began
	settled    bool      // nothing new can come of it once this time it is looked at
}

// Due lists what began or is over.
func (s *Store) Due(ctx context.Context) ([]Due, error) {
	const which = `, ended_at is not null or until <= $1,
			case when ended_at is not null or until <= $1 then least(ended_at, until) else greatest(starts_at, made_at) end <= $2
		from %s where over_at is null and (ended_at is not null or until <= $1 or begun_at is null and starts_at <= $1)`
	rows, err := s.Pool.Query(ctx, `select id, 0::bigint, principal`+fmt.Sprintf(which, "delegation")+
		` union all select 0, id, person_id`+fmt.Sprintf(which, "absence"), s.now(), s.now().Add(-settling))
	if err != nil {
		return nil, fmt.Errorf("what began or is over: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Due, error) {
		var d Due
		return d, row.Scan(&d.Delegation, &d.absence, &d.Person, &d.Over, &d.settled)
	})
	if err != nil {
		return nil, fmt.Errorf("what began or is over: %w", err)
	}
	return out, nil
}

// Followed notes that what waited for it has followed.
func (s *Store) Followed(ctx context.Context, d Due) error {
	if !d.settled {
		return nil
	}
	table, id, column := "delegation", int64(d.Delegation), "begun_at"
	if d.Delegation == 0 {
		table, id = "absence", d.absence
	}
	if d.Over {
		column = "over_at"
	}
	if _, err := s.Pool.Exec(ctx, fmt.Sprintf(`update %s set %s = $2 where id = $1 and %[2]s is null`, table, column), id, s.now()); err != nil {
		return fmt.Errorf("what began or is over: %w", err)
	}
	return nil
}

// endStanding ends what somebody who leaves gave and got, and his being away.
func (w *writer) endStanding(ctx context.Context, id people.ID, why string) error {
	gone, err := w.absences(ctx, "a.person_id = $1 and a.until > $2", id, w.at)
	if err != nil {
		return err
	}
	for _, g := range gone {
		if err := w.endAbsence(ctx, g, why); err != nil {
			return err
		}
	}
	return w.endDelegations(ctx, "$1 in (d.principal, d.deputy) and d.until > $2", why, id, w.at)
}

// TellNext hands on a delegation of which its deputy was not told, or of whose end before its
// time, and notes in the same commit that he is. Whoever never heard of one does not hear of
// its end. It reports whether there was one.
func (s *Store) TellNext(ctx context.Context, tell func(tx Tx, g Given) error) (bool, error) {
	found := false
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+delegationColumns+` from delegation d
			where (d.told_at is null and d.ended_at is null or d.told_at is not null and d.ended_at is not null and d.end_told_at is null) and d.until > $1
			  and exists (select from telegram_link l where l.person_id = d.deputy and l.unlinked_at is null)
			order by d.ended_at is null, d.id limit 1 for update of d skip locked`, s.now())
		if err != nil {
			return err
		}
		given, err := pgx.CollectRows(rows, scanGiven)
		if err != nil || len(given) == 0 {
			return err
		}
		found = true
		if err := tell(tx, given[0]); err != nil {
			return err
		}
		column := "told_at"
		if !given[0].Ended.IsZero() {
			column = "end_told_at"
		}
		_, err = tx.Exec(ctx, fmt.Sprintf("update delegation set %s = $2 where id = $1", column), given[0].ID, s.now())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("tell a deputy: %w", err)
	}
	return found, nil
}
