package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/console"
	"countersign/internal/deed"
	"countersign/internal/directory"
	"countersign/internal/doctor"
	"countersign/internal/goldentest"
	"countersign/internal/google/googletest"
	"countersign/internal/pages/pagestest"
	"countersign/internal/people"
)

// album collects what the console shows, in each language.
type album struct {
	*house

	t     *testing.T
	texts map[string]*strings.Builder
}

func tags() []string { return []string{"en", "ru", "de", "es"} }

// TestScreensReadAsWritten asks for every page in each language, as one house goes on.
func TestScreensReadAsWritten(t *testing.T) {
	t.Parallel()
	a := &album{t: t, house: newHouse(t), texts: map[string]*strings.Builder{}}
	for _, tag := range tags() {
		a.texts[tag] = &strings.Builder{}
	}
	a.outside()
	anna := a.staff()
	a.persons(anna)
	a.refusedActs(anna)
	a.refusedSignIns(anna)
	a.checkUps(anna)
	a.records(anna)
	for _, tag := range tags() {
		text := a.texts[tag].String()
		goldentest.Same(t, "screens."+tag, text)
		if gap := regexp.MustCompile(`\{\{|\bconsole\.[a-z_]+|<no value>`).FindString(text); gap != "" {
			t.Errorf("%s: %s is a key without a text, or a placeholder", tag, gap)
		}
	}
}

// shown keeps the words of a page in each language.
func (a *album) shown(title string, ask func(lang string) pagestest.Page) {
	a.t.Helper()
	for _, tag := range tags() {
		p := ask(tag)
		if i := strings.Index(p.Body, "<main"); i >= 0 && title != "people" { // which has what stands above each page
			p.Body = "</head>" + p.Body[i:]
		}
		fmt.Fprintf(a.texts[tag], "=== page: %s (%d)\n%s\n\n", title, p.Status, a.same(tag, p.Words()))
	}
}

// same makes what passes, or is made anew each time, the same each time.
func (a *album) same(tag, words string) string {
	words = regexp.MustCompile(`\bper_[0-9a-z]{26}\b`).ReplaceAllString(words, "per_0")
	words = strings.ReplaceAll(words, a.google.URL(), "https://accounts.example")
	lang := a.desk.Texts.For(tag)
	for at := time.Now().Add(-5 * time.Minute); at.Before(time.Now().Add(2 * time.Minute)); at = at.Add(time.Minute) {
		words = strings.ReplaceAll(words, lang.DateTime(at, time.UTC), lang.DateTime(time.Date(2026, 6, 15, 11, 0, 0, 0, time.UTC), time.UTC))
	}
	return words
}

func (a *album) get(title string, b *pagestest.Browser, address string) {
	a.t.Helper()
	a.shown(title, func(lang string) pagestest.Page { return b.Do(http.MethodGet, address, nil, "Accept-Language", lang) })
}

// act presses a button that is refused, so that it can be pressed in each language. Of a
// person's page it keeps what was said: the rest is as it was.
func (a *album) act(title string, b *pagestest.Browser, id, act string, typed url.Values) {
	a.t.Helper()
	form := a.filled(a.t, id, act, typed)
	a.shown(title, func(lang string) pagestest.Page {
		p := b.Do(http.MethodPost, a.web.URL+"/console/person/"+act, form, "Sec-Fetch-Site", "same-origin", "Accept-Language", lang)
		if i := strings.Index(p.Body, "<dl>"); i >= 0 {
			p.Body = p.Body[:i]
		}
		return p
	})
}

// outside: the door, and who is turned away.
func (a *album) outside() {
	b := pagestest.Open(a.t, a.web)
	a.get("the door", b, a.web.URL+"/console")
	back := func(email, more string) func(lang string) pagestest.Page {
		return func(lang string) pagestest.Page {
			return b.Do(http.MethodGet, a.callback(a.t, b, email)+more, nil, "Accept-Language", lang)
		}
	}
	a.shown("no role", back("stranger@example.org", ""))
	a.shown("an answer of another login service", back("anna@example.org", "&iss=https%3A%2F%2Fevil.example"))
	a.google.Alter(func(claims map[string]any) { claims["nonce"] = "x" })
	a.shown("a login that was not asked for", back("anna@example.org", ""))
	a.google.Alter(nil)
	a.google.Break(googletest.Token, googletest.Status)
	a.shown("no login service", back("anna@example.org", ""))
	a.google.Break(googletest.Token, googletest.Sound)
}

// staff is somebody for each way to stand, and for each role.
func (a *album) staff() (anna *pagestest.Browser) {
	for _, id := range []string{"eve", "fred", "gina"} {
		a.Import(a.t, directory.User{ExternalID: id, Name: strings.ToUpper(id[:1]) + id[1:], Email: id + "@example.org", Roles: []people.Role{people.ParseRole("treasurer")}})
	}
	a.Clock.Advance(time.Minute)
	anna = a.inside(a.t, "anna")
	a.gives(a.t, anna, "boris", "viewer")
	a.gives(a.t, anna, "carol", "auditor")
	a.gives(a.t, anna, "dan", "operator")
	a.link(a.t, "boris", 70, directory.Terms{Confirm: directory.Notify})
	a.link(a.t, "carol", 71, directory.Terms{Confirm: directory.Notify})
	a.link(a.t, "dan", 72, directory.Terms{Confirm: directory.ByAdmin})
	a.link(a.t, "eve", 73, directory.Terms{Confirm: directory.CoolingOff, Cooling: 2 * time.Hour})
	a.link(a.t, "fred", 74, directory.Terms{Confirm: directory.Notify})
	for _, done := range []struct{ act, id string }{{"freeze", "carol"}, {"unlink", "fred"}} {
		if p := a.house.act(a.t, anna, done.id, done.act, why("SIM swapped")); p.Status != http.StatusSeeOther {
			a.t.Fatalf("%s: %d %s", done.act, p.Status, p.Body)
		}
		a.Clock.Advance(time.Minute)
	}
	must(a.t, a.Directory.Deactivate(a.t.Context(), "test", "gina", "left"))
	return anna
}

func (a *album) persons(anna *pagestest.Browser) {
	a.get("people", anna, a.web.URL+"/console/people")
	a.get("people, searched", anna, a.web.URL+"/console/people?q=dan")
	a.get("oneself", anna, a.page("anna"))
	a.get("connected", anna, a.page("boris"))
	a.get("frozen", anna, a.page("carol"))
	a.get("waits", anna, a.page("dan"))
	a.get("too new", anna, a.page("eve"))
	a.get("disconnected", anna, a.page("fred"))
	a.get("has left", anna, a.page("gina"))
	a.get("nobody", anna, a.page("nobody"))
}

// refusedActs: what a page says when nothing was done.
func (a *album) refusedActs(anna *pagestest.Browser) {
	a.act("no reason", anna, "boris", "freeze", url.Values{"reason": {" "}})
	a.act("for oneself", anna, "anna", "role", url.Values{"role": {"viewer"}})
	a.act("nothing to confirm", anna, "boris", "confirm", nil)
	a.act("another role than was shown", anna, "boris", "role", url.Values{"role": {"auditor"}, "was": {"operator"}})
	a.act("a role for somebody who left", anna, "gina", "role", url.Values{"role": {"viewer"}})
	a.act("a role that is none", anna, "boris", "role", url.Values{"role": {"king"}})
	a.act("a login that is not there", anna, "fred", "forget", url.Values{"login": {"0"}, "reason": {"x"}})
	boris := a.inside(a.t, "boris")
	a.act("no right", boris, "eve", "freeze", why("x"))
	a.gives(a.t, anna, "boris", "administrator")
	boris = a.inside(a.t, "boris")
	a.act("an administrator of the configuration", boris, "anna", "role", url.Values{"role": {"viewer"}})
	a.shown("the form of another site", func(lang string) pagestest.Page {
		return anna.Do(http.MethodPost, a.web.URL+"/console/person/freeze", a.filled(a.t, "eve", "freeze", why("x")), "Sec-Fetch-Site", "cross-site", "Accept-Language", lang)
	})
}

// refusedSignIns is what is seen without a database.
func (a *album) refusedSignIns(anna *pagestest.Browser) {
	pool, err := pgxpool.New(a.t.Context(), a.AppURL)
	must(a.t, err)
	pool.Close()
	store := a.desk.Store
	a.desk.Store = &console.Store{Pool: pool}
	a.get("no database", anna, a.web.URL+"/console/people")
	a.desk.Store = store
}

func (a *album) checkUps(anna *pagestest.Browser) {
	a.desk.Chart.Examine = func(context.Context) []doctor.Finding {
		return []doctor.Finding{
			{Check: "token", Level: doctor.OK, Key: "doctor.token.ok", Data: map[string]any{"Name": "countersign_bot", "Number": "7"}},
			{Check: "groups", Level: doctor.Warning, Key: "doctor.group.unknown", Data: map[string]any{"Title": "Payments", "Why": "timeout"}},
			{Check: "token", Level: doctor.Problem, Key: "doctor.token.refused"},
		}
	}
	a.get("the check-up, before anybody looked", anna, a.web.URL+"/console/doctor")
	anna.Post(a.web.URL+"/console/doctor", nil)
	a.get("the check-up", anna, a.web.URL+"/console/doctor")
}

// records: what was done, sent and received.
func (a *album) records(anna *pagestest.Browser) {
	a.get("video, nothing", anna, a.web.URL+"/console/video")
	must(a.t, deed.Note(a.t.Context(), a.Pool, deed.Deed{What: deed.Stop, Server: "Lab", Session: "34@srv#vcs", Topic: "Budget", People: 2, Outcome: deed.CalledOff}))
	a.get("video", anna, a.web.URL+"/console/video")
	a.get("video, since when", anna, a.web.URL+"/console/video?since=yesterday")
	telegram := a.web.URL + "/console/telegram"
	a.get("sent and received, nothing", anna, telegram)
	a.inside(a.t, "boris").Post(a.web.URL+"/console/logout", nil)
	a.get("the journal", anna, a.web.URL+"/console/journal")
	a.trace(a.t, 1, 7, "chat not found")
	a.get("sent and received", anna, telegram)
	a.get("sent and received, by whom", anna, telegram+"?document=1")
	for n := range 100 {
		a.trace(a.t, n+2, 7, "chat not found")
	}
	a.shown("the foot of a full page", func(lang string) pagestest.Page {
		p := anna.Do(http.MethodGet, telegram, nil, "Accept-Language", lang)
		p.Body = "</head>" + p.Body[strings.LastIndex(p.Body, "</table>"):]
		return p
	})
}
