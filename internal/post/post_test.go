package post_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"countersign/internal/ledger/ledgertest"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const (
	anna  = 1001
	group = -1001234567890
	topic = 7
)

// office is a post with a messenger behind it.
type office struct {
	*ledgertest.Bench
	*post.Post

	tg *telegramtest.Server
}

func newOffice(t *testing.T) office {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{})
	must(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	tg.User(anna, "Anna", "en")
	_, err = tg.StartBot(anna, "")
	must(t, err)
	must(t, tg.AddChat(telegramtest.Chat{ID: group, Type: "supergroup", Title: "Payments", Forum: true}))
	must(t, tg.Topic(group, topic, true))
	client, err := telegram.New(telegram.Options{Token: secret.Text(tg.Token()), APIURL: tg.URL()})
	must(t, err)
	t.Cleanup(client.Close)
	o := office{Bench: ledgertest.Empty(t), tg: tg}
	o.Post = &post.Post{Telegram: client, Files: o.Bench.Files, Store: &post.Store{Pool: o.Pool}, Bot: client.BotID(), Log: slog.New(slog.DiscardHandler)}
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// letter is a message to a group; file names its content too.
func (o office) letter(t *testing.T, text, file string) post.Letter {
	t.Helper()
	l := post.Letter{Outgoing: telegram.Outgoing{ChatID: group, HTML: "<b>" + text + "</b>"}, Plain: text, About: text}
	if file != "" {
		meta, err := o.Files.Put(t.Context(), "erp", "", strings.NewReader("content of "+file))
		must(t, err)
		l.File = &post.File{SHA256: meta.SHA256, Name: file, Size: meta.Size}
	}
	return l
}

// shown are the messages of the group.
func (o office) shown() []telegramtest.Message {
	var out []telegramtest.Message
	for _, m := range o.tg.Messages(group) {
		if m.From == o.tg.BotID() && !m.Deleted {
			out = append(out, m)
		}
	}
	return out
}

func (o office) kept(t *testing.T) (n int) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), `select count(*) from telegram_file`).Scan(&n))
	return n
}

// What a refusal means to a message, by the vocabulary of the Bot API: how often it is
// asked for, and how the message stands there in the end.
func TestWhatIsRefusedOfAMessageIsGivenUpRatherThanTheMessage(t *testing.T) {
	offices := map[string]office{"sendMessage": newOffice(t), "sendDocument": newOffice(t)}
	for name, c := range map[string]struct {
		faults []telegramtest.Fault
		kind   telegram.Kind
		calls  int
		stands int
		marks  bool
	}{
		"well":                       {nil, telegram.OK, 1, 1, true},
		"reply gone":                 {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: message to be replied not found")}, telegram.OK, 2, 1, true},
		"topic gone":                 {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: message thread not found")}, telegram.OK, 2, 1, true},
		"topic closed":               {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: TOPIC_CLOSED")}, telegram.OK, 2, 1, true},
		"marks":                      {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: can't parse entities: x")}, telegram.OK, 2, 1, false},
		"something of ours":          {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: what a day")}, telegram.OK, 2, 1, false},
		"marks, still":               {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: can't parse entities: x"), telegramtest.Refuse(400, "Bad Request: can't parse entities: x")}, telegram.BadEntities, 2, 0, false},
		"reply, topic, marks":        {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: message to be replied not found"), telegramtest.Refuse(400, "Bad Request: TOPIC_DELETED"), telegramtest.Refuse(400, "Bad Request: can't parse entities: x")}, telegram.OK, 4, 1, false},
		"blocked":                    {[]telegramtest.Fault{telegramtest.Refuse(403, "Forbidden: bot was kicked from the supergroup chat")}, telegram.Unreachable, 1, 0, false},
		"no rights":                  {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: not enough rights to send text messages to the chat")}, telegram.NoRights, 1, 0, false},
		"moved":                      {[]telegramtest.Fault{{Code: 400, Text: "Bad Request: group chat was upgraded to a supergroup chat", MigrateTo: -1009}}, telegram.Migrated, 1, 0, false},
		"flood":                      {[]telegramtest.Fault{telegramtest.TooMany(3)}, telegram.RateLimited, 1, 0, false},
		"too long":                   {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: message is too long")}, telegram.TooLarge, 1, 0, false},
		"revoked":                    {[]telegramtest.Fault{telegramtest.Refuse(401, "Unauthorized")}, telegram.Config, 1, 0, false},
		"two pollers":                {[]telegramtest.Fault{telegramtest.Refuse(409, "Conflict: terminated by other getUpdates request")}, telegram.Conflict, 1, 0, false},
		"a page":                     {[]telegramtest.Fault{telegramtest.BadGateway()}, telegram.Unknown, 1, 0, false},
		"sent, and the answer lost":  {[]telegramtest.Fault{telegramtest.Lose()}, telegram.Unknown, 1, 1, true},
		"not sent, no answer either": {[]telegramtest.Fault{telegramtest.Drop()}, telegram.Unknown, 1, 0, false},
	} {
		for method, file := range map[string]string{"sendMessage": "", "sendDocument": "a.pdf"} {
			t.Run(name+" "+method, func(t *testing.T) {
				o := offices[method]
				first, err := o.Send(t.Context(), o.letter(t, "first", ""))
				must(t, err)
				stood := len(o.shown())
				before := len(o.tg.CallsOf(method))
				l := o.letter(t, "second", file)
				l.ReplyTo, l.ThreadID = first.MessageID, topic
				o.tg.FailNext(method, c.faults...)
				sent, err := o.Send(t.Context(), l)
				if telegram.KindOf(err) != c.kind || len(o.tg.CallsOf(method))-before != c.calls {
					t.Errorf("%v after %d calls, want %v after %d", err, len(o.tg.CallsOf(method))-before, c.kind, c.calls)
				}
				all := o.shown()[stood:]
				if len(all) != c.stands {
					t.Fatalf("%d messages, want %d", len(all), c.stands)
				}
				if c.stands == 0 {
					return
				}
				m := all[0]
				if (len(m.Entities) > 0) != c.marks || m.Text != "second" || (m.Document != nil) != (file != "") || err == nil && (m.ID != sent.MessageID || sent.General != (m.ThreadID == 0)) {
					t.Errorf("%+v, sent %+v", m, sent)
				}
			})
		}
	}
}

func TestFileIsUploadedOnceHoweverManyGetIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	l := o.letter(t, "a", "Счёт №17.pdf")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := o.Send(t.Context(), l); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	uploads := 0
	for _, call := range o.tg.CallsOf("sendDocument") {
		if strings.HasPrefix(call.Params["document"], "file ") {
			uploads++
		}
	}
	if uploads != 1 || len(o.shown()) != 8 || o.kept(t) != 1 {
		t.Errorf("%d uploads, %d messages, %d ids kept", uploads, len(o.shown()), o.kept(t))
	}
}

func TestFileWhoseIdIsKnownNoMoreIsUploadedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	l := o.letter(t, "a", "a.pdf")
	_, err := o.Send(t.Context(), l)
	must(t, err)
	_, err = o.Pool.Exec(t.Context(), `update telegram_file set file_id = 'BQACAgIAAxForgotten'`)
	must(t, err)
	sent, err := o.Send(t.Context(), l)
	must(t, err)
	var id string
	must(t, o.Pool.QueryRow(t.Context(), `select file_id from telegram_file`).Scan(&id))
	if got, _ := o.tg.FileBytes(id); !bytes.Equal(got, []byte("content of a.pdf")) || id != sent.FileID || len(o.shown()) != 2 {
		t.Errorf("%q has %q", id, got)
	}
	l.File = &post.File{SHA256: strings.Repeat("0", 64), Name: "lost.pdf", Size: 5}
	if _, err := o.Send(t.Context(), l); telegram.KindOf(err) != telegram.BadFile || len(o.shown()) != 2 {
		t.Errorf("a file that is not here: %v", err)
	}
}

func TestEditOfAMessageIsGivenItsWordsWithoutMarksRatherThanNone(t *testing.T) {
	t.Parallel()
	for method, file := range map[string]string{"editMessageText": "", "editMessageCaption": "a.pdf"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			sent, err := o.Send(t.Context(), o.letter(t, "before", file))
			must(t, err)
			l := o.letter(t, "after", file)
			o.tg.FailNext(method, telegramtest.Refuse(400, "Bad Request: can't parse entities: x"))
			must(t, o.Edit(t.Context(), sent.MessageID, l))
			must(t, o.Edit(t.Context(), sent.MessageID, post.Letter{Outgoing: telegram.Outgoing{ChatID: group, Text: "after"}, File: l.File})) // as it is
			if m := o.shown()[0]; m.Text != "after" || len(m.Entities) != 0 || m.Edits != 1 {
				t.Errorf("%+v", m)
			}
			if err := o.Edit(t.Context(), sent.MessageID+100, l); telegram.KindOf(err) != telegram.Gone {
				t.Errorf("of none: %v", err)
			}
			o.tg.FailNext(method, telegramtest.BadGateway())
			if err := o.Edit(t.Context(), sent.MessageID, o.letter(t, "later", file)); telegram.KindOf(err) != telegram.Transient {
				t.Errorf("without an answer: %v", err)
			}
		})
	}
}

func (o office) album(t *testing.T, n int) []post.Letter {
	t.Helper()
	var out []post.Letter
	for i := range n {
		out = append(out, o.letter(t, fmt.Sprintf("caption %d", i), fmt.Sprintf("Счёт %d.pdf", i)))
	}
	return out
}

func TestAlbumIsOneCallAndEachKeepsItsCaptionAndItsId(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first, err := o.Send(t.Context(), o.letter(t, "card", ""))
	must(t, err)
	ls := o.album(t, 10)
	for i := range ls {
		ls[i].ReplyTo, ls[i].ThreadID, ls[i].Silent, ls[i].Protect = first.MessageID, topic, true, true
	}
	for range 2 { // uploaded, and by their ids
		sent, err := o.Album(t.Context(), ls)
		must(t, err)
		all := o.shown()
		all = all[len(all)-10:]
		for i, m := range all {
			content, _ := o.tg.FileBytes(m.Document.FileID)
			if m.ID != sent[i].MessageID || m.Text != fmt.Sprintf("caption %d", i) || len(m.Entities) != 1 || m.Document.Name != ls[i].File.Name || string(content) != "content of "+ls[i].File.Name ||
				m.ReplyTo != first.MessageID || m.ThreadID != topic || !m.Silent || !m.Protected || m.Album == "" || m.Album != all[0].Album {
				t.Errorf("%+v has %q", m, content)
			}
		}
	}
	if calls := o.tg.CallsOf("sendMediaGroup"); len(calls) != 2 || len(o.tg.CallsOf("sendDocument")) != 0 || o.kept(t) != 10 || calls[1].Params["file0"] != "" {
		t.Errorf("%d calls, %d ids kept", len(calls), o.kept(t))
	}
	_, err = o.Send(t.Context(), ls[3]) // a single one goes by the id of the album
	must(t, err)
	if calls := o.tg.CallsOf("sendDocument"); strings.HasPrefix(calls[0].Params["document"], "file ") {
		t.Error("uploaded again")
	}
}

func TestAlbumThatIsRefusedSaysWhatToDo(t *testing.T) {
	o := newOffice(t)
	for name, c := range map[string]struct {
		faults []telegramtest.Fault
		kind   telegram.Kind
		apart  bool
		calls  int
		stands int
	}{
		"reply gone":        {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: message to be replied not found")}, telegram.OK, false, 2, 3},
		"topic gone":        {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: TOPIC_CLOSED")}, telegram.OK, false, 2, 3},
		"marks":             {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: can't parse entities: x")}, telegram.BadEntities, true, 1, 0},
		"file":              {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: wrong file identifier/HTTP URL specified")}, telegram.BadFile, true, 1, 0},
		"group send failed": {[]telegramtest.Fault{telegramtest.Refuse(400, "Bad Request: group send failed")}, telegram.Bug, true, 1, 0},
		"too large":         {[]telegramtest.Fault{{Status: 413, Body: "<html>"}}, telegram.TooLarge, true, 1, 0},
		"some may be there": {[]telegramtest.Fault{telegramtest.Refuse(400, `Bad Request: failed to send message #2 with the error message "Too Many Requests: retry after 8"`)}, telegram.Unknown, false, 1, 0},
		"flood":             {[]telegramtest.Fault{telegramtest.TooMany(3)}, telegram.RateLimited, false, 1, 0},
		"blocked":           {[]telegramtest.Fault{telegramtest.Refuse(403, "Forbidden: bot was kicked from the supergroup chat")}, telegram.Unreachable, false, 1, 0},
		"answer lost":       {[]telegramtest.Fault{telegramtest.Lose()}, telegram.Unknown, false, 1, 3},
		"fewer than asked":  {[]telegramtest.Fault{{Status: 200, Body: `{"ok":true,"result":[{"message_id":5}]}`}}, telegram.Unknown, false, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			calls, stood := len(o.tg.CallsOf("sendMediaGroup")), len(o.shown())
			ls := o.album(t, 3)
			for i := range ls {
				ls[i].ReplyTo, ls[i].ThreadID = 1, topic
			}
			o.tg.FailNext("sendMediaGroup", c.faults...)
			sent, err := o.Album(t.Context(), ls)
			if telegram.KindOf(err) != c.kind || post.Apart(err) != c.apart || len(o.tg.CallsOf("sendMediaGroup"))-calls != c.calls || len(o.shown())-stood != c.stands || (err == nil) != (len(sent) == 3) {
				t.Errorf("%v, %d sent, %d stand", err, len(sent), len(o.shown()))
			}
		})
	}
}

func TestAlbumsOfTheSameFilesDoNotWaitForEachOtherForever(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ls := o.album(t, 4)
	back := []post.Letter{ls[3], ls[2], ls[1], ls[0], ls[3]}
	var wg sync.WaitGroup
	for _, these := range [][]post.Letter{ls, back, ls, back} {
		wg.Go(func() {
			if _, err := o.Album(t.Context(), these); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(o.shown()) != 18 || o.kept(t) != 4 {
		t.Errorf("%d messages, %d ids", len(o.shown()), o.kept(t))
	}
}

func TestAlbumsThatTheMessengerDoesNotTakeAreNotAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, n := range []int{1, 11} {
		if _, err := o.Album(t.Context(), o.album(t, n)); telegram.KindOf(err) != telegram.Bug {
			t.Errorf("%d: %v", n, err)
		}
	}
	ls := o.album(t, 2)
	ls[0].File.Size, ls[1].File.Size = 30<<20, 30<<20
	if _, err := o.Album(t.Context(), ls); telegram.KindOf(err) != telegram.TooLarge {
		t.Errorf("60 MB: %v", err)
	}
	lost := o.album(t, 2)
	lost[1].File.SHA256 = strings.Repeat("0", 64)
	if _, err := o.Album(t.Context(), lost); telegram.KindOf(err) != telegram.BadFile || len(o.shown()) != 0 {
		t.Errorf("a file that is not here: %v", err)
	}
}
