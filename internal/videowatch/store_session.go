package videowatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
	"countersign/internal/trueconf"
)

// Refusals of whoever wants to keep a conference.
var (
	// ErrStopping comes back while the conference is being stopped.
	ErrStopping = errors.New("the conference is being stopped now")
	// ErrOver comes back when it was stopped already.
	ErrOver = errors.New("the conference was stopped")
)

// errNobody: whoever could be told of a conference is not there yet.
var errNobody = errors.New("there is nobody to tell")

// Limits of what a server names.
const (
	mostSession = 200
	mostTopic   = 300
)

// Word is what somebody says of a session.
type Word struct {
	Server, Session string
	By              people.ID
	Also            func(tx Tx) error // in the same commit; nil: nothing
}

// Snooze has nobody told of a session, nor it stopped, for a while.
func (s *Store) Snooze(ctx context.Context, w Word, d time.Duration) error {
	return s.spare(ctx, w, func(tx Tx) error {
		_, err := tx.Exec(ctx, `update watch_session set snoozed_until = now() + $3::interval, snoozed_by = $4 where server = $1 and session = $2`, w.Server, w.Session, d, w.By)
		return err
	})
}

// Ignore has nobody told of a session, nor it stopped, as long as it runs.
func (s *Store) Ignore(ctx context.Context, w Word) error {
	return s.spare(ctx, w, func(tx Tx) error {
		_, err := tx.Exec(ctx, `update watch_session set ignored_at = coalesce(ignored_at, now()), ignored_by = coalesce(ignored_by, $3) where server = $1 and session = $2`, w.Server, w.Session, w.By)
		return err
	})
}

// spare notes what somebody said of a session, unless that comes too late.
func (s *Store) spare(ctx context.Context, w Word, note func(Tx) error) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var what outcome
		var stopping bool
		err := tx.QueryRow(ctx, `insert into watch_session as s (server, session, made_at) values ($1, $2, now())
			on conflict (server, session) do update set made_at = s.made_at returning outcome, stop_at is not null`, w.Server, w.Session).Scan(&what, &stopping)
		switch {
		case err != nil:
			return err
		case what == stopped, what == over:
			return ErrOver
		case stopping && what == "":
			return ErrStopping
		}
		if err := note(tx); err != nil || w.Also == nil {
			return err
		}
		return w.Also(tx)
	})
	if err != nil {
		return fmt.Errorf("session %q of video server %q: %w", w.Session, w.Server, err)
	}
	return nil
}

// judged is a conference with its verdict.
type judged struct {
	c       trueconf.Conference
	people  int
	verdict Verdict
}

// seen is a step to be told of.
type seen struct {
	session

	judged

	step step
}

// teller has people told of a step, and gives who they are; errNobody where there is no one.
type teller func(tx Tx, x seen) ([]people.ID, error)

// scan is what a look at the conferences of a server led to.
type scan struct {
	stops   []judged  // written down, to be stopped now
	missing []session // were being stopped, and are not among those that run
}

// survey keeps what the conferences of a server are now, and gives what is to be stopped.
// Tell adds what people are told of in the same commit, and gives who they are.
func (s *Store) survey(ctx context.Context, t turn, how Scan, all []judged, tell teller) (out scan, err error) {
	err = s.in(ctx, t, func(tx Tx, now time.Time) error {
		out = scan{}
		names, forgotten := census(all)
		known, err := s.known(ctx, tx, t.server, names)
		if err != nil {
			return err
		}
		for _, j := range all {
			x, there := known[j.c.Session]
			if !there && !j.verdict.Forgotten || !fits(j.c.Session) {
				continue
			}
			x.Session = j.c.Session
			one := seen{judged: j}
			one.session, one.step = how.next(x, j.verdict, now)
			if err := s.keep(ctx, tx, t.server, one, tell); err != nil {
				return err
			}
			if err := noteSteps(ctx, tx, t.server, x, one); err != nil {
				return err
			}
			if one.step == stop {
				out.stops = append(out.stops, j)
			}
		}
		if out.missing, err = s.gone(ctx, tx, t.server, names); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into watch_server (server, scanned_at, conferences, forgotten) values ($1, now(), $2, $3)
			on conflict (server) do update set (scanned_at, conferences, forgotten) = (excluded.scanned_at, excluded.conferences, excluded.forgotten)`, t.server, len(all), forgotten)
		return err
	})
	return out, err
}

// census names the sessions, and counts the forgotten ones.
func census(all []judged) (names []string, forgotten int) {
	names = make([]string, 0, len(all))
	for _, j := range all {
		if fits(j.c.Session) {
			names = append(names, j.c.Session)
		}
		if j.verdict.Forgotten {
			forgotten++
		}
	}
	return names, forgotten
}

func fits(session string) bool {
	return session != "" && plain(session, mostSession) == session
}

// keep has people told of a step, and notes who was warned. What there is nobody to tell of
// stays as it was, to be told once there is somebody.
func (s *Store) keep(ctx context.Context, tx Tx, server string, x seen, tell teller) error {
	if x.step == leave || x.step == stop { // of a stop people hear when it is done
		return s.put(ctx, tx, server, x)
	}
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		if err := s.put(ctx, tx, server, x); err != nil {
			return err
		}
		who, err := tell(tx, x)
		switch {
		case err != nil:
		case x.step == warn || x.step == again:
			_, err = tx.Exec(ctx, `update watch_session set told = $3 where server = $1 and session = $2`, server, x.Session, who)
		case x.step == giveUp:
			_, err = tx.Exec(ctx, `update watch_session set outcome = $3, outcome_at = now() where server = $1 and session = $2`, server, x.Session, failed)
		}
		return err
	})
	if errors.Is(err, errNobody) {
		return nil
	}
	return err
}

// known are the rows of sessions, locked, by their names.
func (s *Store) known(ctx context.Context, tx Tx, server string, names []string) (map[string]session, error) {
	rows, err := tx.Query(ctx, `select session, conference, why, since, seen_at, told_at, snoozed_until, ignored_at, dry_at, stop_at, attempts, outcome, fault
		from watch_session where server = $1 and session = any($2) order by session for update`, server, names)
	if err != nil {
		return nil, err
	}
	out := map[string]session{}
	var x session
	var times [7]*time.Time
	_, err = pgx.ForEachRow(rows, []any{
		&x.Session, &x.Conference, &x.Why, &times[0], &times[1], &times[2], &times[3], &times[4], &times[5], &times[6], &x.Attempts, &x.Outcome, &x.Fault,
	}, func() error {
		for i, at := range []*time.Time{&x.Since, &x.SeenAt, &x.ToldAt, &x.SnoozedUntil, &x.IgnoredAt, &x.DryAt, &x.StopAt} {
			*at = moment(times[i])
		}
		out[x.Session] = x
		return nil
	})
	return out, err
}

// put keeps a session as it is now. What people say of it is theirs to write.
func (s *Store) put(ctx context.Context, tx Tx, server string, x seen) error {
	_, err := tx.Exec(ctx, `insert into watch_session (server, session, conference, topic, owner, why, made_at, since, seen_at, told_at, dry_at, stop_at, attempts)
		values ($1, $2, $3, $4, $5, $6, now(), $7, $8, $9, $10, $11, $12)
		on conflict (server, session) do update set (conference, topic, owner, why, since, seen_at, told_at, dry_at, stop_at, attempts, over_at) =
			(excluded.conference, excluded.topic, excluded.owner, excluded.why, excluded.since, excluded.seen_at, excluded.told_at, excluded.dry_at, excluded.stop_at, excluded.attempts, null)`,
		server, x.Session, plain(x.c.ID, mostSession), plain(x.c.Topic, mostTopic), plain(x.c.Owner, mostSession), x.Why, null(x.Since), null(x.SeenAt), null(x.ToldAt), null(x.DryAt),
		null(x.StopAt), x.Attempts)
	return err
}

// null is a time as the database has it.
func null(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// gone notes which sessions do not run any more, and gives those that were being stopped:
// what became of them is to be found out.
func (s *Store) gone(ctx context.Context, tx Tx, server string, running []string) ([]session, error) {
	_, err := tx.Exec(ctx, `update watch_session set since = null, over_at = now()
		where server = $1 and over_at is null and not session = any($2) and (stop_at is null or outcome <> '')`, server, running)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `select session from watch_session where server = $1 and over_at is null and not session = any($2) order by session`, server, running)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) == 0 {
		return nil, err
	}
	known, err := s.known(ctx, tx, server, names)
	out := make([]session, 0, len(names))
	for _, name := range names {
		out = append(out, known[name])
	}
	return out, err
}

// end is what became of a stop.
type end struct {
	session string
	outcome outcome // empty: it was called off, or may be tried again
	fault   string
	right   string // with the fault "right": which one is missing
	unused  bool   // nothing was tried
}

// settle keeps what became of a stop, once. Tell adds the receipt in the same commit; it is
// given who was warned, and not called when there is nothing to tell.
func (s *Store) settle(ctx context.Context, t turn, e end, tell func(tx Tx, x receipt) error) error {
	return s.in(ctx, t, func(tx Tx, _ time.Time) error {
		var r receipt
		err := tx.QueryRow(ctx, `select conference, topic, owner, told, stop_at from watch_session
			where server = $1 and session = $2 and stop_at is not null and outcome = '' for update`, t.server, e.session).Scan(&r.conference, &r.topic, &r.owner, &r.told, &r.stopAt)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = noteEnd(ctx, tx, t.server, e, r)
		}
		if err != nil {
			return err
		}
		if e.outcome == "" {
			_, err := tx.Exec(ctx, `update watch_session set stop_at = null, since = case when $3 then null else since end, attempts = attempts - $3::boolean::int, fault = $4
				where server = $1 and session = $2`, t.server, e.session, e.unused, e.fault)
			return err
		}
		_, err = tx.Exec(ctx, `update watch_session set outcome = $3, outcome_at = now(), fault = $4, over_at = case when $3 <> 'failed' then now() end
			where server = $1 and session = $2`, t.server, e.session, e.outcome, e.fault)
		if err != nil {
			return err
		}
		return tell(tx, r)
	})
}

// receipt is whom and what a stop is told of.
type receipt struct {
	conference, topic, owner string
	told                     []people.ID
	stopAt                   time.Time // when it was written down
}

func (r receipt) knew(p people.Person) bool { return slices.Contains(r.told, p.ID) }

// finish ends a turn in which nothing else is to be kept.
func (s *Store) finish(ctx context.Context, t turn) error {
	return s.in(ctx, t, func(tx Tx, _ time.Time) error { return t.end(ctx, tx) })
}

// Purge removes sessions that have been over for longer than what is kept, and those of
// servers at which nobody has looked for as long: they are in the settings no more.
func (s *Store) Purge(ctx context.Context, keep time.Duration) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from watch_session s where over_at < now() - $1::interval
		or made_at < now() - $1::interval and not exists (
			select from watch_turn t where t.server = s.server and t.duty = 'scan' and t.begun_at >= now() - $1::interval)`, keep)
	if err != nil {
		return 0, fmt.Errorf("old sessions of video servers: %w", err)
	}
	return tag.RowsAffected(), nil
}
