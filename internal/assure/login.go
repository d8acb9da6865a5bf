package assure

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// fresh is how old a login may be.
const fresh = 5 * time.Minute

// choice is a login service on a page.
type choice struct{ Name, Title string }

// services fills in where the person of an attempt can log in now.
func (d *Desk) services(ctx context.Context, p *page) error {
	for _, s := range d.Services {
		ok, err := d.offers(ctx, p.Attempt, s)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		to, err := d.address(ctx, p.Attempt, s)
		if err != nil {
			d.Log.WarnContext(ctx, "login service", slog.String("service", s.Name), slog.Any("error", err))
			p.Away = append(p.Away, s.Title)
			continue
		}
		p.Services = append(p.Services, choice{s.Name, s.Title})
		p.Leaves = append(p.Leaves, pages.Origin(to))
	}
	return nil
}

// address is where a login service asks. One that is slow must not keep the other ways.
func (d *Desk) address(ctx context.Context, a attempt, s *google.Provider) (string, error) {
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.SignIn(ctx, d.request(a, pages.NewSeed(), 1, s))
}

// offers reports whether the person of an attempt can prove himself at a service: it
// knows an account of his, and says when he logged in.
func (d *Desk) offers(ctx context.Context, a attempt, s *google.Provider) (bool, error) {
	if a.Kind == confirm && (d.Undated[s.Name] || Login.rank() < a.Ask.Least.rank()) {
		return false, nil
	}
	all, err := d.Directory.Identities(ctx)
	return slices.ContainsFunc(all[a.Ask.Person], func(i directory.Identity) bool { return i.Issuer == s.Issuer }), err
}

// request is what the nth login of an attempt is made of.
func (d *Desk) request(a attempt, c pages.Seed, n int, s *google.Provider) google.Request {
	r := google.Request{State: tokenOf(c, "state", n), Nonce: tokenOf(c, "nonce", n), Verifier: tokenOf(c, "verifier", n), MaxAge: fresh}
	if a.Kind == enroll && d.Undated[s.Name] {
		r.MaxAge = 0
	}
	return r
}

// leave sends the browser to a login service. A form sent twice leads to the same place;
// after a state was used up there is a new one.
func (d *Desk) leave(w http.ResponseWriter, r *http.Request, v visit) {
	name, _ := pages.Single(v.form, "service")
	service := d.service(name)
	n := max(1, v.Logins)
	if v.Exchanged {
		n = v.Logins + 1
	}
	if v.Proved || service == nil || n > maxLogins {
		d.view(w, r, v.attempt)
		return
	}
	ok, err := d.offers(r.Context(), v.attempt, service)
	if err != nil || !ok {
		d.failed(w, r, v.attempt, errors.Join(err, errNone))
		return
	}
	ask := d.request(v.attempt, v.cookie, n, service)
	to, err := service.SignIn(r.Context(), ask)
	if err != nil {
		d.unproved(w, r, v.attempt, err)
		return
	}
	if err := d.Store.leave(r.Context(), v.ID, service.Name, n, ask.State); err != nil {
		d.failed(w, r, v.attempt, err)
		return
	}
	pages.Private(w)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// Callback answers a browser that comes back from a login service, when it left from here;
// mine is false, and nothing is answered, when its state is not one of this desk.
func (d *Desk) Callback(w http.ResponseWriter, r *http.Request) (mine bool) {
	q := r.URL.Query()
	state, ok := pages.Single(q, "state")
	if !ok || !pages.IsToken(state) {
		return false
	}
	a, err := d.Store.byState(r.Context(), state)
	if errors.Is(err, errNone) {
		return false
	}
	if err == nil {
		err = d.returns(r, a, q)
	}
	switch {
	case errors.Is(err, errOtherBrowser):
		d.give(w, r, a, "other_browser")
	case err != nil:
		d.failed(w, r, a, err)
	case a.Proved || !a.live(): // the page was loaded again
		d.on(w, r, a)
	case a.Exchanged:
		d.failed(w, r, a, errNone)
	default:
		d.back(w, r, a, q)
	}
	return true
}

// returns checks that the browser is the one that left, for the service that sends it back.
func (d *Desk) returns(r *http.Request, a attempt, q url.Values) error {
	service := d.service(mux.Vars(r)["service"])
	if service == nil || a.Service != service.Name {
		return errNone
	}
	if iss, given := q["iss"]; given && !slices.Equal(iss, []string{service.Issuer}) {
		return errNone
	}
	c, ok := cookieOf(r, a)
	if ok && a.isOf(c) {
		return nil
	}
	if a.Proved || !a.live() {
		return errNone
	}
	return errOtherBrowser
}

// back uses the state up and asks the login service who that was.
func (d *Desk) back(w http.ResponseWriter, r *http.Request, a attempt, q url.Values) {
	const longest = 2 << 10
	code, ok := pages.Single(q, "code")
	if !q.Has("error") && (!ok || len(code) > longest) {
		d.failed(w, r, a, errNone)
		return
	}
	if err := d.Store.exchange(r.Context(), a.ID, q.Get("state")); err != nil { // before the call: a code is worth one try
		d.failed(w, r, a, err)
		return
	}
	if q.Has("error") {
		d.show(w, r, http.StatusOK, page{Key: "canceled", Attempt: a})
		return
	}
	c, _ := cookieOf(r, a)
	service := d.service(a.Service)
	id, err := service.Identify(r.Context(), code, d.request(a, c, a.Logins, service))
	if err != nil {
		d.unproved(w, r, a, err)
		return
	}
	switch his, err := d.belongs(r.Context(), a.Ask.Person, id); {
	case err != nil:
		d.failed(w, r, a, err)
	case !his:
		d.give(w, r, a, "other_person")
	default:
		d.admit(w, r, a)
	}
}

// belongs reports whether an account is bound to the person. One that would only be
// matched by its address is not.
func (d *Desk) belongs(ctx context.Context, person people.ID, id google.Identity) (bool, error) {
	e, err := d.Directory.Match(ctx, directory.Proof{Issuer: id.Issuer, Subject: id.Subject, Email: id.Email})
	for _, refusal := range []error{directory.ErrUnknown, directory.ErrInactive, directory.ErrFrozen, directory.ErrOtherIdentity} {
		if errors.Is(err, refusal) {
			return false, nil
		}
	}
	if err != nil || e.ID != person {
		return false, err
	}
	all, err := d.Directory.Identities(ctx)
	return slices.ContainsFunc(all[person], func(i directory.Identity) bool { return i.Issuer == id.Issuer && i.Subject == id.Subject }), err
}

// admit takes a login that is right.
func (d *Desk) admit(w http.ResponseWriter, r *http.Request, a attempt) {
	err := d.still(r, a)
	switch {
	case err != nil:
	case a.Kind == confirm:
		err = d.settle(r, a, proof{Method: Login})
	default:
		next := pages.NewSeed()
		if err = d.Store.enter(r.Context(), a.ID, next); err == nil {
			keep(w, a, next)
		}
	}
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	d.on(w, r, a)
}

// unproved answers a login that did not come about. Another one may.
func (d *Desk) unproved(w http.ResponseWriter, r *http.Request, a attempt, err error) {
	d.Log.WarnContext(r.Context(), "login failed", slog.String("attempt", a.ID), slog.Any("error", err))
	if errors.Is(err, google.ErrUnreachable) {
		d.show(w, r, http.StatusBadGateway, page{Key: "unreachable", Attempt: a})
		return
	}
	key := "refused"
	if refused, ok := errors.AsType[*google.RefusedError](err); ok && refused.Reason == google.ReasonAuthTime {
		key = "old_login"
	}
	d.show(w, r, http.StatusForbidden, page{Key: key, Attempt: a})
}

// give ends an attempt that somebody may have tampered with, and tells the chat.
func (d *Desk) give(w http.ResponseWriter, r *http.Request, a attempt, why string) {
	now, err := d.Store.end(r.Context(), a.ID, why)
	if err != nil {
		d.failed(w, r, a, err)
		return
	}
	if now {
		d.Log.WarnContext(r.Context(), "confirmation ended", slog.String("attempt", a.ID), slog.String("person", string(a.Ask.Person)), slog.String("outcome", why))
		d.Tell(r.Context(), a.Ask.Account, d.Texts.For(a.Ask.Language).T("assure.told."+why, nil))
	}
	d.show(w, r, http.StatusForbidden, page{Key: why, Attempt: a, Over: true})
}
