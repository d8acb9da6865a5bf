package telegram_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/telegram"
)

const tap = `{"update_id":7,"callback_query":{"id":"99","from":{"id":1,"is_bot":false,"first_name":"Ann","last_name":"Lee","username":"ann","language_code":"pt-br"},` +
	`"message":{"message_id":5,"date":1700000000,"chat":{"id":1,"type":"private","first_name":"Ann"},"from":{"id":42,"is_bot":true,"first_name":"B"},"text":"pay"},"chat_instance":"ci","data":"tok"}}`

// T numbers are those of the catalogue of bad inputs.
func TestParseRefusesWhatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	callback := func(from string) string {
		return `{"update_id":7,"callback_query":{"id":"9","from":` + from + `,"inline_message_id":"A","data":"x"}}`
	}
	for name, body := range map[string]string{
		"T-08 nesting":                   `{"update_id":1,"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
		"T-11 no id":                     `{"message":{}}`,
		"T-11 id as text":                `{"update_id":"5"}`,
		"T-11 id as fraction":            `{"update_id":5.0}`,
		"T-11 id with exponent":          `{"update_id":1e3}`,
		"T-11 negative":                  `{"update_id":-1}`,
		"T-11 zero":                      `{"update_id":0}`,
		"T-11 null":                      `{"update_id":null}`,
		"T-11 2^63":                      `{"update_id":9223372036854775808}`,
		"T-14 two payloads":              `{"update_id":1,"message":{"message_id":1,"chat":{"id":1,"type":"private"}},"callback_query":{"id":"1","from":{"id":1},"data":"x"}}`,
		"T-14 beside one of no interest": `{"update_id":1,"poll":{},"message":{"message_id":1,"chat":{"id":1,"type":"private"}}}`,
		"T-26 from.id fraction":          callback(`{"id":1.5}`),
		"T-26 from.id 1.0":               callback(`{"id":1.0}`),
		"T-26 from.id text":              callback(`{"id":"1"}`),
		"T-26 from.id negative":          callback(`{"id":-1}`),
		"T-26 from.id 2^63":              callback(`{"id":9223372036854775808}`),
		"from.id missing":                callback(`{"first_name":"x"}`),
		"from null":                      callback(`null`),
		"from twice":                     `{"update_id":7,"callback_query":{"id":"9","from":{"id":1},"from":{"id":2},"data":"x"}}`,
		"from.id twice":                  callback(`{"id":1,"id":666}`),
		"update_id twice":                `{"update_id":7,"update_id":8}`,
		"twice, once escaped":            callback(`{"id":1,"\u0069d":666}`),
		"duplicate deep inside":          `{"update_id":7,"message":{"message_id":1,"chat":{"id":1,"type":"private"},"new":{"a":1,"a":2}}}`,
		"no from":                        `{"update_id":7,"callback_query":{"id":"9","data":"x"}}`,
		"two documents":                  `{"update_id":7}{"update_id":8}`,
		"garbage behind":                 `{"update_id":7} x`,
		"not an object":                  `[{"update_id":7}]`,
		"empty":                          ``,
		"cut":                            `{"update_id":7,"message":{"mess`,
		"payload null":                   `{"update_id":7,"message":null}`,
		"payload text":                   `{"update_id":7,"message":"x"}`,
		"message without chat":           `{"update_id":7,"message":{"message_id":1}}`,
		"chat id zero":                   `{"update_id":7,"message":{"message_id":1,"chat":{"id":0,"type":"private"}}}`,
		"message id negative":            `{"update_id":7,"message":{"message_id":-1,"chat":{"id":1,"type":"private"}}}`,
		"replied to id text":             `{"update_id":7,"message":{"message_id":1,"chat":{"id":1,"type":"private"},"reply_to_message":{"message_id":"1"}}}`,
		"member without chat":            `{"update_id":7,"my_chat_member":{"from":{"id":1}}}`,
		"inline query without from":      `{"update_id":7,"inline_query":{"id":"1","query":"x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := telegram.Parse([]byte(body))
			if !errors.Is(err, telegram.ErrUnreadable) {
				t.Errorf("Parse = %+v, %v", u, err)
			}
			if diff := cmp.Diff(telegram.Update{}, u); diff != "" {
				t.Errorf("something came out: %s", diff)
			}
		})
	}
}

func TestParseReadsWhatWeNeed(t *testing.T) {
	t.Parallel()
	ann := telegram.User{ID: 1, FirstName: "Ann"}
	private := telegram.Chat{ID: 1, Type: "private"}
	at := time.Unix(1700000000, 0).UTC()
	message := func(rest string) string {
		return `{"update_id":7,"message":{"message_id":5,"date":1700000000,"chat":{"id":1,"type":"private"},"from":{"id":1,"first_name":"Ann"}` + rest + `}}`
	}
	callback := func(rest string) string {
		return `{"update_id":7,"callback_query":{"id":"9","from":{"id":1,"first_name":"Ann"}` + rest + `}}`
	}
	msg := func(change func(*telegram.Message)) telegram.Update {
		m := &telegram.Message{ID: 5, Date: at, Chat: private, From: &ann}
		change(m)
		return telegram.Update{ID: 7, Kind: telegram.UpdateMessage, Message: m}
	}
	cb := func(change func(*telegram.Callback)) telegram.Update {
		c := &telegram.Callback{ID: "9", From: ann}
		change(c)
		return telegram.Update{ID: 7, Kind: telegram.UpdateCallback, Callback: c}
	}
	for name, tc := range map[string]struct {
		body string
		want telegram.Update
	}{
		"tap": {tap, telegram.Update{ID: 7, Kind: telegram.UpdateCallback, Callback: &telegram.Callback{
			ID: "99", From: telegram.User{ID: 1, FirstName: "Ann", LastName: "Lee", Username: "ann", Language: "pt-br"},
			Message: &telegram.Message{ID: 5, Date: at, Chat: telegram.Chat{ID: 1, Type: "private", Title: "Ann"}, From: &telegram.User{ID: 42, IsBot: true, FirstName: "B"}, Text: "pay"},
			Data:    "tok", ChatInstance: "ci",
		}}},
		"T-10 other case":        {callback(`,"FROM":{"id":666},"From":{"id":667},"data":"x"`), cb(func(c *telegram.Callback) { c.Data = "x" })},
		"T-16 no data":           {callback(``), cb(func(*telegram.Callback) {})},
		"T-16 game":              {callback(`,"game_short_name":"g"`), cb(func(c *telegram.Callback) { c.Game = "g" })},
		"T-17 NUL":               {callback(`,"data":"a\u0000b"`), cb(func(c *telegram.Callback) { c.Data = "a\x00b" })},
		"T-17 invalid UTF-8":     {callback(",\"data\":\"a\xffb\""), cb(func(c *telegram.Callback) { c.Data = "a\uFFFDb" })},
		"T-17 long":              {callback(`,"data":"` + strings.Repeat("x", 10240) + `"`), cb(func(c *telegram.Callback) { c.Data = strings.Repeat("x", 10240) })},
		"inline without message": {callback(`,"inline_message_id":"IN","data":"x"`), cb(func(c *telegram.Callback) { c.InlineID, c.Data = "IN", "x" })},
		"message null":           {callback(`,"message":null,"data":"x"`), cb(func(c *telegram.Callback) { c.Data = "x" })},
		"inaccessible": {callback(`,"message":{"chat":{"id":1,"type":"private"},"message_id":5,"date":0}`), cb(func(c *telegram.Callback) {
			c.Message = &telegram.Message{ID: 5, Date: time.Unix(0, 0).UTC(), Chat: private, Inaccessible: true}
		})},
		"T-26 2^53+1":         {`{"update_id":9007199254740993,"callback_query":{"id":"9","from":{"id":9007199254740993}}}`, telegram.Update{ID: 9007199254740993, Kind: telegram.UpdateCallback, Callback: &telegram.Callback{ID: "9", From: telegram.User{ID: 9007199254740993}}}},
		"T-31 forwarded":      {message(`,"text":"/link x","forward_origin":{"type":"brand_new","id":1}`), msg(func(m *telegram.Message) { m.Text, m.Forwarded = "/link x", true })},
		"T-31 forwarded, old": {message(`,"text":"x","forward_date":1`), msg(func(m *telegram.Message) { m.Text, m.Forwarded = "x", true })},
		"T-31 contact":        {message(`,"contact":{"phone_number":"+7","first_name":"B","user_id":2}`), msg(func(m *telegram.Message) { m.Contact = &telegram.Contact{Phone: "+7", FirstName: "B", UserID: 2} })},
		"T-35 1970":           {`{"update_id":7,"message":{"message_id":5,"date":0,"chat":{"id":1,"type":"private"},"text":"x"}}`, telegram.Update{ID: 7, Kind: telegram.UpdateMessage, Message: &telegram.Message{ID: 5, Date: time.Unix(0, 0).UTC(), Chat: private, Text: "x"}}},
		"T-35 2099":           {`{"update_id":7,"message":{"message_id":5,"date":4102444799,"chat":{"id":1,"type":"private"},"text":"x"}}`, telegram.Update{ID: 7, Kind: telegram.UpdateMessage, Message: &telegram.Message{ID: 5, Date: time.Unix(4102444799, 0).UTC(), Chat: private, Text: "x"}}},
		"topic, reply, files": {message(`,"message_thread_id":3,"reply_to_message":{"message_id":4,"date":7,"from":{"id":42,"is_bot":true},"reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":"d1"},{"text":"b","url":"u"}],[{"text":"c","callback_data":"d2"}]]}},"media_group_id":"7","photo":[{"file_id":"s","file_size":1},{"file_id":"L","file_size":9}],"caption":"c"`), msg(func(m *telegram.Message) {
			m.ThreadID, m.Attached, m.Album, m.Caption = 3, &telegram.Attached{Kind: "photo", FileID: "L", Size: 9}, "7", "c"
			m.ReplyTo = &telegram.Reply{ID: 4, Date: time.Unix(7, 0).UTC(), From: &telegram.User{ID: 42, IsBot: true}, Data: []string{"d1", "d2"}}
		})},
		"document": {message(`,"animation":{"file_id":"D"},"document":{"file_id":"D","file_name":"a.pdf","file_size":-5}`), msg(func(m *telegram.Message) {
			m.Attached = &telegram.Attached{Kind: "document", FileID: "D", Name: "a.pdf"}
		})},
		"voice": {message(`,"voice":{"file_id":"V","file_size":5}`), msg(func(m *telegram.Message) { m.Attached = &telegram.Attached{Kind: "voice", FileID: "V", Size: 5} })},
		"sender chat": {message(`,"sender_chat":{"id":-100,"type":"channel","title":"C"},"via_bot":{"id":42,"is_bot":true}`), msg(func(m *telegram.Message) {
			m.SenderChat, m.ViaBot = &telegram.Chat{ID: -100, Type: "channel", Title: "C"}, true
		})},
		"migration":                 {message(`,"migrate_to_chat_id":-1001,"migrate_from_chat_id":-5`), msg(func(m *telegram.Message) { m.MigrateTo, m.MigrateFrom = -1001, -5 })},
		"unknown fields and values": {message(`,"paid_media":{"type":"live_photo"},"chat_background":{"type":"new"},"future":[1,{"x":null}]`), msg(func(*telegram.Message) {})},
		"edited":                    {`{"update_id":8,"edited_message":{"message_id":5,"date":1700000000,"chat":{"id":1,"type":"private"}}}`, telegram.Update{ID: 8, Kind: telegram.UpdateEdited, Message: &telegram.Message{ID: 5, Date: at, Chat: private}}},
		"inline query":              {`{"update_id":8,"inline_query":{"id":"q","from":{"id":1,"first_name":"Ann"},"query":"pay","offset":"2","chat_type":"sender"}}`, telegram.Update{ID: 8, Kind: telegram.UpdateInline, Inline: &telegram.InlineQuery{ID: "q", From: ann, Query: "pay", Offset: "2", ChatType: "sender"}}},
		"chosen":                    {`{"update_id":8,"chosen_inline_result":{"result_id":"r","from":{"id":1,"first_name":"Ann"},"query":"pay","inline_message_id":"IN"}}`, telegram.Update{ID: 8, Kind: telegram.UpdateChosen, Chosen: &telegram.Chosen{From: ann, ResultID: "r", Query: "pay", InlineID: "IN"}}},
		"member with unknown status": {`{"update_id":8,"my_chat_member":{"chat":{"id":-5,"type":"group","title":"G"},"from":{"id":1,"first_name":"Ann"},"old_chat_member":{"status":"left"},"new_chat_member":{"status":"guest","user":{"id":42,"is_bot":true}}}}`, telegram.Update{ID: 8, Kind: telegram.UpdateMember, Member: &telegram.MemberChange{
			Chat: telegram.Chat{ID: -5, Type: "group", Title: "G"}, From: ann, Old: telegram.ChatMember{Status: "left"}, New: telegram.ChatMember{Status: "guest", User: telegram.User{ID: 42, IsBot: true}},
		}}},
		"unknown kind":               {`{"update_id":8,"telepathy":{"from":{"id":1}}}`, telegram.Update{ID: 8}},
		"known kind of no use":       {`{"update_id":8,"poll":{"id":"1"}}`, telegram.Update{ID: 8}},
		"known kind and a new field": {strings.Replace(callback(`,"data":"x"`), `"callback_query"`, `"debug":{"node":1},"callback_query"`, 1), cb(func(c *telegram.Callback) { c.Data = "x" })},
		"new type of chat":           {`{"update_id":8,"message":{"message_id":5,"date":1700000000,"chat":{"id":1,"type":"community"}}}`, telegram.Update{ID: 8, Kind: telegram.UpdateMessage, Message: &telegram.Message{ID: 5, Date: at, Chat: telegram.Chat{ID: 1, Type: "community"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := telegram.Parse([]byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// T-25: nobody can be held to what these accounts do.
func TestPlaceholdersAreNobody(t *testing.T) {
	t.Parallel()
	for id, want := range map[int64]bool{1: true, 777000: false, 1087968824: false, 136817688: false, 0: false, -5: false, 1 << 51: true} {
		if got := (telegram.User{ID: id}).Person(); got != want {
			t.Errorf("%d: %v", id, got)
		}
	}
	if (telegram.User{ID: 1, IsBot: true}).Person() {
		t.Error("a bot passed for a person")
	}
}

// T-31: forwarded words prove nothing.
func TestOnlyHisOwnWordsCount(t *testing.T) {
	t.Parallel()
	ann := &telegram.User{ID: 1}
	if !(&telegram.Message{From: ann}).Written() {
		t.Error("a plain message should count")
	}
	for name, m := range map[string]telegram.Message{
		"forwarded": {From: ann, Forwarded: true}, "channel": {}, "anonymous": {From: ann, SenderChat: &telegram.Chat{ID: -1}},
		"via bot": {From: ann, ViaBot: true}, "bot": {From: &telegram.User{ID: 2, IsBot: true}},
	} {
		if m.Written() {
			t.Errorf("%s should not count", name)
		}
	}
}

func TestEnvelopeFindsLaneAndActor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body  string
		lane  telegram.Lane
		actor int64
		kind  string
	}{
		"tap":             {tap, telegram.Fast, 1, "callback_query"},
		"inline":          {`{"inline_query":{"query":"x","from":{"first_name":"x","id":5}},"update_id":7}`, telegram.Fast, 5, "inline_query"},
		"chosen":          {`{"update_id":7,"chosen_inline_result":{"from":{"id":5}}}`, telegram.Slow, 5, "chosen_inline_result"},
		"message":         {`{"update_id":7,"message":{"from":{"id":5},"chat":{"id":-100}}}`, telegram.Slow, -100, "message"},
		"member":          {`{"update_id":7,"my_chat_member":{"from":{"id":5},"chat":{"id":-100}}}`, telegram.Slow, -100, "my_chat_member"},
		"nobody's":        {`{"update_id":7,"poll":{"id":"5"}}`, telegram.Slow, 0, "poll"},
		"unknown":         {`{"update_id":7,"novelty":{"from":{"id":5}}}`, telegram.Slow, 0, ""},
		"other case":      {`{"update_id":7,"callback_query":{"FROM":{"id":6},"from":{"ID":7,"id":5}}}`, telegram.Fast, 5, "callback_query"},
		"escaped name":    {`{"update_\u0069d":7, "message" : {"ch\u0061t" : {"id" : -100 } , "x":"}\"{"} }`, telegram.Slow, -100, "message"},
		"not Parse's yet": {`{"update_id":7,"callback_query":{"from":null}}`, telegram.Fast, 0, "callback_query"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := telegram.Envelope([]byte(tc.body))
			if err != nil || h.ID != 7 || h.Lane != tc.lane || h.Actor != tc.actor || h.Name() != tc.kind {
				t.Errorf("got %d %v %d %q, %v", h.ID, h.Lane, h.Actor, h.Name(), err)
			}
		})
	}
	if h, err := telegram.Envelope([]byte(`{"update_id":7,"message":{"chat":{"id":1.5}}}`)); err == nil || h.ID != 7 {
		t.Errorf("what is broken keeps its id for the quarantine: %+v, %v", h, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(tap))
	f.Add([]byte(`{"update_id":7,"message":{"message_id":1,"date":0,"chat":{"id":1,"type":"private"},"from":{"id":1},"text":"x"}}`))
	f.Add([]byte(`{"update_id":7,"my_chat_member":{"chat":{"id":-5},"from":{"id":1},"new_chat_member":{"status":"x"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		u, err := telegram.Parse(body)
		if err != nil {
			if !errors.Is(err, telegram.ErrUnreadable) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		h, err := telegram.Envelope(body)
		if err != nil || h.ID != u.ID || u.ID <= 0 {
			t.Errorf("update %d, envelope %d, %v", u.ID, h.ID, err)
		}
		set := 0
		for _, is := range []bool{u.Callback != nil, u.Message != nil, u.Inline != nil, u.Chosen != nil, u.Member != nil} {
			if is {
				set++
			}
		}
		if (u.Kind == telegram.UpdateOther) != (set == 0) || set > 1 {
			t.Errorf("kind %v with %d payloads", u.Kind, set)
		}
		if u.Callback != nil && (u.Callback.From.ID <= 0 || h.Actor != u.Callback.From.ID) {
			t.Errorf("tap of %d, envelope says %d", u.Callback.From.ID, h.Actor)
		}
		if u.Message != nil && (u.Message.Chat.ID == 0 || h.Actor != u.Message.Chat.ID) {
			t.Errorf("chat %d, envelope says %d", u.Message.Chat.ID, h.Actor)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(tap))
	f.Add([]byte(`{"update_id":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := telegram.Envelope(body)
		if err == nil && h.ID <= 0 {
			t.Errorf("id %d", h.ID)
		}
		if err != nil && !errors.Is(err, telegram.ErrUnreadable) {
			t.Errorf("error of another kind: %v", err)
		}
	})
}

func BenchmarkEnvelope(b *testing.B) {
	for b.Loop() {
		_, _ = telegram.Envelope([]byte(tap))
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		_, _ = telegram.Parse([]byte(tap))
	}
}
