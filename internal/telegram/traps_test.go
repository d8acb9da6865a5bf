package telegram_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign/internal/telegram"
)

// wire is a Bot API that takes everything and keeps the parameters of the last call as
// they came.
type wire struct {
	client *telegram.Client
	called string
	params map[string]string
	length int64
	form   string // what the body is said to be
}

func listen(t *testing.T) *wire {
	t.Helper()
	w := &wire{}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.called, w.length = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], r.ContentLength
		w.params, w.form = parameters(t, r), r.Header.Get("Content-Type")
		result := `{"message_id":7,"date":1,"chat":{"id":1,"type":"private"}}`
		switch {
		case w.params["inline_message_id"] != "", strings.HasPrefix(w.called, "answer"), strings.HasPrefix(w.called, "delete"):
			result = "true"
		case w.called == "getMe":
			result = `{"id":4242,"is_bot":true,"first_name":"B","username":"b_bot","supports_inline_queries":true}`
		case w.called == "getWebhookInfo":
			result = `{"url":"","has_custom_certificate":false,"pending_update_count":0}`
		}
		_, _ = rw.Write([]byte(`{"ok":true,"result":` + result + `}`))
	}))
	t.Cleanup(srv.Close)
	w.client = client(t, telegram.Options{APIURL: srv.URL})
	return w
}

// parameters are those of a call, whatever form it has.
func parameters(t *testing.T, r *http.Request) map[string]string {
	t.Helper()
	out := map[string]string{}
	if r.ContentLength == 0 {
		return out
	}
	if r.Header.Get("Content-Type") != "application/json" {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return out
		}
		for k, v := range r.MultipartForm.Value {
			out[k] = v[0]
		}
		return out
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		t.Error(err)
	}
	for k, v := range body {
		text, err := json.Marshal(v) // keys in their order
		if err != nil {
			t.Error(err)
		}
		out[k] = strings.Trim(string(text), `"`)
	}
	return out
}

// TestTrapsOfTheLibraryAreClosed: one row for each thing that the library says wrongly or
// cannot say, by what goes over the wire.
func TestTrapsOfTheLibraryAreClosed(t *testing.T) {
	t.Parallel()
	w := listen(t)
	c, ctx := w.client, t.Context()
	all := keyboard(
		t, []telegram.Button{{Text: "data", Data: "d"}, {Text: "url", URL: "https://a.example"}, {Text: "app", WebApp: "https://a.example"}},
		[]telegram.Button{
			{Text: "here", Inline: &telegram.Inline{}},
			{Text: "there", Inline: &telegram.Inline{Where: telegram.Elsewhere}},
			{Text: "back", Inline: &telegram.Inline{Where: telegram.Back}},
		})
	result := telegram.InlineResult{ID: "1", Title: "t", Text: "x", Keyboard: all}
	inline := telegram.InlineAnswer{QueryID: "q", Results: []telegram.InlineResult{result}, Prompt: telegram.Prompt{Text: "Link", Parameter: "link"}}
	for name, c := range map[string]struct {
		do      func() error
		method  string
		want    map[string]string // parameters as they go over the wire, in part
		without []string          // parameters that do not go
		never   []string          // what is nowhere among the values
	}{
		"text of an inline message": {
			func() error { return c.EditText(ctx, telegram.Edit{InlineID: "i", Text: "x"}) },
			"editMessageText",
			map[string]string{"inline_message_id": "i", "text": "x"},
			[]string{"chat_id", "message_id", "reply_markup"},
			nil,
		},
		"caption of an inline message": {
			func() error { return c.EditCaption(ctx, telegram.Edit{InlineID: "i", Text: "x", Keyboard: all}) },
			"editMessageCaption",
			map[string]string{"inline_message_id": "i", "caption": "x"},
			[]string{"chat_id", "message_id", "show_caption_above_media", "k"},
			nil,
		},
		"inline answer that is not to be kept": {
			func() error { return c.AnswerInline(ctx, inline) },
			"answerInlineQuery",
			map[string]string{"cache_time": "0", "is_personal": "true"},
			nil, nil,
		},
		"button above an inline answer": {
			func() error { return c.AnswerInline(ctx, inline) },
			"answerInlineQuery",
			map[string]string{"button": `{"start_parameter":"link","text":"Link"}`},
			nil,
			[]string{"null", "copy_text"},
		},
		"inline answer with no results": {
			func() error { return c.AnswerInline(ctx, telegram.InlineAnswer{QueryID: "q"}) },
			"answerInlineQuery",
			map[string]string{"results": "[]"},
			[]string{"button"},
			nil,
		},
		"buttons carry their own action only": {
			func() error {
				_, err := c.Send(ctx, telegram.Outgoing{ChatID: 1, Text: "x", Keyboard: all})
				return err
			},
			"sendMessage",
			map[string]string{"reply_markup": `{"inline_keyboard":[[{"text":"data","callback_data":"d"},{"text":"url","url":"https://a.example"},` +
				`{"text":"app","web_app":{"url":"https://a.example"}}],[{"text":"here","switch_inline_query_current_chat":""},` +
				`{"text":"there","switch_inline_query_chosen_chat":{"query":"","allow_user_chats":true,"allow_group_chats":true,"allow_channel_chats":false}},` +
				`{"text":"back","switch_inline_query":""}]]}`},
			nil,
			[]string{"copy_text"},
		},
		"message without buttons": {
			func() error { _, err := c.Send(ctx, telegram.Outgoing{ChatID: 1, Text: "x"}); return err },
			"sendMessage", nil,
			[]string{"reply_markup", "reply_parameters", "message_thread_id", "parse_mode"},
			[]string{"null"},
		},
		"edit that takes the buttons away": {
			func() error { return c.EditText(ctx, telegram.Edit{ChatID: 1, MessageID: 7, Text: "x"}) },
			"editMessageText", nil,
			[]string{"reply_markup"},
			[]string{"null"},
		},
		"answer to a tap": {
			func() error { return c.AnswerCallback(ctx, telegram.Answer{QueryID: "q"}) },
			"answerCallbackQuery",
			map[string]string{"callback_query_id": "q"},
			[]string{"text", "url"},
			nil,
		},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if w.called != c.method || w.length <= 0 {
			t.Errorf("%s: %s with %d bytes, want %s with a length", name, w.called, w.length, c.method)
		}
		for k, v := range c.want {
			if w.params[k] != v {
				t.Errorf("%s: %s is %s, want %s", name, k, w.params[k], v)
			}
		}
		for k, v := range w.params {
			if slices.Contains(c.without, k) || slices.ContainsFunc(c.never, func(s string) bool { return strings.Contains(v, s) }) {
				t.Errorf("%s: says %s %s", name, k, v)
			}
		}
	}
}

// TestCallsWithoutParametersAnnounceNoForm: the library sends the type of a form with no
// body, which strict servers in between refuse.
func TestCallsWithoutParametersAnnounceNoForm(t *testing.T) {
	t.Parallel()
	w := listen(t)
	me, err := w.client.GetMe(t.Context())
	must(t, err)
	if !me.InlineMode {
		t.Error("inline mode is read by the wrong name")
	}
	if w.called != "getMe" || w.length != 0 || w.form != "" {
		t.Errorf("%s has %d bytes of %s", w.called, w.length, w.form)
	}
	_, err = w.client.GetWebhookInfo(t.Context())
	must(t, err)
	if w.called != "getWebhookInfo" || w.length != 0 || w.form != "" {
		t.Errorf("%s has %d bytes of %s", w.called, w.length, w.form)
	}
}

// TestOnlySafeNamesOfTheLibraryAreUsed: receiving, its webhook and its check of Mini Apps lose or
// refuse what they should not, and its types of updates fail on what is new.
func TestOnlySafeNamesOfTheLibraryAreUsed(t *testing.T) {
	t.Parallel()
	safe := []string{ // requests, and what a client is made of
		"Bot", "New", "ID", "WithSkipGetMe", "WithServerURL", "WithHTTPClient", "WithErrorsHandler", "True",
		"InputFile", "InputFileString", "InputFileUpload", "ParseMode", "ParseModeHTML", "LinkPreviewOptions", "ReplyParameters",
		"ForceReply", "ReplyKeyboardMarkup", "KeyboardButton", "ReplyKeyboardRemove", "BotCommand", "BotCommandScope", "BotCommandScopeDefault", "BotCommandScopeAllPrivateChats",
		"BotCommandScopeAllGroupChats", "BotCommandScopeAllChatAdministrators",
	}
	unsafe := []string{"AnswerInlineQuery", "Start", "StartWebhook", "GetUpdates", "ProcessUpdate", "WebhookHandler", "ValidateWebappRequest"}
	used := 0
	for name, file := range sources(t) {
		names := map[string]bool{}
		for _, i := range file.Imports {
			if strings.HasPrefix(i.Path.Value, `"github.com/go-telegram/bot`) {
				names["bot"], names["models"] = true, true
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, plain := sel.X.(*ast.Ident)
			if inner, deep := sel.X.(*ast.SelectorExpr); deep && inner.Sel.Name == "bot" && slices.Contains(unsafe, sel.Sel.Name) {
				t.Errorf("%s calls %s of the library", name, sel.Sel.Name)
			}
			if !plain || !names[x.Name] {
				return true
			}
			used++
			if !slices.Contains(safe, sel.Sel.Name) && !strings.HasSuffix(sel.Sel.Name, "Params") {
				t.Errorf("%s uses %s.%s: is it without a trap?", name, x.Name, sel.Sel.Name)
			}
			return true
		})
	}
	if used < len(safe)/2 {
		t.Errorf("%d uses found: what did this test look at?", used)
	}
}

// sources are the parsed files of the package, without tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := fs.Glob(os.DirFS("."), "*.go")
	must(t, err)
	out := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		must(t, err)
		out[name] = f
	}
	return out
}
