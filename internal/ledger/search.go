package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"countersign/internal/document"
	"countersign/internal/people"
)

// Search is what a person looks for among the documents that he may see. A blank text
// looks for everything, the newest first.
type Search struct {
	Person people.ID
	Text   string
	Offset int
	Limit  int
}

// Found is a part of what there is, with the people as they are then.
type Found struct {
	Hits   []Status
	More   bool
	People people.Directory
}

// How far a search goes. The newest documents of a person are looked at first, then those
// that have the words. Of a word that more than a thousand documents share he finds it in
// his newest and in some others: whoever types another word beside it finds the rest.
const (
	mostFound  = 200  // who sees so many types another word
	nearDepth  = 200  // of a person's documents
	farDepth   = 1500 // of them, when the words are common
	deepDepth  = 1000 // documents that have the words
	mostByName = 200  // documents whose numbers are alike
)

// The statements of a search. Each looks at a bounded number of rows, found by an index.
const (
	// The planner would rather guess: a plan for any words, all rows in a row, a compiler.
	searchSettings = `select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
		set_config('jit', 'off', true)`

	// May person $1, whom documents call $2, see document x? What package approval says
	// is asked in the end.
	mayBeSeen = `(x.requester = any ($2) or x.on_behalf = any ($2) or exists (
		select from approval_case c join slot s on s.case_id = c.id where c.document_id = x.document_id and s.person_id = $1))`

	// Whether the person may see more documents than are looked at.
	searchMany = `select (select count(*) from (select from slot where person_id = $1 limit $3) n) = $3
		or (select count(*) from (select from document_search where requester = any ($2) limit $3) n) = $3
		or (select count(*) from (select from document_search where on_behalf = any ($2) and on_behalf <> '' limit $3) n) = $3`

	// The newest documents of the person that have the words.
	searchNear = `with mine as materialized (
			select c.document_id from (select case_id from slot where person_id = $1 order by case_id desc limit $4) s
				join approval_case c on c.id = s.case_id
			union select d.document_id from unnest($2::text[]) k, lateral (
				select document_id from document_search where requester = k order by document_id desc limit $4) d
			union select d.document_id from unnest($2::text[]) k, lateral (
				select document_id from document_search where on_behalf = k and on_behalf <> '' order by document_id desc limit $4) d)
		select x.document_id from mine join document_search x on x.document_id = mine.document_id
		where $3::text = '' or x.words @@ ($3::text)::tsquery order by x.document_id desc limit $5`

	// The documents that have the words, whoever sees them, and of them the person's.
	searchDeep = `with x as materialized (
			select document_id, requester, on_behalf from document_search where words @@ ($3::text)::tsquery limit $4)
		select array(select x.document_id from x where ` + mayBeSeen + ` order by x.document_id desc limit $5), (select count(*) from x) = $4`

	// The documents whose number is that, or a part of it, or begins so.
	searchNumber = `with x as materialized (
			(select document_id, requester, on_behalf, true as exact from document_search where number = $3 and number <> '' limit $6)
			union all
			(select document_id, requester, on_behalf, true from document_search where $5::text <> '' and words @@ ($5::text)::tsquery limit $6)
			union all
			(select document_id, requester, on_behalf, false from document_search
				where number like $4 and number <> '' order by number using ~<~ limit $6))
		select x.document_id, bool_or(x.exact) from x where ` + mayBeSeen + ` group by 1 order by 1 desc`
)

// Find finds documents that the person may see: by number first, then the newest.
func (db *DB) Find(ctx context.Context, s Search) (Found, error) {
	dir, err := db.Directory.Snapshot(ctx)
	if err != nil {
		return Found{}, fmt.Errorf("search: %w", classify(err))
	}
	p, known := dir.Person(s.Person)
	if !known || !p.Active {
		return Found{People: dir}, nil
	}
	ids, err := db.search(ctx, p, s)
	if err != nil {
		return Found{}, fmt.Errorf("search: %w", classify(err))
	}
	from := min(max(s.Offset, 0), len(ids))
	to := min(from+max(s.Limit, 0), len(ids))
	out := Found{More: to < len(ids), People: dir}
	wheres := make([]where, 0, to-from)
	for _, id := range ids[from:to] {
		wheres = append(wheres, byDocument(id))
	}
	if len(wheres) == 0 {
		return out, nil
	}
	out.Hits, out.People, err = db.seen(ctx, p.ID, wheres)
	return out, err
}

// search lists what the person may find, in order, as far as it is asked for.
func (db *DB) search(ctx context.Context, p people.Person, s Search) ([]string, error) {
	sought := document.Seek(s.Text)
	l := looking{person: p.ID, keys: []string{named(p.ExternalID)}, words: query(sought.Terms)}
	if l.words == "" && strings.TrimSpace(s.Text) != "" {
		return nil, nil // nothing in it is a word
	}
	if p.Email != "" {
		l.keys = append(l.keys, named(p.Email))
	}
	t, err := db.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer t.end(ctx)
	if err := t.read(ctx, func(b *pgx.Batch) {
		b.Queue(searchSettings)
		b.Queue(searchMany, l.person, l.keys, nearDepth).QueryRow(func(row pgx.Row) error { return row.Scan(&l.many) })
		b.Queue(searchNear, l.person, l.keys, l.words, nearDepth, mostFound).Query(l.add)
		if sought.Number != "" {
			part := ""
			if sought.Part != "" {
				part = quoted(document.Word{Text: sought.Part})
			}
			b.Queue(searchNumber, l.person, l.keys, sought.Number, sought.Number+"%", part, mostByName).Query(l.split)
		}
	}); err != nil {
		return nil, err
	}
	if l.many && len(l.found) <= s.Offset+s.Limit {
		if err := l.further(ctx, t); err != nil {
			return nil, err
		}
	}
	return merged(l.exact, l.begun, newest(l.found)), t.commit(ctx, &pgx.Batch{})
}

// looking is a search on its way.
type looking struct {
	person people.ID
	keys   []string // what documents may call the person
	words  string   // none: everything

	many                bool // the person may see more than was looked at
	exact, begun, found []string
}

// further looks beyond the newest documents of the person.
func (l *looking) further(ctx context.Context, t *transaction) error {
	common := l.words == ""
	if !common {
		var deep []string
		if err := t.conn.QueryRow(ctx, searchDeep, l.person, l.keys, l.words, deepDepth, mostFound).Scan(&deep, &common); err != nil {
			return err
		}
		l.found = append(l.found, deep...)
	}
	if !common {
		return nil
	}
	rows, err := t.conn.Query(ctx, searchNear, l.person, l.keys, l.words, farDepth, mostFound)
	if err != nil {
		return err
	}
	return l.add(rows)
}

func (l *looking) add(rows pgx.Rows) error {
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	l.found = append(l.found, ids...)
	return err
}

// split parts documents whose number is the one from those whose number begins so.
func (l *looking) split(rows pgx.Rows) error {
	var id string
	var is bool
	_, err := pgx.ForEachRow(rows, []any{&id, &is}, func() error {
		if is {
			l.exact = append(l.exact, id)
		} else {
			l.begun = append(l.begun, id)
		}
		return nil
	})
	return err
}

// newest puts the newest first; ids sort by time.
func newest(ids []string) []string {
	slices.SortFunc(ids, func(x, y string) int { return cmp.Compare(y, x) })
	return ids
}

// merged is each once, no more than anybody reads.
func merged(lists ...[]string) []string {
	var out []string
	for _, id := range slices.Concat(lists...) {
		if len(out) < mostFound && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// query is the terms as the index takes them. Words are letters and digits, so nothing in
// them is an operator.
func query(terms [][]document.Word) string {
	all := make([]string, len(terms))
	for i, term := range terms {
		anyOf := make([]string, len(term))
		for j, w := range term {
			anyOf[j] = quoted(w)
		}
		all[i] = "(" + strings.Join(anyOf, " | ") + ")"
	}
	return strings.Join(all, " & ")
}

func quoted(w document.Word) string {
	if w.Begins {
		return "'" + w.Text + "':*"
	}
	return "'" + w.Text + "'"
}

// named is a word for a person as documents are found by it.
func named(ref string) string {
	r := []rune(strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(ref, "\x00", ""), ""))))
	return string(r[:min(len(r), 400)])
}

// writeSearch queues by what a document is found from now on.
func writeSearch(b *pgx.Batch, id string, d document.Document) {
	m := d.Marks()
	b.Queue(`insert into document_search (document_id, number, requester, on_behalf, words) values ($1, $2, $3, $4, array_to_tsvector($5::text[]))
		on conflict (document_id) do update set number = excluded.number, requester = excluded.requester,
			on_behalf = excluded.on_behalf, words = excluded.words`,
		id, m.Number, named(d.Requester), named(d.OnBehalfOf), nonNil(m.Words))
}
