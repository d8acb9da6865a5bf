package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// FeedEvent is an event at its place in the feed.
type FeedEvent struct {
	Pos        int64
	ID         string
	Source     string
	DocumentID string
	Seq        int // within the document
	Kind       string
	At         time.Time
	Body       string // to the byte what is signed and sent
}

// sequenceBatch bounds one round of Sequence, in events.
const sequenceBatch = 1000

// Sequence gives events that were committed since their places in the feed, in the
// order in which they were stored, and lends the transaction for what must be there
// as soon as they are (the deliveries). One at a time does this, over all replicas.
// It gives how many it placed.
func (db *DB) Sequence(ctx context.Context, also func(ctx context.Context, tx pgx.Tx, events []FeedEvent) error) (int, error) {
	var placed []FeedEvent
	err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		var waiting bool
		if err := tx.QueryRow(ctx, `select exists (select from event_new)`).Scan(&waiting); err != nil || !waiting {
			return err
		}
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('countersign.feed'))`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `with n as (
				delete from event_new where seq in (select seq from event_new order by seq limit $1) returning seq),
			base as (select coalesce(max(pos), 0) as pos from feed),
			placed as (
				insert into feed (pos, seq, source)
				select base.pos + row_number() over (order by e.seq), e.seq, e.source from n join event e using (seq), base
				returning pos, seq)
			select p.pos, e.id, e.source, e.document_id, e.document_seq, e.kind, e.at, e.body
			from placed p join event e using (seq) order by p.pos`, sequenceBatch)
		if err != nil {
			return err
		}
		if placed, err = pgx.CollectRows(rows, pgx.RowToStructByPos[FeedEvent]); err != nil || len(placed) == 0 {
			return err
		}
		return also(ctx, tx, placed)
	})
	if err != nil {
		return 0, fmt.Errorf("sequence events: %w", classify(err))
	}
	return len(placed), nil
}

// FeedQuery asks for a page of the feed of one source.
type FeedQuery struct {
	Source string
	After  string   // id of the last event that the reader has; empty: from the beginning
	Types  []string // only these; empty: all
	Limit  int      // 1 to 500
}

// Feed reads the events of a source after one that the reader has. A reader that
// follows it misses nothing. ErrNotFound: After is no event of this source.
func (db *DB) Feed(ctx context.Context, q FeedQuery) ([]FeedEvent, error) {
	var out []FeedEvent
	err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		var after int64
		if q.After != "" {
			err := tx.QueryRow(ctx, `select f.pos from feed f join event e using (seq) where e.id = $1 and f.source = $2`,
				q.After, q.Source).Scan(&after)
			if errors.Is(err, pgx.ErrNoRows) {
				return ErrNotFound
			}
			if err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `select f.pos, e.id, e.source, e.document_id, e.document_seq, e.kind, e.at, e.body
			from feed f join event e using (seq)
			where f.source = $1 and f.pos > $2 and (cardinality($3::text[]) = 0 or e.kind = any ($3))
			order by f.pos limit $4`, q.Source, after, nonNil(q.Types), q.Limit)
		if err != nil {
			return err
		}
		if out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[FeedEvent]); err != nil || len(out) == 0 {
			return err
		}
		// What is told here must be known to survive: a lock writes, so this commit
		// comes after the commits of what was read.
		_, err = tx.Exec(ctx, `select from document where id = $1 for key share`, out[len(out)-1].DocumentID)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		err = classify(err)
	}
	return out, err
}

// Event finds one event of a source. It may tell a decision, so the statement locks the
// document, and its end comes after the commit of what it read.
func (db *DB) Event(ctx context.Context, source, id string) (FeedEvent, error) {
	rows, err := db.Pool.Query(ctx, `select f.pos, e.id, e.source, e.document_id, e.document_seq, e.kind, e.at, e.body
		from feed f join event e using (seq) join document d on d.id = e.document_id
		where e.id = $1 and f.source = $2 for key share of d`, id, source)
	if err != nil {
		return FeedEvent{}, classify(err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[FeedEvent])
	if errors.Is(err, pgx.ErrNoRows) {
		return e, ErrNotFound
	}
	return e, classify(err)
}

// Unsequenced counts events that have no place yet, for the operator's eyes.
func (db *DB) Unsequenced(ctx context.Context) (int, error) {
	var n int
	err := db.Pool.QueryRow(ctx, `select count(*) from event_new`).Scan(&n)
	return n, classify(err)
}
