package trueconf_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/internal/secret"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a stand-in.
func serve(t *testing.T, o trueconftest.Options) *trueconftest.Server {
	t.Helper()
	f, err := trueconftest.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// options are those of a client of the stand-in.
func options(t *testing.T, f *trueconftest.Server) trueconf.Options {
	t.Helper()
	o := trueconf.Options{
		Name: "Head office", Address: f.URL(), Engine: f.Engine(), ClientID: trueconftest.ClientID,
		ClientSecret: trueconftest.ClientSecret, Now: time.Now, Pause: time.Millisecond,
	}
	if len(f.Certificate()) > 0 {
		o.Verify = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(o.Verify, f.Certificate(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// open makes a client, which change may alter the options of.
func open(t *testing.T, f *trueconftest.Server, change ...func(*trueconf.Options)) *trueconf.Server {
	t.Helper()
	o := options(t, f)
	for _, c := range change {
		c(&o)
	}
	s, err := trueconf.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func api(version string) func(*trueconf.Options) {
	return func(o *trueconf.Options) { o.API = version }
}

func token(text string) func(*trueconf.Options) {
	return func(o *trueconf.Options) {
		o.ClientID, o.ClientSecret, o.AccessToken = "", "", secret.Text(text)
	}
}

// office is a server with all that a list can hold.
func office(f *trueconftest.Server) {
	began := time.Now().Add(-2 * time.Hour)
	f.PutUser(
		trueconftest.User{ID: "anna", Name: "Anna", Status: 2}, trueconftest.User{ID: "boris", Name: "Boris", Status: 1},
		trueconftest.User{ID: "clara", Name: "Clara", Status: 5}, trueconftest.User{ID: "dan", Name: "Dan", Status: 0},
	)
	f.Put(trueconftest.Conference{
		ID: "100", Topic: "<b>Daily</b> & co", Owner: "anna", Running: true, Started: began, Recording: true, Guests: true, Tags: []string{"keep"},
		People: []trueconftest.Person{{ID: "anna@srv.example", Name: "Anna", Role: 2}, {ID: "#guest:1a@srv.example", Name: "Gus"}, {ID: "#sip:9@pbx", Name: "Room 9"}},
	})
	f.Put(trueconftest.Conference{ID: "200", Topic: "Board", Owner: "boris", Scheduled: true})
	f.Put(trueconftest.Conference{ID: "300", Owner: "clara", Running: true, Pair: true, Started: began})
	f.Put(trueconftest.Conference{Owner: "clara", Running: true, Started: began, People: []trueconftest.Person{{ID: "clara@srv.example", Name: "Clara"}}})
	f.Put(trueconftest.Conference{ID: "400", Topic: "Over", Owner: "anna", Running: true})
	f.Stop("400")
}

// ref is what is known of a conference by its room.
func ref(t *testing.T, s *trueconf.Server, id string) trueconf.Conference {
	t.Helper()
	c, err := s.Conference(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
