package chat_test

import (
	"fmt"
	"strings"
	"time"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/screen"
	"countersign/internal/telegram/telegramtest"
)

// standIns: an absence with a deputy, what the deputy is told, and what cannot be.
func (a *album) standIns() {
	a.t.Helper()
	choice := a.said(ledgertest.Second, "/away 20.6 kozlov")
	named := choice.Keyboard[0][0].Data
	a.turned("away with a deputy", choice, named)
	a.shown("the deputy is told", ledgertest.Treasurer, a.tellsNotices)
	a.said(ledgertest.Second, "/delegate")
	a.said(ledgertest.Treasurer, "/delegate")
	back := a.said(ledgertest.Treasurer, "/away 20.6 orlova")
	a.turned("a deputy who is stood in for", back, back.Keyboard[0][0].Data)
	a.said(ledgertest.Second, "/away off")
	a.shown("the deputy is told of the end", ledgertest.Treasurer, a.tellsNotices)
	a.said(ledgertest.Second, "/away off")
	parts := strings.Split(named, ":")
	parts[len(parts)-1] = "per_gone"
	a.forces("a deputy who is gone", choice, strings.Join(parts, ":"))
	waiting := a.said(9011, "/away 20.6 kozlov")
	a.forces("who may not decide names no deputy", waiting, waiting.Keyboard[0][0].Data)
}

// forms: delegations that cannot be made as they are.
func (a *album) forms() {
	a.t.Helper()
	var form telegramtest.Message
	field := func(title string, i int, texts ...string) {
		a.t.Helper()
		a.turned(title, form, form.Keyboard[i/2][i%2].Data)
		for _, text := range texts {
			form = a.said(ledgertest.Second, text)
		}
	}
	anew := func() {
		a.t.Helper()
		deputies := a.said(ledgertest.Second, "/delegate kozlov")
		form = a.turned("the form", deputies, deputies.Keyboard[0][0].Data)
	}
	anew()
	field("amount", 3, "1,000 RUB", "200 000,50 rub")
	field("company", 6, strings.Repeat("x", 101), "LLC-A")
	field("until", 1, "31.2", "18.6")
	field("from", 2, "19.6", "16.6")
	made := dataWith(form, "dl:go")
	stale := strings.Join(append(strings.Split(made, ":")[:4], "deadbeef"), ":")
	a.forces("another form was confirmed", form, stale)
	a.said(ledgertest.Second, "/cancel")
	a.forces("a form that is over", form, made)
	a.forces("a delegation that is none", form, "m:dl:end:4711")
	now := a.tg.Clock().Now()
	a.tg.Clock().Advance(time.Date(now.Year(), now.Month(), now.Day(), 23, 40, 0, 0, time.UTC).Sub(now))
	anew()
	field("until today", 1, fmt.Sprintf("%d.%d", now.Day(), now.Month()))
	a.tg.Clock().Advance(30 * time.Minute)
	a.forces("the day is over", form, dataWith(form, "dl:go"))
	a.said(ledgertest.Second, "/cancel")
}

// dataWith is the data of the button that has it in part.
func dataWith(m telegramtest.Message, part string) string {
	for _, row := range m.Keyboard {
		for _, b := range row {
			if strings.Contains(b.Data, part) {
				return b.Data
			}
		}
	}
	return ""
}

// lists: of types, of sizes, of what one asked for, of what is found.
func (a *album) lists() {
	a.t.Helper()
	a.several()
	queue := a.said(ledgertest.Budget, "/queue")
	turn := func(title, data string) {
		a.t.Helper()
		queue = a.turned(title, queue, data)
	}
	for range 2 {
		turn("in another order", a.sorted(queue, "↕"))
	}
	turn("overdue ones", a.sorted(queue, "☐"))
	turn("all again", a.sorted(queue, "☑"))
	turn("their types", a.sorted(queue, "☐ "+a.texts.For(a.tag).T("queue.type", nil)))
	turn("of one type", queue.Keyboard[1][0].Data)
	a.forces("what the requester asked for", a.said(ledgertest.Requester, "/queue"), "m:q:pan-::0")
	a.forces("what nobody decided", a.said(ledgertest.Requester, "/queue"), "m:q:pdn-::0")
	a.said(ledgertest.Budget, "/find")
	a.tells("a list that is none", ledgertest.Budget, "f:p:x:1")
	a.shown("back to a search", ledgertest.Budget, func() {
		_, err := a.tg.StartBot(ledgertest.Budget, "f_cmVudA")
		must(a.t, err)
	})
	a.tg.ChangeUser(ledgertest.Budget, func(u *telegramtest.User) { u.Lang = a.tag })
	panel := a.said(ledgertest.Budget, "/settings Atlantis")
	a.forces("as in Telegram", panel, "m:set:lang:tg")
}

// sorted is the data of the button under a list that begins so.
func (a *album) sorted(m telegramtest.Message, begin string) string {
	a.t.Helper()
	for _, row := range m.Keyboard {
		for _, b := range row {
			if strings.HasPrefix(b.Text, begin) {
				return b.Data
			}
		}
	}
	a.t.Fatalf("no button %s: %q", begin, labels(m))
	return ""
}

// menus: of commands, and what the bot says of itself; groups that cannot be bound.
func (a *album) menus() {
	a.t.Helper()
	a.room(a.t)
	a.keep("a code that nobody gives", a.office.answered(a.t, telegramtest.Said{UserID: ledgertest.Budget, ChatID: otherGroup, Text: "/bind 0000-0000", Anonymous: true}))
	a.shown("a place of a kind that is not known", otherGroup, func() {
		a.receive(a.t, 990003, fmt.Sprintf(`{"update_id":990003,"message":{"message_id":3,"date":1,"chat":{"id":%d,"type":"gathering","title":"x"},`+
			`"from":{"id":%d,"is_bot":false,"first_name":"P","language_code":%q},"text":"/bind %s"}}`, otherGroup, ledgertest.Budget, a.tag, a.code(a.t, "hidden")))
	})
	a.keep("a code for two sorts of document", a.office.answered(a.t, telegramtest.Said{UserID: ledgertest.Budget, ChatID: otherGroup, Text: "/bind " + a.code(a.t, "general", "payment_request", "advance_report")}))
	general, _ := a.chatNamed(a.t, "general")
	general.Fallback = true
	_, _, err := a.Directory.PutChat(a.t.Context(), "test", general)
	must(a.t, err)
	bound, _ := a.chatNamed(a.t, "payments")
	must(a.t, a.Directory.ChatFault(a.t.Context(), bound.ID, "the bot may not write here: restricted"))
	a.quiet(a.t) // the group has its cards
	a.shown("a group in which the bot may not write", otherGroup, func() {
		must(a.t, a.door.TellChats(a.t.Context()))
		a.tellsNotices()
	})
	a.door.Desks = map[string]screen.Desk{"tc": counter(), "rooms": counter()}
	a.said(ledgertest.Second, "/help")
	a.dress(a.t)
	for _, scope := range []string{"all_private_chats", "all_group_chats", "all_chat_administrators"} {
		fmt.Fprintf(&a.text, "=== the menu of %s\n", scope)
		for _, c := range a.tg.Commands()[scope+"/"+a.tag] {
			fmt.Fprintf(&a.text, "/%s %s\n", c.Name, c.Description)
		}
		a.text.WriteString("\n")
	}
	own := a.tag
	if own == "en" { // it is said to all others, too
		own = ""
	}
	for _, what := range []string{"description", "short_description"} {
		fmt.Fprintf(&a.text, "=== the bot of itself: %s\n%s\n\n", what, a.tg.About()[what+"/"+own])
	}
}
