package meet

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/deed"
	"countersign/internal/ident"
)

// deed is something done to a meeting, as it is kept for good: without its topic and without
// the names of its guests, which go with the meeting.
func (m *Meeting) deed(what string, by deed.By) deed.Deed {
	return deed.Deed{By: by, What: what, Server: m.Server, Meeting: m.ID, People: -1, Outcome: deed.Done}
}

// opening is the making of a conference, by whoever came first. Of one that was meant it is
// not known whether it is there.
func (r room) opening(m Meeting, l Link) deed.Deed {
	d := m.deed(deed.Open, deed.By{Person: l.Person, Guest: l.Person == ""})
	d.ID, d.Conference, d.Link, d.Outcome = ident.Of("vdd", deed.Open, r.ID), r.ID, l.ID, deed.Unknown
	return d
}

// joining is that somebody was given his seat in a conference: once, however often he loads
// his page again. When he leaves nobody is told for certain, so that there is no deed of it.
func (e *entry) joining() deed.Deed {
	d := e.deed(deed.Join, deed.By{Person: e.Person, Guest: e.Person == ""})
	d.ID, d.Conference, d.Link = ident.Of("vdd", deed.Join, e.visit.ID, e.room.ID), e.room.ID, e.Link.ID
	return d
}

// noteClosing records why a conference is to be no more, by the gateway's own rule; and that
// nobody can say whether it was there, if so.
func noteClosing(ctx context.Context, tx pgx.Tx, f facts, why string) error {
	m := Meeting{ID: f.Meeting, Server: f.Server}
	if !f.Made {
		d := f.opening(m, Link{})
		d.Outcome = deed.Unclear
		if err := deed.Note(ctx, tx, d); err != nil {
			return err
		}
	}
	d := m.deed(deed.Close, deed.By{})
	d.ID, d.Conference, d.Outcome = ident.Of("vdd", deed.Close, f.ID), f.conference, why
	return deed.Note(ctx, tx, d)
}

// Purge forgets meetings that were over before the time given, and whose conferences are
// gone from their servers. On a server that is in the settings no more nobody can look: that
// is put on record.
func (d *Desk) Purge(ctx context.Context, before time.Time) error {
	var known []string
	for name := range d.Servers {
		known = append(known, name)
	}
	return d.Store.purge(ctx, before, known)
}

func (s *Store) purge(ctx context.Context, before time.Time, known []string) error {
	const atOnce = 1000
	return fail("old meetings", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select m.id from meeting m where m.expires_at < $1
			and not exists (select from meeting_room r where r.meeting_id = m.id and r.gone_at is null and r.server = any($2))
			order by m.id limit $3 for update skip locked`, before, known, atOnce)
		if err != nil {
			return err
		}
		over, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(over) == 0 {
			return err
		}
		if rows, err = tx.Query(ctx, selectFacts+`m.id = any($1) and r.gone_at is null`, over); err != nil {
			return err
		}
		lost, err := pgx.CollectRows(rows, scanFacts)
		if err != nil {
			return err
		}
		for _, f := range lost {
			m := Meeting{ID: f.Meeting, Server: f.Server}
			d := m.deed(deed.Forget, deed.By{})
			d.Conference, d.Outcome, d.Fault = f.conference, deed.Unclear, "the server is in the settings no more"
			if err := deed.Note(ctx, tx, d); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `delete from meeting where id = any($1)`, over)
		return err
	}))
}
