package link_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/directory"
)

// Who may freeze: an account that decides. One in the wrong hands is tied at most, and
// must wait.
func TestLinkThatDoesNotDecideYetFreezesNobody(t *testing.T) {
	t.Parallel()
	for name, terms := range map[string]directory.Terms{
		"waits for an administrator": {Confirm: directory.ByAdmin}, "too new": {Confirm: directory.CoolingOff, Cooling: time.Hour},
	} {
		w := newTown(t)
		w.desk.Terms = terms
		w.link(t, borisPhone, "boris@example.org")
		ask, err := w.desk.Lost(t.Context(), w.user(t, borisPhone), "anna")
		must(t, err)
		if s := w.tap(t, borisPhone, ask, 0); !strings.Contains(s.Text, "not connected") {
			t.Errorf("%s: %+v", name, s)
		}
		if e, err := w.Directory.User(t.Context(), "anna"); err != nil || e.Frozen {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestUnfreezingGivesNoNewFreezes(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.link(t, borisPhone, "boris@example.org")
	for i, id := range []string{"dan", "eve", "fred", "gina"} {
		w.Import(t, person(id))
		ask, err := w.desk.Lost(t.Context(), w.user(t, borisPhone), id)
		must(t, err)
		s := w.tap(t, borisPhone, ask, 0)
		if many := strings.Contains(s.Text, "several colleagues today"); many != (i == 3) {
			t.Errorf("%s: %s", id, s.Text)
		}
		must(t, w.Directory.Unfreeze(t.Context(), "admin", id))
	}
}
