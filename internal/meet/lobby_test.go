package meet_test

import (
	"testing"
	"time"

	"countersign/internal/meet"
	"countersign/internal/people"
)

func withLobby(w *meet.Wanted) { w.Lobby = true }

// A page that is loaded again says that its visitor leaves: that is no yes of the host's.
func TestOnlyTheHostLetsSomebodyInWhoWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, withLobby, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	for range 2 {
		if s := g.joins(t, "Ann"); s.State != "waiting" || s.URL != "" || len(h.running()) != 0 {
			t.Fatalf("%+v, %d conferences run", s, len(h.running()))
		}
		g.does(t, "leave", "")
	}
	if n := h.count(t, `select count(*) from notice`); n != 1 {
		t.Errorf("the host was asked %d times", n)
	}
	g.joins(t, "Ann")
	_, admit, _ := h.card(t)
	h.tap(t, "petrov", admit)
	if s := g.joins(t, "Ann"); s.State != "in" {
		t.Fatalf("let in: %+v", s)
	}
	g.does(t, "leave", "")
	if s := g.joins(t, "Ann"); s.State != "in" {
		t.Errorf("back after a moment: %+v", s)
	}
}

// A yes of long ago is none for whoever left while he waited for another.
func TestOldYesIsNoneForWhoWaitsAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, withLobby, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	g.joins(t, "Ann")
	_, admit, _ := h.card(t)
	h.tap(t, "petrov", admit)
	g.joins(t, "Ann")
	h.Clock.Advance(10 * time.Minute)
	for range 2 {
		if s := g.joins(t, "Ann"); s.State != "waiting" {
			t.Fatalf("%+v", s)
		}
		g.does(t, "leave", "")
	}
}

// The host may answer in the moment in which a page is loaded again.
func TestAnswerHoldsForWhoIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, withLobby, meet.Guest{Name: "Ann"}, meet.Guest{Name: "Eve"})
	ann, eve := h.visit(t, m.Links[0].URL), h.visit(t, m.Links[1].URL)
	ann.joins(t, "Ann")
	_, admit, _ := h.card(t)
	eve.joins(t, "Eve")
	_, _, decline := h.card(t)
	ann.does(t, "leave", "")
	eve.does(t, "leave", "")
	if s := h.tap(t, "petrov", admit); s.Text != "✅ Ann may come in, but does not seem to be there right now." {
		t.Errorf("admitted: %q", s.Text)
	}
	if s := h.tap(t, "petrov", decline); s.Text != "❌ Eve was declined." {
		t.Errorf("declined: %q", s.Text)
	}
	if s := ann.joins(t, "Ann"); s.State != "in" {
		t.Errorf("Ann: %+v", s)
	}
	if s, _ := eve.does(t, "join", "Eve"); s.State != "declined" {
		t.Errorf("Eve: %+v", s)
	}
}

// Somebody whose account was tied only lately may not be who he says: he lets nobody in.
func TestHostWhoMayNotActYetLetsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, withLobby, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	g.joins(t, "Ann")
	_, admit, decline := h.card(t)
	host := h.person(t, "petrov")
	for _, power := range []people.Power{{Waits: true}, {From: h.Clock.Now().Add(time.Hour)}} {
		host.Power = power
		for _, data := range []string{admit, decline} {
			s, err := h.desk.Tap(t.Context(), host, h.desk.Texts.For("en"), data)
			if must(t, err); s.Text != "" || s.Answer != h.desk.Texts.For("en").T("meet.call.not_yet", nil) {
				t.Errorf("told %+v", s)
			}
		}
	}
	if s := g.joins(t, "Ann"); s.State != "waiting" {
		t.Errorf("%+v", s)
	}
}
