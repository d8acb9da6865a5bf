package notice_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/telegram/telegramtest"
)

// ails is what the directory says is wrong with a chat.
func (o *office) ails(t *testing.T, name string) string {
	t.Helper()
	all, err := o.Directory.Chats(t.Context())
	must(t, err)
	i := slices.IndexFunc(all, func(c directory.Chat) bool { return c.ExternalID == name })
	return all[i].Fault
}

func TestGroupThatTakesNoNoticeIsNotedUntilItDoes(t *testing.T) {
	t.Parallel()
	const kicked, mute, bare = "Forbidden: bot was kicked from the supergroup chat", "Bad Request: not enough rights to send text messages to the chat",
		"Bad Request: not enough rights to send documents to the chat"
	for name, c := range map[string]struct {
		method, refusal string
		files           int
		want            string
	}{
		"kicked":           {"sendMessage", kicked, 0, kicked},
		"no rights":        {"sendMessage", mute, 0, mute},
		"kicked, file":     {"sendDocument", kicked, 1, kicked},
		"kicked, album":    {"sendMediaGroup", kicked, 2, kicked},
		"no files":         {"sendDocument", bare, 1, ""},
		"no files, album":  {"sendMediaGroup", bare, 2, ""},
		"something passes": {"sendMessage", "Bad Request: chat_id is empty", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			code := 400
			if strings.HasPrefix(c.refusal, "Forbidden") {
				code = 403
			}
			o.tg.FailNext(c.method, telegramtest.Refuse(code, c.refusal))
			o.add(t, o.statement(t, c.files, "Sales"))
			o.once(t)
			o.once(t)
			if got := o.ails(t, "Sales"); got != c.want || o.ails(t, "Operations") != "" {
				t.Errorf("the directory says %q, want %q", got, c.want)
			}
			o.add(t, line("Again", chats("Sales")))
			o.once(t)
			if got := o.ails(t, "Sales"); got != "" {
				t.Errorf("it got a message, and the directory says %q", got)
			}
		})
	}
}

func TestGroupWhoseProgressCannotBeChangedIsNotedUntilItCan(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ids := []string{}
	for range 2 {
		ids = append(ids, o.add(t, notice.New{Class: notice.Progress, To: chats("Sales"), Body: progress(0, notice.Running)}))
	}
	o.once(t)
	const kicked = "Forbidden: bot was kicked from the supergroup chat"
	o.tg.FailNext("editMessageText", telegramtest.Refuse(403, kicked))
	for i, want := range []string{kicked, ""} {
		o.change(t, ids[i], 1, progress(1, notice.Running))
		o.once(t)
		if got := o.ails(t, "Sales"); got != want {
			t.Errorf("the directory says %q, want %q", got, want)
		}
	}
}

func TestTopicThatTakesNoNoticeIsNotedUntilItDoes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const topic = 7
	_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "Topic", TelegramID: sales, Thread: topic, Title: "Sales"})
	must(t, err)
	for i, open := range []bool{true, false, true} {
		must(t, o.tg.Topic(sales, topic, open))
		id := o.add(t, notice.New{Class: notice.Progress, To: chats("Topic"), Body: progress(0, notice.Running)})
		o.once(t)
		o.change(t, id, 1, progress(1, notice.Running)) // a change says nothing of the topic
		o.once(t)
		want := ""
		if !open {
			want = directory.TopicFault
		}
		if got := o.ails(t, "Topic"); got != want || o.ails(t, "Sales") != "" {
			t.Errorf("%d: the directory says %q, want %q", i, got, want)
		}
	}
	must(t, o.tg.Topic(sales, topic, false))
	o.add(t, o.statement(t, 2, "Topic"))
	o.once(t)
	must(t, o.tg.Topic(sales, topic, true))
	o.once(t) // the album
	if got := o.ails(t, "Topic"); got != "" || len(o.documents(sales)) != 2 {
		t.Errorf("the directory says %q, files %v", got, o.documents(sales))
	}
}

func TestPersonWhoTakesNoNoticeIsNoGroup(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.Block(ledgertest.Treasurer))
	id := o.add(t, line("Hello", notice.To{Accounts: []notice.Account{{ID: ledgertest.Treasurer}}, Chats: []string{"Sales"}}))
	o.once(t)
	if len(o.faults(t, id)) != 1 || o.ails(t, "Sales") != "" || o.ails(t, "Operations") != "" {
		t.Errorf("%v, %q", o.faults(t, id), o.ails(t, "Sales"))
	}
}

func TestTopicThatAChatHasLeftIsNoFaultOfItsNewOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, thread := range []int64{7, 8} {
		must(t, o.tg.Topic(sales, thread, true))
		_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "Topic", TelegramID: sales, Thread: thread, Title: "Sales"})
		must(t, err)
		if thread == 7 {
			o.add(t, line("Hello", chats("Topic")))
			o.tg.FailNext("sendMessage", telegramtest.Drop())
			_, _ = o.board.RunOnce(t.Context()) // the messenger is away
			must(t, o.tg.Topic(sales, thread, false))
		}
	}
	o.soon(t)
	o.once(t)
	if got := o.ails(t, "Topic"); got != "" || !slices.Equal(o.said(sales), []string{"Hello"}) {
		t.Errorf("the directory says %q, said %q", got, o.said(sales))
	}
}
