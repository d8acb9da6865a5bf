package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/chat"
	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

const question = "Why are you rejecting"

// questioned has the budget holder asked why he rejects a document.
func (o *office) questioned(t *testing.T, id string) telegramtest.Message {
	t.Helper()
	o.Post(t, id)
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget, id), "❌")
	q := o.sees(t, ledgertest.Budget, question, id)
	o.wait(t, func() bool { return o.count(t, `select count(*) from dialog where $1 = any (messages)`, q.ID) == 1 })
	return q
}

func (o *office) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	must(t, o.Pool.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

func (o *office) state(t *testing.T, id string) approval.State {
	t.Helper()
	st, err := o.Document(t.Context(), ledgertest.Key(id))
	must(t, err)
	return st.Case.State
}

// reads waits until a message reads so.
func (o *office) reads(t *testing.T, m telegramtest.Message, words ...string) {
	t.Helper()
	o.wait(t, func() bool {
		now, ok := o.tg.Message(m.ChatID, m.ID)
		for _, w := range words {
			ok = ok && strings.Contains(now.Text, w)
		}
		return ok && len(now.Keyboard) == 0
	})
}

// showing counts the messages of a chat that hold the words.
func (o *office) showing(chatID int64, words string) (n int) {
	for _, m := range o.tg.Messages(chatID) {
		if strings.Contains(m.Text, words) {
			n++
		}
	}
	return n
}

func text(update, message int64, replyTo int64, words string) string {
	reply := ""
	if replyTo != 0 {
		reply = fmt.Sprintf(`,"reply_to_message":{"message_id":%d,"date":1,"chat":{"id":%d,"type":"private"}}`, replyTo, ledgertest.Budget)
	}
	return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":1,"chat":{"id":%d,"type":"private"},`+
		`"from":{"id":%d,"is_bot":false,"first_name":"P","language_code":"en"}%s,"text":%q}}`,
		update, message, ledgertest.Budget, ledgertest.Budget, reply, words)
}

func button(o *office, update, message int64, data string) string {
	return callback(update, ledgertest.Budget, "", fmt.Sprintf(
		`,"message":{"message_id":%d,"date":1,"chat":{"id":%d,"type":"private"},"from":{"id":%d,"is_bot":true,"first_name":"b"}}`,
		message, ledgertest.Budget, o.tg.BotID()), data)
}

func (o *office) receive(t *testing.T, id int64, body string) (state, outcome string) {
	t.Helper()
	must(t, o.inbox.Receive(t.Context(), []byte(body)))
	return o.settled(t, id)
}

func TestTextIsTheReasonOnlyIfItAnswersTheQuestion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message func(q, card telegramtest.Message) int64
		reply   func(q, card telegramtest.Message) int64
		counts  bool
	}{
		"written after it":                      {message: after, reply: nothing, counts: true},
		"a reply to it":                         {message: after, reply: toQuestion, counts: true},
		"a reply to it, whatever its number is": {message: before, reply: toQuestion, counts: true},
		"written before it":                     {message: before, reply: nothing},
		"written before the card":               {message: func(_, card telegramtest.Message) int64 { return card.ID - 1 }, reply: nothing},
		"a reply to the card":                   {message: after, reply: func(_, card telegramtest.Message) int64 { return card.ID }},
		"a reply to a message nobody knows":     {message: after, reply: func(q, _ telegramtest.Message) int64 { return q.ID + 900 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			q := o.questioned(t, "13")
			card := o.sees(t, ledgertest.Budget, "13", "Landlord")
			state, outcome := o.receive(t, 990001, text(990001, c.message(q, card), c.reply(q, card), "ok, all fine, thanks"))
			want := approval.InProgress
			if c.counts {
				want = approval.Rejected
			}
			if got := o.state(t, "13"); got != want || state != "done" {
				t.Fatalf("the case is %s, want %s; the update: %s %s", got, want, state, outcome)
			}
			if !c.counts { // and whoever then gives the reason is served
				_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, "The contract has ended", 0)
				must(t, err)
			}
			o.sees(t, ledgertest.Requester, "Rejected")
		})
	}
}

func after(q, _ telegramtest.Message) int64      { return q.ID + 50 }
func before(q, _ telegramtest.Message) int64     { return q.ID - 1 }
func toQuestion(q, _ telegramtest.Message) int64 { return q.ID }
func nothing(_, _ telegramtest.Message) int64    { return 0 }

func TestTextThatComesWhileTheQuestionIsBeingPutIsNoReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "13")
	card := o.card(t, ledgertest.Budget)
	o.quiet(t)
	goOn := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(goOn))
	pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "❌")
	must(t, err)
	o.wait(t, func() bool { return o.count(t, `select count(*) from dialog`) == 1 })
	it := &inbox.Item{ID: 990001, Body: []byte(text(990001, card.ID+1, 0, "ok, all fine, thanks")), Attempt: 1}
	if outcome, err := o.door.Handle(t.Context(), it); !errors.Is(err, inbox.ErrLater) {
		t.Errorf("while nobody knows which came first: %q, %v", outcome, err)
	}
	close(goOn)
	_, err = pressed.Wait(t.Context())
	must(t, err)
	q := o.sees(t, ledgertest.Budget, question)
	it.Body = []byte(text(990001, q.ID-1, 0, "ok, all fine, thanks"))
	_, err = o.door.Handle(t.Context(), it)
	must(t, err)
	if got := o.state(t, "13"); got != approval.InProgress {
		t.Errorf("a text that was written before the question made the case %s", got)
	}
}

func TestSameQuickReasonTwiceIsOneRejectionAndNoError(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	data := q.Keyboard[0][0].Data
	var forged []*telegramtest.Tapped
	for range 3 {
		f, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, q.ID, data)
		must(t, err)
		forged = append(forged, f)
	}
	for i, f := range forged {
		a, err := f.Wait(t.Context())
		must(t, err)
		if strings.Contains(a.Text, "othing was recorded") || !strings.Contains(strings.ToLower(a.Text), "reject") {
			t.Errorf("tap %d was told %q", i+1, a.Text)
		}
	}
	o.reads(t, q, "“Duplicate”", "have been recorded")
	if got := o.state(t, "13"); got != approval.Rejected {
		t.Errorf("the case is %s", got)
	}
}

func TestVerdictThatIsOnRecordIsNeverToldAsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict approval.Verdict
		button  string
		reads   string
	}{
		"rejected elsewhere, then the reason":   {approval.Reject, "Duplicate", "“It was me”"},
		"rejected elsewhere, then a change":     {approval.Reject, "Cancel", "“It was me”"},
		"accepted by the card, then the reason": {approval.Accept, "Duplicate", "already decided: approved"},
		"accepted by the card, then a change":   {approval.Accept, "Cancel", "already decided: approved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			q := o.questioned(t, "13")
			o.Vote(t, "13", ledgertest.Budget, c.verdict, "It was me")
			if a := o.tap(t, ledgertest.Budget, q, c.button); !strings.Contains(strings.ToLower(a.Text), "already") {
				t.Errorf("told %q", a.Text)
			}
			o.reads(t, q, c.reads)
		})
	}
}

func TestWhatIsHandledAgainVotesOnceAndWritesNothingNew(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func(o *office, q telegramtest.Message) string{
		"a text":         func(_ *office, q telegramtest.Message) string { return text(990001, q.ID+50, 0, "Duplicate") },
		"a reply":        func(_ *office, q telegramtest.Message) string { return text(990001, q.ID+50, q.ID, "Duplicate") },
		"a quick reason": func(o *office, q telegramtest.Message) string { return button(o, 990001, q.ID, q.Keyboard[0][0].Data) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			q := o.questioned(t, "13")
			it := &inbox.Item{ID: 990001, Body: []byte(body(o, q)), Attempt: 1}
			var messages int
			for i := range 3 { // as after a crash between the vote and whatever follows it
				_, err := o.door.Handle(t.Context(), it)
				must(t, err)
				o.quiet(t)
				if n := len(o.tg.Messages(ledgertest.Budget)); i > 0 && n != messages {
					t.Errorf("time %d: %d messages, were %d", i+1, n, messages)
				}
				messages = len(o.tg.Messages(ledgertest.Budget))
				o.reads(t, q, "“Duplicate”", "have been recorded")
			}
			if got := o.count(t, `select count(*) from vote`); got != 1 || o.state(t, "13") != approval.Rejected {
				t.Errorf("%d votes, the case is %s", got, o.state(t, "13"))
			}
		})
	}
}

func TestLaterReasonIsToldWhatIsOnRecord(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	o.tap(t, ledgertest.Budget, q, "Duplicate")
	o.reads(t, q, "“Duplicate”")
	_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, "No, I meant the budget", q.ID)
	must(t, err)
	o.sees(t, ledgertest.Budget, "already decided: rejected")
	o.reads(t, q, "“Duplicate”", "have been recorded")
}

func TestCancelledQuestionTakesNoReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	for range 2 { // the same answer however often
		f, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, q.ID, q.Keyboard[len(q.Keyboard)-1][0].Data)
		must(t, err)
		if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "Canceled. Nothing was recorded") {
			t.Errorf("told %q, %v", a.Text, err)
		}
	}
	f, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, q.ID, q.Keyboard[0][0].Data)
	must(t, err)
	if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "Canceled") {
		t.Errorf("told %q, %v", a.Text, err)
	}
	_, err = o.tg.Say(ledgertest.Budget, ledgertest.Budget, "A late reason", q.ID)
	must(t, err)
	o.wait(t, func() bool { return o.showing(ledgertest.Budget, "Canceled. Nothing was recorded") == 2 }) // the question and the answer
	if got := o.state(t, "13"); got != approval.InProgress {
		t.Errorf("the case is %s", got)
	}
}

func TestVoteThatACancellationOvertookIsNotRecorded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	o.quiet(t)
	tx, err := o.Pool.Begin(t.Context())
	must(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `select from document for update`)
	must(t, err)
	outcomes := make(chan string, 2)
	handle := func(id int64, data string) {
		outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: id, Body: []byte(button(o, id, q.ID, data)), Attempt: 1})
		outcomes <- fmt.Sprint(outcome, err)
	}
	go handle(990001, q.Keyboard[0][0].Data) // one replica has read that the question is open
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) > 0
	})
	go handle(990002, q.Keyboard[len(q.Keyboard)-1][0].Data) // the other ends it
	o.wait(t, func() bool { return o.count(t, `select count(*) from dialog where outcome = 'cancelled'`) == 1 })
	must(t, tx.Rollback(t.Context()))
	for range 2 {
		if got := <-outcomes; !strings.HasPrefix(got, "the question is over: cancelled<nil>") {
			t.Errorf("outcome %q", got)
		}
	}
	if got := o.state(t, "13"); got != approval.InProgress {
		t.Errorf("told that it was cancelled, and the case is %s", got)
	}
	o.reads(t, q, "Canceled. Nothing was recorded")
}

func TestCancellationAndReasonAtOnceHaveOneOutcome(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 8 {
		id := fmt.Sprint(100 + i)
		q := o.questioned(t, id)
		done := make(chan error, 2)
		for j, data := range []string{q.Keyboard[0][0].Data, q.Keyboard[len(q.Keyboard)-1][0].Data} {
			update := int64(990000 + 10*i + j)
			body := []byte(button(o, update, q.ID, data))
			go func() {
				_, err := o.door.Handle(t.Context(), &inbox.Item{ID: update, Body: body, Attempt: 1})
				done <- err
			}()
		}
		must(t, <-done)
		must(t, <-done)
		want := "Nothing was recorded"
		if o.state(t, id) == approval.Rejected {
			want = "have been recorded"
		}
		o.reads(t, q, want)
	}
}

func TestQuestionWhoseTimeIsUpTakesNoReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "13")
	_, err := o.Pool.Exec(t.Context(), `update dialog set expires_at = now() - interval '1 minute'`)
	must(t, err)
	_, err = o.tg.Say(ledgertest.Budget, ledgertest.Budget, "A late reason", 0)
	must(t, err)
	o.reads(t, q, "Time is up and nothing was recorded")
	f, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, q.ID, q.Keyboard[0][0].Data)
	must(t, err)
	if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "Time is up") {
		t.Errorf("told %q, %v", a.Text, err)
	}
	if got := o.state(t, "13"); got != approval.InProgress {
		t.Errorf("the case is %s", got)
	}
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget), "❌") // and the card asks anew
	o.wait(t, func() bool { return o.showing(ledgertest.Budget, question) == 1 })
}

func TestQuestionAboutAnotherDocumentTakesThePlaceOfTheFirst(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first := o.questioned(t, "4001")
	o.questioned(t, "4002")
	o.reads(t, first, "You have begun something else. Nothing was recorded here.")
	f, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, first.ID, first.Keyboard[0][0].Data)
	must(t, err)
	if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "press the button on the card again") {
		t.Errorf("told %q, %v", a.Text, err)
	}
	_, err = o.tg.Say(ledgertest.Budget, ledgertest.Budget, "The contract has ended", 0)
	must(t, err)
	o.sees(t, ledgertest.Requester, "Rejected", "4002")
	if got := o.state(t, "4001"); got != approval.InProgress {
		t.Errorf("the reason for the other document made this one %s", got)
	}
}

func TestOldQuestionsAreRemoved(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.questioned(t, "13")
	dialogs := &chat.Dialogs{Pool: o.Pool}
	for until, want := range map[time.Duration]int64{-time.Hour: 0, time.Hour: 1} {
		if got, err := dialogs.Purge(t.Context(), time.Now().Add(until)); until < 0 && got != want || err != nil {
			t.Errorf("questions of %s ago: %d removed, want %d; %v", until, got, want, err)
		}
	}
	if got := o.count(t, `select count(*) from dialog`); got != 0 {
		t.Errorf("%d questions left", got)
	}
}
