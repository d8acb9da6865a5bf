package erp

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/file"
	"countersign/internal/ledger"
	"countersign/internal/server"
)

// DocumentPath names a document.
type DocumentPath struct {
	Source     string `path:"source" doc:"Your source: that of the key" example:"erp1c"`
	ExternalID string `path:"external_id" doc:"Your own name for the document, 1 to 200 characters, never changed; a slash is sent as %2F" example:"8f0e7c9a-REQ-4711"`
}

func (p DocumentPath) key() document.Key {
	return document.Key{Source: p.Source, ExternalID: p.ExternalID}
}

// PutInput is what a PUT of a document has besides its body.
type PutInput struct {
	DocumentPath

	IfMatch string `header:"If-Match" doc:"Only if this is the current revision, else 412" example:"\"3\""`
}

// DecisionInput asks for the decision on one content.
type DecisionInput struct {
	DocumentPath

	Hash string `query:"hash" required:"true" doc:"content_hash of what you are about to act on" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

const documentPath = "/v1/sources/{source}/documents/{external_id}"

func (m *mounting) documents() {
	put := operation{
		id: "put-document", method: http.MethodPut, path: documentPath, tag: tagDocuments,
		summary: "Post a document or its new state", text: putText,
		endpoint: endpoint{scope: directory.DocumentsWrite, limit: DocumentLimit, charsets: true},
		body:     reflect.TypeFor[DocumentBody](), success: either[DocumentAnswer](),
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusInsufficientStorage},
	}
	add(m, put, m.door.put)
	also(m, put, http.MethodPost, documentPath, m.door.put)
	add(m, operation{
		id: "get-document", method: http.MethodGet, path: documentPath, tag: tagDocuments,
		summary: "Read a document and its case", text: "The document as it was sent last, and its newest case.",
		endpoint: endpoint{scope: directory.DocumentsRead}, success: only[DocumentState](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.get)
	add(m, operation{
		id: "get-decision", method: http.MethodGet, path: documentPath + "/decision", tag: tagDocuments,
		summary: "Read the decision on exactly one content", text: decisionText,
		endpoint: endpoint{scope: directory.DecisionsRead}, success: only[Decision](http.StatusOK),
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, m.door.decision)
	m.acts()
	add(m, operation{
		id: "put-documents", method: http.MethodPost, path: "/v1/documents/batch", tag: tagDocuments,
		summary: "Post up to 100 documents", text: batchText,
		endpoint: endpoint{scope: directory.DocumentsWrite, limit: DocumentLimit, charsets: true, repeat: repeatKeyed},
		body:     reflect.TypeFor[BatchBody](), success: only[BatchAnswer](http.StatusOK), errors: []int{http.StatusConflict},
	}, m.door.batch)
}

func (d *Door) put(c *call, in *PutInput) (answer, error) {
	if err := c.own(in.Source); err != nil {
		return answer{}, err
	}
	if err := checkExternalID(in.ExternalID); err != nil {
		return answer{}, err
	}
	match, err := ifMatch(in.IfMatch)
	if err != nil {
		return answer{}, err
	}
	p, err := readDocument(c)
	if err != nil {
		return answer{}, err
	}
	out, err := d.submit(c, ledger.Submission{Key: in.key(), Revision: p.revision, IfMatch: match}, p)
	if err != nil {
		return answer{}, err
	}
	return answer{status: statusOf(out), body: out, etag: etag(out.Revision)}, nil
}

func statusOf(a *DocumentAnswer) int {
	if a.Change == "created" {
		return http.StatusCreated
	}
	return http.StatusOK
}

// submit stores the files that came with a document, and then the document.
func (d *Door) submit(c *call, s ledger.Submission, p posted) (*DocumentAnswer, error) {
	s.Document = p.document
	for i, content := range p.contents {
		if content == nil {
			continue
		}
		f := &s.Document.Files[i]
		meta, err := d.Files.Put(c.ctx(), s.Key.Source, f.SHA256, bytes.NewReader(content))
		if err != nil {
			at := problemOf(err)
			if at.status < http.StatusInternalServerError {
				at.faults.add("files["+strconv.Itoa(i)+"].content_base64", at.code, "")
			}
			return nil, at
		}
		f.Size, f.MediaType = meta.Size, meta.MediaType
	}
	if err := d.lookUp(c.ctx(), s.Key.Source, s.Document.Files); err != nil {
		return nil, err
	}
	st, err := d.Ledger.Submit(c.ctx(), s)
	if err != nil {
		return nil, err
	}
	out := &DocumentAnswer{
		ID: st.ID, Source: st.Key.Source, ExternalID: st.Key.ExternalID, Revision: st.Revision, Hash: st.Hash,
		Change: string(st.Class), Changed: st.Class != document.Unchanged || st.Created,
		Case: caseOf(st), Normalized: p.taken.kept, MoreNormalized: p.taken.more, Warnings: warningsOf(st), RequestID: server.RequestID(c.ctx()),
	}
	if st.Created {
		out.Change = "created"
	}
	return out, nil
}

// lookUp fills in what is known of files that were only named, because the source sent
// them before.
func (d *Door) lookUp(ctx context.Context, source string, files []document.File) error {
	for i := range files {
		f := &files[i]
		if f.Size > 0 {
			continue
		}
		meta, err := d.Files.Meta(ctx, source, f.SHA256)
		switch {
		case errors.Is(err, file.ErrNotFound): // it will come
		case err != nil:
			return err
		default:
			f.Size, f.MediaType = meta.Size, meta.MediaType
		}
	}
	return nil
}

func (d *Door) get(c *call, in *DocumentPath) (answer, error) {
	st, err := d.find(c, *in)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, etag: etag(st.Revision), body: DocumentState{
		ID: st.ID, Source: st.Key.Source, ExternalID: st.Key.ExternalID, Revision: st.Revision, Hash: st.Hash,
		ERPStatus: st.ERPStatus, CreatedAt: st.CreatedAt, Document: documentOf(st), Case: caseOf(st),
		Warnings: warningsOf(st), RequestID: server.RequestID(c.ctx()),
	}}, nil
}

// find reads a document of the source of the key.
func (d *Door) find(c *call, p DocumentPath) (ledger.Status, error) {
	if err := c.own(p.Source); err != nil {
		return ledger.Status{}, err
	}
	if checkExternalID(p.ExternalID) != nil {
		return ledger.Status{}, errNotFound // nothing is called that
	}
	return d.Ledger.Document(c.ctx(), p.key())
}

func (d *Door) decision(c *call, in *DecisionInput) (answer, error) {
	if in.Hash == "" {
		return answer{}, badParameter("hash")
	}
	st, err := d.find(c, in.DocumentPath)
	if err == nil && st.Hash != in.Hash {
		err = approval.ErrRevision
	}
	if err != nil {
		return answer{}, err
	}
	out, err := d.decisionOf(c.ctx(), st)
	return answer{status: http.StatusOK, body: out, etag: etag(st.Revision)}, err
}

// decisionOf tells what was decided, with the votes of the round.
func (d *Door) decisionOf(ctx context.Context, st ledger.Status) (Decision, error) {
	k := st.Case
	out := Decision{
		ID: st.ID, CaseID: string(k.ID), Hash: st.Hash, Revision: st.Revision, Round: k.Round, Outcome: string(k.State),
		Reason: k.Note, Votes: []Vote{}, RequestID: server.RequestID(ctx),
	}
	if k.Decision != nil && (k.State == approval.Approved || k.State == approval.Rejected) {
		out.DecidedAt = &k.Decision.At
	}
	if k.Consumed != nil {
		out.Consumed, out.ConsumerRef, out.ConsumedAt = true, k.Consumed.Ref, &k.Consumed.At
	}
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return out, err
	}
	for _, s := range k.Slots {
		if s.Vote == nil || s.Round != k.Round {
			continue
		}
		p, _ := dir.Person(s.Person)
		out.Votes = append(out.Votes, Vote{
			Step: stepKey(k, s.Step), User: p.ExternalID, Name: p.Name, Verdict: string(s.Vote.Verdict), Reason: s.Vote.Reason,
			At: s.Vote.At, Carried: s.Vote.Via == approval.ViaCarried,
		})
	}
	return out, nil
}

func stepKey(k approval.Case, step int) string {
	if step < len(k.Plan.Steps) {
		return k.Plan.Steps[step].Key
	}
	return ""
}

func caseOf(st ledger.Status) Case {
	k := st.Case
	out := Case{
		ID: string(k.ID), Round: k.Round, Status: string(k.State), Revision: k.Revision, Hash: k.Hash,
		Route: Route{Key: k.Plan.Route, Version: k.Plan.Version, Rule: k.Plan.Rule}, Note: k.Note,
		Missing: k.Missing, OpenedAt: k.OpenedAt, Consumed: k.Consumed != nil, Questions: questionsOf(st),
	}
	switch k.State {
	case approval.InProgress, approval.Blocked, approval.Returned:
		step := Step{Key: stepKey(k, k.Step), Position: k.Step + 1, Of: len(k.Plan.Steps)}
		if k.Step < len(k.Plan.Steps) {
			step.Title = k.Plan.Steps[k.Step].Title
		}
		for _, a := range st.Awaiting {
			step.WaitingOn = append(step.WaitingOn, User{User: a.User, Name: a.Name})
		}
		out.Step = &step
	default: // it has ended
	}
	return out
}

// warningsOf names the fields with persons that nobody answers to.
func warningsOf(st ledger.Status) []Warning {
	var out []Warning
	doc := st.Document
	for _, f := range []struct{ field, ref string }{
		{"requester", doc.Requester}, {"on_behalf_of", doc.OnBehalfOf}, {"last_editor", doc.LastEditor}, {"payee.person", doc.Payee.Person},
	} {
		for _, unknown := range st.Unknown {
			if f.ref == unknown {
				out = append(out, Warning{Field: f.field, Code: "unknown_person"})
			}
		}
	}
	return out
}
