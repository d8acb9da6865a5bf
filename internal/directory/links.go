package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/people"
)

// How says by what proof an account belongs to a person.
type How string

// The ways to a link.
const (
	ByAdministrator How = "administrator"
	ByGoogle        How = "google"
)

// replaced is why a link ends that another one takes the place of.
const replaced = "replaced by another account"

// NewLink asks for a link.
type NewLink struct {
	Person  people.ID
	Account int64
	How     How
	SeenAs  string // the name the account showed, for the eye only
}

// Link is a Telegram account that is, or was, a person's.
type Link struct {
	ID       int64
	Person   people.ID
	Account  int64
	How      How
	SeenAs   string
	At       time.Time
	Replaced int64 // the account this very act took the link from; else 0
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

// Link gives a person a Telegram account. The account he had is unlinked in the same act;
// one that is somebody else's is refused with ErrLinkedElsewhere; the same one again
// changes nothing.
func (s *Store) Link(ctx context.Context, actor string, n NewLink) (Link, error) {
	var made Link
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		made, err = s.LinkIn(ctx, tx, actor, n)
		return err
	})
	return made, err
}

// LinkIn is Link inside the caller's transaction, which from then on holds the lock of
// all writers of the directory: call it late.
func (s *Store) LinkIn(ctx context.Context, tx pgx.Tx, actor string, n NewLink) (Link, error) {
	var made Link
	err := s.writeIn(ctx, tx, actor, func(w *writer) (err error) {
		made, err = w.link(ctx, n)
		return err
	})
	if err != nil {
		return Link{}, fmt.Errorf("link %s to account %d: %w", n.Person, n.Account, err)
	}
	return made, nil
}

func (w *writer) link(ctx context.Context, n NewLink) (Link, error) {
	for _, fault := range []string{checkAccount(n.Account), checkHow(n.How), plain("name seen", n.SeenAs, 0, 200)} {
		if fault != "" {
			return Link{}, fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
	}
	e, err := w.oneEntry(ctx, "p.id = $1", string(n.Person))
	switch {
	case err != nil:
		return Link{}, err
	case !e.Active:
		return Link{}, ErrInactive
	case e.Link.Account == n.Account:
		return e.Link, nil
	}
	var taken bool
	err = w.tx.QueryRow(ctx, "select exists (select from telegram_link where account = $1 and unlinked_at is null)", n.Account).Scan(&taken)
	if err != nil {
		return Link{}, err
	}
	if taken {
		return Link{}, ErrLinkedElsewhere
	}
	if err := w.endLink(ctx, e, replaced); err != nil {
		return Link{}, err
	}
	made := Link{Person: e.ID, Account: n.Account, How: n.How, SeenAs: n.SeenAs, At: w.at, Replaced: e.Link.Account}
	err = w.tx.QueryRow(ctx, `
		insert into telegram_link (person_id, account, how, seen_as, linked_at, linked_by)
		values ($1, $2, $3, $4, $5, $6) returning id`,
		made.Person, made.Account, made.How, made.SeenAs, made.At, w.actor).Scan(&made.ID)
	w.note("link.made", e.ExternalID, nil, linkNote{made.Account, made.How, ""})
	return made, err
}

func checkHow(h How) string {
	if h != ByAdministrator && h != ByGoogle {
		return fmt.Sprintf("way of linking %s is not known", shown(string(h)))
	}
	return ""
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
	err := s.write(ctx, actor, func(w *writer) error {
		if fault := plain("reason", reason, 1, 500); fault != "" {
			return fmt.Errorf("%s: %w", fault, ErrInvalid)
		}
		e, err := w.oneEntry(ctx, "p.id = $1", string(person))
		if err != nil {
			return err
		}
		return w.endLink(ctx, e, reason)
	})
	if err != nil {
		return fmt.Errorf("unlink %s: %w", person, err)
	}
	return nil
}

// Links lists every account that was ever the person's, oldest first.
func (s *Store) Links(ctx context.Context, person people.ID) ([]PastLink, error) {
	rows, err := s.Pool.Query(ctx, `
		select id, person_id, account, how, seen_as, linked_at, linked_by,
		       unlinked_at, coalesce(unlinked_by, ''), coalesce(unlinked_why, '')
		from telegram_link where person_id = $1 order by id`, person)
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", person, err)
	}
	links, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PastLink, error) {
		var (
			l     PastLink
			ended *time.Time
		)
		err := row.Scan(&l.ID, &l.Person, &l.Account, &l.How, &l.SeenAs, &l.At, &l.By, &ended, &l.EndedBy, &l.Why)
		l.At, l.Ended = l.At.UTC(), instant(ended)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", person, err)
	}
	return links, nil
}
