package pace_test

import (
	"testing"
	"time"

	"countersign/internal/pace"
)

// TestNoSecondSeesMoreThanTelegramAllows takes what it gets, as soon as it gets it, at every
// rate: after a rest, then without one, then after another.
func TestNoSecondSeesMoreThanTelegramAllows(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for rate := 1; rate <= 30; rate++ {
		c := newClock()
		p := &pace.Pace{Pool: pool, Now: c.now, Limits: pace.Limits{PerBot: rate, PerChat: 1_000_000}}
		ask := pace.Ask{Bot: int64(rate), Chat: 10, Class: pace.Outcome}
		var all []sent
		for range 2 {
			for begin := c.now(); c.now().Before(begin.Add(2100 * time.Millisecond)); {
				n, wait := takeAll(t, p, ask)
				for range n {
					all = append(all, sent{at: c.now()})
				}
				c.move(wait)
			}
			c.move(3 * time.Second)
		}
		if got := most(all, time.Second+time.Microsecond); got > 30 { // both ends count
			t.Errorf("rate %d: %d messages in one second, want at most 30", rate, got)
		}
		if len(all) < 4*rate {
			t.Errorf("rate %d: %d messages in more than four seconds of work", rate, len(all))
		}
	}
}

func TestBurstIsAFifthOfTheRateAsFarAsThereIsRoom(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for rate, want := range map[int]int{1: 1, 4: 1, 10: 2, 20: 4, 25: 5, 26: 4, 28: 2, 29: 1, 30: 1, 31: 6, 35: 7, 1000: 200} {
		c := newClock()
		p := &pace.Pace{Pool: pool, Now: c.now, Limits: pace.Limits{PerBot: rate, PerChat: 1_000_000}}
		n := 0 // of chats: each has a burst of its own
		for take(t, p, pace.Ask{Bot: int64(rate), Chat: int64(n + 1), Class: pace.Outcome}) == 0 {
			n++
		}
		if n != want {
			t.Errorf("rate %d: %d at once, want %d", rate, n, want)
		}
	}
}
