package audiodesk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/telegram/telegramtest"
)

func TestAPhoneIsCalledIntoARoomAndTheScreenFollows(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	room := o.newRoom(t, ivan, "Public, with names", "Morning <b>talk</b>\n& more", "")
	if !strings.Contains(room.HTML, "Morning &lt;b&gt;talk&lt;/b&gt; &amp; more") || !strings.Contains(room.Text, "0 people are in it") {
		t.Fatalf("the new room is\n%s", room.HTML)
	}
	list := o.open(t, anna, "/rooms")
	o.tap(t, anna, list, "Morning")
	mine := o.shows(t, list, "Public room · with names")
	if told := strings.Join(labels(mine), "|"); strings.Contains(told, "Close") || strings.Contains(told, "Lock") {
		t.Errorf("a guest is offered %s", told)
	}
	o.tap(t, anna, mine, "Call me")
	asked := o.sees(t, anna, "To call you I need your phone number")
	if asked.Contact == "" {
		t.Fatalf("no button shares the number: %+v", asked)
	}
	if n := o.count(t, `select count(*) from audio_call`); n != 0 {
		t.Errorf("%d calls without a number", n)
	}
	o.refusedNumbers(t, asked)
	if kept := o.share(t, anna, "+"+annasPhone); !strings.Contains(kept.Text, "Thank you") || !kept.Bare {
		t.Fatalf("the number was answered by %+v", kept)
	}
	o.pbx.Phone(annasPhone, 5) // never answers by itself
	if told := o.tap(t, anna, mine, "Call me"); told.Text != "I am calling your phone." {
		t.Errorf("told %+v", told)
	}
	o.shows(t, mine, "Your phone is ringing")
	if !o.pbx.PickUp(annasPhone) {
		t.Fatal("nothing rings")
	}
	o.shows(t, mine, "You are in the room", "1 person is in it", "Anna Ivanova (you)")
	o.shows(t, room, "1 person is in it", "Anna Ivanova")
	if now, _ := o.tg.Message(anna, mine.ID); strings.Contains(strings.Join(labels(now), "|"), "Call me") {
		t.Error("whoever is in a room is offered another call")
	}
	o.pbx.HangUp(annasPhone)
	o.shows(t, mine, "Your call has ended", "0 people are in it")
	o.pbx.Phone(annasPhone, 0)
	o.tap(t, anna, mine, "Call me back")
	o.shows(t, mine, "You are in the room", "1 person is in it")
	if n := o.pbx.Dials(annasPhone); n != 2 {
		t.Errorf("%d calls for two taps", n)
	}
	o.shows(t, room, "1 person is in it")
	o.discreet(t, annasPhone)
	o.quiet(t, room)
}

// refusedNumbers: only one's own number counts.
func (o *office) refusedNumbers(t *testing.T, asked telegramtest.Message) {
	t.Helper()
	for _, c := range []struct {
		said telegramtest.Said
		want string
	}{
		{telegramtest.Said{Phone: "+" + pyotrsPhone, PhoneOwner: pyotr}, "somebody else's number"},
		{telegramtest.Said{Phone: "+" + pyotrsPhone}, "somebody else's number"},
		{telegramtest.Said{Phone: "+" + annasPhone, PhoneOwner: anna, Forwarded: true}, "A forwarded number is not taken"},
		{telegramtest.Said{Phone: "+9995550100", PhoneOwner: anna}, "Numbers that begin like yours are not called"},
		{telegramtest.Said{Phone: "+49301\r\nAction: x", PhoneOwner: anna}, "does not look like a telephone number"},
		{telegramtest.Said{Text: "+49 30 100001"}, "A typed number is not taken"},
		{telegramtest.Said{Text: "+49 30 100001", ReplyTo: asked.ID}, "A typed number is not taken"},
	} {
		c.said.UserID, c.said.ChatID = anna, anna
		id, err := o.tg.Post(c.said)
		must(t, err)
		if got := o.after(t, anna, id); !strings.Contains(got.Text, c.want) {
			t.Errorf("%+v is answered %q, want %q", c.said, got.Text, c.want)
		}
	}
	if n := o.count(t, `select count(*) from audio_number`); n != 0 {
		t.Errorf("%d numbers are kept", n)
	}
}

// discreet: a number stands in no row in the clear, and in no message of the bot's.
func (o *office) discreet(t *testing.T, phone string) {
	t.Helper()
	for _, table := range []string{"audio_number", "audio_call", "audio_presence", "audio_room", "audio_ask", "audio_act", "audio_button", "audio_screen"} {
		if n := o.count(t, fmt.Sprintf(`select count(*) from %s x where x::text like '%%' || $1 || '%%' or x::text like '%%' || encode($1::bytea, 'hex') || '%%'`, table), phone); n != 0 {
			t.Errorf("%s tells the number", table)
		}
	}
	o.wait(t, "no update keeps the number", func() bool {
		return o.count(t, `select count(*) from telegram_update where strpos(convert_from(body, 'UTF8'), $1) > 0`, phone) == 0
	})
	for _, account := range []int64{anna, pyotr, olga, ivan, maria} {
		for _, m := range o.tg.Messages(account) {
			if m.From == o.tg.BotID() && strings.Contains(m.HTML, phone) {
				t.Errorf("a message says %s", m.HTML)
			}
		}
	}
}

// quiet: nothing is sent where nothing changed.
func (o *office) quiet(t *testing.T, m telegramtest.Message) {
	t.Helper()
	before := len(o.tg.CallsOf("editMessageText"))
	for range 3 {
		_, err := o.Pool.Exec(t.Context(), `update audio_room set version = version + 1`) // as by what only another is shown
		must(t, errors.Join(err, o.desk.Reconcile(t.Context()), o.desk.Draw(t.Context())))
	}
	for _, c := range o.tg.CallsOf("editMessageText")[before:] {
		if c.Params["message_id"] == fmt.Sprint(m.ID) {
			t.Errorf("drawn again: %s", c.Params["text"])
		}
	}
}

func TestEveryEndOfACallIsSaidInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	m := o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "Hall")
	o.shows(t, m, "Public room")
	button := "Call me"
	for phone, want := range map[int]string{1: "Your phone was busy", 2: "does not know your number", 3: "declined on your phone", 4: "no free line"} {
		o.pbx.Phone(annasPhone, asterisktest.Phone(phone))
		o.tap(t, anna, m, button)
		o.shows(t, m, want)
		button = "Call me back"
	}
	o.pbx.Phone(annasPhone, asterisktest.Phone(5))
	o.tap(t, anna, m, button)
	o.shows(t, m, "Your phone is ringing")
	if a := o.forge(t, anna, m, o.button(t, anna, "join")); !a.Alert || !strings.Contains(a.Text, "already in progress") {
		t.Errorf("a second call is answered %+v", a)
	}
	o.pbx.GiveUp(annasPhone)
	o.shows(t, m, "You did not pick up")
	must(t, o.pbx.Stop())
	o.wait(t, "the line is down", func() bool { return !o.desk.Exchange.State().Up })
	o.tap(t, anna, m, button)
	o.shows(t, m, "The telephone exchange does not answer. You were not called")
}

// button is the data of somebody's button for something, of those that he was ever shown.
func (o *office) button(t *testing.T, account int64, verb string) (data string) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), `select 'm:rooms:' || token from audio_button where person_id = $1 and verb = $2 order by expires_at desc limit 1`,
		o.person(t, account).ID, verb).Scan(&data))
	return data
}
