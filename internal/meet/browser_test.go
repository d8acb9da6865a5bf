package meet_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"countersign/internal/browsertest"
	"countersign/internal/meet"
	"countersign/internal/server"
	"countersign/internal/trueconf/trueconftest"
)

const patience = 20 * time.Second

// screen is a visitor's real browser.
type screen struct {
	*browsertest.Browser

	t *testing.T
}

func openScreen(t *testing.T) *screen {
	t.Helper()
	return &screen{t: t, Browser: browsertest.Open(t, browsertest.Options{Of: "the page of meetings", Width: 390, Height: 844, Patience: patience})}
}

func (s *screen) at(page string) {
	s.t.Helper()
	s.Sees("the page "+page, fmt.Sprintf(`document.querySelector('main').dataset.page === %q`, page))
}

func (s *screen) reads(words string) {
	s.t.Helper()
	s.Sees(words, fmt.Sprintf(`document.getElementById('said').innerText.includes(%q) && document.getElementById('said').offsetHeight > 0`, words))
}

func (s *screen) open(link string) {
	s.t.Helper()
	s.Do("open", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch), chromedp.Navigate(link+"?lang=en"))
	s.at("first")
	s.Sees("nothing sticks out", `document.documentElement.scrollWidth <= innerWidth`)
}

func (s *screen) join() {
	s.t.Helper()
	s.Do("join", chromedp.Click(chromedp.CSS(`button.act`), chromedp.NodeVisible))
}

// people lists who is in what runs.
func (h *house) people() (names []string) {
	for _, c := range h.running() {
		for _, p := range c.People {
			names = append(names, p.Name)
		}
	}
	return names
}

func (h *house) meets(t *testing.T, names ...string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if strings.Join(h.people(), ",") == strings.Join(names, ",") {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("in the conference: %q, want %q", h.people(), names)
}

// The story of a visit as a person sees it: in by one button, messages of strangers are
// not heard, out by the frame's own button, back in, the connection ends.
func TestVisitInABrowser(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	h := newHouseBy(t, httptest.NewServer)
	m := h.arrange(t, nil, meet.Guest{})
	s.open(m.Links[0].URL)
	s.Do("name", chromedp.SendKeys(chromedp.CSS(`#name`), "Ann"))
	s.join()
	s.at("in")
	h.meets(t, "Ann")
	s.Sees("what the frame may", `(() => { const f = document.querySelector('#stage iframe'); return f.allow.includes('camera http://') && f.src.startsWith(document.querySelector('main').dataset.origin + '/webrtc/') && document.querySelector('main').hidden })()`)
	s.Do("strangers speak", chromedp.Evaluate[chromedp.Void](`(() => {
		const origin = document.querySelector('main').dataset.origin, frame = document.querySelector('#stage iframe').contentWindow;
		const say = (data, o, source) => window.dispatchEvent(new MessageEvent('message', {data, origin: o, source}));
		say({type: 'logout'}, location.origin, frame);
		say({type: 'logout'}, origin, window);
		say({type: 'logout'}, origin, null);
		say('logout', origin, frame);
		say({type: 'somethingElse'}, origin, frame);
		window.postMessage({type: 'logout'}, '*');
	})()`))
	s.Sees("still in", `new Promise(done => setTimeout(() => done(document.querySelector('main').dataset.page === 'in'), 200))`)
	for what, words := range map[string]string{
		"logout": "You have left", "connectionClosed": "connection was lost", "loginFail": "did not let you in", "notSupported": "cannot take part",
	} {
		s.Do(what, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`window.dispatchEvent(new MessageEvent('message', {
			data: {type: %q}, origin: document.querySelector('main').dataset.origin, source: document.querySelector('#stage iframe').contentWindow}))`, what)))
		s.at("first")
		s.reads(words)
		s.Sees("no frame", `!document.querySelector('iframe') && document.getElementById('name').value === 'Ann' && !document.querySelector('button.act').disabled`)
		s.join()
		s.at("in")
	}
	h.meets(t, "Ann")
	if n := h.video.Count(trueconftest.Create); n != 1 {
		t.Errorf("%d conferences were made", n)
	}
	s.Do("leave", chromedp.Click(chromedp.CSS(`#out`), chromedp.NodeVisible))
	s.reads("You have left")
	s.Quiet()
}

func TestVisitorWaitsAndIsLetInOrDeclined(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	h := newHouseBy(t, httptest.NewServer)
	m := h.arrange(t, func(w *meet.Wanted) { w.Lobby = true }, meet.Guest{Name: "Ann"}, meet.Guest{Name: "Bob"})
	s.open(m.Links[0].URL)
	s.join()
	s.at("waiting")
	s.reads("knows that you are waiting")
	_, admit, _ := h.card(t)
	h.tap(t, "petrov", admit)
	s.at("in")
	h.meets(t, "Ann")
	s.open(m.Links[1].URL)
	s.join()
	s.at("waiting")
	_, _, decline := h.card(t)
	h.tap(t, "petrov", decline)
	s.at("declined")
	s.reads("Ask for another time")
	s.Sees("nothing to press", `document.querySelector('form').hidden`)
	s.Quiet()
}

// patient hears of answers that ask for patience.
type patient struct {
	http.ResponseWriter

	busy func()
}

func (p patient) WriteHeader(status int) {
	if status == http.StatusTooManyRequests {
		p.busy()
	}
	p.ResponseWriter.WriteHeader(status)
}

// newBusyHouse lets time go by whenever somebody is asked to slow down, and says so.
func newBusyHouse(t *testing.T) (*house, <-chan struct{}) {
	t.Helper()
	busy := make(chan struct{}, 1)
	var h *house
	h = newHouseBy(t, func(next http.Handler) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(patient{w, func() {
				h.Clock.Advance(time.Minute)
				select {
				case busy <- struct{}{}:
				default:
				}
			}}, r)
		}))
	})
	return h, busy
}

// Many who wait behind one address ask too often together: none of them is sent away.
func TestWhoWaitsIsNotSentAwayByABusyMoment(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	h, busy := newBusyHouse(t)
	h.desk.Addresses = &server.Limiter{Rate: 1, Burst: 2, Now: h.Clock.Now} // for the page and for joining
	m := h.arrange(t, withLobby, meet.Guest{Name: "Ann"})
	s.open(m.Links[0].URL)
	s.join()
	s.at("waiting")
	<-busy
	_, admit, _ := h.card(t)
	h.tap(t, "petrov", admit)
	s.at("in")
	h.meets(t, "Ann")
}

// All whom a link is for come at the same time: who is one too many comes in a moment later
// without doing anything.
func TestWhoComesTogetherWithManyComesInByItself(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	h, busy := newBusyHouse(t)
	h.desk.Links = &server.Limiter{Rate: 1, Burst: 1, Now: h.Clock.Now}
	m := h.arrange(t, nil, meet.Guest{Name: "Ann", Places: 2})
	h.visit(t, m.Links[0].URL).joins(t, "Bob")
	s.open(m.Links[0].URL)
	s.join()
	<-busy
	s.at("in")
	if n := h.count(t, `select count(*) from meeting_visit where state = 'in'`); n != 2 {
		t.Errorf("%d are in", n)
	}
}

func TestVisitorIsToldThatTheServerIsAwayAndComesInLater(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	h := newHouseBy(t, httptest.NewServer)
	m := h.arrange(t, nil, meet.Guest{Name: "Ann"})
	h.video.Break(trueconftest.Create, trueconftest.Trouble{Fault: trueconftest.Hang})
	s.open(m.Links[0].URL)
	s.join()
	s.reads("does not answer in time")
	s.at("first")
	h.video.Mend()
	s.join()
	s.at("in")
	h.meets(t, "Ann")
	_, err := h.desk.Revoke(t.Context(), m.Source, m.ID, "")
	must(t, err)
	if len(h.video.Conferences()) != 0 {
		t.Error("the conference is still there")
	}
	if p := h.visit(t, m.Links[0].URL); p.page.Status != http.StatusGone {
		t.Errorf("%d", p.page.Status)
	}
}
