package erp_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestABatchIsManyPuts(t *testing.T) {
	t.Parallel()
	b := common(t)
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
		`{"external_id":"a\u0000b","document":` + rent + `}`,
		`{"external_id":"a\nb","document":` + rent + `}`,
		`{"external_id":" a","document":` + rent + `}`,
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
		"results.9.status": "422", "results.9.problem.errors.0.field": "items[9].external_id", "results.9.problem.errors.0.code": "bad_characters",
		"results.10.status": "422", "results.11.status": "422", "results.12.status": "",
	} {
		if got := out.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	if state := b.get(t, b.path("A")); state.at(t, "revision") != "2" {
		t.Errorf("%s", state.body)
	}
	expect(t, b.get(t, b.path("B")), 404, "not_found")
}

func TestABatchHasItsBounds(t *testing.T) {
	t.Parallel()
	b := common(t)
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

func TestABatchInWhichSomethingFailedForAMomentIsDoneAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	as := owner(t, b)
	fault := func(code string) {
		t.Helper()
		if _, err := as.Exec(t.Context(), `create or replace function fault() returns trigger language plpgsql as $$ begin
			if new.external_id = 'B' then raise exception 'burnt' using errcode = '`+code+`'; end if; return new; end $$;
			create or replace trigger fault before insert on document for each row execute function fault()`); err != nil {
			t.Fatal(err)
		}
	}
	body := `{"items":[{"external_id":"A","document":` + rent + `},{"external_id":"B","document":` + rent + `},{"external_id":"C","document":{}}]}`
	send := func() response { return b.post(t, "/v1/documents/batch", body, "Idempotency-Key: batch-0001") }
	statuses := func(out response) string {
		return strings.Join([]string{out.at(t, "results.0.status"), out.at(t, "results.1.status"), out.at(t, "results.2.status"), out.header.Get("Idempotent-Replayed")}, " ")
	}
	fault("53100") // the disk is full
	first := send()
	if statuses(first) != "201 503 422 " || first.at(t, "results.1.problem.retryable") != "true" {
		t.Errorf("%d %s", first.status, first.body)
	}
	fault("P0001") // a fault of the service
	if again := send(); statuses(again) != "200 500 422 " {
		t.Errorf("%d %s", again.status, again.body)
	}
	if _, err := as.Exec(t.Context(), `drop trigger fault on document`); err != nil {
		t.Fatal(err)
	}
	mended := send()
	if statuses(mended) != "200 201 422 " {
		t.Errorf("%d %s", mended.status, mended.body)
	}
	if kept := send(); statuses(kept) != "200 201 422 true" || string(kept.body) != string(mended.body) {
		t.Errorf("%d %s", kept.status, kept.body)
	}
}

func TestAnItemWithoutADocumentIsRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	out := b.post(t, "/v1/documents/batch", `{"items":[{"external_id":"A"},{"external_id":"A","document":null},{"external_id":"A","document":7}]}`)
	for i, code := range []string{"missing_field", "missing_field", "wrong_type"} {
		at := fmt.Sprintf("results.%d.problem.errors.", i)
		if out.at(t, at+"0.field") != fmt.Sprintf("items[%d].document", i) || out.at(t, at+"0.code") != code || out.at(t, at+"1.code") != "" {
			t.Errorf("%d: %s", i, out.body)
		}
	}
}
