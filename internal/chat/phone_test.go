package chat_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/markup"
	"countersign/internal/people"
	"countersign/internal/screen"
	"countersign/internal/seal"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/wake"
)

const phone = "☎️"

// numberOf is the telephone number of an account.
func numberOf(account int64) string { return fmt.Sprint("+49301000", account) }

// switchboard is an office with a telephone exchange, and cards that lead there. Phones ring
// when a test says so.
func switchboard(t *testing.T) (*office, *asterisktest.Server) {
	t.Helper()
	o := newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)), func(o *office) { o.look.Phone = true })
	pbx, err := asterisktest.Open(t.Context(), asterisktest.Options{})
	must(t, err)
	t.Cleanup(func() { _ = pbx.Close() })
	line, err := asterisk.New(asterisk.Options{
		Address: pbx.Addr(), User: asterisktest.User, Secret: asterisktest.Secret, Now: time.Now, Timeout: 5 * time.Second,
		Pause: 10 * time.Millisecond, Longest: 20 * time.Millisecond, Settle: 50 * time.Millisecond, Log: o.door.Log,
	})
	must(t, err)
	key, err := seal.Start(t.Context(), o.Pool, seal.Options{File: filepath.Join(t.TempDir(), "seal.key"), Create: true})
	must(t, err)
	rules := audiodesk.DefaultRules()
	rules.Prefixes = []string{"+4930"}
	o.door.Audio = &audiodesk.Desk{
		Store: &audiodesk.Store{Pool: o.Pool}, Exchange: line, Seal: key, Ledger: o.DB, GroupLang: "en", Notices: o.board.Store, Telegram: o.door.Telegram,
		Pace: o.door.Pace, Texts: o.texts, Zone: time.UTC, Directory: o.Directory.Snapshot, Rules: rules, Bell: &wake.Bell{}, Now: o.door.Now, Log: o.door.Log,
	}
	o.door.Notices.Bell = &wake.Bell{}
	o.door.Desks = map[string]screen.Desk{audiodesk.Command: o.door.Audio.Hosted()}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var up sync.WaitGroup
	up.Go(func() { _ = line.Run(ctx) })
	t.Cleanup(func() { cancel(); up.Wait() })
	o.wait(t, func() bool { return line.State().Up })
	return o, pbx
}

// share shares somebody's own number.
func (o *office) share(t *testing.T, account int64) {
	t.Helper()
	_, err := o.tg.Post(telegramtest.Said{UserID: account, ChatID: account, Phone: numberOf(account), PhoneOwner: account})
	must(t, err)
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from audio_number where account = $1`, account) == 1
	})
}

func TestADocumentIsDiscussedByPhoneByThoseWhoTakePart(t *testing.T) {
	t.Parallel()
	o, pbx := switchboard(t)
	o.tg.User(6666, "Mallory", "en")
	o.Post(t, "4711")
	m := o.panel(t, ledgertest.Budget, phone)
	mine := o.panel(t, ledgertest.Requester, phone)
	if rows := labels(m); rows[len(rows)-1] != "☎️ Discuss by phone" {
		t.Errorf("under the card: %q", rows)
	}
	tap, _ := m.Button(phone)
	for account, want := range map[int64]string{6666: "do not know your account", ledgertest.Treasurer: "no document here that you may see", ledgertest.Finance: "no document here that you may see"} {
		if a := o.forge(t, account, 1, tap.Data); !strings.Contains(a.Text, want) || !a.Alert {
			t.Errorf("%d is told %+v", account, a)
		}
	}
	if a := o.tap(t, ledgertest.Budget, m, phone); !strings.Contains(a.Text, "no number of yours") || !a.Alert {
		t.Errorf("without a number: %+v", a)
	}
	if ask := o.sees(t, ledgertest.Budget, "To call you I need"); ask.Contact == "" {
		t.Errorf("asked by %+v", ask)
	}
	if n := o.count(t, `select (select count(*) from audio_room) + (select count(*) from notice) + (select count(*) from comment)`); n != 0 {
		t.Errorf("%d rows of refusals", n)
	}
	o.share(t, ledgertest.Budget)
	if a := o.tap(t, ledgertest.Budget, m, phone); a.Text != "☎️ 1 phone is being called.\n1 person has given no number: I wrote how to." || !a.Alert {
		t.Errorf("told %+v", a)
	}
	o.rings(t)
	own, asked := o.panel(t, ledgertest.Budget, "Open the room"), o.panel(t, ledgertest.Requester, "Give my number")
	if !strings.Contains(own.Text, "You asked the others") || !strings.Contains(asked.Text, "Pyotr Petrov asks you to talk by telephone\nPayment request No. 4711 · Landlord LLC\nI have no number") {
		t.Errorf("told %q and %q", own.Text, asked.Text)
	}
	o.tap(t, ledgertest.Requester, asked, "Give my number")
	o.sees(t, ledgertest.Requester, "To call you I need")
	o.share(t, ledgertest.Requester)
	if a := o.tap(t, ledgertest.Requester, mine, phone); a.Text != "☎️ 1 phone is being called." || a.Alert {
		t.Errorf("she joins: %+v", a)
	}
	must(t, o.door.Audio.Dial(t.Context()))
	calls := map[string]bool{}
	for _, c := range pbx.Calls() {
		calls[c.Room] = true
	}
	if len(calls) != 1 || pbx.Dials(numberOf(ledgertest.Budget)) != 1 || pbx.Dials(numberOf(ledgertest.Requester)) != 1 {
		t.Errorf("calls: %+v", pbx.Calls())
	}
	for _, account := range []int64{groupID, ledgertest.Treasurer, ledgertest.Finance} {
		for _, m := range o.tg.Messages(account) {
			if _, there := m.Button(phone); there || strings.Contains(m.Text, "by telephone\n") {
				t.Errorf("%d reads %q", account, m.Text)
			}
		}
	}
	o.onTheTimeline(t)
	o.deputyDiscusses(t)
	o.Vote(t, "4711", ledgertest.Second, approval.Reject, "No")
	if a := o.forge(t, ledgertest.Budget, m.ID, tap.Data); !strings.Contains(a.Text, "is decided") || !a.Alert {
		t.Errorf("after the end: %+v", a)
	}
	o.noExchange(t, m.ID, tap.Data)
}

// onTheTimeline: who sees the document reads of the talk.
func (o *office) onTheTimeline(t *testing.T) {
	t.Helper()
	if got := o.thread(t, "4711"); len(got) != 1 || got[0] != "comment Pyotr Petrov: ☎️ calls the others to talk by telephone" {
		t.Errorf("the timeline: %q", got)
	}
	o.sees(t, ledgertest.Requester, "4711", "💬 Pyotr Petrov", "☎️ calls the others")
	o.say(t, ledgertest.Requester, "/who 4711")
	o.sees(t, ledgertest.Requester, "☎️ calls the others")
}

// deputyDiscusses: who is asked for another is one of those of the case, and comes to the room
// that is there.
func (o *office) deputyDiscusses(t *testing.T) {
	t.Helper()
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	from, _ := dir.Find("petrov")
	to, _ := dir.Find("orlova")
	now := o.tg.Clock().Now()
	_, _, err = o.Directory.Delegate(t.Context(), "test", directory.NewDelegation{Delegation: people.Delegation{
		Principal: from.ID, Deputy: to.ID, From: now, Until: now.Add(time.Hour), Hands: 1,
	}})
	must(t, err)
	must(t, o.DB.StandIn(t.Context()))
	card := o.panel(t, ledgertest.Second, phone)
	o.share(t, ledgertest.Second)
	if a := o.tap(t, ledgertest.Second, card, phone); a.Text != "☎️ 1 phone is being called." {
		t.Errorf("the deputy is told %q", a.Text)
	}
	if rooms, calls := o.count(t, `select count(*) from audio_room`), o.count(t, `select count(*) from audio_call`); rooms != 1 || calls != 3 {
		t.Errorf("%d rooms, %d calls", rooms, calls)
	}
}

// noExchange: where there is none any more, an old card says so.
func (o *office) noExchange(t *testing.T, message int64, data string) {
	t.Helper()
	o.door.Audio.Rules.Prefixes = nil
	if a := o.forge(t, ledgertest.Budget, message, data); !strings.Contains(a.Text, "not set up here") {
		t.Errorf("told %q", a.Text)
	}
	o.door.Administrator = func(context.Context, people.Person) (bool, error) { return true, nil }
	if a := o.forge(t, ledgertest.Budget, message, data); !strings.Contains(a.Text, "in the configuration: asterisk.prefixes.") {
		t.Errorf("told %q", a.Text)
	}
	o.door.Audio = nil
	if a := o.forge(t, ledgertest.Budget, message, data); !strings.Contains(a.Text, "asterisk.mode, asterisk.prefixes") {
		t.Errorf("told %q", a.Text)
	}
}

// Of a desk's question and a field of a delegation that is to be written, the one that was put
// last takes what is said; what replies to a question answers that one.
func TestOfTheFormAndADesksQuestionTheNewestIsAnswered(t *testing.T) {
	t.Parallel()
	o, _ := switchboard(t)
	o.say(t, ledgertest.Budget, "/rooms")
	rooms := o.panel(t, ledgertest.Budget, "New room")
	o.tap(t, ledgertest.Budget, rooms, "New room")
	rooms = o.panel(t, ledgertest.Budget, "Private, with names")
	o.tap(t, ledgertest.Budget, rooms, "Private, with names")
	name := o.sees(t, ledgertest.Budget, "What is the room called?")
	o.say(t, ledgertest.Budget, "/delegate")
	o.press(t, ledgertest.Budget, "New delegation")
	o.press(t, ledgertest.Budget, "Company")
	o.sees(t, ledgertest.Budget, "Write")
	o.say(t, ledgertest.Budget, "LLC-A")
	o.wait(t, func() bool { return o.count(t, `select count(*) from delegation_draft where company = 'LLC-A'`) == 1 })
	if n := o.count(t, `select count(*) from audio_ask where what = 'name' and name = ''`); n != 1 {
		t.Error("the company became the name of a room")
	}
	_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, "Team", name.ID)
	must(t, err)
	o.sees(t, ledgertest.Budget, "Room: Team\nSet its PIN")
	o.press(t, ledgertest.Budget, "Company")
	o.tap(t, ledgertest.Budget, rooms, "Private, with names") // the newest again
	o.wait(t, func() bool {
		return o.count(t, `select count(*) from audio_ask where what = 'name' and message > $1`, name.ID) == 1
	})
	o.say(t, ledgertest.Budget, "Lunch")
	o.sees(t, ledgertest.Budget, "Room: Lunch\nSet its PIN")
	if n := o.count(t, `select count(*) from delegation_draft where company = 'LLC-A'`); n != 1 {
		t.Error("the name of a room became a company")
	}
}

// TestTalksByPhoneReadAsWritten shows what is told about them in each language.
func TestTalksByPhoneReadAsWritten(t *testing.T) {
	t.Parallel()
	o, _ := switchboard(t)
	for _, tag := range []string{"en", "ru", "de", "es"} {
		o.door.GroupLang, o.door.Audio.GroupLang = tag, tag
		a := &album{t: t, tag: tag, office: o}
		a.speak(tag)
		_, err := o.Pool.Exec(t.Context(), `delete from audio_number`)
		must(t, err)
		id := "4711-" + tag
		o.Post(t, id)
		o.wait(t, func() bool { return strings.Contains(o.panel(t, ledgertest.Budget, phone).Text, id) })
		card := o.panel(t, ledgertest.Budget, phone)
		a.opened("without a number", card, phone)
		a.shown("given", ledgertest.Budget, func() { o.share(t, ledgertest.Budget) })
		a.answered("called", card, phone)
		a.shown("who asks", ledgertest.Budget, func() { o.rings(t) })
		a.keep("who is asked, without a number", o.panel(t, ledgertest.Requester, "☎️"))
		o.share(t, ledgertest.Requester)
		a.answered("the other joins", card, phone)
		a.shown("who is asked", ledgertest.Requester, func() { o.rings(t) })
		a.answered("all are called", card, phone)
		o.Vote(t, id, ledgertest.Budget, approval.Reject, "No")
		a.answered("decided", card, phone)
		must(t, o.door.Audio.Conclude(t.Context()))
		fmt.Fprintf(&a.text, "=== on the timeline\n%s\n\n", strings.Join(o.thread(t, id), "\n"))
		a.phrases()
		goldentest.Same(t, "phones."+tag, a.text.String())
		if strings.Contains(a.text.String(), "{{") {
			t.Errorf("%s: a placeholder is left in a text", tag)
		}
	}
}

// phrases: what takes a limit, or a fault, to be said.
func (a *album) phrases() {
	lang := a.texts.For(a.tag)
	data := map[string]any{"Name": "Anna Ivanova", "Topic": "Payment 4711", "Settings": "asterisk.mode", "Time": lang.Duration(12 * time.Minute)}
	for key := range strings.FieldsSeq(`elsewhere prefix daily daily_all away locked missing unheld`) {
		fmt.Fprintf(&a.text, "=== %s\n%s\n\n", key, lang.T("audio.discuss."+key, data))
	}
	told := ""
	for key := range strings.FieldsSeq(`called numberless unable`) {
		told += lang.N("audio.discuss."+key, 120, nil) + "\n"
	}
	if n := markup.Len16(told); n > 200 { // the messenger cuts the rest of an answer off
		a.t.Errorf("%s: %d characters in answer to a tap: %s", a.tag, n, told)
	}
	for key := range strings.FieldsSeq(`called numberless unable over`) {
		for _, n := range []int{1, 2, 5} {
			fmt.Fprintf(&a.text, "=== %s, %d\n%s\n\n", key, n, lang.N("audio.discuss."+key, n, data))
		}
	}
}

// Of a reason that was asked for and a field of a delegation, too: a company must not become the
// reason of a rejection, nor a reason a company.
func TestOfTheFormAndAReasonTheNewestIsAnswered(t *testing.T) {
	t.Parallel()
	o, _ := switchboard(t)
	o.Post(t, "4711")
	card := o.card(t, ledgertest.Budget, "4711")
	o.tap(t, ledgertest.Budget, card, "❌")
	why := o.sees(t, ledgertest.Budget, "Why are you rejecting it?")
	o.say(t, ledgertest.Budget, "/delegate")
	o.press(t, ledgertest.Budget, "New delegation")
	o.press(t, ledgertest.Budget, "Company")
	o.say(t, ledgertest.Budget, "LLC-A")
	o.wait(t, func() bool { return o.count(t, `select count(*) from delegation_draft where company = 'LLC-A'`) == 1 })
	rejected := `select count(*) from approval_case where state = 'rejected'`
	if n := o.count(t, rejected); n != 0 {
		t.Fatal("the company became the reason of a rejection")
	}
	o.press(t, ledgertest.Budget, "Company")
	_, err := o.tg.Say(ledgertest.Budget, ledgertest.Budget, "Wrong account", why.ID) // what replies to it is the reason
	must(t, err)
	o.wait(t, func() bool { return o.count(t, rejected) == 1 })

	o.Post(t, "4712")
	o.tap(t, ledgertest.Budget, o.card(t, ledgertest.Budget, "4712"), "❌") // now the reason is the newest
	o.wait(t, func() bool { return o.count(t, `select count(*) from dialog where cardinality(messages) > 0`) == 2 })
	o.say(t, ledgertest.Budget, "Too dear")
	o.wait(t, func() bool { return o.count(t, rejected) == 2 })
	if n := o.count(t, `select count(*) from delegation_draft where company = 'LLC-A'`); n != 1 {
		t.Error("the reason became a company")
	}
}
