package trueconftest

import (
	"crypto/rand"
	_ "embed" // the page of the web client
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed webclient.html
var webClientPage string

// seat is a way in that was given to a guest.
type seat struct {
	room, guest, name string
	until             time.Time
}

const (
	seatLife = 5 * time.Minute
	cookie   = "guest"
)

// clients offers ways into a conference; it asks for no token.
func (s *Server) clients(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	c := s.find(q.Get("call_id"))
	if c == nil || c.ID == "" {
		deny(w, http.StatusNotFound, "conferenceNotFound")
		return
	}
	ways := []object{{"type": "standalone", "platform": "ios"}}
	spec, fixed := strings.CutPrefix(q.Get("user"), "2$")
	guest, name, named := strings.Cut(spec, "*")
	if !s.o.NoWebClient && c.Guests && fixed && named {
		until := s.o.Now().Add(seatLife)
		token := fmt.Sprintf("$2%s*%d*%s", rand.Text()[:8], until.Unix(), strings.ToLower(rand.Text()))
		s.seats[token] = seat{c.ID, guest, name, until}
		at := s.URL() + "/webrtc/" + c.ID
		fragment := "#login=*guest2*" + guest + "&token=" + token + "&lang=auto"
		way := object{"type": "web", "platform": "webrtc"}
		switch {
		case s.o.Frames && !isNew(r):
			way["iframe"] = `<iframe allowfullscreen width="100%" src="` + html.EscapeString(at+fragment) + `"></iframe>`
		default:
			way["web_url"] = at + fragment
			if isNew(r) { // it offers a second one, which is not the whole client
				ways = append(ways, object{"type": "web", "platform": "webrtc", "web_url": s.URL() + "/webrtc-widget/" + c.ID + fragment})
			}
		}
		ways = append(ways, way)
	}
	answer(w, http.StatusOK, object{"clients": ways})
}

// webClient is the page that a guest sees in a frame.
func (s *Server) webClient(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusOK, webClientPage)
}

// guestEnters lets a guest in by the token in the fragment of his address. A second one
// with the same id takes the place of the first.
func (s *Server) guestEnters(w http.ResponseWriter, r *http.Request) {
	g, c := s.guest(r)
	defer s.mu.Unlock()
	if c == nil || !s.o.Now().Before(g.until) {
		http.Error(w, "the token is not accepted", http.StatusForbidden)
		return
	}
	if !c.Running {
		http.Error(w, "the conference does not run", http.StatusConflict)
		return
	}
	s.enter(c, Person{ID: s.guestID(g), Name: g.name})
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) guestLeaves(w http.ResponseWriter, r *http.Request) {
	g, c := s.guest(r)
	defer s.mu.Unlock()
	if c != nil {
		kept := c.People[:0:0]
		for _, p := range c.People {
			if p.ID != s.guestID(g) {
				kept = append(kept, p)
			}
		}
		c.People = kept
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) guestID(g seat) string { return "#guest2:" + g.guest + "@" + s.o.Domain }

// guest gives whose token came, with the lock taken.
func (s *Server) guest(r *http.Request) (seat, *Conference) {
	token, _ := url.QueryUnescape(r.FormValue("token"))
	s.mu.Lock()
	g, known := s.seats[token]
	if !known || g.room != r.PathValue("id") {
		return seat{}, nil
	}
	return g, s.find(g.room)
}
