package erp_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestABatchIsManyPuts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	item := func(id, body string) string { return fmt.Sprintf(`{"external_id":%q,"document":%s}`, id, body) }
	out := b.post(t, "/v1/documents/batch", `{"items":[`+strings.Join([]string{
		item("A", rent),
		item("B", replace(t, rent, `"125000.00","currency"`, `"1,00","currency"`)),
		item("A", replace(t, rent, "044525225", "044525226")),
		item("C", replace(t, rent, `"currency"`, `"Amount":"1","currency"`)),
		item("A", replace(t, rent, "044525225", "044525226")),
		item("D", replace(t, rent, `"payment_request"`, `"contract"`)),
		`{"external_id":"E"}`,
		`{"external_id":"A","if_match":1,"document":` + rent + `}`,
		item(strings.Repeat("n", 201), rent),
	}, ",")+`]}`)
	expect(t, out, 200, "")
	for at, want := range map[string]string{
		"results.0.status": "201", "results.0.document.change": "created", "results.0.external_id": "A",
		"results.1.status": "422", "results.1.problem.code": "invalid_field", "results.1.problem.errors.0.field": "items[1].document.amount", "results.1.problem.errors.0.code": "not_a_decimal",
		"results.2.status": "200", "results.2.document.change": "material", "results.2.document.revision": "2",
		"results.3.status": "400", "results.3.problem.code": "unknown_field", "results.3.problem.errors.0.field": "items[3].document.Amount",
		"results.4.status": "200", "results.4.document.change": "unchanged",
		"results.5.status": "422", "results.5.problem.code": "no_route",
		"results.6.status": "422", "results.6.problem.errors.0.field": "items[6].document",
		"results.7.status": "412", "results.7.problem.code": "precondition_failed",
		"results.8.status": "422", "results.8.problem.errors.0.field": "items[8].external_id",
		"results.9.status": "",
	} {
		if got := out.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	if state := b.get(t, documentPath("A")); state.at(t, "revision") != "2" {
		t.Errorf("%s", state.body)
	}
	expect(t, b.get(t, documentPath("B")), 404, "not_found")
}

func TestABatchHasItsBounds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := func(i int) string { return fmt.Sprintf(`{"external_id":"N%d","document":%s}`, i, rent) }
	items := make([]string, 101)
	for i := range items {
		items[i] = one(i)
	}
	expect(t, b.post(t, "/v1/documents/batch", `{"items":[`+strings.Join(items, ",")+`]}`), 422, "invalid_field")
	full := b.post(t, "/v1/documents/batch", `{"items":[`+strings.Join(items[:100], ",")+`]}`)
	expect(t, full, 200, "")
	if full.at(t, "results.99.status") != "201" {
		t.Errorf("%.300s", full.body)
	}
	for body, code := range map[string]string{
		`{"items":[]}`: "invalid_field", `{}`: "invalid_field", `{"items":{}}`: "invalid_field", `{"items":[7]}`: "invalid_field",
		`{"items":[` + one(0) + `],"more":1}`: "unknown_field", `{"items":[{"external_id":"a","external_id":"b"}]}`: "duplicate_key", `[]`: "invalid_json",
		`{"items":[{"external_id":"a","ext":"b","document":` + rent + `}]}`: "",
	} {
		out := b.post(t, "/v1/documents/batch", body)
		if code == "" {
			if out.status != 200 || out.at(t, "results.0.problem.code") != "unknown_field" {
				t.Errorf("%s", out.body)
			}
			continue
		}
		if out.code(t) != code {
			t.Errorf("%.60s: %s", body, out.body)
		}
	}
	first := b.post(t, "/v1/documents/batch", `{"items":[`+one(0)+`]}`, "Idempotency-Key: batch-0001")
	again := b.post(t, "/v1/documents/batch", `{"items":[`+one(0)+`]}`, "Idempotency-Key: batch-0001")
	if string(first.body) != string(again.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s", again.body)
	}
}
