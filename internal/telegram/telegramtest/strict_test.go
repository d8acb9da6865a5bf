package telegramtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/telegram/telegramtest"
)

const (
	anna  = 101
	boris = 102
	group = -500
	super = -1009000
)

// reply is an answer of the Bot API.
type reply struct {
	OK          bool            `json:"ok"`
	Result      json.RawMessage `json:"result"`
	Code        int             `json:"error_code"`
	Description string          `json:"description"`
	Parameters  struct {
		RetryAfter int   `json:"retry_after"`
		MigrateTo  int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// world is a server with two people, of whom Anna has started the bot, a group and a forum.
func world(t *testing.T, o telegramtest.Options) *telegramtest.Server {
	t.Helper()
	s, err := telegramtest.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.User(anna, "Anna", "ru")
	s.User(boris, "Boris", "en")
	must(t, s.AddChat(telegramtest.Chat{ID: group, Type: telegramtest.Group, Title: "Payments", Members: []int64{anna, boris}}))
	must(t, s.AddChat(telegramtest.Chat{ID: super, Type: telegramtest.Supergroup, Forum: true, Members: []int64{anna}}))
	must(t, s.Topic(super, 7, true))
	must(t, s.Topic(super, 8, false))
	if _, err := s.StartBot(anna, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type p map[string]any

// call calls a method with JSON.
func call(t *testing.T, s *telegramtest.Server, method string, params p) reply {
	t.Helper()
	body, err := json.Marshal(params)
	must(t, err)
	return post(t, s, method, "application/json", bytes.NewReader(body))
}

func post(t *testing.T, s *telegramtest.Server, method, contentType string, body io.Reader) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/bot"+s.Token()+"/"+method, body)
	must(t, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var r reply
	must(t, json.NewDecoder(resp.Body).Decode(&r))
	if !r.OK && r.Code != resp.StatusCode {
		t.Errorf("%s: status %d, error_code %d", method, resp.StatusCode, r.Code)
	}
	return r
}

func messageID(t *testing.T, r reply) int64 {
	t.Helper()
	var m struct {
		ID int64 `json:"message_id"`
	}
	if !r.OK {
		t.Fatalf("refused: %d %s", r.Code, r.Description)
	}
	must(t, json.Unmarshal(r.Result, &m))
	return m.ID
}

func keyboard(buttons ...p) p { return p{"inline_keyboard": [][]p{buttons}} }

func button(text, data string) p { return p{"text": text, "callback_data": data} }

func TestRefusesWhatTelegramRefuses(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	s.ChangeUser(103, func(u *telegramtest.User) { u.ID, u.Deactivated = 103, true })
	s.ChangeUser(104, func(u *telegramtest.User) { u.ID, u.Bot = 104, true })
	s.User(105, "Stranger", "")
	photo := s.StoreFile("photo", "a.jpg", []byte("x"))
	many := make([]p, 9)
	for i := range many {
		many[i] = button("b", "d")
	}
	for name, tc := range map[string]struct {
		method string
		params p
		want   string
	}{
		"unknown method":       {"sendRocket", p{}, "Not Found"},
		"no chat":              {"sendMessage", p{"chat_id": 999, "text": "x"}, "Bad Request: chat not found"},
		"stranger":             {"sendMessage", p{"chat_id": 105, "text": "x"}, "Bad Request: chat not found"},
		"met but not started":  {"sendMessage", p{"chat_id": boris, "text": "x"}, "Forbidden: bot can't initiate conversation with a user"},
		"deactivated":          {"sendMessage", p{"chat_id": 103, "text": "x"}, "Forbidden: user is deactivated"},
		"bot":                  {"sendMessage", p{"chat_id": 104, "text": "x"}, "Forbidden: bot can't send messages to bots"},
		"empty":                {"sendMessage", p{"chat_id": anna, "text": " \n "}, "Bad Request: message text is empty"},
		"empty after tags":     {"sendMessage", p{"chat_id": anna, "text": "<b></b>", "parse_mode": "HTML"}, "Bad Request: message text is empty"},
		"too long":             {"sendMessage", p{"chat_id": anna, "text": strings.Repeat("😀", 2049)}, "Bad Request: message is too long"},
		"raw too long":         {"sendMessage", p{"chat_id": anna, "text": strings.Repeat("<b>x</b>", 4097)}, "Bad Request: Text is too long"},
		"parse mode":           {"sendMessage", p{"chat_id": anna, "text": "x", "parse_mode": "Markdown"}, "Bad Request: unsupported parse_mode"},
		"tag":                  {"sendMessage", p{"chat_id": anna, "text": "<p>x</p>", "parse_mode": "HTML"}, "Bad Request: can't parse entities: Unsupported start tag \"p\" at byte offset 0"},
		"data of 65 bytes":     {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(button("b", strings.Repeat("d", 65)))}, "Bad Request: BUTTON_DATA_INVALID"},
		"data in bytes":        {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(button("b", strings.Repeat("й", 33)))}, "Bad Request: BUTTON_DATA_INVALID"},
		"no data":              {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(button("b", ""))}, "Bad Request: BUTTON_DATA_INVALID"},
		"no action":            {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(p{"text": "b"})}, "Bad Request: Text buttons are unallowed in the inline keyboard"},
		"only empty copy text": {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(p{"text": "b", "copy_text": p{"text": ""}})}, "Bad Request: BUTTON_COPY_TEXT_INVALID"},
		"no text":              {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(p{"callback_data": "d"})}, "Bad Request: can't parse inline keyboard button: Field \"text\" must be of type String"},
		"style":                {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(p{"text": "b", "callback_data": "d", "style": "green"})}, "Bad Request: invalid button style specified"},
		"localhost":            {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(p{"text": "b", "url": "http://localhost/x"})}, "Bad Request: BUTTON_URL_INVALID"},
		"script":               {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(p{"text": "b", "url": "javascript:alert(1)"})}, "Bad Request: BUTTON_URL_INVALID"},
		"mini app in group":    {"sendMessage", p{"chat_id": group, "text": "x", "reply_markup": keyboard(p{"text": "b", "web_app": p{"url": "https://a.example"}})}, "Bad Request: BUTTON_TYPE_INVALID"},
		"row of nine":          {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": keyboard(many...)}, "Bad Request: reply markup is too long"},
		"null markup":          {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": nil}, "Bad Request: object expected as reply markup"},
		"array markup":         {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": []p{}}, "Bad Request: object expected as reply markup"},
		"placeholder":          {"sendMessage", p{"chat_id": anna, "text": "x", "reply_markup": p{"force_reply": true, "input_field_placeholder": strings.Repeat("x", 65)}}, "Bad Request: input field placeholder is too long"},
		"reply":                {"sendMessage", p{"chat_id": anna, "text": "x", "reply_parameters": p{"message_id": 9999}}, "Bad Request: message to be replied not found"},
		"no topic":             {"sendMessage", p{"chat_id": super, "text": "x", "message_thread_id": 9}, "Bad Request: message thread not found"},
		"general by id":        {"sendMessage", p{"chat_id": super, "text": "x", "message_thread_id": 1}, "Bad Request: message thread not found"},
		"closed topic":         {"sendMessage", p{"chat_id": super, "text": "x", "message_thread_id": 8}, "Bad Request: TOPIC_CLOSED"},
		"no message":           {"editMessageText", p{"chat_id": anna, "message_id": 9999, "text": "x"}, "Bad Request: message to edit not found"},
		"no id":                {"editMessageText", p{"chat_id": anna, "text": "x"}, "Bad Request: message identifier is not specified"},
		"her message":          {"editMessageText", p{"chat_id": anna, "message_id": 1, "text": "x"}, "Bad Request: message can't be edited"},
		"no inline message":    {"editMessageText", p{"inline_message_id": "AAA", "text": "x"}, "Bad Request: MESSAGE_ID_INVALID"},
		"no document":          {"sendDocument", p{"chat_id": anna}, "Bad Request: there is no document in the request"},
		"unknown file":         {"sendDocument", p{"chat_id": anna, "document": "BQAC"}, "Bad Request: wrong file identifier/HTTP URL specified"},
		"photo as document":    {"sendDocument", p{"chat_id": anna, "document": photo}, "Bad Request: can't use file of type Photo as Document"},
		"caption":              {"sendDocument", p{"chat_id": anna, "document": photo, "caption": strings.Repeat("x", 1025)}, "Bad Request: message caption is too long"},
		"no query":             {"answerCallbackQuery", p{"callback_query_id": "1"}, "Bad Request: query is too old and response timeout expired or query ID is invalid"},
		"command name":         {"setMyCommands", p{"commands": []p{{"command": "Start", "description": "x"}}}, "Bad Request: BOT_COMMAND_INVALID"},
		"no description":       {"setMyCommands", p{"commands": []p{{"command": "start", "description": ""}}}, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"},
		"webhook not https":    {"setWebhook", p{"url": "http://bot.example/x"}, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"},
		"webhook secret":       {"setWebhook", p{"url": "https://bot.example", "secret_token": "a b"}, "Bad Request: secret token contains unallowed characters"},
		"certificate as text":  {"setWebhook", p{"url": "https://bot.example", "certificate": "PEM"}, "Bad Request: bad webhook: certificate must be uploaded as a file"},
		"old file":             {"getFile", p{"file_id": "x"}, "Bad Request: wrong file_id or the file is temporarily unavailable"},
		"delete":               {"deleteMessage", p{"chat_id": anna, "message_id": 9999}, "Bad Request: message to delete not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(t, s, tc.method, tc.params)
			if r.OK || r.Description != tc.want {
				t.Errorf("ok %v, description %q, want %q", r.OK, r.Description, tc.want)
			}
		})
	}
}

func TestReadsHTMLAsTelegramDoes(t *testing.T) {
	t.Parallel()
	type e = telegramtest.Entity
	for name, tc := range map[string]struct {
		in, text, refused string
		entities          []e
	}{
		"tags":              {in: "<b>a</b> <i>b</i><u>c</u><s>d</s>", text: "a bcd", entities: []e{{Type: "bold", Length: 1}, {Type: "italic", Offset: 2, Length: 1}, {Type: "underline", Offset: 3, Length: 1}, {Type: "strikethrough", Offset: 4, Length: 1}}},
		"units":             {in: "😀<b>я</b>", text: "😀я", entities: []e{{Type: "bold", Offset: 2, Length: 1}}},
		"link":              {in: `<a href="https://a.example/?x=1&amp;y=2">l</a>`, text: "l", entities: []e{{Type: "text_link", Length: 1, URL: "https://a.example/?x=1&y=2"}}},
		"references":        {in: "&lt;&gt;&amp;&quot;&#39;&#x41;&nbsp;&copy;&", text: `<>&"'A&nbsp;&copy;&`},
		"code":              {in: `<pre><code class="language-go">x</code></pre>`, text: "x", entities: []e{{Type: "pre", Length: 1, Language: "go"}}},
		"quote":             {in: "<blockquote expandable>x</blockquote>", text: "x", entities: []e{{Type: "expandable_blockquote", Length: 1}}},
		"case and trim":     {in: "  <B>x </B>\n", text: "x", entities: []e{{Type: "bold", Length: 1}}},
		"overrides vanish":  {in: "a\u202eb\r\n<b>c</b>\x01", text: "ab\nc", entities: []e{{Type: "bold", Offset: 3, Length: 1}}},
		"anonymous end":     {in: "<b>x</>", text: "x", entities: []e{{Type: "bold", Length: 1}}},
		"stray bracket":     {in: "1 < 2", refused: `Unsupported start tag "" at byte offset 2`},
		"not closed":        {in: "<b>x", refused: `Can't find end tag corresponding to start tag "b"`},
		"crossed":           {in: "<b><i>x</b></i>", refused: `Unmatched end tag at byte offset 7, expected "</i>", found "</b>"`},
		"end alone":         {in: "x</b>", refused: "Unexpected end tag at byte offset 1"},
		"cut tag":           {in: "x<b", refused: "Unclosed start tag at byte offset 1"},
		"cut attribute":     {in: `<a href="x>y</a>`, refused: `Unclosed start tag "a" at byte offset 0`},
		"attribute alone":   {in: "<a href>x</a>", refused: `Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0`},
		"span":              {in: "<span>x</span>", refused: `Tag "span" must have class "tg-spoiler" at byte offset 0`},
		"br":                {in: "x<br/>", refused: `Unsupported start tag "br/" at byte offset 1`},
		"comment like text": {in: "<!-- x -->", refused: `Unsupported start tag "!--" at byte offset 0`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := world(t, telegramtest.Options{})
			r := call(t, s, "sendMessage", p{"chat_id": anna, "text": tc.in, "parse_mode": "HTML"})
			if tc.refused != "" {
				if want := "Bad Request: can't parse entities: " + tc.refused; r.Description != want {
					t.Errorf("description %q, want %q", r.Description, want)
				}
				return
			}
			m, _ := s.Message(anna, messageID(t, r))
			if m.Text != tc.text || m.HTML != tc.in {
				t.Errorf("text %q, want %q", m.Text, tc.text)
			}
			if diff := cmp.Diff(tc.entities, m.Entities); diff != "" && len(tc.entities)+len(m.Entities) > 0 {
				t.Error(diff)
			}
		})
	}
}

func TestTakesParametersInEveryForm(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{MaxFile: 10})
	form := func(fields map[string]string, fileName string, file []byte) (string, io.Reader) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for k, v := range fields {
			must(t, w.WriteField(k, v))
		}
		if file != nil {
			part, err := w.CreateFormFile("document", fileName)
			must(t, err)
			_, _ = part.Write(file)
		}
		must(t, w.Close())
		return w.FormDataContentType(), &b
	}
	if r := post(t, s, "getMe", "multipart/form-data; boundary=xyz", nil); !r.OK {
		t.Errorf("empty form: %s", r.Description)
	}
	if r := post(t, s, "GETME", "", nil); !r.OK {
		t.Errorf("case of method: %s", r.Description)
	}
	text := url.Values{"chat_id": {"101"}, "text": {"encoded"}}
	if r := post(t, s, "sendMessage", "application/x-www-form-urlencoded", strings.NewReader(text.Encode())); !r.OK {
		t.Errorf("urlencoded: %s", r.Description)
	}
	if r := post(t, s, "sendMessage?"+text.Encode(), "", nil); !r.OK {
		t.Errorf("query: %s", r.Description)
	}
	kind, body := form(map[string]string{"chat_id": "101", "caption": "c"}, "a.txt", []byte("0123456789"))
	id := messageID(t, post(t, s, "sendDocument", kind, body))
	m, _ := s.Message(anna, id)
	if m.Text != "c" || m.Document == nil || m.Document.Name != "a.txt" || m.Document.Size != 10 {
		t.Errorf("document: %+v", m)
	}
	if data, _ := s.FileBytes(m.Document.FileID); string(data) != "0123456789" {
		t.Errorf("stored %q", data)
	}
	if again := call(t, s, "sendDocument", p{"chat_id": anna, "document": m.Document.FileID}); !again.OK {
		t.Errorf("by id: %s", again.Description)
	}
	kind, body = form(map[string]string{"chat_id": "101"}, "a.txt", []byte("0123456789+"))
	if r := post(t, s, "sendDocument", kind, body); r.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d %s", r.Code, r.Description)
	}
	kind, body = form(map[string]string{"chat_id": "101"}, "a.txt", []byte{})
	if r := post(t, s, "sendDocument", kind, body); r.Description != "Bad Request: file must be non-empty" {
		t.Errorf("empty file: %s", r.Description)
	}
	kind, body = form(map[string]string{"chat_id": "101", "text": "cut"}, "", nil)
	whole, _ := io.ReadAll(body)
	if r := post(t, s, "sendMessage", kind, bytes.NewReader(whole[:len(whole)-20])); r.OK {
		t.Error("a form that breaks off was taken")
	}
	if r := post(t, s, "sendMessage", "application/json", strings.NewReader("{\"chat_id\":101,\"text\":\"a\xff\"}")); r.OK && !strings.Contains(string(r.Result), "\ufffd") {
		t.Error("invalid UTF-8 was taken")
	}
}

func TestKnowsItsToken(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	for path, want := range map[string]int{"/bot1:x/getMe": 401, "/botx/getMe": 404, "/": 404, "/bot" + s.Token(): 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, nil)
		must(t, err)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestEditWithoutMarkupRemovesTheKeyboard(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	id := messageID(t, call(t, s, "sendMessage", p{"chat_id": anna, "text": "pay", "reply_markup": keyboard(button("✅ Accept", "a"))}))
	same := p{"chat_id": anna, "message_id": id, "text": "pay", "reply_markup": keyboard(button("✅ Accept", "a"))}
	if r := call(t, s, "editMessageText", same); !strings.HasPrefix(r.Description, "Bad Request: message is not modified") {
		t.Errorf("same content: %+v", r)
	}
	if r := call(t, s, "editMessageText", p{"chat_id": anna, "message_id": id, "text": "pay"}); !r.OK {
		t.Errorf("edit: %s", r.Description)
	}
	m, _ := s.Message(anna, id)
	if len(m.Keyboard) != 0 || m.Edits != 1 || len(m.History) != 2 || len(m.History[0].Keyboard) != 1 {
		t.Errorf("after the edit: %+v", m)
	}
	if _, err := s.Press(anna, anna, id, "Accept"); err == nil {
		t.Error("a button that is gone could be tapped")
	}
	must(t, s.Remove(anna, anna, id))
	if r := call(t, s, "editMessageText", p{"chat_id": anna, "message_id": id, "text": "x"}); r.Description != "Bad Request: message to edit not found" {
		t.Errorf("edit of a deleted message: %+v", r)
	}
}

func TestGroupThatMovesLeavesItsMessagesBehind(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	messageID(t, call(t, s, "sendMessage", p{"chat_id": group, "text": "x"}))
	must(t, s.Migrate(group, -1005001))
	r := call(t, s, "sendMessage", p{"chat_id": group, "text": "x"})
	if r.Parameters.MigrateTo != -1005001 || r.Description != "Bad Request: group chat was upgraded to a supergroup chat" {
		t.Errorf("old id: %+v", r)
	}
	if id := messageID(t, call(t, s, "sendMessage", p{"chat_id": -1005001, "text": "x"})); id != 2 {
		t.Errorf("the supergroup should count its own messages, got %d", id)
	}
}

func TestBlockedAndRemovedBotIsToldSo(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	must(t, s.Block(anna))
	if r := call(t, s, "sendMessage", p{"chat_id": anna, "text": "x"}); r.Description != "Forbidden: bot was blocked by the user" {
		t.Errorf("blocked: %+v", r)
	}
	s.Unblock(anna)
	messageID(t, call(t, s, "sendMessage", p{"chat_id": anna, "text": "x"}))
	for status, want := range map[string]string{
		"kicked": "Forbidden: bot was kicked from the group chat", "left": "Forbidden: bot is not a member of the group chat",
		"restricted": "Bad Request: not enough rights to send text messages to the chat",
	} {
		must(t, s.ChangeChat(group, func(c *telegramtest.Chat) { c.Bot = status }))
		if r := call(t, s, "sendMessage", p{"chat_id": group, "text": "x"}); r.Description != want {
			t.Errorf("%s: %+v", status, r)
		}
	}
}

func TestReactionsAreOneOfThoseAllowed(t *testing.T) {
	t.Parallel()
	s := world(t, telegramtest.Options{})
	id, err := s.Say(anna, anna, "hello", 0)
	must(t, err)
	for reaction, want := range map[string]string{
		`[{"type":"emoji","emoji":"✍"}]`: "",
		`[]`:                             "",
		`[{"type":"emoji","emoji":"✅"}]`: "Bad Request: REACTION_INVALID",
		`[{"type":"paid"}]`:              "Bad Request: REACTION_INVALID",
		`[{"type":"emoji","emoji":"👍"},{"type":"emoji","emoji":"✍"}]`: "Bad Request: REACTIONS_TOO_MANY",
		`{"type":"emoji"}`: "Bad Request: can't parse reaction JSON object",
	} {
		if r := call(t, s, "setMessageReaction", p{"chat_id": anna, "message_id": id, "reaction": reaction}); r.Description != want {
			t.Errorf("%s: %+v", reaction, r)
		}
	}
	if r := call(t, s, "setMessageReaction", p{"chat_id": anna, "message_id": id + 9, "reaction": "[]"}); r.Description != "Bad Request: message to react not found" {
		t.Errorf("no such message: %+v", r)
	}
}
