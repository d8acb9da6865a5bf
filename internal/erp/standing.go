package erp

import (
	"net/http"
	"reflect"
	"strings"
	"time"

	"countersign/internal/directory"
	"countersign/internal/people"
	"countersign/internal/server"
)

const (
	absencesPath    = "/v1/absences"
	absencePath     = absencesPath + "/{external_id}"
	delegationsPath = "/v1/delegations"
	delegationPath  = delegationsPath + "/{external_id}"
	byKey           = "ended by the ERP"
)

// StandingInput asks whose absences or delegations are meant.
type StandingInput struct {
	User string `query:"user" doc:"External id or mail address; without it everybody's" example:"petrov"`
}

// AbsenceBody says that somebody is away.
type AbsenceBody struct {
	User   string `json:"user" maxLength:"200" doc:"External id or mail address" example:"petrov"`
	From   string `json:"from,omitempty" nullable:"true" doc:"RFC 3339; from now on where it is left out" example:"2026-07-01T00:00:00+03:00"`
	Until  string `json:"until" doc:"RFC 3339: the person is back from then on. At most 400 days later" example:"2026-07-15T00:00:00+03:00"`
	Deputy string `json:"deputy,omitempty" nullable:"true" maxLength:"200" doc:"Who decides meanwhile, beside the person" example:"sidorova"`
}

// DelegationBody lets somebody decide for another.
type DelegationBody struct {
	Principal string `json:"principal" maxLength:"200" doc:"Whose right it is: external id or mail address" example:"petrov"`
	Deputy    string `json:"deputy" maxLength:"200" doc:"Who may decide beside him. Never a document that he wrote or gains from" example:"sidorova"`
	From      string `json:"from,omitempty" nullable:"true" doc:"RFC 3339; from now on where it is left out" example:"2026-07-01T00:00:00+03:00"`
	Until     string `json:"until" doc:"RFC 3339; at most 400 days later" example:"2026-07-15T00:00:00+03:00"`
	Role      string `json:"role,omitempty" nullable:"true" maxLength:"64" doc:"Only where the principal is asked for this role" example:"treasurer"`
	Type      string `json:"type,omitempty" nullable:"true" maxLength:"64" doc:"Only documents of this type" example:"payment_request"`
	Company   string `json:"company,omitempty" nullable:"true" maxLength:"100" doc:"Only documents of this company" example:"LLC-A"`
	UpTo      string `json:"up_to,omitempty" nullable:"true" doc:"Only up to this amount, inclusive; with currency. Nothing in another currency" example:"100000.00"`
	Currency  string `json:"currency,omitempty" nullable:"true" pattern:"^[A-Z]{3}$" example:"RUB"`
	Hands     int    `json:"hands,omitempty" nullable:"true" minimum:"1" maximum:"3" doc:"Through how many hands the right may go: 1, only the deputy's own, where it is left out" example:"1"`
}

// Standing is what absences and delegations have in common.
type Standing struct {
	ExternalID *string    `json:"external_id" doc:"Your own name; null where you did not make it" example:"vacation-17"`
	From       time.Time  `json:"from" example:"2026-07-01T00:00:00Z"`
	Until      time.Time  `json:"until" example:"2026-07-15T00:00:00Z"`
	MadeAt     time.Time  `json:"made_at" example:"2026-06-20T08:00:00Z"`
	EndedAt    *time.Time `json:"ended_at" doc:"null unless it was taken back or replaced"`
	EndedWhy   string     `json:"ended_why,omitempty"`
}

// Absence is somebody's being away.
type Absence struct {
	Standing

	User       string `json:"user" example:"petrov"`
	Deputy     string `json:"deputy" doc:"Empty: nobody decides meanwhile" example:"sidorova"`
	Delegation int64  `json:"delegation,omitempty,omitzero" doc:"By which the deputy decides" example:"17"`
}

// Delegation is somebody's right to decide for another.
type Delegation struct {
	Standing

	ID        int64  `json:"id" doc:"As votes and cards name it" example:"17"`
	Principal string `json:"principal" example:"petrov"`
	Deputy    string `json:"deputy" example:"sidorova"`
	Role      string `json:"role,omitempty" example:"treasurer"`
	Type      string `json:"type,omitempty" example:"payment_request"`
	Company   string `json:"company,omitempty" example:"LLC-A"`
	UpTo      string `json:"up_to,omitempty" example:"100000.00"`
	Currency  string `json:"currency,omitempty" example:"RUB"`
	Hands     int    `json:"hands" example:"1"`
}

// AbsenceAnswer is one absence.
type AbsenceAnswer struct {
	Absence

	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}

// AbsencesAnswer lists absences.
type AbsencesAnswer struct {
	Absences  []Absence `json:"absences"`
	RequestID string    `json:"request_id" example:"req_4ymxk5c7w2"`
}

// DelegationAnswer is one delegation.
type DelegationAnswer struct {
	Delegation

	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}

// DelegationsAnswer lists delegations.
type DelegationsAnswer struct {
	Delegations []Delegation `json:"delegations"`
	RequestID   string       `json:"request_id" example:"req_4ymxk5c7w2"`
}

// fourWays are the operations on what an ERP names itself: put, read, list, end.
type fourWays struct {
	noun, many string // as in ids and paths
	all, one   string // paths
	text       string
	body       reflect.Type
	put        map[int]reflect.Type
	got        map[int]reflect.Type
	list       map[int]reflect.Type
}

func (m *mounting) standing() {
	d := m.door
	mountFour(m, fourWays{
		noun: "absence", many: "absences", all: absencesPath, one: absencePath, text: absenceText,
		body: reflect.TypeFor[AbsenceBody](), put: either[AbsenceAnswer](), got: only[AbsenceAnswer](http.StatusOK), list: only[AbsencesAnswer](http.StatusOK),
	}, acts{d.putAbsence, d.getAbsence, d.endAbsence, d.listAbsences})
	mountFour(m, fourWays{
		noun: "delegation", many: "delegations", all: delegationsPath, one: delegationPath, text: delegationText,
		body: reflect.TypeFor[DelegationBody](), put: either[DelegationAnswer](), got: only[DelegationAnswer](http.StatusOK), list: only[DelegationsAnswer](http.StatusOK),
	}, acts{d.putDelegation, d.getDelegation, d.endDelegation, d.listDelegations})
}

type acts struct {
	put, get, end func(*call, *NameInput) (answer, error)
	list          func(*call, *StandingInput) (answer, error)
}

func mountFour(m *mounting, w fourWays, do acts) {
	reading := endpoint{scope: directory.DirectoryWrite}
	put := operation{
		id: "put-" + w.noun, method: http.MethodPut, path: w.one, tag: tagDirectory, summary: "Store a " + w.noun, text: w.text,
		endpoint: sending(directory.DirectoryWrite, repeatNatural), body: w.body, success: w.put,
		errors: []int{http.StatusConflict},
	}
	add(m, put, do.put)
	also(m, put, http.MethodPost, w.one, do.put)
	add(m, operation{
		id: "list-" + w.many, method: http.MethodGet, path: w.all, tag: tagDirectory, summary: "List " + w.many,
		text: "Those in force and those to come, whoever made them.", endpoint: reading, success: w.list, errors: []int{http.StatusNotFound},
	}, do.list)
	add(m, operation{
		id: "get-" + w.noun, method: http.MethodGet, path: w.one, tag: tagDirectory, summary: "Read a " + w.noun,
		text: "The last one that you made by this name, also when it has ended.", endpoint: reading, success: w.got, errors: []int{http.StatusNotFound},
	}, do.get)
	end := operation{
		id: "end-" + w.noun, method: http.MethodDelete, path: w.one, tag: tagDirectory, summary: "End a " + w.noun,
		text: "At once. It stays on record, as do the votes that rest on it. Once more is no mistake.", endpoint: reading, success: w.got,
		errors: []int{http.StatusNotFound},
	}
	add(m, end, do.end)
	also(m, end, http.MethodPost, w.one+"/delete", do.end)
}

func (c *call) names(externalID string) directory.Name {
	return directory.Name{Source: c.key.Source, ExternalID: externalID}
}

// whom finds the person that a field names.
func (o *object) whom(field string, r rule, dir people.Directory) people.Person {
	text := o.text(field, r)
	p, ok := dir.Find(text)
	if text != "" && !ok {
		o.fault(field, "unknown_user")
	}
	return p
}

func (o *object) moment(field string, r rule) time.Time {
	text := o.text(field, r)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 2000 || at.Year() > 9000 {
		o.fault(field, "bad_date")
		return time.Time{}
	}
	return at.UTC()
}

// span reads from and until.
func (d *Door) span(o *object) (from, until time.Time) {
	from, until = o.moment("from", name(40)), o.moment("until", name(40).must())
	begins := from
	if begins.IsZero() {
		begins = d.Ledger.Now()
	}
	if !until.IsZero() && (!until.After(begins) || until.Sub(begins) > 400*24*time.Hour) {
		o.fault("until", "out_of_range")
	}
	return from, until
}

func (d *Door) putAbsence(c *call, in *NameInput) (answer, error) {
	dir, body, o, err := d.opened(c, in)
	if err != nil {
		return answer{}, err
	}
	n := directory.NewAbsence{Name: c.names(in.ExternalID)}
	n.Person, n.Deputy = o.whom("user", name(200).must(), dir).ID, o.whom("deputy", name(200), dir).ID
	n.From, n.Until = d.span(o)
	if n.Deputy != "" && n.Deputy == n.Person {
		o.refuse("deputy", "conflict", "= user")
	}
	o.done()
	if err := body.err(""); err != nil {
		return answer{}, err
	}
	g, created, err := d.Directory.PutAbsence(c.ctx(), c.actor(), n)
	if err != nil {
		return answer{}, err
	}
	return answer{status: storedAs(created), body: AbsenceAnswer{absenceOf(g, dir, c), server.RequestID(c.ctx())}}, d.Ledger.StandIn(c.ctx())
}

// opened begins the reading of a body that names people.
func (d *Door) opened(c *call, in *NameInput) (people.Directory, *intake, *object, error) {
	if err := checkExternalID(in.ExternalID); err != nil {
		return people.Directory{}, nil, nil, err
	}
	body := &intake{}
	o, err := body.open(c.body)
	if err != nil {
		return people.Directory{}, nil, nil, err
	}
	dir, err := d.Directory.Snapshot(c.ctx())
	return dir, body, o, err
}

func storedAs(created bool) int { //nolint:revive // a fact, not a switch
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (d *Door) getAbsence(c *call, in *NameInput) (answer, error) {
	g, err := d.Directory.AbsenceNamed(c.ctx(), c.names(in.ExternalID))
	return d.absence(c, g, err)
}

func (d *Door) endAbsence(c *call, in *NameInput) (answer, error) {
	g, err := d.Directory.EndNamed(c.ctx(), c.actor(), c.names(in.ExternalID), byKey)
	if err == nil {
		err = d.Ledger.StandIn(c.ctx())
	}
	return d.absence(c, g, err)
}

func (d *Door) absence(c *call, g directory.Gone, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	dir, err := d.Directory.Snapshot(c.ctx())
	return answer{status: http.StatusOK, body: AbsenceAnswer{absenceOf(g, dir, c), server.RequestID(c.ctx())}}, err
}

func (d *Door) listAbsences(c *call, in *StandingInput) (answer, error) {
	dir, id, err := d.listed(c, in)
	if err != nil {
		return answer{}, err
	}
	found, err := d.Directory.Absences(c.ctx(), id)
	out := AbsencesAnswer{Absences: []Absence{}, RequestID: server.RequestID(c.ctx())}
	for _, g := range found {
		out.Absences = append(out.Absences, absenceOf(g, dir, c))
	}
	return answer{status: http.StatusOK, body: out}, err
}

func (d *Door) listed(c *call, in *StandingInput) (people.Directory, people.ID, error) {
	dir, err := d.Directory.Snapshot(c.ctx())
	if err != nil || strings.TrimSpace(in.User) == "" {
		return dir, "", err
	}
	p, ok := dir.Find(in.User)
	if !ok {
		err = errNotFound
	}
	return dir, p.ID, err
}

func absenceOf(g directory.Gone, dir people.Directory, c *call) Absence {
	return Absence{
		Standing: standingOf(g.Name, c, g.Ended), User: externalID(dir, g.Person), Deputy: externalID(dir, g.Deputy), Delegation: int64(g.Through),
	}.with(g.From, g.Until, g.At, g.Why)
}

func (a Absence) with(from, until, made time.Time, why string) Absence {
	a.From, a.Until, a.MadeAt, a.EndedWhy = from, until, made, why
	return a
}

// standingOf: a source sees no other's names.
func standingOf(n directory.Name, c *call, ended time.Time) Standing {
	var s Standing
	if n.Source == c.key.Source {
		s.ExternalID = &n.ExternalID
	}
	if !ended.IsZero() {
		s.EndedAt = &ended
	}
	return s
}

func externalID(dir people.Directory, id people.ID) string {
	p, _ := dir.Person(id)
	return p.ExternalID
}
