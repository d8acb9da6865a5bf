package directory_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/directory"
)

// known is somebody as the sync describes him.
func known(u directory.User, account string) directory.User {
	u.Workspace = account
	return u
}

func TestAccountOfTheCompanyStaysWithThePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, u := range []directory.User{known(anna(), "g1"), anna()} { // an ERP that says nothing of it takes nothing away
		if _, err := h.PutUser(t.Context(), "admin", u); err != nil {
			t.Fatal(err)
		}
	}
	e, err := h.User(t.Context(), "anna")
	if err != nil || e.Workspace != "g1" {
		t.Fatalf("%+v, %v", e, err)
	}
	for want, users := range map[string][]directory.User{
		`"anna" is known as account "g1"`:          {known(anna(), "g2")},
		`"g1" is the account of "anna"`:            {known(boris(), "g1")},
		`"g3" is the account of "boris"`:           {known(boris(), "g3"), known(directory.User{ExternalID: "vera", Name: "Vera"}, "g3")},
		"is not 1 to 255 printable characters":     {known(boris(), "g 3")},
		`"anna" is known as account "g1"; detach `: {known(anna(), "g3"), known(boris(), "g1")},
	} {
		_, err := h.Import(t.Context(), "workspace", users, directory.Apply)
		if !errors.Is(err, directory.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}

	if err := h.Detach(t.Context(), "admin", "anna", "account made anew"); err != nil {
		t.Fatal(err)
	}
	if err := h.Detach(t.Context(), "admin", "anna", "again"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("detached twice: %v", err)
	}
	if err := h.Detach(t.Context(), "admin", "anna", ""); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("detached without a reason: %v", err)
	}
	d, err := h.Import(t.Context(), "workspace", []directory.User{known(anna(), "g2"), known(boris(), "g1")}, directory.Apply)
	if err != nil || len(d.Changed) != 1 || d.Changed[0].Fields[0] != (directory.FieldChange{Field: "workspace_id", New: "g2"}) {
		t.Errorf("%+v, %v", d, err)
	}
	if got := strings.Join(h.journal(t, "anna"), ", "); got != "person.added by admin, workspace.detached by admin, person.changed by workspace" {
		t.Errorf("the journal says %s", got)
	}
}

// TestEditIsOneAct: what is read in an edit holds until its end, and a refusal in the middle
// undoes all of it.
func TestEditIsOneAct(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	refused := errors.New("refused")
	err := h.Edit(t.Context(), "admin", directory.Apply, func(e *directory.Edit) error {
		if _, err := e.Import(t.Context(), []directory.User{anna(), boris()}); err != nil {
			return err
		}
		if err := e.Deactivate(t.Context(), "boris", "left"); err != nil {
			return err
		}
		dir, err := e.People(t.Context())
		if b, ok := dir.Find("boris"); err != nil || dir.Len() != 2 || !ok || b.Active {
			t.Errorf("within: %d people, %+v, %v", dir.Len(), b, err)
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	all, err := h.Users(t.Context())
	if err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
