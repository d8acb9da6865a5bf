package telegramtest_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/telegram/telegramtest"
)

// bot is a webhook that notes what it gets and answers as told.
type bot struct {
	*httptest.Server

	mu      sync.Mutex
	got     []update
	headers []http.Header
	respond func(w http.ResponseWriter, r *http.Request, u update)
}

type update struct {
	ID       int64 `json:"update_id"`
	Callback *struct {
		ID      string `json:"id"`
		Data    string `json:"data"`
		Inline  string `json:"inline_message_id"`
		Message *struct {
			Date int64 `json:"date"`
		} `json:"message"`
	} `json:"callback_query"`
	Message *struct {
		Text    string `json:"text"`
		Migrate int64  `json:"migrate_to_chat_id"`
	} `json:"message"`
	Member *struct {
		New struct {
			Status string `json:"status"`
		} `json:"new_chat_member"`
	} `json:"my_chat_member"`
	Inline *struct {
		ID string `json:"id"`
	} `json:"inline_query"`
	Chosen *struct {
		Inline string `json:"inline_message_id"`
	} `json:"chosen_inline_result"`
}

func listen(t *testing.T, start func(*httptest.Server)) *bot {
	t.Helper()
	b := &bot{}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var u update
		_ = json.Unmarshal(body, &u)
		b.mu.Lock()
		b.got, b.headers = append(b.got, u), append(b.headers, r.Header)
		respond := b.respond
		b.mu.Unlock()
		if respond != nil {
			respond(w, r, u)
		}
	}))
	b.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(b.Server)
	t.Cleanup(b.Close)
	return b
}

func (b *bot) answer(respond func(w http.ResponseWriter, r *http.Request, u update)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.respond = respond
}

func (b *bot) updates() []update {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// events waits until the ledger has n events of a kind and returns them.
func events(t *testing.T, s *telegramtest.Server, kind telegramtest.EventKind, n int) []telegramtest.Event {
	t.Helper()
	var found []telegramtest.Event
	err := s.WaitFor(within(t), func() bool {
		found = slices.DeleteFunc(s.Ledger(), func(e telegramtest.Event) bool { return e.Kind != kind })
		return len(found) >= n
	})
	if err != nil {
		t.Fatalf("%d events %q of %d: %v", len(found), kind, n, err)
	}
	return found
}

// clocked is a world whose clock stands, with nothing pending and a webhook.
func clocked(t *testing.T, params p) (*telegramtest.Server, *telegramtest.Clock, *bot) {
	t.Helper()
	clock := telegramtest.ManualClock(time.Unix(1_800_000_000, 0))
	s := world(t, telegramtest.Options{Clock: clock})
	b := listen(t, (*httptest.Server).Start)
	if params == nil {
		params = p{}
	}
	params["url"], params["secret_token"], params["drop_pending_updates"] = b.URL, "s3cret", true
	if r := call(t, s, "setWebhook", params); !r.OK {
		t.Fatalf("setWebhook: %+v", r)
	}
	return s, clock, b
}

func card(t *testing.T, s *telegramtest.Server) int64 {
	t.Helper()
	return messageID(t, call(t, s, "sendMessage", p{
		"chat_id": anna, "text": "pay", "reply_markup": keyboard(button("✅ Accept", "a"), button("❌ Reject", "r")),
	}))
}

func TestTapIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	s, clock, b := clocked(t, nil)
	id := card(t, s)
	var answering sync.WaitGroup
	b.answer(func(_ http.ResponseWriter, _ *http.Request, u update) {
		answering.Go(func() {
			call(t, s, "answerCallbackQuery", p{"callback_query_id": u.Callback.ID, "text": "done " + u.Callback.Data, "show_alert": true})
		})
	})
	told, err := s.Tap(within(t), anna, anna, id, "Accept")
	answering.Wait()
	if err != nil || told.Text != "done a" || !told.Alert {
		t.Fatalf("told %+v, %v", told, err)
	}
	if b.headers[0].Get("X-Telegram-Bot-Api-Secret-Token") != "s3cret" || b.headers[0].Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", b.headers[0])
	}
	const old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
	if r := call(t, s, "answerCallbackQuery", p{"callback_query_id": b.updates()[0].Callback.ID}); r.Description != old {
		t.Errorf("second answer: %+v", r)
	}
	b.answer(nil)
	tapped, err := s.Press(anna, anna, id, "r")
	must(t, err)
	events(t, s, telegramtest.EventDelivered, 2)
	clock.Advance(telegramtest.TapLife + time.Second)
	if r := call(t, s, "answerCallbackQuery", p{"callback_query_id": tapped.QueryID}); r.Description != old {
		t.Errorf("late answer: %+v", r)
	}
}

func TestRetriesAtOnceAndThenLaterAndLaterUntilTheTapIsTooOld(t *testing.T) {
	t.Parallel()
	s, clock, b := clocked(t, nil)
	b.answer(func(w http.ResponseWriter, _ *http.Request, _ update) { w.WriteHeader(http.StatusServiceUnavailable) })
	begin := clock.Now()
	tapped, err := s.Press(anna, anna, card(t, s), "Accept")
	must(t, err)
	var seconds []int
	for i, wait := range []int{0, 2, 4, 8, 16, 32} {
		clock.Advance(time.Duration(wait) * time.Second)
		failed := events(t, s, telegramtest.EventFailed, i+2) // two of them at the beginning
		if i == 0 {
			seconds = append(seconds, int(failed[0].At.Sub(begin)/time.Second))
		}
		seconds = append(seconds, int(failed[i+1].At.Sub(begin)/time.Second))
		if len(failed) != i+2 {
			t.Fatalf("%d tries after %d s", len(failed), seconds[i+1])
		}
	}
	if want := []int{0, 0, 2, 6, 14, 30, 62}; !slices.Equal(seconds, want) {
		t.Errorf("tries at %v, want %v", seconds, want)
	}
	var info struct {
		Pending int    `json:"pending_update_count"`
		Error   string `json:"last_error_message"`
		Date    int64  `json:"last_error_date"`
	}
	must(t, json.Unmarshal(call(t, s, "getWebhookInfo", nil).Result, &info))
	if info.Pending != 1 || info.Error != "Wrong response from the webhook: 503 Service Unavailable" || info.Date != clock.Now().Unix() {
		t.Errorf("info %+v", info)
	}
	clock.Advance(telegramtest.TapLife)
	events(t, s, telegramtest.EventExpired, 1)
	if _, err := tapped.Wait(within(t)); !errors.Is(err, telegramtest.ErrUnanswered) {
		t.Errorf("tap that was dropped: %v", err)
	}
	if left := s.Pending(); len(left) != 0 {
		t.Errorf("still pending: %v", left)
	}
}

func TestRetryAfterBeyondItsLifeDropsTheTap(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, nil)
	b.answer(func(w http.ResponseWriter, _ *http.Request, _ update) {
		w.Header().Set("Retry-After", "151")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := s.Press(anna, anna, card(t, s), "Accept")
	must(t, err)
	events(t, s, telegramtest.EventExpired, 1)
	if n := len(b.updates()); n != 1 {
		t.Errorf("%d tries", n)
	}
}

func TestSilentWebhookIsGivenUpAfterAMinuteAndTriedAgain(t *testing.T) {
	t.Parallel()
	s, clock, b := clocked(t, nil)
	arrived := make(chan struct{}, 10)
	b.answer(func(_ http.ResponseWriter, r *http.Request, _ update) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	_, err := s.Press(anna, anna, card(t, s), "Accept")
	must(t, err)
	<-arrived
	b.answer(nil)
	clock.Advance(61 * time.Second)
	events(t, s, telegramtest.EventDelivered, 1)
	if e := events(t, s, telegramtest.EventFailed, 1)[0]; e.Text != "Read timeout expired" {
		t.Errorf("said %q", e.Text)
	}
}

func TestOneQueueWaitsWhileOthersFlow(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, nil)
	id := card(t, s)
	hold := make(chan struct{})
	b.answer(func(_ http.ResponseWriter, r *http.Request, u update) {
		if u.Callback != nil && u.Callback.Data == "a" {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
	})
	first, err := s.Press(anna, anna, id, "Accept")
	must(t, err)
	second, err := s.Press(anna, anna, id, "Reject")
	must(t, err)
	_, err = s.Say(anna, anna, "hello", 0)
	must(t, err)
	other, err := s.Forge(boris, group, 1, "b")
	must(t, err)
	events(t, s, telegramtest.EventDelivered, 2)
	if pending := s.Pending(); !slices.Equal(pending, []int64{first.UpdateID, second.UpdateID}) {
		t.Errorf("pending %v, want both taps of Anna, not %d", pending, other.UpdateID)
	}
	close(hold)
	done := events(t, s, telegramtest.EventDelivered, 4)
	if done[2].UpdateID != first.UpdateID || done[3].UpdateID != second.UpdateID {
		t.Errorf("order %d, %d", done[2].UpdateID, done[3].UpdateID)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, p{"max_connections": 2})
	var mu sync.Mutex
	now, most := 0, 0
	arrived, step := make(chan struct{}, 8), make(chan struct{})
	b.answer(func(http.ResponseWriter, *http.Request, update) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		arrived <- struct{}{}
		<-step
		mu.Lock()
		now--
		mu.Unlock()
	})
	for user := int64(201); user < 209; user++ {
		s.User(user, "U", "")
		_, err := s.Forge(user, anna, 1, "x")
		must(t, err)
	}
	<-arrived
	for range 7 {
		<-arrived // one is on its way already
		step <- struct{}{}
	}
	step <- struct{}{}
	events(t, s, telegramtest.EventDelivered, 8)
	if most != 2 {
		t.Errorf("%d at once", most)
	}
}

func TestDuplicatesDisorderAndJumps(t *testing.T) {
	t.Parallel()
	s, _, b := clocked(t, nil)
	id := card(t, s)
	s.Pause()
	first, err := s.Press(anna, anna, id, "Accept")
	must(t, err)
	second := first.Again()
	if second.UpdateID == first.UpdateID || second.QueryID == first.QueryID {
		t.Error("the same tap again must be another query in another update")
	}
	s.JumpUpdateID(17)
	third, err := s.Press(anna, anna, id, "Reject")
	must(t, err)
	if third.UpdateID != 17 {
		t.Errorf("jumped to %d", third.UpdateID)
	}
	s.Reorder(telegramtest.Backwards)
	s.Resume()
	events(t, s, telegramtest.EventDelivered, 3)
	var got []int64
	for _, u := range b.updates() {
		got = append(got, u.ID)
	}
	if want := []int64{second.UpdateID, first.UpdateID, 17}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	must(t, s.Repeat(first.UpdateID))
	events(t, s, telegramtest.EventDelivered, 4)
	if last := b.updates()[3].ID; last != first.UpdateID {
		t.Errorf("repeated %d", last)
	}
	s.Inject("tap 101", []byte(`{"update_id":true`))
	events(t, s, telegramtest.EventDelivered, 5)
}

func TestSelfSignedWebhookNeedsItsCertificate(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	b := listen(t, (*httptest.Server).StartTLS)
	b.TLS.MinVersion = tls.VersionTLS12
	if r := call(t, s, "setWebhook", p{"url": b.URL}); !r.OK {
		t.Fatal(r.Description)
	}
	failed := events(t, s, telegramtest.EventFailed, 1)[0]
	if !strings.Contains(failed.Text, "certificate verify failed") {
		t.Errorf("said %q", failed.Text)
	}
	var body strings.Builder
	w := multipart.NewWriter(&body)
	must(t, w.WriteField("url", b.URL))
	part, err := w.CreateFormFile("certificate", "c.pem")
	must(t, err)
	must(t, pem.Encode(part, &pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw}))
	must(t, w.Close())
	if r := post(t, s, "setWebhook", w.FormDataContentType(), strings.NewReader(body.String())); !r.OK {
		t.Fatal(r.Description)
	}
	events(t, s, telegramtest.EventDelivered, 1)
}
