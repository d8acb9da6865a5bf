package trueconf_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// families runs a story against each family of the API.
func families(t *testing.T, story func(t *testing.T, version string)) {
	t.Helper()
	for _, version := range []string{"v3", "v4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			story(t, version)
		})
	}
}

func TestRunningTellsWhatRunsAndWhatItsRoomIsSetTo(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		got, err := open(t, f, api(version)).Running(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var room trueconf.Conference
		for _, c := range got {
			if c.ID == "100" {
				room = c
			}
		}
		want, _ := f.Conference("100")
		near := func(a, b time.Time) bool { return a.Sub(b).Abs() < 10*time.Second }
		if diff := cmp.Diff(trueconf.Conference{
			ID: "100", Session: want.Session, Topic: want.Topic, Owner: "anna", Running: true, Started: want.Started, Created: want.Created,
			People: 3, Recording: trueconf.Yes, Guests: trueconf.Yes, Tags: []string{"keep"}, PageURL: f.URL() + "/c/100",
		}, room, cmp.Comparer(near)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRunningKnowsCallsThatHaveNoRoomFromTheLog(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	got, err := open(t, f, api("v3")).Running(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	call := got[1]
	if call.ID != "" || call.Session == "" || call.People != 1 || call.Owner != "clara@srv.example" {
		t.Errorf("got %+v", call)
	}
}

func TestParticipantsHaveRoles(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(version))
		got, err := s.Participants(t.Context(), ref(t, s, "100"))
		if err != nil {
			t.Fatal(err)
		}
		want := []trueconf.Participant{
			{ID: "anna@srv.example", Name: "Anna", Owner: true, Moderator: true},
			{ID: "#guest:1a@srv.example", Name: "Gus", Guest: true},
			{ID: "#sip:9@pbx", Name: "Room 9", External: true},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(trueconf.Participant{}, "Joined")); diff != "" {
			t.Error(diff)
		}
		for _, p := range got {
			if time.Since(p.Joined) < time.Hour {
				t.Errorf("%s joined at %s", p.ID, p.Joined)
			}
		}
	})
}

func TestOnlineCountsWhoIsThere(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{Page: 1})
		office(f)
		got, err := open(t, f, api(version)).Online(t.Context())
		if err != nil || got != (trueconf.Online{Here: 3, Busy: 2}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAConferenceIsMadeRunStoppedAndRemoved(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(version))
		ctx := t.Context()
		made, err := s.Create(ctx, trueconf.Room{
			ID: "visit_1", Topic: "Ann sees the doctor", Owner: "anna", Invited: []string{"boris"}, Call: true, Guests: true, Max: 2, Tags: []string{"countersign"},
		})
		if err != nil || made.ID != "visit_1" || made.Running {
			t.Fatalf("%+v, %v", made, err)
		}
		there, _ := f.Conference("visit_1")
		if there.Topic != "Ann sees the doctor" || there.Owner != "anna" || !there.Guests || !there.Call || there.Max != 2 ||
			!cmp.Equal(there.Invited, []string{"boris"}) || !cmp.Equal(there.Tags, []string{"countersign"}) {
			t.Errorf("made %+v", there)
		}
		if err := s.Run(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		runs := ref(t, s, made.ID)
		if there, _ := f.Conference(made.ID); !runs.Running || runs.Session != there.Session || runs.Session == "" {
			t.Fatalf("runs as %+v", runs)
		}
		if err := s.Stop(ctx, runs); err != nil {
			t.Fatal(err)
		}
		if there, _ := f.Conference(made.ID); there.Running {
			t.Error("still runs")
		}
		if err := s.Stop(ctx, runs); !errors.Is(err, trueconf.ErrNotRunning) {
			t.Errorf("stopped twice: %v", err)
		}
		if err := s.Delete(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, made.ID); err != nil {
			t.Errorf("removed twice: %v", err)
		}
		if _, err := s.Conference(ctx, made.ID); trueconf.KindOf(err) != trueconf.NotFound {
			t.Errorf("still there: %v", err)
		}
	})
}

func TestASeatIsAWayInForOneGuest(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		for _, frames := range []bool{false, true} {
			f := serve(t, trueconftest.Options{Frames: frames})
			office(f)
			s := open(t, f, api(version))
			seat, err := s.Seat(t.Context(), "100", "visit_1_ann", "Ann *$ Müller", "de")
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(seat.URL)
			if err != nil || u.Path != "/webrtc/100" || !strings.HasPrefix(seat.URL, s.Origin()+"/") || !strings.Contains(u.Fragment, "login=*guest2*visit_1_ann&token=$2") {
				t.Errorf("%s %v", seat.URL, err)
			}
		}
	})
}

func TestUsersAreKnownByEitherFormOfTheirID(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f)
	for id, want := range map[string]bool{"anna": true, "anna@srv.example": true, "anna@elsewhere": false, "nobody": false} {
		if got, err := s.Knows(t.Context(), id); got != want || err != nil {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	if _, err := s.Knows(t.Context(), ".."); trueconf.KindOf(err) != trueconf.BadRequest {
		t.Errorf("asked for ..: %v", err)
	}
}
