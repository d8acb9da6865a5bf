package videodesk_test

import (
	"io/fs"
	"strings"
	"sync"
	"testing"

	"countersign/configs"
	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/telegram/telegramtest"
	"countersign/internal/trueconf/trueconftest"
	"countersign/internal/videodesk"
)

// routed makes stopping on the head office's server an approval of its administrator.
func (o *office) routed(t *testing.T) {
	t.Helper()
	text, err := fs.ReadFile(configs.Files(), "routes/conference_stop.toml")
	must(t, err)
	_, err = o.Publish(t.Context(), text, "test")
	must(t, err)
	o.desk.Servers[0].StopRoute = "conference_stop"
}

// request walks to the end of asking, and gives the document of it.
func (o *office) request(t *testing.T, account int64) document.Key {
	t.Helper()
	m := o.asked(t, account)
	if !strings.Contains(m.Text, "Ask for this conference to be stopped?") || !strings.Contains(m.Text, "nothing is stopped before they agree") {
		t.Fatalf("asked\n%s", m.Text)
	}
	o.press(t, account, m, "📨 Ask for it")
	return o.key(t)
}

func (o *office) key(t *testing.T) document.Key {
	t.Helper()
	var id string
	must(t, o.Pool.QueryRow(t.Context(), `select id from video_request order by at desc limit 1`).Scan(&id))
	return document.Key{Source: videodesk.Source, ExternalID: id}
}

func (o *office) card(t *testing.T, account int64) telegramtest.Message {
	t.Helper()
	return o.sees(t, account, "Stop of a conference", "Daily")
}

func TestStopThatTakesAnApprovalWaitsForIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	c := o.daily()
	key := o.request(t, operator)
	o.sees(t, operator, "Olga Sidorova asked for it to be stopped", "Request "+c.Session[:8]+" waits for an approval")
	card := o.card(t, administrator)
	for _, want := range []string{"No. " + c.Session[:8], "Server: Head office", "Owner: anna", "Participants: 4", "Recording: ⏺"} {
		if !strings.Contains(card.Text, want) {
			t.Errorf("%q is missing on the card\n%s", want, card.Text)
		}
	}
	must(t, o.desk.Decide(t.Context()))
	if n := o.tc.Count(trueconftest.Stop); n != 0 {
		t.Fatalf("stopped %d times before it was approved", n)
	}
	o.roles(t, "sidorova") // she may ask for nothing any more: what she asked for while she might is for others to decide
	_, err := o.tg.Tap(t.Context(), administrator, administrator, card.ID, "✅")
	must(t, err)
	must(t, o.desk.Decide(t.Context()))
	must(t, o.desk.Decide(t.Context()))
	if now, _ := o.tc.Conference("100"); now.Running || o.tc.Count(trueconftest.Stop) != 1 {
		t.Errorf("after the approval it runs: %t, told %d times", now.Running, o.tc.Count(trueconftest.Stop))
	}
	st, err := o.Document(t.Context(), key)
	must(t, err)
	if st.Case.Consumed == nil || st.Case.Consumed.Hash != st.Hash {
		t.Errorf("consumed: %+v", st.Case.Consumed)
	}
	if n := o.count(t, `select count(*) from video_request r join video_act a on a.id = r.act_id where r.outcome = 'approved' and a.outcome = 'done' and a.session = $1`, c.Session); n != 1 {
		t.Errorf("%d acts of the approval", n)
	}
	if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], "“Daily” on Head office was stopped, as you asked") {
		t.Errorf("told %q", got)
	}
}

// Whoever asks does not approve, also when he is an administrator of the server.
func TestWhoeverAsksForAStopIsNotAskedToApproveIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.roles(t, "orlova", "video_administrator@"+headOffice)
	o.routed(t)
	o.daily()
	st, err := o.Document(t.Context(), o.request(t, second))
	must(t, err)
	if st.Case.State != approval.Blocked || len(st.Awaiting) != 0 { // the nearer role is his own only
		t.Errorf("it is %s and waits for %+v", st.Case.State, st.Awaiting)
	}
}

func TestStopThatIsNotApprovedStopsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act  func(t *testing.T, o *office, key document.Key)
		told string
	}{
		"rejected": {func(t *testing.T, o *office, _ document.Key) {
			t.Helper()
			_, err := o.tg.Tap(t.Context(), administrator, administrator, o.card(t, administrator).ID, "❌")
			must(t, err)
		}, "was not approved"},
		"taken back": {func(t *testing.T, o *office, key document.Key) {
			t.Helper()
			_, err := o.Withdraw(t.Context(), key, "no need")
			must(t, err)
		}, "was not approved"},
		"over meanwhile": {func(t *testing.T, o *office, _ document.Key) {
			t.Helper()
			o.tc.Stop("100")
			_, err := o.Pool.Exec(t.Context(), `update video_request set looked_at = looked_at - interval '2 minutes'`)
			must(t, err)
		}, "was over before"},
		"started anew meanwhile": {func(t *testing.T, o *office, _ document.Key) {
			t.Helper()
			o.tc.Start("100")
			_, err := o.Pool.Exec(t.Context(), `update video_request set looked_at = looked_at - interval '2 minutes'`)
			must(t, err)
		}, "was over before"},
		"changed by somebody": {func(t *testing.T, o *office, key document.Key) {
			t.Helper()
			st, err := o.Document(t.Context(), key)
			must(t, err)
			d := st.Document
			d.Fields = map[string]string{"server": headOffice, "session": "another"}
			_, err = o.Submit(t.Context(), ledger.Submission{Key: key, Document: d})
			must(t, err)
			_, err = o.tg.Tap(t.Context(), administrator, administrator, o.sees(t, administrator, "another").ID, "✅")
			must(t, err)
		}, "was not approved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.routed(t)
			o.daily()
			key := o.request(t, operator)
			c.act(t, o, key)
			must(t, o.desk.Decide(t.Context()))
			must(t, o.desk.Decide(t.Context()))
			if n := o.tc.Count(trueconftest.Stop); n != 0 {
				t.Errorf("the server was told to stop %d times", n)
			}
			if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], c.told) {
				t.Errorf("told %q, want %q", got, c.told)
			}
			if n := o.count(t, `select count(*) from video_request where outcome is null`); n != 0 {
				t.Errorf("%d requests wait on", n)
			}
		})
	}
}

// An approval that comes when another session runs stops nothing.
func TestApprovalIsForTheSessionThatWasAskedAbout(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	o.daily()
	o.request(t, operator)
	card := o.card(t, administrator)
	now := o.tc.Start("100")
	_, err := o.tg.Tap(t.Context(), administrator, administrator, card.ID, "✅")
	must(t, err)
	must(t, o.desk.Decide(t.Context()))
	o.runs(t, now)
	if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], "was over before") {
		t.Errorf("told %q", got)
	}
}

// A process killed after it took the decision, and replicas that take it at once: the stop
// is done, once.
func TestApprovalIsActedOnOnceByWhoeverIsThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	o.daily()
	key := o.request(t, operator)
	_, err := o.tg.Tap(t.Context(), administrator, administrator, o.card(t, administrator).ID, "✅")
	must(t, err)
	st, err := o.Document(t.Context(), key)
	must(t, err)
	_, err = o.Consume(t.Context(), key, st.Hash, "stop "+key.ExternalID)
	must(t, err)
	var replicas sync.WaitGroup
	for range 4 {
		replicas.Go(func() {
			if err := o.desk.Decide(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	if now, _ := o.tc.Conference("100"); now.Running || o.tc.Count(trueconftest.Stop) != 1 {
		t.Errorf("it runs: %t, told %d times", now.Running, o.tc.Count(trueconftest.Stop))
	}
	if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], "was stopped, as you asked") {
		t.Errorf("told %q", got)
	}
}

// Two who ask, or one who taps twice, are one request; a kill before it is posted loses it not.
func TestRequestIsPostedOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	o.daily()
	first, other := o.asked(t, operator), o.asked(t, second)
	o.press(t, operator, first, "📨 Ask for it")
	o.press(t, second, other, "📨 Ask for it")
	o.sees(t, second, "Olga Sidorova asked for it")
	if n := o.count(t, `select count(*) from document where source = 'trueconf'`); n != 1 {
		t.Errorf("%d documents", n)
	}
	_, err := o.Pool.Exec(t.Context(), `insert into video_request (id, at, person_id, type, server, conference, session, topic, owner, people, looked_at)
		select 'vrq_00000000000000000000000000', now(), id, 'conference_stop', $1, '200', 'x@srv#vcs', 'Board', 'boris', -1, now() from person where external_id = 'sidorova'`, headOffice)
	must(t, err)
	must(t, o.desk.Decide(t.Context()))
	o.sees(t, administrator, "Stop of a conference", "Board")
}

func TestRequestWithoutARouteIsToldToReachNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desk.Servers[0].StopRoute = "unheard_of"
	o.daily()
	o.request(t, operator)
	if got := o.notices(t); len(got) != 1 || !strings.Contains(got[0], "no route is published") {
		t.Errorf("told %q", got)
	}
	if n := o.count(t, `select count(*) from video_request where outcome = 'unasked'`); n != 1 {
		t.Errorf("%d requests nobody was asked about", n)
	}
}

// A consent given before the server took to approvals stops nothing.
func TestOldConsentIsNoWayAroundAnApproval(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.daily()
	m := o.asked(t, operator)
	o.routed(t)
	if _, told := o.press(t, operator, m, "⏹ Stop it for everybody"); !told.Alert {
		t.Errorf("told %+v", told)
	}
	o.runs(t, c)
}
