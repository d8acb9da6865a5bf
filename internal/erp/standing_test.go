package erp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/ledger/ledgertest"
)

// hours is a moment so many hours after the clock of the bench.
func (b *bench) hours(n int) string {
	return b.Clock.Now().Add(time.Duration(n) * time.Hour).UTC().Format(time.RFC3339)
}

func TestAnAbsenceLetsTheDeputyDecideUntilItIsTakenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "A1", rent)
	asked := func() string {
		var out []string
		got := b.get(t, documentPath("A1"))
		for i := 0; got.at(t, fmt.Sprintf("case.step.waiting_on.%d.user", i)) != ""; i++ {
			out = append(out, got.at(t, fmt.Sprintf("case.step.waiting_on.%d.user", i)))
		}
		return strings.Join(out, " ")
	}
	before := asked()
	body := fmt.Sprintf(`{"user":"petrov","until":%q,"deputy":"orlova@example.org"}`, b.hours(48))
	made := b.call(t, request{method: "PUT", path: "/v1/absences/vacation-1", body: body})
	expect(t, made, 201, "")
	if made.at(t, "user") != "petrov" || made.at(t, "deputy") != "orlova" || made.at(t, "external_id") != "vacation-1" || made.at(t, "ended_at") != "" {
		t.Errorf("%s", made.body)
	}
	if got := asked(); got != before+" orlova" {
		t.Errorf("asked are %s, before %s", got, before)
	}
	again := b.call(t, request{method: "POST", path: "/v1/absences/vacation-1", body: body})
	if expect(t, again, 200, ""); again.at(t, "made_at") != made.at(t, "made_at") {
		t.Errorf("said again: %s", again.body)
	}
	list := b.get(t, "/v1/absences?user=petrov")
	if list.at(t, "absences.0.external_id") != "vacation-1" || list.at(t, "absences.1.user") != "" {
		t.Errorf("%s", list.body)
	}
	if got := b.get(t, "/v1/delegations?user=orlova"); got.at(t, "delegations.0.principal") != "petrov" || got.at(t, "delegations.0.id") != made.at(t, "delegation") {
		t.Errorf("%s", got.body)
	}
	for _, way := range []request{{method: "DELETE", path: "/v1/absences/vacation-1"}, {method: "POST", path: "/v1/absences/vacation-1/delete"}} {
		ended := b.call(t, way)
		if expect(t, ended, 200, ""); ended.at(t, "ended_at") == "" {
			t.Errorf("%s", ended.body)
		}
	}
	if got := asked(); got != before {
		t.Errorf("asked are %s, before %s", got, before)
	}
	expect(t, b.call(t, request{method: "DELETE", path: "/v1/absences/none"}), 404, "not_found")
	expect(t, b.call(t, request{method: "GET", path: "/v1/absences?user=none"}), 404, "not_found")
}

func TestADelegationIsReadStrictly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	put := func(body string) response {
		return b.call(t, request{method: "PUT", path: "/v1/delegations/d1", body: body})
	}
	made := put(fmt.Sprintf(`{"principal":"petrov","deputy":"kozlov","until":%q,"role":"budget_holder","company":"LLC-A","up_to":"1000.50","currency":"RUB","hands":2}`, b.hours(5)))
	expect(t, made, 201, "")
	for at, want := range map[string]string{"up_to": "1000.50", "currency": "RUB", "role": "budget_holder", "company": "LLC-A", "hands": "2", "principal": "petrov"} {
		if got := made.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	for body, want := range map[string][]string{
		`{}`: {"principal missing_field", "deputy missing_field", "until missing_field"},
		`{"principal":"nobody","deputy":"petrov","until":"tomorrow"}`:                                                   {"principal unknown_user", "until bad_date"},
		fmt.Sprintf(`{"principal":"petrov","deputy":"petrov","until":%q}`, b.hours(-1)):                                 {"until out_of_range", "deputy conflict"},
		fmt.Sprintf(`{"principal":"petrov","deputy":"kozlov","until":%q}`, b.hours(24*500)):                             {"until out_of_range"},
		fmt.Sprintf(`{"principal":"petrov","deputy":"kozlov","until":%q,"up_to":"5"}`, b.hours(5)):                      {"currency missing_field"},
		fmt.Sprintf(`{"principal":"petrov","deputy":"kozlov","until":%q,"up_to":"5.123","currency":"RUB"}`, b.hours(5)): {"up_to too_precise"},
		fmt.Sprintf(`{"principal":"petrov","deputy":"kozlov","until":%q,"hands":4}`, b.hours(5)):                        {"hands out_of_range"},
	} {
		out := put(body)
		expect(t, out, 422, "invalid_field")
		if diff := cmp.Diff(want, out.faults(t)); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	back := b.call(t, request{method: "PUT", path: "/v1/delegations/back", body: fmt.Sprintf(`{"principal":"kozlov","deputy":"petrov","until":%q}`, b.hours(5))})
	expect(t, back, 409, "conflict")
	if got := b.get(t, "/v1/delegations/d1"); got.at(t, "id") != made.at(t, "id") {
		t.Errorf("what was refused changed something: %s", got.body)
	}
	_, weak := b.newKey(t, ledgertest.Source, "documents:read")
	expect(t, b.call(t, request{method: "GET", path: "/v1/delegations", headers: []string{"Authorization: " + weak}}), 403, "forbidden")
	expect(t, b.call(t, request{method: "DELETE", path: "/v1/delegations/d1"}), 200, "")
}
