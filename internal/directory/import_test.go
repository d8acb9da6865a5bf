package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"countersign/internal/directory"
	"countersign/internal/people"
)

func TestImportAddsPeopleAndTheCoreFindsThem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Telegram = 100
	u.Email = " Anna@Corp.Example "
	got, err := h.Import(t.Context(), "admin", []directory.User{u, boris()}, directory.Apply)
	if err != nil {
		t.Fatal(err)
	}
	want := directory.Diff{Added: []directory.Change{
		{ExternalID: "anna", Kind: directory.Added, Fields: []directory.FieldChange{
			{Field: "name", New: "Анна Смит"},
			{Field: "email", New: "anna@corp.example"},
			{Field: "locale", New: "ru"},
			{Field: "roles", New: "budget_holder@CC-12|treasurer"},
			{Field: "telegram_id", New: "100"},
		}},
		{ExternalID: "boris", Kind: directory.Added, Fields: []directory.FieldChange{
			{Field: "name", New: "Boris"},
			{Field: "email", New: "boris@corp.example"},
			{Field: "locale", New: "en"},
			{Field: "roles", New: "treasurer@LLC-A"},
		}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	dir, err := h.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, ok := dir.ByTelegram(100)
	if !ok || p.ExternalID != "anna" || !p.Active || p.Name != "Анна Смит" || p.Locale != "ru" {
		t.Errorf("by account: %+v, %v", p, ok)
	}
	if q, ok := dir.Find("ANNA@corp.example"); !ok || q.ID != p.ID {
		t.Errorf("by address: %+v, %v", q, ok)
	}
	if !p.Holds(role("treasurer")) || !p.Holds(role("budget_holder@CC-12")) || len(p.Roles) != 2 {
		t.Errorf("roles: %v", p.Roles)
	}
	if in := dir.InRole("treasurer", "LLC-A"); len(in) != 1 || in[0].ExternalID != "boris" {
		t.Errorf("treasurers of LLC-A: %v", in)
	}
	if d := cmp.Diff([]string{"person.added by admin", "link.made by admin"}, h.journal(t, "anna")); d != "" {
		t.Error(d)
	}
}

func TestImportAgainChangesNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Telegram = 100
	h.mustPut(t, u, boris())
	before := h.version(t)
	got, err := h.Import(t.Context(), "admin", []directory.User{u, boris()}, directory.Apply)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Unchanged) != 2 || len(got.Added)+len(got.Changed) != 0 {
		t.Errorf("diff: %+v", got)
	}
	if v := h.version(t); v != before {
		t.Errorf("version went from %d to %d", before, v)
	}
}

func TestImportTellsWhichFieldsChanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	id := h.person(t, "anna").ID
	u := anna()
	u.Name, u.Email, u.Locale, u.Roles, u.Telegram = "Anna", "", "", nil, 7
	got, err := h.Import(t.Context(), "admin", []directory.User{u}, directory.Apply)
	if err != nil {
		t.Fatal(err)
	}
	want := directory.Diff{Changed: []directory.Change{{ExternalID: "anna", Kind: directory.Changed, Fields: []directory.FieldChange{
		{Field: "name", Old: "Анна Смит", New: "Anna"},
		{Field: "email", Old: "anna@corp.example"},
		{Field: "locale", Old: "ru"},
		{Field: "roles", Old: "budget_holder@CC-12|treasurer"},
		{Field: "telegram_id", New: "7"},
	}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	p := h.person(t, "anna")
	if d := cmp.Diff(people.Person{ID: id, ExternalID: "anna", Name: "Anna", Active: true, Telegram: 7}, p, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"person.added by test", "person.changed by admin", "link.made by admin"}, h.journal(t, "anna")); d != "" {
		t.Error(d)
	}
}

func TestDryRunTellsTheSameAndDoesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	before := h.version(t)
	u := anna()
	u.Name = "Other"
	said, err := h.Import(t.Context(), "admin", []directory.User{u, boris()}, directory.DryRun)
	if err != nil {
		t.Fatal(err)
	}
	if n := ask[int](t, h.app, "select count(*) from person where name in ('Other', 'Boris')"); n != 0 {
		t.Errorf("%d persons were stored", n)
	}
	if v := h.version(t); v != before {
		t.Errorf("version went from %d to %d", before, v)
	}
	did, err := h.Import(t.Context(), "admin", []directory.User{u, boris()}, directory.Apply)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(said, did); d != "" {
		t.Error(d)
	}
}

func TestTwoPeopleMaySwapAddresses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	a, b := anna(), boris()
	a.Email, b.Email = b.Email, a.Email
	h.mustPut(t, a, b)
	if got := h.person(t, "anna").Email; got != "boris@corp.example" {
		t.Errorf("address of anna: %s", got)
	}
}

func TestOneBadRowRefusesTheWholeImportAndAllAreNamed(t *testing.T) {
	t.Parallel()
	user := func(line int, id string, change func(*directory.User)) directory.User {
		u := directory.User{Line: line, ExternalID: id, Name: "N"}
		if change != nil {
			change(&u)
		}
		return u
	}
	tests := map[string]struct {
		users []directory.User
		want  []string
	}{
		"no id, no name":       {[]directory.User{{Line: 2}}, []string{"line 2: external_id is missing", "line 2: name is missing"}},
		"long name":            {[]directory.User{user(2, "x", func(u *directory.User) { u.Name = strings.Repeat("я", 201) })}, []string{"name has 201 characters, at most 200 fit"}},
		"control in name":      {[]directory.User{user(2, "x", func(u *directory.User) { u.Name = "a\x00b" })}, []string{"name contains control characters"}},
		"bidi in name":         {[]directory.User{user(2, "x", func(u *directory.User) { u.Name = "a\u202eb" })}, []string{"name contains control characters"}},
		"not UTF-8":            {[]directory.User{user(2, "x", func(u *directory.User) { u.Name = "a\xffb" })}, []string{"name is not UTF-8 text"}},
		"bad address":          {[]directory.User{user(2, "x", func(u *directory.User) { u.Email = "a b@c" })}, []string{"is not an address"}},
		"bad locale":           {[]directory.User{user(2, "x", func(u *directory.User) { u.Locale = "ru_RU" })}, []string{"is not a language tag"}},
		"bad role":             {[]directory.User{user(2, "x", func(u *directory.User) { u.Roles = []people.Role{{Name: "Treasurer"}} })}, []string{`role "Treasurer" is not a name`}},
		"long scope":           {[]directory.User{user(2, "x", func(u *directory.User) { u.Roles = []people.Role{{Name: "a", Scope: strings.Repeat("s", 101)}} })}, []string{"scope of role a has 101 characters"}},
		"scope with bar":       {[]directory.User{user(2, "x", func(u *directory.User) { u.Roles = []people.Role{{Name: "a", Scope: "b|c"}} })}, []string{"contains |"}},
		"too many roles":       {[]directory.User{user(2, "x", manyRoles)}, []string{"101 roles"}},
		"account of Telegram":  {[]directory.User{user(2, "x", func(u *directory.User) { u.Telegram = 777000 })}, []string{"not for a person"}},
		"negative account":     {[]directory.User{user(2, "x", func(u *directory.User) { u.Telegram = -5 })}, []string{"telegram_id -5 is not"}},
		"id twice":             {[]directory.User{user(2, "x", nil), user(3, "x", nil)}, []string{`line 3: "x": external_id "x" occurs twice (line 2)`}},
		"address twice":        {[]directory.User{user(2, "x", func(u *directory.User) { u.Email = "e@f" }), user(3, "y", func(u *directory.User) { u.Email = "E@F" })}, []string{`line 3: "y": email e@f belongs to "x" (line 2)`}},
		"address of a known":   {[]directory.User{user(2, "x", func(u *directory.User) { u.Email = "anna@corp.example" })}, []string{`email anna@corp.example belongs to "anna"`}},
		"address of a leaver":  {[]directory.User{user(2, "x", func(u *directory.User) { u.Email = "gone@corp.example" })}, []string{`belongs to "gone", who has left`}},
		"address is an id":     {[]directory.User{user(2, "x", func(u *directory.User) { u.Email = "mail@id" })}, []string{`is the external_id of "Mail@id"`}},
		"id is an address":     {[]directory.User{user(2, "Anna@corp.example", nil)}, []string{`is the mail address of "anna"`}},
		"account twice":        {[]directory.User{user(2, "x", func(u *directory.User) { u.Telegram = 5 }), user(3, "y", func(u *directory.User) { u.Telegram = 5 })}, []string{`line 3: "y": telegram_id 5 is also claimed for "x" (line 2)`}},
		"account of another":   {[]directory.User{user(2, "x", func(u *directory.User) { u.Telegram = 100 })}, []string{`telegram_id 100 is linked to "anna"; unlink it first`}},
		"everything at once":   {[]directory.User{user(2, "", nil), user(3, "y", func(u *directory.User) { u.Locale = "?" }), user(4, "z", func(u *directory.User) { u.Telegram = 100 })}, []string{"3 problems, nothing was stored", "line 2:", "line 3:", "line 4:"}},
		"swapping of accounts": {[]directory.User{user(2, "anna", func(u *directory.User) { u.Telegram = 101 }), user(3, "x", func(u *directory.User) { u.Telegram = 100 })}, []string{`line 3: "x": telegram_id 100 is linked to "anna"`}},
	}
	h := newHouse(t)
	a := anna()
	a.Telegram = 100
	h.mustPut(t, a, user(0, "Mail@id", nil), user(0, "gone", func(u *directory.User) { u.Email = "gone@corp.example" }))
	if err := h.Deactivate(t.Context(), "test", "gone", "left"); err != nil {
		t.Fatal(err)
	}
	before, known := h.version(t), ask[int](t, h.app, "select count(*) from person")
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := user(99, "good", nil)
			for _, mode := range []directory.Mode{directory.DryRun, directory.Apply} {
				_, err := h.Import(t.Context(), "admin", append([]directory.User{good}, tc.users...), mode)
				problems, ok := errors.AsType[*directory.ProblemsError](err)
				if !ok || !errors.Is(err, directory.ErrInvalid) {
					t.Fatalf("error: %v", err)
				}
				for _, want := range tc.want {
					if !strings.Contains(problems.Error(), want) {
						t.Errorf("%q is not in:\n%s", want, problems)
					}
				}
			}
			if h.version(t) != before || ask[int](t, h.app, "select count(*) from person") != known {
				t.Error("something was stored")
			}
		})
	}
}

func manyRoles(u *directory.User) {
	for i := range 101 {
		u.Roles = append(u.Roles, people.Role{Name: fmt.Sprintf("r%d", i)})
	}
}

func TestPutUserTellsAddedChangedUnchanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	for _, want := range []directory.Kind{directory.Added, directory.Unchanged, directory.Changed} {
		if want == directory.Changed {
			u.Name = "Anna"
		}
		got, err := h.PutUser(t.Context(), "erp", u)
		if err != nil || got.Kind != want {
			t.Errorf("want %s, got %s, %v", want, got.Kind, err)
		}
	}
	if _, err := h.PutUser(t.Context(), "erp", directory.User{}); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("an empty user: %v", err)
	}
	if _, err := h.PutUser(t.Context(), "", u); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("nobody's act: %v", err)
	}
}

func TestTwoImportsAtOnceFollowOneAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const each = 200
	file := func(offset int) []directory.User {
		var users []directory.User
		for i := range each {
			users = append(users, directory.User{ExternalID: fmt.Sprintf("u%d", i+offset), Name: fmt.Sprintf("from %d", offset), Email: fmt.Sprintf("u%d@corp.example", i+offset), Roles: []people.Role{role("a"), role("b@c")}})
		}
		return users
	}
	var wg sync.WaitGroup
	diffs, errs := make([]directory.Diff, 2), make([]error, 2)
	for i, offset := range []int{0, each / 2} { // half of them in both
		s := h.another()
		wg.Go(func() { diffs[i], errs[i] = s.Import(t.Context(), "admin", file(offset), directory.Apply) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if added := len(diffs[0].Added) + len(diffs[1].Added); added != each*3/2 {
		t.Errorf("%d added", added)
	}
	if changed := len(diffs[0].Changed) + len(diffs[1].Changed); changed != each/2 {
		t.Errorf("%d changed", changed)
	}
	if n := ask[int](t, h.app, "select count(*) from person_role"); n != each*3 {
		t.Errorf("%d roles", n)
	}
	if v, last := h.version(t), ask[int64](t, h.app, "select max(id) from directory_journal"); v != last {
		t.Errorf("version %d, last journal row %d", v, last)
	}
}

func TestDeactivationEndsTheLinkAndKeepsThePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Telegram = 100
	h.mustPut(t, u)
	for range 2 { // the second time changes nothing
		if err := h.Deactivate(t.Context(), "admin", "anna", "left the company"); err != nil {
			t.Fatal(err)
		}
	}
	e := h.entry(t, "anna")
	if e.Active || e.Telegram != 0 || e.LinkState != directory.Unlinked || e.DeactivatedWhy != "left the company" || !e.DeactivatedAt.Equal(h.clock.Now()) {
		t.Errorf("entry: %+v", e)
	}
	dir, err := h.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if in := dir.InRole("treasurer", ""); len(in) != 0 {
		t.Errorf("still treasurer: %v", in)
	}
	want := []string{"person.added by test", "link.made by test", "link.ended by admin", "person.deactivated by admin"}
	if d := cmp.Diff(want, h.journal(t, "anna")); d != "" {
		t.Error(d)
	}
	if err := h.Deactivate(t.Context(), "admin", "nobody", "left"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("nobody: %v", err)
	}
	if err := h.Deactivate(t.Context(), "admin", "a\x00b", "left"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("a name that cannot be: %v", err)
	}
	if err := h.Deactivate(t.Context(), "admin", "anna", ""); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("no reason: %v", err)
	}
}

func TestImportDoesNotBringALeaverBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Telegram = 100
	h.mustPut(t, u)
	if err := h.Deactivate(t.Context(), "admin", "anna", "left"); err != nil {
		t.Fatal(err)
	}
	u.Name = "Anna S."
	got, err := h.Import(t.Context(), "nightly", []directory.User{u}, directory.Apply)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Changed) != 1 || !got.Changed[0].Inactive || len(got.Changed[0].Fields) != 1 {
		t.Errorf("diff: %+v", got)
	}
	again, err := h.Import(t.Context(), "nightly", []directory.User{u, boris()}, directory.Apply) // nothing is new
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Unchanged) != 1 || !again.Unchanged[0].Inactive || len(again.Added) != 1 || again.Added[0].Inactive {
		t.Errorf("diff: %+v", again)
	}
	if one, err := h.PutUser(t.Context(), "erp", u); err != nil || !one.Inactive || one.Kind != directory.Unchanged {
		t.Errorf("change: %+v, %v", one, err)
	}
	if e := h.entry(t, "anna"); e.Active || e.Telegram != 0 || e.Name != "Anna S." || e.DeactivatedWhy != "left" {
		t.Errorf("entry: %+v", e)
	}
	if d := cmp.Diff([]string{"person.added by test", "link.made by test", "link.ended by admin", "person.deactivated by admin", "person.changed by nightly"}, h.journal(t, "anna")); d != "" {
		t.Error(d)
	}
	for range 2 {
		if err := h.Reactivate(t.Context(), "admin", "anna"); err != nil {
			t.Fatal(err)
		}
	}
	if e := h.entry(t, "anna"); !e.Active || e.Telegram != 0 || e.DeactivatedWhy != "" || !e.DeactivatedAt.IsZero() || len(e.Roles) != 2 {
		t.Errorf("after reactivation: %+v", e)
	}
}
