package erp

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"countersign/internal/directory"
	"countersign/internal/hook"
	"countersign/internal/secret"
	"countersign/internal/server"
)

const (
	webhooksPath = "/v1/webhooks"
	webhookPath  = webhooksPath + "/{id}"
)

// WebhooksInput is a request about all endpoints.
type WebhooksInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Optional: the same request again makes no second endpoint. Its answer has no secret: rotate to get one"`
}

// WebhookInput names an endpoint.
type WebhookInput struct {
	ID      string `path:"id" example:"whk_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	IfMatch string `header:"If-Match" doc:"Only if this is the current version, else 412" example:"\"1\""`
}

func (m *mounting) webhooks() {
	hooks := func(r repeat) endpoint { return sending(directory.WebhooksManage, r) }
	reading := endpoint{scope: directory.WebhooksManage}
	add(m, operation{
		id: "create-webhook", method: http.MethodPost, path: webhooksPath, tag: tagWebhooks,
		summary: "Make an endpoint", text: webhookText,
		endpoint: hooks(repeatKeyed), body: reflect.TypeFor[WebhookBody](), success: only[WebhookAnswer](http.StatusCreated), errors: []int{http.StatusConflict},
	}, m.door.createWebhook)
	add(m, operation{
		id: "list-webhooks", method: http.MethodGet, path: webhooksPath, tag: tagWebhooks,
		summary: "List endpoints", text: "Those that have not ended, and how they fare.",
		endpoint: reading, success: only[WebhooksAnswer](http.StatusOK),
	}, m.door.listWebhooks)
	add(m, operation{
		id: "get-webhook", method: http.MethodGet, path: webhookPath, tag: tagWebhooks,
		summary: "Read an endpoint", text: "Its settings and how it fares. Never a secret.",
		endpoint: reading, success: only[WebhookAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}, m.door.getWebhook)
	change := operation{
		id: "change-webhook", method: http.MethodPatch, path: webhookPath, tag: tagWebhooks,
		summary: "Change an endpoint", text: "What is left out stays, also when it is sent by PUT.",
		endpoint: hooks(repeatNatural), body: reflect.TypeFor[WebhookChange](), success: only[WebhookAnswer](http.StatusOK),
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}
	add(m, change, m.door.changeWebhook)
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		also(m, change, method, webhookPath, m.door.changeWebhook)
	}
	end := operation{
		id: "delete-webhook", method: http.MethodDelete, path: webhookPath, tag: tagWebhooks,
		summary: "End an endpoint", text: "What waits is skipped; the history stays.",
		endpoint: reading, success: only[WebhookAnswer](http.StatusOK), errors: []int{http.StatusNotFound},
	}
	add(m, end, m.door.deleteWebhook)
	also(m, end, http.MethodPost, webhookPath+"/delete", m.door.deleteWebhook)
	m.webhookActs()
	m.deliveries()
}

// webhookActs are what can be done to an endpoint besides changing it.
func (m *mounting) webhookActs() {
	act := func(id, path, summary, text string, body, out reflect.Type) operation {
		o := operation{
			id: id, method: http.MethodPost, path: webhookPath + path, tag: tagWebhooks, summary: summary, text: text,
			endpoint: sending(directory.WebhooksManage, repeatNatural), body: body,
			success: map[int]reflect.Type{http.StatusOK: out}, errors: []int{http.StatusNotFound, http.StatusConflict},
		}
		o.endpoint.optional = true
		return o
	}
	nothing, whole := reflect.TypeFor[NothingBody](), reflect.TypeFor[WebhookAnswer]()
	add(m, act("rotate-webhook", "/rotate", "Get a new secret",
		"Both secrets sign until the overlap is over; the header then has two signatures, separated by a space.", reflect.TypeFor[RotateBody](), whole), m.door.rotateWebhook)
	add(m, act("revoke-previous", "/revoke-previous", "End the secret before at once",
		"Use it when the receiver knows the new one, or the old one leaked.", nothing, whole), m.door.revokeWebhook)
	add(m, act("pause-webhook", "/pause", "Keep events instead of sending them", "Nothing is lost: they are sent when it is resumed.", reflect.TypeFor[PauseBody](), whole), m.door.pauseWebhook)
	add(m, act("resume-webhook", "/resume", "Send what was kept", "In order, and slowly at first.", nothing, whole), m.door.resumeWebhook)
	add(m, act("test-webhook", "/test", "Send a ping now and see the answer",
		"An event of type `ping`, signed like any other, also to a paused endpoint. Answers when the receiver did.", nothing, reflect.TypeFor[TestAnswer]()), m.door.testWebhook)
	again := act("replay-webhook", "/replay", "Send events again", replayText, reflect.TypeFor[ReplayBody](), reflect.TypeFor[ReplayAnswer]())
	again.errors = append(again.errors, http.StatusGone, http.StatusTooManyRequests)
	add(m, again, m.door.replayWebhook)
}

func (d *Door) createWebhook(c *call, _ *WebhooksInput) (answer, error) {
	body := &intake{}
	o, err := body.open(c.body)
	if err != nil {
		return answer{}, err
	}
	n := hook.NewEndpoint{
		URL: o.text("url", name(2048).must()), Types: o.kinds("types"), Scheme: hook.Scheme(o.text("scheme", name(10))),
		Authorization: secret.Text(o.text("authorization", name(4096))),
	}
	if seconds, ok := o.whole("timeout_seconds", 1, 60); ok {
		n.Timeout = time.Duration(seconds) * time.Second
	}
	if many, ok := o.whole("in_flight", 1, hook.MaxInFlight); ok {
		n.InFlight = int(many)
	}
	o.done()
	if err := body.err(""); err != nil {
		return answer{}, err
	}
	made, text, err := d.Hook.Create(c.ctx(), c.key.Source, n)
	if err != nil {
		return answer{}, err
	}
	out := answer{status: http.StatusCreated, etag: etag(made.Version)}
	if out.later, err = marshal(c.webhook(made, "")); err != nil {
		return answer{}, err
	}
	out.body = c.webhook(made, text)
	return out, nil
}

// kinds reads types of events.
func (o *object) kinds(field string) []string {
	types := o.texts(field, hook.MaxTypes, name(64))
	for i, t := range types {
		if !slices.Contains(Kinds(), t) {
			o.in.found.add(o.at(field)+"["+strconv.Itoa(i)+"]", "invalid_field", "")
		}
	}
	return types
}

func (c *call) webhook(e hook.Endpoint, text secret.Text) WebhookAnswer {
	return WebhookAnswer{Webhook: webhookOf(e), Secret: text.Reveal(), RequestID: server.RequestID(c.ctx())}
}

func webhookOf(e hook.Endpoint) Webhook {
	return Webhook{
		ID: e.ID, URL: e.URL, Types: e.Types, Scheme: string(e.Scheme), PublicKeys: e.PublicKeys,
		TimeoutSeconds: int(e.Timeout.Seconds()), InFlight: e.InFlight, Authorization: e.Authorization,
		State: string(e.State), Reason: e.Reason, Version: e.Version, CreatedAt: e.CreatedAt.UTC(), ChangedAt: e.ChangedAt.UTC(),
		PreviousUntil: e.PreviousUntil, LastSuccess: e.LastSuccess, LastFailure: e.LastFailure, FailingSince: e.FailingSince,
		Failures: e.Failures, HeldUntil: e.HeldUntil, Due: e.Due, OldestDue: e.OldestDue,
	}
}

// shows answers with an endpoint.
func (c *call) shows(e hook.Endpoint, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, body: c.webhook(e, ""), etag: etag(e.Version)}, nil
}

func (d *Door) listWebhooks(c *call, _ *struct{}) (answer, error) {
	list, err := d.Hook.List(c.ctx(), c.key.Source)
	out := WebhooksAnswer{RequestID: server.RequestID(c.ctx())}
	for _, e := range list {
		out.Webhooks = append(out.Webhooks, webhookOf(e))
	}
	return answer{status: http.StatusOK, body: out}, err
}

func (d *Door) getWebhook(c *call, in *WebhookInput) (answer, error) {
	return c.shows(d.Hook.Get(c.ctx(), c.key.Source, in.ID))
}

func (d *Door) changeWebhook(c *call, in *WebhookInput) (answer, error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return answer{}, err
	}
	body := &intake{}
	o, err := body.open(c.body)
	if err != nil {
		return answer{}, err
	}
	change := o.webhookChange()
	o.done()
	if err := body.err(""); err != nil {
		return answer{}, err
	}
	if change.Version = version; version == 0 {
		now, err := d.Hook.Get(c.ctx(), c.key.Source, in.ID)
		if err != nil {
			return answer{}, err
		}
		change.Version = now.Version
	}
	e, err := d.Hook.Update(c.ctx(), c.key.Source, in.ID, change)
	if version == 0 && errors.Is(err, hook.ErrStale) { // nobody asked for a version
		err = &problemError{status: http.StatusConflict, code: "conflict", cause: err}
	}
	return c.shows(e, err)
}

func (o *object) webhookChange() hook.Change {
	var c hook.Change
	if _, ok := o.value("url"); ok {
		text := o.text("url", name(2048).must())
		c.URL = &text
	}
	if _, ok := o.value("types"); ok {
		types := o.kinds("types")
		c.Types = &types
	}
	if seconds, ok := o.whole("timeout_seconds", 1, 60); ok {
		timeout := time.Duration(seconds) * time.Second
		c.Timeout = &timeout
	}
	if many, ok := o.whole("in_flight", 1, hook.MaxInFlight); ok {
		n := int(many)
		c.InFlight = &n
	}
	if _, ok := o.value("authorization"); ok {
		text := secret.Text(o.text("authorization", name(4096)))
		c.Authorization = &text
	}
	return c
}

func (d *Door) deleteWebhook(c *call, in *WebhookInput) (answer, error) {
	err := d.Hook.Delete(c.ctx(), c.key.Source, in.ID)
	if err != nil && !errors.Is(err, hook.ErrEnded) {
		return answer{}, err
	}
	return c.shows(d.Hook.Get(c.ctx(), c.key.Source, in.ID))
}
