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

func TestBurstIsATenthOfTheRateAsFarAsThereIsRoom(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for rate, want := range map[int]int{1: 1, 4: 1, 10: 1, 20: 2, 25: 2, 28: 2, 29: 1, 30: 1, 31: 3, 35: 3, 1000: 100} {
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

// TestCallsThatAreLateStillKeepWithinTelegramsLimits holds up the first calls after a rest on
// their way: they arrive together, and those after them at once.
func TestCallsThatAreLateStillKeepWithinTelegramsLimits(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for name, one := range map[string]struct {
		ask    pace.Ask
		limits pace.Limits
		late   time.Duration
		most   int
		while  time.Duration
	}{
		"bot":    {pace.Ask{Class: pace.Outcome}, pace.Limits{PerChat: 1_000_000}, 100 * time.Millisecond, 30, time.Second},
		"person": {pace.Ask{Class: pace.Outcome}, pace.Limits{PerBot: 1_000_000}, 250 * time.Millisecond, 3, 3 * time.Second},
		"group":  {pace.Ask{Class: pace.Outcome, Group: true}, pace.Limits{PerBot: 1_000_000}, 250 * time.Millisecond, 20, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			p := &pace.Pace{Pool: pool, Now: c.now, Limits: one.limits}
			one.ask.Bot, one.ask.Chat = int64(len(name)), 10
			var arrived []sent
			for range 3 {
				c.move(2 * time.Minute)
				for begin := c.now(); c.now().Before(begin.Add(one.late + one.while)); {
					n, wait := takeAll(t, p, one.ask)
					for range n {
						arrived = append(arrived, sent{at: begin.Add(max(one.late, c.now().Sub(begin)))})
					}
					c.move(wait)
				}
			}
			if len(arrived) < 3*one.most*9/10 {
				t.Errorf("%d calls in three times %s", len(arrived), one.while)
			}
			if got := most(arrived, one.while); got > one.most {
				t.Errorf("%d calls in %s, want at most %d", got, one.while, one.most)
			}
		})
	}
}
