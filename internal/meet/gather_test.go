package meet_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
	"countersign/internal/meet"
	"countersign/internal/people"
	"countersign/internal/trueconf/trueconftest"
)

// gather calls some people to the meeting of a case.
func (h *house) gather(tb testing.TB, caller string, others ...string) meet.Call {
	tb.Helper()
	m := meet.Matter{Case: "cas_1", Topic: "Payment 4711", Caller: h.person(tb, caller)}
	for _, who := range append(others, caller) {
		m.People = append(m.People, h.person(tb, who))
	}
	c, err := h.desk.Gather(tb.Context(), m, h.noted(tb, nil))
	must(tb, err)
	return c
}

// noted commits the making of a meeting, unless it is refused.
func (h *house) noted(tb testing.TB, refusal error) func(string, ledger.Also) error {
	tb.Helper()
	return func(_ string, also ledger.Also) error {
		b := &pgx.Batch{}
		also(b, refusal)
		return errors.Join(refusal, pgx.BeginFunc(tb.Context(), h.Pool, func(tx pgx.Tx) error { return tx.SendBatch(tb.Context(), b).Close() }))
	}
}

func (h *house) way(tb testing.TB, who string, c meet.Call) meet.Way {
	tb.Helper()
	w, err := h.desk.Way(tb.Context(), h.person(tb, who), c.Link)
	must(tb, err)
	return w
}

// TestATalkThatGoesOnIsJoinedLongerAndOneThatIsOverIsCalledAnew: nobody is thrown out because
// somebody else comes late.
func TestATalkThatGoesOnIsJoinedLongerAndOneThatIsOverIsCalledAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.desk.Rules.Life = time.Hour
	first := h.gather(t, "petrov", "ivanova")
	if !first.Called || first.Before || h.count(t, `select count(*) from notice`) != 2 {
		t.Fatalf("%+v", first)
	}
	at := h.way(t, "petrov", first)
	h.Clock.Advance(50 * time.Minute)
	in := h.visit(t, at.URL)
	in.joins(t, "Pyotr")
	h.Clock.Advance(20 * time.Minute)
	if _, err := h.desk.Way(t.Context(), h.person(t, "petrov"), first.Link); err == nil {
		t.Error("an expired link was written out")
	}
	late := h.gather(t, "sidorova", "petrov", "ivanova")
	if !late.Called || h.count(t, `select count(*) from meeting`) != 1 || h.count(t, `select count(*) from notice`) != 3 {
		t.Errorf("%+v: %d meetings", late, h.count(t, `select count(*) from meeting`))
	}
	w := h.way(t, "sidorova", late)
	if d := w.Until.Sub(h.Clock.Now()); d < 59*time.Minute || d > time.Hour {
		t.Errorf("good until %s", w.Until)
	}
	h.visit(t, w.URL).joins(t, "Olga")
	if all := h.running(); len(all) != 1 {
		t.Errorf("%d conferences", len(all))
	}
	if s, p := in.does(t, "beat", ""); s.State != "in" {
		t.Errorf("who was in: %d %s", p.Status, p.Body)
	}
	if again := h.gather(t, "petrov", "ivanova", "sidorova"); again.Called || !again.Before || again.Link != first.Link {
		t.Errorf("%+v", again)
	}
	h.Clock.Advance(4 * time.Hour)
	h.sweep(t)
	anew := h.gather(t, "petrov", "ivanova")
	if !anew.Called || anew.Before || h.count(t, `select count(*) from meeting`) != 2 || h.count(t, `select count(*) from meeting where ended_at is null`) != 1 || h.count(t, `select count(*) from notice`) != 5 {
		t.Errorf("%+v: %d meetings, %d invitations", anew, h.count(t, `select count(*) from meeting`), h.count(t, `select count(*) from notice`))
	}
	if p := h.visit(t, at.URL).page; p.Status != http.StatusGone {
		t.Errorf("the old link: %d", p.Status)
	}
}

func TestWhatIsRefusedOrFailsLeavesNoMeetingAndCallsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := meet.Matter{Case: "cas_1", Topic: "Payment 4711", Caller: h.person(t, "petrov"), People: []people.Person{h.person(t, "petrov"), h.person(t, "ivanova")}}
	none := func(name string, err error) {
		t.Helper()
		if n := h.count(t, `select (select count(*) from meeting) + (select count(*) from meeting_link) + (select count(*) from notice)`); err == nil || n != 0 {
			t.Errorf("%s: %v, %d rows", name, err, n)
		}
	}
	closed := errors.New("closed meanwhile")
	_, err := h.desk.Gather(t.Context(), m, h.noted(t, closed))
	none("refused", err)
	if !errors.Is(err, closed) {
		t.Errorf("%v", err)
	}
	h.video.Break(trueconftest.OneUser, trueconftest.Trouble{Fault: trueconftest.Forbidden})
	_, err = h.desk.Gather(t.Context(), m, h.noted(t, nil))
	none("the server says no", err)
	if text, known := meet.Refusal(h.desk.Texts.For("en"), err); !known || !strings.Contains(text, "does not let us") {
		t.Errorf("told %q", text)
	}
	if _, known := meet.Refusal(h.desk.Texts.For("en"), closed); known {
		t.Error("a fault that nobody knows is told as one of the video server")
	}
}

// TestWayInIsWhoseLinkItIsAndHisPowerIsLookedUp: by it he goes by his name.
func TestWayInIsWhoseLinkItIsAndHisPowerIsLookedUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.gather(t, "petrov", "ivanova")
	if _, err := h.desk.Way(t.Context(), h.person(t, "ivanova"), c.Link); err == nil {
		t.Error("somebody got the way in of another")
	}
	p := h.person(t, "petrov")
	p.Power.Waits = true
	if _, err := h.desk.Way(t.Context(), p, c.Link); !errors.Is(err, people.ErrUnconfirmed) {
		t.Errorf("a link that waits: %v", err)
	}
	w := h.way(t, "petrov", c)
	if n := h.count(t, `select count(*) from meeting_key`); n != 1 {
		t.Errorf("%d keys", n)
	}
	g := h.visit(t, w.URL)
	_, err := h.Directory.Freeze(t.Context(), "test", "petrov", "lost")
	must(t, err)
	if s, p := g.does(t, "join", "Pyotr"); p.Status != http.StatusGone || s.State != "revoked" || len(h.running()) != 0 {
		t.Errorf("by a frozen link: %d %s", p.Status, p.Body)
	}
}

func TestManyWhoCallAtOnceMakeOneMeetingAndCallEverybodyOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var wg sync.WaitGroup
	links := make(chan string, 8)
	for i := range cap(links) {
		who := []string{"petrov", "ivanova", "sidorova"}[i%3]
		wg.Go(func() {
			m := meet.Matter{Case: "cas_1", Topic: "Payment 4711", Caller: h.person(t, who)}
			for _, ref := range []string{"petrov", "ivanova", who} { // the third is known to her own tap only
				if p := h.person(t, ref); !slices.ContainsFunc(m.People, func(o people.Person) bool { return o.ID == p.ID }) {
					m.People = append(m.People, p)
				}
			}
			c, err := h.desk.Gather(t.Context(), m, h.noted(t, nil))
			if err != nil || c.Link == "" {
				t.Errorf("%s: %+v, %v", who, c, err)
			}
			links <- c.Link
		})
	}
	wg.Wait()
	close(links)
	seen := map[string]bool{}
	for l := range links {
		seen[l] = true
	}
	if m, n := h.count(t, `select count(*) from meeting`), h.count(t, `select count(*) from notice`); m != 1 || n != 3 || len(seen) != 3 {
		t.Errorf("%d meetings, %d invitations, %d links", m, n, len(seen))
	}
}
