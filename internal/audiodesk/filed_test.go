package audiodesk_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"countersign/internal/asterisk"
	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/telegram/telegramtest"
)

// TestAPhoneIsCalledByAFile: where the exchange gives no right to originate, its screen follows
// a call all the same, to its end and to the next one.
func TestAPhoneIsCalledByAFile(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	dir := t.TempDir()
	files := &asterisk.Spool{Outgoing: filepath.Join(dir, "outgoing")}
	for _, name := range []string{"outgoing", "tmp"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	pbx, err := asterisktest.Open(t.Context(), asterisktest.Options{Outgoing: files.Outgoing, Write: []string{"call", "reporting"}})
	must(t, err)
	t.Cleanup(func() { _ = pbx.Close() })
	line := o.line(pbx.Addr())
	line.Spool = files
	o.pbx = pbx
	o.desk.Exchange, err = asterisk.New(line)
	must(t, err)
	o.work(t, o.desk)

	o.newRoom(t, ivan, "Public, with names", "Yard", "")
	v := o.open(t, pyotr, "/rooms")
	o.tap(t, pyotr, v, "Yard")
	o.tap(t, pyotr, v, "Call me")
	o.sees(t, pyotr, "To call you I need your phone number")
	o.share(t, pyotr, "+"+pyotrsPhone)
	o.tap(t, pyotr, v, "Call me")
	o.shows(t, v, "You are in the room", "1 person is in it", "Pyotr Petrov (you)")
	o.pbx.HangUp(pyotrsPhone)
	o.shows(t, v, "Your call has ended", "0 people are in it")
	o.pbx.Phone(pyotrsPhone, asterisktest.Busy)
	o.tap(t, pyotr, v, "Call me back")
	o.shows(t, v, "busy")
	if n := o.count(t, `select count(*) from audio_call`); n != 2 {
		t.Errorf("%d calls for two taps", n)
	}
	left, err := filepath.Glob(filepath.Join(files.Outgoing, "*"))
	if must(t, err); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, a := range pbx.Actions() {
		if slices.Contains(a["action"], "Originate") {
			t.Errorf("the exchange was asked to originate: %v", a)
		}
	}
}
