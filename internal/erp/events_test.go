package erp_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/erp"
	"countersign/internal/ledger/ledgertest"
)

func types(t *testing.T, page response) []string {
	t.Helper()
	var out []string
	for _, e := range page.json(t)["events"].([]any) {
		out = append(out, e.(map[string]any)["type"].(string))
	}
	return out
}

func TestTheFeedTellsEverythingInOrderAndToTheByte(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nothing := b.get(t, "/v1/events")
	if string(nothing.body) != `{"events":[],"next":null,"more":false}` {
		t.Errorf("%s", nothing.body)
	}
	b.put(t, "REQ", rent)
	if unplaced := b.get(t, "/v1/events"); len(types(t, unplaced)) != 0 {
		t.Errorf("events without a place are told: %s", unplaced.body)
	}
	b.Approve(t, "REQ")
	b.SequenceAll(t)
	all := b.get(t, "/v1/events")
	want := []string{
		"document.received", "case.started", "case.step_opened", "vote.cast", "case.step_closed", "case.step_opened", "vote.cast", "case.step_closed",
		"case.step_opened", "vote.cast", "case.step_closed", "case.decided",
	}
	if diff := cmp.Diff(want, types(t, all)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if all.at(t, "more") != "false" || all.at(t, "events.0.seq") != "1" || all.at(t, "events.11.seq") != "12" || all.at(t, "next") != all.at(t, "events.11.id") {
		t.Errorf("%s", all.body)
	}
	rows, err := b.Pool.Query(t.Context(), `select body from event order by document_seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var stored []string
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		stored = append(stored, body)
	}
	if whole := `{"events":[` + strings.Join(stored, ",") + `],"next":"` + all.at(t, "next") + `","more":false}`; string(all.body) != whole {
		t.Errorf("the texts are not the stored ones: %s", all.body)
	}
	one := b.get(t, "/v1/events/"+all.at(t, "next"))
	if string(one.body) != stored[11] {
		t.Errorf("%s", one.body)
	}

	var paged []string
	after := ""
	for range want {
		page := b.get(t, "/v1/events?limit=5&after="+after)
		paged = append(paged, types(t, page)...)
		after = page.at(t, "next")
		if page.at(t, "more") == "false" {
			break
		}
	}
	if diff := cmp.Diff(want, paged); diff != "" {
		t.Errorf("page by page (-want +got)\n%s", diff)
	}
	end := b.get(t, "/v1/events?after="+after)
	if string(end.body) != `{"events":[],"next":"`+after+`","more":false}` {
		t.Errorf("at the end: %s", end.body)
	}
	some := b.get(t, "/v1/events?types=case.decided,case.started&limit=1")
	if some.at(t, "events.0.type") != "case.started" || some.at(t, "more") != "true" {
		t.Errorf("%s", some.body)
	}
}

func TestBadQuestionsToTheFeedAreRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, query := range []string{
		"limit=0", "limit=501", "limit=x", "limit=-1", "limit=1.5", "limit=99999999999999999999", "wait=26", "wait=-1", "wait=x", "after=x", "after=doc_06f1z2k3m4n5p6q7r8s9t0v1w2",
		"types=case.decidid", "types=", "types=,", "types=case.decided,", "types=*",
	} {
		out := b.get(t, "/v1/events?"+query)
		if query == "types=" {
			expect(t, out, 200, "")
			continue
		}
		expect(t, out, 400, "bad_parameter")
		field, _, _ := strings.Cut(query, "=")
		if f := out.faults(t); len(f) != 1 || f[0] != field+" bad_parameter" {
			t.Errorf("%s: %v", query, f)
		}
	}
	expect(t, b.get(t, "/v1/events?after=evt_06f1z2k3m4n5p6q7r8s9t0v1w2"), 410, "cursor_expired")
	expect(t, b.get(t, "/v1/events/evt_06f1z2k3m4n5p6q7r8s9t0v1w2"), 404, "not_found")
	expect(t, b.get(t, "/v1/events/nonsense"), 404, "not_found")
}

func TestAReaderWaitsUntilThereIsSomething(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	answered := make(chan response, 1)
	go func() { answered <- b.get(t, "/v1/events?wait=25&types=case.decided") }()
	b.put(t, "REQ", rent)
	b.Approve(t, "REQ")
	b.SequenceAll(t)
	b.Bell.Ring()
	select {
	case out := <-answered:
		if out.at(t, "events.0.data.outcome") != "approved" {
			t.Errorf("%s", out.body)
		}
	case <-time.After(patience):
		t.Fatal("the reader still waits")
	}
	if out := b.get(t, "/v1/events?wait=1&types=comment.added"); out.status != 200 || len(types(t, out)) != 0 {
		t.Errorf("%d %s", out.status, out.body)
	}
	// A reader that goes away is let go of: the listener can close at once.
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/v1/events?wait=25&types=comment.added", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", b.auth)
	gone := make(chan error, 1)
	go func() {
		res, err := b.client.RoundTrip(r)
		if err == nil {
			res.Body.Close()
		}
		gone <- err
	}()
	cancel()
	if err := <-gone; err == nil {
		t.Error("the reader got an answer")
	}
}

func TestEveryTypeOfEventIsListed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	b.put(t, "REQ", replace(t, rent, "044525225", "044525226"))
	b.Vote(t, "REQ", ledgertest.Budget, approval.Return, "why?")
	b.put(t, "REQ", rent)
	b.Approve(t, "REQ")
	hash := b.get(t, documentPath("REQ")).at(t, "content_hash")
	expect(t, b.post(t, documentPath("REQ")+"/consume", `{"hash":"`+hash+`","consumer_ref":"x"}`), 200, "")
	expect(t, b.post(t, documentPath("REQ")+"/status", `{"status":"paid"}`), 200, "")
	expect(t, b.post(t, documentPath("REQ")+"/comments", remark, "Idempotency-Key: 12345678"), 201, "")
	b.put(t, "GONE", rent)
	expect(t, b.post(t, documentPath("GONE")+"/withdraw", `{}`), 200, "")
	b.SequenceAll(t)
	kinds := erp.Kinds()
	seen := map[string]bool{}
	for _, k := range types(t, b.get(t, "/v1/events?limit=500")) {
		if !slices.Contains(kinds, k) {
			t.Errorf("%s is not listed", k)
		}
		seen[k] = true
	}
	if len(seen) < 12 {
		t.Errorf("only %v were seen", seen)
	}
}

func TestWhatWasSaidIsToldAsItWasSaid(t *testing.T) {
	t.Parallel()
	b := common(t)
	b.put(t, "REQ", rent)
	said := `{"author":"ivanova","text":"a < b && c > \"d\""}`
	expect(t, b.post(t, b.path("REQ")+"/comments", said, "Idempotency-Key: comment-0001"), 201, "")
	b.SequenceAll(t)
	page := b.get(t, "/v1/events?types=comment.added")
	if !strings.Contains(string(page.body), `"text":"a < b && c > \"d\""`) || page.at(t, "events.0.data.text") != `a < b && c > "d"` {
		t.Errorf("%s", page.body)
	}
}
