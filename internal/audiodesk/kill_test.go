package audiodesk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"countersign/internal/audiodesk"
	"countersign/internal/crash/crashtest"
	"countersign/internal/screen"
	"countersign/internal/telegram/telegramtest"
)

// dying lets a replica do something until its n-th message to the database or the exchange was
// the last. It reports whether it was done before.
func (o *office) dying(t *testing.T, n int, do func(ctx context.Context, d *audiodesk.Desk) error) (survived bool) {
	t.Helper()
	life := crashtest.New(t)
	d := o.replica(t, o.Mortal(t, life), life.Wire(t, "tcp", o.pbx.Addr()))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Exchange.Run(ctx) })
	o.wait(t, "its line is up", func() bool { return d.Exchange.State().Up })
	life.EndAfter(n)
	err := do(ctx, d)
	survived = !life.Ended() && err == nil
	cancel()
	wg.Wait()
	life.EndAfter(0)
	o.Buried(t)
	return survived
}

// pressed is the token of somebody's newest button for something.
func (o *office) pressed(t *testing.T, account int64, verb string) string {
	t.Helper()
	return strings.TrimPrefix(o.button(t, account, verb), screen.Prefix+audiodesk.Command+":")
}

// TestKilledAtEachArrowOfAnActItIsDoneAndOnRecordOnce: whoever dies while he does something to
// others, his tap is handled again by another replica, and once more when all was done.
func TestKilledAtEachArrowOfAnActItIsDoneAndOnRecordOnce(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	heir := o.replica(t, o.Bench, o.pbx.Addr())
	o.connect(t, heir)
	o.connect(t, o.desk)
	o.newRoom(t, ivan, "Public, with names", "Hall", "")
	number, v := o.number(t), o.visitor(t, ivan, "")
	acts := func() int { return o.count(t, `select count(*) from audio_act`) }
	show := func() { // the room as it is, which gives the buttons
		must(t, heir.Reconcile(t.Context()))
		v.Args, v.Tap = []string{o.pressed(t, ivan, "room")}, ""
		_, err := heir.Hosted().Tap(t.Context(), v)
		must(t, err)
	}
	for _, c := range []struct {
		verb  string
		holds func() bool
	}{
		{"unmute", func() bool { return len(o.pbx.Calls()) == 1 && !o.pbx.Calls()[0].Muted }},
		{"lock", func() bool { return o.pbx.Locked(number) }},
		{"kick", func() bool { return len(o.pbx.Calls()) == 0 }},
	} {
		for n, survived := 0, false; !survived; n++ {
			o.before(t, heir, c.verb, number)
			show()
			v.Tap, v.Args = fmt.Sprint(c.verb, n), []string{o.pressed(t, ivan, c.verb)}
			had := acts()
			survived = o.dying(t, n, func(ctx context.Context, d *audiodesk.Desk) error {
				_, err := d.Hosted().Tap(ctx, v)
				return err
			})
			for range 2 {
				_, err := heir.Hosted().Tap(t.Context(), v)
				must(t, err)
			}
			if all := acts() - had; !c.holds() || all != 1 || o.count(t, `select count(*) from audio_act where outcome is distinct from 'done'`) != 0 {
				t.Errorf("%s, killed after %d messages: holds %v, on record %d times", c.verb, n, c.holds(), all)
			}
			if n > 60 {
				t.Fatal("it never comes to an end")
			}
		}
	}
}

// before brings the room into a state in which there is something to do.
func (o *office) before(t *testing.T, d *audiodesk.Desk, verb, number string) {
	t.Helper()
	if len(o.pbx.Calls()) == 0 {
		o.pbx.Visit(number, "4930999999")
	}
	in, err := d.Exchange.People(t.Context(), number)
	must(t, err)
	switch verb {
	case "unmute":
		err = d.Exchange.Mute(t.Context(), number, in[0].Channel)
	case "lock":
		err = d.Exchange.Unlock(t.Context(), number)
	}
	must(t, err)
}

// TestKilledAtEachArrowOfClosingTheRoomIsClosedAndEmpty: also where nobody handles the tap
// again, but for what is not yet written down.
func TestKilledAtEachArrowOfClosingTheRoomIsClosedAndEmpty(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	heir := o.replica(t, o.Bench, o.pbx.Addr())
	o.connect(t, heir)
	for n, survived := 0, false; !survived; n++ {
		name := fmt.Sprint("Hall ", n)
		o.newRoom(t, ivan, "Public, with names", name, "")
		var id, number string
		must(t, o.Pool.QueryRow(t.Context(), `select id, number from audio_room where name = $1`, name).Scan(&id, &number))
		o.pbx.Visit(number, "4930999999")
		must(t, heir.Reconcile(t.Context()))
		v := o.visitor(t, ivan, "")
		for _, verb := range []string{"room", "close", "close_now"} {
			var token string
			must(t, o.Pool.QueryRow(t.Context(), `select token from audio_button where room = $1 and verb = $2`, id, verb).Scan(&token))
			v.Args = []string{token}
			if verb != "close_now" {
				_, err := heir.Hosted().Tap(t.Context(), v)
				must(t, err)
			}
		}
		v.Tap = name
		survived = o.dying(t, n, func(ctx context.Context, d *audiodesk.Desk) error {
			_, err := d.Hosted().Tap(ctx, v)
			return err
		})
		closed := func() bool {
			return o.count(t, `select count(*) from audio_room where id = $1 and closed_at is not null`, id) == 1
		}
		if !closed() {
			_, err := heir.Hosted().Tap(t.Context(), v)
			must(t, err)
		}
		must(t, errors.Join(heir.Reconcile(t.Context()), heir.Reconcile(t.Context())))
		if there := o.count(t, `select count(*) from audio_presence where room_id = $1 and gone_at is null`, id); !closed() || there != 0 || len(o.pbx.Calls()) != 0 {
			t.Errorf("killed after %d messages: closed %v, %d in it, %d calls", n, closed(), there, len(o.pbx.Calls()))
		}
		_, err := heir.Hosted().Tap(t.Context(), v)
		if done := o.count(t, `select count(*) from audio_act where room_id = $1 and what = 'close' and outcome = 'done'`, id); done != 1 || err != nil {
			t.Errorf("killed after %d messages: closed %d times, %v", n, done, err)
		}
		if n > 60 {
			t.Fatal("it never comes to an end")
		}
	}
}
