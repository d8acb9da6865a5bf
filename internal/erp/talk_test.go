package erp_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// asked has the budget holder ask something about a document, and gives the question's id.
func (b *bench) asked(tb testing.TB, id, text string) string {
	tb.Helper()
	talk := b.talk(tb, id, ledgertest.Budget, text)
	if _, err := b.Ask(tb.Context(), talk, approval.Asking{Round: 1}); err != nil {
		tb.Fatal(err)
	}
	return talk.ID
}

func (b *bench) talk(tb testing.TB, id string, account int64, text string) ledger.Talk {
	tb.Helper()
	st, err := b.Document(tb.Context(), ledgertest.Key(id))
	if err != nil {
		tb.Fatal(err)
	}
	com, err := ident.New("com")
	if err != nil {
		tb.Fatal(err)
	}
	return ledger.Talk{Account: account, Case: st.Case.ID, ID: com, Text: text, Origin: com}
}

func TestAQuestionIsAnsweredByACommentOfTheERP(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", replace(t, rent, `"requester":"ivanova"`, `"requester":"stranger"`))
	q, other := b.asked(t, "REQ", "Which contract?"), b.asked(t, "REQ", "Until when?")
	state := b.get(t, documentPath("REQ"))
	if state.at(t, "case.open_questions.0.id") != q || state.at(t, "case.open_questions.0.text") != "Which contract?" {
		t.Fatalf("%s", state.body)
	}
	path := documentPath("REQ") + "/comments"
	say := func(question, key string) response {
		return b.post(t, path, fmt.Sprintf(`{"author":"stranger","text":"15/24","question_id":%q}`, question), "Idempotency-Key: "+key)
	}
	expect(t, say("com_00000000000000000000000000", "answer-0001"), 404, "not_found")
	first := say(q, "answer-0002")
	expect(t, first, 201, "")
	if again := say(q, "answer-0002"); again.at(t, "id") != first.at(t, "id") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request again: %s", again.body)
	}
	expect(t, say(q, "answer-0003"), 409, "question_answered")
	expect(t, say(q, "answer-0003"), 409, "question_answered") // nothing was kept for the key of a refused one
	b.Vote(t, "REQ", ledgertest.Budget, approval.Accept, "")
	expect(t, say(other, "answer-0004"), 409, "question_closed")
	if state := b.get(t, documentPath("REQ")); state.at(t, "case.open_questions") != "[]" {
		t.Errorf("%s", state.body)
	}
	b.SequenceAll(t)
	if page := b.get(t, "/v1/events?types=question.asked,question.answered"); page.at(t, "events.2.type") != "question.answered" || page.at(t, "events.2.data.question_id") != q {
		t.Errorf("%s", page.body)
	}
	thread := b.get(t, path)
	for at, want := range map[string]string{
		"comments.0.kind": "question", "comments.0.user": "petrov", "comments.0.author": "Pyotr Petrov", "comments.1.text": "Until when?",
		"comments.2.kind": "answer", "comments.2.question_id": q, "comments.2.author": "stranger", "comments.2.user": "", "more": "false",
	} {
		if got := thread.at(t, at); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
	if rest := b.get(t, path+"?limit=1&after="+q); rest.at(t, "comments.0.id") != other || rest.at(t, "comments.1.id") != "" || rest.at(t, "more") != "true" {
		t.Errorf("%s", rest.body)
	}
	expect(t, b.get(t, path+"?after=com_00000000000000000000000000"), 404, "not_found")
	expect(t, b.get(t, path+"?after=x"), 400, "bad_parameter")
	expect(t, b.get(t, documentPath("NONE")+"/comments"), 404, "not_found")
}

func TestAFileIsFetchedByTheSourceWhoseDocumentHasIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", withFiles(t, announced("Счёт.pdf", invoice)))
	b.put(t, "OTHER", rent)
	fetch := func(id, digest string) response { return b.get(t, documentPath(id)+"/files/"+digest) }
	expect(t, fetch("REQ", hexDigest(invoice)), 404, "not_found") // announced only
	expect(t, b.upload(t, "REQ", hexDigest(invoice), invoice), 200, "")
	act := strings.Repeat("act of acceptance ", 1<<17) // of several pieces
	meta, err := b.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader(act))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, fetch("REQ", meta.SHA256), 404, "not_found") // nobody said that it belongs here
	if _, err := b.Attach(t.Context(), b.talk(t, "REQ", ledgertest.Budget, "here"), document.File{Name: "act\".txt", SHA256: meta.SHA256, Size: meta.Size, MediaType: meta.MediaType}); err != nil {
		t.Fatal(err)
	}
	for digest, want := range map[string]string{hexDigest(invoice): invoice, strings.ToUpper(meta.SHA256): act} {
		out := fetch("REQ", digest)
		if out.status != 200 || string(out.body) != want || out.header.Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(out.header.Get("Content-Disposition"), "attachment; filename") || out.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d, %d bytes, %v", digest, out.status, len(out.body), out.header)
		}
		expect(t, fetch("OTHER", digest), 404, "not_found")
	}
	expect(t, fetch("REQ", "x"), 404, "not_found")
	listed := b.get(t, documentPath("REQ")+"/comments")
	if url := listed.at(t, "comments.0.file.url"); listed.at(t, "comments.0.kind") != "file" || string(b.get(t, url).body) != act {
		t.Errorf("%s", listed.body)
	}
}
