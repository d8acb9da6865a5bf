package erp

import (
	"crypto/rand"
	"errors"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gorilla/mux"

	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/server"
)

// confPath is the door for calls that was there before this one. Its key is in the body, so
// that nothing of a body may be logged.
const confPath = "/api/conf"

// confLimit is what a body of it may have in bytes.
const confLimit = 16 << 10

// Conf is the answer of old.
type Conf struct {
	Status    string `json:"status"` // ok, error
	Message   string `json:"message"`
	ID        string `json:"id,omitempty"`
	RequestID string `json:"request_id"`
}

// mountConf adds it. It is no part of the OpenAPI document: nobody new should build on it.
func (d *Door) mountConf(router *mux.Router) {
	if d.OldCalls {
		router.Path(confPath).Methods(http.MethodPost).HandlerFunc(d.conf)
	}
}

func (d *Door) conf(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r, lang: d.langOf(r)}
	made, err := d.confCall(c) //nolint:contextcheck // the context is that of the request, as below
	if c.hungUp(err) {
		w.WriteHeader(server.StatusHungUp)
		return
	}
	out := Conf{Status: "ok", Message: "call requested", ID: made.ID, RequestID: server.RequestID(r.Context())}
	status := http.StatusOK
	if err != nil {
		p := problemOf(err)
		if p.status >= http.StatusInternalServerError {
			d.Log.Log(r.Context(), p.level(), "request not served", "code", p.code, "error", err)
		}
		status, out.Status, out.Message = oldStatus(p), "error", oldWords(p)
		if p.retry > 0 {
			w.Header().Set("Retry-After", strconv.FormatFloat(math.Ceil(p.retry.Seconds()), 'f', 0, 64))
		}
	}
	text, err := marshal(out)
	if err != nil {
		d.fail(c, err) //nolint:contextcheck // as above
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails only when the caller is gone
}

// oldStatus is that of old: whatever is wrong with a parameter is 400.
func oldStatus(p *problemError) int {
	if p.status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return p.status
}

// oldWords are those that programs of old compare with; they have no other language.
func oldWords(p *problemError) string {
	if len(p.faults) > 0 && p.faults[0].code == "missing_field" {
		return "missing parameter: " + p.faults[0].field
	}
	switch p.code {
	case "unauthorized":
		return "unauthorized"
	case "call_in_progress":
		return "call already in progress"
	case "room_locked":
		return "the room is locked"
	case "caller_not_shown":
		return "this caller_id is not shown from here"
	case "number_not_called":
		return "this number is not called from here"
	case "too_many_calls", "rate_limited":
		return "too many calls"
	case "exchange_away", "unavailable":
		return "the telephone exchange is not reached, try again"
	}
	if len(p.faults) > 0 {
		return "bad parameter: " + p.faults[0].field
	}
	return p.code
}

// confCall reads the body, lets its key in and asks for the call. A key is asked for before
// anything else is told.
func (d *Door) confCall(c *call) (audiodesk.Called, error) {
	given, err := c.readConf()
	if err != nil {
		return audiodesk.Called{}, err
	}
	if given["api_key"] == "" {
		return audiodesk.Called{}, directory.ErrUnauthorized
	}
	leave, err := d.admitKey(c, "", given["api_key"], directory.Calls)
	if err != nil {
		return audiodesk.Called{}, err
	}
	defer leave()
	var missing faults
	for _, name := range []string{"phone_number", "room_name", "caller_id", "lang"} {
		if given[name] == "" {
			missing.add(name, "missing_field", "")
		}
	}
	if len(missing) > 0 {
		return audiodesk.Called{}, &problemError{status: http.StatusBadRequest, code: "missing_field", faults: missing}
	}
	delete(given, "api_key")
	body, err := marshal(given)
	if err != nil {
		return audiodesk.Called{}, err
	}
	r, err := readCall(body)
	if err != nil {
		return audiodesk.Called{}, err
	}
	r.Source, r.Key = c.key.Source, rand.Text() // it has no name: the number is the guard
	return d.ring(c.ctx(), r)
}

// readConf gives the parameters, from JSON or from a form. Unknown ones are passed over, as
// they were of old; one that is there twice is refused, since nobody knows which is meant.
func (c *call) readConf() (map[string]string, error) {
	if err := checkQuery(c.r, nil); err != nil {
		return nil, err // a key in an address is in every log on the way
	}
	form, err := isForm(c.r.Header)
	if err == nil {
		c.body, err = c.read(confLimit)
	}
	if err != nil {
		return nil, err
	}
	known := []string{"phone_number", "room_name", "caller_id", "lang", "api_key"}
	out := map[string]string{}
	if !form {
		in := &intake{}
		o, err := in.open(c.body)
		if err != nil {
			return nil, err
		}
		for _, name := range known {
			if v, ok := o.value(name); ok && v.Kind() == '"' {
				out[name] = unquote(v)
			}
		}
		return out, nil
	}
	values, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, &problemError{status: http.StatusBadRequest, code: "bad_parameter", cause: errForm}
	}
	for name, all := range values {
		switch {
		case !slices.Contains(known, name):
		case len(all) > 1:
			return nil, badParameter(name)
		default:
			out[name] = all[0]
		}
	}
	return out, nil
}

var errForm = errors.New("the form cannot be read") // not the parser's words: they quote it

// isForm reports whether the body is a form, and refuses what is neither that nor JSON.
func isForm(h http.Header) (bool, error) {
	if types := h.Values("Content-Type"); len(types) == 1 && !compressed(h) {
		if media, _, err := mime.ParseMediaType(types[0]); err == nil && media == "application/x-www-form-urlencoded" {
			return true, nil
		}
	}
	charset, err := jsonType(h)
	if err == nil && charset != "" {
		err = errMediaType()
	}
	return false, err
}
