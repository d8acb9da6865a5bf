package assure

import (
	_ "embed" // the page
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"countersign/internal/locale"
	"countersign/internal/pages"
)

//go:embed page.html
var pageHTML string

//go:embed passkey.js
var passkeyJS string

// page is what the browser shows.
type page struct {
	Key                     string // which page
	Attempt                 attempt
	Token                   string   // from the chat, for the forms; empty: the cookie is enough
	Lines                   []string // what is to be confirmed
	PIN                     *held    // what the person has, or may use here
	TOTP                    *held
	Services                []choice
	Away                    []string      // services that cannot be reached
	Leaves                  []string      // where forms lead in the end
	None                    bool          // the person has nothing that is strong enough
	ForPIN, ForTOTP, ForKey Method        // what must be shown before a new one
	Passkeys                bool          // there can be any
	Keys                    []passkey     // those of the person
	Get, Create             string        // what his device is asked: to show one, to make one
	Secret                  string        // of codes that wait for the first, in groups
	OTPAuth                 string        // the same for an app
	QR                      template.HTML // and for a camera
	Wrong                   *wrong
	Over                    bool // there is no way back to the attempt
	Refresh                 bool

	lang locale.Lang
	zone *time.Location
	bot  string
}

// Lang is the language of the page.
func (p page) Lang() string { return p.lang.Tag() }

// Style is the style sheet.
func (p page) Style() template.CSS { return pages.Style() }

// Script asks the device, where there is something to ask.
func (p page) Script() template.JS {
	if p.Get == "" && p.Create == "" {
		return ""
	}
	return template.JS(passkeyJS) //nolint:gosec // it is our own file
}

// shown is what a form asks for before it is taken.
type shown struct {
	page

	Way Method
}

// Now is what a form asks for that changes something.
func (p page) Now(way Method) shown { return shown{p, way} }

// Asks are the attributes of a form for which the device is asked first.
func (p page) Asks(way Method) template.HTMLAttr {
	if way != Passkey {
		return ""
	}
	return template.HTMLAttr(`data-into="now" data-get="` + template.HTMLEscapeString(p.Get) + `"`) //nolint:gosec // escaped, and made by the library
}

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
	t, err := template.New("page").Parse(pageHTML)
	if err == nil {
		err = pages.Write(w, pages.Page{Status: status, Template: t, Data: p, Lang: p.Lang(), Leaves: p.Leaves, Script: string(p.Script())})
	}
	if err != nil {
		d.Log.ErrorContext(r.Context(), "page", slog.Any("error", err))
	}
}
