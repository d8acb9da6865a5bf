package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/people"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// QueueVersion adds to a batch the question which version the directory has. The answer
// is what At wants; asked in a batch that runs anyway, it costs no round trip.
func (s *Store) QueueVersion(b *pgx.Batch, into *int64) {
	b.Queue("select version from directory_state").QueryRow(func(row pgx.Row) error {
		if err := row.Scan(into); err != nil {
			return fmt.Errorf("version of the directory: %w", err)
		}
		return nil
	})
}

// At gives everybody as of the version: from memory when that is what is there, else
// read from q, and then as of the moment of reading, which may be later.
func (s *Store) At(ctx context.Context, q Querier, version int64) (people.Directory, error) {
	pool, ok := q.(*pgxpool.Pool)
	if !ok {
		return s.at(ctx, q, version)
	}
	var d people.Directory
	// The connection comes first: whoever loads must not wait for one that is held by
	// somebody who waits for the load.
	err := pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) (err error) {
		d, err = s.at(ctx, conn, version)
		return err
	})
	return d, err
}

// Snapshot gives everybody as of now.
func (s *Store) Snapshot(ctx context.Context) (people.Directory, error) {
	var version int64
	if err := s.Pool.QueryRow(ctx, "select version from directory_state").Scan(&version); err != nil {
		return people.Directory{}, fmt.Errorf("version of the directory: %w", err)
	}
	return s.At(ctx, s.Pool, version)
}

func (s *Store) at(ctx context.Context, q Querier, version int64) (people.Directory, error) {
	if d, ok := s.cache.at(version); ok {
		return d, nil
	}
	s.cache.loading.Lock()
	defer s.cache.loading.Unlock()
	if d, ok := s.cache.at(version); ok {
		return d, nil
	}
	read, records, err := load(ctx, q)
	if err != nil {
		return people.Directory{}, err
	}
	persons := make([]people.Person, len(records))
	for i := range records {
		persons[i] = records[i].Person
	}
	if err := settle(ctx, q, persons); err != nil {
		return people.Directory{}, err
	}
	// Read after the version, so that it can only be newer than that; never older.
	delegations, absences, err := standing(ctx, q, s.now())
	if err != nil {
		return people.Directory{}, err
	}
	d := people.NewDirectory(persons).With(delegations, absences)
	s.cache.keep(read, d)
	return d, nil
}

func snapshot(entries []Entry) people.Directory {
	persons := make([]people.Person, len(entries))
	for i := range entries {
		persons[i] = entries[i].Person
	}
	return people.NewDirectory(persons)
}

// LinkState says how somebody stands with the messenger.
type LinkState string

// The states of a link.
const (
	NeverLinked LinkState = "never"
	Linked      LinkState = "linked"
	Unlinked    LinkState = "unlinked" // was linked once
)

// Entry is a person with what the core does not ask for.
type Entry struct {
	people.Person

	LinkState      LinkState
	Link           Link      // the live one; zero where there is none
	DeactivatedAt  time.Time // zero while active
	DeactivatedWhy string
	FrozenAt       time.Time // zero when not frozen
	FrozenWhy      string
	Workspace      string // id of the account in Google Workspace that he is known to be; empty: none
}

// Users lists everybody, those who left too, ordered by external id.
func (s *Store) Users(ctx context.Context) ([]Entry, error) { return everybody(ctx, s.Pool) }

func everybody(ctx context.Context, q Querier) ([]Entry, error) {
	_, entries, err := load(ctx, q)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ExternalID, b.ExternalID) })
	return entries, nil
}

// User gives one person by external id; ErrUnknown where there is none.
func (s *Store) User(ctx context.Context, externalID string) (Entry, error) {
	var e Entry
	err := pgx.BeginTxFunc(ctx, s.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		e, err = (&writer{tx: tx}).entry(ctx, externalID)
		return err
	})
	return e, err
}

// Version and persons come from one statement, hence from one snapshot: a version read
// apart could name what was there before or after. Where nobody is known the version
// comes alone, beside an empty id.
const selectEntries = `
	select s.version, coalesce(p.id, ''), coalesce(p.external_id, ''), coalesce(p.name, ''), coalesce(p.email, ''),
	       coalesce(p.locale, ''), coalesce(p.active, false), p.deactivated_at, coalesce(p.deactivated_why, ''),
	       coalesce(r.names, '{}'), coalesce(r.scopes, '{}'),
	       p.frozen_at, coalesce(p.frozen_why, ''), coalesce(p.workspace_id, ''),
	       coalesce(l.id, 0), coalesce(l.account, 0), coalesce(l.how, ''), coalesce(l.seen_as, ''), l.linked_at,
	       coalesce(l.identity_id, 0), l.decides_from, l.proved_at, coalesce(l.confirmed_by, ''),
	       exists (select from telegram_link h where h.person_id = p.id)
	from directory_state s
	left join person p on `

const andLinks = `
	left join telegram_link l on l.person_id = p.id and l.unlinked_at is null`

const andAllRoles = `
	left join (
		select person_id, array_agg(role order by role, scope) as names, array_agg(scope order by role, scope) as scopes
		from person_role group by person_id) r on r.person_id = p.id`

const andTheirRoles = `
	left join lateral (
		select array_agg(role order by role, scope) as names, array_agg(scope order by role, scope) as scopes
		from person_role where person_id = p.id) r on true`

// load reads everybody and the version that they make.
func load(ctx context.Context, q Querier) (int64, []Entry, error) {
	rows, err := q.Query(ctx, selectEntries+"true"+andLinks+andAllRoles)
	if err != nil {
		return 0, nil, fmt.Errorf("persons: %w", err)
	}
	return scanEntries(rows)
}

// loadNear reads those of whom the users speak, and those whose external id, mail
// address or Telegram account the users claim.
func loadNear(ctx context.Context, q Querier, users []User) ([]Entry, error) {
	external, lower, emails, accounts, workspace := []string{}, []string{}, []string{}, []int64{}, []string{}
	for _, u := range users {
		external = append(external, u.ExternalID)
		lower = append(lower, strings.ToLower(u.ExternalID))
		if u.Email != "" {
			emails = append(emails, u.Email)
		}
		if u.Telegram != 0 {
			accounts = append(accounts, u.Telegram)
		}
		if u.Workspace != "" {
			workspace = append(workspace, u.Workspace)
		}
	}
	rows, err := q.Query(ctx, selectEntries+`p.id in (
			select id from person where external_id = any ($1)
			union all select id from person where lower(external_id) = any ($3)
			union all select id from person where email <> '' and email = any ($2::text[] || $3::text[])
			union all select id from person where workspace_id = any ($5)
			union all select person_id from telegram_link where account = any ($4) and unlinked_at is null)`+andLinks+andTheirRoles,
		external, lower, emails, accounts, workspace)
	if err != nil {
		return nil, fmt.Errorf("persons: %w", err)
	}
	_, entries, err := scanEntries(rows)
	return entries, err
}

func scanEntries(rows pgx.Rows) (version int64, entries []Entry, err error) {
	var (
		e             Entry
		names, scopes []string
		gone, linked  *time.Time
		frozen        *time.Time
		from, proved  *time.Time
		ever          bool
	)
	_, err = pgx.ForEachRow(rows, []any{
		&version, &e.ID, &e.ExternalID, &e.Name, &e.Email, &e.Locale, &e.Active, &gone, &e.DeactivatedWhy,
		&names, &scopes, &frozen, &e.FrozenWhy, &e.Workspace, &e.Link.ID, &e.Link.Account, &e.Link.How, &e.Link.SeenAs, &linked,
		&e.Link.Identity, &from, &proved, &e.Link.ConfirmedBy, &ever,
	}, func() error {
		if e.ID == "" {
			return nil
		}
		e.Roles = make([]people.Role, len(names))
		for i := range names {
			e.Roles[i] = people.Role{Name: names[i], Scope: scopes[i]}
		}
		slices.SortFunc(e.Roles, byNameAndScope) // the database may collate otherwise
		e.Telegram, e.DeactivatedAt, e.Link.At, e.LinkState = e.Link.Account, instant(gone), instant(linked), NeverLinked
		e.FrozenAt, e.Frozen, e.Link.Power, e.Link.Person = instant(frozen), frozen != nil, people.Power{}, ""
		switch {
		case e.Link.ID != 0:
			e.Link.Person, e.LinkState = e.ID, Linked
			e.Link.Power = power(e.Link, from, proved)
		case ever:
			e.LinkState = Unlinked
		}
		e.Power = e.Link.Power
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("persons: %w", err)
	}
	return version, entries, nil
}

// power is what a link as it is stored may do. One that decided from the first moment on,
// or that somebody confirmed, does so whatever another server's clock says.
func power(l Link, from, proved *time.Time) people.Power {
	p := people.Power{Waits: from == nil, Proved: instant(proved)}
	if from != nil && l.ConfirmedBy == "" && !from.Equal(l.At) {
		p.From = from.UTC()
	}
	return p
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
