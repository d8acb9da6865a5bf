package courier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/courier"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// post lets somebody post a card in a chat that nobody knows, and makes it known.
func (o *office) post(t *testing.T, account int64, id approval.ID) string {
	t.Helper()
	inline, err := o.tg.Choose(account, 0, telegramtest.InlineResult{ID: string(id), Text: "x"}, "")
	must(t, err)
	if known, err := o.courier.Follow(t.Context(), o.posting(t, account, id, inline)); err != nil || !known {
		t.Fatalf("followed: %v, %v", known, err)
	}
	return inline
}

func (o *office) posting(t *testing.T, account int64, id approval.ID, inline string) card.Posting {
	t.Helper()
	return card.Posting{InlineID: inline, Case: id, Person: o.person(t, account).ID, Account: account, Language: "en"}
}

// posted is what a posted card shows.
func (o *office) posted(t *testing.T, inline string) telegramtest.Message {
	t.Helper()
	m, ok := o.tg.InlineMessage(inline)
	if !ok {
		t.Fatalf("no message %s", inline)
	}
	return m
}

// follows fails unless a posted card says exactly what it should.
func (o *office) follows(t *testing.T, inline string, id approval.ID) {
	t.Helper()
	want, got := card.Followed(o.scene(t, id).view, o.courier.Texts.For("en")), o.posted(t, inline)
	if got.Text != want.Plain || !slices.Equal(buttonsOf(got), buttonsWanted(want)) {
		t.Errorf("the posted card shows\n%s\n%q, want\n%s\n%q", got.Text, buttonsOf(got), want.Plain, buttonsWanted(want))
	}
}

func TestPostedCardFollowsTheCaseToItsEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "301")
	inline := o.post(t, ledgertest.Budget, st.Case.ID)
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
		o.calm(t)
		o.follows(t, inline, st.Case.ID)
		o.Vote(t, "301", account, approval.Accept, "")
	}
	o.calm(t)
	o.follows(t, inline, st.Case.ID)
	m := o.posted(t, inline)
	if !strings.Contains(m.Text, "✅ Approved") || len(m.Keyboard) > 0 || m.Edits != 4 {
		t.Errorf("at the end: %d edits, %q\n%s", m.Edits, buttonsOf(m), m.Text)
	}
	must(t, o.Redraw(t.Context(), st.Case.ID))
	o.calm(t)
	if again := o.posted(t, inline); again.Edits != m.Edits {
		t.Errorf("%d edits of a card that was as it should be", again.Edits-m.Edits)
	}
}

func TestPostedCardThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "302")
	inline := o.post(t, ledgertest.Budget, st.Case.ID)
	o.calm(t)
	must(t, o.tg.RemoveInline(inline))
	o.Vote(t, "302", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	if left, err := o.courier.Store.Posted(t.Context(), o.courier.Bot, st.Case.ID); err != nil || len(left) > 0 {
		t.Errorf("%d cards known, %v", len(left), err)
	}
	o.shows(t, st.Case.ID, 1)
}

func TestRefusalsOfAPostedCardHoldNothingUpAndPass(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]telegramtest.Fault{
		"too many": telegramtest.TooMany(1), "gateway": telegramtest.BadGateway(), "dropped": telegramtest.Drop(), "lost": telegramtest.Lose(),
		"entities": telegramtest.Refuse(400, "Bad Request: can't parse entities: x"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			st := o.Post(t, "303")
			o.calm(t)
			inline := o.post(t, ledgertest.Budget, st.Case.ID)
			o.tg.FailNext("editMessageText", fault) // nothing else is to be edited
			o.until(t, func() bool {
				o.calm(t)
				_, err := o.Pool.Exec(t.Context(), `update pace set held_until = '-infinity'`)
				must(t, err)
				return o.posted(t, inline).Edits > 0
			})
			o.follows(t, inline, st.Case.ID)
		})
	}
}

func TestRefusedPostedCardIsTriedWithTheNextChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "304")
	o.calm(t)
	inline := o.post(t, ledgertest.Budget, st.Case.ID)
	end := o.tg.FailAlways("editMessageText", telegramtest.Refuse(403, "Forbidden: CHAT_WRITE_FORBIDDEN"))
	o.calm(t)
	end()
	o.Vote(t, "304", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	o.follows(t, inline, st.Case.ID)
}

func TestPostedCardOfWhoeverMaySeeItNoMoreSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "305")
	inline := o.post(t, ledgertest.Requester, st.Case.ID)
	other := o.post(t, ledgertest.Budget, st.Case.ID)
	o.calm(t)
	must(t, o.Directory.UnlinkUser(t.Context(), "test", "ivanova", "lost"))
	o.Vote(t, "305", ledgertest.Budget, approval.Accept, "")
	o.calm(t)
	m := o.posted(t, inline)
	if strings.Contains(m.Text, "125") || strings.Contains(m.Text, "Landlord") || len(m.Keyboard) > 0 {
		t.Errorf("the card of an account that is nobody's shows\n%s", m.Text)
	}
	o.follows(t, other, st.Case.ID)
	o.Vote(t, "305", ledgertest.Finance, approval.Reject, "no")
	o.calm(t)
	if again := o.posted(t, inline); again.Edits != m.Edits {
		t.Errorf("it goes on: %s", again.Text)
	}
}

func TestWhoWasAskedInAnEarlierCaseFollowsTheNextOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Import(t, ledgertest.User("other", "Other", "budget_holder@CC-99", 1099))
	o.tg.User(1099, "Other", "en")
	o.Post(t, "306")
	_, err := o.Withdraw(t.Context(), ledgertest.Key("306"), "again")
	must(t, err)
	d := ledgertest.Payment("306")
	d.CostCenter = "CC-99"
	st, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("306"), Document: d})
	must(t, err)
	if slices.Contains(st.Case.Asked(), o.person(t, ledgertest.Budget).ID) {
		t.Fatal("asked in this case too")
	}
	inline := o.post(t, ledgertest.Budget, st.Case.ID)
	o.calm(t)
	o.follows(t, inline, st.Case.ID)
}

func TestCardPostedWhileTheCaseIsDrawnIsNotOverlooked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "307")
	first := o.post(t, ledgertest.Budget, st.Case.ID)
	slow := make(chan struct{})
	o.tg.FailNext("editMessageText", telegramtest.Delay(slow))
	drawn := o.inBackground(t)
	o.until(t, func() bool { return len(o.tg.CallsOf("editMessageText")) > 0 })
	second := o.post(t, ledgertest.Requester, st.Case.ID)
	close(slow)
	<-drawn
	o.calm(t)
	o.follows(t, first, st.Case.ID)
	o.follows(t, second, st.Case.ID)
}

// TestEditOfAPostedCardThatNobodyNotedIsDoneAgain: a courier died after it had marked the
// card, before it was edited or after.
func TestEditOfAPostedCardThatNobodyNotedIsDoneAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "308")
	inline := o.post(t, ledgertest.Budget, st.Case.ID)
	o.calm(t)
	o.Vote(t, "308", ledgertest.Budget, approval.Accept, "")
	cards, err := o.courier.Store.Posted(t.Context(), o.courier.Bot, st.Case.ID)
	must(t, err)
	if marked, err := o.courier.Store.MarkPosted(t.Context(), cards[0]); err != nil || !marked {
		t.Fatalf("marked: %v, %v", marked, err)
	}
	if marked, err := o.courier.Store.MarkPosted(t.Context(), cards[0]); err != nil || marked {
		t.Errorf("two edit one card at once: %v, %v", marked, err)
	}
	o.calm(t, o.courier, o.replica(t))
	o.follows(t, inline, st.Case.ID)
	if alone, err := o.courier.Store.EditedPosted(t.Context(), cards[0], "older"); err != nil || alone {
		t.Errorf("who comes late is alone: %v, %v", alone, err)
	}
	must(t, o.Redraw(t.Context(), st.Case.ID))
	o.calm(t)
	o.follows(t, inline, st.Case.ID)
}

func TestPostedCardBelongsToItsCaseAndTooManyAreNotFollowed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st, other := o.Post(t, "309"), o.Post(t, "310")
	inline := o.post(t, ledgertest.Budget, st.Case.ID)
	stolen := o.posting(t, ledgertest.Finance, other.Case.ID, inline)
	_, err := o.courier.Follow(t.Context(), stolen)
	must(t, err)
	cards, err := o.courier.Store.Posted(t.Context(), o.courier.Bot, st.Case.ID)
	must(t, err)
	if len(cards) != 1 || cards[0].Person != o.person(t, ledgertest.Budget).ID {
		t.Errorf("the card became another's: %+v", cards)
	}
	for i := range 60 {
		p := o.posting(t, ledgertest.Budget, st.Case.ID, fmt.Sprintf("many-%d", i))
		known, err := o.courier.Follow(t.Context(), p)
		must(t, err)
		if want := i < 49; known != want {
			t.Fatalf("the %dth more is followed: %v", i+1, known)
		}
	}
	if known, err := o.courier.Follow(t.Context(), o.posting(t, ledgertest.Budget, st.Case.ID, inline)); err != nil || !known {
		t.Errorf("one that is known: %v, %v", known, err)
	}
}

func TestTwoCouriersKeepPostedCardsTrue(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	couriers := []*courier.Courier{o.courier, o.replica(t)}
	st := o.Post(t, "311")
	inline := []string{o.post(t, ledgertest.Budget, st.Case.ID), o.post(t, ledgertest.Requester, st.Case.ID)}
	for i := range 6 {
		o.revise(t, "311", func(d *document.Document) { d.Title = fmt.Sprint(i) })
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = couriers[1].RunOnce(t.Context())
		}()
		once(t, couriers[0])
		<-done
		o.pass(t, 3*time.Second)
	}
	o.Vote(t, "311", ledgertest.Budget, approval.Reject, "no")
	o.calm(t, couriers...)
	for _, id := range inline {
		o.follows(t, id, st.Case.ID)
	}
}
