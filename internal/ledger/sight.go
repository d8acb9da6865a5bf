package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
)

// Seen tells a case to a person who may see its document. To anybody else there is no such
// case: ErrNotFound.
func (db *DB) Seen(ctx context.Context, person people.ID, id approval.ID) (Status, people.Directory, error) {
	found, dir, err := db.seen(ctx, person, []where{byCase(id)})
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Status{}, dir, fmt.Errorf("case %.40q: %w", id, err)
	}
	return found[0], dir, nil
}

func byDocument(id string) where {
	return where{document: `d.id = $1`, theCase: `(select case_id from document where id = $1)`, args: []any{id}}
}

// seen reads records and leaves out what the person may not see. It tells what was decided, so the
// documents are locked, against changes only.
func (db *DB) seen(ctx context.Context, person people.ID, wheres []where) ([]Status, people.Directory, error) {
	var out []Status
	var dir people.Directory
	err := db.again(ctx, func() error {
		out = nil
		t, err := db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.end(ctx)
		records := make([]sight, len(wheres))
		var version int64
		err = t.read(ctx, func(b *pgx.Batch) {
			for i, w := range wheres {
				records[i].read(b, w, person)
			}
			db.Directory.QueueVersion(b, &version)
		})
		if err != nil {
			return err
		}
		if dir, err = db.Directory.At(ctx, t.conn, version); err != nil {
			return err
		}
		p, _ := dir.Person(person)
		for i := range records {
			records[i].conn, records[i].People = t.conn, dir
			if out, err = db.show(ctx, out, &records[i], p); err != nil {
				return err
			}
		}
		return t.commit(ctx, &pgx.Batch{})
	})
	return out, dir, err
}

// show adds what the person may see.
func (db *DB) show(ctx context.Context, to []Status, r *sight, p people.Person) ([]Status, error) {
	if r.ID == "" || r.Case == nil {
		return to, nil
	}
	if err := db.finish(ctx, r.conn, &r.record); err != nil {
		return nil, err
	}
	if approval.Sees(p, r.Doc, r.asked, r.People) {
		to = append(to, r.status())
	}
	return to, nil
}

// sight is a record that somebody wants to see.
type sight struct {
	record

	asked []people.ID // the person, if he ever was, also in an earlier case
}

func (s *sight) read(b *pgx.Batch, w where, person people.ID) {
	b.Queue(`select from document d where `+w.document+` for key share`, w.args...)
	s.queue(b, w)
	b.Queue(`select distinct s.person_id from approval_case c join slot s on s.case_id = c.id where s.person_id = $2
		and c.document_id = (select d.id from document d where `+w.document+`)`, append(w.args[:1:1], person)...).
		Query(func(rows pgx.Rows) (err error) {
			s.asked, err = pgx.CollectRows(rows, pgx.RowTo[people.ID])
			return err
		})
}

// Index makes documents findable that were stored before there was a search, or by a
// replica that knows none, and reports how many.
func (db *DB) Index(ctx context.Context) (int, error) {
	done := 0
	for {
		n, err := db.indexSome(ctx)
		done += n
		if err != nil || n == 0 {
			return done, err
		}
	}
}

func (db *DB) indexSome(ctx context.Context) (int, error) {
	const atOnce = 200
	n := 0
	err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select d.id, r.body from document d join revision r on (r.document_id, r.revision) = (d.id, d.revision)
			where d.sought <> d.revision limit $1 for no key update of d skip locked`, atOnce)
		if err != nil {
			return err
		}
		b := &pgx.Batch{}
		var id, body string
		var ids []string
		if _, err := pgx.ForEachRow(rows, []any{&id, &body}, func() error {
			var d document.Document
			if err := json.Unmarshal([]byte(body), &d); err != nil {
				d = document.Document{} // found by nothing, and it keeps no other from being found
			}
			ids = append(ids, id)
			writeSearch(b, id, d)
			return nil
		}); err != nil {
			return err
		}
		n = len(ids)
		b.Queue(`update document set sought = revision where id = any ($1)`, ids)
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return 0, fmt.Errorf("documents to be found: %w", classify(err))
	}
	return n, nil
}
