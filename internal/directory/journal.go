package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Note is an entry of the journal.
type Note struct {
	ID      int64
	At      time.Time
	Actor   string
	What    string // such as link.made
	Subject string // the external id of a person or chat, the id of a key
	Before  json.RawMessage
	After   json.RawMessage
}

// Journal lists what was done, the newest first: all of it or of one subject, before an
// entry if one is given.
func (s *Store) Journal(ctx context.Context, subject string, before int64, limit int) ([]Note, error) {
	if plain("", subject, 0, 200) != "" {
		return nil, nil // nothing is called that
	}
	rows, err := s.Pool.Query(ctx, `select id, at, actor, what, subject, before, after from directory_journal
		where ($1 = '' or subject = $1) and ($2 = 0 or id < $2) order by id desc limit $3`, subject, before, limit)
	if err != nil {
		return nil, fmt.Errorf("journal of the directory: %w", err)
	}
	notes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Note])
	if err != nil {
		return nil, fmt.Errorf("journal of the directory: %w", err)
	}
	for i := range notes {
		notes[i].At = notes[i].At.UTC()
	}
	return notes, nil
}

// TouchedBy lists the persons whom an actor added or changed.
func (s *Store) TouchedBy(ctx context.Context, actor string) ([]string, error) {
	rows, err := s.Pool.Query(ctx, `select distinct subject from directory_journal
		where actor = $1 and what in ('person.added', 'person.changed') order by subject`, actor)
	if err != nil {
		return nil, fmt.Errorf("journal of the directory: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("journal of the directory: %w", err)
	}
	return out, nil
}
