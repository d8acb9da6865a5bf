package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/seal"
	"countersign/internal/secret"
)

// Standing is how things stand with the updates of a bot, by the clock of the database.
type Standing struct {
	Waiting    int           // to be handled
	Oldest     time.Duration // how long the first of them has waited
	Parked     int
	Unreadable int
	Polled     bool          // a replica has the right to ask for updates
	Conflict   time.Duration // since somebody else asked for them; below zero: never did
	Searches   int           // inline queries of the last week
	Chosen     int           // and results of them that somebody chose
}

// Standing reads it.
func (x *Inbox) Standing(ctx context.Context) (Standing, error) {
	var s Standing
	var oldest, conflict float64
	err := x.Pool.QueryRow(ctx, `select
		(select count(*) from telegram_update where bot_id = $1 and state = 'new'),
		(select coalesce(extract(epoch from now() - min(received_at)), 0)::float8 from telegram_update where bot_id = $1 and state = 'new'),
		(select count(*) from telegram_update where bot_id = $1 and state = 'parked'),
		(select count(*) from telegram_unreadable where bot_id = $1),
		exists (select from telegram_poller where bot_id = $1 and until > now()),
		coalesce((select extract(epoch from now() - conflict_at) from telegram_poller where bot_id = $1), -1)::float8,
		(select count(*) from telegram_update where bot_id = $1 and state = 'done' and settled_at > now() - interval '7 days' and outcome like 'inline query: %'),
		(select count(*) from telegram_update where bot_id = $1 and state = 'done' and settled_at > now() - interval '7 days' and outcome in ('posted', 'posted, and not followed'))`,
		x.Bot).Scan(&s.Waiting, &oldest, &s.Parked, &s.Unreadable, &s.Polled, &conflict, &s.Searches, &s.Chosen)
	if err != nil {
		return s, fmt.Errorf("standing of the updates: %w", err)
	}
	s.Oldest, s.Conflict = time.Duration(oldest*float64(time.Second)), time.Duration(conflict*float64(time.Second))
	return s, nil
}

// Contested notes that somebody else asks for updates with the same token.
func (x *Inbox) Contested(ctx context.Context) error {
	_, err := x.Pool.Exec(ctx, `update telegram_poller set conflict_at = now() where bot_id = $1`, x.Bot)
	return err
}

// KeptSecret reads the webhook's secret and makes none; empty where there is none yet.
func (x *Inbox) KeptSecret(ctx context.Context) (secret.Text, error) {
	var k keptSecret
	err := x.Pool.QueryRow(ctx, `select secret, sealed from telegram_secret where bot_id = $1`, x.Bot).Scan(&k.Clear, &k.Sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	text, err := x.Seal.Reveal(seal.Kept{Clear: k.Clear, Sealed: k.Sealed}, kept(x.Bot))
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	return text, nil
}
