package videodesk_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/deed"
	"countersign/internal/ident"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// recorded are the deeds on the server, the oldest first.
func (o *office) recorded(t *testing.T) string {
	t.Helper()
	all, _, err := o.desk.Deeds.Find(t.Context(), deed.Query{Server: headOffice, Limit: 50})
	must(t, err)
	dir, err := o.Directory.Snapshot(t.Context())
	must(t, err)
	var out []string
	for _, d := range all {
		p, _ := dir.Person(d.By.Person)
		out = append([]string{strings.TrimSpace(p.ExternalID + " " + d.What + " " + d.Outcome)}, out...)
	}
	return strings.Join(out, ", ")
}

// A stop that takes an approval: who asked, how that ended, and what was done then.
func TestRequestItsEndAndItsActAreOnRecord(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.routed(t)
	o.daily()
	key := o.request(t, operator)
	if got := o.recorded(t); got != "sidorova ask" {
		t.Errorf("asked: %q", got)
	}
	_, err := o.tg.Tap(t.Context(), administrator, administrator, o.card(t, administrator).ID, "✅")
	must(t, err)
	must(t, o.desk.Decide(t.Context()))
	must(t, o.desk.Decide(t.Context()))
	if got := o.recorded(t); got != "sidorova ask approved, sidorova stop done" {
		t.Errorf("approved: %q", got)
	}
	all, _, err := o.desk.Deeds.Find(t.Context(), deed.Query{About: key.ExternalID, Limit: 9})
	if err != nil || len(all) != 2 || all[0].Topic != "Daily" || all[0].People != 4 {
		t.Errorf("by the request: %+v, %v", all, err)
	}
	m := o.walk(t, administrator, "🖥 Head office", "📒 Who did what")
	if !strings.Contains(m.Text, "Olga Sidorova · stopped") || !strings.Contains(m.Text, "Olga Sidorova · asked for a stop: approved") {
		t.Errorf("who did what:\n%s", m.Text)
	}
}

// Whoever puts an alert off is on record in the same commit: without the one there is not
// the other.
func TestAlertIsPutOffAndRecordedOrNeither(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"video_act", "video_deed"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			c := o.lonely()
			o.alert(t, "sidorova", operator, trueconf.Conference{ID: c.ID, Session: c.Session})
			m := o.sees(t, operator, "alert")
			owner := ledgertest.On(t, o.OwnerURL, o.OwnerURL)
			_, err := owner.Pool.Exec(t.Context(), `alter table `+table+` add constraint no_more check (false) not valid`)
			must(t, err)
			for _, button := range []string{"💤 Remind in 1 h", "🔕 Ignore"} {
				o.forge(t, operator, m, data(t, m, button))
			}
			if n := o.count(t, `select count(*) from watch_session where snoozed_until is not null or ignored_at is not null`); n != 0 {
				t.Error("done, and nobody knows by whom")
			}
		})
	}
}

// Who did what is not only people: the gateway's own stops and what other systems do to
// meetings stand among it, as far back as there are pages.
func TestWhoDidWhatIsEverybodyPageByPage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	note := func(d deed.Deed) {
		t.Helper()
		d.Server, d.People = headOffice, -1
		must(t, deed.Note(t.Context(), o.Pool, d))
	}
	for i := range 12 {
		note(deed.Deed{ID: ident.Of("vdd", fmt.Sprint(i)), At: time.Now().Add(-time.Hour), What: deed.Stop, Session: "1@srv", Topic: fmt.Sprintf("Talk %02d", i), Outcome: deed.CalledOff})
	}
	note(deed.Deed{By: deed.By{Source: "erp1c", Key: "key_7"}, What: deed.Revoke, Meeting: "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", Outcome: deed.Done})
	note(deed.Deed{By: deed.By{Guest: true}, What: deed.Open, Meeting: "mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", Outcome: deed.Done})
	m := o.walk(t, administrator, "🖥 Head office", "📒 Who did what")
	for _, want := range []string{"Meeting mtg_06f1z2k3m4n5p6q7r8s9t0v1w2", "erp1c (by its API key) · called off", "a guest · conference opened", "the gateway itself · not stopped: somebody came back"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("%q is missing in\n%s", want, m.Text)
		}
	}
	first := strings.Count(m.Text, "Talk ")
	m, _ = o.press(t, administrator, m, "More ▶️")
	if n := strings.Count(m.Text, "Talk "); first != 8 || n != 4 || strings.Contains(m.Text, "erp1c") {
		t.Errorf("%d, and then %d on\n%s", first, n, m.Text)
	}
	if _, more := m.Button("More ▶️"); more {
		t.Error("there is more after the last")
	}
}

// Every word that the record may hold is said in each language.
func TestEveryDeedHasItsWords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	outcomes := map[string][]string{
		deed.Stop: {"", deed.Done, deed.Over, deed.Other, deed.Failed, deed.CalledOff, deed.Unclear}, deed.Ask: {"", "approved", "refused", "over", "unasked", "orphaned"},
		deed.Close: {"left", "idle", "too_old", "revoked", "gone"}, deed.Open: {"", deed.Done, deed.Unclear}, deed.Forget: {deed.Unclear},
	}
	for _, what := range []string{deed.Snooze, deed.Ignore, deed.Arrange, deed.Call, deed.Prolong, deed.Replace, deed.Revoke, deed.Admit, deed.Decline, deed.Join} {
		outcomes[what] = []string{deed.Done}
	}
	for what, all := range outcomes {
		for _, outcome := range all {
			must(t, deed.Note(t.Context(), o.Pool, deed.Deed{What: what, Outcome: outcome, Server: headOffice, People: -1}))
		}
	}
	m := o.walk(t, administrator, "🖥 Head office", "📒 Who did what")
	for pages := 0; ; pages++ {
		if strings.Contains(m.Text, "video.did") {
			t.Errorf("no words for a deed:\n%s", m.Text)
		}
		if _, more := m.Button("More ▶️"); !more {
			if pages != 3 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
		m, _ = o.press(t, administrator, m, "More ▶️")
	}
	if n := o.tc.Count(trueconftest.Stop); n != 0 {
		t.Errorf("%d stops", n)
	}
}
