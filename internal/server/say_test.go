package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"countersign/internal/server"
)

func TestTheFrontSpeaksTheLanguageOfTheRequest(t *testing.T) {
	t.Parallel()
	entered, finish := make(chan struct{}), make(chan struct{})
	routes := func(router *mux.Router) {
		router.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) {
			entered <- struct{}{}
			<-finish
		})
		router.HandleFunc("/bug", func(http.ResponseWriter, *http.Request) { panic("boom") })
		router.HandleFunc("/own", func(w http.ResponseWriter, r *http.Request) {
			server.WriteProblem(w, r, server.Problem{Status: http.StatusConflict, Code: "conflict", Message: "said already"})
		}).Methods(http.MethodGet)
	}
	say := func(r *http.Request, code string) string {
		if lang := r.Header.Get("Accept-Language"); lang != "" {
			return lang + ": " + code
		}
		return ""
	}
	speaking, mute := front(t, &server.Front{Say: say}, routes), front(t, &server.Front{}, routes)
	full := front(t, &server.Front{Say: say, InFlight: 1}, routes)
	held := make(chan answer, 1)
	go func() { held <- send(t, full.addr, "GET /slow") }()
	receive(t, entered)
	many := []string{"GET /own"}
	for i := range 120 {
		many = append(many, fmt.Sprintf("X-%d: 1", i))
	}
	for _, c := range []struct {
		request []string
		status  int
		code    string
		english string
	}{
		{[]string{"GET /nothing"}, 404, "not_found", "There is nothing"},
		{[]string{"GET /own%2fx"}, 404, "not_found", "There is nothing"},
		{[]string{"PUT /own"}, 405, "method_not_allowed", "This path does not take"},
		{[]string{"GET /own/../x"}, 400, "bad_path", "The path is ambiguous"},
		{[]string{"GET /" + strings.Repeat("a", 3000)}, 414, "path_too_long", "The path is too long"},
		{many, 431, "too_many_headers", "The request has too many"},
		{[]string{"GET /bug"}, 500, "internal", "Something went wrong here"},
		{[]string{"GET /slow"}, 503, "overloaded", "Too many requests"},
	} {
		addr := speaking.addr
		if c.status == http.StatusServiceUnavailable {
			addr = full.addr
		}
		got := send(t, addr, append(c.request, "Accept-Language: xx")...)
		if p := problemOf(t, got); got.status != c.status || p.Code != c.code || p.Message != "xx: "+c.code {
			t.Errorf("%.40s: %d %s", c.request[0], got.status, got.body)
		}
		silent := []answer{send(t, addr, c.request...)} // nothing is said of it
		if c.status != http.StatusServiceUnavailable {
			silent = append(silent, send(t, mute.addr, append(c.request, "Accept-Language: xx")...))
		}
		for _, got := range silent {
			if p := problemOf(t, got); p.Code != c.code || !strings.HasPrefix(p.Message, c.english) {
				t.Errorf("%.40s, with no words: %s", c.request[0], got.body)
			}
		}
	}
	if p := problemOf(t, send(t, speaking.addr, "GET /own", "Accept-Language: xx")); p.Message != "said already" {
		t.Errorf("what a handler says became %q", p.Message)
	}
	close(finish)
	if got := receive(t, held); got.status != http.StatusOK {
		t.Errorf("%d", got.status)
	}
}
