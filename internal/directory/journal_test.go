package directory_test

import (
	"slices"
	"testing"
	"time"
)

func TestJournalTellsWhoDidWhatTheNewestFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	h.clock.advance(time.Hour)
	b := boris()
	b.Name = "Boris B."
	if _, err := h.PutUser(t.Context(), "workspace", b); err != nil {
		t.Fatal(err)
	}
	all, err := h.Journal(t.Context(), "", 0, 10)
	if err != nil || len(all) != 3 || all[0].Actor != "workspace" || all[0].What != "person.changed" || !all[0].At.Equal(h.clock.Now()) || len(all[0].Before) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	if page, err := h.Journal(t.Context(), "", all[0].ID, 1); err != nil || len(page) != 1 || page[0].ID != all[1].ID {
		t.Errorf("the next page: %+v, %v", page, err)
	}
	if of, err := h.Journal(t.Context(), "anna", 0, 10); err != nil || len(of) != 1 || of[0].What != "person.added" {
		t.Errorf("of one: %+v, %v", of, err)
	}
	for _, nobody := range []string{"nobody", "\x00"} {
		if of, err := h.Journal(t.Context(), nobody, 0, 10); err != nil || len(of) != 0 {
			t.Errorf("of %q: %+v, %v", nobody, of, err)
		}
	}
	if got, err := h.TouchedBy(t.Context(), "workspace"); err != nil || !slices.Equal(got, []string{"boris"}) {
		t.Errorf("touched: %v, %v", got, err)
	}
	if e, err := h.User(t.Context(), "boris"); err != nil || e.Name != "Boris B." {
		t.Errorf("%+v, %v", e, err)
	}
}
