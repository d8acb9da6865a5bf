package erp_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/goldentest"
	"countersign/internal/hook"
	"countersign/internal/locale/localetest"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/seal"
)

// album collects what an ERP is told, in each language, each text once.
type album struct {
	*bench

	t    *testing.T
	text map[string]*strings.Builder
	told map[string]bool // in English
}

func languages() []string { return []string{"en", "ru", "de", "es"} }

// keep writes down what is said in each language, unless that was said before.
func (a *album) keep(title string, in func(tag string) string) {
	a.t.Helper()
	said := in("en")
	if a.told[said] {
		return
	}
	a.told[said] = true
	for _, tag := range languages() {
		fmt.Fprintf(a.text[tag], "=== %s\n%s\n", title, in(tag))
	}
}

// errs keeps how an error is told.
func (a *album) errs(title string, err error) {
	a.t.Helper()
	texts := localetest.Texts(a.t)
	a.keep(title, func(tag string) string {
		p := erp.ProblemOf(err, texts.For(tag))
		out := fmt.Sprintf("%d %s\n%s\n", p.Status, p.Code, p.Message)
		for _, f := range p.Errors {
			out += fmt.Sprintf("%s: %s\n", f.Field, f.Message)
		}
		return out
	})
}

// asks keeps how a request is refused.
func (a *album) asks(title string, q request) {
	a.t.Helper()
	a.keep(title, func(tag string) string {
		own := q
		own.headers = append(slices.Clone(q.headers), "Accept-Language: "+tag)
		got := a.call(a.t, own)
		out := fmt.Sprintf("%d %s\n%s\n", got.status, got.code(a.t), got.at(a.t, "message"))
		list, _ := got.json(a.t)["errors"].([]any)
		for _, one := range list {
			f := one.(map[string]any)
			out += fmt.Sprintf("%s: %s\n", f["field"], f["message"])
		}
		return out
	})
}

// TestProblemsReadAsWritten shows how everything is refused that another system may ask for.
func TestProblemsReadAsWritten(t *testing.T) {
	t.Parallel()
	a := &album{bench: newBench(t), t: t, text: map[string]*strings.Builder{}, told: map[string]bool{}}
	for _, tag := range languages() {
		a.text[tag] = &strings.Builder{}
	}
	all := outcomes()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a.errs(name, all[name].err)
	}
	a.others()
	a.documents()
	a.bodies()
	a.matters()
	a.front()
	for _, tag := range languages() {
		goldentest.Same(t, "problems."+tag, a.text[tag].String())
	}
}

// others are refusals that take a telephone exchange, a video server or a slow line.
func (a *album) others() {
	for _, one := range []struct {
		title string
		err   error
	}{
		{"a call, where there is no exchange", audiodesk.ErrOff},
		{"a call to somebody who is called", audiodesk.ErrInProgress},
		{"too many calls", audiodesk.ErrDaily},
		{"a number that costs too much", audiodesk.ErrPrefix},
		{"a call into a room that is closed", audiodesk.ErrClosed},
		{"a call into a room that is locked", audiodesk.ErrLocked},
		{"a call with a number that is not one's own", audiodesk.ErrCaller},
		{"a meeting on another server", meet.ErrServer},
		{"a meeting of an unknown user", meet.ErrOwner},
		{"a change that was overtaken", notice.ErrLate},
		{"a change of what has ended", notice.ErrOver},
		{"a change of what is no progress", notice.ErrFixed},
		{"deliveries of long ago", &hook.ExpiredError{After: time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)}},
	} {
		a.errs(one.title, one.err)
	}
	texts := localetest.Texts(a.t)
	for _, err := range []error{os.ErrDeadlineExceeded, io.ErrUnexpectedEOF} {
		a.keep("a body: "+err.Error(), func(tag string) string {
			p := erp.BodyProblem(err, texts.For(tag))
			return fmt.Sprintf("%d %s\n%s\n", p.Status, p.Code, p.Message)
		})
	}
}

// documents: everything that a field may have.
func (a *album) documents() {
	put := func(title, body string, headers ...string) {
		a.asks(title, request{method: "PUT", path: a.path("A"), body: body, headers: headers})
	}
	put("a document with much wrong", `{"type":"Payment Request","number":7,"title":"`+strings.Repeat("t", 501)+`","company":" LLC","amount":"1.234","currency":"RUR",
		"due_date":"30.06.2026","payee":{"name":5},"url":"javascript:alert(1)",
		"lines":[{"no":-1,"amount":"1,00"}],"files":[{"name":"d","content_base64":"QQ==","sha256":"`+strings.Repeat("0", 64)+`"}]}`)
	put("more decimals than the currency has", replace(a.t, rent, `"amount":"125000.00","currency"`, `"amount":"1.001","currency"`))
	put("no decimal", replace(a.t, rent, `"amount":"125000.00","currency"`, `"amount":125000,"currency"`))
	put("an amount that may be two", replace(a.t, rent, `"amount":"125000.00","currency"`, `"lenient":true,"amount":"1,000","currency"`))
	put("a field twice", replace(a.t, rent, `"currency"`, `"amount":"1.00","currency"`))
	put("another field", replace(a.t, rent, `"currency"`, `"Amount":"1.00","currency"`))
	put("many lines", replace(a.t, rent, `"lines":[`, `"lines":[`+strings.Repeat(`{"text":"x"},`, 500)))
	put("a type without a route", replace(a.t, rent, `"payment_request"`, `"contract"`))
	put("half a document", rent[:100])
	put("a text", "x", "Content-Type: text/plain")
	put("another digest", rent, "Content-Digest: sha-256=:"+digestOf("other")+":")
	put("a digest in another form", rent, "Content-Digest: nonsense")
	_, reader := a.newKey(a.t, "reader", directory.DocumentsRead)
	put("a key that may only read", rent, "Authorization: "+reader)
	a.asks("unknown parameters", request{method: "GET", path: "/v1/events?affter=x&limit=1&limit=2"})
	a.asks("an event of long ago", request{method: "GET", path: "/v1/events?after=evt_06f1z2k3m4n5p6q7r8s9t0v1w2"})
	a.put(a.t, "BACK", rent)
	hash := a.get(a.t, a.path("BACK")).at(a.t, "content_hash")
	a.post(a.t, a.path("BACK")+"/withdraw", `{"reason":"no need"}`)
	a.asks("a document that was taken back", request{method: "POST", path: a.path("BACK") + "/consume", body: fmt.Sprintf(`{"hash":%q,"consumer_ref":"x"}`, hash)})
}

// bodies: files, and requests that are sent again.
func (a *album) bodies() {
	a.asks("files without a mark between", request{method: "POST", path: a.path("BACK") + "/files", body: "x", headers: []string{"Content-Type: multipart/form-data"}})
	const told = `{"kind":"info","text":"x","people":["petrov"]}`
	post := func(title, body string, headers ...string) {
		a.asks(title, request{method: "POST", path: "/v1/notices", body: body, headers: headers})
	}
	post("without a key", told)
	expect(a.t, a.post(a.t, "/v1/notices", told, "Idempotency-Key: taken-0001"), http.StatusCreated, "")
	post("a key of another request", `{"kind":"alarm","text":"x","people":["petrov"]}`, "Idempotency-Key: taken-0001")
	busy := request{method: "POST", path: "/v1/notices", body: told, headers: []string{"Idempotency-Key: taken-0002"}}
	sum := sha256.New()
	fmt.Fprintf(sum, "POST\x00/v1/notices\x00\x00%s", told)
	if err := a.door.TakeKey(a.t.Context(), a.key.Source, "taken-0002", sum.Sum(nil)); err != nil {
		a.t.Fatal(err)
	}
	a.asks("a request that is being handled", busy)
	post("a notice for nobody there", `{"kind":"info","text":"x","people":["nobody"],"roles":["nothing"],"chats":["nowhere"],
		"files":[{"name":"a","sha256":"`+strings.Repeat("0", 64)+`"}]}`, "Idempotency-Key: taken-0003")
}

// matters: calls and meetings.
func (a *album) matters() {
	a.asks("a meeting, where there are none", request{
		method: "POST", path: "/v1/meetings", body: `{"topic":"Visit","host":"petrov","guests":[{"name":"Ann"}]}`, headers: []string{"Idempotency-Key: visit-0001"},
	})
	a.asks("a lobby without a host", request{
		method: "POST", path: "/v1/meetings", body: `{"topic":"Visit","host_user":"petrov","lobby":true,"guests":[{"name":"Ann"}]}`, headers: []string{"Idempotency-Key: visit-0002"},
	})
	a.asks("a call to no number", request{method: "POST", path: "/v1/calls", body: callTo("my phone"), headers: []string{"Idempotency-Key: call-0001"}})
	line, err := asterisk.New(asterisk.Options{Address: "127.0.0.1:1", User: "u", Secret: "s", Now: time.Now})
	if err != nil {
		a.t.Fatal(err)
	}
	key, err := seal.Start(a.t.Context(), a.Pool, seal.Options{File: filepath.Join(a.t.TempDir(), "seal.key"), Create: true})
	if err != nil {
		a.t.Fatal(err)
	}
	a.door.Audio = &audiodesk.Desk{Store: &audiodesk.Store{Pool: a.Pool}, Exchange: line, Seal: key, Now: time.Now, Log: a.door.Log}
	a.asks("a call while the exchange is away", request{method: "POST", path: "/v1/calls", body: callTo("+4930100001"), headers: []string{"Idempotency-Key: call-0002"}})
}

// front: what the server says before the door is reached.
func (a *album) front() {
	for _, code := range frontCodes(a.t) {
		a.keep("the server: "+code, func(tag string) string {
			return a.door.Say(&http.Request{Header: http.Header{"Accept-Language": {tag}}}, code) + "\n"
		})
	}
}
