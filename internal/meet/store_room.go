package meet

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/deed"
	"countersign/internal/ident"
)

// mean notes that there is to be a conference, before any server hears of it.
func (*Store) mean(ctx context.Context, tx pgx.Tx, e *entry, now time.Time) (room, error) {
	id, err := ident.New("mrm")
	if err != nil {
		return room{}, err
	}
	r := room{ID: id, conference: id}
	_, err = tx.Exec(ctx, `insert into meeting_room (id, meeting_id, server, conference, meant_at) values ($1, $2, $3, $1, $4)`, id, e.Meeting.ID, e.Server, now)
	if err == nil {
		err = deed.Note(ctx, tx, r.opening(e.Meeting, e.Link))
	}
	return r, err
}

// called notes the id that a server gave a conference in place of ours.
func (s *Store) called(ctx context.Context, r room) error {
	_, err := s.Pool.Exec(ctx, `update meeting_room set conference = $2 where id = $1`, r.ID, r.conference)
	return fail("conference", err)
}

// runs notes that the conference is there. It fails when the room was ended meanwhile.
func (s *Store) runs(ctx context.Context, e *entry, now time.Time) error {
	return fail("conference", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update meeting_room set made_at = coalesce(made_at, $2) where id = $1 and ended_at is null`, e.room.ID, now)
		switch {
		case err != nil:
			return err
		case done.RowsAffected() == 0:
			return errOver
		case e.room.made:
			return nil
		}
		d := e.room.opening(e.Meeting, e.Link)
		d.Outcome = deed.Done
		return deed.Note(ctx, tx, d)
	}))
}

// close ends a room that is not wanted any more.
func (s *Store) close(ctx context.Context, id, why string, now time.Time) error {
	return fail("conference", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectFacts+`r.id = $1 and r.ended_at is null for update of r`, id)
		if err != nil {
			return err
		}
		f, err := pgx.CollectExactlyOneRow(rows, scanFacts)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return end(ctx, tx, f, why, now)
	}))
}

// end notes that a room is not wanted any more, and why.
func end(ctx context.Context, tx pgx.Tx, f facts, why string, now time.Time) error {
	_, err := tx.Exec(ctx, `update meeting_room set ended_at = greatest(meant_at, $3), why = $2 where id = $1`, f.ID, why, now)
	if err != nil {
		return err
	}
	return noteClosing(ctx, tx, f, why)
}

const selectFacts = `select r.id, r.conference, r.made_at is not null, m.id, r.server, m.idle, m.longest, r.meant_at, m.ended_at is not null,
		(select count(*) from meeting_visit v join meeting_link l on l.id = v.link_id where l.meeting_id = m.id and v.state in ('admitted', 'in')),
		coalesce((select max(v.seen_at) from meeting_visit v join meeting_link l on l.id = v.link_id
			where l.meeting_id = m.id and v.state in ('admitted', 'in', 'left')), r.meant_at)
	from meeting_room r join meeting m on m.id = r.meeting_id where `

func scanFacts(row pgx.CollectableRow) (f facts, err error) {
	err = row.Scan(&f.ID, &f.conference, &f.Made, &f.Meeting, &f.Server, &f.Idle, &f.Longest, &f.Meant, &f.Revoked, &f.Here, &f.Heard)
	f.made = f.Made
	return f, err
}

// rooms lists those that a condition names.
func (s *Store) rooms(ctx context.Context, condition string, args ...any) ([]facts, error) {
	rows, err := s.Pool.Query(ctx, selectFacts+condition, args...)
	if err != nil {
		return nil, fail("conferences", err)
	}
	out, err := pgx.CollectRows(rows, scanFacts)
	return out, fail("conferences", err)
}

// finish ends a room if it still is over when nobody can come in meanwhile.
func (s *Store) finish(ctx context.Context, f facts, now time.Time) (ended bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select from meeting where id = $1 for update`, f.Meeting); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectFacts+`r.id = $1 and r.ended_at is null`, f.ID)
		if err != nil {
			return err
		}
		again, err := pgx.CollectExactlyOneRow(rows, scanFacts)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		why, _ := again.why(now)
		if ended = why != ""; !ended {
			return nil
		}
		return end(ctx, tx, again, why, now)
	})
	return ended, fail("conference", err)
}

func (s *Store) cleared(ctx context.Context, id string, now time.Time) error {
	_, err := s.Pool.Exec(ctx, `update meeting_room set gone_at = $2 where id = $1 and gone_at is null and (made_at is not null or ended_at <= $3)`, id, now, now.Add(-settles))
	return fail("conference", err)
}

// servers lists where there were conferences of ours lately.
func (s *Store) servers(ctx context.Context) ([]string, error) {
	rows, err := s.Pool.Query(ctx, `select distinct r.server from meeting_room r`)
	if err != nil {
		return nil, fail("conferences", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return out, fail("conferences", err)
}

// unwanted reports whether a conference with the mark of a room of ours is not the room's.
func (s *Store) unwanted(ctx context.Context, room, conference string) (yes bool, err error) {
	err = s.Pool.QueryRow(ctx, `select exists (select from meeting_room where id = $1 and (ended_at is not null or made_at is not null and conference <> $2))`,
		room, conference).Scan(&yes)
	return yes, fail("conference", err)
}
