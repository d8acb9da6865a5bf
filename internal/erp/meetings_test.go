package erp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/locale/localetest"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/secret"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// newMeeting gives a bench with a video server that knows Pyotr.
func newMeeting(t *testing.T) (*bench, *trueconftest.Server) {
	t.Helper()
	b := newBench(t)
	video, err := trueconftest.Open(t.Context(), trueconftest.Options{Now: b.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = video.Close() })
	video.PutUser(trueconftest.User{ID: "petrov"})
	srv, err := trueconf.Open(trueconf.Options{
		Name: "Clinic", Address: video.URL(), ClientID: trueconftest.ClientID, ClientSecret: secret.Text(trueconftest.ClientSecret), Engine: "-", Now: b.Clock.Now, Pause: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	b.door.Meet = &meet.Desk{
		Store: &meet.Store{Pool: b.Pool, Notices: &notice.Store{Pool: b.Pool}}, Servers: map[string]*trueconf.Server{"Clinic": srv}, PublicURL: "https://pay.example.org",
		Rules: meet.Rules{Server: "Clinic", Users: meet.MailName, Idle: 5 * time.Minute, Longest: time.Hour, Life: 24 * time.Hour}, Texts: localetest.Texts(t), Now: b.Clock.Now, Log: b.door.Log,
	}
	return b, video
}

func TestAnotherSystemArrangesAMeetingSeesItAndRevokesIt(t *testing.T) {
	t.Parallel()
	b, _ := newMeeting(t)
	body := `{"topic":"Consultation","host":"petrov","lobby":true,"guests":[{"name":"Ann"},{"places":3}],"max_minutes":30}`
	first := b.post(t, "/v1/meetings", body, "Idempotency-Key: visit-0001")
	expect(t, first, 201, "")
	id, link := first.at(t, "id"), first.at(t, "links.0.url")
	if !strings.HasPrefix(link, "https://pay.example.org/meet/") || first.at(t, "links.1.url") == link || first.at(t, "links.1.places") != "3" || first.at(t, "state") != "open" {
		t.Errorf("%s", first.body)
	}
	again := b.post(t, "/v1/meetings", body, "Idempotency-Key: visit-0001")
	expect(t, again, 201, "")
	if again.at(t, "id") != id || again.at(t, "links.0.url") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %s", again.body)
	}
	token := link[strings.LastIndex(link, "/")+1:]
	var kept int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from api_idempotency k where k::text like '%' || $1 || '%' or encode(k.response, 'escape') like '%' || $1 || '%'`, token).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("the link is kept %d times, %v", kept, err)
	}
	seen := b.get(t, "/v1/meetings/"+id)
	expect(t, seen, 200, "")
	if seen.at(t, "links.0.url") != "" || seen.at(t, "links.0.name") != "Ann" || seen.at(t, "state") != "open" {
		t.Errorf("%s", seen.body)
	}
	for range 2 {
		over := b.call(t, request{method: http.MethodDelete, path: "/v1/meetings/" + id})
		expect(t, over, 200, "")
		if over.at(t, "state") != "revoked" {
			t.Errorf("%s", over.body)
		}
	}
	expect(t, b.get(t, "/v1/meetings/mtg_06f1z2k3m4n5p6q7r8s9t0v1w2"), 404, "not_found")
	expect(t, b.get(t, "/v1/meetings/x"), 404, "not_found")
}

func TestMeetingOfAnotherSourceIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	b, _ := newMeeting(t)
	first := b.post(t, "/v1/meetings", `{"topic":"x","host":"petrov","guests":[{}]}`, "Idempotency-Key: visit-0001")
	expect(t, first, 201, "")
	_, other := b.newKey(t, "another", directory.Meetings)
	_, lesser := b.newKey(t, "lesser", slices.DeleteFunc(directory.Scopes(), func(s directory.Scope) bool { return s == directory.Meetings })...)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		path := "/v1/meetings/" + first.at(t, "id")
		expect(t, b.call(t, request{method: method, path: path, headers: []string{"Authorization: " + other}}), 404, "not_found")
		expect(t, b.call(t, request{method: method, path: path, headers: []string{"Authorization: " + lesser}}), 403, "forbidden")
	}
	expect(t, b.get(t, "/v1/meetings/"+first.at(t, "id")), 200, "")
}

func TestMeetingIsReadStrictly(t *testing.T) {
	t.Parallel()
	b, _ := newMeeting(t)
	many := "[" + strings.Repeat("{},", 20) + "{}]"
	for i, c := range []struct {
		body string
		want []string
	}{
		{`{}`, []string{"topic missing_field"}},
		{`{"topic":"x"}`, []string{"guests missing_field"}},
		{`{"topic":"x","host":"petrov","guests":[]}`, []string{"guests missing_field"}},
		{`{"topic":"x","host":"petrov","guests":` + many + `}`, []string{"guests too_many"}},
		{`{"topic":"x","host":"ghost","guests":[{}]}`, []string{"host unknown_user"}},
		{`{"topic":"x","lobby":true,"guests":[{}]}`, []string{"host lobby_without_host"}},
		{`{"topic":"x","host":"petrov","host_user":"ghost","guests":[{}]}`, []string{"host_user unknown_host_user"}},
		{`{"topic":"x","host":"kozlov","guests":[{}]}`, []string{"host_user unknown_host_user"}},
		{`{"topic":"x","host":"petrov","server":"Moon","guests":[{}]}`, []string{"server unknown_server"}},
		{`{"topic":"x","host":"petrov","guests":[{"places":51}]}`, []string{"guests[0].places out_of_range"}},
		{`{"topic":"x","host":"petrov","guests":[{"name":"` + strings.Repeat("я", 61) + `"}]}`, []string{"guests[0].name too_long"}},
		{`{"topic":"x","host":"petrov","guests":[{"recording":true}]}`, []string{"guests[0].recording unknown_field"}},
		{`{"topic":"x","host":"petrov","guests":[{}],"recording":true}`, []string{"recording unknown_field"}},
		{`{"topic":"x","host":"petrov","guests":[{}],"expires_at":"2026-09-01T00:00:00Z"}`, []string{"expires_at out_of_range"}},
		{`{"topic":"x","host":"petrov","guests":[{}],"max_minutes":1441,"idle_minutes":0}`, []string{"max_minutes out_of_range", "idle_minutes out_of_range"}},
	} {
		out := b.post(t, "/v1/meetings", c.body, fmt.Sprintf("Idempotency-Key: strict-%04d", i))
		if got := out.faults(t); out.status != 422 && out.status != 400 || !slices.Equal(got, c.want) {
			t.Errorf("%s: %d %q, want %q", c.body, out.status, got, c.want)
		}
	}
	expect(t, b.post(t, "/v1/meetings", `{"topic":"x","host":"petrov","guests":[{}]}`), 400, "idempotency_key_required")
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from meeting`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d meetings, %v", n, err)
	}
}

func TestGatewayWithoutAVideoServerSaysSo(t *testing.T) {
	t.Parallel()
	for name, desk := range map[string]*meet.Desk{"without a desk": nil, "without a server": {PublicURL: "https://pay.example.org"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(d *erp.Door) { d.Meet = desk })
			expect(t, b.post(t, "/v1/meetings", `{"topic":"x","host":"petrov","guests":[{}]}`, "Idempotency-Key: visit-0001"), 409, "meetings_off")
		})
	}
}
