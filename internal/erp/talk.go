package erp

import (
	"context"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/people"
	"countersign/internal/server"
)

const (
	mostRemarks = 500
	someRemarks = 100
	fetchTime   = 2 * time.Minute // of a file
)

// ThreadInput asks for a page of what was said.
type ThreadInput struct {
	DocumentPath

	After string `query:"after" doc:"id of the last remark that you have; without it from the beginning" example:"com_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Limit Count  `query:"limit" doc:"1 to 500; 100 where it is left out" example:"100"`
}

// FetchInput names a file of a document.
type FetchInput struct {
	DocumentPath

	SHA256 string `path:"sha256" doc:"Digest of the content, 64 hex digits" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

// talk is what is said about a document.
func (m *mounting) talk() {
	add(m, operation{
		id: "add-comment", method: http.MethodPost, path: documentPath + "/comments", tag: tagDocuments,
		summary: "Add a comment, or answer a question", text: commentText,
		endpoint: sending(directory.DocumentsWrite, repeatNeeded), body: reflect.TypeFor[CommentBody](),
		success: only[CommentAnswer](http.StatusCreated), errors: []int{http.StatusNotFound, http.StatusConflict},
	}, m.door.comment)
	add(m, operation{
		id: "list-comments", method: http.MethodGet, path: documentPath + "/comments", tag: tagDocuments,
		summary: "Read what was said, in order", text: threadText,
		endpoint: endpoint{scope: directory.DocumentsRead}, success: only[ThreadAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.thread)
}

// comment adds a remark. The whole answer is kept in the transaction of the comment, so
// that whatever dies after it, the same request again gets the same id.
func (d *Door) comment(c *call, in *ActInput) (answer, error) {
	m := ledger.Remark{}
	if err := c.act(in, func(o *object) {
		m.Author, m.Text, m.Question = o.text("author", name(200).must()), o.text("text", prose(4096).must()), o.text("question_id", name(100))
	}); err != nil {
		return answer{}, err
	}
	var err error
	if m.ID, err = ident.New("com"); err != nil {
		return answer{}, err
	}
	told, err := marshal(CommentAnswer{ID: m.ID, RequestID: server.RequestID(c.ctx())})
	if err != nil {
		return answer{}, err
	}
	err = d.Ledger.Comment(c.ctx(), in.key(), m, c.once.settled(http.StatusCreated, told))
	return answer{status: http.StatusCreated, raw: told, settled: true}, err
}

func (d *Door) thread(c *call, in *ThreadInput) (answer, error) {
	limit, err := in.Limit.within("limit", 1, mostRemarks, someRemarks)
	if err != nil {
		return answer{}, err
	}
	if in.After != "" && !ident.Valid("com", in.After) {
		return answer{}, badParameter("after")
	}
	if err := c.named(in.DocumentPath); err != nil {
		return answer{}, err
	}
	found, err := d.Ledger.Thread(c.ctx(), in.key(), in.After, limit+1)
	if err != nil {
		return answer{}, err
	}
	dir, err := d.Directory.Snapshot(c.ctx())
	if err != nil {
		return answer{}, err
	}
	out := ThreadAnswer{Comments: []Comment{}, More: len(found) > limit, RequestID: server.RequestID(c.ctx())}
	for _, m := range found[:min(len(found), limit)] {
		out.Comments = append(out.Comments, commentOf(m, dir, in.DocumentPath))
	}
	return answer{status: http.StatusOK, body: out}, nil
}

func commentOf(m approval.Remark, dir people.Directory, at DocumentPath) Comment {
	p, _ := dir.Person(m.By)
	out := Comment{ID: m.ID, Kind: m.Kind, Author: m.Author, User: p.ExternalID, Text: m.Text, At: m.At, QuestionID: m.Question}
	if m.File != nil {
		out.File = &Attached{
			Name: m.File.Name, SHA256: m.File.SHA256, Size: m.File.Size, MediaType: m.File.MediaType,
			URL: ledger.FileURL(at.key(), m.File.SHA256),
		}
	}
	return out
}

// questionsOf lists the questions that wait for an answer.
func questionsOf(st ledger.Status) []Question {
	var out []Question
	for _, q := range st.Case.Unanswered() {
		out = append(out, Question{ID: q.ID, Text: q.Text, At: q.At})
	}
	return out
}

// fetch gives the content of a file that is one of the document.
func (d *Door) fetch(c *call, in *FetchInput) (answer, error) {
	if err := c.named(in.DocumentPath); err != nil {
		return answer{}, err
	}
	digest := strings.ToLower(in.SHA256)
	if !file.IsDigest(digest) {
		return answer{}, errNotFound
	}
	name, ok, err := d.Ledger.HasFile(c.ctx(), in.key(), digest)
	if err != nil {
		return answer{}, err
	}
	if !ok {
		return answer{}, errNotFound
	}
	if _, err := d.Files.Meta(c.ctx(), in.Source, digest); err != nil { // announced only, or another source's
		return answer{}, err
	}
	leave, err := d.place(c)
	if err != nil {
		return answer{}, err
	}
	content, err := d.content(c.ctx(), digest)
	if err != nil {
		leave()
		return answer{}, err
	}
	content.name, content.leave = name, leave
	server.Extend(c.w, c.r, d.Now(), 0, fetchTime)
	return answer{status: http.StatusOK, content: content}, nil
}

func (d *Door) content(ctx context.Context, digest string) (*content, error) {
	meta, body, err := d.Files.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	return &content{meta: meta, body: body}, nil
}

// write sends a file. What it is shows in no browser: it is kept, not opened. An end before
// its time the caller sees by the length.
func (f *content) write(w http.ResponseWriter, status int) {
	defer f.leave()
	defer func() { _ = f.body.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.FormatInt(f.meta.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": safeName(f.name)}))
	w.WriteHeader(status)
	_, _ = io.Copy(w, f.body)
}

// content is an answer that is no JSON.
type content struct {
	meta  file.Meta
	name  string
	body  io.ReadCloser
	leave func()
}
