package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/directory"
	"countersign/internal/journal"
)

// mostTraces is how many lines the page has.
const mostTraces = 100

// lately is how far back the page looks when nobody says.
const lately = "24h"

// traces shows what was sent to Telegram and received from it, and first writes down who
// looks, and for what: it is about people.
func (d *Desk) traces(w http.ResponseWriter, r *http.Request, v visitor) {
	p := d.page(r, v, "telegram")
	p.Asked = asked(r.URL.Query())
	q, err := p.Asked.Query(r.Context(), d.Now(), d.Lookup)
	if err == nil {
		q.Limit = mostTraces
		err = d.Store.Looked(r.Context(), v.person.ExternalID, p.Asked)
	}
	var next string
	if err == nil {
		p.Traces, next, err = d.Traces.Find(r.Context(), q)
	}
	switch {
	case errors.Is(err, journal.ErrAsk), errors.Is(err, journal.ErrCursor), errors.Is(err, directory.ErrUnknown):
		p.Said, p.Wrong = "ask", wrong(err)
		d.write(w, r, http.StatusUnprocessableEntity, p)
		return
	case err != nil:
		d.fail(w, r, err)
		return
	}
	if next != "" {
		again := r.URL.Query()
		again.Set("after", next)
		again.Set("since", p.Asked.Since)
		p.Next = "/console/telegram?" + again.Encode()
	}
	d.write(w, r, http.StatusOK, p)
}

// wrong is what cannot be looked for, after words of the page that say just that.
func wrong(err error) string { return strings.TrimPrefix(err.Error(), journal.ErrAsk.Error()+": ") }

func asked(form url.Values) journal.Ask {
	a := journal.Ask{
		Since: form.Get("since"), Until: form.Get("until"), Chat: form.Get("chat"), Person: form.Get("person"), Document: form.Get("document"),
		Method: form.Get("method"), Outcome: form.Get("outcome"), Error: form.Get("error"), Update: form.Get("update"), Request: form.Get("request"),
		Failed: form.Get("failed") != "", After: form.Get("after"),
	}
	if a == (journal.Ask{}) {
		a.Since = lately
	}
	return a
}
