package erp_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
)

const remark = `{"author":"ivanova","text":"The invoice is attached now."}`

func (b *bench) comments(t *testing.T) int {
	t.Helper()
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from comment`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestACommentNeedsAKeyAndIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	path := documentPath("REQ") + "/comments"
	expect(t, b.post(t, path, remark), 400, "idempotency_key_required")
	first := b.post(t, path, remark, "Idempotency-Key: comment-0001")
	expect(t, first, 201, "")
	if !strings.HasPrefix(first.at(t, "id"), "com_") || first.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%v %s", first.header, first.body)
	}
	again := b.post(t, path, remark, "Idempotency-Key: comment-0001")
	expect(t, again, 201, "")
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v %s, first %s", again.header, again.body, first.body)
	}
	expect(t, b.post(t, path, strings.Replace(remark, "now", "NOW", 1), "Idempotency-Key: comment-0001"), 422, "idempotency_mismatch")
	b.put(t, "OTHER", rent)
	expect(t, b.post(t, documentPath("OTHER")+"/comments", remark, "Idempotency-Key: comment-0001"), 422, "idempotency_mismatch")
	if n := b.comments(t); n != 1 {
		t.Errorf("%d comments", n)
	}
	_, other := b.newKey(t, "sap", "documents:write") // its own keys
	expect(t, b.call(t, request{method: "POST", path: "/v1/sources/sap/documents/X/comments", body: remark, headers: []string{"Authorization: " + other, "Idempotency-Key: comment-0001"}}), 404, "not_found")
	expect(t, b.post(t, path, remark, "Idempotency-Key: comment-0002"), 201, "")
	if n := b.comments(t); n != 2 {
		t.Errorf("%d comments", n)
	}
}

// A document has its own name: that is its key, whatever key the request carries.
func TestADocumentSentAgainUnderANewKeyIsTheSameDocument(t *testing.T) {
	t.Parallel()
	b := common(t)
	made := b.post(t, b.path("REQ"), rent, "Idempotency-Key: document-0001")
	expect(t, made, 201, "")
	for _, key := range []string{"document-0001", "document-0002", "bad"} {
		again := b.post(t, b.path("REQ"), rent, "Idempotency-Key: "+key)
		expect(t, again, 200, "")
		if again.at(t, "id") != made.at(t, "id") || again.at(t, "change") != "unchanged" || again.at(t, "case.id") != made.at(t, "case.id") {
			t.Errorf("%s: %s", key, again.body)
		}
	}
}

func TestBadKeysAreRefused(t *testing.T) {
	t.Parallel()
	b := common(t)
	b.put(t, "REQ", rent)
	for _, key := range []string{"1234567", strings.Repeat("k", 256), "has a space", "кириллица", "tab\tkey", "12345678\u00a0", ""} {
		expect(t, b.post(t, b.path("REQ")+"/comments", remark, "Idempotency-Key: "+key), 400, "idempotency_key_required")
		expect(t, b.post(t, b.path("REQ")+"/withdraw", `{}`, "Idempotency-Key: "+key), 400, "idempotency_key_required")
	}
	for _, key := range []string{"12345678", strings.Repeat("k", 255), "!~{}:;/?", "b7a9f0c2-4711"} {
		expect(t, b.post(t, b.path("REQ")+"/comments", remark, "Idempotency-Key: "+key), 201, "")
	}
}

func TestFiftyOfTheSameAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	var wg sync.WaitGroup
	answers := make(chan response, 50)
	for range 50 {
		wg.Go(func() {
			answers <- b.post(t, documentPath("REQ")+"/comments", remark, "Idempotency-Key: comment-0001")
		})
	}
	wg.Wait()
	close(answers)
	fresh, bodies := 0, map[string]bool{}
	for out := range answers {
		switch {
		case out.status == 201:
			bodies[string(out.body)] = true
			if out.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		case out.status == 409 && out.code(t) == "in_progress" && out.header.Get("Retry-After") != "":
		default:
			t.Errorf("%d %s", out.status, out.body)
		}
	}
	if n := b.comments(t); n != 1 || fresh != 1 || len(bodies) != 1 {
		t.Errorf("%d comments, %d fresh answers, %v", n, fresh, bodies)
	}
}

func TestARequestThatFailedGivesItsKeyBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	path := documentPath("REQ") + "/comments"
	expect(t, b.post(t, path, remark, "Idempotency-Key: comment-0001"), 404, "not_found")
	expect(t, b.post(t, path, `{"author":"a"}`, "Idempotency-Key: comment-0001"), 422, "invalid_field")
	b.put(t, "REQ", rent)
	expect(t, b.post(t, path, remark, "Idempotency-Key: comment-0001"), 201, "")
	hash := b.get(t, documentPath("REQ")).at(t, "content_hash")
	take := fmt.Sprintf(`{"hash":%q,"consumer_ref":"PAY-1"}`, hash)
	expect(t, b.post(t, documentPath("REQ")+"/consume", take, "Idempotency-Key: consume-0001"), 409, "not_approved")
	b.Approve(t, "REQ")
	expect(t, b.post(t, documentPath("REQ")+"/consume", take, "Idempotency-Key: consume-0001"), 200, "")
	again := b.post(t, documentPath("REQ")+"/consume", take, "Idempotency-Key: consume-0001")
	expect(t, again, 200, "")
	if again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v", again.header)
	}
}

func TestAKeyOfADeadRequestIsTakenOverAndAnOldOneForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	path := documentPath("REQ") + "/comments"
	sum := sha256.New()
	fmt.Fprintf(sum, "POST\x00%s\x00\x00%s", path, remark)
	if err := b.door.TakeKey(t.Context(), ledgertest.Source, "comment-0001", sum.Sum(nil)); err != nil {
		t.Fatal(err)
	}
	expect(t, b.post(t, path, remark, "Idempotency-Key: comment-0001"), 409, "in_progress")
	expect(t, b.post(t, path, `{"author":"a","text":"other"}`, "Idempotency-Key: comment-0001"), 422, "idempotency_mismatch")
	b.Clock.Advance(3 * time.Minute)
	expect(t, b.post(t, path, `{"author":"a","text":"other"}`, "Idempotency-Key: comment-0001"), 422, "idempotency_mismatch")
	expect(t, b.post(t, path, remark, "Idempotency-Key: comment-0001"), 201, "")

	b.Clock.Advance(29 * 24 * time.Hour)
	if n, err := b.door.Tidy(t.Context()); n != 0 || err != nil {
		t.Errorf("%d forgotten too early, %v", n, err)
	}
	if out := b.post(t, path, remark, "Idempotency-Key: comment-0001"); out.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s", out.status, out.body)
	}
	b.Clock.Advance(25 * time.Hour)
	if out := b.post(t, path, remark, "Idempotency-Key: comment-0001"); out.status != 201 || out.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%d %s", out.status, out.body)
	}
	b.Clock.Advance(31 * 24 * time.Hour)
	if n, err := b.door.Tidy(t.Context()); n != 1 || err != nil {
		t.Errorf("%d forgotten, %v", n, err)
	}
}

func TestTheKeyOfACommentIsSettledWithIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	// Nothing can be written to the key after the commit: as if the process died there.
	if _, err := owner(t, b).Exec(t.Context(), `create function die() returns trigger language plpgsql as $$ begin
		if old.status is not null then raise exception 'dead'; end if; return new; end $$;
		create trigger die before update on api_idempotency for each row when (old.status is not null) execute function die()`); err != nil {
		t.Fatal(err)
	}
	first := b.post(t, documentPath("REQ")+"/comments", remark, "Idempotency-Key: comment-0001")
	expect(t, first, 201, "")
	if _, err := owner(t, b).Exec(t.Context(), `drop trigger die on api_idempotency`); err != nil {
		t.Fatal(err)
	}
	again := b.post(t, documentPath("REQ")+"/comments", remark, "Idempotency-Key: comment-0001")
	expect(t, again, 201, "")
	if again.header.Get("Idempotent-Replayed") != "true" || string(again.body) != string(first.body) || b.comments(t) != 1 {
		t.Errorf("%v %s, first %s, %d comments", again.header, again.body, first.body, b.comments(t))
	}
	var stored string
	if err := b.Pool.QueryRow(t.Context(), `select id from comment`).Scan(&stored); err != nil || again.at(t, "id") != stored {
		t.Errorf("the comment is %s, told was %s: %v", stored, again.body, err)
	}
	b.SequenceAll(t)
	if page := b.get(t, "/v1/events?types=comment.added"); page.at(t, "events.0.data.comment_id") != stored || page.at(t, "events.1.id") != "" {
		t.Errorf("%s", page.body)
	}
	if log := b.log.String(); strings.Contains(log, "level=WARN") {
		t.Errorf("%s", log)
	}
}

// A request that stood still for so long that its key was taken over, as a process does whose
// machine is moved, has no effect beside that of the other.
func TestARequestThatWasTakenForDeadDoesNothingWhenItWakes(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct{ table, body string }{
		"/v1/notices":                     {"notice", `{"kind":"alarm","text":"x","people":["petrov"]}`},
		documentPath("REQ") + "/comments": {"comment", remark},
	} {
		b := newBench(t)
		b.put(t, "REQ", rent)
		tx, err := owner(t, b).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), "lock table "+c.table+" in share mode"); err != nil {
			t.Fatal(err)
		}
		answers := make(chan response, 2)
		for n := range 2 {
			go func() { answers <- b.post(t, path, c.body, "Idempotency-Key: overtaken-1") }()
			b.wait(t, `select count(*) > `+fmt.Sprint(n)+` from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
			b.Clock.Advance(3 * time.Minute)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for range 2 {
			out := <-answers
			got[fmt.Sprint(out.status, " ", out.code(t))]++
		}
		var n int
		if err := b.Pool.QueryRow(t.Context(), "select count(*) from "+c.table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 1 || got["201 "] != 1 || got["409 in_progress"] != 1 {
			t.Errorf("%s: %d of it, answered %v", path, n, got)
		}
		if again := b.post(t, path, c.body, "Idempotency-Key: overtaken-1"); again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %d %s", path, again.status, again.body)
		}
	}
}

// wait waits until the database says so.
func (b *bench) wait(t *testing.T, sql string) {
	t.Helper()
	for so := false; !so; {
		if err := b.Pool.QueryRow(t.Context(), sql).Scan(&so); err != nil {
			t.Fatal(err)
		}
	}
}
