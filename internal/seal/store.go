package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/secret"
)

// song is what every canary sings; nothing depends on nobody knowing it.
const song = "this key belongs to this database"

func perch(id uint32) Place {
	return Place{Table: "seal_canary", Column: "sealed", Row: strconv.FormatUint(uint64(id), 10)}
}

// canary proves that a key is the one that was used in this database.
type canary struct {
	ID     uint32
	Sealed []byte
}

// Start opens the key file for a database, and refuses one with which the database was
// not sealed: the error then is ErrForeign and says what to do. The file is made only
// when nothing was ever sealed in the database.
func Start(ctx context.Context, pool *pgxpool.Pool, o Options) (s *Seal, err error) {
	err = exclusively(ctx, pool, func(tx pgx.Tx) error {
		known, err := canaries(ctx, tx)
		if err != nil {
			return err
		}
		if len(known) > 0 {
			o.Create = false
		}
		s, err = Open(o)
		switch {
		case err == nil:
			return s.admit(ctx, tx, known)
		case errors.Is(err, ErrMissing) && len(known) > 0:
			return fmt.Errorf("%w; secrets in this database are sealed under key %d: put there the file that the other replicas use, or its backup", err, known[0].ID)
		case errors.Is(err, ErrMissing):
			return fmt.Errorf("%w; allow to create it, or put it there", err)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("secrets at rest: %w", err)
	}
	return s, nil
}

// exclusively lets one process at a time look after keys, whatever file it looks at.
func exclusively(ctx context.Context, pool *pgxpool.Pool, act func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('countersign.seal'))`); err != nil {
			return err
		}
		return act(tx)
	})
}

func canaries(ctx context.Context, tx pgx.Tx) ([]canary, error) {
	rows, err := tx.Query(ctx, `select key_id, sealed from seal_canary order by made_at, key_id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[canary])
}

// admit checks the key file against the canaries, and gives one to each new key.
func (s *Seal) admit(ctx context.Context, tx pgx.Tx, known []canary) error {
	r, err := s.fresh()
	if err != nil {
		return err
	}
	return s.announceNew(ctx, tx, r, known)
}

func (s *Seal) announceNew(ctx context.Context, tx pgx.Tx, r *ring, known []canary) error {
	if err := s.recognize(r, known); err != nil {
		return err
	}
	for _, id := range r.ids {
		if slices.ContainsFunc(known, func(c canary) bool { return c.ID == id }) {
			continue
		}
		if err := r.announce(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// recognize refuses a keyset that is not the one of the canaries.
func (s *Seal) recognize(r *ring, known []canary) error {
	const advice = "put there the file that the other replicas use, or its backup"
	for _, c := range known {
		if !r.has(c.ID) {
			return fmt.Errorf("%w: %s lacks key %d, under which secrets in this database are sealed; %s", ErrForeign, s.options.File, c.ID, advice)
		}
		if text, err := r.open(c.Sealed, perch(c.ID)); err != nil || text != song {
			return fmt.Errorf("%w: key %d of %s is another one than that under which secrets in this database are sealed; %s", ErrForeign, c.ID, s.options.File, advice)
		}
	}
	return nil
}

// announce makes a key known to the database: from then on values may be sealed under it.
func (r *ring) announce(ctx context.Context, tx pgx.Tx, id uint32) error {
	one, err := r.under(id)
	if err != nil {
		return err
	}
	sealed, err := one.seal(secret.Text(song), perch(id))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `insert into seal_canary (key_id, sealed, made_at) values ($1, $2, now())`, id, sealed); err != nil {
		return fmt.Errorf("canary of key %d: %w", id, err)
	}
	return nil
}

// Rotate adds a key to the file and seals under it from now on; the others go on
// opening. It gives the new key's id. What was sealed before stays as it is until its
// owner seals it anew. Each step can be the last: a new key is in the file before the
// database knows it, and known there before anything is sealed under it.
func (s *Seal) Rotate(ctx context.Context, pool *pgxpool.Pool) (id uint32, err error) {
	err = exclusively(ctx, pool, func(tx pgx.Tx) error {
		r, known, err := s.look(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.announceNew(ctx, tx, r, known); err != nil {
			return err
		}
		if r, id, err = r.grown(); err != nil {
			return err
		}
		if r, err = s.store(r); err != nil {
			return err
		}
		announce := func(now pgx.Tx) error { return r.announce(ctx, now, id) }
		if err := pgx.BeginFunc(ctx, pool, announce); err != nil { // everybody sees it before the lock is given back
			return err
		}
		if r, err = r.under(id); err != nil {
			return err
		}
		_, err = s.store(r)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("rotate the key: %w", err)
	}
	return id, nil
}

// look reads the file and the canaries as they are now.
func (s *Seal) look(ctx context.Context, tx pgx.Tx) (*ring, []canary, error) {
	known, err := canaries(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.reload()
	return r, known, err
}

// Retire removes from the file the keys under which nothing is sealed any more, and
// names them. The newest stays. The database refuses to forget a key that is used, also
// by a transaction under way, and afterwards refuses what is sealed under it. Backups of
// the database that are older than this need the file as it was before.
func (s *Seal) Retire(ctx context.Context, pool *pgxpool.Pool) (gone []uint32, err error) {
	err = exclusively(ctx, pool, func(tx pgx.Tx) error {
		r, known, err := s.look(ctx, tx)
		if err == nil {
			err = s.recognize(r, known) // a file of another database must not lose its keys
		}
		if err != nil {
			return err
		}
		for _, id := range r.ids {
			if id == r.primary {
				continue
			}
			// It is forgotten here first: a file with a key too many does no harm.
			switch used, err := forget(ctx, pool, id); {
			case err != nil:
				return err
			case !used:
				gone = append(gone, id)
			}
		}
		if len(gone) == 0 {
			return nil
		}
		if r, err = r.without(gone); err != nil {
			return err
		}
		_, err = s.store(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("retire keys: %w", err)
	}
	return gone, nil
}

func forget(ctx context.Context, pool *pgxpool.Pool, id uint32) (used bool, err error) {
	_, err = pool.Exec(ctx, `delete from seal_canary where key_id = $1`, id)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "23503" {
		return true, nil
	}
	return false, err
}
