package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
	"countersign/internal/people"
)

// Mode says whether an import is meant.
type Mode int

// The modes of an import.
const (
	DryRun Mode = iota // do everything, then undo it
	Apply
)

// personNote is a person in the journal.
type personNote struct {
	ID     people.ID `json:"id"`
	Name   string    `json:"name"`
	Email  string    `json:"email,omitempty"`
	Locale string    `json:"locale,omitempty"`
	Roles  []string  `json:"roles,omitempty"`
	Active bool      `json:"active"`
	Why    string    `json:"why,omitempty"`
	Google string    `json:"workspace_id,omitempty"`
}

func noteOf(e Entry) personNote {
	return personNote{e.ID, e.Name, e.Email, e.Locale, roleTexts(e.Roles), e.Active, e.DeactivatedWhy, e.Workspace}
}

// Import stores all users or none. Those who are not among them stay as they are; those
// who were deactivated get their data and stay deactivated. Everything wrong is told at
// once as a ProblemsError.
func (s *Store) Import(ctx context.Context, actor string, users []User, mode Mode) (Diff, error) {
	var d Diff
	err := s.Edit(ctx, actor, mode, func(e *Edit) (err error) {
		d, err = e.Import(ctx, users)
		return err
	})
	return d, err
}

// PutUser stores one user, known or new, and tells what changed.
func (s *Store) PutUser(ctx context.Context, actor string, u User) (Change, error) {
	var c Change
	err := s.Edit(ctx, actor, Apply, func(e *Edit) (err error) {
		c, err = e.Put(ctx, u)
		return err
	})
	return c, err
}

// put stores users set by set: what is given up goes first, so that two persons may
// swap their addresses.
func (w *writer) put(ctx context.Context, users []User) ([]move, error) {
	var found problems
	sound := make([]User, 0, len(users))
	for _, u := range users {
		before := len(found)
		if u = u.normal(); u.check(&found) == before {
			sound = append(sound, u)
		}
	}
	near, err := loadNear(ctx, w.tx, sound)
	if err != nil {
		return nil, err
	}
	moves, err := plan(sound, near, found)
	if err != nil {
		return nil, err
	}
	var sets columns
	for i := range moves {
		if err := w.take(&moves[i], &sets); err != nil {
			return nil, err
		}
	}
	return moves, w.store(ctx, &sets)
}

// columns are the arrays that the statements unnest: one row each.
type columns struct {
	give, ended                                      []string // ids of persons who give up an address, a link
	newID, newExternal, newName, newEmail, newLocale []string
	companyID, company                               []string
	oldID, oldName, oldEmail, oldLocale              []string
	unrole                                           []string
	roleID, role, scope                              []string
	linkID                                           []string
	linkAccount                                      []int64
}

// take turns a move into rows and journal notes.
func (w *writer) take(m *move, c *columns) error {
	id, u := string(m.before.ID), m.user
	switch m.change.Kind {
	case Unchanged:
		return nil
	case Added:
		var err error
		if id, err = ident.New("per"); err != nil {
			return fmt.Errorf("id of %s: %w", shown(u.ExternalID), err)
		}
		c.newID, c.newExternal, c.newName = append(c.newID, id), append(c.newExternal, u.ExternalID), append(c.newName, u.Name)
		c.newEmail, c.newLocale = append(c.newEmail, u.Email), append(c.newLocale, u.Locale)
	case Changed:
		c.oldID, c.oldName = append(c.oldID, id), append(c.oldName, u.Name)
		c.oldEmail, c.oldLocale = append(c.oldEmail, u.Email), append(c.oldLocale, u.Locale)
		if m.touches("email") {
			c.give = append(c.give, id)
		}
		if m.touches("roles") {
			c.unrole = append(c.unrole, id)
		}
	}
	if m.touches("roles") {
		for _, r := range u.Roles {
			c.roleID, c.role, c.scope = append(c.roleID, id), append(c.role, r.Name), append(c.scope, r.Scope)
		}
	}
	if m.touches("workspace_id") {
		c.companyID, c.company = append(c.companyID, id), append(c.company, u.Workspace)
	}
	w.notePerson(m, people.ID(id))
	if m.relink {
		if m.before.Link.ID != 0 {
			c.ended = append(c.ended, id)
			w.note("link.ended", u.ExternalID, linkNote{m.before.Link.Account, m.before.Link.How, replaced}, nil)
		}
		c.linkID, c.linkAccount = append(c.linkID, id), append(c.linkAccount, u.Telegram)
		w.note("link.made", u.ExternalID, nil, linkNote{u.Telegram, ByAdministrator, ""})
	}
	return nil
}

func (w *writer) notePerson(m *move, id people.ID) {
	after := m.before
	after.ID, after.Name, after.Email, after.Locale, after.Roles = id, m.user.Name, m.user.Email, m.user.Locale, m.user.Roles
	after.Workspace = cmp.Or(m.user.Workspace, m.before.Workspace)
	if m.change.Kind == Added {
		after.Active = true
		w.note("person.added", m.user.ExternalID, nil, noteOf(after))
		return
	}
	if slices.ContainsFunc([]string{"name", "email", "locale", "roles", "workspace_id"}, m.touches) {
		w.note("person.changed", m.user.ExternalID, noteOf(m.before), noteOf(after))
	}
}

// store sends all statements at once; they run in this order.
func (w *writer) store(ctx context.Context, c *columns) error {
	var b pgx.Batch
	queue := func(rows int, sql string, args ...any) {
		if rows > 0 {
			b.Queue(sql, args...)
		}
	}
	queue(len(c.ended), `
		update telegram_link set unlinked_at = greatest(linked_at, $2), unlinked_by = $3, unlinked_why = $4
		where person_id = any ($1) and unlinked_at is null`, c.ended, w.at, w.actor, replaced)
	queue(len(c.give), "update person set email = '' where id = any ($1)", c.give)
	queue(len(c.newID), `
		insert into person (id, external_id, name, email, locale, created_at)
		select n.*, $6 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) n`,
		c.newID, c.newExternal, c.newName, c.newEmail, c.newLocale, w.at)
	queue(len(c.oldID), `
		update person p set name = n.name, email = n.email, locale = n.locale
		from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as n (id, name, email, locale) where p.id = n.id`,
		c.oldID, c.oldName, c.oldEmail, c.oldLocale)
	queue(len(c.companyID), `
		update person p set workspace_id = n.company from unnest($1::text[], $2::text[]) as n (id, company) where p.id = n.id`,
		c.companyID, c.company)
	queue(len(c.unrole), "delete from person_role where person_id = any ($1)", c.unrole)
	queue(len(c.roleID), `
		insert into person_role (person_id, role, scope)
		select * from unnest($1::text[], $2::text[], $3::text[])`, c.roleID, c.role, c.scope)
	queue(len(c.linkID), `
		insert into telegram_link (person_id, account, how, linked_at, linked_by, decides_from)
		select n.*, 'administrator', $3, $4, $3 from unnest($1::text[], $2::bigint[]) n`,
		c.linkID, c.linkAccount, w.at, w.actor)
	if b.Len() == 0 {
		return nil
	}
	return w.tx.SendBatch(ctx, &b).Close()
}

// Deactivate makes somebody who left: the link ends, roles stop counting, the person and
// his past stay. To deactivate twice is no error.
func (s *Store) Deactivate(ctx context.Context, actor, externalID, reason string) error {
	return s.Edit(ctx, actor, Apply, func(e *Edit) error { return e.Deactivate(ctx, externalID, reason) })
}

// Reactivate takes somebody back, with the roles he had and without a link.
func (s *Store) Reactivate(ctx context.Context, actor, externalID string) error {
	return s.Edit(ctx, actor, Apply, func(e *Edit) error { return e.Reactivate(ctx, externalID) })
}

// setActive deactivates where there is a reason to, and reactivates where there is none.
func (w *writer) setActive(ctx context.Context, e Entry, what, reason string) error {
	after := e
	after.Active, after.DeactivatedWhy, after.DeactivatedAt = reason == "", reason, w.at
	var at *time.Time
	if reason != "" {
		at = &w.at
	}
	_, err := w.tx.Exec(ctx, "update person set active = $2, deactivated_at = $3, deactivated_why = $4, era = era + 1 where id = $1",
		e.ID, after.Active, at, reason)
	w.note(what, e.ExternalID, noteOf(e), noteOf(after))
	return err
}

// entry reads one person by external id.
func (w *writer) entry(ctx context.Context, externalID string) (Entry, error) {
	return w.oneEntry(ctx, "p.external_id = $1", externalID)
}

func (w *writer) oneEntry(ctx context.Context, condition, arg string) (Entry, error) {
	if plain("", arg, 1, 200) != "" { // nobody is called that, and PostgreSQL may refuse to look
		return Entry{}, fmt.Errorf("person %s: %w", shown(arg), ErrUnknown)
	}
	rows, err := w.tx.Query(ctx, selectEntries+condition+andLinks+andTheirRoles, arg)
	if err != nil {
		return Entry{}, fmt.Errorf("person %s: %w", shown(arg), err)
	}
	_, entries, err := scanEntries(rows)
	if err != nil {
		return Entry{}, err
	}
	if len(entries) == 0 {
		return Entry{}, fmt.Errorf("person %s: %w", shown(arg), ErrUnknown)
	}
	return entries[0], nil
}
