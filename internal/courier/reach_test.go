package courier_test

import (
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

const closedMark = "(messages from the bot do not get through)"

// marked lists the chats, of those given, whose card says that somebody is not reached.
func (o *office) marked(t *testing.T, number, name string, chats ...int64) []int64 {
	t.Helper()
	var out []int64
	for _, chat := range chats {
		cards := o.cards(chat, number)
		if len(cards) != 1 {
			t.Fatalf("%d messages in %d, want one", len(cards), chat)
		}
		if strings.Contains(cards[0].Text, name+" "+closedMark) {
			out = append(out, chat)
		}
	}
	return out
}

// named asserts that the cards of the requester and the group say that somebody is not
// reached; unnamed, that they do not.
func (o *office) named(t *testing.T, number, name string) {
	t.Helper()
	if got := o.marked(t, number, name, ledgertest.Requester, group); len(got) != 2 {
		t.Errorf("only the cards in %v say that %s is not reached", got, name)
	}
}

func (o *office) unnamed(t *testing.T, number, name string) {
	t.Helper()
	if got := o.marked(t, number, name, ledgertest.Requester, group); len(got) != 0 {
		t.Errorf("the cards in %v say that %s is not reached", got, name)
	}
}

func TestOthersAreToldWhoseChatIsClosedUntilItIsOpenAgain(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]telegramtest.Fault{
		"blocked":      {},
		"deactivated":  telegramtest.Refuse(403, "Forbidden: user is deactivated"),
		"never begun":  telegramtest.Refuse(403, "Forbidden: bot can't initiate conversation with a user"),
		"no such chat": telegramtest.Refuse(400, "Bad Request: chat not found"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.bind(t, group, 0)
			who := o.person(t, ledgertest.Budget).Name
			if name == "blocked" {
				must(t, o.tg.Block(ledgertest.Budget))
			} else {
				o.tg.FailNext("sendMessage", refusal)
			}
			st := o.Post(t, "111") // whoever is asked comes first
			o.calm(t)
			o.named(t, "111", who)
			calls := len(o.tg.Calls())
			o.calm(t)
			if got := len(o.tg.Calls()) - calls; got != 0 {
				t.Errorf("%d calls although nothing changed", got)
			}
			o.tg.Unblock(ledgertest.Budget)
			must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
			o.calm(t)
			o.unnamed(t, "111", who)
			o.asked(t, ledgertest.Budget, "111")
			o.shows(t, st.Case.ID, 1)
		})
	}
}

func TestWhoShutsTheBotOutWithTheCardInHandIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st, who := o.Post(t, "112"), o.person(t, ledgertest.Budget).Name
	o.calm(t)
	o.asked(t, ledgertest.Budget, "112")
	must(t, o.tg.Block(ledgertest.Budget))
	must(t, o.courier.Lost(t.Context(), ledgertest.Budget))
	o.calm(t)
	o.named(t, "112", who)

	o.tg.Unblock(ledgertest.Budget)
	must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
	o.calm(t)
	o.unnamed(t, "112", who)
	o.shows(t, st.Case.ID, 1)

	// what is said of a chat is checked, and a mistake takes nothing from anybody
	must(t, o.courier.Lost(t.Context(), ledgertest.Budget))
	must(t, o.courier.Lost(t.Context(), 987654321))
	o.calm(t)
	o.unnamed(t, "112", who)
	o.shows(t, st.Case.ID, 1)
	o.Vote(t, "112", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func TestChatThatIsClosedWhileTheCaseIsDrawnIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st, who := o.Post(t, "113"), o.person(t, ledgertest.Budget).Name
	o.calm(t)
	o.bind(t, group, 0)
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow)) // to the group, the last of all
	o.revise(t, "113", func(d *document.Document) { d.Title = "Rent, July" })
	drawn := o.inBackground(t)
	o.until(t, func() bool { // the budget holder has the change; his is the only one
		var n int
		must(t, o.Pool.QueryRow(t.Context(), `select count(*) from card_message where case_id = $1 and message_id > 0 and digest <> ''`, st.Case.ID).Scan(&n))
		return n == 2 && o.edits() == 1 && len(o.tg.CallsOf("sendMessage")) == 3
	})
	must(t, o.tg.Block(ledgertest.Budget))
	must(t, o.courier.Lost(t.Context(), ledgertest.Budget))
	close(slow)
	<-drawn
	o.calm(t)
	o.named(t, "113", who)
}
