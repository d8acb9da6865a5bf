package ledger

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ident"
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

// Comment adds a remark. It is never a vote.
func (db *DB) Comment(ctx context.Context, k document.Key, author, text string, also ...Also) (string, error) {
	id, err := ident.New("com")
	if err != nil {
		return "", err
	}
	var made struct {
		document string
		at       time.Time
	}
	write := func(b *pgx.Batch, _ error) {
		b.Queue(`insert into comment (id, document_id, author, text, at) values ($1, $2, $3, $4, $5) on conflict do nothing`, id, made.document, author, text, made.at)
	}
	_, err = db.change(ctx, byKey(k), "", func(r *record, now time.Time) ([]fact, error) {
		made.document, made.at = r.ID, now
		var done bool // by a try whose answer did not come
		if err := r.conn.QueryRow(ctx, `select exists (select from comment where id = $1)`, id).Scan(&done); err != nil || done {
			return nil, err
		}
		return []fact{{kind: "comment.added", data: map[string]any{"comment_id": id, "author": author, "text": cut(text, 4000)}}}, nil
	}, append([]Also{write}, also...)...)
	return id, err
}

// FileArrived tells the open case of a document that an announced file is here.
func (db *DB) FileArrived(ctx context.Context, k document.Key, digest string) (Status, error) {
	return db.act(ctx, k, func(r *record, now time.Time) ([]fact, error) {
		return factsOf(r.Case.StoreFile(digest, now)), nil
	})
}

func (db *DB) act(ctx context.Context, k document.Key, do act) (Status, error) {
	r, err := db.change(ctx, byKey(k), "", do)
	if r == nil {
		return Status{}, err
	}
	return r.status(), err
}

// Recheck looks anew at cases that are blocked, and at those that wait for somebody who
// may not vote any more: call it after people or roles changed, and now and then. It
// gives how many blocked ones went on.
func (db *DB) Recheck(ctx context.Context) (int, error) {
	rows, err := db.Pool.Query(ctx, `select id from approval_case where state = 'blocked'
		union select s.case_id from slot s join person p on p.id = s.person_id join approval_case c on c.id = s.case_id
		where s.state = 'open' and c.state = 'in_progress' and (not p.active or p.external_id = any (c.parties)
			or p.email <> '' and p.email in (select lower(btrim(q)) from unnest(c.parties) q))
		order by 1 limit 1000`)
	if err != nil {
		return 0, classify(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, classify(err)
	}
	on := 0
	for _, id := range ids {
		wasBlocked := false
		r, err := db.change(ctx, byCase(approval.ID(id)), "", func(r *record, now time.Time) ([]fact, error) {
			wasBlocked = r.Case.State == approval.Blocked
			return factsOf(r.Case.Recheck(r.Doc, r.People, now)), nil
		})
		if err != nil {
			return on, err
		}
		if wasBlocked && r.Case.State != approval.Blocked {
			on++
		}
	}
	return on, nil
}
