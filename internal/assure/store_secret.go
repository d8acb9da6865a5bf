package assure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// held is what a person has of one way, as it is stored; of passkeys, that there are any.
type held struct {
	Method Method
	Set    time.Time
	Until  time.Time // locked until then; zero when it is not
}

// holds lists what a person has.
func (s *Store) holds(ctx context.Context, person people.ID) (map[Method]held, error) {
	rows, err := s.Pool.Query(ctx, `select method, set_at, case when locked_until > statement_timestamp() then locked_until end
		from assure_secret where person_id = $1
		union all select 'passkey', min(added_at), null from assure_passkey where person_id = $1 having count(*) > 0`, person)
	if err != nil {
		return nil, fmt.Errorf("what %s has: %w", person, err)
	}
	out := map[Method]held{}
	var h held
	var until *time.Time
	_, err = pgx.ForEachRow(rows, []any{&h.Method, &h.Set, &until}, func() error {
		h.Until = time.Time{}
		if until != nil {
			h.Until = *until
		}
		out[h.Method] = h
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("what %s has: %w", person, err)
	}
	return out, nil
}

// try is how a try counts.
type try struct {
	Last  int64     // step of the newest code that was taken
	Tries int       // with this one
	Until time.Time // locked from now on, unless this one is right
}

// The refusals to try.
var (
	errLocked = errors.New("locked")
	errNoSuch = errors.New("there is none")
)

// sealed gives what a person has, and since when.
func (s *Store) sealed(ctx context.Context, person people.ID, m Method) (sealed []byte, set time.Time, err error) {
	err = s.Pool.QueryRow(ctx, "select sealed, set_at from assure_secret where person_id = $1 and method = $2", person, m).Scan(&sealed, &set)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoSuch
	}
	return sealed, set, err
}

// take counts a try of what was set then, before it is looked at, so that tries at the same
// moment are no more than those that follow one another. The fifth locks, at first for 15
// minutes, then for twice as long as before, up to a day.
func (s *Store) take(ctx context.Context, person people.ID, m Method, set time.Time) (try, error) {
	var t try
	var until *time.Time
	err := s.Pool.QueryRow(ctx, `update assure_secret set
			tries = case when locked_until is null then tries + 1 else 1 end,
			lockouts = lockouts + case when locked_until is null and tries + 1 = $3 then 1 else 0 end,
			locked_until = case when locked_until is null and tries + 1 = $3
				then statement_timestamp() + least(interval '1 day', interval '15 minutes' * power(2, least(lockouts, 10))) end
		where person_id = $1 and method = $2 and set_at = $4 and (locked_until is null or locked_until <= statement_timestamp())
		returning last_step, tries, locked_until`, person, m, maxTries, set).Scan(&t.Last, &t.Tries, &until)
	if until != nil {
		t.Until = *until
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return t, err
	}
	has, err := s.holds(ctx, person)
	if _, ok := has[m]; err == nil && !ok {
		return t, errNoSuch
	}
	t.Until = has[m].Until
	return t, errors.Join(errLocked, err)
}

// proof is what was right.
type proof struct {
	Method Method
	person people.ID
	set    time.Time
	step   int64  // of a code; of a passkey, how far it has counted
	key    string // the passkey
}

// errUsed: the code was taken before, or the secret is another one by now.
var errUsed = errors.New("used before")

// settle takes back what was counted, and remembers the code: it is taken once, and none
// that is older.
func (p proof) settle(ctx context.Context, e executor) error {
	if p.Method == Login {
		return nil
	}
	if p.Method == Passkey {
		return p.settleKey(ctx, e)
	}
	tag, err := e.Exec(ctx, `update assure_secret set tries = 0, lockouts = 0, locked_until = null, last_step = $4
		where person_id = $1 and method = $2 and set_at = $3 and (method = 'pin' or last_step < $4)`, p.person, p.Method, p.set, p.step)
	if err == nil && tag.RowsAffected() != 1 {
		return errUsed
	}
	return err
}

// forgive takes back what was counted, and leaves a code to be taken.
func (s *Store) forgive(ctx context.Context, p proof) error {
	_, err := s.Pool.Exec(ctx, `update assure_secret set tries = 0, lockouts = 0, locked_until = null
		where person_id = $1 and method = $2 and set_at = $3`, p.person, p.Method, p.set)
	return err
}

func note(ctx context.Context, e executor, person people.ID, actor, what string) error {
	_, err := e.Exec(ctx, "insert into assure_journal (at, person_id, actor, what) values (statement_timestamp(), $1, $2, $3)", person, actor, what)
	return err
}

// locked is written down when a wrong try has locked.
func (s *Store) locked(ctx context.Context, person people.ID, m Method) error {
	return note(ctx, s.Pool, person, string(person), string(m)+".locked")
}

// change does something to what the person of an enrollment has, and writes it down, as
// long as he may.
func (s *Store) change(ctx context.Context, a attempt, what string, act func(e executor) error) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		now, err := one(ctx, tx, "id = $1 for update", a.ID)
		if err != nil {
			return err
		}
		if now.Kind != enroll || !now.Proved || !now.live() {
			return errNone
		}
		if err := act(tx); err != nil {
			return err
		}
		return note(ctx, tx, a.Ask.Person, string(a.Ask.Person), what)
	})
}

// put stores a secret in the place of the one that was there. Of codes, those up to a step
// are taken already.
func put(ctx context.Context, e executor, k kept, step int64) error {
	_, err := e.Exec(ctx, `insert into assure_secret (person_id, method, sealed, set_at, last_step) values ($1, $2, $3, statement_timestamp(), $4)
		on conflict (person_id, method) do update set sealed = excluded.sealed, set_at = excluded.set_at, last_step = excluded.last_step,
			tries = 0, lockouts = 0, locked_until = null`, k.Person, k.Method, k.Sealed, step)
	return err
}

func remove(ctx context.Context, e executor, person people.ID, m Method) error {
	tag, err := e.Exec(ctx, "delete from assure_secret where person_id = $1 and method = $2", person, m)
	if err == nil && tag.RowsAffected() == 0 {
		return errNoSuch
	}
	return err
}

// pend keeps the secret of codes that wait for the first of them; nil forgets it.
func (s *Store) pend(ctx context.Context, id string, sealed []byte) error {
	return s.step(ctx, "update assure_attempt set pending = $2 where id = $1 and kind = 'enroll' and proved_at is not null", id, sealed)
}

func unpend(ctx context.Context, e executor, id string) error {
	_, err := e.Exec(ctx, "update assure_attempt set pending = null where id = $1", id)
	return err
}

// reset removes everything that a person has, and ends what is under way.
func (s *Store) reset(ctx context.Context, actor string, person people.ID) (gone int64, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update assure_attempt set ended_at = statement_timestamp(), outcome = 'reset'
			where person_id = $1 and ended_at is null and used_at is null`, person)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `with secrets as (delete from assure_secret where person_id = $1 returning method),
				keys as (delete from assure_passkey where person_id = $1 returning 'passkey')
			select * from secrets union all select * from keys`, person)
		if err != nil {
			return err
		}
		methods, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, m := range methods {
			if err := note(ctx, tx, person, actor, m+".reset"); err != nil {
				return err
			}
		}
		gone = int64(len(methods))
		return err
	})
	return gone, err
}

// kept is a secret as it is stored.
type kept struct {
	Person people.ID
	Method Method
	Sealed []byte
}

// place is the row of a person's secret, as the seal is bound to it.
func place(person people.ID, m Method) string { return string(person) + "/" + string(m) }
