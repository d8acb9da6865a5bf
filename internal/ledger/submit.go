package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/crash"
	"countersign/internal/document"
	"countersign/internal/ident"
	"countersign/internal/route"
)

// Submission is a state of a document as the ERP posts it.
type Submission struct {
	Key      document.Key
	Document document.Document
	Revision int // the ERP's own number for this state; 0: it keeps none
	IfMatch  int // only if this is the current revision; 0: whatever it is
}

// Status is a document with its newest case, as the API tells it.
type Status struct {
	ID        string
	Key       document.Key
	Revision  int
	Hash      string
	ERPStatus string
	Document  document.Document
	Case      approval.Case
	CreatedAt time.Time
	Created   bool           // by this submission
	Class     document.Class // of the change that this submission made
	Awaiting  []Awaited
	Unknown   []string // words of the document for persons that nobody in the directory answers to
}

// Awaited is somebody who is asked now.
type Awaited struct {
	User string // external id
	Name string
}

// errNew says that the document is not there yet.
var errNew = errors.New("no such document")

// Submit stores a state of a document and moves its case: a new document opens one, a
// changed one is revised by the class of the change, the same one changes nothing.
func (db *DB) Submit(ctx context.Context, s Submission) (Status, error) {
	var class document.Class
	for range tries {
		var known record
		r, err := db.change(ctx, byKey(s.Key), crash.SubmitWritten, func(r *record, now time.Time) ([]fact, error) {
			known = *r
			var facts []fact
			var err error
			facts, class, err = db.revise(ctx, r, s, now)
			return facts, err
		}, func(b *pgx.Batch, refusal error) {
			if refusal == nil && s.Revision > known.Seen { // also of a state that is no news
				b.Queue(`update document set seen = greatest(seen, $2) where id = $1`, known.ID, s.Revision)
			}
		})
		if errors.Is(err, ErrNotFound) {
			if s.IfMatch > 0 {
				return Status{}, ErrStale
			}
			if r, err = db.create(ctx, s); errors.Is(err, errNew) {
				continue // made by somebody else in this moment: revise that one
			}
			class = document.Unchanged
			return db.submitted(r, class, err)
		}
		return db.submitted(r, class, err)
	}
	return Status{}, ErrUnavailable
}

func (db *DB) submitted(r *record, class document.Class, err error) (Status, error) {
	if r == nil {
		return Status{}, err
	}
	st := r.status()
	st.Class, st.Created = class, r.created
	if err == nil {
		db.Crash.Pass(crash.SubmitDone)
	}
	return st, err
}

// create makes the document with its first revision, its case and the events.
func (db *DB) create(ctx context.Context, s Submission) (*record, error) {
	var r *record
	err := db.again(ctx, func() error {
		t, err := db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.end(ctx)
		b := &pgx.Batch{}
		if r, err = db.prepare(ctx, t, s, b); err != nil {
			return err
		}
		db.Crash.Pass(crash.SubmitWritten)
		if err = t.commit(ctx, b); isTaken(err) {
			return errNew
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	db.Bell.Ring()
	return r, nil
}

// prepare reads what a new document needs and queues its rows.
func (db *DB) prepare(ctx context.Context, t *transaction, s Submission, b *pgx.Batch) (*record, error) {
	now := db.now()
	r := &record{
		Key: s.Key, Type: s.Document.Type, Doc: s.Document, Revision: max(1, s.Revision), Hash: s.Document.Hash(),
		CreatedAt: now, created: true, conn: t.conn,
	}
	if err := t.read(ctx, func(b *pgx.Batch) { db.Directory.QueueVersion(b, &r.Version) }); err != nil {
		return nil, err
	}
	if err := db.people(ctx, t, r); err != nil {
		return nil, err
	}
	var err error
	if r.ID, err = ident.New("doc"); err != nil {
		return nil, err
	}
	facts, err := db.open(ctx, r, now)
	if err != nil {
		return nil, err
	}
	facts = slices.Insert(facts, 0, fact{kind: "document.received", data: map[string]any{"type": r.Type}})
	b.Queue(`insert into document (id, source, external_id, type, revision, sought, hash, case_id, number, created_at) values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)`,
		r.ID, r.Key.Source, r.Key.ExternalID, r.Type, r.Revision, r.Hash, r.CaseID, r.number(), now)
	return r, r.write(b, facts, now)
}

// revise takes a state of a document that is known.
func (db *DB) revise(ctx context.Context, r *record, s Submission, now time.Time) ([]fact, document.Class, error) {
	hash := s.Document.Hash()
	switch {
	case s.IfMatch > 0 && s.IfMatch != r.Revision:
		return nil, "", ErrStale
	case hash == r.Hash:
		facts, err := db.supply(ctx, r, now) // with this submission, or under another document
		return facts, document.Unchanged, err
	case s.Document.Type != r.Type:
		return nil, "", ErrTypeChanged
	case s.Revision > 0 && s.Revision <= r.Seen:
		return nil, "", ErrOldRevision
	}
	previous := r.Doc
	next := *r
	next.Doc, next.Hash, next.Revision, next.revised = s.Document, hash, max(s.Revision, r.Revision+1), true
	if r.Case.State.Closed() {
		facts, err := db.open(ctx, &next, now)
		if err != nil {
			return nil, "", err
		}
		*r = next
		change := document.Compare(previous, r.Doc, r.Case.Plan.Change)
		return slices.Insert(facts, 0, fact{kind: string(approval.Changed), data: map[string]any{
			"class": change.Class, "changes": shorten(change.Differences),
		}}), change.Class, nil
	}
	events, class, err := db.reviseCase(ctx, &next, previous, now)
	if err != nil {
		return nil, class, err
	}
	*r = next
	return factsOf(events), class, nil
}

// reviseCase: a case keeps the version of the route that it started with.
func (db *DB) reviseCase(ctx context.Context, r *record, previous document.Document, now time.Time) ([]approval.Event, document.Class, error) {
	plan, err := db.plan(ctx, r.conn, r.plan.routeName, r.Doc)
	if err != nil {
		return nil, "", err
	}
	missing, err := db.missing(ctx, r.conn, r.Key.Source, r.Doc)
	if err != nil {
		return nil, "", err
	}
	fresh, err := newPayee(ctx, r, plan)
	if err != nil {
		return nil, "", err
	}
	return r.Case.Revise(approval.Revision{
		No: r.Revision, Previous: previous, Next: r.Doc, Missing: missing, Plan: plan, NewPayee: fresh,
	}, r.People, now)
}

// live is the route that a new case of a type of document takes.
func live(ctx context.Context, q querier, kind string) (routeName, error) {
	var name routeName
	err := q.QueryRow(ctx, `select key, version from route_live where type = $1`, kind).Scan(&name.key, &name.version)
	if errors.Is(err, pgx.ErrNoRows) {
		return name, approval.ErrNoRoute
	}
	return name, err
}

// open starts a case over the document as it is.
func (db *DB) open(ctx context.Context, r *record, now time.Time) ([]fact, error) {
	name, err := live(ctx, r.conn, r.Type)
	if err != nil {
		return nil, err
	}
	plan, err := db.plan(ctx, r.conn, name, r.Doc)
	if err != nil {
		return nil, err
	}
	missing, err := db.missing(ctx, r.conn, r.Key.Source, r.Doc)
	if err != nil {
		return nil, err
	}
	fresh, err := newPayee(ctx, r, plan)
	if err != nil {
		return nil, err
	}
	id, err := ident.New("cas")
	if err != nil {
		return nil, err
	}
	c, events := approval.Open(approval.Opening{
		ID: approval.ID(id), Key: r.Key, Revision: r.Revision, Document: r.Doc, Missing: missing, Plan: plan,
		NewPayee: fresh, Previous: r.Case,
	}, r.People, now)
	r.Case, r.CaseID, r.states, r.fresh, r.revised = &c, id, nil, true, true
	return factsOf(events), nil
}

func (db *DB) plan(ctx context.Context, q querier, name routeName, d document.Document) (route.Plan, error) {
	rt, err := db.route(ctx, q, name)
	if err != nil {
		return route.Plan{}, err
	}
	plan, ok := rt.Match(d)
	if !ok {
		return route.Plan{}, approval.ErrNoRoute
	}
	return plan, nil
}

// missing lists the digests of files that the document announces and that its source
// has not sent.
func (db *DB) missing(ctx context.Context, q querier, source string, d document.Document) ([]string, error) {
	if len(d.Files) == 0 {
		return nil, nil
	}
	digests := make([]string, len(d.Files))
	for i, f := range d.Files {
		digests[i] = f.SHA256
	}
	out, err := db.Files.Missing(ctx, q, source, digests)
	if err != nil {
		return nil, fmt.Errorf("files of %s/%s: %w", source, d.Number, err)
	}
	return out, nil
}

func (r *record) writeRevision(b *pgx.Batch, now time.Time) error {
	body, err := json.Marshal(r.Doc)
	if err != nil {
		return fmt.Errorf("document: %w", err)
	}
	b.Queue(`insert into revision (document_id, revision, hash, body, amount_minor, currency, created_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.Revision, r.Hash, string(body), r.Doc.Amount.Minor, r.Doc.Amount.Currency, now)
	writeSearch(b, r.ID, r.Doc)
	return nil
}

func (r *record) insertCase(b *pgx.Batch) {
	b.Queue(`insert into approval_case (id, state, route_key, route_version, rule, round, revision, hash, amount_minor, currency,
		parties, missing, step, note, events, decided_outcome, decided_round, decided_revision, decided_at, decided_by, decided_reason,
		consumed_ref, consumed_hash, consumed_at, barred, asks, new_payee, document_id, opened_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)`,
		append(r.caseColumns(), r.ID, r.Case.OpenedAt)...)
}
