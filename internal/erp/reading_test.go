package erp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAmountsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, c := range []struct{ sent, code string }{
		{`"NaN"`, "not_a_decimal"},
		{`"Infinity"`, "not_a_decimal"},
		{`"-1"`, "not_a_decimal"},
		{`"0"`, "out_of_range"},
		{`"0.00"`, "out_of_range"},
		{`"1e309"`, "not_a_decimal"},
		{`"1e2"`, "not_a_decimal"},
		{`1e309`, "not_a_decimal"},
		{`1e2`, "not_a_decimal"},
		{`125000.00`, "not_a_decimal"},
		{`125000`, "not_a_decimal"},
		{`-1`, "not_a_decimal"},
		{`"١٢٥"`, "not_a_decimal"},
		{`"1,000.00"`, "not_a_decimal"},
		{`"1 000"`, "not_a_decimal"},
		{`"1.00000"`, "too_precise"},
		{`"1.001"`, "too_precise"},
		{`"10000000000000000"`, "out_of_range"},
		{`"1000000000000000"`, "out_of_range"},
		{`"01.00"`, "not_a_decimal"},
		{`"+1"`, "not_a_decimal"},
		{`".5"`, "not_a_decimal"},
		{`"1."`, "not_a_decimal"},
		{`" 1"`, "not_a_decimal"},
		{`true`, "wrong_type"},
		{`{}`, "wrong_type"},
		{`["1"]`, "wrong_type"},
		{`""`, "missing_field"},
		{`null`, "missing_field"},
	} {
		out := b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, `"amount":"125000.00","currency"`, `"amount":`+c.sent+`,"currency"`)})
		expect(t, out, 422, "invalid_field")
		if diff := cmp.Diff([]string{"amount " + c.code}, out.faults(t)); diff != "" {
			t.Errorf("%s: %s", c.sent, diff)
		}
		inLine := b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, `"text":"Rent","amount":"125000.00"`, `"text":"Rent","amount":`+c.sent)})
		if fine := slices.Contains([]string{`"-1"`, `"0"`, `"0.00"`, `""`, `null`}, c.sent); fine != (inLine.status == 200 || inLine.status == 201) {
			t.Errorf("in a line %s: %d %s", c.sent, inLine.status, inLine.body)
		} else if !fine && inLine.faults(t)[0] != "lines[0].amount "+c.code {
			t.Errorf("in a line %s: %v", c.sent, inLine.faults(t))
		}
	}
	for _, sent := range []string{"1e3", "1.0", "9223372036854775808", "-5", "0", `"5"`} {
		out := b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, `"amount":"125000.00","currency"`, `"amount_minor":`+sent+`,"currency"`)})
		expect(t, out, 422, "invalid_field")
	}
	exact := replace(t, replace(t, rent, `"amount":"125000.00","currency":"RUB"`, `"amount_minor":9007199254740993,"currency":"RUB"`), `"no":1`, `"no":2`)
	b.put(t, "EXACT", exact)
	if got := b.get(t, b.path("EXACT")).at(t, "document.amount_minor"); got != "9007199254740993" {
		t.Errorf("2^53+1 became %s", got)
	}
}

func TestABodyThatCannotBeReadIs400(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, c := range []struct{ name, body, code, field string }{
		{"amount twice", replace(t, rent, `"currency"`, `"amount":"1.00","currency"`), "duplicate_key", "amount"},
		{"twice inside", replace(t, rent, `"tax_id"`, `"name":"x","tax_id"`), "duplicate_key", "payee.name"},
		{"twice in a line", replace(t, rent, `"no":1`, `"no":1,"no":2`), "duplicate_key", "lines[0].no"},
		{"escaped twice", replace(t, rent, `"currency"`, `"am\u006funt":"1.00","currency"`), "duplicate_key", "amount"},
		{"other case", replace(t, rent, `"currency"`, `"Amount":"1.00","currency"`), "unknown_field", "Amount"},
		{"unknown", replace(t, rent, `"currency"`, `"Договор":"1","currency"`), "unknown_field", "Договор"},
		{"an expiry", replace(t, rent, `"currency"`, `"expires_at":"2020-01-01","currency"`), "unknown_field", "expires_at"},
		{"unknown inside", replace(t, rent, `"tax_id"`, `"inn":"1","tax_id"`), "unknown_field", "payee.inn"},
		{"unknown in a line", replace(t, rent, `"no":1`, `"number":1`), "unknown_field", "lines[0].number"},
		{"a list", `[` + rent + `]`, "invalid_json", ""},
		{"a text", `"x"`, "invalid_json", ""},
		{"null", `null`, "invalid_json", ""},
		{"a second document", rent + `{}`, "invalid_json", ""},
		{"something behind", rent + `x`, "invalid_json", ""},
		{"cut off", rent[:100], "invalid_json", ""},
		{"bad UTF-8", replace(t, rent, "Rent, June", "Rent\xff"), "invalid_json", ""},
		{"half a surrogate", replace(t, rent, "Rent, June", `Rent\ud800`), "invalid_json", ""},
		{"a raw control", replace(t, rent, "Rent, June", "Rent\x01"), "invalid_json", ""},
		{"bare NaN", replace(t, rent, `"amount":"125000.00","currency"`, `"amount":NaN,"currency"`), "invalid_json", ""},
		{"comments", "/* x */" + rent, "invalid_json", ""},
		{"deep", strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), "invalid_json", ""},
		{"deep lists", strings.Repeat(`[`, 20000), "invalid_json", ""},
		{"two marks", "\ufeff\ufeff" + rent, "invalid_json", ""},
		{"only a mark", "\ufeff", "invalid_json", ""},
	} {
		out := b.call(t, request{method: "PUT", path: b.path("A"), body: c.body})
		expect(t, out, 400, c.code)
		if c.field != "" && (len(out.faults(t)) != 1 || !strings.HasPrefix(out.faults(t)[0], c.field+" ")) {
			t.Errorf("%s: %v", c.name, out.faults(t))
		}
	}
	out := b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, `"currency"`, `"Amount":"1.00","currency"`)})
	if !strings.Contains(string(out.body), `(\"amount\")`) {
		t.Errorf("it does not say how the field is called: %s", out.body)
	}
	out = b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, `"currency"`, `"secret_note":"hunter2","currency"`)})
	if !strings.Contains(string(out.body), `(\"fields\")`) || strings.Contains(string(out.body), "hunter2") {
		t.Errorf("it does not say where such fields go, or repeats the value: %s", out.body)
	}
	expect(t, b.call(t, request{method: "PUT", path: b.path("A"), headers: []string{"Content-Type: application/json"}}), 400, "invalid_json")
}

func TestOnlyPlainJSONIsTaken(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, headers := range [][]string{
		{"Content-Type: application/json; charset=utf-16"},
		{"Content-Type: text/json"},
		{"-Content-Type"},
		{"Content-Type: text/plain"},
		{"Content-Type: application/x-www-form-urlencoded"},
		{"Content-Type: application/json; charset=iso-8859-1"},
		{"Content-Type: application/problem+json"},
		{"Content-Type: application/json;;"},
		{"Content-Type: multipart/form-data; boundary=x"},
		{"Content-Encoding: gzip"},
		{"Content-Encoding: deflate"},
		{"Content-Encoding: identity, gzip"},
	} {
		expect(t, b.call(t, request{method: "PUT", path: b.path("A"), body: rent, headers: headers}), 415, "unsupported_media_type")
	}
	for i, headers := range [][]string{
		{"Content-Type: application/json; charset=utf-8"}, {"Content-Type: application/json;charset=UTF-8"}, {"Content-Type: Application/JSON"}, {"Content-Encoding: identity"},
	} {
		expect(t, b.call(t, request{method: "PUT", path: b.path(fmt.Sprintf("T%d", i)), body: rent, headers: headers}), 201, "")
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	b := common(t)
	body := `{"type":"Payment Request","number":7,"title":"` + strings.Repeat("t", 501) + `","company":" LLC","amount":"1.234","currency":"RUR",
		"due_date":"30.06.2026","payee":{"name":5,"account":"4070\u202e"},"url":"javascript:alert(1)","cost_center":"a\nb",
		"fields":{"a":{"b":1},"":"x","` + strings.Repeat("k", 101) + `":"x"},
		"lines":[{"no":-1,"amount":"1"},{"text":"` + strings.Repeat("x", 1001) + `"},7],
		"files":[{"name":"a.pdf"},{"sha256":"xyz","name":"b"},{"name":"c","content_base64":"***"},{"name":"d","content_base64":"QQ==","sha256":"` + strings.Repeat("0", 64) + `"},{"name":"e","upload":"later","sha256":"` + strings.Repeat("0", 64) + `"}]}`
	out := b.call(t, request{method: "PUT", path: b.path("A"), body: body})
	expect(t, out, 422, "invalid_field")
	got := out.faults(t)
	slices.Sort(got)
	want := []string{
		"company bad_characters", "cost_center bad_characters", "currency unknown_currency", "due_date bad_date", "fields. bad_characters", "fields.a wrong_type",
		"fields." + strings.Repeat("k", 100) + "… bad_characters",
		"files[0].sha256 missing_field", "files[1].sha256 invalid_field", "files[2].content_base64 invalid_field", "files[3].sha256 digest_mismatch", "files[4].upload invalid_field",
		"lines[0].no out_of_range", "lines[1].text too_long", "lines[2] wrong_type", "number wrong_type", "payee.account bad_characters", "payee.name wrong_type",
		"requester missing_field", "title too_long", "type invalid_field", "url bad_address",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	many := func(n int, one string) string {
		return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
	}
	fields := make([]string, 201)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"f%d":"x"`, i)
	}
	digest := strings.Repeat("0", 64)
	for _, c := range []struct {
		name, body, code, fault string
		status                  int
	}{
		{"501 lines", replace(t, rent, `"lines":[`, `"lines":[`+many(500, `{"text":"x"}`)+`,`), "invalid_field", "lines too_many", 422},
		{"201 fields", replace(t, rent, `"Договор":"15/24"`, strings.Join(fields, ",")), "invalid_field", "fields too_many", 422},
		{"51 files", replace(t, rent, `"lines"`, `"files":[`+many(51, `{"name":"a","upload":"pending","sha256":"`+digest+`"}`)+`],"lines"`), "invalid_field", "files too_many", 422},
		{"a long field", replace(t, rent, `"15/24"}`, `"`+strings.Repeat("я", 2001)+`"}`), "invalid_field", "fields.Договор too_long", 422},
		{"9 MB", replace(t, rent, "Rent, June", strings.Repeat("x", 9<<20)), "too_large", "", 413},
		{"more than a row", replace(t, rent, `"lines":[`, `"lines":[`+many(400, `{"text":"`+strings.Repeat("<", 1000)+`"}`)+`,`), "too_large", "", 413},
	} {
		out := b.call(t, request{method: "PUT", path: b.path("BIG"), body: c.body})
		expect(t, out, c.status, c.code)
		if c.fault != "" && (len(out.faults(t)) != 1 || out.faults(t)[0] != c.fault) {
			t.Errorf("%s: %v", c.name, out.faults(t))
		}
	}
	fits := replace(t, rent, `"lines":[`, `"lines":[`+many(499, `{"text":"`+strings.Repeat("я", 300)+`"}`)+`,`)
	fits = replace(t, fits, `"Договор":"15/24"`, strings.Join(fields[:200], ","))
	expect(t, b.call(t, request{method: "PUT", path: b.path("FITS"), body: fits}), 201, "")
	long := `{"author":"a","text":"` + strings.Repeat("x", 300<<10) + `"}`
	expect(t, b.post(t, b.path("FITS")+"/comments", long, "Idempotency-Key: comment-0001"), 413, "too_large")
	expect(t, b.call(t, request{method: "POST", path: "/v1/webhooks", body: `{"url":"` + strings.Repeat("x", 300<<10) + `"}`}), 413, "too_large")
}

func TestTextThatDeceivesIsTakenLiterally(t *testing.T) {
	t.Parallel()
	b := common(t)
	odd := `<a href=\"x\">*{{.Amount}}` + "`" + `_[x](y)</a>`
	b.put(t, "A", replace(t, rent, "Rent, June", odd))
	if got := b.get(t, b.path("A")).at(t, "document.title"); got != strings.ReplaceAll(odd, `\"`, `"`) {
		t.Errorf("%q", got)
	}
	expect(t, b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, "Rent, June", strings.Repeat("x", 10<<10))}), 422, "invalid_field")
}

func TestTheDigestOfABodyIsChecked(t *testing.T) {
	t.Parallel()
	b := common(t)
	put := func(digest string) response {
		return b.call(t, request{method: "PUT", path: b.path("A"), body: rent, headers: []string{"Content-Digest: " + digest}})
	}
	expect(t, put("sha-256=:"+digestOf(rent)+":"), http.StatusCreated, "")
	expect(t, put("md5=:AAAA:, sha-256=:"+digestOf(rent)+":"), http.StatusOK, "")
	expect(t, put("sha-256=:"+digestOf("other")+":"), 422, "digest_mismatch")
	expect(t, put("sha-256="+digestOf(rent)), 400, "invalid_header")
	expect(t, put("sha-256=:***:"), 400, "invalid_header")
	expect(t, put("nonsense"), 400, "invalid_header")
}

func TestParametersThatAreNotKnownAreRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, path := range []string{"/v1/events?affter=x", "/v1/events?after=a&after=b", "/v1/events?%zz", "/v1/events?limit=1;wait=2", b.path("A") + "?x=1", "/v1/webhooks?all=1"} {
		expect(t, b.get(t, path), 400, "bad_parameter")
	}
}

func TestProblemsSpeakTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	b := common(t)
	said := map[string]string{}
	for _, lang := range []string{"ru", "en", "de", "es", "ru-RU,ru;q=0.9,en;q=0.5", "xx", ""} {
		out := b.call(t, request{method: "GET", path: b.path("none"), headers: []string{"Accept-Language: " + lang}})
		expect(t, out, 404, "not_found")
		said[lang] = out.at(t, "message")
	}
	if said["ru"] == said["en"] || said["de"] == said["en"] || said["es"] == said["de"] || said["xx"] != said["en"] || said[""] != said["en"] || said["ru-RU,ru;q=0.9,en;q=0.5"] != said["ru"] {
		t.Errorf("%v", said)
	}
}
