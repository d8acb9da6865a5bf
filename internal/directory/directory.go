// Package directory owns people as they are stored: who they are, which roles they
// hold, which Telegram account is theirs, who is away and who decides for whom; and beside
// them the group chats, the sources and their API keys.
//
// It hands the core a snapshot (people.Directory) and keeps a journal of every change.
// It leaves what a role means to people, who may vote to approval, and how an account is
// proved to belong to somebody to package link, which stores the proof's result here.
package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/people"
)

// Store is the directory in one database. It may be used from many goroutines, and many
// processes may share the database.
type Store struct {
	Pool *pgxpool.Pool
	Now  func() time.Time

	cache cache
}

// The refusals that callers tell apart.
var (
	// ErrUnknown comes back when the person, chat or key asked for does not exist.
	ErrUnknown = errors.New("not in the directory")
	// ErrInvalid comes back when a value cannot be stored as it is; the text says why.
	ErrInvalid = errors.New("not acceptable")
	// ErrInactive comes back when somebody who left is to be linked.
	ErrInactive = errors.New("deactivated")
	// ErrLinkedElsewhere comes back when a Telegram account belongs to another person.
	ErrLinkedElsewhere = errors.New("the Telegram account is linked to somebody else")
	// ErrFrozen comes back when somebody frozen is to be linked.
	ErrFrozen = errors.New("frozen")
	// ErrOtherIdentity comes back when the person is known to the login service as
	// somebody else: an account made anew, or an address given to another person.
	ErrOtherIdentity = errors.New("another account of the login service is bound to the person")
	// ErrTaken comes back when a chat is already registered under another name.
	ErrTaken = errors.New("already registered")
	// ErrUnauthorized comes back for every key that does not open, whatever the reason.
	ErrUnauthorized = errors.New("key not accepted")
)

// actorTelegram is named in the journal when Telegram itself reported the change.
const actorTelegram = "telegram"

// cache holds the last snapshot this process loaded. A version names one content for
// ever, so a snapshot is right exactly while its version is the one asked for.
type cache struct {
	loading sync.Mutex // one load at a time: the others find its result

	mu      sync.Mutex
	known   bool
	version int64
	people  people.Directory
}

func (c *cache) at(version int64) (people.Directory, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.people, c.known && c.version == version
}

func (c *cache) keep(version int64, d people.Directory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.version, c.people = true, version, d
}

// now is the time as the database keeps it, so that what is returned equals what is stored.
func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// writer is one act on the directory, inside a transaction that holds the writers' lock.
type writer struct {
	tx    pgx.Tx
	actor string
	at    time.Time
	notes []note
}

// note is a row of the journal in the making.
type note struct {
	what    string
	subject string
	before  any
	after   any
}

func (w *writer) note(what, subject string, before, after any) {
	w.notes = append(w.notes, note{what, subject, before, after})
}

// write runs an act in a transaction of its own.
func (s *Store) write(ctx context.Context, actor string, act func(*writer) error) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.writeIn(ctx, tx, actor, act) })
}

// writeIn runs an act in a transaction that somebody else began. An act that noted
// nothing changed nothing, and leaves the version alone.
func (s *Store) writeIn(ctx context.Context, tx pgx.Tx, actor string, act func(*writer) error) error {
	if fault := plain("actor", actor, 1, 200); fault != "" {
		return fmt.Errorf("%s: %w", fault, ErrInvalid)
	}
	if _, err := tx.Exec(ctx, "select from directory_state for update"); err != nil {
		return fmt.Errorf("lock the directory: %w", err)
	}
	w := &writer{tx: tx, actor: actor, at: s.now()}
	if err := act(w); err != nil {
		return err
	}
	return w.flush(ctx)
}

// flush writes the journal and moves the version to its last row.
func (w *writer) flush(ctx context.Context) error {
	if len(w.notes) == 0 {
		return nil
	}
	whats, subjects := make([]string, len(w.notes)), make([]string, len(w.notes))
	before, after := make([]*string, len(w.notes)), make([]*string, len(w.notes))
	for i, n := range w.notes {
		var err error
		whats[i], subjects[i] = n.what, n.subject
		if before[i], err = document(n.before); err != nil {
			return fmt.Errorf("journal of %s: %w", n.subject, err)
		}
		if after[i], err = document(n.after); err != nil {
			return fmt.Errorf("journal of %s: %w", n.subject, err)
		}
	}
	_, err := w.tx.Exec(ctx, `
		with written as (
			insert into directory_journal (at, actor, what, subject, before, after)
			select $1, $2, n.what, n.subject, n.before::jsonb, n.after::jsonb
			from unnest($3::text[], $4::text[], $5::text[], $6::text[]) with ordinality as n (what, subject, before, after, no)
			order by n.no
			returning id)
		update directory_state set version = (select max(id) from written)`,
		w.at, w.actor, whats, subjects, before, after)
	if err != nil {
		return fmt.Errorf("journal of the directory: %w", err)
	}
	w.notes = nil
	return nil
}

// document is the JSON of one side of a change; nothing is null.
func document(side any) (*string, error) {
	if side == nil {
		return nil, nil //nolint:nilnil // null is what is meant
	}
	b, err := json.Marshal(side)
	text := string(b)
	return &text, err
}
