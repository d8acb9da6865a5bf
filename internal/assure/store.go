package assure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/pages"
)

// Store keeps attempts, what persons have, and the journal.
type Store struct {
	Pool *pgxpool.Pool
}

// Times and numbers of the flow.
const (
	proofLife  = 3 * time.Minute  // of a confirmation, from the chat to the vote
	enterLife  = 10 * time.Minute // from the chat to the login that lets somebody change things
	changeLife = 10 * time.Minute // after that login
	maxLogins  = 5                // in one attempt
	maxTries   = 5                // wrong ones before a lock
	confirms   = 120              // attempts of one person in an hour
	enrolls    = 10
)

// kind is what an attempt is for.
type kind string

const (
	confirm kind = "confirm"
	enroll  kind = "enroll"
)

// The outcomes that are looked at; the rest are reasons.
const (
	outcomeCast       = "cast"
	outcomeSuperseded = "superseded"
)

// attempt is a row.
type attempt struct {
	ID        string
	Kind      kind
	Ask       Ask
	Service   string
	Logins    int
	Method    Method
	Pending   []byte
	Outcome   string
	Answer    string
	Opened    bool
	Exchanged bool
	Proved    bool
	Used      bool // somebody casts, or has
	Ended     bool
	Expired   bool
	Asked     int    // questions to authenticators that were answered
	Naming    string // what the passkey is called that is being added
	cookie    []byte
}

// live reports whether anything may still happen.
func (a attempt) live() bool { return !a.Ended && !a.Expired }

// abandoned is when whoever took a proof and did not end has died: casting and noting are
// over long before. What it was for is bound to the attempt, and whoever casts takes one
// vote for it, so the same may be cast again.
const abandoned = "interval '30 seconds'"

const selectAttempt = `select id, kind, person_id, account, language, coalesce(case_id, ''), coalesce(round, 0), coalesce(step, 0),
	coalesce(slot_no, 0), coalesce(revision, 0), coalesce(verdict, ''), coalesce(reason, ''), coalesce(least, ''), coalesce(service, ''), logins, coalesce(method, ''),
	pending, coalesce(outcome, ''), coalesce(answer, ''), opened_at is not null, exchanged_at is not null, proved_at is not null,
	used_at > statement_timestamp() - ` + abandoned + ` is true, ended_at is not null, expires_at <= statement_timestamp(), cookie_hash, asked, coalesce(naming, '')
	from assure_attempt where `

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// errNone: there is no such attempt, or not any more.
var errNone = errors.New("no such attempt")

func one(ctx context.Context, q querier, condition string, args ...any) (attempt, error) {
	rows, err := q.Query(ctx, selectAttempt+condition, args...)
	if err != nil {
		return attempt{}, fmt.Errorf("attempt: %w", err)
	}
	a, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (a attempt, err error) {
		err = row.Scan(&a.ID, &a.Kind, &a.Ask.Person, &a.Ask.Account, &a.Ask.Language, &a.Ask.Case, &a.Ask.Round, &a.Ask.Step,
			&a.Ask.No, &a.Ask.Revision, &a.Ask.Verdict, &a.Ask.Reason, &a.Ask.Least, &a.Service, &a.Logins, &a.Method,
			&a.Pending, &a.Outcome, &a.Answer, &a.Opened, &a.Exchanged, &a.Proved, &a.Used, &a.Ended, &a.Expired, &a.cookie, &a.Asked, &a.Naming)
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

func (s *Store) byToken(ctx context.Context, token string) (attempt, error) {
	return one(ctx, s.Pool, "token_hash = $1", pages.Hash(token))
}

func (s *Store) byID(ctx context.Context, id string) (attempt, error) {
	return one(ctx, s.Pool, "id = $1", id)
}

func (s *Store) byState(ctx context.Context, state string) (attempt, error) {
	return one(ctx, s.Pool, "state_hash = $1", pages.Hash(state))
}

// begin stores a new attempt in the place of the one that was there for the same.
func (s *Store) begin(ctx context.Context, a attempt, token string) error {
	most, life := confirms, proofLife
	if a.Kind == enroll {
		most, life = enrolls, enterLife
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtext('countersign.assure'), hashtext($1))", a.Ask.Person); err != nil {
			return err
		}
		var recent int
		err := tx.QueryRow(ctx, `select count(*) from assure_attempt
			where person_id = $1 and kind = $2 and created_at > statement_timestamp() - interval '1 hour'`, a.Ask.Person, a.Kind).Scan(&recent)
		if err != nil {
			return err
		}
		if recent >= most {
			return ErrTooMany
		}
		k := a.Ask
		_, err = tx.Exec(ctx, `update assure_attempt set ended_at = statement_timestamp(), outcome = $7
			where person_id = $1 and kind = $2 and ended_at is null
			  and ($2 = 'enroll' or (case_id, round, step, slot_no) = ($3, $4, $5, $6))`,
			k.Person, a.Kind, k.Case, k.Round, k.Step, k.No, outcomeSuperseded)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into assure_attempt (id, kind, person_id, account, language, created_at, expires_at, token_hash,
				case_id, round, step, slot_no, revision, verdict, reason, least)
			select $1, $2, $3, $4, $5, statement_timestamp(), statement_timestamp() + make_interval(secs => $6), $7, v.*
			from (select 1) once left join (values ($8, $9::int, $10::int, $11::int, $12::int, $13, $14, $15)) v on $2 = 'confirm'`,
			a.ID, a.Kind, k.Person, k.Account, k.Language, life.Seconds(), pages.Hash(token),
			k.Case, k.Round, k.Step, k.No, k.Revision, k.Verdict, k.Reason, k.Least)
		return err
	})
}

// open binds an attempt to a browser. The same browser may do so again.
func (s *Store) open(ctx context.Context, id string, c pages.Seed) error {
	return s.step(ctx, `update assure_attempt set cookie_hash = $2, opened_at = coalesce(opened_at, statement_timestamp())
		where id = $1 and (opened_at is null or cookie_hash = $2)`, id, c.Hash())
}

// leave notes the state with which the browser goes to a login service, for the nth time.
func (s *Store) leave(ctx context.Context, id, service string, n int, state string) error {
	return s.step(ctx, `update assure_attempt set service = $2, state_hash = $3, logins = $4, exchanged_at = null
		where id = $1 and opened_at is not null and proved_at is null and (logins = $4 - 1 or logins = $4 and exchanged_at is null)`,
		id, service, pages.Hash(state), n)
}

// exchange uses a state up.
func (s *Store) exchange(ctx context.Context, id, state string) error {
	return s.step(ctx, "update assure_attempt set exchanged_at = statement_timestamp() where id = $1 and state_hash = $2 and exchanged_at is null",
		id, pages.Hash(state))
}

// enter notes the login that lets a person change what he has, and gives the browser
// another cookie.
func (s *Store) enter(ctx context.Context, id string, c pages.Seed) error {
	return s.step(ctx, `update assure_attempt set method = 'login', proved_at = statement_timestamp(), cookie_hash = $2,
		expires_at = least(created_at + interval '20 minutes', statement_timestamp() + make_interval(secs => $3))
		where id = $1 and kind = 'enroll' and exchanged_at is not null and proved_at is null`, id, c.Hash(), changeLife.Seconds())
}

// prove notes how a decision was confirmed and takes the single use of that. What was
// counted against guessing goes with it: all in one commit.
func (s *Store) prove(ctx context.Context, id string, p proof) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := p.settle(ctx, tx); err != nil {
			return err
		}
		return step(ctx, tx, `update assure_attempt set method = $2, proved_at = statement_timestamp(), used_at = statement_timestamp()
			where id = $1 and kind = 'confirm' and proved_at is null`, id, p.Method)
	})
}

// use takes the single use of a proof that was given back, or whose user died.
func (s *Store) use(ctx context.Context, id string) error {
	return s.step(ctx, `update assure_attempt set used_at = statement_timestamp()
		where id = $1 and kind = 'confirm' and proved_at is not null and (used_at is null or used_at <= statement_timestamp() - `+abandoned+`)`, id)
}

// giveBack lets a proof be used once more.
func (s *Store) giveBack(ctx context.Context, id string) error {
	_, err := s.Pool.Exec(ctx, "update assure_attempt set used_at = null where id = $1 and ended_at is null", id)
	return err
}

// finish ends an attempt whose vote was cast.
func (s *Store) finish(ctx context.Context, id, answer string) error {
	const most = 4000
	answer = strings.ReplaceAll(strings.ToValidUTF8(answer, "\uFFFD"), "\x00", "\uFFFD")
	if r := []rune(answer); len(r) > most {
		answer = string(r[:most])
	}
	_, err := s.Pool.Exec(ctx, `update assure_attempt set ended_at = statement_timestamp(), outcome = $2, answer = $3
		where id = $1 and used_at is not null and ended_at is null`, id, outcomeCast, answer)
	return err
}

// end ends an attempt in vain. It reports whether it ended now.
func (s *Store) end(ctx context.Context, id, outcome string) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `update assure_attempt set ended_at = statement_timestamp(), outcome = $2
		where id = $1 and ended_at is null and used_at is null`, id, outcome)
	return tag.RowsAffected() == 1, err
}

// executor is a pool or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func (s *Store) step(ctx context.Context, sql string, args ...any) error {
	return step(ctx, s.Pool, sql, args...)
}

// step does one step of a live attempt, once.
func step(ctx context.Context, e executor, sql string, args ...any) error {
	tag, err := e.Exec(ctx, sql+" and ended_at is null and expires_at > statement_timestamp()", args...)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "23505" {
		return errNone // a cookie or a state that another attempt has
	}
	if err == nil && tag.RowsAffected() != 1 {
		return errNone
	}
	return err
}

// Purge removes attempts that are older than what is kept, some at a time, and reports
// how many went.
func (s *Store) Purge(ctx context.Context, keep time.Duration) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from assure_attempt where id in (
		select id from assure_attempt where created_at < statement_timestamp() - make_interval(secs => $1) limit 1000)`, keep.Seconds())
	if err != nil {
		return 0, fmt.Errorf("old attempts to confirm: %w", err)
	}
	return tag.RowsAffected(), nil
}
