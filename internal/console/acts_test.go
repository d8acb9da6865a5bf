package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/pages/pagestest"
)

// gives makes somebody have a role.
func (h *house) gives(tb testing.TB, b *pagestest.Browser, id, role string) {
	tb.Helper()
	if p := h.act(tb, b, id, "role", url.Values{"role": {role}}); p.Status != http.StatusSeeOther {
		tb.Fatalf("%s for %s: %d %s", role, id, p.Status, p.Body)
	}
}

func (h *house) roleOf(tb testing.TB, id string) (role string) {
	tb.Helper()
	must(tb, h.Pool.QueryRow(tb.Context(), `select coalesce(max(g.role), '') from person p
		left join console_grant g on g.person_id = p.id and g.ended_at is null where p.external_id = $1`, id).Scan(&role))
	return role
}

func TestNobodyActsForHimself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.gives(t, anna, "boris", "administrator")
	for id, b := range map[string]*pagestest.Browser{"anna": anna, "boris": h.inside(t, "boris")} {
		h.link(t, id, int64(len(id))*100, directory.Terms{Confirm: directory.ByAdmin})
		for act, form := range map[string]url.Values{"role": {"role": {"viewer"}}, "confirm": {}, "forget": why("x")} {
			if p := h.act(t, b, id, act, form); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "Ask another administrator") {
				t.Errorf("%s, %s: %d", id, act, p.Status)
			}
		}
		if p := b.Get(h.page(id)); p.Status != http.StatusOK || strings.Contains(p.Body, "/role") || strings.Contains(p.Body, "/confirm") || strings.Contains(p.Body, "/forget") {
			t.Errorf("%s is offered: %d %s", id, p.Status, p.Body)
		}
	}
	if h.roleOf(t, "anna") != "" || h.roleOf(t, "boris") != "administrator" {
		t.Error("somebody has another role")
	}
}

// Two administrators who take the role from each other at the same moment: one is too late,
// and one stays. Both have passed the door when the first takes effect.
func TestOfTwoAdministratorsWhoDismissEachOtherOneStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.gives(t, anna, "boris", "administrator")
	h.gives(t, anna, "carol", "administrator")
	boris, carol := h.inside(t, "boris"), h.inside(t, "carol")
	none := url.Values{"role": {""}}
	ofCarol, ofBoris := h.filled(t, "carol", "role", none), h.filled(t, "boris", "role", none)
	var results [2]pagestest.Page
	var wg sync.WaitGroup
	must(t, pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "select pg_advisory_xact_lock(hashtextextended('countersign.console', 0))"); err != nil {
			return err
		}
		wg.Go(func() { results[0] = boris.Post(h.web.URL+"/console/person/role", ofCarol) })
		wg.Go(func() { results[1] = carol.Post(h.web.URL+"/console/person/role", ofBoris) })
		for waiting := 0; waiting < 2; {
			if err := tx.QueryRow(t.Context(), "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())").Scan(&waiting); err != nil {
				return err
			}
		}
		return nil
	}))
	wg.Wait()
	if (results[0].Status == http.StatusSeeOther) == (results[1].Status == http.StatusSeeOther) {
		t.Errorf("%d and %d", results[0].Status, results[1].Status)
	}
	if b, c := h.roleOf(t, "boris"), h.roleOf(t, "carol"); (b == "administrator") == (c == "administrator") {
		t.Errorf("boris is %q, carol %q", b, c)
	}
}

// Somebody else was faster, and what an old page says is no longer so.
func TestPageThatIsOldChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	refused := func(act string, form url.Values) {
		t.Helper()
		if p := b.Post(h.web.URL+"/console/person/"+act, form); p.Status != http.StatusConflict || !strings.Contains(p.Body, "changed since you opened the page") {
			t.Errorf("%s: %d %s", act, p.Status, p.Body)
		}
	}
	old := h.filled(t, "boris", "role", url.Values{"role": {"administrator"}})
	h.gives(t, b, "boris", "viewer")
	refused("role", old)

	old = h.filled(t, "carol", "role", url.Values{"role": {"viewer"}})
	h.Import(t, directory.User{ExternalID: "carol", Name: "Carol", Email: "mallory@example.org"})
	refused("role", old) // he saw another address

	h.link(t, "dan", 77, directory.Terms{Confirm: directory.ByAdmin})
	old = h.filled(t, "dan", "confirm", nil)
	h.link(t, "dan", 78, directory.Terms{Confirm: directory.ByAdmin}) // somebody with his login came meanwhile
	refused("confirm", old)

	old = h.filled(t, "dan", "forget", why("x"))
	must(t, h.Directory.Forget(t.Context(), "test", "dan", h.google.URL(), "x"))
	h.link(t, "dan", 78, directory.Terms{Confirm: directory.ByAdmin})
	if p := b.Post(h.web.URL+"/console/person/forget", old); p.Status != http.StatusNotFound {
		t.Errorf("forget: %d %s", p.Status, p.Body)
	}

	_, err := h.Directory.Freeze(t.Context(), "test", "dan", "lost")
	must(t, err)
	old = h.filled(t, "dan", "unfreeze", nil)
	must(t, h.Directory.Unfreeze(t.Context(), "test", "dan"))
	_, err = h.Directory.Freeze(t.Context(), "test", "dan", "lost again")
	must(t, err)
	refused("unfreeze", old)

	if e, err := h.Directory.User(t.Context(), "dan"); err != nil || !e.Frozen || h.roleOf(t, "boris") != "viewer" || h.roleOf(t, "carol") != "" {
		t.Errorf("%+v, %v, %s, %s", e, err, h.roleOf(t, "boris"), h.roleOf(t, "carol"))
	}
	if identities, err := h.Directory.Identities(t.Context()); err != nil || len(identities) != 2 {
		t.Errorf("%v, %v", identities, err)
	}
}

func TestC13DoubleClickOrTwoTabsAreOneAct(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	h.link(t, "dan", 77, directory.Terms{Confirm: directory.ByAdmin})
	for act, times := range map[string]string{"role": "granted", "confirm": "link.confirmed", "freeze": "person.frozen"} {
		form := h.filled(t, "dan", act, map[string]url.Values{"role": {"role": {"viewer"}}, "confirm": {}, "freeze": why("lost")}[act])
		if act == "confirm" { // it may come after the freeze
			must(t, h.Directory.Unfreeze(t.Context(), "test", "dan"))
			h.link(t, "dan", 77, directory.Terms{Confirm: directory.ByAdmin})
			form = h.filled(t, "dan", act, nil)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { b.Post(h.web.URL+"/console/person/"+act, form) })
		}
		wg.Wait()
		if n := h.count(t, "select (select count(*) from directory_journal where what = '"+times+"') + (select count(*) from console_journal where what = '"+times+"')"); n != 1 {
			t.Errorf("%s: %d times in the journal", act, n)
		}
	}
}

// An operator in the wrong hands must not lock out those who could undo what he did.
func TestOperatorTakesNothingFromAnAdministrator(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.gives(t, anna, "boris", "operator")
	h.gives(t, anna, "carol", "administrator")
	boris := h.inside(t, "boris")
	for _, id := range []string{"anna", "carol"} {
		h.link(t, id, int64(len(id))*1000, directory.Terms{Confirm: directory.Notify})
		for _, act := range []string{"freeze", "unlink"} {
			if p := h.act(t, boris, id, act, why("mine now")); p.Status != http.StatusForbidden {
				t.Errorf("%s, %s: %d", act, id, p.Status)
			}
		}
		if p := boris.Get(h.page(id)); strings.Contains(p.Body, "/freeze") || strings.Contains(p.Body, "/unlink") {
			t.Errorf("%s is offered: %s", id, p.Body)
		}
		if e, err := h.Directory.User(t.Context(), id); err != nil || e.Frozen || e.Telegram == 0 {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if p := h.act(t, boris, "dan", "freeze", why("lost")); p.Status != http.StatusSeeOther {
		t.Errorf("anybody else: %d", p.Status)
	}
}

func TestRoleIsOfNoUseWhereItCannotBe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	h.gives(t, b, "boris", "administrator")
	boris := h.inside(t, "boris")
	if p := h.act(t, boris, "anna", "role", url.Values{"role": {""}}); p.Status != http.StatusConflict || !strings.Contains(p.Body, "named in the configuration") {
		t.Errorf("whom the configuration names: %d %s", p.Status, p.Body)
	}
	must(t, h.Directory.Deactivate(t.Context(), "test", "dan", "left"))
	if p := h.act(t, b, "dan", "role", url.Values{"role": {"viewer"}}); p.Status != http.StatusConflict || h.roleOf(t, "dan") != "" {
		t.Errorf("who left: %d %s", p.Status, p.Body)
	}
}

// An ERP's key writes the address by which a person is found the first time. The role was
// given to whoever has the address that the administrator saw.
func TestRoleDoesNotFollowAnAddressThatIsWrittenLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	h.gives(t, b, "boris", "administrator")
	h.Import(t, directory.User{ExternalID: "boris", Name: "Boris", Email: "stranger@example.org"})
	if p := h.signIn(t, pagestest.Open(t, h.web), "stranger"); p.Status != http.StatusForbidden || p.Location != "" {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	h.gives(t, b, "boris", "administrator") // he sees the new address, and means it
	h.inside(t, "stranger")
	h.Import(t, directory.User{ExternalID: "boris", Name: "Boris", Email: "later@example.org"})
	h.inside(t, "stranger") // what is bound stays
}

// Whatever an ERP calls its people, an act is on the person whose page it stands on.
func TestOddNumbersLeadToThePersonThemselves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	for _, id := range []string{"dan#", "dan?x=1", "dan/freeze", "../journal", "dan&id=boris", "<b>\"'", "100%", "a b+c", "Ж"} {
		h.Import(t, directory.User{ExternalID: id, Name: "Odd one"})
		list := b.Get(h.web.URL + "/console/people?q=" + url.QueryEscape(id))
		p := b.Get(h.web.URL + list.Find(t, `<a href="(/console/person\?id=[^"]*)"><bdi>Odd one`))
		if p.Status != http.StatusOK || p.Find(t, `name="id" value="([^"]*)"`) != id {
			t.Errorf("%q: %d %s", id, p.Status, p.Body)
			continue
		}
		if p := b.Post(h.web.URL+"/console/person/freeze", url.Values{"id": {id}, "reason": {"lost"}}); p.Status != http.StatusSeeOther || b.Get(p.Location).Status != http.StatusOK {
			t.Errorf("%q: %d %s", id, p.Status, p.Location)
		}
		must(t, h.Directory.Unfreeze(t.Context(), "test", id))
	}
	for _, id := range []string{"dan", "boris"} {
		if notes, err := h.Directory.Journal(t.Context(), id, 0, 10); err != nil || len(notes) != 1 {
			t.Errorf("%s: %v, %v", id, notes, err)
		}
	}
}

// The page itself carries what its forms are about.
func TestFormsOfThePageAreTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	h.link(t, "dan", 77, directory.Terms{Confirm: directory.ByAdmin})
	press := func(act string, typed url.Values) {
		t.Helper()
		p := b.Get(h.page("dan"))
		form := url.Values{}
		hidden := p.Find(t, `action="/console/person/`+act+`">((?:<input type="hidden" name="[a-z]+" value="[^"]*">)+)`)
		for _, field := range regexp.MustCompile(`name="([a-z]+)" value="([^"]*)"`).FindAllStringSubmatch(hidden, -1) {
			form.Set(field[1], field[2])
		}
		maps.Copy(form, typed)
		if p := b.Post(h.web.URL+"/console/person/"+act, form); p.Status != http.StatusSeeOther {
			t.Errorf("%s: %v: %d %s", act, form, p.Status, p.Body)
		}
	}
	press("confirm", nil)
	press("role", url.Values{"role": {"viewer"}})
	press("unlink", why("x"))
	press("forget", why("x"))
	press("freeze", why("x"))
	press("unfreeze", nil)
}
