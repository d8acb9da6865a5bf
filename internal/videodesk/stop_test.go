package videodesk_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf/trueconftest"
)

// asked walks to the question whether the first conference is to be stopped.
func (o *office) asked(t *testing.T, account int64) telegramtest.Message {
	t.Helper()
	return o.walk(t, account, "🖥 Head office", "🎥 Conferences", "1. ", "⏹ Stop it")
}

func TestStopIsAskedForNamesWhatItIsAndEndsInAReceipt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	m := o.asked(t, operator)
	for _, want := range []string{
		"Stop this conference?", "Daily", "Owner: anna", "In it now: 4 participants", "Being recorded: yes", "(2 h)", "Among them: Anna A., Boris, Gus, Room 9",
	} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	if n := o.tc.Count(trueconftest.Stop); n != 0 {
		t.Fatalf("stopped %d times before anybody agreed", n)
	}
	yes := data(t, m, "⏹ Stop it for everybody")
	m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
	for _, want := range []string{"The conference was stopped", "Topic: Daily", "Stopped by: Olga Sidorova", "Were in it: 4 participants", "When: "} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in the receipt\n%s", want, m.Text)
		}
	}
	if _, again := m.Button("⏹"); again {
		t.Errorf("the receipt offers %v", labels(m))
	}
	if now, _ := o.tc.Conference("100"); now.Running {
		t.Error("it runs still")
	}
	o.forge(t, operator, m, yes) // the same tap once more, as from another device
	o.sees(t, operator, "The conference was stopped", "Stopped by: Olga Sidorova")
	if n := o.tc.Count(trueconftest.Stop); n != 1 {
		t.Errorf("the server was told %d times", n)
	}
	if n := o.count(t, `select count(*) from video_act where outcome = 'done' and session = $1 and topic = 'Daily' and people = 4 and recording`, c.Session); n != 1 {
		t.Errorf("%d acts on record", n)
	}
	m = o.walk(t, administrator, "🖥 Head office", "📒 Who did what")
	if !strings.Contains(m.Text, "Daily") || !strings.Contains(m.Text, "Olga Sidorova · stopped") {
		t.Errorf("who did what:\n%s", m.Text)
	}
}

func TestManyTapsAtOnceStopOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.daily()
	first, other := o.asked(t, operator), o.asked(t, second)
	var taps sync.WaitGroup
	for i := range 12 {
		account, m := int64(operator), first
		if i%2 == 0 {
			account, m = second, other
		}
		data := data(t, m, "⏹ Stop it for everybody")
		taps.Go(func() {
			forged, err := o.tg.Forge(account, account, m.ID, data)
			if err == nil {
				_, err = forged.Wait(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	taps.Wait()
	o.sees(t, operator, "The conference was stopped")
	o.sees(t, second, "The conference was stopped")
	if n := o.tc.Count(trueconftest.Stop); n != 1 {
		t.Errorf("the server was told %d times", n)
	}
	if n := o.count(t, `select count(*) from video_act`); n != 1 {
		t.Errorf("%d acts", n)
	}
}

// The API stops whatever runs in a room. What was started anew since it was shown goes on.
func TestStopNeverHitsAnotherSession(t *testing.T) {
	t.Parallel()
	t.Run("started anew before the tap", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.daily()
		m := o.asked(t, operator)
		now := o.tc.Start("100")
		m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
		if !strings.Contains(m.Text, "Nothing was stopped") || !strings.Contains(m.Text, "started anew") {
			t.Errorf("told\n%s", m.Text)
		}
		o.runs(t, now)
		m, _ = o.press(t, operator, m, "🎥 Show it")
		if _, may := m.Button("⏹ Stop it"); !may {
			t.Errorf("the new one:\n%s", m.Text)
		}
	})
	t.Run("started anew while the server is asked", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.daily()
		m := o.asked(t, operator)
		var now trueconftest.Conference
		o.tc.Break(trueconftest.One, trueconftest.Trouble{Times: 1, Do: func() { now = o.tc.Start("100") }})
		m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
		if !strings.Contains(m.Text, "Nothing was stopped") {
			t.Errorf("told\n%s", m.Text)
		}
		o.runs(t, now)
		if n := o.count(t, `select count(*) from video_act where outcome = 'other'`); n != 1 {
			t.Errorf("%d acts that left another session alone", n)
		}
	})
	t.Run("over before the tap", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.daily()
		m := o.asked(t, operator)
		o.tc.Stop("100")
		m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
		if !strings.Contains(m.Text, "Nothing had to be stopped") || o.tc.Count(trueconftest.Stop) != 0 {
			t.Errorf("told\n%s", m.Text)
		}
	})
}

func (o *office) runs(t *testing.T, want trueconftest.Conference) {
	t.Helper()
	if c, _ := o.tc.Conference(want.ID); !c.Running || c.Session != want.Session {
		t.Errorf("session %s was stopped: %+v", want.Session, c)
	}
	if n := o.tc.Count(trueconftest.Stop); n != 0 {
		t.Errorf("the server was told to stop %d times", n)
	}
}

func TestRightsAreLookedUpAtEveryTap(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	m := o.asked(t, operator)
	yes := data(t, m, "⏹ Stop it for everybody")

	o.roles(t, "sidorova", "video_viewer")
	if _, told := o.press(t, operator, m, "⏹ Stop it for everybody"); !told.Alert || !strings.Contains(told.Text, "Your role does not allow this") {
		t.Errorf("an operator no more is told %+v", told)
	}
	o.roles(t, "sidorova", "video_operator@Laboratory", "treasurer")
	if _, told := o.press(t, operator, m, "⏹ Stop it for everybody"); !told.Alert || !strings.Contains(told.Text, "You may not look at this server any more") {
		t.Errorf("somebody of another server is told %+v", told)
	}
	if told := o.forge(t, second, m, yes); !told.Alert || !strings.Contains(told.Text, "not yours") {
		t.Errorf("another operator with that token is told %+v", told)
	}
	if told := o.forge(t, stranger, m, yes); !told.Alert || strings.Contains(told.Text, "office") {
		t.Errorf("a stranger with that token is told %+v", told)
	}
	o.runs(t, c)
}

func TestButtonsThatAreOldOrUnknownAreRefusedInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	m := o.asked(t, operator)
	for _, data := range []string{"m:tc", "m:tc:", "m:tc:x", "m:tc:AAAAAAAAAAAAAAAAAAAAAAAAAA", "m:tc:a:b", "m:tc:%00'--"} {
		if told := o.forge(t, operator, m, data); !told.Alert || !strings.Contains(told.Text, "/tc") {
			t.Errorf("%q is told %+v", data, told)
		}
	}
	_, err := o.Pool.Exec(t.Context(), `update video_button set expires_at = now() - interval '1 second' where verb = 'stop_now'`)
	must(t, err)
	if _, told := o.press(t, operator, m, "⏹ Stop it for everybody"); !told.Alert || !strings.Contains(told.Text, "too old") {
		t.Errorf("an old consent is told %+v", told)
	}
	if n, err := o.desk.Store.Purge(t.Context()); n != 1 || err != nil {
		t.Errorf("%d old buttons removed, %v", n, err)
	}
	o.runs(t, c)
}

func TestLookingAgainFillsNoTable(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.daily()
	m := o.walk(t, operator, "🖥 Head office", "🎥 Conferences")
	n := o.count(t, `select count(*) from video_button`)
	for range 5 {
		m, _ = o.press(t, operator, m, "🔄 Refresh")
	}
	if now := o.count(t, `select count(*) from video_button`); now != n {
		t.Errorf("%d buttons grew to %d", n, now)
	}
}

func TestRefusedStopIsSaidAndMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	m := o.asked(t, operator)
	o.tc.Grant("conferences:read", "users:read", "logs.calls:read", "logs.calls.participants:read")
	o.tc.Revoke()
	m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
	if !strings.Contains(m.Text, "lacks the right conferences") {
		t.Errorf("told\n%s", m.Text)
	}
	if now, _ := o.tc.Conference("100"); !now.Running {
		t.Error("it was stopped")
	}
	o.tc.Grant(trueconftest.Scopes()...)
	o.tc.Revoke()
	o.press(t, operator, m, "🔄 Refresh")
	o.sees(t, operator, "The conference was stopped")
	if n := o.count(t, `select count(*) from video_act where session = $1`, c.Session); n != 2 {
		t.Errorf("%d acts, want the one that failed and the other", n)
	}
}

// A process that is killed after it told the server, or before, leaves an intent. What
// became of it is looked for; nothing is stopped by that.
func TestIntentLeftByAKillIsLookedInto(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(o *office)
		want   string
		told   string
	}{
		"it was stopped":           {func(o *office) { o.tc.Stop("100") }, "done", "was stopped, as you asked"},
		"it was not":               {func(*office) {}, "failed", "could not be stopped"},
		"it was started anew":      {func(o *office) { o.tc.Start("100") }, "done", "was stopped"},
		"the room is gone":         {func(o *office) { o.tc.Remove("100") }, "done", "was stopped"},
		"the server does not tell": {func(o *office) { o.tc.Break(trueconftest.One, trueconftest.Trouble{Fault: trueconftest.Trouble5}) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			run := o.daily()
			_, err := o.Pool.Exec(t.Context(), `insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people)
				select 'vac_00000000000000000000000000', now() - interval '2 minutes', id, 'stop', $1, '100', $2, 'Daily', 'anna', 4 from person where external_id = 'sidorova'`,
				headOffice, run.Session)
			must(t, err)
			c.before(o)
			must(t, o.desk.Settle(t.Context()))
			must(t, o.desk.Settle(t.Context()))
			var got string
			must(t, o.Pool.QueryRow(t.Context(), `select coalesce(outcome, '') from video_act`).Scan(&got))
			if got != c.want {
				t.Errorf("found out %q, want %q", got, c.want)
			}
			if n := o.tc.Count(trueconftest.Stop); n != 0 {
				t.Errorf("the server was told to stop %d times", n)
			}
			texts := o.notices(t)
			if c.told == "" && len(texts) != 0 || c.told != "" && (len(texts) != 1 || !strings.Contains(texts[0], c.told)) {
				t.Errorf("told %q, want %q", texts, c.told)
			}
		})
	}
}

// While nobody knows how it ended, a second tap stops nothing.
func TestUnknownOutcomeIsSaidAndNotTriedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.daily()
	m := o.asked(t, operator)
	o.tc.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Trouble5})
	m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
	if !strings.Contains(m.Text, "It is not known yet whether “Daily” was stopped") {
		t.Fatalf("told\n%s", m.Text)
	}
	n := o.tc.Count(trueconftest.Stop)
	o.tc.Mend()
	m, _ = o.press(t, operator, m, "🔄 Refresh")
	if !strings.Contains(m.Text, "It is not known yet") || o.tc.Count(trueconftest.Stop) != n {
		t.Errorf("tapped again:\n%s", m.Text)
	}
}

// notices are the texts of what people are to be told, in English.
func (o *office) notices(t *testing.T) (all []string) {
	t.Helper()
	rows, err := o.Pool.Query(t.Context(), `select body ->> 'key', body -> 'data' from notice order by created_at`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var key string
		var data map[string]any
		must(t, rows.Scan(&key, &data))
		all = append(all, o.texts.For("en").T(key, data))
	}
	must(t, errors.Join(rows.Err()))
	return slices.Clip(all)
}
