package audiodesk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/people"
)

// Store keeps rooms, calls, and what buttons mean. Times are the database's.
type Store struct {
	Pool *pgxpool.Pool
}

// query is the pool or somebody's transaction.
type query interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// null is a time that may be missing.
type null time.Time

// Scan reads one.
func (n *null) Scan(v any) error {
	if at, ok := v.(time.Time); ok {
		*n = null(at)
	}
	return nil
}

// verb is what a button is for.
type verb string

// The verbs.
const (
	toRooms      verb = "rooms"
	toRoom       verb = "room"
	toEnter      verb = "enter" // asks for the PIN
	toNew        verb = "new"
	toName       verb = "name" // asks for the name of a new room; the page says of which kind
	join         verb = "join"
	mute         verb = "mute"
	unmute       verb = "unmute"
	kick         verb = "kick"
	lock         verb = "lock"
	unlock       verb = "unlock"
	toClose      verb = "close" // asks whether
	closeNow     verb = "close_now"
	toActs       verb = "acts"
	giveNumber   verb = "give_number"
	forgetNumber verb = "forget_number"
)

// place is what a button means.
type place struct {
	Verb verb   `json:"verb"`
	Room string `json:"room"`
	Who  string `json:"who"` // a participant
	Page int    `json:"page"`
}

const (
	buttonLife  = 7 * 24 * time.Hour // of what looks
	consentLife = 10 * time.Minute   // of what is done to others: what was shown before it must not be old
)

func (p place) life() time.Duration {
	switch p.Verb {
	case mute, unmute, kick, lock, unlock, closeNow:
		return consentLife
	default:
		return buttonLife
	}
}

// meaning is what makes two buttons of a person the same one.
func (p place) meaning(of people.ID) ([]byte, error) {
	text, err := json.Marshal(struct {
		Person people.ID `json:"person"`
		Place  place     `json:"place"`
	}{of, p})
	sum := sha256.Sum256(text)
	return sum[:], err
}

// batches is the pool or somebody's transaction.
type batches interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// tokens gives each place a token of the person's.
func (s *Store) tokens(ctx context.Context, tx batches, of people.ID, all []place) (map[place]string, error) {
	b := &pgx.Batch{}
	out := make(map[place]string, len(all))
	for _, p := range all {
		if _, there := out[p]; there {
			continue
		}
		meaning, err := p.meaning(of)
		if err != nil {
			return nil, err
		}
		out[p] = ""
		b.Queue(`insert into audio_button (token, meaning, person_id, verb, room, who, page, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, statement_timestamp() + $8::interval)
			on conflict (meaning) do update set expires_at = excluded.expires_at returning token`,
			rand.Text(), meaning, of, p.Verb, p.Room, p.Who, p.Page, p.life()).
			QueryRow(func(row pgx.Row) error {
				var token string
				err := row.Scan(&token)
				out[p] = token
				return err
			})
	}
	return out, fail("audio buttons", tx.SendBatch(ctx, b).Close())
}

// place is what a token of the person's means; false when there is none, or its time is up.
func (s *Store) place(ctx context.Context, of people.ID, token string) (place, bool, error) {
	var p place
	err := s.Pool.QueryRow(ctx, `select verb, room, who, page from audio_button
		where token = $1 and person_id = $2 and expires_at > statement_timestamp()`, token, of).Scan(&p.Verb, &p.Room, &p.Who, &p.Page)
	if errors.Is(err, pgx.ErrNoRows) {
		return place{}, false, nil
	}
	return p, err == nil, fail("audio button", err)
}

// purge removes buttons, questions and screens whose time is up, who was where long ago, and
// what tells numbers apart once nobody counts by it or asks again. Rooms of ours and what was
// done in rooms stay; calls stay as long as is given, and with them the rooms of other systems.
func (s *Store) purge(ctx context.Context, calls time.Duration) error {
	var faults []error
	for _, sql := range []string{
		`delete from audio_button where expires_at < statement_timestamp() and $1::interval is not null`,
		`delete from audio_ask where expires_at < statement_timestamp() and $1::interval is not null`,
		`delete from audio_screen where expires_at < statement_timestamp() and $1::interval is not null`,
		`delete from audio_presence where gone_at < statement_timestamp() - $1::interval`,
		`delete from audio_call where ended_at < statement_timestamp() - $1::interval`,
		`update audio_call set mark = null where mark is not null and $1::interval is not null
			and ended_at < statement_timestamp() - case when source is null then interval '2 days' else interval '30 days' end`,
		`delete from audio_room where id in (select id from audio_room r where r.kind = 'outside' and r.made_at < statement_timestamp() - $1::interval
			and not exists (select from audio_call where room_id = r.id) and not exists (select from audio_presence where room_id = r.id)
			and not exists (select from audio_act where room_id = r.id) and not exists (select from audio_screen where room_id = r.id)
			limit 1000 for update skip locked)`,
	} {
		if _, err := s.Pool.Exec(ctx, sql, calls); err != nil {
			faults = append(faults, fmt.Errorf("old matters of the audio rooms: %w", err))
		}
	}
	return errors.Join(append(faults, s.idle(ctx), s.forget(ctx))...)
}

// idle closes rooms of other systems in which nothing happened for a day: who calls into one
// of that name then gets another, and those who look after rooms are not shown them for ever.
func (s *Store) idle(ctx context.Context) error {
	return fail("rooms of other systems", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, gate); err != nil { // nobody is being called into one meanwhile
			return err
		}
		_, err := tx.Exec(ctx, `update audio_room r set closed_at = statement_timestamp(), version = version + 1
			where r.kind = 'outside' and r.closed_at is null and r.made_at < statement_timestamp() - interval '1 day'
				and not exists (select from audio_call where room_id = r.id and (ended_at is null or ended_at > statement_timestamp() - interval '1 day'))
				and not exists (select from audio_presence where room_id = r.id and gone_at is null)`)
		return err
	}))
}
