package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/inbox"
	"countersign/internal/journal"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const (
	anna     = 900123456
	token    = "4242:AA-secret_token_of_the_bot"
	loginWay = "c2VjcmV0LWxvZ2luLXdheQ"
	code     = "48151623"
	pin      = "271828"
	bindCode = "ABCDE-FGHJK"
	payload  = "l_3f9c0d1e2b"
	hookText = "the-secret-of-the-webhook-0123456789"
)

// secrets are those that pass by the messenger's client and the inbox.
func secrets() []string {
	return []string{token, "AA-secret_token_of_the_bot", loginWay, code, "4815 1623", pin, bindCode, payload, hookText}
}

// wire is a messenger with a client that tells the journal.
func wire(t *testing.T, j *journal.Journal) (*telegramtest.Server, *telegram.Client) {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{Token: token})
	must(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	tg.User(anna, "Anna", "en")
	_, err = tg.StartBot(anna, "")
	must(t, err)
	c, err := telegram.New(telegram.Options{Token: secret.Text(token), APIURL: tg.URL(), Note: j.Call, Now: time.Now})
	must(t, err)
	t.Cleanup(c.Close)
	return tg, c
}

// everything is what a dump of the journal holds.
func (d *desk) everything(t *testing.T) string {
	t.Helper()
	var out string
	must(t, d.owner.QueryRow(t.Context(), "select coalesce(string_agg(to_jsonb(e)::text, E'\\n'), '') from journal_entry e").Scan(&out))
	return out
}

// Every way on which a secret passes, done and refused, with both settings of what is kept.
func TestNoSecretIsEverInTheJournal(t *testing.T) {
	t.Parallel()
	for _, texts := range []journal.Texts{journal.Digest, journal.Full} {
		t.Run(string(texts), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			j := d.journal(t)
			j.Texts = texts
			end := run(t, j)
			tg, c := wire(t, j)
			sent(t, tg, c)
			received(j)
			end()
			dump := d.everything(t)
			if rows := d.count(t, "true"); rows < 20 {
				t.Fatalf("only %d entries", rows)
			}
			for _, s := range append(secrets(), "the way to "+loginWay) {
				if strings.Contains(dump, s) {
					t.Errorf("%q is in the journal", s)
				}
			}
			if n := d.count(t, "text <> ''"); (n > 0) != (texts == journal.Full) {
				t.Errorf("%d texts are kept", n)
			}
		})
	}
}

// sent: what goes to people and may carry a secret, answered well, refused with an echo,
// and with nobody knowing.
func sent(t *testing.T, tg *telegramtest.Server, c *telegram.Client) {
	t.Helper()
	ctx := telegram.Concerning(t.Context(), telegram.About{Update: 12})
	way, err := telegram.NewKeyboard([]telegram.Button{{Text: "Sign in", URL: "https://pay.example/auth/" + loginWay}}, []telegram.Button{{Text: "Open", URL: "https://t.me/bot?start=" + payload}})
	must(t, err)
	echo := func(text string) *telegramtest.Fault {
		return new(telegramtest.Refuse(400, "Bad Request: can't parse entities: "+text))
	}
	ways := "wrong URL https://pay.example/auth/" + loginWay + " or https://t.me/bot?start=" + payload + " or t.me/bot?start=" + payload
	for _, fault := range []*telegramtest.Fault{nil, echo(code + " and " + loginWay + " and " + payload), new(telegramtest.Lose())} {
		fail := func(method string) {
			if fault != nil {
				tg.FailNext(method, *fault)
			}
		}
		fail("sendMessage")
		_, _ = c.Send(ctx, telegram.Outgoing{ChatID: anna, Text: "Your code is " + code + ", or 4815 1623", Keyboard: way})
		fail("editMessageText")
		_ = c.EditText(ctx, telegram.Edit{ChatID: anna, MessageID: 2, Text: "Send /bind " + bindCode + fmt.Sprint(fault == nil), Keyboard: way})
		fail("answerCallbackQuery")
		_ = c.AnswerCallback(ctx, telegram.Answer{QueryID: "1", Text: "your PIN is " + pin})
		fail("answerInlineQuery")
		_ = c.AnswerInline(ctx, telegram.InlineAnswer{QueryID: "1", Prompt: telegram.Prompt{Text: "Connect", Parameter: payload}})
		fail("setWebhook")
		_ = c.SetWebhook(ctx, telegram.Webhook{URL: "https://pay.example/telegram/webhook", Secret: secret.Text(hookText)})
		if fault != nil && fault.Text != "" {
			fault = echo(ways)
		}
		card := telegram.Concerning(t.Context(), telegram.About{Case: "cas_1"})
		fail("sendMessage")
		_, _ = c.Send(card, telegram.Outgoing{ChatID: anna, HTML: `<b>Invoice 15</b> <a href="https://t.me/bot?start=` + payload + `">open</a>`, Keyboard: way})
		fail("sendDocument")
		_, _ = c.SendDocument(card, telegram.Document{
			Outgoing: telegram.Outgoing{ChatID: anna, Text: "caption", Keyboard: way}, Name: "a.pdf",
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte("bytes " + loginWay))), nil },
		})
		must(t, c.DeleteWebhook(t.Context()))
	}
}

// received: what people type, in every way in which an update can end.
func received(j *journal.Journal) {
	bodies := []string{}
	for _, text := range []string{
		code, "4815 1623", pin, "/start " + payload, "/bind " + bindCode, "/" + code, "/" + strings.ReplaceAll(bindCode, "-", ""), "/login " + loginWay, "/start@bot " + payload,
	} {
		said, _ := json.Marshal(text) //nolint:errchkjson // a text
		bodies = append(bodies, fmt.Sprintf(`{"update_id":5,"message":{"message_id":3,"date":1,"chat":{"id":%d,"type":"private"},"from":{"id":%d,"is_bot":false,"first_name":"A"},"text":%s}}`, anna, anna, said))
	}
	bodies = append(bodies, fmt.Sprintf(`{"update_id":6,"inline_query":{"id":"1","from":{"id":%d,"is_bot":false,"first_name":"A"},"query":"%s","offset":""}}`, anna, code),
		`{"update_id":7,"message":`+code)
	for _, body := range bodies {
		echoed := fmt.Errorf("text %q of %s: %w", code+bindCode+pin+payload, `"`+loginWay+`"`, errors.New("wrong digits "+code))
		for _, u := range []inbox.Ending{
			{End: inbox.EndedHandled, Outcome: "command " + strings.TrimPrefix(code, "/")}, {End: inbox.EndedParked, Err: echoed}, {End: inbox.EndedRepeated}, {End: inbox.EndedUnreadable, Err: echoed},
		} {
			u.Body, u.Began = []byte(body), time.Now()
			j.Update(u)
		}
	}
}

func TestCallsAreKeptWithWhatTheySaidToWhom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	end := run(t, j)
	tg, c := wire(t, j)
	card := telegram.Concerning(t.Context(), telegram.About{Case: "cas_1"})
	id, err := c.Send(card, telegram.Outgoing{ChatID: anna, HTML: "<b>Invoice 15</b>"})
	must(t, err)
	tg.FailNext("editMessageText", telegramtest.Refuse(400, "Bad Request: something quite new"))
	if err := c.EditText(card, telegram.Edit{ChatID: anna, MessageID: id, HTML: "<b>Invoice 16</b>"}); err == nil {
		t.Error("not refused")
	}
	end()
	found, _, err := j.Store.Find(t.Context(), journal.Query{Cases: []string{"cas_1"}, Accounts: []int64{anna}, Limit: 10})
	must(t, err)
	if len(found) != 2 {
		t.Fatalf("%+v", found)
	}
	failed, ok := found[0], found[1]
	if ok.Message != id || len(ok.Digest) != 64 || ok.Text != "" || ok.Params != "" || ok.Failed || ok.Attempts != 1 {
		t.Errorf("%+v", ok)
	}
	if !failed.Failed || failed.Outcome != "bug" || failed.Code != 400 || !strings.Contains(failed.Said, "something quite new") ||
		!strings.Contains(failed.Params, "<b>Invoice 16</b>") || !strings.Contains(failed.Params, `"parse_mode":"HTML"`) {
		t.Errorf("%+v", failed)
	}
}

func TestUpdatesAreKeptWithWhoDidWhat(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	j := d.journal(t)
	end := run(t, j)
	for body, what := range map[string]string{
		`"callback_query":{"id":"1","from":{"id":900123456,"is_bot":false,"first_name":"A"},"message":{"message_id":3,"date":1,"chat":{"id":900123456,"type":"private"}},"chat_instance":"1","data":"v:cas_9"}`: "tap",
		`"message":{"message_id":3,"date":1,"chat":{"id":900123456,"type":"private"},"from":{"id":900123456,"is_bot":false,"first_name":"A"},"text":"/queue now"}`:                                              "/queue",
		`"message":{"message_id":3,"date":1,"chat":{"id":900123456,"type":"private"},"from":{"id":900123456,"is_bot":false,"first_name":"A"},"text":"hello"}`:                                                   "text",
		`"inline_query":{"id":"1","from":{"id":900123456,"is_bot":false,"first_name":"A"},"query":"rent","offset":""}`:                                                                                          "search",
	} {
		j.Update(inbox.Ending{End: inbox.EndedHandled, ID: 5, Body: []byte(`{"update_id":5,` + body + `}`), Request: "req_1", Attempt: 1, Outcome: what, Began: time.Now()})
	}
	end()
	found, _, err := j.Store.Find(t.Context(), journal.Query{Accounts: []int64{900123456}, Update: 5, Request: "req_1", Limit: 10})
	must(t, err)
	if len(found) != 4 {
		t.Fatalf("%+v", found)
	}
	for _, e := range found {
		if e.What != e.Said || e.Outcome != "handled" || e.Failed || (e.What == "tap") != (e.Case == "cas_9") {
			t.Errorf("%+v", e)
		}
	}
	if !slices.ContainsFunc(found, func(e journal.Entry) bool { return e.Method == "callback_query" && e.Message == 3 }) {
		t.Errorf("no tap in %+v", found)
	}
}
