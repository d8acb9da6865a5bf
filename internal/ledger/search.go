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

// How far a search goes. Who looks for a word that thousands of documents share, and saw
// thousands himself, finds the newest of them.
const (
	mostFound   = 200  // who sees so many types another word
	searchDepth = 3000 // of a person's documents, the newest, and of those that have the words
	mostByName  = 500  // documents whose numbers begin alike
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
		select x.document_id from x where ` + mayBeSeen + ` order by x.document_id desc limit $5`

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
	ids, err := db.search(ctx, p, s.Text)
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

// search lists what the person may find, in order.
func (db *DB) search(ctx context.Context, p people.Person, text string) ([]string, error) {
	sought := document.Seek(text)
	words := query(sought.Terms)
	if words == "" && strings.TrimSpace(text) != "" {
		return nil, nil // nothing in it is a word
	}
	t, err := db.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer t.end(ctx)
	keys := []string{named(p.ExternalID)}
	if p.Email != "" {
		keys = append(keys, named(p.Email))
	}
	var first, exact, near []string
	many := false
	err = t.read(ctx, func(b *pgx.Batch) {
		b.Queue(searchSettings)
		b.Queue(searchMany, p.ID, keys, searchDepth).QueryRow(func(row pgx.Row) error { return row.Scan(&many) })
		b.Queue(searchNear, p.ID, keys, words, searchDepth, mostFound).Query(func(rows pgx.Rows) (err error) {
			near, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
		if sought.Number != "" {
			part := ""
			if sought.Part != "" {
				part = quoted(document.Word{Text: sought.Part})
			}
			b.Queue(searchNumber, p.ID, keys, sought.Number, sought.Number+"%", part, mostByName).Query(func(rows pgx.Rows) error {
				return split(rows, &exact, &first)
			})
		}
	})
	if err != nil {
		return nil, err
	}
	var deep []string
	if many && words != "" && len(near) < mostFound {
		rows, err := t.conn.Query(ctx, searchDeep, p.ID, keys, words, searchDepth, mostFound)
		if err != nil {
			return nil, err
		}
		if deep, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return nil, err
		}
	}
	return merged(exact, first, newest(near, deep)), t.commit(ctx, &pgx.Batch{})
}

// split parts documents whose number is the one from those whose number begins so.
func split(rows pgx.Rows, exact, begun *[]string) error {
	var id string
	var is bool
	_, err := pgx.ForEachRow(rows, []any{&id, &is}, func() error {
		if is {
			*exact = append(*exact, id)
		} else {
			*begun = append(*begun, id)
		}
		return nil
	})
	return err
}

// newest puts two lists together; ids sort by time.
func newest(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.SortFunc(out, func(x, y string) int { return cmp.Compare(y, x) })
	return out
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
