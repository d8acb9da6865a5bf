package chat_test

import (
	"fmt"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// searches: what is shown to whoever types after the bot's name in any chat, and what becomes
// of the card that he posts there.
func (a *album) searches() {
	a.t.Helper()
	a.rows("somebody who is not connected", 9001, "rent")
	a.shown("he comes from a search", 9001, func() {
		_, err := a.tg.StartBot(9001, "f_cmVudA")
		must(a.t, err)
	})
	for _, text := range []string{"nothing like this", "zq"} {
		found := a.asks("nothing is found", ledgertest.Budget, text)
		a.shown("he asks how to search", ledgertest.Budget, func() {
			_, err := a.tg.StartBot(ledgertest.Budget, found.Parameter)
			must(a.t, err)
		})
	}
	fresh := ledgertest.User("fresh", "Fresh", "requester", 9002)
	fresh.Locale = a.tag
	a.Import(a.t, fresh)
	a.tg.User(9002, "Fresh", a.tag)
	a.asks("somebody of whom there are no documents", 9002, "")
	for _, end := range []struct {
		number string
		come   func(number string)
		state  approval.State
	}{
		{"301", func(number string) {
			for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
				a.Vote(a.t, number, account, approval.Accept, "")
			}
		}, approval.Approved},
		{"302", func(number string) { a.Vote(a.t, number, ledgertest.Budget, approval.Reject, "Not this year") }, approval.Rejected},
		{"303", func(number string) { a.Vote(a.t, number, ledgertest.Budget, approval.Return, "Which contract?") }, approval.Returned},
		{"304", func(number string) {
			_, err := a.Withdraw(a.t.Context(), ledgertest.Key(number), "no longer needed")
			must(a.t, err)
		}, approval.Withdrawn},
	} {
		a.Post(a.t, end.number)
		found := a.rows("a document that awaits a decision", ledgertest.Budget, end.number)
		inline, err := a.tg.Choose(ledgertest.Budget, -55, found[0], end.number)
		must(a.t, err)
		a.keep("its card, posted and followed", a.posted(a.t, inline, end.number))
		a.quiet(a.t)
		end.come(end.number)
		a.quiet(a.t)
		a.keep("its card, "+string(end.state), a.posted(a.t, inline, a.door.Texts.For(a.tag).T("state."+string(end.state), nil)))
		a.rows("it is found, "+string(end.state), ledgertest.Budget, end.number)
	}
}

// rows types a query and keeps what is shown.
func (a *album) rows(title string, account int64, text string) []telegramtest.InlineResult {
	a.t.Helper()
	return a.asks(title, account, text).Results
}

func (a *album) asks(title string, account int64, text string) telegramtest.InlineAnswered {
	a.t.Helper()
	a.tg.Clock().Advance(time.Minute) // what one types is not counted together
	found := a.typed(a.t, account, text)
	fmt.Fprintf(&a.text, "=== %s: %s\n", title, text)
	if found.Prompt != "" {
		fmt.Fprintf(&a.text, "(above the rows: %s)\n", found.Prompt)
	}
	for _, r := range found.Results {
		fmt.Fprintf(&a.text, "%s\n%s\n---\n%s\n", r.Title, r.Description, r.Text)
		for _, row := range r.Keyboard {
			for _, b := range row {
				fmt.Fprintf(&a.text, "[%s]", b.Text)
			}
			a.text.WriteString("\n")
		}
	}
	a.text.WriteString("\n")
	return found
}
