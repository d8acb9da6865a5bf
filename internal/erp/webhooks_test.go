package erp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"countersign/internal/erp"
)

// receiver takes events on loopback; the door of the bench may reach it.
func receiver(t *testing.T) (url string, got <-chan http.Header) {
	t.Helper()
	headers := make(chan http.Header, 16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		fmt.Fprint(w, "thank you")
	}))
	t.Cleanup(s.Close)
	return s.URL, headers
}

func openLoopback(d *erp.Door) { d.Hook.Egress = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func TestAnEndpointIsMadeChangedAndEnded(t *testing.T) {
	t.Parallel()
	b := newBench(t, openLoopback)
	url, got := receiver(t)
	made := b.post(t, "/v1/webhooks", fmt.Sprintf(`{"url":%q,"types":["case.decided"],"authorization":"Bearer s3cret","in_flight":2}`, url))
	expect(t, made, 201, "")
	id, secret := made.at(t, "id"), made.at(t, "secret")
	if !strings.HasPrefix(id, "whk_") || !strings.HasPrefix(secret, "whsec_") || made.at(t, "state") != "active" || made.at(t, "in_flight") != "2" ||
		made.at(t, "timeout_seconds") != "20" || made.at(t, "authorization") != "true" || made.header.Get("ETag") != `"1"` {
		t.Errorf("%v %s", made.header, made.body)
	}
	path := "/v1/webhooks/" + id
	for _, out := range []response{b.get(t, path), b.get(t, "/v1/webhooks")} {
		if strings.Contains(string(out.body), secret) || strings.Contains(string(out.body), "s3cret") || !strings.Contains(string(out.body), id) {
			t.Errorf("%s", out.body)
		}
	}
	test := b.post(t, path+"/test", "")
	expect(t, test, 200, "")
	if test.at(t, "delivered") != "true" || test.at(t, "status") != "200" || test.at(t, "sample") != "thank you" {
		t.Errorf("%s", test.body)
	}
	if h := <-got; h.Get("Authorization") != "Bearer s3cret" || h.Get("Webhook-Signature") == "" {
		t.Errorf("%v", h)
	}
	patch := func(body string, headers ...string) response {
		return b.call(t, request{method: "PATCH", path: path, body: body, headers: headers})
	}
	expect(t, patch(`{"types":[]}`, `If-Match: "7"`), 412, "precondition_failed")
	changed := patch(`{"types":[],"timeout_seconds":30,"authorization":""}`, `If-Match: "1"`)
	expect(t, changed, 200, "")
	if changed.at(t, "types") != "[]" || changed.at(t, "timeout_seconds") != "30" || changed.at(t, "authorization") != "false" || changed.at(t, "in_flight") != "2" || changed.at(t, "url") != url {
		t.Errorf("%s", changed.body)
	}
	for _, method := range []string{"PUT", "POST"} {
		expect(t, b.call(t, request{method: method, path: path, body: `{"in_flight":3}`}), 200, "")
	}
	rotated := b.post(t, path+"/rotate", `{"overlap_seconds":60}`)
	expect(t, rotated, 200, "")
	if next := rotated.at(t, "secret"); next == secret || !strings.HasPrefix(next, "whsec_") || rotated.at(t, "previous_secret_until") == "" {
		t.Errorf("%s", rotated.body)
	}
	revoked := b.post(t, path+"/revoke-previous", "")
	if revoked.at(t, "previous_secret_until") != "" || revoked.at(t, "secret") != "" {
		t.Errorf("%s", revoked.body)
	}
	paused := b.post(t, path+"/pause", `{"reason":"Maintenance"}`)
	if paused.at(t, "state") != "paused" || paused.at(t, "reason") != "Maintenance" {
		t.Errorf("%s", paused.body)
	}
	if resumed := b.post(t, path+"/resume", ""); resumed.at(t, "state") != "active" {
		t.Errorf("%s", resumed.body)
	}
	for range 2 {
		if ended := b.call(t, request{method: "DELETE", path: path}); ended.status != 200 || ended.at(t, "state") != "ended" {
			t.Errorf("%d %s", ended.status, ended.body)
		}
	}
	expect(t, b.post(t, path+"/delete", ""), 200, "")
	expect(t, patch(`{"in_flight":1}`), 409, "closed")
	expect(t, b.post(t, path+"/test", ""), 409, "closed")
	if list := b.get(t, "/v1/webhooks"); list.at(t, "webhooks") != "[]" {
		t.Errorf("%s", list.body)
	}
}

func TestDeliveriesAreListedAndReplayed(t *testing.T) {
	t.Parallel()
	b := newBench(t, openLoopback)
	url, got := receiver(t)
	path := "/v1/webhooks/" + b.post(t, "/v1/webhooks", fmt.Sprintf(`{"url":%q}`, url)).at(t, "id")
	b.put(t, "REQ", rent)
	if _, err := b.door.Hook.Place(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.door.Hook.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-got
	list := b.get(t, path+"/deliveries?limit=2")
	expect(t, list, 200, "")
	if list.at(t, "deliveries.0.type") != "case.step_opened" || list.at(t, "deliveries.1.type") != "case.started" || list.at(t, "next") != list.at(t, "deliveries.1.event_id") {
		t.Errorf("%s", list.body)
	}
	last := b.get(t, path+"/deliveries?limit=2&before="+list.at(t, "next"))
	event := last.at(t, "deliveries.0.event_id")
	if last.at(t, "deliveries.0.type") != "document.received" || last.at(t, "deliveries.0.state") != "done" || last.at(t, "deliveries.1.type") != "" || last.at(t, "next") != "" {
		t.Errorf("%s", last.body)
	}
	if some := b.get(t, path+"/deliveries?state=done&type=document.received"); some.at(t, "deliveries.0.event_id") != event {
		t.Errorf("%s", some.body)
	}
	attempts := b.get(t, path+"/deliveries/"+event+"/attempts")
	expect(t, attempts, 200, "")
	if attempts.at(t, "attempts.0.status") != "200" || attempts.at(t, "attempts.0.delivered") != "true" {
		t.Errorf("%s", attempts.body)
	}
	if again := b.post(t, path+"/replay", fmt.Sprintf(`{"event":%q}`, event)); again.at(t, "replayed") != "1" {
		t.Errorf("%s", again.body)
	}
	if all := b.post(t, path+"/replay", fmt.Sprintf(`{"from":%q,"to":"2030-01-01T00:00:00Z"}`, event)); all.at(t, "replayed") != "3" {
		t.Errorf("%s", all.body)
	}
	waits := b.get(t, path+"/deliveries?state=due").at(t, "deliveries.0.event_id")
	expect(t, b.post(t, path+"/deliveries/"+waits+"/skip", ""), 200, "")
	if skipped := b.get(t, path+"/deliveries?state=skipped"); waits == "" || skipped.at(t, "deliveries.0.event_id") != waits || skipped.at(t, "deliveries.1.event_id") != "" {
		t.Errorf("%s skipped: %s", waits, skipped.body)
	}
	for _, unknown := range []string{"x", "evt_06f1z2k3m4n5p6q7r8s9t0v1w2"} {
		expect(t, b.post(t, path+"/deliveries/"+unknown+"/skip", ""), 404, "not_found")
	}
	for body, code := range map[string]string{
		`{}`: "invalid_field", `{"from":"yesterday"}`: "invalid_field", `{"event":"x"}`: "invalid_field", `{"since":"2026-01-01T00:00:00Z"}`: "unknown_field",
		`{"event":"evt_06f1z2k3m4n5p6q7r8s9t0v1w2"}`: "not_found",
	} {
		if out := b.post(t, path+"/replay", body); out.code(t) != code {
			t.Errorf("%s: %s", body, out.body)
		}
	}
	for _, query := range []string{"state=open", "type=x", "document_id=x", "before=x", "limit=0", "limit=101"} {
		expect(t, b.get(t, path+"/deliveries?"+query), 400, "bad_parameter")
	}
	expect(t, b.get(t, path+"/deliveries/x/attempts"), 404, "not_found")
}

func TestAddressesThatMustNotBeReachedAreRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, address := range []string{
		"http://erp.example.org/", "file:///etc/passwd", "https://user:pass@erp.example.org/", "https://127.1/", "https://2130706433/", "https://[::1]/", "https://[::127.0.0.1]/",
		"https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://169.254.169.254/", "https://localhost/", "https://198.51.100.7:22/", "https://198.51.100.7:5432/",
		"https://198.51.100.7/\r\nX: y", "https://10.0.0.1/", "https://198.51.100.7/#x", "//198.51.100.7", "gopher://x", "https://", "x", "", "https://198.51.100.7/" + strings.Repeat("x", 3<<10),
	} {
		out := b.post(t, "/v1/webhooks", fmt.Sprintf(`{"url":%q}`, address))
		expect(t, out, 422, "invalid_field")
		if f := out.faults(t); len(f) != 1 || !strings.HasPrefix(f[0], "url ") {
			t.Errorf("%.60s: %v", address, f)
		}
		if address != "" && len(address) > 5 && strings.Contains(string(out.body), address) {
			t.Errorf("the answer repeats %s", address)
		}
	}
	out := b.post(t, "/v1/webhooks", `{"url":7,"types":["case.decidid",7],"scheme":"v2","timeout_seconds":61,"in_flight":0,"authorization":"Digest x"}`)
	expect(t, out, 422, "invalid_field")
	if f := out.faults(t); len(f) != 5 {
		t.Errorf("%v", f)
	}
	expect(t, b.post(t, "/v1/webhooks", `{"url":"https://x/","Types":[]}`), 400, "unknown_field")
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		expect(t, b.call(t, request{method: method, path: "/v1/webhooks/nonsense", body: map[string]string{"PATCH": "{}"}[method]}), 404, "not_found")
	}
}

func TestASecretIsNotKeptWithTheKeyOfItsRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t, openLoopback)
	url, _ := receiver(t)
	body := fmt.Sprintf(`{"url":%q}`, url)
	first := b.post(t, "/v1/webhooks", body, "Idempotency-Key: webhook-0001")
	expect(t, first, 201, "")
	again := b.post(t, "/v1/webhooks", body, "Idempotency-Key: webhook-0001")
	expect(t, again, 201, "")
	if first.at(t, "secret") == "" || again.at(t, "secret") != "" || again.at(t, "id") != first.at(t, "id") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	var kept string
	if err := b.Pool.QueryRow(t.Context(), `select convert_from(response, 'UTF8') from api_idempotency`).Scan(&kept); err != nil || strings.Contains(kept, "whsec_") {
		t.Errorf("%s %v", kept, err)
	}
	if list := b.get(t, "/v1/webhooks"); list.at(t, "webhooks.1.id") != "" {
		t.Errorf("%s", list.body)
	}
}
