package notice_test

import (
	"bytes"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/handout"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/markup"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

func (o *office) person(t *testing.T, account int64) people.Person {
	t.Helper()
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, ok := dir.ByTelegram(account)
	if !ok {
		t.Fatalf("nobody has account %d", account)
	}
	return p
}

func TestNewsAreSilentInAPersonsOwnQuietHoursAndHisOwnNight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	zone, err := time.LoadLocation("Asia/Tokyo")
	must(t, err)
	for account, set := range map[int64]func(*directory.Setting){
		ledgertest.Budget:    func(s *directory.Setting) { s.Quiet = people.Quiet{From: 11 * 60, To: 13 * 60} },
		ledgertest.Treasurer: func(s *directory.Setting) { s.Zone = zone.String() },
	} {
		_, err := o.Directory.Set(t.Context(), "test", o.person(t, account).ID, set)
		must(t, err)
	}
	all := []int64{ledgertest.Budget, ledgertest.Treasurer, ledgertest.Second}
	to := notice.To{}
	for _, account := range all {
		to.People = append(to.People, o.person(t, account).ID)
	}
	noon := time.Date(2026, 6, 16, 12, 0, 0, 0, time.UTC) // a Tuesday; in Tokyo nobody works any more
	o.Clock.Advance(noon.Sub(o.Clock.Now()))
	o.add(t, line("News", to))
	o.add(t, notice.New{Class: notice.Alarm, To: to, Body: notice.Body{Text: "Alarm"}})
	o.once(t)
	for i, account := range all {
		silent := map[string]bool{}
		for _, m := range o.tg.Messages(account) {
			if m.From == o.tg.BotID() {
				silent[m.Text] = m.Silent
			}
		}
		if want := map[string]bool{"News": i < 2, "Alarm": false}; !reflect.DeepEqual(silent, want) {
			t.Errorf("account %d: silent %v, want %v", account, silent, want)
		}
	}
}

func TestAlarmIsHeardOnceByWhoeverIsMeantInSeveralWays(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ivan := o.person(t, ledgertest.Treasurer)
	o.add(t, notice.New{Class: notice.Alarm, Body: notice.Body{Text: "The bank is away"}, To: notice.To{
		People: []people.ID{ivan.ID, ivan.ID}, Roles: []people.Role{{Name: "treasurer"}, {Name: "treasurer", Scope: "LLC-A"}}, Chats: []string{"Sales", "Sales"},
	}})
	o.once(t)
	o.soon(t)
	o.once(t)
	for _, chat := range []int64{ledgertest.Treasurer, ledgertest.Second, sales} {
		if got := o.said(chat); !slices.Equal(got, []string{"The bank is away"}) {
			t.Errorf("%d heard %q", chat, got)
		}
	}
}

func TestDigestHoldsEveryNoticeWholeInItsOwnTopic(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.tg.Topic(sales, 7, true))
	_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "Topic", TelegramID: sales, Thread: 7, Title: "Sales"})
	must(t, err)
	o.board.Pace.Limits = pace.Limits{PerBot: 1_000_000, PerChat: 1_000_000, PerGroupMinute: 1}
	var want []string
	for i := range 6 {
		text := fmt.Sprintf("%d ", i) + strings.Repeat("долгий рассказ ", 90) + fmt.Sprintf("end %d", i)
		want = append(want, text)
		o.add(t, line(text, chats("Sales")))
	}
	o.add(t, line("for the topic", chats("Topic")))
	o.add(t, line("for the topic too", chats("Topic")))
	for range 2 {
		o.once(t)
		o.soon(t)
	}
	o.board.Pace.Limits.PerGroupMinute = 1000
	o.once(t)
	var whole, topic strings.Builder
	n := 0
	for _, m := range o.tg.Messages(sales) {
		if markup.Len16(m.Text) > 4096 {
			t.Errorf("%d units", markup.Len16(m.Text))
		}
		if m.ThreadID == 7 {
			topic.WriteString(m.Text)
			continue
		}
		n++
		whole.WriteString(m.Text)
	}
	for i, text := range want {
		if strings.Count(whole.String(), text) != 1 {
			t.Errorf("notice %d is there %d times", i, strings.Count(whole.String(), text))
		}
	}
	if n >= len(want) || n < 3 {
		t.Errorf("%d messages for %d notices", n, len(want))
	}
	if got := topic.String(); strings.Contains(got, "рассказ") || got != "2 messages\n• for the topic\n• for the topic too" {
		t.Errorf("the topic has %q", got)
	}
	if o.once(t) != 0 {
		t.Error("something is still in hand")
	}
}

func TestEmojiCountAsTheMessengerCounts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.board.Store.Add(t.Context(), o.Pool, line(strings.Repeat("😀", 1751), chats("Sales"))); err == nil {
		t.Error("longer than the messenger takes, and not refused")
	}
	text := strings.Repeat("😀", 1750)
	id := o.add(t, line(text, chats("Sales")))
	o.once(t)
	if got := o.said(sales); !slices.Equal(got, []string{text}) || len(o.faults(t, id)) != 0 {
		t.Errorf("%d messages, %v", len(got), o.faults(t, id))
	}
}

func TestNoticeIsNotSentToWhomAnAccountOrAChatBelongsNoMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	pyotr := o.person(t, ledgertest.Budget)
	id := o.add(t, line("Hello", notice.To{People: []people.ID{pyotr.ID}, Chats: []string{"Sales", "Operations"}}))
	o.tg.FailNext("sendMessage", telegramtest.Drop(), telegramtest.Drop(), telegramtest.Drop())
	_, _ = o.board.RunOnce(t.Context()) // the messenger is away
	must(t, o.Directory.Unlink(t.Context(), "test", pyotr.ID, "another phone"))
	_, _, err := o.Directory.PutChat(t.Context(), "test", directory.Chat{ExternalID: "Sales", TelegramID: sales, Title: "Sales", Disabled: true})
	must(t, err)
	o.soon(t)
	o.once(t)
	if len(o.said(ledgertest.Budget)) != 0 || len(o.said(sales)) != 0 || len(o.said(operations)) != 1 {
		t.Errorf("%q %q %q", o.said(ledgertest.Budget), o.said(sales), o.said(operations))
	}
	want := map[string]string{"person:petrov": "unlinked", "chat:Sales": "disabled"}
	if got := o.faults(t, id); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestNoticeAboutADocumentTellsEachWhatHeMaySee(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "4711") // Pyotr is asked
	for name, change := range map[string]func(*directory.Chat){
		"Sales":      func(c *directory.Chat) { c.Hidden, c.NoFiles, c.Protect = []string{"amount", "payee"}, true, true },
		"Operations": func(c *directory.Chat) { c.TelegramID, c.Notices = operations, nil },
	} {
		c := directory.Chat{ExternalID: name, TelegramID: sales, Title: name, Notices: []string{"payment_request"}}
		change(&c)
		_, _, err := o.Directory.PutChat(t.Context(), "test", c)
		must(t, err)
	}
	meta, err := o.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader("%PDF-1.4 order"))
	must(t, err)
	n := notice.New{Source: ledgertest.Source, Class: notice.Info, To: notice.To{
		Chats: []string{"Sales", "Operations"}, People: []people.ID{o.person(t, ledgertest.Budget).ID, o.person(t, ledgertest.Second).ID},
	}, Body: notice.Body{Text: "Paid 125 000,00 to LANDLORD LLC\nToday", About: "4711", Files: []notice.File{{SHA256: meta.SHA256, Name: "Landlord LLC.pdf", Size: meta.Size}}}}
	id := o.add(t, n)
	o.once(t)
	o.once(t)
	whole := "Payment request No. 4711 · Rent, June · RUB 125,000.00"
	for chat, want := range map[int64][]string{
		sales:             {"Paid ••• to •••\nToday\nPayment request No. 4711 · Rent, June"},
		operations:        {"Paid 125 000,00 to LANDLORD LLC\nToday", "Landlord LLC.pdf"},
		ledgertest.Budget: {"Paid 125 000,00 to LANDLORD LLC\nToday\n" + whole, "Landlord LLC.pdf"},
		ledgertest.Second: {"Paid 125 000,00 to LANDLORD LLC\nToday", "Landlord LLC.pdf"},
	} {
		got := o.said(chat)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], "\u00a0", " ")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d: %q", chat, got)
		}
	}
	for _, m := range o.tg.Messages(sales) {
		if !m.Protected {
			t.Errorf("can be passed on: %q", m.Text)
		}
	}
	told, err := o.board.Store.Told(t.Context(), ledgertest.Source, id)
	must(t, err)
	for _, r := range told.To {
		if r.ID == "Sales" && !slices.Equal(r.FilesLost, []notice.Why{notice.Withheld}) || r.ID != "Sales" && r.FilesSent != 1 {
			t.Errorf("%+v", r)
		}
	}
}

func TestFileThatIsTooLargeComesAsALink(t *testing.T) {
	t.Parallel()
	for name, links := range map[string]string{"with links": "https://pay.example.org", "without": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.board.MaxFile = 2 << 20
			o.board.Links = &handout.Desk{Store: &handout.Store{Pool: o.Pool}, Directory: o.Directory, Files: o.Files, PublicURL: links, Texts: o.board.Texts, Log: o.board.Log}
			meta, err := o.Files.Put(t.Context(), ledgertest.Source, "", bytes.NewReader(make([]byte, 3<<20)))
			must(t, err)
			n := line("The statement", chats("Sales"))
			n.Source = ledgertest.Source
			n.Body.Files = []notice.File{{SHA256: meta.SHA256, Name: "Выписка за год.zip", Size: meta.Size}}
			id := o.add(t, n)
			o.once(t)
			o.once(t)
			m := o.tg.Messages(sales)
			told, err := o.board.Store.Told(t.Context(), ledgertest.Source, id)
			must(t, err)
			if links == "" {
				if len(m) != 1 || !slices.Equal(told.To[0].FilesLost, []notice.Why{notice.TooLarge}) || told.To[0].State != notice.Sent {
					t.Errorf("%+v %+v", m, told.To)
				}
				return
			}
			if len(m) != 2 || !strings.Contains(m[1].Text, "Выписка за год.zip") || m[1].ReplyTo != m[0].ID || m[1].Document != nil || told.To[0].FilesSent != 1 {
				t.Fatalf("%+v %+v", m, told.To)
			}
			b, _ := m[1].Button("Download")
			if u, err := url.Parse(b.URL); err != nil || u.Host != "pay.example.org" || !strings.HasPrefix(u.Path, "/files/") {
				t.Errorf("leads to %q", b.URL)
			}
			var owner string
			must(t, o.Pool.QueryRow(t.Context(), `select chat from file_link where place = $1`, int64(sales)).Scan(&owner))
			if owner != "Sales" {
				t.Errorf("the link is noted as that of %q", owner)
			}
		})
	}
}
