package trueconftest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is one thing in an answer.
type object = map[string]any

// grant is what an access token is good for.
type grant struct {
	old, new bool
	until    time.Time // zero: never ends
}

// old lists the versions of the old family.
func old() []string {
	return []string{"v3.3", "v3.4", "v3.5", "v3.6", "v3.7", "v3.8", "v3.9", "v3.10", "v3.11"}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/v1/token", s.at(Token, s.oldToken))
	mux.HandleFunc("GET /webrtc/{id}", s.webClient)
	mux.HandleFunc("POST /webrtc/{id}/enter", s.guestEnters)
	mux.HandleFunc("POST /webrtc/{id}/leave", s.guestLeaves)
	versions := old()
	for _, v := range versions[:slices.Index(versions, s.o.Oldest)+1] {
		s.oldFamily(mux, "/api/"+v)
	}
	if s.hasNew() {
		mux.HandleFunc("POST /api/v4/oauth2/token", s.at(Token, s.newToken))
		s.newFamily(mux, "/api/v4")
	}
	return s.noted(mux)
}

// noted keeps what came in.
func (s *Server) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const most = 1 << 20
		body, _ := io.ReadAll(io.LimitReader(r.Body, most))
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.requests = append(s.requests, Request{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone(), string(body)})
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// hasNew reports whether the server is of a version that has the new family.
func (s *Server) hasNew() bool {
	var major, minor int
	_, _ = fmt.Sscanf(s.o.Version, "%d.%d", &major, &minor) // what is no version is none that has it
	const first, second = 5, 5
	return major > first || major == first && minor >= second
}

func (s *Server) engine(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusOK, "<html>TrueConf Server "+s.o.Version+"<br>Status:OK</html>")
}

func (s *Server) oldToken(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		deny(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	s.give(w, r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), grant{old: true, new: s.o.OldGrants})
}

func (s *Server) newToken(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Grant  string `json:"grant_type"`
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Grant != "client_credentials" || s.o.OldGrants {
		answer(w, http.StatusBadRequest, object{"error": "unsupported_grant_type", "error_description": "The grant type is not supported"})
		return
	}
	s.give(w, in.ID, in.Secret, grant{new: true})
}

func (s *Server) give(w http.ResponseWriter, id, secret string, g grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != s.o.ClientID || secret != s.o.ClientSecret {
		answer(w, http.StatusUnauthorized, object{"error": "invalid_client", "error_description": "The client credentials are invalid"})
		return
	}
	access := strings.ToLower(rand.Text())
	g.until = s.o.Now().Add(s.o.Life)
	s.tokens[access] = g
	answer(w, http.StatusOK, object{
		"access_token": access, "expires_in": int(s.o.Life / time.Second), "token_type": "Bearer", "scope": strings.Join(s.o.Scopes, " "),
	})
}

// Revoke makes all tokens void.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Grant says anew what the client may.
func (s *Server) Grant(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Scopes = scopes
}

// Client says anew who the client is.
func (s *Server) Client(id, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.ClientID, s.o.ClientSecret = id, secret
}

// may lets a call work when its token is good and the client has one of the rights. The
// work is done under the lock.
func (s *Server) may(work http.HandlerFunc, scopes ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		defer s.mu.Unlock()
		g, known := s.tokens[access]
		switch {
		case !known, !g.until.IsZero() && !s.o.Now().Before(g.until), isNew(r) && !g.new, !isNew(r) && !g.old:
			s.refuse(w, r)
		case !slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(s.o.Scopes, scope) }):
			deny(w, http.StatusForbidden, "forbidden")
		default:
			work(w, r)
		}
	}
}

func isNew(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/v4") }

// refuse says that a token is not accepted, in the words of the version.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request) {
	if isNew(r) {
		deny(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	deny(w, http.StatusForbidden, "accessTokenInvalid")
}

func deny(w http.ResponseWriter, status int, reason string) {
	answer(w, status, object{"error": object{
		"code": status, "message": http.StatusText(status), "errors": []object{{"reason": reason, "message": http.StatusText(status)}},
	}})
}

func answer(w http.ResponseWriter, status int, o any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(o); err != nil { // who is gone hears nothing more
		panic(http.ErrAbortHandler)
	}
}

// cut gives the part of a list that is asked for, by either name of the page, and whether
// there is more.
func cut[T any](s *Server, r *http.Request, all []T) (part []T, n int, more bool) {
	q := r.URL.Query()
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(q.Get(name)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	const usual = 100
	size := number("page_size", usual)
	if s.o.Page > 0 {
		size = min(size, s.o.Page)
	}
	n = number("page", number("page_id", 1))
	from := min((n-1)*size, len(all))
	to := min(from+size, len(all))
	return all[from:to], n, to < len(all)
}
