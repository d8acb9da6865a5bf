package erp

import (
	"net/http"
	"reflect"
	"slices"
	"time"

	"countersign/internal/directory"
	"countersign/internal/hook"
	"countersign/internal/ident"
	"countersign/internal/server"
)

// DeliveriesInput asks for a page of deliveries.
type DeliveriesInput struct {
	ID         string `path:"id" example:"whk_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	State      string `query:"state" enum:"due,done,dead,skipped" doc:"Only these"`
	Type       string `query:"type" doc:"Only of this type of event" example:"case.decided"`
	DocumentID string `query:"document_id" doc:"Only of this document" example:"doc_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Before     string `query:"before" doc:"next of the page before" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	Limit      Count  `query:"limit" doc:"1 to 100; 50 where it is left out" example:"50"`
}

// DeliveryInput names a delivery.
type DeliveryInput struct {
	ID      string `path:"id" example:"whk_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	EventID string `path:"event_id" example:"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"`
}

func (m *mounting) deliveries() {
	reading := endpoint{scope: directory.WebhooksManage}
	add(m, operation{
		id: "list-deliveries", method: http.MethodGet, path: webhookPath + "/deliveries", tag: tagWebhooks,
		summary: "List deliveries, the newest first", text: "What became of each event for this endpoint.",
		endpoint: reading, success: only[DeliveriesAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.listDeliveries)
	add(m, operation{
		id: "list-attempts", method: http.MethodGet, path: webhookPath + "/deliveries/{event_id}/attempts", tag: tagWebhooks,
		summary: "List the requests made for one event", text: "The first one first, with the beginning of each answer.",
		endpoint: reading, success: only[AttemptsAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.listAttempts)
	skip := operation{
		id: "skip-delivery", method: http.MethodPost, path: webhookPath + "/deliveries/{event_id}/skip", tag: tagWebhooks,
		summary: "Give up one event", text: "For an event that the receiver will never take: later ones of its document wait for it no longer. It stays in the list and in the feed. One that is settled stays as it is.",
		endpoint: sending(directory.WebhooksManage, repeatNatural), body: reflect.TypeFor[NothingBody](),
		success: only[WebhookAnswer](http.StatusOK), errors: []int{http.StatusNotFound, http.StatusGone},
	}
	skip.endpoint.optional = true
	add(m, skip, m.door.skipDelivery)
}

func (d *Door) skipDelivery(c *call, in *DeliveryInput) (answer, error) {
	if err := c.nothing(); err != nil {
		return answer{}, err
	}
	if !ident.Valid("evt", in.EventID) {
		return answer{}, errNotFound
	}
	if err := d.Hook.Skip(c.ctx(), c.key.Source, in.ID, in.EventID); err != nil {
		return answer{}, err
	}
	return c.shows(d.Hook.Get(c.ctx(), c.key.Source, in.ID))
}

func (d *Door) listDeliveries(c *call, in *DeliveriesInput) (answer, error) {
	limit, err := in.Limit.within("limit", 1, 100, 50)
	if err != nil {
		return answer{}, err
	}
	state := hook.DeliveryState(in.State)
	if state != "" && !slices.Contains([]hook.DeliveryState{hook.Due, hook.Done, hook.Dead, hook.Skipped}, state) {
		return answer{}, badParameter("state")
	}
	if in.Type != "" && !slices.Contains(Kinds(), in.Type) {
		return answer{}, badParameter("type")
	}
	if in.DocumentID != "" && !ident.Valid("doc", in.DocumentID) {
		return answer{}, badParameter("document_id")
	}
	if in.Before != "" && !ident.Valid("evt", in.Before) {
		return answer{}, badParameter("before")
	}
	list, err := d.Hook.Deliveries(c.ctx(), c.key.Source, in.ID,
		hook.Filter{State: state, Kind: in.Type, DocumentID: in.DocumentID}, hook.Page{Before: in.Before, Limit: limit})
	out := DeliveriesAnswer{RequestID: server.RequestID(c.ctx())}
	for _, one := range list {
		out.Deliveries = append(out.Deliveries, deliveryOf(one))
	}
	if len(list) == limit {
		out.Next = &list[limit-1].EventID
	}
	return answer{status: http.StatusOK, body: out}, err
}

func deliveryOf(d hook.Delivery) Delivery {
	out := Delivery{
		EventID: d.EventID, Type: d.Kind, Timestamp: d.At.UTC(), DocumentID: d.DocumentID, Seq: d.DocumentSeq, State: string(d.State),
		Attempts: d.Attempts, InFlight: d.InFlight, LastStatus: d.LastStatus, LastError: d.LastError, LastSample: d.LastSample, SettledAt: d.SettledAt,
	}
	if d.State == hook.Due {
		next := d.NextAt.UTC()
		out.NextAt = &next
	}
	return out
}

func (d *Door) listAttempts(c *call, in *DeliveryInput) (answer, error) {
	if !ident.Valid("evt", in.EventID) {
		return answer{}, errNotFound
	}
	list, err := d.Hook.Attempts(c.ctx(), c.key.Source, in.ID, in.EventID)
	out := AttemptsAnswer{RequestID: server.RequestID(c.ctx())}
	for _, a := range list {
		out.Attempts = append(out.Attempts, attemptOf(a))
	}
	return answer{status: http.StatusOK, body: out}, err
}

func attemptOf(a hook.Attempt) Attempt {
	return Attempt{
		EventID: a.EventID, At: a.At.UTC(), TookMS: a.Took.Milliseconds(), Status: a.Status, Error: a.Error, Sample: a.Sample,
		Delivered: a.Error == "" && a.Status != 0,
	}
}

func (d *Door) rotateWebhook(c *call, in *WebhookInput) (answer, error) {
	var seconds int64
	if err := c.fields(func(o *object) { seconds, _ = o.whole("overlap_seconds", 1, int64(hook.MaxOverlap/time.Second)) }); err != nil {
		return answer{}, err
	}
	e, text, err := d.Hook.Rotate(c.ctx(), c.key.Source, in.ID, time.Duration(seconds)*time.Second)
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: c.webhook(e, text), etag: etag(e.Version)}, nil
}

// nothing reads a body that has nothing in it.
func (c *call) nothing() error { return c.fields(func(*object) {}) }

func (d *Door) revokeWebhook(c *call, in *WebhookInput) (answer, error) {
	if err := c.nothing(); err != nil {
		return answer{}, err
	}
	return c.shows(d.Hook.RevokePrevious(c.ctx(), c.key.Source, in.ID))
}

func (d *Door) pauseWebhook(c *call, in *WebhookInput) (answer, error) {
	var reason string
	if err := c.fields(func(o *object) { reason = o.text("reason", free(200)) }); err != nil {
		return answer{}, err
	}
	return c.shows(d.Hook.Pause(c.ctx(), c.key.Source, in.ID, reason))
}

func (d *Door) resumeWebhook(c *call, in *WebhookInput) (answer, error) {
	if err := c.nothing(); err != nil {
		return answer{}, err
	}
	return c.shows(d.Hook.Resume(c.ctx(), c.key.Source, in.ID))
}

func (d *Door) testWebhook(c *call, in *WebhookInput) (answer, error) {
	if err := c.nothing(); err != nil {
		return answer{}, err
	}
	server.Extend(c.w, c.r, d.Now(), 0, hook.MaxTimeout+45*time.Second)
	a, err := d.Hook.Test(c.ctx(), c.key.Source, in.ID)
	return answer{status: http.StatusOK, body: TestAnswer{Attempt: attemptOf(a), RequestID: server.RequestID(c.ctx())}}, err
}

func (d *Door) replayWebhook(c *call, in *WebhookInput) (answer, error) {
	body := &intake{}
	o, err := body.open(c.body)
	if err != nil {
		return answer{}, err
	}
	q := hook.ReplayQuery{Event: o.text("event", name(100)), By: c.actor()}
	if q.Event != "" && !ident.Valid("evt", q.Event) {
		o.fault("event", "invalid_field")
	}
	q.FromEvent, q.Since = o.bound("from")
	q.ToEvent, q.Until = o.bound("to")
	o.done()
	if q == (hook.ReplayQuery{By: q.By}) && body.found.none() {
		o.fault("from", "missing_field") // all that ever was must be asked for
	}
	if err := body.err(""); err != nil {
		return answer{}, err
	}
	n, err := d.Hook.Replay(c.ctx(), c.key.Source, in.ID, q)
	return answer{status: http.StatusOK, body: ReplayAnswer{Replayed: n, RequestID: server.RequestID(c.ctx())}}, err
}

// bound reads the id of an event or a moment.
func (o *object) bound(field string) (event string, at time.Time) {
	text := o.text(field, name(100))
	if text == "" || ident.Valid("evt", text) {
		return text, time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		o.fault(field, "bad_date")
	}
	return "", at
}
