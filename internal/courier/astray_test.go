package courier_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// bare asserts that all that a chat shows of a document is that it is out of date.
func (o *office) bare(t *testing.T, chat int64, number string, messages int) {
	t.Helper()
	got := o.cards(chat, number)
	if len(got) != messages {
		t.Errorf("%d messages in %d, want %d", len(got), chat, messages)
	}
	for _, m := range got {
		if len(m.Keyboard) > 0 || m.Text != "Payment request No. "+number+"\n🔄 This message is out of date." {
			t.Errorf("message %d in %d has %d rows of buttons and shows\n%s", m.ID, chat, len(m.Keyboard), m.Text)
		}
	}
}

// person finds somebody by his account.
func (o *office) person(tb testing.TB, account int64) people.Person {
	tb.Helper()
	dir, err := o.Directory.Snapshot(tb.Context())
	must(tb, err)
	p, ok := dir.ByTelegram(account)
	if !ok {
		tb.Fatalf("account %d is nobody's", account)
	}
	return p
}

func TestCardsOfSomebodyWhoLeftLoseButtonsAndData(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Import(t, ledgertest.User("second", "Maria", "budget_holder", 0))
	st := o.withFile(t, "91")
	o.calm(t)
	o.asked(t, ledgertest.Budget, "91")
	must(t, o.Directory.Deactivate(t.Context(), "test", "petrov", "left"))
	_, err := o.PeopleChanged(t.Context(), "petrov")
	must(t, err)
	_, err = o.Withdraw(t.Context(), ledgertest.Key("91"), "paid in cash")
	must(t, err)
	o.calm(t)
	o.bare(t, ledgertest.Budget, "91", 2)
	o.shows(t, st.Case.ID, 1)
	calls := len(o.tg.Calls())
	must(t, o.Redraw(t.Context(), st.Case.ID))
	o.calm(t)
	if got := len(o.tg.Calls()) - calls; got != 0 {
		t.Errorf("%d calls for what is shown already", got)
	}
}

func TestCardsOfSomebodyUnlinkedComeBackWithTheAccount(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.person(t, ledgertest.Budget)
	st := o.Post(t, "92")
	o.calm(t)
	card := o.asked(t, ledgertest.Budget, "92")
	o.unlink(t, ledgertest.Budget)
	must(t, o.RedrawOf(t.Context(), p.ID))
	o.calm(t)
	o.bare(t, ledgertest.Budget, "92", 1)
	if m := o.cards(ledgertest.Requester, "92"); len(m) != 1 || !strings.Contains(m[0].Text, p.Name+" (not connected to Telegram yet)") {
		t.Errorf("the requester is not told that nobody was asked: %+v", m)
	}
	o.link(t, p, ledgertest.Budget)
	must(t, o.RedrawOf(t.Context(), p.ID))
	o.calm(t)
	if m := o.asked(t, ledgertest.Budget, "92"); m.ID != card.ID {
		t.Errorf("message %d asks, want the one that was there, %d", m.ID, card.ID)
	}
	if m := o.cards(ledgertest.Requester, "92"); strings.Contains(m[0].Text, "not connected") {
		t.Errorf("the requester is still told\n%s", m[0].Text)
	}
	o.shows(t, st.Case.ID, 1)
}

func TestCardsOfWhoeverIsUnlinkedOrLeavesGoAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "97")
	o.calm(t)
	o.asked(t, ledgertest.Budget, "97")
	o.unlink(t, ledgertest.Budget)
	_, err := o.PeopleChanged(t.Context(), "petrov")
	must(t, err)
	o.calm(t)
	o.bare(t, ledgertest.Budget, "97", 1)
	must(t, o.Directory.Deactivate(t.Context(), "test", "ivanova", "left"))
	_, err = o.PeopleChanged(t.Context(), "ivanova")
	must(t, err)
	o.calm(t)
	o.bare(t, ledgertest.Requester, "97", 1)
	o.shows(t, st.Case.ID, 1)
}

func TestRequesterWhoIsNoLongerOneIsToldNothingMore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, o *office){
		"left": func(t *testing.T, o *office) {
			t.Helper()
			must(t, o.Directory.Deactivate(t.Context(), "test", "ivanova", "left"))
		},
		"another": func(*testing.T, *office) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			st := o.Post(t, "93")
			o.calm(t)
			requester := o.person(t, ledgertest.Requester).ExternalID
			change(t, o)
			o.revise(t, "93", func(d *document.Document) {
				if d.Requester != requester {
					t.Fatalf("the requester is %s, not %s", d.Requester, requester)
				}
				d.Requester = "orlova"
			})
			o.calm(t)
			o.bare(t, ledgertest.Requester, "93", 1)
			o.shows(t, st.Case.ID, 1)
		})
	}
}

func TestOldAccountThatShutTheBotOutHoldsNothingUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const another = 2002
	o.tg.User(another, "Pyotr's new phone", "en")
	_, err := o.tg.StartBot(another, "")
	must(t, err)
	st := o.Post(t, "94")
	o.calm(t)
	must(t, o.tg.Block(ledgertest.Budget))
	p := o.person(t, ledgertest.Budget)
	o.link(t, p, another)
	must(t, o.RedrawOf(t.Context(), p.ID))
	o.calm(t)
	o.asked(t, another, "94")
	o.shows(t, st.Case.ID, 1)
	if got := o.faults(t, st.Case.ID); len(got) != 1 || !strings.Contains(got[0], "blocked") {
		t.Errorf("failures %q, want the one of the old account", got)
	}
	o.tg.Unblock(ledgertest.Budget)
	must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
	o.calm(t)
	o.bare(t, ledgertest.Budget, "94", 1)
}

func TestAccountLostWhileTheCaseIsDrawnIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "95")
	o.calm(t)
	o.asked(t, ledgertest.Budget, "95")
	o.revise(t, "95", func(d *document.Document) { d.Title = "Rent, July" })
	slow := make(chan struct{})
	o.tg.FailNext("editMessageText", telegramtest.Delay(slow))
	drawn := o.inBackground(t)
	o.unlink(t, ledgertest.Budget, ledgertest.Requester) // nobody asks for the case to be redrawn
	close(slow)
	<-drawn
	o.calm(t)
	o.bare(t, ledgertest.Budget, "95", 1)
	o.bare(t, ledgertest.Requester, "95", 1)
}

func TestCourierWhoseClockIsAheadDoesNotSendWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other := o.replica(t)
	other.Now = func() time.Time { return o.Clock.Now().Add(time.Hour) }
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	st := o.Post(t, "96")
	drawn := o.inBackground(t)
	must(t, o.Redraw(t.Context(), st.Case.ID)) // takes the lease away, but not the message in hand
	once(t, other)
	close(slow)
	<-drawn
	must(t, o.Redraw(t.Context(), st.Case.ID))
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}
