package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
)

const (
	mostTalk  = 20 // remarks that a drawing has
	mostFiles = 50
)

const selectRemarks = `select m.id, m.kind, coalesce(m.person_id, ''), m.author, m.text, m.at, coalesce(q.id, ''),
	coalesce(a.name, ''), coalesce(a.sha256, ''), coalesce(f.size, 0), coalesce(f.media_type, '')
	from comment m left join question q on q.answer_id = m.id left join attachment a on a.comment_id = m.id left join file f on f.sha256 = a.sha256
	where m.document_id = $1 `

func scanRemark(row pgx.CollectableRow) (approval.Remark, error) {
	var m approval.Remark
	var f document.File
	err := row.Scan(&m.ID, &m.Kind, &m.By, &m.Author, &m.Text, &m.At, &m.Question, &f.Name, &f.SHA256, &f.Size, &f.MediaType)
	if m.At = m.At.UTC(); f.SHA256 != "" {
		m.File = &f
	}
	return m, err
}

// talkOf reads the latest comments of a document, and its files that came from the
// messenger. Questions belong to their case.
func talkOf(ctx context.Context, q querier, id string) (talk, files []approval.Remark, err error) {
	read := func(sql string, most int) ([]approval.Remark, error) {
		rows, err := q.Query(ctx, `select * from (`+selectRemarks+sql+` order by m.at desc, m.id desc limit $2) l order by at, id`, id, most)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, scanRemark)
	}
	if talk, err = read(`and m.kind in ('comment', 'file')`, mostTalk); err != nil || len(talk) == 0 {
		return nil, nil, err
	}
	files, err = read(`and m.kind = 'file'`, mostFiles)
	return talk, files, err
}

// Thread lists what was said about a document after a remark that the reader has, the
// first of it first. ErrNotFound: no such document, or no such remark of it. It may tell
// of a decision, so the document is locked.
func (db *DB) Thread(ctx context.Context, k document.Key, after string, limit int) ([]approval.Remark, error) {
	var out []approval.Remark
	_, err := db.change(ctx, byKey(k), "", func(r *record, _ time.Time) ([]fact, error) {
		var from time.Time
		if after != "" {
			err := r.conn.QueryRow(ctx, `select at from comment where id = $1 and document_id = $2`, after, r.ID).Scan(&from)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil, ErrNotFound
			}
			if err != nil {
				return nil, err
			}
		}
		rows, err := r.conn.Query(ctx, selectRemarks+` and (m.at, m.id) > ($2, $3) order by m.at, m.id limit $4`, r.ID, from, after, limit)
		if err != nil {
			return nil, err
		}
		out, err = pgx.CollectRows(rows, scanRemark)
		return nil, err
	})
	return out, err
}

// Heard finds what a message brought: the remark, whoever wrote it. ErrNotFound: nothing.
func (db *DB) Heard(ctx context.Context, origin string) (approval.Remark, error) {
	rows, err := db.Pool.Query(ctx, strings.Replace(selectRemarks, "m.document_id", "m.origin", 1), origin)
	if err != nil {
		return approval.Remark{}, classify(err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, scanRemark)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, ErrNotFound
	}
	return m, classify(err)
}

// HasFile reports whether a file is one of a document: announced in its present state, or
// from the messenger.
func (db *DB) HasFile(ctx context.Context, k document.Key, digest string) (name string, ok bool, err error) {
	st, err := db.Document(ctx, k)
	if err != nil {
		return "", false, err
	}
	for _, f := range st.Document.Files {
		if f.SHA256 == digest {
			return f.Name, true, nil
		}
	}
	err = db.Pool.QueryRow(ctx, `select name from attachment where document_id = $1 and sha256 = $2 order by comment_id limit 1`, st.ID, digest).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	return name, err == nil, classify(err)
}

// Numbered lists the documents with a number that a person may see, the newest first.
func (db *DB) Numbered(ctx context.Context, number string, p people.Person, limit int) ([]Waiting, error) {
	if number = strings.TrimSpace(number); number == "" || !p.Active {
		return nil, nil
	}
	rows, err := db.Pool.Query(ctx, `select c.id, c.opened_at, r.body, exists `+askedEver+`
		from document d join approval_case c on c.id = d.case_id join revision r on (r.document_id, r.revision) = (d.id, d.revision)
		where lower(d.number) = lower($1) and d.number <> '' and (c.barred @> array[$2] or exists `+askedEver+`)
		order by c.opened_at desc, c.id`, number, string(p.ID))
	if err != nil {
		return nil, fmt.Errorf("documents %q: %w", number, classify(err))
	}
	var out []Waiting
	var w Waiting
	var body string
	var asked bool
	_, err = pgx.ForEachRow(rows, []any{&w.Case, &w.AskedAt, &body, &asked}, func() error {
		w.Doc = document.Document{}
		if err := json.Unmarshal([]byte(body), &w.Doc); err != nil {
			return err
		}
		if len(out) < limit && (asked || owns(p, w.Doc)) {
			out = append(out, w)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("documents %q: %w", number, classify(err))
	}
	return out, nil
}

// askedEver: the person $2 has been asked about the document d.
const askedEver = `(select from slot s join approval_case k on k.id = s.case_id where s.person_id = $2 and k.document_id = d.id)`

// Sees reports whether a person may see the document of a case.
func (db *DB) Sees(ctx context.Context, id approval.ID, p people.Person) (bool, error) {
	var sees bool
	_, err := db.change(ctx, byCase(id), "", func(r *record, _ time.Time) (_ []fact, err error) {
		sees, err = r.seenBy(ctx, p)
		return nil, err
	})
	return sees, err
}

// Look is a case as somebody sees it who asks for more than his card says.
type Look struct {
	Status Status
	People people.Directory
	Talk   []approval.Remark
	// AskedAt is when the person was asked in his newest slot; zero: he never was.
	AskedAt time.Time
	// Before is the state of the document that he voted on last, or that he was first shown;
	// Known says that there is one.
	Before   document.Document
	Revision int
	Known    bool
}

// LookAt reads a case for a person. ErrUnseen: it is none of his.
func (db *DB) LookAt(ctx context.Context, id approval.ID, p people.Person) (Look, error) {
	var out Look
	r, err := db.change(ctx, byCase(id), "", func(r *record, _ time.Time) ([]fact, error) {
		out = Look{People: r.People}
		if sees, err := r.seenBy(ctx, p); err != nil || !sees {
			return nil, errors.Join(err, ErrUnseen)
		}
		var err error
		if out.Talk, _, err = talkOf(ctx, r.conn, r.ID); err != nil {
			return nil, err
		}
		return nil, r.lookBack(ctx, p, &out)
	})
	if r != nil {
		out.Status = r.status()
	}
	return out, err
}

// lookBack finds what the person knew of the document.
func (r *record) lookBack(ctx context.Context, p people.Person, out *Look) error {
	var first, last *time.Time
	var judged *int
	err := r.conn.QueryRow(ctx, `select min(s.asked_at), max(s.asked_at), max(v.revision) from slot s
		left join vote v on (v.case_id, v.round, v.step, v.no) = (s.case_id, s.round, s.step, s.no)
		where s.case_id = $1 and s.person_id = $2`, r.Case.ID, p.ID).Scan(&first, &last, &judged)
	if err != nil || last == nil {
		return err
	}
	out.AskedAt = last.UTC()
	var body string
	err = r.conn.QueryRow(ctx, `select revision, body from revision where document_id = $1
		and case when $2::int is null then created_at <= $3 else revision = $2 end order by revision desc limit 1`, r.ID, judged, first).Scan(&out.Revision, &body)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	out.Known = true
	return json.Unmarshal([]byte(body), &out.Before)
}
