package erp_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/approval"
	"countersign/internal/ledger/ledgertest"
)

func owner(t *testing.T, b *bench) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), b.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestAnApprovalIsTakenOnceAndOnlyOfWhatWasApproved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hash := b.put(t, "REQ", rent).at(t, "content_hash")
	path := documentPath("REQ") + "/consume"
	take := func(hash, ref string) response {
		return b.post(t, path, fmt.Sprintf(`{"hash":%q,"consumer_ref":%q}`, hash, ref))
	}
	expect(t, take(hash, "PAY-1"), 409, "not_approved")
	b.Approve(t, "REQ")
	expect(t, take("sha256:other", "PAY-1"), 409, "revision_mismatch")
	first := take(hash, "PAY-1")
	expect(t, first, 200, "")
	if first.at(t, "consumed") != "true" || first.at(t, "consumer_ref") != "PAY-1" || first.at(t, "outcome") != "approved" || first.at(t, "consumed_at") == "" || first.at(t, "votes.2.user") != "kozlov" {
		t.Errorf("%s", first.body)
	}
	again := take(hash, "PAY-1")
	expect(t, again, 200, "")
	if again.at(t, "consumed_at") != first.at(t, "consumed_at") {
		t.Errorf("%s", again.body)
	}
	expect(t, take(hash, "PAY-2"), 409, "already_consumed")
	expect(t, b.post(t, documentPath("REQ")+"/withdraw", `{"reason":"late"}`), 409, "already_consumed")
	expect(t, b.call(t, request{method: "PUT", path: documentPath("REQ"), body: replace(t, rent, "044525225", "044525226")}), 409, "already_consumed")
	if state := b.get(t, documentPath("REQ")); state.at(t, "case.consumed") != "true" || state.at(t, "case.status") != "approved" {
		t.Errorf("%s", state.body)
	}
	out := b.post(t, path, `{"hash":7}`)
	expect(t, out, 422, "invalid_field")
	if f := out.faults(t); len(f) != 2 || f[0] != "hash wrong_type" || f[1] != "consumer_ref missing_field" {
		t.Errorf("%v", f)
	}
	expect(t, b.post(t, path, `{"hash":"h","ref":"x"}`), 400, "unknown_field")
	expect(t, b.post(t, documentPath("none")+"/consume", `{"hash":"h","consumer_ref":"x"}`), 404, "not_found")
}

func TestTheReferenceOfATakingCanBeSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hash := b.put(t, "REQ", rent).at(t, "content_hash")
	b.Approve(t, "REQ")
	path := documentPath("REQ") + "/consume"
	for _, c := range []struct{ ref, code string }{
		{`null`, "missing_field"},
		{`""`, "missing_field"},
		{`7`, "wrong_type"},
		{`" "`, "bad_characters"},
		{`"\u00a0"`, "bad_characters"},
		{`"\t"`, "bad_characters"},
		{`"\u200b"`, "bad_characters"},
		{`"\u2060\u00ad\ufe0f"`, "bad_characters"},
		{`"\u3164"`, "bad_characters"},
		{`"PAY\u00001"`, "bad_characters"},
		{`"PAY\n1"`, "bad_characters"},
		{`"PAY\u202e1"`, "bad_characters"},
		{`" PAY-1"`, "bad_characters"},
		{`"PAY-1\u0085"`, "bad_characters"},
		{`"` + strings.Repeat("я", 201) + `"`, "too_long"},
	} {
		out := b.post(t, path, fmt.Sprintf(`{"hash":%q,"consumer_ref":%s}`, hash, c.ref))
		expect(t, out, 422, "invalid_field")
		if f := out.faults(t); len(f) != 1 || f[0] != "consumer_ref "+c.code {
			t.Errorf("%.40s: %v", c.ref, f)
		}
	}
	if out := b.post(t, path, `{"consumer_ref":"PAY-1"}`); out.status != 422 || out.faults(t)[0] != "hash missing_field" {
		t.Errorf("%d %s", out.status, out.body)
	}
	if state := b.get(t, documentPath("REQ")); state.at(t, "case.consumed") != "false" {
		t.Fatalf("%s", state.body)
	}
	expect(t, b.post(t, path, fmt.Sprintf(`{"hash":%q,"consumer_ref":%q}`, hash, strings.Repeat("я", 200))), 200, "")
}

func TestADocumentIsTakenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hash := b.put(t, "REQ", rent).at(t, "content_hash")
	out := b.call(t, request{method: "POST", path: documentPath("REQ") + "/withdraw"}) // no body at all
	expect(t, out, 200, "")
	if out.at(t, "case.status") != "withdrawn" {
		t.Errorf("%s", out.body)
	}
	expect(t, b.post(t, documentPath("REQ")+"/withdraw", `{"reason":"again"}`), 200, "")
	expect(t, b.post(t, documentPath("REQ")+"/consume", fmt.Sprintf(`{"hash":%q,"consumer_ref":"x"}`, hash)), 409, "withdrawn")
	if d := b.get(t, documentPath("REQ")+"/decision?hash="+hash); d.at(t, "outcome") != "withdrawn" || d.at(t, "decided_at") != "" {
		t.Errorf("%s", d.body)
	}

	b.put(t, "DONE", rent)
	b.Approve(t, "DONE")
	bare := b.post(t, documentPath("DONE")+"/withdraw", `{}`)
	expect(t, bare, 422, "reason_required")
	if f := bare.faults(t); len(f) != 1 || f[0] != "reason reason_required" {
		t.Errorf("%v", f)
	}
	expect(t, b.post(t, documentPath("DONE")+"/withdraw", `{"reason":"  "}`), 422, "reason_required")
	late := b.post(t, documentPath("DONE")+"/withdraw", `{"reason":"Paid in cash"}`)
	expect(t, late, 200, "")
	if late.at(t, "case.status") != "withdrawn" || late.at(t, "case.note") != "Paid in cash" {
		t.Errorf("%s", late.body)
	}
	b.put(t, "NO", rent)
	b.Vote(t, "NO", ledgertest.Budget, approval.Reject, "no")
	expect(t, b.post(t, documentPath("NO")+"/withdraw", `{"reason":"x"}`), 409, "closed")
}

func TestTheStatusInTheERPIsKept(t *testing.T) {
	t.Parallel()
	b := common(t)
	b.put(t, "REQ", rent)
	for range 2 {
		out := b.post(t, b.path("REQ")+"/status", `{"status":"paid","note":"Payment order 815"}`)
		expect(t, out, 200, "")
		if out.at(t, "erp_status") != "paid" {
			t.Errorf("%s", out.body)
		}
	}
	if got := b.get(t, b.path("REQ")).at(t, "erp_status"); got != "paid" {
		t.Errorf("read: %q", got)
	}
	b.SequenceAll(t)
	if page := b.get(t, "/v1/events?types=document.status"); page.at(t, "events.0.data.note") != "Payment order 815" || page.at(t, "events.1.id") != "" {
		t.Errorf("%s", page.body)
	}
	expect(t, b.post(t, b.path("REQ")+"/status", `{"status":"Paid!"}`), 422, "invalid_field")
	expect(t, b.post(t, b.path("REQ")+"/status", `{}`), 422, "invalid_field")
}

func TestCommentsAreCleanedAndBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	path := documentPath("REQ") + "/comments"
	n := 0
	post := func(body string) response {
		n++
		return b.post(t, path, body, fmt.Sprintf("Idempotency-Key: comment-%04d", n))
	}
	expect(t, post(`{"author":"ivanova","text":"a\r\nb\u0000\u202e<b>"}`), 201, "")
	var text string
	if err := b.Pool.QueryRow(t.Context(), `select text from comment`).Scan(&text); err != nil || text != "a\nb<b>" {
		t.Errorf("%q %v", text, err)
	}
	for _, body := range []string{`{"author":"ivanova","text":""}`, `{"author":"ivanova","text":" \n "}`, `{"author":"","text":"x"}`, `{"author":"a\u202eb","text":"x"}`, `{"text":"x"}`, `{"author":"ivanova"}`, `{"author":"ivanova","text":"\u200b\n\u2060"}`} {
		expect(t, post(body), 422, "invalid_field")
	}
	long := make([]rune, 4097)
	for i := range long {
		long[i] = 'я'
	}
	expect(t, post(`{"author":"ivanova","text":"`+string(long)+`"}`), 422, "invalid_field")
	expect(t, post(`{"author":"ivanova","text":"`+string(long[:4096])+`"}`), 201, "")
}

func TestWithdrawingRacesTheLastVote(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	finals := map[string]int{}
	for i := range 100 {
		id := fmt.Sprintf("REQ-%d", i)
		b.put(t, id, rent)
		b.Vote(t, id, ledgertest.Budget, approval.Accept, "")
		b.Vote(t, id, ledgertest.Finance, approval.Accept, "")
		tap := b.Tap(t, id, ledgertest.Treasurer, approval.Accept)
		var voted error
		var back response
		var wg sync.WaitGroup
		wg.Go(func() { _, voted = b.DB.Vote(t.Context(), tap) })
		wg.Go(func() { back = b.post(t, documentPath(id)+"/withdraw", `{}`) })
		wg.Wait()
		final := b.get(t, documentPath(id)).at(t, "case.status")
		finals[final]++
		switch final {
		case "approved":
			if voted != nil || back.status != 422 || back.code(t) != "reason_required" {
				t.Errorf("%s: vote %v, withdrawal %d %s", final, voted, back.status, back.body)
			}
		case "withdrawn":
			if !errors.Is(voted, approval.ErrClosed) || back.status != 200 {
				t.Errorf("%s: vote %v, withdrawal %d %s", final, voted, back.status, back.body)
			}
		default:
			t.Errorf("final state %s", final)
		}
	}
	t.Logf("%v", finals)
}

func TestTakingRacesWithdrawingAndTaking(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 30 {
		id := fmt.Sprintf("REQ-%d", i)
		hash := b.put(t, id, rent).at(t, "content_hash")
		b.Approve(t, id)
		answers := make([]response, 3)
		var wg sync.WaitGroup
		for n, act := range []func() response{
			func() response {
				return b.post(t, documentPath(id)+"/consume", fmt.Sprintf(`{"hash":%q,"consumer_ref":"PAY-1"}`, hash))
			},
			func() response {
				return b.post(t, documentPath(id)+"/consume", fmt.Sprintf(`{"hash":%q,"consumer_ref":"PAY-2"}`, hash))
			},
			func() response { return b.post(t, documentPath(id)+"/withdraw", `{"reason":"x"}`) },
		} {
			wg.Go(func() { answers[n] = act() })
		}
		wg.Wait()
		won := 0
		for _, out := range answers {
			switch {
			case out.status == 200:
				won++
			case out.status == 409 && (out.code(t) == "already_consumed" || out.code(t) == "withdrawn"):
			default:
				t.Errorf("%d %s", out.status, out.body)
			}
		}
		if won != 1 {
			t.Errorf("%d of three won: %s %s %s", won, answers[0].body, answers[1].body, answers[2].body)
		}
	}
}
