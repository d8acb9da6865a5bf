package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/telegram/telegramtest"
)

// The people of a story whose names, numbers and words no log may carry.
const (
	leakAnna  = 918273645
	leakPyotr = 918273646
	leakGroup = -1009182736450
	leakCSV   = `external_id,email,name,roles,telegram_id,locale
annaleak,anna.leak@example.org,Annalena Leakova,requester,918273645,en
pyotrleak,pyotr.leak@example.org,Pyotr Leakov,budget_holder,918273646,en
`
)

// unspeakable is what a log may not say, by what it is.
func unspeakable(w *world) map[string]string {
	return map[string]string{
		"a name": "Leakov", "an address": ".leak@example.org", "an external id": "annaleak", "another": "pyotrleak", "an account": "91827364", "a group": "9182736450",
		"an amount": "731975", "a payee": "Verschwiegen", "an account number": "40702810", "a reason": "confidential-reason", "a telephone": "4951234567", "a telephone as written": "495 123-45-67",
		"a code": "48151623", "a PIN": "27182818", "a bind code": "ABCDEFGHJK", "a payload": "c3RhcnQtcGF5bG9hZA", "a search": "was-gesucht-wird", "a title": "Geheimer Titel",
		"the token": w.tg.Token(), "the key of the ERP": w.key, "a message": "ein-Brief",
		"a number that is called": "4930777", "the PIN of a room": leakPIN, "the exchange's secret": asterisktest.Secret,
	}
}

// A story with all that people write and are, done and refused, with the log at its most
// talkative: nothing of theirs is in it.
func TestLogSaysNothingOfPeopleAndWhatTheyPay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "webhook", 1)
	w.replicas[0].stop(syscall.SIGTERM)
	pbx, settings := w.exchange()
	w.extra = append([]string{"COUNTERSIGN_LOG_LEVEL=DEBUG"}, settings...)
	w.command("users", "import", w.written("people.csv", leakCSV))
	for account, name := range map[int64]string{leakAnna: "Annalena Leakova", leakPyotr: "Pyotr Leakov"} {
		w.tg.User(account, name, "en")
		if _, err := w.tg.StartBot(account, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.tg.AddChat(telegramtest.Chat{ID: leakGroup, Type: telegramtest.Supergroup, Title: "Leakov's group", Members: []int64{leakPyotr}}); err != nil {
		t.Fatal(err)
	}
	r := w.start("")
	if got := w.command("healthcheck", "--url", r.url); !strings.Contains(got, "ready") {
		t.Fatal(got)
	}
	w.call(http.MethodPut, "/v1/chats/leakgroup", map[string]any{"telegram_chat_id": leakGroup, "title": "Leakov's group", "notices": []string{"payment_request"}, "fallback": true}, http.StatusCreated)
	leakPhones(w, pbx)
	leakDone(w)
	leakRefused(w)
	r.stop(syscall.SIGTERM)
	w.journalIsSilent(t)
	for _, said := range []string{"message not shown", "update parked", `"msg":"request"`, "phone not called"} {
		if !strings.Contains(r.log(), said) {
			t.Errorf("the story did not come to %q", said)
		}
	}
	for what, word := range unspeakable(w) {
		for line := range strings.Lines(r.log()) {
			if strings.Contains(strings.ToLower(line), strings.ToLower(word)) {
				t.Errorf("%s (%s) is in the log:\n%s", what, word, line)
				break
			}
		}
	}
}

func leakPayment(number string) map[string]any {
	p := payment(number, "731975.00")
	p["title"], p["requester"] = "Geheimer Titel", "annaleak"
	p["payee"] = map[string]any{"name": "Verschwiegen GmbH", "tax_id": "7701234567", "account": "40702810000000000001", "bank_id": "044525225"}
	return p
}

// leakDone is what goes well.
func leakDone(w *world) {
	w.t.Helper()
	w.post("leak-1", leakPayment("L-1"))
	m := w.seesCard(leakPyotr, "L-1")
	w.tap(leakPyotr, m, "❌")
	question := w.sees(leakPyotr, "Why are you rejecting", "L-1")
	w.say(leakPyotr, "confidential-reason", question.ID)
	w.settles(leakPyotr, "L-1", "❌")
	for _, text := range []string{
		"48151623", "4815 1623", "27182818", "/bind ABCDE-FGHJK", "/start c3RhcnQtcGF5bG9hZA", "/find was-gesucht-wird", "/who L-1", "/queue", "/48151623", "/lost Pyotr Leakov",
		"call me: +7 495 123-45-67 or pyotr.leak@example.org", "/settings", "/away 27182818", "ein-Brief",
	} {
		w.say(leakPyotr, text, 0)
	}
	if _, err := w.tg.InlineQuery(w.limited(patience), leakPyotr, "was-gesucht-wird"); err != nil {
		w.t.Logf("inline: %v", err)
	}
}

func (w *world) say(account int64, text string, to int64) {
	w.t.Helper()
	if _, err := w.tg.Say(account, account, text, to); err != nil {
		w.t.Fatal(err)
	}
}

// leakRefused is what goes wrong, each with an echo of what it was given.
func leakRefused(w *world) {
	w.t.Helper()
	echo := telegramtest.Refuse(400, "Bad Request: BUTTON nonsense in ein-Brief of Pyotr Leakov, 731975, +7 495 123-45-67, pyotr.leak@example.org, 48151623")
	gone := telegramtest.Refuse(403, "Forbidden: user is deactivated: Pyotr Leakov 918273646")
	w.tg.FailNext("sendMessage", echo, echo, gone, echo, telegramtest.Lose(), telegramtest.BadGateway(), echo, echo)
	w.post("leak-2", leakPayment("L-2"))
	w.sees(leakPyotr, "L-1")
	for _, method := range []string{"answerCallbackQuery", "answerInlineQuery", "editMessageText", "setMessageReaction", "getFile"} {
		w.tg.FailNext(method, echo, gone)
	}
	for i, text := range []string{"/find was-gesucht-wird", "/queue", "/help", "/login", "ein-Brief"} {
		w.tg.FailNext("sendMessage", echo, gone)
		w.say(leakPyotr, text, int64(i%2))
	}
	for i, body := range []string{
		`{"message":{"message_id":"Pyotr Leakov","text":"ein-Brief"}}`,
		`{"message":{"message_id":1,"date":"Pyotr Leakov","chat":{"id":"918273646"},"text":"ein-Brief"}}`,
		`{"callback_query":{"id":"x","from":{"id":918273646.5,"first_name":"Leakov"},"data":"48151623"}}`,
		`{"message":{"message_id":1,"date":1,"chat":{"id":918273646,"type":["Leakov"]},"from":{"id":918273646},"text":{"ein-Brief":1}}}`,
		`{"message":"ein-Brief of Pyotr Leakov"}`,
	} {
		w.tg.Inject(fmt.Sprint("leak", i), []byte(strings.Replace(body, "{", fmt.Sprintf(`{"update_id":%d,`, 990000000+i), 1)))
	}
	for path, body := range map[string]string{
		"/v1/sources/erp1c/documents/leak-3": `{"type":"payment_request","amount":"731975,00","requester":"annaleak","title":"Geheimer Titel","payee":"Verschwiegen"}`,
		"/v1/users/annaleak":                 `{"email":"anna.leak@example.org at","name":7,"telegram_id":"918273645"}`,
		"/v1/sources/erp1c/documents/leak-4": `{"title":"Geheimer Titel`,
		"/v1/users/pyotrleak":                `{"email":"anna.leak@example.org","name":"Pyotr Leakov","roles":["x@y@z"],"telegram_id":918273645}`,
	} {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, w.balancer.url+path, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.Body.Close() != nil || resp.StatusCode < 400 {
			w.t.Errorf("%s: %v", path, err)
		}
	}
	for _, q := range []string{"/console/people?q=Leakov", "/v1/sources/erp1c/documents/annaleak", "/auth/google/callback?code=48151623&state=c3RhcnQtcGF5bG9hZA", "/v1/users/annaleak"} {
		if resp, err := http.Get(w.balancer.url + q); err == nil {
			_ = resp.Body.Close()
		}
	}
	if _, err := w.pool.Exec(w.t.Context(), "alter table dialog rename to dialog_away"); err != nil { // the database refuses, and quotes
		w.t.Fatal(err)
	}
	w.say(leakPyotr, "ein-Brief 48151623", 0)
	pauseUntil(func() bool { return strings.Contains(w.logs(), "update parked") && strings.Contains(w.logs(), "42P01") }, patience)
	if _, err := w.pool.Exec(w.t.Context(), "alter table dialog_away rename to dialog"); err != nil {
		w.t.Fatal(err)
	}
	w.parked()
}

// parked waits until what cannot be read is put aside.
func (w *world) parked() {
	w.t.Helper()
	pauseUntil(func() bool {
		var waiting int
		err := w.pool.QueryRow(w.t.Context(), "select count(*) from telegram_update where state = 'new' and attempts < 2").Scan(&waiting)
		return err == nil && waiting == 0
	}, patience)
}

// written is a file for a command to read.
func (w *world) written(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}
