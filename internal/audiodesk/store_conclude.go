package audiodesk

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/ledger"
)

// talk is the room of a case that nobody has closed.
type talk struct {
	Room

	about approval.ID
	empty bool // for so long that it is to be closed
}

// isEmpty: nobody is in a room r, or is called into it, nor was for a while.
const isEmpty = `not exists (select from audio_presence p where p.room_id = r.id and p.gone_at is null)
	and not exists (select from audio_call c where c.room_id = r.id and c.ended_at is null)
	and greatest(r.made_at, (select max(p.gone_at) from audio_presence p where p.room_id = r.id), (select max(c.ended_at) from audio_call c where c.room_id = r.id))
		< statement_timestamp() - $1::interval`

// talks are the rooms of cases that are open.
func (s *Store) talks(ctx context.Context, deserted time.Duration) ([]talk, error) {
	rows, err := s.Pool.Query(ctx, `select `+roomColumns+`, r.about, `+isEmpty+` from audio_room r where r.kind = 'case' and r.closed_at is null and r.noted_at is null order by r.made_at`, deserted)
	if err != nil {
		return nil, fail("audio rooms of cases", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t talk, err error) {
		return t, row.Scan(append(t.places(), &t.about, &t.empty)...)
	})
	return out, fail("audio rooms of cases", err)
}

// shut closes a room. One that is closed for being empty must be so still, while nobody can
// have anybody called into it. False: it is not, or was closed before.
func (s *Store) shut(ctx context.Context, t talk, deserted time.Duration) (done bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, gate); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select from audio_room where id = $1 for no key update`, t.ID); err != nil {
			return err
		}
		still := true
		if t.empty {
			if err := tx.QueryRow(ctx, `select `+isEmpty+` from audio_room r where r.id = $2`, deserted, t.ID).Scan(&still); err != nil {
				return err
			}
		}
		if still {
			done, err = s.close(ctx, tx, t.ID)
		}
		return err
	})
	return done, fail("audio room of a case", err)
}

// past is a talk that is over.
type past struct {
	room   string
	about  approval.ID
	people int
	took   time.Duration
}

// unnoted are the talks that are over, and are not noted under their documents. One is told
// of when all have left it, or should have long since.
func (s *Store) unnoted(ctx context.Context) ([]past, error) {
	const patient = 5 * time.Minute
	rows, err := s.Pool.Query(ctx, `select r.id, r.about, count(distinct coalesce(c.person_id, p.whom)), coalesce(max(coalesce(p.gone_at, r.closed_at)) - min(p.came_at), interval '0')
		from audio_room r left join audio_presence p on p.room_id = r.id left join audio_call c on c.id = p.call_id
		where r.kind = 'case' and r.closed_at is not null and r.noted_at is null
		group by r.id having not bool_or(p.id is not null and p.gone_at is null) or r.closed_at < statement_timestamp() - $1::interval order by r.closed_at`, patient)
	if err != nil {
		return nil, fail("talks that are over", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t past, err error) {
		return t, row.Scan(&t.room, &t.about, &t.people, &t.took)
	})
	return out, fail("talks that are over", err)
}

const setNoted = `update audio_room set noted_at = statement_timestamp() where id = $1 and noted_at is null`

// noted says so, in a transaction of somebody else's.
func noted(room string) ledger.Also {
	return func(b *pgx.Batch, refusal error) {
		if refusal == nil {
			b.Queue(setNoted, room)
		}
	}
}

func (s *Store) noted(ctx context.Context, room string) error {
	_, err := s.Pool.Exec(ctx, setNoted, room)
	return fail("talk that is over", err)
}
