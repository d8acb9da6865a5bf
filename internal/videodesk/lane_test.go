package videodesk_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/notice"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videodesk"
	"countersign/internal/wake"
)

// held adds a server that takes requests and answers none until the test ends.
func (o *office) held(t *testing.T, name string) {
	t.Helper()
	gate := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gate }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(gate) })
	s, err := trueconf.Open(trueconf.Options{
		Name: name, Address: silent.URL, Engine: "-", ClientID: trueconftest.ClientID, ClientSecret: trueconftest.ClientSecret, Now: o.clock.Now, Timeout: time.Hour,
	})
	must(t, err)
	t.Cleanup(s.Close)
	o.desk.Servers = append(o.desk.Servers, videodesk.Server{Server: s, StopRoute: "conference_stop"})
}

// await waits for something that a loop does.
func await(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatalf("never: %s", what)
	}
}

// A server that does not answer takes its own time: what was decided about others is done.
func TestServerThatIsHeldHoldsNoOther(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	o.held(t, "Away")
	o.desk.Patience = time.Hour
	bell := &wake.Bell{}
	o.desk.Notices = &notice.Store{Pool: o.Pool, Bell: bell}
	_, err := o.Pool.Exec(t.Context(), `with p as (select id from person where external_id = 'sidorova'), r as (
			insert into video_request (id, at, person_id, type, server, conference, session, topic, owner, people, looked_at)
			select 'vrq_' || lpad(n::text, 26, '0'), now() - interval '2 hours', id, 'conference_stop', 'Away', 'r' || n, n || '@srv#vcs', 'Board', 'boris', -1, now() - interval '1 hour' from p, generate_series(1, 9) n)
		insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people)
		select 'vac_' || lpad(n::text, 26, '0'), now() - interval '1 hour', id, 'stop', 'Away', 'r' || n, 'x' || n || '@srv#vcs', 'Board', 'boris', -1 from p, generate_series(1, 9) n`)
	must(t, err)
	must(t, o.desk.Decide(t.Context())) // posts them
	ctx, cancel := context.WithCancel(t.Context())
	var loop sync.WaitGroup
	loop.Go(func() { _ = o.desk.Run(ctx) })
	defer loop.Wait()
	defer cancel()
	for range 2 {
		stopped := make(chan struct{})
		o.tc.Break(trueconftest.Stop, trueconftest.Trouble{Times: 1, Do: func() { close(stopped) }})
		c := o.daily()
		o.request(t, operator)
		card, told := o.sees(t, administrator, "Stop of a conference", c.Session[:8]), bell.Wait()
		_, err := o.tg.Tap(t.Context(), administrator, administrator, card.ID, "✅")
		must(t, err)
		await(t, "the stop of a server that is well", stopped)
		await(t, "its end", told)
	}
}

// A screen of a server that does not answer says so, with all that is known without it.
func TestScreenOfAServerThatHangsIsShownAllTheSame(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	m := o.walk(t, operator, "🖥 Head office", "🎥 Conferences")
	o.tc.Break(trueconftest.Participants, trueconftest.Trouble{Fault: trueconftest.Hang, After: 1}) // the list counts people, too
	o.desk.Patience = time.Second
	m, _ = o.press(t, operator, m, "1. ")
	if !strings.Contains(m.Text, "🎥 Daily") || !strings.Contains(m.Text, "did not answer in time") {
		t.Errorf("the conference:\n%s", m.Text)
	}
	o.tc.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.Hang})
	m = o.walk(t, viewer, "🖥 Head office")
	if !strings.Contains(m.Text, "Web and API: ❌ The server did not answer in time") || !strings.Contains(m.Text, "As of ") {
		t.Errorf("the server:\n%s", m.Text)
	}
	o.runs(t, c)
}

// Whoever taps waits no longer than for a screen. The stop goes on, once, and he is told how
// it ended.
func TestStopThatTakesLongIsToldLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	bell := &wake.Bell{}
	o.desk.Notices = &notice.Store{Pool: o.Pool, Bell: bell}
	o.daily()
	m := o.asked(t, operator)
	gate := make(chan struct{})
	o.tc.Break(trueconftest.Stop, trueconftest.Trouble{Times: 1, Do: func() { <-gate }})
	o.desk.Patience = time.Second
	m, _ = o.press(t, operator, m, "⏹ Stop it for everybody")
	if !strings.Contains(m.Text, "It is not known yet whether “Daily” was stopped") {
		t.Errorf("told\n%s", m.Text)
	}
	rung := bell.Wait()
	close(gate)
	await(t, "the end", rung)
	if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], "“Daily” on Head office was stopped, as you asked") {
		t.Errorf("told %q", got)
	}
	if got := o.recorded(t); got != "sidorova stop done" || o.tc.Count(trueconftest.Stop) != 1 {
		t.Errorf("on record is %q after %d stops", got, o.tc.Count(trueconftest.Stop))
	}
	m, _ = o.press(t, operator, m, "🔄 Refresh")
	if !strings.Contains(m.Text, "The conference was stopped") {
		t.Errorf("told\n%s", m.Text)
	}
}

// Whoever asks again is shown the request; what was decided on it meanwhile is the loop's.
func TestTapThatAsksAgainDoesNotWaitForTheStop(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	c := o.daily()
	first, other := o.asked(t, operator), o.asked(t, second)
	o.press(t, operator, first, "📨 Ask for it")
	_, err := o.tg.Tap(t.Context(), administrator, administrator, o.card(t, administrator).ID, "✅")
	must(t, err)
	o.press(t, second, other, "📨 Ask for it")
	o.runs(t, c)
}

// A server that left the settings: nobody is asked about it any more, and nobody is told
// that its conference is over, which nobody knows.
func TestServerThatLeftTheSettingsIsSaidToHave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		approve bool
		state   approval.State
	}{"before it was decided": {false, approval.Withdrawn}, "after": {true, approval.Approved}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.routed(t)
			run := o.daily()
			key := o.request(t, operator)
			if c.approve {
				_, err := o.tg.Tap(t.Context(), administrator, administrator, o.card(t, administrator).ID, "✅")
				must(t, err)
			}
			o.desk.Servers = nil
			must(t, o.desk.Decide(t.Context()))
			if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], "in the settings of the gateway no more") {
				t.Errorf("told %q", got)
			}
			if got := o.recorded(t); got != "sidorova ask orphaned" {
				t.Errorf("on record is %q", got)
			}
			if st, err := o.Document(t.Context(), key); err != nil || st.Case.State != c.state {
				t.Errorf("%+v, %v", st.Case.State, err)
			}
			o.runs(t, run)
		})
	}
}
