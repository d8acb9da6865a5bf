package erp

import (
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/server"
)

const (
	mostItems = 100
	abreast   = 4 // documents of one batch that are stored at once
)

// item is one document of a batch.
type item struct {
	key    document.Key
	match  int
	posted posted
	err    error
}

// BatchInput names the request.
type BatchInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Not needed: every item names its own effect"`
}

// batch stores many documents, each in a transaction of its own, those of one name in
// their order.
func (d *Door) batch(c *call, _ *BatchInput) (answer, error) {
	items, err := readBatch(c)
	if err != nil {
		return answer{}, err
	}
	lanes := map[document.Key][]int{}
	var order []document.Key
	for i, it := range items {
		if lanes[it.key] == nil {
			order = append(order, it.key)
		}
		lanes[it.key] = append(lanes[it.key], i)
	}
	done := make([]*DocumentAnswer, len(items))
	var group errgroup.Group
	group.SetLimit(abreast)
	for _, key := range order {
		group.Go(func() error {
			for _, i := range lanes[key] {
				done[i] = d.store(c, &items[i])
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return answer{}, err
	}
	if err := c.ctx().Err(); err != nil { // nobody reads the results; sent again, it does what is left
		return answer{}, err
	}
	return d.batchAnswer(c, items, done), nil
}

// store is a PUT of one item.
func (d *Door) store(c *call, it *item) (out *DocumentAnswer) {
	if it.err == nil {
		out, it.err = d.submit(c, ledger.Submission{Key: it.key, Revision: it.posted.revision, IfMatch: it.match}, it.posted)
	}
	return out
}

// batchAnswer tells what became of the items. One that failed by what may pass must not be
// answered so for as long as keys are kept: sent again, the batch is done again, and the
// documents that got in name their own effect.
func (d *Door) batchAnswer(c *call, items []item, done []*DocumentAnswer) answer {
	problems := make([]*problemError, 0, len(items))
	for _, it := range items {
		p := &problemError{}
		if it.err != nil {
			p = problemOf(it.err)
		}
		problems = append(problems, p)
	}
	share(problems)
	out := answer{status: http.StatusOK}
	results := make([]BatchResult, 0, len(items))
	for i, it := range items {
		r := BatchResult{ExternalID: it.key.ExternalID, Document: done[i]}
		if it.err == nil {
			r.Status = statusOf(done[i])
			results = append(results, r)
			continue
		}
		p := problems[i]
		out.passing = out.passing || p.status >= http.StatusInternalServerError || p.status == http.StatusTooManyRequests
		if p.status >= http.StatusInternalServerError && !c.hungUp(it.err) {
			d.Log.Log(c.ctx(), p.level(), "item of a batch not served", "code", p.code, "error", it.err)
		}
		r.Status, r.Problem = p.status, p.wire(c)
		results = append(results, r)
	}
	out.body = BatchAnswer{Results: results, RequestID: server.RequestID(c.ctx())}
	return out
}

// wire is the problem as a part of an answer.
func (p *problemError) wire(c *call) *Problem {
	said := p.said(c.lang)
	out := &Problem{
		Type: "urn:countersign:problem:" + said.Code, Title: http.StatusText(said.Status), Status: said.Status, Code: said.Code,
		Message: said.Message, RequestID: server.RequestID(c.ctx()), Retryable: said.Retryable, More: said.More,
	}
	for _, f := range said.Errors {
		out.Errors = append(out.Errors, ProblemField(f))
	}
	return out
}

// readBatch reads the items. One that is wrong spoils itself only; a body that cannot be
// read spoils all.
func readBatch(c *call) ([]item, error) {
	in := &intake{}
	o, err := in.open(c.body)
	if err != nil {
		return nil, err
	}
	var items []item
	o.objects("items", mostItems, func(i *object) { items = append(items, c.item(i, len(items))) })
	o.done()
	if len(items) == 0 && o.fine("items") && in.found.none() {
		o.fault("items", "missing_field")
	}
	return items, in.err("")
}

// item reads one item with an intake of its own, so that its mistakes stay with it.
func (c *call) item(o *object, place int) item {
	in := &intake{}
	at := "items[" + strconv.Itoa(place) + "]"
	own := &object{in: in, path: at, members: o.members}
	o.members = nil // what is unknown is found below
	it := item{key: document.Key{Source: c.key.Source, ExternalID: own.text("external_id", name(200).must())}}
	match, _ := own.whole("if_match", 1, 1<<31-1)
	it.match = int(match)
	if _, ok := own.value("document"); !ok {
		own.fault("document", "missing_field")
	} else if body := own.inner("document"); own.fine("document") {
		it.posted = in.document(body)
		body.done()
	}
	own.done()
	if c.name != "" && !in.lenient {
		it.err = errMediaType()
		return it
	}
	it.posted.taken = in.taken
	if it.err = in.err("invalid_document"); it.err == nil {
		it.err = fits(it.posted.document, len(c.body))
	}
	return it
}
