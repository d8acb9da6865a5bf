package trueconftest

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// Endpoint is a call that can fail and is counted, whichever version it is asked of.
type Endpoint string

// The endpoints.
const (
	Token        Endpoint = "token"
	About        Endpoint = "server"
	Engine       Endpoint = "vsstatus"
	Calls        Endpoint = "logs/calls"
	List         Endpoint = "conferences"
	One          Endpoint = "conference"
	Participants Endpoint = "participants"
	Sessions     Endpoint = "sessions"
	Users        Endpoint = "users"
	OneUser      Endpoint = "user"
	Create       Endpoint = "create"
	Run          Endpoint = "run"
	Stop         Endpoint = "stop"
	Delete       Endpoint = "delete"
	Clients      Endpoint = "software/clients"
)

// Fault is what an endpoint does instead of its work.
type Fault string

// The faults.
const (
	Pass      Fault = ""              // its work, for a Trouble that only has a Do
	Refused   Fault = "refused"       // the token is not accepted: 403 or 401, as the version has it
	Forbidden Fault = "forbidden"     // 403: a right is missing
	Gone      Fault = "not found"     // 404 of the API
	NoRoute   Fault = "no route"      // 404 of something else
	Bad       Fault = "bad request"   // 400
	Trouble5  Fault = "error"         // 500 with a page
	Gateway   Fault = "bad gateway"   // 502 of a proxy
	Hang      Fault = "hang"          // until the caller is gone
	Cut       Fault = "cut"           // the connection ends in the middle of the answer
	Idle      Fault = "idle"          // 204, and nothing is done
	Lost      Fault = "lost"          // the work is done, and the answer never comes
	HalfJSON  Fault = "half JSON"     // the body ends early
	Empty     Fault = "empty"         // {} with status 200
	Null      Fault = "null"          // null with status 200
	HTML      Fault = "html"          // with status 200
	Huge      Fault = "huge"          // 8 MB of JSON
	SamePage  Fault = "same page"     // every page is the first one
	Away      Fault = "redirect"      // to another server
	Echo      Fault = "echo"          // a refusal that repeats what was sent
	EchoPage  Fault = "echo page"     // a page that repeats what was sent, status 500
	Wall      Fault = "403 of a wall" // a page of something before the server
)

// Trouble is a fault with its time: after so many sound calls, for so many calls.
type Trouble struct {
	Fault Fault
	Do    func() // is called before the fault, or the work; without a lock
	After int
	Times int // for ever when zero
}

// Break makes an endpoint fail; several troubles follow one another.
func (s *Server) Break(e Endpoint, troubles ...Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble[e] = append(s.trouble[e], troubles...)
}

// Mend makes all endpoints sound.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.trouble)
}

// Count counts the requests to an endpoint, those that failed included.
func (s *Server) Count(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[e]
}

// next counts a call and gives the trouble that it meets.
func (s *Server) next(e Endpoint) Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[e]++
	queue := s.trouble[e]
	if len(queue) == 0 {
		return Trouble{}
	}
	t := &queue[0]
	if t.After > 0 {
		t.After--
		return Trouble{}
	}
	met := *t
	if t.Times > 0 {
		if t.Times--; t.Times == 0 {
			s.trouble[e] = queue[1:]
		}
	}
	return met
}

// at lets an endpoint work, or fail.
func (s *Server) at(e Endpoint, work http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t := s.next(e)
		if t.Do != nil {
			t.Do()
		}
		switch t.Fault {
		case Pass:
			work(w, r)
		case Lost:
			work(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case SamePage:
			q := r.URL.Query()
			q.Del("page")
			q.Del("page_id")
			r.URL.RawQuery = q.Encode()
			work(w, r)
		default:
			s.fail(w, r, t.Fault)
		}
	}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, fault Fault) {
	body, _ := io.ReadAll(r.Body)
	sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + " " + string(body)
	refusals := map[Fault]func(){
		Refused:   func() { s.refuse(w, r) },
		Forbidden: func() { deny(w, http.StatusForbidden, "forbidden") },
		Gone:      func() { deny(w, http.StatusNotFound, "conferenceNotFound") },
		NoRoute:   func() { http.NotFound(w, r) },
		Bad:       func() { deny(w, http.StatusBadRequest, "userNotFound") },
		Echo:      func() { deny(w, http.StatusBadRequest, strings.Fields(sent + " x")[0]) },
		Trouble5:  func() { page(w, http.StatusInternalServerError, "<html>Internal error</html>") },
		Gateway:   func() { page(w, http.StatusBadGateway, "<html>Bad gateway</html>") },
		Wall:      func() { page(w, http.StatusForbidden, "<html>Forbidden</html>") },
		HTML:      func() { page(w, http.StatusOK, "<html>sign in</html>") },
		EchoPage:  func() { page(w, http.StatusInternalServerError, sent) },
		HalfJSON:  func() { write(w, `{"cnt":1,"list":[`) },
		Empty:     func() { write(w, `{}`) },
		Null:      func() { write(w, `null`) },
		Huge:      func() { write(w, `{"topic":"`+strings.Repeat("x", huge)+`"}`) },
		Idle:      func() { w.WriteHeader(http.StatusNoContent) },
		Hang:      func() { <-r.Context().Done() },
		Cut: func() {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"cnt":1,`)
			_ = http.NewResponseController(w).Flush() // the connection ends in any case
			panic(http.ErrAbortHandler)
		},
		Away: func() {
			w.Header().Set("Location", "https://elsewhere.example/?"+strconv.Itoa(len(sent)))
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	}
	refusals[fault]()
}

const huge = 8 << 20

func page(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func write(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, body)
}

// quiet is for a server whose callers are expected not to trust it.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
