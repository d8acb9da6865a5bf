package notice_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/telegram/telegramtest"
)

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// accounts are those of people who talk with the bot.
func (o *office) accounts(t *testing.T, n int) (out []notice.Account) {
	t.Helper()
	for i := range n {
		id := int64(910_000 + i)
		o.tg.User(id, fmt.Sprintf("Reader %d", i), "en")
		_, err := o.tg.StartBot(id, "")
		must(t, err)
		out = append(out, notice.Account{ID: id})
	}
	return out
}

// beside lets a board look once while the test goes on.
func beside(t *testing.T, ctx context.Context, b *notice.Board) (wait func()) { //nolint:revive // the context is what it is about
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := b.RunOnce(ctx)
		done <- err
	}()
	return func() { t.Helper(); must(t, <-done) }
}

// calls waits until a method was called so often.
func (o *office) calls(t *testing.T, method string, n int) {
	t.Helper()
	must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.CallsOf(method)) >= n }))
}

// With slow calls, a replica tells those for whom the other has no hand free, and nobody twice.
func TestWhatABoardHasNoHandForAnotherTells(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	slow := make(chan struct{})
	end := o.tg.FailAlways("sendMessage", telegramtest.Delay(slow))
	readers := o.accounts(t, 12)
	o.add(t, line("Hello", notice.To{Accounts: readers}))
	wait := beside(t, context.WithoutCancel(t.Context()), o.board)
	o.calls(t, "sendMessage", 8)
	end()
	n, err := o.replica(t).RunOnce(t.Context())
	close(slow)
	wait()
	if n != 4 || err != nil {
		t.Errorf("the other had %d in hand, %v, want the 4 that nobody had", n, err)
	}
	for _, r := range readers {
		if got := o.said(r.ID); !slices.Equal(got, []string{"Hello"}) {
			t.Errorf("%d: %q", r.ID, got)
		}
	}
}

func TestUploadThatOutlastsTheLeaseIsNobodyElses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const lease = 3 * time.Second
	notice.Hurry(o.board, lease)
	o.add(t, o.statement(t, 1, "Sales"))
	o.once(t)
	slow := make(chan struct{})
	o.tg.FailNext("sendDocument", telegramtest.Delay(slow))
	var begun time.Time
	must(t, o.Pool.QueryRow(t.Context(), "select now()").Scan(&begun))
	wait := beside(t, context.WithoutCancel(t.Context()), o.board)
	o.calls(t, "sendDocument", 1)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; <-tick.C {
		must(t, o.Pool.QueryRow(t.Context(), "select now() > $1::timestamptz + $2::interval", begun, lease*3/2).Scan(&over))
	}
	n, err := o.replica(t).RunOnce(t.Context())
	close(slow)
	wait()
	if n != 0 || err != nil || o.documents(sales)["Выписка 0.pdf"] != 1 || o.once(t) != 0 {
		t.Errorf("another had %d in hand, %v; files: %v", n, err, o.documents(sales))
	}
}

// A board that stood still longer than its lease has nothing to note any more.
func TestBoardThatStoodStillDoesNotOverwriteWhatAnotherNoted(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]telegramtest.Fault{"sent": {Effect: true}, "refused": telegramtest.Refuse(403, "Forbidden: bot was kicked from the supergroup chat")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			id := o.add(t, notice.New{Class: notice.Progress, To: chats("Sales"), Body: progress(0, notice.Running)})
			still := make(chan struct{})
			fault.Hold = still
			o.tg.FailNext("sendMessage", fault)
			wait := beside(t, context.WithoutCancel(t.Context()), o.board)
			o.calls(t, "sendMessage", 1)
			o.soon(t)
			n, err := o.replica(t).RunOnce(t.Context())
			if n != 1 || err != nil {
				t.Fatalf("another had %d in hand, %v", n, err)
			}
			m := o.tg.Messages(sales)
			last := m[len(m)-1]
			close(still)
			wait()
			o.change(t, id, 1, progress(10, notice.Finished))
			o.once(t)
			if m, _ := o.tg.Message(sales, last.ID); !strings.HasSuffix(m.Text, "Finished") || len(o.faults(t, id)) > 0 {
				t.Errorf("the message that the other noted says %q, faults %v", m.Text, o.faults(t, id))
			}
		})
	}
}

func TestBoardThatStopsHandsBackWhatItHasNotBegun(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 3 {
		o.add(t, line(fmt.Sprintf("News %d", i), chats("Sales")))
	}
	slow := make(chan struct{})
	o.tg.FailNext("sendMessage", telegramtest.Delay(slow))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	wait := beside(t, ctx, o.board)
	o.calls(t, "sendMessage", 1)
	stop()
	close(slow)
	wait()
	if got := o.said(sales); !slices.Equal(got, []string{"News 0"}) {
		t.Errorf("it told %q", got)
	}
	n, err := o.replica(t).RunOnce(t.Context())
	if got := o.said(sales); n != 2 || err != nil || !slices.Equal(got, []string{"News 0", "News 1", "News 2"}) {
		t.Errorf("another had %d in hand, %v; told %q", n, err, got)
	}
}

func TestChatThatIsSlowHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.add(t, o.statement(t, 1, "Sales"))
	o.once(t)
	slow := make(chan struct{})
	o.tg.FailNext("sendDocument", telegramtest.Delay(slow))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := o.board.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); close(slow); wg.Wait() })
	o.calls(t, "sendDocument", 1)
	o.add(t, notice.New{Class: notice.Alarm, To: chats("Sales", "Operations"), Body: notice.Body{Text: "The bank is away"}})
	must(t, o.tg.WaitFor(limited(t), func() bool {
		return slices.Contains(o.said(sales), "The bank is away") && slices.Contains(o.said(operations), "The bank is away")
	}))
	for range 2 { // more texts in the chat that waits for its file
		o.add(t, line("News", chats("Sales")))
	}
	must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.said(sales)) == 4 }))
}

func TestAlarmIsToldBeforeWhatHasWaitedLonger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.add(t, line("News", notice.To{Accounts: o.accounts(t, 30)}))
	slow := make(chan struct{})
	end := o.tg.FailAlways("sendMessage", telegramtest.Delay(slow))
	o.add(t, notice.New{Class: notice.Alarm, To: notice.To{Accounts: []notice.Account{{ID: ledgertest.Requester}}}, Body: notice.Body{Text: "Alarm"}})
	wait := beside(t, context.WithoutCancel(t.Context()), o.board)
	o.calls(t, "sendMessage", 8)
	first := o.tg.CallsOf("sendMessage")
	end()
	close(slow)
	wait()
	if !slices.ContainsFunc(first, func(c telegramtest.Call) bool { return c.Params["text"] == "Alarm" }) {
		t.Errorf("not among the first %d", len(first))
	}
}

// Else an album whose refusal takes long would be tried for ever.
func TestFilesOfARefusedAlbumThatWereHandedBackGoOneByOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.add(t, o.statement(t, 3, "Sales"))
	o.once(t)
	slow := make(chan struct{})
	refused := telegramtest.Refuse(400, "Bad Request: group send failed")
	refused.Hold = slow
	o.tg.FailNext("sendMediaGroup", refused)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	wait := beside(t, ctx, o.board)
	o.calls(t, "sendMediaGroup", 1)
	stop()
	close(slow)
	wait()
	o.once(t)
	if a, b := len(o.tg.CallsOf("sendMediaGroup")), len(o.tg.CallsOf("sendDocument")); a != 1 || b != 3 {
		t.Errorf("%d albums, %d single files", a, b)
	}
}
