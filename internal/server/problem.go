package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Problem is an error as the outside sees it: application/problem+json, RFC 9457.
type Problem struct {
	Type       string        `json:"type"`                  // a URI for the kind; made from Code when empty
	Title      string        `json:"title"`                 // the same for every problem of the kind; made from Status when empty
	Status     int           `json:"status"`                // 500 when 0
	Code       string        `json:"code"`                  // stable, for programs
	Message    string        `json:"message"`               // for people, in the language asked for; Title when empty
	Errors     []FieldError  `json:"errors,omitempty"`      // all of them at once
	More       int           `json:"more_errors,omitempty"` // how many there are besides those in Errors
	RequestID  string        `json:"request_id"`            // filled in from the request
	Retryable  bool          `json:"retryable"`             // whether the same request may succeed later
	RetryAfter time.Duration `json:"-"`                     // a Retry-After header when above 0; never on the way in from Telegram
}

// FieldError is what is wrong with one field of a request.
type FieldError struct {
	Field   string `json:"field"` // a JSON path such as "lines[2].amount"
	Code    string `json:"code"`
	Message string `json:"message"`
}

// WriteProblem answers the request with a problem. Nothing may have been written before.
func WriteProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	p.Status = cmp.Or(p.Status, http.StatusInternalServerError)
	p.Title = cmp.Or(p.Title, http.StatusText(p.Status))
	p.Code = cmp.Or(p.Code, "internal")
	p.Type = cmp.Or(p.Type, "urn:countersign:problem:"+p.Code)
	p.Message = cmp.Or(p.Message, p.Title)
	p.RequestID = RequestID(r.Context())

	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "Etag", "Last-Modified"} {
		h.Del(name) // they spoke of the answer that is not given
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatFloat(math.Ceil(p.RetryAfter.Seconds()), 'f', 0, 64))
	}
	if p.Status == http.StatusRequestEntityTooLarge && r.ProtoMajor == 1 {
		h.Set("Connection", "close") // the rest of the body is not worth reading
	}
	writeJSON(w, p.Status, p)
}

// refuse is WriteProblem for what this package answers of its own: in the language of the
// request where somebody knows it, else as it stands.
func refuse(w http.ResponseWriter, r *http.Request, p Problem) {
	if say := visitOf(r.Context()).say; say != nil {
		p.Message = cmp.Or(say(r, p.Code), p.Message)
	}
	WriteProblem(w, r, p)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)              // it is never read as a page, and six bytes for one are dear
	if err := e.Encode(v); err != nil { // cannot be: only texts and numbers come here
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // fails only when the caller is gone
}
