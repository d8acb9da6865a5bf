package audiodesk

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/people"
)

// ofCase finds the room of a case that nobody has closed.
func (s *Store) ofCase(ctx context.Context, about approval.ID) (r newRoom, there bool, err error) {
	err = s.Pool.QueryRow(ctx, `select `+roomColumns+` from audio_room r where r.about = $1 and r.closed_at is null`, about).Scan(r.places()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return newRoom{}, false, nil
	}
	return r, err == nil, fail("audio room of a case", err)
}

// tally counts, for a room that is there or is to be made.
func (s *Store) tally(ctx context.Context, tx query, room string, c circle) (t tally, err error) {
	err = tx.QueryRow(ctx, `select (select count(*) from audio_call where at > statement_timestamp() - interval '1 day' and starts_with(cause, $1)),
		(select count(*) from audio_call where at > statement_timestamp() - interval '1 day' and `+counted+`)`, c.cause("")).Scan(&t.before, &t.all)
	if err != nil {
		return tally{}, fail("audio room of a case", err)
	}
	var ids []string
	var marks, before [][]byte
	for _, g := range c.guests {
		ids, marks, before = append(ids, string(g.ID)), append(marks, g.mark), append(before, g.before)
	}
	rows, err := tx.Query(ctx, `select exists (select from audio_member m where m.room_id = $3 and m.person_id = g.person and m.let_in),
			exists (select from audio_call c where c.ended_at is null and c.person_id = g.person and c.room_id = $3),
			exists (select from audio_call c where c.ended_at is null and (c.person_id = g.person or c.mark in (g.mark, g.before))),
			(select count(*) from audio_call c where c.at > statement_timestamp() - interval '1 day' and (c.person_id = g.person or c.mark in (g.mark, g.before)) and `+counted+`)
		from unnest($1::text[], $2::bytea[], $4::bytea[]) with ordinality as g (person, mark, before, no) order by g.no`, ids, marks, room, before)
	if err != nil {
		return tally{}, fail("audio room of a case", err)
	}
	t.of, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (o one, err error) {
		return o, row.Scan(&o.member, &o.inside, &o.calling, &o.today)
	})
	return t, fail("audio room of a case", err)
}

// lend gives what makes the room, in a transaction of somebody else's.
func (r newRoom) lend() ledger.Also {
	return func(b *pgx.Batch, refusal error) {
		if refusal == nil {
			b.Queue(insertRoom, r.row()...)
		}
	}
}

// round is who is called into a room now, being written down.
type round struct {
	tx   pgx.Tx
	b    pgx.Batch
	room string
}

func (r *round) call(c call) { r.b.Queue(insertCall, c.row()...) }

func (r *round) letIn(p people.ID) {
	r.b.Queue(`insert into audio_member (room_id, person_id, let_in) values ($1, $2, true) on conflict (room_id, person_id) do update set let_in = true`, r.room, p)
}

// ring lets somebody write down who is called into a room, by what he counts while nobody
// else does. Who counts calls takes the gate before any room.
func (s *Store) ring(ctx context.Context, room string, c circle, write func(r *round, now tally) error) error {
	return fail("audio room of a case", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, gate); err != nil {
			return err
		}
		var closed *time.Time
		if err := tx.QueryRow(ctx, `select closed_at from audio_room where id = $1 for no key update`, room).Scan(&closed); err != nil {
			return err
		}
		if closed != nil {
			return errFaster
		}
		now, err := s.tally(ctx, tx, room, c)
		if err != nil {
			return err
		}
		r := &round{tx: tx, room: room}
		if err := write(r, now); err != nil || r.b.Len() == 0 {
			return err
		}
		r.b.Queue(bump, room)
		return tx.SendBatch(ctx, &r.b).Close()
	}))
}
