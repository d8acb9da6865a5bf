package meet_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/meet"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

func TestConferenceIsTakenAwayWhenItIsOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(h *house, ann *guest, m meet.Made)
		kept    time.Duration // it is still there after it
		gone    time.Duration // and not after so much more
		why     string
	}{
		"everybody left":  {func(_ *house, ann *guest, _ meet.Made) { ann.does(t, "leave", "") }, 30 * time.Second, time.Minute, "left"},
		"nothing heard":   {func(*house, *guest, meet.Made) {}, 4 * time.Minute, 2 * time.Minute, "idle"},
		"too old":         {func(h *house, _ *guest, _ meet.Made) { h.Enter(t) }, time.Hour, 61 * time.Minute, "too_old"},
		"revoked":         {func(h *house, _ *guest, m meet.Made) { _, _ = h.desk.Revoke(t.Context(), m.Source, m.ID, "") }, -1, 0, "revoked"},
		"gone by the way": {func(h *house, _ *guest, _ meet.Made) { h.video.Remove(h.video.Conferences()[0].ID) }, -1, 6 * time.Minute, "idle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
			ann := h.visit(t, m.Links[0].URL)
			ann.joins(t, "Ann")
			c.happens(h, ann, m)
			if c.kept >= 0 {
				h.Clock.Advance(c.kept)
				h.sweep(t)
				if len(h.running()) != 1 {
					t.Fatalf("gone after %s", c.kept)
				}
			}
			h.Clock.Advance(c.gone)
			h.sweep(t)
			if n := len(h.video.Conferences()); n != 0 || h.count(t, `select count(*) from meeting_room where why = $1 and gone_at is not null`, c.why) != 1 {
				t.Errorf("%d conferences are left, %d rooms ended so", n, h.count(t, `select count(*) from meeting_room where why = $1`, c.why))
			}
		})
	}
}

// Enter lets the guest be seen by the server in whatever runs.
func (h *house) Enter(tb testing.TB) {
	tb.Helper()
	for _, c := range h.running() {
		h.video.Enter(c.ID, trueconftest.Person{ID: "#guest2:x@srv.example", Name: "Ann"})
	}
}

func TestPhoneThatSleepsDoesNotEndTheTalk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	h.visit(t, m.Links[0].URL).joins(t, "Ann")
	h.Enter(t)
	h.Clock.Advance(30 * time.Minute)
	h.video.Break(trueconftest.Participants, trueconftest.Trouble{Fault: trueconftest.Trouble5, Times: 4})
	h.sweep(t)
	h.video.Mend()
	h.sweep(t)
	if len(h.running()) != 1 {
		t.Fatal("the talk was ended")
	}
	c := h.running()[0]
	h.video.Leave(c.ID, "#guest2:x@srv.example")
	h.video.Enter(c.ID, trueconftest.Person{ID: "petrov@srv.example", Role: 2})
	h.sweep(t)
	if len(h.video.Conferences()) != 0 {
		t.Error("the host alone keeps it for ever")
	}
}

// A process that dies before a step leaves what a refused one leaves; one that dies after
// it, what a lost answer leaves.
func TestNothingIsLostWhereverAProcessDies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]trueconftest.Endpoint{
		"between intent and making": trueconftest.Create, "between making and running": trueconftest.Run, "between running and the seat": trueconftest.Clients,
	} {
		for _, fault := range []trueconftest.Fault{trueconftest.Gateway, trueconftest.Lost} {
			t.Run(name+", "+string(fault), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
				ann := h.visit(t, m.Links[0].URL)
				h.video.Break(c, trueconftest.Trouble{Fault: fault, Times: 9})
				ann.does(t, "join", "Ann")
				h.video.Mend()
				before := len(h.video.Conferences())
				if s := ann.joins(t, "Ann"); s.URL == "" || len(h.video.Conferences()) != 1 || len(h.running()) != 1 {
					t.Fatalf("%d conferences before, %d after", before, len(h.video.Conferences()))
				}
			})
			t.Run(name+", "+string(fault)+", and nobody comes back", func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
				ann := h.visit(t, m.Links[0].URL)
				h.video.Break(c, trueconftest.Trouble{Fault: fault, Times: 9})
				ann.does(t, "join", "Ann")
				h.video.Mend()
				for range 3 {
					h.Clock.Advance(6 * time.Minute)
					h.sweep(t)
				}
				if n := len(h.video.Conferences()); n != 0 || h.count(t, `select count(*) from meeting_room where gone_at is null`) != 0 {
					t.Errorf("%d conferences are left", n)
				}
			})
		}
	}
}

func TestConferenceIsTakenAwayAfterEveryFailureOnTheWay(t *testing.T) {
	t.Parallel()
	for _, at := range []trueconftest.Endpoint{trueconftest.One, trueconftest.Stop, trueconftest.Delete} {
		for _, fault := range []trueconftest.Fault{trueconftest.Gateway, trueconftest.Lost, trueconftest.Bad, trueconftest.Gone} {
			t.Run(string(at)+", "+string(fault), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
				ann := h.visit(t, m.Links[0].URL)
				ann.joins(t, "Ann")
				ann.does(t, "leave", "")
				h.Clock.Advance(2 * time.Minute)
				h.video.Break(at, trueconftest.Trouble{Fault: fault, Times: 3})
				_ = h.desk.Sweep(t.Context())
				h.video.Mend()
				for range 2 {
					_ = h.desk.Sweep(t.Context())
				}
				if n := len(h.running()); n != 0 && fault != trueconftest.Gone {
					t.Errorf("%d conferences run on", n)
				}
			})
		}
	}
}

func TestWhatRunsWithOurMarkAndIsNobodysGoesAndWhatIsAnothersStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	ann := h.visit(t, m.Links[0].URL)
	ann.joins(t, "Ann")
	room := h.running()[0].ID
	stray := h.video.Put(trueconftest.Conference{ID: "4411982490", Topic: "Consultation", Owner: "petrov", Running: true, Tags: []string{"countersign", room}})
	foreign := h.video.Put(trueconftest.Conference{ID: "4411982491", Topic: "Theirs", Owner: "petrov", Running: true, Tags: []string{"countersign", "mrm_06f1z2k3m4n5p6q7r8s9t0v1w2"}})
	plain := h.video.Put(trueconftest.Conference{ID: "4411982492", Topic: "Daily", Owner: "petrov", Running: true})
	h.sweep(t)
	left := map[string]bool{}
	for _, c := range h.running() {
		left[c.ID] = true
	}
	if left[stray.ID] || !left[room] || !left[foreign.ID] || !left[plain.ID] {
		t.Errorf("still run: %v", left)
	}
}

func TestTwoReplicasAndManyVisitorsMakeOneConference(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := *h
	other.replica(t, httptest.NewTLSServer, trueconftest.Options{})
	m := h.arrange(t, nil, meet.Guest{Places: 20})
	token := m.Links[0].URL[len(h.web.URL):]
	var all sync.WaitGroup
	for i := range 8 {
		at := []*house{h, &other}[i%2]
		g := at.visit(t, at.web.URL+token)
		all.Go(func() {
			if s, p := g.does(t, "join", "Ann"); s.URL == "" {
				t.Errorf("%d %s", p.Status, p.Body)
			}
		})
	}
	all.Wait()
	if len(h.video.Conferences()) != 1 || h.count(t, `select count(*) from meeting_room`) != 1 {
		t.Errorf("%d conferences", len(h.video.Conferences()))
	}
}

func TestMeetingThatIsRevokedWhileSomebodyComesLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault trueconftest.Fault
		sweep bool // only the next sweep can see it: whoever made it was told of a failure
	}{
		"made after it": {trueconftest.Pass, false}, "made, and the answer is lost": {trueconftest.Lost, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
			ann := h.visit(t, m.Links[0].URL)
			h.video.Break(trueconftest.Create, trueconftest.Trouble{Fault: c.fault, Times: 1, Do: func() {
				_, err := h.desk.Revoke(context.Background(), m.Source, m.ID, "")
				must(t, err)
			}})
			if c.sweep {
				h.video.Break(trueconftest.One, trueconftest.Trouble{Fault: trueconftest.Gateway, After: 1})
			}
			if s, _ := ann.does(t, "join", "Ann"); s.URL != "" || !c.sweep && s.State != "revoked" {
				t.Errorf("%+v", s)
			}
			h.video.Mend()
			if n := len(h.video.Conferences()); n != 0 && !c.sweep {
				t.Errorf("%d conferences are left", n)
			}
			h.Clock.Advance(time.Minute)
			h.sweep(t)
			if n := len(h.video.Conferences()); n != 0 {
				t.Errorf("%d conferences are left after a sweep", n)
			}
			h.Clock.Advance(10 * time.Minute)
			h.sweep(t)
			if n := h.count(t, `select count(*) from meeting_room where gone_at is null`); n != 0 {
				t.Errorf("%d rooms are looked after for ever", n)
			}
		})
	}
}

// A page that goes on asking after its visitor left holds no conference.
func TestWhoLeftKeepsNothingAlive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.visit(t, h.arrange(t, nil, meet.Guest{Name: "Ann"}).Links[0].URL)
	g.joins(t, "Ann")
	g.does(t, "leave", "")
	for range 3 {
		h.Clock.Advance(40 * time.Second)
		g.does(t, "beat", "")
		h.sweep(t)
	}
	if n := len(h.running()); n != 0 {
		t.Errorf("%d conferences run", n)
	}
}

// A server that does not answer takes its own time, and not that of the others.
func TestServerThatIsAwayKeepsNoOthersConferences(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const others = 8
	h.desk.Servers["Other"] = h.client(t, "Other", h.video.URL())
	for range others { // the oldest are on the one that will be away
		h.visit(t, h.arrange(t, func(w *meet.Wanted) { w.Server = "Other" }, meet.Guest{}).Links[0].URL).joins(t, "Ann")
	}
	h.visit(t, h.arrange(t, nil, meet.Guest{}).Links[0].URL).joins(t, "Bob")
	var asked atomic.Int32
	cleared := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-cleared:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(silent.Close)
	h.desk.Servers["Other"] = h.client(t, "Other", silent.URL)
	before := int32(0)
	h.video.Break(trueconftest.Delete, trueconftest.Trouble{Do: sync.OnceFunc(func() {
		before = asked.Load()
		close(cleared)
	})})
	h.Clock.Advance(3 * time.Hour)
	_ = h.desk.Sweep(t.Context()) // says of the other that it is away
	if n := h.count(t, `select count(*) from meeting_room where server = $1 and gone_at is not null`, clinic); n != 1 || before >= others {
		t.Errorf("%d cleared of the server that is well, after %d tries on the other", n, before)
	}
}

// held is a client of a server that takes requests and answers none.
func (h *house) held(t *testing.T) *trueconf.Server {
	t.Helper()
	gate := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gate }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(gate) })
	return h.slow(t, silent.URL)
}

// slow is a client that waits for ever.
func (h *house) slow(t *testing.T, address string) *trueconf.Server {
	t.Helper()
	srv, err := trueconf.Open(trueconf.Options{
		Name: clinic, Address: address, ClientID: trueconftest.ClientID, ClientSecret: trueconftest.ClientSecret, Engine: "-", Now: h.Clock.Now, Timeout: time.Hour,
	})
	must(t, err)
	t.Cleanup(srv.Close)
	return srv
}

// A server that never answers keeps nobody for ever: neither who sweeps, nor who arranges,
// revokes or comes in.
func TestServerThatNeverAnswersKeepsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	ann := h.visit(t, m.Links[0].URL)
	ann.joins(t, "Ann")
	h.desk.Servers = map[string]*trueconf.Server{clinic: h.held(t)}
	h.desk.Patience = 50 * time.Millisecond
	h.Clock.Advance(3 * time.Hour)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.desk.Sweep(context.Background())
		_, err := h.desk.Arrange(context.Background(), meet.Wanted{Source: "erp", Host: h.person(t, "petrov"), Topic: "x", Guests: []meet.Guest{{}}}, nil)
		if err != nil {
			t.Errorf("arranged: %v", err)
		}
		if s, p := h.visit(t, h.arrange(t, nil, meet.Guest{Name: "Bob"}).Links[0].URL).does(t, "join", "Bob"); p.Status != http.StatusServiceUnavailable || !strings.Contains(s.Text, "in time") {
			t.Errorf("came: %d %s", p.Status, p.Body)
		}
		if st, err := h.desk.Revoke(context.Background(), m.Source, m.ID, ""); err != nil || st.State() != "revoked" {
			t.Errorf("revoked: %+v, %v", st, err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("somebody waits for ever")
	}
}

// A conference of which the server says nothing keeps no other of that server.
func TestConferenceThatHangsKeepsNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"Ann", "Bob", "Eve"} {
		h.visit(t, h.arrange(t, nil, meet.Guest{Name: name}).Links[0].URL).joins(t, name)
	}
	h.desk.Servers = map[string]*trueconf.Server{clinic: h.slow(t, h.video.URL())}
	h.desk.Patience = time.Second
	h.Clock.Advance(3 * time.Hour)
	h.video.Break(trueconftest.One, trueconftest.Trouble{Fault: trueconftest.Hang, Times: 1})
	_ = h.desk.Sweep(t.Context())
	if n := len(h.video.Conferences()); n != 1 {
		t.Errorf("%d conferences are left", n)
	}
}

// Who leaves while his seat is being made is not there: he is given none, and nothing waits for
// him.
func TestWhoLeavesBeforeHeHasHisSeatIsNotIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.visit(t, h.arrange(t, nil, meet.Guest{Name: "Ann"}).Links[0].URL)
	h.video.Break(trueconftest.Clients, trueconftest.Trouble{Times: 1, Do: func() { g.does(t, "leave", "") }})
	if s, p := g.does(t, "join", "Ann"); p.Status != http.StatusOK || s.State != "left" || s.URL != "" {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	h.Clock.Advance(2 * time.Minute)
	h.sweep(t)
	if n := h.count(t, `select count(*) from meeting_visit where state = 'in'`); n != 0 || len(h.video.Conferences()) != 0 {
		t.Errorf("%d are in, %d conferences", n, len(h.video.Conferences()))
	}
}
