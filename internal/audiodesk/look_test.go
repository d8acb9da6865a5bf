package audiodesk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/screen"
	"countersign/internal/telegram/telegramtest"
)

// TestALookAtASlowExchangeKeepsNobodyWaitingAndOverwritesNothingNewer: an answer that was on
// its way while somebody else looked is asked for again.
func TestALookAtASlowExchangeKeepsNobodyWaitingAndOverwritesNothingNewer(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	join := o.hall(t, anna, annasPhone)
	other := o.replica(t, o.Bench, o.pbx.Addr())
	o.connect(t, other)
	o.pbx.Visit(o.number(t), "4930999999")
	must(t, o.desk.Reconcile(t.Context()))
	hall := o.open(t, ivan, "/rooms")
	o.tap(t, ivan, hall, "Hall")
	o.shows(t, hall, "1 person is in it")

	answer, asked, before := make(chan struct{}), make(chan error, 1), o.pbx.Count("ConfbridgeList")
	o.pbx.Break("ConfbridgeList", asterisktest.Trouble{Gate: answer, Times: 1})
	go func() { asked <- o.desk.Reconcile(context.WithoutCancel(t.Context())) }()
	o.wait(t, "the exchange is asked who is there, and has said that the room is not locked", func() bool { return o.pbx.Count("ConfbridgeList") > before })
	tap := func(account int64, name, token string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		told, err := other.Hosted().Tap(ctx, o.visitor(t, account, name, token))
		must(t, err)
		return told.Notice
	}
	lock := strings.TrimPrefix(o.button(t, ivan, "lock"), screen.Prefix+audiodesk.Command+":")
	if told := tap(anna, "join", join) + tap(ivan, "lock", lock); told != "I am calling your phone.Done." {
		t.Errorf("they are told %q", told)
	}
	select {
	case err := <-asked:
		t.Errorf("they waited for whoever looked, %v", err)
	default:
	}
	locked := func() bool { return o.count(t, `select count(*) from audio_room where locked`) == 1 }
	if !locked() {
		t.Error("the lock is not known")
	}
	close(answer)
	if err := <-asked; err != nil || !locked() {
		t.Errorf("an older answer overwrote a newer one, %v", err)
	}
}

// TestAScreenIsDrawnAsSoonAsItMayBe: also when it changes while it is left alone, and nothing
// rings afterwards.
func TestAScreenIsDrawnAsSoonAsItMayBe(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	audiodesk.Idle(o.desk, 300*time.Millisecond)
	o.work(t, o.desk)
	o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	mine := o.open(t, anna, "/rooms")
	o.tap(t, anna, mine, "Hall")
	o.tap(t, anna, mine, "Call me")
	o.shows(t, mine, "You are in the room", "Anna Ivanova (you)")
	o.pbx.HangUp(annasPhone)
	o.shows(t, mine, "Your call has ended", "0 people are in it")
}
