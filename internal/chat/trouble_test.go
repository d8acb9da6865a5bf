package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

func (o *office) wait(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("it never happened")
		case <-tick.C:
		}
	}
}

// quiet waits until every case is shown.
func (o *office) quiet(t *testing.T) {
	t.Helper()
	o.wait(t, func() bool { n, err := o.Lag(t.Context()); return err == nil && n == 0 })
}

func TestQuestionForAReasonThatCannotBePutNowIsPutLater(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]telegramtest.Fault{
		"429": telegramtest.TooMany(1), "500": telegramtest.Refuse(500, "Internal Server Error"), "no answer": telegramtest.Drop(),
		"page of a proxy": {Status: 403, Body: "<html>blocked</html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.Post(t, "61")
			card := o.card(t, ledgertest.Budget)
			o.quiet(t)
			o.tg.FailNext("sendMessage", fault)
			if a := o.tap(t, ledgertest.Budget, card, "❌"); !strings.Contains(a.Text, "reason") {
				t.Errorf("answered %q", a.Text)
			}
			o.tap(t, ledgertest.Budget, o.sees(t, ledgertest.Budget, "Why are you rejecting"), "Duplicate")
			o.sees(t, ledgertest.Requester, "Rejected", "Duplicate")
		})
	}
}

func TestRefusedTapIsRecordedAsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "62")
	card := o.card(t, ledgertest.Budget)
	forged, err := o.tg.Forge(ledgertest.Treasurer, ledgertest.Treasurer, card.ID, card.Keyboard[0][0].Data)
	must(t, err)
	_, err = forged.Wait(t.Context())
	must(t, err)
	var state, outcome string
	o.wait(t, func() bool {
		state, outcome = o.settled(t, forged.UpdateID)
		return strings.HasPrefix(outcome, "refused")
	})
	if state != "done" {
		t.Errorf("%s %q", state, outcome)
	}
}

func TestChatsOnHoldKeepNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 40 {
		chat := int64(70000 + i)
		must(t, o.courier.Pace.Hold(t.Context(), o.courier.Bot, chat, time.Hour))
		body := fmt.Sprintf(`{"update_id":%d,"message":{"message_id":1,"date":1,"chat":{"id":%d,"type":"private"},`+
			`"from":{"id":%d,"is_bot":false,"first_name":"x"},"text":"/help","entities":[{"type":"bot_command","offset":0,"length":5}]}}`, 100+i, chat, chat)
		if status, _ := o.post(t, http.MethodPost, body, nil); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	before := len(o.tg.Messages(ledgertest.Finance))
	_, err := o.tg.Say(ledgertest.Finance, ledgertest.Finance, "/help", 0)
	must(t, err)
	o.wait(t, func() bool { return len(o.tg.Messages(ledgertest.Finance)) > before+1 })
}

func TestAnswerThatMayHaveArrivedIsNotRepeated(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.FailNext("sendMessage", telegramtest.Lose())
	before := len(o.tg.Messages(ledgertest.Finance))
	_, err := o.tg.Say(ledgertest.Finance, ledgertest.Finance, "/help", 0)
	must(t, err)
	o.wait(t, func() bool {
		var n int
		must(t, o.Pool.QueryRow(t.Context(), `select count(*) from telegram_update where outcome = 'command help'`).Scan(&n))
		return n == 1
	})
	if got := len(o.tg.Messages(ledgertest.Finance)) - before; got != 2 {
		t.Errorf("%d messages, want the command and one answer", got)
	}
}

func TestPersonWhoLetsTheBotInAgainGetsWhatHeMissed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.door.Cards.Reached = o.courier.Reached
	for _, account := range []int64{ledgertest.Budget, ledgertest.Requester} {
		must(t, o.tg.Block(account))
	}
	o.Post(t, "63")
	o.quiet(t)
	o.tg.Unblock(ledgertest.Budget)
	o.card(t, ledgertest.Budget, "63")
	o.tg.Unblock(ledgertest.Requester) // nobody asks him anything, but he wants to see it
	o.sees(t, ledgertest.Requester, "63")
}

func TestGroupThatLetsTheBotWriteAgainGetsWhatItMissed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.door.Cards.Reached = o.courier.Reached
	must(t, o.tg.ChangeChat(groupID, func(c *telegramtest.Chat) { c.Bot = "restricted" }))
	o.Post(t, "64")
	o.quiet(t)
	must(t, o.tg.ChangeChat(groupID, func(c *telegramtest.Chat) { c.Bot = "member" }))
	o.sees(t, groupID, "64", "Awaiting")
}

func TestPollerThatEndsLeavesTheNextOneNoWait(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.door.Telegram.DeleteWebhook(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.door.Poll(ctx, "one") }()
	_, err := o.tg.Say(ledgertest.Finance, ledgertest.Finance, "/queue", 0)
	must(t, err)
	o.sees(t, ledgertest.Finance, "Nothing awaits")
	if mine, err := o.inbox.Poller(t.Context(), "two", time.Second); err != nil || mine {
		t.Errorf("two ask for updates at once: %t, %v", mine, err)
	}
	cancel()
	must(t, <-done)
	if mine, err := o.inbox.Poller(t.Context(), "two", time.Second); err != nil || !mine {
		t.Errorf("after the end of the first: %t, %v", mine, err)
	}
}
