// Package console owns the pages for those who look after the gateway: how they sign in,
// what each may do, and the acts on people and their links. The first administrators are
// named in the configuration; they give roles to others, and nobody to himself.
//
// It leaves tokens of login services to package google, people and links as stored, with
// the journal of every change to them, to package directory.
package console

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/doctor"
	"countersign/internal/google"
	"countersign/internal/journal"
	"countersign/internal/locale"
	"countersign/internal/pages"
	"countersign/internal/people"
)

// Role is what somebody may do here.
type Role string

// The roles.
const (
	Viewer        Role = "viewer"        // sees people and their links
	Auditor       Role = "auditor"       // and the journal
	Operator      Role = "operator"      // sees, and takes links away
	Administrator Role = "administrator" // everything
)

// right is one thing that may be done.
type right int

const (
	toSee right = iota
	toTake
	toGive
	toAudit
	toCheck
	toTrace // what was sent to whom, and what came
)

// may reports whether a role includes a right.
func (r Role) may(what right) bool {
	return slices.Contains(map[Role][]right{
		Viewer: {toSee}, Auditor: {toSee, toAudit, toTrace}, Operator: {toSee, toTake, toTrace, toCheck},
		Administrator: {toSee, toTake, toGive, toAudit, toTrace, toCheck},
	}[r], what)
}

// Desk serves the console. Set the fields before use.
type Desk struct {
	Store          *Store
	Directory      *directory.Store
	Services       []*google.Provider // none: there is no console
	Administrators []string           // mail addresses of the first ones
	PublicURL      string
	Texts          *locale.Texts
	// Freeze takes somebody's account from him and tells those whom that concerns.
	Freeze func(ctx context.Context, by, externalID, reason string) (directory.Frozen, error)
	// Changed is told that what has to do with a person must be shown anew.
	Changed func(ctx context.Context, externalID string) error
	Chart   *doctor.Chart                    // of the check-up; nil: there is none
	Mask    func(text string) string         // hides secrets in what it shows; nil: there are none
	Client  func(ctx context.Context) string // the address of the caller
	Traces  *journal.Store                   // what was sent and received
	Deeds   *deed.Store                      // what was done to conferences and meetings
	Lookup  journal.Lookup
	Now     func() time.Time
	Log     *slog.Logger

	template *template.Template
}

// Mount registers the pages.
func (d *Desk) Mount(r *mux.Router) error {
	if len(d.Services) == 0 {
		return nil
	}
	t, err := template.New("console").Parse(consoleHTML)
	if err != nil {
		return err
	}
	d.template = t
	guard, err := pages.SameOrigin(d.PublicURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.message(w, r, http.StatusForbidden, "foreign")
	}))
	if err != nil {
		return err
	}
	get := func(path string, h http.HandlerFunc) { r.HandleFunc(path, h).Methods(http.MethodGet) }
	post := func(path string, h http.HandlerFunc) {
		r.Handle(path, guard.Handler(bounded(h))).Methods(http.MethodPost)
	}
	get("/console", d.door)
	post("/console/login/{service}", d.leave)
	post("/console/logout", d.inside(toSee, d.logout))
	get("/console/people", d.inside(toSee, d.people))
	get("/console/person", d.inside(toSee, d.person)) // an id may hold any sign: it is no part of the path
	get("/console/journal", d.inside(toAudit, d.journal))
	get("/console/video", d.inside(toAudit, d.video))
	get("/console/telegram", d.inside(toTrace, d.traces))
	if d.Chart != nil {
		get("/console/doctor", d.inside(toCheck, d.checkup))
		post("/console/doctor", d.inside(toCheck, d.look))
	}
	for name, act := range d.acts() {
		post("/console/person/"+name, d.inside(act.needs, d.perform(act)))
	}
	return nil
}

// bounded reads a form that is small, or refuses.
func bounded(next http.HandlerFunc) http.Handler {
	const most = 8 << 10
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, most)
		if err := r.ParseForm(); err != nil {
			http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
			return
		}
		next(w, r)
	})
}

// Administers reports whether a person is an administrator now, as he would be in the
// console by the login behind his Telegram account.
func (d *Desk) Administers(ctx context.Context, p people.Person) (bool, error) {
	e, err := d.Directory.User(ctx, p.ExternalID)
	if err != nil || e.Link.Identity == 0 {
		return false, err
	}
	all, err := d.Directory.Identities(ctx)
	if err != nil {
		return false, err
	}
	for _, by := range all[p.ID] {
		if by.ID == e.Link.Identity {
			role, err := d.roleOf(ctx, d.Store.Pool, p, by)
			return role == Administrator, err
		}
	}
	return false, nil
}

// roleOf is what a person may do now who signed in by an account; empty: nothing.
func (d *Desk) roleOf(ctx context.Context, q executor, p people.Person, by directory.Identity) (Role, error) {
	switch {
	case !p.Active || p.Frozen:
		return "", nil
	// Not the address in the person's record: an ERP's key may write that.
	case d.names(by):
		return Administrator, nil
	default:
		return role(ctx, q, p.ID, by.Email)
	}
}

// names reports whether the configuration makes an administrator of whoever signs in by
// the account. Another account of the same person does not: it may be easier to come by.
func (d *Desk) names(by directory.Identity) bool {
	return slices.ContainsFunc(d.Administrators, func(a string) bool { return strings.EqualFold(a, by.Email) })
}
