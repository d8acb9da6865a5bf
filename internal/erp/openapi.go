package erp

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"

	"countersign/internal/directory"
	"countersign/internal/server"
)

// mounting adds operations to a router and to the OpenAPI document.
type mounting struct {
	door   *Door
	router *mux.Router
	api    huma.API
	order  []string // ids of the operations as they were added: as people read them
}

// operation describes an operation to people and to the door.
type operation struct {
	id, method, path string
	tag, summary     string
	text             string // Markdown
	endpoint         endpoint
	body             reflect.Type            // nil: none
	media            map[string]*huma.Schema // where the body is no JSON
	success          map[int]reflect.Type
	binary           bool  // the answer is no JSON either
	errors           []int // besides those that every operation has
}

// streamed is an output that the door writes itself.
type streamed struct {
	Body func(huma.Context)
}

func newMounting(d *Door, router *mux.Router) *mounting {
	config := huma.Config{
		OpenAPI:          description(d.PublicURL),
		Formats:          map[string]huma.Format{"application/json": {Marshal: writeJSON, Unmarshal: readJSON}},
		DefaultFormat:    "application/json",
		NoFormatFallback: false,
	}
	return &mounting{door: d, router: router, api: humamux.New(router, config)}
}

func description(publicURL string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Countersign", Version: "1", Description: guide,
			License: &huma.License{Name: "Proprietary", Identifier: "LicenseRef-Countersign"},
		},
		Servers: []*huma.Server{{URL: cmp.Or(publicURL, "/")}},
		Tags: []*huma.Tag{
			{Name: tagDocuments, Description: "Documents to be approved, what was decided, and taking the decision."},
			{Name: tagFiles, Description: "Contents of attachments."},
			{Name: tagEvents, Description: "Everything that happened, in order, to be pulled."},
			{Name: tagWebhooks, Description: "The same events, pushed and signed."},
			{Name: tagNotices, Description: "What people and groups are told and nobody decides about."},
			{Name: tagMeetings, Description: "Video meetings that a guest enters by a link."},
			{Name: tagCalls, Description: "Telephones that are called into audio rooms."},
			{Name: tagDirectory, Description: "People and group chats."},
		},
		Security: []map[string][]string{{"bearer": {}}, {"basic": {}}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "The secret of an API key."},
				"basic":  {Type: "http", Scheme: "basic", Description: "Name: the id of the key. Password: its secret."},
			},
		},
	}
}

// add adds an operation. Its parameters are read into In, always as texts.
func add[In any](m *mounting, o operation, work func(c *call, in *In) (answer, error)) {
	op := m.describe(o)
	huma.Register(m.api, op, func(_ context.Context, in *In) (*streamed, error) {
		return &streamed{Body: func(hc huma.Context) { //nolint:contextcheck // the context is that of the request
			r, w := humamux.Unwrap(hc)
			e := o.endpoint
			e.query = queryOf(hc.Operation())
			m.door.serve(w, r, e, func(c *call) (answer, error) { return work(c, in) })
		}}, nil
	})
	m.finish(o)
	m.order = append(m.order, o.id)
}

// also adds another way to an operation: platforms of old send nothing but GET and POST.
func also[In any](m *mounting, o operation, method, path string, work func(c *call, in *In) (answer, error)) {
	o.text = "The same as `" + o.method + " " + o.path + "`, for clients that cannot send that."
	o.id, o.summary = o.id+"-by-"+strings.ToLower(method), o.summary+", by "+method
	o.method, o.path = method, path
	add(m, o, work)
}

func queryOf(op *huma.Operation) []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return names
}

func (m *mounting) describe(o operation) huma.Operation {
	responses := map[string]*huma.Response{}
	for status, t := range o.success {
		responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{"application/json": {Schema: m.schema(t)}},
			Headers:     m.headers(o),
		}
		if o.binary {
			responses[strconv.Itoa(status)].Content = map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
		}
	}
	codes := append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}, o.errors...)
	if o.body != nil {
		codes = append(codes, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	codes = append(codes, http.StatusBadRequest) // an unknown parameter is possible everywhere
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		responses[strconv.Itoa(code)] = m.problem(code)
	}
	return huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary,
		Description: o.text + "\n\nScope: `" + string(o.endpoint.scope) + "`.",
		Responses:   responses, DefaultStatus: slices.Min(keysOf(o.success)),
		SkipValidateParams: true, SkipValidateBody: true,
		Security: []map[string][]string{{"bearer": {}}, {"basic": {}}},
	}
}

func keysOf(m map[int]reflect.Type) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func (m *mounting) schema(t reflect.Type) *huma.Schema {
	return m.api.OpenAPI().Components.Schemas.Schema(t, true, "")
}

func (m *mounting) headers(o operation) map[string]*huma.Header {
	headers := map[string]*huma.Header{
		"X-Request-Id": {Description: "Quote it when you report something.", Schema: &huma.Schema{Type: "string"}},
	}
	if o.endpoint.repeat != repeatNatural {
		headers["Idempotent-Replayed"] = &huma.Header{Description: "true: the answer of an earlier request with the same key.", Schema: &huma.Schema{Type: "string"}}
	}
	if o.tag == tagDocuments && o.endpoint.repeat == repeatNatural {
		headers["ETag"] = &huma.Header{Description: "The revision, for If-Match.", Schema: &huma.Schema{Type: "string"}}
	}
	return headers
}

func (m *mounting) problem(status int) *huma.Response {
	r := &huma.Response{
		Description: meaning(status),
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: m.schema(reflect.TypeFor[Problem]())}},
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		r.Headers = map[string]*huma.Header{"Retry-After": {Description: "Seconds.", Schema: &huma.Schema{Type: "integer"}}}
	}
	return r
}

// meaning says when a status comes.
func meaning(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "The request cannot be read: no JSON, a name twice or unknown, an unknown parameter, a body that is cut off."
	case http.StatusUnauthorized:
		return "No key, or none that is valid."
	case http.StatusForbidden:
		return "The key lacks the scope."
	case http.StatusNotFound:
		return "There is no such thing in the source of the key."
	case http.StatusConflict:
		return "The present state does not allow it; code says why."
	case http.StatusRequestTimeout:
		return "The body did not arrive in time."
	case http.StatusGone:
		return "Nothing is kept from so long ago, or the position is not known: start from the first that is kept."
	case http.StatusPreconditionFailed:
		return "The document has another revision than If-Match names."
	case http.StatusRequestEntityTooLarge:
		return "The body or the file is too large."
	case http.StatusUnsupportedMediaType:
		return "Send application/json in UTF-8, not compressed."
	case http.StatusUnprocessableEntity:
		return "Fields are not valid; errors lists all of them."
	case http.StatusTooManyRequests:
		return "Too many requests of this key, or too many at once."
	case http.StatusServiceUnavailable:
		return "Not available now, or not known whether it was done (code unknown_outcome): repeat the same request."
	case http.StatusInsufficientStorage:
		return "There is no room left for files."
	default:
		return "A fault of the service; it is in its log under request_id."
	}
}

// finish describes the body, which the API library must not read itself.
func (m *mounting) finish(o operation) {
	if o.body == nil && o.media == nil {
		return
	}
	op := operationAt(m.api.OpenAPI().Paths[o.path], o.method)
	op.RequestBody = &huma.RequestBody{Required: !o.endpoint.optional, Content: map[string]*huma.MediaType{}}
	for media, schema := range o.media {
		op.RequestBody.Content[media] = &huma.MediaType{Schema: schema}
	}
	if o.body != nil {
		op.RequestBody.Content["application/json"] = &huma.MediaType{Schema: m.schema(o.body)}
	}
}

func operationAt(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPut:
		return item.Put
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	default:
		return item.Delete
	}
}

// publish serves the document and the page that shows it. Answers may grow, so their
// schemas are left open.
func (m *mounting) publish() {
	api := m.api.OpenAPI()
	schemas := api.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // the library's own, which is never sent
	delete(schemas, "ErrorDetail")
	for name, s := range schemas {
		if slices.Contains(bodies(), name) {
			continue
		}
		if s.AdditionalProperties == false {
			s.AdditionalProperties = nil
		}
		for _, p := range s.Properties {
			p.Nullable = p.Nullable && p.Type != huma.TypeArray // an empty list is [], never null
		}
	}
	m.static("/openapi.yaml", "application/yaml", api.YAML)
	m.static("/openapi.json", "application/json", func() ([]byte, error) { return json.Marshal(api) })
	m.static("/docs", "text/html; charset=utf-8", func() ([]byte, error) { return docs(api, m.order) })
	m.static("/docs/style.css", "text/css; charset=utf-8", func() ([]byte, error) { return docsStyle, nil })
}

// bodies are the names of what may be sent: closed, because unknown names are refused.
func bodies() []string {
	return []string{
		"DocumentBody", "PayeeBody", "LineBody", "FileBody", "ConsumeBody", "WithdrawBody", "StatusBody", "CommentBody",
		"BatchBody", "BatchItem", "ChatBody", "UserBody", "AbsenceBody", "DelegationBody", "WebhookBody", "WebhookChange", "RotateBody", "PauseBody", "ReplayBody", "NothingBody",
		"NoticeBody", "NoticeFile", "NoticeChange", "MeetingBody", "MeetingGuest", "CallBody",
	}
}

// static serves what is made when it is first asked for.
func (m *mounting) static(path, media string, build func() ([]byte, error)) {
	once := sync.OnceValues(build)
	m.router.Path(path).Methods(http.MethodGet, http.MethodHead).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := once()
		if err != nil {
			m.door.Log.ErrorContext(r.Context(), "page not made", "error", err)
			server.WriteProblem(w, r, problemOf(err).said(m.door.langOf(r)))
			return
		}
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Cache-Control", "max-age=300")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		_, _ = w.Write(text) // fails only when the caller is gone
	})
}

const (
	tagDocuments = "Documents"
	tagFiles     = "Files"
	tagEvents    = "Events"
	tagWebhooks  = "Webhooks"
	tagNotices   = "Notices"
	tagMeetings  = "Meetings"
	tagCalls     = "Calls"
	tagDirectory = "Directory"
)

// only is a success with one status.
func only[T any](status int) map[int]reflect.Type {
	return map[int]reflect.Type{status: reflect.TypeFor[T]()}
}

// either is a success that makes or changes something.
func either[T any]() map[int]reflect.Type {
	return map[int]reflect.Type{http.StatusOK: reflect.TypeFor[T](), http.StatusCreated: reflect.TypeFor[T]()}
}

// sending is an endpoint with a JSON body.
func sending(scope directory.Scope, r repeat) endpoint {
	return endpoint{scope: scope, limit: JSONLimit, repeat: r}
}
