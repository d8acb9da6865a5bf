package chat_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/chat"
	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/link"
	"countersign/internal/locale/localetest"
	"countersign/internal/pace"
	"countersign/internal/telegram"
)

// agreeable is a Bot API that takes everything.
func agreeable(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if path.Base(r.URL.Path) == "answerCallbackQuery" {
		_, _ = io.WriteString(w, `{"ok":true,"result":true}`)
		return
	}
	_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1002,"type":"private"}}}`)
}

func bareDoor(f *testing.F, b *ledgertest.Bench) *chat.Door {
	f.Helper()
	api := httptest.NewServer(http.HandlerFunc(agreeable))
	f.Cleanup(api.Close)
	log := slog.New(slog.DiscardHandler)
	client, err := telegram.New(telegram.Options{Token: "42:fuzz", APIURL: api.URL, Log: log})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(client.Close)
	texts := localetest.Texts(f)
	return &chat.Door{
		Link:   &link.Desk{Store: &link.Store{Pool: b.Pool}, Directory: b.Directory, Texts: texts, Username: func() string { return "fuzz_bot" }},
		Ledger: b.DB, Directory: b.Directory, Dialogs: &chat.Dialogs{Pool: b.Pool}, Telegram: client,
		Pace: &pace.Pace{Pool: b.Pool, Limits: pace.Limits{PerBot: 1e6, PerChat: 1e6, PerGroupMinute: 1e6}}, Texts: texts, Bot: 42,
		Username: func() string { return "fuzz_bot" }, Zone: time.UTC, Now: time.Now, Log: log,
	}
}

// FuzzWhatComesToAQuestion: whatever somebody writes or sends as a button of a question is
// handled, and only what answers the question votes.
func FuzzWhatComesToAQuestion(f *testing.F) {
	const asked = 100 // the message of the question
	b := ledgertest.New(f)
	d := bareDoor(f, b)
	for _, words := range []string{
		"The contract has ended", "", " \u200b ", "/start x", "/queue", "a\x00b", strings.Repeat("ж", 1001), "q:{id}:0", "q:{id}:x", "q:{id}:9",
		"q:\x00:0", "q::", "q:dlg_00000000000000000000000000:0", "q:{id}",
	} {
		f.Add(words, int64(asked+1), int64(0))
		f.Add(words, int64(asked-1), int64(0))
		f.Add(words, int64(asked-1), int64(asked))
		f.Add(words, int64(1), int64(7))
	}
	n := 0
	f.Fuzz(func(t *testing.T, words string, message, replyTo int64) {
		n++
		id := fmt.Sprint(n)
		st := b.Post(t, id)
		dlg := &chat.Dialog{
			Account: ledgertest.Budget, Tap: card.Tap{Case: st.Case.ID, Round: 1, Revision: 1, Verdict: approval.Reject},
			OpenedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
		}
		must(t, d.Dialogs.Open(t.Context(), dlg))
		must(t, d.Dialogs.Asked(t.Context(), dlg, asked, time.Now()))
		words = strings.ReplaceAll(words, "{id}", dlg.ID)
		body := fuzzed(t, n, words, max(message, 1), max(replyTo, 0))
		outcome, err := d.Handle(t.Context(), &inbox.Item{ID: int64(n), Body: body, Attempt: 1})
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		now, err := b.Document(t.Context(), ledgertest.Key(id))
		must(t, err)
		answers := replyTo == asked || replyTo <= 0 && message > asked
		if strings.HasPrefix(words, "q:") {
			answers = strings.HasPrefix(words, "q:"+dlg.ID+":")
		}
		if now.Case.State == approval.Rejected && !answers || strings.HasPrefix(outcome, "voted") != (now.Case.State == approval.Rejected) {
			t.Errorf("%q as message %d to %d: %s, and the case is %s", words, message, replyTo, outcome, now.Case.State)
		}
		if now.Case.State == approval.InProgress {
			_, err := b.Withdraw(t.Context(), ledgertest.Key(id), "next")
			must(t, err)
		}
	})
}

func fuzzed(t *testing.T, n int, words string, message, replyTo int64) []byte {
	t.Helper()
	type object map[string]any
	place := object{"id": ledgertest.Budget, "type": "private"}
	person := object{"id": ledgertest.Budget, "is_bot": false, "first_name": "P"}
	m := object{"message_id": message, "date": 1, "chat": place, "from": person, "text": words}
	if replyTo != 0 {
		m["reply_to_message"] = object{"message_id": replyTo, "date": 1, "chat": place}
	}
	update := object{"update_id": n, "message": m}
	if strings.HasPrefix(words, "q:") {
		bot := object{"message_id": message, "date": 1, "chat": place, "from": object{"id": 42, "is_bot": true, "first_name": "b"}}
		update = object{"update_id": n, "callback_query": object{"id": "7", "from": person, "chat_instance": "1", "message": bot, "data": words}}
	}
	body, err := json.Marshal(update)
	must(t, err)
	return body
}
