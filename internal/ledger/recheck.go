package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/people"
)

const (
	page  = 500 // cases listed at once
	urged = 200 // cases that are looked at while somebody waits for an answer
)

// Lists of cases to be looked at anew: the next $2 after the id $1.
const (
	// Somebody is asked who may not vote any more.
	stranded = `select distinct s.case_id from slot s join person p on p.id = s.person_id join approval_case c on c.id = s.case_id
		where s.state = 'open' and c.state = 'in_progress' and s.case_id > $1 and (not p.active or p.id = any (c.barred)
			or exists (select from unnest(c.parties) q where lower(btrim(q)) in (lower(btrim(p.external_id)), nullif(lower(btrim(p.email)), ''))))`
	strandedAll = stranded + ` order by s.case_id limit $2`
	strandedOf  = stranded + ` and s.person_id = any ($3) order by s.case_id limit $2`

	// A file is missing.
	lacking = `select c.id from approval_case c join document d on d.id = c.document_id
		where c.missing <> '{}' and c.state not in ('rejected', 'withdrawn', 'expired') and c.id > $1`
	missingFile = lacking + ` and c.missing @> array[$3::text] and d.source = $4 order by c.id limit $2`
	// It is here by now: it came in the moment in which the document did.
	supplied = lacking + ` and exists (select from file_source f where f.source = d.source and f.sha256 = any (c.missing)) order by c.id limit $2`

	blocked     = `select id from approval_case where state = 'blocked' and id > $1 order by id limit $2`
	blockedLast = `select id from approval_case where state = 'blocked' and id > $1 order by id desc limit $2`
)

// Recheck looks anew at the cases that wait for somebody who may not vote any more, that
// miss a file which is here, or that are blocked: call it now and then, and after people
// or roles changed. It gives how many blocked ones went on. A case that cannot be looked
// at keeps no other from it; the errors come back together. What ctx leaves no time for
// is where the next Recheck begins.
func (db *DB) Recheck(ctx context.Context) (int, error) {
	var left faults
	on, _ := db.recheckAll(ctx, strandedAll, "", &left)
	more, _ := db.recheckAll(ctx, supplied, "", &left)
	on += more
	more, at := db.recheckAll(ctx, blocked, db.rechecked.get(), &left)
	db.rechecked.set(at)
	left.add(ctx.Err())
	return on + more, left.err()
}

// recheckAll looks at all cases of a list, beginning after an id. It gives how many
// blocked ones went on, and after which id it had to stop; "": it did not.
func (db *DB) recheckAll(ctx context.Context, list, after string, left *faults) (int, string) {
	on := 0
	for {
		ids, err := db.cases(ctx, list, after, page)
		if err != nil {
			left.add(err)
			return on, after
		}
		went, done := db.recheckThese(ctx, ids, left)
		if on += went; done > 0 {
			after = ids[done-1]
		}
		switch {
		case done < len(ids):
			return on, after
		case len(ids) < page:
			return on, ""
		}
	}
}

// recheckThese looks at cases until ctx ends. It gives how many blocked ones went on, and
// how many it looked at.
func (db *DB) recheckThese(ctx context.Context, ids []string, left *faults) (on, done int) {
	for i, id := range ids {
		if ctx.Err() != nil {
			return on, i
		}
		went, err := db.recheck(ctx, approval.ID(id))
		if err != nil {
			left.add(fmt.Errorf("recheck of case %s: %w", id, err))
		}
		if went {
			on++
		}
	}
	return on, len(ids)
}

// recheck looks at one case and tells whether it was blocked and goes on.
func (db *DB) recheck(ctx context.Context, id approval.ID) (bool, error) {
	var was approval.State
	r, err := db.change(ctx, byCase(id), "", func(r *record, now time.Time) ([]fact, error) {
		if was = r.Case.State; was.Closed() {
			return nil, nil
		}
		facts, err := db.supply(ctx, r, now)
		if err != nil {
			return nil, err
		}
		return append(facts, factsOf(r.Case.Recheck(r.Doc, r.People, now))...), nil
	})
	if err != nil {
		return false, err
	}
	return was == approval.Blocked && r.Case.State != approval.Blocked, nil
}

// supply tells a case of the files that came without its hearing of it.
func (db *DB) supply(ctx context.Context, r *record, now time.Time) ([]fact, error) {
	lacks := slices.Clone(r.Case.Missing)
	if len(lacks) == 0 {
		return nil, nil
	}
	still, err := db.Files.Missing(ctx, r.conn, r.Key.Source, lacks)
	if err != nil {
		return nil, err
	}
	var facts []fact
	for _, digest := range lacks {
		if !slices.Contains(still, digest) {
			facts = append(facts, factsOf(r.Case.StoreFile(digest, r.Doc, r.People, now))...)
		}
	}
	return facts, nil
}

// PeopleChanged does at once what people who changed can be waiting for: the cards of the
// open cases that they have to do with are drawn anew, also of who can be reached no
// longer, who left is not waited for, and the newest of the blocked cases are looked at.
// It gives how many of these went on. The rest, and a case that cannot be looked at, is
// left to Recheck, which tells of it.
func (db *DB) PeopleChanged(ctx context.Context, externalIDs ...string) (int, error) {
	dir, err := db.Directory.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	named := []people.ID{}
	for _, id := range externalIDs {
		if p, ok := dir.Find(id); ok {
			named = append(named, p.ID)
		}
	}
	if err := db.redrawAll(ctx, concerning, named); err != nil {
		return 0, err
	}
	theirs, err := db.cases(ctx, strandedOf, "", page, named)
	if err != nil {
		return 0, err
	}
	newest, err := db.cases(ctx, blockedLast, "", urged)
	if err != nil {
		return 0, err
	}
	on, _ := db.recheckThese(ctx, slices.Concat(theirs, newest), &faults{})
	return on, nil
}

// cases reads a list of cases.
func (db *DB) cases(ctx context.Context, list string, args ...any) ([]string, error) {
	rows, err := db.Pool.Query(ctx, list, args...)
	if err != nil {
		return nil, fmt.Errorf("cases to recheck: %w", classify(err))
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("cases to recheck: %w", classify(err))
	}
	return ids, nil
}

// faults are the first errors of many, and how many more there were.
type faults struct {
	kept []error
	more int
}

func (f *faults) add(err error) {
	const most = 5
	switch {
	case err == nil:
	case len(f.kept) < most:
		f.kept = append(f.kept, err)
	default:
		f.more++
	}
}

func (f *faults) err() error {
	if f.more == 0 {
		return errors.Join(f.kept...)
	}
	return errors.Join(append(f.kept, fmt.Errorf("and %d more", f.more))...)
}

// bookmark is a place in a list, kept in memory.
type bookmark struct {
	mu sync.Mutex
	at string
}

func (b *bookmark) get() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bookmark) set(at string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = at
}
