package link

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"countersign/internal/locale"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageStyle string

// page is what the browser shows.
type page struct {
	Key     string // which page; after "failed." why nothing was linked
	Attempt attempt
	Service string
	Email   string
	Name    string
	Token   string // of the attempt, for the form
	Code    string
	Bot     string
	Link    string // back into the messenger
	Leaves  string // where the form leads in the end
	Refresh bool

	lang locale.Lang
}

// Lang is the language of the page.
func (p page) Lang() string { return p.lang.Tag() }

// Style is the style sheet.
func (p page) Style() template.CSS { return template.CSS(pageStyle) } //nolint:gosec // it is our own file

// SeenAs is the name that the Telegram account shows.
func (p page) SeenAs() string {
	if p.Attempt.SeenAs == "" {
		return "Telegram"
	}
	return p.Attempt.SeenAs
}

// Digits is the code in two groups.
func (p page) Digits() string {
	const group = 4
	if len(p.Code) < group {
		return p.Code
	}
	return p.Code[:group] + " " + p.Code[group:]
}

// Say puts a text into the language of the page.
func (p page) Say(key string) string {
	return p.lang.T(key, map[string]any{
		"Service": p.Service, "Email": p.Email, "Name": p.Name, "Bot": p.Bot, "Number": lastDigits(p.Attempt.Account),
	})
}

// lastDigits is enough of an account's number for its owner, who sees it in the chat.
func lastDigits(account int64) string { return fmt.Sprintf("…%03d", account%1000) }

// Title is the heading.
func (p page) Title() string {
	if strings.HasPrefix(p.Key, "failed.") {
		return p.Say("link.page.failed.title")
	}
	return p.Say("link.page." + p.Key + ".title")
}

// Mark is the sign before the heading.
func (p page) Mark() string {
	switch p.Key {
	case "start", "proof":
		return "🔗"
	case "brought":
		return "📱"
	case "done":
		return "✅"
	default:
		return "⚠️"
	}
}

// Text is the body of a page that only says something.
func (p page) Text() string {
	if why, failed := strings.CutPrefix(p.Key, "failed."); failed {
		return p.lang.T("link.failed."+why, map[string]any{"Email": masked(p.Attempt.Proof.Email)})
	}
	return p.Say("link.page." + p.Key + ".text")
}

// show writes a page.
func (d *Desk) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.lang = d.language(r, p.Attempt)
	secure(w)
	h := w.Header()
	sum := sha256.Sum256([]byte(pageStyle))
	form := "'self'"
	if p.Leaves != "" {
		form += " " + p.Leaves // browsers hold the form to where the redirect leads, too
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; form-action "+form+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", p.lang.Tag())
	var text bytes.Buffer
	t, err := template.New("page").Parse(pageHTML)
	if err == nil {
		err = t.Execute(&text, p)
	}
	if err != nil {
		d.Log.ErrorContext(r.Context(), "page", slog.Any("error", err))
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // fails only when the caller is gone
}

// secure sets what holds for every answer here: it is for one person, and its address is a
// secret. The own site may see where a form came from.
func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Frame-Options", "DENY")
}

// origin is the scheme and host of an address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
