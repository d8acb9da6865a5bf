package meet

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/locale"
	"countersign/internal/pages"
	"countersign/internal/server"
	"countersign/internal/trueconf"
)

const (
	path       = "/meet/"
	cookieName = "__Host-meet"
	cookieLife = 24 * time.Hour
	mostForm   = 4 << 10
)

// Mount registers the page and what it asks for.
func (d *Desk) Mount(r *mux.Router) error {
	sheet, err := sheet()
	if err != nil {
		return err
	}
	guard, err := pages.SameOrigin(d.PublicURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.refuse(w, r, d.lang(r), http.StatusForbidden, "foreign")
	}))
	if err != nil {
		return err
	}
	r.HandleFunc(path+"{token}", func(w http.ResponseWriter, r *http.Request) { d.show(w, r, sheet) }).Methods(http.MethodGet)
	for act, do := range map[string]func(http.ResponseWriter, *http.Request, knock){"join": d.takeIn, "beat": d.listen, "leave": d.letGo} {
		r.Handle(path+"{token}/"+act, guard.Handler(d.guarded(do))).Methods(http.MethodPost)
	}
	return nil
}

// lang is what the page's switch says, and else what the browser asks for.
func (d *Desk) lang(r *http.Request) locale.Lang {
	if tag := r.URL.Query().Get("lang"); tag != "" {
		return d.Texts.For(tag)
	}
	return d.Texts.Accept(r.Header.Get("Accept-Language"))
}

// slow reports that an address asks too often.
func (d *Desk) slow(r *http.Request) bool {
	if d.Addresses == nil {
		return false
	}
	ok, _ := d.Addresses.Allow(server.Network(r.Context()))
	return !ok
}

// guarded lets a form of the page through: not too often, and from a browser that was here.
func (d *Desk) guarded(do func(http.ResponseWriter, *http.Request, knock)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lang := d.lang(r)
		if d.slow(r) {
			d.refuse(w, r, lang, http.StatusTooManyRequests, "busy")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		if err := r.ParseForm(); err != nil {
			d.refuse(w, r, lang, http.StatusBadRequest, "form")
			return
		}
		seed, ok := pages.Cookie(r, cookieName)
		if !ok {
			d.refuse(w, r, lang, http.StatusBadRequest, "no_cookie")
			return
		}
		do(w, r, knock{token: mux.Vars(r)["token"], browser: seed, name: r.PostForm.Get("name")})
	})
}

// show draws the page. It notes nothing: robots look at links, too.
func (d *Desk) show(w http.ResponseWriter, r *http.Request, sheet *sheets) {
	p := page{lang: d.lang(r), texts: d.Texts}
	if d.slow(r) {
		d.draw(w, r, sheet, http.StatusTooManyRequests, p.failed("busy"))
		return
	}
	seed, ok := pages.Cookie(r, cookieName)
	if !ok {
		seed = pages.NewSeed()
	}
	e, err := d.Store.find(r.Context(), d.Store.Pool, mux.Vars(r)["token"], seed)
	if err == nil {
		err = e.open(d.now())
	}
	if err == nil {
		err = d.welcome(r.Context(), &e)
	}
	var srv *trueconf.Server
	if err == nil {
		srv, err = d.on(e.Server)
	}
	if err != nil {
		status, why := d.blame(r, err)
		d.draw(w, r, sheet, status, p.failed(why))
		return
	}
	pages.Keep(w, cookieName, seed, cookieLife)
	p.Topic, p.Name, p.Fixed, p.Lobby = e.Topic, cmp.Or(e.visit.Name, e.Name), e.Person != "" && e.Name != "", e.Lobby
	p.Origin, p.Here = srv.Origin(), path+mux.Vars(r)["token"]
	d.draw(w, r, sheet, http.StatusOK, p)
}

// takeIn answers [Join].
func (d *Desk) takeIn(w http.ResponseWriter, r *http.Request, k knock) {
	lang := d.lang(r)
	link := hex.EncodeToString(hash(k.token))
	if d.Links != nil {
		if ok, _ := d.Links.Allow(link); !ok {
			d.refuse(w, r, lang, http.StatusTooManyRequests, "busy")
			return
		}
	}
	if d.Gate != nil {
		leave, ok := d.Gate.Enter(link)
		if !ok {
			d.refuse(w, r, lang, http.StatusTooManyRequests, "busy")
			return
		}
		defer leave()
	}
	s, err := d.join(r.Context(), k, lang)
	if err != nil {
		status, why := d.blame(r, err)
		d.refuse(w, r, lang, status, why)
		return
	}
	d.answer(w, http.StatusOK, said{State: string(s.state), URL: s.url, Origin: s.origin})
}

// listen answers a page that is open: how its visitor stands.
func (d *Desk) listen(w http.ResponseWriter, r *http.Request, k knock) {
	e, err := d.Store.beat(r.Context(), k, d.now())
	if err != nil {
		status, why := d.blame(r, err)
		d.refuse(w, r, d.lang(r), status, why)
		return
	}
	if e.visit.State == in && e.room.ID == "" {
		d.answer(w, http.StatusOK, said{State: "over", Text: d.lang(r).T("meet.page.over", nil)})
		return
	}
	out := said{State: string(e.visit.State)}
	if e.visit.State == declined {
		out.Text = d.lang(r).T("meet.page.declined", nil)
	}
	d.answer(w, http.StatusOK, out)
}

// letGo notes that a visitor left. The conference goes with the next sweep, unless he only
// loaded his page again.
func (d *Desk) letGo(w http.ResponseWriter, r *http.Request, k knock) {
	if err := d.Store.leave(r.Context(), k, d.now()); err != nil {
		status, why := d.blame(r, err)
		d.refuse(w, r, d.lang(r), status, why)
		return
	}
	d.answer(w, http.StatusOK, said{State: string(left)})
}

// said is what the page's script is told.
type said struct {
	State  string `json:"state"`
	Text   string `json:"text,omitempty"`
	URL    string `json:"url,omitempty"`
	Origin string `json:"origin,omitempty"`
}

func (*Desk) answer(w http.ResponseWriter, status int, s said) {
	text, err := json.Marshal(s)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	pages.Private(w)
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails only when the caller is gone
}

// refuse tells the page why not, in the visitor's language.
func (d *Desk) refuse(w http.ResponseWriter, _ *http.Request, lang locale.Lang, status int, why string) {
	state := "failed"
	if why == "expired" || why == "revoked" || why == "none" || why == "declined" {
		state = why
	}
	d.answer(w, status, said{State: state, Text: lang.T("meet.failed."+why, nil)})
}

// blame says what a failure is to the visitor, and tells the log what an administrator
// has to mend.
func (d *Desk) blame(r *http.Request, err error) (status int, why string) {
	for _, known := range []struct {
		err    error
		status int
		why    string
	}{
		{errNone, http.StatusNotFound, "none"},
		{errExpired, http.StatusGone, "expired"},
		{errRevoked, http.StatusGone, "revoked"},
		{errTaken, http.StatusConflict, "taken"},
		{errName, http.StatusUnprocessableEntity, "name"},
		{errDeclined, http.StatusForbidden, "declined"},
		{errStranger, http.StatusConflict, "stranger"},
	} {
		if errors.Is(err, known.err) {
			return known.status, known.why
		}
	}
	if r.Context().Err() != nil {
		return server.StatusHungUp, "other"
	}
	why = faultOf(err)
	d.Log.ErrorContext(r.Context(), "visitor not taken into a meeting", slog.String("fault", why), slog.Any("error", err))
	return http.StatusServiceUnavailable, why
}

// faultOf names a fault of the video server as the texts do.
func faultOf(err error) string {
	if errors.Is(err, ErrOff) || errors.Is(err, ErrServer) {
		return "off"
	}
	if _, ok := errors.AsType[*trueconf.Error](err); !ok {
		return "other"
	}
	switch trueconf.KindOf(err) {
	case trueconf.Credentials:
		return "credentials"
	case trueconf.Right:
		return "right"
	case trueconf.BadRequest:
		return "owner"
	case trueconf.TLS:
		return "certificate"
	case trueconf.Timeout:
		return "timeout"
	case trueconf.Unreachable:
		return "unreachable"
	case trueconf.NotSupported:
		return "licence"
	case trueconf.Fine, trueconf.Other, trueconf.TooOld, trueconf.NotFound:
	}
	return "other"
}

// tags lists the languages of the switch with their own names.
func tags(t *locale.Texts) []locale.Lang {
	var out []locale.Lang
	for _, tag := range t.Languages() {
		out = append(out, t.For(strings.TrimSpace(tag)))
	}
	return out
}
