package courier_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// after is what must be true of a message after a refusal and a calm.
type after string

const (
	shown   after = "shown"   // as the card says, once
	plainly after = "plainly" // once, without marks
	anew    after = "anew"    // once, and the old one is forgotten
	faulty  after = "faulty"  // not shown, and the console can say why; shown when it is tried again
)

// refusals is the vocabulary of telegram.md 2.4 as far as it can meet a send to a
// person, and what must come of each, answered once and for as long as it lasts.
func refusals() []struct {
	fault       telegramtest.Fault
	once, lasts after
} {
	refuse := telegramtest.Refuse
	return []struct {
		fault       telegramtest.Fault
		once, lasts after
	}{
		{refuse(403, "Forbidden: bot was blocked by the user"), faulty, faulty},
		{refuse(403, "Forbidden: user is deactivated"), faulty, faulty},
		{refuse(403, "Forbidden: bot can't initiate conversation with a user"), faulty, faulty},
		{refuse(403, "Forbidden: a text nobody knows yet"), faulty, faulty},
		{refuse(400, "Bad Request: chat not found"), faulty, faulty},
		{refuse(400, "Bad Request: PEER_ID_INVALID"), faulty, faulty},
		{refuse(400, "Bad Request: can't parse entities: unsupported start tag"), plainly, faulty},
		{refuse(400, "Bad Request: message text is empty"), plainly, faulty},
		{refuse(400, "Bad Request: BUTTON_DATA_INVALID"), plainly, faulty},
		{refuse(400, "Bad Request: BUTTON_URL_INVALID"), plainly, faulty},
		{refuse(400, "Bad Request: reply markup is too long"), plainly, faulty},
		{refuse(400, "Bad Request: object expected as reply markup"), plainly, faulty},
		{refuse(400, "Bad Request: a text nobody knows yet"), plainly, faulty},
		{refuse(400, "Bad Request: message is too long"), faulty, faulty},
		{refuse(413, "Request Entity Too Large"), faulty, faulty},
		{refuse(401, "Unauthorized"), shown, shown},
		{refuse(404, "Not Found"), shown, shown},
		{refuse(409, "Conflict: terminated by other getUpdates request"), shown, shown},
		{telegramtest.TooMany(35), shown, shown},
		{refuse(429, "Too Many Requests"), shown, shown},
		{refuse(500, "Internal Server Error"), shown, shown},
		{telegramtest.BadGateway(), shown, shown},
		{telegramtest.Fault{Status: 200, Body: "<html>log in</html>"}, shown, shown},
		{telegramtest.Fault{Status: 429, Body: "<html>slow down</html>"}, shown, shown},
		{telegramtest.Drop(), shown, shown},
	}
}

func (f after) assert(t *testing.T, o *office, name string, st approval.ID) {
	t.Helper()
	var fault string
	for _, r := range o.rows(t, st) {
		fault += r.Fault
	}
	switch f {
	case shown, anew:
		o.shows(t, st, 1)
	case plainly:
		o.shows(t, st, 1)
		if m := o.asked(t, ledgertest.Budget, name); m.HTML != "" {
			t.Errorf("%s: still sent with marks", name)
		}
	case faulty:
		if fault == "" {
			t.Errorf("%s: nothing says why", name)
		}
		must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
		o.calm(t)
		o.shows(t, st, 1)
	}
}

func TestEveryRefusalOfANewCardEndsAsItMust(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.unlink(t, ledgertest.Requester) // so that nobody else's message meets the refusal
	for i, c := range refusals() {
		name := fmt.Sprintf("send-%02d", i)
		t.Log(name, c.fault.Code, c.fault.Text, c.fault.Status)
		o.tg.FailNext("sendMessage", c.fault)
		st := o.Post(t, name)
		o.calm(t)
		c.once.assert(t, o, name, st.Case.ID)

		name += "-lasting"
		end := o.tg.FailAlways("sendMessage", c.fault)
		st = o.Post(t, name)
		once(t, o.courier)
		if got := o.cards(ledgertest.Budget, name); len(got) > 0 {
			t.Errorf("%s: %d messages were sent", name, len(got))
		}
		if n, err := o.Lag(t.Context()); err != nil || (n == 0) != (c.lasts == faulty) {
			t.Errorf("%s: %d cases behind, %v", name, n, err)
		}
		end()
		o.calm(t)
		c.lasts.assert(t, o, name, st.Case.ID)
	}
}

// unlink leaves somebody without an account.
func (o *office) unlink(t *testing.T, accounts ...int64) {
	t.Helper()
	for _, a := range accounts {
		must(t, o.Directory.Unlink(t.Context(), "test", o.person(t, a).ID, "test"))
	}
}

func TestEveryRefusalOfAnEditEndsAsItMust(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.unlink(t, ledgertest.Requester)
	refuse := telegramtest.Refuse
	for i, c := range []struct {
		fault telegramtest.Fault
		want  after
	}{
		{refuse(400, "Bad Request: message is not modified: specified new message content is the same"), ""},
		{refuse(400, "Bad Request: message to edit not found"), anew},
		{refuse(400, "Bad Request: message can't be edited"), anew},
		{refuse(400, "Bad Request: MESSAGE_ID_INVALID"), anew},
		{refuse(400, "Bad Request: chat not found"), faulty},
		{refuse(403, "Forbidden: bot was blocked by the user"), faulty},
		{refuse(403, "Forbidden: user is deactivated"), faulty},
		{refuse(400, "Bad Request: can't parse entities: x"), plainly},
		{refuse(400, "Bad Request: a text nobody knows yet"), plainly},
		{refuse(400, "Bad Request: message is too long"), faulty},
		{refuse(401, "Unauthorized"), shown},
		{telegramtest.TooMany(35), shown},
		{refuse(500, "Internal Server Error"), shown},
		{telegramtest.BadGateway(), shown},
		{telegramtest.Drop(), shown},
		{telegramtest.Lose(), shown},
	} {
		name := fmt.Sprintf("edit-%02d", i)
		t.Log(name, c.fault.Code, c.fault.Text, c.fault.Status)
		st := o.Post(t, name)
		o.calm(t)
		old := o.asked(t, ledgertest.Budget, name)
		o.revise(t, name, func(d *document.Document) { d.Title = "Rent, July" }) // votes stand, the card differs
		o.tg.FailNext("editMessageText", c.fault)
		sent := o.sends()
		o.calm(t)
		switch c.want {
		case "":
			if m, _ := o.tg.Message(ledgertest.Budget, old.ID); m.Edited() {
				t.Errorf("%s: edited although it was as it should be", name)
			}
		case anew:
			if o.asked2(t, name); o.sends() != sent+1 {
				t.Errorf("%s: %d messages sent, want 1", name, o.sends()-sent)
			}
			for _, r := range o.rows(t, st.Case.ID) {
				if r.Message == old.ID && r.Chat == ledgertest.Budget {
					t.Errorf("%s: the message that is gone is still noted", name)
				}
			}
			o.shows(t, st.Case.ID, 1)
		default:
			if o.sends() != sent {
				t.Errorf("%s: a new message was sent", name)
			}
			c.want.assert(t, o, name, st.Case.ID)
		}
	}
}

// asked2 finds the newest message that asks where an old one cannot be reached.
func (o *office) asked2(t *testing.T, number string) {
	t.Helper()
	if got := o.cards(ledgertest.Budget, number); len(got) != 2 {
		t.Errorf("%s: %d messages, want the old one and a new one", number, len(got))
	}
}

func TestRefusalsOfAGroupAreToldToTheDirectoryAndEndWhenItWorksAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.unlink(t, ledgertest.Requester, ledgertest.Budget)
	for i, text := range []string{
		"403 Forbidden: bot was kicked from the supergroup chat", "403 Forbidden: bot is not a member of the supergroup chat",
		"403 Forbidden: the group chat was deleted", "400 Bad Request: not enough rights to send text messages to the chat",
		"400 Bad Request: have no rights to send a message", "400 Bad Request: CHAT_WRITE_FORBIDDEN",
	} {
		name := fmt.Sprintf("group-%02d", i)
		var code int
		_, err := fmt.Sscan(text, &code)
		must(t, err)
		o.tg.FailNext("sendMessage", telegramtest.Refuse(code, text[4:]))
		st := o.Post(t, name)
		once(t, o.courier)
		if n, err := o.Lag(t.Context()); err != nil || n != 0 {
			t.Errorf("%s: still behind: %d, %v", text, n, err)
		}
		if got := o.groupFault(t); !strings.Contains(text, got) || got == "" {
			t.Errorf("%s: the directory says %q", text, got)
		}
		must(t, o.courier.Reached(t.Context(), group))
		o.calm(t)
		o.shows(t, st.Case.ID, 1)
		if got := o.groupFault(t); got != "" {
			t.Errorf("%s: after a message went through the directory says %q", text, got)
		}
	}
}

func (o *office) groupFault(t *testing.T) string {
	t.Helper()
	chats, err := o.Directory.ChatsFor(t.Context(), "payment_request")
	must(t, err)
	return chats[0].Fault
}

func TestGroupThatBecameASupergroupGetsItsMessagesThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, oldGroup, 0)
	st := o.withFile(t, "31")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	must(t, o.tg.Migrate(oldGroup, group))
	o.Vote(t, "31", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	chats, err := o.Directory.ChatsFor(t.Context(), "payment_request")
	must(t, err)
	if chats[0].TelegramID != group || chats[0].MigratedFrom != oldGroup {
		t.Errorf("the directory knows %+v", chats[0])
	}
	if got := o.cards(group, "31"); len(got) != 2 || got[1].Document == nil {
		t.Errorf("%d messages in the new group, want the card and its file", len(got))
	}
}

func TestTopicThatIsGoneIsLeftOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, topic)
	for i, change := range []func(){
		func() { must(t, o.tg.Topic(group, topic, true)) },
		func() { must(t, o.tg.Topic(group, topic, false)) },
		func() { o.tg.DeleteTopic(group, topic) },
	} {
		change()
		name := fmt.Sprintf("topic-%d", i)
		st := o.Post(t, name)
		o.calm(t)
		o.shows(t, st.Case.ID, 1)
		want := int64(0)
		if i == 0 {
			want = topic
		}
		if got := o.cards(group, name); len(got) != 1 || got[0].ThreadID != want {
			t.Errorf("%s: %+v, want topic %d", name, got, want)
		}
	}
}

func TestReplyToAMessageThatIsGoneIsSentWithoutIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.FailNext("sendDocument", telegramtest.Refuse(400, "Bad Request: message to be replied not found"))
	st := o.withFile(t, "33")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	for _, m := range o.tg.Messages(ledgertest.Budget) {
		if m.Document != nil && m.ReplyTo != 0 {
			t.Error("sent as a reply after all")
		}
	}
}

func TestFileGoesUpOnceAndAgainWhenTelegramForgotIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	uploads := func() int {
		n := 0
		for _, c := range o.tg.CallsOf("sendDocument") {
			for _, v := range c.Params {
				if strings.HasPrefix(v, "file ") {
					n++
				}
			}
		}
		return n
	}
	st := o.withFile(t, "34")
	o.calm(t)
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance} { // four approvers and the group have it
		o.Vote(t, "34", account, approval.Accept, "")
		o.calm(t)
	}
	o.shows(t, st.Case.ID, 1)
	if got, all := uploads(), len(o.tg.CallsOf("sendDocument")); got != 1 || all != 5 {
		t.Errorf("%d of %d sends were uploads, want 1", got, all)
	}
	st = o.withFile(t, "35")
	o.calm(t)
	o.Vote(t, "35", ledgertest.Budget, approval.Accept, "")
	for _, text := range []string{
		"Bad Request: wrong file identifier/HTTP URL specified",
		"Bad Request: wrong file_id or the file is temporarily unavailable",
	} {
		before := uploads()
		o.tg.FailNext("sendDocument", telegramtest.Refuse(400, text))
		o.calm(t)
		o.shows(t, st.Case.ID, 1)
		if got := uploads() - before; got != 1 {
			t.Errorf("%s: %d uploads, want 1", text, got)
		}
		o.Vote(t, "35", map[int]int64{1: ledgertest.Finance, 2: ledgertest.Treasurer}[st.Case.Step+1], approval.Accept, "")
		st.Case.Step++
	}
	o.calm(t)
	o.tg.FailNext("sendDocument", telegramtest.Refuse(400, "Bad Request: file is too big"))
	st = o.withFile(t, "36")
	o.calm(t)
	faults := 0
	for _, r := range o.rows(t, st.Case.ID) {
		if strings.Contains(r.Fault, "too big") {
			faults++
		}
	}
	if faults != 1 {
		t.Errorf("%d messages say that the file is too big, want the one it was refused for", faults)
	}
}

func TestRefusalThatTheDirectoryCannotKeepIsNoReasonToTryForEver(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	end := o.tg.FailAlways("sendMessage", telegramtest.Refuse(403, "Forbidden: bot was kicked\nfrom the \u202egroup"))
	st := o.Post(t, "37")
	once(t, o.courier)
	if n := o.lag(t); n != 0 {
		t.Error("the case is tried again and again")
	}
	end()
	for _, chat := range []int64{ledgertest.Budget, ledgertest.Requester} {
		must(t, o.courier.Reached(t.Context(), chat))
	}
	must(t, o.courier.Reached(t.Context(), group))
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func TestChatOnHoldHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	must(t, o.courier.Pace.Hold(t.Context(), o.courier.Bot, group, 300*time.Second))
	st := o.Post(t, "38")
	once(t, o.courier)
	o.asked(t, ledgertest.Budget, "38")
	o.Vote(t, "38", ledgertest.Budget, approval.Accept, "")
	o.pass(t, 6*time.Second) // a change of the case waits so long at most
	calls := o.sends()
	once(t, o.courier)
	o.asked(t, ledgertest.Finance, "38")
	other := o.Post(t, "39")
	once(t, o.courier)
	o.asked(t, ledgertest.Budget, "39")
	if got := o.sends() - calls; got != 3 { // Finance, and 39 to Budget and the requester
		t.Errorf("%d messages sent, want 3: the group must be left alone", got)
	}
	if got := o.cards(group, ""); len(got) > 0 {
		t.Errorf("the group got %d messages before its time", len(got))
	}
	o.pass(t, 300*time.Second)
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	o.shows(t, other.Case.ID, 1)
}
