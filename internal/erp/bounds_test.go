package erp_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/internal/erp"
)

// names is an object of so many names that nobody knows.
func names(many int, of string) string {
	var s strings.Builder
	for i := range many {
		fmt.Fprintf(&s, `,"%s%d":1`, of, i)
	}
	return "{" + strings.TrimPrefix(s.String(), ",") + "}"
}

// required is how many fields a document of unknown names lacks: type, requester, currency.
const required = 3

// number reads a whole number of an answer; 0 where there is none.
func number(t *testing.T, out response, path string) int {
	t.Helper()
	text := out.at(t, path)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheFirstHundredMistakesAreToldAndTheOthersCounted(t *testing.T) {
	t.Parallel()
	b := common(t)
	put := func(body string) response {
		return b.call(t, request{method: "PUT", path: b.path("A"), body: body})
	}

	lines := strings.TrimSuffix(strings.Repeat(`{"no":-1},`, 30), ",")
	mixed := put(replace(t, rent, `"lines":[`, strings.TrimSuffix(strings.TrimPrefix(names(150, "n"), "{"), "}")+`,"lines":[`+lines+`,`))
	expect(t, mixed, 400, "unknown_field")
	if f := mixed.faults(t); len(f) != 100 || f[0] != "n0 unknown_field" || number(t, mixed, "more_errors") != 80 {
		t.Errorf("%d told, %s more: %v", len(f), mixed.at(t, "more_errors"), f)
	}
	for _, many := range []int{99, 100, 101, 500} {
		out := put(replace(t, rent, `{"no":1,"text":"Rent","amount":"125000.00","cost_center":"CC-12"}`, strings.TrimSuffix(strings.Repeat(`{"no":-1},`, many), ",")))
		expect(t, out, 422, "invalid_field")
		if told := len(out.faults(t)); told != min(many, 100) || number(t, out, "more_errors") != max(0, many-100) {
			t.Errorf("of %d: %d told, %s more", many, told, out.at(t, "more_errors"))
		}
	}
	for _, lang := range []string{"en", "ru", "de", "es"} {
		wide := b.call(t, request{method: "PUT", path: b.path("A"), body: names(999, strings.Repeat("😀", 97)), headers: []string{"Accept-Language: " + lang}})
		expect(t, wide, 400, "unknown_field")
		if told := len(wide.faults(t)); len(wide.body) > 48<<10 || told < 50 || told == 100 || told+number(t, wide, "more_errors") != 999+required {
			t.Errorf("%s: %d bytes, %d told, %s more", lang, len(wide.body), told, wide.at(t, "more_errors"))
		}
	}
	marks := put(names(999, strings.Repeat(`<\"&`, 33)))
	if expect(t, marks, 400, "unknown_field"); len(marks.body) > 64<<10 || !strings.Contains(string(marks.body), `<\"&`) {
		t.Errorf("%d bytes: %.300s", len(marks.body), marks.body)
	}
	out := b.get(t, "/v1/events?"+strings.Repeat("x&", 1)+strings.ReplaceAll(strings.Trim(names(300, "q"), "{}"), `":1,"`, "&"))
	if expect(t, out, 400, "bad_parameter"); len(out.faults(t)) != 100 || number(t, out, "more_errors") == 0 {
		t.Errorf("%d told", len(out.faults(t)))
	}
}

func TestTheMistakesOfABatchAreAHundredTogether(t *testing.T) {
	t.Parallel()
	b := common(t)
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"external_id":"N%d","document":%s}`, i, names(10+900*(i%2), "n")))
	}
	out := b.post(t, "/v1/documents/batch", `{"items":[`+strings.Join(items, ",")+`]}`)
	expect(t, out, 200, "")
	var answer erp.BatchAnswer
	if err := json.Unmarshal(out.body, &answer); err != nil || len(answer.Results) != 100 {
		t.Fatalf("%d results, %v", len(answer.Results), err)
	}
	told := 0
	for i, r := range answer.Results {
		if r.Problem == nil || len(r.Problem.Errors) == 0 {
			t.Fatalf("%d tells no mistake", i)
		}
		told += len(r.Problem.Errors)
		if all := len(r.Problem.Errors) + r.Problem.More; all != 10+900*(i%2)+required {
			t.Errorf("item %d has %d mistakes", i, all)
		}
	}
	if told != 100 || len(out.body) > 64<<10 {
		t.Errorf("%d told in %d bytes", told, len(out.body))
	}

	few := b.post(t, "/v1/documents/batch", `{"items":[`+items[1]+`,`+items[0]+`,{"external_id":"GOOD","document":`+rent+`}]}`)
	if few.at(t, "results.2.status") != "201" || few.at(t, "results.1.problem.errors.12.code") == "" || few.at(t, "results.1.problem.more_errors") != "" ||
		few.at(t, "results.0.problem.errors.86.code") == "" || few.at(t, "results.0.problem.errors.87.code") != "" || few.at(t, "results.0.problem.more_errors") != "826" {
		t.Errorf("%s", few.body)
	}
}

func TestNotesAreBoundedAndTheOthersCounted(t *testing.T) {
	t.Parallel()
	b := common(t)
	out := b.put(t, "A", replace(t, rent, `"lines":[`, `"lines":[`+strings.Repeat(`{"text":" x"},`, 499)))
	var made erp.DocumentAnswer
	if err := json.Unmarshal(out.body, &made); err != nil || len(made.Normalized) != 200 || made.MoreNormalized != 299 {
		t.Errorf("%d told, %d more, %v", len(made.Normalized), made.MoreNormalized, err)
	}
	out = b.put(t, "B", replace(t, rent, `"lines":[`, `"lines":[`+strings.Repeat(`{"text":" `+strings.Repeat(`\"`, 200)+`"},`, 499)))
	made = erp.DocumentAnswer{}
	if err := json.Unmarshal(out.body, &made); err != nil || len(made.Normalized) == 0 || len(made.Normalized)+made.MoreNormalized != 499 || len(out.body) > 64<<10 {
		t.Errorf("%d told, %d more in %d bytes, %v", len(made.Normalized), made.MoreNormalized, len(out.body), err)
	}
}

// nested are lists in one another.
func nested(deep int) string {
	return `{"fields":` + strings.Repeat("[", deep-1) + strings.Repeat("]", deep-1) + "}"
}

func TestABodyThatIsOnlyMarksIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	b := common(t)
	const full = 1 << 20
	many := names(100_000, "")
	for _, c := range []struct{ name, method, path, body, code string }{
		{"names", "PUT", b.path("A"), many, "too_many"},
		{"one name too many", "PUT", b.path("A"), names(1001, "n"), "too_many"},
		{"all names that may be", "PUT", b.path("A"), names(1000, "n"), "unknown_field"},
		{"names of the payee", "PUT", b.path("A"), `{"payee":` + many + `}`, "too_many"},
		{"fields", "PUT", b.path("A"), `{"fields":` + many + `}`, "too_many"},
		{"names of an item", "POST", "/v1/documents/batch", `{"items":[` + many + `]}`, "too_many"},
		{"names of an unknown thing", "POST", "/v1/documents/batch", `{"x":[` + many + `]}`, "too_many"},
		{"a comment of names", "POST", b.path("A") + "/comments", names(10_000, "n"), "too_many"},
		{"names after an escape", "PUT", b.path("A"), `{"title":"\\","x\"{":"\"",` + strings.TrimPrefix(names(1001, "n"), "{"), "too_many"},
		{"marks in a text", "PUT", b.path("A"), `{"title":"` + strings.Repeat(`\":`, 3000) + `"}`, "invalid_field"},
		{"as deep as may be", "PUT", b.path("A"), nested(32), "invalid_field"},
		{"too deep", "PUT", b.path("A"), nested(33), "invalid_json"},
		{"deep", "PUT", b.path("A"), strings.Repeat(`{"a":`, full/5), "invalid_json"},
		{"closing", "PUT", b.path("A"), strings.Repeat("]", full), "invalid_json"},
		{"an open text", "PUT", b.path("A"), `{"a":"` + strings.Repeat(`\`, full), "invalid_json"},
		{"small lines", "PUT", b.path("A"), `{"lines":[` + strings.Repeat("{},", full/3) + `{}]}`, "invalid_field"},
		{"small items", "POST", "/v1/documents/batch", `{"items":[` + strings.Repeat("{},", full/3) + `{}]}`, "invalid_field"},
	} {
		out := b.call(t, request{method: c.method, path: c.path, body: c.body, headers: []string{"Idempotency-Key: 12345678"}})
		if out.status < 400 || out.status > 422 || out.code(t) != c.code || len(out.body) > 64<<10 {
			t.Errorf("%s: %d, %d bytes: %.300s", c.name, out.status, len(out.body), out.body)
		}
	}
}

// This one runs alone: what it counts is of the whole process.
func TestReadingMistakesCostsLittle(t *testing.T) {
	unknown, missing := names(100_000, ""), `{"lines":[`+strings.TrimSuffix(strings.Repeat(`{"a":1,"b":2,"c":3},`, 500), ",")+`]}`
	for name, c := range map[string]struct {
		body string
		most float64
	}{"a megabyte of names": {unknown, 100}, "500 lines of names": {missing, 15_000}} {
		if got := testing.AllocsPerRun(1, func() {
			if _, _, err := erp.ReadDocument([]byte(c.body)); err == nil {
				t.Error("it was taken")
			}
		}); got > c.most {
			t.Errorf("%s: %.0f pieces of memory", name, got)
		}
	}
}

func TestNamesThatAreNotKnownAreToldInTheirOrder(t *testing.T) {
	t.Parallel()
	b := common(t)
	out := b.call(t, request{method: "PUT", path: b.path("A"), body: names(300, "n")})
	again := b.call(t, request{method: "PUT", path: b.path("A"), body: names(300, "n")})
	if f := out.faults(t); !slices.Equal(f, again.faults(t)) || !slices.Contains(f, "n95 unknown_field") || slices.Contains(f, "n200 unknown_field") {
		t.Errorf("%v", f)
	}
}

func TestTheBoundsOfBodiesAreTheDoors(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(d *erp.Door) { d.BodyBytes, d.DocumentBytes = 16<<10, 32<<10 })
	long := strings.Repeat(" ", 20<<10)
	if out := b.put(t, "1", rent+long); out.status != 201 {
		t.Errorf("a document of 20 KiB, of 32: %d %s", out.status, out.body)
	}
	expect(t, b.call(t, request{method: "PUT", path: b.path("2"), body: rent + long + long}), 413, "too_large")
	expect(t, b.post(t, b.path("1")+"/withdraw", `{"reason":"x"}`+long), 413, "too_large")
}
