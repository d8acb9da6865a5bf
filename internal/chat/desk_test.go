package chat_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"countersign/internal/chat"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/screen"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// counter is a desk that shows who came with what.
func counter() screen.Desk {
	shown := func(v screen.Visitor, how string) screen.Screen {
		return screen.Screen{
			Lines: []string{screen.Bold(how + " by " + v.Person.ExternalID), screen.Plain("<" + strings.Join(v.Args, "|") + ">")},
			Rows:  [][]telegram.Button{{{Text: "more", Data: screen.Prefix + "tc:a:b"}, {Text: "aloud", Data: screen.Prefix + "tc:loud"}}},
		}
	}
	return screen.Desk{
		Open: func(_ context.Context, v screen.Visitor) (screen.Screen, error) { return shown(v, "opened"), nil },
		Tap: func(_ context.Context, v screen.Visitor) (screen.Screen, error) {
			if v.Args[0] == "loud" {
				return screen.Screen{Notice: "Not yours.", Loud: true}, nil
			}
			return shown(v, "tapped"), nil
		},
	}
}

func TestDeskIsOpenedByItsCommandAndTappedInItsPlace(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.say(t, ledgertest.Budget, "/tc")
	o.sees(t, ledgertest.Budget, "No video server is set up here")
	o.door.Desks = map[string]screen.Desk{"tc": counter()}
	o.say(t, ledgertest.Budget, "/tc head  office")
	first := o.sees(t, ledgertest.Budget, "opened by petrov", "<head|office>")
	o.tap(t, ledgertest.Budget, first, "more")
	if after := o.sees(t, ledgertest.Budget, "tapped by petrov", "<a|b>"); after.ID != first.ID {
		t.Error("another message was sent")
	}
	if a := o.tap(t, ledgertest.Budget, first, "aloud"); a.Text != "Not yours." || !a.Alert {
		t.Errorf("told %+v", a)
	}
	if m, _ := o.tg.Message(ledgertest.Budget, first.ID); !strings.Contains(m.Text, "tapped") {
		t.Errorf("a screen without lines took the place of %q", m.Text)
	}
}

func TestDeskIsForPeopleAndInTheirPrivateChat(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.door.Desks = map[string]screen.Desk{"tc": counter()}
	o.tg.User(6666, "Mallory", "en")
	_, err := o.tg.StartBot(6666, "")
	must(t, err)
	o.say(t, 6666, "/tc")
	if m := o.lastCard(t, 6666, "/login"); strings.Contains(m.Text, "opened") {
		t.Errorf("a stranger is shown %q", m.Text)
	}
	o.say(t, ledgertest.Budget, "/tc")
	desk := o.sees(t, ledgertest.Budget, "opened")
	for _, where := range []struct{ account, chat int64 }{{6666, 6666}, {ledgertest.Budget, groupID}} {
		forged, err := o.tg.Forge(where.account, where.chat, desk.ID, "m:tc:a:b")
		must(t, err)
		if a, err := forged.Wait(t.Context()); err != nil || a.Text == "" || !a.Alert {
			t.Errorf("account %d in chat %d is told %+v, %v", where.account, where.chat, a, err)
		}
	}
	_, err = o.tg.Post(telegramtest.Said{UserID: ledgertest.Budget, ChatID: groupID, Text: "/tc"})
	must(t, err)
	o.sees(t, groupID, "private chat")
	if m, _ := o.tg.Message(ledgertest.Budget, desk.ID); strings.Contains(m.Text, "tapped") {
		t.Error("a tap that was refused came to the desk")
	}
}

func TestDeskIsNamedWhereItIsHostedOnly(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	offers := func(menus []chat.Menu) bool {
		return slices.ContainsFunc(menus, func(m chat.Menu) bool {
			return slices.ContainsFunc(m.Commands, func(c telegram.MenuCommand) bool { return c.Name == "tc" })
		})
	}
	if offers(chat.Menus(o.door.Texts)) || !offers(chat.Menus(o.door.Texts, "tc")) {
		t.Error("a menu is not that of the place")
	}
	o.say(t, ledgertest.Budget, "/help")
	if m := o.sees(t, ledgertest.Budget, "/who 4711"); strings.Contains(m.Text, "/tc") {
		t.Errorf("the help names what is not here: %s", m.Text)
	}
	o.door.Desks = map[string]screen.Desk{"tc": counter()}
	o.say(t, ledgertest.Budget, "/help")
	o.sees(t, ledgertest.Budget, "/who 4711", "/tc — video servers")
}

// ear is a desk that has asked a question, and takes what answers it: numbers, and words that
// were written with no other question in between.
func ear(asked int64, heard chan<- string) screen.Desk {
	desk := counter()
	desk.Hear = func(_ context.Context, v screen.Visitor, w screen.Words) (screen.Heard, error) {
		if w.Contact == nil && w.After > asked {
			return screen.Heard{}, nil
		}
		heard <- v.Person.ExternalID + ": " + w.Text
		return screen.Heard{Taken: true, Secret: true, Outcome: "taken"}, nil
	}
	return desk
}

func TestDeskHearsWhatItAskedForAndNothingIsKeptOfASecret(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	heard := make(chan string, 10)
	o.door.Desks = map[string]screen.Desk{"tc": counter(), "rooms": ear(1, heard)}
	defer func() {
		var all string
		if t.Failed() && o.Pool.QueryRow(context.WithoutCancel(t.Context()), `select string_agg(concat_ws(' ', update_id, state, attempts, outcome), '; ') from telegram_update`).Scan(&all) == nil {
			t.Log("updates: ", all)
		}
	}()
	for _, said := range []telegramtest.Said{
		{Text: "482913"}, {Phone: "+4930100001", PhoneOwner: ledgertest.Budget}, {Phone: "+4930100001", PhoneOwner: ledgertest.Budget, Forwarded: true},
	} {
		said.UserID, said.ChatID = ledgertest.Budget, ledgertest.Budget
		_, err := o.tg.Post(said)
		must(t, err)
		o.wait(t, func() bool { return len(heard) > 0 })
		if got := <-heard; got != "petrov: "+said.Text {
			t.Errorf("of %+v the desk heard %q", said, got)
		}
	}
	must(t, o.tg.WaitFor(t.Context(), func() bool {
		return o.count(t, `select count(*) from telegram_update where outcome = 'rooms: taken'`) == 3
	}))
	if n := o.count(t, `select count(*) from telegram_update where convert_from(body, 'UTF8') ~ '482913|4930100001'`); n != 0 {
		t.Errorf("%d updates keep a secret", n)
	}
}

// TestOfTwoQuestionsTheOneThatWasPutLastIsAnswered: what a desk asked for before the reason of
// a verdict was asked for does not take that.
func TestOfTwoQuestionsTheOneThatWasPutLastIsAnswered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	heard := make(chan string, 10)
	o.door.Desks = map[string]screen.Desk{"rooms": ear(1, heard)}
	o.questioned(t, "PR-1")
	o.say(t, ledgertest.Budget, "4711 is no budget")
	o.sees(t, ledgertest.Budget, "Your decision and the reason have been recorded")
	if len(heard) != 0 {
		t.Errorf("the desk heard %q", <-heard)
	}
}
