package assure

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"countersign/internal/ident"
	"countersign/internal/locale"
	"countersign/internal/pages"
)

// cookiePrefix begins the cookie of every attempt: browsers refuse it from anybody but
// this very host.
const cookiePrefix = "__Host-"

// Mount registers the pages. The way back from a login service is that of package link:
// it asks Callback first.
func (d *Desk) Mount(r *mux.Router) error {
	guard, err := pages.SameOrigin(d.PublicURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.show(w, r, http.StatusForbidden, page{Key: "foreign"})
	}))
	if err != nil {
		return err
	}
	r.HandleFunc("/confirm", d.look).Methods(http.MethodGet)
	for path, act := range map[string]func(http.ResponseWriter, *http.Request, visit){
		"pin":                    func(w http.ResponseWriter, r *http.Request, v visit) { d.typed(w, r, v, PIN) },
		"passkey":                func(w http.ResponseWriter, r *http.Request, v visit) { d.typed(w, r, v, Passkey) },
		"totp":                   func(w http.ResponseWriter, r *http.Request, v visit) { d.typed(w, r, v, TOTP) },
		"login":                  d.leave,
		"again":                  d.again,
		"enroll":                 d.enroll,
		"setup/pin":              d.setPIN,
		"setup/pin/remove":       func(w http.ResponseWriter, r *http.Request, v visit) { d.removes(w, r, v, PIN) },
		"setup/passkey":          d.beginPasskey,
		"setup/passkey/cancel":   d.cancelPasskey,
		"setup/passkey/complete": d.setPasskey,
		"setup/passkey/remove":   d.removePasskey,
		"setup/totp":             d.beginTOTP,
		"setup/totp/cancel":      d.cancelTOTP,
		"setup/totp/complete":    d.setTOTP,
		"setup/totp/remove":      func(w http.ResponseWriter, r *http.Request, v visit) { d.removes(w, r, v, TOTP) },
	} {
		r.Handle("/confirm/"+path, guard.Handler(d.bound(act))).Methods(http.MethodPost)
	}
	return nil
}

// visit is somebody in his browser, at a live attempt that is this browser's.
type visit struct {
	attempt

	cookie pages.Seed
	form   url.Values
}

// bound finds the attempt that a form is for, and ties it to the browser. Without the
// token of the address it must be this browser's already.
func (d *Desk) bound(act func(http.ResponseWriter, *http.Request, visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const most = 16 << 10 // what a passkey says is long
		r.Body = http.MaxBytesReader(w, r.Body, most)
		if err := r.ParseForm(); err != nil {
			d.failed(w, r, attempt{}, errNone)
			return
		}
		a, err := d.find(r, r.PostForm)
		if err == nil && !a.live() {
			d.view(w, r, a) // a form sent twice sees what became of the first
			return
		}
		if err == nil {
			err = d.still(r, a)
		}
		if err != nil {
			d.failed(w, r, a, err)
			return
		}
		c, ok := cookieOf(r, a)
		if !ok {
			d.show(w, r, http.StatusBadRequest, page{Key: "no_cookie", Attempt: a})
			return
		}
		if err := d.Store.open(r.Context(), a.ID, c); err != nil {
			d.failed(w, r, a, d.elsewhere(a, c, err))
			return
		}
		act(w, r, visit{attempt: a, cookie: c, form: r.PostForm})
	})
}

// errOtherBrowser: the attempt is real, and this browser is not the one it belongs to.
var errOtherBrowser = errors.New("another browser")

// elsewhere tells an attempt that is another browser's from one that is over.
func (d *Desk) elsewhere(a attempt, c pages.Seed, err error) error {
	if errors.Is(err, errNone) && a.Opened && !a.isOf(c) {
		return errOtherBrowser
	}
	return err
}

// isOf reports whether an attempt belongs to the browser with the cookie.
func (a attempt) isOf(c pages.Seed) bool {
	return len(a.cookie) > 0 && subtle.ConstantTimeCompare(c.Hash(), a.cookie) == 1
}

// still refuses an attempt whose account is not the person's any more.
func (d *Desk) still(r *http.Request, a attempt) error {
	_, ok, err := d.owner(r.Context(), a.Ask)
	if err == nil && !ok {
		return errNone
	}
	return err
}

// find gives the attempt that an address or a form names: by the token from the chat, or
// by its id for the browser whose it is.
func (d *Desk) find(r *http.Request, q url.Values) (attempt, error) {
	if token, ok := pages.Single(q, "t"); ok && pages.IsToken(token) && !q.Has("of") {
		return d.Store.byToken(r.Context(), token)
	}
	id, ok := pages.Single(q, "of")
	if !ok || q.Has("t") || !ident.Valid("asr", id) && !ident.Valid("enr", id) {
		return attempt{}, errNone
	}
	a, err := d.Store.byID(r.Context(), id)
	if err != nil {
		return attempt{}, err
	}
	if c, ok := cookieOf(r, a); !ok || !a.isOf(c) {
		return attempt{}, errNone
	}
	return a, nil
}

// look shows how far an attempt is. It changes nothing: robots look at links, too. The
// browser gets its secret.
func (d *Desk) look(w http.ResponseWriter, r *http.Request) {
	a, err := d.find(r, r.URL.Query())
	if err != nil {
		d.failed(w, r, attempt{}, err)
		return
	}
	d.view(w, r, a)
}

// view shows an attempt as it is to whoever's browser it is.
func (d *Desk) view(w http.ResponseWriter, r *http.Request, a attempt) {
	c, has := cookieOf(r, a)
	mine := has && a.isOf(c)
	switch {
	case mine && a.Outcome == outcomeCast:
		d.show(w, r, http.StatusOK, page{Key: "done", Attempt: a})
		return
	case !a.live():
		d.failed(w, r, a, errNone)
		return
	case a.Opened && !mine:
		d.failed(w, r, a, errOtherBrowser)
		return
	case a.Used:
		d.show(w, r, http.StatusOK, page{Key: "working", Attempt: a, Refresh: true})
		return
	}
	if err := d.still(r, a); err != nil {
		d.failed(w, r, a, err)
		return
	}
	if !has {
		c = pages.NewSeed()
		keep(w, a, c)
	}
	d.offer(w, r, visit{attempt: a, cookie: c}, nil)
}

// offer shows what can be done at a live attempt, and what was wrong with the last try.
func (d *Desk) offer(w http.ResponseWriter, r *http.Request, v visit, bad *wrong) {
	if bad != nil {
		v.Asked = max(v.Asked, bad.asked)
	}
	a := v.attempt
	p := page{Key: "confirm", Attempt: a, Wrong: bad}
	var err error
	switch {
	case a.Kind == confirm:
		err = d.confirmation(r.Context(), v, &p)
	case a.Proved:
		err = d.setup(r.Context(), v, &p)
	default:
		p.Key = "enter"
		err = d.services(r.Context(), &p)
	}
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	if p.Token = r.URL.Query().Get("t"); p.Token == "" {
		p.Token = r.PostForm.Get("t")
	}
	status := http.StatusOK
	if bad != nil {
		status = http.StatusForbidden
	}
	d.show(w, r, status, p)
}

// failed answers what cannot go on: an attempt that there is not, or that is over, or
// something of ours that is away.
func (d *Desk) failed(w http.ResponseWriter, r *http.Request, a attempt, err error) {
	switch {
	case errors.Is(err, errNone), errors.Is(err, ErrNotLinked):
		d.show(w, r, http.StatusBadRequest, page{Key: "stale", Attempt: a})
	case errors.Is(err, errOtherBrowser):
		d.show(w, r, http.StatusBadRequest, page{Key: "other_browser", Attempt: a})
	case errors.Is(err, ErrTooMany):
		d.show(w, r, http.StatusTooManyRequests, page{Key: "too_many", Attempt: a})
	default:
		d.Log.ErrorContext(r.Context(), "confirmation", slog.String("attempt", a.ID), slog.Any("error", err))
		d.show(w, r, http.StatusServiceUnavailable, page{Key: "away", Attempt: a})
	}
}

// on sends the browser to look at its attempt.
func (d *Desk) on(w http.ResponseWriter, r *http.Request, a attempt) {
	pages.Private(w)
	http.Redirect(w, r, "/confirm?of="+a.ID, http.StatusSeeOther)
}

// cookieName is that of one attempt, so that several do not get into each other's way.
func cookieName(a attempt) string { return cookiePrefix + strings.ReplaceAll(a.ID, "_", "-") }

// cookieOf reads the browser's secret for an attempt.
func cookieOf(r *http.Request, a attempt) (pages.Seed, bool) {
	if a.ID == "" {
		return "", false
	}
	return pages.Cookie(r, cookieName(a))
}

// keep gives the browser a secret.
func keep(w http.ResponseWriter, a attempt, c pages.Seed) {
	life := proofLife + proofLife // the answer can be looked at for some more time
	if a.Kind == enroll {
		life = enterLife + changeLife
	}
	pages.Keep(w, cookieName(a), c, life)
}

// language is that of the attempt, else what the browser asks for.
func (d *Desk) language(r *http.Request, a attempt) locale.Lang {
	if a.Ask.Language != "" {
		return d.Texts.For(a.Ask.Language)
	}
	return d.Texts.Accept(r.Header.Get("Accept-Language"))
}
