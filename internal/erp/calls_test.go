package erp_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/seal"
	"countersign/internal/server"
	"countersign/internal/wake"
)

const ringing = "+4930100480" // rings for ever

// newExchange gives a bench with a telephone exchange at work.
func newExchange(t *testing.T, change ...func(*erp.Door)) (*bench, *asterisktest.Server) {
	t.Helper()
	b := newBench(t, change...)
	pbx, err := asterisktest.Open(t.Context(), asterisktest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pbx.Close() })
	line, err := asterisk.New(asterisk.Options{
		Address: pbx.Addr(), User: asterisktest.User, Secret: asterisktest.Secret, Now: time.Now, Pause: 10 * time.Millisecond, Longest: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.Start(t.Context(), b.Pool, seal.Options{File: filepath.Join(t.TempDir(), "seal.key"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	d := &audiodesk.Desk{
		Store: &audiodesk.Store{Pool: b.Pool}, Exchange: line, Seal: key, Notices: &notice.Store{Pool: b.Pool}, Texts: localetest.Texts(t), Zone: time.UTC,
		Directory: b.Directory.Snapshot, Rules: audiodesk.DefaultRules(), Bell: &wake.Bell{}, Now: b.Clock.Now, Log: b.door.Log,
	}
	d.Rules.Prefixes, d.Rules.Callers = []string{"+4930"}, []string{"1000", "+4930555000"}
	b.door.Audio = d
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait() })
	all.Go(func() { _ = line.Run(ctx) })
	await(t, "the line to the exchange", func() bool { return line.State().Up })
	all.Go(func() { _ = d.Run(ctx) })
	return b, pbx
}

func callTo(number string) string {
	return fmt.Sprintf(`{"phone_number":%q,"room_name":"Incident 4711","caller_id":"Incident line","lang":"de"}`, number)
}

func (b *bench) ended(t *testing.T, id, outcome string) {
	t.Helper()
	await(t, id+" ends with "+outcome, func() bool { return b.get(t, "/v1/calls/"+id).at(t, "outcome") == outcome })
}

func TestAnotherSystemHasATelephoneCalledIntoARoom(t *testing.T) {
	t.Parallel()
	b, pbx := newExchange(t)
	first := b.post(t, "/v1/calls", callTo("+49 30 100001"), "Idempotency-Key: incident-1")
	expect(t, first, 202, "")
	id := first.at(t, "id")
	await(t, "in the room", func() bool { return b.get(t, "/v1/calls/"+id).at(t, "state") == "in_room" })
	again := b.post(t, "/v1/calls", callTo("+49 30 100001"), "Idempotency-Key: incident-1")
	expect(t, again, 202, "")
	if again.at(t, "id") != id || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %s", again.body)
	}
	// Cut off between the call and the note of its answer: the same request finds the same call.
	if _, err := b.Pool.Exec(t.Context(), `delete from api_idempotency`); err != nil {
		t.Fatal(err)
	}
	if lost := b.post(t, "/v1/calls", callTo("+49 30 100001"), "Idempotency-Key: incident-1"); lost.at(t, "id") != id {
		t.Errorf("after a cut: %s", lost.body)
	}
	// Whoever reads the database cannot try which number the kept request had.
	guess := sha256.Sum256([]byte("POST\x00/v1/calls\x00\x00" + callTo("+49 30 100001")))
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from api_idempotency where request = $1`, guess[:]).Scan(&n); err != nil || n != 0 {
		t.Errorf("the number can be found out by its digest: %d, %v", n, err)
	}
	if _, err := b.Pool.Exec(t.Context(), `delete from api_idempotency`); err != nil {
		t.Fatal(err)
	}
	expect(t, b.post(t, "/v1/calls", callTo("+4930100002"), "Idempotency-Key: incident-1"), 422, "idempotency_mismatch")
	expect(t, b.post(t, "/v1/calls", callTo("+4930100001"), "Idempotency-Key: incident-2"), 409, "call_in_progress")
	call := pbx.Calls()[0]
	if n := pbx.Dials("4930100001"); n != 1 || call.Name != "Incident line" || call.Vars["LANG"] != "de" {
		t.Errorf("called %d times: %+v", n, call)
	}
	pbx.HangUp("4930100001")
	b.ended(t, id, "left")
	for number, outcome := range map[string]string{"+4930100486": "busy", "+4930100404": "no_such_number", "+4930100603": "rejected", "+4930100503": "no_line"} {
		out := b.post(t, "/v1/calls", callTo(number), "Idempotency-Key: incident"+number)
		expect(t, out, 202, "")
		b.ended(t, out.at(t, "id"), outcome)
	}
	if strings.Contains(b.log.String(), "4930100") || strings.Contains(b.log.String(), "30 100001") {
		t.Errorf("a number is in the log:\n%s", b.log)
	}
}

func TestWhoMayNotCallRingsNobody(t *testing.T) {
	t.Parallel()
	b, pbx := newExchange(t)
	out := b.post(t, "/v1/calls", callTo(ringing), "Idempotency-Key: ringing-1")
	expect(t, out, 202, "")
	_, other := b.newKey(t, "another", directory.Calls)
	_, lesser := b.newKey(t, "lesser", slices.DeleteFunc(directory.Scopes(), func(s directory.Scope) bool { return s == directory.Calls })...)
	path := "/v1/calls/" + out.at(t, "id")
	expect(t, b.call(t, request{method: "GET", path: path, headers: []string{"Authorization: " + other}}), 404, "not_found")
	expect(t, b.call(t, request{method: "GET", path: path, headers: []string{"Authorization: " + lesser}}), 403, "forbidden")
	expect(t, b.post(t, "/v1/calls", callTo("+4930100001"), "Idempotency-Key: lesser-1", "Authorization: "+lesser), 403, "forbidden")
	expect(t, b.post(t, "/v1/calls", callTo("+4930100001"), "Idempotency-Key: nobody-1", "-Authorization"), 401, "unauthorized")
	for _, id := range []string{"acl_06f1z2k3m4n5p6q7r8s9t0v1w2", "x"} {
		expect(t, b.get(t, "/v1/calls/"+id), 404, "not_found")
	}
	expect(t, b.post(t, "/v1/calls", callTo("+4930100001")), 400, "idempotency_key_required")
	long := strings.Repeat("x", 81)
	for i, c := range []struct {
		body string
		want []string
	}{
		{`{}`, []string{"phone_number missing_field", "room_name missing_field"}},
		{`{"phone_number":"112","room_name":"x"}`, []string{"phone_number bad_number"}},
		{`{"phone_number":"+4930100001\r\nAction: Command","room_name":"x"}`, []string{"phone_number bad_characters"}},
		{`{"phone_number":4930100001,"room_name":"x"}`, []string{"phone_number wrong_type"}},
		{`{"phone_number":"+4930100001","room_name":"` + long + `"}`, []string{"room_name too_long"}},
		{`{"phone_number":"+4930100001","room_name":"x","caller_id":"` + long + `"}`, []string{"caller_id too_long"}},
		{`{"phone_number":"+4930100001","room_name":"x","caller_id":"110"}`, []string{"caller_id caller_not_shown"}},
		{`{"phone_number":"+4930100001","room_name":"x","lang":"en;q"}`, []string{"lang too_long"}},
		{`{"phone_number":"+4930100001","room_name":"x","lang":"1="}`, []string{"lang invalid_field"}},
		{`{"phone_number":"+4930100001","room_name":"x","variable":"A=B"}`, []string{"variable unknown_field"}},
		{`{"phone_number":"+882100001","room_name":"x"}`, []string{"phone_number number_not_called"}},
	} {
		got := b.post(t, "/v1/calls", c.body, fmt.Sprintf("Idempotency-Key: strict-%04d", i))
		if faults := got.faults(t); got.status != 422 && got.status != 400 || !slices.Equal(faults, c.want) {
			t.Errorf("%s: %d %q, want %q", c.body, got.status, faults, c.want)
		}
	}
	b.door.Audio.Rules.Daily = 1
	pbx.GiveUp(ringing)
	b.ended(t, out.at(t, "id"), "no_answer")
	often := b.post(t, "/v1/calls", callTo(ringing), "Idempotency-Key: ringing-2")
	if expect(t, often, 429, "too_many_calls"); often.header.Get("Retry-After") != "3600" {
		t.Errorf("Retry-After %q", often.header.Get("Retry-After"))
	}
	if err := pbx.Stop(); err != nil {
		t.Fatal(err)
	}
	await(t, "the line is cut", func() bool { return !b.door.Audio.Exchange.State().Up })
	away := b.post(t, "/v1/calls", callTo("+4930100002"), "Idempotency-Key: away-0001")
	if expect(t, away, 503, "exchange_away"); away.header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q", away.header.Get("Retry-After"))
	}
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from audio_call`).Scan(&n); err != nil || n != 1 || pbx.Count("Originate") != 1 {
		t.Errorf("%d calls, %d made, %v", n, pbx.Count("Originate"), err)
	}
	b.door.Audio = nil
	expect(t, b.post(t, "/v1/calls", callTo("+4930100002"), "Idempotency-Key: off-00001"), 409, "calls_off")
	expect(t, b.get(t, path), 404, "not_found")
}

// old calls as programs of old do, and gives the status and the words.
func (b *bench) old(t *testing.T, media, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/api/conf", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", media)
	res, err := b.client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := response{res.StatusCode, res.Header, text}
	if res.Header.Get("Content-Type") != "application/json" || out.at(t, "request_id") == "" || (out.at(t, "status") == "ok") != (res.StatusCode == http.StatusOK) {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, out.body)
	}
	return res.StatusCode, out.at(t, "message")
}

func TestDoorOfOldAnswersAsItDid(t *testing.T) {
	t.Parallel()
	b, pbx := newExchange(t, func(d *erp.Door) { d.OldCalls = true })
	const form, json = "application/x-www-form-urlencoded", "application/json"
	_, lesserKey := b.newKey(t, "lesser", directory.Meetings)
	key, lesser := strings.TrimPrefix(b.auth, "Bearer "), strings.TrimPrefix(lesserKey, "Bearer ")
	rest := `"room_name":"Standup","caller_id":"1000","lang":"en"`
	for i, c := range []struct {
		media, body string
		status      int
		says        string
	}{
		{json, `{"phone_number":"+4930100001",` + rest + `}`, 401, "unauthorized"},
		{json, `{"phone_number":"+4930100001",` + rest + `,"api_key":"wrong"}`, 401, "unauthorized"},
		{json, `{"api_key":["` + key + `"]}`, 401, "unauthorized"},
		{form, "phone_number=%2B4930100001&room_name=Standup&caller_id=1000&lang=en", 401, "unauthorized"},
		{json, `{"phone_number":"+4930100001",` + rest + `,"api_key":"` + lesser + `"}`, 403, "forbidden"},
		{json, `{"api_key":"` + key + `",` + rest + `}`, 400, "missing parameter: phone_number"},
		{form, "phone_number=%2B4930100001&room_name=Standup&caller_id=1000&api_key=" + key, 400, "missing parameter: lang"},
		{form, "phone_number=1&phone_number=2&api_key=" + key, 400, "bad parameter: phone_number"},
		{json, `{"phone_number":"+4930100001","phone_number":"+4930100002","api_key":"` + key + `"}`, 400, "bad parameter: phone_number"},
		{form, "%zz", 400, "bad_parameter"},
		{json, `{"phone_number":"112",` + rest + `,"api_key":"` + key + `"}`, 400, "bad parameter: phone_number"},
		{json, `{"phone_number":"+4930100001","room_name":"Standup","caller_id":"+49 110","lang":"en","api_key":"` + key + `"}`, 400, "this caller_id is not shown from here"},
		{json, `{"phone_number":"+882100001",` + rest + `,"api_key":"` + key + `"}`, 400, "this number is not called from here"},
		{"text/plain", "phone_number=1", 415, "unsupported_media_type"},
		{json, `{"phone_number":"` + ringing + `",` + rest + `,"api_key":"` + key + `","more":1}`, 200, "call requested"},
		{form, "phone_number=4930100480&room_name=Standup&caller_id=1000&lang=en&api_key=" + key, 409, "call already in progress"},
		{form, "phone_number=4930100001&room_name=Standup&caller_id=1000&lang=en&api_key=" + key, 200, "call requested"},
	} {
		if status, says := b.old(t, c.media, c.body); status != c.status || says != c.says {
			t.Errorf("%d: %d %q, want %d %q", i, status, says, c.status, c.says)
		}
	}
	await(t, "the second is in the room", func() bool {
		return slices.ContainsFunc(pbx.Calls(), func(c asterisktest.Call) bool { return c.InRoom && c.Caller == "1000" && c.Name == "" })
	})
	if n := pbx.Count("Originate"); n != 2 {
		t.Errorf("%d calls", n)
	}
	res, err := http.Post(b.url+"/api/conf?api_key="+key, form, strings.NewReader(""))
	if err != nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("a key in the address: %v %v", res, err)
	}
	res.Body.Close()
	for _, word := range []string{key, lesser, "4930100"} {
		if strings.Contains(b.log.String(), word) {
			t.Errorf("%s is in the log:\n%s", word, b.log)
		}
	}
	b.door.Limiter = &server.Limiter{Rate: 0.001, Burst: 1, Keys: 10, Now: time.Now}
	if status, says := b.old(t, form, "api_key="+key); status != http.StatusBadRequest {
		t.Errorf("%d %s", status, says)
	}
	if status, says := b.old(t, form, "api_key="+key); status != http.StatusTooManyRequests || says != "too many calls" {
		t.Errorf("%d %s", status, says)
	}
}

func TestDoorOfOldIsShutUnlessItIsSet(t *testing.T) {
	t.Parallel()
	res, err := http.Post(common(t).url+"/api/conf", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("%d", res.StatusCode)
	}
}
