package google_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/google"
)

// An issuer, or whatever stands before it, may send back what it was sent.
func TestErrorsHoldNothingThatIsSecret(t *testing.T) {
	t.Parallel()
	const code = "4/a-code-that-nobody-should-see"
	raw := func(answer string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, echo string) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			io.WriteString(conn, strings.ReplaceAll(answer, "ECHO", echo))
		}
	}
	answer := func(status int, kind, body string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, echo string) {
			w.Header().Set("Content-Type", strings.ReplaceAll(kind, "ECHO", url.QueryEscape(echo)))
			w.WriteHeader(status)
			quoted, _ := json.Marshal(echo)
			io.WriteString(w, strings.ReplaceAll(body, `"ECHO"`, string(quoted)))
		}
	}
	const form = "application/json"
	for name, tt := range map[string]struct {
		send func(http.ResponseWriter, string)
		want google.Reason // empty: unreachable
	}{
		"an error":               {answer(400, form, `{"error":"ECHO","error_description":"ECHO","error_uri":"ECHO"}`), google.ReasonAnswer},
		"a refusal":              {answer(400, form, `{"error":"invalid_grant","error_description":"ECHO"}`), google.ReasonCode},
		"a pause":                {answer(400, form, `{"error":"temporarily_unavailable","error_description":"ECHO"}`), ""},
		"a client without right": {answer(400, form, `{"error":"unauthorized_client"}`), google.ReasonClient},
		"a failure by name":      {answer(400, form, `{"error":"server_error","error_description":"ECHO"}`), ""},
		"a number as token":      {answer(200, form, `{"access_token":"ECHO","id_token":1}`), google.ReasonAnswer},
		"a form":                 {answer(200, "application/x-www-form-urlencoded", `access_token=a&id_token=b.c.d`), ""},
		"too many":               {answer(429, form, `{"error":"invalid_grant"}`), ""},
		"a refused client":       {answer(401, form, `{"error":"invalid_client","error_description":"ECHO"}`), google.ReasonClient},
		"an error that is none":  {answer(200, form, `{"error":"ECHO"}`), google.ReasonAnswer},
		"a text":                 {answer(400, form, `"ECHO"`), google.ReasonAnswer},
		"half a text":            {answer(200, form, `{"ECHO`), ""},
		"a number":               {answer(200, form, `{"access_token":"ECHO","expires_in":"ECHO"}`), ""},
		"no ID token":            {answer(200, form, `{"access_token":"ECHO"}`), google.ReasonAnswer},
		"an ID token":            {answer(200, form, `{"access_token":"ECHO","id_token":"ECHO"}`), google.ReasonToken},
		"a page":                 {answer(200, "text/html", `"ECHO"`), ""},
		"another type":           {answer(200, "ECHO", `"ECHO"`), ""},
		"a failure":              {answer(500, form, `"ECHO"`), ""},
		"a type with text":       {answer(200, "text/ECHO; a=ECHO", `"ECHO"`), ""},
		"a redirect":             {raw("HTTP/1.1 307 ECHO\r\nLocation: http://ECHO/\r\nContent-Length: 0\r\n\r\n"), ""},
		"a status":               {raw("HTTP/1.1 500 ECHO\r\nContent-Length: 0\r\n\r\n"), ""},
		"a status of a client":   {raw("HTTP/1.1 400 ECHO\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"), google.ReasonAnswer},
		"a line":                 {raw("ECHO\r\n\r\n"), ""},
		"a header":               {raw("HTTP/1.1 200 OK\r\nECHO\r\n\r\n"), ""},
		"a length":               {raw("HTTP/1.1 200 OK\r\nContent-Length: ECHO\r\n\r\n"), ""},
		"a piece":                {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nECHO\r\n"), ""},
		"a coding":               {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: ECHO\r\n\r\n"), ""},
		"half a body":            {raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\nECHO"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var issuer *httptest.Server
			issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token" {
					w.Header().Set("Content-Type", form)
					doc := strings.TrimSuffix(document(issuer.URL), "}") + `,"token_endpoint_auth_methods_supported":["client_secret_post"]}`
					io.WriteString(w, doc)
					return
				}
				if err := r.ParseForm(); err != nil || len(r.PostForm) != 6 {
					t.Errorf("asked with %v", r.PostForm)
				}
				var echo []string
				for _, values := range r.PostForm {
					echo = append(echo, values...)
				}
				tt.send(w, strings.Join(echo, " "))
			}))
			t.Cleanup(issuer.Close)
			p := &google.Provider{
				Name: "odd", Issuer: issuer.URL, ClientID: client, Secret: password, Redirect: redirect, Timeout: time.Minute, Now: time.Now,
			}
			_, err := p.Identify(t.Context(), code, request())
			if tt.want == "" {
				wantUnreachable(t, err)
			} else {
				wantReason(t, err, tt.want)
			}
			clean(t, err, code)
			clean(t, fmt.Errorf("%+v %#v", p.Secret, p.Secret), code)
		})
	}
}

// clean looks into an error and all that it is made of.
func clean(t *testing.T, err error, code string) {
	t.Helper()
	text := fmt.Sprintf("%v|%+v|%#v", err, err, err)
	for _, hidden := range []string{password, code, verifier, nonce} {
		for _, form := range []string{hidden, url.QueryEscape(hidden), hidden[2:10]} {
			if strings.Contains(text, form) {
				t.Errorf("%q stands in %s", form, text)
			}
		}
	}
	inner := []error{errors.Unwrap(err)}
	if several, ok := any(err).(interface{ Unwrap() []error }); ok {
		inner = several.Unwrap()
	}
	for _, e := range inner {
		if e != nil {
			clean(t, e, code)
		}
	}
}
