package meet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/deed"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/meet"
	"countersign/internal/trueconf/trueconftest"
)

// recorded are the deeds about some meeting or case, the oldest first: who, what, how.
func (h *house) recorded(tb testing.TB, about string) string {
	tb.Helper()
	all, _, err := (&deed.Store{Pool: h.Pool}).Find(tb.Context(), deed.Query{About: about, Limit: 50})
	must(tb, err)
	dir, err := h.Directory.Snapshot(tb.Context())
	must(tb, err)
	var out []string
	for _, d := range all {
		who := "rule"
		switch {
		case d.By.Person != "":
			p, _ := dir.Person(d.By.Person)
			who = p.ExternalID
		case d.By.Source != "":
			who = d.By.Source + " " + d.By.Key
		case d.By.Guest:
			who = "guest"
		}
		if d.Server != clinic || d.Topic != "" || d.At.IsZero() {
			tb.Errorf("on record is %+v", d)
		}
		out = append([]string{strings.TrimSpace(fmt.Sprintf("%s: %s %s", strings.TrimSpace(who), d.What, d.Outcome))}, out...)
	}
	return strings.Join(out, ", ")
}

func (h *house) records(tb testing.TB, what, about, want string) {
	tb.Helper()
	if got := h.recorded(tb, about); got != want {
		tb.Errorf("%s: on record is\n%s\nwant\n%s", what, got, want)
	}
}

// Whatever is done to a meeting stays on record when the meeting itself is kept no longer,
// and nothing of its guests does.
func TestEachDeedOfAMeetingIsOnRecordForGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, func(w *meet.Wanted) { w.Lobby, w.Key, w.Topic = true, "key_7", "Zacharias and his back" }, meet.Guest{Name: "Zacharias"}, meet.Guest{})
	ann, eve := h.visit(t, m.Links[0].URL), h.visit(t, m.Links[1].URL)
	ann.joins(t, "Zacharias")
	_, admit, _ := h.card(t)
	eve.joins(t, "Evangelina")
	_, _, decline := h.card(t)
	for range 2 { // the same tap again is no deed
		h.tap(t, "petrov", admit)
		h.tap(t, "petrov", decline)
	}
	for range 2 {
		ann.joins(t, "Zacharias")
	}
	for range 2 {
		_, err := h.desk.Revoke(t.Context(), m.Source, m.ID, "key_8")
		must(t, err)
	}
	want := ledgertest.Source + " key_7: arrange done, petrov: admit done, petrov: decline done, guest: open done, guest: join done, " + ledgertest.Source + " key_8: revoke done, rule: close revoked"
	h.records(t, "while it is kept", m.ID, want)
	h.Clock.Advance(100 * 24 * time.Hour)
	must(t, h.desk.Purge(t.Context(), h.Clock.Now().Add(-90*24*time.Hour)))
	if n := h.count(t, `select count(*) from meeting`); n != 0 {
		t.Errorf("%d meetings are kept", n)
	}
	h.records(t, "when it is kept no longer", m.ID, want)
	if n := h.count(t, `select count(*) from video_deed d where d::text ~ 'Zacharias|Evangelina|back'`); n != 0 {
		t.Errorf("%d deeds tell of a guest", n)
	}
	if n := h.count(t, `select count(*) from video_deed where meeting = $1 and what in ('admit', 'decline', 'open', 'join') and link in ($2, $3)`, m.ID, m.Links[0].ID, m.Links[1].ID); n != 4 {
		t.Errorf("%d deeds tell by which link", n)
	}
}

// A talk about a document: who called, who was called later, and what took its place.
func TestEachDeedOfATalkIsOnRecord(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.desk.Rules.Life = time.Hour
	first := h.gather(t, "petrov", "ivanova")
	h.visit(t, h.way(t, "petrov", first).URL).joins(t, "Pyotr")
	h.gather(t, "petrov", "ivanova")
	h.gather(t, "ivanova", "petrov", "sidorova")
	h.Clock.Advance(61 * time.Minute)
	h.gather(t, "petrov", "ivanova", "sidorova")
	h.Clock.Advance(3 * time.Hour)
	h.sweep(t)
	h.gather(t, "ivanova", "petrov")
	var id string
	must(t, h.Pool.QueryRow(t.Context(), `select id from meeting order by made_at limit 1`).Scan(&id))
	h.records(t, "the first", id, "petrov: arrange done, petrov: open done, petrov: join done, ivanova: call done, petrov: prolong done, rule: close too_old, ivanova: replace done")
	h.records(t, "of the case", "cas_1", "petrov: arrange done, ivanova: arrange done")
}

// A conference that was meant, and of which nobody knows whether it is there.
func TestConferenceThatNobodySawIsRecordedAsSuch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	h.video.Break(trueconftest.Create, trueconftest.Trouble{Fault: trueconftest.Gateway})
	h.visit(t, m.Links[0].URL).does(t, "join", "Ann")
	h.records(t, "meant", m.ID, ledgertest.Source+": arrange done, guest: open")
	h.Clock.Advance(6 * time.Minute)
	h.video.Mend()
	h.sweep(t)
	h.records(t, "swept", m.ID, ledgertest.Source+": arrange done, guest: open unclear, rule: close idle")
}

// What cannot be put on record does not happen.
func TestMeetingThatCannotBeRecordedIsNotMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, withLobby, meet.Guest{Name: "Ann"})
	h.visit(t, m.Links[0].URL).joins(t, "Ann")
	_, admit, _ := h.card(t)
	owner := ledgertest.On(t, h.OwnerURL, h.OwnerURL)
	_, err := owner.Pool.Exec(t.Context(), `alter table video_deed add constraint no_more check (false) not valid`)
	must(t, err)
	_, err = h.desk.Tap(t.Context(), h.person(t, "petrov"), h.desk.Texts.For("en"), admit)
	_, revoked := h.desk.Revoke(t.Context(), m.Source, m.ID, "")
	_, made := h.desk.Arrange(t.Context(), meet.Wanted{Source: "erp", Host: h.person(t, "petrov"), Topic: "x", Guests: []meet.Guest{{}}}, nil)
	if err == nil || revoked == nil || made == nil {
		t.Errorf("admitted %v, revoked %v, made %v", err, revoked, made)
	}
	if n := h.count(t, `select (select count(*) from meeting) + (select count(*) from meeting where ended_at is not null) + (select count(*) from meeting_visit where state <> 'waiting')`); n != 1 {
		t.Errorf("%d: something was done", n)
	}
}

// A meeting whose server left the settings goes in its time. What may be left there is put
// on record.
func TestMeetingOfAServerOfThePastGoesInItsTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	h.visit(t, m.Links[0].URL).joins(t, "Ann")
	h.Clock.Advance(100 * 24 * time.Hour)
	before := h.Clock.Now().Add(-90 * 24 * time.Hour)
	h.video.Break(trueconftest.One, trueconftest.Trouble{Fault: trueconftest.Gateway})
	_ = h.desk.Sweep(t.Context()) // the server is away
	must(t, h.desk.Purge(t.Context(), before))
	if n := h.count(t, `select count(*) from meeting`); n != 1 {
		t.Errorf("%d are kept while their conference may still be taken away", n)
	}
	h.desk.Servers = nil
	must(t, h.desk.Purge(t.Context(), before.Add(-20*24*time.Hour)))
	if n := h.count(t, `select count(*) from meeting`); n != 1 {
		t.Errorf("%d are kept before their time", n)
	}
	must(t, h.desk.Purge(t.Context(), before))
	if n := h.count(t, `select count(*) from meeting`); n != 0 {
		t.Errorf("%d are kept for ever", n)
	}
	h.records(t, "in the end", m.ID, ledgertest.Source+": arrange done, guest: open done, guest: join done, rule: close too_old, rule: forget unclear")
}
