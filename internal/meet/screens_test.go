package meet_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/goldentest"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pages/pagestest"
	"countersign/internal/secret"
	"countersign/internal/server"
	"countersign/internal/trueconf"
	"countersign/internal/trueconf/trueconftest"
)

// album collects what guests and hosts read, in each language.
type album struct {
	*house

	t     *testing.T
	texts map[string]*strings.Builder
}

func tags() []string { return []string{"en", "ru", "de", "es"} }

// TestMeetingsReadAsWritten shows the page of a guest, why it does not lead in, and the host's
// card with what becomes of it.
func TestMeetingsReadAsWritten(t *testing.T) {
	t.Parallel()
	a := &album{t: t, house: newHouse(t), texts: map[string]*strings.Builder{}}
	for _, tag := range tags() {
		a.texts[tag] = &strings.Builder{}
	}
	a.desk.Servers = map[string]*trueconf.Server{clinic: a.dials(a.video.URL(), patience)}
	a.doors()
	a.forms()
	a.lobby()
	a.ends()
	a.faults()
	a.own()
	for _, tag := range tags() {
		text := a.texts[tag].String()
		goldentest.Same(t, "screens."+tag, text)
		if strings.Contains(text, "{{") || strings.Contains(text, "meet.") || strings.Contains(text, "<no value>") {
			t.Errorf("%s shows a key or a placeholder", tag)
		}
	}
}

func (a *album) keep(tag, title, text string) {
	fmt.Fprintf(a.texts[tag], "=== %s\n%s\n\n", title, text)
}

// opened shows the page of a link in each language.
func (a *album) opened(title, link string) {
	a.t.Helper()
	for _, tag := range tags() {
		p := pagestest.Open(a.t, a.web).Do(http.MethodGet, link, nil, "Accept-Language", tag)
		a.keep(tag, fmt.Sprintf("page: %s (%d)", title, p.Status), p.Words())
	}
}

// hears shows what the page is told when it does something; what is refused may be done in
// each language.
func (a *album) hears(title string, do func(lang ...string) (said, pagestest.Page)) {
	a.t.Helper()
	for _, tag := range tags() {
		s, p := do("Accept-Language", tag)
		a.keep(tag, fmt.Sprintf("%s (%d)", title, p.Status), s.Text)
	}
}

func (a *album) does(g *guest, act, name string) func(lang ...string) (said, pagestest.Page) {
	return func(lang ...string) (said, pagestest.Page) { return g.does(a.t, act, name, lang...) }
}

// doors: the page before anybody came in, and links that open nothing.
func (a *album) doors() {
	m := a.arrange(a.t, nil, meet.Guest{Name: "Ann"})
	a.opened("a link", m.Links[0].URL)
	a.opened("a link to a host who lets in", a.arrange(a.t, withLobby, meet.Guest{Name: "Ann"}).Links[0].URL)
	a.opened("a link that is none", a.web.URL+"/meet/AAAAAAAAAAAAAAAAAAAAAAAAAA")
	revoked := a.arrange(a.t, nil, meet.Guest{Name: "Ann"})
	_, err := a.desk.Revoke(a.t.Context(), revoked.Source, revoked.ID, "")
	must(a.t, err)
	a.opened("a meeting that was called off", revoked.Links[0].URL)
	servers := a.desk.Servers
	a.desk.Servers = nil
	a.opened("no meetings here", m.Links[0].URL)
	a.desk.Servers = servers
	a.Clock.Advance(25 * time.Hour)
	a.opened("a link that has expired", m.Links[0].URL)
}

// forms: what comes from the page and is not heard.
func (a *album) forms() {
	m := a.arrange(a.t, nil, meet.Guest{Name: "Ann"})
	g, second := a.visit(a.t, m.Links[0].URL), a.visit(a.t, m.Links[0].URL)
	a.hears("the form of another site", func(lang ...string) (said, pagestest.Page) {
		return g.does(a.t, "join", "Ann", append(lang, "Sec-Fetch-Site", "cross-site")...)
	})
	a.hears("no cookie", a.does(&guest{Browser: pagestest.Open(a.t, a.web), link: g.link}, "join", "Ann"))
	a.hears("a form that is too long", a.does(g, "join", strings.Repeat("x", 5<<10)))
	a.hears("no name", a.does(g, "join", " "))
	a.hears("a page that is not in", a.does(g, "beat", ""))
	g.joins(a.t, "Ann")
	a.hears("somebody else is in by the link", a.does(second, "join", "Eve"))
	a.desk.Addresses = &server.Limiter{Rate: 0.001, Burst: 1, Now: a.Clock.Now}
	g.does(a.t, "beat", "")
	a.hears("too often", a.does(g, "beat", ""))
	a.desk.Addresses = nil
}

// lobby: the card of a host, and what his taps come to.
func (a *album) lobby() {
	m := a.arrange(a.t, withLobby, meet.Guest{Name: "Ann"}, meet.Guest{Name: "Bob"}, meet.Guest{Name: "Cid"})
	ann, bob, cid := a.visit(a.t, m.Links[0].URL), a.visit(a.t, m.Links[1].URL), a.visit(a.t, m.Links[2].URL)
	ann.joins(a.t, "Ann")
	a.asked()
	_, admit, _ := a.card(a.t)
	a.tapped("the tap of another", "kozlov", admit)
	a.tapped("let in", "petrov", admit)
	ann.joins(a.t, "Ann")
	a.tapped("let in before", "petrov", admit)
	bob.joins(a.t, "Bob")
	_, late, decline := a.card(a.t)
	a.tapped("declined", "petrov", decline)
	a.hears("a guest who was declined", a.does(bob, "beat", ""))
	a.hears("a guest who was declined tries again", a.does(bob, "join", "Bob"))
	cid.joins(a.t, "Cid")
	_, admit, _ = a.card(a.t)
	a.tap(a.t, "petrov", admit)
	cid.does(a.t, "leave", "")
	a.tapped("the guest has left", "petrov", admit)
	_, err := a.desk.Revoke(a.t.Context(), m.Source, m.ID, "")
	must(a.t, err)
	a.tapped("after the end", "petrov", late)
	for _, tag := range tags() { // that nothing was heard of a guest is said once
		a.visit(a.t, a.arrange(a.t, withLobby, meet.Guest{Name: "Dee"}).Links[0].URL).joins(a.t, "Dee")
		_, admit, _ = a.card(a.t)
		a.Clock.Advance(5 * time.Minute)
		a.taps(tag, "let in, and nothing was heard of the guest for long", "petrov", admit)
	}
}

// asked is the newest question to a host, as he reads it.
func (a *album) asked() {
	var text []byte
	must(a.t, a.Pool.QueryRow(a.t.Context(), `select body from notice order by created_at desc, id desc limit 1`).Scan(&text))
	var b notice.Body
	must(a.t, json.Unmarshal(text, &b))
	data := map[string]any{}
	for key, value := range b.Data {
		data[key] = value
	}
	for _, tag := range tags() {
		lang := a.desk.Texts.For(tag)
		shown := lang.T(b.Key, data)
		for _, row := range b.Buttons {
			for _, button := range row {
				shown += "\n[" + lang.T(button.Key, nil) + "]"
			}
		}
		a.keep(tag, "the host is asked", shown)
	}
}

// tapped shows what a tap comes to: the same again says the same.
func (a *album) tapped(title, who, data string) {
	a.t.Helper()
	for _, tag := range tags() {
		a.taps(tag, title, who, data)
	}
}

func (a *album) taps(tag, title, who, data string) {
	a.t.Helper()
	s, err := a.desk.Tap(a.t.Context(), a.person(a.t, who), a.desk.Texts.For(tag), data)
	must(a.t, err)
	shown := "(" + s.Answer + ")"
	if s.Text != "" {
		shown = s.Text + "\n" + shown
	}
	a.keep(tag, title, shown)
}

// ends: a conference that is over while a guest is in.
func (a *album) ends() {
	m := a.arrange(a.t, nil, meet.Guest{Name: "Ann"})
	g := a.visit(a.t, m.Links[0].URL)
	g.joins(a.t, "Ann")
	a.Clock.Advance(3 * time.Hour)
	a.sweep(a.t)
	a.hears("the conference is over", a.does(g, "beat", ""))
}

// faults: the video server does not let anybody in.
func (a *album) faults() {
	at := func(f trueconftest.Fault) func() {
		return func() { a.video.Break(trueconftest.Create, trueconftest.Trouble{Fault: f}) }
	}
	by := func(change func(*trueconftest.Options), timeout time.Duration) func() {
		return func() { a.desk.Servers = map[string]*trueconf.Server{clinic: a.another(change, timeout)} }
	}
	servers := a.desk.Servers
	for _, c := range []struct {
		title string
		ill   func()
	}{
		{"the secret is wrong", by(func(o *trueconftest.Options) { o.ClientSecret = "another" }, patience)},
		{"a right is missing", at(trueconftest.Forbidden)},
		{"the host is unknown", at(trueconftest.Bad)},
		{"no answer in time", by(nil, 20*time.Millisecond)},
		{"no guests in the licence", by(func(o *trueconftest.Options) { o.NoWebClient = true }, patience)},
		{"a certificate that is not trusted", by(func(o *trueconftest.Options) { o.TLS = true }, patience)},
		{"the server is away", func() {
			a.desk.Servers = map[string]*trueconf.Server{clinic: a.dials("http://127.0.0.1:1", patience)}
		}},
		{"an answer that makes no sense", at(trueconftest.HTML)},
	} {
		g := a.visit(a.t, a.arrange(a.t, nil, meet.Guest{Name: "Ann"}).Links[0].URL)
		c.ill()
		a.hears(c.title, a.does(g, "join", "Ann"))
		a.video.Mend()
		a.desk.Servers = servers
	}
}

// another is a video server that is not as it should be; without a change it hangs.
func (a *album) another(change func(*trueconftest.Options), timeout time.Duration) *trueconf.Server {
	o := trueconftest.Options{Now: a.Clock.Now}
	if change != nil {
		change(&o)
	}
	video, err := trueconftest.Open(a.t.Context(), o)
	must(a.t, err)
	a.t.Cleanup(func() { _ = video.Close() })
	video.PutUser(trueconftest.User{ID: "petrov", Name: "Pyotr"})
	if change == nil {
		video.Break(trueconftest.Token, trueconftest.Trouble{Fault: trueconftest.Hang})
	}
	return a.dials(video.URL(), timeout)
}

// dials is a video server at some address, waited for as long as said.
func (a *album) dials(address string, timeout time.Duration) *trueconf.Server {
	srv, err := trueconf.Open(trueconf.Options{
		Name: clinic, Address: address, ClientID: trueconftest.ClientID, ClientSecret: secret.Text(trueconftest.ClientSecret), Verify: "true", Engine: "-",
		Now: a.Clock.Now, Timeout: timeout, Connect: timeout, Pause: time.Millisecond,
	})
	must(a.t, err)
	a.t.Cleanup(srv.Close)
	return srv
}

// own: a colleague whose connection does not let him take part yet.
func (a *album) own() {
	c := a.gather(a.t, "petrov", "ivanova")
	p := a.person(a.t, "petrov")
	p.Power.Waits = true
	_, err := a.desk.Way(a.t.Context(), p, c.Link)
	for _, tag := range tags() {
		text, _ := meet.Refusal(a.desk.Texts.For(tag), err)
		a.keep(tag, "a way in for a connection that waits", "("+text+")")
	}
}
