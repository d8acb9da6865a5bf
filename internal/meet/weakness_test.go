package meet_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/meet"
	"countersign/internal/pages/pagestest"
	"countersign/internal/server"
	"countersign/internal/trueconf/trueconftest"
)

// weaknesses are those of the first page, each with the tests which show that it is not
// ours.
func weaknesses() map[string][]string {
	return map[string][]string{
		"anybody may ask for any conference with the server's credentials": {"TestOnlyTheNameOfAFormIsHeard", "TestLinkThatIsOverSaysWhy"},
		"no limit":                                 {"TestWhoAsksTooOftenWaits"},
		"a form of another site is taken":          {"TestFormOfAnotherSiteIsNotTaken"},
		"the owner's id is disclosed":              {"TestPageTellsNothingOfTheServersUsers"},
		"names and payloads are logged":            {"TestLogAndDatabaseKeepNoWayIn"},
		"conferences are never stopped":            {"TestConferenceIsTakenAwayWhenItIsOver", "TestNothingIsLostWhereverAProcessDies"},
		"a reload makes another conference":        {"TestPageThatIsLoadedAgainOrClickedTwiceComesToTheSameSeat"},
		"namesakes push each other out":            {"TestNamesakesGetSeatsOfTheirOwn"},
		"a slash at the end breaks the page":       {"TestAddressOfThePageIsOne"},
		"a page without its settings":              {"TestAddressOfThePageIsOne", "TestMeetingsThatAreNotSetUpAreNamedToWhoSetsThemUpAndNotToStrangers"},
		"camera and microphone need a safe page":   {"TestPageIsKeptSafe"},
		"fonts of third parties, no policy":        {"TestPageIsKeptSafe"},
		"the small client in place of the whole":   {"TestFrameShowsTheWholeClientOfThatServerOnly"},
		"messages of anybody are believed":         {"TestVisitInABrowser"},
		"a lost or wrong answer is shown as it is": {"TestVisitorIsToldInWordsWhatIsWrong", "TestVisitorIsToldOfACertificateThatIsNotTrusted"},
	}
}

func TestEveryWeaknessOfTheFirstPageIsShownNotToBeOurs(t *testing.T) {
	t.Parallel()
	names, err := os.ReadDir(".")
	must(t, err)
	var code strings.Builder
	for _, n := range names {
		if strings.HasSuffix(n.Name(), "_test.go") {
			text, err := os.ReadFile(n.Name())
			must(t, err)
			code.Write(text)
		}
	}
	for what, tests := range weaknesses() {
		for _, name := range tests {
			if !regexp.MustCompile(`(?m)^func ` + name + `\(`).MatchString(code.String()) {
				t.Errorf("%s: there is no %s", what, name)
			}
		}
	}
}

func TestOnlyTheNameOfAFormIsHeard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	p := g.Do(http.MethodPost, g.link+"/join", url.Values{
		"name": {"Ann"}, "owner": {"reception"}, "topic": {"Mine"}, "recording": {"1"}, "server": {"x"}, "conference": {`{"owner":"reception"}`}, "id": {"1"},
	}, "Sec-Fetch-Site", "same-origin")
	all := h.running()
	if p.Status != http.StatusOK || len(all) != 1 || all[0].Owner != "petrov" || all[0].Topic != "Consultation" || all[0].Recording || all[0].ID == "1" {
		t.Errorf("%d %+v", p.Status, all)
	}
	for _, name := range []string{"", "  ", "*$*", "\u202e\u200b", strings.Repeat("я", 61)} {
		if s, p := g.does(t, "join", name); p.Status != http.StatusUnprocessableEntity || !strings.Contains(s.Text, "60") {
			t.Errorf("%q: %d %s", name, p.Status, p.Body)
		}
	}
	if s, p := g.does(t, "join", strings.Repeat("я", 60)); p.Status != http.StatusOK || s.URL == "" {
		t.Errorf("60 characters: %d %s", p.Status, p.Body)
	}
	if p := g.Do(http.MethodPost, g.link+"/join", url.Values{"name": {strings.Repeat("x", 5000)}}, "Sec-Fetch-Site", "same-origin"); p.Status != http.StatusBadRequest {
		t.Errorf("a long form: %d", p.Status)
	}
	if s, p := (&guest{Browser: pagestest.Open(t, h.web), link: g.link}).does(t, "join", "Ann"); p.Status != http.StatusBadRequest || !strings.Contains(s.Text, "cookie") {
		t.Errorf("without a page before: %d %s", p.Status, p.Body)
	}
}

func TestWhoAsksTooOftenWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	h.desk.Links = &server.Limiter{Rate: 0.1, Burst: 2, Now: h.Clock.Now}
	g := h.visit(t, m.Links[0].URL)
	statuses := map[int]int{}
	for range 5 {
		_, p := g.does(t, "join", "Ann")
		statuses[p.Status]++
	}
	if statuses[http.StatusOK] != 2 || statuses[http.StatusTooManyRequests] != 3 {
		t.Errorf("one link: %v", statuses)
	}
	h.desk.Addresses = &server.Limiter{Rate: 0.1, Burst: 3, Now: h.Clock.Now}
	statuses = map[int]int{}
	for range 3 {
		statuses[g.Get(h.web.URL+"/meet/AAAAAAAAAAAAAAAAAAAAAAAAAA").Status]++
	}
	if s, p := g.does(t, "beat", ""); p.Status != http.StatusTooManyRequests || !strings.Contains(s.Text, "minute") || statuses[http.StatusNotFound] != 3 {
		t.Errorf("one address: %v, then %d %s", statuses, p.Status, p.Body)
	}
	if p := g.Get(g.link); p.Status != http.StatusTooManyRequests || strings.Contains(p.Body, "<form") {
		t.Errorf("one address, the page: %d", p.Status)
	}
	h.desk.Addresses = &server.Limiter{Rate: 0.1, Burst: 2, Now: h.Clock.Now}
	statuses = map[int]int{}
	for _, address := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1"} { // three of one customer
		statuses[g.Do(http.MethodGet, g.link, nil, "X-Forwarded-For", address).Status]++
	}
	if statuses[http.StatusOK] != 3 || statuses[http.StatusTooManyRequests] != 1 {
		t.Errorf("many addresses of one network: %v", statuses)
	}
}

// Requests of one link that wait for a server are few, and keep nobody else's out.
func TestWhoHasTooMuchInHandIsToldToWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.desk.Gate = &server.Gate{Limit: 1}
	m := h.arrange(t, nil, meet.Guest{Name: "Ann", Places: 5})
	other := h.arrange(t, nil, meet.Guest{Name: "Bob"})
	first, second := h.visit(t, m.Links[0].URL), h.visit(t, m.Links[0].URL)
	waits, answer := make(chan struct{}), make(chan struct{})
	h.video.Break(trueconftest.Create, trueconftest.Trouble{Do: func() { close(waits); <-answer }, Times: 1})
	var all sync.WaitGroup
	all.Go(func() { first.does(t, "join", "Ann") })
	<-waits
	if s, p := second.does(t, "join", "Ann"); p.Status != http.StatusTooManyRequests || s.State != "failed" || s.URL != "" || !strings.Contains(s.Text, "minute") {
		t.Errorf("while another request of the link waits: %d %s", p.Status, p.Body)
	}
	if s, p := second.does(t, "beat", ""); p.Status == http.StatusTooManyRequests {
		t.Errorf("what waits for no server: %d %s", p.Status, s.Text)
	}
	h.visit(t, other.Links[0].URL).joins(t, "Bob")
	close(answer)
	all.Wait()
	second.joins(t, "Ann")
}

// A browser that forgets who it was comes in anew each time: not without end on one day, and
// on the next one again.
func TestBrowsersThatForgetUseALinkUpForADayOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := h.arrange(t, func(w *meet.Wanted) { w.Life = 31 * 24 * time.Hour }, meet.Guest{Name: "Ann"}).Links[0].URL
	come := func() int {
		g := h.visit(t, link)
		_, p := g.does(t, "join", "Ann")
		g.does(t, "leave", "")
		return p.Status
	}
	for range 10 {
		if status := come(); status != http.StatusOK {
			t.Fatalf("%d", status)
		}
	}
	if status := come(); status != http.StatusConflict {
		t.Errorf("the eleventh: %d", status)
	}
	h.Clock.Advance(25 * time.Hour)
	if status := come(); status != http.StatusOK {
		t.Errorf("on the next day: %d", status)
	}
}

func TestFormOfAnotherSiteIsNotTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "", "Origin", "null"}} {
		for _, act := range []string{"join", "beat", "leave"} {
			if s, p := g.does(t, act, "Ann", headers...); p.Status != http.StatusForbidden || s.URL != "" {
				t.Errorf("%s %q: %d %s", act, headers, p.Status, p.Body)
			}
		}
	}
	if len(h.video.Conferences()) != 0 {
		t.Error("a conference was made")
	}
}

func TestPageTellsNothingOfTheServersUsers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, func(w *meet.Wanted) { w.Lobby = true }, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	_, joined := g.does(t, "join", "Ann")
	_, admit, _ := h.card(t)
	h.tap(t, "petrov", admit)
	_, in := g.does(t, "join", "Ann")
	for _, p := range []pagestest.Page{g.page, joined, in} {
		for _, secret := range []string{"petrov", "reception", clinic, trueconftest.ClientID, trueconftest.ClientSecret} {
			if strings.Contains(p.Body, secret) {
				t.Errorf("%q is told: %s", secret, p.Body)
			}
		}
	}
}

func TestLogAndDatabaseKeepNoWayIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Zacharias"})
	token := m.Links[0].URL[strings.LastIndex(m.Links[0].URL, "/")+1:]
	g := h.visit(t, m.Links[0].URL)
	s := g.joins(t, "Zacharias")
	g.does(t, "leave", "")
	h.Clock.Advance(time.Hour)
	h.sweep(t)
	u, err := url.Parse(s.URL)
	must(t, err)
	_, credential, _ := strings.Cut(u.Fragment, "token=")
	credential, _, _ = strings.Cut(credential, "&")
	log := h.log.String()
	for _, what := range []string{token, credential, "Zacharias"} {
		if len(what) < 9 || strings.Contains(log, what) {
			t.Errorf("%q is in the log", what)
		}
	}
	for _, table := range []string{"meeting", "meeting_link", "meeting_key", "meeting_visit", "meeting_room", "notice"} {
		for _, what := range []string{token, credential} {
			if n := h.count(t, `select count(*) from `+table+` r where r::text like '%' || $1 || '%' or encode(convert_to(r::text, 'UTF8'), 'escape') like '%' || $1 || '%'`, what); n != 0 {
				t.Errorf("%s keeps %q", table, what)
			}
		}
	}
}

func TestAddressOfThePageIsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	g := h.visit(t, m.Links[0].URL)
	for _, suffix := range []string{"/", "/index.html", "/en", ".html"} {
		if p := g.Get(g.link + suffix); p.Status == http.StatusOK || strings.Contains(p.Body, "<form") {
			t.Errorf("%s: %d", suffix, p.Status)
		}
	}
	for tag, words := range map[string]string{"en": "Join", "ru": "Войти", "de": "Teilnehmen", "es": "Entrar"} {
		if p := g.Do(http.MethodGet, g.link+"?lang="+tag, nil, "Accept-Language", "en"); p.Status != http.StatusOK || !strings.Contains(p.Body, ">"+words+"</button>") || !strings.Contains(p.Body, `lang="`+tag+`"`) {
			t.Errorf("by the switch, %s: %d", tag, p.Status)
		}
		if p := g.Do(http.MethodGet, g.link, nil, "Accept-Language", tag+"-XX, en;q=0.5"); !strings.Contains(p.Body, ">"+words+"</button>") {
			t.Errorf("as the browser says, %s: %s", tag, p.Body)
		}
	}
}

func TestPageIsKeptSafe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.arrange(t, func(w *meet.Wanted) { w.Topic = `<script>alert(1)</script>"'` }, meet.Guest{Name: `"><img src=x>`})
	g := h.visit(t, m.Links[0].URL)
	header := g.page.Header
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "frame-src " + h.video.URL() + ";", "connect-src 'self'", "base-uri 'none'", "script-src 'sha256-"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy has not %q: %s", want, policy)
		}
	}
	if header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" || header.Get("X-Frame-Options") != "DENY" || strings.Contains(policy, "unsafe") {
		t.Errorf("%v", header)
	}
	if body := g.page.Body; strings.Contains(body, "alert(1)</script>") || strings.Contains(body, "<img") || regexp.MustCompile(`(?:src|href)="(?:https?:)?//`).MatchString(body) {
		t.Errorf("%s", body)
	}
	if c := header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-meet=") || !strings.Contains(c, "Secure") || !strings.Contains(c, "HttpOnly") {
		t.Errorf("cookie %q", c)
	}
	if _, p := g.does(t, "join", "Ann"); p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the way in is kept: %v", p.Header)
	}
}

func TestFrameShowsTheWholeClientOfThatServerOnly(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*trueconftest.Options){
		"as an address": func(*trueconftest.Options) {}, "as a frame": func(o *trueconftest.Options) { o.Frames = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, set)
			m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
			s := h.visit(t, m.Links[0].URL).joins(t, "Ann")
			if !strings.HasPrefix(s.URL, h.video.URL()+"/webrtc/"+h.running()[0].ID+"#") || s.Origin != h.video.URL() {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestMeetingThatCannotBeIsRefusedAndNothingIsMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	host := h.person(t, "petrov")
	good := meet.Wanted{Source: "erp", Host: host, Topic: "x", Guests: []meet.Guest{{}}}
	for name, c := range map[string]struct {
		change func(*meet.Wanted)
		want   error
	}{
		"no topic":              {func(w *meet.Wanted) { w.Topic = "*\u200b" }, meet.ErrInvalid},
		"long topic":            {func(w *meet.Wanted) { w.Topic = strings.Repeat("ы", 201) }, meet.ErrInvalid},
		"no guests":             {func(w *meet.Wanted) { w.Guests = nil }, meet.ErrInvalid},
		"many guests":           {func(w *meet.Wanted) { w.Guests = make([]meet.Guest, 21) }, meet.ErrInvalid},
		"long name":             {func(w *meet.Wanted) { w.Guests = []meet.Guest{{Name: strings.Repeat("ы", 61)}} }, meet.ErrInvalid},
		"many places":           {func(w *meet.Wanted) { w.Guests = []meet.Guest{{Places: 51}} }, meet.ErrInvalid},
		"for ever":              {func(w *meet.Wanted) { w.Life = 32 * 24 * time.Hour }, meet.ErrInvalid},
		"for no time":           {func(w *meet.Wanted) { w.Life = time.Second }, meet.ErrInvalid},
		"a long conference":     {func(w *meet.Wanted) { w.Longest = 25 * time.Hour }, meet.ErrInvalid},
		"lobby without a host":  {func(w *meet.Wanted) { w.Lobby, w.Host.Telegram = true, 0 }, meet.ErrInvalid},
		"unknown server":        {func(w *meet.Wanted) { w.Server = "Moon" }, meet.ErrServer},
		"a user nobody knows":   {func(w *meet.Wanted) { w.User = "ghost" }, meet.ErrOwner},
		"his user is not there": {func(w *meet.Wanted) { w.User = "nobody@srv.example" }, meet.ErrOwner},
	} {
		w := good
		c.change(&w)
		if _, err := h.desk.Arrange(t.Context(), w, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := h.count(t, `select count(*) from meeting`); n != 0 {
		t.Errorf("%d meetings", n)
	}
	h.video.Break(trueconftest.OneUser, trueconftest.Trouble{Fault: trueconftest.Gateway, Times: 20}) // also when it cannot be asked
	for _, user := range []string{"../conferences/100", "a/b", "..", strings.Repeat("x", 65), "pet\x00rov"} {
		w := good
		w.User = user
		if _, err := h.desk.Arrange(t.Context(), w, nil); !errors.Is(err, meet.ErrOwner) {
			t.Errorf("a user %q: %v", user, err)
		}
	}
	long := good
	long.Host.Email = strings.Repeat("x", 65) + "@example.org"
	if m, err := h.desk.Arrange(t.Context(), long, nil); err != nil || m.Owner != "reception" {
		t.Errorf("a host whose name is too long for a user: %+v, %v", m, err)
	}
	h.video.Mend()
	stranger := good
	stranger.Host = h.person(t, "kozlov") // the server does not know him: the reception receives
	if m, err := h.desk.Arrange(t.Context(), stranger, nil); err != nil || m.Owner != "reception" {
		t.Errorf("%+v, %v", m, err)
	}
	h.video.Break(trueconftest.OneUser, trueconftest.Trouble{Fault: trueconftest.Gateway})
	if m, err := h.desk.Arrange(t.Context(), good, nil); err != nil || m.Owner != "petrov" {
		t.Errorf("a server that is away keeps no meeting from being arranged: %+v, %v", m, err)
	}
}
