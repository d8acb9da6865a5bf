package console

import (
	_ "embed" // the pages
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"countersign/internal/directory"
	"countersign/internal/google"
	"countersign/internal/journal"
	"countersign/internal/locale"
	"countersign/internal/pages"
)

//go:embed console.html
var consoleHTML string

// page is what the templates show.
type page struct {
	Key        string
	Visitor    string
	Role       Role
	Self       bool // the person shown is the one who looks
	Above      bool // the person shown is nobody for an operator to touch
	Query      string
	Total      int
	People     []line
	Person     line
	Identities []directory.Identity
	Past       []directory.PastLink
	Notes      []directory.Note
	Door       []entry
	Findings   []finding
	Looked     time.Time // when these were found
	HasChart   bool
	Before     string // where the next page of the journal begins
	Said       string
	Asked      journal.Ask
	Traces     []journal.Entry
	DeedAsk    deedAsk
	Done       []done
	Next       string // the link to older ones
	Wrong      string // with what was asked
	Services   []*google.Provider
	Leaves     []string

	lang locale.Lang
}

// Lang is the language of the page.
func (p page) Lang() string { return p.lang.Tag() }

// Style is the style sheet.
func (p page) Style() template.CSS { return pages.Style() }

// T is a text.
func (p page) T(key string) string {
	return p.lang.T("console."+key, map[string]any{"Name": p.Visitor, "N": p.Total, "Shown": len(p.People)})
}

// SaidText is what there is to say.
func (p page) SaidText() string { return p.lang.T("console.said."+p.Said, nil) }

// State is how somebody stands, in words.
func (p page) State(state string) string { return p.lang.T("console.state."+state, nil) }

// RoleText is a role in words.
func (p page) RoleText(role string) string { return p.lang.T("console.role."+role, nil) }

// Did is what somebody did at the door, in words.
func (p page) Did(what string) string { return p.lang.T("console.did."+what, nil) }

// Detail is what goes with it: a role, how often he was turned away, or what was noted.
func (p page) Detail(e entry) string {
	if n, err := strconv.Atoi(e.Detail); err == nil && e.What == "refused" {
		return p.lang.N("console.times", n, nil)
	}
	switch {
	case Role(e.Detail).may(toSee):
		return p.RoleText(e.Detail)
	case e.Detail == signedOut: // which the page says already
		return ""
	default:
		return e.Detail
	}
}

// When is a moment as people read it.
func (p page) When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.lang.DateTime(t, time.UTC) + " UTC"
}

// MayTake, MayGive, MayAudit and MayTrace say which acts the visitor has.
func (p page) MayTake() bool { return p.Role.may(toTake) }

// MayGive is said above.
func (p page) MayGive() bool { return p.Role.may(toGive) }

// MayAudit is said above.
func (p page) MayAudit() bool { return p.Role.may(toAudit) }

// MayCheck is said above; without a check-up nobody may.
func (p page) MayCheck() bool { return p.HasChart && p.Role.may(toCheck) }

// LevelText is how bad a finding is, in words.
func (p page) LevelText(level string) string { return p.lang.T("console.level."+level, nil) }

// MayTrace is said above.
func (p page) MayTrace() bool { return p.Role.may(toTrace) }

// Roles are what can be given.
func (p page) Roles() []Role { return []Role{Viewer, Auditor, Operator, Administrator} }

func (d *Desk) page(r *http.Request, v visitor, key string) page {
	lang := d.Texts.Accept(r.Header.Get("Accept-Language"))
	if v.person.Locale != "" && !v.person.Follows { // the browser says more than the messenger
		lang = d.Texts.For(v.person.Locale)
	}
	return page{Key: key, Visitor: v.person.Name, Role: v.role, HasChart: d.Chart != nil, lang: lang}
}

func (d *Desk) write(w http.ResponseWriter, r *http.Request, status int, p page) {
	err := pages.Write(w, pages.Page{Status: status, Template: d.template, Data: p, Lang: p.Lang(), Leaves: p.Leaves})
	if err != nil {
		d.Log.ErrorContext(r.Context(), "console", slog.Any("error", err))
	}
}

// message shows a page that only says something.
func (d *Desk) message(w http.ResponseWriter, r *http.Request, status int, said string) {
	p := d.page(r, visitor{}, "message")
	p.Said = said
	d.write(w, r, status, p)
}

// showDoor offers the login services.
func (d *Desk) showDoor(w http.ResponseWriter, r *http.Request, status int) {
	p := d.page(r, visitor{}, "door")
	for _, s := range d.Services {
		to, err := s.SignIn(r.Context(), requestOf(pages.NewSeed(), s.Name))
		if err != nil {
			d.Log.WarnContext(r.Context(), "console: login service", slog.String("service", s.Name), slog.Any("error", err))
			continue
		}
		p.Services, p.Leaves = append(p.Services, s), append(p.Leaves, pages.Origin(to))
	}
	d.write(w, r, status, p)
}

// journal shows what was done to people, and what happened at the door.
func (d *Desk) journal(w http.ResponseWriter, r *http.Request, v visitor) {
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	p := d.page(r, v, "journal")
	if p.Notes, err = d.Directory.Journal(r.Context(), "", before, mostShown); err == nil && before == 0 {
		p.Door, err = d.Store.entries(r.Context(), mostShown)
	}
	if err != nil {
		d.fail(w, r, err)
		return
	}
	if n := len(p.Notes); n == mostShown {
		p.Before = strconv.FormatInt(p.Notes[n-1].ID, 10)
	}
	d.write(w, r, http.StatusOK, p)
}
