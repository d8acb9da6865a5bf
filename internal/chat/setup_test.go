package chat_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"countersign/internal/chat"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// T11: whoever has the token can point the webhook elsewhere. It is noticed, said loudly
// and set again.
func TestWebhookThatSomebodyChangedIsSetAgain(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	for name, c := range map[string]struct {
		change func(o *office, now telegram.Webhook) telegram.Webhook
		says   string
	}{
		"T11 another address": {func(_ *office, w telegram.Webhook) telegram.Webhook { w.URL = elsewhere.URL; return w }, "address"},
		"T11 another secret":  {func(_ *office, w telegram.Webhook) telegram.Webhook { w.Secret = "somebody-elses"; return w }, "secret"},
		"T11 other updates":   {func(_ *office, w telegram.Webhook) telegram.Webhook { w.Allowed = []string{"message"}; return w }, "kinds of update"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			log := &journal{}
			o.door.Log = slog.New(slog.NewTextHandler(log, nil))
			hook := chat.Hook{URL: o.url}
			var me telegram.Me
			announce := func() { must(t, o.door.Announce(t.Context(), hook, func(m telegram.Me) { me = m })) }
			announce()
			if me.Username != o.tg.BotName() || !o.door.Holds(t.Context(), hook) {
				t.Fatalf("the bot is %+v; said: %s", me, log)
			}
			o.Post(t, "41")
			card := o.card(t, ledgertest.Budget)
			must(t, o.door.Telegram.SetWebhook(t.Context(), c.change(o, telegram.Webhook{URL: o.url, Secret: o.door.Secret})))
			pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "✅")
			must(t, err)
			o.wait(t, func() bool { return !o.door.Holds(t.Context(), hook) })
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), c.says) {
				t.Errorf("said: %s", log)
			}
			announce()
			if c.says == "kinds of update" { // that tap was never kept for us
				pressed, err = o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "✅")
				must(t, err)
			}
			a, err := pressed.Wait(t.Context())
			if err != nil || !strings.Contains(a.Text, "recorded") {
				t.Errorf("the tap after it was told %q, %v", a.Text, err)
			}
		})
	}
}

func TestBotAPIThatKnowsNoWebhookInfoChangesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hook := chat.Hook{URL: o.url}
	must(t, o.door.Announce(t.Context(), hook, func(telegram.Me) {}))
	o.tg.FailNext("getWebhookInfo", telegramtest.Refuse(404, "Not Found"))
	if !o.door.Holds(t.Context(), hook) {
		t.Error("what could not be asked was taken for a change")
	}
	if !o.door.Holds(t.Context(), hook) {
		t.Error("the webhook is no longer as it was set")
	}
	if o.door.Holds(t.Context(), chat.Hook{}) {
		t.Error("a webhook that stands in the way of the long poll is not noticed")
	}
}
