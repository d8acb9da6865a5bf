package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/goldentest"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// TestAnswersReadAsWritten shows what people are told when something is not as usual, in each
// language: taps that do not count, words that are not taken, forms that cannot be.
func TestAnswersReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			a := &album{t: t, tag: tag, office: newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)))}
			a.speak(tag)
			a.everybodySpeaks()
			a.taps()
			a.endings()
			a.proofs()
			a.newHands()
			a.conversation()
			a.reasons()
			a.files()
			a.standIns()
			a.forms()
			a.lists()
			a.mornings()
			a.menus()
			a.faults()
			goldentest.Same(t, "answers."+tag, a.text.String())
			if strings.Contains(a.text.String(), "{{") {
				t.Error("a placeholder is left in a text")
			}
		})
	}
}

// everybodySpeaks gives a language to those whom speak leaves out, and to the house.
func (a *album) everybodySpeaks() {
	a.t.Helper()
	olga, ivan := ledgertest.User("sidorova", "Olga Sidorova", "finance_manager", ledgertest.Finance), ledgertest.User("kozlov", "Ivan Kozlov", "treasurer", ledgertest.Treasurer)
	olga.Locale, ivan.Locale = a.tag, a.tag
	a.Import(a.t, olga, ivan)
	a.door.GroupLang, a.board.Language = a.tag, a.tag
	_, err := a.tg.StartBot(9001, "")
	must(a.t, err)
}

// submits posts a payment request that is not quite as usual.
func (a *album) submits(id string, change func(d *document.Document)) {
	a.t.Helper()
	d := ledgertest.Payment(id)
	change(&d)
	a.tg.Clock().Advance(time.Minute) // so that lists have one order
	_, err := a.Submit(a.t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	must(a.t, err)
}

// asked posts a payment request and gives the budget holder's card.
func (a *album) asked(id string) telegramtest.Message {
	a.t.Helper()
	a.submits(id, func(*document.Document) {})
	a.quiet(a.t)
	return a.card(a.t, ledgertest.Budget, id)
}

// tells taps with any data, in the person's private chat, and keeps what he is told.
func (a *album) tells(title string, account int64, data string) {
	a.t.Helper()
	a.tellsIn(title, account, account, data)
}

func (a *album) tellsIn(title string, account, chat int64, data string) {
	a.t.Helper()
	last := int64(1)
	for _, m := range a.tg.Messages(chat) {
		if m.From == a.tg.BotID() {
			last = m.ID
		}
	}
	forged, err := a.tg.Forge(account, chat, last, data)
	must(a.t, err)
	told, err := forged.Wait(a.t.Context())
	must(a.t, err)
	if told.Text == "" {
		a.t.Fatalf("%s: nothing was told", title)
	}
	fmt.Fprintf(&a.text, "=== %s\n(%s)\n\n", title, told.Text)
}

// forces taps with the data of a button that a message may not have, and keeps what it turns into.
func (a *album) forces(title string, m telegramtest.Message, data string) telegramtest.Message {
	a.t.Helper()
	now, _ := a.tg.Message(m.ChatID, m.ID)
	a.forge(a.t, m.ChatID, m.ID, data)
	return a.waits(title, m.ChatID, func(other telegramtest.Message) bool { return other.ID == m.ID && other.Edits > now.Edits })
}

// settles waits until a message is no question any more, and keeps what stands there.
func (a *album) settles(title string, m telegramtest.Message) {
	a.t.Helper()
	a.wait(a.t, func() bool {
		now, _ := a.tg.Message(m.ChatID, m.ID)
		return now.Edits > 0 && len(now.Keyboard) == 0
	})
	now, _ := a.tg.Message(m.ChatID, m.ID)
	a.keep(title, now)
}

// links connects a new approver by a login, on some terms.
func (a *album) links(id string, account int64, terms directory.Terms) {
	a.t.Helper()
	u := ledgertest.User(id, "New "+id, "finance_manager", 0)
	u.Locale = a.tag
	a.Import(a.t, u)
	a.tg.User(account, id, a.tag)
	must(a.t, pgx.BeginFunc(a.t.Context(), a.Pool, func(tx pgx.Tx) error {
		_, err := a.Directory.LinkIn(a.t.Context(), tx, "link", directory.NewLink{
			Account: account, Proof: directory.Proof{Issuer: "https://login.example", Subject: id, Email: u.Email}, Terms: terms,
		})
		return err
	}))
	_, err := a.tg.StartBot(account, "")
	must(a.t, err)
}

// without does something while the service has not the right to do it.
func (a *album) without(right, table string, do func()) {
	a.t.Helper()
	var role string
	must(a.t, a.Pool.QueryRow(a.t.Context(), `select current_user`).Scan(&role))
	a.own(a.t, `revoke `+right+` on `+table+` from `+role)
	do()
	a.own(a.t, `grant `+right+` on `+table+` to `+role)
}

// lastTry handles an update as the inbox does for the last time.
func (a *album) lastTry(body string) {
	a.t.Helper()
	_, err := a.door.Handle(a.t.Context(), &inbox.Item{ID: 990001, Body: []byte(body), Attempt: 4})
	if !errors.Is(err, inbox.ErrPark) && !errors.Is(err, inbox.ErrLater) {
		a.t.Fatalf("handled: %v", err)
	}
}

// faults: what whoever taps or writes is told when nothing works, or nobody knows.
func (a *album) faults() {
	a.t.Helper()
	card := a.asked("451")
	told := func(title string, act func()) {
		before := len(a.tg.CallsOf("answerCallbackQuery"))
		act()
		calls := a.tg.CallsOf("answerCallbackQuery")
		if len(calls) == before {
			a.t.Fatalf("%s: nothing was told", title)
		}
		fmt.Fprintf(&a.text, "=== %s\n(%s)\n\n", title, calls[len(calls)-1].Params["text"])
	}
	told("a tap, and nobody can read what is on record", func() {
		a.without("select", "document", func() { a.lastTry(button(a.office, 990001, card.ID, sign(card, "✅"))) })
	})
	a.shown("a comment meets a fault", ledgertest.Budget, func() {
		a.without("update", "document", func() { a.lastTry(reply(a.office, 990002, ledgertest.Budget, sign(card, "✅"), "words")) })
	})
	a.breaks(a.t, "P0001", 1000)
	told("a tap meets a fault that stays", func() {
		before := len(a.tg.CallsOf("answerCallbackQuery"))
		_, err := a.tg.Forge(ledgertest.Budget, ledgertest.Budget, card.ID, sign(card, "✅"))
		must(a.t, err)
		a.wait(a.t, func() bool { // it is tried again, and time passes
			a.tg.Clock().Advance(time.Second)
			return len(a.tg.CallsOf("answerCallbackQuery")) > before
		})
	})
	a.mend(a.t)
}

// mornings: the digest of somebody for whom things wait for days.
func (a *album) mornings() {
	a.t.Helper()
	_, err := a.Directory.Set(a.t.Context(), "test", a.find(a.t, "petrov").ID, func(s *directory.Setting) {
		s.Digest = directory.Digest{On: true, Hour: 8}
	})
	must(a.t, err)
	now := a.tg.Clock().Now()
	a.tg.Clock().Advance(time.Date(now.Year(), now.Month(), now.Day()+3, 8, 0, 1, 0, time.UTC).Sub(now))
	a.shown("the digest", ledgertest.Budget, func() {
		must(a.t, a.door.Digests(a.t.Context()))
		a.tellsNotices()
	})
}

func (a *album) tellsNotices() {
	a.t.Helper()
	_, err := a.board.RunOnce(context.WithoutCancel(a.t.Context()))
	must(a.t, err)
}
