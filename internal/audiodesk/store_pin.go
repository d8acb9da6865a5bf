package audiodesk

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// pin is the sealed hash of a room's PIN.
func (s *Store) pin(ctx context.Context, room string) (sealed []byte, err error) {
	err = s.Pool.QueryRow(ctx, `select pin from audio_room where id = $1 and closed_at is null`, room).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrClosed
	}
	return sealed, fail("audio room", err)
}

const (
	maxTries    = 5  // locks whoever made it, if it is wrong
	mostGuesses = 30 // in a room within a day, of everybody together: many who try are no better than one
)

// try counts a try at a PIN before it is looked at, so that tries at the same moment are no
// more than those that follow one another; words that are heard again are the same try. The
// fifth locks, at first for 15 minutes, then for twice as long as before, up to a day. Locked
// is until when nobody looks at it.
func (s *Store) try(ctx context.Context, a asking) (left int, locked time.Time, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into audio_member (room_id, person_id, let_in) values ($1, $2, false) on conflict do nothing`, a.Room, a.Person); err != nil {
			return err
		}
		var tries int
		var same, free bool
		var until null
		err := tx.QueryRow(ctx, `select tries, tried is not distinct from $3, locked_until is null or locked_until <= statement_timestamp(), locked_until
			from audio_member where room_id = $1 and person_id = $2 for update`, a.Room, a.Person, a.Tap).Scan(&tries, &same, &free, &until)
		if err != nil || same {
			left = maxTries - tries
			return err
		}
		if !free {
			locked = time.Time(until)
			return nil
		}
		if locked, err = s.guess(ctx, tx, a.Room); err != nil || !locked.IsZero() {
			return err
		}
		err = tx.QueryRow(ctx, `update audio_member set tried = $4,
				tries = case when locked_until is null then tries + 1 else 1 end,
				lockouts = lockouts + case when locked_until is null and tries + 1 = $3 then 1 else 0 end,
				locked_until = case when locked_until is null and tries + 1 = $3
					then statement_timestamp() + least(interval '1 day', interval '15 minutes' * power(2, least(lockouts, 10))) end
			where room_id = $1 and person_id = $2 returning tries`, a.Room, a.Person, maxTries, a.Tap).Scan(&tries)
		left = maxTries - tries
		return err
	})
	return left, locked, fail("PIN of an audio room", err)
}

// guess counts a try among those of everybody, or says until when there are too many.
func (s *Store) guess(ctx context.Context, tx query, room string) (locked time.Time, err error) {
	var many bool
	var until time.Time
	err = tx.QueryRow(ctx, `update audio_room set
			guesses = case when guessed > statement_timestamp() - interval '1 day' then least(guesses, $2) + 1 else 1 end,
			guessed = case when guessed > statement_timestamp() - interval '1 day' then guessed else statement_timestamp() end
		where id = $1 returning guesses > $2, guessed + interval '1 day'`, room, mostGuesses).Scan(&many, &until)
	if many {
		locked = until
	}
	return locked, err
}

// letIn lets somebody into a room who knew its PIN, and ends the question that he answered.
// His try was no guess.
func (s *Store) letIn(ctx context.Context, ends asking) error {
	return fail("PIN of an audio room", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update audio_member set let_in = true, tries = 0, lockouts = 0, locked_until = null where room_id = $1 and person_id = $2`, ends.Room, ends.Person)
		if err == nil {
			_, err = tx.Exec(ctx, `update audio_room set guesses = greatest(guesses - 1, 0) where id = $1`, ends.Room)
		}
		if err == nil {
			err = s.advance(ctx, tx, &ends)
		}
		return err
	}))
}
