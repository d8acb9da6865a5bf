package console

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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
	errSelf = errors.New("nobody changes his own role")
)

// open begins a session, with its entry in the journal.
func (s *Store) open(ctx context.Context, token pages.Seed, p people.Person, role Role, client string) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into console_session (token_hash, person_id, created_at, seen_at, expires_at, client)
			values ($1, $2, statement_timestamp(), statement_timestamp(), statement_timestamp() + make_interval(secs => $3), $4)`,
			token.Hash(), p.ID, sessionLife.Seconds(), client)
		if err != nil {
			return err
		}
		return note(ctx, tx, entry{What: "login", Person: p.ExternalID, Detail: string(role)})
	})
}

// session gives whose it is, and notes that it was used.
func (s *Store) session(ctx context.Context, token pages.Seed) (people.ID, error) {
	var id people.ID
	var stale bool
	err := s.Pool.QueryRow(ctx, `select person_id, seen_at < statement_timestamp() - make_interval(secs => $3) from console_session
		where token_hash = $1 and ended_at is null and expires_at > statement_timestamp()
			and seen_at > statement_timestamp() - make_interval(secs => $2)`, token.Hash(), idleLife.Seconds(), seenEvery.Seconds()).Scan(&id, &stale)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errNone
	}
	if err == nil && stale {
		_, err = s.Pool.Exec(ctx, "update console_session set seen_at = statement_timestamp() where token_hash = $1 and ended_at is null", token.Hash())
	}
	return id, err
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

// role is what was given to a person; empty: nothing.
func (s *Store) role(ctx context.Context, id people.ID) (Role, error) {
	var r Role
	err := s.Pool.QueryRow(ctx, "select role from console_grant where person_id = $1 and ended_at is null", id).Scan(&r)
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

// give replaces what somebody may do; an empty role takes it away. His sessions go on with
// what he may do then.
func (s *Store) give(ctx context.Context, by, to people.Person, r Role) error {
	if by.ID == to.ID {
		return errSelf
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('countersign.console', 0))"); err != nil {
			return err
		}
		var now Role
		err := tx.QueryRow(ctx, `update console_grant set ended_at = greatest(granted_at, statement_timestamp()), ended_by = $2
			where person_id = $1 and ended_at is null and role <> $3 returning role`, to.ID, by.ID, r).Scan(&now)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		default:
			if err := note(ctx, tx, entry{What: "ended", Person: to.ExternalID, By: by.ExternalID, Detail: string(now)}); err != nil {
				return err
			}
		}
		if r == "" {
			return nil
		}
		tag, err := tx.Exec(ctx, `insert into console_grant (person_id, role, granted_at, granted_by) values ($1, $2, statement_timestamp(), $3)
			on conflict (person_id) where ended_at is null do nothing`, to.ID, r, by.ID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return note(ctx, tx, entry{What: "granted", Person: to.ExternalID, By: by.ExternalID, Detail: string(r)})
	})
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

// refused notes who was turned away at the door.
func (s *Store) refused(ctx context.Context, email, why string) error {
	return note(ctx, s.Pool, entry{What: "refused", Person: email, Detail: why})
}

// entries lists what happened at the door, the newest first.
func (s *Store) entries(ctx context.Context, limit int) ([]entry, error) {
	rows, err := s.Pool.Query(ctx, "select at, what, person, by_whom, detail from console_journal order by id desc limit $1", limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
}

// Purge removes sessions that are older than what is kept, some at a time.
func (s *Store) Purge(ctx context.Context, keep time.Duration) error {
	_, err := s.Pool.Exec(ctx, `delete from console_session where ctid in (
		select ctid from console_session where created_at < statement_timestamp() - make_interval(secs => $1) limit 1000)`, keep.Seconds())
	if err != nil {
		return fmt.Errorf("old sessions: %w", err)
	}
	return nil
}
