package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/money"
	"countersign/internal/telegram/telegramtest"
)

// becomes waits until a message has all the words.
func (o *office) becomes(t *testing.T, account, message int64, words ...string) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if o.tg.WaitFor(ctx, func() bool {
		found, _ = o.tg.Message(account, message)
		for _, w := range words {
			if !strings.Contains(found.Text, w) {
				return false
			}
		}
		return true
	}) != nil {
		t.Fatalf("it never said %q; it says\n%s", words, found.Text)
	}
	return found
}

// labels are the texts of the buttons, a row a string.
func labels(m telegramtest.Message) []string {
	var out []string
	for _, row := range m.Keyboard {
		var texts []string
		for _, b := range row {
			texts = append(texts, b.Text)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	return out
}

func TestQueueIsLeafedThroughFilteredAndOrdered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 13 {
		d := ledgertest.Payment(fmt.Sprintf("N%02d", i))
		d.Amount = money.Amount{Minor: int64(1000 + i), Currency: "RUB"}
		d.DueDate = "2999-01-01"
		if i == 7 {
			d.DueDate = "2020-01-31"
		}
		_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(d.Number), Document: d})
		must(t, err)
	}
	card := o.card(t, ledgertest.Budget, "N00")
	o.say(t, ledgertest.Budget, "/queue")
	m := o.sees(t, ledgertest.Budget, "13 documents await your decision", "1. No. N00", "10. No. N09", "❗ was due January 31, 2020")
	if got := labels(m); got[0] != "1|2|3|4|5" || got[1] != "6|7|8|9|10" || got[2] != "More ▶" || got[3] != "↕ Oldest first|☐ Overdue" || got[4] != "📤 My requests|🗂 Decided by me" {
		t.Fatalf("buttons %q", got)
	}
	shown := func(button string, words ...string) telegramtest.Message {
		t.Helper()
		o.tap(t, ledgertest.Budget, m, button)
		m = o.becomes(t, ledgertest.Budget, m.ID, words...)
		return m
	}
	shown("More ▶", "11. No. N10", "13. No. N12")
	shown("◀ Back", "1. No. N00")
	shown("Oldest first", "1. No. N12") // the newest
	shown("Newest first", "1. No. N12 · Landlord LLC · RUB\u00a010.12")
	shown("☐ Overdue", "1 document matches", "1. No. N07")
	o.tap(t, ledgertest.Budget, m, "1")
	if p := o.sees(t, ledgertest.Budget, "⬆️", "N07"); p.ReplyTo == 0 {
		t.Error("it does not point at the card")
	}
	o.tap(t, ledgertest.Budget, card, "✅")
	shown("Decided by me", "You decided on 1 document", "⏳ No. N00")
	shown("My requests", "You have not requested anything")
	o.Vote(t, "N07", ledgertest.Budget, approval.Reject, "no")
	shown("For me to decide", "11 documents await", "10. No. N11")
	if len(o.tg.Messages(ledgertest.Budget)) == 0 || strings.Contains(m.Text, "N07") {
		t.Errorf("what was decided still waits:\n%s", m.Text)
	}
}

func TestQueueSpeaksRussianAndKnowsTypes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	route := strings.NewReplacer(`"payment_request"`, `"advance_report"`).Replace(ledgertest.Route())
	_, err := o.Publish(t.Context(), []byte(route), "test")
	must(t, err)
	d := ledgertest.Payment("R1")
	d.Type, d.DueDate = "advance_report", "2020-06-30"
	_, err = o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("R1"), Document: d})
	must(t, err)
	o.Post(t, "P1")
	o.say(t, ledgertest.Budget, "/settings")
	o.press(t, ledgertest.Budget, "🌐 Language")
	o.press(t, ledgertest.Budget, "Русский")
	o.lastCard(t, ledgertest.Budget, "Язык: Русский")
	o.say(t, ledgertest.Budget, "/queue")
	m := o.sees(t, ledgertest.Budget, "2 документа ожидают вашего решения", "№ R1", "№ P1")
	o.tap(t, ledgertest.Budget, m, "Вид документа")
	m = o.becomes(t, ledgertest.Budget, m.ID, "Вид документа")
	o.tap(t, ledgertest.Budget, m, "Документ (advance_report)")
	m = o.becomes(t, ledgertest.Budget, m.ID, "Отобран 1 документ", "№ R1")
	if strings.Contains(m.Text, "P1") {
		t.Errorf("another type is shown:\n%s", m.Text)
	}
	o.tap(t, ledgertest.Budget, m, "Просроченные")
	o.becomes(t, ledgertest.Budget, m.ID, "№ R1", "срок оплаты прошёл: 30 июня 2020")
}

// Forged and old buttons of a list show what the person who taps may see, and no more.
func TestForgedButtonsOfAListShowOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "Q1")
	o.say(t, ledgertest.Budget, "/queue")
	m := o.sees(t, ledgertest.Budget, "1 document awaits", "Q1")
	o.say(t, ledgertest.Treasurer, "/queue")
	empty := o.sees(t, ledgertest.Treasurer, "Nothing awaits")
	forge := func(account, message int64, data string) telegramtest.Answered {
		t.Helper()
		q, err := o.tg.Forge(account, account, message, data)
		must(t, err)
		a, err := q.Wait(t.Context())
		must(t, err)
		return a
	}
	for _, data := range []string{
		"m:q", "m:q:", "m:q:pwo-", "m:q:pwo-::x", "m:q:pwo-::-5", "m:q:pxo-::0", "m:q:pwx-::0", "m:q:\x00\x00\x00\x00::0", "m:q:pé-::0", "m:q:pwo-:" + strings.Repeat("f", 40) + ":0",
		"m:q:pwo-:'; drop:99999999999", "m:q:pwo-:deadbeef:9223372036854775807", "m:q:pwl!::2147483648",
	} {
		forge(ledgertest.Treasurer, empty.ID, data)
		if got, _ := o.tg.Message(ledgertest.Treasurer, empty.ID); strings.Contains(got.Text, "Q1") {
			t.Errorf("%q shows\n%s", data, got.Text)
		}
	}
	before := len(o.tg.Messages(ledgertest.Treasurer))
	forge(ledgertest.Treasurer, empty.ID, m.Keyboard[0][0].Data) // the card of another
	o.sees(t, ledgertest.Treasurer, "You are not asked to decide")
	for _, got := range o.tg.Messages(ledgertest.Treasurer)[before:] {
		if strings.Contains(got.Text, "Landlord") {
			t.Errorf("a stranger is shown\n%s", got.Text)
		}
	}
	must(t, o.Directory.Deactivate(t.Context(), "test", "petrov", "left"))
	if a := forge(ledgertest.Budget, m.ID, "m:q:pwo-::0"); !strings.Contains(a.Text, "do not know your account") {
		t.Errorf("who has left is told %q", a.Text)
	}
}
