package audiodesk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/crash/crashtest"
	"countersign/internal/screen"
	"countersign/internal/telegram/telegramtest"
)

// visitor is somebody at a desk, by himself and not through the messenger.
func (o *office) visitor(t *testing.T, account int64, tap string, args ...string) screen.Visitor {
	t.Helper()
	return screen.Visitor{Person: o.person(t, account), Account: account, Lang: o.texts.For("en"), Zone: o.desk.Zone, Tap: tap, Args: args}
}

// hall makes a room by the desk of a house, and gives the token by which somebody joins it.
func (o *office) hall(t *testing.T, account int64, phone string) (token string) {
	t.Helper()
	o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, account, phone)
	m := o.open(t, account, "/rooms")
	o.tap(t, account, m, "Hall")
	o.shows(t, m, "Public room")
	return strings.TrimPrefix(o.button(t, account, "join"), screen.Prefix+audiodesk.Command+":")
}

// TestTapsAtOnceAndReplicasCallOnce: whoever taps twice, or whose tap is handled twice, also by
// two replicas that both call and both hear the exchange, is called once.
func TestTapsAtOnceAndReplicasCallOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	token := o.hall(t, anna, annasPhone)
	other := o.replica(t, o.Bench, o.pbx.Addr())
	o.work(t, other)
	o.pbx.Phone(annasPhone, asterisktest.NeverAnswers)
	var wg sync.WaitGroup
	for i := range 12 {
		d := []*audiodesk.Desk{o.desk, other}[i%2]
		v := o.visitor(t, anna, fmt.Sprint("tap", i/4), token) // three taps, each handled four times
		wg.Go(func() {
			if _, err := d.Hosted().Tap(context.WithoutCancel(t.Context()), v); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o.wait(t, "it rings", func() bool { return o.count(t, `select count(*) from audio_call where state = 'ringing'`) == 1 })
	o.pbx.PickUp(annasPhone)
	o.wait(t, "she is in", func() bool {
		return o.count(t, `select count(*) from audio_call where state = 'in'`) == 1 && o.count(t, `select count(*) from audio_presence where gone_at is null`) == 1
	})
	o.pbx.HangUp(annasPhone)
	o.wait(t, "she is gone", func() bool {
		return o.count(t, `select count(*) from audio_call where outcome = 'left'`) == 1 && o.count(t, `select count(*) from audio_presence where gone_at is null`) == 0
	})
	var won string // the tap that called her: handled once more it calls nobody
	must(t, o.Pool.QueryRow(t.Context(), `select substr(cause, length('tap/') + 1) from audio_call`).Scan(&won))
	_, err := other.Hosted().Tap(t.Context(), o.visitor(t, anna, won, token))
	must(t, errors.Join(err, o.desk.Dial(t.Context()), other.Dial(t.Context())))
	if n := o.pbx.Dials(annasPhone); n != 1 {
		t.Errorf("%d calls of one tap", n)
	}
	for i := range 3 { // those that were refused then may call now
		_, err := other.Hosted().Tap(t.Context(), o.visitor(t, anna, fmt.Sprint("tap", i), token))
		must(t, err)
		must(t, errors.Join(o.desk.Dial(t.Context()), other.Dial(t.Context())))
	}
	o.wait(t, "all calls are over", func() bool {
		o.pbx.GiveUp(annasPhone)
		return o.count(t, `select count(*) from audio_call where ended_at is null`) == 0
	})
	if n, calls := o.pbx.Dials(annasPhone), o.count(t, `select count(*) from audio_call`); n != calls || n > 3 {
		t.Errorf("%d phones rang for %d calls of three taps", n, calls)
	}
	if n := o.count(t, `select count(*) from (select cause from audio_call group by cause having count(*) > 1) x`); n != 0 {
		t.Error("a tap made two calls")
	}
}

// TestLimitsHoldWhoeverAsksAtOnce: a day's calls, and those at the same time.
func TestLimitsHoldWhoeverAsksAtOnce(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	o.desk.Rules.Daily, o.desk.Rules.DailyAll, o.desk.Rules.AtOnce = 2, 5, 1
	ask := func(key, phone string) error {
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: key, Number: phone, Room: "Sales"})
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	told := map[error]int{}
	for i := range 8 {
		wg.Go(func() {
			err := ask(fmt.Sprint("at once ", i), "+4930200480")
			mu.Lock()
			defer mu.Unlock()
			for _, known := range []error{nil, audiodesk.ErrInProgress} {
				if errors.Is(err, known) {
					told[known]++
				}
			}
		})
	}
	wg.Wait()
	if told[nil] != 1 || told[audiodesk.ErrInProgress] != 7 {
		t.Errorf("one number at once: %v", told)
	}
	must(t, ask("b", "+4930201480"))
	must(t, o.desk.Dial(t.Context()))
	if n := o.pbx.Count("Originate"); n != 1 {
		t.Errorf("%d phones ring at once", n)
	}
	o.pbx.GiveUp("+4930200480")
	o.pbx.GiveUp("+4930201480")
	o.background(t, o.desk.Run)
	idle := func() {
		o.wait(t, "nobody is called", func() bool {
			o.pbx.GiveUp("+4930200480")
			o.pbx.GiveUp("+4930201480")
			return o.count(t, `select count(*) from audio_call where ended_at is null`) == 0
		})
	}
	idle()
	must(t, ask("c", "+4930200480"))
	idle()
	if err := ask("d", "+4930200480"); !errors.Is(err, audiodesk.ErrDaily) {
		t.Errorf("a third call in a day: %v", err)
	}
	if err := ask("c", "+4930200480"); err != nil {
		t.Errorf("the same request once more: %v", err)
	}
	must(t, ask("e", "+4930203486"))
	idle()
	must(t, ask("f", "+4930204486"))
	idle()
	if err := ask("g", "+4930205486"); !errors.Is(err, audiodesk.ErrDailyAll) {
		t.Errorf("one call more than all may have in a day: %v", err)
	}
	for number, want := range map[string]error{"+18005550100": audiodesk.ErrPrefix, "call me": audiodesk.ErrInvalid, "": audiodesk.ErrInvalid} {
		if err := ask("h", number); !errors.Is(err, want) {
			t.Errorf("%q: %v", number, err)
		}
	}
}

// TestKilledAtEachArrowOfACallNobodyIsCalledTwice: whoever dies with the tap, the claim, the
// call or any note of it leaves a call that ends by itself: made once or never, and told as
// what it is.
func TestKilledAtEachArrowOfACallNobodyIsCalledTwice(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	token := o.hall(t, anna, annasPhone)
	heir := o.replica(t, o.Bench, o.pbx.Addr())
	o.connect(t, heir)
	o.desk.Rules.Daily, heir.Rules.Daily = 1000, 1000
	ends := map[string]int{}
	for n := 0; ; n++ {
		if n > 60 {
			t.Fatal("it never comes to an end")
		}
		before := o.pbx.Dials(annasPhone)
		tap := fmt.Sprint("tap", n)
		survived := o.dies(t, n, tap, token)
		// Its tap is handled again by whoever lives, and the rest is found out.
		_, err := heir.Hosted().Tap(t.Context(), o.visitor(t, anna, tap, token))
		must(t, err)
		o.wait(t, "the call is over", func() bool {
			must(t, errors.Join(heir.Dial(t.Context()), heir.Reconcile(t.Context())))
			o.pbx.HangUp(annasPhone)
			return o.count(t, `select count(*) from audio_call where ended_at is null`) == 0
		})
		rang, outcome := o.pbx.Dials(annasPhone)-before, ""
		must(t, o.Pool.QueryRow(t.Context(), `select outcome from audio_call where cause = 'tap/' || $1`, tap).Scan(&outcome))
		ends[outcome]++
		if rang > 1 || rang == 1 && outcome == "away" || rang == 0 && outcome == "left" {
			t.Errorf("killed after %d messages: the phone rang %d times, and it is told %q", n, rang, outcome)
		}
		if survived {
			break
		}
	}
	if ends["unknown"] == 0 {
		t.Errorf("no death left a call of which nobody knows: %v", ends)
	}
}

// dies lets a replica answer a tap and make the call, until its n-th message to the database or
// the exchange was the last. It reports whether it was done before.
func (o *office) dies(t *testing.T, n int, tap, token string) bool {
	t.Helper()
	life := crashtest.New(t)
	d := o.replica(t, o.Mortal(t, life), life.Wire(t, "tcp", o.pbx.Addr()))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Exchange.Run(ctx) })
	o.wait(t, "its line is up", func() bool { return d.Exchange.State().Up })
	life.EndAfter(n)
	_, err := d.Hosted().Tap(ctx, o.visitor(t, anna, tap, token))
	err = errors.Join(err, d.Dial(ctx))
	survived := !life.Ended() && err == nil
	cancel()
	wg.Wait()
	life.EndAfter(0)
	o.Buried(t)
	return survived
}

// The answer to a tap may come to its message after what was drawn meanwhile: what the message
// shows in the end is true.
func TestScreenThatIsLateIsDrawnAgain(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.newRoom(t, ivan, "Public, with names", "Morning", "")
	o.share(t, anna, "+"+annasPhone)
	list := o.open(t, anna, "/rooms")
	o.tap(t, anna, list, "Morning")
	mine := o.shows(t, list, "0 people are in it")
	slow, before := make(chan struct{}), len(o.tg.CallsOf("editMessageText"))
	o.tg.FailNext("editMessageText", telegramtest.Delay(slow))
	o.tap(t, anna, mine, "Call me")
	o.wait(t, "the answer is on its way", func() bool { return len(o.tg.CallsOf("editMessageText")) > before })
	o.work(t, o.desk)
	o.shows(t, mine, "You are in the room", "1 person is in it")
	close(slow)
	o.wait(t, "it comes", func() bool { return o.tg.CallsOf("editMessageText")[before].Done })
	o.shows(t, mine, "You are in the room", "1 person is in it")
}
