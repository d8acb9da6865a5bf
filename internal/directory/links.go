package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// How says by what proof an account belongs to a person.
type How string

// The ways to a link.
const (
	ByAdministrator How = "administrator"
	ByLogin         How = "login" // at a login service
)

// replaced is why a link ends that another one takes the place of.
const replaced = "replaced by another account"

// Link is a Telegram account that is, or was, a person's.
type Link struct {
	ID       int64
	Person   people.ID
	Account  int64
	How      How
	SeenAs   string
	At       time.Time
	Identity int64 // behind a link by login; else 0
	people.Power
	ConfirmedBy string // who let it decide, where that was needed
	Replaced    int64  // the account this very act took the link from; else 0
}

// PastLink is a link of the history, ended or not.
type PastLink struct {
	Link

	By      string
	Ended   time.Time // zero: live
	EndedBy string
	Why     string
}

// linkNote is a link in the journal.
type linkNote struct {
	Account int64  `json:"account"`
	How     How    `json:"how"`
	Why     string `json:"why,omitempty"`
}

// endLink ends the live link of the person, if there is one.
func (w *writer) endLink(ctx context.Context, e Entry, why string) error {
	if e.Link.ID == 0 {
		return nil
	}
	// greatest: another server's clock may be ahead of this one's
	_, err := w.tx.Exec(ctx, `
		update telegram_link set unlinked_at = greatest(linked_at, $2), unlinked_by = $3, unlinked_why = $4 where id = $1`,
		e.Link.ID, w.at, w.actor, why)
	w.note("link.ended", e.ExternalID, linkNote{e.Link.Account, e.Link.How, why}, nil)
	return err
}

// Unlink ends the live link of the person. Nobody linked is no error.
func (s *Store) Unlink(ctx context.Context, actor string, person people.ID, reason string) error {
	return s.Edit(ctx, actor, Apply, func(e *Edit) error { return e.Unlink(ctx, person, reason) })
}

// UnlinkAccountIn ends the live link of an account, inside the caller's transaction, which
// from then on holds the lock of all writers of the directory. It gives the person whose
// it was; ErrUnknown: nobody's.
func (s *Store) UnlinkAccountIn(ctx context.Context, tx pgx.Tx, actor string, account int64, reason string) (people.Person, error) {
	var e Entry
	err := s.writeIn(ctx, tx, actor, func(w *writer) (err error) {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		if e, err = w.oneEntry(ctx, "p.id = (select person_id from telegram_link where account = $1::text::bigint and unlinked_at is null)", strconv.FormatInt(account, 10)); err != nil {
			return err
		}
		return w.endLink(ctx, e, reason)
	})
	if err != nil {
		return people.Person{}, fmt.Errorf("unlink account %d: %w", account, err)
	}
	return e.Person, nil
}

// UnlinkUser is Unlink by external id.
func (s *Store) UnlinkUser(ctx context.Context, actor, externalID, reason string) error {
	dir, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	p, ok := dir.Find(externalID)
	if !ok || p.ExternalID != externalID {
		return fmt.Errorf("unlink %s: %w", shown(externalID), ErrUnknown)
	}
	return s.Unlink(ctx, actor, p.ID, reason)
}

// Connection gives the live link of an account, which lasts until the account is taken
// from its person; signing in again renews it. ErrUnknown: it is nobody's.
func (s *Store) Connection(ctx context.Context, account int64) (id int64, err error) {
	err = s.Pool.QueryRow(ctx, `select id from telegram_link where account = $1 and unlinked_at is null`, account).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknown
	}
	if err != nil {
		return 0, fmt.Errorf("connection of account %d: %w", account, err)
	}
	return id, nil
}

// Links lists every account that was ever the person's, oldest first.
func (s *Store) Links(ctx context.Context, person people.ID) ([]PastLink, error) {
	rows, err := s.Pool.Query(ctx, `
		select id, person_id, account, how, seen_as, linked_at, linked_by,
		       coalesce(identity_id, 0), decides_from, proved_at, coalesce(confirmed_by, ''), unlinked_at, coalesce(unlinked_by, ''), coalesce(unlinked_why, '')
		from telegram_link where person_id = $1 order by id`, person)
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", person, err)
	}
	links, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PastLink, error) {
		var (
			l                   PastLink
			ended, from, proved *time.Time
		)
		err := row.Scan(&l.ID, &l.Person, &l.Account, &l.How, &l.SeenAs, &l.At, &l.By,
			&l.Identity, &from, &proved, &l.ConfirmedBy, &ended, &l.EndedBy, &l.Why)
		l.At, l.Ended = l.At.UTC(), instant(ended)
		l.Power = power(l.Link, from, proved)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", person, err)
	}
	return links, nil
}
