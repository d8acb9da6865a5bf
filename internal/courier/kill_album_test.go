package courier_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/crash"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// copies are how often each file of a document is in a chat.
func (o *office) copies(chat int64, number string) map[string]int {
	out := map[string]int{}
	for _, m := range o.files(chat) {
		if strings.Contains(m.Text, number) {
			out[m.Document.Name]++
		}
	}
	return out
}

// wholeAlbums looks whether every file is in every chat, at most twice: each chat's album
// goes beside those of the others, so that one death may fall between the sending and the
// noting of several. It gives how many files came again.
func (o *office) wholeAlbums(t *testing.T, number string, files int) (again int) {
	t.Helper()
	for _, chat := range []int64{group, ledgertest.Budget} {
		got := o.copies(chat, number)
		if len(got) != files {
			t.Errorf("%s: %d has %v, want %d files", number, chat, got, files)
		}
		for name, times := range got {
			if times > 2 {
				t.Errorf("%s: %s is in %d %d times", number, name, chat, times)
			}
			again += times - 1
		}
	}
	return again
}

func TestKilledBetweenAnAlbumAndItsNoteNoFileIsMissing(t *testing.T) {
	t.Parallel()
	const files = 4
	o := newOffice(t)
	o.bind(t, group, 0)
	kills, again := 0, 0
	for _, point := range []crash.Point{crash.CardClaimed, crash.CardSent, crash.CardNoted} {
		for n := 1; ; n++ {
			name := fmt.Sprintf("%s-%d.", strings.ReplaceAll(string(point), ".", "-"), n)
			st := o.pay(t, name, 12_500_000, o.attachments(t, name, files)...)
			killed := o.died(t, o.start(t, fmt.Sprintf("%s:%d", point, n)))
			o.calm(t)
			again += o.wholeAlbums(t, name, files)
			o.shows(t, st.Case.ID, 2)
			if !killed {
				break
			}
			kills++
		}
	}
	if kills < 6 || again == 0 {
		t.Errorf("%d kills, %d files sent again: none of them after an album", kills, again)
	}
}

// The messenger has the album in hand and nobody hears what becomes of it: the files come one
// by one to whoever may not have them, never as one again.
func TestKilledWithAnAlbumOnItsWayNoFileIsMissing(t *testing.T) {
	t.Parallel()
	const files = 3
	o := newOffice(t)
	o.bind(t, group, 0)
	for _, effect := range []bool{true, false} {
		name := fmt.Sprintf("way-%t.", effect)
		st := o.pay(t, name, 12_500_000, o.attachments(t, name, files)...)
		slow, before := make(chan struct{}), len(o.tg.CallsOf("sendMediaGroup"))
		fault := telegramtest.Fault{Hold: slow, Effect: effect}
		if !effect {
			fault.Drop = true
		}
		o.tg.FailNext("sendMediaGroup", fault)
		cmd := o.start(t, "")
		must(t, o.tg.WaitFor(limited(t), func() bool { return len(o.tg.CallsOf("sendMediaGroup")) > before }))
		must(t, cmd.Process.Kill())
		if !o.died(t, cmd) {
			t.Errorf("%s survived", name)
		}
		close(slow)
		must(t, o.tg.WaitFor(limited(t), func() bool {
			return !effect || len(o.copies(group, name))+len(o.copies(ledgertest.Budget, name)) >= files
		}))
		o.calm(t)
		if again := o.wholeAlbums(t, name, files); again != map[bool]int{true: files, false: 0}[effect] {
			t.Errorf("%d files came again, effect %t", again, effect)
		}
		o.shows(t, st.Case.ID, 2)
	}
}
