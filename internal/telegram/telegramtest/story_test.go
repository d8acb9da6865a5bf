package telegramtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
)

func TestPollConfirmsByOffsetAndThereIsOnePoller(t *testing.T) {
	t.Parallel()
	clock := telegramtest.ManualClock(time.Unix(1_800_000_000, 0))
	s := world(t, telegramtest.Options{Clock: clock})
	poll := func(params p) ([]update, reply) {
		r := call(t, s, "getUpdates", params)
		var updates []update
		_ = json.Unmarshal(r.Result, &updates)
		return updates, r
	}
	first, _ := poll(p{"limit": 1})
	again, _ := poll(nil)
	if len(first) != 1 || len(again) != 3 || again[0].ID != first[0].ID {
		t.Fatalf("got %d, then %d", len(first), len(again))
	}
	if again[0].Member == nil || again[2].Message == nil || again[2].Message.Text != "/start" {
		t.Errorf("updates %+v", again)
	}
	next := again[2].ID + 1
	answers := make(chan reply, 2)
	go func() { _, r := poll(p{"offset": next, "timeout": 50}); answers <- r }()
	must(t, s.WaitFor(within(t), func() bool { return len(s.CallsOf("getUpdates")) == 3 && len(s.Pending()) == 0 }))
	go func() { _, r := poll(p{"offset": next, "timeout": 50}); answers <- r }()
	if r := <-answers; r.Code != http.StatusConflict || !strings.Contains(r.Description, "terminated by other getUpdates request") {
		t.Errorf("first poller: %+v", r)
	}
	if _, err := s.Say(anna, anna, "hi", 0); err != nil {
		t.Fatal(err)
	}
	if r := <-answers; !r.OK || !strings.Contains(string(r.Result), `"hi"`) {
		t.Errorf("second poller: %+v", r)
	}
	b := listen(t, (*httptest.Server).Start)
	if r := call(t, s, "setWebhook", p{"url": b.URL}); !r.OK {
		t.Fatal(r.Description)
	}
	if _, r := poll(nil); r.Code != http.StatusConflict || !strings.Contains(r.Description, "webhook is active") {
		t.Errorf("beside a webhook: %+v", r)
	}
}

func TestPollEndsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	clock := telegramtest.ManualClock(time.Unix(1_800_000_000, 0))
	s, err := telegramtest.Open(telegramtest.Options{Clock: clock})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	done := make(chan reply)
	go func() { done <- call(t, s, "getUpdates", p{"timeout": 30}) }()
	for {
		select {
		case r := <-done:
			if !r.OK || string(r.Result) != "[]" {
				t.Errorf("%+v", r)
			}
			return
		default:
			clock.Advance(time.Second)
		}
	}
}

func TestOnlyAllowedUpdatesAreMade(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, p{"allowed_updates": []string{"callback_query", "nonsense"}})
	_, err := s.Say(anna, anna, "unheard", 0)
	must(t, err)
	tapped, err := s.Forge(anna, anna, 1, "x")
	must(t, err)
	events(t, s, telegramtest.EventDelivered, 1)
	if got := b.updates(); len(got) != 1 || got[0].ID != tapped.UpdateID {
		t.Errorf("got %+v", got)
	}
}

func TestPrivacyModeHidesTalkInGroups(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, nil)
	mine := messageID(t, call(t, s, "sendMessage", p{"chat_id": group, "text": "question"}))
	for _, said := range []telegramtest.Said{
		{Text: "just talk"},
		{Text: "/help"},
		{Text: "/help@other_bot"},
		{Text: "/help@Countersign_Bot now"},
		{Text: "an answer", ReplyTo: mine},
	} {
		said.UserID, said.ChatID = boris, group
		_, err := s.Post(said)
		must(t, err)
	}
	events(t, s, telegramtest.EventDelivered, 3)
	var got []string
	for _, u := range b.updates() {
		got = append(got, u.Message.Text)
	}
	if want := []string{"/help", "/help@Countersign_Bot now", "an answer"}; !slices.Equal(got, want) {
		t.Errorf("heard %q", got)
	}
}

func TestInlineModeFromQueryToTap(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, nil)
	var answering sync.WaitGroup
	b.answer(func(_ http.ResponseWriter, _ *http.Request, u update) {
		if u.Inline != nil {
			answering.Go(func() {
				call(t, s, "answerInlineQuery", p{
					"inline_query_id": u.Inline.ID, "is_personal": true, "cache_time": 0,
					"results": []p{{
						"type": "article", "id": "1", "title": "Payment", "input_message_content": p{"message_text": "<b>pay</b>", "parse_mode": "HTML"},
						"reply_markup": keyboard(button("Accept", "a")),
					}},
				})
			})
		}
	})
	shown, err := s.InlineQuery(within(t), boris, "pay")
	answering.Wait() // the people see it before the bot hears that it was taken
	if err != nil || len(shown.Results) != 1 || shown.Cache != 0 || !shown.Personal || shown.Results[0].Text != "pay" {
		t.Fatalf("shown %+v, %v", shown, err)
	}
	inlineID, err := s.Choose(boris, 0, shown.Results[0], "pay")
	must(t, err)
	_, err = s.PressInline(anna, inlineID, "Accept")
	must(t, err)
	events(t, s, telegramtest.EventDelivered, 3)
	var chosen, tapped bool
	for _, u := range b.updates() {
		chosen = chosen || (u.Chosen != nil && u.Chosen.Inline == inlineID)
		tapped = tapped || (u.Callback != nil && u.Callback.Inline == inlineID && u.Callback.Message == nil)
	}
	if !chosen || !tapped {
		t.Errorf("chosen %v, tapped %v", chosen, tapped)
	}
	if r := call(t, s, "editMessageText", p{"inline_message_id": inlineID, "text": "paid"}); string(r.Result) != "true" {
		t.Errorf("inline edit: %+v", r)
	}
	if m, _ := s.InlineMessage(inlineID); m.Text != "paid" || len(m.Keyboard) != 0 {
		t.Errorf("after the edit: %+v", m)
	}
}

func TestFaultsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	before := len(s.Messages(anna))
	send := p{"chat_id": anna, "text": "x"}
	s.FailNext("sendMessage", telegramtest.Refuse(400, "Bad Request: TOPIC_DELETED"), telegramtest.TooMany(35), telegramtest.Drop(), telegramtest.Lose())
	if r := call(t, s, "sendMessage", send); r.Description != "Bad Request: TOPIC_DELETED" {
		t.Errorf("%+v", r)
	}
	if r := call(t, s, "sendMessage", send); r.Code != 429 || r.Parameters.RetryAfter != 35 {
		t.Errorf("%+v", r)
	}
	attempt := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/bot"+s.Token()+"/sendMessage?chat_id=101&text=x", nil)
		must(t, err)
		resp, err := (&http.Transport{}).RoundTrip(req)
		if err == nil {
			defer resp.Body.Close()
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	}
	must(t, attempt())
	if n := len(s.Messages(anna)); n != before {
		t.Errorf("%d messages after a drop before the effect", n-before)
	}
	must(t, attempt())
	if n := len(s.Messages(anna)); n != before+1 {
		t.Errorf("%d messages after an answer was lost", n-before)
	}
	calls := s.CallsOf("sendMessage")
	if len(calls) != 4 || calls[2].Done || !calls[3].Done || calls[3].Lost == "" {
		t.Errorf("ledger %+v", calls)
	}
	end := s.FailAlways(telegramtest.Any, telegramtest.Refuse(500, "Internal Server Error"))
	if r := call(t, s, "getMe", nil); r.Code != 500 {
		t.Errorf("%+v", r)
	}
	end()
	if r := call(t, s, "getMe", nil); !r.OK {
		t.Errorf("%+v", r)
	}
	hold := make(chan struct{})
	s.FailNext("sendMessage", telegramtest.Delay(hold))
	answered := make(chan reply)
	go func() { answered <- call(t, s, "sendMessage", send) }()
	must(t, s.WaitFor(within(t), func() bool { return len(s.CallsOf("sendMessage")) == 5 }))
	if n := len(s.Messages(anna)); n != before+1 {
		t.Error("a call that is held back had its effect")
	}
	close(hold)
	messageID(t, <-answered)
}

func TestFastClockReachesTheEndOfATap(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{Clock: telegramtest.FastClock(1000)})
	tapped, err := s.Forge(anna, anna, 1, "x")
	must(t, err)
	begun := s.Clock().Now()
	must(t, s.Clock().Wait(within(t), telegramtest.TapLife))
	if took := s.Clock().Now().Sub(begun); took < telegramtest.TapLife {
		t.Errorf("only %v passed", took)
	}
	_ = s.Pending()
	if _, err := tapped.Wait(within(t)); !errors.Is(err, telegramtest.ErrUnanswered) {
		t.Error(err)
	}
}

func TestChangesCanBeWaitedFor(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	since := s.Version()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Changed(ctx, since); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing has changed: %v", err)
	}
	card(t, s)
	if now, err := s.Changed(within(t), since); err != nil || now <= since {
		t.Errorf("%d after %d, %v", now, since, err)
	}
}
