package audiodesk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
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
	o.desk.Rules.AtOnce, o.desk.Rules.Callers = 1000, []string{"110", "+4930123456"}
	o.work(t, o.desk)
	for i, text := range hostile() {
		o.Import(t, directory.User{ExternalID: "ivanova", Name: "Anna " + directoryName(text), Email: "ivanova@example.org", Telegram: anna})
		room := o.newRoom(t, ivan, "Public, with names", "R "+text, "")
		if strings.Contains(room.HTML, "<script") || strings.Contains(room.HTML, "</b><") || strings.ContainsFunc(strings.ReplaceAll(room.Text, "\n", ""), unicode.IsControl) || strings.Contains(room.Text, "\u202e") {
			t.Errorf("%q is shown as %s", text, room.HTML)
		}
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: fmt.Sprint("k", i), Number: fmt.Sprintf("+4930300%03d", i), Room: fmt.Sprint("Room ", i), Caller: text})
		if err != nil && !errors.Is(err, audiodesk.ErrInvalid) && !errors.Is(err, audiodesk.ErrCaller) {
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

// TestANumberIsOneHoweverItIsWritten: else it could be called twice as often, and numbers that
// are not called by another way of writing them.
func TestANumberIsOneHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+49 (0) 30 100-001": "+4930100001", "+49(0)30/100.001": "+4930100001", "49 30\u00a0100001": "+4930100001", " +4930100001 ": "+4930100001",
		"(0)30 1000001": "", "+(0)30 1000001": "", "49(0)30100001": "", "0049 30 100001": "", "030 100001": "", "++4930100001": "", "+49 30 100001,,9": "",
		"+4930100001w1": "", "+4930100001;ext=5": "", "+4930100001&PJSIP/x": "", "sip:4930100001@evil.example": "", "Local/4930100001": "", "4930100001@x": "",
		"+４９３０１００００１": "", "+49٣٠100001": "", "+49*30#100001": "", "112": "", "+110": "", "+4930O00001": "", "${EXTEN}": "", "+49\r\n30100001": "", "": "",
	} {
		if got, ok := audiodesk.E164(text); got.Reveal() != want || ok != (want != "") {
			t.Errorf("%q is taken for %q, want %q", text, got.Reveal(), want)
		}
	}
}

// TestNobodyIsCalledInTheNameOfAnother: what looks like a number is one that is set, or not shown.
func TestNobodyIsCalledInTheNameOfAnother(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.desk.Rules.CallerID, o.desk.Rules.Callers = "+4930555000", []string{"1000"}
	o.work(t, o.desk)
	for i, c := range []struct{ caller, number, name string }{ // without a number it is not shown
		{"", "+4930555000", ""},
		{"+49 30 555-000", "+4930555000", ""},
		{"1000", "1000", ""},
		{"Desk 1000", "+4930555000", "Desk 1000"},
		{caller: "110"},
		{caller: "+49110"},
		{caller: "+4930100002"},
		{caller: "☎ 112"},
		{caller: "１１２"},
		{caller: "1-1-0"},
		{caller: "---"},
		{caller: "1000 110"},
	} {
		number := fmt.Sprintf("+493010001%02d", i)
		_, err := o.desk.Call(t.Context(), audiodesk.Request{Source: "crm", Key: fmt.Sprint(i), Number: number, Room: "Room", Caller: c.caller})
		if c.number == "" {
			if !errors.Is(err, audiodesk.ErrCaller) {
				t.Errorf("%q is shown: %v", c.caller, err)
			}
			continue
		}
		must(t, err)
		o.wait(t, fmt.Sprintf("%q is shown as %q %q", c.caller, c.number, c.name), func() bool {
			return slices.ContainsFunc(o.pbx.Calls(), func(on asterisktest.Call) bool {
				return on.Number == number && on.Caller == c.number && on.Name == c.name
			})
		})
	}
}

// FuzzE164: what is taken for a number is a plus and digits, and stays what it is.
func FuzzE164(f *testing.F) {
	for _, text := range append(hostile(), "+49 (30) 100-001", "+49 (0)(0)30 100001", "0049301", "+", "79161234567", "+00000000") {
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

// TestARequestIsNamedByItsKeyAndItsSource: as long as /v1 takes keys, and one source's is never
// another's. What the phone is to show is a number where it is one of those set, also a short one.
func TestARequestIsNamedByItsKeyAndItsSource(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.desk.Rules.AtOnce, o.desk.Rules.Callers = 1000, []string{"110", "+4930123456"}
	o.connect(t, o.desk)
	ids := map[string]bool{}
	long := strings.Repeat("k", 255)
	for i, r := range []audiodesk.Request{
		{Source: "crm", Key: "a/b", Caller: "110"}, {Source: "crm/a", Key: "b", Caller: "Incident 110"}, {Source: "crm", Key: long, Caller: "+4930 123456"}, {Source: strings.Repeat("s", 200), Key: long},
	} {
		r.Number, r.Room = fmt.Sprintf("+493040048%d", i), "Sales"
		for range 2 {
			out, err := o.desk.Call(t.Context(), r)
			must(t, err)
			ids[out.ID] = true
		}
	}
	if len(ids) != 4 {
		t.Errorf("four requests are %d calls", len(ids))
	}
	for want, r := range map[string]audiodesk.Request{
		"the key is missing or longer than 255": {Source: "crm", Key: long + "k"}, "the key is missing or": {Source: "crm"}, "the source is missing, longer than 200": {Source: strings.Repeat("s", 201), Key: "k"},
	} {
		r.Number, r.Room = "+4930400490", "Sales"
		if _, err := o.desk.Call(t.Context(), r); !errors.Is(err, audiodesk.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	must(t, o.desk.Dial(t.Context()))
	shown := map[string]bool{}
	for _, a := range o.pbx.Actions() {
		for _, id := range a["callerid"] {
			shown[id] = true
		}
	}
	for _, want := range []string{`<110>`, `"Incident 110" <>`, `<+4930123456>`} {
		if !shown[want] {
			t.Errorf("no phone shows %s but %v", want, shown)
		}
	}
}

// TestNobodyIsCalledIntoARoomThatIsBeingClosed: nor does a phone ring on for it.
func TestNobodyIsCalledIntoARoomThatIsBeingClosed(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	join := o.hall(t, anna, annasPhone)
	tap := func(account int64, name, token string) string {
		told, err := o.desk.Hosted().Tap(context.WithoutCancel(t.Context()), o.visitor(t, account, name, token))
		if err != nil {
			t.Error(err)
		}
		return told.Notice
	}
	closing, err := o.Pool.Begin(t.Context())
	must(t, err)
	_, err = closing.Exec(t.Context(), `update audio_room set closed_at = statement_timestamp()`)
	must(t, err)
	told := make(chan string, 1)
	go func() { told <- tap(anna, "first", join) }()
	o.wait(t, "her tap waits for the closing", func() bool {
		return o.count(t, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 1
	})
	must(t, closing.Commit(t.Context()))
	if got := <-told; got != "This room is closed." || o.count(t, `select count(*) from audio_call`) != 0 {
		t.Errorf("she is told %q", got)
	}

	o.newRoom(t, ivan, "Public, with names", "Yard", "")
	o.pbx.Phone(annasPhone, asterisktest.NeverAnswers)
	v := o.open(t, anna, "/rooms")
	o.tap(t, anna, v, "Yard")
	o.shows(t, v, "Public room")
	tap(anna, "second", o.token(t, anna, "Yard"))
	must(t, o.desk.Dial(t.Context()))
	o.wait(t, "it rings", func() bool { return len(o.pbx.Calls()) == 1 })
	tap(ivan, "shut", o.pressed(t, ivan, "close"))
	tap(ivan, "shut for good", o.pressed(t, ivan, "close_now"))
	if n := len(o.pbx.Calls()); n != 0 {
		t.Errorf("%d phones ring for a closed room", n)
	}
	if got := tap(ivan, "lock after close", o.pressed(t, ivan, "close_now")) + tap(anna, "join after close", o.token(t, anna, "Yard")); got != "" || o.pbx.Dials(annasPhone) != 1 {
		t.Errorf("taps after the close are answered %q", got)
	}
}
