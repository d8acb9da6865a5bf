package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/pages"
)

// act is something that can be done to a person.
type act struct {
	needs right
	takes []string // fields of the form besides id; each may be empty
	do    func(ctx context.Context, v visitor, e directory.Entry, form url.Values) error
}

// acts are on what was shown: a page may be old, and somebody else faster. What only takes
// away, a freeze and an unlinking, is done whatever was shown.
func (d *Desk) acts() map[string]act {
	return map[string]act{
		"freeze": {toTake, []string{"reason"}, func(ctx context.Context, v visitor, e directory.Entry, form url.Values) error {
			if err := d.reaches(ctx, v, e); err != nil {
				return err
			}
			_, err := d.Freeze(ctx, v.person.ExternalID, e.ExternalID, form.Get("reason"))
			return err
		}},
		"unlink": {toTake, []string{"reason"}, func(ctx context.Context, v visitor, e directory.Entry, form url.Values) error {
			if err := d.reaches(ctx, v, e); err != nil {
				return err
			}
			return d.Directory.Unlink(ctx, v.person.ExternalID, e.ID, form.Get("reason"))
		}},
		"confirm": {toGive, []string{"link"}, func(ctx context.Context, v visitor, e directory.Entry, form url.Values) error {
			_, err := d.Directory.ConfirmLink(ctx, v.person.ExternalID, e.ExternalID, number(form, "link"))
			return err
		}},
		"unfreeze": {toGive, []string{"frozen"}, func(ctx context.Context, v visitor, e directory.Entry, form url.Values) error {
			return d.Directory.UnfreezeSince(ctx, v.person.ExternalID, e.ExternalID, time.UnixMicro(number(form, "frozen")))
		}},
		"forget": {toGive, []string{"login", "reason"}, func(ctx context.Context, v visitor, e directory.Entry, form url.Values) error {
			if v.person.ID == e.ID { // the last administrator would lock himself out
				return errSelf
			}
			return d.Directory.ForgetLogin(ctx, v.person.ExternalID, e.ExternalID, number(form, "login"), form.Get("reason"))
		}},
		"role": {toGive, []string{"role", "was", "email"}, d.giveRole},
	}
}

// number is what a page of ours wrote into a form; 0 is nothing's.
func number(form url.Values, field string) int64 {
	n, err := strconv.ParseInt(form.Get(field), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// reaches refuses an operator who would take something from an administrator: one account
// in the wrong hands must not lock out those who could undo what it did.
func (d *Desk) reaches(ctx context.Context, v visitor, e directory.Entry) error {
	if v.role.may(toGive) {
		return nil
	}
	roles, err := d.Store.roles(ctx)
	if err != nil {
		return err
	}
	identities, err := d.Directory.Identities(ctx)
	if err == nil && d.shownRole(e, identities[e.ID], roles) == Administrator {
		err = errNoRight
	}
	return err
}

// giveRole gives a role to the person as he was shown. It counts for the logins that he has
// and for the address by which he would be found, and for no address that comes later.
func (d *Desk) giveRole(ctx context.Context, v visitor, e directory.Entry, form url.Values) error {
	g := gift{by: v, to: e.Person, role: Role(form.Get("role")), was: Role(form.Get("was")), addresses: []string{}}
	identities, err := d.Directory.Identities(ctx)
	switch {
	case err != nil:
		return err
	case v.person.ID == e.ID:
		return errSelf
	case g.role != "" && !g.role.may(toSee):
		return directory.ErrInvalid
	case slices.ContainsFunc(identities[e.ID], d.names):
		return errNamed
	case g.role != "" && !e.Active:
		return directory.ErrInactive
	case form.Get("email") != e.Email:
		return errChanged
	}
	for _, i := range identities[e.ID] {
		g.addresses = append(g.addresses, strings.ToLower(i.Email))
	}
	if e.Email != "" {
		g.addresses = append(g.addresses, e.Email)
	}
	return d.Store.give(ctx, g)
}

// perform does an act and shows the person as he is then.
func (d *Desk) perform(a act) func(http.ResponseWriter, *http.Request, visitor) {
	return func(w http.ResponseWriter, r *http.Request, v visitor) {
		id, ok := pages.Single(r.PostForm, "id")
		if !ok || !a.fits(r.PostForm) {
			d.message(w, r, http.StatusBadRequest, "invalid")
			return
		}
		r.PostForm.Set("reason", strings.TrimSpace(r.PostForm.Get("reason")))
		if slices.Contains(a.takes, "reason") && r.PostForm.Get("reason") == "" {
			d.showPerson(w, r, v, shown{id, http.StatusUnprocessableEntity, "reason_missing"})
			return
		}
		e, err := d.Directory.User(r.Context(), id)
		if err == nil {
			err = a.do(r.Context(), v, e, r.PostForm)
		}
		if err == nil {
			err = d.Changed(r.Context(), id)
		}
		if status, said := refusal(err); said != "" {
			d.showPerson(w, r, v, shown{id, status, said})
			return
		}
		if err != nil {
			d.fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/console/person?id="+url.QueryEscape(id), http.StatusSeeOther) // so that a reload repeats nothing
	}
}

// fits reports whether a form has what the act takes, each once, and nothing else.
func (a act) fits(form url.Values) bool {
	for name, values := range form {
		if len(values) != 1 || name != "id" && !slices.Contains(a.takes, name) {
			return false
		}
	}
	return true
}

// refusal gives the status and the text of an act that was refused.
func refusal(err error) (status int, said string) {
	for _, known := range []struct {
		err    error
		status int
		said   string
	}{
		{directory.ErrUnknown, http.StatusNotFound, "unknown"},
		{directory.ErrOwnLink, http.StatusForbidden, "own"},
		{errSelf, http.StatusForbidden, "own"},
		{errNoRight, http.StatusForbidden, "no_right"},
		{directory.ErrNotWaiting, http.StatusConflict, "not_waiting"},
		{directory.ErrChanged, http.StatusConflict, "changed"},
		{errChanged, http.StatusConflict, "changed"},
		{errNamed, http.StatusConflict, "named"},
		{directory.ErrInactive, http.StatusConflict, "left"},
		{directory.ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
	} {
		if errors.Is(err, known.err) {
			return known.status, known.said
		}
	}
	return 0, ""
}
