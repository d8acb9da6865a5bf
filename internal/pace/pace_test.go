package pace_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/pace"
)

const bot = 7001

// clock is a time that tests move by hand.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	t := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c.at.Store(&t)
	return c
}

func (c *clock) now() time.Time { return *c.at.Load() }

func (c *clock) move(d time.Duration) {
	t := c.now().Add(d)
	c.at.Store(&t)
}

func take(t *testing.T, p *pace.Pace, a pace.Ask) time.Duration {
	t.Helper()
	wait, err := p.Take(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

// takeAll takes until a wait is given and returns the number of messages and that wait.
func takeAll(t *testing.T, p *pace.Pace, a pace.Ask) (int, time.Duration) {
	t.Helper()
	for n := range 1000 {
		if wait := take(t, p, a); wait > 0 {
			return n, wait
		}
	}
	t.Fatal("a thousand messages went through at once")
	return 0, 0
}

// quick lets the bot as a whole do what it wants: a test is about the chats.
var quick = pace.Limits{PerBot: 1_000_000}

func TestChatGetsThreeInAnyThreeSeconds(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := &pace.Pace{Pool: database(t), Now: c.now, Limits: quick}
	ask := pace.Ask{Bot: bot, Chat: 10, Class: pace.Outcome}
	if n, wait := takeAll(t, p, ask); n != 3 || wait != 3250*time.Millisecond {
		t.Errorf("at once: %d messages, then wait %s; want 3, then 3.25s", n, wait)
	}
	if wait := take(t, p, pace.Ask{Bot: bot, Chat: 11, Class: pace.Outcome}); wait != 0 {
		t.Errorf("another chat waits %s", wait)
	}
	if wait := take(t, p, pace.Ask{Bot: bot + 1, Chat: 10, Class: pace.Outcome}); wait != 0 {
		t.Errorf("the same chat of another bot waits %s", wait)
	}
	c.move(3250 * time.Millisecond)
	for n := range 6 {
		if wait := take(t, p, ask); wait != 0 {
			t.Errorf("message %d of a steady chat waits %s", n, wait)
		}
		c.move(1100 * time.Millisecond)
	}
	c.move(time.Minute)
	if n, _ := takeAll(t, p, ask); n != 3 {
		t.Errorf("after a rest: %d messages, want 3", n)
	}
}

func TestWaitGivenIsExactlyEnough(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]bool{"person": false, "group": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			p := &pace.Pace{Pool: database(t), Now: c.now}
			ask := pace.Ask{Bot: bot, Chat: 10, Group: group, Class: pace.Edit}
			for range 60 {
				_, wait := takeAll(t, p, ask)
				c.move(wait - time.Microsecond)
				if left := take(t, p, ask); left != time.Microsecond {
					t.Fatalf("a microsecond early: wait %s", left)
				}
				c.move(time.Microsecond)
				if left := take(t, p, ask); left != 0 {
					t.Fatalf("after the wait given: wait %s more", left)
				}
			}
		})
	}
}

func TestRefusedTakeTakesNothing(t *testing.T) {
	t.Parallel()
	c := newClock()
	pool := database(t)
	p := &pace.Pace{Pool: pool, Now: c.now}
	ask := pace.Ask{Bot: bot, Chat: 10, Group: true, Class: pace.Outcome}
	takeAll(t, p, ask)
	before := rows(t, pool)
	for range 100 {
		if take(t, p, ask) == 0 {
			t.Fatal("a message went through")
		}
	}
	if diff := cmp.Diff(before, rows(t, pool)); diff != "" {
		t.Errorf("refused takes left a mark (-before +after):\n%s", diff)
	}
}

func rows(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	var out []string
	err := pool.QueryRow(t.Context(), `select array_agg(p::text order by bot, chat) from pace p`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sent is a message that went through.
type sent struct {
	at   time.Time
	chat int64
}

// most is the greatest number of messages in any window of the length given.
func most(all []sent, window time.Duration) int {
	best, from := 0, 0
	for i := range all {
		for all[i].at.Sub(all[from].at) >= window {
			from++
		}
		best = max(best, i-from+1)
	}
	return best
}

func TestTwoReplicasTogetherKeepWithinTheLimitsForAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	pool := database(t)
	replicas := []*pace.Pace{{Pool: pool, Now: c.now}, {Pool: pool, Now: c.now}}
	const groups, persons = 2, 30
	free := map[int64]time.Time{}
	var all []sent
	begin := c.now()
	for c.now().Before(begin.Add(75 * time.Second)) {
		for chat := range int64(groups + persons) {
			if free[chat].After(c.now()) {
				continue
			}
			p := replicas[(len(all)+int(chat))%2]
			wait := take(t, p, pace.Ask{Bot: bot, Chat: chat + 1, Group: chat < groups, Class: pace.Class(chat % 5)})
			if wait == 0 {
				all = append(all, sent{c.now(), chat})
				continue
			}
			free[chat] = c.now().Add(wait)
		}
		c.move(20 * time.Millisecond)
	}
	if got := most(all, time.Second); got > 27 {
		t.Errorf("%d messages of the bot were taken in one second, want at most 27", got)
	}
	if got := most(all, time.Minute); got > 25*60+2 || got < 25*60-25 {
		t.Errorf("%d messages of the bot in one minute, want about %d", got, 25*60)
	}
	for chat := range int64(groups + persons) {
		var mine []sent
		for _, s := range all {
			if s.chat == chat {
				mine = append(mine, s)
			}
		}
		if got := most(mine, 3*time.Second); got > 3 {
			t.Errorf("chat %d: %d messages in three seconds, want at most 3", chat, got)
		}
		if got := most(mine, time.Minute); chat < groups && (got > 20 || got < 1) {
			t.Errorf("group %d: %d messages in one minute, want at most 20", chat, got)
		}
	}
}

func TestGroupGetsItsWholeMinuteAndNotMore(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := &pace.Pace{Pool: database(t), Now: c.now}
	var all []sent
	for begin := c.now(); c.now().Before(begin.Add(5 * time.Minute)); {
		wait := take(t, p, pace.Ask{Bot: bot, Chat: -100, Group: true, Class: pace.Notice})
		if wait == 0 {
			all = append(all, sent{c.now(), -100})
		}
		c.move(wait)
	}
	if got := most(all, time.Minute); got != 20 {
		t.Errorf("%d messages in the fullest minute, want 20", got)
	}
	if len(all) < 99 {
		t.Errorf("%d messages in five minutes, want some 100", len(all))
	}
}

func TestManyAtOneInstantGetOneBurst(t *testing.T) {
	t.Parallel()
	c := newClock()
	pool := database(t)
	replicas := []*pace.Pace{{Pool: pool, Now: c.now}, {Pool: pool, Now: c.now}}
	var went atomic.Int64
	var wg sync.WaitGroup
	for i := range int64(40) {
		wg.Go(func() {
			wait, err := replicas[i%2].Take(t.Context(), pace.Ask{Bot: bot, Chat: 1 + i%20, Class: pace.Outcome})
			if err != nil {
				t.Error(err)
			}
			if wait == 0 && err == nil {
				went.Add(1)
			}
		})
	}
	wg.Wait()
	if got := went.Load(); got != 2 {
		t.Errorf("%d messages went through, want the bot's burst of 2", got)
	}
}

func TestMoreUrgentClassesWaitLess(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := &pace.Pace{Pool: database(t), Now: c.now}
	if wait := take(t, p, pace.Ask{Bot: bot, Chat: 1, Class: pace.Notice}); wait != 0 {
		t.Errorf("the first waits %s", wait)
	}
	for class := pace.Notice; class > pace.Outcome; class-- {
		want := time.Duration(class) * 10 * time.Millisecond
		if wait := take(t, p, pace.Ask{Bot: bot, Chat: 2, Class: class}); wait != want {
			t.Errorf("class %d waits %s, want %s", class, wait, want)
		}
	}
	if wait := take(t, p, pace.Ask{Bot: bot, Chat: 2, Class: pace.Outcome}); wait != 0 {
		t.Errorf("what became of a tap waits %s", wait)
	}
}

func TestTapsFindRoomWhileNoticesPour(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := &pace.Pace{Pool: database(t), Now: c.now}
	notices, chat := 0, int64(1000)
	for tick := range 1000 { // ten seconds
		for chat++; take(t, p, pace.Ask{Bot: bot, Chat: chat, Class: pace.Notice}) == 0; chat++ {
			notices++
		}
		if tick%10 == 5 {
			if wait := take(t, p, pace.Ask{Bot: bot, Chat: int64(1 + tick), Class: pace.Outcome}); wait != 0 {
				t.Fatalf("tick %d: an outcome waits %s", tick, wait)
			}
		}
		c.move(10 * time.Millisecond)
	}
	if notices < 100 || notices > 151 {
		t.Errorf("%d notices beside 100 outcomes in ten seconds, want what is left of 250", notices)
	}
}

func TestHoldStopsAChatOrTheWholeBot(t *testing.T) {
	t.Parallel()
	c := newClock()
	pool := database(t)
	p, other := &pace.Pace{Pool: pool, Now: c.now}, &pace.Pace{Pool: pool, Now: c.now}
	hold := func(chat int64, wait time.Duration) {
		if err := p.Hold(t.Context(), bot, chat, wait); err != nil {
			t.Fatal(err)
		}
	}
	want := func(chat int64, wait time.Duration) {
		t.Helper()
		if got := take(t, other, pace.Ask{Bot: bot, Chat: chat, Class: pace.Outcome}); got != wait {
			t.Errorf("chat %d waits %s, want %s", chat, got, wait)
		}
	}
	hold(10, 30*time.Second)
	hold(10, 5*time.Second) // the longer one stays
	want(10, 30*time.Second)
	want(11, 0)
	c.move(10 * time.Second)
	want(10, 20*time.Second)
	hold(0, 40*time.Second)
	want(11, 40*time.Second)
	want(10, 40*time.Second)
	c.move(40 * time.Second)
	want(10, 0)
	want(11, 0)
}

func TestSweepRemovesWhatIsIdleForADay(t *testing.T) {
	t.Parallel()
	c := newClock()
	pool := database(t)
	p := &pace.Pace{Pool: pool, Now: c.now}
	take(t, p, pace.Ask{Bot: bot, Chat: 10, Class: pace.Edit})
	take(t, p, pace.Ask{Bot: bot, Chat: 11, Class: pace.Edit})
	if err := p.Hold(t.Context(), bot, 12, 25*time.Hour); err != nil {
		t.Fatal(err)
	}
	c.move(24 * time.Hour)
	take(t, p, pace.Ask{Bot: bot, Chat: 11, Class: pace.Edit})
	c.move(2 * time.Second)
	n, err := p.Sweep(t.Context())
	if err != nil || n != 1 {
		t.Errorf("swept %d rows, %v; want 1", n, err)
	}
	if got := len(rows(t, pool)); got != 3 { // the bot, chat 11 and the hold
		t.Errorf("%d rows are left, want 3", got)
	}
}

func TestClockOfTheDatabaseServesWithoutOneOfOurOwn(t *testing.T) {
	t.Parallel()
	p := &pace.Pace{Pool: database(t), Limits: quick}
	if n, wait := takeAll(t, p, pace.Ask{Bot: bot, Chat: 10, Class: pace.Outcome}); n < 3 || wait > 3250*time.Millisecond {
		t.Errorf("%d messages, then wait %s", n, wait)
	}
	if err := p.Hold(t.Context(), bot, 10, time.Hour); err != nil {
		t.Fatal(err)
	}
	if wait := take(t, p, pace.Ask{Bot: bot, Chat: 10, Class: pace.Outcome}); wait < 50*time.Minute {
		t.Errorf("a chat on hold for an hour waits %s", wait)
	}
	if _, err := p.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLimitsCanBeSet(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := &pace.Pace{Pool: database(t), Now: c.now, Limits: pace.Limits{PerBot: 1, PerChat: 5, PerGroupMinute: 2}}
	ask := pace.Ask{Bot: bot, Chat: -10, Group: true, Class: pace.Outcome}
	for i, step := range []struct{ after, wait time.Duration }{
		{0, 0},
		{0, time.Second},
		{time.Second, 0},
		{time.Second, 58250 * time.Millisecond},
		{58250 * time.Millisecond, 0},
	} {
		c.move(step.after)
		if got := take(t, p, ask); got != step.wait {
			t.Errorf("ask %d: wait %s, want %s", i, got, step.wait)
		}
	}
}

func TestAskWithoutChatOrClassIsRefused(t *testing.T) {
	t.Parallel()
	p := &pace.Pace{}
	for name, a := range map[string]pace.Ask{
		"no bot":        {Chat: 1},
		"no chat":       {Bot: 1},
		"unknown class": {Bot: 1, Chat: 1, Class: 5},
	} {
		if _, err := p.Take(t.Context(), a); !errors.Is(err, pace.ErrAsk) {
			t.Errorf("%s: %v, want ErrAsk", name, err)
		}
	}
}
