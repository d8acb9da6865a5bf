package notice_test

import (
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"countersign/internal/calendar"
	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const (
	operations = -1001234567890
	sales      = -1001234567891
)

// office is a directory, a messenger and a board between them. The bench's clock says
// whether people work; the rest goes by the database's.
type office struct {
	*ledgertest.Bench

	tg    *telegramtest.Server
	board *notice.Board
	texts *locale.Texts
}

func newOffice(t *testing.T) *office {
	t.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{})
	must(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	o := &office{Bench: ledgertest.New(t), tg: tg}
	for account, name := range map[int64]string{ledgertest.Requester: "Anna", ledgertest.Budget: "Pyotr", ledgertest.Treasurer: "Ivan", ledgertest.Second: "Maria"} {
		tg.User(account, name, "en")
		_, err := tg.StartBot(account, "")
		must(t, err)
	}
	for id, title := range map[int64]string{operations: "Operations", sales: "Sales"} {
		must(t, tg.AddChat(telegramtest.Chat{ID: id, Type: "supergroup", Title: title, Forum: true}))
		_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{
			ExternalID: title, TelegramID: id, Title: title, Fallback: id == operations,
		})
		must(t, err)
	}
	o.board = o.replica(t)
	return o
}

func (o *office) replica(t *testing.T) *notice.Board {
	t.Helper()
	return o.at(t, o.tg.URL())
}

// at is a board that reaches the messenger by an address.
func (o *office) at(t *testing.T, url string) *notice.Board {
	t.Helper()
	if o.texts == nil {
		o.texts = localetest.Texts(t)
	}
	to := io.Discard
	if os.Getenv("VERBOSE") != "" {
		to = os.Stderr
	}
	log := slog.New(slog.NewTextHandler(to, nil))
	client, err := telegram.New(telegram.Options{Token: secret.Text(o.tg.Token()), APIURL: url, Log: log})
	must(t, err)
	t.Cleanup(client.Close)
	return &notice.Board{
		Store: &notice.Store{Pool: o.Pool}, Directory: o.Directory, Ledger: o.DB, Texts: o.texts, Language: "en", Office: calendar.Standard(time.UTC),
		Post: &post.Post{Telegram: client, Files: o.Files, Store: &post.Store{Pool: o.Pool}, Bot: client.BotID(), Log: log},
		Pace: &pace.Pace{Pool: o.Pool, Limits: pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 1000}},
		Now:  o.Clock.Now, Log: log,
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add tells something now.
func (o *office) add(t *testing.T, n notice.New) string {
	t.Helper()
	id, err := o.board.Store.Add(t.Context(), o.Pool, n)
	must(t, err)
	return id
}

// once lets the board look once.
func (o *office) once(t *testing.T) int {
	t.Helper()
	n, err := o.board.RunOnce(t.Context())
	must(t, err)
	return n
}

// soon makes everything due that waits for its time.
func (o *office) soon(t *testing.T) {
	t.Helper()
	_, err := o.Pool.Exec(t.Context(), "update notice_message set next_at = now() where next_at is not null")
	must(t, err)
}

// said are the texts of the bot in a chat, the oldest first.
func (o *office) said(chat int64) []string {
	var out []string
	for _, m := range o.tg.Messages(chat) {
		if m.From == o.tg.BotID() && !m.Deleted && m.Text != "" {
			out = append(out, m.Text)
		}
	}
	return out
}

func line(text string, to notice.To) notice.New {
	return notice.New{Class: notice.Info, To: to, Body: notice.Body{Text: text}}
}

func chats(names ...string) notice.To { return notice.To{Chats: names} }

// faults are those of a notice, by recipient.
func (o *office) faults(t *testing.T, id string) map[string]string {
	t.Helper()
	rows, err := o.Pool.Query(t.Context(), "select recipient, fault from notice_message where notice_id = $1 and part = 0 and fault <> ''", id)
	must(t, err)
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, fault string
		must(t, rows.Scan(&name, &fault))
		out[name] = fault
	}
	must(t, rows.Err())
	return out
}

// change gives a progress another body.
func (o *office) change(t *testing.T, id string, no int, to notice.Body) {
	t.Helper()
	_, err := o.board.Store.Change(t.Context(), "", id, int64(no), func(b *notice.Body) { *b = to })
	must(t, err)
}
