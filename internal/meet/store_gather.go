package meet

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/deed"
	"countersign/internal/ledger"
	"countersign/internal/people"
)

// gathering is the meeting of a case that nobody has ended.
type gathering struct {
	Meeting // zero: there is none

	running bool // there is a conference, or is about to be
	links   []Link
}

// joinable reports whether whoever comes by now comes to this meeting. One whose time is
// over is, as long as people are in it: they are not left to talk without him.
func (g gathering) joinable(now time.Time, life time.Duration) bool {
	return g.ID != "" && (now.Before(g.Expires) || g.running && g.until(now, life).After(now))
}

// until is when the links end for whoever comes by now.
func (g gathering) until(now time.Time, life time.Duration) time.Time {
	last, until := g.Made.Add(MaxLife), now.Add(life)
	switch {
	case now.Before(g.Expires):
		return g.Expires
	case until.After(last):
		return last
	default:
		return until
	}
}

// gathered finds the meeting of a case.
func (s *Store) gathered(ctx context.Context, about string) (g gathering, err error) {
	row := s.Pool.QueryRow(ctx, `select `+meetingColumns+`, exists (select from meeting_room r where r.meeting_id = m.id and r.ended_at is null)
		from meeting m where m.about = $1 and m.ended_at is null`, about)
	err = row.Scan(append(g.places(), &g.running)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return gathering{}, nil
	}
	if err != nil {
		return gathering{}, fail("meeting", err)
	}
	rows, err := s.Pool.Query(ctx, `select id, name, coalesce(person, ''), places from meeting_link where meeting_id = $1`, g.ID)
	if err != nil {
		return gathering{}, fail("meeting", err)
	}
	g.links, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Link, err error) {
		err = row.Scan(&l.ID, &l.Name, &l.Person, &l.Places)
		return l, err
	})
	return g, fail("meeting", err)
}

// lend gives what makes the meeting of a case with its invitations, and ends the one before
// it, in a transaction of somebody else's. It fails there when another was made meanwhile.
func (s *Store) lend(m Made, of Matter, before Meeting) (ledger.Also, error) {
	call, err := s.Notices.Lend(invitations(m.Meeting, m.Links, of.Caller)...)
	if err != nil {
		return nil, err
	}
	by := deed.By{Person: of.Caller.ID}
	made := m.deed(deed.Arrange, by)
	made.About = of.Case
	deeds := []deed.Deed{made}
	if before.ID != "" {
		deeds = append(deeds, before.deed(deed.Replace, by))
	}
	note, err := deed.Lend(deeds...)
	return func(b *pgx.Batch, refusal error) {
		if refusal != nil {
			return
		}
		if before.ID != "" {
			b.Queue(`update meeting set ended_at = greatest(made_at, $2) where id = $1 and ended_at is null`, before.ID, m.Made)
		}
		note(b)
		queueMeeting(b, m, of.Case)
		call(b)
	}, err
}

// widen adds links with their invitations, and lets all be good until some time at least.
func (s *Store) widen(ctx context.Context, m Meeting, until time.Time, fresh []Link, caller people.Person) error {
	call := invitations(m, fresh, caller)
	d := m.deed(deed.Call, deed.By{Person: caller.ID})
	if len(fresh) == 0 {
		d.What = deed.Prolong
	}
	return fail("meeting", pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update meeting set expires_at = greatest(expires_at, $2) where id = $1 and ended_at is null`, m.ID, until)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return errFaster
		}
		for _, l := range fresh {
			_, err := tx.Exec(ctx, `insert into meeting_link (id, meeting_id, person, name, places) values ($1, $2, $3, $4, $5)`, l.ID, m.ID, l.Person, l.Name, l.Places)
			if err != nil {
				return err
			}
		}
		for _, n := range call {
			if _, err := s.Notices.Add(ctx, tx, n); err != nil {
				return err
			}
		}
		return deed.Note(ctx, tx, d)
	}))
}

// taken reports that somebody else made the same meeting, or called the same person, in
// this moment; or that this very act was done before, and its answer did not come.
func taken(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "23505" && (refused.TableName == "meeting" || refused.TableName == "meeting_link") || errors.Is(err, errFaster)
}

// key writes out a way in for whoever's link it is.
func (s *Store) key(ctx context.Context, link string, p people.ID, token string, now time.Time) (e entry, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		row := tx.QueryRow(ctx, `select `+meetingColumns+` from meeting m join meeting_link l on l.meeting_id = m.id where l.id = $1 and l.person = $2 for share of m`, link, p)
		err := row.Scan(e.places()...)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNone
		}
		if err != nil {
			return err
		}
		if err := e.open(now); err != nil {
			return err
		}
		b := &pgx.Batch{}
		queueKey(b, link, token, now)
		return tx.SendBatch(ctx, b).Close()
	})
	return e, fail("way into a meeting", err)
}
