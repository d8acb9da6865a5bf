package chat_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/calendar"
	"countersign/internal/chat"
	"countersign/internal/courier"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/locale/localetest"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/post"
	"countersign/internal/secret"
	"countersign/internal/telegram"
	"countersign/internal/telegram/telegramtest"
)

const groupID = -1001234567890

// office is a gateway's messenger side with the people who use it.
type office struct {
	*ledgertest.Bench

	tg      *telegramtest.Server
	door    *chat.Door
	courier *courier.Courier
	inbox   *inbox.Inbox
	board   *notice.Board // looks when a test asks it to
	texts   *locale.Texts
	look    courier.Look // of the cards
	url     string
	client  *http.Client // of its own: a server that closes breaks the shared connections of all others
}

func newOffice(t *testing.T) *office {
	t.Helper()
	return newOfficeAt(t, telegramtest.RealClock())
}

// newOfficeAt lives by a clock.
func newOfficeAt(t *testing.T, clock *telegramtest.Clock, change ...func(*office)) *office {
	t.Helper()
	b := ledgertest.New(t)
	tg, err := telegramtest.Open(telegramtest.Options{Clock: clock})
	must(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	o := &office{Bench: b, tg: tg}
	for _, c := range change {
		c(o)
	}
	for account, name := range map[int64]string{
		ledgertest.Requester: "Anna", ledgertest.Budget: "Pyotr", ledgertest.Finance: "Olga",
		ledgertest.Treasurer: "Ivan", ledgertest.Second: "Maria",
	} {
		tg.User(account, name, "en")
	}
	must(t, tg.AddChat(telegramtest.Chat{ID: groupID, Type: telegramtest.Supergroup, Title: "Payments", Members: []int64{ledgertest.Budget}}))
	_, _, err = b.Directory.PutChat(t.Context(), "test", directory.Chat{
		ExternalID: "payments", TelegramID: groupID, Title: "Payments", Notices: []string{"payment_request"},
	})
	must(t, err)
	o.wire(t)
	return o
}

func (o *office) wire(t *testing.T) {
	t.Helper()
	client := o.build(t, o.tg.URL())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /telegram/webhook", o.door.Webhook)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	o.url, o.client = srv.URL+"/telegram/webhook", srv.Client()
	must(t, client.SetWebhook(t.Context(), telegram.Webhook{URL: o.url, Secret: o.door.Secret}))
	o.start(t)
	for _, u := range o.tg.Users() {
		if !u.Bot && u.ID < 5000 {
			_, err := o.tg.StartBot(u.ID, "")
			must(t, err)
			o.sees(t, u.ID, "Hello")
		}
	}
}

// build makes the parts of a replica that reaches the messenger by an address.
func (o *office) build(t *testing.T, url string) *telegram.Client {
	t.Helper()
	now := o.tg.Clock().Now
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("VERBOSE") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if o.texts == nil {
		o.texts = localetest.Texts(t)
	}
	client, err := telegram.New(telegram.Options{Token: secret.Text(o.tg.Token()), APIURL: url, Log: log})
	must(t, err)
	t.Cleanup(client.Close)
	name := func() string { return o.tg.BotName() }
	limits := &pace.Pace{Pool: o.Pool, Limits: pace.Limits{PerBot: 1000, PerChat: 1000, PerGroupMinute: 1000}}
	o.courier = &courier.Courier{
		Ledger: o.DB, Directory: o.Directory, Store: &courier.Store{Pool: o.Pool}, Pace: limits,
		Post:  &post.Post{Telegram: client, Files: o.Files, Store: &post.Store{Pool: o.Pool}, Bot: client.BotID(), Log: log},
		Texts: o.texts, GroupLang: "en", Look: o.look, Bot: client.BotID(), Username: name, Zone: time.UTC, Bell: o.Bell, Now: now, Log: log,
	}
	o.board = &notice.Board{
		Store: &notice.Store{Pool: o.Pool}, Directory: o.Directory, Post: o.courier.Post, Pace: limits, Texts: o.texts, Language: "en",
		Office: calendar.Standard(time.UTC), Now: now, Log: log,
	}
	o.Now, o.Directory.Now = now, now
	o.inbox = &inbox.Inbox{Pool: o.Pool, Bot: client.BotID(), Bell: o.Bell, Now: now, Log: log}
	desk := &link.Desk{
		Store: &link.Store{Pool: o.Pool}, Directory: o.Directory, Texts: o.texts, Username: name, Zone: time.UTC, Now: now, Log: log,
		Terms: directory.Terms{Confirm: directory.Notify}, PublicURL: "https://pay.example.org",
		Notices: o.board.Store,
		Redraw:  func(ctx context.Context, id people.ID) error { return o.RedrawOf(ctx, id) },
	}
	o.door = &chat.Door{
		Link: desk, Notices: o.board.Store, Ledger: o.DB, Directory: o.Directory, Inbox: o.inbox, Dialogs: &chat.Dialogs{Pool: o.Pool}, Searches: &chat.Searches{Pool: o.Pool}, Telegram: client, Pace: limits,
		Cards: chat.Cards{Adopt: o.courier.Adopt, Find: o.courier.Find, Follow: o.courier.Follow, At: o.courier.At, Closed: o.courier.Closed}, Files: o.Files, Texts: o.texts, Secret: "0123456789abcdef0123456789abcdef",
		Bot: client.BotID(), Username: name, Zone: time.UTC, Now: now, Log: log,
	}
	o.inbox.Handle = o.door.Handle
	return client
}

func (o *office) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = o.inbox.Run(ctx) })
	wg.Go(func() { _ = o.courier.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sees waits until the chat has a message with all the words.
func (o *office) sees(t *testing.T, chatID int64, words ...string) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := o.tg.WaitFor(ctx, func() bool {
		for _, m := range o.tg.Messages(chatID) {
			ok := true
			for _, w := range words {
				ok = ok && strings.Contains(m.Text, w)
			}
			if ok && !m.Deleted {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		var all strings.Builder
		for _, m := range o.tg.Messages(chatID) {
			all.WriteString(m.Text + "\n----\n")
		}
		t.Fatalf("chat %d never showed %q; it shows:\n%s", chatID, words, all.String())
	}
	return found
}

// card waits for the card that asks somebody.
func (o *office) card(t *testing.T, account int64, words ...string) telegramtest.Message {
	t.Helper()
	var found telegramtest.Message
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := o.tg.WaitFor(ctx, func() bool {
		for _, m := range o.tg.Messages(account) {
			_, buttons := m.Button("✅")
			for _, w := range words {
				buttons = buttons && strings.Contains(m.Text, w)
			}
			if buttons {
				found = m
			}
		}
		return found.ID != 0
	})
	if err != nil {
		t.Fatalf("%d was never asked", account)
	}
	return found
}

func (o *office) tap(t *testing.T, account int64, m telegramtest.Message, button string) telegramtest.Answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a, err := o.tg.Tap(ctx, account, m.ChatID, m.ID, button)
	must(t, err)
	return a
}

func TestPaymentIsVisaedByThreePeopleAndEveryMessageFollows(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	content := "%PDF-1.4 invoice"
	meta, err := o.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader(content))
	must(t, err)
	d := ledgertest.Payment("4711")
	d.Files = []document.File{{Name: "Счёт.pdf", SHA256: meta.SHA256, Size: meta.Size}}
	_, err = o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("4711"), Document: d})
	must(t, err)

	group := o.sees(t, groupID, "4711", "Awaiting")
	if _, ok := group.Button("✅"); ok {
		t.Error("the group's card has a decision button")
	}
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
		card := o.card(t, account, "4711")
		if got := []string{card.Keyboard[0][0].Text[:3], card.Keyboard[0][1].Text[:3]}; got[0] != "✅" || got[1] != "❌" {
			t.Errorf("first row: %q", got)
		}
		if a := o.tap(t, account, card, "✅"); !strings.Contains(a.Text, "recorded") {
			t.Errorf("answer to %d: %q", account, a.Text)
		}
	}
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer, ledgertest.Second, ledgertest.Requester, groupID} {
		m := o.sees(t, account, "4711", "✅ Approved")
		if len(m.Keyboard) > 0 {
			t.Errorf("chat %d still has buttons: %+v", account, m.Keyboard)
		}
	}
	files := 0
	for _, m := range o.tg.Messages(groupID) {
		if m.Document != nil && m.ReplyTo == group.ID {
			files++
			if b, _ := o.tg.FileBytes(m.Document.FileID); string(b) != content || m.Document.Name != "Счёт.pdf" {
				t.Errorf("file %+v: %q", m.Document, b)
			}
		}
	}
	if files != 1 {
		t.Errorf("%d files under the group's card, want 1", files)
	}
	uploads := 0
	for _, c := range o.tg.CallsOf("sendDocument") {
		if strings.Contains(strings.ToLower(c.Method), "senddocument") {
			uploads++
		}
	}
	if uploads < 2 {
		t.Errorf("the file was sent %d times; approvers have it too", uploads)
	}
}

func TestRejectionAsksForAReasonAndEndsEverywhere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "12")
	card := o.card(t, ledgertest.Budget, "12")
	o.tap(t, ledgertest.Budget, card, "❌")
	question := o.sees(t, ledgertest.Budget, "Why are you rejecting")
	st, err := o.Document(t.Context(), ledgertest.Key("12"))
	must(t, err)
	if st.Case.State != approval.InProgress {
		t.Fatalf("before the reason the case is %s", st.Case.State)
	}
	_, err = o.tg.Say(ledgertest.Budget, ledgertest.Budget, "The contract has ended <b>", question.ID)
	must(t, err)
	o.sees(t, ledgertest.Budget, "❌ Rejected", "The contract has ended <b>")
	o.sees(t, ledgertest.Requester, "Rejected", "The contract has ended")
	o.sees(t, groupID, "❌ Rejected")
	late, err := o.tg.Forge(ledgertest.Budget, ledgertest.Budget, question.ID, question.Keyboard[0][0].Data)
	must(t, err)
	if a, err := late.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "already decided: rejected") {
		t.Errorf("a button of the settled question: %q, %v", a.Text, err)
	}
}

func TestQuickReasonIsOneTap(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "13")
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget), "❌")
	question := o.sees(t, ledgertest.Budget, "Why are you rejecting")
	o.tap(t, ledgertest.Budget, question, "Duplicate")
	o.sees(t, ledgertest.Requester, "Rejected", "Duplicate")
}

func TestOldButtonVotesForNothingAndNewCardComes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "14")
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget), "✅")
	old := o.card(t, ledgertest.Finance)
	data := old.Keyboard[0][0].Data
	d := ledgertest.Payment("14")
	d.Amount.Minor = 99900
	_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("14"), Document: d})
	must(t, err)
	forged, err := o.tg.Forge(ledgertest.Finance, ledgertest.Finance, old.ID, data)
	must(t, err)
	a, err := forged.Wait(t.Context())
	must(t, err)
	if !strings.Contains(a.Text, "changed") {
		t.Errorf("old button: %q", a.Text)
	}
	o.sees(t, ledgertest.Budget, "999.00", "Changed since")
	o.sees(t, ledgertest.Finance, "no longer valid")
}

func TestTapsThatMustNotCountAreAnsweredInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "15")
	card := o.card(t, ledgertest.Budget)
	data := card.Keyboard[0][0].Data
	o.tg.User(6666, "Mallory", "en")
	_, err := o.tg.StartBot(6666, "")
	must(t, err)
	for name, c := range map[string]struct {
		account, chat int64
		data, want    string
	}{
		"a stranger":          {6666, 6666, data, "do not know your account"},
		"somebody not asked":  {ledgertest.Treasurer, ledgertest.Treasurer, data, "not asked"},
		"in the group":        {ledgertest.Budget, groupID, data, "private chat"},
		"garbage":             {ledgertest.Budget, ledgertest.Budget, "x", "no longer valid"},
		"too long":            {ledgertest.Budget, ledgertest.Budget, strings.Repeat("v", 65), "no longer valid"},
		"another case":        {ledgertest.Budget, ledgertest.Budget, strings.Replace(data, "cas_0", "cas_1", 1), "not asked"},
		"a question not open": {ledgertest.Budget, ledgertest.Budget, "q:dlg_00000000000000000000000000:0", "no longer valid"},
	} {
		forged, err := o.tg.Forge(c.account, c.chat, card.ID, c.data)
		must(t, err)
		a, err := forged.Wait(t.Context())
		if err != nil || !strings.Contains(a.Text, c.want) {
			t.Errorf("%s: told %q, %v; want %q", name, a.Text, err, c.want)
		}
	}
	st, err := o.Document(t.Context(), ledgertest.Key("15"))
	must(t, err)
	if st.Case.Events != 2 {
		t.Errorf("the case has %d events, want the 2 that opened it", st.Case.Events)
	}
}

func TestQueueShowsWhatWaits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, "/queue", 0)
	must(t, err)
	o.sees(t, ledgertest.Budget, "Nothing awaits")
	o.Post(t, "16")
	o.card(t, ledgertest.Budget)
	_, err = o.tg.Say(ledgertest.Budget, ledgertest.Budget, "/queue", 0)
	must(t, err)
	o.sees(t, ledgertest.Budget, "1 document awaits", "16", "Landlord LLC")
}

func TestCardLostInACrashIsAdoptedByATap(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.tg.FailNext("sendMessage", telegramtest.Lose()) // sent, and the answer lost
	o.Post(t, "17")
	first := o.card(t, ledgertest.Budget)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must(t, o.tg.WaitFor(ctx, func() bool {
		n := 0
		for _, m := range o.tg.Messages(ledgertest.Budget) {
			if _, ok := m.Button("✅"); ok {
				n++
			}
		}
		return n == 2
	}))
	o.tap(t, ledgertest.Budget, first, "✅")
	must(t, o.tg.WaitFor(ctx, func() bool {
		for _, m := range o.tg.Messages(ledgertest.Budget) {
			if _, ok := m.Button("✅"); ok {
				return false
			}
		}
		return true
	}))
}
