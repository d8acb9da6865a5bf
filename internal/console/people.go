package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/directory"
	"countersign/internal/people"
)

// mostShown is how many lines of a list a page has.
const mostShown = 200

// line is a person in the list.
type line struct {
	ID, Name, Email, Roles, State, Account, Login, Console string
}

func (d *Desk) people(w http.ResponseWriter, r *http.Request, v visitor) {
	all, err := d.Directory.Users(r.Context())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	identities, err := d.Directory.Identities(r.Context())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	roles, err := d.Store.roles(r.Context())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	asked := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q")))
	p := d.page(r, v, "people")
	p.Query = asked
	for _, e := range all {
		if !matches(e, asked) {
			continue
		}
		if p.Total++; len(p.People) < mostShown {
			l := d.lineOf(e)
			l.Console = string(d.shownRole(e, identities[e.ID], roles))
			for _, i := range identities[e.ID] {
				l.Login = strings.TrimPrefix(l.Login+", "+i.Email, ", ")
			}
			p.People = append(p.People, l)
		}
	}
	d.write(w, r, http.StatusOK, p)
}

func matches(e directory.Entry, asked string) bool {
	for _, text := range []string{e.ExternalID, e.Name, e.Email} {
		if strings.Contains(strings.ToLower(text), asked) {
			return true
		}
	}
	return false
}

func (d *Desk) lineOf(e directory.Entry) line {
	var roles []string
	for _, r := range e.Roles {
		roles = append(roles, r.String())
	}
	l := line{ID: e.ExternalID, Name: e.Name, Email: e.Email, Roles: strings.Join(roles, ", "), State: stateOf(e, d.Now())}
	if e.Link.ID != 0 {
		l.Account = e.Link.SeenAs
	}
	return l
}

// stateOf is how somebody stands, as the key of its text.
func stateOf(e directory.Entry, now time.Time) string {
	switch err := e.Power.Decides(now, 0); {
	case !e.Active:
		return "left"
	case e.Frozen:
		return "frozen"
	case e.Link.ID == 0:
		return string(e.LinkState)
	case errors.Is(err, people.ErrUnconfirmed):
		return "waits"
	case errors.Is(err, people.ErrCoolingOff):
		return "cooling"
	default:
		return string(directory.Linked)
	}
}

// shownRole is what a person may do here, for lists.
func (d *Desk) shownRole(e directory.Entry, logins []directory.Identity, given map[people.ID]Role) Role {
	if slices.ContainsFunc(logins, d.names) {
		return Administrator
	}
	return given[e.ID]
}

func (d *Desk) person(w http.ResponseWriter, r *http.Request, v visitor) {
	d.showPerson(w, r, v, http.StatusOK, "")
}

// showPerson shows one person with what can be done; said is what came of the last act.
func (d *Desk) showPerson(w http.ResponseWriter, r *http.Request, v visitor, status int, said string) {
	e, err := d.Directory.User(r.Context(), mux.Vars(r)["id"])
	if errors.Is(err, directory.ErrUnknown) {
		d.message(w, r, http.StatusNotFound, "missing")
		return
	}
	p := d.page(r, v, "person")
	if err == nil {
		p.Past, err = d.Directory.Links(r.Context(), e.ID)
	}
	if err == nil && v.role.may(toAudit) {
		p.Notes, err = d.Directory.Journal(r.Context(), e.ExternalID, 0, mostShown)
	}
	var roles map[people.ID]Role
	if err == nil {
		roles, err = d.Store.roles(r.Context())
	}
	var identities map[people.ID][]directory.Identity
	if err == nil {
		identities, err = d.Directory.Identities(r.Context())
	}
	if err != nil {
		d.fail(w, r, err)
		return
	}
	p.Person, p.Said, p.Self = d.lineOf(e), said, e.ID == v.person.ID
	p.Person.Console, p.Identities = string(d.shownRole(e, identities[e.ID], roles)), identities[e.ID]
	d.write(w, r, status, p)
}

// act is something that can be done to a person.
type act struct {
	needs  right
	reason bool // must be given
	do     func(ctx context.Context, v visitor, id string, form url.Values) error
}

func (d *Desk) acts() map[string]act {
	return map[string]act{
		"freeze": {toTake, true, func(ctx context.Context, v visitor, id string, form url.Values) error {
			_, err := d.Freeze(ctx, v.person.ExternalID, id, form.Get("reason"))
			return err
		}},
		"unlink": {toTake, true, func(ctx context.Context, v visitor, id string, form url.Values) error {
			return d.Directory.UnlinkUser(ctx, v.person.ExternalID, id, form.Get("reason"))
		}},
		"confirm": {toGive, false, func(ctx context.Context, v visitor, id string, _ url.Values) error {
			_, err := d.Directory.Confirm(ctx, v.person.ExternalID, id)
			return err
		}},
		"unfreeze": {toGive, false, func(ctx context.Context, v visitor, id string, _ url.Values) error {
			return d.Directory.Unfreeze(ctx, v.person.ExternalID, id)
		}},
		"forget": {toGive, true, func(ctx context.Context, v visitor, id string, form url.Values) error {
			return d.Directory.Forget(ctx, v.person.ExternalID, id, form.Get("issuer"), form.Get("reason"))
		}},
		"role": {toGive, false, func(ctx context.Context, v visitor, id string, form url.Values) error {
			role := Role(form.Get("role"))
			if role != "" && !role.may(toSee) {
				return directory.ErrInvalid
			}
			e, err := d.Directory.User(ctx, id)
			if err != nil {
				return err
			}
			return d.Store.give(ctx, v.person, e.Person, role)
		}},
	}
}

// perform does an act and shows the person as he is then.
func (d *Desk) perform(a act) func(http.ResponseWriter, *http.Request, visitor) {
	return func(w http.ResponseWriter, r *http.Request, v visitor) {
		id := mux.Vars(r)["id"]
		if a.reason && strings.TrimSpace(r.PostForm.Get("reason")) == "" {
			d.showPerson(w, r, v, http.StatusUnprocessableEntity, "reason_missing")
			return
		}
		r.PostForm.Set("reason", strings.TrimSpace(r.PostForm.Get("reason")))
		err := a.do(r.Context(), v, id, r.PostForm)
		if err == nil {
			err = d.Changed(r.Context(), id)
		}
		for _, known := range []struct {
			err    error
			status int
			said   string
		}{
			{directory.ErrUnknown, http.StatusNotFound, "unknown"},
			{directory.ErrOwnLink, http.StatusForbidden, "own"},
			{errSelf, http.StatusForbidden, "own"},
			{directory.ErrNotWaiting, http.StatusConflict, "not_waiting"},
			{directory.ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
		} {
			if errors.Is(err, known.err) {
				d.showPerson(w, r, v, known.status, known.said)
				return
			}
		}
		if err != nil {
			d.fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/console/people/"+url.PathEscape(id), http.StatusSeeOther) // so that a reload repeats nothing
	}
}
