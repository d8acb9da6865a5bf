package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"countersign/internal/inbox"
)

// Not parallel: it looks at every goroutine there is.
func TestNothingRunsOnAfterTheEnd(t *testing.T) {
	p := newPost(t)
	r := p.asleep(t, fine)
	before := goleak.IgnoreCurrent()
	r.start(t)
	for id := range int64(100) {
		must(t, r.Receive(t.Context(), tap(id+1, id)))
	}
	r.end()
	r.Pool.Close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestUpdateIsStoredOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, fine)
	const updates, times = 60, 4
	var wg sync.WaitGroup
	for i := range updates * times {
		wg.Go(func() {
			if err := r.Receive(t.Context(), tap(int64(1+i%updates), int64(i%7))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	copies := 0
	for id := range int64(updates) {
		n := p.settled(t, id+1)
		copies += n.Copies
		if n.State != "done" || n.Outcome != "fine" || r.tried(id+1) != 1 {
			t.Errorf("update %d: %+v after %d tries", id+1, n, r.tried(id+1))
		}
	}
	if copies < updates*2 || copies > updates*times { // copies in one batch count as one
		t.Errorf("%d copies counted of %d", copies, updates*times)
	}
}

func TestTwoReplicasStoringTheSameAtOnceHandleItOnce(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	replicas := []*replica{p.replica(t, fine), p.replica(t, fine)}
	const updates = 300
	var wg sync.WaitGroup
	for _, r := range replicas {
		for _, i := range rand.Perm(updates) {
			wg.Go(func() {
				if err := r.Receive(t.Context(), tap(int64(i+1), int64(i%11))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for id := range int64(updates) {
		p.settled(t, id+1)
		if n := replicas[0].tried(id+1) + replicas[1].tried(id+1); n != 1 {
			t.Errorf("update %d was handled %d times", id+1, n)
		}
	}
}

func TestUpdatesOfOnePersonAreHandledInTheirOrder(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) { return "", nil })
	const persons, each = 9, 40
	var wg sync.WaitGroup
	for person := range int64(persons) {
		wg.Go(func() {
			for i := range int64(each) {
				body := tap(1000*person+i+1, person+1)
				if person%2 == 0 {
					body = said(1000*person+i+1, person+1, "x")
				}
				if err := r.Receive(t.Context(), body); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	until(t, func() bool { return len(r.handled()) == persons*each })
	last := map[int64]int64{}
	for _, id := range r.handled() {
		if person := id / 1000; id < last[person] {
			t.Errorf("update %d of person %d after %d", id, person, last[person])
		} else {
			last[person] = id
		}
	}
}

func TestUpdateOfADeadReplicaIsTakenWhenItsLeaseEnds(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, fine)
	p.leave(t, 1, tap(1, 7), 1)
	p.clock.move(5*time.Second - time.Microsecond)
	must(t, r.Sweep(t.Context()))
	if r.tried(1) != 0 {
		t.Fatal("taken before its time")
	}
	p.clock.move(time.Microsecond)
	must(t, r.Sweep(t.Context()))
	if n := p.settled(t, 1); n.State != "done" || n.Attempts != 2 {
		t.Errorf("%+v", n)
	}
}

func TestReplicaThatIsCutOffDisturbsNobodyWhenItComesBack(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	lost := p.replica(t, func(_ context.Context, it *inbox.Item) (string, error) {
		<-gate
		return "late", errors.New("the network")
	})
	must(t, lost.Receive(t.Context(), tap(1, 7)))
	must(t, lost.Receive(t.Context(), tap(2, 7))) // waits behind the first
	until(t, func() bool { return lost.tried(1) == 1 })
	lost.Pool.Close()
	other := p.replica(t, fine)
	p.clock.move(6 * time.Second)
	must(t, other.Sweep(t.Context()))
	for id := range int64(2) {
		if n := p.settled(t, id+1); n.Outcome != "fine" {
			t.Errorf("%+v", n)
		}
	}
	close(gate)
	lost.end()
	if lost.tried(2) != 0 {
		t.Error("what others have handled was handled again")
	}
	if n := p.row(t, 1); n.State != "done" || n.Outcome != "fine" {
		t.Errorf("after the late end: %+v", n)
	}
}

func TestSlowHandlerIsNotStartedASecondTime(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) { <-gate; return "slow", nil })
	other := p.replica(t, fine)
	for id := range int64(3) { // two of them wait in line
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	until(t, func() bool { return r.tried(1) == 1 })
	for range 10 {
		p.clock.move(3 * time.Second)
		must(t, r.Sweep(t.Context()))
		must(t, other.Sweep(t.Context()))
	}
	close(gate)
	for id := range int64(3) {
		if n := p.settled(t, id+1); n.Outcome != "slow" || n.Attempts != 1 || r.tried(id+1)+other.tried(id+1) != 1 {
			t.Errorf("update %d: %+v, tried %d and %d times", id+1, n, r.tried(id+1), other.tried(id+1))
		}
	}
}

func TestPoisonIsParkedAndBlocksNobody(t *testing.T) {
	t.Parallel()
	for name, poison := range map[string]act{
		"error": func(context.Context, *inbox.Item) (string, error) { return "", errors.New("cannot be handled\x00\xff") },
		"panic": func(context.Context, *inbox.Item) (string, error) { panic("poison") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			r := p.replica(t, func(ctx context.Context, it *inbox.Item) (string, error) {
				if it.ID == 1 {
					return poison(ctx, it)
				}
				return fine(ctx, it)
			})
			for id := range int64(10) {
				must(t, r.Receive(t.Context(), tap(id+1, 7)))
			}
			for id := range int64(9) { // without the clock having moved
				if n := p.settled(t, id+2); n.State != "done" {
					t.Errorf("update %d behind the poison: %+v", id+2, n)
				}
			}
			n := p.push(t, r, 1)
			if n.State != "parked" || r.tried(1) != 6 || !strings.Contains(n.Outcome, "handle") {
				t.Errorf("poison: %+v after %d tries", n, r.tried(1))
			}
			waiting, parked, unreadable, err := r.Counts(t.Context())
			if err != nil || waiting != 0 || parked != 1 || unreadable != 0 {
				t.Errorf("counts %d, %d, %d, %v", waiting, parked, unreadable, err)
			}
		})
	}
}

func TestUpdateThatCannotBeUnderstoodIsParkedAtOnce(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) { return "", inbox.ErrPark })
	must(t, r.Receive(t.Context(), tap(1, 7)))
	if n := p.settled(t, 1); n.State != "parked" || r.tried(1) != 1 {
		t.Errorf("%+v after %d tries", n, r.tried(1))
	}
}

func TestUpdateThatKillsWhoeverTakesItIsParkedUntouched(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, fine)
	p.leave(t, 1, tap(1, 7), 20)
	p.clock.move(6 * time.Second)
	must(t, r.Sweep(t.Context()))
	if n := p.settled(t, 1); n.State != "parked" || r.tried(1) != 0 {
		t.Errorf("%+v after %d tries", n, r.tried(1))
	}
}

func TestWhatWaitsForSomethingThatIsAwayIsNeverParked(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	tries := 0
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) {
		if tries++; tries <= 60 {
			return "", fmt.Errorf("%w: the database", inbox.ErrLater)
		}
		return "at last", nil
	})
	must(t, r.Receive(t.Context(), tap(1, 7)))
	if n := p.push(t, r, 1); n.State != "done" || n.Outcome != "at last" {
		t.Errorf("%+v after %d tries", n, tries)
	}
}

func TestPausesBetweenTriesGrowWithTheAgeOfTheUpdate(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) { return "", inbox.ErrLater })
	must(t, r.Receive(t.Context(), tap(1, 7)))
	for _, c := range []struct{ age, wait time.Duration }{
		{0, 500 * time.Millisecond}, {10 * time.Second, 5 * time.Second}, {time.Hour, time.Minute},
	} {
		tried := r.tried(1)
		if c.age > 0 {
			p.clock.move(c.age)
			must(t, r.Sweep(t.Context()))
			until(t, func() bool { return r.tried(1) > tried })
		}
		until(t, func() bool { return p.row(t, 1).Next.Sub(p.clock.now()) == c.wait })
	}
}

func TestMoreThanAWorkerHoldsIsPickedUpLaterAndCountsAsNoTry(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(context.Context, *inbox.Item) (string, error) { <-gate; return "", nil })
	const updates = 150
	for id := range int64(updates) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	for range 10 { // ten rounds of looking change nothing
		p.clock.move(2 * time.Second)
		must(t, r.Sweep(t.Context()))
	}
	close(gate)
	until(t, func() bool {
		p.clock.move(2 * time.Second)
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
	_, err = tx.Exec(t.Context(), `select pg_advisory_xact_lock(1)`)
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
		p.clock.move(6 * time.Second)
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
		<-gate
		return "in hand", ctx.Err()
	})
	for id := range int64(5) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	until(t, func() bool { return r.tried(1) == 1 })
	ended := make(chan struct{})
	go func() { defer close(ended); r.end() }()
	// what comes while the listener still drains is stored and left to others
	until(t, func() bool { return r.Receive(t.Context(), tap(6, 8)) == nil && p.row(t, 6).Next.Equal(p.clock.now()) })
	close(gate)
	<-ended
	must(t, r.Receive(t.Context(), tap(7, 8)))
	if n := p.row(t, 1); n.Outcome != "in hand" {
		t.Errorf("the update in hand: %+v", n)
	}
	other := p.replica(t, fine)
	must(t, other.Sweep(t.Context())) // the clock has not moved
	for _, id := range []int64{2, 3, 4, 5, 6, 7} {
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

func TestEndLentToATransactionHoldsExactlyWhenThatCommits(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	commit := func(ctx context.Context, it *inbox.Item, outcome string) error {
		b := &pgx.Batch{}
		it.Done(func() string { return outcome })(b)
		return p.pool.SendBatch(ctx, b).Close()
	}
	r := p.replica(t, func(ctx context.Context, it *inbox.Item) (string, error) {
		switch it.ID {
		case 1: // as it was noted
			return "voted", commit(ctx, it, "voted")
		case 2: // it turned out to be refused
			return "refused", commit(ctx, it, "voted")
		case 3: // the transaction failed
			it.Done(func() string { return "voted" })(&pgx.Batch{})
			it.Unsettle()
			if it.Attempt == 1 {
				return "", errors.New("no commit")
			}
			return "voted after all", nil
		default: // it committed, but not all was done
			if it.Attempt == 1 {
				if err := commit(ctx, it, "refused"); err != nil {
					return "", err
				}
				it.Reopen()
				return "", fmt.Errorf("%w: the messenger", errors.New("asked nobody"))
			}
			return "asked", nil
		}
	})
	for id := range int64(4) {
		must(t, r.Receive(t.Context(), tap(id+1, id)))
	}
	for id, want := range map[int64]string{1: "voted", 2: "refused"} {
		until(t, func() bool { return p.row(t, id).Outcome == want })
		if n := p.row(t, id); n.State != "done" || r.tried(id) != 1 {
			t.Errorf("update %d: %+v", id, n)
		}
	}
	for id, want := range map[int64]string{3: "voted after all", 4: "asked"} {
		until(t, func() bool { n := p.row(t, id); return n.State == "new" && n.Next.Sub(p.clock.now()) == 500*time.Millisecond })
		p.clock.move(time.Second)
		must(t, r.Sweep(t.Context()))
		if n := p.settled(t, id); n.Outcome != want || r.tried(id) != 2 {
			t.Errorf("update %d: %+v after %d tries", id, n, r.tried(id))
		}
		p.clock.move(-time.Second)
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
	p.clock.move(48 * time.Hour)
	must(t, r.Receive(t.Context(), tap(4, 4)))
	p.settled(t, 4)
	n, err := r.Purge(t.Context(), p.clock.now().Add(-24*time.Hour))
	if err != nil || n != 1 {
		t.Errorf("%d removed, %v; want 1", n, err)
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
	p.clock.move(39 * time.Second)
	if !poll(holders[0]) || poll("other") {
		t.Error("the holder cannot go on, or another one took over from him")
	}
	p.clock.move(41 * time.Second)
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
	if _, err := p.asleep(t, fine).Secret(t.Context(), "short"); err != nil {
		t.Errorf("a later proposal does not matter: %v", err)
	}
}
