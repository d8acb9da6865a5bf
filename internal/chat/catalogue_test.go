package chat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/chat"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/secret"
)

// unreadBody fails the test when somebody reads it.
type unreadBody struct{ t *testing.T }

func (b unreadBody) Read([]byte) (int, error) {
	b.t.Error("the body of a stranger was read")
	return 0, io.EOF
}

func TestBodyOfAStrangerIsNotRead(t *testing.T) {
	t.Parallel()
	d := &chat.Door{Secret: secret.Text(strings.Repeat("s", 32))}
	for name, given := range map[string]string{"T-01 no secret": "", "T-02 wrong secret": strings.Repeat("x", 32)} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/telegram/webhook", unreadBody{t})
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(secretHeader, given)
		w := httptest.NewRecorder()
		d.Webhook(w, r)
		if w.Code != http.StatusUnauthorized || w.Body.Len() != 0 {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder() // without a secret of our own nobody knows it
	(&chat.Door{}).Webhook(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/telegram/webhook", unreadBody{t}))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("no secret at all: %d", w.Code)
	}
}

// T-07: the server's time for reading ends what never ends; 15 s are package server's.
func TestBodyWithoutEndIsCut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	cut := httptest.NewUnstartedServer(http.HandlerFunc(o.door.Webhook))
	cut.Config.ReadTimeout = 300 * time.Millisecond
	cut.Start()
	t.Cleanup(cut.Close)
	before := o.stored(t, "telegram_update") + o.stored(t, "telegram_unreadable")
	for name, c := range map[string]struct {
		url  string
		feed func(w *io.PipeWriter)
		want int // 0: the connection may end before the answer
	}{
		"T-07 chunks without end": {o.url, func(w *io.PipeWriter) {
			for {
				if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
					return
				}
			}
		}, http.StatusRequestEntityTooLarge},
		"T-07 nothing more comes": {cut.URL, func(w *io.PipeWriter) { _, _ = w.Write([]byte(`{"update_id":`)) }, 0},
	} {
		body, feed := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, body)
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(secretHeader, o.door.Secret.Reveal())
		var fed sync.WaitGroup
		fed.Go(func() { c.feed(feed) })
		resp, err := o.client.Do(req)
		_ = body.CloseWithError(errors.New("the test is over"))
		fed.Wait()
		if err != nil {
			if c.want != 0 && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		_ = resp.Body.Close()
		if c.want != 0 && resp.StatusCode != c.want || resp.StatusCode < 400 {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
	if got := o.stored(t, "telegram_update") + o.stored(t, "telegram_unreadable") - before; got != 0 {
		t.Errorf("%d rows of bodies that never ended", got)
	}
}

// forged is a tap as a modified app can send it: its parts in JSON.
type forged struct {
	name    string
	from    string // the account
	message string
	data    string // with its name
	told    string // empty: kept as unreadable, and nobody is told
}

func (f forged) body(update int64) string {
	return fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"%s","from":%s,"chat_instance":"1"%s%s}}`, update, query(update), f.from, f.message, f.data)
}

func query(update int64) string { return fmt.Sprintf("forged-%d", update) }

// told waits until a tap is answered and gives the words.
func (o *office) told(t *testing.T, update int64) (text string) {
	t.Helper()
	o.wait(t, func() bool {
		for _, c := range o.tg.CallsOf("answerCallbackQuery") {
			if c.Params["callback_query_id"] == query(update) {
				text = c.Params["text"]
				return true
			}
		}
		return false
	})
	return text
}

func account(id int64) string {
	return fmt.Sprintf(`{"id":%d,"is_bot":false,"first_name":"P","language_code":"en"}`, id)
}

// under is the message of a button: in a chat, sent by somebody.
func under(kind string, chatID, from int64) string {
	return fmt.Sprintf(`,"message":{"message_id":3,"date":1,"chat":{"id":%d,"type":%q,"title":"x"},"from":{"id":%d,"is_bot":true,"first_name":"b"}}`, chatID, kind, from)
}

func TestTapsOfTheCatalogueOfBadInputsHaveNoEffect(t *testing.T) {
	t.Parallel()
	const (
		invalid = "This button is no longer valid."
		private = "Please decide in the private chat with the bot."
		unknown = "I do not know your account yet. Send me /login in the private chat."
		others  = "You are not asked to decide on this document."
	)
	o := newOffice(t)
	o.Post(t, "21")
	token := fmt.Sprintf(`,"data":%q`, o.card(t, ledgertest.Budget).Keyboard[0][0].Data)
	me, bot := account(ledgertest.Budget), o.tg.BotID()
	here := under("private", ledgertest.Budget, bot)
	as := func(id string) string {
		return `{"id":` + id + `,"is_bot":false,"first_name":"P","language_code":"en"}`
	}
	for i, c := range []forged{
		{"T-16 no data", me, here, ``, invalid},
		{"T-16 a game", me, here, `,"game_short_name":"g"`, invalid},
		{"T-17 65 bytes", me, here, `,"data":"` + strings.Repeat("v", 65) + `"`, invalid},
		{"T-17 10 KB", me, here, `,"data":"` + strings.Repeat("x", 10<<10) + `"`, invalid},
		{"T-17 NUL", me, here, `,"data":"v:\u0000"`, invalid},
		{"T-17 a token and NUL", me, here, strings.TrimSuffix(token, `"`) + `\u0000"`, invalid},
		{"T-17 invalid UTF-8", me, here, ",\"data\":\"v:\xff\"", invalid},
		{"T-19 another person's", account(ledgertest.Treasurer), under("private", ledgertest.Treasurer, bot), token, others},
		{"T-19 of no case", account(ledgertest.Treasurer), under("private", ledgertest.Treasurer, bot), strings.Replace(token, "cas_0", "cas_1", 1), others},
		{"T-19 a stranger", account(6666), under("private", 6666, bot), token, unknown},
		{"T-22 in a group", me, under("group", -5, bot), token, private},
		{"T-22 in a supergroup", me, under("supergroup", groupID, bot), token, private},
		{"T-22 in a channel", me, under("channel", -1009, bot), token, private},
		{"T-22 in another's chat", me, under("private", ledgertest.Finance, bot), token, private},
		{"T-22 an inline message", me, `,"inline_message_id":"abc"`, token, invalid},
		{"T-23 another bot's message", me, under("private", ledgertest.Budget, 12345), token, invalid},
		{"T-25 a bot", strings.Replace(me, `"is_bot":false`, `"is_bot":true`, 1), here, token, invalid},
		{"T-25 777000", account(777000), here, token, invalid},
		{"T-25 1087968824", account(1087968824), here, token, invalid},
		{"T-25 136817688", account(136817688), here, token, invalid},
		{"T-10 FROM beside from", account(6666) + `,"FROM":` + me, under("private", 6666, bot), token, unknown},
		{"T-26 2^53+1", as("9007199254740993"), under("private", 9007199254740993, bot), token, unknown},
		{"T-26 a fraction", as("1002.0"), here, token, ""},
		{"T-26 a text", as(`"1002"`), here, token, ""},
		{"T-26 negative", as("-1002"), here, token, ""},
		{"T-26 twice", as(`6666,"id":1002`), here, token, ""},
	} {
		id, unread := int64(9000+i), o.stored(t, "telegram_unreadable")+o.stored(t, "telegram_update where state = 'parked'")
		if status, _ := o.post(t, http.MethodPost, c.body(id), nil); status != http.StatusOK {
			t.Errorf("%s: status %d", c.name, status)
			continue
		}
		if c.told == "" { // one or the other, for an operator to look at
			o.wait(t, func() bool {
				return o.stored(t, "telegram_unreadable")+o.stored(t, "telegram_update where state = 'parked'") == unread+1
			})
			continue
		}
		if got := o.told(t, id); got != c.told {
			t.Errorf("%s: told %q, want %q", c.name, got, c.told)
		}
		if state, outcome := o.settled(t, id); state != "done" || !strings.HasPrefix(outcome, "refused") {
			t.Errorf("%s: on record as %s %q", c.name, state, outcome)
		}
	}
	st, err := o.Document(t.Context(), ledgertest.Key("21"))
	must(t, err)
	if st.Case.Events != 2 {
		t.Errorf("the case has %d events, want the 2 that opened it", st.Case.Events)
	}
}

// T-29: the gate is the ledger's, in the transaction of the vote.
func TestTapOfSomebodyDisabledAMomentAgoIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "22")
	token := fmt.Sprintf(`,"data":%q`, o.card(t, ledgertest.Budget).Keyboard[0][0].Data)
	must(t, o.Directory.Deactivate(t.Context(), "test", "petrov", "left"))
	f := forged{"T-29", account(ledgertest.Budget), under("private", ledgertest.Budget, o.tg.BotID()), token, ""}
	if status, _ := o.post(t, http.MethodPost, f.body(9100), nil); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if state, outcome := o.settled(t, 9100); state != "done" || !strings.HasPrefix(outcome, "refused") || o.told(t, 9100) == "" {
		t.Errorf("on record as %s %q, told %q", state, outcome, o.told(t, 9100))
	}
	if n := o.count(t, `select count(*) from vote`); n != 0 {
		t.Errorf("%d votes", n)
	}
}

// T-20, and T5 one after the other: the first verdict stands, and its owner is told which.
func TestAcceptAfterARejectionIsToldWhatIsOnRecord(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "23")
	token := fmt.Sprintf(`,"data":%q`, o.card(t, ledgertest.Budget).Keyboard[0][0].Data)
	o.Vote(t, "23", ledgertest.Budget, approval.Reject, "no budget")
	f := forged{"T-20", account(ledgertest.Budget), under("private", ledgertest.Budget, o.tg.BotID()), token, ""}
	if status, _ := o.post(t, http.MethodPost, f.body(9200), nil); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if got := o.told(t, 9200); !strings.HasPrefix(got, "You have already decided: rejected, ") {
		t.Errorf("told %q", got)
	}
	if n := o.count(t, `select count(*) from vote`); n != 1 || o.state(t, "23") != approval.Rejected {
		t.Errorf("%d votes, the case is %s", n, o.state(t, "23"))
	}
}

// T-28 and T5: whatever of it comes first is the decision; everybody else is told which.
func TestHundredTapsOfOnePersonAtOnceAreOneDecision(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "24")
	rows := o.card(t, ledgertest.Budget).Keyboard
	const each = 50
	var wg sync.WaitGroup
	for i := range 2 * each {
		f := forged{
			from: account(ledgertest.Budget), message: under("private", ledgertest.Budget, o.tg.BotID()),
			data: fmt.Sprintf(`,"data":%q`, rows[0][i%2].Data),
		}
		wg.Go(func() {
			req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, o.url, strings.NewReader(f.body(int64(9300+i))))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(secretHeader, o.door.Secret.Reveal())
			resp, err := o.client.Do(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("tap %d: %v", i, err)
				return
			}
			_ = resp.Body.Close()
		})
	}
	wg.Wait()
	recorded := 0
	for i := range int64(2 * each) {
		switch got := o.told(t, 9300+i); {
		case i%2 == 0 && got == "✅ Your approval has been recorded.":
			recorded++
		case i%2 == 0 && strings.HasPrefix(got, "Already recorded: "):
		case i%2 == 1 && strings.HasPrefix(got, "You have already decided: approved, "):
		case i%2 == 1 && strings.HasPrefix(got, "A reason is needed"): // it came before any that accepts
		default:
			t.Errorf("tap %d was told %q", i, got)
		}
	}
	if n := o.count(t, `select count(*) from vote where verdict = 'accept'`); n != 1 || recorded != 1 {
		t.Errorf("%d votes, %d told that theirs is recorded", n, recorded)
	}
	if n := o.count(t, `select count(*) from vote`); n != 1 {
		t.Errorf("%d votes in all", n)
	}
	if n := o.count(t, `select count(*) from dialog`); n > 1 {
		t.Errorf("asked for a reason %d times", n)
	}
}
