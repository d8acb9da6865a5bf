package erp_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/goldentest"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const payments = -1001234567890

// wired has a messenger behind its notices.
type wired struct {
	*bench

	tg *telegramtest.Server
}

func newWired(t *testing.T) wired {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tg.Close() })
	client, err := telegram.New(telegram.Options{Token: secret.Text(tg.Token()), APIURL: tg.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := wired{tg: tg, bench: newBench(t)}
	w.door.Notices.Post = &post.Post{Telegram: client, Files: w.Files, Store: &post.Store{Pool: w.Pool}, Bot: client.BotID(), Log: w.door.Log}
	w.door.Notices.Pace = &pace.Pace{Pool: w.Pool, Limits: pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 1000}}
	for account, name := range map[int64]string{ledgertest.Budget: "Pyotr", ledgertest.Treasurer: "Ivan", ledgertest.Second: "Maria"} {
		tg.User(account, name, "en")
		if _, err := tg.StartBot(account, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := tg.AddChat(telegramtest.Chat{ID: payments, Type: "supergroup", Title: "Payments"}); err != nil {
		t.Fatal(err)
	}
	expect(t, w.post(t, "/v1/chats/payments", fmt.Sprintf(`{"title":"Payments","telegram_chat_id":%d}`, payments)), 201, "")
	return w
}

// tell lets the board send what is due.
func (w wired) tell(t *testing.T) {
	t.Helper()
	for range 2 { // texts, then files
		if _, err := w.door.Notices.RunOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (w wired) said(chat int64) []string {
	var out []string
	for _, m := range w.tg.Messages(chat) {
		if m.From == w.tg.BotID() && !m.Deleted {
			out = append(out, m.Text)
		}
	}
	return out
}

// told posts a notice that must be taken.
func (b *bench) told(t *testing.T, key, body string) response {
	t.Helper()
	out := b.post(t, "/v1/notices", body, "Idempotency-Key: "+key)
	expect(t, out, 201, "")
	return out
}

func (b *bench) standing(t *testing.T, id string) (map[string]string, response) {
	t.Helper()
	out := b.get(t, "/v1/notices/"+id)
	expect(t, out, 200, "")
	return reached(t, out), out
}

// reached gives the state of each recipient.
func reached(t *testing.T, r response) map[string]string {
	t.Helper()
	out := map[string]string{}
	list, _ := r.json(t)["recipients"].([]any)
	for _, one := range list {
		to := one.(map[string]any)
		out[fmt.Sprint(to["external_id"])] = strings.TrimSpace(fmt.Sprint(to["state"], " ", or(to["reason"])))
	}
	return out
}

func or(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func TestANoticeReachesPeopleRolesAndGroupsAndTheERPSeesHowFar(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	w.Import(t, ledgertest.User("nina", "Nina", "treasurer", 0))
	if err := w.tg.Block(ledgertest.Second); err != nil {
		t.Fatal(err)
	}
	body := `{"kind":"info","title":"Statement <June>","text":"Booked & done","people":["petrov","kozlov@example.org"],"roles":["treasurer"],"chats":["payments"],
		"files":[{"name":"Выписка 6月.pdf","content_base64":"` + base64.StdEncoding.EncodeToString([]byte("%PDF-1.4 statement")) + `"},{"name":"b.txt","content_base64":"Yg=="}]}`
	first := w.told(t, "statement-1", body)
	want := map[string]string{"petrov": "waiting", "kozlov": "waiting", "orlova": "waiting", "nina": "unlinked unlinked", "payments": "waiting"}
	if got := reached(t, first); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	again := w.told(t, "statement-1", body)
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request again: %s", again.body)
	}
	expect(t, w.post(t, "/v1/notices", strings.Replace(body, "Booked", "Taken", 1), "Idempotency-Key: statement-1"), 422, "idempotency_mismatch")
	w.tell(t)
	for _, chat := range []int64{ledgertest.Budget, ledgertest.Treasurer, payments} {
		if got := w.said(chat); !slices.Equal(got, []string{"Statement <June>\nBooked & done", "Выписка 6月.pdf", "b.txt"}) {
			t.Errorf("%d heard %q", chat, got)
		}
	}
	got, out := w.standing(t, first.at(t, "id"))
	want = map[string]string{"petrov": "sent", "kozlov": "sent", "orlova": "failed unreachable", "nina": "unlinked unlinked", "payments": "sent"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	if !strings.Contains(string(out.body), "blocked the bot") || strings.Contains(string(out.body), "Forbidden") || !strings.Contains(string(out.body), `"files_sent":2`) {
		t.Errorf("%s", out.body)
	}
	ru := w.call(t, request{method: "GET", path: "/v1/notices/" + first.at(t, "id"), headers: []string{"Accept-Language: ru"}})
	if !strings.Contains(string(ru.body), "заблокировал бота") {
		t.Errorf("%s", ru.body)
	}
	if _, err := w.door.Notices.RunOnce(t.Context()); err != nil || len(w.said(payments)) != 3 {
		t.Errorf("told again: %q, %v", w.said(payments), err)
	}
}

// TestReasonsReadAsWritten shows why a notice, or a file of one, did not arrive.
func TestReasonsReadAsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.told(t, "why-notice-1", `{"kind":"info","text":"x","people":["petrov"]}`).at(t, "id")
	for _, tag := range []string{"en", "ru", "de", "es"} {
		var out strings.Builder
		for _, why := range []notice.Why{
			notice.Expired, notice.Unlinked, notice.Deactivated, notice.Disabled, notice.NoChat, notice.Unreachable, notice.NoRights, notice.TooLarge, notice.BadFile,
			notice.Withheld, notice.Refused,
		} {
			if _, err := b.Pool.Exec(t.Context(), `update notice_message set next_at = null, fault = 'in the words of the messenger', reason = $2 where notice_id = $1`, id, why); err != nil {
				t.Fatal(err)
			}
			got := b.call(t, request{method: "GET", path: "/v1/notices/" + id, headers: []string{"Accept-Language: " + tag}})
			var told struct {
				To []struct {
					State  string `json:"state"`
					Reason string `json:"reason"`
					Why    string `json:"why"`
				} `json:"recipients"`
			}
			if err := json.Unmarshal(got.body, &told); err != nil || len(told.To) != 1 {
				t.Fatalf("%s: %s, %v", why, got.body, err)
			}
			fmt.Fprintf(&out, "=== %s, %s\n%s\n\n", told.To[0].State, told.To[0].Reason, told.To[0].Why)
		}
		goldentest.Same(t, "reasons."+tag, out.String())
	}
}

func TestANoticeIsItsSourcesOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.told(t, "own-notice-1", `{"kind":"progress","text":"x","people":["petrov"]}`).at(t, "id")
	_, other := b.newKey(t, "other", directory.Scopes()...)
	_, reader := b.newKey(t, ledgertest.Source, directory.DocumentsWrite, directory.DocumentsRead)
	for _, path := range []string{"/v1/notices/" + id, "/v1/notices/ntc_00000000000000000000000000", "/v1/notices/x%00y", "/v1/notices/doc_00000000000000000000000000"} {
		for _, method := range []string{"GET", "PUT", "POST"} {
			q := request{method: method, path: path, headers: []string{"Authorization: " + other}}
			if method != "GET" {
				q.body = `{"sequence":1}`
			}
			if out := b.call(t, q); out.status != http.StatusNotFound && out.code(t) != "bad_path" {
				t.Errorf("%s %s: %d %s", method, path, out.status, out.body)
			}
		}
	}
	expect(t, b.call(t, request{method: "GET", path: "/v1/notices/" + id, headers: []string{"Authorization: " + reader}}), 403, "forbidden")
	if got := b.get(t, "/v1/notices/"+id); got.at(t, "sequence") != "0" || got.at(t, "state") != "running" {
		t.Errorf("%s", got.body)
	}
	// What another source sent cannot be had by its digest.
	content := "the other's secret"
	expect(t, b.call(t, request{method: "PUT", path: "/v1/notices/files/" + hexDigest(content), body: content, headers: []string{"Authorization: " + other, "Content-Type: text/plain"}}), 200, "")
	out := b.post(t, "/v1/notices", `{"kind":"info","text":"x","people":["petrov"],"files":[{"name":"a","sha256":"`+hexDigest(content)+`"}]}`, "Idempotency-Key: own-notice-2")
	expect(t, out, 422, "invalid_field")
	if got := out.faults(t); !slices.Equal(got, []string{"files[0] files_missing"}) {
		t.Errorf("%v", got)
	}
}

func TestAProgressChangesInPlaceAndNothingLateTakesItBack(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	path := "/v1/notices/" + w.told(t, "progress-1", `{"kind":"progress","title":"Import","text":"Loading","percent":0,"chats":["payments"]}`).at(t, "id")
	w.tell(t)
	change := func(body string) response { return w.call(t, request{method: "PUT", path: path, body: body}) }
	for i := range 5 {
		if out := change(fmt.Sprintf(`{"sequence":%d,"percent":%d}`, i+1, 10*i)); out.status != 200 || out.at(t, "changed") != "true" {
			t.Fatalf("%d %s", out.status, out.body)
		}
	}
	expect(t, change(`{"sequence":3,"percent":20}`), 409, "stale_sequence")
	expect(t, change(`{"sequence":5,"percent":41}`), 409, "stale_sequence")
	if out := change(`{"sequence":5,"percent":40}`); out.at(t, "changed") != "false" || out.at(t, "percent") != "40" {
		t.Errorf("%s", out.body)
	}
	w.tell(t)
	m := w.tg.Messages(payments)
	if len(m) != 1 || m[0].Edits != 1 || m[0].Text != "Import\nLoading\n▓▓▓▓░░░░░░ 40%" {
		t.Errorf("%+v", m)
	}
	expect(t, w.post(t, path, `{"sequence":9,"state":"failed","text":"The bank closed the line"}`), 200, "")
	expect(t, change(`{"sequence":10,"percent":50}`), 409, "closed")
	expect(t, change(`{"sequence":9,"state":"failed","text":"The bank closed the line"}`), 200, "")
	w.tell(t)
	if got := w.said(payments); !slices.Equal(got, []string{"Import\nThe bank closed the line\n❌ Failed"}) {
		t.Errorf("%q", got)
	}
	fixed := w.told(t, "progress-2", `{"kind":"alarm","text":"x","chats":["payments"]}`).at(t, "id")
	expect(t, w.call(t, request{method: "PUT", path: "/v1/notices/" + fixed, body: `{"sequence":1,"state":"done"}`}), 409, "conflict")
}

func TestOneKeyTellsOnceHoweverOftenAndAtOnceItComes(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			out := w.post(t, "/v1/notices", `{"kind":"alarm","text":"The bank is away","people":["petrov"]}`, "Idempotency-Key: alarm-0001")
			if out.status != http.StatusCreated && out.code(t) != "in_progress" {
				t.Errorf("%d %s", out.status, out.body)
			}
		})
	}
	wg.Wait()
	w.tell(t)
	if got := w.said(ledgertest.Budget); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestANoticeThatExpiredIsToldAsExpired(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	until := w.Clock.Now().Add(2 * time.Minute).Format(time.RFC3339)
	id := w.told(t, "expiring-1", `{"kind":"info","text":"x","people":["petrov"],"expires_at":"`+until+`"}`).at(t, "id")
	if _, err := w.Pool.Exec(context.WithoutCancel(t.Context()), `update notice_message set next_at = now() + interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.standing(t, id); got["petrov"] != "waiting" {
		t.Errorf("%v", got)
	}
	n := notice.New{Source: w.key.Source, Class: notice.Info, Life: time.Microsecond, To: notice.To{Chats: []string{"payments"}}, Body: notice.Body{Text: "old"}}
	old, err := w.door.Notices.Store.Add(t.Context(), w.Pool, n)
	if err != nil {
		t.Fatal(err)
	}
	w.tell(t)
	if got, _ := w.standing(t, old); got["payments"] != "expired expired" || len(w.said(payments)) != 0 {
		t.Errorf("%v, said %q", got, w.said(payments))
	}
}

func TestANoticeThatIsWrongIsToldAllThatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(t, "REQ", rent)
	long := strings.Repeat("😀", 1751)
	at := func(d time.Duration) string { return b.Clock.Now().Add(d).Format(time.RFC3339) }
	good := `{"kind":"info","text":"x","people":["petrov"]}`
	for name, c := range map[string]struct {
		body   string
		status int
		faults []string
	}{
		"nothing":         {`{}`, 422, []string{"kind missing_field", "text missing_field", "people missing_field"}},
		"no object":       {`[]`, 400, nil},
		"a name twice":    {`{"text":"a","text":"b"}`, 400, []string{"text duplicate_key"}},
		"another case":    {replace(t, good, `"text"`, `"Text"`), 400, []string{"Text unknown_field", "text missing_field"}},
		"kind":            {replace(t, good, "info", "shout"), 422, []string{"kind invalid_field"}},
		"nobody":          {`{"kind":"info","text":"x","people":[],"roles":[]}`, 422, []string{"people missing_field"}},
		"empty text":      {replace(t, good, `"x"`, `" \u202e "`), 422, []string{"text missing_field"}},
		"long":            {replace(t, good, `"x"`, `"`+long+`"`), 422, []string{"text too_long"}},
		"long title":      {replace(t, good, `"text"`, `"title":"`+strings.Repeat("y", 201)+`","text"`), 422, []string{"title too_long"}},
		"strangers":       {`{"kind":"info","text":"x","people":["petrov","nobody"],"roles":["treasurer","king"],"chats":["x"]}`, 422, []string{"people[1] unknown_user", "roles[1] unknown_role", "chats[0] unknown_chat"}},
		"types":           {`{"kind":1,"text":2,"people":"petrov","roles":[1],"chats":{},"files":[1],"percent":"5","expires_at":3,"document":4,"title":5}`, 422, []string{"kind wrong_type", "title wrong_type", "text wrong_type", "document wrong_type", "people wrong_type", "roles[0] wrong_type", "chats wrong_type", "files[0] wrong_type", "expires_at wrong_type", "percent wrong_type"}},
		"past":            {replace(t, good, `"text"`, `"expires_at":"`+at(-time.Hour)+`","text"`), 422, []string{"expires_at out_of_range"}},
		"far":             {replace(t, good, `"text"`, `"expires_at":"`+at(31*24*time.Hour)+`","text"`), 422, []string{"expires_at out_of_range"}},
		"no zone":         {replace(t, good, `"text"`, `"expires_at":"2026-06-16T12:00:00","text"`), 422, []string{"expires_at bad_date"}},
		"percent of info": {replace(t, good, `"text"`, `"percent":5,"text"`), 422, []string{"percent conflict"}},
		"too far":         {replace(t, good, `"info"`, `"progress","percent":101`), 422, []string{"percent out_of_range"}},
		"a broken number": {replace(t, good, `"info"`, `"progress","percent":1.5`), 422, []string{"percent wrong_type"}},
		"no document":     {replace(t, good, `"text"`, `"document":"REQ-9","text"`), 422, []string{"document not_found"}},
		"eleven files":    {replace(t, good, `"text"`, `"files":[`+strings.TrimSuffix(strings.Repeat(`{"name":"a","content_base64":"QQ=="},`, 11), ",")+`],"text"`), 422, []string{"files too_many"}},
		"file of nothing": {replace(t, good, `"text"`, `"files":[{"name":"a"},{"name":"b","sha256":"zz"},{"content_base64":"!"},{"name":"c","upload":"pending","sha256":"`+hexDigest("c")+`"}],"text"`), 400, []string{"files[3].upload unknown_field", "files[0].sha256 missing_field", "files[1].sha256 invalid_field", "files[2].name missing_field", "files[2].content_base64 invalid_field", "files[3] files_missing"}},
		"another digest":  {replace(t, good, `"text"`, `"files":[{"name":"a","sha256":"`+hexDigest("b")+`","content_base64":"QQ=="}],"text"`), 422, []string{"files[0].sha256 digest_mismatch"}},
		"a program":       {replace(t, good, `"text"`, `"files":[{"name":"a.exe","content_base64":"`+base64.StdEncoding.EncodeToString([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00"))+`"}],"text"`), 422, []string{"files[0].content_base64 forbidden_file"}},
		"the whole world": {`{"kind":"info","text":"x","people":["petrov"` + strings.Repeat(`,"petrov"`, 500) + `]}`, 422, []string{"people too_many"}},
	} {
		out := b.post(t, "/v1/notices", c.body, "Idempotency-Key: wrong-notice")
		if got := out.faults(t); out.status != c.status || len(c.faults) > 0 && !slices.Equal(got, c.faults) {
			t.Errorf("%s: %d %q", name, out.status, got)
		}
	}
	expect(t, b.post(t, "/v1/notices", good), 400, "idempotency_key_required")
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from notice`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d notices, %v", n, err)
	}
	id := b.told(t, "right-notice", replace(t, good, "info", "progress")).at(t, "id")
	for body, want := range map[string]string{
		`{}`: "sequence missing_field", `{"sequence":0}`: "sequence out_of_range", `{"sequence":9007199254740992}`: "sequence out_of_range",
		`{"sequence":"1"}`: "sequence wrong_type", `{"sequence":1,"state":"over"}`: "state invalid_field", `{"sequence":1,"percent":-1}`: "percent out_of_range",
	} {
		if out := b.call(t, request{method: "PUT", path: "/v1/notices/" + id, body: body}); out.status != 422 || !slices.Equal(out.faults(t), []string{want}) {
			t.Errorf("%s: %d %s", body, out.status, out.body)
		}
	}
}

func TestALargeFileIsSentBeforeItsNotice(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	content := strings.Repeat("statement ", 1<<20)
	path := "/v1/notices/files/" + hexDigest(content)
	raw := []string{"Content-Type: application/octet-stream"}
	expect(t, w.call(t, request{method: "PUT", path: "/v1/notices/files/" + hexDigest("other"), body: content, headers: raw}), 422, "digest_mismatch")
	expect(t, w.call(t, request{method: "PUT", path: "/v1/notices/files/xyz", body: "a", headers: raw}), 422, "invalid_field")
	expect(t, w.call(t, request{method: "PUT", path: path, body: content, headers: append(raw, "Content-Encoding: gzip")}), 415, "unsupported_media_type")
	expect(t, w.call(t, request{method: "POST", path: path, body: content, headers: raw}), 200, "")
	w.told(t, "large-file-1", `{"kind":"info","text":"x","people":["petrov"],"files":[{"name":"../ведомость.csv","sha256":"`+hexDigest(content)+`"}]}`)
	w.tell(t)
	m := w.tg.Messages(ledgertest.Budget)
	last := m[len(m)-1]
	if last.Document == nil || last.Document.Name != "ведомость.csv" || last.Document.Size != int64(len(content)) {
		t.Errorf("%+v", last)
	}
}

func TestEveryReasonHasWordsInEveryLanguage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	reasons := doc.Components.Schemas["Lost"].Value.Properties["reason"].Value.Enum
	if len(reasons) < 11 {
		t.Errorf("only %v", reasons)
	}
	for _, lang := range []string{"en", "ru", "de", "es"} {
		for _, reason := range reasons {
			if !localetest.Texts(t).For(lang).Has("notice.why." + reason.(string)) {
				t.Errorf("%s has no words in %s", reason, lang)
			}
		}
	}
}

func FuzzReadNotice(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `{"kind":"info","text":"x","people":["petrov"]}`, `{"kind":"progress","text":"\ud83d\ude00","percent":50,"roles":["a@b"],"chats":["c"]}`,
		`{"kind":"alarm","text":"a\nb","title":"\u202e","people":["p"],"files":[{"name":"../x","content_base64":"QQ=="}],"expires_at":"2026-06-16T12:00:00Z"}`,
		`{"sequence":1,"state":"done","percent":100}`, `{"sequence":9007199254740991,"text":"क़"}`,
	} {
		f.Add([]byte(seed))
	}
	lang := localetest.Texts(f).For("en")
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func([]byte) (notice.New, error){erp.ReadNotice, erp.ReadNoticeChange} {
			n, err := read(body)
			if err != nil {
				if p := erp.ProblemOf(err, lang); p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity {
					t.Fatalf("told as %d: %v", p.Status, err)
				}
				continue
			}
			if fault := erp.NoticeFault(n); fault != "" {
				t.Fatalf("taken, and then refused: %s: %+v", fault, n)
			}
		}
	})
}
