package chat_test

import (
	"testing"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/screen"
	"countersign/internal/telegram/telegramtest"
)

// TestEditsHeedWhatTheMessengerAskedFor: they come from the same budget as messages, and where
// one was refused for a while, the next is not even tried.
func TestEditsHeedWhatTheMessengerAskedFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.door.Desks = map[string]screen.Desk{"tc": counter()}
	q := o.questioned(t, "13")
	o.say(t, ledgertest.Budget, "/tc")
	desk := o.sees(t, ledgertest.Budget, "opened by petrov")
	o.quiet(t)
	edits := func() int { return len(o.tg.CallsOf("editMessageText")) }
	before := edits()
	tap := func(m telegramtest.Message, button string) {
		t.Helper()
		pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, m.ID, button)
		must(t, err)
		if state, outcome := o.settled(t, pressed.UpdateID); state != "done" {
			t.Errorf("%s: %s %q", button, state, outcome)
		}
	}
	o.tg.FailNext("editMessageText", telegramtest.TooMany(60))
	tap(desk, "more")
	tap(desk, "more")
	tap(q, "Cancel")
	if n := edits() - before; n != 1 {
		t.Errorf("%d edits were tried of a chat that was to be left alone for a minute", n)
	}
	_, err := o.Pool.Exec(t.Context(), `delete from pace`)
	must(t, err)
	tap(desk, "more")
	o.sees(t, ledgertest.Budget, "tapped by petrov")
}

// TestButtonOfAnotherMakesNoCard: who sends it from a message of ours that has nothing to do
// with the case learns nothing of it.
func TestButtonOfAnotherMakesNoCard(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hello := o.sees(t, ledgertest.Treasurer, "Hello")
	o.Post(t, "14")
	data := sign(o.card(t, ledgertest.Budget), "✅")
	o.quiet(t)
	forged, err := o.tg.Forge(ledgertest.Treasurer, ledgertest.Treasurer, hello.ID, data)
	must(t, err)
	if _, outcome := o.settled(t, forged.UpdateID); outcome != "refused: the person is not asked here" {
		t.Errorf("%q", outcome)
	}
	if n := o.count(t, `select count(*) from card_message where chat_id = $1 and message_id = $2`, ledgertest.Treasurer, hello.ID); n != 0 {
		t.Error("a message became a card of the case")
	}
	o.quiet(t)
	if m, _ := o.tg.Message(ledgertest.Treasurer, hello.ID); m.Text != hello.Text {
		t.Errorf("it shows %q", m.Text)
	}
}
