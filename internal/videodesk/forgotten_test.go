package videodesk_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/notice"
	"countersign/internal/telegram"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videowatch"
)

// lonely puts a conference on the server in which only the owner is left.
func (o *office) lonely() trueconftest.Conference {
	return o.tc.Put(trueconftest.Conference{
		ID: "200", Topic: "Stand-up", Owner: "anna", Running: true, Started: o.clock.Now().Add(-5 * time.Hour),
		People: []trueconftest.Person{{ID: "anna@srv.example", Name: "Anna", Role: 2}},
	})
}

func TestForgottenConferencesAreShownWithTheReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.daily()
	o.lonely()
	o.tc.Put(trueconftest.Conference{
		ID: "300", Topic: "Just begun", Owner: "anna", Running: true, People: []trueconftest.Person{{ID: "anna@srv.example", Name: "Anna", Role: 2}},
	})
	m := o.walk(t, viewer, "🖥 Head office", "🕰 Forgotten")
	for _, want := range []string{"1 conference may have been left running", "1. Stand-up", "Only its owner or a moderator is left.", "5 h"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	if strings.Contains(m.Text, "Daily") || strings.Contains(m.Text, "Just begun") {
		t.Errorf("what is not forgotten is shown:\n%s", m.Text)
	}
	m, _ = o.press(t, viewer, m, "1. Stand-up")
	if !strings.Contains(m.Text, "🎥 Stand-up") {
		t.Errorf("shown\n%s", m.Text)
	}
}

// What the server does not tell is counted, and never called forgotten.
func TestConferencesWhosePeopleAreNotToldAreNotCalledForgotten(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.lonely()
	o.tc.Break(trueconftest.Participants, trueconftest.Trouble{Fault: trueconftest.Trouble5})
	m := o.walk(t, viewer, "🖥 Head office", "🕰 Forgotten")
	if !strings.Contains(m.Text, "Of 1 conference the server tells too little") || strings.Contains(m.Text, "left running") {
		t.Errorf("shown\n%s", m.Text)
	}
}

// alert puts the buttons of an alert under a message of the bot, as the monitor does.
func (o *office) alert(t *testing.T, id string, account int64, c trueconf.Conference) [][]notice.Button {
	t.Helper()
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, _ := dir.Find(id)
	var rows [][]notice.Button
	must(t, pgx.BeginFunc(t.Context(), o.Pool, func(tx pgx.Tx) error {
		rows, err = o.desk.Buttons(t.Context(), tx, p.ID, headOffice, c)
		return err
	}))
	var under [][]telegram.Button
	for _, row := range rows {
		var made []telegram.Button
		for _, b := range row {
			made = append(made, telegram.Button{Text: b.Text, Data: b.Data})
		}
		under = append(under, made)
	}
	k, err := telegram.NewKeyboard(under...)
	must(t, err)
	_, err = o.door.Telegram.Send(t.Context(), telegram.Outgoing{ChatID: account, HTML: "alert", Keyboard: k})
	must(t, err)
	return rows
}

func TestButtonsUnderAnAlertAreWhatThePersonMayDo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	put := o.lonely()
	c := trueconf.Conference{ID: put.ID, Session: put.Session, Topic: put.Topic}
	count := func(rows [][]notice.Button) (n int) {
		for _, row := range rows {
			n += len(row)
		}
		return n
	}
	if got := count(o.alert(t, "petrov", viewer, c)); got != 1 {
		t.Errorf("a viewer has %d buttons", got)
	}
	if got := count(o.alert(t, "ivanova", nobody, c)); got != 0 {
		t.Errorf("somebody without a right has %d buttons", got)
	}
	if got := count(o.alert(t, "sidorova", operator, c)); got != 4 {
		t.Errorf("an operator has %d buttons", got)
	}
	m := o.sees(t, operator, "alert")
	later := data(t, m, "💤 Remind in 1 h")
	ignore := data(t, m, "🔕 Ignore")
	m, _ = o.press(t, operator, m, "💤 Remind in 1 h")
	if !strings.Contains(m.Text, "Nobody is reminded of it for an hour") || !strings.Contains(m.Text, "Stand-up") {
		t.Errorf("put off:\n%s", m.Text)
	}
	o.forge(t, operator, m, ignore)
	o.sees(t, operator, "Nobody is told of it again")
	if n := o.count(t, `select count(*) from watch_session where session = $1 and snoozed_until > now() and ignored_at is not null`, put.Session); n != 1 {
		t.Errorf("%d sessions are left alone", n)
	}
	if n := o.count(t, `select count(*) from video_act where what in ('snooze', 'ignore') and outcome = 'done' and topic = 'Stand-up'`); n != 2 {
		t.Errorf("%d acts on record", n)
	}
	if told := o.forge(t, viewer, m, later); !told.Alert {
		t.Errorf("another person's button is told %+v", told)
	}
	m = o.sees(t, operator, "Nobody is told of it again")
	o.press(t, operator, m, "🎥 Show it")
	m = o.sees(t, operator, "🎥 Stand-up", "In it now: 1 participant")
	if _, may := m.Button("⏹ Stop it"); !may {
		t.Errorf("offered %v", labels(m))
	}
	m = o.walk(t, administrator, "🖥 Head office", "📒 Who did what")
	if !strings.Contains(m.Text, "alert put off") || !strings.Contains(m.Text, "alert turned off") {
		t.Errorf("who did what:\n%s", m.Text)
	}
}

func TestEverybodyChoosesHisAlerts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	m := o.walk(t, operator, "🖥 Head office", "🔔 My alerts")
	if !strings.Contains(m.Text, "Server down or back: on") || !strings.Contains(m.Text, "Forgotten conferences: on") {
		t.Fatalf("at first:\n%s", m.Text)
	}
	off := data(t, m, "🔕 Forgotten conferences")
	if _, told := o.press(t, operator, m, "🔕 Forgotten conferences"); told.Text != "Saved." || told.Alert {
		t.Errorf("told %+v", told)
	}
	o.sees(t, operator, "Server down or back: on", "Forgotten conferences: off")
	o.forge(t, operator, m, off) // twice is as once
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	p, _ := dir.Find("sidorova")
	got, err := o.desk.Watch.Wants(t.Context(), p, headOffice)
	if want := (videowatch.Wants{Alerts: true}); err != nil || got != want {
		t.Errorf("wants %+v, %v", got, err)
	}
	m = o.walk(t, viewer, "🖥 Head office", "🔔 My alerts")
	if !strings.Contains(m.Text, "Server down or back: off") {
		t.Errorf("a viewer who chose nothing:\n%s", m.Text)
	}
}

// The monitor's word is on the screen beside what is found now.
func TestStatusShowsWhatTheMonitorSays(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := &videowatch.Watch{Store: o.desk.Watch, Directory: o.Directory, Notices: o.desk.Notices, Now: o.clock.Now, Log: o.desk.Log}
	s := videowatch.Server{Client: o.desk.Servers[0].Server, Check: videowatch.Check{Every: time.Millisecond, Needed: 1, Of: 1}}
	look := func() {
		for range 3 {
			_, err := w.CheckOnce(t.Context(), s)
			must(t, errors.Join(err))
		}
	}
	look()
	m := o.walk(t, viewer, "🖥 Head office")
	if !strings.Contains(m.Text, "🟢 The monitor finds all parts well") {
		t.Errorf("all is well:\n%s", m.Text)
	}
	o.tc.CloseEngine()
	look()
	m, _ = o.press(t, viewer, m, "🔄 Refresh")
	if !strings.Contains(m.Text, "🔴 The monitor: Media engine, down since") {
		t.Errorf("without an engine:\n%s", m.Text)
	}
}
