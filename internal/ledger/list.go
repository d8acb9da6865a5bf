package ledger

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/money"
	"countersign/internal/people"
)

// Pile says which of a person's documents are listed.
type Pile string

// The piles.
const (
	ForHim Pile = "waits"   // wait for his decision
	OfHis  Pile = "asked"   // he asked for, or others on his behalf
	ByHim  Pile = "decided" // he decided, for himself or for another
)

// Order says which documents come first.
type Order string

// The orders. Amounts are compared within their currency.
const (
	Oldest  Order = "oldest"
	Newest  Order = "newest"
	Largest Order = "largest"
)

// List asks for a part of a pile.
type List struct {
	Person  people.ID
	Pile    Pile
	Order   Order
	Type    string // of document; empty: all
	DueTill string // only what was to be paid by an earlier day than this, 2026-01-31; empty: all
	Offset  int    // beyond the end: the last part
	Limit   int
}

// Item is a document of a pile.
type Item struct {
	Status

	Since time.Time // when he was asked, asked for it or decided
}

// Listed is a part of a pile. Items that the person may not see any more are left out.
type Listed struct {
	Items  []Item
	Offset int
	Total  int      // that fit
	Types  []string // of document in the whole pile
	Cut    bool     // the pile is higher than was looked at
	People people.Directory
}

// PileDepth is how many documents of a pile are looked at: the oldest where they come
// first, otherwise the newest.
const PileDepth = 1000

// listHead begins a statement: the documents of a pile, with the moment of each. $1 is the
// person, $2 what documents call him, $3 how many are looked at; each statement names all three.
func listHead(p Pile, o Order) string {
	way := "desc"
	if o == Oldest {
		way = "asc"
	}
	switch p {
	case OfHis:
		return `select d.id as document_id, d.created_at as since, d.type, d.revision from (
			select document_id from (
				select d.document_id from unnest($2::text[]) k, lateral (
					select document_id from document_search where requester = k order by document_id ` + way + ` limit $3) d
				union select d.document_id from unnest($2::text[]) k, lateral (
					select document_id from document_search where on_behalf = k and on_behalf <> '' order by document_id ` + way + ` limit $3) d
			) both_ways order by document_id ` + way + ` limit $3) x
			join document d on d.id = x.document_id where $1 <> ''`
	case ByHim:
		return `select d.id as document_id, max(v.at) as since, d.type, d.revision from (
			select case_id, at from vote where person_id = $1 order by at ` + way + `, case_id ` + way + ` limit $3) v
			join approval_case c on c.id = v.case_id join document d on d.id = c.document_id where $2::text[] is not null group by d.id`
	default:
		back := "desc" // as the index is: asked_at falls while case_id grows
		if way == "desc" {
			back = "asc"
		}
		return `select d.id as document_id, min(s.asked_at) as since, d.type, d.revision from (
			select case_id, asked_at from slot where person_id = $1 and state = 'open' order by asked_at ` + way + `, case_id ` + back + ` limit $3) s
			join approval_case c on c.id = s.case_id join document d on d.id = c.document_id where $2::text[] is not null group by d.id`
	}
}

// listSQL is the statement of a list; the rest of its parameters: the type, the day, where
// the part begins and how long it is.
func listSQL(l List) string {
	by := map[Order]string{
		Newest: "since desc, document_id desc", Largest: "currency, amount_minor desc, document_id",
	}[l.Order]
	if by == "" {
		by = "since, document_id"
	}
	return `with mine as materialized (` + listHead(l.Pile, l.Order) + `),
		hits as materialized (
			select m.document_id, m.since, r.currency, r.amount_minor from mine m
			join revision r on (r.document_id, r.revision) = (m.document_id, m.revision)
			where ($4 = '' or m.type = $4) and case when $5 = '' then true
				when position('\u0000' in r.body) > 0 then false
				else r.body::json ->> 'due_date' <> '' and r.body::json ->> 'due_date' collate "C" < $5 end),
		place as (select n, greatest(0, least($6::bigint, (n - 1) / $7::bigint * $7)) as begins from (select count(*) as n from hits) c),
		part as (select document_id, since, row_number() over (order by ` + by + `) as no from hits
			order by ` + by + ` offset (select begins from place) limit $7)
		select place.n, place.begins, (select count(*) from mine), array(select distinct type from mine order by 1),
			array(select document_id from part order by no), array(select since from part order by no) from place`
}

// List gives a part of what concerns a person.
func (db *DB) List(ctx context.Context, l List) (Listed, error) {
	dir, err := db.Directory.Snapshot(ctx)
	if err != nil {
		return Listed{}, fmt.Errorf("list of %s: %w", l.Person, classify(err))
	}
	p, known := dir.Person(l.Person)
	if !known || !p.Active {
		return Listed{People: dir}, nil
	}
	out, ids, since, err := db.part(ctx, p, l)
	if err != nil || len(ids) == 0 {
		out.People = dir
		return out, err
	}
	at, wheres := map[string]time.Time{}, make([]where, len(ids))
	for i, id := range ids {
		at[id], wheres[i] = since[i].UTC(), byDocument(id)
	}
	var seen []Status
	if seen, out.People, err = db.seen(ctx, p.ID, wheres); err != nil {
		return Listed{}, fmt.Errorf("list of %s: %w", l.Person, classify(err))
	}
	for _, st := range seen {
		out.Items = append(out.Items, Item{Status: st, Since: at[st.ID]})
	}
	return out, nil
}

// part finds which documents a part of a list is made of.
func (db *DB) part(ctx context.Context, p people.Person, l List) (out Listed, ids []string, since []time.Time, err error) {
	keys := []string{named(p.ExternalID)}
	if p.Email != "" {
		keys = append(keys, named(p.Email))
	}
	t, err := db.begin(ctx)
	if err != nil {
		return out, nil, nil, err
	}
	defer t.end(ctx)
	var looked int
	err = t.read(ctx, func(b *pgx.Batch) {
		b.Queue(searchSettings)
		b.Queue(listSQL(l), p.ID, keys, PileDepth, l.Type, l.DueTill, min(max(l.Offset, 0), math.MaxInt32), min(max(l.Limit, 1), PileDepth)).
			QueryRow(func(row pgx.Row) error { return row.Scan(&out.Total, &out.Offset, &looked, &out.Types, &ids, &since) })
	})
	if err != nil {
		return Listed{}, nil, nil, fmt.Errorf("list of %s: %w", l.Person, classify(err))
	}
	out.Cut = looked >= PileDepth
	return out, ids, since, t.commit(ctx, &pgx.Batch{})
}

// Heap is how much waits for a person.
type Heap struct {
	Count  int
	Oldest time.Time
	Sums   []money.Amount // a currency each; one whose sum is beyond all numbers is left out
}

// Waits tells how much waits for a person in all.
func (db *DB) Waits(ctx context.Context, id people.ID) (Heap, error) {
	rows, err := db.Pool.Query(ctx, `select r.currency, count(*), min(s.asked_at), case when sum(r.amount_minor) <= 9223372036854775807 then sum(r.amount_minor)::bigint else 0 end
		from slot s join approval_case c on c.id = s.case_id join document d on d.id = c.document_id
		join revision r on (r.document_id, r.revision) = (d.id, d.revision)
		where s.person_id = $1 and s.state = 'open' group by r.currency order by r.currency`, id)
	if err != nil {
		return Heap{}, fmt.Errorf("what waits for %s: %w", id, classify(err))
	}
	var out Heap
	var sum money.Amount
	var n int
	var oldest time.Time
	_, err = pgx.ForEachRow(rows, []any{&sum.Currency, &n, &oldest, &sum.Minor}, func() error {
		if out.Count += n; out.Oldest.IsZero() || oldest.Before(out.Oldest) {
			out.Oldest = oldest.UTC()
		}
		if sum.Minor > 0 {
			out.Sums = append(out.Sums, sum)
		}
		return nil
	})
	if err != nil {
		return Heap{}, fmt.Errorf("what waits for %s: %w", id, classify(err))
	}
	return out, nil
}
