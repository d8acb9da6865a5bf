package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/crash"
	"countersign/internal/ident"
	"countersign/internal/people"
)

// Also is work of another owner's tables that must happen in the same commit. It is told
// whether the act was refused.
type Also func(b *pgx.Batch, refusal error)

// act decides what happens to a record that is locked and read. It may run again, so
// it has no effects of its own. A refusal (an error of package approval) writes
// nothing, but what was lent is still committed with it.
type act func(r *record, now time.Time) ([]fact, error)

// fact is an event with what is stored beside it.
type fact struct {
	kind  string
	event *approval.Event // nil for what happens to the document alone
	data  map[string]any  // more for the public body
}

func factsOf(events []approval.Event) []fact {
	out := make([]fact, len(events))
	for i := range events {
		out[i] = fact{kind: string(events[i].Kind), event: &events[i]}
	}
	return out
}

// change is the one place where a document and its case change: lock, read, let the
// core decide, write with the events, commit.
func (db *DB) change(ctx context.Context, w where, point crash.Point, do act, also ...Also) (*record, error) {
	var r *record
	var refusal error
	changed := false
	err := db.again(ctx, func() error {
		t, err := db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.end(ctx)
		if r, err = db.locked(ctx, t, w); err != nil {
			return err
		}
		now := db.now()
		var facts []fact
		facts, refusal = do(r, now)
		b := &pgx.Batch{}
		if changed = refusal == nil && len(facts) > 0; changed {
			if err := r.write(b, facts, now); err != nil {
				return err
			}
		}
		for _, lend := range also {
			lend(b, refusal)
		}
		db.Crash.Pass(point)
		return t.commit(ctx, b)
	})
	if err != nil {
		return nil, err
	}
	if changed {
		db.Bell.Ring()
	}
	return r, refusal
}

// locked takes the document's lock and reads the record as it is then.
func (db *DB) locked(ctx context.Context, t *transaction, w where) (*record, error) {
	r := &record{}
	if err := t.read(ctx, func(b *pgx.Batch) {
		b.Queue(w.lock, w.args...)
		r.queue(b, w)
		db.Directory.QueueVersion(b, &r.Version)
	}); err != nil {
		return nil, err
	}
	if err := db.finish(ctx, t.conn, r); err != nil {
		return nil, err
	}
	return r, db.people(ctx, t, r)
}

func (db *DB) people(ctx context.Context, t *transaction, r *record) error {
	dir, err := db.Directory.At(ctx, t.conn, r.Version)
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	r.People = dir
	return nil
}

// write queues the rows of what changed and its events.
func (r *record) write(b *pgx.Batch, facts []fact, now time.Time) error {
	if r.revised {
		if err := r.writeRevision(b, now); err != nil {
			return err
		}
	}
	if r.fresh {
		r.insertCase(b)
	}
	r.writeSlots(b, facts, now)
	if !r.fresh {
		b.Queue(`update approval_case set `+setCase+` where id = $1`, r.caseColumns()...)
	}
	r.writePayee(b, facts)
	r.writeTalk(b, facts, now)
	return r.writeEvents(b, facts, now)
}

const setCase = `state = $2, route_key = $3, route_version = $4, rule = $5, round = $6, revision = $7, hash = $8,
	amount_minor = $9, currency = $10, parties = $11, missing = $12, step = $13, note = $14, events = $15,
	decided_outcome = $16, decided_round = $17, decided_revision = $18, decided_at = $19, decided_by = $20, decided_reason = $21,
	consumed_ref = $22, consumed_hash = $23, consumed_at = $24, barred = $25, asks = $26, new_payee = $27`

func (r *record) caseColumns() []any {
	c := r.Case
	cols := []any{
		c.ID, c.State, c.Plan.Route, c.Plan.Version, c.Plan.Rule, c.Round, c.Revision, c.Hash,
		c.Amount.Minor, c.Amount.Currency, nonNil(c.Parties), nonNil(c.Missing), c.Step, c.Note, c.Events,
	}
	if d := c.Decision; d != nil {
		cols = append(cols, string(d.Outcome), d.Round, d.Revision, d.At, nullable(string(d.By)), nullable(d.Reason))
	} else {
		cols = append(cols, nil, nil, nil, nil, nil, nil)
	}
	if k := c.Consumed; k != nil {
		cols = append(cols, k.Ref, k.Hash, k.At)
	} else {
		cols = append(cols, nil, nil, nil)
	}
	return append(cols, texts(c.Barred), texts(c.Asks), c.NewPayee)
}

// texts gives words as the database takes them; none is no null.
func texts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// writeEvents numbers the facts within their document and stores them.
func (r *record) writeEvents(b *pgx.Batch, facts []fact, now time.Time) error {
	var ids, kinds, bodies []string
	var cases, kept []*string
	var seqs []int
	for _, f := range facts {
		id, err := ident.New("evt")
		if err != nil {
			return err
		}
		r.Events++
		text, err := r.publicBody(f, envelope{ID: id, Seq: r.Events, At: now})
		if err != nil {
			return err
		}
		ids, kinds, bodies, seqs = append(ids, id), append(kinds, f.kind), append(bodies, string(text)), append(seqs, r.Events)
		var theCase, whole *string
		if f.event != nil {
			b, err := f.event.Marshal()
			if err != nil {
				return err
			}
			theCase, whole = nullable(string(f.event.Case)), nullable(string(b))
		}
		cases, kept = append(cases, theCase), append(kept, whole)
	}
	set, args := `events = $10, status = $11`, []any{
		r.ID, r.Key.Source, now, ids, seqs, cases, kinds, bodies, kept, r.Events, nullable(r.Status),
	}
	if r.revised || r.fresh { // the usual case touches no column that the schema must check again
		set += `, revision = $12, sought = $12, hash = $13, case_id = $14, number = $15`
		args = append(args, r.Revision, r.Hash, nullable(r.CaseID), r.number())
	}
	b.Queue(`with d as (update document set `+set+` where id = $1), e as (
			insert into event (id, document_id, document_seq, case_id, source, kind, at, body, fact)
			select n.id, $1, n.seq, n.case_id, $2, n.kind, $3, n.body, n.fact
			from unnest($4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[]) n(id, seq, case_id, kind, body, fact)
			order by n.seq
			returning seq)
		insert into event_new select seq from e`, args...)
	return nil
}

// who is how the world outside knows a person.
func who(dir people.Directory, id people.ID) string {
	if p, ok := dir.Person(id); ok {
		return p.ExternalID
	}
	return ""
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is not put into a page, and six bytes for one are dear
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("event body: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
