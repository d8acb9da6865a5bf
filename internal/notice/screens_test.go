package notice_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/handout"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// gallery collects what chats are told, notice after notice.
type gallery struct {
	*office

	t    *testing.T
	text strings.Builder
}

// TestNoticesReadAsWritten shows every kind of notice to whoever may get it, in each language.
func TestNoticesReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			g := &gallery{office: newOffice(t), t: t}
			g.speak(tag)
			g.documents()
			g.progress()
			g.several()
			g.large()
			goldentest.Same(t, "notices."+tag, g.text.String())
			if strings.Contains(g.text.String(), "{{") || strings.Contains(g.text.String(), "notice.") {
				t.Error("a placeholder or a key is left in a text")
			}
		})
	}
}

// speak gives everybody a language, and groups the rules of what they may see.
func (g *gallery) speak(tag string) {
	g.t.Helper()
	pyotr := ledgertest.User("petrov", "Pyotr Petrov", "budget_holder", ledgertest.Budget)
	maria := ledgertest.User("orlova", "Maria Orlova", "treasurer", ledgertest.Second)
	pyotr.Locale, maria.Locale = tag, tag
	g.Import(g.t, pyotr, maria)
	g.board.Language = tag
	must(g.t, g.tg.AddChat(telegramtest.Chat{ID: sales - 1, Type: telegramtest.Supergroup, Title: "Other"}))
	for _, c := range []directory.Chat{
		{ExternalID: "Sales", TelegramID: sales, Title: "Sales", Hidden: []string{"amount", "payee"}, NoFiles: true, Notices: []string{"payment_request"}},
		{ExternalID: "Other", TelegramID: sales - 1, Title: "Other", Notices: []string{"contract"}},
	} {
		_, _, err := g.Directory.PutChat(g.t.Context(), "test", c)
		must(g.t, err)
	}
}

// names are the places of the album, in the order in which they are shown.
func places() []struct {
	chat int64
	name string
} {
	return []struct {
		chat int64
		name string
	}{
		{ledgertest.Budget, "the person who is asked"},
		{ledgertest.Second, "somebody else"},
		{operations, "the group of administrators"},
		{sales, "a group that sees no amount, no payee and no files"},
		{sales - 1, "a group of other documents"},
	}
}

func (g *gallery) everybody() notice.To {
	return notice.To{
		Chats:  []string{"Operations", "Sales", "Other"},
		People: []people.ID{g.person(g.t, ledgertest.Budget).ID, g.person(g.t, ledgertest.Second).ID},
	}
}

// shown does something, and keeps what is new in the chats because of it, or changed.
func (g *gallery) shown(title string, do func()) {
	g.t.Helper()
	before := map[int64]map[int64]int{}
	for _, p := range places() {
		before[p.chat] = map[int64]int{}
		for _, m := range g.tg.Messages(p.chat) {
			before[p.chat][m.ID] = m.Edits
		}
	}
	do()
	for range 3 {
		g.once(g.t)
	}
	for _, p := range places() {
		for _, m := range g.tg.Messages(p.chat) {
			if edits, known := before[p.chat][m.ID]; known && edits == m.Edits {
				continue
			}
			fmt.Fprintf(&g.text, "=== %s: %s\n%s\n", title, p.name, m.HTML)
			if m.Document != nil {
				fmt.Fprintf(&g.text, "(file: %s)\n", m.Document.Name)
			}
			for _, row := range m.Keyboard {
				for _, b := range row {
					fmt.Fprintf(&g.text, "[%s]", b.Text)
				}
				g.text.WriteString("\n")
			}
			g.text.WriteString("\n")
		}
	}
}

// documents: about one, with words that tell what a group may not learn, and with an album.
func (g *gallery) documents() {
	g.t.Helper()
	g.Post(g.t, "4711")
	n := g.statement(g.t, 2)
	n.To = g.everybody()
	n.Body.Title, n.Body.Text, n.Body.About = "Paid: 125 000,00 RUB", "To Landlord LLC <today> & in full", "4711"
	g.shown("about a document", func() { g.add(g.t, n) })
	alarm := notice.New{Source: ledgertest.Source, Class: notice.Alarm, To: g.everybody(), Body: notice.Body{Text: "The bank returned 125000.00: Landlord LLC", About: "4711"}}
	g.shown("alarm", func() { g.add(g.t, alarm) })
	alarm.Body.About = "nothing known"
	g.shown("about what is not known", func() { g.add(g.t, alarm) })
	at := map[string]time.Time{"Time": time.Date(2026, 6, 16, 11, 0, 0, 0, time.UTC)}
	g.shown("a text of ours with a time", func() {
		g.add(g.t, notice.New{Class: notice.Alarm, To: g.everybody(), Body: notice.Body{Key: "assure.told.pin_locked", Times: at}})
	})
}

func (g *gallery) progress() {
	g.t.Helper()
	to := notice.To{People: []people.ID{g.person(g.t, ledgertest.Budget).ID}}
	body := notice.Body{Title: "Import of June", Text: "Statements of the bank", State: notice.Running}
	var id string
	g.shown("progress, begun", func() { id = g.add(g.t, notice.New{Class: notice.Progress, To: to, Body: body}) })
	for i, next := range []notice.Body{
		{State: notice.Running, Done: 1, Total: 21}, {State: notice.Running, Done: 21, Total: 21}, {State: notice.Running, Done: 47, Total: 100}, {State: notice.Finished},
	} {
		next.Title, next.Text = body.Title, body.Text
		g.shown(fmt.Sprintf("progress, %d", i+1), func() { g.change(g.t, id, i+1, next) })
	}
	g.shown("progress, another that fails", func() {
		id = g.add(g.t, notice.New{Class: notice.Progress, To: to, Body: body})
		g.change(g.t, id, 1, notice.Body{Text: "The bank is away", State: notice.Failed})
	})
}

// several is what a group gets in one message when the messenger allows no more.
func (g *gallery) several() {
	g.t.Helper()
	for _, n := range []int{2, 5} {
		g.board.Pace.Limits = pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 1}
		g.add(g.t, line("One that uses the minute up", chats("Other")))
		g.once(g.t)
		for i := range n {
			b := line(fmt.Sprintf("Statement %d & more", i+1), chats("Other"))
			b.Body.Title = "Bank"
			g.add(g.t, b)
		}
		g.once(g.t)
		g.board.Pace.Limits.PerGroupMinute = 1000
		g.soon(g.t)
		g.shown(fmt.Sprintf("%d that had to wait", n), func() {})
	}
}

// large is a file that the messenger does not take.
func (g *gallery) large() {
	g.t.Helper()
	g.board.MaxFile = 2 << 20
	g.board.Links = &handout.Desk{Store: &handout.Store{Pool: g.Pool}, Directory: g.Directory, Files: g.Files, PublicURL: "https://pay.example.org", Texts: g.board.Texts, Log: g.board.Log}
	meta, err := g.Files.Put(g.t.Context(), ledgertest.Source, "", bytes.NewReader(make([]byte, 3<<20)))
	must(g.t, err)
	n := line("The statement of the year", notice.To{People: []people.ID{g.person(g.t, ledgertest.Budget).ID}})
	n.Source, n.Body.Files = ledgertest.Source, []notice.File{{SHA256: meta.SHA256, Name: "Выписка & год.zip", Size: meta.Size}}
	g.shown("a file by a link", func() { g.add(g.t, n) })
}
