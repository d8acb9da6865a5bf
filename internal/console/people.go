package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// mostShown is how many lines of a list a page has.
const mostShown = 200

// line is a person in the list.
type line struct {
	ID, Name, Email, Roles, State, Account, Login, Console string

	Named  bool   // administrator by the configuration
	Given  string // the role that was given here
	Link   int64  // which one it is, so that an act is on what was shown
	Frozen int64  // since when, in microseconds
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
		l.Account, l.Link = e.Link.SeenAs, e.Link.ID
	}
	if e.Frozen {
		l.Frozen = e.FrozenAt.UnixMicro()
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
	id, _ := pages.Single(r.URL.Query(), "id")
	d.showPerson(w, r, v, shown{id: id, status: http.StatusOK})
}

// shown is a person's page in the making; said is what came of the last act.
type shown struct {
	id     string
	status int
	said   string
}

// showPerson shows one person with what can be done.
func (d *Desk) showPerson(w http.ResponseWriter, r *http.Request, v visitor, s shown) {
	e, err := d.Directory.User(r.Context(), s.id)
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
	p.Person, p.Said, p.Self, p.Identities = d.lineOf(e), s.said, e.ID == v.person.ID, identities[e.ID]
	p.Person.Given, p.Person.Named = string(roles[e.ID]), slices.ContainsFunc(p.Identities, d.names)
	p.Person.Console = string(d.shownRole(e, p.Identities, roles))
	p.Above = v.role == Operator && p.Person.Console == string(Administrator)
	d.write(w, r, s.status, p)
}
