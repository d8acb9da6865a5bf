package audiodesk_test

import (
	"testing"

	"countersign/internal/asterisk/asterisktest"
	"countersign/internal/telegram/telegramtest"
)

// TestWhatBecameOfAnActIsFoundOutByLooking: the exchange took it and its answer was lost, or
// never got it. Nothing is done to anybody a second time.
func TestWhatBecameOfAnActIsFoundOutByLooking(t *testing.T) {
	t.Parallel()
	o := newHouse(t, telegramtest.RealClock())
	o.connect(t, o.desk)
	o.newRoom(t, ivan, "Public, with names", "Hall", "")
	number, person := o.number(t), o.person(t, ivan).ID
	show := func() {
		must(t, o.desk.Reconcile(t.Context()))
		_, err := o.desk.Hosted().Tap(t.Context(), o.visitor(t, ivan, "", o.pressed(t, ivan, "room")))
		must(t, err)
	}
	for _, c := range []struct {
		name   string
		verb   string
		action string
		fault  asterisktest.Fault
		then   func() // before somebody looks
		want   string
	}{
		{"muted, and the answer lost", "mute", "ConfbridgeMute", asterisktest.Lost, nil, "done"},
		{"not muted", "mute", "ConfbridgeMute", asterisktest.Cut, nil, "failed"},
		{"locked, and the answer lost", "lock", "ConfbridgeLock", asterisktest.Lost, nil, "done"},
		{"not locked", "lock", "ConfbridgeLock", asterisktest.Cut, nil, "failed"},
		{"he left before he could be muted", "mute", "ConfbridgeMute", asterisktest.Cut, func() { o.pbx.HangUp("4930999999") }, "over"},
		{"locked, until the last one left", "lock", "ConfbridgeLock", asterisktest.Lost, func() { o.pbx.HangUp("4930999999") }, "over"},
		{"not removed", "kick", "ConfbridgeKick", asterisktest.Cut, nil, "failed"},
		{"removed, and the answer lost", "kick", "ConfbridgeKick", asterisktest.Lost, nil, "done"},
	} {
		o.before(t, o.desk, map[string]string{"lock": "lock"}[c.verb], number)
		in, err := o.desk.Exchange.People(t.Context(), number)
		must(t, err)
		if c.verb == "mute" {
			must(t, o.desk.Exchange.Unmute(t.Context(), number, in[0].Channel))
		}
		show()
		o.pbx.Break(c.action, asterisktest.Trouble{Fault: c.fault, Times: 1})
		told, err := o.desk.Hosted().Tap(t.Context(), o.visitor(t, ivan, "tap "+c.name, o.pressed(t, ivan, c.verb)))
		if must(t, err); !told.Loud {
			t.Errorf("%s: he is told %q", c.name, told.Notice)
		}
		open := o.count(t, `select count(*) from audio_act where outcome is null`)
		if c.then != nil {
			c.then()
		}
		before := o.pbx.Count(c.action)
		o.wait(t, "the line is up again, and it is looked", func() bool {
			return o.desk.Settle(t.Context()) == nil && o.count(t, `select count(*) from audio_act where outcome is null`) == 0
		})
		var got string
		must(t, o.Pool.QueryRow(t.Context(), `select coalesce(outcome, '') from audio_act where person_id = $1 order by at desc, id desc limit 1`, person).Scan(&got))
		if got != c.want || open != 1 || o.pbx.Count(c.action) != before {
			t.Errorf("%s: %q with %d open, asked %d times more; want %s", c.name, got, open, o.pbx.Count(c.action)-before, c.want)
		}
	}
}
