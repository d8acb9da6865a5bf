package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
)

// Drawing is a case whose messages are behind, leased to one courier.
type Drawing struct {
	Case    *approval.Case
	Doc     document.Document
	Earlier map[int]document.Document // revisions that somebody voted on
	Talk    []approval.Remark         // the latest comments, in their order
	Files   []approval.Remark         // that came from the messenger
	People  people.Directory
	Lease   int64
}

// Behind leases the cases whose messages do not show their last version, at most n,
// the longest behind first. Reading them belongs to the transaction of the lease: what
// is shown was written before something that is known to survive. Leases are timed by the
// clock of the database, the same for every courier.
func (db *DB) Behind(ctx context.Context, n int, lease time.Duration) ([]Drawing, error) {
	rows, err := db.Pool.Query(ctx, `select id from approval_case where cards_at < events and cards_next <= now()
		order by cards_next limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("cases behind: %w", classify(err))
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("cases behind: %w", classify(err))
	}
	var out []Drawing
	for _, id := range ids {
		d, err := db.lease(ctx, approval.ID(id), lease)
		if errors.Is(err, errLeased) {
			continue
		}
		if err != nil {
			return out, fmt.Errorf("case %s: %w", id, classify(err))
		}
		out = append(out, d)
	}
	return out, nil
}

// errLeased: somebody else was quicker.
var errLeased = errors.New("leased")

func (db *DB) lease(ctx context.Context, id approval.ID, d time.Duration) (Drawing, error) {
	t, err := db.begin(ctx)
	if err != nil {
		return Drawing{}, err
	}
	defer t.end(ctx)
	r, w := &record{}, byCase(id)
	var out Drawing
	err = t.read(ctx, func(b *pgx.Batch) {
		b.Queue(`update approval_case set cards_lease = cards_lease + 1, cards_next = now() + $2::interval
			where id = (select id from approval_case where id = $1 and cards_at < events and cards_next <= now() for update skip locked)
			returning cards_lease`, id, d).QueryRow(func(row pgx.Row) error {
			if err := row.Scan(&out.Lease); !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
			return nil
		})
		r.queue(b, w)
		db.Directory.QueueVersion(b, &r.Version)
	})
	switch {
	case err != nil:
		return out, err
	case out.Lease == 0:
		return out, errLeased
	}
	if err := db.finish(ctx, t.conn, r); err != nil {
		return out, err
	}
	if err := db.people(ctx, t, r); err != nil {
		return out, err
	}
	out.Case, out.Doc, out.People = r.Case, r.Doc, r.People
	if out.Earlier, err = db.earlier(ctx, t, r); err != nil {
		return out, err
	}
	if out.Talk, out.Files, err = talkOf(ctx, t.conn, r.ID); err != nil {
		return out, err
	}
	return out, t.commit(ctx, &pgx.Batch{})
}

// earlier reads the revisions of past rounds that somebody judged, and the one that
// the case is about where the document went on with another case.
func (db *DB) earlier(ctx context.Context, t *transaction, r *record) (map[int]document.Document, error) {
	var numbers []int
	for _, s := range r.Case.Slots {
		if s.Vote != nil && s.Vote.Revision != r.Revision {
			numbers = append(numbers, s.Vote.Revision)
		}
	}
	if r.Case.Revision != r.Revision {
		numbers = append(numbers, r.Case.Revision)
	}
	if len(numbers) == 0 {
		return nil, nil //nolint:nilnil // the usual case: nothing earlier
	}
	rows, err := t.conn.Query(ctx, `select revision, body from revision where document_id = $1 and revision = any ($2)`, r.ID, numbers)
	if err != nil {
		return nil, err
	}
	out := map[int]document.Document{}
	var no int
	var body string
	_, err = pgx.ForEachRow(rows, []any{&no, &body}, func() error {
		var d document.Document
		err := json.Unmarshal([]byte(body), &d)
		out[no] = d
		return err
	})
	if d, ok := out[r.Case.Revision]; ok && r.Case.Revision != r.Revision {
		r.Doc = d
	}
	return out, err
}

// Drawn notes that the messages show this version of the case. A lease that has gone
// to somebody else changes nothing and is no error: that one draws again.
func (db *DB) Drawn(ctx context.Context, d Drawing) error {
	_, err := db.Pool.Exec(ctx, `update approval_case set cards_at = $2, cards_next = '-infinity' where id = $1 and cards_lease = $3 and cards_at < $2`,
		d.Case.ID, d.Case.Events, d.Lease)
	return classify(err)
}

// Postpone gives the lease back, or keeps it: the messages of the case are to be tried
// after a wait.
func (db *DB) Postpone(ctx context.Context, d Drawing, wait time.Duration) error {
	_, err := db.Pool.Exec(ctx, `update approval_case set cards_next = now() + $2::interval where id = $1 and cards_lease = $3`,
		d.Case.ID, wait, d.Lease)
	return classify(err)
}

// Redraw asks for the messages of cases to be looked at again although they did not
// change: a copy turned up, a person was linked.
func (db *DB) Redraw(ctx context.Context, ids ...approval.ID) error {
	return db.redrawAll(ctx, `select unnest($1::text[])`, ids)
}

// redraw asks for the messages of cases, and takes the lease from whoever draws them by
// what he read before: his note would say that they are up to date.
const redraw = `update approval_case set cards_at = least(cards_at, events - 1), cards_next = '-infinity', cards_lease = cards_lease + 1 where id `

// Lists of cases whose messages depend on persons.
const (
	askedOf = `select case_id from slot where person_id = any ($1) and state = 'open'`
	// Also where they are told: the requester is one of the parties.
	concerning = askedOf + ` union select id from approval_case where state in ('in_progress', 'returned', 'blocked') and barred && $1`
)

// RedrawOf asks the same for every open case that one of the persons is asked in.
func (db *DB) RedrawOf(ctx context.Context, ids ...people.ID) error {
	return db.redrawAll(ctx, askedOf, ids)
}

// LendRedraw asks the same of cases in a transaction of somebody else's, who rings the bell
// after it.
func LendRedraw(ids ...approval.ID) func(*pgx.Batch) {
	return func(b *pgx.Batch) { b.Queue(redrawOf(`select unnest($1::text[])`), ids) }
}

// redrawOf goes in the order of their ids, so that two of us never wait for each other.
func redrawOf(list string) string {
	return redraw + `in (select id from approval_case where id in (` + list + `) order by id for no key update)`
}

func (db *DB) redrawAll(ctx context.Context, list string, of any) error {
	_, err := db.Pool.Exec(ctx, redrawOf(list), of)
	if err == nil {
		db.Bell.Ring()
	}
	return classify(err)
}

// Open lists cases that have not ended, in the order of their ids, from after one on.
func (db *DB) Open(ctx context.Context, after approval.ID, limit int) ([]approval.ID, error) {
	rows, err := db.Pool.Query(ctx, `select id from approval_case where state in ('in_progress', 'returned', 'blocked') and id > $1
		order by id limit $2`, after, limit)
	if err != nil {
		return nil, classify(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[approval.ID])
	return out, classify(err)
}

// Waiting is one thing that waits for a person.
type Waiting struct {
	Case    approval.ID
	AskedAt time.Time
	Doc     document.Document
}

// Queue lists what waits for a person, the newest first, and how much there is in all.
// That a step is open tells what was decided before it, so the documents are locked.
func (db *DB) Queue(ctx context.Context, id people.ID, limit int) ([]Waiting, int, error) {
	var total int
	if err := db.Pool.QueryRow(ctx, `select count(*) from slot where person_id = $1 and state = 'open'`, id).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("queue of %s: %w", id, classify(err))
	}
	rows, err := db.Pool.Query(ctx, `select s.case_id, s.asked_at, r.body
		from (select case_id, asked_at from slot where person_id = $1 and state = 'open' order by asked_at desc, case_id limit $2) s
		join approval_case c on c.id = s.case_id
		join revision r on (r.document_id, r.revision) = (c.document_id, c.revision)
		join document d on d.id = c.document_id
		order by s.asked_at desc, s.case_id for key share of d`, id, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("queue of %s: %w", id, classify(err))
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Waiting, error) {
		var w Waiting
		var body string
		if err := row.Scan(&w.Case, &w.AskedAt, &body); err != nil {
			return w, err
		}
		return w, json.Unmarshal([]byte(body), &w.Doc)
	})
	return out, total, classify(err)
}

// Lag tells how many cases have messages that are behind and since when the oldest,
// for the operator's eyes.
func (db *DB) Lag(ctx context.Context) (int, error) {
	var n int
	err := db.Pool.QueryRow(ctx, `select count(*) from approval_case where cards_at < events`).Scan(&n)
	return n, classify(err)
}
