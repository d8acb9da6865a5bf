package directory

import (
	"context"
	"errors"
	"fmt"

	"countersign/internal/people"
)

// errUndo makes a dry run roll back.
var errUndo = errors.New("dry run")

// Edit is what is read and done under one lock of all writers: nobody changes what a
// decision rests on before it is carried out. All of it is stored, or nothing.
type Edit struct {
	Querier // what else lies in the same database

	w *writer
}

// Edit runs an act that reads and changes. Others who write wait for it, so it asks
// nobody outside.
func (s *Store) Edit(ctx context.Context, actor string, mode Mode, act func(*Edit) error) error {
	err := s.write(ctx, actor, func(w *writer) error {
		if err := act(&Edit{w.tx, w}); err != nil || mode == Apply {
			return err
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// Users lists everybody as [Store.Users] does, as things are by now.
func (e *Edit) Users(ctx context.Context) ([]Entry, error) { return everybody(ctx, e.w.tx) }

// People is everybody as things are by now.
func (e *Edit) People(ctx context.Context) (people.Directory, error) {
	_, entries, err := load(ctx, e.w.tx)
	return snapshot(entries), err
}

// Identities lists the live accounts of login services by person.
func (e *Edit) Identities(ctx context.Context) (map[people.ID][]Identity, error) {
	return identities(ctx, e.w.tx)
}

// User is [Store.User].
func (e *Edit) User(ctx context.Context, externalID string) (Entry, error) {
	return e.w.entry(ctx, externalID)
}

// Put is [Store.PutUser].
func (e *Edit) Put(ctx context.Context, u User) (Change, error) {
	moves, err := e.w.put(ctx, []User{u})
	if err != nil {
		return Change{}, fmt.Errorf("user %s: %w", shown(u.ExternalID), err)
	}
	return moves[0].change, nil
}

// Import is [Store.Import]. After a ProblemsError the act may go on.
func (e *Edit) Import(ctx context.Context, users []User) (Diff, error) {
	moves, err := e.w.put(ctx, users)
	if err != nil {
		return Diff{}, fmt.Errorf("import of %d users: %w", len(users), err)
	}
	return diff(moves), nil
}

// Deactivate is [Store.Deactivate].
func (e *Edit) Deactivate(ctx context.Context, externalID, reason string) error {
	err := func() error {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		p, err := e.w.entry(ctx, externalID)
		if err != nil || !p.Active {
			return err
		}
		if err := e.w.endLink(ctx, p, reason); err != nil {
			return err
		}
		if err := e.w.endStanding(ctx, p.ID, reason); err != nil {
			return err
		}
		return e.w.setActive(ctx, p, "person.deactivated", reason)
	}()
	if err != nil {
		return fmt.Errorf("deactivate %s: %w", shown(externalID), err)
	}
	return nil
}

// Reactivate is [Store.Reactivate].
func (e *Edit) Reactivate(ctx context.Context, externalID string) error {
	p, err := e.w.entry(ctx, externalID)
	if err == nil && !p.Active {
		err = e.w.setActive(ctx, p, "person.reactivated", "")
	}
	if err != nil {
		return fmt.Errorf("reactivate %s: %w", shown(externalID), err)
	}
	return nil
}

// Unlink is [Store.Unlink].
func (e *Edit) Unlink(ctx context.Context, person people.ID, reason string) error {
	err := func() error {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		p, err := e.w.oneEntry(ctx, "p.id = $1", string(person))
		if err != nil {
			return err
		}
		return e.w.endLink(ctx, p, reason)
	}()
	if err != nil {
		return fmt.Errorf("unlink %s: %w", person, err)
	}
	return nil
}
