package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/inbox"
)

func TestPausesBetweenTriesGrowWithTheAgeOfTheUpdate(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) { return "", inbox.ErrLater })
	must(t, r.Receive(t.Context(), tap(1, 7)))
	until(t, func() bool { return p.row(t, 1).Lease > 1 })
	if n := p.row(t, 1); n.Next.Sub(n.Received) < 500*time.Millisecond {
		t.Errorf("the first pause ended %s after the update came", n.Next.Sub(n.Received))
	}
	for _, c := range []struct{ age, wait time.Duration }{ // half the age, but a minute at most
		{80 * time.Second, 40 * time.Second}, {time.Hour, time.Minute},
	} {
		p.leap(t, c.age)
		must(t, r.Sweep(t.Context()))
		until(t, func() bool {
			n := p.row(t, 1)
			return !n.inHand() && n.Due > c.wait/2 && n.Due < c.wait+c.wait/4
		})
	}
}

func TestMoreThanAWorkerHoldsIsPickedUpLaterAndCountsAsNoTry(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(ctx context.Context, _ *inbox.Item) (string, error) { wait(ctx, gate); return "", nil })
	const updates = 400 // more than wait for one worker
	for id := range int64(updates) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	for range 10 { // ten rounds of looking change nothing
		p.leap(t, 2*time.Second)
		must(t, r.Sweep(t.Context()))
	}
	close(gate)
	until(t, func() bool {
		p.leap(t, 2*time.Second)
		must(t, r.Sweep(t.Context()))
		return len(r.handled()) >= updates
	})
	for id := range int64(updates) {
		if n := p.settled(t, id+1); n.State != "done" || n.Attempts > 2 || r.tried(id+1) != 1 {
			t.Errorf("update %d: %+v after %d tries", id+1, n, r.tried(id+1))
		}
	}
}

func TestWhatCannotBeStoredSpoilsNothingForOthers(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.asleep(t, fine)
	var wg sync.WaitGroup
	receive := func(body []byte) {
		wg.Go(func() {
			if err := r.Receive(t.Context(), body); err != nil {
				t.Error(err)
			}
		})
	}
	for id := range int64(20) { // all in one batch
		receive(tap(id+1, id))
	}
	receive(said(21, 7, strings.Repeat("x", 1<<20)))
	receive([]byte(`{"update_id":0}`))
	receive([]byte(`not JSON`))
	r.start(t)
	wg.Wait()
	for id := range int64(20) {
		p.settled(t, id+1)
	}
	_, _, unreadable, err := r.Counts(t.Context())
	if err != nil || unreadable != 3 {
		t.Errorf("%d kept apart, %v; want 3", unreadable, err)
	}
}

func TestDatabaseThatIsAwayOrStallsIsToldWithinSeconds(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, fine)
	tx, err := p.pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `insert into telegram_update (bot_id, update_id, fast, actor, body, received_at, next_at)
		values ($1, 5, true, 7, '\x7b7d', now(), now())`, int64(bot)) // whoever stores number 5 waits for us
	must(t, err)
	var wg sync.WaitGroup
	for id := range int64(100) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			if err := r.Receive(ctx, tap(id+1, id)); err != nil && !errors.Is(err, inbox.ErrUnavailable) || ctx.Err() != nil {
				t.Errorf("update %d: %v", id+1, err)
			}
		})
	}
	wg.Wait()
	must(t, tx.Rollback(t.Context()))
	for id := range int64(100) { // as Telegram does
		must(t, r.Receive(t.Context(), tap(id+1, id)))
		p.leap(t, 6*time.Second)
		must(t, r.Sweep(t.Context()))
		p.settled(t, id+1)
	}
	r.Pool.Close()
	if err := r.Receive(t.Context(), tap(200, 1)); !errors.Is(err, inbox.ErrUnavailable) {
		t.Errorf("without a database: %v", err)
	}
	if err := r.Receive(t.Context(), []byte("not JSON")); !errors.Is(err, inbox.ErrUnavailable) {
		t.Errorf("unreadable, without a database: %v", err)
	}
}

func TestEndFinishesWhatIsInHandAndLeavesTheRestToOthersAtOnce(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(ctx context.Context, _ *inbox.Item) (string, error) {
		wait(ctx, gate)
		return "in hand", ctx.Err()
	})
	letGo := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(letGo)
	for id := range int64(5) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	until(t, func() bool { return r.tried(1) == 1 })
	ended := make(chan struct{})
	go func() { defer close(ended); r.end() }()
	// what comes while the listener still drains is stored and left to others
	last := int64(100)
	until(t, func() bool {
		last++
		return r.Receive(t.Context(), tap(last, 8)) == nil && p.row(t, last).Next.Equal(p.row(t, last).Received)
	})
	letGo()
	<-ended
	must(t, r.Receive(t.Context(), tap(99, 8)))
	if n := p.row(t, 1); n.Outcome != "in hand" {
		t.Errorf("the update in hand: %+v", n)
	}
	other := p.replica(t, fine)
	must(t, other.Sweep(t.Context()))
	for _, id := range []int64{2, 3, 4, 5, last, 99} {
		if n := p.settled(t, id); n.Outcome != "fine" || n.Attempts > 2 || r.tried(id) != 0 {
			t.Errorf("update %d: %+v, tried %d times by the one that ended", id, n, r.tried(id))
		}
	}
	r.start(t) // it may be started again
	must(t, r.Receive(t.Context(), tap(8, 8)))
	if n := p.settled(t, 8); n.Outcome != "in hand" && n.Outcome != "fine" {
		t.Errorf("after the second start: %+v", n)
	}
}

// TestWhatTookAllOfItsTimeIsConcluded: a call that hangs takes the time of the act, and what
// came of it is written all the same.
func TestWhatTookAllOfItsTimeIsConcluded(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.asleep(t, func(ctx context.Context, it *inbox.Item) (string, error) {
		<-ctx.Done()
		switch it.ID {
		case 1:
			return "as well as could be", nil
		case 2:
			return "", inbox.ErrPark
		default:
			return "", errors.New("a fault")
		}
	})
	inbox.Hurry(r.Inbox, 100*time.Millisecond)
	r.start(t)
	for id := range int64(3) {
		must(t, r.Receive(t.Context(), tap(id+1, id)))
	}
	for id, want := range map[int64]row{1: {State: "done", Outcome: "as well as could be"}, 2: {State: "parked", Outcome: inbox.ErrPark.Error()}} {
		if n := p.settled(t, id); n.State != want.State || n.Outcome != want.Outcome || r.tried(id) != 1 {
			t.Errorf("update %d: %+v after %d tries", id, n, r.tried(id))
		}
	}
	if n := p.push(t, r, 3); n.State != "parked" || r.tried(3) != 6 {
		t.Errorf("a fault: %+v after %d tries", n, r.tried(3))
	}
}

func TestWhatIsKnownToTakeLongHasATimeOfItsOwn(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.asleep(t, func(ctx context.Context, it *inbox.Item) (string, error) {
		longer, cancel := it.Longer(ctx, time.Minute)
		defer cancel()
		<-ctx.Done()
		return "took long", longer.Err()
	})
	inbox.Hurry(r.Inbox, 100*time.Millisecond)
	r.start(t)
	must(t, r.Receive(t.Context(), tap(1, 7)))
	if n := p.settled(t, 1); n.State != "done" || n.Outcome != "took long" || r.tried(1) != 1 {
		t.Errorf("%+v after %d tries", n, r.tried(1))
	}
}

func TestEndLentToATransactionHoldsExactlyWhenThatCommits(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	commit := func(ctx context.Context, it *inbox.Item, outcome string) error {
		b := &pgx.Batch{}
		it.Done(func(error) string { return outcome })(b, nil)
		return p.pool.SendBatch(ctx, b).Close()
	}
	r := p.replica(t, func(ctx context.Context, it *inbox.Item) (string, error) {
		switch it.ID {
		case 1: // as it was noted
			return "voted", commit(ctx, it, "voted")
		case 2: // it turned out to be refused
			return "refused", commit(ctx, it, "voted")
		default: // the transaction failed
			it.Done(func(error) string { return "voted" })(&pgx.Batch{}, nil)
			it.Unsettle()
			if it.Attempt == 1 {
				return "", errors.New("no commit")
			}
			return "voted after all", nil
		}
	})
	for id := range int64(3) {
		must(t, r.Receive(t.Context(), tap(id+1, id)))
	}
	for id, want := range map[int64]string{1: "voted", 2: "refused"} {
		until(t, func() bool { return p.row(t, id).Outcome == want })
		if n := p.row(t, id); n.State != "done" || r.tried(id) != 1 {
			t.Errorf("update %d: %+v", id, n)
		}
	}
	until(t, func() bool { // not at once, but after the pause
		p.leap(t, 10*time.Second)
		must(t, r.Sweep(t.Context()))
		return p.row(t, 3).Outcome == "voted after all"
	})
	if n := p.row(t, 3); n.State != "done" || r.tried(3) != 2 {
		t.Errorf("update 3: %+v after %d tries", n, r.tried(3))
	}
}

// TestASecretIsNotKeptWithItsUpdate: a PIN that somebody typed, or his number, is in the row
// until it is settled, and not after it; also where the end is part of another's commit.
func TestASecretIsNotKeptWithItsUpdate(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, func(ctx context.Context, it *inbox.Item) (string, error) {
		if it.ID < 3 {
			it.Forget()
		}
		if it.ID == 2 {
			b := &pgx.Batch{}
			it.Done(func(error) string { return "lent" })(b, nil)
			return "lent", p.pool.SendBatch(ctx, b).Close()
		}
		return "", nil
	})
	for id := range int64(3) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	for id, want := range map[int64]string{1: `{"update_id":1}`, 2: `{"update_id":2}`, 3: string(tap(3, 7))} {
		p.settled(t, id)
		var body []byte
		must(t, p.pool.QueryRow(t.Context(), `select body from telegram_update where update_id = $1`, id).Scan(&body))
		if string(body) != want {
			t.Errorf("of update %d %s is kept", id, body)
		}
	}
}

func TestOnlyWhatWasSettledLongAgoIsPurged(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, func(_ context.Context, it *inbox.Item) (string, error) {
		switch it.ID {
		case 2:
			return "", inbox.ErrPark
		case 3:
			return "", inbox.ErrLater
		}
		return "", nil
	})
	for id := range int64(3) {
		must(t, r.Receive(t.Context(), tap(id+1, id)))
	}
	p.settled(t, 1)
	p.settled(t, 2)
	must(t, r.Receive(t.Context(), []byte("no update")))
	p.leap(t, 48*time.Hour)
	must(t, r.Receive(t.Context(), []byte("nor this")))
	must(t, r.Receive(t.Context(), tap(4, 4)))
	p.settled(t, 4)
	n, err := r.Purge(t.Context(), time.Now().Add(-24*time.Hour))
	if err != nil || n != 2 {
		t.Errorf("%d removed, %v; want the one that was settled and the one that could not be read", n, err)
	}
	if _, _, unreadable, err := r.Counts(t.Context()); err != nil || unreadable != 1 {
		t.Errorf("%d unreadable are left, %v; want the new one", unreadable, err)
	}
	var left []int64
	rows, err := p.pool.Query(t.Context(), `select update_id from telegram_update order by 1`)
	must(t, err)
	left, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || !slices.Equal(left, []int64{2, 3, 4}) {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestOneReplicaAtATimeAsksForUpdates(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.asleep(t, fine)
	poll := func(self string) bool {
		mine, err := r.Poller(context.WithoutCancel(t.Context()), self, 40*time.Second)
		if err != nil {
			t.Error(err)
		}
		return mine
	}
	var mu sync.Mutex
	var holders []string
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if self := fmt.Sprint(i); poll(self) {
				mu.Lock()
				defer mu.Unlock()
				holders = append(holders, self)
			}
		})
	}
	wg.Wait()
	if len(holders) != 1 {
		t.Fatalf("%q all ask for updates", holders)
	}
	p.leap(t, 20*time.Second)
	if !poll(holders[0]) || poll("other") {
		t.Error("the holder cannot go on, or another one took over from him")
	}
	p.leap(t, 41*time.Second)
	if !poll("other") || poll(holders[0]) {
		t.Error("nobody took over from a holder that fell silent, or he did not notice")
	}
	must(t, r.LetGo(t.Context(), holders[0])) // not his to give
	if poll(holders[0]) {
		t.Error("the right of another was given away")
	}
	must(t, r.LetGo(t.Context(), "other"))
	if !poll(holders[0]) {
		t.Error("what was given up is not free")
	}
}

func TestAllReplicasGetTheSameSecret(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.asleep(t, fine)
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			secret, err := r.Secret(context.WithoutCancel(t.Context()), strings.Repeat(fmt.Sprint(i), 40))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[secret]++
		})
	}
	wg.Wait()
	if len(got) != 1 || got[""] > 0 {
		t.Errorf("secrets %v, want one", got)
	}
	if secret, err := p.asleep(t, fine).Secret(t.Context(), strings.Repeat("x", 40)); err != nil || got[secret] == 0 {
		t.Errorf("a replica that comes later gets %q, %v", secret, err)
	}
}
