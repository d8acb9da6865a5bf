package courier_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/courier"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

func TestCaseIsShownToEverybodyFromItsOpeningToItsEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st := o.withFile(t, "51")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
		o.asked(t, account, "51")
		o.Vote(t, "51", account, approval.Accept, "")
		o.calm(t)
		o.shows(t, st.Case.ID, 1)
	}
	calls := o.sends() + o.edits()
	must(t, o.Redraw(t.Context(), st.Case.ID))
	o.calm(t)
	if got := o.sends() + o.edits() - calls; got != 0 {
		t.Errorf("%d calls for a case that was shown already", got)
	}
	for _, m := range o.cards(ledgertest.Requester, "51") {
		if m.ReplyTo == 0 && !m.Silent {
			t.Error("the requester's card rings")
		}
	}
}

func TestEndThatComesBeforeAnythingWasShownIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "52")
	o.Approve(t, "52")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	if got := o.cards(ledgertest.Requester, "52"); len(got) != 2 || got[1].ReplyTo != got[0].ID || got[1].Silent {
		t.Errorf("the requester got %+v, want the card and the news under it, with a sound", got)
	}
}

func TestTenQuickChangesMakeFewEdits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st := o.Post(t, "53")
	o.calm(t)
	sends, edits := o.sends(), o.edits()
	for i := range 10 {
		o.revise(t, "53", func(d *document.Document) { d.Title = "Rent " + strconv.Itoa(i) })
	}
	o.calm(t)
	if o.sends() != sends || o.edits()-edits > 3 {
		t.Errorf("%d messages and %d edits for ten changes, want none and one for each chat", o.sends()-sends, o.edits()-edits)
	}
	o.shows(t, st.Case.ID, 1)
}

func TestTwoCouriersSendEveryCardOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	couriers := []*courier.Courier{o.courier, o.replica(t)}
	var ids []approval.ID
	for i := range 12 {
		ids = append(ids, o.withFile(t, fmt.Sprintf("two-%02d", i)).Case.ID)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, c := range couriers {
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	// somebody asks for redrawing all the time, as people do who press /start
	person := o.person(t, ledgertest.Budget).ID
	for o.lag(t) > 0 {
		must(t, o.RedrawOf(t.Context(), person))
		for _, id := range ids {
			must(t, o.Redraw(t.Context(), id))
		}
		if len(o.tg.CallsOf("sendMessage")) >= 3*len(ids) && len(o.tg.CallsOf("sendDocument")) >= 2*len(ids) {
			break
		}
	}
	must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.CallsOf("sendDocument")) >= 2*len(ids) }))
	cancel()
	wg.Wait()
	o.pass(t, time.Minute)
	o.calm(t, couriers...)
	for _, id := range ids {
		o.shows(t, id, 1)
	}
	if got, want := o.sends(), 5*len(ids); got != want { // approver, requester, group, and the file to two of them
		t.Errorf("%d messages were sent for %d cases, want %d", got, len(ids), want)
	}
}

func (o *office) lag(t *testing.T) int {
	t.Helper()
	n, err := o.Lag(t.Context())
	must(t, err)
	return n
}

func TestPersonWhoBlockedTheBotGetsTheCardWhenHeLetsItIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.Block(ledgertest.Budget))
	st := o.Post(t, "54")
	o.calm(t)
	if got := o.cards(ledgertest.Budget, "54"); len(got) != 0 {
		t.Fatalf("%d messages reached somebody who blocked the bot", len(got))
	}
	o.tg.Unblock(ledgertest.Budget)
	must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
	o.calm(t)
	o.asked(t, ledgertest.Budget, "54")
	o.shows(t, st.Case.ID, 1)

	// and what was there follows what happened meanwhile
	must(t, o.tg.Block(ledgertest.Budget))
	_, err := o.Withdraw(t.Context(), ledgertest.Key("54"), "paid in cash")
	must(t, err)
	o.calm(t)
	o.tg.Unblock(ledgertest.Budget)
	must(t, o.courier.Reached(t.Context(), ledgertest.Budget))
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	if m := o.cards(ledgertest.Budget, "54")[0]; len(m.Keyboard) > 0 {
		t.Error("the card of a case that was withdrawn keeps its buttons")
	}
}

func TestOldNewsIsNotPouredIntoAChatThatIsBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	must(t, o.tg.ChangeChat(group, func(c *telegramtest.Chat) { c.Bot = "kicked" }))
	o.Post(t, "55")
	o.calm(t)
	o.pass(t, 25*time.Hour)
	late := o.Post(t, "56")
	o.calm(t)
	must(t, o.tg.ChangeChat(group, func(c *telegramtest.Chat) { c.Bot = "member" }))
	must(t, o.courier.Reached(t.Context(), group))
	o.calm(t)
	o.shows(t, late.Case.ID, 1)
	if got := o.cards(group, "55"); len(got) != 0 {
		t.Error("yesterday's news came late")
	}
}

func TestPersonLinkedLaterGetsTheCard(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.person(t, ledgertest.Budget)
	must(t, o.Directory.Unlink(t.Context(), "test", p.ID, "test"))
	st := o.Post(t, "57")
	o.calm(t)
	if got := o.cards(ledgertest.Budget, "57"); len(got) != 0 {
		t.Fatalf("%d messages to an account that is nobody's", len(got))
	}
	o.link(t, p, ledgertest.Budget)
	must(t, o.RedrawOf(t.Context(), p.ID))
	o.calm(t)
	o.asked(t, ledgertest.Budget, "57")
	o.shows(t, st.Case.ID, 1)
}

func TestPersonWithAnotherAccountIsAskedThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const another = 2002
	o.tg.User(another, "Pyotr's new phone", "en")
	_, err := o.tg.StartBot(another, "")
	must(t, err)
	st := o.withFile(t, "58")
	o.calm(t)
	old := o.asked(t, ledgertest.Budget, "58")
	p := o.person(t, ledgertest.Budget)
	o.link(t, p, another)
	must(t, o.RedrawOf(t.Context(), p.ID))
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	o.asked(t, another, "58")
	o.Vote(t, "58", another, approval.Accept, "")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	for _, m := range o.cards(ledgertest.Budget, "58") {
		if len(m.Keyboard) > 0 || !strings.HasSuffix(m.Text, "out of date.") {
			t.Errorf("message %d to the account that is no longer his (the card is %d) shows\n%s", m.ID, old.ID, m.Text)
		}
	}
}

func TestLinkMadeWhileTheCaseIsDrawnIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.person(t, ledgertest.Budget)
	must(t, o.Directory.Unlink(t.Context(), "test", p.ID, "test"))
	st := o.Post(t, "59")
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow)) // the requester's
	drawn := o.inBackground(t)
	o.link(t, p, ledgertest.Budget)
	must(t, o.RedrawOf(t.Context(), p.ID))
	close(slow)
	<-drawn
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

// inBackground draws until the first call has begun and goes on beside the test; the
// channel is closed when it has ended.
func (o *office) inBackground(t *testing.T) <-chan struct{} {
	t.Helper()
	before := len(o.tg.Calls())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := o.courier.RunOnce(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.Calls()) > before }))
	return done
}

// linkedTo is a person as he is, with an account.
func linkedTo(p people.Person, account int64) directory.User {
	return directory.User{ExternalID: p.ExternalID, Email: p.Email, Name: p.Name, Roles: p.Roles, Locale: p.Locale, Telegram: account}
}

func (o *office) link(t *testing.T, p people.Person, account int64) {
	t.Helper()
	_, err := o.Directory.PutUser(t.Context(), "test", linkedTo(p, account))
	must(t, err)
}

func TestGroupRegisteredLaterGetsTheCaseWithItsNextChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "60")
	o.calm(t)
	o.bind(t, group, 0)
	o.Vote(t, "60", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
	if got := o.cards(group, "60"); len(got) != 1 {
		t.Errorf("%d messages in the group, want 1", len(got))
	}
}

func TestMessageThatAPersonDeletedComesBackWhenHeIsAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "61")
	o.calm(t)
	m := o.asked(t, ledgertest.Budget, "61")
	must(t, o.tg.Remove(ledgertest.Budget, ledgertest.Budget, m.ID))
	o.revise(t, "61", func(d *document.Document) { d.Title = "Rent, July" })
	o.calm(t)
	o.asked(t, ledgertest.Budget, "61")
	o.shows(t, st.Case.ID, 1)
}

func TestLostAnswerMakesACopyThatFollowsOnceItIsTapped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.FailNext("sendMessage", telegramtest.Lose())
	st := o.Post(t, "62")
	o.calm(t)
	copies := o.cards(ledgertest.Budget, "62")
	if len(copies) != 2 {
		t.Fatalf("%d messages, want one and its copy", len(copies))
	}
	for range 2 { // the second tap changes nothing
		for _, m := range copies {
			tap, err := card.ParseTap(m.Keyboard[0][0].Data)
			must(t, err)
			must(t, o.courier.Adopt(t.Context(), ledgertest.Budget, m.ID, tap))
		}
		o.pass(t, time.Second)
	}
	o.Vote(t, "62", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	o.shows(t, st.Case.ID, 2)
	for _, m := range o.cards(ledgertest.Budget, "62") {
		if len(m.Keyboard) > 0 {
			t.Errorf("message %d keeps its buttons", m.ID)
		}
	}
}

func TestCopyAdoptedWhileTheCaseIsDrawnIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.FailNext("sendMessage", telegramtest.Lose())
	st := o.Post(t, "63")
	o.calm(t)
	o.Vote(t, "63", ledgertest.Budget, approval.Accept, "")
	slow := make(chan struct{})
	o.tg.FailNext("editMessageText", telegramtest.Delay(slow))
	drawn := o.inBackground(t)
	for _, m := range o.cards(ledgertest.Budget, "63") {
		for _, b := range slices.Concat(m.Keyboard...) {
			if tap, err := card.ParseTap(b.Data); err == nil {
				must(t, o.courier.Adopt(t.Context(), ledgertest.Budget, m.ID, tap))
			}
		}
	}
	close(slow)
	<-drawn
	o.calm(t)
	o.shows(t, st.Case.ID, 2)
	for _, m := range o.cards(ledgertest.Budget, "63") {
		if len(m.Keyboard) > 0 {
			t.Errorf("message %d keeps its buttons", m.ID)
		}
	}
}

func TestTapsOutcomeComesBeforeNewCardsAndThoseBeforeNotices(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	st := o.withFile(t, "64")
	o.calm(t)
	o.Vote(t, "64", ledgertest.Budget, approval.Accept, "")
	before := len(o.tg.Calls())
	once(t, o.courier)
	var got []string
	for _, c := range o.tg.Calls()[before:] {
		got = append(got, c.Method+" "+c.Params["chat_id"])
	}
	first := []string{"editMessageText 1002", "sendMessage 1003"}
	if len(got) < 5 || !slices.Equal(got[:2], first) || !strings.HasSuffix(got[3], fmt.Sprint(int64(group))) && !strings.HasSuffix(got[4], fmt.Sprint(int64(group))) {
		t.Errorf("calls %q, want %q first and the group late", got, first)
	}
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func TestDefaultLimitsAreKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	o.courier.Pace = &pace.Pace{Pool: o.Pool, Now: o.Clock.Now}
	var ids []approval.ID
	for i := range 8 {
		ids = append(ids, o.Post(t, fmt.Sprintf("pace-%d", i)).Case.ID)
	}
	begin := o.Clock.Now()
	most := map[string]int{}
	for o.lag(t) > 0 {
		before := len(o.tg.Calls())
		once(t, o.courier)
		now := map[string]int{}
		for _, c := range o.tg.Calls()[before:] {
			now[c.Params["chat_id"]]++
			most[c.Params["chat_id"]] = max(most[c.Params["chat_id"]], now[c.Params["chat_id"]])
		}
		o.pass(t, 500*time.Millisecond)
		if o.Clock.Now().Sub(begin) > time.Minute {
			t.Fatalf("%d cases are behind after a minute", o.lag(t))
		}
	}
	for chat, n := range most {
		if n > 3 {
			t.Errorf("chat %s got %d messages in one moment, want at most 3", chat, n)
		}
	}
	for _, id := range ids {
		o.shows(t, id, 1)
	}
}
