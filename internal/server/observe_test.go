package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"countersign/internal/server"
)

func TestARequestIsLoggedAsLoudAsItMatters(t *testing.T) {
	t.Parallel()
	r := front(t, &server.Front{}, func(router *mux.Router) {
		router.HandleFunc("/answer/{status}", func(w http.ResponseWriter, r *http.Request) {
			status, err := strconv.Atoi(mux.Vars(r)["status"])
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
		})
	})
	want := map[int]string{
		200: "INFO", 404: "INFO", 429: "INFO", 500: "ERROR", 502: "ERROR", 503: "WARN", 507: "ERROR",
		server.StatusHungUp: "DEBUG", // the caller went away: it happens to every long poll
	}
	for status := range want {
		send(t, r.addr, fmt.Sprintf("GET /answer/%d", status))
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(r.log.String()) {
		var line struct {
			Level  string `json:"level"`
			Status int    `json:"status"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line.Level != want[line.Status] {
			t.Errorf("%d is %s, want %s", line.Status, line.Level, want[line.Status])
		}
		delete(want, line.Status)
	}
	if len(want) > 0 {
		t.Errorf("not logged: %v", want)
	}
}

func TestAProblemHoldsWhatWasSentAsItWas(t *testing.T) {
	t.Parallel()
	rec := newRecorder()
	server.WriteProblem(rec, mustRequest(t, "/"), server.Problem{
		Status: 400, Code: "unknown_field", Errors: []server.FieldError{{Field: `<a & "b">`, Code: "unknown_field", Message: "x"}}, More: 12,
	})
	var told struct {
		Errors []server.FieldError `json:"errors"`
		More   int                 `json:"more_errors"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || len(told.Errors) != 1 || told.Errors[0].Field != `<a & "b">` || told.More != 12 {
		t.Errorf("%+v, %v", told, err)
	}
	if !strings.Contains(rec.Body.String(), `<a & \"b\">`) {
		t.Errorf("escaped more than it must be: %s", rec.Body)
	}
}
