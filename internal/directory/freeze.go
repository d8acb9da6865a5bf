package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// The refusals of acts on links.
var (
	// ErrNotWaiting comes back when a link is to be confirmed that waits for nobody.
	ErrNotWaiting = errors.New("no link waits for an administrator")
	// ErrOwnLink comes back to whoever would confirm his own link.
	ErrOwnLink = errors.New("nobody confirms his own link")
	// ErrChanged comes back when what was shown to somebody is not what he would act on.
	ErrChanged = errors.New("changed since it was shown")
	// ErrTooMany comes back to whoever froze as many colleagues as he may.
	ErrTooMany = errors.New("froze as many as one may within a while")
)

// Confirm lets a link decide that waits for an administrator or for time to pass.
func (s *Store) Confirm(ctx context.Context, actor, externalID string) (Link, error) {
	return s.confirm(ctx, actor, externalID, func(Link) bool { return true })
}

// ConfirmLink is Confirm of the link that was shown, and ErrChanged where the person has
// another one by now.
func (s *Store) ConfirmLink(ctx context.Context, actor, externalID string, link int64) (Link, error) {
	return s.confirm(ctx, actor, externalID, func(l Link) bool { return l.ID == link })
}

func (s *Store) confirm(ctx context.Context, actor, externalID string, meant func(Link) bool) (Link, error) {
	var l Link
	err := s.write(ctx, actor, func(w *writer) error {
		e, err := w.entry(ctx, externalID)
		switch {
		case err != nil:
			return err
		case actor == e.ExternalID:
			return ErrOwnLink
		case e.Link.ID != 0 && !meant(e.Link):
			return ErrChanged
		case e.Link.ID == 0 || e.Link.Decides(w.at, 0) == nil:
			return ErrNotWaiting
		}
		l = e.Link
		l.Waits, l.From, l.ConfirmedBy = false, time.Time{}, actor
		// greatest: another server's clock may be ahead of this one's
		_, err = w.tx.Exec(ctx, `update telegram_link set decides_from = greatest(linked_at, $2), confirmed_by = $3,
			confirmed_at = greatest(linked_at, $2) where id = $1`, l.ID, w.at, actor)
		w.note("link.confirmed", e.ExternalID, nil, linkNote{l.Account, l.How, ""})
		return err
	})
	if err != nil {
		return Link{}, fmt.Errorf("confirm the link of %s: %w", shown(externalID), err)
	}
	return l, nil
}

// Frozen is what a freeze did.
type Frozen struct {
	Person  people.Person // as he was before
	Already bool
}

// Also is what goes with a freeze in its own commit.
type Also func(tx pgx.Tx, f Frozen) error

// Colleague is somebody who freezes others, so many within a while.
type Colleague struct {
	ExternalID string
	Most       int
	Within     time.Duration
}

// Freeze ends the link of a person at once and lets him have none until it is lifted.
func (s *Store) Freeze(ctx context.Context, actor, externalID, reason string, also ...Also) (Frozen, error) {
	return s.freeze(ctx, actor, externalID, freezing{reason: reason, may: func(*writer) error { return nil }, also: also})
}

// FreezeBy is Freeze by a colleague: it takes an account that decides, or the refusal is
// ErrPowerless, and it is done only so often, or the refusal is ErrTooMany. Both are looked
// at under the lock of all writers, so that neither two taps nor two servers get past them.
func (s *Store) FreezeBy(ctx context.Context, by Colleague, externalID, reason string, also ...Also) (Frozen, error) {
	return s.freeze(ctx, by.ExternalID, externalID, freezing{reason: reason, also: also, may: func(w *writer) error { return w.mayFreeze(ctx, by) }})
}

func (w *writer) mayFreeze(ctx context.Context, c Colleague) error {
	by, err := w.entry(ctx, c.ExternalID)
	switch {
	case err != nil:
		return err
	case by.Link.ID == 0 || by.Link.Decides(w.at, 0) != nil:
		return ErrPowerless
	}
	var n int
	err = w.tx.QueryRow(ctx, "select count(*) from directory_journal where actor = $1 and what = 'person.frozen' and at > $2",
		c.ExternalID, w.at.Add(-c.Within)).Scan(&n)
	if err == nil && n >= c.Most {
		err = ErrTooMany
	}
	return err
}

// freezing is how somebody is frozen, and whether.
type freezing struct {
	reason string
	may    func(*writer) error
	also   []Also
}

// freeze asks whether the actor may before it does anything. Somebody frozen already is no
// matter of that.
func (s *Store) freeze(ctx context.Context, actor, externalID string, how freezing) (Frozen, error) {
	var f Frozen
	err := s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", how.reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		e, err := w.entry(ctx, externalID)
		if err != nil {
			return err
		}
		who := []people.Person{e.Person}
		if err := settle(ctx, w.tx, who); err != nil { // he is told in his language
			return err
		}
		f = Frozen{Person: who[0], Already: !e.FrozenAt.IsZero()}
		if f.Already {
			return nil
		}
		if err := how.may(w); err != nil {
			return err
		}
		if err := w.endLink(ctx, e, how.reason); err != nil {
			return err
		}
		// What the account gave away may be the work of whoever took it.
		if err := w.endDelegations(ctx, "d.principal = $1 and d.source is null and d.until > $2", how.reason, e.ID, w.at); err != nil {
			return err
		}
		_, err = w.tx.Exec(ctx, "update person set frozen_at = $2, frozen_by = $3, frozen_why = $4, era = era + 1 where id = $1", e.ID, w.at, w.actor, how.reason)
		w.note("person.frozen", e.ExternalID, nil, freezeNote{Why: how.reason})
		for _, do := range how.also {
			if err == nil {
				err = do(w.tx, f)
			}
		}
		return err
	})
	if err != nil {
		return Frozen{}, fmt.Errorf("freeze %s: %w", shown(externalID), err)
	}
	return f, nil
}

// freezeNote is a freeze in the journal.
type freezeNote struct {
	Why string `json:"why,omitempty"`
}

// Unfreeze lets a person be linked again. Somebody not frozen is no error.
func (s *Store) Unfreeze(ctx context.Context, actor, externalID string) error {
	return s.unfreeze(ctx, actor, externalID, func(Entry) bool { return true })
}

// UnfreezeSince lifts the freeze that was shown, and is ErrChanged where the person was
// frozen anew since then.
func (s *Store) UnfreezeSince(ctx context.Context, actor, externalID string, at time.Time) error {
	return s.unfreeze(ctx, actor, externalID, func(e Entry) bool { return e.FrozenAt.Equal(at) })
}

func (s *Store) unfreeze(ctx context.Context, actor, externalID string, meant func(Entry) bool) error {
	err := s.write(ctx, actor, func(w *writer) error {
		e, err := w.entry(ctx, externalID)
		switch {
		case err != nil || e.FrozenAt.IsZero():
			return err
		case actor == e.ExternalID:
			return ErrOwnLink
		case !meant(e):
			return ErrChanged
		}
		_, err = w.tx.Exec(ctx, "update person set frozen_at = null, frozen_by = null, frozen_why = null where id = $1", e.ID)
		w.note("person.unfrozen", e.ExternalID, freezeNote{Why: e.FrozenWhy}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("unfreeze %s: %w", shown(externalID), err)
	}
	return nil
}

// Forget ends the binding of a person to his account of a login service, and the link that
// rests on it: the next login finds the person by his address again.
func (s *Store) Forget(ctx context.Context, actor, externalID, issuer, reason string) error {
	return s.forget(ctx, actor, externalID, reason, func(w *writer, e Entry) (Identity, error) {
		return liveIdentity(ctx, w.tx, "person_id = $1 and issuer = $2", string(e.ID), issuer)
	})
}

// ForgetLogin is Forget of the account that was shown.
func (s *Store) ForgetLogin(ctx context.Context, actor, externalID string, identity int64, reason string) error {
	return s.forget(ctx, actor, externalID, reason, func(w *writer, e Entry) (Identity, error) {
		return liveIdentity(ctx, w.tx, "person_id = $1 and id = $2", string(e.ID), identity)
	})
}

func (s *Store) forget(ctx context.Context, actor, externalID, reason string, meant func(*writer, Entry) (Identity, error)) error {
	err := s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		e, err := w.entry(ctx, externalID)
		if err != nil {
			return err
		}
		id, err := meant(w, e)
		if err != nil {
			return err
		}
		if id.ID == 0 {
			return fmt.Errorf("no such account is bound: %w", ErrUnknown)
		}
		if e.Link.Identity == id.ID {
			if err := w.endLink(ctx, e, reason); err != nil {
				return err
			}
		}
		_, err = w.tx.Exec(ctx, `update identity set ended_at = greatest(bound_at, $2), ended_by = $3, ended_why = $4 where id = $1`,
			id.ID, w.at, w.actor, reason)
		if err != nil {
			return err
		}
		w.note("identity.ended", e.ExternalID, identityNote{id.Issuer, id.Subject, id.Email, reason}, nil)
		return w.endEra(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("forget the login of %s: %w", shown(externalID), err)
	}
	return nil
}
