package erp_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/server"
)

// walk visits every operation of the document, with its path filled in.
func walk(t *testing.T, visit func(method, path string, op *openapi3.Operation)) {
	t.Helper()
	text, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{source}", "erp1c", "{external_id}", "REQ", "{sha256}", strings.Repeat("0", 64),
		"{id}", "whk_06f1z2k3m4n5p6q7r8s9t0v1w2", "{event_id}", "evt_06f1z2k3m4n5p6q7r8s9t0v1w2")
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for method, op := range paths[path].Operations() {
			visit(method, fill.Replace(path), op)
		}
	}
}

func TestNoOperationIsServedWithoutAKey(t *testing.T) {
	t.Parallel()
	b := common(t)
	n := 0
	walk(t, func(method, path string, _ *openapi3.Operation) {
		n++
		expect(t, b.call(t, request{method: method, path: path, headers: []string{"-Authorization"}}), 401, "unauthorized")
	})
	if n < 20 {
		t.Errorf("only %d operations were looked at", n)
	}
}

func TestEveryOperationAsksForItsScope(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keys := map[directory.Scope]string{}
	for _, scope := range directory.Scopes() {
		rest := slices.DeleteFunc(directory.Scopes(), func(s directory.Scope) bool { return s == scope })
		_, keys[scope] = b.newKey(t, ledgertest.Source, rest...)
	}
	walk(t, func(method, path string, op *openapi3.Operation) {
		_, said, _ := strings.Cut(op.Description, "Scope: `")
		scope := directory.Scope(strings.TrimSuffix(said, "`."))
		if keys[scope] == "" {
			t.Errorf("%s %s names no scope: %q", method, path, scope)
			return
		}
		out := b.call(t, request{method: method, path: path, headers: []string{"Authorization: " + keys[scope]}})
		expect(t, out, 403, "forbidden")
		if !strings.Contains(out.at(t, "message"), string(scope)) {
			t.Errorf("%s %s does not say which scope: %s", method, path, out.body)
		}
	})
}

func TestKeysThatDoNotOpenAreAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := strings.TrimPrefix(b.auth, "Bearer ")
	basic := func(id, secret string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	revoked, revokedAuth := b.newKey(t, ledgertest.Source, directory.DocumentsRead)
	if err := b.Directory.RevokeKey(t.Context(), "test", revoked.ID); err != nil {
		t.Fatal(err)
	}
	expired, text, err := b.Directory.CreateKey(t.Context(), "test", directory.NewKey{Source: ledgertest.Source, Name: "short", Scopes: directory.Scopes(), ExpiresAt: b.Clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(2 * time.Hour)
	bodies := map[string]bool{}
	for name, lines := range map[string][]string{
		"none": {"-Authorization"}, "empty": {"Authorization: "}, "no scheme": {"Authorization: " + good}, "other scheme": {"Authorization: Digest " + good},
		"bearer without": {"Authorization: Bearer"}, "bearer nothing": {"Authorization: Bearer  "}, "not ours": {"Authorization: Bearer abc"}, "cut": {"Authorization: Bearer " + good[:len(good)-1]},
		"changed": {"Authorization: Bearer " + good[:20] + map[bool]string{true: "A", false: "B"}[good[20] != 'A'] + good[21:]}, "longer": {"Authorization: Bearer " + good + "x"}, "key id": {"Authorization: Bearer " + b.key.ID},
		"basic garbage": {"Authorization: Basic !!!"}, "basic no colon": {"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(good))}, "basic other id": {basic(revoked.ID, good)},
		"basic no id": {basic("", good)}, "basic no secret": {basic(b.key.ID, "")}, "revoked": {"Authorization: " + revokedAuth}, "expired": {"Authorization: Bearer " + text.Reveal()},
		"expired basic": {basic(expired.ID, text.Reveal())}, "NUL": {basic("a\x00", good)}, "10 KB": {"Authorization: Bearer " + strings.Repeat("x", 10<<10)},
	} {
		out := b.call(t, request{method: "GET", path: documentPath("A"), headers: lines})
		expect(t, out, 401, "unauthorized")
		bodies[strings.Replace(string(out.body), out.at(t, "request_id"), "", 1)] = true
		if h := out.header.Values("Www-Authenticate"); len(h) != 2 {
			t.Errorf("%s: %v", name, h)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("the answers differ: %v", slices.Collect(maps.Keys(bodies)))
	}
	for _, line := range []string{"Authorization: Bearer " + good, "Authorization: bearer " + good, basic(b.key.ID, good)} {
		expect(t, b.call(t, request{method: "GET", path: documentPath("A"), headers: []string{line}}), 404, "not_found")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+documentPath("A"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Authorization"] = []string{b.auth, b.auth}
	res, err := b.client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("two headers: %d", res.StatusCode)
	}
	if strings.Contains(b.log.String(), good[20:]) {
		t.Error("the log has a secret")
	}
}

func TestAKeyHasItsRateAndItsPlaces(t *testing.T) {
	t.Parallel()
	clock := &ledgertest.Clock{}
	b := newBench(t, func(d *erp.Door) {
		d.Limiter = &server.Limiter{Rate: 1, Burst: 5, Now: clock.Now}
		d.Gate = &server.Gate{Limit: 2}
	})
	for i := range 8 {
		out := b.get(t, documentPath("A"))
		if i < 5 {
			expect(t, out, 404, "not_found")
			continue
		}
		expect(t, out, 429, "rate_limited")
		if out.header.Get("Retry-After") != "1" || out.at(t, "retryable") != "true" {
			t.Errorf("%v %s", out.header, out.body)
		}
	}
	_, other := b.newKey(t, "sap", directory.Scopes()...)
	expect(t, b.call(t, request{method: "GET", path: "/v1/events", headers: []string{"Authorization: " + other}}), 200, "")

	clock.Advance(time.Hour)
	answered := make(chan int, 2)
	for range 2 {
		go func() {
			status := http.StatusTooManyRequests
			for status == http.StatusTooManyRequests { // the place was taken by the request below
				status = b.get(t, "/v1/events?wait=25").status
			}
			answered <- status
		}()
	}
	deadline := time.After(patience)
	for refused := false; !refused; {
		select {
		case <-deadline:
			t.Fatal("the third request in hand was let in")
		default:
			clock.Advance(time.Minute)
			refused = b.get(t, documentPath("A")).status == 429
		}
	}
	b.Post(t, "REQ")
	b.SequenceAll(t)
	b.Bell.Ring()
	for range 2 {
		if status := <-answered; status != 200 {
			t.Errorf("a long poll got %d", status)
		}
	}
}

func TestPathAndHeaderTricksChangeNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	for _, path := range []string{
		"/v1/sources/erp1c/../erp1c/documents/REQ", "/v1/%2e%2e/v1/events", "//v1/events", "/v1//events", "/v1/events%00", "/v1/events;x=1", "/v1/events/", "/v1/sources/erp1c/documents/",
		"/V1/events", "/v1/sources/erp1c%2fdocuments/REQ", "/v1/sources/erp1c/documents/REQ%2f..%2fdecision", "/v1/sources/erp1c/documents/REQ/decision/", "/v1/sources//documents/REQ",
		"/v1/sources/erp1c/documents/a%01b", "/v1/sources/erp1c/documents/a%0Ab", "/v1/sources/erp1c/documents/a%C2%85b", "/v1/events%23",
	} {
		out := b.get(t, path)
		if out.status != 400 && out.status != 404 {
			t.Errorf("%s: %d %s", path, out.status, out.body)
		}
	}
	for _, header := range []string{"X-Original-Url: /v1/events", "X_Forwarded_Uri: /v1/events", "X-Http-Method-Override: DELETE", "X-Forwarded-For: 127.0.0.1", "X-Rewrite-Url: /v1/events"} {
		out := b.call(t, request{method: "GET", path: documentPath("REQ"), headers: []string{header}})
		if out.status != 200 || out.at(t, "external_id") != "REQ" {
			t.Errorf("%s: %d %s", header, out.status, out.body)
		}
	}
	out := b.call(t, request{method: "DELETE", path: documentPath("REQ")})
	expect(t, out, 405, "method_not_allowed")
	if diff := cmp.Diff("GET, POST, PUT", out.header.Get("Allow")); diff != "" {
		t.Error(diff)
	}
}
