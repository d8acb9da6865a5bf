package link

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/gorilla/mux"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/locale"
	"countersign/internal/pages"
)

// cookieName holds the browser's secret while it is on its way.
const (
	cookieName = "__Host-lnk"
	cookieLife = attemptLife + proofLife + agreeLife
)

// Mount registers the pages.
func (d *Desk) Mount(r *mux.Router) error {
	guard, err := pages.SameOrigin(d.PublicURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.show(w, r, http.StatusForbidden, page{Key: "foreign"})
	}))
	if err != nil {
		return err
	}
	r.HandleFunc("/auth/{service}/start", d.start).Methods(http.MethodGet)
	r.Handle("/auth/{service}/start", guard.Handler(http.HandlerFunc(d.leave))).Methods(http.MethodPost)
	r.HandleFunc("/auth/{service}/callback", d.callback).Methods(http.MethodGet)
	r.HandleFunc("/auth/{service}/proof", d.proof).Methods(http.MethodGet)
	return nil
}

// start names the Telegram account that is about to be tied. It changes nothing: robots
// look at links, too. The browser gets its secret.
func (d *Desk) start(w http.ResponseWriter, r *http.Request) {
	service, a, ok := d.beginning(w, r, r.URL.Query())
	if !ok {
		return
	}
	to, err := service.SignIn(r.Context(), requestOf(pages.NewSeed()))
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	seed, err := d.seed(r, a)
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	pages.Keep(w, cookieName, seed, cookieLife)
	token := r.URL.Query().Get("attempt")
	d.show(w, r, http.StatusOK, page{Key: "start", Attempt: a, Service: service.Title, Token: token, Leaves: pages.Origin(to)})
}

// seed is the browser's secret for an attempt: the one that it has, when that is the
// attempt's or nobody's, so that a second tab does not make the first one a stranger.
func (d *Desk) seed(r *http.Request, a attempt) (pages.Seed, error) {
	c, ok := pages.Cookie(r, cookieName)
	if !ok {
		return pages.NewSeed(), nil
	}
	of, err := d.Store.byCookie(r.Context(), c)
	switch {
	case errors.Is(err, errNone), err == nil && of.ID == a.ID:
		return c, nil
	default:
		return pages.NewSeed(), err
	}
}

// beginning finds the service and the attempt that a request is about, or answers it.
func (d *Desk) beginning(w http.ResponseWriter, r *http.Request, q url.Values) (*google.Provider, attempt, bool) {
	service := d.service(mux.Vars(r)["service"])
	if service == nil {
		d.show(w, r, http.StatusNotFound, page{Key: "unknown_service"})
		return nil, attempt{}, false
	}
	token, ok := pages.Single(q, "attempt")
	a, err := attempt{}, errNone
	if ok && pages.IsToken(token) {
		a, err = d.Store.byToken(r.Context(), token)
	}
	if err == nil && (a.Expired || a.Stage > opened) {
		err = errNone
	}
	if err != nil {
		d.failed(w, r, attempt{}, err)
		return nil, attempt{}, false
	}
	return service, a, true
}

// leave ties the attempt to this browser and sends it to the login service.
func (d *Desk) leave(w http.ResponseWriter, r *http.Request) {
	const most = 4 << 10
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if err := r.ParseForm(); err != nil {
		d.failed(w, r, attempt{}, errNone)
		return
	}
	service, a, ok := d.beginning(w, r, r.PostForm)
	if !ok {
		return
	}
	c, ok := pages.Cookie(r, cookieName)
	if !ok {
		d.show(w, r, http.StatusBadRequest, page{Key: "no_cookie"})
		return
	}
	to, err := service.SignIn(r.Context(), requestOf(c))
	if err == nil {
		err = d.Store.open(r.Context(), a.ID, service.Name, c)
	}
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	pages.Private(w)
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // the login service's address, from its own discovery document
}

// callback is where the login service sends the browser back.
func (d *Desk) callback(w http.ResponseWriter, r *http.Request) {
	for _, other := range d.Others {
		if other(w, r) {
			return
		}
	}
	q := r.URL.Query()
	a, c, err := d.returning(r, q)
	switch {
	case errors.Is(err, errOtherBrowser):
		d.give(w, r, a, "other_browser", http.StatusBadRequest)
		return
	case err != nil:
		d.failed(w, r, attempt{}, err)
		return
	case a.Stage >= proved: // the page was loaded again
		http.Redirect(w, r, "proof", http.StatusSeeOther)
		return
	case a.Stage == exchanged || a.Expired:
		d.failed(w, r, attempt{}, errNone)
		return
	}
	if q.Has("error") {
		d.give(w, r, a, "canceled", http.StatusOK)
		return
	}
	code, ok := pages.Single(q, "code")
	if !ok || len(code) > 2<<10 {
		d.failed(w, r, attempt{}, errNone)
		return
	}
	if err := d.Store.exchange(r.Context(), a.ID); err != nil { // before the call: a code is worth one try
		d.failed(w, r, attempt{}, err)
		return
	}
	d.identify(w, r, a, c, code)
}

// errOtherBrowser: the state is right, and the browser is not the one that left with it.
var errOtherBrowser = errors.New("another browser")

// returning finds the attempt of somebody who comes back.
func (d *Desk) returning(r *http.Request, q url.Values) (attempt, pages.Seed, error) {
	service := d.service(mux.Vars(r)["service"])
	state, ok := pages.Single(q, "state")
	if service == nil || !ok || !pages.IsToken(state) {
		return attempt{}, "", errNone
	}
	if iss, given := q["iss"]; given && !slices.Equal(iss, []string{service.Issuer}) {
		return attempt{}, "", errNone
	}
	a, err := d.Store.byState(r.Context(), state)
	if err != nil {
		return attempt{}, "", err
	}
	if a.Service != service.Name || a.Stage == ended {
		return attempt{}, "", errNone
	}
	c, ok := pages.Cookie(r, cookieName)
	switch {
	case ok && subtle.ConstantTimeCompare(c.Hash(), a.cookie) == 1:
		return a, c, nil
	case ok && requestOf(c).State == state: // it left from here, and the answer with its next secret was lost
		return attempt{}, "", errNone
	default:
		return a, "", errOtherBrowser
	}
}

// identify asks the login service who that was, and leads the proof back to the chat.
func (d *Desk) identify(w http.ResponseWriter, r *http.Request, a attempt, c pages.Seed, code string) {
	id, err := d.service(a.Service).Identify(r.Context(), code, requestOf(c))
	if err != nil {
		d.Log.WarnContext(r.Context(), "login failed", slog.String("attempt", a.ID), slog.Any("error", err))
		d.giveFor(w, r, a, err)
		return
	}
	a.Proof = directory.Proof{Issuer: id.Issuer, Subject: id.Subject, Email: id.Email}
	e, err := d.Directory.Match(r.Context(), a.Proof)
	if err == nil {
		err = d.free(r.Context(), a, e)
	}
	if why := reason(err); why != "" {
		d.give(w, r, a, why, http.StatusForbidden)
		return
	}
	next := pages.NewSeed()
	if err == nil {
		err = d.Store.prove(r.Context(), a.ID, a.Proof, e.ID, next)
	}
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	pages.Keep(w, cookieName, next, cookieLife)
	pages.Private(w)
	http.Redirect(w, r, "proof", http.StatusSeeOther)
}

// free refuses early what could not be linked in the end: the account is somebody else's.
func (d *Desk) free(ctx context.Context, a attempt, e directory.Entry) error {
	dir, err := d.Directory.Snapshot(ctx)
	if err != nil {
		return err
	}
	if holder, ok := dir.ByTelegram(a.Account); ok && holder.ID != e.ID {
		return directory.ErrLinkedElsewhere
	}
	return nil
}

// giveFor ends an attempt because of what the login service says.
func (d *Desk) giveFor(w http.ResponseWriter, r *http.Request, a attempt, err error) {
	if errors.Is(err, google.ErrUnreachable) {
		d.give(w, r, a, "unreachable", http.StatusBadGateway)
		return
	}
	why := "failed"
	if refused, ok := errors.AsType[*google.RefusedError](err); ok {
		switch refused.Reason {
		case google.ReasonDomain:
			why = "domain"
		case google.ReasonUnverified, google.ReasonEmail:
			why = "unverified"
		default:
		}
	}
	d.give(w, r, a, why, http.StatusForbidden)
}

// give ends an attempt, with a page for whoever holds the browser and a line in the chat.
func (d *Desk) give(w http.ResponseWriter, r *http.Request, a attempt, why string, status int) {
	ctx := r.Context()
	err := d.Store.end(ctx, a.ID, why, func(tx tx) error {
		return errors.Join(
			d.concern(ctx, tx, a, why),
			d.tell(ctx, tx, a.begun(), "link.failed."+why, map[string]any{"Email": masked(a.Proof.Email)}))
	})
	if err != nil {
		d.failed(w, r, attempt{}, err)
		return
	}
	d.Notices.Bell.Ring()
	if why == "other_browser" {
		d.Log.WarnContext(r.Context(), "login from another browser", slog.String("attempt", a.ID))
	}
	d.show(w, r, status, page{Key: "failed." + why, Attempt: a})
}

// failed answers what cannot go on: an attempt that there is not, or that has had its time,
// or something of ours that is away.
func (d *Desk) failed(w http.ResponseWriter, r *http.Request, a attempt, err error) {
	switch {
	case errors.Is(err, errNone):
		d.show(w, r, http.StatusBadRequest, page{Key: "stale"})
	case errors.Is(err, google.ErrUnreachable), errors.Is(err, google.ErrRefused):
		d.Log.WarnContext(r.Context(), "login service", slog.String("attempt", a.ID), slog.Any("error", err))
		d.show(w, r, http.StatusBadGateway, page{Key: "failed.unreachable"})
	default:
		d.Log.ErrorContext(r.Context(), "login", slog.String("attempt", a.ID), slog.Any("error", err))
		d.show(w, r, http.StatusServiceUnavailable, page{Key: "away"})
	}
}

// proof shows what brings the proof back to the chat, and then how it ended.
func (d *Desk) proof(w http.ResponseWriter, r *http.Request) {
	c, ok := pages.Cookie(r, cookieName)
	a, err := attempt{}, errNone
	if ok {
		a, err = d.Store.byCookie(r.Context(), c)
	}
	if err == nil && (a.Service != mux.Vars(r)["service"] || a.Person == "") {
		err = errNone
	}
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	p := page{Attempt: a, Service: d.title(a.Service), Email: a.Proof.Email}
	switch {
	case a.Outcome == outcomeLinked:
		p.Key, p.Name = "done", d.nameOf(r, a)
	case a.Stage == ended:
		p.Key = "failed." + a.Outcome
	case a.Expired:
		p.Key = "stale"
	case a.Stage == brought:
		p.Key, p.Refresh = "brought", true
	default:
		p.Key, p.Refresh, p.Code = "proof", true, codeOf(c)
		if bot := d.Username(); bot != "" {
			p.Bot, p.Link = bot, "https://t.me/"+url.PathEscape(bot)+"?start="+payload+proofOf(c)
		}
	}
	d.show(w, r, http.StatusOK, p)
}

func (d *Desk) nameOf(r *http.Request, a attempt) string {
	dir, err := d.Directory.Snapshot(r.Context())
	if err != nil {
		return ""
	}
	p, _ := dir.Person(a.Person)
	return p.Name
}

// language is that of the attempt, else what the browser asks for.
func (d *Desk) language(r *http.Request, a attempt) locale.Lang {
	if a.Language != "" {
		return d.Texts.For(a.Language)
	}
	return d.Texts.Accept(r.Header.Get("Accept-Language"))
}
