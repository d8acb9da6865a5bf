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
	"countersign/internal/document"
	"countersign/internal/money"
	"countersign/internal/people"
)

// record is a document under its lock, with its newest case.
type record struct {
	ID        string
	Key       document.Key
	Type      string
	Revision  int
	Seen      int // the highest number that the ERP gave
	Hash      string
	CaseID    string
	Status    string
	Events    int
	CreatedAt time.Time

	Doc     document.Document
	Case    *approval.Case
	People  people.Directory
	Version int64 // of the directory

	body    string
	plan    planRef
	states  []approval.Slot // the slots as they were read
	said    []remark        // to be stored
	revised bool            // a revision is to be stored
	fresh   bool            // the case is to be inserted
	created bool            // and the document with it
	conn    querier
}

type planRef struct {
	routeName

	rule string
}

const (
	selectDocument = `select d.id, d.source, d.external_id, d.type, d.revision, greatest(d.seen, d.revision), d.hash, coalesce(d.case_id, ''), coalesce(d.status, ''),
		d.events, d.created_at, r.body
		from document d join revision r on r.document_id = d.id and r.revision = d.revision where `

	selectCase = `select c.id, c.state, c.route_key, c.route_version, c.rule, c.round, c.revision, c.hash, c.amount_minor, c.currency,
		c.parties, c.barred, c.missing, c.step, c.note, c.opened_at, c.events,
		c.decided_outcome, c.decided_round, c.decided_revision, c.decided_at, coalesce(c.decided_by, ''), coalesce(c.decided_reason, ''),
		c.consumed_ref, c.consumed_hash, c.consumed_at, c.asks, c.new_payee, ` + selectQuestions + `
		from approval_case c where c.id = `

	selectSlots = `select s.round, s.step, s.no, s.person_id, coalesce(s.for_person, ''), s.by_delegations, s.because, s.state,
		v.verdict, v.reason, v.revision, v.amount_minor, v.currency, v.via, v.assurance, v.for_person, v.by_delegations, v.at
		from slot s left join vote v on (v.case_id, v.round, v.step, v.no) = (s.case_id, s.round, s.step, s.no)
		where s.case_id = `
	slotOrder = ` order by s.round, s.step, s.no`
)

// where says which document, and which of its cases.
type where struct {
	lock     string // takes the document's row: everything that happens to it waits
	document string
	theCase  string
	args     []any
}

func byKey(k document.Key) where {
	return where{
		lock:     `select id from document where source = $1 and external_id = $2 for update`,
		document: `d.source = $1 and d.external_id = $2`,
		theCase:  `(select case_id from document where source = $1 and external_id = $2)`,
		args:     []any{k.Source, k.ExternalID},
	}
}

func byCase(id approval.ID) where {
	return where{
		lock:     `select id from document where id = (select document_id from approval_case where id = $1) for update`,
		document: `d.id = (select document_id from approval_case where id = $1)`,
		theCase:  `$1`,
		args:     []any{string(id)},
	}
}

// queue adds the reads of a record to a batch.
func (r *record) queue(b *pgx.Batch, w where) {
	b.Queue(selectDocument+w.document, w.args...).QueryRow(r.scanDocument)
	b.Queue(selectCase+w.theCase, w.args...).QueryRow(r.scanCase)
	b.Queue(selectSlots+w.theCase+slotOrder, w.args...).Query(r.scanSlots)
}

func (r *record) scanDocument(row pgx.Row) error {
	err := row.Scan(&r.ID, &r.Key.Source, &r.Key.ExternalID, &r.Type, &r.Revision, &r.Seen, &r.Hash, &r.CaseID, &r.Status,
		&r.Events, &r.CreatedAt, &r.body)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // found out by the empty id
	}
	return err
}

func (r *record) scanCase(row pgx.Row) error {
	var c approval.Case
	var outcome, ref, hash *string
	var round, revision *int
	var decided, consumed *time.Time
	var by, reason, questions string
	err := row.Scan(&c.ID, &c.State, &r.plan.key, &r.plan.version, &r.plan.rule, &c.Round, &c.Revision, &c.Hash,
		&c.Amount.Minor, &c.Amount.Currency, &c.Parties, &c.Barred, &c.Missing, &c.Step, &c.Note, &c.OpenedAt, &c.Events,
		&outcome, &round, &revision, &decided, &by, &reason, &ref, &hash, &consumed, &c.Asks, &c.NewPayee, &questions)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	c.OpenedAt = c.OpenedAt.UTC()
	if len(c.Asks) == 0 {
		c.Asks = nil
	}
	if outcome != nil {
		c.Decision = &approval.Decision{
			Outcome: approval.State(*outcome), Round: *round, Revision: *revision,
			At: decided.UTC(), By: people.ID(by), Reason: reason,
		}
	}
	if ref != nil {
		c.Consumed = &approval.Consumption{Ref: *ref, Hash: *hash, At: consumed.UTC()}
	}
	r.Case = &c
	if questions == "" { // as nearly always
		return nil
	}
	return r.readQuestions(questions)
}

func (r *record) scanSlots(rows pgx.Rows) error {
	for rows.Next() {
		var s approval.Slot
		var verdict, reason, currency, via, assurance, whose *string
		var by approval.Chain
		var revision *int
		var minor *int64
		var at *time.Time
		if err := rows.Scan(&s.Round, &s.Step, &s.No, &s.Person, &s.For, &s.By, &s.Because, &s.State,
			&verdict, &reason, &revision, &minor, &currency, &via, &assurance, &whose, &by, &at); err != nil {
			return err
		}
		s.By = some(s.By)
		if verdict != nil {
			s.Vote = &approval.Vote{
				Verdict: approval.Verdict(*verdict), Reason: *reason, Revision: *revision,
				Amount: money.Amount{Minor: *minor, Currency: *currency}, Via: approval.Via(*via),
				Assurance: approval.Assurance(*assurance), By: some(by), At: at.UTC(),
			}
			if whose != nil {
				s.Vote.For = people.ID(*whose)
			}
		}
		if r.Case != nil {
			r.Case.Slots = append(r.Case.Slots, s)
		}
	}
	return rows.Err()
}

// some is nil where there is none, as the core has it.
func some(c approval.Chain) approval.Chain {
	if len(c) == 0 {
		return nil
	}
	return c
}

// finish decodes what the batch read and adds the plan of the case.
func (db *DB) finish(ctx context.Context, q querier, r *record) error {
	r.conn = q
	if r.ID == "" {
		return ErrNotFound
	}
	if err := json.Unmarshal([]byte(r.body), &r.Doc); err != nil {
		return fmt.Errorf("document %s revision %d: %w", r.ID, r.Revision, err)
	}
	if r.Case == nil {
		return nil
	}
	r.Case.Key, r.Type = r.Key, r.Doc.Type
	r.states = slices.Clone(r.Case.Slots)
	rt, err := db.route(ctx, q, r.plan.routeName)
	if err != nil {
		return err
	}
	plan, ok := rt.Plan(r.plan.rule)
	if !ok {
		return fmt.Errorf("case %s: route %s version %d has no rule %s", r.Case.ID, rt.Key, rt.Version, r.plan.rule)
	}
	r.Case.Plan = plan
	return nil
}
