package telegramtest_test

import (
	"net/http"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
)

func TestLimitsCountEditsAndSpareOtherChats(t *testing.T) {
	t.Parallel()
	clock := telegramtest.ManualClock(time.Unix(1_800_000_000, 0))
	s := world(t, telegramtest.Options{Clock: clock, Limits: telegramtest.RealLimits()})
	send := func(chat int) reply { return call(t, s, "sendMessage", p{"chat_id": chat, "text": "x"}) }
	id := messageID(t, send(anna))
	messageID(t, send(anna))
	if r := call(t, s, "editMessageText", p{"chat_id": anna, "message_id": id, "text": "y"}); !r.OK {
		t.Fatalf("edit: %+v", r)
	}
	if r := send(anna); r.Code != 429 || r.Parameters.RetryAfter < 1 {
		t.Fatalf("fourth at once: %+v", r)
	}
	messageID(t, send(group))
	for range 19 {
		clock.Advance(1100 * time.Millisecond)
		messageID(t, send(group))
	}
	clock.Advance(1100 * time.Millisecond)
	r := send(group)
	if r.Code != 429 || r.Parameters.RetryAfter < 30 {
		t.Fatalf("twenty-first in a minute: %+v", r)
	}
	messageID(t, send(anna))
	clock.Advance(time.Duration(r.Parameters.RetryAfter) * time.Second)
	messageID(t, send(group))
}

// TestLimitsCountACallWhenItCame: what a call waits for in the stand-in is not its caller's doing.
func TestLimitsCountACallWhenItCame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		later time.Duration // the others, than the one that waits
		want  int
	}{"apart": {time.Second, http.StatusOK}, "within a second": {time.Second - time.Microsecond, http.StatusTooManyRequests}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := telegramtest.ManualClock(time.Unix(1_800_000_000, 0))
			s := world(t, telegramtest.Options{Clock: clock, Limits: telegramtest.Limits{Overall: 3}})
			send := func(text string) reply { return call(t, s, "sendMessage", p{"chat_id": anna, "text": text}) }
			gate := make(chan struct{})
			s.FailNext("sendMessage", telegramtest.Delay(gate))
			first := make(chan reply, 1)
			go func() { first <- send("first") }()
			if err := s.WaitFor(t.Context(), func() bool { return len(s.CallsOf("sendMessage")) == 1 }); err != nil {
				t.Fatal(err)
			}
			clock.Advance(c.later)
			for range 3 {
				messageID(t, send("later"))
			}
			close(gate)
			if r := <-first; r.OK != (c.want == http.StatusOK) || !r.OK && r.Code != c.want {
				t.Errorf("the one that came first: %+v", r)
			}
			if got := s.Fullest().Second; got != 3 {
				t.Errorf("fullest second %d, want 3", got)
			}
		})
	}
}
