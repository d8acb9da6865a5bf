package assure_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/assure"
)

// However many browsers try at once, five tries are looked at; then it is locked for
// longer and longer, and the person is told.
func TestWrongPINsLockForLongerAndLonger(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	a := w.ask()
	type open struct {
		b *browser
		p page
	}
	var all []open
	for i := range 12 {
		a.No = i
		b := w.browser(t)
		all = append(all, open{b, b.get(w.begin(t, a))})
	}
	wrong, locked := 0, 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, o := range all {
		wg.Go(func() {
			out := o.b.post(o.p, "pin", "pin", fmt.Sprintf("58203%d", i%10))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case strings.Contains(out.wrong(), "left"):
				wrong++
			case strings.Contains(out.wrong(), "locked until"):
				locked++
			default:
				t.Errorf("%d %s", out.Status, out.Body)
			}
		})
	}
	wg.Wait()
	if wrong != 4 || locked != 8 || len(w.told[annasPhone]) != 1 || !w.heard(annasPhone, "Several wrong PINs") {
		t.Errorf("%d wrong, %d locked, told %v", wrong, locked, w.told)
	}
	if len(w.alarms) != 1 || !strings.HasPrefix(w.alarms[0], "⚠️ Anna Smith (anna): the PIN was typed wrong") {
		t.Errorf("administrators: %q", w.alarms)
	}
	first := all[0]
	if out := first.b.post(first.p, "pin", "pin", goodPIN); !strings.Contains(out.wrong(), "locked") {
		t.Errorf("the right one while locked: %s", out.Body)
	}
	if p := first.b.get(w.web.URL + "/confirm?of=" + ask[string](t, w.owner, "select id from assure_attempt where slot_no = 0")); !strings.Contains(p.Body, "The PIN is locked until") {
		t.Errorf("the page: %s", p.Body)
	}
	w.exec(t, "update assure_secret set locked_until = now() - interval '1 s'")
	for left := range 4 { // it is over: five more
		if out := first.b.post(first.p, "pin", "pin", "582030"); !strings.Contains(out.wrong(), fmt.Sprint(4-left)+" tr") {
			t.Errorf("%s", out.wrong())
		}
	}
	for _, want := range []string{"30 minutes", "1 hour", "2 hours", "4 hours", "8 hours", "16 hours", "1 day", "1 day"} {
		w.exec(t, "update assure_secret set locked_until = null, tries = 4, set_at = now()") // four wrong ones later
		first.b.post(first.p, "pin", "pin", "582030")
		if !ask[bool](t, w.owner, "select locked_until between now() + $1::interval - interval '1 minute' and now() + $1::interval from assure_secret", want) {
			t.Errorf("not locked for %s", want)
		}
	}
	w.exec(t, "update assure_secret set locked_until = now() - interval '1 s'")
	if p := first.b.send(first.p, "pin", "pin", goodPIN); p.Key() != "done" {
		t.Errorf("the right one afterwards: %s", p.Body)
	}
	if n := ask[int](t, w.owner, "select tries + lockouts from assure_secret"); n != 0 {
		t.Errorf("%d are still counted", n)
	}
	if n := ask[int](t, w.owner, "select count(*) from assure_journal where what = 'pin.locked'"); n != 9 {
		t.Errorf("%d locks in the journal", n)
	}
}

// The same right PIN, sent in parallel for one attempt, casts once; a code for two, too.
func TestParallelProofsCastOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.PIN, assure.TOTP)
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { b.post(p, "pin", "pin", goodPIN) })
	}
	wg.Wait()
	if n := len(w.cast()); n != 1 {
		t.Errorf("cast %d times", n)
	}
	a, code := w.ask(), w.code(t, secret, 0)
	for no := range 4 {
		a.No = no + 1
		address := w.begin(t, a)
		wg.Go(func() {
			b := w.browser(t)
			b.post(b.get(address), "totp", "totp", code)
		})
	}
	wg.Wait()
	if n := len(w.cast()); n != 2 {
		t.Errorf("one code cast %d times", n-1)
	}
}

// Two codes that are looked at in the same moment: both are the right one, and one counts.
func TestCodeIsTakenOnceInTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.TOTP)
	var both sync.WaitGroup
	both.Add(2)
	a, code, keys, now := w.ask(), w.code(t, secret, 0), make(chan string, 2), w.desk.Now
	w.desk.Now = func() time.Time { // asked when both are counted
		both.Done()
		both.Wait()
		return now()
	}
	for no := range 2 {
		a.No = no
		b := w.browser(t)
		p := b.get(w.begin(t, a))
		go func() {
			if out := b.send(p, "totp", "totp", code); out.Key() == "done" {
				keys <- out.Key()
			} else {
				keys <- out.wrong()
			}
		}()
	}
	if one, two := <-keys, <-keys; len(w.cast()) != 1 || one == two || !strings.Contains(one+two, "used a moment ago") {
		t.Errorf("%s, %s, cast %+v", one, two, w.cast())
	}
}

// A proof that was given back is used once, too, however often the button is pressed.
func TestProofGivenBackIsUsedOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN)
	w.answer = func() (string, error) { return "", fmt.Errorf("away") }
	b := w.browser(t)
	p := b.send(b.get(w.begin(t, w.ask())), "pin", "pin", goodPIN)
	begun, end, calls := make(chan bool, 9), make(chan bool), atomic.Int32{}
	w.desk.Cast = func(context.Context, assure.Ask, string) (string, error) {
		calls.Add(1)
		begun <- true
		<-end
		return "done", nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { b.send(p, "again") })
	<-begun
	if out := b.send(p, "again"); out.Key() != "working" {
		t.Errorf("%d %s", out.Status, out.Body)
	}
	close(end)
	wg.Wait()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { b.send(p, "again") })
	}
	all.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("cast %d times", n)
	}
}

func TestWrongCodesLockOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	secret := w.secure(t, assure.PIN, assure.TOTP)
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	var out page
	for i := range 5 {
		out = b.post(p, "totp", "totp", w.code(t, secret, int64(5+i)))
	}
	if len(w.alarms) != 1 || !strings.HasPrefix(w.alarms[0], "⚠️ Anna Smith (anna): codes from the app") {
		t.Errorf("administrators: %q", w.alarms)
	}
	if !strings.Contains(out.wrong(), "locked until") || !w.heard(annasPhone, "wrong codes") || !strings.Contains(out.Body, "/confirm/pin") {
		t.Errorf("%s, told %v", out.Body, w.told)
	}
	if p := b.send(p, "pin", "pin", goodPIN); p.Key() != "done" {
		t.Errorf("the PIN: %s", p.Body)
	}
}

// What cannot be a PIN or a code costs no try.
func TestWhatIsNoPINIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.secure(t, assure.PIN, assure.TOTP)
	b := w.browser(t)
	p := b.get(w.begin(t, w.ask()))
	for _, text := range []string{"", "12345", "1234567890123", "abcdef", "１２３４５６", "274913 ", "\x00", strings.Repeat("1", 3000)} {
		for _, m := range []string{"pin", "totp"} {
			if out := b.post(p, m, m, text); out.wrong() == "" || strings.Contains(out.wrong(), "left") && (m == "pin" || len(text) != 7) {
				t.Errorf("%s %q: %d %s", m, text, out.Status, out.wrong())
			}
		}
	}
	if out := b.post(p, "pin", "pin", strings.Repeat("1", 20000)); out.Key() != "stale" {
		t.Errorf("20 KB: %d %s", out.Status, out.Key())
	}
	if n := ask[int](t, w.owner, "select tries from assure_secret where method = 'pin'"); n != 0 {
		t.Errorf("%d tries", n)
	}
}
