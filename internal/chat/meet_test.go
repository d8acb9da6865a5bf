package chat_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/meet"
	"countersign/internal/pages/pagestest"
	"countersign/internal/secret"
	"countersign/internal/server"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// meetings gives the office a video server and the page of its meetings.
func (o *office) meetings(t *testing.T) *httptest.Server {
	t.Helper()
	_, web := o.studio(t)
	return web
}

// studio does, and gives the server, too.
func (o *office) studio(t *testing.T) (*trueconftest.Server, *httptest.Server) {
	t.Helper()
	now := o.tg.Clock().Now
	video, err := trueconftest.Open(t.Context(), trueconftest.Options{Now: now})
	must(t, err)
	t.Cleanup(func() { _ = video.Close() })
	video.PutUser(trueconftest.User{ID: "petrov"})
	srv, err := trueconf.Open(trueconf.Options{
		Name: "Clinic", Address: video.URL(), ClientID: trueconftest.ClientID, ClientSecret: secret.Text(trueconftest.ClientSecret), Engine: "-", Now: now, Pause: time.Millisecond,
	})
	must(t, err)
	t.Cleanup(srv.Close)
	o.door.Meet = &meet.Desk{
		Store: &meet.Store{Pool: o.Pool, Notices: o.board.Store}, Servers: map[string]*trueconf.Server{"Clinic": srv}, Texts: o.door.Texts, Now: now, Log: o.door.Log,
		Directory: o.Directory,
		Rules:     meet.Rules{Server: "Clinic", Users: meet.MailName, Idle: 5 * time.Minute, Longest: time.Hour, Life: time.Hour},
	}
	router := server.NewRouter()
	web := httptest.NewTLSServer(router)
	t.Cleanup(web.Close)
	o.door.Meet.PublicURL = web.URL
	must(t, o.door.Meet.Mount(router))
	return video, web
}

func TestHostAdmitsInHisLanguageByAButtonUnderTheCard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ button, state, text string }{
		"admit": {"✅ Einlassen", "admitted", "✅ Eingelassen: Ann."}, "decline": {"❌ Ablehnen", "declined", "❌ Abgelehnt: Ann."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			web := o.meetings(t)
			o.tg.User(ledgertest.Budget, "Pyotr", "de")
			o.say(t, ledgertest.Budget, "/start")
			dir, err := o.Directory.Snapshot(t.Context())
			must(t, err)
			host, _ := dir.ByTelegram(ledgertest.Budget)
			_, err = o.Directory.Set(t.Context(), "test", host.ID, func(s *directory.Setting) { s.Locale = "de" })
			must(t, err)
			m, err := o.door.Meet.Arrange(t.Context(), meet.Wanted{Source: "erp", Host: host, Topic: "Visit", Lobby: true, Guests: []meet.Guest{{Name: "Ann"}}}, nil)
			must(t, err)
			ann := pagestest.Open(t, web)
			ann.Get(m.Links[0].URL)
			form := url.Values{"name": {"Ann"}}
			if p := ann.Post(m.Links[0].URL+"/join", form); p.Status != http.StatusOK || !strings.Contains(p.Body, "waiting") {
				t.Fatalf("%d %s", p.Status, p.Body)
			}
			_, err = o.board.RunOnce(t.Context())
			must(t, err)
			card := o.panel(t, ledgertest.Budget, c.button)
			if card.Text != "🎥 Ann wartet\nVisit" {
				t.Fatalf("%q", card.Text)
			}
			o.tap(t, ledgertest.Budget, card, c.button)
			now := o.sees(t, ledgertest.Budget, c.text)
			if p := ann.Post(m.Links[0].URL+"/beat", form); !strings.Contains(p.Body, `"state":"`+c.state+`"`) {
				t.Errorf("%d %s", p.Status, p.Body)
			}
			if now.ID != card.ID || now.Text != c.text || len(now.Keyboard) != 0 {
				t.Errorf("%q with %v", now.Text, now.Keyboard)
			}
		})
	}
}
