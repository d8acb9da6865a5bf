package chat_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// puts asks a question by a card's button, and keeps what becomes of the prompt.
func (a *album) puts(title string, card telegramtest.Message, words string) {
	a.t.Helper()
	prompt := a.opened(title, card, sign(card, "❓"))
	a.says(a.t, card.ChatID, words, prompt.ID)
	a.settles(title+": then", prompt)
}

// conversation: questions, answers and comments that go another way than usual.
func (a *album) conversation() {
	a.t.Helper()
	card := a.asked("431")
	a.puts("a question", card, "Which contract?")
	asked := a.waits("the question, to the requester", ledgertest.Requester, func(m telegramtest.Message) bool {
		_, ok := m.Button("💬")
		return ok
	})
	data := sign(asked, "💬")
	a.tells("an answer by another", ledgertest.Finance, data)
	prompt := a.opened("to answer", asked, data)
	a.says(a.t, ledgertest.Requester, "No. 7", prompt.ID)
	a.settles("to answer: then", prompt)
	a.shown("the same prompt once more", ledgertest.Requester, func() { a.says(a.t, ledgertest.Requester, "No. 8", prompt.ID) })
	a.tells("a second answer", ledgertest.Requester, data)
	a.quiet(a.t)
	a.puts("another question", card, "And when?")
	a.quiet(a.t)
	again := a.waits("it, to the requester", ledgertest.Requester, func(m telegramtest.Message) bool {
		b, ok := m.Button("💬")
		return ok && b.Data != data
	})
	a.tells("to approve before the answer", ledgertest.Budget, sign(card, "✅"))
	a.tells("an answer that nobody waits for", ledgertest.Requester, sign(again, "💬"))
	a.tells("details of a document of others", ledgertest.Treasurer, sign(card, "ℹ"))
	a.asksMuch()
	a.asksNobody()
	a.remarks()
}

// asksMuch leaves as many questions open as one may.
func (a *album) asksMuch() {
	a.t.Helper()
	card := a.asked("432")
	tap := a.Tap(a.t, "432", ledgertest.Budget, approval.Accept)
	for i := range 5 {
		id, err := ident.New("com")
		must(a.t, err)
		_, err = a.Ask(a.t.Context(), ledger.Talk{Account: tap.Account, Case: tap.Case, ID: id, Text: "Why?", Origin: fmt.Sprint("test/", i)}, approval.Asking{
			Round: tap.Round, Step: tap.Step, No: tap.No,
		})
		must(a.t, err)
	}
	a.tells("a sixth question", ledgertest.Budget, sign(card, "❓"))
	a.quiet(a.t)
}

// asksNobody: of requesters who are not here.
func (a *album) asksNobody() {
	a.t.Helper()
	absent := ledgertest.User("smirnova", "Vera Smirnova", "requester", 0)
	a.Import(a.t, absent)
	for i, who := range []string{"smirnova", "nobody.known"} {
		id := fmt.Sprint(433 + i)
		a.submits(id, func(d *document.Document) { d.Requester = who })
		a.quiet(a.t)
		a.puts("a question to "+who, a.card(a.t, ledgertest.Budget, id), "Why?")
	}
}

// remarks: comments, where marks are not known, where they are edited, and by a stranger.
func (a *album) remarks() {
	a.t.Helper()
	card := a.asked("435")
	a.tg.FailNext("setMessageReaction", telegramtest.Refuse(404, "Not Found"))
	var id int64
	a.shown("a comment", ledgertest.Budget, func() { id = a.says(a.t, ledgertest.Budget, "Fine by me", card.ID) })
	a.shown("it is edited", ledgertest.Budget, func() { must(a.t, a.tg.EditSaid(ledgertest.Budget, ledgertest.Budget, id, "Not at all")) })
	a.shown("a comment without words", ledgertest.Budget, func() { a.sends(a.t, telegramtest.Said{ReplyTo: card.ID, Phone: "+7"}) })
	must(a.t, a.tg.ChangeChat(groupID, func(c *telegramtest.Chat) { c.Members = append(c.Members, 9001) }))
	shown := a.sees(a.t, groupID, "435")
	a.keep("a comment of a stranger in a group", a.office.answered(a.t, telegramtest.Said{UserID: 9001, ChatID: groupID, ReplyTo: shown.ID, Text: "Pay it"}))
}

// reasons: dialogues that end in all ways.
func (a *album) reasons() {
	a.t.Helper()
	late := func() { a.tg.Clock().Advance(16 * time.Minute) }
	card := a.asked("441")
	prompt := a.opened("to reject", card, sign(card, "❌"))
	a.shown("a reason that is too long", ledgertest.Budget, func() { a.says(a.t, ledgertest.Budget, strings.Repeat("x", 1001), prompt.ID) })
	a.shown("a reason that is a picture", ledgertest.Budget, func() {
		a.sends(a.t, telegramtest.Said{ReplyTo: prompt.ID, Extra: map[string]any{"sticker": map[string]any{"file_id": "s"}}})
	})
	question := a.opened("to ask instead", card, sign(card, "❓"))
	a.settles("the first", prompt)
	a.shown("a question that is a picture", ledgertest.Budget, func() {
		a.sends(a.t, telegramtest.Said{ReplyTo: question.ID, Extra: map[string]any{"sticker": map[string]any{"file_id": "s"}}})
	})
	a.said(ledgertest.Budget, "/cancel")
	prompt = a.opened("to ask once more", card, sign(card, "❓"))
	late()
	a.shown("a question that comes late", ledgertest.Budget, func() { a.says(a.t, ledgertest.Budget, "Why?", prompt.ID) })
	prompt = a.opened("to reject once more", card, sign(card, "❌"))
	late()
	a.shown("a reason that comes late", ledgertest.Budget, func() { a.says(a.t, ledgertest.Budget, "Because", prompt.ID) })
	prompt = a.opened("to reject at last", card, sign(card, "❌"))
	a.tap(a.t, ledgertest.Budget, prompt, prompt.Keyboard[0][0].Data)
	a.settles("a reason from the list", prompt)
	route := strings.NewReplacer(`"payment_request"`, `"advance_report"`, `"on_reject"`, `"always"`).Replace(ledgertest.Route())
	_, err := a.Publish(a.t.Context(), []byte(route), "test")
	must(a.t, err)
	a.submits("442", func(d *document.Document) { d.Type, d.DueDate = "advance_report", "2026-06-01" })
	card = a.card(a.t, ledgertest.Budget, "442")
	a.quiet(a.t)
	a.opened("to approve where that takes a reason", card, sign(card, "✅"))
	a.said(ledgertest.Budget, "/cancel")
}

// files: what cannot become a file of a document.
func (a *album) files() {
	a.t.Helper()
	card := a.asked("443")
	for _, c := range []struct {
		title string
		said  telegramtest.Said
	}{
		{"a voice message", telegramtest.Said{Extra: map[string]any{"voice": map[string]any{"file_id": "v", "file_size": 5}}}},
		{"a program", telegramtest.Said{FileName: "a.pdf", File: append([]byte("MZ"), make([]byte, 3000)...)}},
		{"a large file", telegramtest.Said{Extra: map[string]any{"document": map[string]any{"file_id": "d", "file_size": 30 << 20}}}},
		{"a file that is gone", telegramtest.Said{Extra: map[string]any{"document": map[string]any{"file_id": "d"}}}},
	} {
		c.said.ReplyTo = card.ID
		a.shown(c.title+" for a document", ledgertest.Budget, func() { a.sends(a.t, c.said) })
	}
	a.own(a.t, `create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'full' using errcode = '53100'; end $$`,
		`create trigger full_disk before insert on file for each row execute function full_disk()`)
	a.shown("a file, and the disk is full", ledgertest.Budget, func() {
		a.sends(a.t, telegramtest.Said{ReplyTo: card.ID, FileName: "act.pdf", File: []byte(pdf)})
	})
	a.own(a.t, `drop trigger full_disk on file`)
}

// several documents of one number.
func (a *album) several() {
	a.t.Helper()
	for i := range 11 {
		id := fmt.Sprint("twin", i)
		d := ledgertest.Payment("77")
		_, err := a.Submit(context.WithoutCancel(a.t.Context()), ledger.Submission{Key: ledgertest.Key(id), Document: d})
		must(a.t, err)
		a.tg.Clock().Advance(time.Minute)
	}
	a.quiet(a.t)
	a.said(ledgertest.Budget, "/who 77")
}
