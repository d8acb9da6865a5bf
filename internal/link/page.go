package link

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"countersign/internal/locale"
	"countersign/internal/pages"
)

//go:embed page.html
var pageHTML string

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
func (p page) Style() template.CSS { return pages.Style() }

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
	var leaves []string
	if p.Leaves != "" {
		leaves = []string{p.Leaves}
	}
	t, err := template.New("page").Parse(pageHTML)
	if err == nil {
		err = pages.Write(w, pages.Page{Status: status, Template: t, Data: p, Lang: p.lang.Tag(), Leaves: leaves})
	}
	if err != nil {
		d.Log.ErrorContext(r.Context(), "page", slog.Any("error", err))
	}
}
