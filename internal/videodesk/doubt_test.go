package videodesk_test

import (
	"strings"
	"testing"

	"countersign/internal/trueconf/trueconftest"
)

// vague puts an old server in the place of the head office's. It says that a room runs, and
// not as which session: its log has ended in between.
func (o *office) vague(t *testing.T) {
	t.Helper()
	f, err := trueconftest.Open(t.Context(), trueconftest.Options{Now: o.clock.Now, Version: "5.4.0.1"})
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	f.Break(trueconftest.Calls, trueconftest.Trouble{Do: func() { f.Stop("100") }})
	o.desk.Servers[0].Server, o.tc = o.client(t, headOffice, f), f
}

// act leaves an intent behind, as a kill does.
func (o *office) act(t *testing.T, session string) {
	t.Helper()
	_, err := o.Pool.Exec(t.Context(), `insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people)
		select 'vac_00000000000000000000000000', now() - interval '2 minutes', id, 'stop', $1, '100', $2, 'Daily', 'anna', 4 from person where external_id = 'sidorova'`,
		headOffice, session)
	must(t, err)
}

// A room that runs without its session being told may run as the one that was to be
// stopped: nobody is told that it was.
func TestSessionThatIsNotToldIsNotCalledOver(t *testing.T) {
	t.Parallel()
	t.Run("after a kill", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.vague(t)
		o.act(t, o.daily().Session)
		must(t, o.desk.Settle(t.Context()))
		if n := o.count(t, `select count(*) from video_act where outcome is null`); n != 1 || len(o.notices(t)) != 0 {
			t.Errorf("%d acts open, told %q", n, o.notices(t))
		}
	})
	t.Run("while an approval is waited for", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.routed(t)
		o.daily()
		o.request(t, operator)
		o.vague(t)
		o.daily()
		_, err := o.Pool.Exec(t.Context(), `update video_request set looked_at = looked_at - interval '2 minutes'`)
		must(t, err)
		must(t, o.desk.Decide(t.Context()))
		if n := o.count(t, `select count(*) from video_request where outcome is null`); n != 1 {
			t.Errorf("%d requests wait", n)
		}
	})
}

// A server whose stops need no approval any more takes none: the old button says so.
func TestOldRequestForAnApprovalIsRefusedInWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	o.routed(t)
	m := o.asked(t, operator)
	o.desk.Servers[0].StopRoute = ""
	if _, told := o.press(t, operator, m, "📨 Ask for it"); !told.Alert || !strings.Contains(told.Text, "/tc") {
		t.Errorf("told %+v", told)
	}
	o.runs(t, c)
}

// However many stops wait, one among them that is approved is done.
func TestManyRequestsThatWaitKeepNobodysTurn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	o.daily()
	key := o.request(t, operator)
	_, err := o.tg.Tap(t.Context(), administrator, administrator, o.card(t, administrator).ID, "✅")
	must(t, err)
	_, err = o.Pool.Exec(t.Context(), `insert into video_request (id, at, person_id, type, server, conference, session, topic, owner, people, looked_at)
		select 'vrq_' || lpad(n::text, 26, '0'), now() - interval '1 hour', id, 'unheard_of', $1, 'r' || n, n || '@srv#vcs', 'Board', 'boris', -1, now()
		from person, generate_series(1, 60) n where external_id = 'sidorova'`, headOffice)
	must(t, err)
	must(t, o.desk.Decide(t.Context()))
	if n := o.count(t, `select count(*) from video_request where id = $1 and outcome = 'approved'`, key.ExternalID); n != 1 || o.tc.Count(trueconftest.Stop) != 1 {
		t.Errorf("%d done, %d stops", n, o.tc.Count(trueconftest.Stop))
	}
}

// However many acts nobody can say the end of, the next one is looked into.
func TestManyActsOfAServerThatIsAwayKeepNobodysTurn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.Pool.Exec(t.Context(), `insert into video_act (id, at, person_id, what, server, conference, session, topic, owner, people)
		select 'vac_' || lpad(n::text, 26, '0'), now() - interval '1 hour', id, 'stop', $1, 'away', n || '@srv#vcs', 'Board', 'boris', -1
		from person, generate_series(1, 60) n where external_id = 'sidorova'`, headOffice)
	must(t, err)
	o.act(t, o.daily().Session)
	o.tc.Stop("100")
	o.tc.Break(trueconftest.One, trueconftest.Trouble{Fault: trueconftest.Bad, Times: 57}) // a few are asked at once: the youngest among the last four
	must(t, o.desk.Settle(t.Context()))
	if n := o.count(t, `select count(*) from video_act where conference = '100' and outcome = 'done'`); n != 1 {
		t.Error("the youngest act was not looked into")
	}
}
