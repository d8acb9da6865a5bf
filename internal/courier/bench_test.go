package courier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/courier"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/pace"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const (
	group    = -1001234567890
	oldGroup = -4711 // a group that has yet to become a supergroup
	topic    = 77
	invoice  = "%PDF-1.4 invoice"
)

// wide are limits that no test meets; they are a clock tick a message.
var wide = pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 1000}

// tb is a test or a run of a property.
type tb interface {
	rapid.TB
	Context() context.Context
}

// office is a ledger, a messenger and one courier between them. All clocks but those of
// the messenger and the database are the bench's, so that nothing waits for time to pass.
type office struct {
	*ledgertest.Bench

	tg      *telegramtest.Server
	courier *courier.Courier
	removed map[[2]int64]bool // messages that people deleted, by chat and id
}

func newOffice(tb testing.TB) *office {
	tb.Helper()
	tg, err := telegramtest.Open(telegramtest.Options{})
	must(tb, err)
	tb.Cleanup(func() { _ = tg.Close() })
	o := &office{Bench: ledgertest.New(tb), tg: tg, removed: map[[2]int64]bool{}}
	for account, name := range staff() {
		tg.User(account, name, "en")
		_, err := tg.StartBot(account, "")
		must(tb, err)
	}
	o.courier = newCourier(tb, o.Bench, tg.URL(), tg.Token())
	return o
}

func staff() map[int64]string {
	return map[int64]string{
		ledgertest.Requester: "Anna", ledgertest.Budget: "Pyotr", ledgertest.Finance: "Olga",
		ledgertest.Treasurer: "Ivan", ledgertest.Second: "Maria",
	}
}

func newCourier(tb testing.TB, b *ledgertest.Bench, url, token string) *courier.Courier {
	tb.Helper()
	texts := localetest.Texts(tb)
	client, err := telegram.New(telegram.Options{Token: secret.Text(token), APIURL: url})
	must(tb, err)
	tb.Cleanup(client.Close)
	return &courier.Courier{
		Ledger: b.DB, Directory: b.Directory, Store: &courier.Store{Pool: b.Pool},
		Post: &post.Post{Telegram: client, Files: b.Files, Store: &post.Store{Pool: b.Pool}, Bot: client.BotID(), Log: logger()},
		Pace: &pace.Pace{Pool: b.Pool, Now: b.Clock.Now, Limits: wide}, Texts: texts, GroupLang: "en", Bot: client.BotID(),
		Username: func() string { return "countersign_bot" }, Zone: time.UTC, Bell: b.Bell, Now: b.Clock.Now, Log: logger(),
	}
}

func logger() *slog.Logger {
	to := io.Discard
	if os.Getenv("VERBOSE") != "" {
		to = os.Stderr
	}
	return slog.New(slog.NewTextHandler(to, nil))
}

// replica is another courier on the same database, with connections of its own.
func (o *office) replica(tb testing.TB) *courier.Courier {
	tb.Helper()
	b := ledgertest.On(tb, o.OwnerURL, o.AppURL)
	b.Now, b.Directory.Now, b.Files.Now, b.Clock = o.Clock.Now, o.Clock.Now, o.Clock.Now, o.Clock
	return newCourier(tb, b, o.tg.URL(), o.tg.Token())
}

// bind registers the group for payment requests.
func (o *office) bind(tb testing.TB, id, thread int64) {
	tb.Helper()
	kind := telegramtest.Supergroup
	if id == oldGroup {
		kind = telegramtest.Group
	}
	must(tb, o.tg.AddChat(telegramtest.Chat{ID: id, Type: kind, Title: "Payments", Forum: thread != 0, Members: []int64{ledgertest.Budget}}))
	if thread != 0 {
		must(tb, o.tg.Topic(id, thread, true))
	}
	_, _, err := o.Directory.PutChat(tb.Context(), "test", directory.Chat{
		ExternalID: "payments", TelegramID: id, Thread: thread, Title: "Payments", Notices: []string{"payment_request"},
	})
	must(tb, err)
}

// withFile posts a payment request with an invoice.
func (o *office) withFile(tb testing.TB, id string) ledger.Status {
	tb.Helper()
	meta, err := o.Files.Put(tb.Context(), ledgertest.Source, "", strings.NewReader(invoice+id))
	must(tb, err)
	d := ledgertest.Payment(id)
	d.Files = []document.File{{Name: "Счёт.pdf", SHA256: meta.SHA256, Size: meta.Size}}
	st, err := o.Submit(tb.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	must(tb, err)
	return st
}

// revise posts the document again, changed.
func (o *office) revise(tb testing.TB, id string, change func(*document.Document)) {
	tb.Helper()
	d := ledgertest.Payment(id)
	change(&d)
	_, err := o.Submit(tb.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	must(tb, err)
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// once draws what is due.
func once(t tb, c *courier.Courier) int {
	t.Helper()
	n, err := c.RunOnce(t.Context())
	must(t, err)
	return n
}

// calm lets time pass until every case is shown.
func (o *office) calm(t tb, couriers ...*courier.Courier) {
	t.Helper()
	if len(couriers) == 0 {
		couriers = []*courier.Courier{o.courier}
	}
	for round := range 100 {
		for range 20 { // what is put off may come due meanwhile, by the clock of the database
			if once(t, couriers[round%len(couriers)]) == 0 {
				break
			}
		}
		if n, err := o.Lag(t.Context()); err != nil || n == 0 {
			must(t, err)
			return
		}
		o.pass(t, 2*time.Second)
	}
	t.Fatal("the cases do not come to rest")
}

// pass lets time pass: for the bench's clock, and for the database, where the claims of
// messages and the leases of cases are so much older then.
func (o *office) pass(t tb, d time.Duration) {
	t.Helper()
	_, err := o.Pool.Exec(t.Context(), `update card_message set at = at - $1::interval`, d)
	must(t, err)
	_, err = o.Pool.Exec(t.Context(), `update approval_case set cards_next = cards_next - $1::interval where cards_at < events`, d)
	must(t, err)
	o.Clock.Advance(d)
}

// scene is a case as it is, and everything noted about it.
type scene struct {
	view  card.View
	texts *locale.Texts
	rows  []row
}

// row is a message as the courier noted it.
type row struct {
	Spot    string
	Chat    int64
	Message int64
	Digest  string
	Fault   string
}

func (o *office) scene(t tb, id approval.ID) scene {
	t.Helper()
	must(t, o.Redraw(t.Context(), id))
	due, err := o.Behind(t.Context(), 1000, time.Minute)
	must(t, err)
	s := scene{texts: o.courier.Texts}
	for _, d := range due {
		must(t, o.Drawn(t.Context(), d))
		if d.Case.ID != id {
			t.Fatalf("case %s is behind; the office is not calm", d.Case.ID)
		}
		chats, err := o.Directory.ChatsFor(t.Context(), d.Doc.Type)
		must(t, err)
		s.view = card.View{Case: d.Case, Doc: d.Doc, Earlier: d.Earlier, People: d.People, Bot: o.courier.Username(), Zone: time.UTC}
		for _, g := range chats {
			told := card.Group{ID: g.ExternalID, Title: g.Title, Hidden: g.Hidden, NoFiles: g.NoFiles}
			if g.Wants(directory.Matter{Type: d.Doc.Type, Company: d.Doc.Company, Currency: d.Doc.Amount.Currency, Minor: d.Doc.Amount.Minor}) {
				s.view.Groups = append(s.view.Groups, told)
			}
			if g.Fallback {
				s.view.Fallback = append(s.view.Fallback, told)
			}
		}
	}
	s.rows = o.rows(t, id)
	return s
}

func (o *office) rows(t tb, id approval.ID) []row {
	t.Helper()
	var out []row
	rows, err := o.Pool.Query(t.Context(), `select spot, chat_id, message_id, digest, fault from card_message
		where case_id = $1 and bot_id = $2 order by spot, chat_id, message_id`, id, o.courier.Bot)
	must(t, err)
	for rows.Next() {
		var r row
		must(t, rows.Scan(&r.Spot, &r.Chat, &r.Message, &r.Digest, &r.Fault))
		out = append(out, r)
	}
	must(t, rows.Err())
	return out
}

// chat is where a spot belongs now; 0 for nowhere.
func (o *office) chat(t tb, s scene, spot card.Spot) int64 {
	t.Helper()
	if spot.Chat != "" {
		chats, err := o.Directory.ChatsFor(t.Context(), s.view.Doc.Type)
		must(t, err)
		for _, c := range chats {
			if c.ExternalID == spot.Chat {
				return c.TelegramID
			}
		}
		return 0
	}
	p, _ := s.view.People.Person(spot.Person)
	return p.Telegram
}

// shows asserts that everybody sees exactly what the case says. Copies says how many
// messages a spot may have: 1 where nothing went wrong.
func (o *office) shows(t tb, id approval.ID, copies int) {
	t.Helper()
	s := o.scene(t, id)
	meant := map[row]bool{} // where messages should be, by spot and chat
	for _, spot := range card.Audience(s.view) {
		chat := o.chat(t, s, spot)
		if chat == 0 {
			continue
		}
		meant[row{Spot: spot.Key(), Chat: chat}] = true
		n := 0
		for _, r := range s.rows {
			if r.Spot != spot.Key() || r.Chat != chat {
				continue
			}
			if r.Message == 0 {
				t.Errorf("%s: not sent: %q", r.Spot, r.Fault)
				continue
			}
			n++
			o.compare(t, s, spot, r)
		}
		under := slices.ContainsFunc(s.rows, func(r row) bool { return r.Spot == spot.ReplyTo && r.Chat == chat && r.Message > 0 })
		if n == 0 && spot.ReplyTo != "" && !under {
			continue // its card was never missed
		}
		if n > copies || n == 0 && !spot.Past {
			t.Errorf("%s (past %t) has %d messages, want 1 to %d", spot.Key(), spot.Past, n, copies)
		}
	}
	for _, r := range s.rows {
		m, ok := o.tg.Message(r.Chat, r.Message)
		if r.Chat < 0 || r.Message == 0 || r.Fault != "" || meant[row{Spot: r.Spot, Chat: r.Chat}] || !ok || m.Deleted {
			continue
		}
		if len(m.Keyboard) > 0 || !strings.HasSuffix(m.Text, "This message is out of date.") {
			t.Errorf("%s: message %d in %d, where nobody should read it, shows\n%s", r.Spot, r.Message, r.Chat, m.Text)
		}
	}
}

// compare asserts that a message shows the card.
func (o *office) compare(t tb, s scene, spot card.Spot, r row) {
	t.Helper()
	m, ok := o.tg.Message(r.Chat, r.Message)
	if o.removed[[2]int64{r.Chat, r.Message}] {
		return // Telegram tells when the message is to be edited, and not before
	}
	if !ok || m.Deleted {
		t.Errorf("%s: message %d is not there", r.Spot, r.Message)
		return
	}
	lang := "en"
	if p, ok := s.view.People.Person(spot.Person); ok && p.Locale != "" {
		lang = p.Locale
	}
	want := card.For(s.view, spot, s.texts.For(lang))
	text, html := want.HTML, m.HTML
	if html == "" && m.Text != "" { // sent without marks
		text, html = strings.TrimSpace(want.Plain), m.Text
	}
	if diff := cmp.Diff(text, html); diff != "" {
		t.Errorf("%s, message %d in %d (-card +shown):\n%s", r.Spot, r.Message, r.Chat, diff)
	}
	if got, buttons := buttonsOf(m), buttonsWanted(want); !slices.Equal(got, buttons) {
		t.Errorf("%s: buttons %q, want %q", r.Spot, got, buttons)
	}
	if r.Digest != want.Digest() || r.Fault != "" {
		t.Errorf("%s: noted as %.8s, fault %q", r.Spot, r.Digest, r.Fault)
	}
	if want.File != nil && (m.Document == nil || m.Document.Name != want.File.Name) {
		t.Errorf("%s: file %+v, want %s", r.Spot, m.Document, want.File.Name)
	}
}

func buttonsOf(m telegramtest.Message) []string {
	var out []string
	for i, line := range m.Keyboard {
		for _, b := range line {
			out = append(out, fmt.Sprint(i, b.Text, b.Data, b.URL, b.Style))
		}
	}
	return out
}

func buttonsWanted(c card.Card) []string {
	var out []string
	for i, line := range c.Buttons {
		for _, b := range line {
			out = append(out, fmt.Sprint(i, b.Text, b.Data, b.URL, string(b.Style)))
		}
	}
	return out
}

// cards are the messages of a chat that speak of a document.
func (o *office) cards(chat int64, number string) []telegramtest.Message {
	return slices.DeleteFunc(o.tg.Messages(chat), func(m telegramtest.Message) bool {
		return m.From != o.tg.BotID() || !strings.Contains(m.Text, number)
	})
}

// asked is the one message that asks somebody.
func (o *office) asked(tb testing.TB, account int64, number string) telegramtest.Message {
	tb.Helper()
	var found []telegramtest.Message
	for _, m := range o.cards(account, number) {
		if _, ok := m.Button("✅"); ok {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		tb.Fatalf("%d is asked by %d messages, want 1", account, len(found))
	}
	return found[0]
}

// limited is a context that ends long after everything should have happened.
func limited(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeoutCause(tb.Context(), 20*time.Second, errors.New("it never happened"))
	tb.Cleanup(cancel)
	return ctx
}
