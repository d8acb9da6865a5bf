package telegram_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/telegram"
)

func TestKeyboardRefusesWhatTelegramWould(t *testing.T) {
	t.Parallel()
	type b = telegram.Button
	row := func(n int) []b {
		buttons := make([]b, n)
		for i := range buttons {
			buttons[i] = b{Text: "x", Data: "d"}
		}
		return buttons
	}
	rows := func(n int) [][]b {
		all := make([][]b, n)
		for i := range all {
			all[i] = row(8)
		}
		return all
	}
	wide := rows(12)
	for i := range wide {
		for j := range wide[i] {
			wide[i][j].Text = strings.Repeat("x", 100)
		}
	}
	for name, bad := range map[string][][]b{
		"no text":          {{{Data: "d"}}},
		"blank text":       {{{Text: " ", Data: "d"}}},
		"invalid text":     {{{Text: "\xff", Data: "d"}}},
		"no action":        {{{Text: "x"}}},
		"two actions":      {{{Text: "x", Data: "d", URL: "https://a.example"}}},
		"65 bytes":         {{{Text: "x", Data: strings.Repeat("d", 65)}}},
		"bytes, not runes": {{{Text: "x", Data: strings.Repeat("й", 33)}}},
		"invalid data":     {{{Text: "x", Data: "\xff"}}},
		"localhost":        {{{Text: "x", URL: "http://localhost:8080"}}},
		"javascript":       {{{Text: "x", URL: "javascript:alert(1)"}}},
		"no host":          {{{Text: "x", URL: "https://"}}},
		"mini app on http": {{{Text: "x", WebApp: "http://a.example"}}},
		"style":            {{{Text: "x", Data: "d", Style: "green"}}},
		"nine in a row":    {row(9)},
		"104 in all":       rows(13),
		"too many bytes":   wide,
	} {
		if k, err := telegram.NewKeyboard(bad...); !errors.Is(err, telegram.ErrKeyboard) || !k.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
	good, err := telegram.NewKeyboard([]b{{Text: "✅", Data: strings.Repeat("d", 64), Style: telegram.Success}, {Text: "❌", Data: "r", Style: telegram.Danger}},
		nil, []b{{Text: "u", URL: "http://127.0.0.1:8080/x"}, {Text: "w", WebApp: "https://a.example/app"}, {Text: "h", Inline: &telegram.Inline{}}, {Text: "e", Inline: &telegram.Inline{Query: "q", Where: telegram.Elsewhere}}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(good)
	want := `{"inline_keyboard":[[{"text":"✅","style":"success","callback_data":"` + strings.Repeat("d", 64) + `"},{"text":"❌","style":"danger","callback_data":"r"}],` +
		`[{"text":"u","url":"http://127.0.0.1:8080/x"},{"text":"w","web_app":{"url":"https://a.example/app"}},{"text":"h","switch_inline_query_current_chat":""},` +
		`{"text":"e","switch_inline_query_chosen_chat":{"query":"q","allow_user_chats":true,"allow_group_chats":true,"allow_channel_chats":false}}]]}`
	if err != nil || string(data) != want {
		t.Errorf("got %s\nwant %s", data, want)
	}
	good.Rows()[0][0].Text = "changed"
	if good.Rows()[0][0].Text != "✅" {
		t.Error("a keyboard can be changed from outside")
	}
}

func TestCommandsAreReadByTheirFirstWord(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/start":                      "start|",
		"/start abc_-1":               "start|abc_-1",
		"  /HELP  me \n now":          "help|me \n now",
		"/link\nABCD":                 "link|ABCD",
		"/start@Countersign_bot x":    "start|x",
		"/start@COUNTERSIGN_BOT":      "start|",
		"/start@other_bot x":          "-",
		"/start@":                     "-",
		"/":                           "-",
		"/ start":                     "-",
		"/старт":                      "-",
		"/a-b":                        "-",
		"hello /start":                "-",
		"😀/start":                     "-",
		"":                            "-",
		"/" + strings.Repeat("a", 33): "-",
		"/start ' OR 1=1":             "start|' OR 1=1",
	} {
		name, args, ok := telegram.Command(text, "countersign_bot")
		got := name + "|" + args
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("Command(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("/start@bot x", "bot")
	f.Add("/\u00a0x", "")
	f.Fuzz(func(t *testing.T, text, bot string) {
		name, _, ok := telegram.Command(text, bot)
		if ok != telegram.CommandName(name) {
			t.Errorf("name %q, ok %v", name, ok)
		}
	})
}

func TestEveryRefusalHasItsMeaning(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code int
		text string
		want telegram.Kind
	}{
		{400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same", telegram.NotModified},
		{400, "Bad Request: message to edit not found", telegram.Gone},
		{400, "Bad Request: message can't be edited", telegram.Gone},
		{400, "Bad Request: MESSAGE_ID_INVALID", telegram.Gone},
		{400, "Bad Request: message to be replied not found", telegram.Gone},
		{400, "Bad Request: message to delete not found", telegram.Gone},
		{400, "Bad Request: query is too old and response timeout expired or query ID is invalid", telegram.QueryTooOld},
		{400, "Bad Request: chat not found", telegram.Unreachable},
		{400, "Bad Request: group chat was upgraded to a supergroup chat", telegram.Migrated},
		{400, "Bad Request: message thread not found", telegram.TopicGone},
		{400, "Bad Request: TOPIC_CLOSED", telegram.TopicGone},
		{400, "Bad Request: TOPIC_DELETED", telegram.TopicGone},
		{400, "Bad Request: not enough rights to send text messages to the chat", telegram.NoRights},
		{400, "Bad Request: have no rights to send a message", telegram.NoRights},
		{400, "Bad Request: CHAT_WRITE_FORBIDDEN", telegram.NoRights},
		{403, "Forbidden: CHAT_WRITE_FORBIDDEN", telegram.NoRights},
		{400, "Bad Request: can't parse entities: Unsupported start tag \"p\" at byte offset 0", telegram.BadEntities},
		{400, "Bad Request: message is too long", telegram.TooLarge},
		{400, "Bad Request: message caption is too long", telegram.TooLarge},
		{400, "Bad Request: Text is too long", telegram.TooLarge},
		{400, "Bad Request: message text is empty", telegram.Bug},
		{400, "Bad Request: wrong file identifier/HTTP URL specified", telegram.BadFile},
		{400, "Bad Request: wrong file_id or the file is temporarily unavailable", telegram.BadFile},
		{400, "Bad Request: file is too big", telegram.TooLarge},
		{400, "Bad Request: BUTTON_DATA_INVALID", telegram.Bug},
		{400, "Bad Request: BUTTON_URL_INVALID", telegram.Bug},
		{400, "Bad Request: reply markup is too long", telegram.Bug},
		{400, "Bad Request: Text buttons are unallowed in the inline keyboard", telegram.Bug},
		{400, "Bad Request: object expected as reply markup", telegram.Bug},
		{400, "Bad Request: bad webhook: HTTPS url must be provided for webhook", telegram.Config},
		{400, "something quite new", telegram.Bug},
		{403, "Forbidden: bot was blocked by the user", telegram.Unreachable},
		{403, "Forbidden: user is deactivated", telegram.Unreachable},
		{403, "Forbidden: bot can't initiate conversation with a user", telegram.Unreachable},
		{403, "Forbidden: bot was kicked from the group chat", telegram.Unreachable},
		{403, "Forbidden: bot was kicked from the supergroup chat", telegram.Unreachable},
		{403, "Forbidden: bot was kicked from the channel chat", telegram.Unreachable},
		{403, "Forbidden: bot is not a member of the supergroup chat", telegram.Unreachable},
		{403, "Forbidden: the group chat was deleted", telegram.Unreachable},
		{403, "Forbidden: something quite new", telegram.Unreachable},
		{401, "Unauthorized", telegram.Config},
		{404, "Not Found", telegram.Config},
		{409, "Conflict: terminated by other getUpdates request", telegram.Conflict},
		{413, "Request Entity Too Large", telegram.TooLarge},
		{429, "Too Many Requests: retry after 5", telegram.RateLimited},
		{500, "Internal Server Error", telegram.Unknown},
		{502, "Bad Gateway", telegram.Unknown},
	} {
		if got := telegram.Classify("sendMessage", tc.code, tc.text); got != tc.want {
			t.Errorf("%d %q: %v, want %v", tc.code, tc.text, got, tc.want)
		}
	}
	for _, method := range []string{"editMessageText", "answerCallbackQuery", "deleteMessage", "getMe", "setWebhook"} {
		if got := telegram.Classify(method, 500, "Internal Server Error"); got != telegram.Transient {
			t.Errorf("%s: %v", method, got)
		}
	}
	if telegram.KindOf(nil) != telegram.OK || telegram.KindOf(errors.New("x")) != telegram.Bug {
		t.Error("KindOf of what is not ours")
	}
	if got := telegram.KindOf(fmt.Errorf("card 1: %w", &telegram.Error{Kind: telegram.Gone})); got != telegram.Gone {
		t.Errorf("wrapped: %v", got)
	}
}
