package videodesk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/people"
)

// Store keeps what buttons mean, and who did what. Times are the database's.
type Store struct {
	Pool *pgxpool.Pool
}

// verb is what a button is for.
type verb string

// The verbs.
const (
	toServers    verb = "servers"
	toServer     verb = "server"
	toRunning    verb = "running"
	toConference verb = "conference"
	toOnline     verb = "online"
	toForgotten  verb = "forgotten"
	toAlerts     verb = "alerts"
	toActs       verb = "acts"
	toStop       verb = "stop"     // asks whether
	stopNow      verb = "stop_now" // does it
	askNow       verb = "ask_now"  // asks for an approval
	toSnooze     verb = "snooze"
	toIgnore     verb = "ignore"

	wantParts     verb = "want_parts" // page 1: on, 0: off
	wantForgotten verb = "want_forgotten"
)

// place is what a button means.
type place struct {
	Verb       verb   `json:"verb"`
	Server     string `json:"server"`
	Conference string `json:"conference"` // id of the room
	Session    string `json:"session"`
	Page       int    `json:"page"`
}

const (
	buttonLife  = 7 * 24 * time.Hour // of what looks
	consentLife = 10 * time.Minute   // of what acts: what was shown before it must not be old
)

func (p place) life() time.Duration {
	if p.Verb == stopNow || p.Verb == askNow {
		return consentLife
	}
	return buttonLife
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

// tokens gives each place a token of the person's.
func (s *Store) tokens(ctx context.Context, tx db, of people.ID, all []place) (map[place]string, error) {
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
		b.Queue(`insert into video_button (token, meaning, person_id, verb, server, conference, session, page, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, statement_timestamp() + $9::interval)
			on conflict (meaning) do update set expires_at = excluded.expires_at returning token`,
			rand.Text(), meaning, of, p.Verb, p.Server, p.Conference, p.Session, p.Page, p.life()).
			QueryRow(func(row pgx.Row) error {
				var token string
				err := row.Scan(&token)
				out[p] = token
				return err
			})
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("video buttons: %w", err)
	}
	return out, nil
}

// db is the pool or somebody's transaction.
type db interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// place is what a token of the person's means; false when there is none, or its time is up.
func (s *Store) place(ctx context.Context, of people.ID, token string) (place, bool, error) {
	var p place
	err := s.Pool.QueryRow(ctx, `select verb, server, conference, session, page from video_button
		where token = $1 and person_id = $2 and expires_at > statement_timestamp()`, token, of).
		Scan(&p.Verb, &p.Server, &p.Conference, &p.Session, &p.Page)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return place{}, false, nil
	case err != nil:
		return place{}, false, fmt.Errorf("video button: %w", err)
	}
	return p, true, nil
}

// Purge removes buttons whose time is up.
func (s *Store) Purge(ctx context.Context) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from video_button where expires_at < statement_timestamp()`)
	if err != nil {
		return 0, fmt.Errorf("old video buttons: %w", err)
	}
	return tag.RowsAffected(), nil
}
