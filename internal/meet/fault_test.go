package meet_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/meet"
	"countersign/internal/trueconf/trueconftest"
)

// Each fault of the video server is another text to the visitor, in his language, with
// nothing in it that is not his business; the log has the rest.
func TestVisitorIsToldInWordsWhatIsWrong(t *testing.T) {
	t.Parallel()
	type fault struct {
		set    func(*trueconftest.Options)
		breaks func(*trueconftest.Server)
		away   bool
		key    string
		log    string
	}
	at := func(e trueconftest.Endpoint, f trueconftest.Fault) func(*trueconftest.Server) {
		return func(s *trueconftest.Server) { s.Break(e, trueconftest.Trouble{Fault: f}) }
	}
	for name, c := range map[string]fault{
		"client or secret are wrong": {set: func(o *trueconftest.Options) { o.ClientSecret = "another" }, key: "credentials", log: "token"},
		"a right is missing":         {breaks: at(trueconftest.Create, trueconftest.Forbidden), key: "right", log: "conferences"},
		"no such owner":              {breaks: at(trueconftest.Create, trueconftest.Bad), key: "owner", log: "400"},
		"no answer in time":          {breaks: at(trueconftest.Create, trueconftest.Hang), key: "timeout", log: "create conference"},
		"nobody there":               {away: true, key: "unreachable", log: "connection refused"},
		"no guests in the licence":   {set: func(o *trueconftest.Options) { o.NoWebClient = true }, key: "licence", log: "licence"},
		"something else":             {breaks: at(trueconftest.Create, trueconftest.HTML), key: "other", log: "create conference"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := c.set
			if set == nil {
				set = func(*trueconftest.Options) {}
			}
			h := newHouse(t, set)
			m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
			ann := h.visit(t, m.Links[0].URL)
			if c.breaks != nil {
				c.breaks(h.video)
			}
			if c.away {
				h.connect(t, "http://127.0.0.1:1")
			}
			seen := map[string]bool{}
			for _, tag := range []string{"en", "ru", "de", "es"} {
				s, p := ann.does(t, "join", "Ann", "Accept-Language", tag)
				want := h.desk.Texts.For(tag).T("meet.failed."+c.key, nil)
				if p.Status != http.StatusServiceUnavailable || s.Text != want || s.URL != "" || seen[s.Text] || strings.Contains(p.Body, clinic) || strings.Contains(p.Body, "127.0.0.1") {
					t.Errorf("%s: %d %s", tag, p.Status, p.Body)
				}
				seen[s.Text] = true
			}
			if log := h.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, c.log) || !strings.Contains(log, "fault="+c.key) {
				t.Errorf("the log has not %q: %s", c.log, log)
			}
		})
	}
}

func TestVisitorIsToldOfACertificateThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *trueconftest.Options) { o.TLS = true })
	h.connect(t, h.video.URL())
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	s, p := h.visit(t, m.Links[0].URL).does(t, "join", "Ann")
	if p.Status != http.StatusServiceUnavailable || !strings.Contains(s.Text, "no safe connection") || !strings.Contains(h.log.String(), "fault=certificate") {
		t.Errorf("%d %s\n%s", p.Status, p.Body, h.log.String())
	}
}

func TestMeetingsThatAreNotSetUpAreNamedToWhoSetsThemUpAndNotToStrangers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	h.desk.Servers = nil
	ann := h.visit(t, m.Links[0].URL)
	if ann.page.Status != http.StatusServiceUnavailable || !strings.Contains(ann.page.Body, "not set up") || strings.Contains(ann.page.Body, clinic) {
		t.Errorf("%d %s", ann.page.Status, ann.page.Body)
	}
	_, main, _ := strings.Cut(ann.page.Body, "<main")
	for _, setting := range []string{"trueconf.", "meet.", "public_url"} {
		if !strings.Contains(main, "Ask your host") || strings.Contains(main, setting) {
			t.Errorf("the visitor reads %s", main)
		}
	}
	if got := h.desk.Missing(); len(got) != 1 || got[0] != `trueconf.servers."Clinic"` {
		t.Errorf("missing %q", got)
	}
	if got := (&meet.Desk{}).Missing(); len(got) != 2 || got[0] != "server.public_url" || got[1] != "meet.server" {
		t.Errorf("missing %q", got)
	}
	if _, err := (&meet.Desk{PublicURL: "https://x.example"}).Arrange(t.Context(), meet.Wanted{Topic: "x"}, nil); err == nil {
		t.Error("a meeting without a server")
	}
}
