package console

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// The cookies: of a sign-in on its way, and of a session.
const (
	loginCookie   = "__Host-csl"
	sessionCookie = "__Host-session"
)

// signedOut is noted of a session that its owner ended.
const signedOut = "signed out"

// visitor is who is signed in.
type visitor struct {
	person people.Person
	role   Role
	token  pages.Seed
	email  string // of the login
	named  bool   // by the configuration
}

// inside lets in whoever is signed in and may do what is asked. Person, login and role are
// read anew for each request, and from no memory that another replica's act could miss:
// from who left, lost a role or a login, or was frozen, the next request is refused.
func (d *Desk) inside(what right, next func(http.ResponseWriter, *http.Request, visitor)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := d.visitor(r)
		switch {
		case errors.Is(err, errNone):
			d.showDoor(w, r, http.StatusUnauthorized)
		case err != nil:
			d.fail(w, r, err)
		case !v.role.may(what):
			d.message(w, r, http.StatusForbidden, "no_right")
		default:
			next(w, r, v)
		}
	}
}

func (d *Desk) visitor(r *http.Request) (visitor, error) {
	token, ok := pages.Cookie(r, sessionCookie)
	if !ok {
		return visitor{}, errNone
	}
	of, err := d.Store.session(r.Context(), token)
	if err != nil {
		return visitor{}, err
	}
	dir, err := d.Directory.Snapshot(r.Context())
	if err != nil {
		return visitor{}, err
	}
	p, _ := dir.Person(of.Person)
	by, err := d.Directory.SignedIn(r.Context(), of.Identity, of.Era)
	switch {
	case errors.Is(err, directory.ErrUnknown):
		return visitor{}, errors.Join(errNone, d.Store.end(r.Context(), token, "the login does not count any more", p.ExternalID))
	case err != nil:
		return visitor{}, err
	}
	role, err := d.roleOf(r.Context(), d.Store.Pool, p, by)
	if err == nil && role == "" {
		return visitor{}, errors.Join(errNone, d.Store.end(r.Context(), token, "no rights any more", p.ExternalID))
	}
	return visitor{person: p, role: role, token: token, email: by.Email, named: d.names(by)}, err
}

// door is the first page.
func (d *Desk) door(w http.ResponseWriter, r *http.Request) {
	switch _, err := d.visitor(r); {
	case err == nil:
		http.Redirect(w, r, "/console/people", http.StatusSeeOther)
	case errors.Is(err, errNone):
		d.showDoor(w, r, http.StatusOK)
	default:
		d.fail(w, r, err)
	}
}

func (d *Desk) service(name string) *google.Provider {
	i := slices.IndexFunc(d.Services, func(p *google.Provider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return d.Services[i]
}

// requestOf is of one service: what one of them answers is worth nothing on another's path.
func requestOf(c pages.Seed, service string) google.Request {
	of := func(what string) string { return c.Token("console " + what + " " + service) }
	return google.Request{State: of("state"), Nonce: of("nonce"), Verifier: of("verifier")}
}

// leave sends a browser to the login service. Nothing is stored for it, since anybody may
// ask: the state follows from the secret that the browser keeps.
func (d *Desk) leave(w http.ResponseWriter, r *http.Request) {
	service := d.service(mux.Vars(r)["service"])
	if service == nil {
		d.message(w, r, http.StatusNotFound, "missing")
		return
	}
	c := pages.NewSeed()
	to, err := service.SignIn(r.Context(), requestOf(c, service.Name))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	pages.Keep(w, loginCookie, c, loginLife)
	pages.Private(w)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// Callback answers whom the login service sends back, if he left from here for that
// service: the state is that of his browser's secret and of the name in the path. The
// secret is given up before the code is worth its one try.
func (d *Desk) Callback(w http.ResponseWriter, r *http.Request) (mine bool) {
	q := r.URL.Query()
	state, ok := pages.Single(q, "state")
	c, kept := pages.Cookie(r, loginCookie)
	service := d.service(mux.Vars(r)["service"])
	if !ok || !kept || service == nil || subtle.ConstantTimeCompare([]byte(requestOf(c, service.Name).State), []byte(state)) != 1 {
		return false
	}
	pages.Drop(w, loginCookie)
	code, ok := pages.Single(q, "code")
	if iss, given := q["iss"]; !ok || given && !slices.Equal(iss, []string{service.Issuer}) {
		d.message(w, r, http.StatusBadRequest, "stale")
		return true
	}
	d.enter(w, r, service, c, code)
	return true
}

// enter makes a session for whoever the login service says it is, if he may come in.
func (d *Desk) enter(w http.ResponseWriter, r *http.Request, service *google.Provider, c pages.Seed, code string) {
	id, err := service.Identify(r.Context(), code, requestOf(c, service.Name))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	token := pages.NewSeed() // never the one that was there before
	l, role, err := d.Store.admit(r.Context(), admission{
		proof: directory.Proof{Issuer: id.Issuer, Subject: id.Subject, Email: id.Email}, token: token,
		client: d.Client(r.Context()), directory: d.Directory, roleOf: d.roleOf,
	})
	switch {
	case turnedAway(err):
		if err := d.Store.refused(r.Context(), id.Email); err != nil {
			d.fail(w, r, err)
			return
		}
		d.Log.WarnContext(r.Context(), "console: turned away")
		d.message(w, r, http.StatusForbidden, "no_role")
		return
	case err != nil:
		d.fail(w, r, err)
		return
	}
	d.Log.InfoContext(r.Context(), "console: signed in", slog.String("person", string(l.ID)), slog.String("role", string(role)))
	pages.Keep(w, sessionCookie, token, sessionLife)
	pages.Private(w)
	http.Redirect(w, r, "/console/people", http.StatusSeeOther)
}

// turnedAway reports whether an error means that somebody may not come in.
func turnedAway(err error) bool {
	for _, e := range []error{errNoRole, directory.ErrUnknown, directory.ErrInactive, directory.ErrFrozen, directory.ErrOtherIdentity, directory.ErrInvalid} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (d *Desk) logout(w http.ResponseWriter, r *http.Request, v visitor) {
	if err := d.Store.end(r.Context(), v.token, signedOut, v.person.ExternalID); err != nil {
		d.fail(w, r, err)
		return
	}
	pages.Drop(w, sessionCookie)
	pages.Private(w)
	http.Redirect(w, r, "/console", http.StatusSeeOther)
}

// fail answers what cannot go on.
func (d *Desk) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, google.ErrUnreachable):
		d.Log.WarnContext(r.Context(), "console", slog.Any("error", err))
		d.message(w, r, http.StatusBadGateway, "unreachable")
	case errors.Is(err, google.ErrRefused):
		d.Log.WarnContext(r.Context(), "console", slog.Any("error", err))
		d.message(w, r, http.StatusForbidden, "refused")
	default:
		d.Log.ErrorContext(r.Context(), "console", slog.Any("error", err))
		d.message(w, r, http.StatusServiceUnavailable, "away")
	}
}
