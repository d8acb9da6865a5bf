package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/directory"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// Store keeps attempts.
type Store struct {
	Pool *pgxpool.Pool
}

// Times and numbers of the flow; see the table of variants that they answer to in the
// comment of the package.
const (
	attemptLife = 10 * time.Minute // from the chat to the login service and back
	proofLife   = 5 * time.Minute  // then the proof must be in the chat
	agreeLife   = 10 * time.Minute // then somebody must have said yes
	maxTries    = 3                // wrong codes
	maxPerHour  = 5                // attempts of one account
)

// stage is how far an attempt has come.
type stage int

const (
	asked stage = iota
	opened
	exchanged
	proved
	brought
	ended
)

// attempt is a row.
type attempt struct {
	ID       string
	Account  int64
	SeenAs   string
	Language string
	Service  string
	Proof    directory.Proof
	Person   people.ID
	Outcome  string
	Stage    stage
	Expired  bool
	cookie   []byte
}

const selectAttempt = `select id, account, seen_as, language, coalesce(service, ''), coalesce(issuer, ''), coalesce(subject, ''),
	coalesce(email, ''), coalesce(person_id, ''), coalesce(outcome, ''), cookie_hash,
	case when ended_at is not null then 5 when brought_at is not null then 4 when proved_at is not null then 3
		when exchanged_at is not null then 2 when opened_at is not null then 1 else 0 end,
	expires_at <= statement_timestamp()
	from link_attempt where `

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// one reads an attempt; errNone when there is none.
func one(ctx context.Context, q querier, condition string, args ...any) (attempt, error) {
	rows, err := q.Query(ctx, selectAttempt+condition, args...)
	if err != nil {
		return attempt{}, fmt.Errorf("attempt: %w", err)
	}
	a, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (a attempt, err error) {
		err = row.Scan(&a.ID, &a.Account, &a.SeenAs, &a.Language, &a.Service, &a.Proof.Issuer, &a.Proof.Subject,
			&a.Proof.Email, &a.Person, &a.Outcome, &a.cookie, &a.Stage, &a.Expired)
		return a, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return attempt{}, errNone
	}
	if err != nil {
		return attempt{}, fmt.Errorf("attempt: %w", err)
	}
	return a, nil
}

// errNone: there is no such attempt.
var errNone = errors.New("no such attempt")

func (s *Store) byToken(ctx context.Context, token string) (attempt, error) {
	return one(ctx, s.Pool, "token_hash = $1", pages.Hash(token))
}

func (s *Store) byCookie(ctx context.Context, c pages.Seed) (attempt, error) {
	return one(ctx, s.Pool, "cookie_hash = $1", c.Hash())
}

func (s *Store) byState(ctx context.Context, state string) (attempt, error) {
	return one(ctx, s.Pool, "state_hash = $1", pages.Hash(state))
}

func (s *Store) byProof(ctx context.Context, proof string) (attempt, error) {
	return one(ctx, s.Pool, "proof_hash = $1", pages.Hash(proof))
}

// byCode finds whose code it is now: an own one before another's.
func (s *Store) byCode(ctx context.Context, account int64, code string) (attempt, error) {
	return one(ctx, s.Pool, `code_hash = $1 and ended_at is null and expires_at > statement_timestamp()
		order by account = $2 desc limit 1`, pages.Hash(code), account)
}

// live is the attempt of an account that has not ended.
func (s *Store) live(ctx context.Context, account int64) (attempt, error) {
	return one(ctx, s.Pool, "account = $1 and ended_at is null", account)
}

// begin stores a new attempt in the place of the one that the account had.
func (s *Store) begin(ctx context.Context, a attempt, token string) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('countersign.link', $1))", a.Account); err != nil {
			return err
		}
		var recent int
		err := tx.QueryRow(ctx, "select count(*) from link_attempt where account = $1 and created_at > statement_timestamp() - interval '1 hour'", a.Account).
			Scan(&recent)
		if err != nil {
			return err
		}
		if recent >= maxPerHour {
			return ErrTooMany
		}
		_, err = tx.Exec(ctx, "update link_attempt set ended_at = statement_timestamp(), outcome = $2 where account = $1 and ended_at is null",
			a.Account, outcomeSuperseded)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into link_attempt (id, account, seen_as, language, created_at, expires_at, token_hash)
			values ($1, $2, $3, $4, statement_timestamp(), statement_timestamp() + make_interval(secs => $5), $6)`,
			a.ID, a.Account, a.SeenAs, a.Language, attemptLife.Seconds(), pages.Hash(token))
		return err
	})
}

// open binds an attempt to a browser. The same browser may do so again until it has been
// at the login service.
func (s *Store) open(ctx context.Context, id, service string, c pages.Seed) error {
	return s.step(ctx, `update link_attempt set service = $2, cookie_hash = $3, state_hash = $4, opened_at = coalesce(opened_at, statement_timestamp())
		where id = $1 and (opened_at is null or cookie_hash = $3) and exchanged_at is null`, id, service, c.Hash(), pages.Hash(stateOf(c)))
}

// exchange uses the state up.
func (s *Store) exchange(ctx context.Context, id string) error {
	return s.step(ctx, "update link_attempt set exchanged_at = statement_timestamp() where id = $1 and exchanged_at is null", id)
}

// prove stores what the login service said, and the secrets by which it goes back to the chat.
func (s *Store) prove(ctx context.Context, id string, p directory.Proof, person people.ID, c pages.Seed) error {
	return s.step(ctx, `update link_attempt set issuer = $2, subject = $3, email = $4, person_id = $5, cookie_hash = $6, proof_hash = $7,
		code_hash = $8, proved_at = statement_timestamp(), expires_at = statement_timestamp() + make_interval(secs => $9)
		where id = $1 and proved_at is null`,
		id, p.Issuer, p.Subject, p.Email, person, c.Hash(), pages.Hash(proofOf(c)), pages.Hash(codeOf(c)), proofLife.Seconds())
}

// bring notes that the proof is back. Again is no error.
func (s *Store) bring(ctx context.Context, id string) error {
	_, err := s.Pool.Exec(ctx, `update link_attempt set brought_at = statement_timestamp(),
		expires_at = statement_timestamp() + make_interval(secs => $2)
		where id = $1 and brought_at is null and ended_at is null and expires_at > statement_timestamp()`, id, agreeLife.Seconds())
	return err
}

// miss counts a wrong code and gives how many there were.
func (s *Store) miss(ctx context.Context, id string) (int, error) {
	var tries int
	err := s.Pool.QueryRow(ctx, `update link_attempt set tries = tries + 1 where id = $1 and ended_at is null and tries < $2 returning tries`,
		id, maxTries).Scan(&tries)
	if errors.Is(err, pgx.ErrNoRows) {
		return maxTries, nil
	}
	return tries, err
}

// end ends an attempt, and does in the same commit what goes with that. One that has
// ended keeps its outcome, and nothing is done.
func (s *Store) end(ctx context.Context, id, outcome string, with func(tx tx) error) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "update link_attempt set ended_at = statement_timestamp(), outcome = $2 where id = $1 and ended_at is null", id, outcome)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return with(tx)
	})
}

// step does one step of a live attempt, once.
func (s *Store) step(ctx context.Context, sql string, args ...any) error {
	tag, err := s.Pool.Exec(ctx, sql+" and ended_at is null and expires_at > statement_timestamp()", args...)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "23505" {
		return errNone // a cookie or a state that another attempt has
	}
	if err == nil && tag.RowsAffected() != 1 {
		return errNone
	}
	return err
}

// tx is a transaction, for those who only hand it on.
type tx = pgx.Tx

// in runs an act in a transaction.
func (s *Store) in(ctx context.Context, act func(tx tx) error) error {
	return pgx.BeginFunc(ctx, s.Pool, act)
}

// finish runs the last act on an attempt, with its row locked: what is done and the end of
// the attempt are one commit. An act without an outcome ends nothing.
func (s *Store) finish(ctx context.Context, id string, act func(tx tx, a attempt) (outcome string, err error)) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		a, err := one(ctx, tx, "id = $1 for update", id)
		if err != nil {
			return err
		}
		outcome, err := act(tx, a)
		if err != nil || outcome == "" {
			return err
		}
		_, err = tx.Exec(ctx, "update link_attempt set ended_at = statement_timestamp(), outcome = $2 where id = $1 and ended_at is null", id, outcome)
		return err
	})
}

// Purge removes attempts that are older than what is kept, some at a time, and reports
// how many went.
func (s *Store) Purge(ctx context.Context, keep time.Duration) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from link_attempt where id in (
		select id from link_attempt where created_at < statement_timestamp() - make_interval(secs => $1) limit 1000)`, keep.Seconds())
	if err != nil {
		return 0, fmt.Errorf("old attempts to link: %w", err)
	}
	return tag.RowsAffected(), nil
}
