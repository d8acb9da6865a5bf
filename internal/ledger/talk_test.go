package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
)

// said is what an account writes about a document; origin names the message.
func said(t *testing.T, b *ledgertest.Bench, id string, account int64, origin string) ledger.Talk {
	t.Helper()
	st, err := b.Document(t.Context(), ledgertest.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	com, err := ident.New("com")
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Talk{Account: account, Case: st.Case.ID, ID: com, Text: "Words of " + origin, Origin: origin}
}

func bodies(t *testing.T, b *ledgertest.Bench, kind string) []string {
	t.Helper()
	b.SequenceAll(t)
	events, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Types: []string{kind}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, e.Body)
	}
	return out
}

func TestAMessageIsOneCommentHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	var wg sync.WaitGroup
	for range 10 { // as many replicas
		talk := said(t, b, "4711", ledgertest.Budget, "telegram/1/1002/7")
		wg.Go(func() {
			if _, err := b.Say(t.Context(), talk); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	thread, err := b.Thread(t.Context(), ledgertest.Key("4711"), "", 100)
	if err != nil || len(thread) != 1 || thread[0].Author != "Pyotr Petrov" || thread[0].Text != "Words of telegram/1/1002/7" || thread[0].Kind != approval.IsComment {
		t.Errorf("%+v, %v", thread, err)
	}
	told := bodies(t, b, "comment.added")
	if len(told) != 1 || !strings.Contains(told[0], `"user":"petrov"`) || !strings.Contains(told[0], `"author":"Pyotr Petrov"`) {
		t.Errorf("told: %v", told)
	}
}

// What the gateway notes is said once, by nobody of the company, also when all is decided; the
// case stays what it is.
func TestNoteOfTheGatewayIsOneLineAndChangesNothing(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	b.Vote(t, "4711", ledgertest.Budget, approval.Reject, "No")
	was, err := b.Document(t.Context(), ledgertest.Key("4711"))
	if err != nil {
		t.Fatal(err)
	}
	lent := 0
	for range 3 {
		if err := b.Note(t.Context(), said(t, b, "4711", 0, "audio/1/over"), func(*pgx.Batch, error) { lent++ }); err != nil {
			t.Fatal(err)
		}
	}
	now, err := b.Document(t.Context(), ledgertest.Key("4711"))
	if err != nil || now.Case.Hash != was.Case.Hash || now.Case.State != was.Case.State || now.Case.Round != was.Case.Round || now.Case.Revision != was.Case.Revision {
		t.Errorf("the case became %+v, %v", now.Case, err)
	}
	thread, err := b.Thread(t.Context(), ledgertest.Key("4711"), "", 100)
	if err != nil || len(thread) != 1 || thread[0].Author != "Countersign" || thread[0].By != "" || lent != 3 {
		t.Errorf("%+v, lent %d times, %v", thread, lent, err)
	}
	if told := bodies(t, b, "comment.added"); len(told) != 1 || strings.Contains(told[0], `"user"`) || !strings.Contains(told[0], `"author":"Countersign"`) {
		t.Errorf("told: %v", told)
	}
	nowhere := said(t, b, "4711", 0, "audio/2/over")
	nowhere.Case = "cas_00000000000000000000000000"
	if err := b.Note(t.Context(), nowhere); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("under no document: %v", err)
	}
}

// TestWhoMaySpeakOfADocument is the whole table: who sees a document may say something of
// it, and nobody else.
func TestWhoMaySpeakOfADocument(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Import(t, ledgertest.User("payee", "Paul Payee", "clerk", 2001), ledgertest.User("chief", "Clara Chief", "clerk", 2002),
		ledgertest.User("clerk", "Carl Clerk", "clerk", 2003), ledgertest.User("editor", "Edith Editor", "clerk", 2004),
		directory.User{ExternalID: "twin", Name: "Tom", Email: "twin@example.org", Telegram: 2005, Roles: []people.Role{{Name: "clerk"}}})
	d := ledgertest.Payment("4711")
	d.OnBehalfOf, d.LastEditor, d.Payee.Person = "chief@example.org", "editor", "payee"
	if _, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("4711"), Document: d}); err != nil {
		t.Fatal(err)
	}
	b.Vote(t, "4711", ledgertest.Budget, approval.Accept, "")
	for i, c := range []struct {
		who     string
		account int64
		want    error
	}{
		{"who voted", ledgertest.Budget, nil},
		{"who is asked", ledgertest.Finance, nil},
		{"who wrote it", ledgertest.Requester, nil},
		{"for whom it was written", 2002, nil},
		{"who changed it last", 2004, nil},
		{"who has not been asked yet", ledgertest.Treasurer, ledger.ErrUnseen},
		{"who gets the money", 2001, ledger.ErrUnseen},
		{"a colleague", 2003, ledger.ErrUnseen},
		{"nobody", 9999, ledger.ErrNoAccount},
	} {
		talk := said(t, b, "4711", c.account, fmt.Sprintf("m/%d", i))
		if _, err := b.Say(t.Context(), talk); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.who, err, c.want)
		}
		dir, err := b.Directory.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p, known := dir.ByTelegram(c.account)
		found, err := b.Numbered(t.Context(), " 4711 ", p, 10)
		if sees := c.want == nil; err != nil || sees != (len(found) == 1) {
			t.Errorf("%s finds %d documents, %v", c.who, len(found), err)
		}
		if !known {
			continue
		}
		if _, err := b.LookAt(t.Context(), talk.Case, p); (c.want == nil) != (err == nil) || err != nil && !errors.Is(err, ledger.ErrUnseen) {
			t.Errorf("%s looks: %v", c.who, err)
		}
		talk.Shown, talk.Origin, talk.ID = true, talk.Origin+"/group", said(t, b, "4711", 1, "").ID
		if _, err := b.Say(t.Context(), talk); err != nil {
			t.Errorf("%s, where everybody is shown it: %v", c.who, err)
		}
	}
	st, err := b.Document(t.Context(), ledgertest.Key("4711"))
	if err != nil || st.Case.State != approval.InProgress || st.Awaiting[0].User != "sidorova" {
		t.Errorf("talk moved the case: %+v, %v", st.Awaiting, err)
	}
}

func TestALinkThatMayNotDecideYetSaysNothingInItsPersonsName(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.LoginLife = time.Hour
	b.Post(t, "4711")
	login(t, b, "petrov", 5001, directory.Terms{Confirm: directory.ByAdmin})
	if _, err := b.Say(t.Context(), said(t, b, "4711", 5001, "m/1")); !errors.Is(err, people.ErrUnconfirmed) {
		t.Errorf("unconfirmed: %v", err)
	}
	if _, err := b.Directory.Confirm(t.Context(), "admin", "petrov"); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(2 * time.Hour)
	if _, err := b.Say(t.Context(), said(t, b, "4711", 5001, "m/2")); err != nil {
		t.Errorf("by an old login: %v", err)
	}
	if _, err := b.Ask(t.Context(), said(t, b, "4711", 5001, "m/3"), approval.Asking{Round: 1}); !errors.Is(err, people.ErrLoginOld) {
		t.Errorf("a question stops the clock, and an old login asked it: %v", err)
	}
}

// TestSchemaKeepsQuestionsWhatTheyAre tries as the owner of the tables.
func TestSchemaKeepsQuestionsWhatTheyAre(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	if _, err := b.Ask(t.Context(), said(t, b, "4711", ledgertest.Budget, "m/1"), approval.Asking{Round: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Say(t.Context(), said(t, b, "4711", ledgertest.Budget, "m/2")); err != nil {
		t.Fatal(err)
	}
	owner, err := pgx.Connect(t.Context(), b.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(context.WithoutCancel(t.Context())) }()
	comment := `(select id from comment where origin = 'm/2')`
	for _, sql := range []string{
		`update question set asked_to = asked_by`,
		`update question set answer_id = ` + comment + `, answered_by = asked_by`,
		`update question set answered_by = asked_to`,
		`update question set no = 2`,
		`delete from question`,
		`truncate question`,
		`insert into question (case_id, no, id, round, step, slot, asked_by) select case_id, 2, ` + comment + `, round, step, slot, asked_to from question`,
		`insert into comment (id, document_id, author, text, at, origin) select 'com_' || repeat('0', 26), document_id, author, text, at, origin from comment limit 1`,
		`update comment set text = 'other'`,
	} {
		if _, err := owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("taken: %s", sql)
		}
	}
	if _, err := b.Answer(t.Context(), said(t, b, "4711", ledgertest.Requester, "m/3"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Exec(t.Context(), `update question set answer_id = null, answered_by = null`); err == nil {
		t.Error("an answer was taken away")
	}
}

func TestAQuestionIsKeptAnsweredOnceAndReplayed(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	slot := approval.Asking{Round: 1}
	ask := said(t, b, "4711", ledgertest.Budget, "m/1")
	out, err := b.Ask(t.Context(), ask, slot)
	if err != nil || len(out.Status.Case.Unanswered()) != 1 {
		t.Fatalf("%+v, %v", out.Status.Case.Questions, err)
	}
	again := ask
	again.ID = said(t, b, "4711", 1, "").ID
	if out, err = b.Ask(t.Context(), again, slot); err != nil || !out.Before || len(out.Status.Case.Questions) != 1 {
		t.Errorf("the same message again: %+v, %v", out, err)
	}
	if _, err = b.Ask(t.Context(), said(t, b, "4711", ledgertest.Requester, "m/2"), slot); !errors.Is(err, approval.ErrNotAsked) {
		t.Errorf("who is not asked: %v", err)
	}
	if _, err = b.Answer(t.Context(), said(t, b, "4711", ledgertest.Budget, "m/3"), 1); !errors.Is(err, approval.ErrNotAsked) {
		t.Errorf("he answers himself: %v", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 8 {
		talk := said(t, b, "4711", ledgertest.Requester, fmt.Sprintf("a/%d", i))
		wg.Go(func() {
			_, err := b.Answer(t.Context(), talk, 1)
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprint(err)]++
		})
	}
	wg.Wait()
	if want := map[string]int{"<nil>": 1, approval.ErrAnswered.Error(): 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("eight answers at once: %v", got)
	}
	b.Vote(t, "4711", ledgertest.Budget, approval.Accept, "")
	st, err := b.Document(t.Context(), ledgertest.Key("4711"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := b.Events(t.Context(), st.Case.ID)
	if err != nil {
		t.Fatal(err)
	}
	replayed := approval.Replay(events)
	if diff := cmp.Diff(st.Case.Questions, replayed.Questions); diff != "" || len(replayed.Questions) != 1 {
		t.Errorf("kept and replayed differ:\n%s", diff)
	}
	if told := bodies(t, b, "question.asked"); len(told) != 1 || !strings.Contains(told[0], `"to":"ivanova"`) || !strings.Contains(told[0], `"question_id":"`+ask.ID+`"`) {
		t.Errorf("told of the question: %v", told)
	}
	if told := bodies(t, b, "question.answered"); len(told) != 1 || !strings.Contains(told[0], `"by":"ivanova"`) {
		t.Errorf("told of the answer: %v", told)
	}
	thread, err := b.Thread(t.Context(), ledgertest.Key("4711"), "", 10)
	if err != nil || len(thread) != 2 || thread[0].Kind != approval.IsQuestion || thread[1].Kind != approval.IsAnswer || thread[1].Question != ask.ID {
		t.Errorf("thread %+v, %v", thread, err)
	}
	if rest, err := b.Thread(t.Context(), ledgertest.Key("4711"), thread[0].ID, 10); err != nil || len(rest) != 1 || rest[0].ID != thread[1].ID {
		t.Errorf("after the first %+v, %v", rest, err)
	}
	if _, err := b.Thread(t.Context(), ledgertest.Key("4711"), "com_x", 10); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("after what is not there: %v", err)
	}
}

func TestTheERPAnswersByACommentThatNamesTheQuestion(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	d := ledgertest.Payment("4711")
	d.Requester = "stranger"
	if _, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("4711"), Document: d}); err != nil {
		t.Fatal(err)
	}
	ask := said(t, b, "4711", ledgertest.Budget, "m/1")
	if _, err := b.Ask(t.Context(), ask, approval.Asking{Round: 1}); err != nil {
		t.Fatal(err)
	}
	answer := remark(t)
	answer.Question = ask.ID
	other := answer
	other.ID, other.Question = said(t, b, "4711", 1, "").ID, answer.ID
	if err := b.Comment(t.Context(), ledgertest.Key("4711"), other); !errors.Is(err, approval.ErrNoQuestion) {
		t.Errorf("no such question: %v", err)
	}
	for range 2 { // the same request again
		if err := b.Comment(t.Context(), ledgertest.Key("4711"), answer); err != nil {
			t.Fatal(err)
		}
	}
	st, err := b.Document(t.Context(), ledgertest.Key("4711"))
	if err != nil || len(st.Case.Questions) != 1 || st.Case.Questions[0].Answer == nil || st.Case.Questions[0].Answer.Author != "ivanova" {
		t.Errorf("%+v, %v", st.Case.Questions, err)
	}
	other.Question = ask.ID
	if err := b.Comment(t.Context(), ledgertest.Key("4711"), other); !errors.Is(err, approval.ErrAnswered) {
		t.Errorf("a second answer: %v", err)
	}
}

// TestWhatIsSaidMakesTheCardsBeDrawnAnew: also by whoever holds the lease of a drawing
// that began before it.
func TestWhatIsSaidMakesTheCardsBeDrawnAnew(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	draw := func() (ledger.Drawing, bool) {
		due, err := b.Behind(t.Context(), 10, 0)
		if err != nil || len(due) > 1 {
			t.Fatalf("%d cases behind, %v", len(due), err)
		}
		if len(due) == 0 {
			return ledger.Drawing{}, false
		}
		return due[0], true
	}
	old, ok := draw()
	if !ok || len(old.Talk) != 0 {
		t.Fatalf("%t, %+v", ok, old.Talk)
	}
	if _, err := b.Say(t.Context(), said(t, b, "4711", ledgertest.Budget, "m/1")); err != nil {
		t.Fatal(err)
	}
	if err := b.Drawn(t.Context(), old); err != nil { // it did not know of the comment
		t.Fatal(err)
	}
	fresh, ok := draw()
	if !ok || len(fresh.Talk) != 1 || fresh.Talk[0].Text != "Words of m/1" {
		t.Fatalf("%t, %+v", ok, fresh.Talk)
	}
	if err := b.Drawn(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	if d, ok := draw(); ok {
		t.Errorf("still behind: %+v", d.Case)
	}
}

func TestAFileFromTheMessengerVoidsNoVoteAndIsToldWithItsAddress(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	st := b.Post(t, "a/b 1")
	b.Vote(t, "a/b 1", ledgertest.Budget, approval.Accept, "")
	meta, err := b.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader("%PDF-1.4 more"))
	if err != nil {
		t.Fatal(err)
	}
	f := document.File{Name: "act.pdf", SHA256: meta.SHA256, Size: meta.Size, MediaType: meta.MediaType}
	talk := said(t, b, "a/b 1", ledgertest.Finance, "m/1")
	for range 2 {
		if _, err := b.Attach(t.Context(), talk, f); err != nil {
			t.Fatal(err)
		}
	}
	now, err := b.Document(t.Context(), ledgertest.Key("a/b 1"))
	if err != nil || now.Hash != st.Hash || now.Case.Round != 1 || now.Case.Step != 1 {
		t.Errorf("the case: %+v, %v", now.Case, err)
	}
	told := bodies(t, b, "attachment.added")
	if len(told) != 1 || !strings.Contains(told[0], `"url":"/v1/sources/erp1c/documents/a%2Fb%201/files/`+meta.SHA256+`"`) {
		t.Errorf("told %v", told)
	}
	if name, ok, err := b.HasFile(t.Context(), ledgertest.Key("a/b 1"), meta.SHA256); name != "act.pdf" || !ok || err != nil {
		t.Errorf("%q %t %v", name, ok, err)
	}
	b.Post(t, "other")
	if _, ok, err := b.HasFile(t.Context(), ledgertest.Key("other"), meta.SHA256); ok || err != nil {
		t.Errorf("a file of another document: %t, %v", ok, err)
	}
	if drawn, err := b.Behind(t.Context(), 10, 0); err != nil || len(drawn) == 0 || len(drawn[0].Files) != 1 {
		t.Errorf("%+v, %v", drawn, err)
	}
}
