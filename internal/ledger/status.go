package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
)

func (r *record) status() Status {
	st := Status{
		ID: r.ID, Key: r.Key, Revision: r.Revision, Hash: r.Hash, ERPStatus: r.Status, Document: r.Doc,
		Case: *r.Case, CreatedAt: r.CreatedAt,
	}
	for _, id := range r.Case.Awaiting() {
		p, _ := r.People.Person(id)
		st.Awaiting = append(st.Awaiting, Awaited{User: p.ExternalID, Name: p.Name})
	}
	for _, ref := range r.Doc.Persons() {
		if _, ok := r.People.Find(ref); !ok {
			st.Unknown = append(st.Unknown, ref)
		}
	}
	return st
}

// Document tells a document with its newest case. It states a decision where there is
// one, so it locks the document first: see the package comment.
func (db *DB) Document(ctx context.Context, k document.Key) (Status, error) {
	return db.look(ctx, byKey(k))
}

// Case tells a case with its document.
func (db *DB) Case(ctx context.Context, id approval.ID) (Status, error) {
	return db.look(ctx, byCase(id))
}

func (db *DB) look(ctx context.Context, w where) (Status, error) {
	r, err := db.change(ctx, w, "", func(*record, time.Time) ([]fact, error) { return nil, nil })
	if err != nil {
		return Status{}, err
	}
	return r.status(), nil
}

// Events lists the facts of a case in their order; folded, they are the case.
func (db *DB) Events(ctx context.Context, id approval.ID) ([]approval.Event, error) {
	rows, err := db.Pool.Query(ctx, `select fact from event where case_id = $1 and fact is not null order by document_seq`, id)
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", id, classify(err))
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (approval.Event, error) {
		var text string
		if err := row.Scan(&text); err != nil {
			return approval.Event{}, err
		}
		return approval.Unmarshal([]byte(text))
	})
}
