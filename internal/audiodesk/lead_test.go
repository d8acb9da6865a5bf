package audiodesk_test

import (
	"strings"
	"testing"

	"countersign/internal/asterisk/asterisktest"
)

func TestWhoeverLeadsARoomMutesRemovesLocksAndCloses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	room := o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	guest := o.open(t, anna, "/rooms")
	o.tap(t, anna, guest, "Hall")
	o.tap(t, anna, guest, "Call me")
	o.shows(t, room, "👤 Anna Ivanova")
	o.shows(t, guest, "Anna Ivanova (you)")

	o.tap(t, ivan, room, "🔇 Anna")
	o.shows(t, room, "Anna Ivanova 🔇")
	o.shows(t, guest, "Anna Ivanova (you) 🔇")
	o.tap(t, ivan, room, "🔊 Anna")
	o.wait(t, "she is heard", func() bool { return !o.pbx.Calls()[0].Muted })
	o.shows(t, room, "👤 Anna Ivanova")

	o.tap(t, ivan, room, "🔒 Lock")
	o.shows(t, room, "The room is locked")
	o.shows(t, guest, "The room is locked")
	o.share(t, pyotr, pyotrsPhone)
	late := o.open(t, pyotr, "/rooms")
	o.tap(t, pyotr, late, "Hall")
	if told := o.tap(t, pyotr, late, "Call me"); !told.Alert || !strings.Contains(told.Text, "The room is locked") {
		t.Errorf("whoever is locked out is told %+v", told)
	}
	o.tap(t, ivan, room, "🔓 Unlock")
	o.wait(t, "the room is open", func() bool { return !o.pbx.Locked(o.number(t)) })

	o.pbx.Deafen(o.pbx.Calls()[0].ID) // the next kick says that it was done, and is not
	o.tap(t, ivan, room, "✖️ Anna")
	o.shows(t, guest, "Your call has ended", "0 people are in it")
	if n := len(o.pbx.Calls()); n != 0 {
		t.Errorf("%d calls are up", n)
	}
	o.tap(t, pyotr, late, "Call me")
	o.shows(t, room, "👤 Pyotr Petrov")
	o.tap(t, ivan, room, "Close the room")
	o.shows(t, room, "Close this room?", "cannot be opened again")
	o.tap(t, ivan, room, "Yes, close it")
	o.shows(t, room, "This room is closed")
	o.shows(t, late, "This room is closed")
	o.wait(t, "nobody is in it", func() bool { return len(o.pbx.Calls()) == 0 })
	want := "mute/1/done unmute/1/done lock/0/done unlock/0/done kick/1/done close/0/done"
	var got string
	must(t, o.Pool.QueryRow(t.Context(), `select string_agg(what || '/' || participant || '/' || outcome, ' ' order by at, id) from audio_act where person_id = $1`,
		o.person(t, ivan).ID).Scan(&got))
	if got != want {
		t.Errorf("on record is %s", got)
	}
	if n := o.count(t, `select count(*) from audio_room where closed_at is not null`); n != 1 {
		t.Error("a closed room does not stay as a record")
	}
}

// number is that of the only room.
func (o *office) number(t *testing.T) (number string) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), `select number from audio_room`).Scan(&number))
	return number
}

func TestRightsAreLookedUpAtEachTap(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	room := o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	guest := o.open(t, anna, "/rooms")
	o.tap(t, anna, guest, "Hall")
	o.tap(t, anna, guest, "Call me")
	o.shows(t, room, "👤 Anna Ivanova")
	for _, verb := range []string{"mute", "kick", "lock", "close"} {
		theirs := o.button(t, ivan, verb)
		if told := o.forge(t, anna, guest, theirs); !told.Alert || !strings.Contains(told.Text, "not yours") {
			t.Errorf("somebody else's button to %s is answered %+v", verb, told)
		}
	}
	o.tap(t, ivan, room, "Close the room")
	o.shows(t, room, "Close this room?")
	o.roles(t, "kozlov")
	if told := o.tap(t, ivan, room, "Yes, close it"); !told.Alert || !strings.Contains(told.Text, "You may not do this") {
		t.Errorf("whoever is no administrator any more is told %+v", told)
	}
	for _, verb := range []string{"mute", "kick", "lock"} {
		if told := o.forge(t, ivan, room, o.button(t, ivan, verb)); !told.Alert {
			t.Errorf("%s is answered %+v", verb, told)
		}
	}
	if n := o.count(t, `select count(*) from audio_act`) + o.pbx.Count("ConfbridgeMute") + o.pbx.Count("ConfbridgeLock"); n != 0 {
		t.Errorf("%d things were done", n)
	}
	for _, data := range []string{"m:rooms:", "m:rooms:AAAAAAAAAAAAAAAAAAAAAAAAAA", "m:rooms:a:b", "m:rooms:' or 1=1"} {
		if told := o.forge(t, anna, guest, data); !told.Alert {
			t.Errorf("%q is answered %+v", data, told)
		}
	}
}

func TestAnAnonymousRoomShowsNamesToNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	room := o.newRoom(t, ivan, "Public, anonymous", "Box", "")
	for account, phone := range map[int64]string{anna: annasPhone, pyotr: pyotrsPhone} {
		o.share(t, account, phone)
		m := o.open(t, account, "/rooms")
		o.tap(t, account, m, "Box")
		o.tap(t, account, m, "Call me")
		o.shows(t, m, "You are in the room", "(you)")
	}
	o.pbx.Visit(o.number(t), "4930999999")
	o.shows(t, room, "Participant 1", "Participant 2", "Participant 3")
	o.tap(t, ivan, room, "🔇 Participant 1")
	o.shows(t, room, "Participant 1 🔇")
	o.tap(t, ivan, room, "Who did what")
	now := o.shows(t, room, "muted · Participant 1")
	for _, m := range append(o.tg.Messages(ivan), now) {
		for _, name := range []string{"Anna Ivanova", "Pyotr Petrov", "4930", "PJSIP", "Local/"} {
			for _, v := range m.History {
				if m.From == o.tg.BotID() && (strings.Contains(v.Text, name) || strings.Contains(strings.Join(labels(m), " "), name)) {
					t.Errorf("who made the room reads %s in\n%s", name, v.Text)
				}
			}
		}
	}
	o.discreet(t, "4930999999")
}

func TestARestartOfTheExchangeEndsCallsAndKeepsRooms(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	room := o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	o.share(t, pyotr, pyotrsPhone)
	in := o.open(t, anna, "/rooms")
	o.tap(t, anna, in, "Hall")
	o.tap(t, anna, in, "Call me")
	o.shows(t, in, "You are in the room")
	o.pbx.Phone(pyotrsPhone, asterisktest.NeverAnswers)
	rings := o.open(t, pyotr, "/rooms")
	o.tap(t, pyotr, rings, "Hall")
	o.tap(t, pyotr, rings, "Call me")
	o.shows(t, rings, "Your phone is ringing")
	must(t, o.pbx.Restart(t.Context()))
	o.shows(t, in, "Your call has ended", "0 people are in it")
	o.shows(t, rings, "You did not pick up.") // that it rang is known
	o.shows(t, room, "0 people are in it")
	if n := o.pbx.Dials(pyotrsPhone); n != 1 {
		t.Errorf("%d calls after a restart", n)
	}
	o.pbx.Phone(pyotrsPhone, asterisktest.Answers)
	o.tap(t, pyotr, rings, "Call me back")
	o.shows(t, rings, "You are in the room")
	o.shows(t, room, "👤 Pyotr Petrov")
}

func TestANumberGoesWithItsLinkAndWhenItsOwnerSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.newRoom(t, ivan, "Public, with names", "Hall", "")
	o.share(t, anna, annasPhone)
	o.share(t, pyotr, pyotrsPhone)
	m := o.open(t, anna, "/rooms")
	o.tap(t, anna, m, "Forget my number")
	o.shows(t, m, "Audio rooms")
	if n := o.count(t, `select count(*) from audio_number where account = $1`, anna); n != 0 {
		t.Error("it is kept still")
	}
	must(t, o.Directory.Unlink(t.Context(), "test", o.person(t, pyotr).ID, "another phone"))
	must(t, o.desk.Tidy(t.Context()))
	if n := o.count(t, `select count(*) from audio_number`); n != 0 {
		t.Error("the number outlives the link")
	}
}
