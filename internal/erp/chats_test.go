package erp_test

import (
	"strings"
	"testing"
)

func TestChatIsToldByTypeCompanyAndAmount(t *testing.T) {
	t.Parallel()
	b := common(t)
	put := func(body string) response {
		return b.call(t, request{method: "PUT", path: "/v1/chats/by-amount", body: `{"telegram_chat_id":-1004567890123,"title":"Large",` + body + `}`})
	}
	made := put(`"notices":["contract",{"type":"payment_request","companies":["LLC-A"],"amounts":[{"currency":"RUB","from":"100000.00"},{"currency":"KWD","from":"0","to":"1.500"}]}],
		"hidden":["payee.account","amount"],"protect":true`)
	expect(t, made, 201, "")
	for at, want := range map[string]string{
		"notices.0": "contract", "notices.1.type": "payment_request", "notices.1.companies.0": "LLC-A", "notices.1.amounts.0.from": "100000.00",
		"notices.1.amounts.1.from": "0.000", "notices.1.amounts.1.to": "1.500", "hidden.0": "amount", "files": "false", "protect": "true",
	} {
		if got := made.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	again := put(`"notices":["payment_request"]`) // as a client from before knows it
	expect(t, again, 200, "")
	for at, want := range map[string]string{"notices.0": "payment_request", "notices.1": "", "hidden.1": "payee.account", "files": "false", "protect": "true"} {
		if got := again.at(t, at); got != want {
			t.Errorf("left out, %s is %q, want %q", at, got, want)
		}
	}
	expect(t, put(`"hidden":[],"files":true,"protect":false`), 200, "")
	rule := func(more string) string { return `"notices":[{"type":"payment_request",` + more + `}]` }
	for body, want := range map[string]string{
		`"notices":["payment_request",{"type":"payment_request","companies":["LLC-A"]}]`: "notices[1] conflict",
		`"notices":[7]`:                                                  "notices[0] wrong_type",
		`"notices":[{}]`:                                                 "notices[0].type missing_field",
		`"notices":["",{"type":"x"}]`:                                    "notices[0] missing_field",
		rule(`"companies":[""]`):                                         "notices[0].companies[0] missing_field",
		rule(`"amounts":[{}]`):                                           "notices[0].amounts[0].currency missing_field",
		rule(`"amounts":[{"currency":"XXQ","from":"1"}]`):                "notices[0].amounts[0].currency unknown_currency",
		rule(`"amounts":[{"currency":"RUB","from":1}]`):                  "notices[0].amounts[0].from not_a_decimal",
		rule(`"amounts":[{"currency":"JPY","from":"1.5"}]`):              "notices[0].amounts[0].from too_precise",
		rule(`"amounts":[{"currency":"RUB","from":"2.00","to":"1.00"}]`): "notices[0].amounts[0].to out_of_range",
		rule(`"amounts":[{"currency":"RUB","from":"-1.00"}]`):            "notices[0].amounts[0].from not_a_decimal",
		rule(`"amounts":{"currency":"RUB"}`):                             "notices[0].amounts wrong_type",
		rule(`"amount":"5"`):                                             "notices[0].amount unknown_field",
		`"hidden":["everything"]`:                                        "hidden invalid_field",
		`"hidden":"amount"`:                                              "hidden wrong_type",
		`"files":"no"`:                                                   "files wrong_type",
		`"protect":1`:                                                    "protect wrong_type",
	} {
		out := put(body)
		if out.status/100 != 4 || !strings.Contains(strings.Join(out.faults(t), ", "), want) {
			t.Errorf("%s: %d %v, want %s", body, out.status, out.faults(t), want)
		}
	}
}
