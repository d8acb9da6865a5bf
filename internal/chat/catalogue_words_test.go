package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// written is a message that somebody writes in the private chat, its content in JSON.
func written(update, account, date int64, content string) string {
	return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":%d,"chat":{"id":%d,"type":"private"},`+
		`"from":{"id":%d,"is_bot":false,"first_name":"P","language_code":"en"}%s}}`, update, update, date, account, account, content)
}

func TestMessagesThatMustHaveNoEffectHaveNone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	links := `select count(*) from directory_journal`
	before := o.count(t, links)
	for i, c := range []struct{ name, content, outcome string }{
		{"T-31 a forwarded command", `,"forward_origin":{"type":"user","date":1,"sender_user":{"id":5,"is_bot":false,"first_name":"q"}},"text":"/login"`, "ignored: not written"},
		{"T-31 a forwarded link", `,"forward_date":1,"text":"/start c_00000000000000000000000000"`, "ignored: not written"},
		{"T-31 another's number", `,"contact":{"phone_number":"+7","first_name":"B","user_id":2}`, "ignored: no question"},
		{"T-31 his own number", `,"contact":{"phone_number":"+7","first_name":"B","user_id":1002}`, "ignored: no question"},
		{"by an inline bot", `,"via_bot":{"id":9,"is_bot":true,"first_name":"b"},"text":"/queue"`, "ignored: not written"},
	} {
		id := int64(9400 + i)
		if state, outcome := o.receive(t, id, written(id, ledgertest.Budget, 1, c.content)); state != "done" || !strings.HasPrefix(outcome, c.outcome) {
			t.Errorf("%s: %s %q, want %q", c.name, state, outcome, c.outcome)
		}
	}
	for i, c := range []struct{ name, body, outcome string }{
		{"a kind nobody knows", `{"update_id":%d,"purchased_paid_media":{"x":1}}`, "ignored"},
		{"T-35 an edit of 2099", `{"update_id":%d,"edited_message":{"message_id":9,"date":4070908800,"chat":{"id":1002,"type":"private"},"text":"x"}}`, "ignored"},
	} {
		id := int64(9450 + i)
		if state, outcome := o.receive(t, id, fmt.Sprintf(c.body, id)); state != "done" || !strings.HasPrefix(outcome, c.outcome) {
			t.Errorf("%s: %s %q, want %q", c.name, state, outcome, c.outcome)
		}
	}
	if got := o.count(t, links); got != before {
		t.Errorf("%d changes of the directory", got-before)
	}
}

func TestLinksOfNobodysMakingAreNotValid(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.User(6666, "Mallory", "en")
	_, err := o.tg.StartBot(6666, "")
	must(t, err)
	id := int64(9500)
	for name, payload := range map[string]string{
		"T-32 65 characters":   "c_" + strings.Repeat("0", 63),
		"T-32 a bad alphabet":  "c_0000000000000000000000000!",
		"T-32 SQL":             "' OR 1=1",
		"T-32 turned around":   "c_\u202e00000000000000000000000000",
		"T-32 nothing at all":  "c_",
		"T-32 another prefix":  "x_00000000000000000000000000",
		"T-32 two of them":     "c_00000000000000000000000000 c_00000000000000000000000000",
		"T-32 in upper case":   "c_ABCDEFGHJKMNPQRSTVWXYZ0123",
		"T-32 hidden and true": "c_0000000000000\u200b0000000000000",
	} {
		for _, who := range []int64{ledgertest.Budget, 6666} {
			id++
			before := o.showing(who, "This link is not valid")
			body := written(id, who, 1, `,"text":"/start `+payload+`"`)
			if status, _ := o.post(t, http.MethodPost, body, nil); status != http.StatusOK {
				t.Errorf("%s: status %d", name, status)
			}
			if state, outcome := o.settled(t, id); state != "done" || outcome != "command start" {
				t.Errorf("%s by %d: %s %q", name, who, state, outcome)
			}
			if got := o.showing(who, "This link is not valid") - before; got != 1 {
				t.Errorf("%s: %d was told %d times that the link is not valid", name, who, got)
			}
		}
	}
}

// T-34 and T-35: what is written is kept without what hides or reorders, shown as it was
// written, and dated by the server.
func TestReasonIsKeptReadableAndShownLiterally(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	q := o.questioned(t, "31")
	for i, date := range []int64{1, 4070908800} {
		id := int64(990001 + i)
		state, outcome := o.receive(t, id, written(id, ledgertest.Budget, date, `,"text":"`+strings.Repeat("x", 4096)+`"`))
		if state != "done" || outcome != "refused: reason too long" || o.state(t, "31") != approval.InProgress {
			t.Fatalf("T-34 4,096 characters: %s %q, the case is %s", state, outcome, o.state(t, "31"))
		}
	}
	o.sees(t, ledgertest.Budget, "at most 1000 characters")
	begin := o.door.Now()
	const sent = `<b>late\u0000</b> & \u202e<a href=\"x\">1\u200b</a>`
	const kept = `<b>late</b> & <a href="x">1</a>`
	state, outcome := o.receive(t, 990010, written(990010, ledgertest.Budget, 4070908800, `,"text":"`+sent+`"`))
	if state != "done" || outcome != "voted: reject" {
		t.Fatalf("%s %q", state, outcome)
	}
	st, err := o.Document(t.Context(), ledgertest.Key("31"))
	must(t, err)
	vote := st.Case.Slots[0].Vote
	if vote == nil || vote.Reason != kept {
		t.Fatalf("kept %+v, want %q", vote, kept)
	}
	if vote.At.Before(begin.Add(-time.Second)) || vote.At.After(o.door.Now().Add(time.Second)) {
		t.Errorf("T-35: the vote is of %s", vote.At)
	}
	for _, chatID := range []int64{ledgertest.Requester, groupID} {
		if m := o.sees(t, chatID, "Rejected", kept); strings.Contains(m.Text, "\u202e") {
			t.Errorf("in %d: %q", chatID, m.Text)
		}
	}
	o.reads(t, q, "“"+kept+"”")
}

// T10: who shuts the bot out is named on the cards of the others, until he lets it in.
func TestOthersSeeWhoShutTheBotOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.door.Cards.Reached, o.door.Cards.Lost = o.courier.Reached, o.courier.Lost
	o.Post(t, "32")
	o.card(t, ledgertest.Budget, "32")
	o.quiet(t)
	must(t, o.tg.Block(ledgertest.Budget))
	for _, chatID := range []int64{ledgertest.Requester, groupID} {
		o.sees(t, chatID, "32", "(messages from the bot do not get through)")
	}
	o.tg.Unblock(ledgertest.Budget)
	for _, chatID := range []int64{ledgertest.Requester, groupID} {
		o.wait(t, func() bool { return o.showing(chatID, "do not get through") == 0 })
	}
	if a := o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget, "32"), "✅"); !strings.Contains(a.Text, "recorded") {
		t.Errorf("told %q", a.Text)
	}
}

// T9: what can never be understood is kept, and the next tap of the same person counts.
func TestPoisonDoesNotHoldUpTheTapsBehindIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "33")
	card := o.card(t, ledgertest.Budget)
	unread := o.stored(t, "telegram_unreadable")
	for i := range 3 {
		o.tg.Inject(fmt.Sprint("tap ", ledgertest.Budget), []byte(fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"1","from":{"id":%d},"from":{"id":1}}}`, 900000+i, ledgertest.Budget)))
	}
	if a := o.tap(t, ledgertest.Budget, card, "✅"); !strings.Contains(a.Text, "recorded") {
		t.Errorf("told %q", a.Text)
	}
	if got := o.stored(t, "telegram_unreadable") - unread; got != 3 {
		t.Errorf("%d kept as unreadable, want 3", got)
	}
}

// T7 within the time that Telegram keeps a tap: what could not be stored is sent again.
func TestTapThatCouldNotBeStoredCountsWhenItIsSentAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "34")
	card := o.card(t, ledgertest.Budget)
	owner, err := pgx.Connect(t.Context(), o.OwnerURL)
	must(t, err)
	t.Cleanup(func() { _ = owner.Close(context.WithoutCancel(t.Context())) })
	_, err = owner.Exec(t.Context(), `alter table telegram_update rename to telegram_update_away`)
	must(t, err)
	pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "✅")
	must(t, err)
	o.wait(t, func() bool {
		return slices.ContainsFunc(o.tg.Ledger(), func(e telegramtest.Event) bool {
			return e.Kind == telegramtest.EventFailed && e.UpdateID == pressed.UpdateID
		})
	})
	_, err = owner.Exec(t.Context(), `alter table telegram_update_away rename to telegram_update`)
	must(t, err)
	a, err := pressed.Wait(t.Context())
	if err != nil || !strings.Contains(a.Text, "recorded") {
		t.Errorf("told %q, %v", a.Text, err)
	}
}
