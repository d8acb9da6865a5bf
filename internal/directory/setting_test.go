package directory_test

import (
	"errors"
	"slices"
	"testing"

	"countersign/internal/directory"
	"countersign/internal/people"
)

func TestWhatAPersonChoseStandsOverWhatTheERPSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	snapshot := func() people.Person {
		t.Helper()
		dir, err := h.another().Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out, _ := dir.Person(p.ID)
		return out
	}
	if got := snapshot(); got.Locale != "ru" || got.Zone != nil || got.Quiet != (people.Quiet{}) {
		t.Errorf("before: %+v", got)
	}
	change := func(s *directory.Setting) {
		s.Locale, s.Zone, s.Quiet = "de", "Europe/Berlin", people.Quiet{From: 1200, To: 420}
	}
	for i, news := range []bool{true, false} {
		if changed, err := h.Set(t.Context(), "chat anna", p.ID, change); err != nil || changed != news {
			t.Errorf("time %d: changed %t, %v", i, changed, err)
		}
	}
	u := anna()
	u.Locale = "es"
	h.mustPut(t, u)
	if got := snapshot(); got.Locale != "de" || got.Zone.String() != "Europe/Berlin" || got.Quiet.From != 1200 || got.Quiet.To != 420 {
		t.Errorf("after: %+v", got)
	}
	if diff, err := h.Import(t.Context(), "test", []directory.User{u}, directory.DryRun); err != nil || len(diff.Unchanged) != 1 {
		t.Errorf("the ERP's own word is not what was stored: %+v, %v", diff, err)
	}
	if got := h.journal(t, "anna"); !slices.Equal(got, []string{"person.added by test", "setting.changed by chat anna", "person.changed by test"}) {
		t.Errorf("journal: %q", got)
	}
}

// TestTheMessengersLanguageServesWhoeverChoseNone: an ERP's word stands over it, and a
// choice over both.
func TestTheMessengersLanguageServesWhoeverChoseNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Locale = ""
	p := h.mustPut(t, u)[0]
	is := func(locale string, follows bool) {
		t.Helper()
		dir, err := h.another().Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := dir.Person(p.ID); got.Locale != locale || got.Follows != follows {
			t.Errorf("%q, follows %t, want %q, %t", got.Locale, got.Follows, locale, follows)
		}
	}
	set := func(change func(*directory.Setting)) {
		t.Helper()
		if changed, err := h.Set(t.Context(), "messenger", p.ID, change); err != nil || !changed {
			t.Errorf("changed %t, %v", changed, err)
		}
	}
	is("", true)
	set(func(s *directory.Setting) { s.Heard = "es" })
	is("es", true)
	u.Locale = "de"
	h.mustPut(t, u)
	is("de", false)
	set(func(s *directory.Setting) { s.Locale, s.Follows = "ru", true })
	is("ru", true)
	set(func(s *directory.Setting) { s.Locale, s.Follows = "en", false })
	is("en", false)
	if _, err := h.Set(t.Context(), "messenger", p.ID, func(s *directory.Setting) { s.Heard = "по-русски" }); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("no language: %v", err)
	}
}

func TestASettingThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	before := h.version(t)
	for name, change := range map[string]func(*directory.Setting){
		"no language":        func(s *directory.Setting) { s.Locale = "русский" },
		"no zone":            func(s *directory.Setting) { s.Zone = "Europe/Atlantis" },
		"the server's zone":  func(s *directory.Setting) { s.Zone = "Local" },
		"a way out":          func(s *directory.Setting) { s.Zone = "../../etc/passwd" },
		"hours of no length": func(s *directory.Setting) { s.Quiet = people.Quiet{From: 60, To: 60} },
		"hours beyond a day": func(s *directory.Setting) { s.Quiet = people.Quiet{From: 60, To: 1440} },
		"following nothing":  func(s *directory.Setting) { s.Follows = true },
	} {
		if _, err := h.Set(t.Context(), "chat anna", p.ID, change); !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h.version(t) != before {
		t.Error("something was stored")
	}
	if _, err := h.Set(t.Context(), "x", "per_00000000000000000000000000", func(s *directory.Setting) { s.Locale = "en" }); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("of nobody: %v", err)
	}
}
