package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/meet"
	"countersign/internal/pages/pagestest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

const discuss = "📹 Discuss"

// cinema is an office with a video server, and cards that lead there.
func cinema(t *testing.T) (*office, *trueconftest.Server, *httptest.Server) {
	t.Helper()
	o := newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)), func(o *office) { o.look.Meet = true })
	video, web := o.studio(t)
	video.PutUser(trueconftest.User{ID: "ivanova"}, trueconftest.User{ID: "sidorova"})
	return o, video, web
}

// rings sends what is to be told.
func (o *office) rings(t *testing.T) {
	t.Helper()
	_, err := o.board.RunOnce(t.Context())
	must(t, err)
}

// link is the address that the newest message with a way in leads to.
func (o *office) link(t *testing.T, account int64) string {
	t.Helper()
	m := o.panel(t, account, "🎥 Open")
	b, _ := m.Button("🎥 Open")
	return b.URL
}

// unplug takes the video server off the network.
func (o *office) unplug(t *testing.T) {
	t.Helper()
	srv, err := trueconf.Open(trueconf.Options{Name: "Clinic", Address: "http://127.0.0.1:1", AccessToken: "x", Engine: "-", Now: o.tg.Clock().Now, Pause: time.Millisecond})
	must(t, err)
	t.Cleanup(srv.Close)
	o.door.Meet.Servers = map[string]*trueconf.Server{"Clinic": srv}
}

// alone disconnects all others from Telegram.
func (o *office) alone(t *testing.T) {
	t.Helper()
	for _, id := range []string{"ivanova", "sidorova", "kozlov", "orlova"} {
		e, err := o.Directory.User(t.Context(), id)
		must(t, err)
		must(t, o.Directory.Unlink(t.Context(), "test", e.ID, "a new telephone"))
	}
}

// invited counts the invitations in a chat.
func (o *office) invited(account int64) (n int) {
	for _, m := range o.tg.Messages(account) {
		if _, there := m.Button("🎥 Take me in"); there {
			n++
		}
	}
	return n
}

func TestADocumentIsDiscussedOnVideoByThoseWhoTakePart(t *testing.T) {
	t.Parallel()
	o, video, web := cinema(t)
	o.Post(t, "4711")
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget), "✅")
	if first := o.card(t, ledgertest.Finance).Keyboard[0]; len(first) != 2 || !strings.HasPrefix(first[0].Text, "✅") || !strings.HasPrefix(first[1].Text, "❌") {
		t.Errorf("first row: %+v", first)
	}
	a := o.tap(t, ledgertest.Finance, o.panel(t, ledgertest.Finance, discuss), discuss)
	if !strings.Contains(a.Text, "ready") {
		t.Fatalf("told %q", a.Text)
	}
	o.rings(t)
	for account, name := range map[int64]string{ledgertest.Requester: "Anna Ivanova", ledgertest.Budget: "Pyotr Petrov", ledgertest.Finance: "Olga Sidorova"} {
		m := o.panel(t, account, "🎥 Take me in")
		if !strings.Contains(m.Text, "Payment request No. 4711 · Landlord LLC") || (account == ledgertest.Finance) == strings.Contains(m.Text, "Olga Sidorova asks you") {
			t.Errorf("%s reads %q", name, m.Text)
		}
		o.tap(t, account, m, "🎥 Take me in")
		at := o.link(t, account)
		b := pagestest.Open(t, web)
		if p := b.Get(at); p.Status != http.StatusOK || !strings.Contains(p.Body, `value="`+name+`"`) || !strings.Contains(p.Body, "readonly") {
			t.Errorf("%s comes to %d %.300s", name, p.Status, p.Body)
		}
		if p := b.Post(at+"/join", url.Values{"name": {"Somebody else"}}); p.Status != http.StatusOK || !strings.Contains(p.Body, `"state":"in"`) {
			t.Errorf("%s: %d %s", name, p.Status, p.Body)
		}
		token := at[strings.LastIndex(at, "/")+1:]
		if n := o.count(t, `select count(*) from notice n, notice_message m where n::text like '%'||$1||'%' or m::text like '%'||$1||'%'`, token); n != 0 {
			t.Errorf("the link of %s is kept %d times", name, n)
		}
	}
	if all := video.Conferences(); len(all) != 1 || all[0].Owner != "sidorova" || !strings.Contains(all[0].Topic, "4711") {
		t.Errorf("conferences: %+v", all)
	}
	for _, account := range []int64{ledgertest.Treasurer, ledgertest.Second, groupID} {
		if o.invited(account) != 0 {
			t.Errorf("%d was called", account)
		}
	}
	if got := o.thread(t, "4711"); len(got) != 1 || got[0] != "comment Olga Sidorova: 📹 calls the others to a video meeting" {
		t.Errorf("the talk: %q", got)
	}
	o.sees(t, ledgertest.Requester, "4711", "💬 Olga Sidorova", "calls the others")
}

// TestWhoeverTapsOnTheSameDocumentComesToTheSameMeeting: and whoever is asked later is called
// to it when somebody taps again.
func TestWhoeverTapsOnTheSameDocumentComesToTheSameMeeting(t *testing.T) {
	t.Parallel()
	o, _, _ := cinema(t)
	o.Post(t, "4711")
	cards := map[int64]telegramtest.Message{ledgertest.Budget: o.panel(t, ledgertest.Budget, discuss), ledgertest.Requester: o.panel(t, ledgertest.Requester, discuss)}
	var wg sync.WaitGroup
	for account, m := range cards {
		data, _ := m.Button(discuss)
		for range 3 {
			wg.Go(func() { o.forge(t, account, m.ID, data.Data) })
		}
	}
	wg.Wait()
	o.rings(t)
	if n := o.count(t, `select count(*) from meeting`); n != 1 {
		t.Errorf("%d meetings", n)
	}
	for account := range cards {
		o.panel(t, account, "🎥 Take me in")
		if n := o.invited(account); n != 1 {
			t.Errorf("%d was called %d times", account, n)
		}
		o.panel(t, account, "🎥 Open") // what the taps after the first give
	}
	if got := o.thread(t, "4711"); len(got) != 1 {
		t.Errorf("the talk: %q", got)
	}
	o.tap(t, ledgertest.Budget, cards[ledgertest.Budget], "✅")
	later := o.panel(t, ledgertest.Finance, discuss)
	if a := o.tap(t, ledgertest.Finance, later, discuss); !strings.Contains(a.Text, "ready") {
		t.Errorf("told %q", a.Text)
	}
	o.rings(t)
	o.panel(t, ledgertest.Finance, "🎥 Take me in")
	if m, l := o.count(t, `select count(*) from meeting`), o.count(t, `select count(*) from meeting_link`); m != 1 || l != 3 || o.invited(ledgertest.Budget) != 1 {
		t.Errorf("%d meetings with %d links", m, l)
	}
}

// TestAMeetingIsForThoseOfTheCaseWhileItIsOpen: the right is looked up at the tap, whatever
// the card said when it was sent.
func TestAMeetingIsForThoseOfTheCaseWhileItIsOpen(t *testing.T) {
	t.Parallel()
	o, _, web := cinema(t)
	o.tg.User(6666, "Mallory", "en")
	o.Post(t, "4711")
	m := o.panel(t, ledgertest.Budget, discuss)
	b, _ := m.Button(discuss)
	for account, want := range map[int64]string{6666: "do not know your account", ledgertest.Treasurer: "no document here that you may see", ledgertest.Finance: "no document here that you may see"} {
		if a := o.forge(t, account, 1, b.Data); !strings.Contains(a.Text, want) {
			t.Errorf("%d is told %q", account, a.Text)
		}
	}
	o.tap(t, ledgertest.Budget, m, discuss)
	o.rings(t)
	card := o.panel(t, ledgertest.Requester, "🎥 Take me in")
	join, _ := card.Button("🎥 Take me in")
	if a := o.forge(t, ledgertest.Budget, 1, join.Data); !strings.Contains(a.Text, "somebody else") {
		t.Errorf("by the invitation of another: %q", a.Text)
	}
	o.tap(t, ledgertest.Requester, card, "🎥 Take me in")
	at := o.link(t, ledgertest.Requester)
	o.Vote(t, "4711", ledgertest.Budget, approval.Reject, "No")
	o.wait(t, func() bool { now, _ := o.tg.Message(ledgertest.Budget, m.ID); return len(now.Keyboard) == 0 })
	if a := o.forge(t, ledgertest.Budget, m.ID, b.Data); !strings.Contains(a.Text, "is decided") {
		t.Errorf("after the end: %q", a.Text)
	}
	if p := pagestest.Open(t, web).Get(at); p.Status != http.StatusOK { // whoever talks may end it in peace
		t.Errorf("the link ended with the case: %d", p.Status)
	}
	must(t, o.Directory.Deactivate(t.Context(), "test", "ivanova", "left"))
	if p := pagestest.Open(t, web).Get(at); p.Status != http.StatusGone {
		t.Errorf("somebody who left comes to %d", p.Status)
	}
	o.tg.Clock().Advance(2 * time.Hour)
	if a := o.forge(t, ledgertest.Budget, 1, o.joinOf(t, ledgertest.Budget)); !strings.Contains(a.Text, "is over") {
		t.Errorf("when its time is over: %q", a.Text)
	}
}

func (o *office) joinOf(t *testing.T, account int64) string {
	t.Helper()
	return data(t, o.panel(t, account, "🎥 Take me in"), "🎥 Take me in")
}

func TestAVideoServerThatIsAwayIsToldInWordsAndNobodyIsCalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ill  func(o *office, v *trueconftest.Server)
		want string
	}{
		"away": {func(o *office, _ *trueconftest.Server) { o.unplug(t) }, "does not answer, so nobody was called"},
		"in trouble": {func(_ *office, v *trueconftest.Server) {
			v.Break(trueconftest.OneUser, trueconftest.Trouble{Fault: trueconftest.Trouble5})
		}, "so nobody was called"},
		"knows nobody": {func(o *office, _ *trueconftest.Server) { o.door.Meet.Rules.Users = meet.Mail }, "does not know you"},
		"is not set":   {func(o *office, _ *trueconftest.Server) { o.door.Meet.Rules.Server = "" }, "are not set up here"},
		"is not set, to administrators": {func(o *office, _ *trueconftest.Server) {
			o.door.Meet.Rules.Server = ""
			o.door.Administrator = func(context.Context, people.Person) (bool, error) { return true, nil }
		}, "in the configuration: meet.server."},
		"nobody else": {func(o *office, _ *trueconftest.Server) {
			_ = o.Directory.UnlinkUser(context.Background(), "test", "ivanova", "test")
		}, "nobody can be called"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, video, _ := cinema(t)
			o.Post(t, "4711")
			m := o.panel(t, ledgertest.Budget, discuss)
			c.ill(o, video)
			if a := o.tap(t, ledgertest.Budget, m, discuss); !strings.Contains(a.Text, c.want) || !a.Alert {
				t.Errorf("told %+v", a)
			}
			if n := o.count(t, `select (select count(*) from meeting) + (select count(*) from notice) + (select count(*) from comment)`); n != 0 {
				t.Errorf("%d rows were left", n)
			}
		})
	}
}

// TestKilledAtEveryArrowAMeetingIsMadeAndEverybodyCalledOnce: the update comes again to
// whoever lives.
func TestKilledAtEveryArrowAMeetingIsMadeAndEverybodyCalledOnce(t *testing.T) {
	t.Parallel()
	o, _, _ := cinema(t)
	kills, update := 0, int64(990_000)
	for n, killed := 1, true; killed; n++ {
		id := fmt.Sprintf("kill-%03d", n)
		o.Post(t, id)
		o.wait(t, func() bool { return strings.Contains(o.panel(t, ledgertest.Budget, discuss).Text, id) })
		m := o.panel(t, ledgertest.Budget, discuss)
		b, _ := m.Button(discuss)
		update++
		it := &inbox.Item{ID: update, Body: []byte(button(o, update, m.ID, b.Data)), Attempt: 1}
		killed = o.killed(t, n, func(ctx context.Context, v *office) error {
			desk := *o.door.Meet
			desk.Store, desk.Directory = &meet.Store{Pool: v.Pool, Notices: v.board.Store}, v.Directory
			v.door.Meet = &desk
			_, err := v.door.Handle(ctx, it)
			return err
		})
		if killed {
			kills++
			again := *it
			again.Attempt = 2
			_, err := o.door.Handle(t.Context(), &again)
			must(t, err)
		}
		st, err := o.Document(t.Context(), ledgertest.Key(id))
		must(t, err)
		var meetings, links, notices int
		must(t, o.Pool.QueryRow(t.Context(), `select count(distinct m.id), count(distinct l.id), count(distinct n.id) from meeting m join meeting_link l on l.meeting_id = m.id
			left join notice n on n.body::text like '%' || l.id || '%' where m.about = $1`, st.Case.ID).Scan(&meetings, &links, &notices))
		if meetings != 1 || links != 2 || notices != 2 || len(o.thread(t, id)) != 1 {
			t.Errorf("killed after %d messages: %d meetings, %d links, %d invitations, said %q", n, meetings, links, notices, o.thread(t, id))
		}
	}
	if kills < 8 {
		t.Errorf("only %d kills", kills)
	}
}

// TestMeetingsReadAsWritten shows what is told about a meeting in each language.
func TestMeetingsReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			o, video, _ := cinema(t)
			o.door.GroupLang = tag
			a := &album{t: t, tag: tag, office: o}
			a.speak(tag)
			o.Post(t, "4711")
			card := o.panel(t, ledgertest.Budget, "📹")
			a.answered("called", card, "📹")
			called := func(who string, account int64) telegramtest.Message {
				return a.shown(who, account, func() { o.rings(t) })
			}
			own := called("the caller", ledgertest.Budget)
			a.keep("who is called", o.panel(t, ledgertest.Requester, "🎥"))
			a.opened("way in", own, "🎥")
			a.opened("the same from the card", card, "📹")
			said := func(title, data string, ill func()) {
				ill()
				if told := o.forge(t, ledgertest.Budget, card.ID, data); told.Text != "" {
					fmt.Fprintf(&a.text, "=== %s\n(%s)\n\n", title, told.Text)
				}
			}
			tap, _ := card.Button("📹")
			theirs := o.panel(t, ledgertest.Requester, "🎥")
			join, _ := theirs.Button("🎥")
			said("not his", join.Data, func() {})
			o.tg.Clock().Advance(2 * time.Hour)
			mine, _ := own.Button("🎥")
			said("over", mine.Data, func() {})
			a.said(ledgertest.Budget, "/who 4711")
			said("unknown owner", tap.Data, func() { o.door.Meet.Rules.Users = meet.Mail })
			o.door.Meet.Rules.Users = meet.MailName
			said("refused", tap.Data, func() { video.Break(trueconftest.OneUser, trueconftest.Trouble{Fault: trueconftest.Trouble5}) })
			said("away", tap.Data, func() { o.unplug(t) })
			said("off", tap.Data, func() { o.door.Meet.Rules.Server = "" })
			said("off, to an administrator", tap.Data, func() {
				o.door.Administrator = func(context.Context, people.Person) (bool, error) { return true, nil }
			})
			o.door.Meet.Rules.Server = "Clinic"
			said("nobody else", tap.Data, func() { o.alone(t) })
			said("decided", tap.Data, func() { o.Vote(t, "4711", ledgertest.Budget, approval.Reject, "No") })
			goldentest.Same(t, "meetings."+tag, a.text.String())
		})
	}
}

// TestNobodyIsAskedToTalkByAnAccountThatWaits: whoever got hold of a login is not called in its
// owner's name, nor told of the talk.
func TestNobodyIsAskedToTalkByAnAccountThatWaits(t *testing.T) {
	t.Parallel()
	video, _, _ := cinema(t)
	phones, _ := switchboard(t)
	for button, o := range map[string]*office{discuss: video, phone: phones} {
		o.Post(t, "4711")
		mine := o.panel(t, ledgertest.Requester, button)
		must(t, pgx.BeginFunc(t.Context(), o.Pool, func(tx pgx.Tx) error {
			_, err := o.Directory.LinkIn(t.Context(), tx, "link", directory.NewLink{
				Account: 6666, Terms: directory.Terms{Confirm: directory.ByAdmin},
				Proof: directory.Proof{Issuer: "https://login.example", Subject: "petrov", Email: "petrov@example.org"},
			})
			return err
		}))
		if a := o.tap(t, ledgertest.Requester, mine, button); !strings.Contains(a.Text, "Nobody else") {
			t.Errorf("%s: told %+v", button, a)
		}
		b, _ := mine.Button(button)
		o.tg.User(6666, "Mallory", "en")
		if a := o.forge(t, 6666, 1, b.Data); !strings.Contains(a.Text, "not confirmed yet") || !a.Alert {
			t.Errorf("%s: he is told %+v", button, a)
		}
	}
}
