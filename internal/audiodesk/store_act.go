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
	Tap         string // that asked for it, and does so once; empty: none
}

const actColumns = `id, at, person_id, what, room_id, whom, participant, coalesce(outcome, ''), coalesce(tap, '')`

func scanAct(row pgx.CollectableRow) (a act, err error) {
	return a, row.Scan(&a.ID, &a.At, &a.Person, &a.What, &a.Room, &a.Whom, &a.Participant, &a.Outcome, &a.Tap)
}

// begin writes down what is about to be done. Fresh: this tap asks for the first time;
// otherwise a is what it asked for before, with how that ended.
func (s *Store) begin(ctx context.Context, tx query, a *act) (fresh bool, err error) {
	id, err := ident.New("aac")
	if err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `insert into audio_act (id, at, person_id, what, room_id, whom, participant, tap) values ($1, statement_timestamp(), $2, $3, $4, $5, $6, nullif($7, ''))
		on conflict (tap) where tap is not null do nothing returning id, at`, id, a.Person, a.What, a.Room, a.Whom, a.Participant, a.Tap).Scan(&a.ID, &a.At)
	if errors.Is(err, pgx.ErrNoRows) {
		was, before, err := s.begun(ctx, tx, a.Tap)
		if before {
			*a = was
		}
		return false, err
	}
	return err == nil, fail("act", err)
}

// begun finds what a tap asked for before.
func (s *Store) begun(ctx context.Context, tx query, tap string) (a act, there bool, err error) {
	rows, err := tx.Query(ctx, `select `+actColumns+` from audio_act where tap = $1`, tap)
	if err != nil {
		return act{}, false, fail("act", err)
	}
	all, err := pgx.CollectRows(rows, scanAct)
	if err != nil || len(all) == 0 {
		return act{}, false, fail("act", err)
	}
	return all[0], true, nil
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
		if _, err := s.begin(ctx, tx, &a); err != nil {
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
