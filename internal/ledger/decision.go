package ledger

import (
	"context"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
)

// Decision tells the decision on exactly the content with this hash.
// approval.ErrRevision: the document is not that any more.
func (db *DB) Decision(ctx context.Context, k document.Key, hash string) (Status, error) {
	st, err := db.Document(ctx, k)
	if err == nil && st.Hash != hash {
		err = approval.ErrRevision
	}
	return st, err
}

// Consume takes the approval for a payment. Refusals: approval.ErrNotApproved,
// approval.ErrRevision, approval.ErrConsumed.
func (db *DB) Consume(ctx context.Context, k document.Key, hash, ref string) (Status, error) {
	return db.act(ctx, k, func(r *record, now time.Time) ([]fact, error) {
		events, err := r.Case.Consume(hash, ref, now)
		return factsOf(events), err
	})
}

// Withdraw takes the document back.
func (db *DB) Withdraw(ctx context.Context, k document.Key, reason string) (Status, error) {
	return db.act(ctx, k, func(r *record, now time.Time) ([]fact, error) {
		events, err := r.Case.Withdraw(reason, now)
		return factsOf(events), err
	})
}

// SetStatus keeps what the ERP says became of the document: paid, bounced.
func (db *DB) SetStatus(ctx context.Context, k document.Key, status, note string) (Status, error) {
	return db.act(ctx, k, func(r *record, _ time.Time) ([]fact, error) {
		if r.Status == status {
			return nil, nil
		}
		r.Status = status
		return []fact{{kind: "document.status", data: map[string]any{"status": status, "note": cut(note, 500)}}}, nil
	})
}

// FileArrived tells the case of a document that an announced file is here, and gives the
// document's status. A content is sent once: cases of the same source that miss it too go
// on as well. One of those that cannot go on now does so at the next Recheck.
func (db *DB) FileArrived(ctx context.Context, k document.Key, digest string) (Status, error) {
	st, err := db.act(ctx, k, func(r *record, now time.Time) ([]fact, error) {
		return factsOf(r.Case.StoreFile(digest, r.Doc, r.People, now)), nil
	})
	if err != nil {
		return st, err
	}
	if others, err := db.cases(ctx, missingFile, "", urged, digest, k.Source); err == nil {
		db.recheckThese(ctx, others, &faults{})
	}
	return st, nil
}

func (db *DB) act(ctx context.Context, k document.Key, do act) (Status, error) {
	r, err := db.change(ctx, byKey(k), "", do)
	if r == nil {
		return Status{}, err
	}
	return r.status(), err
}
