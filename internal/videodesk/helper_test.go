package videodesk_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/chat"
	"countersign/internal/courier"
	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/post"
	"countersign/internal/screen"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videodesk"
	"countersign/internal/videowatch"
)

const headOffice = "Head office"

// The Telegram accounts of the people of the office.
const (
	nobody        = 1001 // has no right
	viewer        = 1002
	operator      = 1003
	administrator = 1004
	second        = 1005 // another operator
	stranger      = 6666
)

// office is a messenger with the desk in it, and a video server.
type office struct {
	*ledgertest.Bench

	tg    *telegramtest.Server
	tc    *trueconftest.Server
	desk  *videodesk.Desk
	door  *chat.Door
	texts *locale.Texts
	clock *telegramtest.Clock
	shut  func() // takes the last video server away
}

func newOffice(t *testing.T) *office {
	t.Helper()
	return newOfficeAt(t, telegramtest.RealClock())
}

func newOfficeAt(t *testing.T, clock *telegramtest.Clock) *office {
	t.Helper()
	o := &office{Bench: ledgertest.New(t), clock: clock}
	var err error
	o.texts = localetest.Texts(t)
	o.tg, err = telegramtest.Open(telegramtest.Options{Clock: clock})
	must(t, err)
	t.Cleanup(func() { _ = o.tg.Close() })
	o.tc = o.serve(t)
	for account, name := range map[int64]string{nobody: "Anna", viewer: "Pyotr", operator: "Olga", administrator: "Ivan", second: "Maria", stranger: "Mallory"} {
		o.tg.User(account, name, "en")
	}
	o.roles(t, "sidorova", "video_operator")
	o.roles(t, "petrov", "video_viewer")
	o.roles(t, "kozlov", "video_administrator")
	o.roles(t, "orlova", "video_operator@"+headOffice)
	o.Now, o.Directory.Now = clock.Now, clock.Now
	o.desk = &videodesk.Desk{
		Store: &videodesk.Store{Pool: o.Pool}, Ledger: o.DB, Notices: &notice.Store{Pool: o.Pool}, Texts: o.texts, Language: "en",
		Watch:     &videowatch.Store{Pool: o.Pool},
		Deeds:     &deed.Store{Pool: o.Pool},
		Directory: o.Directory.Snapshot, Now: clock.Now, Log: slog.New(slog.DiscardHandler),
		Servers: []videodesk.Server{{Server: o.client(t, headOffice, o.tc), Rule: videowatch.DefaultRule()}},
	}
	o.wire(t)
	for _, u := range o.tg.Users() {
		if !u.Bot {
			_, err := o.tg.StartBot(u.ID, "")
			must(t, err)
			o.sees(t, u.ID)
		}
	}
	return o
}

// serve starts a video server.
func (o *office) serve(t *testing.T) *trueconftest.Server {
	t.Helper()
	f, err := trueconftest.Open(t.Context(), trueconftest.Options{Now: o.clock.Now})
	must(t, err)
	o.shut = sync.OnceFunc(func() { _ = f.Close() })
	t.Cleanup(o.shut)
	return f
}

func (o *office) client(t *testing.T, name string, f *trueconftest.Server) *trueconf.Server {
	t.Helper()
	s, err := trueconf.Open(trueconf.Options{
		Name: name, Address: f.URL(), Engine: f.Engine(), ClientID: trueconftest.ClientID, ClientSecret: trueconftest.ClientSecret,
		Now: o.clock.Now, Pause: time.Millisecond, Timeout: 5 * time.Second,
	})
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// roles gives somebody roles in place of those that he has.
func (o *office) roles(t *testing.T, id string, roles ...string) {
	t.Helper()
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, _ := dir.Find(id)
	u := directory.User{ExternalID: id, Name: p.Name, Email: p.Email, Telegram: p.Telegram, Locale: p.Locale}
	for _, r := range roles {
		u.Roles = append(u.Roles, people.ParseRole(r))
	}
	o.Import(t, u)
}

func (o *office) wire(t *testing.T) {
	t.Helper()
	now, log := o.clock.Now, slog.New(slog.DiscardHandler)
	if os.Getenv("VERBOSE") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		o.desk.Log = log
	}
	client, err := telegram.New(telegram.Options{Token: secret.Text(o.tg.Token()), APIURL: o.tg.URL(), Log: log})
	must(t, err)
	t.Cleanup(client.Close)
	name := func() string { return o.tg.BotName() }
	limits := &pace.Pace{Pool: o.Pool, Limits: pace.Limits{PerBot: 1000, PerChat: 1000, PerGroupMinute: 1000}}
	cards := &courier.Courier{
		Ledger: o.DB, Directory: o.Directory, Store: &courier.Store{Pool: o.Pool}, Pace: limits,
		Post:  &post.Post{Telegram: client, Files: o.Files, Store: &post.Store{Pool: o.Pool}, Bot: client.BotID(), Log: log},
		Texts: o.texts, GroupLang: "en", Bot: client.BotID(), Username: name, Zone: time.UTC, Bell: o.Bell, Now: now, Log: log,
	}
	updates := &inbox.Inbox{Pool: o.Pool, Bot: client.BotID(), Bell: o.Bell, Now: now, Log: log}
	o.door = &chat.Door{
		Link: &link.Desk{
			Store: &link.Store{Pool: o.Pool}, Directory: o.Directory, Texts: o.texts, Username: name, Zone: time.UTC, Now: now, Log: log,
			Terms: directory.Terms{Confirm: directory.Notify}, PublicURL: "https://pay.example.org", Notices: o.desk.Notices,
		},
		Notices: o.desk.Notices, Ledger: o.DB, Directory: o.Directory, Inbox: updates, Dialogs: &chat.Dialogs{Pool: o.Pool}, Searches: &chat.Searches{Pool: o.Pool},
		Telegram: client, Pace: limits, Files: o.Files, Texts: o.texts, Secret: "0123456789abcdef0123456789abcdef", Bot: client.BotID(), Username: name,
		Zone: time.UTC, Now: now, Log: log, Desks: map[string]screen.Desk{videodesk.Command: o.desk.Hosted()},
		Cards: chat.Cards{Adopt: cards.Adopt, Find: cards.Find, Follow: cards.Follow, At: cards.At, Closed: cards.Closed},
	}
	updates.Handle = o.door.Handle
	mux := http.NewServeMux()
	mux.HandleFunc("POST /telegram/webhook", o.door.Webhook)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	must(t, client.SetWebhook(t.Context(), telegram.Webhook{URL: srv.URL + "/telegram/webhook", Secret: o.door.Secret}))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = updates.Run(ctx) })
	wg.Go(func() { _ = cards.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (o *office) wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if o.tg.WaitFor(ctx, holds) != nil {
		var all strings.Builder
		for _, c := range []int64{nobody, viewer, operator, administrator, second} {
			for _, m := range o.tg.Messages(c) {
				fmt.Fprintf(&all, "%d: %s\n", c, m.Text)
			}
		}
		t.Fatalf("%s: never; chats show\n%s", what, all.String())
	}
}

// sees waits until the newest message of the bot in a chat, or one that it edited, has all
// the words.
func (o *office) sees(t *testing.T, account int64, words ...string) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	o.wait(t, fmt.Sprintf("%d sees %q", account, words), func() bool {
		for _, m := range o.tg.Messages(account) {
			ok := m.From == o.tg.BotID() && !m.Deleted
			for _, w := range words {
				ok = ok && strings.Contains(m.Text, w)
			}
			if ok {
				found = m
			}
		}
		return found.ID != 0
	})
	return found
}

// open sends the command and gives the screen that comes. News may come in between: a screen
// is known by its buttons, and one without any by the way out that it names.
func (o *office) open(t *testing.T, account int64) telegramtest.Message {
	t.Helper()
	before := len(o.tg.Messages(account))
	_, err := o.tg.Say(account, account, "/tc", 0)
	must(t, err)
	var found telegramtest.Message
	o.wait(t, "/tc is answered", func() bool {
		for _, m := range o.tg.Messages(account)[before:] {
			if len(m.Keyboard) > 0 && strings.HasPrefix(m.Keyboard[0][0].Data, "m:tc:") || strings.Contains(m.Text, "video_viewer") || strings.Contains(m.Text, "/login") {
				found = m
			}
		}
		return found.ID != 0
	})
	return found
}

// press taps a button of a screen, and gives the screen as it is then and what was told.
func (o *office) press(t *testing.T, account int64, m telegramtest.Message, button string) (telegramtest.Message, telegramtest.Answered) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	now, _ := o.tg.Message(m.ChatID, m.ID)
	if _, there := now.Button(button); !there && !strings.HasPrefix(button, "m:tc:") {
		t.Fatalf("no button %q under %q: %v", button, now.Text, labels(now))
	}
	edits := o.edits(m)
	told, err := o.tg.Tap(ctx, account, m.ChatID, m.ID, button)
	must(t, err)
	if !told.Alert {
		o.wait(t, "the screen after "+button, func() bool { return o.edits(m) > edits })
	}
	after, _ := o.tg.Message(m.ChatID, m.ID)
	return after, told
}

// edits is how often the bot has edited a message, or tried to in vain.
func (o *office) edits(m telegramtest.Message) (n int) {
	for _, c := range o.tg.CallsOf("editMessageText") {
		if c.Params["message_id"] == fmt.Sprint(m.ID) && c.Params["chat_id"] == fmt.Sprint(m.ChatID) && (c.Done || c.Code != 0) {
			n++
		}
	}
	return n
}

// walk goes by buttons from the command on.
func (o *office) walk(t *testing.T, account int64, buttons ...string) telegramtest.Message {
	t.Helper()
	m := o.open(t, account)
	for _, b := range buttons {
		m, _ = o.press(t, account, m, b)
	}
	return m
}

// forge sends a tap with data, and gives what was told.
func (o *office) forge(t *testing.T, account int64, m telegramtest.Message, data string) telegramtest.Answered {
	t.Helper()
	forged, err := o.tg.Forge(account, account, m.ID, data)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	told, err := forged.Wait(ctx)
	must(t, err)
	return told
}

func labels(m telegramtest.Message) (all []string) {
	for _, row := range m.Keyboard {
		for _, b := range row {
			all = append(all, b.Text)
		}
	}
	return all
}

// data is that of the button whose text begins so.
func data(t *testing.T, m telegramtest.Message, text string) string {
	t.Helper()
	b, there := m.Button(text)
	if !there {
		t.Fatalf("no button %q: %v", text, labels(m))
	}
	return b.Data
}

// daily puts a conference on the server that has run for a while.
func (o *office) daily(change ...func(*trueconftest.Conference)) trueconftest.Conference {
	c := trueconftest.Conference{
		ID: "100", Topic: "Daily", Owner: "anna", Running: true, Started: o.clock.Now().Add(-2 * time.Hour), Recording: true, Guests: true,
		People: []trueconftest.Person{
			{ID: "anna@srv.example", Name: "Anna A.", Role: 2},
			{ID: "boris@srv.example", Name: "Boris", Role: 2},
			{ID: "#guest:1a@srv.example", Name: "Gus"},
			{ID: "#sip:9@pbx", Name: "Room 9"},
		},
	}
	for _, f := range change {
		f(&c)
	}
	return o.tc.Put(c)
}

func (o *office) count(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}
