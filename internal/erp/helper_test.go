package erp_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/hook"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/server"
)

const patience = 20 * time.Second

// bench is the door on a real listener, with a ledger on a real database behind it.
type bench struct {
	*ledgertest.Bench

	door *erp.Door
	url  string
	// Of its own: a server that closes breaks the shared connections of all others.
	client http.RoundTripper
	key    directory.Key
	auth   string // the header of a key that may do everything
	log    *book
}

// newBench starts the door; change may set fields before.
func newBench(tb testing.TB, change ...func(*erp.Door)) *bench {
	tb.Helper()
	b := &bench{Bench: ledgertest.New(tb)}
	b.start(tb, change...)
	b.key, b.auth = b.newKey(tb, ledgertest.Source, directory.Scopes()...)
	return b
}

func (b *bench) start(tb testing.TB, change ...func(*erp.Door)) {
	tb.Helper()
	b.log = &book{}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.door = &erp.Door{
		Ledger: b.DB, Directory: b.Directory, Files: b.Files, Texts: localetest.Texts(tb), Log: log, Now: time.Now, Bell: b.Bell,
		Notices: &notice.Board{
			Store: &notice.Store{Pool: b.Pool, Bell: b.Bell}, Directory: b.Directory, Ledger: b.DB, Texts: localetest.Texts(tb), Language: "en",
			Office: calendar.Standard(time.UTC), Now: b.Clock.Now, Log: log,
		},
		Hook: &hook.Hook{Pool: b.Pool, Ledger: b.DB, Bell: b.Bell, Now: time.Now, Log: log},
	}
	for _, c := range change {
		c(b.door)
	}
	router := server.NewRouter(erp.SlashVars()...)
	b.door.Mount(router)
	front := &server.Front{Router: router, Log: log, Now: time.Now, Say: b.door.Say}
	s := httptest.NewServer(front.Handler())
	tb.Cleanup(s.Close)
	b.url, b.client = s.URL, s.Client().Transport
}

// book is a log that a test can read while it is written.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *book) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *book) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newKey makes a key and gives its Authorization header.
func (b *bench) newKey(tb testing.TB, source string, scopes ...directory.Scope) (directory.Key, string) {
	tb.Helper()
	k, text, err := b.Directory.CreateKey(tb.Context(), "test", directory.NewKey{Source: source, Name: "test", Scopes: scopes})
	if err != nil {
		tb.Fatal(err)
	}
	return k, "Bearer " + text.Reveal()
}

// request is a call of the API. Header lines are "Name: value"; "-Name" leaves one out.
type request struct {
	method, path, body string
	headers            []string
	length             int64 // of the body, where it lies; 0: the truth
}

// response is its answer.
type response struct {
	status int
	header http.Header
	body   []byte
}

// json decodes the answer into a map.
func (r response) json(tb testing.TB) map[string]any {
	tb.Helper()
	out := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		tb.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return out
}

// at gives a value by its path, such as case.step.waiting_on.0.user, as a text.
func (r response) at(tb testing.TB, path string) string {
	tb.Helper()
	var v any = r.json(tb)
	for part := range strings.SplitSeq(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			v = now[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(now) {
				return ""
			}
			v = now[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (r response) code(tb testing.TB) string {
	tb.Helper()
	if r.header.Get("Content-Type") == "application/octet-stream" {
		return ""
	}
	return r.at(tb, "code")
}

// faults lists what is wrong with the fields: "field code".
func (r response) faults(tb testing.TB) []string {
	tb.Helper()
	var out []string
	list, _ := r.json(tb)["errors"].([]any)
	for _, one := range list {
		f := one.(map[string]any)
		if f["message"] == "" {
			tb.Errorf("field %v has no message: %s", f["field"], r.body)
		}
		out = append(out, fmt.Sprintf("%v %v", f["field"], f["code"]))
	}
	return out
}

// call sends a request with the key of the bench, and holds the answer against the
// OpenAPI document.
func (b *bench) call(tb testing.TB, q request) response {
	tb.Helper()
	var body io.Reader = http.NoBody
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(tb.Context(), q.method, b.url+q.path, body)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Authorization", b.auth)
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range q.headers {
		if name, ok := strings.CutPrefix(line, "-"); ok {
			r.Header.Del(name)
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		if r.Header.Get(name) != "" && name != "Authorization" || name != "Authorization" && r.Header.Get(name) == "" {
			r.Header[http.CanonicalHeaderKey(name)] = []string{value}
			continue
		}
		r.Header.Set(name, value)
	}
	if q.length != 0 {
		r.ContentLength = q.length
	}
	res, err := b.client.RoundTrip(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	out := response{res.StatusCode, res.Header, text}
	b.hold(tb, r, out)
	return out
}

// contract is the OpenAPI document as a validator.
type contract struct {
	once   sync.Once
	router routers.Router
	err    error

	mu   sync.Mutex
	seen map[string]int
}

// often reports whether answers of this kind were held against the document often
// enough: each time costs a compilation of its schemas.
func (c *contract) often(kind string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[kind]++
	return c.seen[kind] > 8
}

var theContract contract

func (c *contract) load(text []byte) {
	c.once.Do(func() {
		loader := openapi3.NewLoader()
		doc, err := loader.LoadFromData(text)
		if err != nil {
			c.err = err
			return
		}
		if c.err = doc.Validate(loader.Context, openapi3.EnableExamplesValidation()); c.err != nil {
			return
		}
		closed := false
		for _, s := range doc.Components.Schemas {
			if len(s.Value.Properties) > 0 { // answers may grow, but not behind the back of the document
				s.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
			}
		}
		doc.Servers = nil
		c.router, c.err = gorillamux.NewRouter(doc)
	})
}

// hold fails the test when an answer is not what the document says.
func (b *bench) hold(tb testing.TB, r *http.Request, out response) {
	tb.Helper()
	text, err := os.ReadFile("../../web/openapi.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	theContract.load(text)
	if theContract.err != nil {
		tb.Fatalf("the OpenAPI document: %v", theContract.err)
	}
	if !strings.HasPrefix(r.URL.Path, "/v1/") {
		return
	}
	at := *r
	u := *r.URL
	u.Scheme, u.Host = "", ""
	at.URL = &u
	route, vars, err := theContract.router.FindRoute(&at)
	if err != nil {
		if out.status != http.StatusNotFound && out.status != http.StatusMethodNotAllowed && out.status != http.StatusBadRequest {
			tb.Errorf("%s %s is not in the document: %v", r.Method, r.URL.Path, err)
		}
		return
	}
	if theContract.often(fmt.Sprint(route.Method, route.Path, out.status, out.code(tb))) {
		return
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: &at, PathParams: vars, Route: route},
		Status:                 out.status, Header: out.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	in.SetBodyBytes(out.body)
	if err := openapi3filter.ValidateResponse(tb.Context(), in); err != nil {
		tb.Errorf("%s %s: %d %s is not as the document says: %v", r.Method, r.URL.Path, out.status, out.body, err)
	}
}

const rent = `{"type":"payment_request","number":"4711","title":"Rent, June","company":"LLC-A","requester":"ivanova","last_editor":"ivanova",
	"amount":"125000.00","currency":"RUB","due_date":"2026-06-30","cost_center":"CC-12","contract":"15/24",
	"payee":{"name":"Landlord LLC","tax_id":"7701234567","account":"40702810000000000001","bank_id":"044525225"},
	"url":"https://erp.example.org/doc/4711","fields":{"Договор":"15/24"},
	"lines":[{"no":1,"text":"Rent","amount":"125000.00","cost_center":"CC-12"}]}`

// path is that of a document of the source of the key.
func (b *bench) path(id string) string { return "/v1/sources/" + b.key.Source + "/documents/" + id }

func documentPath(id string) string { return "/v1/sources/erp1c/documents/" + id }

// put posts a document that must be taken.
func (b *bench) put(tb testing.TB, id, body string) response {
	tb.Helper()
	out := b.call(tb, request{method: "PUT", path: b.path(id), body: body})
	if out.status != http.StatusOK && out.status != http.StatusCreated {
		tb.Fatalf("PUT %s: %d %s", id, out.status, out.body)
	}
	return out
}

func (b *bench) get(tb testing.TB, path string) response {
	tb.Helper()
	return b.call(tb, request{method: "GET", path: path})
}

func (b *bench) post(tb testing.TB, path, body string, headers ...string) response {
	tb.Helper()
	return b.call(tb, request{method: "POST", path: path, body: body, headers: headers})
}

// replace changes one part of a body, which must be there.
func replace(tb testing.TB, body, old, with string) string {
	tb.Helper()
	if strings.Count(body, old) != 1 {
		tb.Fatalf("%q is there %d times", old, strings.Count(body, old))
	}
	return strings.Replace(body, old, with, 1)
}

func expect(tb testing.TB, out response, status int, code string) {
	tb.Helper()
	if out.status != status {
		tb.Errorf("status %d, want %d: %.400s", out.status, status, out.body)
		return
	}
	if status < 400 {
		return
	}
	if got := out.code(tb); got != code {
		tb.Errorf("code %s, want %s: %.400s", got, code, out.body)
	}
	if out.header.Get("Content-Type") != "application/problem+json" || out.at(tb, "request_id") == "" || out.at(tb, "message") == "" ||
		out.at(tb, "request_id") != out.header.Get("X-Request-Id") {
		tb.Errorf("the problem is not whole: %v %s", out.header, out.body)
	}
}

// digestOf is a digest as the header Content-Digest has it.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hexDigest is a digest as documents name files.
func hexDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
