package deed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ident"
	"countersign/internal/people"
)

// Store is where deeds are looked for.
type Store struct {
	Pool *pgxpool.Pool
}

// ErrCursor comes back for a page that no answer named.
var ErrCursor = errors.New("no such page")

// Query is what somebody looks for; what is empty is not looked at.
type Query struct {
	Server       string
	Person       people.ID
	About        string // a session, a room, a meeting, a case, a source, or the id of a key
	Since, Until time.Time
	After        string // the page before
	Limit        int
}

const deedColumns = `id, at, by_whom = 'guest', coalesce(person_id, ''), source, key_id, what, server, conference, session, meeting, link, about, topic, owner, people, recording,
	coalesce(outcome, ''), fault, coalesce(ended_at, '0001-01-01 00:00:00Z')`

func scan(row pgx.CollectableRow) (d Deed, err error) {
	err = row.Scan(&d.ID, &d.At, &d.By.Guest, &d.By.Person, &d.By.Source, &d.By.Key, &d.What, &d.Server, &d.Conference, &d.Session, &d.Meeting, &d.Link, &d.About,
		&d.Topic, &d.Owner, &d.People, &d.Recording, &d.Outcome, &d.Fault, &d.Ended)
	d.At, d.Ended = d.At.UTC(), d.Ended.UTC()
	return d, err
}

// Find lists deeds, the newest first, and names the next page; empty: there is none.
func (s *Store) Find(ctx context.Context, q Query) (all []Deed, next string, err error) {
	at, id, err := cursor(q.After)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.Pool.Query(ctx, `select `+deedColumns+` from video_deed
		where ($1 = '' or server = $1) and ($2 = '' or person_id = $2) and ($3 = '' or $3 in (session, conference, meeting, about, source, key_id))
			and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5) and ($6::timestamptz is null or (at, id) < ($6, $7))
		order by at desc, id desc limit $8`,
		plain(q.Server, 1000), q.Person, plain(q.About, 1000), moment(q.Since), moment(q.Until), moment(at), id, q.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("who did what: %w", err)
	}
	all, err = pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, "", fmt.Errorf("who did what: %w", err)
	}
	if len(all) > q.Limit {
		all = all[:q.Limit]
		last := all[len(all)-1]
		next = last.At.Format(time.RFC3339Nano) + "," + last.ID
	}
	return all, next, nil
}

// cursor reads where a page begins.
func cursor(text string) (at time.Time, id string, err error) {
	if text == "" {
		return time.Time{}, "", nil
	}
	when, id, _ := strings.Cut(text, ",")
	at, err = time.Parse(time.RFC3339Nano, when)
	if err != nil || !ident.Valid("vdd", id) || at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, "", ErrCursor
	}
	return at, id, nil
}

// moment is a time as the database has it; none is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
