package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/people"
)

// Errors of talk.
var (
	// ErrUnseen: the document is none that the person may see. It says no more than
	// ErrNotFound does.
	ErrUnseen = fmt.Errorf("%w for this person", ErrNotFound)
	// ErrNoAccount: the account in the messenger is nobody's.
	ErrNoAccount = errors.New("the account is not linked")
)

// Remark is a comment of an ERP to be added. Who adds it makes the id (ident.New("com")), so
// that what he keeps in the same commit can name it.
type Remark struct {
	ID       string
	Author   string
	Text     string
	Question string // id of a question that it answers; empty: a comment
}

// Talk is what somebody writes from his account in the messenger.
type Talk struct {
	Account int64
	Case    approval.ID
	ID      string // ident.New("com")
	Text    string
	// Origin names the message: what it brought is kept once, however often it comes.
	Origin string
	// Shown: the message stands where the card is shown to everybody.
	Shown bool
}

// Said is what became of it.
type Said struct {
	Status Status
	People people.Directory
	Person people.Person
	Before bool // the same message brought it before
}

// remark is one row of the talk to be stored.
type remark struct {
	approval.Remark

	origin string
}

// Comment adds a remark of the ERP. It is never a vote. The same id again adds nothing.
func (db *DB) Comment(ctx context.Context, k document.Key, m Remark, also ...Also) error {
	_, err := db.change(ctx, byKey(k), "", func(r *record, now time.Time) ([]fact, error) {
		var done bool // by a try whose answer did not come
		err := r.conn.QueryRow(ctx, `select exists (select from comment where id = $1 and document_id = $2)`, m.ID, r.ID).Scan(&done)
		if err != nil || done {
			return nil, err
		}
		if m.Question != "" {
			events, err := r.Case.Answer(approval.Reply{Question: m.Question, ID: m.ID, Author: m.Author, Text: m.Text}, now)
			return factsOf(events), err
		}
		return r.remark(remark{Remark: approval.Remark{ID: m.ID, Kind: approval.IsComment, Author: m.Author, Text: m.Text}}, nil), nil
	}, also...)
	return err
}

// Say adds a comment that was written in the messenger.
func (db *DB) Say(ctx context.Context, t Talk, also ...Also) (Said, error) {
	return db.talk(ctx, t, func(r *record, p people.Person, _ time.Time) ([]fact, error) {
		return r.remark(t.remark(p, approval.IsComment), map[string]any{"via": "chat"}), nil
	}, also...)
}

// Attach adds a file that is in the store already. Votes stand: what is added takes
// nothing from what they were given for.
func (db *DB) Attach(ctx context.Context, t Talk, f document.File, also ...Also) (Said, error) {
	return db.talk(ctx, t, func(r *record, p people.Person, _ time.Time) ([]fact, error) {
		m := t.remark(p, approval.IsFile)
		m.File = &f
		return r.remark(m, map[string]any{
			"via": "chat", "file": f.SHA256, "file_name": f.Name, "file_size": f.Size, "media_type": f.MediaType, "url": FileURL(r.Key, f.SHA256),
		}), nil
	}, also...)
}

// FileURL is where an ERP fetches a file, from the root of the API.
func FileURL(k document.Key, digest string) string {
	return "/v1/sources/" + url.PathEscape(k.Source) + "/documents/" + url.PathEscape(k.ExternalID) + "/files/" + digest
}

// Ask puts a question of somebody who is asked in a slot.
func (db *DB) Ask(ctx context.Context, t Talk, slot approval.Asking, also ...Also) (Said, error) {
	return db.talk(ctx, t, func(r *record, p people.Person, now time.Time) ([]fact, error) {
		if err := p.Power.Decides(now, db.LoginLife); err != nil {
			return nil, err
		}
		slot.ID, slot.Person, slot.Text = t.ID, p.ID, t.Text
		events, err := r.Case.Ask(slot, r.Doc, r.People, now)
		return factsOf(events), err
	}, also...)
}

// Discuss notes that somebody calls the others to a meeting about a document: only who takes
// part in its case may, and only while it is to be decided.
func (db *DB) Discuss(ctx context.Context, t Talk, also ...Also) (Said, error) {
	return db.talk(ctx, t, func(r *record, p people.Person, _ time.Time) ([]fact, error) {
		switch {
		case !r.Case.State.Open():
			return nil, approval.ErrClosed
		case !slices.Contains(approval.Party(r.Case, r.Doc, r.People), p.ID):
			return nil, approval.ErrNotAsked
		}
		return r.remark(t.remark(p, approval.IsComment), map[string]any{"via": "chat"}), nil
	}, also...)
}

// house is who says what the gateway itself has to say about a document.
const house = "Countersign"

// Note puts a line of the gateway's own under the document of a case, whatever became of that
// since. What the same origin brought before is not said again.
func (db *DB) Note(ctx context.Context, t Talk, also ...Also) error {
	_, err := db.change(ctx, byCase(t.Case), "", func(r *record, _ time.Time) ([]fact, error) {
		var before bool
		err := r.conn.QueryRow(ctx, `select exists (select from comment where origin = $1)`, t.Origin).Scan(&before)
		if err != nil || before {
			return nil, err
		}
		m := remark{origin: t.Origin, Remark: approval.Remark{ID: t.ID, Kind: approval.IsComment, Author: house, Text: t.Text}}
		return r.remark(m, nil), nil
	}, also...)
	return err
}

// Answer answers a question by its number in the case.
func (db *DB) Answer(ctx context.Context, t Talk, no int, also ...Also) (Said, error) {
	return db.talk(ctx, t, func(r *record, p people.Person, now time.Time) ([]fact, error) {
		i := slices.IndexFunc(r.Case.Questions, func(q approval.Question) bool { return q.No == no })
		if i < 0 {
			return nil, approval.ErrNoQuestion
		}
		events, err := r.Case.Answer(approval.Reply{
			Question: r.Case.Questions[i].ID, ID: t.ID, Person: p.ID, Author: p.Name, Text: t.Text,
		}, now)
		return factsOf(events), err
	}, also...)
}

func (t Talk) remark(p people.Person, kind string) remark {
	return remark{origin: t.Origin, Remark: approval.Remark{ID: t.ID, Kind: kind, By: p.ID, Author: p.Name, Text: t.Text}}
}

// talk lets somebody say something of a document that he may see. A link that waits or is
// too new says nothing in its person's name.
func (db *DB) talk(ctx context.Context, t Talk, say func(r *record, p people.Person, now time.Time) ([]fact, error), also ...Also) (Said, error) {
	var out Said
	r, err := db.change(ctx, byCase(t.Case), "", func(r *record, now time.Time) ([]fact, error) {
		out = Said{People: r.People}
		p, ok := r.People.ByTelegram(t.Account)
		if !ok || !p.Active {
			return nil, ErrNoAccount
		}
		out.Person = p
		err := r.conn.QueryRow(ctx, `select exists (select from comment where origin = $1)`, t.Origin).Scan(&out.Before)
		if err != nil || out.Before {
			return nil, err
		}
		if sees, err := r.seenBy(ctx, p); err != nil || !sees && !t.Shown {
			return nil, errors.Join(err, ErrUnseen)
		}
		if err := p.Power.Decides(now, 0); err != nil {
			return nil, err
		}
		facts, err := say(r, p, now)
		for _, f := range facts {
			if q := questionOf(f); q != nil {
				r.said = []remark{t.remark(p, map[bool]string{false: approval.IsQuestion, true: approval.IsAnswer}[q.Answer != nil])}
			}
		}
		return facts, err
	}, also...)
	if r != nil {
		out.Status = r.status()
	}
	return out, err
}

func questionOf(f fact) *approval.Question {
	if f.event == nil {
		return nil
	}
	return f.event.Question
}

// seenBy reports whether a person may see the document: he was asked about it at some
// time, or it is his.
func (r *record) seenBy(ctx context.Context, p people.Person) (bool, error) {
	if !p.Active {
		return false, nil
	}
	if owns(p, r.Doc) {
		return true, nil
	}
	var asked bool
	err := r.conn.QueryRow(ctx, `select exists (select from slot s join approval_case c on c.id = s.case_id
		where s.person_id = $1 and c.document_id = $2)`, p.ID, r.ID).Scan(&asked)
	return asked, err
}

// owns reports whether the document was written by the person, or for him.
func owns(p people.Person, d document.Document) bool {
	return slices.ContainsFunc([]string{d.Requester, d.OnBehalfOf, d.LastEditor}, p.Called)
}

// remark notes what is said beside the case, and the fact of it.
func (r *record) remark(m remark, data map[string]any) []fact {
	r.said = []remark{m}
	kind := map[string]string{approval.IsComment: "comment.added", approval.IsFile: "attachment.added"}[m.Kind]
	all := map[string]any{"comment_id": m.ID, "author": m.Author, "text": cut(m.Text, 4000)}
	maps.Copy(all, data)
	if m.By != "" {
		all["user"] = who(r.People, m.By)
	}
	return []fact{{kind: kind, data: all}}
}

// describeQuestion tells of a question what it needs to be answered, and of an answer
// which question it is to.
func (r *record) describeQuestion(data map[string]any, q approval.Question) {
	data["question_id"], data["text"] = q.ID, q.Text
	if q.To != "" {
		data["to"] = who(r.People, q.To)
	}
	if a := q.Answer; a != nil {
		data["comment_id"], data["author"], data["text"] = a.ID, a.Author, a.Text
		data["by"] = who(r.People, a.By)
	}
}

// writeTalk stores what was said. What is no event of the case asks for its messages to be
// drawn anew; whoever draws them now did not know of it, so that his lease is over.
func (r *record) writeTalk(b *pgx.Batch, facts []fact, now time.Time) {
	for _, f := range facts {
		if q := questionOf(f); q != nil && q.Answer != nil && q.Answer.By == "" {
			r.said = []remark{{Remark: approval.Remark{ID: q.Answer.ID, Kind: approval.IsAnswer, Author: q.Answer.Author, Text: q.Answer.Text}}}
		}
	}
	for _, m := range r.said {
		b.Queue(`insert into comment (id, document_id, author, text, at, kind, person_id, origin) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			m.ID, r.ID, m.Author, m.Text, now, m.Kind, nullable(string(m.By)), nullable(m.origin))
		if m.File != nil {
			b.Queue(`insert into attachment (comment_id, document_id, sha256, name) values ($1, $2, $3, $4)`, m.ID, r.ID, m.File.SHA256, m.File.Name)
		}
	}
	for _, f := range facts {
		switch q := questionOf(f); {
		case q == nil:
		case q.Answer == nil:
			b.Queue(`insert into question (case_id, no, id, round, step, slot, asked_by, asked_to) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
				r.Case.ID, q.No, q.ID, q.Round, q.Step, q.Slot, q.By, nullable(string(q.To)))
		default:
			b.Queue(`update question set answer_id = $3, answered_by = $4 where case_id = $1 and no = $2`,
				r.Case.ID, q.No, q.Answer.ID, nullable(string(q.Answer.By)))
		}
	}
	if len(r.said) > 0 {
		b.Queue(redraw+`= $1`, r.Case.ID)
	}
}

// selectQuestions reads the questions of a case c as one text; empty: there are none.
const selectQuestions = `coalesce((select json_agg(json_build_object('no', q.no, 'id', q.id, 'round', q.round, 'step', q.step, 'slot', q.slot,
		'by', q.asked_by, 'to', coalesce(q.asked_to, ''), 'text', m.text, 'at', m.at, 'answer', case when a.id is not null then
		json_build_object('id', a.id, 'by', coalesce(q.answered_by, ''), 'author', a.author, 'text', a.text, 'at', a.at) end) order by q.no)
		from question q join comment m on m.id = q.id left join comment a on a.id = q.answer_id where q.case_id = c.id)::text, '')`

func (r *record) readQuestions(text string) error {
	if err := json.Unmarshal([]byte(text), &r.Case.Questions); err != nil {
		return fmt.Errorf("questions of case %s: %w", r.Case.ID, err)
	}
	for i := range r.Case.Questions {
		q := &r.Case.Questions[i]
		q.At = q.At.UTC()
		if q.Answer != nil {
			q.Answer.At = q.Answer.At.UTC()
		}
	}
	return nil
}

// number is the number of the document as it is kept for those who ask by it.
func (r *record) number() string {
	const most = 500
	out := []rune(r.Doc.Number)
	return string(out[:min(len(out), most)])
}
