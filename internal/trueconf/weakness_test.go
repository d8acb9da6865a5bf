package trueconf_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// What follows are deeds that the client of the first control bot did wrong; the table of all
// its weaknesses is videodesk's.

func TestAuthorityOfAFileIsTrustedForTheTokenToo(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{TLS: true})
	office(f)
	if _, err := open(t, f).Running(t.Context()); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	before := len(f.Requests())
	strict := open(t, f, api("v3"), func(o *trueconf.Options) { o.Verify = "true" })
	if _, err := strict.Running(t.Context()); trueconf.KindOf(err) != trueconf.TLS {
		t.Errorf("without: %v", err)
	}
	if len(f.Requests()) != before {
		t.Error("the secret went to a server that is not trusted")
	}
}

func TestWhatIsAwayIsNotCalledMisconfigured(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	for fault, want := range map[trueconftest.Fault]trueconf.Kind{
		trueconftest.Cut: trueconf.Unreachable, trueconftest.Trouble5: trueconf.Other, trueconftest.NoRoute: trueconf.TooOld, trueconftest.Forbidden: trueconf.Right,
	} {
		s := open(t, f, api("v3"))
		f.Mend()
		f.Break(trueconftest.Calls, trueconftest.Trouble{Fault: fault})
		if _, err := s.Running(t.Context()); trueconf.KindOf(err) != want || trueconf.KindOf(err) == trueconf.Credentials {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

func TestWrongCredentialsAndABrokenTokenCallAreTold(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	s := open(t, f, func(o *trueconf.Options) { o.ClientSecret = "wrong" })
	if _, err := s.Running(t.Context()); trueconf.KindOf(err) != trueconf.Credentials || !strings.Contains(err.Error(), "client or its secret") {
		t.Errorf("wrong secret: %v", err)
	}
	f.Break(trueconftest.Token, trueconftest.Trouble{Fault: trueconftest.Cut})
	if _, err := open(t, f, api("v3")).Running(t.Context()); trueconf.KindOf(err) != trueconf.Unreachable {
		t.Errorf("broken: %v", err)
	}
}

func TestRefusedStopIsToldWithItsReason(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	s := open(t, f)
	c := ref(t, s, "100")
	f.Break(trueconftest.Stop, trueconftest.Trouble{Fault: trueconftest.Forbidden, Times: 1})
	err := s.Stop(t.Context(), c)
	if e, ok := errors.AsType[*trueconf.Error](err); !ok || e.Kind != trueconf.Right || e.Reason != "forbidden" || e.Op != "stop conference" {
		t.Errorf("refused: %v", err)
	}
	f.Revoke()
	if err := s.Stop(t.Context(), c); err != nil {
		t.Errorf("with a token that has ended: %v", err)
	}
}

func TestServerMayBeCalledAnything(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	const name = `Büro | "Zentrale" <b>`
	s := open(t, f, func(o *trueconf.Options) { o.Name = name })
	for range 2 { // the first call takes a token and keeps it under whatever name
		if _, err := s.Running(t.Context()); err != nil || s.Name() != name {
			t.Errorf("%q: %v", s.Name(), err)
		}
	}
}

func TestNoTokenIsInAnAddressAndTryingEnds(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{Token: "a-ready-token"})
	office(f)
	s := open(t, f)
	for _, err := range everything(t.Context(), s, "Ann") {
		_ = err // only what is sent matters here
	}
	_, err := open(t, f, token("a-ready-token")).Online(t.Context())
	if err != nil {
		t.Error(err)
	}
	sent := 0
	for _, r := range f.Requests() {
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if strings.Contains(r.Query, "access_token") || bearer != "" && strings.Contains(r.Query+r.Path, bearer) || strings.Contains(r.Query, trueconftest.ClientSecret) {
			t.Errorf("%s %s?%s", r.Method, r.Path, r.Query)
		}
		if bearer != "" {
			sent++
		}
	}
	if sent == 0 {
		t.Error("no token in a header")
	}
	f.Break(trueconftest.Users, trueconftest.Trouble{Fault: trueconftest.Refused})
	before := f.Count(trueconftest.Users)
	if _, err := s.Online(t.Context()); trueconf.KindOf(err) != trueconf.Credentials || f.Count(trueconftest.Users) != before+2 {
		t.Errorf("%v after %d calls", err, f.Count(trueconftest.Users)-before)
	}
}

func TestOptionsThatCannotWorkAreAllNamed(t *testing.T) {
	t.Parallel()
	_, err := trueconf.Open(trueconf.Options{
		Address: "http://video.example/path", ClientID: "c", AccessToken: "two words", Verify: "/no/such/file", API: "v5", Engine: "host", Timeout: -1,
	})
	if err == nil {
		t.Fatal("taken")
	}
	for _, word := range []string{"name", "address", "clock", "either", "missing", "characters", "below zero", "v5", "authority", "engine"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("nothing of %s in %v", word, err)
		}
	}
	if strings.Contains(err.Error(), "two words") {
		t.Error("tells the token")
	}
}

func TestAnAddressIsTakenAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	for address, origin := range map[string]string{
		"video.example": "https://video.example", "video.example:8443": "https://video.example:8443", "https://Video.Example:443/": "https://video.example",
		"[::1]:8443": "https://[::1]:8443", "http://127.0.0.1:8080": "http://127.0.0.1:8080", "https://[2001:db8::1]": "https://[2001:db8::1]",
		"Видео.рф:8443": "https://xn--b1aedk6a.xn--p1ai:8443", // as a browser writes it
	} {
		s := open(t, f, func(o *trueconf.Options) { o.Address = address })
		if s.Origin() != origin {
			t.Errorf("%s: %s", address, s.Origin())
		}
	}
	o := options(t, f)
	for _, address := range []string{"", "http://video.example", "https://", "ftp://video.example", "https://user:word@video.example", "video.example/api", "video.example?x=1", "a b"} {
		o.Address = address
		if _, err := trueconf.Open(o); err == nil {
			t.Errorf("took %q", address)
		} else if strings.Contains(err.Error(), "word") {
			t.Errorf("tells %v", err)
		}
	}
}

func TestWhoObservesHearsOfEveryRequest(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{})
	office(f)
	var mu sync.Mutex
	heard := map[string]int{}
	s := open(t, f, func(o *trueconf.Options) {
		o.Observe = func(op string, kind trueconf.Kind, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			heard[op+": "+kind.String()]++
		}
	})
	s.Health(t.Context())
	f.Break(trueconftest.Users, trueconftest.Trouble{Fault: trueconftest.Forbidden})
	_, _ = s.Online(t.Context()) // it is refused, and that is what is heard
	for _, what := range []string{"look at the engine: fine", "look at the web part: fine", "log in: fine", "get an access token: fine", "list users: right"} {
		if heard[what] == 0 {
			t.Errorf("nothing of %q in %v", what, heard)
		}
	}
	total := 0
	for _, n := range heard {
		total += n
	}
	if total != len(f.Requests()) {
		t.Errorf("%d heard, %d requests", total, len(f.Requests()))
	}
}

func TestASeatIsRefusedWhereItCannotBe(t *testing.T) {
	t.Parallel()
	f := serve(t, trueconftest.Options{NoWebClient: true})
	office(f)
	s := open(t, f)
	if _, err := s.Seat(t.Context(), "100", "ann", "Ann", "en"); trueconf.KindOf(err) != trueconf.NotSupported || !strings.Contains(err.Error(), "licence") {
		t.Errorf("no web client: %v", err)
	}
	if _, err := s.Seat(t.Context(), "no", "ann", "Ann", "en"); trueconf.KindOf(err) != trueconf.NotFound {
		t.Errorf("no conference: %v", err)
	}
	for _, guest := range []string{"", "Ann", "a*b", "a$b", strings.Repeat("a", 101)} {
		if _, err := s.Seat(t.Context(), "100", guest, "Ann", "en"); trueconf.KindOf(err) != trueconf.BadRequest {
			t.Errorf("guest %q: %v", guest, err)
		}
	}
	elsewhere := serve(t, trueconftest.Options{})
	office(elsewhere)
	moved := open(t, elsewhere, func(o *trueconf.Options) { o.Address = strings.Replace(o.Address, "127.0.0.1", "localhost", 1) })
	if _, err := moved.Seat(t.Context(), "100", "ann", "Ann", "en"); trueconf.KindOf(err) != trueconf.NotSupported || !strings.Contains(err.Error(), "not at the address") {
		t.Errorf("elsewhere: %v", err)
	}
	for _, r := range elsewhere.Requests() {
		if r.Method == http.MethodPost && !strings.HasSuffix(r.Path, "/token") {
			t.Errorf("asked %s", r.Path)
		}
	}
}
