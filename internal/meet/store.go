package meet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/deed"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/notice"
)

// Store keeps meetings.
type Store struct {
	Pool    *pgxpool.Pool
	Notices *notice.Store
}

const meetingColumns = `m.id, coalesce(m.source, ''), m.server, coalesce(m.host, ''), m.owner, m.topic, m.lobby, m.idle, m.longest, m.made_at, m.expires_at, m.ended_at`

func (m *Meeting) places() []any {
	return []any{&m.ID, &m.Source, &m.Server, &m.Host, &m.Owner, &m.Topic, &m.Lobby, &m.Idle, &m.Longest, &m.Made, &m.Expires, (*null)(&m.Ended)}
}

// null is a time that may be missing.
type null time.Time

// ScanTimestamptz reads one.
func (n *null) Scan(v any) error {
	if at, ok := v.(time.Time); ok {
		*n = null(at)
	}
	return nil
}

func fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// add stores a meeting with its links and the keys to them.
func (s *Store) add(ctx context.Context, m Made, keys map[string]string, by deed.By, also func(Made) (ledger.Also, error)) error {
	note, err := deed.Lend(m.deed(deed.Arrange, by))
	if err != nil {
		return fail("meeting", err)
	}
	return fail("meeting", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		note(b)
		queueMeeting(b, m, "")
		for _, l := range m.Links {
			queueKey(b, l.ID, keys[l.ID], m.Made)
		}
		if also != nil {
			lent, err := also(m)
			if err != nil {
				return err
			}
			lent(b, nil)
		}
		return tx.SendBatch(ctx, b).Close()
	}))
}

// queueMeeting adds a meeting and its links; one that is there already stays.
func queueMeeting(b *pgx.Batch, m Made, about string) {
	b.Queue(`insert into meeting (id, source, about, server, host, owner, topic, lobby, idle, longest, made_at, expires_at)
		values ($1, nullif($2, ''), nullif($3, ''), $4, nullif($5, ''), $6, $7, $8, $9, $10, $11, $12)`,
		m.ID, m.Source, about, m.Server, m.Host, m.Owner, m.Topic, m.Lobby, m.Idle, m.Longest, m.Made, m.Expires)
	for _, l := range m.Links {
		b.Queue(`insert into meeting_link (id, meeting_id, person, name, places) values ($1, $2, nullif($3, ''), $4, $5)`, l.ID, m.ID, l.Person, l.Name, l.Places)
	}
}

func queueKey(b *pgx.Batch, link, token string, now time.Time) {
	b.Queue(`insert into meeting_key (hash, link_id, made_at) values ($1, $2, $3)`, hash(token), link, now)
}

// Standing is how a meeting stands.
type Standing struct {
	Meeting
	Running bool // there is a conference
	Expired bool // its links open nothing any more
	Guests  []Stands
}

// Stands is how it stands with a link.
type Stands struct {
	Link
	State string // that of whoever came last; empty: nobody came
	In    int    // how many are in now
}

// State is how the meeting stands, as a word.
func (s Standing) State() string {
	switch {
	case !s.Ended.IsZero():
		return "revoked"
	case s.Running:
		return "running"
	case s.Expired:
		return "expired"
	default:
		return "open"
	}
}

// Look tells how a meeting of a source stands.
func (d *Desk) Look(ctx context.Context, source, id string) (Standing, error) {
	if !ident.Valid("mtg", id) {
		return Standing{}, ErrUnknown
	}
	return d.Store.look(ctx, source, id, d.now())
}

func (s *Store) look(ctx context.Context, source, id string, now time.Time) (out Standing, err error) {
	row := s.Pool.QueryRow(ctx, `select `+meetingColumns+`, exists (select from meeting_room r where r.meeting_id = m.id and r.ended_at is null and r.made_at is not null)
		from meeting m where m.id = $1 and m.source = $2`, id, source)
	err = row.Scan(append(out.places(), &out.Running)...)
	out.Expired = !now.Before(out.Expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, ErrUnknown
	}
	if err != nil {
		return out, fail("meeting", err)
	}
	rows, err := s.Pool.Query(ctx, `select l.id, l.name, l.places,
			coalesce((select v.state from meeting_visit v where v.link_id = l.id order by v.seen_at desc limit 1), ''),
			(select count(*) from meeting_visit v where v.link_id = l.id and v.state = 'in' and v.seen_at > $2)
		from meeting_link l where l.meeting_id = $1 order by l.id`, id, now.Add(-silence))
	if err != nil {
		return out, fail("meeting", err)
	}
	out.Guests, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g Stands, err error) {
		err = row.Scan(&g.ID, &g.Name, &g.Places, &g.State, &g.In)
		return g, err
	})
	return out, fail("meeting", err)
}

// Revoke ends a meeting of a source: its links open nothing any more, and its conference
// is taken away. Again it does nothing.
func (d *Desk) Revoke(ctx context.Context, source, id, key string) (Standing, error) {
	if !ident.Valid("mtg", id) {
		return Standing{}, ErrUnknown
	}
	if err := d.Store.revoke(ctx, id, deed.By{Source: source, Key: key}, d.now()); err != nil {
		return Standing{}, err
	}
	d.sweepOf(ctx, id)
	return d.Look(ctx, source, id)
}

func (s *Store) revoke(ctx context.Context, id string, by deed.By, now time.Time) error {
	return fail("meeting "+id, pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		m := Meeting{ID: id}
		err := tx.QueryRow(ctx, `update meeting set ended_at = greatest(made_at, $3) where id = $1 and source = $2 and ended_at is null returning server`, id, by.Source, now).Scan(&m.Server)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return deed.Note(ctx, tx, m.deed(deed.Revoke, by))
	}))
}
