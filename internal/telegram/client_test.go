package telegram_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const (
	token = "4242:AA-secret_token"
	anna  = 101
	group = -500
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func client(t *testing.T, o telegram.Options) *telegram.Client {
	t.Helper()
	o.Token = token
	c, err := telegram.New(o)
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// world is Telegram with Anna, who has started the bot, a group, and a client.
func world(t *testing.T) (*telegramtest.Server, *telegram.Client) {
	t.Helper()
	s, err := telegramtest.Open(telegramtest.Options{Token: token})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	s.User(anna, "Anna", "ru")
	must(t, s.AddChat(telegramtest.Chat{ID: group, Type: telegramtest.Group, Title: "G", Members: []int64{anna}}))
	_, err = s.StartBot(anna, "")
	must(t, err)
	return s, client(t, telegram.Options{APIURL: s.URL()})
}

func keyboard(t *testing.T, rows ...[]telegram.Button) telegram.Keyboard {
	t.Helper()
	k, err := telegram.NewKeyboard(rows...)
	must(t, err)
	return k
}

func TestNewCallsNobodyAndChecksItsOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]telegram.Options{
		"no token":   {},
		"bad token":  {Token: "no colon"},
		"spaces":     {Token: "1:a b"},
		"bad url":    {Token: token, APIURL: "api.telegram.org"},
		"control":    {Token: token, APIURL: "http://a\x7f.example"},
		"query":      {Token: token, APIURL: "http://a.example?x=1"},
		"bad proxy":  {Token: token, Proxy: "ftp://a.example"},
		"no clock":   {Token: token, Observe: func(string, telegram.Kind, time.Duration) {}},
		"proxy path": {Token: token, Proxy: "http://a.example/way?in=1"},
		"no proxy":   {Token: token, Proxy: "socks5://:1080"},
		"proxy text": {Token: token, Proxy: "http://user:pass\x7fword@a.example"},
	} {
		if _, err := telegram.New(o); err == nil || strings.Contains(err.Error(), "secret_token") || strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := client(t, telegram.Options{APIURL: "http://127.0.0.1:1"})
	if c.BotID() != 4242 {
		t.Errorf("bot id %d", c.BotID())
	}
}

func TestMessageIsSentEditedAndDeleted(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	ctx := t.Context()
	k := keyboard(t, []telegram.Button{{Text: "✅ Accept", Data: "a", Style: telegram.Success}, {Text: "❌ Reject", Data: "r", Style: telegram.Danger}})
	id, err := c.Send(ctx, telegram.Outgoing{ChatID: anna, HTML: "<b>Pay</b> &lt;5&gt; \"x\"", Keyboard: k, ReplyTo: 1, Silent: true, Protect: true})
	must(t, err)
	m, _ := s.Message(anna, id)
	if m.Text != `Pay <5> "x"` || !m.Silent || !m.Protected || !m.NoPreview || m.ReplyTo != 1 || m.Keyboard[0][1].Data != "r" || m.Keyboard[0][0].Style != "success" {
		t.Errorf("sent %+v", m)
	}
	must(t, c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: id, Text: "<b>", Keyboard: k}))
	must(t, c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: id, Text: "<b>", Keyboard: k})) // not modified is no error
	must(t, c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: id, Text: "<b>"}))
	if m, _ = s.Message(anna, id); m.Text != "<b>" || len(m.Keyboard) != 0 || m.Edits != 2 {
		t.Errorf("edited %+v", m)
	}
	must(t, c.DeleteMessage(ctx, anna, id))
	if err := c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: id, Text: "x"}); telegram.KindOf(err) != telegram.Gone {
		t.Errorf("edit of a deleted message: %v", err)
	}
	id, err = c.Send(ctx, telegram.Outgoing{ChatID: anna, Text: "Why?", Ask: "reason", ReplyTo: 99999})
	must(t, err)
	if m, _ = s.Message(anna, id); !m.ForceReply || m.Placeholder != "reason" || m.ReplyTo != 0 {
		t.Errorf("asked %+v", m)
	}
	id, err = c.Send(ctx, telegram.Outgoing{ChatID: anna, Text: "Your number?", Contact: "📱 Send"})
	must(t, err)
	if m, _ = s.Message(anna, id); m.Contact != "📱 Send" || len(m.ReplyKeyboard) != 1 {
		t.Errorf("asked for a number %+v", m)
	}
	id, err = c.Send(ctx, telegram.Outgoing{ChatID: anna, Text: "Thanks", Bare: true})
	must(t, err)
	if m, _ = s.Message(anna, id); !m.Bare {
		t.Errorf("the keyboard stays: %+v", m)
	}
}

func TestDocumentIsStreamedOnceAndThenSentByItsID(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	data := bytes.Repeat([]byte("0123456789"), 200_000)
	opened := 0
	sent, err := c.SendDocument(t.Context(), telegram.Document{
		Outgoing: telegram.Outgoing{ChatID: anna, HTML: "<b>bill</b>"}, Name: "../bill\r\n\"1\".pdf", Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { opened++; return io.NopCloser(bytes.NewReader(data)), nil },
	})
	must(t, err)
	m, _ := s.Message(anna, sent.MessageID)
	stored, _ := s.FileBytes(sent.FileID)
	if m.Text != "bill" || !bytes.Equal(stored, data) || m.Document.FileID != sent.FileID || strings.ContainsAny(m.Document.Name, "/\r\n\"") || opened != 1 {
		t.Errorf("sent %+v, %d bytes, opened %d", m.Document, len(stored), opened)
	}
	again, err := c.SendDocument(t.Context(), telegram.Document{Outgoing: telegram.Outgoing{ChatID: group}, FileID: sent.FileID})
	must(t, err)
	if again.FileID != sent.FileID {
		t.Errorf("file id %q", again.FileID)
	}
	must(t, c.EditCaption(t.Context(), telegram.Edit{ChatID: group, MessageID: again.MessageID, Text: "paid"}))
	if m, _ := s.Message(group, again.MessageID); m.Text != "paid" {
		t.Errorf("caption %q", m.Text)
	}
}

type brokenReader struct{ n int }

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.n--; r.n < 0 {
		return 0, errors.New("disk is gone")
	}
	return len(p), nil
}

func (r *brokenReader) Close() error { return nil }

func TestFileThatCannotBeReadOrIsTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	c := client(t, telegram.Options{APIURL: s.URL(), MaxFile: 1 << 20})
	before := len(s.Messages(anna))
	endless := func() (io.ReadCloser, error) { return &brokenReader{n: 1 << 30}, nil }
	for name, tc := range map[string]struct {
		d    telegram.Document
		want telegram.Kind
	}{
		"nothing":         {telegram.Document{}, telegram.Bug},
		"cannot open":     {telegram.Document{Open: func() (io.ReadCloser, error) { return nil, errors.New("no file") }}, telegram.BadFile},
		"breaks off":      {telegram.Document{Open: func() (io.ReadCloser, error) { return &brokenReader{n: 3}, nil }}, telegram.BadFile},
		"says too large":  {telegram.Document{Size: 2 << 20, Open: endless}, telegram.TooLarge},
		"is too large":    {telegram.Document{Open: endless}, telegram.TooLarge},
		"unknown file id": {telegram.Document{FileID: "BQAC"}, telegram.BadFile},
	} {
		tc.d.ChatID = anna
		if _, err := c.SendDocument(t.Context(), tc.d); telegram.KindOf(err) != tc.want {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if n := len(s.Messages(anna)); n != before {
		t.Errorf("%d messages appeared", n-before)
	}
}

func TestTapAndInlineQueryAreAnswered(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	ctx := t.Context()
	k := keyboard(t, []telegram.Button{{Text: "Accept", Data: "a"}})
	id, err := c.Send(ctx, telegram.Outgoing{ChatID: anna, Text: "pay", Keyboard: k})
	must(t, err)
	tapped, err := s.Press(anna, anna, id, "Accept")
	must(t, err)
	must(t, c.AnswerCallback(ctx, telegram.Answer{QueryID: tapped.QueryID, Text: strings.Repeat("я", 300), Alert: true}))
	told, err := tapped.Wait(ctx)
	must(t, err)
	if len([]rune(told.Text)) != 200 || !told.Alert {
		t.Errorf("told %+v", told)
	}
	if err := c.AnswerCallback(ctx, telegram.Answer{QueryID: tapped.QueryID}); telegram.KindOf(err) != telegram.QueryTooOld {
		t.Errorf("second answer: %v", err)
	}

	shown := make(chan telegramtest.InlineAnswered)
	go func() {
		a, err := s.InlineQuery(ctx, anna, "pay")
		if err != nil {
			t.Error(err)
		}
		shown <- a
	}()
	query := nextUpdate(t, s, c, telegram.UpdateInline)
	must(t, c.AnswerInline(ctx, telegram.InlineAnswer{
		QueryID: query.Inline.ID, Prompt: telegram.Prompt{Text: "Link", Parameter: "link"},
		Results: []telegram.InlineResult{{ID: "1", Title: "Payment", Description: "5 EUR", HTML: "<b>pay</b>", Keyboard: k}},
	}))
	a := <-shown
	if a.Cache != 0 || !a.Personal || a.Prompt != "Link" || a.Parameter != "link" || a.Results[0].Text != "pay" {
		t.Errorf("shown %+v", a)
	}
	inlineID, err := s.Choose(anna, 0, a.Results[0], "pay")
	must(t, err)
	for range 2 { // the second time it is not modified
		must(t, c.EditText(ctx, telegram.Edit{InlineID: inlineID, HTML: "<i>paid</i>"}))
	}
	if m, _ := s.InlineMessage(inlineID); m.Text != "paid" || m.HTML != "<i>paid</i>" || len(m.Keyboard) != 0 {
		t.Errorf("inline message %+v", m)
	}
}

// nextUpdate polls until an update of a kind comes.
func nextUpdate(t *testing.T, s *telegramtest.Server, c *telegram.Client, kind telegram.UpdateKind) telegram.Update {
	t.Helper()
	var offset int64
	for {
		raw, err := c.GetUpdates(t.Context(), telegram.Poll{Offset: offset, Wait: 5 * time.Second, Allowed: telegram.AllowedUpdates()})
		must(t, err)
		if len(raw) == 0 {
			t.Fatalf("no update of kind %v, pending %v", kind, s.Pending())
		}
		for _, r := range raw {
			u, err := telegram.Parse(r.Body)
			must(t, err)
			if u.Kind == kind {
				return u
			}
			offset = r.ID + 1
		}
	}
}

func TestOneStrangeUpdateDoesNotSpoilTheOthers(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	s.Inject("x", []byte(`{"update_id":870000900,"my_chat_member":{"chat":{"id":1},"from":{"id":"x"}}}`))
	s.Inject("y", []byte(`{"update_id":870000901,"message":{"a":1,"a":2}}`))
	_, err := s.Say(anna, anna, "hello", 0)
	must(t, err)
	updates, err := c.GetUpdates(t.Context(), telegram.Poll{})
	must(t, err)
	read := 0
	for _, u := range updates {
		if parsed, err := telegram.Parse(u.Body); err == nil && parsed.ID == u.ID {
			read++
		}
	}
	if len(updates) != 5 || read != 3 || updates[3].ID != 870000901 {
		t.Errorf("%d updates, %d readable", len(updates), read)
	}
}

func TestWebhookAndMenuOfCommandsAreSet(t *testing.T) {
	t.Parallel()
	s, c := world(t)
	ctx := t.Context()
	me, err := c.GetMe(ctx)
	if err != nil || me.ID != 4242 || me.Username != s.BotName() || !me.InlineMode {
		t.Errorf("me %+v, %v", me, err)
	}
	hook := httptest.NewServer(http.NotFoundHandler())
	defer hook.Close()
	must(t, c.SetWebhook(ctx, telegram.Webhook{URL: hook.URL, Secret: "abc", MaxConnections: 7}))
	info, err := c.GetWebhookInfo(ctx)
	if err != nil || info.URL != hook.URL || info.MaxConnections != 7 || !slices.Equal(info.Allowed, telegram.AllowedUpdates()) || info.Pending == 0 {
		t.Errorf("info %+v, %v", info, err)
	}
	if _, err := c.GetUpdates(ctx, telegram.Poll{}); telegram.KindOf(err) != telegram.Conflict {
		t.Errorf("poll beside a webhook: %v", err)
	}
	must(t, c.DeleteWebhook(ctx))
	err = c.SetWebhook(ctx, telegram.Webhook{URL: "https://a.example", Certificate: []byte("nonsense")})
	if telegram.KindOf(err) != telegram.Config {
		t.Errorf("bad certificate: %v", err)
	}
	commands := []telegram.MenuCommand{{Name: "help", Description: "What I can do"}}
	must(t, c.SetCommands(ctx, telegram.ScopePrivate, "ru", commands))
	if got := s.Commands()["all_private_chats/ru"]; len(got) != 1 || got[0].Name != "help" {
		t.Errorf("commands %+v", s.Commands())
	}
	if err := c.SetCommands(ctx, telegram.ScopeDefault, "", []telegram.MenuCommand{{Name: "Bad Name", Description: "x"}}); telegram.KindOf(err) != telegram.Bug {
		t.Errorf("bad command: %v", err)
	}
}
