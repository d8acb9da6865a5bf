package courier_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// rebot is the same office with another bot, as after a change of the token.
func (o *office) rebot(t *testing.T) *office {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{Token: "5151515151:another-token", BotName: "another_bot"})
	must(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	for account, name := range staff() {
		tg.User(account, name, "en")
		_, err := tg.StartBot(account, "")
		must(t, err)
	}
	return &office{Bench: o.Bench, tg: tg, courier: newCourier(t, o.Bench, tg.URL(), tg.Token()), removed: map[[2]int64]bool{}}
}

// noted is everything noted of the messages of the office's bot but when.
func (o *office) noted(t *testing.T) []string {
	t.Helper()
	rows, err := o.Pool.Query(t.Context(), `select concat_ws(' ', case_id, spot, chat_id, message_id, digest, fault)
		from card_message where bot_id = $1 order by 1`, o.courier.Bot)
	must(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return out
}

// sends are the calls that make messages.
func (o *office) sends() int {
	return len(o.tg.CallsOf("sendMessage")) + len(o.tg.CallsOf("sendDocument"))
}

func (o *office) edits() int {
	return len(o.tg.CallsOf("editMessageText")) + len(o.tg.CallsOf("editMessageCaption"))
}

func TestAnotherBotSendsCardsOfItsOwnOnceAndLeavesTheOldOnesAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	old := o.withFile(t, "101")
	o.calm(t)
	// Whatever id a message of the new bot gets, the old one had it, in another case.
	_, err := o.Pool.Exec(t.Context(), `insert into card_message (case_id, spot, bot_id, chat_id, message_id, digest, fault, at)
		select $1, 'approver/1/9/' || i, $2, chat, i, 'old', 'blocked', now()
		from generate_series(1, 500) i, unnest($3::bigint[]) chat on conflict do nothing`,
		old.Case.ID, o.courier.Bot, []int64{ledgertest.Budget, ledgertest.Requester, ledgertest.Finance})
	must(t, err)
	before, calls := o.noted(t), len(o.tg.Calls())

	n := o.rebot(t)
	fresh := n.Post(t, "102")
	n.revise(t, "101", func(d *document.Document) { d.Title = "Rent, July"; d.Files = n.filesOf(t, "101") })
	n.calm(t)
	n.asked(t, ledgertest.Budget, "102")
	card := n.asked(t, ledgertest.Budget, "101")
	if got := n.edits(); got != 0 {
		t.Errorf("%d edits of messages that the new bot did not send", got)
	}
	sends := n.sends()
	must(t, n.Redraw(t.Context(), old.Case.ID))
	n.calm(t)
	if got := n.sends() - sends; got != 0 {
		t.Errorf("%d messages for what is shown already", got)
	}
	if id, err := n.courier.Find(t.Context(), ledgertest.Budget, ledger.Waiting{Case: old.Case.ID}); err != nil || id != card.ID {
		t.Errorf("found message %d, %v; want the new bot's, %d", id, err, card.ID)
	}
	must(t, n.courier.Reached(t.Context(), ledgertest.Budget))
	n.Vote(t, "101", ledgertest.Budget, approval.Accept, "")
	n.Vote(t, "102", ledgertest.Budget, approval.Accept, "")
	n.calm(t)
	n.shows(t, old.Case.ID, 1)
	n.shows(t, fresh.Case.ID, 1)
	if diff := cmp.Diff(before, o.noted(t)); diff != "" {
		t.Errorf("what is noted of the old bot's messages (-before +after):\n%s", diff)
	}
	if got := len(o.tg.Calls()) - calls; got != 0 {
		t.Errorf("%d calls of the old bot", got)
	}
}

func TestOpenCasesGetLiveCardsOfANewBotAndTheRestIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	open := o.withFile(t, "103")
	o.Post(t, "104")
	_, err := o.Withdraw(t.Context(), ledgertest.Key("104"), "paid in cash")
	must(t, err)
	o.calm(t)

	n := o.rebot(t)
	end := n.run(t)
	n.until(t, func() bool {
		cards := n.cards(ledgertest.Budget, "103")
		return len(cards) > 0 && len(cards[0].Keyboard) > 0 && n.lag(t) == 0
	})
	end()
	n.shows(t, open.Case.ID, 1)
	for account := range staff() {
		if got := n.cards(account, "104"); len(got) > 0 {
			t.Errorf("%d is told anew of what is over:\n%s", account, got[0].Text)
		}
	}
	calls := len(n.tg.Calls())
	end = n.run(t) // as after a restart: nothing is another bot's any more
	n.Post(t, "105")
	n.until(t, func() bool { return len(n.cards(ledgertest.Budget, "105")) > 0 && n.lag(t) == 0 })
	end()
	for _, c := range n.tg.Calls()[calls:] {
		if strings.Contains(c.Params["text"], "103") {
			t.Errorf("the case is drawn again: %s %v", c.Method, c.Params)
		}
	}

	// and back to the first bot: its cards follow what happened meanwhile
	n.Vote(t, "103", ledgertest.Budget, approval.Accept, "")
	n.calm(t)
	end = o.run(t)
	o.until(t, func() bool { return len(o.cards(ledgertest.Finance, "103")) > 0 && o.lag(t) == 0 })
	end()
	o.shows(t, open.Case.ID, 1)
}
