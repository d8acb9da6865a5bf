package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/directory"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// Store keeps sessions and roles.
type Store struct {
	Pool *pgxpool.Pool
}

// Times of a session.
const (
	loginLife   = 10 * time.Minute
	idleLife    = 30 * time.Minute
	sessionLife = 12 * time.Hour
	seenEvery   = time.Minute
)

// The refusals of the store.
var (
	errNone = errors.New("no such session")
	errSelf = errors.New("nobody does this to himself")
	// errNoRight: the role that an act needs was lost, or is not enough against this person.
	errNoRight = errors.New("the role does not allow this")
	// errNamed: the configuration makes him an administrator, whatever is given here.
	errNamed = errors.New("the role comes from the configuration")
	// errChanged: somebody else was faster.
	errChanged = errors.New("changed since it was shown")
)

// session is what a cookie stands for: the login that it rests on.
type session struct {
	Person        people.ID
	Identity, Era int64
}

// errNoRole: somebody is known, and may do nothing here.
var errNoRole = errors.New("no role in the console")

// admission is somebody at the door.
type admission struct {
	proof     directory.Proof
	token     pages.Seed
	client    string
	directory *directory.Store
	roleOf    func(context.Context, executor, people.Person, directory.Identity) (Role, error)
}

// admit binds the login, if it was never seen, and begins the session in one transaction:
// a login is bound to somebody for good, so that of who may not come in must not be. What
// is taken from the person in between has a later era, and the session is void.
func (s *Store) admit(ctx context.Context, a admission) (l directory.Login, r Role, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if l, err = a.directory.KnowIn(ctx, tx, "console", a.proof); err != nil {
			return err
		}
		if r, err = a.roleOf(ctx, tx, l.Person, l.By); err != nil {
			return err
		}
		if r == "" {
			return errNoRole
		}
		_, err = tx.Exec(ctx, `insert into console_session (token_hash, person_id, created_at, seen_at, expires_at, client, identity_id, era)
			values ($1, $2, statement_timestamp(), statement_timestamp(), statement_timestamp() + make_interval(secs => $3), $4, $5, $6)`,
			a.token.Hash(), l.ID, sessionLife.Seconds(), a.client, l.By.ID, l.Era)
		if err != nil {
			return err
		}
		return note(ctx, tx, entry{What: "login", Person: l.ExternalID, Detail: string(r)})
	})
	return l, r, err
}

// session gives what a cookie stands for, and notes that it was used. Whether the login
// still counts is the directory's to say.
func (s *Store) session(ctx context.Context, token pages.Seed) (session, error) {
	var of session
	var stale bool
	err := s.Pool.QueryRow(ctx, `select person_id, identity_id, era, seen_at < statement_timestamp() - make_interval(secs => $3) from console_session
		where token_hash = $1 and ended_at is null and expires_at > statement_timestamp()
			and seen_at > statement_timestamp() - make_interval(secs => $2)`, token.Hash(), idleLife.Seconds(), seenEvery.Seconds()).
		Scan(&of.Person, &of.Identity, &of.Era, &stale)
	if errors.Is(err, pgx.ErrNoRows) {
		return session{}, errNone
	}
	if err == nil && stale {
		_, err = s.Pool.Exec(ctx, "update console_session set seen_at = statement_timestamp() where token_hash = $1 and ended_at is null", token.Hash())
	}
	return of, err
}

// end ends a session.
func (s *Store) end(ctx context.Context, token pages.Seed, why, person string) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "update console_session set ended_at = statement_timestamp(), ended_why = $2 where token_hash = $1 and ended_at is null", token.Hash(), why)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return note(ctx, tx, entry{What: "logout", Person: person, Detail: why})
	})
}

// role is what was given to a person for a login with the address; empty: nothing.
func role(ctx context.Context, q executor, id people.ID, email string) (Role, error) {
	rows, err := q.Query(ctx, "select role from console_grant where person_id = $1 and ended_at is null and $2 = any (addresses)", id, strings.ToLower(email))
	if err != nil {
		return "", err
	}
	r, err := pgx.CollectOneRow(rows, pgx.RowTo[Role])
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return r, err
}

// roles are those that were given, by person.
func (s *Store) roles(ctx context.Context) (map[people.ID]Role, error) {
	rows, err := s.Pool.Query(ctx, "select person_id, role from console_grant where ended_at is null")
	if err != nil {
		return nil, err
	}
	out := map[people.ID]Role{}
	var id people.ID
	var r Role
	_, err = pgx.ForEachRow(rows, []any{&id, &r}, func() error { out[id] = r; return nil })
	return out, err
}

// lock makes those who change roles, and those who count refusals, follow one another.
func lock(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('countersign.console', 0))")
	return err
}

// gift is a role for somebody; an empty one is taken away.
type gift struct {
	by        visitor
	to        people.Person
	role      Role
	was       Role     // what the giver saw
	addresses []string // of the logins for which it counts
}

// give replaces what somebody may do, and ends his sessions. Under the lock the giver must
// still be an administrator: of two who take the role from each other one stays. The same
// again is no error, and anything else than what the giver saw is errChanged.
func (s *Store) give(ctx context.Context, g gift) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		if !g.by.named {
			if r, err := role(ctx, tx, g.by.person.ID, g.by.email); err != nil || !r.may(toGive) {
				return errors.Join(errNoRight, err)
			}
		}
		var now Role
		var same bool
		err := tx.QueryRow(ctx, `select role, role = $2 and addresses @> $3 and addresses <@ $3 from console_grant
			where person_id = $1 and ended_at is null`, g.to.ID, g.role, g.addresses).Scan(&now, &same)
		switch {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return err
		case same || now == "" && g.role == "":
			return nil
		case now != g.was && now != g.role:
			return errChanged
		}
		if err := g.end(ctx, tx, now); err != nil || g.role == "" {
			return err
		}
		_, err = tx.Exec(ctx, `insert into console_grant (person_id, role, granted_at, granted_by, addresses) values ($1, $2, statement_timestamp(), $3, $4)`,
			g.to.ID, g.role, g.by.person.ID, g.addresses)
		if err != nil {
			return err
		}
		return note(ctx, tx, entry{What: "granted", Person: g.to.ExternalID, By: g.by.person.ExternalID, Detail: string(g.role)})
	})
}

// end ends the role of before, and with it every session.
func (g gift) end(ctx context.Context, tx pgx.Tx, now Role) error {
	_, err := tx.Exec(ctx, "update console_session set ended_at = statement_timestamp(), ended_why = 'another role' where person_id = $1 and ended_at is null", g.to.ID)
	if err != nil || now == "" {
		return err
	}
	_, err = tx.Exec(ctx, `update console_grant set ended_at = greatest(granted_at, statement_timestamp()), ended_by = $2
		where person_id = $1 and ended_at is null`, g.to.ID, g.by.person.ID)
	if err != nil {
		return err
	}
	return note(ctx, tx, entry{What: "ended", Person: g.to.ExternalID, By: g.by.person.ExternalID, Detail: string(now)})
}

// entry is a line of the journal.
type entry struct {
	At     time.Time
	What   string
	Person string
	By     string
	Detail string
}

// executor is a pool or a transaction.
type executor interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func note(ctx context.Context, q executor, e entry) error {
	rows, err := q.Query(ctx, `insert into console_journal (at, what, person, by_whom, detail) values (statement_timestamp(), $1, $2, $3, $4)`,
		e.What, e.Person, e.By, e.Detail)
	if err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// refusalsAnHour is how many addresses an hour has that are noted one by one.
const refusalsAnHour = 20

// refused notes who was turned away at the door. Whoever has an account of the login
// service can come as often as he likes, and with many an address: neither fills the table.
func (s *Store) refused(ctx context.Context, email string) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			with now as (select date_bin('1 hour', statement_timestamp(), timestamptz 'epoch') as hour),
			named as (select count(*) < $2 or coalesce(bool_or(person = $1), false) as one_by_one from console_refusal r, now where r.hour = now.hour and r.person <> '')
			insert into console_refusal (hour, person, times, last_at)
			select hour, case when one_by_one then $1 else '' end, 1, statement_timestamp() from now, named
			on conflict (hour, person) do update
			set times = console_refusal.times + 1, last_at = greatest(console_refusal.last_at, excluded.last_at)`, shownAddress(email), refusalsAnHour)
		return err
	})
	if err != nil {
		return fmt.Errorf("refusal: %w", err)
	}
	return nil
}

// shownAddress is the address as far as it can be stored and shown: a login service may
// say anything.
func shownAddress(email string) string {
	odd := func(r rune) bool { return r < '!' || r > '~' }
	if len(email) > 254 || strings.ContainsFunc(email, odd) {
		return ""
	}
	return email
}

// entries lists what happened at the door, the newest first.
func (s *Store) entries(ctx context.Context, limit int) ([]entry, error) {
	rows, err := s.Pool.Query(ctx, `
		(select at, what, person, by_whom, detail from console_journal order by id desc limit $1)
		union all
		(select last_at, 'refused', person, '', times::text from console_refusal order by hour desc, last_at desc limit $1)
		order by 1 desc limit $1`, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
}

// Keep is how far back the console's tables go.
type Keep struct {
	Sessions time.Duration
	Journal  time.Duration // a year at least: the database keeps what is younger, and roles for ever
}

// Purge removes what is older, some at a time.
func (s *Store) Purge(ctx context.Context, k Keep) error {
	var wrong []error
	for _, part := range []struct {
		sql  string
		keep time.Duration
	}{
		{`delete from console_session where ctid in (
			select ctid from console_session where created_at < statement_timestamp() - make_interval(secs => $1) limit 1000)`, k.Sessions},
		{`delete from console_journal where ctid in (
			select ctid from console_journal where what not in ('granted', 'ended') and at < statement_timestamp() - make_interval(secs => $1)
			order by at limit 1000)`, k.Journal},
		{`delete from console_refusal where ctid in (
			select ctid from console_refusal where hour < statement_timestamp() - make_interval(secs => $1) order by hour limit 1000)`, k.Journal},
	} {
		if _, err := s.Pool.Exec(ctx, part.sql, part.keep.Seconds()); err != nil {
			wrong = append(wrong, fmt.Errorf("what is old in the console: %w", err))
		}
	}
	return errors.Join(wrong...)
}
