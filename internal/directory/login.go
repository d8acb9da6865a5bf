package directory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Login is a person who has just signed in.
type Login struct {
	Entry

	By  Identity // the account of the login service by which he did
	Era int64    // what SignedIn asks for
}

// KnowIn finds whose account of a login service it is, as Match does, and binds the
// account to the person when it was never seen, inside the caller's transaction, which
// from then on holds the lock of all writers of the directory. A caller who turns the
// person away takes the transaction back, and nothing is bound.
func (s *Store) KnowIn(ctx context.Context, tx pgx.Tx, actor string, p Proof) (Login, error) {
	var l Login
	err := s.writeIn(ctx, tx, actor, func(w *writer) (err error) {
		if fault := checkProof(p); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		if l.Entry, l.By, err = match(ctx, w, p); err != nil {
			return err
		}
		if l.By.ID == 0 {
			if l.By, err = w.bind(ctx, l.Entry, p); err != nil {
				return err
			}
		}
		return w.tx.QueryRow(ctx, "select era from person where id = $1", l.ID).Scan(&l.Era)
	})
	if err != nil {
		return Login{}, fmt.Errorf("account of a login service: %w", err)
	}
	return l, nil
}

// SignedIn gives the account by which somebody signed in, in an era of his: ErrUnknown once
// anything was taken from him, also if it was given back since. It is asked of the database
// each time and of no memory, so that no replica lets anybody in after the act that took
// it; what was let in just before may still finish.
func (s *Store) SignedIn(ctx context.Context, identity, era int64) (Identity, error) {
	i, err := liveIdentity(ctx, s.Pool, `id = $1 and exists (
		select from person p where p.id = person_id and p.era = $2 and p.active and p.frozen_at is null)`, identity, era)
	if err == nil && i.ID == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return Identity{}, fmt.Errorf("who is signed in: %w", err)
	}
	return i, nil
}

// Hold takes from somebody what he acts by who should have left and cannot yet: his link
// ends, and whoever is signed in as him is out. It may be called again and again, and each
// time puts out who signed in since; the journal tells of the link only.
func (s *Store) Hold(ctx context.Context, actor, externalID, reason string) error {
	err := s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		e, err := w.entry(ctx, externalID)
		if err != nil {
			return err
		}
		if err := w.endLink(ctx, e, reason); err != nil {
			return err
		}
		return w.endEra(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("hold %s: %w", shown(externalID), err)
	}
	return nil
}

// endEra makes every login of the person void.
func (w *writer) endEra(ctx context.Context, e Entry) error {
	_, err := w.tx.Exec(ctx, "update person set era = era + 1 where id = $1", e.ID)
	return err
}
