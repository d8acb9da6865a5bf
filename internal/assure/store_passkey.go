package assure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"countersign/internal/people"
)

// The refusals to add a key.
var (
	errKnown = errors.New("the key is here already")
	errFull  = errors.New("there are too many keys")
)

// passkeys lists those of a person, the oldest first.
func (s *Store) passkeys(ctx context.Context, person people.ID) ([]passkey, error) {
	rows, err := s.Pool.Query(ctx, `select id, name, credential_id, sealed, counter, added_at, used_at, copied_at is not null
		from assure_passkey where person_id = $1 order by added_at, id`, person)
	if err != nil {
		return nil, fmt.Errorf("passkeys of %s: %w", person, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k passkey, err error) {
		var used *time.Time
		err = row.Scan(&k.ID, &k.Name, &k.Credential, &k.Sealed, &k.Counter, &k.Added, &used, &k.Copied)
		if used != nil {
			k.Used = *used
		}
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys of %s: %w", person, err)
	}
	return all, nil
}

// spend uses the question up that was asked after so many others.
func (s *Store) spend(ctx context.Context, id string, asked int) error {
	return s.step(ctx, "update assure_attempt set asked = asked + 1 where id = $1 and asked = $2 and opened_at is not null", id, asked)
}

// copied refuses a key from now on, and writes it down. It reports whether that is new.
func (s *Store) copied(ctx context.Context, person people.ID, id string) (now bool, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "update assure_passkey set copied_at = statement_timestamp() where id = $1 and person_id = $2 and copied_at is null", id, person)
		if now = tag.RowsAffected() == 1; err != nil || !now {
			return err
		}
		return note(ctx, tx, person, string(person), "passkey.copied")
	})
	return now, err
}

// settleKey remembers how far a key has counted: of two answers with one count, one counts.
func (p proof) settleKey(ctx context.Context, e executor) error {
	tag, err := e.Exec(ctx, `update assure_passkey set counter = $3, used_at = statement_timestamp()
		where id = $1 and person_id = $2 and copied_at is null and (counter < $3 or counter = 0 and $3 = 0)`, p.key, p.person, p.step)
	if err == nil && tag.RowsAffected() != 1 {
		return errUsed
	}
	return err
}

// nameKey keeps the name of a key that is about to be made; empty forgets it.
func (s *Store) nameKey(ctx context.Context, id, name string) error {
	return s.step(ctx, "update assure_attempt set naming = nullif($2, '') where id = $1 and kind = 'enroll' and proved_at is not null", id, name)
}

// addKey stores a key under the name that waits for it.
func addKey(ctx context.Context, e executor, a attempt, k passkey) error {
	tag, err := e.Exec(ctx, "update assure_attempt set naming = null where id = $1 and naming = $2", a.ID, k.Name)
	if err != nil || tag.RowsAffected() != 1 {
		return errors.Join(err, errNoSuch)
	}
	tag, err = e.Exec(ctx, `insert into assure_passkey (id, person_id, name, credential_id, sealed, counter, added_at)
		select $1, $2, $3, $4, $5, $6, statement_timestamp() where (select count(*) from assure_passkey where person_id = $2) < $7`,
		k.ID, a.Ask.Person, k.Name, k.Credential, k.Sealed, k.Counter, maxKeys)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.ConstraintName == "assure_passkey_credential_once" {
		return errKnown
	}
	if err == nil && tag.RowsAffected() != 1 {
		return errFull
	}
	return err
}

func removeKey(ctx context.Context, e executor, person people.ID, id string) error {
	tag, err := e.Exec(ctx, "delete from assure_passkey where person_id = $1 and id = $2", person, id)
	if err == nil && tag.RowsAffected() == 0 {
		return errNoSuch
	}
	return err
}
