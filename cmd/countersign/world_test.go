package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// The people of the tests and their chats.
const (
	anna   = 1001 // asks
	pyotr  = 1002 // budget holder
	olga   = 1003 // finance manager
	ivan   = 1004 // treasurer
	maria  = 1005 // another, in the demonstration: not connected when it begins
	office = -1001234567890
)

const usersCSV = `external_id,email,name,roles,telegram_id,locale
ivanova,ivanova@example.org,Anna Ivanova,requester,1001,en
petrov,petrov@example.org,Pyotr Petrov,budget_holder,1002,en
sidorova,sidorova@example.org,Olga Sidorova,finance_manager,1003,ru
kozlov,kozlov@example.org,Ivan Kozlov,treasurer,1004,en
`

// world is everything around the gateway, which is real: PostgreSQL, processes, HTTP.
type world struct {
	t        testing.TB
	tg       *telegramtest.Server
	erp      *receiver
	balancer *balancer
	appURL   string
	ownerURL string
	mode     string
	key      string   // secret of the ERP's key
	csv      string   // the people
	extra    []string // variables of what is started next
	metrics  string   // the address for figures of what is started next; empty: none
	pool     *pgxpool.Pool

	mu       sync.Mutex
	replicas []*replica
}

func newWorld(tb testing.TB, mode string, replicas int) *world {
	tb.Helper()
	w := outside(tb, mode, telegramtest.Options{})
	w.furnish(usersCSV)
	for account, name := range map[int64]string{anna: "Anna", pyotr: "Pyotr", olga: "Ольга", ivan: "Ivan"} {
		w.join(account, name)
	}
	if err := w.tg.AddChat(telegramtest.Chat{ID: office, Type: telegramtest.Supergroup, Title: "Payments", Members: []int64{pyotr}}); err != nil {
		tb.Fatal(err)
	}
	for range replicas {
		w.start("")
	}
	w.register()
	return w
}

// outside is a world without people and without a gateway.
func outside(tb testing.TB, mode string, o telegramtest.Options) *world {
	tb.Helper()
	w := &world{t: tb, mode: mode}
	w.ownerURL, w.appURL = ledgertest.Database(tb)
	var err error
	if w.tg, err = telegramtest.Open(o); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.tg.Close() })
	if w.pool, err = pgxpool.New(tb.Context(), w.ownerURL); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.pool.Close)
	w.balancer = newBalancer(tb)
	w.erp = newReceiver(tb)
	return w
}

// furnish sets the gateway up by its own commands.
func (w *world) furnish(people string) {
	w.t.Helper()
	w.csv = filepath.Join(w.t.TempDir(), "users.csv")
	if err := os.WriteFile(w.csv, []byte(people), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.command("users", "import", w.csv)
	w.command("routes", "publish", filepath.Join("..", "..", "configs", "routes", "payment_request.toml"))
	var key struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal([]byte(w.command("keys", "create", "--source", "erp1c", "--scopes", "all", "--json")), &key); err != nil {
		w.t.Fatal(err)
	}
	w.key = key.Secret
}

// join lets somebody begin a chat with the bot.
func (w *world) join(account int64, name string) {
	w.t.Helper()
	w.tg.User(account, name, "en")
	if _, err := w.tg.StartBot(account, ""); err != nil {
		w.t.Fatal(err)
	}
}

// register tells the gateway of the group and of the ERP's receiver, as an ERP does.
func (w *world) register() {
	w.t.Helper()
	w.call(http.MethodPut, "/v1/chats/payments", map[string]any{
		"telegram_chat_id": office, "title": "Payments", "notices": []string{"payment_request"},
	}, http.StatusCreated)
	var made struct {
		Secret string `json:"secret"`
	}
	w.decode(w.call(http.MethodPost, "/v1/webhooks", map[string]any{"url": w.erp.url, "types": []string{}}, http.StatusCreated), &made)
	w.erp.trust(made.Secret)
}

func (w *world) env() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"COUNTERSIGN_DATABASE_URL=" + w.appURL, "COUNTERSIGN_DATABASE_OWNER_URL=" + w.ownerURL,
		"COUNTERSIGN_DATA_DIR=" + w.t.TempDir(),
		"COUNTERSIGN_TELEGRAM_TOKEN=" + w.tg.Token(), "COUNTERSIGN_TELEGRAM_API_URL=" + w.tg.URL(), "COUNTERSIGN_TELEGRAM_MODE=" + w.mode,
		"COUNTERSIGN_TELEGRAM_MESSAGES_PER_SECOND=1000", "COUNTERSIGN_TELEGRAM_CHAT_MESSAGES_PER_SECOND=1000",
		"COUNTERSIGN_TELEGRAM_GROUP_MESSAGES_PER_MINUTE=1000",
		"COUNTERSIGN_SERVER_LISTEN=127.0.0.1:0", "COUNTERSIGN_SERVER_PUBLIC_URL=" + w.balancer.url,
		"COUNTERSIGN_EGRESS_ALLOW=127.0.0.1/32", "COUNTERSIGN_LOG_LEVEL=WARN", "COUNTERSIGN_LIMITS_RATE=10000", "COUNTERSIGN_LIMITS_BURST=10000",
		"COUNTERSIGN_SERVER_METRICS_LISTEN=" + w.metrics,
		"TZ=UTC",
	}
	for _, v := range w.extra {
		name, _, _ := strings.Cut(v, "=")
		env = append(without(env, name), v)
	}
	return env
}

// command runs one of the program's commands and gives what it printed.
func (w *world) command(args ...string) string {
	w.t.Helper()
	var out, errs bytes.Buffer
	if code := run(w.t.Context(), process{Args: args, Env: w.env(), Out: &out, Err: &errs}); code != exitOK {
		w.t.Fatalf("countersign %s: exit %d\n%s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// call speaks to the REST interface as an ERP does: it repeats what had no answer, and
// gives the body once the status is the wanted one.
func (w *world) call(method, path string, body any, want int, also ...int) []byte {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	var last string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		req, err := http.NewRequestWithContext(w.t.Context(), method, w.balancer.url+path, bytes.NewReader(text))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			last = err.Error()
			pause(20 * time.Millisecond)
			continue
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case err != nil, resp.StatusCode == http.StatusBadGateway, resp.StatusCode == http.StatusServiceUnavailable:
			last = resp.Status
			pause(20 * time.Millisecond)
			continue
		case resp.StatusCode != want && !slices.Contains(also, resp.StatusCode):
			w.t.Fatalf("%s %s: %s\n%s", method, path, resp.Status, answer)
		}
		return answer
	}
	w.t.Fatalf("%s %s: no answer: %s", method, path, last)
	return nil
}

// pause is how long a client outside waits before it asks again.
func pause(d time.Duration) { <-time.After(d) }

func (w *world) decode(body []byte, into any) {
	w.t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		w.t.Fatalf("%v in %s", err, body)
	}
}

// limited gives a context for waiting.
func (w *world) limited(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	w.t.Cleanup(cancel)
	return ctx
}

// sees waits for a message in a chat with all the words.
func (w *world) sees(chat int64, words ...string) telegramtest.Message {
	w.t.Helper()
	var found telegramtest.Message
	err := w.tg.WaitFor(w.limited(30*time.Second), func() bool {
		m, ok := w.find(chat, words...)
		found = m
		return ok
	})
	if err != nil {
		w.t.Fatalf("chat %d never showed %q; it shows:\n%s\n%s", chat, words, w.transcript(chat), w.logs())
	}
	return found
}

func (w *world) find(chat int64, words ...string) (telegramtest.Message, bool) {
	for _, m := range slices.Backward(w.tg.Messages(chat)) {
		ok := !m.Deleted
		for _, word := range words {
			ok = ok && (strings.Contains(m.Text, word) || hasButton(m, word))
		}
		if ok {
			return m, true
		}
	}
	return telegramtest.Message{}, false
}

func hasButton(m telegramtest.Message, text string) bool {
	_, ok := m.Button(text)
	return ok
}

func (w *world) transcript(chat int64) string {
	var b strings.Builder
	for _, m := range w.tg.Messages(chat) {
		fmt.Fprintf(&b, "#%d %s\n%v\n", m.ID, m.Text, m.Keyboard)
	}
	return b.String()
}

func (w *world) logs() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for i, r := range w.replicas {
		fmt.Fprintf(&b, "-- replica %d --\n%s\n", i, r.log())
	}
	return b.String()
}

// settled waits until the gateway knows that everything is shown as it is.
func (w *world) settled() {
	w.t.Helper()
	behind := 1
	pauseUntil(func() bool {
		if err := w.pool.QueryRow(w.t.Context(), `select count(*) from approval_case where cards_at < events`).Scan(&behind); err != nil {
			w.t.Fatal(err)
		}
		return behind == 0
	}, patience)
	if behind > 0 {
		w.t.Fatalf("%d cases are never shown as they are\n%s", behind, w.logs())
	}
}

// tap presses a button and gives the answer.
func (w *world) tap(account int64, m telegramtest.Message, button string) telegramtest.Answered {
	w.t.Helper()
	a, err := w.tg.Tap(w.limited(30*time.Second), account, m.ChatID, m.ID, button)
	if err != nil {
		w.t.Fatalf("tap of %d: %v\n%s", account, err, w.logs())
	}
	return a
}

func payment(number, amount string) map[string]any {
	return map[string]any{
		"type": "payment_request", "number": number, "title": "Rent, June", "company": "LLC-A", "requester": "ivanova",
		"amount": amount, "currency": "RUB", "due_date": "2026-06-30", "cost_center": "CC-12",
		"payee": map[string]any{"name": "Landlord LLC", "tax_id": "7701234567", "account": "40702810000000000001", "bank_id": "044525225"},
	}
}

func documentPath(id string) string { return "/v1/sources/erp1c/documents/" + id }

// state is what the REST interface says of a document.
type state struct {
	Revision    int    `json:"revision"`
	ContentHash string `json:"content_hash"`
	Change      string `json:"change"`
	Case        struct {
		ID     string `json:"id"`
		Round  int    `json:"round"`
		Status string `json:"status"`
	} `json:"case"`
}

func (w *world) document(id string) state {
	w.t.Helper()
	var s state
	w.decode(w.call(http.MethodGet, documentPath(id), nil, http.StatusOK), &s)
	return s
}

func (w *world) post(id string, body map[string]any) state {
	w.t.Helper()
	var s state
	w.decode(w.call(http.MethodPut, documentPath(id), body, http.StatusCreated, http.StatusOK), &s)
	return s
}
