package assure

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// shelf is a place where sealed values are. A row has a name of two parts.
type shelf struct {
	list  string // after the name ($1, $2), under another key than $3, at most $4
	put   string // $3 into the row
	place func(one, two string) string
}

// shelves are all of them. Of secrets that wait for a first code those are sealed anew that
// somebody may still open; the rest are never opened again, and go with their attempts.
func shelves() []shelf {
	return []shelf{
		{
			list: `select person_id, method, sealed from assure_secret
				where (person_id, method) > ($1, $2) and sealed_key <> $3 order by person_id, method limit $4 for update skip locked`,
			put:   "update assure_secret set sealed = $3 where person_id = $1 and method = $2",
			place: func(person, m string) string { return place(people.ID(person), Method(m)) },
		},
		{
			list: `select id, '', pending from assure_attempt where (id, '') > ($1, $2) and seal_key_id(pending) <> $3
				and ended_at is null and expires_at > statement_timestamp() order by id limit $4 for update skip locked`,
			put:   "update assure_attempt set pending = $3 where id = $1 and $2 = ''",
			place: func(id, _ string) string { return waiting(id) },
		},
		{
			list: `select person_id, id, sealed from assure_passkey
				where (person_id, id) > ($1, $2) and sealed_key <> $3 order by person_id, id limit $4 for update skip locked`,
			put:   "update assure_passkey set sealed = $3 where person_id = $1 and id = $2",
			place: func(person, id string) string { return keyPlace(people.ID(person), id) },
		},
	}
}

// Reseal seals anew what is sealed under another key than the one named, at most limit
// secrets in one commit, and gives how many it sealed. It may be called again, also by
// several replicas at once. A secret that cannot be opened stays as it is and is named in
// the error.
func (d *Desk) Reseal(ctx context.Context, key uint32, limit int) (int, error) {
	var done int
	var closed []error
	for _, s := range shelves() {
		after, limit := [2]string{}, max(1, limit)
		for more := true; more; {
			err := pgx.BeginFunc(ctx, d.Store.Pool, func(tx pgx.Tx) error {
				rows, err := tx.Query(ctx, s.list, after[0], after[1], key, limit)
				if err != nil {
					return err
				}
				found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[shelved])
				more = len(found) == limit
				for _, r := range found {
					after = [2]string{r.One, r.Two}
					if bad, err := d.reseal(ctx, tx, s, r); err != nil {
						return err
					} else if bad != nil {
						closed = append(closed, fmt.Errorf("%s: %w", s.place(r.One, r.Two), bad))
						continue
					}
					done++
				}
				return err
			})
			if err != nil {
				return done, fmt.Errorf("seal what persons confirm with: %w", err)
			}
		}
	}
	return done, errors.Join(closed...)
}

// shelved is a sealed value on its shelf.
type shelved struct {
	One, Two string
	Sealed   []byte
}

func (d *Desk) reseal(ctx context.Context, e executor, s shelf, r shelved) (bad, err error) {
	text, bad := d.Open(r.Sealed, s.place(r.One, r.Two))
	if bad != nil {
		return bad, nil
	}
	sealed, bad := d.Seal(text, s.place(r.One, r.Two))
	if bad != nil {
		return bad, nil
	}
	_, err = e.Exec(ctx, s.put, r.One, r.Two, sealed)
	return nil, err
}
