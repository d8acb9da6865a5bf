package audiodesk_test

import (
	"fmt"
	"regexp"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/directory"
	"countersign/internal/telegram/telegramtest"
)

// guest is somebody who is led into a private room by its command.
func (a *album) guest(tag string) {
	a.t.Helper()
	p := a.person(a.t, anna)
	a.Import(a.t, directory.User{ExternalID: "ivanova", Name: p.Name, Email: p.Email, Telegram: anna, Locale: tag})
	door := a.open(a.t, anna, regexp.MustCompile(`/rooms [A-Z0-9]{12,}`).FindString(a.m.Text))
	a.keep("led to a private room", door)
	a.answered("the PIN is asked for", a.tap(a.t, anna, door, door.Keyboard[0][0].Data))
	a.keep("the PIN", a.after(a.t, anna, door.ID))
}

func (a *album) answered(title string, told telegramtest.Answered) {
	fmt.Fprintf(&a.text, "=== %s: answer\n(%s)\n\n", title, told.Text)
}

// hall: a public room in which others are.
func (a *album) hall(tag string) {
	a.t.Helper()
	lang := a.texts.For(tag)
	a.m = a.open(a.t, ivan, "/rooms")
	a.press("new room", 0, 0)
	a.answered("a public one", a.tap(a.t, ivan, a.m, a.m.Keyboard[2][0].Data))
	asked := a.after(a.t, ivan, a.m.ID)
	a.keep("a name without letters", a.says(a.t, ivan, "\u200b\u200b", asked.ID))
	a.m = a.says(a.t, ivan, "Hall", asked.ID)
	a.press("a public room", 0, 0)
	a.press("nothing was done yet", -2, 0)
	a.press("back", 0, 1)

	a.share(a.t, anna, annasPhone)
	a.pbx.Phone(annasPhone, asterisktest.NeverAnswers)
	hers := a.open(a.t, anna, "/rooms")
	a.tap(a.t, anna, hers, "Hall")
	hers = a.shows(a.t, hers, lang.T("audio.kind.public", nil))
	a.tap(a.t, anna, hers, hers.Keyboard[0][0].Data)
	a.keep("it rings", a.shows(a.t, hers, lang.T("audio.call.ringing", nil)))
	a.share(a.t, ivan, ivansPhone)
	a.tap(a.t, ivan, a.m, a.m.Keyboard[0][0].Data)
	a.keep("no line is free", a.shows(a.t, a.m, lang.T("audio.call.asked", nil)))
	a.pbx.GiveUp(annasPhone)
	a.settle()
	var room string
	must(a.t, a.Pool.QueryRow(a.t.Context(), `select number from audio_room where name = 'Hall' and closed_at is null`).Scan(&room))
	a.pbx.Visit(room, "4930999999")
	a.keep("somebody dialled in", a.shows(a.t, a.m, lang.T("audio.guest", map[string]any{"No": 2})))
}

// deeds: how acts on others end.
func (a *album) deeds(tag string) {
	a.t.Helper()
	guest := a.texts.For(tag).T("audio.guest", map[string]any{"No": 2})
	now, _ := a.tg.Message(ivan, a.m.ID)
	muted, _ := now.Button("🔇 " + guest)
	kicked, _ := now.Button("✖️ " + guest)
	a.pbx.Break("ConfbridgeMute", asterisktest.Trouble{Fault: asterisktest.Refused, Times: 1})
	a.answered("a mute that is refused", a.tap(a.t, ivan, now, muted.Data))
	a.answered("a kick", a.tap(a.t, ivan, now, kicked.Data))
	a.settle()
	a.answered("a kick of who is gone", a.forge(a.t, ivan, now, kicked.Data))
	// Somebody went in the moment in which he was muted, and a lock of which nobody knows.
	_, err := a.Pool.Exec(a.t.Context(), `with last as (select * from audio_act where what = 'kick' order by at desc limit 1)
		insert into audio_act (id, at, person_id, what, room_id, whom, participant, outcome, ended_at)
		select 'aac_' || translate(substr(id, 5), '0123456789', '1234567890'), at + interval '1 hour', person_id, 'lock', room_id, '', 0, null, null::timestamptz from last
		union all select 'aac_' || translate(substr(id, 5), '0123456789', '2345678901'), at + interval '1 minute', person_id, 'mute', room_id, whom, participant, 'over', at + interval '1 minute' from last`)
	must(a.t, err)
	a.press("what was done there", 1, 0)
	a.press("back to it", 0, 1)
	a.press("close?", 0, 1)
	a.press("closed", 0, 0)
}

// others: rooms of another system, on more than one page.
func (a *album) others(no int) {
	a.t.Helper()
	_, err := a.Pool.Exec(a.t.Context(), `insert into audio_room (id, number, kind, source, name, anonymous, made_at)
		select 'arm_' || lpad($1 || n::text, 26, '0'), '7OUTSIDE' || $1 || n, 'outside', 'erp1c', 'Incident ' || n, false, now() from generate_series(1, 9) n`, fmt.Sprint(no))
	must(a.t, err)
	a.m = a.open(a.t, ivan, "/rooms")
	a.keep("many rooms", a.m)
	a.press("the rest of them", 8, 0)
	a.press("a room of another system", 0, 0)
	_, err = a.Pool.Exec(a.t.Context(), `update audio_room set closed_at = now() where kind = 'outside' and closed_at is null`)
	must(a.t, err)
	m := a.open(a.t, ivan, "/rooms")
	a.tap(a.t, ivan, m, m.Keyboard[len(m.Keyboard)-1][0].Data) // his number is forgotten
}
