package meet_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/meet"
	"countersign/internal/trueconf/trueconftest"
)

func TestGuestGivesANameAndIsInAConferenceOfTheHosts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{})
	g := h.visit(t, m.Links[0].URL)
	if g.page.Status != http.StatusOK || !strings.Contains(g.page.Body, "Consultation") || len(h.video.Conferences()) != 0 {
		t.Fatalf("%d %s, %d conferences", g.page.Status, g.page.Body, len(h.video.Conferences()))
	}
	s := g.joins(t, " Ann *$ \x07Smith ")
	all := h.running()
	if len(all) != 1 || all[0].Owner != "petrov" || all[0].Topic != "Consultation" || !all[0].Guests || all[0].Recording || !strings.HasPrefix(s.URL, h.video.URL()+"/webrtc/"+all[0].ID+"#") ||
		s.Origin != h.video.URL() || s.State != "in" {
		t.Fatalf("%+v %+v", s, all)
	}
	asked := h.video.Requests()
	if last := asked[len(asked)-1]; !strings.Contains(last.Query, "Ann+Smith") && !strings.Contains(last.Query, "Ann%20Smith") {
		t.Errorf("called %s", last.Query)
	}
	if st, err := h.desk.Look(t.Context(), m.Source, m.ID); err != nil || !st.Running || st.Guests[0].State != "in" || st.Guests[0].In != 1 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestPageThatIsLoadedAgainOrClickedTwiceComesToTheSameSeat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	login := func(s said) string {
		_, rest, _ := strings.Cut(s.URL, "#login=")
		id, _, _ := strings.Cut(rest, "&")
		return id
	}
	first := login(g.joins(t, "Ann"))
	g.Do(http.MethodGet, g.link, nil)
	for range 2 {
		if again := login(g.joins(t, "Ann")); again != first || first == "" {
			t.Errorf("%q, then %q", first, again)
		}
	}
	if n := len(h.video.Conferences()); n != 1 || h.video.Count(trueconftest.Create) != 1 {
		t.Errorf("%d conferences, %d made", n, h.video.Count(trueconftest.Create))
	}
}

func TestNamesakesGetSeatsOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"}, meet.Guest{Name: "Ann"}, meet.Guest{Places: 2})
	seen := map[string]bool{}
	for _, link := range []string{m.Links[0].URL, m.Links[1].URL, m.Links[2].URL, m.Links[2].URL} {
		s := h.visit(t, link).joins(t, "Ann")
		_, rest, _ := strings.Cut(s.URL, "#login=")
		id, _, _ := strings.Cut(rest, "&")
		seen[id] = true
	}
	if len(seen) != 4 || len(h.running()) != 1 {
		t.Errorf("seats %v in %d conferences", seen, len(h.running()))
	}
}

func TestLinkForOneTakesOneAtATime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	ann, eve := h.visit(t, m.Links[0].URL), h.visit(t, m.Links[0].URL)
	ann.joins(t, "Ann")
	if s, p := eve.does(t, "join", "Eve"); p.Status != http.StatusConflict || s.URL != "" || !strings.Contains(s.Text, "already") {
		t.Errorf("a second one: %d %+v", p.Status, s)
	}
	ann.does(t, "leave", "")
	if s, p := eve.does(t, "join", "Ann"); p.Status != http.StatusOK || s.URL == "" {
		t.Errorf("her other device: %d %+v", p.Status, s)
	}
	h.Clock.Advance(2 * time.Minute) // it lies in a drawer
	if s, p := ann.does(t, "join", "Ann"); p.Status != http.StatusOK || s.URL == "" {
		t.Errorf("back at the first: %d %+v", p.Status, s)
	}
}

func TestHostLetsPeopleInOrNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, func(w *meet.Wanted) { w.Lobby = true }, meet.Guest{Name: "Ann"}, meet.Guest{Name: "Bob"})
	ann, bob := h.visit(t, m.Links[0].URL), h.visit(t, m.Links[1].URL)
	if s := ann.joins(t, "Ann"); s.State != "waiting" || s.URL != "" || len(h.video.Conferences()) != 0 {
		t.Fatalf("%+v, %d conferences", s, len(h.video.Conferences()))
	}
	name, admit, _ := h.card(t)
	ann.joins(t, "Ann") // loaded again: no second card
	if n := h.count(t, `select count(*) from notice`); n != 1 || name != "Ann" {
		t.Errorf("%d cards, of %s", n, name)
	}
	if s := h.tap(t, "kozlov", admit); s.Text != "" || !strings.Contains(s.Answer, "Only the host") {
		t.Errorf("a stranger was heard: %+v", s)
	}
	if s, _ := ann.does(t, "beat", ""); s.State != "waiting" {
		t.Errorf("%+v after a stranger's tap", s)
	}
	if s := h.tap(t, "petrov", admit); s.Text != "✅ Ann was let in." {
		t.Errorf("%+v", s)
	}
	if len(h.video.Conferences()) != 0 {
		t.Error("a conference before anybody came in")
	}
	if s, _ := ann.does(t, "beat", ""); s.State != "admitted" {
		t.Errorf("%+v", s)
	}
	if s := ann.joins(t, "Ann"); s.URL == "" || len(h.running()) != 1 {
		t.Errorf("%+v", s)
	}
	bob.joins(t, "Bob")
	_, late, decline := h.card(t)
	h.tap(t, "petrov", decline)
	if s := h.tap(t, "petrov", late); s.Text != "❌ Bob was declined." {
		t.Errorf("changed his mind: %+v", s)
	}
	if s, _ := bob.does(t, "beat", ""); s.State != "declined" || !strings.Contains(s.Text, "another time") {
		t.Errorf("%+v", s)
	}
	if s, p := bob.does(t, "join", "Bob"); p.Status != http.StatusForbidden || s.URL != "" || s.State != "declined" {
		t.Errorf("declined and in: %d %+v", p.Status, s)
	}
}

func TestWhoStayedAwayForLongWaitsAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, func(w *meet.Wanted) { w.Lobby = true }, meet.Guest{Name: "Ann"})
	ann := h.visit(t, m.Links[0].URL)
	ann.joins(t, "Ann")
	_, admit, _ := h.card(t)
	h.tap(t, "petrov", admit)
	ann.joins(t, "Ann")
	ann.does(t, "leave", "")
	if s := ann.joins(t, "Ann"); s.State != "in" {
		t.Errorf("only loaded again: %+v", s)
	}
	h.Clock.Advance(10 * time.Minute)
	if s := ann.joins(t, "Ann"); s.State != "waiting" || h.count(t, `select count(*) from notice`) != 2 {
		t.Errorf("after ten minutes: %+v", s)
	}
}

func TestLinkThatIsOverSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	revoked := h.arrange(t, nil, meet.Guest{Name: "Bob"})
	ann, bob := h.visit(t, m.Links[0].URL), h.visit(t, revoked.Links[0].URL)
	bob.joins(t, "Bob")
	if _, err := h.desk.Revoke(t.Context(), "another", revoked.ID, ""); err == nil {
		t.Error("another source revoked it")
	}
	st, err := h.desk.Revoke(t.Context(), revoked.Source, revoked.ID, "key_7")
	must(t, err)
	if st.Running || st.Ended.IsZero() || len(h.video.Conferences()) != 0 {
		t.Errorf("%+v, %d conferences left", st, len(h.video.Conferences()))
	}
	h.Clock.Advance(25 * time.Hour)
	for name, c := range map[string]struct {
		guest *guest
		link  string
		want  int
		words string
	}{
		"expired":  {ann, m.Links[0].URL, http.StatusGone, "expired"},
		"revoked":  {bob, revoked.Links[0].URL, http.StatusGone, "called off"},
		"invented": {ann, h.web.URL + "/meet/AAAAAAAAAAAAAAAAAAAAAAAAAA", http.StatusNotFound, "opens nothing"},
		"odd":      {ann, h.web.URL + "/meet/a%20b%E2%80%AE", http.StatusNotFound, "opens nothing"},
	} {
		c.guest.link = c.link
		if p := c.guest.Do(http.MethodGet, c.link, nil, "Accept-Language", "en"); p.Status != c.want || !strings.Contains(p.Body, c.words) || strings.Contains(p.Body, "<form") {
			t.Errorf("%s: %d %s", name, p.Status, p.Body)
		}
		for _, act := range []string{"join", "beat"} {
			if s, p := c.guest.does(t, act, "Ann"); p.Status != c.want || s.URL != "" || !strings.Contains(s.Text, c.words) {
				t.Errorf("%s, %s: %d %+v", name, act, p.Status, s)
			}
		}
	}
	if len(h.video.Conferences()) != 0 {
		t.Error("a conference was made")
	}
}
