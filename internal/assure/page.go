package assure

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/locale"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageStyle string

// page is what the browser shows.
type page struct {
	Key      string // which page
	Attempt  attempt
	Token    string   // from the chat, for the forms; empty: the cookie is enough
	Lines    []string // what is to be confirmed
	PIN      *held    // what the person has, or may use here
	TOTP     *held
	Services []choice
	Away     []string // services that cannot be reached
	Leaves   []string // where forms lead in the end
	None     bool     // the person has nothing that is strong enough
	AskPIN   bool     // before a new one
	Secret   string   // of codes that wait for the first, in groups
	OTPAuth  string   // the same for an app
	Wrong    *wrong
	Over     bool // there is no way back to the attempt
	Refresh  bool

	lang locale.Lang
	zone *time.Location
	bot  string
}

// Lang is the language of the page.
func (p page) Lang() string { return p.lang.Tag() }

// Style is the style sheet.
func (p page) Style() template.CSS { return template.CSS(pageStyle) } //nolint:gosec // it is our own file

// App is the address that an authenticator app opens.
func (p page) App() template.URL { return template.URL(p.OTPAuth) } //nolint:gosec // made by totpLink, its parts escaped

// Say puts a text into the language of the page.
func (p page) Say(key string) string { return p.lang.T(key, nil) }

// Named puts a text into the language of the page that names a service.
func (p page) Named(key, service string) string {
	return p.lang.T(key, map[string]any{"Service": service})
}

// At puts a text into the language of the page that names a moment.
func (p page) At(key string, t time.Time) string {
	return p.lang.T(key, map[string]any{"Time": p.lang.DateTime(t, p.zone)})
}

// Title is the heading.
func (p page) Title() string { return p.Say("assure.page." + p.Key + ".title") }

// Text is the body of a page that only says something.
func (p page) Text() string {
	if p.Key == "done" {
		return p.Attempt.Answer
	}
	return p.Say("assure.page." + p.Key + ".text")
}

// Mark is the sign before the heading.
func (p page) Mark() string {
	switch p.Key {
	case "confirm", "enter", "setup":
		return "🔐"
	case "again", "working":
		return "⏳"
	case "done":
		return "📝" // what came of it says the text
	default:
		return "⚠️"
	}
}

// Error is what was wrong with the last try.
func (p page) Error() string {
	switch {
	case p.Wrong == nil:
		return ""
	case p.Wrong.left > 0:
		return p.lang.N("assure.wrong."+p.Wrong.why, p.Wrong.left, nil)
	default:
		return p.At("assure.wrong."+p.Wrong.why, p.Wrong.until)
	}
}

// Back is the way back to the attempt of a page that only says something.
func (p page) Back() string {
	if p.Over || !p.Attempt.live() || !slices.Contains([]string{"canceled", "unreachable", "refused", "old_login"}, p.Key) {
		return ""
	}
	return "/confirm?of=" + p.Attempt.ID
}

// Bot is the way back into the messenger.
func (p page) Bot() string {
	if p.bot == "" {
		return ""
	}
	return "https://t.me/" + url.PathEscape(p.bot)
}

// show writes a page.
func (d *Desk) show(w http.ResponseWriter, r *http.Request, status int, p page) {
	p.lang, p.zone = d.language(r, p.Attempt), d.Zone
	if d.Username != nil {
		p.bot = d.Username()
	}
	secure(w)
	h := w.Header()
	sum := sha256.Sum256([]byte(pageStyle))
	form := strings.Join(append([]string{"'self'"}, p.Leaves...), " ") // browsers hold forms to where the redirect leads, too
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
