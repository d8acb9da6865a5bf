package inbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/inbox"
)

// off is a replica whose clock is wrong by so much.
func (p *post) off(t *testing.T, by time.Duration, do act) *replica {
	t.Helper()
	r := p.asleep(t, do)
	r.Now = func() time.Time { return p.now().Add(by) }
	r.start(t)
	return r
}

func TestReplicaWhoseClockIsWrongTakesNothingOutOfOtherHands(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"ahead": 20 * time.Second, "behind": -20 * time.Second, "a year ahead": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			gate := make(chan struct{})
			slow := func(ctx context.Context, _ *inbox.Item) (string, error) { wait(ctx, gate); return "fine", nil }
			replicas := []*replica{p.replica(t, slow), p.off(t, by, slow)}
			for id := range int64(10) { // each has five of them in hand
				must(t, replicas[id%2].Receive(t.Context(), tap(id+1, id)))
			}
			for range 5 {
				p.leap(t, 2500*time.Millisecond) // leases are renewed on the way
				for _, r := range replicas {
					must(t, r.Sweep(t.Context()))
				}
			}
			close(gate)
			for id := range int64(10) {
				if n := p.settled(t, id+1); n.Attempts != 1 || replicas[0].tried(id+1)+replicas[1].tried(id+1) != 1 {
					t.Errorf("update %d: %+v, tried %d and %d times", id+1, n, replicas[0].tried(id+1), replicas[1].tried(id+1))
				}
			}
		})
	}
}

func TestReplicaWhoseClockIsWrongTakesOverFromTheDeadAndTriesAgainInTime(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			tries := 0
			r := p.off(t, by, func(context.Context, *inbox.Item) (string, error) {
				if tries++; tries == 1 {
					return "", errors.New("the network")
				}
				return "fine", nil
			})
			p.leave(t, 1, tap(1, 7), 1)
			must(t, r.Sweep(t.Context()))
			if n := p.row(t, 1); n.Lease != 1 {
				t.Errorf("taken an hour before its time: %+v", n)
			}
			p.leap(t, time.Hour)
			must(t, r.Sweep(t.Context()))
			until(t, func() bool { return p.row(t, 1).Due > 30*time.Second }) // the pause, not a lease
			p.leap(t, 2*time.Minute)
			must(t, r.Sweep(t.Context()))
			if n := p.settled(t, 1); n.Outcome != "fine" || n.Attempts != 3 {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestRightToAskForUpdatesIsTimedByOneClock(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	r, ahead := p.asleep(t, fine), p.asleep(t, fine)
	ahead.Now = func() time.Time { return p.now().Add(time.Hour) }
	poll := func(r *replica, self string) bool {
		mine, err := r.Poller(t.Context(), self, time.Minute)
		must(t, err)
		return mine
	}
	if !poll(r, "one") || poll(ahead, "two") {
		t.Error("a replica whose clock is ahead asks beside another one")
	}
	p.leap(t, 2*time.Minute)
	if !poll(ahead, "two") || poll(r, "one") {
		t.Error("nobody, or both, ask when the first fell silent")
	}
	p.leap(t, 2*time.Minute)
	if !poll(r, "one") {
		t.Error("the right of a replica whose clock is ahead does not end in time")
	}
}

func TestLeaseEndsHereNoLaterThanForOthers(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gate := make(chan struct{})
	r := p.replica(t, func(ctx context.Context, _ *inbox.Item) (string, error) { wait(ctx, gate); return "", nil })
	p.leap(t, time.Hour)
	must(t, r.Receive(t.Context(), tap(1, 7)))
	if n := p.row(t, 1); n.Next.Sub(n.Received) != 5*time.Second {
		t.Errorf("the lease is %s long, by the clock of the database", n.Next.Sub(n.Received))
	}
	must(t, r.Receive(t.Context(), tap(2, 7))) // waits behind the first
	until(t, func() bool { return r.tried(1) == 1 })
	_, err := p.pool.Exec(t.Context(), `update telegram_update set lease = lease + 1, state = 'done', settled_at = now() where update_id = 2`)
	must(t, err)
	p.leap(t, 5*time.Second) // the replica does not ask anybody before that
	close(gate)
	must(t, r.Receive(t.Context(), tap(3, 7)))
	p.settled(t, 3)
	if r.tried(2) != 0 {
		t.Error("what another one has settled was handled again")
	}
}

func TestParkedUpdatesAreListedAndBroughtBack(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	broken := true
	r := p.replica(t, func(_ context.Context, it *inbox.Item) (string, error) {
		switch {
		case it.ID == 3:
			return "fine", nil
		case broken:
			return "", inbox.ErrPark
		}
		return "at last", nil
	})
	for id := range int64(3) {
		must(t, r.Receive(t.Context(), tap(id+1, 7)))
		p.settled(t, id+1)
	}
	want := []inbox.Parked{{ID: 1, Attempts: 1, Outcome: inbox.ErrPark.Error()}, {ID: 2, Attempts: 1, Outcome: inbox.ErrPark.Error()}}
	got, err := r.Parked(t.Context())
	must(t, err)
	for i := range got {
		if want := p.row(t, got[i].ID).Received; !got[i].Received.Equal(want) {
			t.Errorf("update %d came at %s, listed with %s", got[i].ID, want, got[i].Received)
		}
		got[i].Received = time.Time{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parked (-want +got):\n%s", diff)
	}
	broken = false
	must(t, r.Retry(t.Context(), 1))
	must(t, r.Sweep(t.Context()))
	if n := p.settled(t, 1); n.State != "done" || n.Outcome != "at last" || n.Attempts != 1 {
		t.Errorf("brought back: %+v", n)
	}
	for _, id := range []int64{1, 3, 99} { // settled, never parked, never there
		if err := r.Retry(t.Context(), id); !errors.Is(err, inbox.ErrNotParked) {
			t.Errorf("update %d: %v, want ErrNotParked", id, err)
		}
	}
	if got, err = r.Parked(t.Context()); err != nil || len(got) != 1 || got[0].ID != 2 {
		t.Errorf("left are %+v, %v", got, err)
	}
}
