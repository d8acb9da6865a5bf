package telegram_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// notes is a journal that a client tells.
type notes struct {
	mu  sync.Mutex
	all []telegram.Call
}

func (n *notes) add(c telegram.Call) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, c)
}

// last is the newest call, which is of the method.
func (n *notes) last(t *testing.T, method string) telegram.Call {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.all) == 0 || n.all[len(n.all)-1].Method != method {
		t.Fatalf("no %s at the end of %+v", method, n.all)
	}
	return n.all[len(n.all)-1]
}

func noted(t *testing.T) (*telegramtest.Server, *telegram.Client, *notes) {
	t.Helper()
	s, _ := world(t)
	n := &notes{}
	return s, client(t, telegram.Options{APIURL: s.URL(), Note: n.add, Now: time.Now}), n
}

func TestEveryCallIsNotedWithWhatItIsAboutAndWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	s, c, n := noted(t)
	ctx := telegram.Concerning(t.Context(), telegram.About{Case: "cas_1", Request: "r-1"})
	ctx = telegram.Concerning(ctx, telegram.About{Update: 7})
	k := keyboard(t, []telegram.Button{{Text: "Open", URL: "https://pay.example/secret-way"}})
	id, err := c.Send(ctx, telegram.Outgoing{ChatID: anna, HTML: "<b>hello</b>", Keyboard: k})
	must(t, err)
	got := n.last(t, "sendMessage")
	if got.About != (telegram.About{Case: "cas_1", Update: 7, Request: "r-1"}) || got.Facts.Chat != anna || got.Facts.Message != id ||
		got.Facts.Text != "<b>hello</b>" || got.Attempts != 1 || got.Bytes == 0 || got.Err != nil || got.Started.IsZero() {
		t.Errorf("%+v", got)
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "secret-way") {
		t.Errorf("where a button leads is told: %+v", got)
	}
	s.FailNext("sendMessage", telegramtest.Lose())
	_, err = c.Send(t.Context(), telegram.Outgoing{ChatID: anna, Text: "again"})
	if got := n.last(t, "sendMessage"); telegram.KindOf(err) != telegram.Unknown || telegram.KindOf(got.Err) != telegram.Unknown || got.About != (telegram.About{}) {
		t.Errorf("%v: %+v", err, got)
	}
	must(t, c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: id, HTML: "<b>hello</b>", Keyboard: k}))
	if got := n.last(t, "editMessageText"); telegram.KindOf(got.Err) != telegram.NotModified || got.Facts.Message != id {
		t.Errorf("%+v", got)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("12345")), nil }
	_, err = c.SendAlbum(ctx, []telegram.Document{
		{Outgoing: telegram.Outgoing{ChatID: anna, Text: "one"}, Name: "1.pdf", Size: 5, Open: open},
		{Outgoing: telegram.Outgoing{ChatID: anna, Text: "two"}, Name: "2.pdf", Size: 5, Open: open},
	})
	must(t, err)
	if got := n.last(t, "sendMediaGroup"); got.Facts.Chat != anna || got.Facts.Count != 2 || got.Facts.Size != 10 || got.Facts.File != "1.pdf" || got.About.Case != "cas_1" {
		t.Errorf("%+v", got)
	}
	err = c.DeleteMessage(t.Context(), anna, 999)
	if got := n.last(t, "deleteMessage"); telegram.KindOf(err) != telegram.Gone || telegram.KindOf(got.Err) != telegram.Gone {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestFilesAreNotedByTheirSizeAndPollsAndFetches(t *testing.T) {
	t.Parallel()
	s, c, n := noted(t)
	content := []byte("%PDF-1.4 an invoice")
	sent, err := c.SendDocument(t.Context(), telegram.Document{
		Outgoing: telegram.Outgoing{ChatID: anna, Text: "see"}, Name: "a.pdf", Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	})
	must(t, err)
	if got := n.last(t, "sendDocument"); got.Bytes != int64(len(content)) || got.Facts.File != "a.pdf" || got.Facts.Message != sent.MessageID {
		t.Errorf("%+v", got)
	}
	_, err = c.Fetch(t.Context(), s.StoreFile("document", "b.pdf", content), 1000)
	must(t, err)
	if got := n.last(t, "fetchFile"); got.Bytes != int64(len(content)) || got.Attempts != 1 || got.Err != nil {
		t.Errorf("%+v", got)
	}
	_, err = c.Fetch(t.Context(), s.StoreFile("document", "b.pdf", content), 3)
	if err == nil {
		t.Error("more than the most was fetched")
	}
	_, err = c.GetUpdates(t.Context(), telegram.Poll{})
	must(t, err)
	n.last(t, "getUpdates")
	must(t, c.SetWebhook(t.Context(), telegram.Webhook{URL: "https://pay.example", Secret: "the-secret-of-the-webhook"}))
	if got := n.last(t, "setWebhook"); strings.Contains(fmt.Sprintf("%+v", got), "the-secret") {
		t.Errorf("%+v", got)
	}
}
