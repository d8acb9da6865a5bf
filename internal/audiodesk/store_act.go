package audiodesk

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
	"countersign/internal/people"
)

// end is how an act ended; empty while nobody knows.
type end string

// The ends.
const (
	done    end = "done"
	over    end = "over"   // there was nothing to do any more
	failure end = "failed" // it was not done
)

// act is what somebody did to others in a room.
type act struct {
	ID          string
	At          time.Time
	Person      people.ID
	What        verb // mute, unmute, kick, lock, unlock, close
	Room        string
	Whom        string // a participant; empty: all
	Participant int    // his number in the room
	Outcome     end
}

const actColumns = `id, at, person_id, what, room_id, whom, participant, coalesce(outcome, '')`

func scanAct(row pgx.CollectableRow) (a act, err error) {
	return a, row.Scan(&a.ID, &a.At, &a.Person, &a.What, &a.Room, &a.Whom, &a.Participant, &a.Outcome)
}

// begin writes down what is about to be done.
func (s *Store) begin(ctx context.Context, tx query, a *act) error {
	id, err := ident.New("aac")
	if err == nil {
		err = tx.QueryRow(ctx, `insert into audio_act (id, at, person_id, what, room_id, whom, participant) values ($1, statement_timestamp(), $2, $3, $4, $5, $6) returning id, at`,
			id, a.Person, a.What, a.Room, a.Whom, a.Participant).Scan(&a.ID, &a.At)
	}
	return fail("act", err)
}

// settle writes down how an act ended, unless that is known.
func (s *Store) settle(ctx context.Context, tx query, a act, how end, fault string) error {
	_, err := tx.Exec(ctx, `update audio_act set outcome = $2, fault = $3, ended_at = greatest(at, statement_timestamp()) where id = $1 and outcome is null`, a.ID, how, line(fault, 400))
	return fail("act "+a.ID, err)
}

// closing closes a room, with the record of who did. False: it was closed before.
func (s *Store) closing(ctx context.Context, a act) (fresh bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if fresh, err = s.close(ctx, tx, a.Room); err != nil || !fresh {
			return err
		}
		if err := s.begin(ctx, tx, &a); err != nil {
			return err
		}
		return s.settle(ctx, tx, a, done, "")
	})
	return fresh, err
}

// acts are the latest in a room, the newest first.
func (s *Store) acts(ctx context.Context, room string, most int) ([]act, error) {
	return s.listActs(ctx, `room_id = $1 order by at desc, id desc limit $2`, room, most)
}

// unsettled are the acts of which nobody knows for so long how they ended.
func (s *Store) unsettled(ctx context.Context, since time.Duration) ([]act, error) {
	return s.listActs(ctx, `outcome is null and at < statement_timestamp() - $1::interval order by at limit 100`, since)
}

func (s *Store) listActs(ctx context.Context, which string, args ...any) ([]act, error) {
	rows, err := s.Pool.Query(ctx, `select `+actColumns+` from audio_act where `+which, args...)
	if err != nil {
		return nil, fail("acts", err)
	}
	out, err := pgx.CollectRows(rows, scanAct)
	return out, fail("acts", err)
}

// roomOf finds a room whatever somebody may do there.
func (s *Store) roomOf(ctx context.Context, id string) (r Room, there bool, err error) {
	err = s.Pool.QueryRow(ctx, `select `+roomColumns+` from audio_room r where r.id = $1`, id).Scan(r.places()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Room{}, false, nil
	}
	return r, err == nil, fail("audio room", err)
}
