package googletest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// request is what a client asks of the person.
type request struct {
	redirect  string
	state     string
	nonce     string
	challenge string
	scope     string
	aged      bool // an age of the login is asked for
}

// refusal is an error in the words of the standard. With a redirect the client is told,
// else only the person: nobody is sent to an address that is not registered.
type refusal struct {
	code string
	why  string
	to   string
}

func (r *refusal) Error() string { return r.code + ": " + r.why }

// read checks a request for sign-in.
func (s *Server) read(q url.Values) (request, *refusal) {
	for name, values := range q {
		if len(values) > 1 {
			return request{}, &refusal{code: "invalid_request", why: name + " is given twice"}
		}
	}
	r := request{
		redirect: q.Get("redirect_uri"), state: q.Get("state"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), scope: q.Get("scope"), aged: q.Has("max_age"),
	}
	_, badAge := strconv.ParseUint(q.Get("max_age"), 10, 31)
	if q.Get("client_id") != s.options.ClientID {
		return r, &refusal{code: "invalid_client", why: "the client is not known"}
	}
	if !slices.Contains(s.options.Redirects, r.redirect) {
		return r, &refusal{code: "redirect_uri_mismatch", why: "the redirect is not registered"}
	}
	tell := func(code, why string) (request, *refusal) { return r, &refusal{code: code, why: why, to: r.redirect} }
	switch {
	case q.Get("response_type") != "code":
		return tell("unsupported_response_type", "response_type is not code")
	case !slices.Contains(strings.Fields(r.scope), "openid"):
		return tell("invalid_scope", "openid is not among the scopes")
	case r.state == "":
		return tell("invalid_request", "there is no state")
	case r.nonce == "":
		return tell("invalid_request", "there is no nonce")
	case q.Get("code_challenge_method") != "S256" || len(r.challenge) != 43:
		return tell("invalid_request", "there is no S256 challenge")
	case r.aged && badAge != nil:
		return tell("invalid_request", "max_age is no number")
	case !isPrompt(q.Get("prompt")):
		return tell("invalid_request", "prompt is none of those that are known")
	}
	return r, nil
}

// isPrompt takes what can be asked for here: a person is always asked.
func isPrompt(text string) bool {
	known := []string{"login", "consent", "select_account"}
	return !slices.ContainsFunc(strings.Fields(text), func(word string) bool { return !slices.Contains(known, word) })
}

// back is where the person is sent.
func back(redirect string, with url.Values) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return redirect
	}
	q := u.Query()
	maps.Copy(q, with)
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, f *refusal, state string) {
	s.refuse(f.Error())
	if f.to == "" {
		http.Error(w, f.Error(), http.StatusBadRequest)
		return
	}
	with := url.Values{"error": {f.code}, "error_description": {f.why}}
	if state != "" {
		with.Set("state", state)
	}
	http.Redirect(w, r, back(f.to, with), http.StatusFound)
}

// ask shows the page on which an account is chosen.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	asked, wrong := s.read(r.URL.Query())
	if wrong != nil {
		s.turnAway(w, r, wrong, asked.state)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	page, err := template.New("ask").Parse(askPage)
	if err == nil {
		err = page.Execute(w, map[string]any{"Accounts": s.options.Accounts, "Query": template.URL(r.URL.RawQuery)})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

const askPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Choose an account</title></head>
<body><h1>Choose an account</h1><p>This stands in for Google; nobody signs in for real.</p>
<form method="post" action="/authorize?{{.Query}}">
{{range .Accounts}}<p><button name="account" value="{{.Email}}">{{.Name}} ({{.Email}})</button></p>
{{end}}<p><button name="account" value="">Cancel</button></p></form></body></html>
`

// agree sends the person back with a code.
func (s *Server) agree(w http.ResponseWriter, r *http.Request) {
	asked, wrong := s.read(r.URL.Query())
	if wrong != nil {
		s.turnAway(w, r, wrong, asked.state)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	email := r.PostFormValue("account")
	a, ok := s.account(email)
	if !ok {
		s.turnAway(w, r, &refusal{code: "access_denied", why: "the person did not agree", to: asked.redirect}, asked.state)
		return
	}
	code := "4/" + rand.Text()
	now := s.options.Now()
	s.mu.Lock()
	s.grants[code] = &grant{
		account: a, redirect: asked.redirect, nonce: asked.nonce, challenge: asked.challenge, scope: asked.scope,
		aged: asked.aged, login: now, until: now.Add(codeLife),
	}
	s.mu.Unlock()
	to := back(asked.redirect, url.Values{"code": {code}, "state": {asked.state}, "scope": {asked.scope}})
	http.Redirect(w, r, to, http.StatusFound)
}

// ErrNotSent comes back when the person was not sent back to the client.
var ErrNotSent = errors.New("not sent back")

// SignIn plays the person: it opens the address to which the client sent him, chooses
// the account, or cancels if there is none, and gives the address to which he is sent
// back. Nobody follows it.
func (s *Server) SignIn(ctx context.Context, address, email string) (string, error) {
	// No connection outlives its request: any server under test that closes would break it.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		body := strings.NewReader("")
		if method == http.MethodPost {
			body = strings.NewReader(url.Values{"account": {email}}.Encode())
		}
		req, err := http.NewRequestWithContext(ctx, method, address, body)
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		if err := resp.Body.Close(); err != nil {
			return "", err
		}
		switch {
		case resp.StatusCode == http.StatusFound:
			return resp.Header.Get("Location"), nil
		case resp.StatusCode != http.StatusOK:
			return "", fmt.Errorf("%s %s: %w", method, resp.Status, ErrNotSent)
		}
	}
	return "", ErrNotSent
}
