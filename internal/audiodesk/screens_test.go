package audiodesk_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/goldentest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// album collects what somebody who looks after rooms is shown, screen after screen.
type album struct {
	*office

	t    *testing.T
	m    telegramtest.Message // the screen that is shown
	text strings.Builder
}

// keep writes a message down, without what is random and what the clock says.
func (a *album) keep(title string, m telegramtest.Message) {
	html := regexp.MustCompile(`7[A-Z0-9]{16}`).ReplaceAllString(m.HTML, "‹number›")
	html = regexp.MustCompile(`(?m)^.*‹|^[^·\n]*\d\d:\d\d`).ReplaceAllStringFunc(html, func(s string) string {
		if strings.Contains(s, "‹") {
			return s
		}
		return "‹then›"
	})
	fmt.Fprintf(&a.text, "=== %s\n%s\n", title, html)
	for _, row := range m.Keyboard {
		for _, b := range row {
			fmt.Fprintf(&a.text, "[%s]", b.Text)
		}
		a.text.WriteString("\n")
	}
	if m.Contact != "" || m.Placeholder != "" {
		fmt.Fprintf(&a.text, "(%s%s)\n", m.Contact, m.Placeholder)
	}
	a.text.WriteString("\n")
}

// press presses the button at a place, rows from the end when below zero, and keeps what is
// shown when it is settled.
func (a *album) press(title string, row, column int) {
	a.t.Helper()
	now, _ := a.tg.Message(a.m.ChatID, a.m.ID)
	if row < 0 {
		row += len(now.Keyboard)
	}
	told := a.tap(a.t, ivan, now, now.Keyboard[row][column].Data)
	if told.Text != "" {
		fmt.Fprintf(&a.text, "=== %s: answer\n(%s)\n\n", title, told.Text)
	}
	a.settle()
	a.keep(title, a.m)
}

// settle waits until there is nothing to do any more.
func (a *album) settle() {
	a.t.Helper()
	a.wait(a.t, "all is done and shown", func() bool {
		return a.count(a.t, `select (select count(*) from telegram_update where state = 'new')
			+ (select count(*) from audio_call where state in ('asked', 'claimed', 'ringing'))
			+ (select count(*) from audio_screen s join audio_room r on r.id = s.room_id where s.version < r.version)
			+ (select count(*) from audio_call c where c.state = 'in' and not exists (select from audio_presence p where p.call_id = c.id and p.gone_at is null))
			+ (select count(*) from audio_presence p join audio_call c on c.id = p.call_id where p.gone_at is null and c.state = 'ended')`) == 0
	})
	a.m, _ = a.tg.Message(a.m.ChatID, a.m.ID)
}

func TestScreensReadAsWritten(t *testing.T) {
	t.Parallel()
	a := &album{t: t, office: newHouse(t, telegramtest.RealClock())}
	a.desk.Rules.AtOnce = 1
	a.work(t, a.desk)
	for no, tag := range []string{"en", "ru", "de", "es"} {
		a.text.Reset()
		a.Import(t, directory.User{
			ExternalID: "kozlov", Name: "Ivan Kozlov", Email: "kozlov@example.org", Telegram: ivan, Locale: tag,
			Roles: []people.Role{{Name: audiodesk.Administrator}},
		})
		a.making()
		a.guest(tag)
		a.press("the room", 0, 0)
		a.calling()
		a.hall(tag)
		a.deeds(tag)
		a.others(no)
		a.words(tag)
		goldentest.Same(t, "screens."+tag, a.text.String())
		if strings.Contains(a.text.String(), "{{") {
			t.Error("a placeholder is left in a text")
		}
	}
}

// making: the list, and how rooms are made.
func (a *album) making() {
	a.m = a.open(a.t, ivan, "/rooms")
	a.keep("/rooms", a.m)
	a.press("new room", 0, 0)
	a.tap(a.t, ivan, a.m, a.m.Keyboard[0][0].Data)
	asked := a.after(a.t, ivan, a.m.ID)
	a.keep("a private one", asked)
	asked = a.says(a.t, ivan, "Team", asked.ID)
	a.keep("its PIN", asked)
	a.keep("no PIN", a.says(a.t, ivan, "12", asked.ID))
	a.keep("a weak PIN", a.says(a.t, ivan, "1111", asked.ID))
	a.m = a.says(a.t, ivan, "48291", asked.ID)
	a.keep("made", a.m)
}

// calling: one's own call, and what is done to others.
func (a *album) calling() {
	a.press("without a number", 0, 0)
	a.keep("asked for the number", a.newest())
	a.keep("given", a.share(a.t, ivan, ivansPhone))
	a.pbx.Phone(ivansPhone, 1)
	a.press("busy", 0, 0)
	a.pbx.Phone(ivansPhone, 0)
	a.press("in the room", 0, 0)
	a.press("muted", 2, 0)
	a.press("heard", 2, 0)
	a.press("locked", 0, 0)
	a.press("unlocked", 0, 0)
	a.press("who did what", 1, 0)
	a.press("back", 0, 1)
	a.press("close?", 0, 1)
	a.press("closed", 0, 0)
	a.press("the list", 0, 0)
	a.press("number forgotten", -1, 0)
}

func (a *album) newest() telegramtest.Message {
	all := a.tg.Messages(ivan)
	return all[len(all)-1]
}

// words: what takes a fault to be said.
func (a *album) words(tag string) {
	lang := a.texts.For(tag)
	for _, how := range []audiodesk.Outcome{
		audiodesk.Over, audiodesk.Busy, audiodesk.NoAnswer, audiodesk.Rejected, audiodesk.NoSuchNumber, audiodesk.NoLine, audiodesk.Failed, audiodesk.LockedOut,
		audiodesk.Shut, audiodesk.Away, audiodesk.Unknown, audiodesk.NoNumber, audiodesk.TooLate,
	} {
		fmt.Fprintf(&a.text, "=== ended: %s\n%s\n\n", how, lang.T("audio.over."+string(how), nil))
	}
	data := map[string]any{"Name": "Anna", "Topic": "Payment 4711", "Left": 3, "Most": 3, "Pause": lang.Duration(15 * time.Minute), "Time": "12:30", "Command": "/rooms 7ABC"}
	for key := range strings.FieldsSeq(`in_progress daily daily_all off off_now no_seal number_prefix number_odd number_others number_forwarded number_typed
		pin_wrong pin_last pin_locked remove_yourself let_in rooms_many needs_pin room_gone right_less button_old gone trouble.away trouble.forbidden
		trouble.unanswered trouble.refused discuss.rings discuss.no_number`) {
		fmt.Fprintf(&a.text, "=== %s\n%s\n\n", key, lang.T("audio."+key, data))
	}
}
