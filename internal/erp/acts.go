package erp

import (
	"errors"
	"net/http"
	"reflect"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ledger"
	"countersign/internal/server"
)

// acts are what an ERP does with a document after it was posted.
func (m *mounting) acts() {
	add(m, operation{
		id: "consume-decision", method: http.MethodPost, path: documentPath + "/consume", tag: tagDocuments,
		summary: "Take the approval, seconds before acting on it", text: consumeText,
		endpoint: sending(directory.Consume, repeatKeyed), body: reflect.TypeFor[ConsumeBody](),
		success: only[Decision](http.StatusOK), errors: []int{http.StatusNotFound, http.StatusConflict},
	}, m.door.consume)
	withdraw := operation{
		id: "withdraw-document", method: http.MethodPost, path: documentPath + "/withdraw", tag: tagDocuments,
		summary: "Take the document back", text: withdrawText,
		endpoint: sending(directory.DocumentsWrite, repeatKeyed), body: reflect.TypeFor[WithdrawBody](),
		success: only[CaseAnswer](http.StatusOK), errors: []int{http.StatusNotFound, http.StatusConflict},
	}
	withdraw.endpoint.optional = true
	add(m, withdraw, m.door.withdraw)
	add(m, operation{
		id: "set-document-status", method: http.MethodPost, path: documentPath + "/status", tag: tagDocuments,
		summary: "Say what became of the document: paid, bounced", text: "Kept with the document and told as the event `document.status`. The same status again changes nothing.",
		endpoint: sending(directory.DocumentsWrite, repeatKeyed), body: reflect.TypeFor[StatusBody](),
		success: only[CaseAnswer](http.StatusOK), errors: []int{http.StatusNotFound, http.StatusConflict},
	}, m.door.status)
	m.talk()
}

// ActInput names a document, and the request, so that it is done once.
type ActInput struct {
	DocumentPath

	IdempotencyKey string `header:"Idempotency-Key" doc:"8 to 255 printable ASCII characters without spaces, new for each thing to be done: the same request again gets the same answer and does nothing" example:"b7a9f0c2-4711-comment-1"`
}

// named refuses what cannot be the name of a document of this key.
func (c *call) named(p DocumentPath) error {
	if err := c.own(p.Source); err != nil {
		return err
	}
	if checkExternalID(p.ExternalID) != nil {
		return errNotFound
	}
	return nil
}

// act lets in what is done with a document of this key, and reads its body.
func (c *call) act(in *ActInput, take func(*object)) error {
	if err := c.named(in.DocumentPath); err != nil {
		return err
	}
	return c.fields(take)
}

// fields reads the members of the body: all that take does not ask for is refused.
func (c *call) fields(take func(*object)) error {
	body := &intake{}
	o, err := body.open(c.body)
	if err != nil {
		return err
	}
	take(o)
	o.done()
	return body.err("")
}

func (d *Door) consume(c *call, in *ActInput) (answer, error) {
	var hash, ref string
	if err := c.act(in, func(o *object) {
		hash, ref = o.text("hash", name(100).must()), o.text("consumer_ref", name(200).must())
	}); err != nil {
		return answer{}, err
	}
	st, err := d.Ledger.Consume(c.ctx(), in.key(), hash, ref)
	if err != nil {
		return answer{}, withdrawn(st, err)
	}
	out, err := d.decisionOf(c.ctx(), st)
	return answer{status: http.StatusOK, body: out}, err
}

// withdrawn says so where a document is not approved because it was taken back.
func withdrawn(st ledger.Status, err error) error {
	if errors.Is(err, approval.ErrNotApproved) && st.Case.State == approval.Withdrawn {
		return &problemError{status: http.StatusConflict, code: "withdrawn", cause: err}
	}
	return err
}

func (d *Door) withdraw(c *call, in *ActInput) (answer, error) {
	var reason string
	if err := c.act(in, func(o *object) { reason = o.text("reason", prose(1000)) }); err != nil {
		return answer{}, err
	}
	st, err := d.Ledger.Withdraw(c.ctx(), in.key(), reason)
	return answer{status: http.StatusOK, body: c.state(st)}, err
}

func (d *Door) status(c *call, in *ActInput) (answer, error) {
	var status, note string
	if err := c.act(in, func(o *object) {
		status, note = o.text("status", word().must()), o.text("note", prose(500))
	}); err != nil {
		return answer{}, err
	}
	st, err := d.Ledger.SetStatus(c.ctx(), in.key(), status, note)
	return answer{status: http.StatusOK, body: c.state(st)}, err
}

func (c *call) state(st ledger.Status) CaseAnswer {
	return CaseAnswer{
		ID: st.ID, Revision: st.Revision, Hash: st.Hash, ERPStatus: st.ERPStatus, Case: caseOf(st),
		RequestID: server.RequestID(c.ctx()),
	}
}
