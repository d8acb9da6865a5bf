package audiodesk_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/chat"
	"countersign/internal/courier"
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
	"countersign/internal/seal"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/wake"
)

// The Telegram accounts of the people of the office, and their phones.
const (
	anna   = 1001
	pyotr  = 1002
	olga   = 1003
	ivan   = 1004 // looks after audio rooms
	maria  = 1005
	nobody = 6666

	annasPhone  = "4930100001"
	pyotrsPhone = "4930100002"
	ivansPhone  = "4930100004"
)

// office is a messenger with the desk in it, and a telephone exchange.
type office struct {
	*ledgertest.Bench

	tg    *telegramtest.Server
	pbx   *asterisktest.Server
	seal  *seal.Seal
	desk  *audiodesk.Desk
	door  *chat.Door
	bot   *telegram.Client
	texts *locale.Texts
	clock *telegramtest.Clock
}

// newOffice is one where the desk is at work.
func newOffice(t *testing.T) *office {
	t.Helper()
	o := newHouse(t, telegramtest.RealClock())
	o.work(t, o.desk)
	return o
}

// newHouse is one where nobody works at the desk yet: what is to be done is done when a test
// says so.
func newHouse(t *testing.T, clock *telegramtest.Clock) *office {
	t.Helper()
	o := &office{Bench: ledgertest.New(t), clock: clock, texts: localetest.Texts(t)}
	var err error
	o.tg, err = telegramtest.Open(telegramtest.Options{Clock: clock})
	must(t, err)
	t.Cleanup(func() { _ = o.tg.Close() })
	o.pbx, err = asterisktest.Open(t.Context(), asterisktest.Options{})
	must(t, err)
	t.Cleanup(func() { _ = o.pbx.Close() })
	o.seal, err = seal.Start(t.Context(), o.Pool, seal.Options{File: filepath.Join(t.TempDir(), "seal.key"), Create: true})
	must(t, err)
	for account, name := range map[int64]string{anna: "Anna", pyotr: "Pyotr", olga: "Olga", ivan: "Ivan", maria: "Maria", nobody: "Mallory"} {
		o.tg.User(account, name, "en")
	}
	o.roles(t, "kozlov", audiodesk.Administrator)
	o.Now, o.Directory.Now = clock.Now, clock.Now
	o.bot, err = telegram.New(telegram.Options{Token: secret.Text(o.tg.Token()), APIURL: o.tg.URL()})
	must(t, err)
	t.Cleanup(o.bot.Close)
	o.desk = o.replica(t, o.Bench, o.pbx.Addr())
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

func (o *office) log() *slog.Logger {
	if os.Getenv("VERBOSE") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func (o *office) line(address string) asterisk.Options {
	return asterisk.Options{
		Address: address, User: asterisktest.User, Secret: asterisktest.Secret, Now: time.Now, Timeout: 5 * time.Second,
		Pause: 10 * time.Millisecond, Longest: 20 * time.Millisecond, Settle: 50 * time.Millisecond, Log: o.log(),
	}
}

// replica is a desk with a line of its own to the exchange.
func (o *office) replica(t *testing.T, b *ledgertest.Bench, address string) *audiodesk.Desk {
	t.Helper()
	line, err := asterisk.New(o.line(address))
	must(t, err)
	rules := audiodesk.DefaultRules()
	rules.Prefixes = []string{"+4930"}
	d := &audiodesk.Desk{
		Store: &audiodesk.Store{Pool: b.Pool}, Exchange: line, Seal: o.seal, Ledger: b.DB, GroupLang: "en", Notices: &notice.Store{Pool: b.Pool, Bell: &wake.Bell{}}, Telegram: o.bot,
		Pace: &pace.Pace{Pool: b.Pool, Limits: pace.Limits{PerBot: 1000, PerChat: 1000, PerGroupMinute: 1000}}, Texts: o.texts, Zone: time.UTC,
		Directory: b.Directory.Snapshot, Rules: rules, Bell: &wake.Bell{}, Now: o.clock.Now, Log: o.log(),
	}
	audiodesk.Hurry(d)
	return d
}

// work lets a desk do its work, and its line be up.
func (o *office) work(t *testing.T, d *audiodesk.Desk) {
	t.Helper()
	o.connect(t, d)
	o.background(t, d.Run)
}

// connect has the line of a desk be up.
func (o *office) connect(t *testing.T, d *audiodesk.Desk) {
	t.Helper()
	o.background(t, d.Exchange.Run)
	o.wait(t, "the line to the exchange is up", func() bool { return d.Exchange.State().Up })
}

// background runs something until the test is over.
func (o *office) background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
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

func (o *office) person(t *testing.T, account int64) people.Person {
	t.Helper()
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, _ := dir.ByTelegram(account)
	return p
}

func (o *office) wire(t *testing.T) {
	t.Helper()
	now, log := o.clock.Now, o.log()
	name := func() string { return o.tg.BotName() }
	cards := &courier.Courier{
		Ledger: o.DB, Directory: o.Directory, Store: &courier.Store{Pool: o.Pool}, Pace: o.desk.Pace,
		Post:  &post.Post{Telegram: o.bot, Files: o.Files, Store: &post.Store{Pool: o.Pool}, Bot: o.bot.BotID(), Log: log},
		Texts: o.texts, GroupLang: "en", Bot: o.bot.BotID(), Username: name, Zone: time.UTC, Bell: o.Bell, Now: now, Log: log,
	}
	updates := &inbox.Inbox{Pool: o.Pool, Bot: o.bot.BotID(), Bell: o.Bell, Now: now, Log: log}
	o.door = &chat.Door{
		Link: &link.Desk{
			Store: &link.Store{Pool: o.Pool}, Directory: o.Directory, Texts: o.texts, Username: name, Zone: time.UTC, Now: now, Log: log,
			Terms: directory.Terms{Confirm: directory.Notify}, PublicURL: "https://pay.example.org", Notices: o.desk.Notices,
		},
		Notices: o.desk.Notices, Ledger: o.DB, Directory: o.Directory, Inbox: updates, Dialogs: &chat.Dialogs{Pool: o.Pool}, Searches: &chat.Searches{Pool: o.Pool},
		Telegram: o.bot, Pace: o.desk.Pace, Files: o.Files, Texts: o.texts, Secret: "0123456789abcdef0123456789abcdef", Bot: o.bot.BotID(), Username: name,
		Zone: time.UTC, Now: now, Log: log, Desks: map[string]screen.Desk{audiodesk.Command: o.desk.Hosted()},
		Cards: chat.Cards{Adopt: cards.Adopt, Find: cards.Find, Follow: cards.Follow, At: cards.At, Closed: cards.Closed},
	}
	updates.Handle = o.door.Handle
	mux := http.NewServeMux()
	mux.HandleFunc("POST /telegram/webhook", o.door.Webhook)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	must(t, o.bot.SetWebhook(t.Context(), telegram.Webhook{URL: srv.URL + "/telegram/webhook", Secret: o.door.Secret}))
	o.background(t, updates.Run)
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
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			var all strings.Builder
			for _, c := range []int64{anna, pyotr, olga, ivan, maria} {
				for _, m := range o.tg.Messages(c) {
					fmt.Fprintf(&all, "%d: %s\n", c, m.Text)
				}
			}
			t.Fatalf("%s: never; chats show\n%s", what, all.String())
		}
	}
}

// sees waits for a message of the bot's in a chat that has all the words, and gives the
// newest.
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

// shows waits until a message has all the words.
func (o *office) shows(t *testing.T, m telegramtest.Message, words ...string) telegramtest.Message {
	t.Helper()
	var now telegramtest.Message
	o.wait(t, fmt.Sprintf("message %d shows %q", m.ID, words), func() bool {
		now, _ = o.tg.Message(m.ChatID, m.ID)
		for _, w := range words {
			if !strings.Contains(now.Text, w) {
				return false
			}
		}
		return true
	})
	return now
}

// open sends a command and gives what comes.
func (o *office) open(t *testing.T, account int64, command string) telegramtest.Message {
	t.Helper()
	return o.says(t, account, command, 0)
}

// says writes something and gives the next message of the bot's.
func (o *office) says(t *testing.T, account int64, text string, replyTo int64) telegramtest.Message {
	t.Helper()
	id, err := o.tg.Say(account, account, text, replyTo)
	must(t, err)
	return o.after(t, account, id)
}

// after waits for the first message of the bot's after another.
func (o *office) after(t *testing.T, account, id int64) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	o.wait(t, "an answer", func() bool {
		for _, m := range o.tg.Messages(account) {
			if m.ID > id && m.From == o.tg.BotID() && found.ID == 0 {
				found = m
			}
		}
		return found.ID != 0
	})
	return found
}

// tap presses a button, and gives what was told.
func (o *office) tap(t *testing.T, account int64, m telegramtest.Message, button string) telegramtest.Answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o.wait(t, fmt.Sprintf("a button %q under %q", button, m.Text), func() bool {
		now, _ := o.tg.Message(m.ChatID, m.ID)
		_, there := now.Button(button)
		return there || strings.HasPrefix(button, "m:rooms:")
	})
	told, err := o.tg.Tap(ctx, account, m.ChatID, m.ID, button)
	must(t, err)
	return told
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

// newRoom makes a room by the buttons and the words that it takes, and gives its screen.
func (o *office) newRoom(t *testing.T, account int64, kind, name, pin string) telegramtest.Message {
	t.Helper()
	m := o.open(t, account, "/rooms")
	o.tap(t, account, m, "New room")
	o.tap(t, account, m, kind)
	made := o.says(t, account, name, o.after(t, account, m.ID).ID)
	if pin != "" {
		made = o.says(t, account, pin, made.ID)
	}
	o.tap(t, account, made, "Open the room")
	return o.shows(t, made, "room ·")
}

// share shares somebody's number.
func (o *office) share(t *testing.T, account int64, phone string) telegramtest.Message {
	t.Helper()
	id, err := o.tg.Post(telegramtest.Said{UserID: account, ChatID: account, Phone: phone, PhoneOwner: account})
	must(t, err)
	return o.after(t, account, id)
}

func (o *office) count(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}
