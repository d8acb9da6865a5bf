// Package erp is the door for ERPs: REST under /v1, with its OpenAPI document and a page
// that shows it.
//
// It owns the public JSON (wire.go), how a request is read strictly, who may call what,
// and which error is which problem; it owns the table of idempotency keys. It leaves
// every decision to ledger, people and keys to directory, content to file, deliveries to
// hook, what people are told to notice, video meetings to meet, telephones to audiodesk, and
// listeners, request ids and limits to server.
package erp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/file"
	"countersign/internal/hook"
	"countersign/internal/ledger"
	"countersign/internal/locale"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/server"
	"countersign/internal/wake"
)

// SlashVars are the route variables that may hold an escaped slash; server.NewRouter
// wants to know.
func SlashVars() []string { return []string{"external_id"} }

// LongPolls are the paths whose requests wait on purpose: a limit on requests in hand
// should leave them out, because each key has a limit of its own here.
func LongPolls() []string { return []string{"/v1/events"} }

// Door answers ERPs. Set the fields, then Mount.
type Door struct {
	Ledger    *ledger.DB
	Directory *directory.Store
	Files     *file.Store // its Max is that of an upload
	Hook      *hook.Hook
	Notices   *notice.Board
	Meet      *meet.Desk      // nil: there are no meetings
	Audio     *audiodesk.Desk // nil: there is no telephone exchange
	OldCalls  bool            // whether POST /api/conf is answered
	Texts     *locale.Texts
	Log       *slog.Logger
	Now       func() time.Time // the wall clock: deadlines of connections are set by it
	Bell      *wake.Bell       // rung when the feed may have grown; nil: it is looked at every second
	Limiter   *server.Limiter  // requests of one key; nil: no limit
	Gate      *server.Gate     // requests of one key in hand; nil: no limit
	PublicURL string           // shown in the OpenAPI document; empty: this server

	BodyBytes     int64 // of an ordinary body; JSONLimit when 0
	DocumentBytes int64 // of one that holds documents; DocumentLimit when 0

	keys   keyStore
	places *places
}

// Mount adds the routes.
func (d *Door) Mount(router *mux.Router) {
	d.keys = keyStore{pool: d.Ledger.Pool, now: d.Ledger.Now}
	d.places = newPlaces()
	m := newMounting(d, router)
	m.documents()
	m.files()
	m.events()
	m.webhooks()
	m.notices()
	m.meetings()
	m.calls()
	d.mountConf(router)
	m.directory()
	m.publish()
}

// call is one request on its way.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	key  directory.Key
	lang locale.Lang
	body []byte
	name string // charset of the body where it is not UTF-8
	once claim  // the idempotency key that the request holds; zero: none
}

func (c *call) ctx() context.Context { return c.r.Context() }

// answer is what a call came to.
type answer struct {
	status  int
	body    any      // marshaled
	raw     []byte   // or written as it is
	content *content // or a file
	etag    string
	later   []byte // what an Idempotency-Key answers with later where that is not the same
	settled bool   // the Idempotency-Key has its answer: it was kept with the effect
	passing bool   // part of it failed by what may pass: the Idempotency-Key is given back
	replay  bool   // this is the answer of an earlier request
}

// endpoint is what the door must know of an operation before it looks at the request.
type endpoint struct {
	scope    directory.Scope
	limit    int64    // bytes of a JSON body; 0: none is read
	optional bool     // the body may be left out
	charsets bool     // windows-1251 is understood
	query    []string // parameters that it knows
	repeat   repeat
	hidden   bool // the body holds what must not be found out by trying which one has the digest that is kept
}

// repeat says what an Idempotency-Key means to an operation.
type repeat int

const (
	repeatNatural repeat = iota // the request names its effect itself: the header is not looked at
	repeatKeyed                 // the header is understood
	repeatNeeded                // the header must be there
)

// serve lets a request in, does the work and answers. Errors become problems here and
// nowhere else.
func (d *Door) serve(w http.ResponseWriter, r *http.Request, e endpoint, work func(*call) (answer, error)) {
	c := &call{w: w, r: r, lang: d.langOf(r)}
	out, err := d.handle(c, e, work)
	if err == nil {
		err = c.write(out)
	}
	if err != nil {
		d.fail(c, err)
	}
}

func (d *Door) handle(c *call, e endpoint, work func(*call) (answer, error)) (answer, error) {
	leave, err := d.admit(c, e.scope)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	if err := checkQuery(c.r, e.query); err != nil {
		return answer{}, err
	}
	switch e.limit {
	case JSONLimit:
		e.limit = cmp.Or(d.BodyBytes, e.limit)
	case DocumentLimit:
		e.limit = cmp.Or(d.DocumentBytes, e.limit)
	}
	if e.limit > JSONLimit && (c.r.ContentLength > JSONLimit || c.r.ContentLength < 0) {
		free, err := d.place(c)
		if err != nil {
			return answer{}, err
		}
		defer free()
	}
	if e.limit > 0 {
		if err := c.readJSON(e); err != nil {
			return answer{}, err
		}
	}
	if e.repeat == repeatNatural {
		return work(c)
	}
	return d.handleOnce(c, e, work)
}

// hungUp reports whether a request ended only because its caller went away. Anything else
// that went wrong in such a request is still told as what it is.
func (c *call) hungUp(err error) bool {
	return errors.Is(c.ctx().Err(), context.Canceled) && errors.Is(err, context.Canceled)
}

// fail says what went wrong, and logs what the caller cannot mend.
func (d *Door) fail(c *call, err error) {
	if c.hungUp(err) {
		d.Log.DebugContext(c.ctx(), "caller went away", "error", err)
		c.w.WriteHeader(server.StatusHungUp)
		return
	}
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		d.Log.Log(c.ctx(), p.level(), "request not served", "code", p.code, "error", err)
	}
	if p.status == http.StatusUnauthorized {
		c.w.Header().Add("WWW-Authenticate", `Bearer realm="countersign"`)
		c.w.Header().Add("WWW-Authenticate", `Basic realm="countersign", charset="UTF-8"`)
	}
	server.WriteProblem(c.w, c.r, p.said(c.lang))
}

func (c *call) write(out answer) error {
	if out.content != nil {
		out.content.write(c.w, out.status)
		return nil
	}
	text := out.raw
	if text == nil {
		var err error
		if text, err = marshal(out.body); err != nil {
			return err
		}
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if out.etag != "" {
		h.Set("ETag", out.etag)
	}
	if out.replay {
		h.Set("Idempotent-Replayed", "true")
	}
	c.w.WriteHeader(out.status)
	_, _ = c.w.Write(text) // fails only when the caller is gone
	return nil
}
