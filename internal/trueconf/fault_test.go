package trueconf_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// kinds is what each fault of a list of conferences must be told as.
func kinds() map[trueconftest.Fault]trueconf.Kind {
	return map[trueconftest.Fault]trueconf.Kind{
		trueconftest.Refused: trueconf.Credentials, trueconftest.Forbidden: trueconf.Right, trueconftest.Gone: trueconf.NotFound,
		trueconftest.NoRoute: trueconf.TooOld, trueconftest.Bad: trueconf.BadRequest, trueconftest.Trouble5: trueconf.Other,
		trueconftest.Gateway: trueconf.Other, trueconftest.Cut: trueconf.Unreachable, trueconftest.HalfJSON: trueconf.Other,
		trueconftest.Empty: trueconf.Other, trueconftest.Null: trueconf.Other, trueconftest.HTML: trueconf.Other,
		trueconftest.Huge: trueconf.Other, trueconftest.Away: trueconf.Other, trueconftest.Wall: trueconf.Other,
		trueconftest.Idle: trueconf.Other, trueconftest.Echo: trueconf.BadRequest, trueconftest.EchoPage: trueconf.Other,
	}
}

func TestEachFaultHasItsKindAndNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		for fault, want := range kinds() {
			f := serve(t, trueconftest.Options{})
			office(f)
			s := open(t, f, api(version))
			f.Break(trueconftest.List, trueconftest.Trouble{Fault: fault})
			f.Break(trueconftest.Users, trueconftest.Trouble{Fault: fault})
			all, err := s.Running(t.Context())
			if trueconf.KindOf(err) != want || err == nil || all != nil {
				t.Errorf("%s: %v, %v", fault, all, err)
			}
			e, ok := errors.AsType[*trueconf.Error](err)
			if !ok || e.Server != "Head office" || e.Op != "list conferences" {
				t.Errorf("%s does not say of what: %v", fault, err)
			}
			if want == trueconf.Right && (!strings.Contains(err.Error(), "conferences:read")) {
				t.Errorf("does not name the right: %v", err)
			}
			if fault == trueconftest.Huge && !strings.Contains(err.Error(), "longer") {
				t.Errorf("read to the end: %v", err)
			}
			if n, err := s.Online(t.Context()); trueconf.KindOf(err) != want || err == nil || n != (trueconf.Online{}) {
				t.Errorf("%s of users: %v, %v", fault, n, err)
			}
		}
	})
}

func TestEachRightThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	type ask = func(ctx context.Context, s *trueconf.Server, c trueconf.Conference) error
	for right, tt := range map[string]struct {
		version string
		scopes  []string
		ask     ask
	}{
		"logs.calls:read": {"v3", []string{"conferences"}, func(ctx context.Context, s *trueconf.Server, _ trueconf.Conference) error {
			_, err := s.Running(ctx)
			return err
		}},
		"users:read": {"v3", []string{"conferences"}, func(ctx context.Context, s *trueconf.Server, _ trueconf.Conference) error {
			_, err := s.Online(ctx)
			return err
		}},
		"conferences.sessions.participants:read": {"v3", []string{"users:read"}, func(ctx context.Context, s *trueconf.Server, c trueconf.Conference) error {
			_, err := s.Participants(ctx, c)
			return err
		}},
		"conferences.participants:read": {"v4", []string{"users:read"}, func(ctx context.Context, s *trueconf.Server, c trueconf.Conference) error {
			_, err := s.Participants(ctx, c)
			return err
		}},
		"conferences": {"v4", []string{"conferences:read"}, func(ctx context.Context, s *trueconf.Server, c trueconf.Conference) error {
			return s.Stop(ctx, c)
		}},
	} {
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(tt.version))
		c := ref(t, s, "100")
		f.Grant(tt.scopes...)
		err := tt.ask(t.Context(), s, c)
		e, ok := errors.AsType[*trueconf.Error](err)
		if !ok || e.Kind != trueconf.Right || e.Right != right || e.Reason != "forbidden" {
			t.Errorf("%s: %v", right, err)
		}
		if got := f.Count(trueconftest.Token); got > 2 {
			t.Errorf("%s: a missing right took %d tokens", right, got)
		}
	}
}

func TestBadCredentialsAreNotMistakenForAnythingElse(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{ClientSecret: "another"})
		if _, err := open(t, f, api(version)).Running(t.Context()); trueconf.KindOf(err) != trueconf.Credentials {
			t.Errorf("got %v", err)
		}
		for fault, want := range map[trueconftest.Fault]trueconf.Kind{
			trueconftest.Trouble5: trueconf.Other, trueconftest.Gateway: trueconf.Other, trueconftest.Cut: trueconf.Unreachable, trueconftest.HTML: trueconf.Other,
			trueconftest.Empty: trueconf.Other, trueconftest.Null: trueconf.Other, trueconftest.Huge: trueconf.Other, trueconftest.Away: trueconf.Other,
			trueconftest.Wall: trueconf.Other, trueconftest.NoRoute: trueconf.TooOld,
		} {
			f := serve(t, trueconftest.Options{})
			f.Break(trueconftest.Token, trueconftest.Trouble{Fault: fault})
			if _, err := open(t, f, api(version)).Running(t.Context()); trueconf.KindOf(err) != want || err == nil {
				t.Errorf("%s where tokens are given: %v", fault, err)
			}
			if f.Count(trueconftest.List)+f.Count(trueconftest.Calls) != 0 {
				t.Errorf("%s: asked without a token", fault)
			}
		}
	})
}

func TestWhatPassesIsAskedOnceMore(t *testing.T) {
	t.Parallel()
	for _, fault := range []trueconftest.Fault{trueconftest.Cut, trueconftest.Gateway, trueconftest.Lost} {
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api("v4"))
		f.Break(trueconftest.List, trueconftest.Trouble{Fault: fault, Times: 1})
		if _, err := s.Running(t.Context()); err != nil {
			t.Errorf("%s: %v", fault, err)
		}
		f.Break(trueconftest.Run, trueconftest.Trouble{Fault: fault, Times: 1})
		_ = s.Run(t.Context(), "200") // what became of it is told elsewhere
		if got := f.Count(trueconftest.Run); got != 1 {
			t.Errorf("%s: what changes something was sent %d times", fault, got)
		}
	}
}

func TestMakingRunningAndRemovingSurviveALostAnswer(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		s := open(t, f, api(version))
		for _, e := range []trueconftest.Endpoint{trueconftest.Create, trueconftest.Run, trueconftest.Delete} {
			f.Break(e, trueconftest.Trouble{Fault: trueconftest.Lost})
		}
		room := trueconf.Room{ID: "visit_2", Topic: "Visit", Owner: "anna"}
		if c, err := s.Create(t.Context(), room); err != nil || c.ID != "visit_2" {
			t.Errorf("made %+v, %v", c, err)
		}
		if err := s.Run(t.Context(), "visit_2"); err != nil || !ref(t, s, "visit_2").Running {
			t.Errorf("run: %v", err)
		}
		if err := s.Delete(t.Context(), "visit_2"); err != nil {
			t.Errorf("removed: %v", err)
		}
		if _, there := f.Conference("visit_2"); there {
			t.Error("still there")
		}
		f.Put(trueconftest.Conference{ID: "visit_3", Topic: "Of somebody else", Owner: "boris"})
		if c, err := s.Create(t.Context(), trueconf.Room{ID: "visit_3", Topic: "Visit", Owner: "anna"}); err == nil {
			t.Errorf("took %+v", c)
		}
	})
}

func TestAnOwnerThatIsNotKnownIsABadRequest(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, version string) {
		t.Helper()
		f := serve(t, trueconftest.Options{})
		office(f)
		_, err := open(t, f, api(version)).Create(t.Context(), trueconf.Room{Topic: "Visit", Owner: "nobody"})
		if e, ok := errors.AsType[*trueconf.Error](err); !ok || e.Kind != trueconf.BadRequest || e.Reason != "userNotFound" {
			t.Errorf("got %v", err)
		}
	})
}

func TestTimeOutAndUnreachableAreToldApart(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	f.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.Hang})
	f.Break(trueconftest.Token, trueconftest.Trouble{Fault: trueconftest.Hang})
	for _, version := range []string{"auto", "v3"} {
		s := open(t, f, api(version), func(o *trueconf.Options) { o.Timeout = 50 * time.Millisecond })
		if _, err := s.Running(t.Context()); trueconf.KindOf(err) != trueconf.Timeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", version, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.Mend()
	f.Break(trueconftest.About, trueconftest.Trouble{Fault: trueconftest.Hang, Do: cancel})
	if _, err := open(t, f).Running(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := open(t, f, func(o *trueconf.Options) { o.Address = "http://" + l.Addr().String() })
	if _, err := s.Running(t.Context()); trueconf.KindOf(err) != trueconf.Unreachable {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestTrustIsTheServersOwnAffairAndHoldsForTheSecretToo(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	other := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(other, serve(t, trueconftest.Options{TLS: true}).Certificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		server trueconftest.Options
		verify string // empty: the server's own
		fine   bool
		words  string
	}{
		"own authority":         {trueconftest.Options{TLS: true}, "", true, ""},
		"not looked at":         {trueconftest.Options{TLS: true}, "false", true, ""},
		"authorities of system": {trueconftest.Options{TLS: true}, "true", false, "authority"},
		"another authority":     {trueconftest.Options{TLS: true}, other, false, "authority"},
		"another name":          {trueconftest.Options{TLS: true, Hosts: []string{"srv.example"}}, "", false, "another name"},
		"out of its time":       {trueconftest.Options{TLS: true, Until: time.Now().Add(-hour)}, "", false, "out of its time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, tt.server)
			for _, version := range []string{"auto", "v3", "v4"} {
				s := open(t, f, api(version), func(o *trueconf.Options) {
					if tt.verify != "" {
						o.Verify = tt.verify
					}
				})
				_, err := s.Running(t.Context())
				switch {
				case tt.fine && err != nil:
					t.Error(err)
				case !tt.fine && (trueconf.KindOf(err) != trueconf.TLS || !strings.Contains(err.Error(), tt.words)):
					t.Errorf("got %v", err)
				}
				if h := s.Health(t.Context()); h.CertExpires.IsZero() || h.Web.OK() != tt.fine {
					t.Errorf("health %+v", h)
				}
			}
			if !tt.fine {
				for _, r := range f.Requests() {
					if r.Path != "/vsstatus" {
						t.Errorf("sent %s over a connection that is not trusted", r.Path)
					}
				}
			}
		})
	}
}

func TestAPortThatDoesNotSpeakTLSIsAMatterOfTLS(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	s := open(t, f, func(o *trueconf.Options) { o.Address = "https://" + strings.TrimPrefix(f.URL(), "http://") })
	if _, err := s.Running(t.Context()); trueconf.KindOf(err) != trueconf.TLS {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatSpeaksOnlyOldTLSIsAMatterOfTLS(t *testing.T) {
	t.Parallel()
	f := httptest.NewUnstartedServer(http.NotFoundHandler())
	f.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	defer f.Close()
	s := open(t, serve(t, trueconftest.Options{}), func(o *trueconf.Options) { o.Address = f.URL })
	if _, err := s.Running(t.Context()); trueconf.KindOf(err) != trueconf.TLS {
		t.Errorf("got %v", err)
	}
}

func TestARedirectIsFollowedOnTheSameServerOnly(t *testing.T) {
	t.Parallel()
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Path)
	}))
	defer elsewhere.Close()
	var to string
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/token"):
			io.WriteString(w, `{"access_token":"t0ken","expires_in":3600}`)
		case strings.HasSuffix(r.URL.Path, "/"):
			fmt.Fprintf(w, `{"next_page_id":-1,"users":[{"id":"anna","status":1}]}`)
		default:
			http.Redirect(w, r, to+r.URL.Path+"/", http.StatusPermanentRedirect)
		}
	}))
	defer here.Close()
	s, err := trueconf.Open(trueconf.Options{Name: "x", Address: here.URL, ClientID: "c", ClientSecret: "s", Now: time.Now, API: "v3"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := s.Online(t.Context()); err != nil || got.Here != 1 {
		t.Errorf("the same server: %+v, %v", got, err)
	}
	if err := s.Run(t.Context(), "100"); err == nil {
		t.Error("what changes something was sent on")
	}
	to = elsewhere.URL
	if _, err := s.Online(t.Context()); err == nil || len(seen) != 0 {
		t.Errorf("another server: %v, saw %q", err, seen)
	}
}
