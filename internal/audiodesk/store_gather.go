package audiodesk

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
	"countersign/internal/notice"
	"countersign/internal/people"
)

// lend gives what writes a round down, in a transaction of somebody else's.
func (r round) lend(notices *notice.Store) (ledger.Also, error) {
	tell, err := notices.Lend(r.tells...)
	return func(b *pgx.Batch, refusal error) {
		if refusal != nil {
			return
		}
		r.queue(b)
		tell(b)
	}, err
}

// queue writes down the room, who may be in it, and the calls that the limits allow.
func (r round) queue(b *pgx.Batch) {
	b.Queue(gate)
	if r.fresh {
		b.Queue(insertRoom, r.room.row()...)
	} else {
		b.Queue(bump, r.room.ID)
	}
	for _, p := range r.joins {
		b.Queue(`insert into audio_member (room_id, person_id, let_in) values ($1, $2, true) on conflict (room_id, person_id) do update set let_in = true`, r.room.ID, p.ID)
	}
	for _, c := range r.calls {
		b.Queue(`insert into audio_call (id, cause, room_id, person_id, mark, caller, lang, leads, at)
			select $1::text, $2::text, $3::text, $4::text, $5::bytea, '', $6::text, $7::boolean, statement_timestamp()
			where not exists (select from audio_call where ended_at is null and (person_id = $4 or mark = $5))
				and (select count(*) from audio_call where at > statement_timestamp() - interval '1 day' and (person_id = $4 or mark = $5)) < $8::int
				and (select count(*) from audio_call where at > statement_timestamp() - interval '1 day') < $9::int
			on conflict (cause) do nothing`, c.ID, c.Cause, c.Room, c.Person, c.mark, c.Lang, c.Leads, r.rules.Daily, r.rules.DailyAll)
	}
}

// gathering is the room of a case that nobody has closed.
type gathering struct {
	room    newRoom // without an id: there is none
	members []people.ID
	busy    []people.ID // in the room, or being called
	before  bool        // this very tap has rung
}

// gathered finds it, and whether a tap has rung there before.
func (s *Store) gathered(ctx context.Context, about, cause string) (g gathering, err error) {
	err = s.Pool.QueryRow(ctx, `select array(select person_id from audio_call where ended_at is null and person_id is not null)`).Scan(&g.busy)
	if err != nil {
		return gathering{}, fail("audio room of a case", err)
	}
	err = s.Pool.QueryRow(ctx, `select `+roomColumns+`, array(select person_id from audio_member m where m.room_id = r.id and m.let_in),
			exists (select from audio_call c where c.room_id = r.id and starts_with(c.cause, $2))
		from audio_room r where r.about = $1 and r.closed_at is null`, about, cause).Scan(append(g.room.places(), &g.members, &g.before)...)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	g.room.About = about
	return g, fail("audio room of a case", err)
}

// widen rings those who are not in a room that is there.
func (s *Store) widen(ctx context.Context, r round, notices *notice.Store) error {
	if len(r.joins)+len(r.calls)+len(r.tells) == 0 {
		return nil
	}
	also, err := r.lend(notices)
	if err != nil {
		return err
	}
	return fail("audio room of a case", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var closed *time.Time
		if err := tx.QueryRow(ctx, `select closed_at from audio_room where id = $1 for no key update`, r.room.ID).Scan(&closed); err != nil {
			return err
		}
		if closed != nil {
			return errFaster
		}
		b := &pgx.Batch{}
		also(b, nil)
		return tx.SendBatch(ctx, b).Close()
	}))
}
