package meet

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/deed"
	"countersign/internal/ident"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// find looks a link up, with what is known of a browser. It changes nothing.
func (s *Store) find(ctx context.Context, q querier, token string, browser pages.Seed) (e entry, err error) {
	var seen null
	row := q.QueryRow(ctx, `select `+meetingColumns+`, l.id, l.name, coalesce(l.person, ''), l.places,
			coalesce(v.id, ''), coalesce(v.name, ''), coalesce(v.state, ''), v.seen_at, v.decided_at is not null,
			coalesce(r.id, ''), coalesce(r.conference, ''), r.made_at is not null
		from meeting_key k join meeting_link l on l.id = k.link_id join meeting m on m.id = l.meeting_id
		left join meeting_visit v on v.link_id = l.id and v.browser = $2
		left join meeting_room r on r.meeting_id = m.id and r.ended_at is null
		where k.hash = $1`, hash(token), browser.Hash())
	err = row.Scan(append(e.places(), &e.Link.ID, &e.Name, &e.Person, &e.Places,
		&e.visit.ID, &e.visit.Name, &e.visit.State, &seen, &e.visit.Told, &e.room.ID, &e.room.conference, &e.room.made)...)
	e.visit.Seen = time.Time(seen)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, errNone
	}
	return e, fail("link to a meeting", err)
}

// enter notes that somebody comes, and what he comes to: he waits for the host, or there
// is a conference, at least as an intent. The host is told in the same commit.
func (s *Store) enter(ctx context.Context, k knock, now time.Time) (e entry, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if e, err = s.locked(ctx, tx, k.token, k.browser); err != nil {
			return err
		}
		if err = e.open(now); err != nil {
			return err
		}
		if err = s.fits(ctx, tx, &e, now); err != nil {
			return err
		}
		ask, err := e.comes(k.name, now)
		if err != nil {
			return err
		}
		if err := s.note(ctx, tx, &e, k.browser, now); err != nil {
			return err
		}
		if ask {
			if _, err := s.Notices.Add(ctx, tx, e.card()); err != nil {
				return err
			}
		}
		if e.visit.State == waiting || e.room.ID != "" {
			return nil
		}
		e.room, err = s.mean(ctx, tx, &e, now)
		return err
	})
	return e, fail("come to a meeting", err)
}

// locked finds a link and keeps others from changing its meeting meanwhile.
func (s *Store) locked(ctx context.Context, tx pgx.Tx, token string, browser pages.Seed) (entry, error) {
	_, err := tx.Exec(ctx, `select from meeting where id = (select l.meeting_id from meeting_key k join meeting_link l on l.id = k.link_id where k.hash = $1) for update`, hash(token))
	if err != nil {
		return entry{}, err
	}
	return s.find(ctx, tx, token, browser)
}

// fits reports whether there is a place left. A browser of which nothing was heard for a
// while holds none: its owner may have opened the link in another.
func (s *Store) fits(ctx context.Context, tx pgx.Tx, e *entry, now time.Time) error {
	const tries = 10 // a day, of browsers that forget who they are
	var here, all int
	err := tx.QueryRow(ctx, `select count(*) filter (where state in ('waiting', 'admitted', 'in') and seen_at > $3 and id <> $2), count(*) filter (where came_at > $4)
		from meeting_visit where link_id = $1`, e.Link.ID, e.visit.ID, now.Add(-silence), now.Add(-24*time.Hour)).Scan(&here, &all)
	if err == nil && (here >= e.Places || e.visit.ID == "" && all >= tries*e.Places) {
		err = errTaken
	}
	return err
}

func (s *Store) note(ctx context.Context, tx pgx.Tx, e *entry, browser pages.Seed, now time.Time) (err error) {
	v := &e.visit
	if v.ID == "" {
		if v.ID, err = ident.New("mvs"); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `insert into meeting_visit (id, link_id, browser, name, state, came_at, seen_at) values ($1, $2, $3, $4, $5, $6, $6)
		on conflict (id) do update set name = excluded.name, state = excluded.state, seen_at = excluded.seen_at,
			decided_at = case when excluded.state <> 'waiting' then meeting_visit.decided_at end`, // whoever waits was not answered
		v.ID, e.Link.ID, browser.Hash(), v.Name, v.State, now)
	return err
}

// beat notes that a page is still there and tells how its visitor stands. Of one who left
// nothing is noted: the page of whoever is not there holds no conference.
func (s *Store) beat(ctx context.Context, k knock, now time.Time) (entry, error) {
	e, err := s.find(ctx, s.Pool, k.token, k.browser)
	switch {
	case err != nil:
		return e, err
	case e.open(now) != nil:
		return e, e.open(now)
	case e.visit.ID == "":
		return e, errStranger
	}
	_, err = s.Pool.Exec(ctx, `update meeting_visit set seen_at = greatest(seen_at, $2)
		where id = $1 and state in ('waiting', 'admitted', 'in')`, e.visit.ID, now)
	return e, fail("visit", err)
}

// seated notes that a visitor is given his seat: none is given unnoted. False: he left
// meanwhile.
func (s *Store) seated(ctx context.Context, e *entry, now time.Time) (there bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update meeting_visit set state = 'in', seen_at = greatest(seen_at, $2) where id = $1 and state in ('admitted', 'in')`, e.visit.ID, now)
		if there = err == nil && done.RowsAffected() == 1; !there {
			return err
		}
		return deed.Note(ctx, tx, e.joining())
	})
	return there, fail("visit", err)
}

// leave notes that a visitor has gone.
func (s *Store) leave(ctx context.Context, k knock, now time.Time) error {
	_, err := s.Pool.Exec(ctx, `update meeting_visit v set state = 'left', seen_at = greatest(v.seen_at, $3)
		from meeting_key k where k.hash = $1 and v.link_id = k.link_id and v.browser = $2 and v.state in ('waiting', 'admitted', 'in')`,
		hash(k.token), k.browser.Hash(), now)
	return fail("visit", err)
}

// decide notes what a host says of somebody who waits, or who went away while he did: he
// may only have loaded his page again. What was decided before stays.
func (s *Store) decide(ctx context.Context, id string, host people.ID, to state, now time.Time) (a asked, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var m Meeting
		var link string
		row := tx.QueryRow(ctx, `select v.id, v.name, v.state, v.seen_at, v.decided_at is not null, coalesce(m.host, ''), m.lobby, m.ended_at is not null or m.expires_at <= $2, l.id, m.id, m.server
			from meeting_visit v join meeting_link l on l.id = v.link_id join meeting m on m.id = l.meeting_id where v.id = $1 for update of v`, id, now)
		err := row.Scan(&a.ID, &a.Name, &a.State, &a.Seen, &a.Told, &a.host, &a.lobby, &a.over, &link, &m.ID, &m.Server)
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && (host == "" || a.host != host):
			return errNone
		case err != nil || a.over || a.State != waiting && (a.State != left || a.Told):
			return err
		}
		a.State, a.silent = to, a.State == left || now.Sub(a.Seen) > silence
		if _, err = tx.Exec(ctx, `update meeting_visit set state = $2, decided_at = $3 where id = $1`, id, to, now); err != nil {
			return err
		}
		what := map[state]string{admitted: deed.Admit, declined: deed.Decline}[to]
		answer := m.deed(what, deed.By{Person: host})
		answer.Link = link
		return deed.Note(ctx, tx, answer)
	})
	return a, fail("host's answer", err)
}
