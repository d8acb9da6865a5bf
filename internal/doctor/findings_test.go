package doctor_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/doctor"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

// ill is a gateway with one thing wrong, and what must be said of it.
type ill struct {
	make  func(w *world)
	level doctor.Level
	key   string
	words string // in the English text
}

var errPlain = errors.New("the reason")

func ago(d time.Duration) *time.Time { t := time.Now().Add(-d); return &t }

func polling(w *world) { w.Address.Webhook = false }

func own(w *world) {
	cert, text := signed(w.t, nil)
	w.serve(cert)
	w.Address.Certificate = text
	w.info(map[string]any{"has_custom_certificate": true})
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func illOnGround() map[string]ill {
	return map[string]ill{
		"setting":        {func(w *world) { w.Settings = []error{errPlain} }, doctor.Problem, "settings.wrong", "the reason"},
		"text":           {func(w *world) { w.Texts = []error{errPlain} }, doctor.Problem, "texts.wrong", "the reason"},
		"closed folder":  {func(w *world) { w.Folder = filepath.Join(fileIn(w.t), "data") }, doctor.Problem, "folder.closed", "data_dir"},
		"full folder":    {func(w *world) { w.Room = func(string) (uint64, bool) { return 1 << 20, true } }, doctor.Problem, "folder.full", "0.0 GB"},
		"room unknown":   {func(w *world) { w.Room = func(string) (uint64, bool) { return 0, false } }, doctor.OK, "folder.unknown", "not known"},
		"nearly full":    {func(w *world) { w.Room = func(string) (uint64, bool) { return 900 << 20, true } }, doctor.Warning, "folder.full", "0.9 GB"},
		"no database":    {func(w *world) { w.db.None = true }, doctor.Warning, "database.none", "first start"},
		"database away":  {func(w *world) { w.db.Away = errPlain }, doctor.Problem, "database.away", "the reason"},
		"database role":  {func(w *world) { w.db.Role = errPlain }, doctor.Problem, "database.role", "the reason"},
		"schema behind":  {func(w *world) { w.db.Behind = true }, doctor.Problem, "database.behind", "countersign migrate"},
		"dangerous":      {func(w *world) { w.db.Dangers = []string{"fsync is off"} }, doctor.Warning, "database.danger", "fsync is off"},
		"clock":          {func(w *world) { w.db.Ahead = -2 * time.Minute }, doctor.Problem, "clock.off", "PostgreSQL are apart by 120.0 s"},
		"clock a little": {func(w *world) { w.db.Ahead = 10 * time.Second }, doctor.Warning, "clock.off", "10.0 s"},
		"skipped":        {func(w *world) { w.db.Away = errPlain }, doctor.Warning, "skipped.database", "Not looked at"},
		"bot's clock":    {func(w *world) { w.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } }, doctor.Problem, "clock.off", "Telegram"},
		"no login":       {func(w *world) { w.Services = nil }, doctor.OK, "login.none", "users import"},
		"login away":     {func(w *world) { w.Services[0].Issuer = "http://127.0.0.1:1" }, doctor.Problem, "login.away", "/auth/google/callback"},
		"workspace":      {func(w *world) { w.roll = errPlain }, doctor.Problem, "workspace.away", "the reason"},
		"hook paused":    {func(w *world) { w.hook.State, w.hook.Reason = hook.Paused, hook.ReasonGone }, doctor.Problem, "erp.paused", "410"},
		"hook tired":     {func(w *world) { w.hook.State, w.hook.Reason = hook.Paused, hook.ReasonFailing }, doctor.Problem, "erp.paused", "five days"},
		"hook by hand":   {func(w *world) { w.hook.State, w.hook.Reason = hook.Paused, "moving house" }, doctor.Problem, "erp.paused", "moving house"},
		"hook fails":     {func(w *world) { w.hook.FailingSince = ago(2 * time.Hour) }, doctor.Problem, "erp.failing", "2 h"},
		"hook fails now": {func(w *world) { w.hook.FailingSince = ago(2 * time.Minute) }, doctor.Warning, "erp.failing", "2 min"},
		"hook is behind": {func(w *world) { w.hook.OldestDue, w.hook.Due = ago(time.Hour), 3 }, doctor.Problem, "erp.behind", "waiting: 3"},
		"no hook":        {func(w *world) { w.hook.State = hook.Ended }, doctor.OK, "erp.none", "/v1/events"},
		"late update":    {func(w *world) { w.work.Waiting, w.work.Oldest = 5, 10*time.Minute }, doctor.Problem, "work.updates", "10 min"},
		"parked":         {func(w *world) { w.work.Parked = 2 }, doctor.Warning, "work.parked", "updates parked"},
		"unreadable":     {func(w *world) { w.work.Unreadable = 1 }, doctor.Warning, "work.unreadable", "1"},
		"cards":          {func(w *world) { w.lag = 9 }, doctor.Warning, "work.cards", "9"},
		"unread": {func(w *world) {
			w.Updates = func(context.Context) (inbox.Standing, error) { return inbox.Standing{}, errPlain }
		}, doctor.Problem, "unread", "the reason"},
		"a check breaks":  {func(w *world) { w.Behind = func(context.Context, time.Duration) (int, error) { panic("broken") } }, doctor.Problem, "broke", "broken"},
		"nobody to test":  {test(doctor.Recipient{ID: "x"}, directory.ErrUnknown), doctor.Problem, "test.nobody", "id x"},
		"not linked":      {test(doctor.Recipient{ID: "x", Name: "Olga"}, nil), doctor.Problem, "test.unlinked", "Olga"},
		"blocked":         {func(w *world) { must(w.t, w.tg.Block(colleag)) }, doctor.Problem, "test.failed", "blocked"},
		"test cannot ask": {test(doctor.Recipient{}, errPlain), doctor.Problem, "unread", "the reason"},
	}
}

func test(r doctor.Recipient, err error) func(w *world) {
	return func(w *world) { w.Test = func(context.Context) (doctor.Recipient, error) { return r, err } }
}

func fileIn(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, nil, 0o600))
	return name
}

func illAtTheAddress() map[string]ill {
	cert := func(change func(*x509.Certificate)) func(w *world) {
		return func(w *world) {
			c, text := signed(w.t, change)
			w.serve(c)
			w.Address.Roots = x509.NewCertPool()
			w.Address.Roots.AppendCertsFromPEM(text)
		}
	}
	return map[string]ill{
		"none needed": {func(w *world) { polling(w); w.Address.URL = ""; must(w.t, w.Telegram.DeleteWebhook(w.t.Context())) }, doctor.OK, "address.none", "none is needed"},
		"plain http":  {func(w *world) { srv := httptest.NewServer(w.door); w.t.Cleanup(srv.Close); w.Address.URL = srv.URL }, doctor.OK, "address.ok", "reached"},
		"own":         {own, doctor.OK, "address.own", "telegram.certificate"},
		"by common name": {func(w *world) {
			c, text := signed(w.t, func(c *x509.Certificate) { c.IPAddresses = nil })
			w.serve(c)
			w.Address.Certificate = text
		}, doctor.OK, "address.own", "127.0.0.1"},
		"no such name":  {func(w *world) { w.Address.URL = "https://countersign.invalid" }, doctor.Problem, "address.name", "DNS"},
		"nobody there":  {func(w *world) { w.Address.URL = "https://127.0.0.1:1" }, doctor.Problem, "address.away", "refused"},
		"http, nobody":  {func(w *world) { w.Address.URL = "http://127.0.0.1:1" }, doctor.Problem, "address.away", "refused"},
		"proxy alone":   {func(w *world) { w.door = status(502) }, doctor.Problem, "address.gateway", "502"},
		"expired":       {cert(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), doctor.Problem, "address.expired", "Renew"},
		"not valid yet": {cert(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), doctor.Problem, "address.expired", "Renew"},
		"ends soon":     {cert(func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, 5) }), doctor.Warning, "address.expiring", "Renew"},
		"other name":    {cert(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }), doctor.Problem, "address.host", "other.example"},
		"stranger":      {func(w *world) { c, _ := signed(w.t, nil); w.serve(c) }, doctor.Problem, "address.stranger", "intermediate"},
		"another of own": {func(w *world) {
			own(w)
			_, w.Address.Certificate = signed(w.t, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "x"} })
		}, doctor.Problem, "address.other_certificate", "telegram.certificate"},
		"no file": {func(w *world) { w.Address.CertificateErr = errPlain }, doctor.Problem, "address.certificate_file", "the reason"},

		"secret, open":       {func(w *world) { w.door = status(200) }, doctor.Problem, "secret.open", "answers 200"},
		"secret, not passed": {func(w *world) { w.door = status(404) }, doctor.Problem, "secret.open", "answers 404"},
		"secret, redirect":   {func(w *world) { w.door = status(301) }, doctor.Problem, "secret.open", "answers 301"},
		"secret, another":    {func(w *world) { w.door = status(401) }, doctor.Problem, "secret.refused", "another one"},
		"secret, none":       {func(w *world) { w.Secret = func(context.Context) (secret.Text, error) { return "", nil } }, doctor.Warning, "secret.none", "first start"},
		"secret, unread":     {func(w *world) { w.Secret = func(context.Context) (secret.Text, error) { return "", errPlain } }, doctor.Warning, "secret.unread", "the reason"},
		"secret, untrusted":  {func(w *world) { c, _ := signed(w.t, nil); w.serve(c) }, doctor.Warning, "secret.untried", "certificate"},

		"poll, webhook":  {polling, doctor.Problem, "polling.hook", "https://127.0.0.1"},
		"poll, second":   {polls(func(w *world) { w.work.Conflict = time.Minute }), doctor.Problem, "polling.conflict", "1 min"},
		"poll, long ago": {polls(func(w *world) { w.work.Conflict = time.Hour }), doctor.OK, "polling.ok", "nobody else"},
		"poll, nobody":   {polls(func(w *world) { w.work.Polled = false }), doctor.Warning, "polling.idle", "countersign serve"},
		"poll, unasked":  {polls(func(w *world) { w.tg.FailAlways("getWebhookInfo", telegramtest.Refuse(404, "Not Found")) }), doctor.Warning, "webhook.unknown", "Not Found"},
		"poll, behind":   {polls(func(w *world) { w.says("getWebhookInfo", map[string]any{"url": "", "pending_update_count": 500}) }), doctor.Warning, "webhook.pending", "500"},
	}
}

func polls(more func(w *world)) func(w *world) {
	return func(w *world) {
		polling(w)
		must(w.t, w.Telegram.DeleteWebhook(w.t.Context()))
		more(w)
	}
}

func illWithTelegram() map[string]ill {
	info := func(change map[string]any) func(w *world) { return func(w *world) { w.info(change) } }
	refuse := func(method string, code int, text string) func(w *world) {
		return func(w *world) { w.tg.FailAlways(method, telegramtest.Refuse(code, text)) }
	}
	me := func(name string, value bool) func(w *world) {
		return func(w *world) {
			all := map[string]any{"id": w.tg.BotID(), "is_bot": true, "first_name": "B", "username": "b", "can_join_groups": true, "supports_inline_queries": true}
			all[name] = value
			w.says("getMe", all)
		}
	}
	chat := func(change func(c *telegramtest.Chat)) func(w *world) {
		return func(w *world) { must(w.t, w.tg.ChangeChat(group, change)) }
	}
	return map[string]ill{
		"no token":       {func(w *world) { w.Telegram = nil }, doctor.Problem, "token.none", "@BotFather"},
		"nobody's work":  {func(w *world) { w.Telegram, w.Updates, w.Secret = nil, nil, nil }, doctor.Warning, "skipped.telegram", "Not looked at"},
		"bad token":      {func(w *world) { w.Telegram, w.TelegramErr = nil, errPlain }, doctor.Problem, "token.form", "the reason"},
		"revoked token":  {refuse("getMe", 401, "Unauthorized"), doctor.Problem, "token.refused", "revoked"},
		"wrong token":    {func(w *world) { w.Telegram = w.client(telegram.Options{Token: "4242424242:another"}) }, doctor.Problem, "token.refused", "mistyped"},
		"api away":       {func(w *world) { w.Telegram = w.client(telegram.Options{APIURL: "http://127.0.0.1:1"}) }, doctor.Problem, "token.away", "refused"},
		"not the api":    {func(w *world) { w.Telegram = w.client(telegram.Options{APIURL: w.web404()}) }, doctor.Problem, "token.away", "not from the Bot API"},
		"proxy away":     {func(w *world) { w.Telegram = w.client(telegram.Options{Proxy: "http://127.0.0.1:1"}) }, doctor.Problem, "token.proxy", "telegram.proxy right"},
		"not asked then": {func(w *world) { w.Telegram = nil }, doctor.Warning, "skipped.telegram", "Not looked at"},

		"not known":     {refuse("getWebhookInfo", 404, "Not Found"), doctor.Warning, "webhook.unknown", "Not Found"},
		"unset":         {info(map[string]any{"url": ""}), doctor.Problem, "webhook.unset", "countersign serve"},
		"elsewhere":     {info(map[string]any{"url": "https://u:hidden@other.example/x?token=hidden"}), doctor.Problem, "webhook.foreign", "https://other.example/x and not"},
		"kinds":         {info(map[string]any{"allowed_updates": []string{"message"}}), doctor.Problem, "webhook.kinds", "callback_query"},
		"connections":   {info(map[string]any{"max_connections": 1}), doctor.Warning, "webhook.connections", "at most 1 "},
		"pending":       {info(map[string]any{"pending_update_count": 500}), doctor.Warning, "webhook.pending", "500"},
		"another ip":    {info(map[string]any{"ip_address": "192.0.2.9"}), doctor.Warning, "webhook.ip", "192.0.2.9"},
		"stale copy":    {info(map[string]any{"has_custom_certificate": true}), doctor.Problem, "webhook.copy_stale", "holds on"},
		"no copy":       {func(w *world) { own(w); w.info(nil) }, doctor.Problem, "webhook.copy_lacking", "no copy"},
		"failed before": {func(w *world) { info(complaint("Connection refused", 3*time.Hour))(w) }, doctor.Warning, "webhook.error", "3 h ago"},

		"no menus":     {refuse("getMyCommands", 404, "Not Found"), doctor.Warning, "menu.unknown", "type commands"},
		"other menu":   {func(w *world) { w.Menus[0].Commands[0].Description = "Another" }, doctor.Warning, "menu.differs", "all_private_chats/*"},
		"inline off":   {me("supports_inline_queries", false), doctor.Warning, "inline.off", "/setinline "},
		"no feedback":  {func(w *world) { w.work.Chosen = 0 }, doctor.Warning, "inline.feedback", "/setinlinefeedback"},
		"no searches":  {func(w *world) { w.work.Chosen, w.work.Searches = 0, 0 }, doctor.OK, "inline.quiet", "100%"},
		"reads all":    {me("can_read_all_group_messages", true), doctor.Warning, "privacy.open", "/setprivacy"},
		"no groups":    {me("can_join_groups", false), doctor.Warning, "privacy.closed", "/setjoingroups"},
		"time unknown": {func(w *world) { w.Telegram = w.client(telegram.Options{APIURL: w.timeless()}) }, doctor.Warning, "clock.unread", "Telegram"},

		"none bound":   {func(w *world) { w.chat.Disabled = true }, doctor.OK, "group.none", "No group"},
		"kicked":       {chat(func(c *telegramtest.Chat) { c.Bot = "kicked" }), doctor.Problem, "group.out", "Payments"},
		"deleted":      {func(w *world) { w.chat.TelegramID = -5 }, doctor.Problem, "group.out", "Payments"},
		"restricted":   {chat(func(c *telegramtest.Chat) { c.Bot = "restricted" }), doctor.Problem, "group.mute", "administrator"},
		"members mute": {chat(func(c *telegramtest.Chat) { c.Denied = []string{"can_send_messages"} }), doctor.Problem, "group.mute", "administrator"},
		"no files":     {chat(func(c *telegramtest.Chat) { c.Denied = []string{"can_send_documents"} }), doctor.Problem, "group.files", "files"},
		"files unasked": {func(w *world) {
			chat(func(c *telegramtest.Chat) { c.Denied = []string{"can_send_documents"} })(w)
			w.chat.NoFiles = true
		}, doctor.OK, "group.ok", "Payments"},
		"runs it":       {chat(func(c *telegramtest.Chat) { c.Bot, c.Denied = "administrator", []string{"can_send_messages"} }), doctor.OK, "group.ok", "Payments"},
		"topic closed":  {func(w *world) { must(w.t, w.tg.Topic(group, 7, false)) }, doctor.Problem, "group.topic", "/bind"},
		"topic gone":    {func(w *world) { w.tg.DeleteTopic(group, 7) }, doctor.Problem, "group.topic", "/bind"},
		"moved":         {refuseMoved, doctor.Warning, "group.moved", "supergroup"},
		"unknown":       {refuse("getChatMember", 500, "Internal Server Error"), doctor.Warning, "group.unknown", "500"},
		"topic unknown": {refuse("sendChatAction", 500, "Internal Server Error"), doctor.Warning, "group.unknown", "500"},
		"fault":         {func(w *world) { w.chat.Fault = "chat not found" }, doctor.Warning, "group.fault", "chat not found"},
		"many": {func(w *world) {
			w.Chats = func(context.Context) ([]directory.Chat, error) {
				return slices.Repeat([]directory.Chat{w.chat}, 60), nil
			}
		}, doctor.Warning, "group.rest", "10"},
	}
}

func refuseMoved(w *world) {
	w.tg.FailAlways("getChatMember", telegramtest.Fault{Code: 400, Text: "Bad Request: group chat was upgraded to a supergroup chat", MigrateTo: -1009})
}

func complaint(text string, age time.Duration) map[string]any {
	return map[string]any{"last_error_date": time.Now().Add(-age).Unix(), "last_error_message": text}
}

// web404 is a server that is no Bot API.
func (w *world) web404() string {
	srv := httptest.NewServer(http.NotFoundHandler())
	w.t.Cleanup(srv.Close)
	return srv.URL
}

// timeless is the Bot API behind something that tells no time.
func (w *world) timeless() string {
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header()["Date"] = nil
		w.tg.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(srv.Close)
	return srv.URL
}

func english(t *testing.T) locale.Lang {
	t.Helper()
	texts := localetest.Texts(t)
	return texts.For("en")
}

func TestHealthyGatewayHasNothingToReport(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	found := w.Examine(t.Context())
	var checks []string
	for _, f := range found {
		if !slices.Contains(checks, f.Check) {
			checks = append(checks, f.Check)
		}
		if f.Level != doctor.OK {
			t.Errorf("%s %s: %s", f.Level, f.Check, f.Text(english(t)))
		}
	}
	const all = "settings texts data_dir database public_url token telegram_clock webhook secret menu inline privacy groups login workspace erp work test_message"
	if got := strings.Join(checks, " "); got != all {
		t.Errorf("looked at %s", got)
	}
	if n := doctor.Failed(found); n != 0 {
		t.Errorf("%d problems", n)
	}
	messages := w.tg.Messages(colleag)
	if last := messages[len(messages)-1]; !strings.Contains(last.Text, "Test message") {
		t.Errorf("no test message: %+v", last)
	}
}

// A healthy gateway says none of this, so each finding is there because of what is wrong.
func TestEachFindingIsMadeOfWhatIsWrongAndOfNothingElse(t *testing.T) { //nolint:tparallel // the group is waited for
	t.Parallel()
	lang := english(t)
	var before []string
	for _, f := range healthy(t).Examine(t.Context()) {
		before = append(before, f.Key+f.Text(lang))
	}
	ills := illOnGround()
	maps.Copy(ills, illAtTheAddress())
	maps.Copy(ills, illWithTelegram())
	var mu sync.Mutex
	all := map[string]doctor.Finding{}
	t.Run("each", func(t *testing.T) {
		for name, c := range ills {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := healthy(t)
				c.make(w)
				found := w.Examine(t.Context())
				i := slices.IndexFunc(found, func(f doctor.Finding) bool {
					return f.Key == "doctor."+c.key && f.Level == c.level && strings.Contains(f.Text(lang), c.words)
				})
				if i < 0 {
					for _, f := range found {
						t.Logf("%s %s %s: %s", f.Level, f.Check, f.Key, f.Text(lang))
					}
					t.Fatalf("no %s %s with %q", c.level, c.key, c.words)
				}
				if text := found[i].Text(lang); slices.Contains(before, found[i].Key+text) && c.level != doctor.OK {
					t.Errorf("a healthy one says so, too: %s", text)
				}
				secrets(t, found, lang)
				mu.Lock()
				defer mu.Unlock()
				all[name] = found[i]
			})
		}
	})
	if !t.Failed() {
		readAsWritten(t, "findings", all)
	}
}

func secrets(t *testing.T, found []doctor.Finding, lang locale.Lang) {
	t.Helper()
	for _, f := range found {
		text := fmt.Sprintf("%+v", f)
		for _, hidden := range []string{right, "test-token", "hidden", "hush"} {
			if strings.Contains(text+f.Text(lang), hidden) {
				t.Errorf("%s shows %s: %s", f.Key, hidden, text)
			}
		}
		if strings.Contains(f.Text(lang), "{{") || f.Text(lang) == f.Key {
			t.Errorf("%s is said as %q", f.Key, f.Text(lang))
		}
	}
}

func TestWhatTelegramComplainsOfIsTranslated(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	all := map[string]doctor.Finding{}
	for text, key := range map[string]string{
		"Wrong response from the webhook: 401 Unauthorized":                  "secret",
		"Wrong response from the webhook: 403 Forbidden":                     "forbidden",
		"Wrong response from the webhook: 404 Not Found":                     "path",
		"Wrong response from the webhook: 301 Moved Permanently":             "path",
		"Wrong response from the webhook: 405 Method Not Allowed":            "path",
		"Wrong response from the webhook: 413 Request Entity Too Large":      "large",
		"Wrong response from the webhook: 502 Bad Gateway":                   "gateway",
		"Wrong response from the webhook: 503 Service Unavailable":           "gateway",
		"Wrong response from the webhook: 500 Internal Server Error":         "server",
		"Read timeout expired":                                               "timeout",
		"Connection timed out":                                               "timeout",
		"Connection refused":                                                 "refused",
		"Connection reset by peer":                                           "cut",
		"SSL error {error:0A000086:SSL routines::certificate verify failed}": "certificate",
		"Failed to resolve host: Name or service not known":                  "name",
		"something new": "other",
	} {
		end := w.tg.FailAlways("getWebhookInfo", telegramtest.Fault{Status: 200, Body: answer(t, w, text)})
		found := w.Examine(t.Context())
		end()
		i := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Key == "doctor.webhook.error" })
		if i < 0 || found[i].Level != doctor.Problem {
			t.Errorf("%s: not told of: %v", text, found)
			continue
		}
		if why, isSaid := found[i].Data["Why"].(doctor.Said); !isSaid || why.Key != "doctor.delivery."+key || !strings.Contains(found[i].Text(english(t)), text) {
			t.Errorf("%s: %+v, %s", text, why, found[i].Text(english(t)))
		}
		all[text] = found[i]
	}
	readAsWritten(t, "complaints", all)
	end := w.tg.FailAlways("getWebhookInfo", telegramtest.Fault{Status: 200, Body: answer(t, w, "Connection refused", 48*time.Hour)})
	defer end()
	for _, f := range w.Examine(t.Context()) {
		if f.Key == "doctor.webhook.error" {
			t.Errorf("told of what is long over: %s", f.Text(english(t)))
		}
	}
}

func answer(t *testing.T, w *world, text string, age ...time.Duration) string {
	t.Helper()
	result := complaint(text, append(age, time.Second)[0])
	result["url"] = w.Address.URL + w.Address.Path
	body, err := json.Marshal(map[string]any{"ok": true, "result": result})
	must(t, err)
	return string(body)
}
