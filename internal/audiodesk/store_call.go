package audiodesk

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// state is how far a call is. It only goes on.
type state string

// The states.
const (
	wanted  state = "asked"
	claimed state = "claimed" // the exchange is asked, or was
	ringing state = "ringing"
	inside  state = "in"
	ended   state = "ended"
)

// Outcome is how a call ended.
type Outcome string

// The outcomes.
const (
	Over         Outcome = "left"
	Busy         Outcome = "busy"
	NoAnswer     Outcome = "no_answer"
	Rejected     Outcome = "rejected"
	NoSuchNumber Outcome = "no_such_number"
	NoLine       Outcome = "no_line"
	Failed       Outcome = "failed"
	LockedOut    Outcome = "locked"
	Shut         Outcome = "closed"
	Away         Outcome = "away"    // the exchange: nobody was called
	Unknown      Outcome = "unknown" // nobody knows whether the phone was called
	NoNumber     Outcome = "no_number"
	TooLate      Outcome = "too_late" // no line was free
)

// call is a phone that is called into a room.
type call struct {
	ID      string
	Cause   string
	Room    string
	into    string    // its name at another system, until it has one here
	Person  people.ID // empty: nobody of ours
	Source  string
	sealed  []byte // the number, where it is nobody's of ours
	mark    []byte
	marks   [][]byte // by which the number may be known, its mark the first
	Caller  string
	Lang    string
	Leads   bool
	State   state
	Outcome Outcome
	Number  string // of the room
	shut    bool   // the room is closed
}

const callColumns = `c.id, c.cause, c.room_id, coalesce(c.person_id, ''), coalesce(c.source, ''), c.sealed, c.mark, c.caller, c.lang, c.leads, c.state, coalesce(c.outcome, '')`

func (c *call) places() []any {
	return []any{&c.ID, &c.Cause, &c.Room, &c.Person, &c.Source, &c.sealed, &c.mark, &c.Caller, &c.Lang, &c.Leads, &c.State, &c.Outcome}
}

const insertCall = `insert into audio_call (id, cause, room_id, person_id, source, sealed, mark, caller, lang, leads, at)
	values ($1, $2, $3, nullif($4, ''), nullif($5, ''), $6, $7, $8, $9, $10, statement_timestamp())`

func (c *call) row() []any {
	return []any{c.ID, c.Cause, c.Room, c.Person, c.Source, c.sealed, c.mark, c.Caller, c.Lang, c.Leads}
}

// want writes down that somebody is to be called. What asked for it before asks for nothing
// again: c is then what it came to. The marks of the number are made under the gate, by the
// keys that hold there.
func (s *Store) want(ctx context.Context, c *call, l Rules, marks func(k keptKeys) ([][]byte, error)) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		k, err := s.key(ctx, tx, "for update")
		if err != nil {
			return err
		}
		if c.marks, err = marks(k); err != nil {
			return err
		}
		c.mark = c.marks[0]
		there, err := earlier(ctx, tx, c)
		if err != nil || there {
			return err
		}
		if c.Source != "" {
			if c.Room, err = s.outside(ctx, tx, c.Source, c.into); err != nil {
				return err
			}
		}
		if err := s.allowed(ctx, tx, c, l); err != nil { // a room that was made for nothing goes with the transaction
			return err
		}
		if _, err := tx.Exec(ctx, insertCall, c.row()...); err != nil {
			return err
		}
		c.State = wanted
		tag, err := tx.Exec(ctx, bump+` and closed_at is null`, c.Room)
		if err == nil && tag.RowsAffected() == 0 {
			return ErrClosed // in this moment
		}
		return err
	})
	return fail("call", err)
}

// earlier finds what was asked for by the same cause. Another system's is the same call only
// when it is the same number in the same room: a key that comes again must not stand for a
// call to somebody else.
func earlier(ctx context.Context, tx query, c *call) (there bool, err error) {
	var was call
	err = tx.QueryRow(ctx, `select `+callColumns+`, r.name from audio_call c join audio_room r on r.id = c.room_id where c.cause = $1`, c.Cause).
		Scan(append(was.places(), &was.into)...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case c.Source != "" && (!slices.ContainsFunc(c.marks, func(m []byte) bool { return bytes.Equal(was.mark, m) }) || was.into != c.into || was.Caller != c.Caller || was.Lang != c.Lang):
		return true, ErrOther
	}
	*c = was
	return true, nil
}

// counted are the calls that the limits count: all but those of which it is certain that the exchange was
// not asked, because it was away.
const counted = `outcome is distinct from 'away'`

// allowed counts.
func (s *Store) allowed(ctx context.Context, tx query, c *call, l Rules) error {
	var open, locked bool
	var own, all int
	var shut *time.Time
	err := tx.QueryRow(ctx, `select exists (select from audio_call where ended_at is null and (person_id = $1 or mark = any($2))),
		(select count(*) from audio_call where at > statement_timestamp() - interval '1 day' and (person_id = $1 or mark = any($2)) and `+counted+`),
		(select count(*) from audio_call where at > statement_timestamp() - interval '1 day' and `+counted+`),
		(select closed_at from audio_room where id = $3), coalesce((select locked from audio_room where id = $3), false)`, c.Person, c.marks, c.Room).Scan(&open, &own, &all, &shut, &locked)
	switch {
	case err != nil:
		return err
	case shut != nil:
		return ErrClosed
	case c.Source != "" && locked: // nobody in it asked for him, and he would be turned away after his phone rang
		return ErrLocked
	case open:
		return ErrInProgress
	case own >= l.Daily:
		return ErrDaily
	case all >= l.DailyAll:
		return ErrDailyAll
	default:
		return nil
	}
}

// claim takes the next call to be made: whoever has it may ask the exchange once. False: there
// is none, or as many are made as may be at once.
func (s *Store) claim(ctx context.Context, atOnce int) (c call, mine bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, gate); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `update audio_call c set state = 'claimed', claimed_at = statement_timestamp() from audio_room r
			where r.id = c.room_id and c.id = (select id from audio_call where state = 'asked' order by at, id limit 1 for update skip locked)
				and (select count(*) from audio_call where state in ('claimed', 'ringing', 'in')) < $1
			returning `+callColumns+`, r.number`, atOnce).Scan(append(c.places(), &c.Number)...)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		mine = err == nil
		return err
	})
	return c, mine, fail("call", err)
}

// tooLate ends calls that nobody could make in time.
func (s *Store) tooLate(ctx context.Context) error {
	return s.changed(ctx, `with gone as (update audio_call set state = 'ended', outcome = 'too_late', ended_at = statement_timestamp(), sealed = null
		where state = 'asked' and at < statement_timestamp() - $1::interval returning room_id)
		update audio_room set version = version + 1 where id in (select room_id from gone)`, waiting)
}

// unmade ends calls that no replica made in its turn, though lines were free all the time.
func (s *Store) unmade(ctx context.Context, turn time.Duration, atOnce int) error {
	return s.changed(ctx, `with gone as (update audio_call set state = 'ended', outcome = 'away', ended_at = statement_timestamp(), sealed = null
		where state = 'asked' and at < statement_timestamp() - $1::interval
			and (select count(*) from audio_call where claimed_at is not null and (ended_at is null or ended_at > statement_timestamp() - $1::interval)) < $2
		returning room_id)
		update audio_room set version = version + 1 where id in (select room_id from gone)`, turn, atOnce)
}

// onward lets a call go on, if it is not further yet.
func (s *Store) onward(ctx context.Context, id string, to state) error {
	return s.changed(ctx, `with c as (update audio_call set state = $2, in_at = case when $2 = 'in' then statement_timestamp() else in_at end
		where id = $1 and claimed_at is not null and array_position(array['asked', 'claimed', 'ringing', 'in', 'ended'], state) < array_position(array['asked', 'claimed', 'ringing', 'in', 'ended'], $2)
		returning room_id)
		update audio_room set version = version + 1 where id in (select room_id from c)`, id, to)
}

// end writes down how a call ended, unless that is known.
func (s *Store) end(ctx context.Context, id string, how Outcome) error {
	return s.changed(ctx, `with c as (update audio_call set state = 'ended', outcome = $2, ended_at = statement_timestamp(), sealed = null
		where id = $1 and state <> 'ended' returning room_id)
		update audio_room set version = version + 1 where id in (select room_id from c)`, id, how)
}

func (s *Store) changed(ctx context.Context, sql string, args ...any) error {
	_, err := s.Pool.Exec(ctx, sql, args...)
	return fail("call", err)
}

const inRoom = `, r.number, r.closed_at is not null from audio_call c join audio_room r on r.id = c.room_id`

// call finds one by its id.
func (s *Store) call(ctx context.Context, id string) (c call, there bool, err error) {
	err = s.Pool.QueryRow(ctx, `select `+callColumns+inRoom+` where c.id = $1`, id).Scan(append(c.places(), &c.Number, &c.shut)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return call{}, false, nil
	}
	return c, err == nil, fail("call", err)
}

// ringing are the calls into a room that the exchange was asked for and nobody took yet.
func (s *Store) ringing(ctx context.Context, room string) (ids []string, err error) {
	err = s.Pool.QueryRow(ctx, `select array(select id from audio_call where room_id = $1 and state in ('claimed', 'ringing'))`, room).Scan(&ids)
	return ids, fail("calls", err)
}

// pending are the calls that the exchange was asked for: those that were claimed in this
// moment are left to whoever did.
func (s *Store) pending(ctx context.Context, grace time.Duration) ([]call, error) {
	rows, err := s.Pool.Query(ctx, `select `+callColumns+inRoom+`
		where c.state in ('ringing', 'in') or c.state = 'claimed' and c.claimed_at < statement_timestamp() - $1::interval`, grace)
	if err != nil {
		return nil, fail("calls", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c call, err error) {
		return c, row.Scan(append(c.places(), &c.Number, &c.shut)...)
	})
	return out, fail("calls", err)
}

// latest is the call of somebody in a room, while it is worth to be told of.
func (s *Store) latest(ctx context.Context, room string, p people.ID) (c call, there bool, err error) {
	err = s.Pool.QueryRow(ctx, `select `+callColumns+` from audio_call c where c.room_id = $1 and c.person_id = $2
		and (c.ended_at is null or c.ended_at > statement_timestamp() - $3::interval) order by c.at desc, c.id desc limit 1`, room, p, recent).Scan(c.places()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return call{}, false, nil
	}
	return c, err == nil, fail("call", err)
}
