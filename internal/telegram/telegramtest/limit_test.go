package telegramtest_test

import (
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
