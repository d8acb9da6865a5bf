package audiodesk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"countersign/internal/asterisk"
	"countersign/internal/audiodesk"
	"countersign/internal/directory"
	"countersign/internal/telegram/telegramtest"
)

// hostile are texts that mean something to a dialplan, a manager interface, a database or a
// messenger.
func hostile() []string {
	return []string{
		"x\r\nAction: Originate\r\nChannel: Local/1@telegram-out", "x\nApplication: System", "a\x00b", `"<4930>;#`, "${SHELL(id)}", "$[1+1]", "<b>bold</b><script>",
		"'; drop table audio_room; --", "\u202egnp.exe", strings.Repeat("Ж", 500), "&amp; \\ | , (", "h", "failed", "💣\ufe0f\u200d", "{{.Name}}", "%s%n",
	}
}

// TestNamesFromOutsideMeanNothingAnywhere: as names of rooms, of people and of callers.
func TestNamesFromOutsideMeanNothingAnywhere(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.desk.Rules.AtOnce = 1000
	o.work(t, o.desk)
	for i, text := range hostile() {
		o.Import(t, directory.User{ExternalID: "ivanova", Name: "Anna " + directoryName(text), Email: "ivanova@example.org", Telegram: anna})
		room := o.newRoom(t, ivan, "Public, with names", "R "+text, "")
		if strings.Contains(room.HTML, "<script") || strings.Contains(room.HTML, "</b><") || strings.ContainsFunc(strings.ReplaceAll(room.Text, "\n", ""), unicode.IsControl) || strings.Contains(room.Text, "\u202e") {
			t.Errorf("%q is shown as %s", text, room.HTML)
		}
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: fmt.Sprint("k", i), Number: fmt.Sprintf("+4930300%03d", i), Room: fmt.Sprint("Room ", i), Caller: text})
		if err != nil && !errors.Is(err, audiodesk.ErrInvalid) {
			t.Errorf("%q as a caller: %v", text, err)
		}
		for _, r := range []audiodesk.Request{{Room: text, Number: "+4930399000"}, {Room: "Room", Number: text}, {Room: "Room", Number: "+4930399000", Lang: text}} {
			r.Source, r.Key = "crm", fmt.Sprint("bad", i, r.Room, r.Lang)
			if _, err := o.desk.Call(t.Context(), r); err != nil && !errors.Is(err, audiodesk.ErrInvalid) && !errors.Is(err, audiodesk.ErrInProgress) {
				t.Errorf("%+v: %v", r, err)
			}
		}
	}
	o.wait(t, "all are called", func() bool {
		return o.count(t, `select count(*) from audio_call where state in ('asked', 'claimed', 'ringing')`) == 0
	})
	for _, a := range o.pbx.Actions() {
		for key, values := range a {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") || strings.ContainsAny(v, "$;|") || key == "application" {
					t.Errorf("the exchange was sent %s: %q", key, v)
				}
			}
		}
	}
	if n := o.count(t, `select count(*) from audio_call where outcome in ('failed', 'unknown')`); n != 0 {
		t.Errorf("%d calls failed by what they were called", n)
	}
}

// directoryName is a text as the directory takes it.
func directoryName(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return -1
		}
		return r
	}, asterisk.PlainName(text)))
}

// FuzzE164: what is taken for a number is a plus and digits, and stays what it is.
func FuzzE164(f *testing.F) {
	for _, text := range append(hostile(), "+49 (30) 100-001", "0049301", "+", "79161234567", "+00000000") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		number, ok := audiodesk.E164(text)
		if !ok {
			return
		}
		plain := number.Reveal()
		again, still := audiodesk.E164(plain)
		if plain[0] != '+' || strings.Trim(plain[1:], "0123456789") != "" || plain[1] == '0' || len(plain) < 9 || len(plain) > 16 || !still || again != number {
			t.Errorf("%q is taken for %s", text, plain)
		}
		if _, err := (asterisk.Call{Job: "j", Number: plain, Room: "ROOM1"}).Originate(); err != nil {
			t.Errorf("%q cannot be called: %v", plain, err)
		}
	})
}
