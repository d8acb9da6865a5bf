package audiodesk

import (
	"context"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
	"countersign/internal/seal"
)

// shelf is where sealed values are. Each row is changed in a commit of its own, if it is still
// what was read: nobody waits for a batch, and what somebody put there meanwhile stays.
type shelf struct {
	list  string // the rows after the id $1, under another key than $2, at most $3
	put   string // into the row $1 in place of $2: $3, and the mark $4
	place func(id string) seal.Place
}

func shelves() []shelf {
	return []shelf{
		{
			list:  `select id, pin from audio_room where id > $1 and pin_key <> $2 order by id limit $3`,
			put:   `update audio_room set pin = $3 where id = $1 and pin = $2 and $4::bytea is not null`,
			place: pinOf,
		},
		{
			list:  `select person_id, sealed from audio_number where person_id > $1 and sealed_key <> $2 order by person_id limit $3`,
			put:   `update audio_number set sealed = $3, mark = $4 where person_id = $1 and sealed = $2`,
			place: func(id string) seal.Place { return numberOf(people.ID(id)) },
		},
		{ // its mark stays: it is found by the key before
			list:  `select id, sealed from audio_call where id > $1 and sealed_key <> $2 order by id limit $3`,
			put:   `update audio_call set sealed = $3 where id = $1 and sealed = $2 and $4::bytea is not null`,
			place: numberFor,
		},
	}
}

// shelved is a sealed value on its shelf.
type shelved struct {
	ID     string
	Sealed []byte
}

func (s *Store) shelved(ctx context.Context, of shelf, after string, key uint32, limit int) ([]shelved, error) {
	rows, err := s.Pool.Query(ctx, of.list, after, key, limit)
	if err != nil {
		return nil, fail("sealed values", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[shelved])
	return out, fail("sealed values", err)
}

// put gives a row its new value; false: it is not what it was.
func (s *Store) put(ctx context.Context, of shelf, was shelved, now, mark []byte) (bool, error) {
	tag, err := s.Pool.Exec(ctx, of.put, was.ID, was.Sealed, now, mark)
	return err == nil && tag.RowsAffected() == 1, fail("sealed value", err)
}
