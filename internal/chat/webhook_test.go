package chat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/ledger/ledgertest"
)

const secretHeader = "X-Telegram-Bot-Api-Secret-Token"

// post sends an update as Telegram would, or as somebody else.
func (o *office) post(t *testing.T, method, body string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, o.url, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(secretHeader, o.door.Secret.Reveal())
	for k, v := range header {
		req.Header.Set(k, v)
		if v == "" {
			req.Header.Del(k)
		}
	}
	resp, err := o.client.Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(answer)
}

func (o *office) stored(t *testing.T, table string) int {
	t.Helper()
	var n int
	must(t, o.Pool.QueryRow(t.Context(), `select count(*) from `+table).Scan(&n))
	return n
}

func TestWebhookRefusesWhatIsNotTelegramsAndKeepsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	secret := o.door.Secret.Reveal()
	update := `{"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":5,"type":"private"},"from":{"id":5,"is_bot":false,"first_name":"x"},"text":"hi"}}`
	before := o.stored(t, "telegram_update")
	for name, c := range map[string]struct {
		method string
		body   string
		header map[string]string
		want   int
		unread int // rows kept as unreadable
	}{
		"T-01 no secret":            {"POST", update, map[string]string{secretHeader: ""}, 401, 0},
		"T-02 wrong secret":         {"POST", update, map[string]string{secretHeader: strings.Repeat("x", len(secret))}, 401, 0},
		"T-02 other length":         {"POST", update, map[string]string{secretHeader: "x"}, 401, 0},
		"T-01 no secret, too much":  {"POST", strings.Repeat("a", 300<<10), map[string]string{secretHeader: ""}, 401, 0},
		"T-02 a prefix":             {"POST", update, map[string]string{secretHeader: secret[:len(secret)-1]}, 401, 0},
		"T-02 more than it":         {"POST", update, map[string]string{secretHeader: secret + "x"}, 401, 0},
		"T-04 GET":                  {"GET", "", nil, 405, 0},
		"T-04 PUT":                  {"PUT", update, nil, 405, 0},
		"T-04 DELETE":               {"DELETE", "", nil, 405, 0},
		"T-05 plain text":           {"POST", update, map[string]string{"Content-Type": "text/plain"}, 415, 0},
		"T-05 no type":              {"POST", update, map[string]string{"Content-Type": ""}, 415, 0},
		"T-05 compressed":           {"POST", update, map[string]string{"Content-Encoding": "gzip"}, 415, 0},
		"T-07 257 KiB":              {"POST", `{"update_id":1,"x":"` + strings.Repeat("a", 257<<10) + `"}`, nil, 413, 0},
		"T-08 nested 20,000 deep":   {"POST", `{"update_id":7,"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, nil, 200, 1},
		"T-11 no update_id":         {"POST", `{"message":{}}`, nil, 200, 1},
		"T-11 update_id as text":    {"POST", `{"update_id":"5"}`, nil, 200, 1},
		"T-11 update_id 5.0":        {"POST", `{"update_id":5.0}`, nil, 200, 1},
		"T-11 update_id 1e3":        {"POST", `{"update_id":1e3}`, nil, 200, 1},
		"T-11 update_id -1":         {"POST", `{"update_id":-1}`, nil, 200, 1},
		"T-11 update_id 2^63":       {"POST", `{"update_id":9223372036854775808}`, nil, 200, 1},
		"T-14 message and callback": {"POST", `{"update_id":9,"message":{},"callback_query":{}}`, nil, 200, 1},
		"duplicate keys":            {"POST", `{"update_id":9,"update_id":10}`, nil, 200, 1},
		"not JSON":                  {"POST", `hello`, nil, 200, 1},
		"two documents":             {"POST", `{"update_id":9}{"update_id":10}`, nil, 200, 1},
	} {
		unread := o.stored(t, "telegram_unreadable")
		status, answer := o.post(t, c.method, c.body, c.header)
		if status != c.want || answer != "" && status != 405 {
			t.Errorf("%s: %d %q, want %d and nothing", name, status, answer, c.want)
		}
		if got := o.stored(t, "telegram_unreadable") - unread; got != c.unread {
			t.Errorf("%s: %d rows kept, want %d", name, got, c.unread)
		}
	}
	if got := o.stored(t, "telegram_update"); got != before {
		t.Errorf("%d updates were stored by refused calls", got-before)
	}
}

// settled waits until an update has come to its end and gives it.
func (o *office) settled(t *testing.T, id int64) (state, outcome string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := o.Pool.QueryRow(ctx, `select state, coalesce(outcome, '') from telegram_update where update_id = $1`, id).Scan(&state, &outcome)
		if err == nil && state != "new" {
			return state, outcome
		}
		select {
		case <-ctx.Done():
			t.Fatalf("update %d is %q, %v", id, state, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func callback(update, from int64, more, message, data string) string {
	return fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"77","from":{"id":%d,"is_bot":false,"first_name":"P","language_code":"en"%s},`+
		`"chat_instance":"1"%s,"data":%q}}`, update, from, more, message, data)
}

// T-13, T3 and T6: the number is far below those so far, and it comes ten times at once.
func TestSameUpdateTenTimesAndAnEarlierNumberAreOneVoteEach(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "22")
	data := o.card(t, ledgertest.Budget).Keyboard[0][0].Data
	private := fmt.Sprintf(`,"message":{"message_id":3,"date":1,"chat":{"id":%d,"type":"private"},"from":{"id":%d,"is_bot":true,"first_name":"b"}}`,
		ledgertest.Budget, o.tg.BotID())
	body := callback(500, ledgertest.Budget, "", private, data) // far below the numbers so far
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, o.url, bytes.NewReader([]byte(body)))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(secretHeader, o.door.Secret.Reveal())
			resp, err := o.client.Do(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("status %v, %v", resp, err)
				return
			}
			_ = resp.Body.Close()
		})
	}
	wg.Wait()
	if state, outcome := o.settled(t, 500); state != "done" || outcome != "voted: accept" {
		t.Errorf("%s %q", state, outcome)
	}
	var copies int
	must(t, o.Pool.QueryRow(t.Context(), `select copies from telegram_update where update_id = 500`).Scan(&copies))
	if copies != 10 {
		t.Errorf("%d copies counted, want 10", copies)
	}
	st, err := o.Document(t.Context(), ledgertest.Key("22"))
	must(t, err)
	if got := st.Case.Slots[0]; got.State != approval.SlotVoted || st.Case.Step != 1 {
		t.Errorf("after ten copies: %+v, step %d", got, st.Case.Step)
	}
}

func TestStoreThatIsAwayMakesTelegramSendAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.Pool.Exec(t.Context(), `select 1`)
	must(t, err)
	o.Pool.Close()
	status, answer := o.post(t, http.MethodPost, `{"update_id":1,"message":{}}`, nil)
	if status != http.StatusServiceUnavailable || answer != "" {
		t.Errorf("status %d %q, want 503 and nothing", status, answer)
	}
}
