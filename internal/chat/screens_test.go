package chat_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// album collects what one person is shown, screen after screen.
type album struct {
	*office

	t    *testing.T
	tag  string
	text strings.Builder
}

// TestScreensReadAsWritten shows every command, dialogue and answer in each language.
func TestScreensReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			a := &album{t: t, tag: tag, office: newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)))}
			a.speak(tag)
			a.newcomer(tag)
			a.commands()
			a.decisions()
			a.talk()
			a.queues()
			a.delegation()
			a.absence()
			a.settings()
			a.groups()
			a.searches()
			goldentest.Same(t, "screens."+tag, a.text.String())
			if strings.Contains(a.text.String(), "{{") {
				t.Error("a placeholder is left in a text")
			}
		})
	}
}

// speak gives everybody a language.
func (a *album) speak(tag string) {
	var users []directory.User
	for _, u := range []directory.User{
		ledgertest.User("ivanova", "Anna Ivanova", "requester", ledgertest.Requester),
		ledgertest.User("petrov", "Pyotr Petrov", "budget_holder", ledgertest.Budget),
		ledgertest.User("orlova", "Maria Orlova", "treasurer", ledgertest.Second),
	} {
		u.Locale = tag
		users = append(users, u)
	}
	a.Import(a.t, users...)
	a.tg.User(9001, "Newcomer", tag)
}

// shown does something, and keeps what the bot writes into a chat because of it.
func (a *album) shown(title string, chat int64, do func()) telegramtest.Message {
	a.t.Helper()
	last := int64(0)
	for _, m := range a.tg.Messages(chat) {
		last = max(last, m.ID)
	}
	do()
	return a.waits(title, chat, func(m telegramtest.Message) bool { return m.ID > last && m.From == a.tg.BotID() })
}

func (a *album) waits(title string, chat int64, holds func(telegramtest.Message) bool) telegramtest.Message {
	a.t.Helper()
	var found telegramtest.Message
	ctx, cancel := context.WithTimeout(a.t.Context(), 20*time.Second)
	defer cancel()
	err := a.tg.WaitFor(ctx, func() bool {
		for _, m := range a.tg.Messages(chat) {
			if !m.Deleted && holds(m) {
				found = m
			}
		}
		return found.ID != 0
	})
	if err != nil {
		a.t.Fatalf("%s: nothing was shown in chat %d", title, chat)
	}
	a.keep(title, found)
	return found
}

func (a *album) keep(title string, m telegramtest.Message) {
	fmt.Fprintf(&a.text, "=== %s\n%s\n", title, m.HTML)
	if m.ForceReply {
		fmt.Fprintf(&a.text, "(answer: %s)\n", m.Placeholder)
	}
	for _, row := range m.Keyboard {
		for _, b := range row {
			fmt.Fprintf(&a.text, "[%s]", b.Text)
		}
		a.text.WriteString("\n")
	}
	a.text.WriteString("\n")
}

func (a *album) said(account int64, text string) telegramtest.Message {
	a.t.Helper()
	return a.shown(text, account, func() { a.say(a.t, account, text) })
}

// answered taps a button, by its data, and keeps the line that the person is told.
func (a *album) answered(title string, m telegramtest.Message, data string) {
	a.t.Helper()
	told := a.tap(a.t, m.ChatID, m, data)
	if told.Text != "" {
		fmt.Fprintf(&a.text, "=== %s\n(%s)\n\n", title, told.Text)
	}
}

// opened taps a button and keeps the message that comes of it.
func (a *album) opened(title string, m telegramtest.Message, data string) telegramtest.Message {
	a.t.Helper()
	return a.shown(title, m.ChatID, func() { a.answered(title+": answer", m, data) })
}

// turned taps a button and keeps what its own message turns into.
func (a *album) turned(title string, m telegramtest.Message, data string) telegramtest.Message {
	a.t.Helper()
	now, _ := a.tg.Message(m.ChatID, m.ID)
	a.answered(title+": answer", now, data)
	return a.waits(title, m.ChatID, func(other telegramtest.Message) bool { return other.ID == m.ID && other.Edits > now.Edits })
}

// newcomer is somebody who is not connected.
func (a *album) newcomer(string) {
	a.shown("/start of a newcomer", 9001, func() {
		_, err := a.tg.StartBot(9001, "")
		must(a.t, err)
	})
	for _, text := range []string{"/queue", "/find rent", "/who 1", "/away", "/settings", "/security", "/unlink"} {
		a.said(9001, text)
	}
	a.shown("/start with a link that is none", 9001, func() {
		_, err := a.tg.StartBot(9001, "nonsense")
		must(a.t, err)
	})
}

func (a *album) commands() {
	for _, text := range []string{"/start", "/help", "/queue", "/find", "/find nothing like this", "/who", "/who 4711", "/cancel", "/nonsense", "hello"} {
		a.said(ledgertest.Budget, text)
	}
}

// decisions: from the card to the end, with reasons, and what is told to whoever is late.
func (a *album) decisions() {
	a.Post(a.t, "101")
	card := a.card(a.t, ledgertest.Budget, "101")
	a.keep("card", card)
	a.quiet(a.t)
	for _, text := range []string{"/queue", "/find 101", "/who 101"} {
		a.said(ledgertest.Budget, text)
	}
	a.opened("reject", card, sign(card, "❌"))
	a.said(ledgertest.Budget, "/cancel")
	a.opened("return", card, sign(card, "↩"))
	a.said(ledgertest.Budget, "/cancel")
	a.answered("approve", card, sign(card, "✅"))
	forged, err := a.tg.Forge(ledgertest.Budget, ledgertest.Budget, card.ID, sign(card, "❌"))
	must(a.t, err)
	told, err := forged.Wait(a.t.Context())
	must(a.t, err)
	fmt.Fprintf(&a.text, "=== reject after the approval\n(%s)\n\n", told.Text)
	a.Vote(a.t, "101", ledgertest.Finance, approval.Accept, "")
	a.quiet(a.t)
	a.shown("the end, to the requester", ledgertest.Requester, func() { a.Vote(a.t, "101", ledgertest.Treasurer, approval.Accept, "") })
}

// sign is the data of the button whose text begins so.
func sign(m telegramtest.Message, text string) string {
	b, _ := m.Button(text)
	return b.Data
}

// talk: details, a question and its answer, a comment.
func (a *album) talk() {
	a.Post(a.t, "102")
	card := a.card(a.t, ledgertest.Budget, "102")
	a.quiet(a.t) // the requester has his card
	a.opened("details", card, sign(card, "ℹ"))
	question := a.opened("ask", card, sign(card, "❓"))
	asked := a.shown("question, to the requester", ledgertest.Requester, func() {
		a.says(a.t, ledgertest.Budget, "Which contract is it?", question.ID)
	})
	a.quiet(a.t) // whoever answers at once is not known to have been asked
	a.shown("answer, to the approver", ledgertest.Budget, func() {
		a.says(a.t, ledgertest.Requester, "No. 7 of January", asked.ID)
	})
}

func (a *album) absence() {
	panel := a.said(ledgertest.Second, "/away")
	choice := a.turned("away for a week", panel, "m:away:days:7")
	a.turned("away without a deputy", choice, choice.Keyboard[len(choice.Keyboard)-2][0].Data)
	a.turned("back again", panel, "m:away:off")
	for _, text := range []string{"/away 31.2", "/away 20.6 nobody", "/away 20.6 kozlov"} {
		a.said(ledgertest.Second, text)
	}
}

// delegation goes through the form.
func (a *album) delegation() {
	form := a.turned("a new delegation", a.said(ledgertest.Second, "/delegate"), "m:dl:new")
	for i, field := range []string{"deputy", "until", "from", "amount", "role", "documents", "company"} {
		choice := a.turned("delegation: "+field, form, form.Keyboard[i/2][i%2].Data)
		rows := choice.Keyboard
		a.tap(a.t, ledgertest.Second, choice, rows[len(rows)-1][0].Data)
		a.wait(a.t, func() bool { m, _ := a.tg.Message(ledgertest.Second, form.ID); return m.Text == form.Text })
	}
	deputies := a.turned("delegation: deputy again", form, form.Keyboard[0][0].Data)
	form = a.turned("delegation: with a deputy", deputies, deputies.Keyboard[0][0].Data)
	days := a.turned("delegation: until again", form, form.Keyboard[0][1].Data)
	form = a.turned("delegation: with an end", days, days.Keyboard[0][0].Data)
	made := a.turned("delegation: made", form, form.Keyboard[len(form.Keyboard)-2][0].Data)
	end := a.turned("delegation: end it?", made, made.Keyboard[0][0].Data)
	a.turned("delegation: ended", end, end.Keyboard[0][0].Data)
}

// queues: the piles, their order, their pages, and one that is late.
func (a *album) queues() {
	for i := range 11 {
		a.tg.Clock().Advance(time.Minute)
		a.Post(a.t, fmt.Sprint(200+i))
		a.quiet(a.t)
	}
	queue := a.said(ledgertest.Budget, "/queue")
	a.opened("queue: a document of it", queue, queue.Keyboard[0][0].Data)
	press := func(title string, fromEnd, column int) {
		queue = a.turned(title, queue, queue.Keyboard[len(queue.Keyboard)-fromEnd][column].Data)
	}
	press("queue: its next page", 3, 0)
	press("queue: in another order", 2, 0)
	press("queue: overdue ones", 2, 1)
	press("queue: all again", 2, 0)
	press("queue: what one asked for", 1, 0)
	press("queue: what one decided", 1, 1)
}

func (a *album) settings() {
	panel := a.said(ledgertest.Second, "/settings")
	a.turned("language", panel, "m:set:lang")
	a.turned("settings again", panel, "m:set")
	a.turned("time zone", panel, "m:set:zone")
	a.turned("a region", panel, "m:set:zone:Asia")
	a.turned("a zone is set", panel, "m:set:at:Asia/Tokyo")
	a.turned("quiet hours", panel, "m:set:quiet")
	a.turned("no quiet hours", panel, "m:set:quiet:off")
	a.turned("digest", panel, "m:set:digest")
	a.turned("digest at eight", panel, "m:set:digest:8")
}

func (a *album) groups() {
	a.room(a.t)
	a.said(ledgertest.Budget, "/bind 0000-0000")
	for _, text := range []string{"/bind", "/bind 0000-0000", "/unbind", "/queue", "/help"} {
		said := telegramtest.Said{UserID: ledgertest.Budget, ChatID: otherGroup, Text: text}
		a.shown("in a group: "+text, otherGroup, func() {
			_, err := a.tg.Post(said)
			must(a.t, err)
		})
	}
	answered := func(title, text string) {
		a.keep(title, a.office.answered(a.t, telegramtest.Said{UserID: ledgertest.Budget, ChatID: otherGroup, Text: text}))
	}
	answered("in a group: a code", "/bind "+a.code(a.t, "general", "conference_stop"))
	answered("in a group: a code for another", "/bind "+a.code(a.t, "third"))
	a.lost()
	a.door.Administrator = func(context.Context, people.Person) (bool, error) { return true, nil }
	answered("in a group: /unbind by an administrator", "/unbind")
	for range 20 {
		a.office.answered(a.t, telegramtest.Said{UserID: ledgertest.Budget, ChatID: otherGroup, Text: "/bind 0000-0000"})
	}
	answered("in a group: too many wrong codes", "/bind 0000-0000")
}

// lost is what administrators hear of a group that gets nothing any more.
func (a *album) lost() {
	a.t.Helper()
	general, _ := a.chatNamed(a.t, "general")
	general.Fallback = true
	_, _, err := a.Directory.PutChat(a.t.Context(), "test", general)
	must(a.t, err)
	bound, _ := a.chatNamed(a.t, "payments")
	a.board.Language = a.tag
	for _, fault := range []string{"the bot may not write here: kicked", "", directory.TopicFault, ""} {
		must(a.t, a.Directory.ChatFault(a.t.Context(), bound.ID, fault))
		a.shown("in the administrators' group: "+cmp.Or(fault, "all is well again"), otherGroup, func() {
			must(a.t, a.door.TellChats(a.t.Context()))
			_, err := a.board.RunOnce(a.t.Context())
			must(a.t, err)
		})
	}
}
