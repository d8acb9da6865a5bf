package meet

import (
	_ "embed" // the page
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"countersign/internal/locale"
	"countersign/internal/pages"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// sheets is the page as it is written.
type sheets struct{ page *template.Template }

func sheet() (*sheets, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("page of meetings: %w", err)
	}
	return &sheets{t}, nil
}

// page is what the browser shows.
type page struct {
	Topic  string
	Name   string
	Fixed  bool // the name is known, and is not the visitor's to change
	Lobby  bool
	Origin string // of the server that is framed
	Here   string // the page's own address
	Fault  string // why there is nothing to join; empty: there is

	lang  locale.Lang
	texts *locale.Texts
}

func (p page) failed(why string) page {
	p.Fault = why
	return p
}

// Lang is the language of the page.
func (p page) Lang() string { return p.lang.Tag() }

// Style is the style sheet.
func (p page) Style() template.CSS { return pages.Style() }

// Own is what only this page looks like.
func (page) Own() template.CSS { return template.CSS(pageCSS) } //nolint:gosec // it is our own file

// Script is the script.
func (page) Script() template.JS { return template.JS(pageJS) } //nolint:gosec // it is our own file

// Say puts a text into the language of the page.
func (p page) Say(key string) string { return p.lang.T("meet.page."+key, nil) }

// Why says why there is nothing to join.
func (p page) Why() string { return p.lang.T("meet.failed."+p.Fault, nil) }

// MaxName is the longest name.
func (page) MaxName() int { return MaxName }

// Languages are those of the switch.
func (p page) Languages() []locale.Lang { return tags(p.texts) }

// Words are the texts that the script shows.
func (p page) Words() (string, error) {
	words := map[string]string{}
	for _, key := range []string{"joining", "waiting", "left", "lost", "unsupported", "refused", "offline", "no_camera"} {
		words[key] = p.Say(key)
	}
	text, err := json.Marshal(words)
	return string(text), err
}

func (d *Desk) draw(w http.ResponseWriter, r *http.Request, s *sheets, status int, p page) {
	out := pages.Page{Status: status, Template: s.page, Data: p, Lang: p.lang.Tag(), Styles: []string{pageCSS}, Bare: true}
	if p.Fault == "" {
		out.Script, out.Frame, out.Connects = pageJS, p.Origin, true
	}
	if err := pages.Write(w, out); err != nil {
		d.Log.ErrorContext(r.Context(), "page", slog.Any("error", err))
	}
}
