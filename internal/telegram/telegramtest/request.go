package telegramtest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxParams = 1 << 20

// call is one request to the Bot API.
type call struct {
	ctx    context.Context //nolint:containedctx // lives as long as the request
	method string
	params map[string]string
	files  map[string]upload
	at     time.Time // when it was here whole; what it waits for here is not its caller's doing
	number int64     // of the ledger
}

type upload struct {
	name, mime string
	data       []byte
}

type method func(*call) (any, *refusal)

// refusal is an answer with ok false.
type refusal struct {
	code       int
	text       string
	retryAfter int
	migrateTo  int64
}

func bad(text string) *refusal {
	return &refusal{code: http.StatusBadRequest, text: "Bad Request: " + text}
}

func forbidden(text string) *refusal {
	return &refusal{code: http.StatusForbidden, text: "Forbidden: " + text}
}

func conflict(text string) *refusal {
	return &refusal{code: http.StatusConflict, text: "Conflict: " + text}
}

// ServeHTTP answers calls of the Bot API, and downloads of files.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, isFile := strings.CutPrefix(r.URL.Path, "/file")
	path, found := strings.CutPrefix(path, "/bot")
	token, name, complete := strings.Cut(path, "/")
	switch {
	case !found || !complete || name == "" || !strings.Contains(token, ":"):
		s.refuse(w, &refusal{code: http.StatusNotFound, text: "Not Found"})
	case token != s.options.Token:
		s.refuse(w, &refusal{code: http.StatusUnauthorized, text: "Unauthorized"})
	case isFile:
		s.download(w, name)
	default:
		s.answer(w, r, name)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, name string) {
	c := &call{ctx: r.Context(), method: s.canonical(name), params: map[string]string{}, files: map[string]upload{}}
	refused := s.read(c, r)
	c.at = s.clock.Now()
	fault := s.begin(c)
	if fault != nil && !fault.Effect && !s.misbehave(w, c, fault) {
		return
	}
	var result any
	if refused == nil {
		result, refused = s.run(c)
	}
	s.note(c, refused)
	if fault != nil && fault.Effect && !s.misbehave(w, c, fault) {
		return
	}
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	write(w, http.StatusOK, map[string]any{"ok": true, "result": result})
}

// run does what is asked. Only a poll waits, and does its own locking.
func (s *Server) run(c *call) (any, *refusal) {
	do, known := s.methods[strings.ToLower(c.method)]
	switch {
	case !known:
		return nil, &refusal{code: http.StatusNotFound, text: "Not Found"}
	case c.method == "getUpdates":
		return do(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(c)
}

func (s *Server) refuse(w http.ResponseWriter, r *refusal) {
	body := map[string]any{"ok": false, "error_code": r.code, "description": r.text}
	parameters := map[string]any{}
	if r.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(r.retryAfter))
		parameters["retry_after"] = r.retryAfter
	}
	if r.migrateTo != 0 {
		parameters["migrate_to_chat_id"] = r.migrateTo
	}
	if len(parameters) > 0 {
		body["parameters"] = parameters
	}
	write(w, r.code, body)
}

func write(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

// read collects the parameters, which may come in four ways.
func (s *Server) read(c *call, r *http.Request) *refusal {
	for name, values := range r.URL.Query() {
		c.params[name] = values[0]
	}
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind, err = "", nil // without a body that we know, the query is all
	}
	switch kind {
	case "application/json":
		err = readJSON(c, r.Body)
	case "multipart/form-data":
		err = s.readForm(c, multipart.NewReader(r.Body, options["boundary"]))
	case "application/x-www-form-urlencoded":
		r.Body = http.MaxBytesReader(nil, r.Body, maxParams)
		if err = r.ParseForm(); err == nil {
			for name, values := range r.PostForm {
				c.params[name] = values[0]
			}
		}
	}
	switch {
	case errors.Is(err, errTooLarge):
		return &refusal{code: http.StatusRequestEntityTooLarge, text: "Request Entity Too Large"}
	case err != nil:
		return bad("can't parse the request: " + err.Error())
	}
	for _, value := range c.params {
		if strings.ToValidUTF8(value, "") != value {
			return bad("strings must be encoded in UTF-8")
		}
	}
	return nil
}

var errTooLarge = errors.New("too large")

func readJSON(c *call, body io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(body, maxParams+1))
	if err != nil {
		return err
	}
	if len(data) > maxParams {
		return errTooLarge
	}
	if len(data) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	for name, raw := range members {
		value := string(raw)
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &value); err != nil {
				return err
			}
		}
		c.params[name] = value
	}
	return nil
}

// readForm reads a form. One without any part may be entirely empty.
func (s *Server) readForm(c *call, form *multipart.Reader) error {
	left := int64(maxParams)
	for first := true; ; first = false {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) && (first || err.Error() == io.EOF.Error()) { // a form that breaks off wraps it
			return nil
		}
		if err != nil {
			return err
		}
		if part.FileName() == "" {
			data, err := io.ReadAll(io.LimitReader(part, left+1))
			if err != nil {
				return err
			}
			if left -= int64(len(data)); left < 0 {
				return errTooLarge
			}
			c.params[part.FormName()] = string(data)
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, s.options.MaxFile+1))
		if err != nil {
			return err
		}
		if int64(len(data)) > s.options.MaxFile {
			return errTooLarge
		}
		c.files[part.FormName()] = upload{name: part.FileName(), mime: part.Header.Get("Content-Type"), data: data}
	}
}

// int reads a whole number; what is missing or not one is zero.
func (c *call) int(name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(c.params[name]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (c *call) bool(name string) bool {
	value := strings.ToLower(c.params[name])
	return value == "true" || value == "yes" || value == "1"
}

// object reads a parameter that is JSON; it reports whether it is there.
func (c *call) object(name string, v any) (bool, *refusal) {
	text := c.params[name]
	if text == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return false, bad("can't parse " + strings.ReplaceAll(name, "_", " ") + " JSON object")
	}
	return true, nil
}
