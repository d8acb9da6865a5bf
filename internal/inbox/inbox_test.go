package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

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
	if copies != updates*times {
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
	p.leap(t, 30*time.Minute)
	must(t, r.Sweep(t.Context()))
	if r.tried(1) != 0 {
		t.Fatal("taken before its time")
	}
	p.leap(t, 30*time.Minute)
	must(t, r.Sweep(t.Context()))
	if n := p.settled(t, 1); n.State != "done" || n.Attempts != 2 {
		t.Errorf("%+v", n)
	}
}

func TestReplicaThatIsCutOffDisturbsNobodyWhenItComesBack(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	lost := p.replica(t, func(ctx context.Context, _ *inbox.Item) (string, error) {
		wait(ctx, gate)
		return "late", errors.New("the network")
	})
	must(t, lost.Receive(t.Context(), tap(1, 7)))
	must(t, lost.Receive(t.Context(), tap(2, 7))) // waits behind the first
	until(t, func() bool { return lost.tried(1) == 1 })
	lost.Pool.Close()
	other := p.replica(t, fine)
	p.leap(t, 6*time.Second)
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

func TestUpdateThatAnotherReplicaTookIsLeftToIt(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(ctx context.Context, it *inbox.Item) (string, error) {
		if it.ID == 1 {
			wait(ctx, gate)
			return "", errors.New("too late")
		}
		return "fine", nil
	})
	for id := range int64(2) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	until(t, func() bool { return r.tried(1) == 1 })
	_, err := p.pool.Exec(t.Context(), `update telegram_update set next_at = now() + interval '1 hour', attempts = attempts + 1, lease = lease + 1`)
	must(t, err)
	p.leap(t, 6*time.Second)
	theirs := []row{p.row(t, 1), p.row(t, 2)}
	close(gate)
	must(t, r.Receive(t.Context(), tap(3, 7))) // behind the others
	p.settled(t, 3)
	for id := range int64(2) {
		if n := p.row(t, id+1); n.State != "new" || !n.Next.Equal(theirs[id].Next) || n.Attempts != 2 || n.Lease != 2 {
			t.Errorf("update %d, which is another's: %+v, want it left alone as %+v", id+1, n, theirs[id])
		}
	}
	if r.tried(2) != 0 {
		t.Error("what another replica has in hand was handled")
	}
}

func TestSlowHandlerIsNotStartedASecondTime(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(ctx context.Context, _ *inbox.Item) (string, error) { wait(ctx, gate); return "slow", nil })
	other := p.replica(t, fine)
	for id := range int64(3) { // two of them wait in line
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
	}
	until(t, func() bool { return r.tried(1) == 1 })
	for range 10 {
		p.leap(t, 3*time.Second)
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
			for id := range int64(9) {
				if n := p.settled(t, id+2); n.State != "done" {
					t.Errorf("update %d behind the poison: %+v", id+2, n)
				}
			}
			n := p.push(t, r, 1)
			if n.State != "parked" || r.tried(1) != 6 || !strings.Contains(n.Outcome, "handl") {
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
	p.leap(t, time.Hour)
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
