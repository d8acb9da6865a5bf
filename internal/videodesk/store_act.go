package videodesk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/deed"
	"countersign/internal/ident"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/trueconf"
)

// Outcome is how an act ended; empty while nobody knows.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "done"
	Over   Outcome = "over"   // there was nothing to stop any more
	Other  Outcome = "other"  // another session ran, and was left alone
	Failed Outcome = "failed" // it runs still
)

// Act is what somebody did to a conference.
type Act struct {
	ID         string
	At         time.Time
	Person     people.ID
	What       string // a word of package deed: stop, snooze, ignore
	Server     string
	Conference string
	Session    string
	Topic      string // as it was then, like what follows
	Owner      string
	People     int
	Recording  *bool
	Request    string // that was approved; empty: none, or not looked up
	Outcome    Outcome
	Fault      string
	EndedAt    time.Time // zero: not known yet
}

const actColumns = `id, at, person_id, what, server, conference, session, topic, owner, people, recording, coalesce(outcome, ''), fault,
	coalesce(ended_at, '0001-01-01 00:00:00Z')`

func scanAct(row pgx.CollectableRow) (a Act, err error) {
	return a, row.Scan(&a.ID, &a.At, &a.Person, &a.What, &a.Server, &a.Conference, &a.Session, &a.Topic, &a.Owner, &a.People, &a.Recording,
		&a.Outcome, &a.Fault, &a.EndedAt)
}

// stopping is the act of stopping what is shown.
func stopping(c trueconf.Conference, server string, by people.ID) Act {
	a := Act{
		Person: by, What: "stop", Server: server, Conference: c.ID, Session: c.Session, Topic: line(c.Topic, mostTopic), Owner: short(c.Owner),
		People: max(-1, c.People),
	}
	a.Recording = c.Recording.Known()
	return a
}

// deed is an act as it is kept for good, beside what others do: under the same number.
func (a Act) deed() deed.Deed {
	return deed.Deed{
		ID: "vdd" + strings.TrimPrefix(a.ID, "vac"), At: a.At, By: deed.By{Person: a.Person}, What: a.What, Server: a.Server, Conference: a.Conference, Session: a.Session,
		About: a.Request, Topic: a.Topic, Owner: a.Owner, People: a.People, Recording: a.Recording, Outcome: string(a.Outcome), Fault: a.Fault,
	}
}

// start is begin by itself.
func (s *Store) start(ctx context.Context, a *Act) (mine bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		mine, err = s.begin(ctx, tx, a)
		return err
	})
	return mine, err
}

// begin writes down what is about to be done, and gives it its id. False: somebody is doing
// it, or has done it; a is then what he does.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, a *Act) (bool, error) {
	id, err := ident.New("vac")
	if err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people, recording)
		values ($1, statement_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (server, session) where what = 'stop' and (outcome is null or outcome = 'done') do nothing returning id, at`,
		id, a.Person, a.What, a.Server, a.Conference, a.Session, a.Topic, a.Owner, a.People, a.Recording).Scan(&a.ID, &a.At)
	if err == nil {
		return true, deed.Note(ctx, tx, a.deed())
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("act on %s: %w", a.Session, err)
	}
	other, found, err := s.stopped(ctx, a.Server, a.Session)
	if err == nil && !found { // it ended in this moment, and was no stop
		err = errors.New("tap again")
	}
	if err != nil {
		return false, fmt.Errorf("act on %s: %w", a.Session, err)
	}
	*a = other
	return false, nil
}

// did writes down what is done in a transaction.
func (s *Store) did(ctx context.Context, tx pgx.Tx, a Act) error {
	id, err := ident.New("vac")
	if err == nil {
		err = tx.QueryRow(ctx, `insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people, recording, outcome, ended_at)
			values ($1, statement_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, $10, 'done', statement_timestamp()) returning id, at`,
			id, a.Person, a.What, a.Server, a.Conference, a.Session, a.Topic, a.Owner, a.People, a.Recording).Scan(&a.ID, &a.At)
	}
	if err == nil {
		a.Outcome = Done
		err = deed.Note(ctx, tx, a.deed())
	}
	if err != nil {
		return fmt.Errorf("act on %s: %w", a.Session, err)
	}
	return nil
}

// stopped is the act by which a session is being stopped, or was.
func (s *Store) stopped(ctx context.Context, server, session string) (Act, bool, error) {
	all, err := s.list(ctx, `server = $1 and session = $2 and what = 'stop' and (outcome is null or outcome = 'done')`, server, session)
	if err != nil || len(all) == 0 {
		return Act{}, false, err
	}
	return all[0], true, nil
}

// finish is end by itself.
func (s *Store) finish(ctx context.Context, a *Act, how Outcome, fault string) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := s.end(ctx, tx, a, how, fault)
		return err
	})
}

// end writes down how an act ended. False: that was known before.
func (s *Store) end(ctx context.Context, tx pgx.Tx, a *Act, how Outcome, fault string) (bool, error) {
	err := tx.QueryRow(ctx, `update video_act set outcome = $2, fault = $3, ended_at = greatest(at, statement_timestamp())
		where id = $1 and outcome is null returning ended_at`, a.ID, how, line(fault, 400)).Scan(&a.EndedAt)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("act %s: %w", a.ID, err)
	}
	a.Outcome, a.Fault = how, line(fault, 400)
	return true, deed.Note(ctx, tx, a.deed())
}

// settle writes down how an act ended; tell is part of it, unless that was known before.
func (s *Store) settle(ctx context.Context, a Act, how Outcome, fault string, tell func(tx notice.Execer) error) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		fresh, err := s.end(ctx, tx, &a, how, fault)
		if err != nil || !fresh {
			return err
		}
		return tell(tx)
	})
}

// open are the acts of which nobody knows for so long how they ended: all of them, the old ones keep nobody's turn.
func (s *Store) open(ctx context.Context, since time.Duration) ([]Act, error) {
	return s.list(ctx, `outcome is null and at < statement_timestamp() - $1::interval order by at`, since)
}

func (s *Store) list(ctx context.Context, which string, args ...any) ([]Act, error) {
	rows, err := s.Pool.Query(ctx, `select `+actColumns+` from video_act where `+which, args...)
	if err != nil {
		return nil, fmt.Errorf("acts: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanAct)
	if err != nil {
		return nil, fmt.Errorf("acts: %w", err)
	}
	return out, nil
}
