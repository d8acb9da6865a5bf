package handout

import (
	_ "embed" // the page
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/locale"
	"countersign/internal/pages"
)

const (
	path = "/files/"
	// A browser that takes nothing of a file for so long has gone away.
	patience = time.Minute
)

//go:embed page.html
var pageHTML string

// page is what the browser shows.
type page struct {
	Name  string
	Size  string
	Until string
	Here  string // the form's address; empty: there is nothing to fetch
	Why   string // key of what is said then

	lang locale.Lang
}

// Lang is the language of the page.
func (p page) Lang() string { return p.lang.Tag() }

// Style is the style sheet.
func (p page) Style() template.CSS { return pages.Style() }

// Say puts a text into the language of the page.
func (p page) Say(key string) string { return p.lang.T(key, nil) }

// Valid says until when the link is good.
func (p page) Valid() string { return p.lang.T("handout.until", map[string]any{"Time": p.Until}) }

// Mount registers the pages.
func (d *Desk) Mount(r *mux.Router) error {
	sheet, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("page of files: %w", err)
	}
	r.HandleFunc(path+"{token}", func(w http.ResponseWriter, r *http.Request) { d.show(w, r, sheet) }).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc(path+"{token}", func(w http.ResponseWriter, r *http.Request) { d.send(w, r, sheet) }).Methods(http.MethodPost)
	return nil
}

// show says what the link is for. It fetches nothing and counts nothing: robots look at
// links, too.
func (d *Desk) show(w http.ResponseWriter, r *http.Request, sheet *template.Template) {
	l, err := d.look(r.Context(), mux.Vars(r)["token"])
	if err != nil {
		d.refuse(w, r, sheet, err)
		return
	}
	p := d.page(r)
	meta, content, err := d.Files.Open(r.Context(), l.sha256)
	if err != nil {
		d.refuse(w, r, sheet, err)
		return
	}
	_ = content.Close()
	p.Name, p.Size, p.Until, p.Here = l.name, megabytes(p.lang, meta.Size), p.lang.DateTime(l.until, d.Zone), r.URL.Path
	d.write(w, r, sheet, http.StatusOK, p)
}

// send gives the file itself, to be kept and never to be shown in place.
func (d *Desk) send(w http.ResponseWriter, r *http.Request, sheet *template.Template) {
	token := mux.Vars(r)["token"]
	l, err := d.look(r.Context(), token)
	if err == nil {
		l, err = d.Store.fetch(r.Context(), token)
	}
	if err != nil {
		d.refuse(w, r, sheet, err)
		return
	}
	meta, content, err := d.Files.Open(r.Context(), l.sha256)
	if err != nil {
		d.refuse(w, r, sheet, err)
		return
	}
	defer func() { _ = content.Close() }()
	pages.Private(w)
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": l.name}))
	h.Set("Content-Length", fmt.Sprint(meta.Size))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if _, err := io.Copy(patient{w, http.NewResponseController(w)}, content); err != nil {
		d.Log.InfoContext(r.Context(), "file not fetched to its end", slog.String("file", l.sha256), slog.Any("error", err))
	}
}

// patient gives each piece its time, however long the whole takes.
type patient struct {
	io.Writer

	control *http.ResponseController
}

// Write writes a piece.
func (p patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) { //nolint:forbidigo // deadlines of sockets are by the clock on the wall
		return 0, err
	}
	return p.Writer.Write(b)
}

func (d *Desk) refuse(w http.ResponseWriter, r *http.Request, sheet *template.Template, err error) {
	p, status := d.page(r), http.StatusNotFound
	p.Why = "handout.gone"
	switch {
	case errors.Is(err, errEnded):
		p.Why, status = "handout.ended", http.StatusGone
	case !errors.Is(err, errNone):
		d.Log.WarnContext(r.Context(), "file not handed out", slog.Any("error", err))
		p.Why, status = "handout.later", http.StatusServiceUnavailable
	}
	d.write(w, r, sheet, status, p)
}

func (d *Desk) page(r *http.Request) page {
	tag, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	tag, _, _ = strings.Cut(tag, ";")
	return page{lang: d.Texts.For(strings.TrimSpace(tag))}
}

func (d *Desk) write(w http.ResponseWriter, r *http.Request, sheet *template.Template, status int, p page) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := pages.Write(w, pages.Page{Status: status, Template: sheet, Data: p, Lang: p.lang.Tag()}); err != nil {
		d.Log.ErrorContext(r.Context(), "page not shown", slog.Any("error", err))
	}
}

func megabytes(lang locale.Lang, bytes int64) string {
	const mega = 1 << 20
	return lang.T("card.size.mb", map[string]any{"N": max(1, (bytes+mega/2)/mega)})
}
