package workspacetest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Endpoint is a call that can fail and is counted.
type Endpoint string

// The endpoints.
const (
	Token   Endpoint = "token"
	Sign    Endpoint = "signJwt"
	Users   Endpoint = "users"
	Groups  Endpoint = "groups"
	Members Endpoint = "members"
)

// Fault is what an endpoint does instead of its work.
type Fault string

// The faults.
const (
	Forbidden  Fault = "forbidden"               // 403: the account is no administrator
	Scope      Fault = "insufficientPermissions" // 403: the token has not the scope
	Disabled   Fault = "accessNotConfigured"     // 403: the API is off in the project
	UserQuota  Fault = "userRateLimitExceeded"   // 403
	DayQuota   Fault = "dailyLimitExceeded"      // 403
	TooMany    Fault = "rateLimitExceeded"       // 429
	Status500  Fault = "backendError"            // 500
	Hang       Fault = "hang"                    // until the caller is gone
	Cut        Fault = "cut"                     // the connection ends in the middle of the body
	HalfJSON   Fault = "half JSON"               // the body ends early, and says so of its length
	Empty      Fault = "empty"                   // {} with status 200
	WrongJSON  Fault = "wrong JSON"              // a list where an object belongs
	HTML       Fault = "html"                    // with status 200
	Huge       Fault = "huge"                    // 40 MB of JSON
	SamePage   Fault = "same page"               // every page names itself as the next one
	BadRequest Fault = "badRequest"              // 400
	Redirect   Fault = "redirect"                // to the same endpoint: who follows is counted
)

// Trouble is a fault with its time: after so many sound calls, for so many calls.
type Trouble struct {
	Fault Fault
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

// Calls counts the requests to an endpoint, those that failed included.
func (s *Server) Calls(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[e]
}

// next counts a call and gives the fault that it meets.
func (s *Server) next(e Endpoint) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[e]++
	queue := s.trouble[e]
	if len(queue) == 0 {
		return ""
	}
	t := &queue[0]
	if t.After > 0 {
		t.After--
		return ""
	}
	fault := t.Fault
	if t.Times > 0 {
		if t.Times--; t.Times == 0 {
			s.trouble[e] = queue[1:]
		}
	}
	return fault
}

// at lets an endpoint work, or fail.
func (s *Server) at(e Endpoint, work func(w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch fault := s.next(e); fault {
		case "":
			work(w, r)
		case SamePage:
			s.samePage(w, r, work)
		default:
			s.fail(w, r, fault)
		}
	}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, fault Fault) {
	const body = `{"kind":"admin#directory#users","users":[`
	switch fault {
	case Forbidden, Scope, Disabled, UserQuota, DayQuota:
		s.deny(w, http.StatusForbidden, string(fault), "Not Authorized to access this resource/api")
	case TooMany:
		w.Header().Set("Retry-After", "0")
		s.deny(w, http.StatusTooManyRequests, string(fault), "Quota exceeded")
	case Status500:
		s.deny(w, http.StatusInternalServerError, string(fault), "Backend Error")
	case BadRequest:
		s.deny(w, http.StatusBadRequest, string(fault), "Bad Request")
	case Hang:
		<-r.Context().Done()
	case Cut:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(2*len(body)))
		fmt.Fprint(w, body)
		_ = http.NewResponseController(w).Flush() // the connection ends in any case
		panic(http.ErrAbortHandler)
	case HalfJSON:
		raw(w, "application/json", body)
	case Empty:
		raw(w, "application/json", "{}")
	case WrongJSON:
		raw(w, "application/json", `[]`)
	case HTML:
		raw(w, "text/html", "<html>sign in</html>")
	case Huge:
		const size = 40 << 20
		raw(w, "application/json", `{"kind":"`+strings.Repeat("x", size)+`"}`)
	case Redirect:
		http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
	case SamePage:
	}
}

func raw(w http.ResponseWriter, kind, body string) {
	w.Header().Set("Content-Type", kind)
	fmt.Fprint(w, body)
}
