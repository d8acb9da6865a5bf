package erp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
)

func TestALenientBodyIsUnderstoodAsERPsPrintIt(t *testing.T) {
	t.Parallel()
	b := common(t)
	for sent, want := range map[string]string{
		`"125 000,00"`: "125000.00", `"125000,5"`: "125000.50", "\"125\u00a0000.00\"": "125000.00", "\"125\u202f000\"": "125000.00", `125000.00`: "125000.00", `125000`: "125000.00",
		`"1,000.00"`: "", `"1,000,00"`: "", `1e5`: "", `"-5,00"`: "",
	} {
		id := "L-" + hexOf(sent)
		body := replace(t, rent, `"amount":"125000.00","currency"`, `"lenient":true,"amount":`+sent+`,"currency"`)
		out := b.call(t, request{method: "PUT", path: b.path(id), body: body})
		if want == "" {
			expect(t, out, 422, "invalid_field")
			continue
		}
		expect(t, out, 201, "")
		if got := b.get(t, b.path(id)).at(t, "document.amount"); got != want || !strings.Contains(string(out.body), `"field":"amount"`) {
			t.Errorf("%s became %q, normalized %s", sent, got, out.at(t, "normalized"))
		}
	}
	body := replace(t, rent, `"2026-06-30"`, `"30.06.2026"`)
	body = replace(t, body, `"currency"`, `"lenient":true,"currency"`)
	if out := b.put(t, "LD", body); !strings.Contains(string(out.body), `"to":"2026-06-30"`) {
		t.Errorf("date: %s", out.body)
	}
	old, err := charmap.Windows1251.NewEncoder().String(replace(t, body, `"Rent, June"`, `"Аренда"`))
	if err != nil {
		t.Fatal(err)
	}
	out := b.call(t, request{method: "PUT", path: b.path("L1251"), body: old, headers: []string{"Content-Type: application/json; charset=windows-1251"}})
	expect(t, out, 201, "")
	if got := b.get(t, b.path("L1251")).at(t, "document.title"); got != "Аренда" || !strings.Contains(string(out.body), `"from":"windows-1251"`) {
		t.Errorf("windows-1251: %q %s", got, out.body)
	}
	strict, err := charmap.Windows1251.NewEncoder().String(replace(t, rent, `"Rent, June"`, `"Аренда"`))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, b.call(t, request{method: "PUT", path: b.path("S1251"), body: strict, headers: []string{"Content-Type: application/json; charset=windows-1251"}}), 415, "unsupported_media_type")
}

func TestAnAmountThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	for i, c := range []struct{ currency, sent, want string }{ // three decimals, two, none, four
		{"KWD", `"1,000"`, ""},
		{"KWD", `"999,999"`, ""},
		{"KWD", `"12,345"`, ""},
		{"KWD", `" 1,000 "`, ""},
		{"KWD", `"000,500"`, ""},
		{"RUB", `"1,000"`, ""},
		{"JPY", `"1,000"`, ""},
		{"CLF", `"1,000"`, ""},
		{"RUB", `"125 00"`, ""},
		{"RUB", `"1 5"`, ""},
		{"RUB", `"1 00 000"`, ""},
		{"RUB", `"1234 567"`, ""},
		{"RUB", `"1,0 0"`, ""},
		{"KWD", `"1.000 000"`, ""},
		{"KWD", `"1  000"`, ""},
		{"KWD", `"1.000"`, "1.000"},
		{"KWD", `1.000`, "1.000"},
		{"KWD", `"0,500"`, "0.500"},
		{"KWD", `"1 000,000"`, "1000.000"},
		{"KWD", `"1 000.000"`, "1000.000"},
		{"KWD", `"1000,000"`, "1000.000"},
		{"KWD", `"1,00"`, "1.000"},
		{"KWD", `"1 000"`, "1000.000"},
		{"CLF", `"1,0000"`, "1.0000"},
		{"JPY", `"1 000 000"`, "1000000"},
		{"RUB", `"  125 000,5 "`, "125000.50"},
	} {
		id := fmt.Sprintf("T%d", i)
		body := replace(t, replace(t, rent, `"amount":"125000.00","currency":"RUB"`, `"lenient":true,"amount":`+c.sent+`,"currency":"`+c.currency+`"`), `,"amount":"125000.00","cost_center"`, `,"cost_center"`)
		out := b.call(t, request{method: "PUT", path: b.path(id), body: body})
		if c.want == "" {
			expect(t, out, 422, "invalid_field")
			if diff := cmp.Diff([]string{"amount ambiguous_amount"}, out.faults(t)); diff != "" {
				t.Errorf("%s %s: %s", c.sent, c.currency, diff)
			}
			continue
		}
		if expect(t, out, 201, ""); b.get(t, b.path(id)).at(t, "document.amount") != c.want {
			t.Errorf("%s %s became %s", c.sent, c.currency, b.get(t, b.path(id)).at(t, "document.amount"))
		}
	}
	line := replace(t, replace(t, rent, `"currency":"RUB"`, `"lenient":true,"currency":"RUB"`), `"text":"Rent","amount":"125000.00"`, `"text":"Rent","amount":"-1,000"`)
	out := b.call(t, request{method: "PUT", path: b.path("LINE"), body: line})
	if expect(t, out, 422, "invalid_field"); out.faults(t)[0] != "lines[0].amount ambiguous_amount" {
		t.Errorf("%s", out.body)
	}
	b.put(t, "LINE", replace(t, line, `"-1,000"`, `"- 1 000,25"`))
	if got := b.get(t, b.path("LINE")).at(t, "document.lines.0.amount"); got != "-1000.25" {
		t.Errorf("- 1 000,25 became %s", got)
	}
	strict := replace(t, replace(t, rent, `"amount":"125000.00","currency":"RUB"`, `"amount":"1.000","currency":"KWD"`), `,"amount":"125000.00","cost_center"`, `,"cost_center"`)
	if b.put(t, "STRICT", strict); b.get(t, b.path("STRICT")).at(t, "document.amount_minor") != "1000" {
		t.Error("1.000 KWD is not one dinar")
	}
}

func TestMoneyGoesInAsTextOrMinorUnits(t *testing.T) {
	t.Parallel()
	b := common(t)
	minor := replace(t, rent, `"amount":"125000.00","currency"`, `"amount_minor":12500000,"currency"`)
	both := replace(t, rent, `"amount":"125000.00","currency"`, `"amount":"125000.00","amount_minor":12500000,"currency"`)
	first := b.put(t, "A", rent).at(t, "content_hash")
	for _, body := range []string{minor, both} {
		if out := b.put(t, "A", body); out.at(t, "change") != "unchanged" || out.at(t, "content_hash") != first {
			t.Errorf("%s", out.body)
		}
	}
	out := b.call(t, request{method: "PUT", path: b.path("B"), body: replace(t, rent, `"amount":"125000.00","currency"`, `"amount":"125000.00","amount_minor":12500001,"currency"`)})
	expect(t, out, 422, "invalid_field")
	discount := replace(t, rent, `"lines":[`, `"lines":[{"text":"Discount","amount":"-100.50"},{"text":"Gift","amount":"0.00"},{"text":"Note"},`)
	b.put(t, "C", discount)
	state := b.get(t, b.path("C"))
	if state.at(t, "document.lines.0.amount") != "-100.50" || state.at(t, "document.lines.0.amount_minor") != "-10050" || state.at(t, "document.lines.1.amount") != "0.00" ||
		state.at(t, "document.lines.2.amount") != "" || state.at(t, "document.lines.1.no") != "2" {
		t.Errorf("%s", state.body)
	}
}
