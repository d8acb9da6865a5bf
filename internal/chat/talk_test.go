package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// marked waits until the bot has put its mark under a message.
func (o *office) marked(t *testing.T, chatID, message int64) {
	t.Helper()
	o.wait(t, func() bool {
		m, _ := o.tg.Message(chatID, message)
		return slices.Equal(m.Reactions, []string{"✍"})
	})
}

// says writes a message and waits for nothing.
func (o *office) says(t *testing.T, account int64, words string, replyTo int64) int64 {
	t.Helper()
	id, err := o.tg.Say(account, account, words, replyTo)
	must(t, err)
	return id
}

// thread lists what was said about a document: "kind author: text".
func (o *office) thread(t *testing.T, id string) []string {
	t.Helper()
	found, err := o.Thread(t.Context(), ledgertest.Key(id), "", 100)
	must(t, err)
	var out []string
	for _, m := range found {
		out = append(out, m.Kind+" "+m.Author+": "+m.Text)
	}
	return out
}

func TestAReplyToACardIsACommentShownToAllWhoAreAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	id := o.says(t, ledgertest.Budget, " The <b>contract</b>\u202e\nends in July ", card.ID)
	o.marked(t, ledgertest.Budget, id)
	o.sees(t, ledgertest.Requester, "Discussion", "💬 Pyotr Petrov", ": The <b>contract</b> ends in July")
	o.sees(t, ledgertest.Budget, "💬 Pyotr Petrov")
	again := text(990001, id, card.ID, "The same message by another update")
	if state, outcome := o.receive(t, 990001, again); state != "done" || outcome != "comment noted" {
		t.Errorf("%s %q", state, outcome)
	}
	if got := o.thread(t, "4711"); len(got) != 1 || got[0] != "comment Pyotr Petrov: The <b>contract</b>\nends in July" {
		t.Errorf("%q", got)
	}
	must(t, o.tg.EditSaid(ledgertest.Budget, ledgertest.Budget, id, "Something else"))
	o.sees(t, ledgertest.Budget, "What you wrote first stays on record")
	if got := o.thread(t, "4711"); len(got) != 1 || strings.Contains(got[0], "else") {
		t.Errorf("edited to %q", got)
	}
	if o.state(t, "4711") != approval.InProgress {
		t.Error("a comment decided")
	}
	if o.showing(groupID, "contract") != 0 {
		t.Error("the group is shown what was said in private")
	}
	o.tap(t, ledgertest.Budget, card, "✅")
	o.card(t, ledgertest.Finance, "ends in July") // whoever is asked later reads it too
}

func TestACommentWhereMarksAreNotKnownIsConfirmedInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	o.tg.FailNext("setMessageReaction", telegramtest.Refuse(404, "Not Found"))
	o.says(t, ledgertest.Budget, "Fine by me", o.card(t, ledgertest.Budget).ID)
	o.sees(t, ledgertest.Budget, "✍ Noted")
}

func TestInTheGroupWhoeverIsSomebodyMaySpeak(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.User(6666, "Mallory", "en")
	must(t, o.tg.ChangeChat(groupID, func(c *telegramtest.Chat) { c.Members = append(c.Members, 6666, ledgertest.Treasurer) }))
	o.Post(t, "4711")
	card := o.sees(t, groupID, "4711", "Awaiting")
	id, err := o.tg.Say(ledgertest.Treasurer, groupID, "I expect it on Friday", card.ID)
	must(t, err)
	o.marked(t, groupID, id)
	o.sees(t, ledgertest.Budget, "Ivan Kozlov", "on Friday")
	_, err = o.tg.Say(6666, groupID, "Pay it now", card.ID)
	must(t, err)
	o.sees(t, groupID, "I do not know your account", "/login")
	if got := o.thread(t, "4711"); !slices.Equal(got, []string{"comment Ivan Kozlov: I expect it on Friday"}) {
		t.Errorf("%q", got)
	}
}

// reply is a text of an account that replies to a message of ours with a button.
func reply(o *office, update, account int64, data, words string) string {
	return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":601,"chat":{"id":%d,"type":"private"},"from":{"id":%d,"is_bot":false,"first_name":"P","language_code":"en"},`+
		`"reply_to_message":{"message_id":900,"date":1,"chat":{"id":%d,"type":"private"},"from":{"id":%d,"is_bot":true,"first_name":"b"},`+
		`"reply_markup":{"inline_keyboard":[[{"text":"Button","callback_data":%q}]]}},"text":%q}}`, update, update, account, account, account, o.tg.BotID(), data, words)
}

// TestAReplyToACopyThatNobodyNotedIsKnownByItsButtons: and whoever may not see the document
// learns nothing by having them.
func TestAReplyToACopyThatNobodyNotedIsKnownByItsButtons(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	data := o.card(t, ledgertest.Budget).Keyboard[0][0].Data
	for i, c := range []struct {
		account int64
		data    string
		want    string
	}{
		{ledgertest.Treasurer, data, "refused: not found for this person"},
		{ledgertest.Treasurer, strings.Replace(data, "cas_0", "cas_1", 1), "refused: not found"},
		{6666, data, "refused: not linked"},
		{ledgertest.Budget, "nonsense", "ignored: no question was open"},
		{ledgertest.Budget, data, "comment noted"},
	} {
		if c.account == 6666 {
			o.tg.User(6666, "Mallory", "en")
			_, err := o.tg.StartBot(6666, "")
			must(t, err)
		}
		update := int64(990001 + i)
		if _, outcome := o.receive(t, update, reply(o, update, c.account, c.data, "words")); outcome != c.want {
			t.Errorf("%d with %s: %q, want %q", c.account, c.data, outcome, c.want)
		}
	}
	if a, b := o.showing(ledgertest.Treasurer, "no document here that you may see"), len(o.thread(t, "4711")); a != 2 || b != 1 {
		t.Errorf("told %d times, %d comments", a, b)
	}
}

func TestAQuestionGoesToTheRequesterAndItsAnswerComesBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	if a := o.tap(t, ledgertest.Budget, card, "Ask"); !strings.Contains(a.Text, "Write it") {
		t.Errorf("told %q", a.Text)
	}
	prompt := o.sees(t, ledgertest.Budget, "What do you want to know?", "4711")
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from dialog where $1 = any (messages)`, prompt.ID) == 1
	})
	o.says(t, ledgertest.Budget, "Which <contract> is it for?", 0)
	o.reads(t, prompt, "Which <contract> is it for?", "went to Anna Ivanova")
	asked := o.sees(t, ledgertest.Requester, "You are asked about", "4711", "Which <contract> is it for?")
	o.sees(t, ledgertest.Budget, "has been waiting for an answer since", "Which <contract>")

	stranger, err := o.tg.Forge(ledgertest.Finance, ledgertest.Finance, asked.ID, asked.Keyboard[0][0].Data)
	must(t, err)
	if a, err := stranger.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "not for you") {
		t.Errorf("somebody else: %q, %v", a.Text, err)
	}
	o.tap(t, ledgertest.Requester, asked, "Answer")
	prompt = o.sees(t, ledgertest.Requester, "Write your answer")
	o.says(t, ledgertest.Requester, "15/24", prompt.ID)
	o.reads(t, prompt, "15/24", "passed on")
	answer := o.sees(t, ledgertest.Budget, "Your question was answered", "15/24")
	if answer.ReplyTo != card.ID || answer.Silent {
		t.Errorf("the answer hangs under %d, silent %t", answer.ReplyTo, answer.Silent)
	}
	o.reads(t, asked, "15/24") // and its button is gone
	late, err := o.tg.Forge(ledgertest.Requester, ledgertest.Requester, asked.ID, asked.Keyboard[0][0].Data)
	must(t, err)
	if a, err := late.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "has its answer already") {
		t.Errorf("a second answer: %q, %v", a.Text, err)
	}
	want := []string{"question Pyotr Petrov: Which <contract> is it for?", "answer Anna Ivanova: 15/24"}
	if got := o.thread(t, "4711"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	o.tap(t, ledgertest.Budget, card, "✅")
	o.card(t, ledgertest.Finance, "15/24")
}

func TestQuestionsStayApartAndAreAnsweredByAReply(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, id := range []string{"4001", "4002"} {
		o.Post(t, id)
		o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget, id), "Ask")
		prompt := o.sees(t, ledgertest.Budget, "What do you want to know?", id)
		o.says(t, ledgertest.Budget, "Why "+id+"?", prompt.ID)
		o.reads(t, prompt, "went to Anna")
	}
	one, two := o.sees(t, ledgertest.Requester, "You are asked", "Why 4001?"), o.sees(t, ledgertest.Requester, "You are asked", "Why 4002?")
	o.marked(t, ledgertest.Requester, o.says(t, ledgertest.Requester, "For two", two.ID))
	o.marked(t, ledgertest.Requester, o.says(t, ledgertest.Requester, "For one", one.ID))
	o.sees(t, ledgertest.Budget, "Your question was answered", "4001", "For one")
	o.sees(t, ledgertest.Budget, "Your question was answered", "4002", "For two")
	if got := o.thread(t, "4001"); len(got) != 2 || got[1] != "answer Anna Ivanova: For one" {
		t.Errorf("%q", got)
	}
}

func TestADecisionEndsTheQuestionAndNobodyAnswersIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	o.tap(t, ledgertest.Budget, card, "Ask")
	o.says(t, ledgertest.Budget, "Why?", o.sees(t, ledgertest.Budget, "What do you want to know?").ID)
	asked := o.sees(t, ledgertest.Requester, "You are asked", "Why?")
	o.tap(t, ledgertest.Budget, card, "✅") // the question keeps nobody from deciding
	o.reads(t, asked, "The question is closed")
	o.says(t, ledgertest.Requester, "Because", asked.ID)
	o.sees(t, ledgertest.Requester, "Nobody waits for this answer any more")
	if got := o.thread(t, "4711"); len(got) != 1 {
		t.Errorf("%q", got)
	}
	f, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, card.ID, card.Keyboard[2][0].Data)
	must(t, err)
	if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "already decided: accepted") && !strings.Contains(a.Text, "already decided") {
		t.Errorf("a question after the vote: %q, %v", a.Text, err)
	}
}

func TestADialogueIsCancelledAndReplacedInSight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	o.says(t, ledgertest.Budget, "/cancel", 0)
	o.sees(t, ledgertest.Budget, "nothing to cancel")
	o.tap(t, ledgertest.Budget, card, "❌")
	reason := o.sees(t, ledgertest.Budget, question)
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from dialog where $1 = any (messages)`, reason.ID) == 1
	})
	o.tap(t, ledgertest.Budget, card, "Ask")
	o.reads(t, reason, "You have begun something else")
	prompt := o.sees(t, ledgertest.Budget, "What do you want to know?")
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from dialog where $1 = any (messages)`, prompt.ID) == 1
	})
	o.says(t, ledgertest.Budget, "/cancel", 0)
	o.reads(t, prompt, "Canceled. Nothing was passed on.")
	o.says(t, ledgertest.Budget, "Too late", prompt.ID)
	o.wait(t, func() bool { return o.showing(ledgertest.Budget, "Canceled. Nothing was passed on.") == 3 })
	if got := o.thread(t, "4711"); len(got) != 0 || o.state(t, "4711") != approval.InProgress {
		t.Errorf("%q", got)
	}
}

func TestDetailsSayWhyAndWhatChanged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	o.tap(t, ledgertest.Budget, card, "Details")
	m := o.sees(t, ledgertest.Budget, "Why you: Budget holder", "CC-12", "Route: payment_request, version 1, rule", "Your decision has been awaited since", "Nothing has changed")
	if m.ReplyTo != card.ID {
		t.Errorf("it hangs under %d", m.ReplyTo)
	}
	o.tap(t, ledgertest.Budget, card, "✅")
	d := ledgertest.Payment("4711")
	d.Payee.Account = "40702810000000000002"
	_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("4711"), Document: d})
	must(t, err)
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget, "Changed since"), "Details")
	o.sees(t, ledgertest.Budget, "Why you", "Changed since you last saw it", "40702810000000000001 → 40702810000000000002")
	f, err := o.tg.Forge(ledgertest.Treasurer, ledgertest.Treasurer, card.ID, card.Keyboard[2][1].Data)
	must(t, err)
	if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "no document here that you may see") {
		t.Errorf("somebody who is not asked: %q, %v", a.Text, err)
	}
}

func TestWhoTellsHowADocumentStandsToThoseWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget)
	must(t, o.tg.Block(ledgertest.Finance))
	o.tap(t, ledgertest.Budget, card, "✅")
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from card_message where fault like '%unreachable%'`) > 0
	})
	o.says(t, ledgertest.Requester, "/who 4711", 0)
	o.sees(t, ledgertest.Requester, "4711", "▸ Finance manager", "Olga Sidorova (", "Pyotr Petrov — ")
	const none = "There is no document of that number that you may see."
	o.says(t, ledgertest.Treasurer, "/who 4711", 0)
	o.sees(t, ledgertest.Treasurer, none)
	o.says(t, ledgertest.Treasurer, "/who 4712", 0)
	o.wait(t, func() bool { return o.showing(ledgertest.Treasurer, none) == 2 })
	o.says(t, ledgertest.Requester, "/who", 0)
	o.sees(t, ledgertest.Requester, "/who 4711")

	twin := ledgertest.Payment("4711")
	twin.Payee.Name = "Other Landlord"
	_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("twin"), Document: twin})
	must(t, err)
	o.says(t, ledgertest.Requester, "/who 4711", 0)
	list := o.sees(t, ledgertest.Requester, "Several documents have that number")
	o.tap(t, ledgertest.Requester, list, "Other Landlord")
	o.sees(t, ledgertest.Requester, "▸ Budget holder", "Other Landlord", "Pyotr Petrov")
	f, err := o.tg.Forge(ledgertest.Treasurer, ledgertest.Treasurer, list.ID, list.Keyboard[0][0].Data)
	must(t, err)
	if a, err := f.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "no document here that you may see") {
		t.Errorf("somebody else's choice: %q, %v", a.Text, err)
	}
}

// TestAReplyWaitsForItsMessageToBeNoted: a quick one for a few seconds, for a send may take
// so long; one to an old message hardly, for nobody is about to note that.
func TestAReplyWaitsForItsMessageToBeNoted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711")
	button := o.card(t, ledgertest.Budget).Keyboard[0][0].Data
	for _, markup := range []string{"", fmt.Sprintf(`,"from":{"id":%d,"is_bot":true},"reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":%q}]]}`, o.door.Bot, button)} {
		for later, tries := range map[int]int{5: 4, 600: 2} {
			id := int64(990001 + later + len(markup))
			body := fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%[1]d,"date":%d,"chat":{"id":%[3]d,"type":"private"},`+
				`"from":{"id":%[3]d,"is_bot":false,"first_name":"P"},"text":"Yes","reply_to_message":{"message_id":99999,"date":1000,"chat":{"id":%[3]d,"type":"private"}%s}}}`,
				id, 1000+later, ledgertest.Budget, markup)
			for attempt := 1; attempt < tries; attempt++ {
				if outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: id, Body: []byte(body), Attempt: attempt}); err == nil {
					t.Errorf("%s, %d s later, attempt %d: %q", markup, later, attempt, outcome)
				}
			}
			if markup != "" { // it becomes a comment, which takes an inbox
				continue
			}
			if outcome, err := o.door.Handle(t.Context(), &inbox.Item{ID: id, Body: []byte(body), Attempt: tries}); err != nil {
				t.Errorf("%d s later, at last: %q, %v", later, outcome, err)
			}
		}
	}
}
