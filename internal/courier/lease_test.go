package courier_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// run lets a courier run until the test ends it.
func (o *office) run(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := o.courier.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop := sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

func TestCallThatHangsKeepsNoOtherCaseOrChatWaiting(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.bind(t, group, 0)
	slow := make(chan struct{})
	const stuck = 12
	for range stuck {
		o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	}
	for i := range stuck {
		o.Post(t, fmt.Sprintf("stuck-%02d", i))
	}
	o.run(t)
	t.Cleanup(func() { close(slow) }) // before the courier is to end
	must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.CallsOf("sendMessage")) >= 3*stuck }))
	o.Post(t, "quick")
	must(t, o.tg.WaitFor(limited(t), func() bool {
		return len(o.cards(ledgertest.Budget, "quick")) == 1 && len(o.cards(group, "quick")) == 1
	}))
}

func TestCourierThatStallsPastItsLeaseSpoilsNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other := o.replica(t)
	st := o.Post(t, "71")
	o.calm(t)
	o.revise(t, "71", func(d *document.Document) { d.Title = "First" })
	slow := make(chan struct{})
	o.tg.FailNext("editMessageText", telegramtest.Delay(slow)) // takes effect when all is over
	drawn := o.inBackground(t)
	o.revise(t, "71", func(d *document.Document) { d.Title = "Second" })
	o.pass(t, time.Minute) // the lease has ended
	once(t, other)
	close(slow)
	<-drawn
	if m := o.asked(t, ledgertest.Budget, "71"); !strings.Contains(m.Text, "First") {
		t.Fatalf("the late edit did not overwrite the newer one:\n%s", m.Text)
	}
	o.calm(t, other)
	o.shows(t, st.Case.ID, 1)
}

func TestCourierThatStallsWhileItSendsMakesOneCopyAtMost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other := o.replica(t)
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	st := o.Post(t, "72")
	drawn := o.inBackground(t)
	once(t, other) // within the lease: nothing to do
	if got := o.cards(ledgertest.Budget, "72"); len(got) != 0 {
		t.Fatalf("%d messages while another courier has the case", len(got))
	}
	must(t, o.Redraw(t.Context(), st.Case.ID)) // takes the lease away, but not the message in hand
	once(t, other)
	if got := o.cards(ledgertest.Budget, "72"); len(got) != 0 {
		t.Fatalf("%d messages while another courier is sending the same", len(got))
	}
	o.pass(t, time.Minute)
	o.revise(t, "72", func(d *document.Document) { d.Title = "Rent, July" })
	o.calm(t, other)
	o.asked(t, ledgertest.Budget, "72")
	close(slow) // its message says what was true a minute ago
	<-drawn
	o.calm(t, other)
	o.shows(t, st.Case.ID, 2)
	if got := o.cards(ledgertest.Budget, "72"); len(got) != 2 {
		t.Errorf("%d messages, want one and a copy", len(got))
	}
}

func TestTwoEditsAtOnceEndWithTheNewerOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other := o.replica(t)
	st := o.Post(t, "77")
	o.calm(t)
	o.revise(t, "77", func(d *document.Document) { d.Title = "First" })
	slow := make(chan struct{})
	o.tg.FailNext("editMessageText", telegramtest.Delay(slow))
	drawn := o.inBackground(t)
	o.revise(t, "77", func(d *document.Document) { d.Title = "Second" })
	must(t, o.Redraw(t.Context(), st.Case.ID)) // takes the lease from one who does not notice
	once(t, other)
	close(slow)
	<-drawn
	o.pass(t, time.Second)
	o.calm(t, other)
	o.shows(t, st.Case.ID, 1)
}

func TestLeaseIsKeptWhileTheMessengerIsSlow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	other := o.replica(t)
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	st := o.Post(t, "73")
	drawn := o.inBackground(t)
	for range 2 { // a renewal every two seconds of real time; the other clock may go faster
		var before time.Time
		must(t, o.Pool.QueryRow(t.Context(), `select cards_next from approval_case where id = $1`, st.Case.ID).Scan(&before))
		o.pass(t, 5*time.Second)
		o.until(t, func() bool {
			var next time.Time
			must(t, o.Pool.QueryRow(t.Context(), `select cards_next from approval_case where id = $1`, st.Case.ID).Scan(&next))
			return next.After(before)
		})
		if n := once(t, other); n != 0 {
			t.Fatal("another courier got the case")
		}
	}
	close(slow)
	<-drawn
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

// until waits for something in the database.
func (o *office) until(t *testing.T, holds func() bool) {
	t.Helper()
	ctx := limited(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal("it never happened")
		case <-tick.C:
		}
	}
}

func TestVersionThatMovesWhileItIsDrawnIsDrawnAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	st := o.Post(t, "74")
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	drawn := o.inBackground(t)
	o.Vote(t, "74", ledgertest.Budget, approval.Accept, "")
	close(slow)
	<-drawn
	if o.lag(t) != 1 {
		t.Error("the change made meanwhile is taken for shown")
	}
	o.calm(t)
	o.shows(t, st.Case.ID, 1)
}

func TestEndOfTheProcessFinishesTheMessageInHandAndGivesTheCaseBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	st := o.withFile(t, "75")
	end := o.run(t)
	must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.CallsOf("sendMessage")) > 0 }))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		end()
	}()
	select {
	case <-ended:
		t.Error("it ended with a message in hand")
	default:
	}
	close(slow)
	<-ended
	if got := o.cards(ledgertest.Budget, "75"); len(got) != 1 {
		t.Errorf("%d messages, want the one that was in hand", len(got))
	}
	if len(o.tg.CallsOf("sendDocument")) > 0 {
		t.Error("another message was begun")
	}
	other := o.replica(t)
	o.pass(t, 10*time.Millisecond) // far less than a lease
	if n := once(t, other); n != 1 {
		t.Errorf("another replica found %d cases, want the one that was given back", n)
	}
	o.calm(t, other)
	o.shows(t, st.Case.ID, 1)
}

func TestMessengerThatIsAwayIsAskedLessAndLessOften(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	end := o.tg.FailAlways(telegramtest.Any, telegramtest.Drop())
	st := o.Post(t, "76")
	for range 300 { // five minutes
		once(t, o.courier)
		o.pass(t, time.Second)
	}
	if got := len(o.tg.Calls()); got > 40 {
		t.Errorf("%d calls in five minutes for two messages", got)
	}
	end()
	for range 75 { // at the latest after the longest pause
		once(t, o.courier)
		o.pass(t, time.Second)
	}
	o.shows(t, st.Case.ID, 1)
}

func TestCommitIsAMessageAFewMillisecondsLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.run(t)
	best := time.Hour
	for i := range 10 {
		begin := time.Now()
		name := fmt.Sprintf("fast-%d", i)
		o.Post(t, name)
		must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.cards(ledgertest.Budget, name)) == 1 }))
		best = min(best, time.Since(begin))
	}
	t.Logf("from the ERP's call to the card, at best: %s", best)
}
