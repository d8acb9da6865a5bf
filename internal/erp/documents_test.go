package erp_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
)

func TestADocumentIsCreatedReadAndRevised(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.put(t, "REQ-1", rent)
	for path, want := range map[string]string{
		"source": "erp1c", "external_id": "REQ-1", "revision": "1", "change": "created", "changed": "true",
		"case.status": "in_progress", "case.round": "1", "case.step.key": "budget_holder", "case.step.position": "1", "case.step.of": "3",
		"case.step.waiting_on.0.user": "petrov", "case.step.waiting_on.0.name": "Pyotr Petrov", "case.route.key": "payment_request",
		"normalized": "[]", "warnings": "[]", "case.consumed": "false",
	} {
		if got := made.at(t, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if made.status != http.StatusCreated || made.header.Get("ETag") != `"1"` || !strings.HasPrefix(made.at(t, "content_hash"), "sha256:") ||
		made.at(t, "request_id") != made.header.Get("X-Request-Id") {
		t.Errorf("%d %v %s", made.status, made.header, made.body)
	}

	again := b.put(t, "REQ-1", rent)
	if again.status != http.StatusOK || again.at(t, "change") != "unchanged" || again.at(t, "changed") != "false" || again.at(t, "content_hash") != made.at(t, "content_hash") {
		t.Errorf("the same again: %d %s", again.status, again.body)
	}
	b.put(t, "REQ-1", replace(t, rent, "40702810000000000001", "40702810000000000002"))
	state := b.get(t, documentPath("REQ-1"))
	for path, want := range map[string]string{
		"revision": "2", "document.amount": "125000.00", "document.amount_minor": "12500000", "document.currency": "RUB", "document.due_date": "2026-06-30",
		"document.fields.Договор": "15/24", "document.lines.0.amount": "125000.00", "document.payee.account": "40702810000000000002", "case.round": "2",
	} {
		if got := state.at(t, path); got != want {
			t.Errorf("read: %s is %q, want %q", path, got, want)
		}
	}
}

func TestChangesAreToldByTheirClass(t *testing.T) {
	t.Parallel()
	b := common(t)
	b.put(t, "REQ", rent)
	body := rent
	for _, c := range []struct{ old, with, change string }{
		{`"Rent, June"`, `"Rent for June"`, "cosmetic"},
		{`"2026-06-30"`, `"2026-07-01"`, "tolerant"},
		{`"bank_id":"044525225"`, `"bank_id":"044525226"`, "material"},
		{`"15/24"}`, `"16/24"}`, "material"},
	} {
		body = replace(t, body, c.old, c.with)
		if out := b.put(t, "REQ", body); out.at(t, "change") != c.change || out.at(t, "changed") != "true" {
			t.Errorf("%s -> %s: %s", c.old, c.with, out.body)
		}
	}
}

func TestValuesTakenInAnotherFormAreListed(t *testing.T) {
	t.Parallel()
	b := common(t)
	body := replace(t, rent, `"2026-06-30"`, `"2026-06-30T00:00:00"`)
	body = replace(t, body, `"Rent, June"`, `"  Rent,\tJune\u202e\u0007 "`)
	body = replace(t, body, `"text":"Rent"`, `"text":"Rent\r\nand heating"`)
	body = replace(t, body, `"fields":{"Договор":"15/24"}`, `"fields":{"Договор":"15/24\r\nfrom 2024","N":7,"Yes":true,"No":null}`)
	out := b.put(t, "REQ", "\ufeff"+body)
	type note = map[string]any
	want := []any{
		note{"field": "", "from": "BOM", "to": ""},
		note{"field": "title", "from": "  Rent,�June�� ", "to": "Rent, June"},
		note{"field": "due_date", "from": "2026-06-30T00:00:00", "to": "2026-06-30"},
		note{"field": "fields.Договор", "from": "15/24�\nfrom 2024", "to": "15/24\nfrom 2024"},
		note{"field": "lines[0].text", "from": "Rent�\nand heating", "to": "Rent and heating"},
	}
	if diff := cmp.Diff(want, out.json(t)["normalized"]); diff != "" {
		t.Errorf("normalized (-want +got)\n%s", diff)
	}
	state := b.get(t, b.path("REQ"))
	wantFields := map[string]any{"Договор": "15/24\nfrom 2024", "N": "7", "Yes": "true"}
	if diff := cmp.Diff(wantFields, state.json(t)["document"].(map[string]any)["fields"]); diff != "" {
		t.Errorf("fields (-want +got)\n%s", diff)
	}
}

func TestDatesAreReadAsERPsWriteThem(t *testing.T) {
	t.Parallel()
	b := common(t)
	for sent, want := range map[string]string{
		`"2026-06-30"`: "2026-06-30", `"2026-06-30T23:59:59"`: "2026-06-30", `"2026-06-30T00:00:00+03:00"`: "2026-06-30", `"2026-06-30T00:00:00Z"`: "2026-06-30",
		`"0001-01-01T00:00:00"`: "", `"0001-01-01"`: "", `"0001-01-01T00:00:00Z"`: "", `""`: "", `null`: "",
		`"30.06.2026"`: "bad", `"20260630"`: "bad", `"2026-06-31"`: "bad", `"2026-6-30"`: "bad", `"1899-12-30"`: "bad", `"2300-01-01"`: "bad", `"tomorrow"`: "bad", `20260630`: "wrong_type", `"٢٠٢٦-٠٦-٣٠"`: "bad",
	} {
		out := b.call(t, request{method: "PUT", path: b.path("D-" + hexOf(sent)), body: replace(t, rent, `"2026-06-30"`, sent)})
		switch want {
		case "bad":
			expect(t, out, 422, "invalid_field")
			if diff := cmp.Diff([]string{"due_date bad_date"}, out.faults(t)); diff != "" {
				t.Errorf("%s: %s", sent, diff)
			}
		case "wrong_type":
			expect(t, out, 422, "invalid_field")
		default:
			expect(t, out, 201, "")
			if got := b.get(t, b.path("D-"+hexOf(sent))).at(t, "document.due_date"); got != want {
				t.Errorf("%s became %q", sent, got)
			}
			if noted := strings.Contains(string(out.body), `"field":"due_date"`); noted != (sent != `"2026-06-30"` && sent != "null" && sent != `""`) {
				t.Errorf("%s: normalized %s", sent, out.at(t, "normalized"))
			}
		}
	}
}

func hexOf(text string) string {
	return strings.NewReplacer("=", "", "/", "_", "+", "-").Replace(base64.StdEncoding.EncodeToString([]byte(text)))
}

func TestRevisionsHaveTheirLimits(t *testing.T) {
	t.Parallel()
	b := common(t)
	with := func(revision string) string {
		return replace(t, rent, `"number"`, `"revision":`+revision+`,"number"`)
	}
	for _, revision := range []string{"2000000001", "2147483647", "2147483648", "9223372036854775808", "0", "-1"} {
		out := b.call(t, request{method: "PUT", path: b.path("REQ"), body: with(revision)})
		expect(t, out, 422, "invalid_field")
		if f := out.faults(t); len(f) != 1 || f[0] != "revision out_of_range" || !strings.Contains(out.at(t, "errors.0.message"), "(1 … 2000000000)") {
			t.Errorf("%s: %s", revision, out.body)
		}
	}
	if out := b.put(t, "REQ", with("2000000000")); out.at(t, "revision") != "2000000000" {
		t.Errorf("%s", out.body)
	}
	if out := b.put(t, "REQ", replace(t, rent, "15/24\"}", "16/24\"}")); out.at(t, "revision") != "2000000001" {
		t.Errorf("%s", out.body)
	}
}

func TestIfMatchMakesNoNewDocument(t *testing.T) {
	t.Parallel()
	b := common(t)
	put := func(match, body string) response {
		return b.call(t, request{method: "PUT", path: b.path("REQ"), body: body, headers: []string{"If-Match: " + match}})
	}
	for _, match := range []string{`"3"`, `"1"`, `3`, `"9223372036854775807"`} {
		expect(t, put(match, rent), 412, "precondition_failed")
	}
	batch := b.post(t, "/v1/documents/batch", `{"items":[{"external_id":"REQ","if_match":1,"document":`+rent+`}]}`)
	if batch.at(t, "results.0.status") != "412" || batch.at(t, "results.0.problem.code") != "precondition_failed" {
		t.Errorf("%s", batch.body)
	}
	expect(t, b.get(t, b.path("REQ")), 404, "not_found")
	b.put(t, "REQ", rent)
	expect(t, put(`"3"`, rent), 412, "precondition_failed")
	expect(t, put(`"1"`, rent), 200, "")
	for _, match := range []string{`x`, `"0"`, `"-1"`, `"9223372036854775808"`} {
		expect(t, put(match, rent), 400, "invalid_header")
	}
}

func TestPersonsNobodyKnowsAreAWarning(t *testing.T) {
	t.Parallel()
	b := common(t)
	out := b.put(t, "REQ", replace(t, rent, `"requester":"ivanova"`, `"requester":"ghost","on_behalf_of":"ghost"`))
	want := []any{map[string]any{"field": "requester", "code": "unknown_person"}, map[string]any{"field": "on_behalf_of", "code": "unknown_person"}}
	if diff := cmp.Diff(want, out.json(t)["warnings"]); diff != "" {
		t.Error(diff)
	}
}

func TestRevisionsAndConditionsOrderChanges(t *testing.T) {
	t.Parallel()
	b := common(t)
	numbered := func(n, title string) string {
		return replace(t, replace(t, rent, `"type"`, `"revision":`+n+`,"type"`), "Rent, June", title)
	}
	if out := b.put(t, "R", numbered("4", "one")); out.at(t, "revision") != "4" {
		t.Errorf("%s", out.body)
	}
	put := func(body string, headers ...string) response {
		return b.call(t, request{method: "PUT", path: b.path("R"), body: body, headers: headers})
	}
	expect(t, put(numbered("4", "two")), 409, "stale_revision")
	expect(t, put(numbered("3", "two")), 409, "stale_revision")
	expect(t, put(numbered("9", "two"), `If-Match: "3"`), 412, "precondition_failed")
	expect(t, put(numbered("9", "two"), `If-Match: soon`), 400, "invalid_header")
	out := put(numbered("9", "two"), `If-Match: "4"`)
	expect(t, out, 200, "")
	if out.header.Get("ETag") != `"9"` {
		t.Errorf("%v", out.header)
	}
	expect(t, put(replace(t, rent, `"type":"payment_request"`, `"type":"contract"`)), 409, "conflict")
	expect(t, b.call(t, request{method: "PUT", path: b.path("new"), body: replace(t, rent, `"type":"payment_request"`, `"type":"contract"`)}), 422, "no_route")
	expect(t, b.post(t, b.path("by-post"), rent), 201, "")
}

func TestTheNameOfADocumentMayHoldAlmostAnything(t *testing.T) {
	t.Parallel()
	b := common(t)
	for sent, want := range map[string]string{
		"INV%2F2026%2F7": "INV/2026/7", "%D0%97%D0%B0%D1%8F%D0%B2%D0%BA%D0%B0%207": "Заявка 7", "a%5Cb": `a\b`, "a:b@c": "a:b@c", "50%25": "50%", strings.Repeat("n", 200): strings.Repeat("n", 200),
	} {
		out := b.put(t, sent, rent)
		if out.at(t, "external_id") != want {
			t.Errorf("%s became %q", sent, out.at(t, "external_id"))
		}
		if got := b.get(t, b.path(sent)); got.status != 200 {
			t.Errorf("%s cannot be read: %d", sent, got.status)
		}
	}
	for _, sent := range []string{strings.Repeat("n", 201), "%20a", "a%20", "a%E2%80%AEb", "a%EF%BB%BFb", "%E2%80%8B", "%E3%85%A4"} {
		out := b.call(t, request{method: "PUT", path: b.path(sent), body: rent})
		expect(t, out, 422, "invalid_field")
		if f := out.faults(t); len(f) != 1 || !strings.HasPrefix(f[0], "external_id ") {
			t.Errorf("%.20s: %v", sent, f)
		}
		expect(t, b.get(t, b.path(sent)), 404, "not_found")
	}
}

func TestTheSameNewDocumentPostedAtOnceIsOne(t *testing.T) {
	t.Parallel()
	b := common(t)
	var wg sync.WaitGroup
	created := make(chan string, 20)
	for range 20 {
		wg.Go(func() {
			out := b.call(t, request{method: "PUT", path: b.path("RACE"), body: rent})
			if out.status != 200 && out.status != 201 {
				t.Errorf("%d %s", out.status, out.body)
				return
			}
			created <- out.at(t, "change") + " " + out.at(t, "case.id")
		})
	}
	wg.Wait()
	close(created)
	counts := map[string]int{}
	for c := range created {
		change, id, _ := strings.Cut(c, " ")
		counts[change]++
		counts[id]++
	}
	if counts["created"] != 1 || counts["unchanged"] != 19 || len(counts) != 3 {
		t.Errorf("%v", counts)
	}
}

func TestOtherSourcesSeeNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	hash := b.get(t, documentPath("REQ")).at(t, "content_hash")
	b.SequenceAll(t)
	event := b.get(t, "/v1/events?limit=1").at(t, "next")
	hook := b.post(t, "/v1/webhooks", `{"url":"https://198.51.100.7/"}`)
	_, other := b.newKey(t, "sap", directory.Scopes()...)
	id := "whk_06f1z2k3m4n5p6q7r8s9t0v1w2"
	if hook.status == http.StatusCreated {
		id = hook.at(t, "id")
	}
	for _, q := range []request{
		{method: "GET", path: documentPath("REQ")},
		{method: "GET", path: documentPath("nothing")},
		{method: "PUT", path: documentPath("REQ"), body: rent},
		{method: "GET", path: documentPath("REQ") + "/decision?hash=" + hash},
		{method: "POST", path: documentPath("REQ") + "/consume", body: `{"hash":"` + hash + `","consumer_ref":"x"}`},
		{method: "POST", path: documentPath("REQ") + "/withdraw", body: `{}`},
		{method: "POST", path: documentPath("REQ") + "/status", body: `{"status":"paid"}`},
		{method: "POST", path: documentPath("REQ") + "/comments", body: `{"author":"a","text":"b"}`, headers: []string{"Idempotency-Key: 12345678"}},
		{method: "PUT", path: documentPath("REQ") + "/files/" + strings.Repeat("a", 64), body: "x"},
		{method: "POST", path: documentPath("REQ") + "/files", body: "x", headers: []string{"Content-Type: multipart/form-data; boundary=b"}},
		{method: "GET", path: "/v1/events/" + event},
		{method: "GET", path: "/v1/webhooks/" + id},
		{method: "PATCH", path: "/v1/webhooks/" + id, body: `{}`},
		{method: "DELETE", path: "/v1/webhooks/" + id},
		{method: "POST", path: "/v1/webhooks/" + id + "/rotate", body: `{}`},
		{method: "POST", path: "/v1/webhooks/" + id + "/test"},
		{method: "GET", path: "/v1/webhooks/" + id + "/deliveries"},
		{method: "POST", path: "/v1/webhooks/" + id + "/replay", body: `{"event":"` + event + `"}`},
		{method: "POST", path: "/v1/webhooks/" + id + "/pause"},
		{method: "POST", path: "/v1/webhooks/" + id + "/resume"},
	} {
		q.headers = append(q.headers, "Authorization: "+other)
		out := b.call(t, q)
		expect(t, out, 404, "not_found")
		if strings.Contains(string(out.body), "REQ") {
			t.Errorf("%s %s says %s", q.method, q.path, out.body)
		}
	}
	empty := b.call(t, request{method: "GET", path: "/v1/events", headers: []string{"Authorization: " + other}})
	if empty.at(t, "events") != "[]" || empty.at(t, "next") != "" {
		t.Errorf("%s", empty.body)
	}
	expect(t, b.call(t, request{method: "GET", path: "/v1/events?after=" + event, headers: []string{"Authorization: " + other}}), 410, "cursor_expired")
	list := b.call(t, request{method: "GET", path: "/v1/webhooks", headers: []string{"Authorization: " + other}})
	if list.at(t, "webhooks") != "[]" {
		t.Errorf("%s", list.body)
	}
}

func TestTheChainOfVotesIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hash := b.put(t, "REQ", rent).at(t, "content_hash")
	path := documentPath("REQ") + "/decision?hash=" + hash
	open := b.get(t, path)
	if open.at(t, "outcome") != "in_progress" || open.at(t, "decided_at") != "" || open.at(t, "votes") != "[]" || open.at(t, "consumed") != "false" {
		t.Errorf("%s", open.body)
	}
	b.Approve(t, "REQ")
	done := b.get(t, path)
	for at, want := range map[string]string{
		"outcome": "approved", "hash": hash, "revision": "1", "round": "1", "consumed": "false",
		"votes.0.step": "budget_holder", "votes.0.user": "petrov", "votes.0.verdict": "accept", "votes.1.user": "sidorova", "votes.2.step": "treasurer", "votes.2.user": "kozlov", "votes.3.user": "",
	} {
		if got := done.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	if done.at(t, "decided_at") == "" || done.header.Get("ETag") != `"1"` {
		t.Errorf("%v %s", done.header, done.body)
	}
	expect(t, b.get(t, documentPath("REQ")+"/decision?hash=sha256:other"), 409, "revision_mismatch")
	expect(t, b.get(t, documentPath("REQ")+"/decision"), 400, "bad_parameter")
	expect(t, b.get(t, documentPath("none")+"/decision?hash="+hash), 404, "not_found")

	b.put(t, "NO", rent)
	b.Vote(t, "NO", ledgertest.Budget, approval.Reject, "Too much")
	no := b.get(t, documentPath("NO")+"/decision?hash="+hash)
	if no.at(t, "outcome") != "rejected" || no.at(t, "reason") != "Too much" || no.at(t, "votes.0.reason") != "Too much" {
		t.Errorf("%s", no.body)
	}
	b.put(t, "BACK", rent)
	b.Vote(t, "BACK", ledgertest.Budget, approval.Return, "Which contract?")
	back := b.get(t, documentPath("BACK"))
	if back.at(t, "case.status") != "returned" || back.at(t, "case.note") != "Which contract?" || back.at(t, "case.step.waiting_on") != "[]" {
		t.Errorf("%s", back.body)
	}
}
