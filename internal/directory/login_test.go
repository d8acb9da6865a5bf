package directory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
)

// enter signs somebody in, as a page does that lets him in.
func (h house) enter(ctx context.Context, p directory.Proof) (l directory.Login, err error) {
	err = pgx.BeginFunc(ctx, h.app, func(tx pgx.Tx) (err error) {
		l, err = h.KnowIn(ctx, tx, "console", p)
		return err
	})
	return l, err
}

func TestAccountOfALoginServiceIsKnownAfterTheFirstTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	for range 2 {
		if l, err := h.enter(t.Context(), proof("anna")); err != nil || l.ID != p.ID || l.By.ID == 0 || l.By.Person != p.ID {
			t.Fatalf("%+v, %v", l, err)
		}
	}
	all, err := h.Identities(t.Context())
	if err != nil || len(all[p.ID]) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	other := proof("anna")
	other.Subject = "made-anew"
	for _, bad := range []directory.Proof{other, {}, proof("nobody")} {
		if _, err := h.enter(t.Context(), bad); err == nil {
			t.Errorf("%+v is known", bad)
		}
	}
}

func TestWhoIsTurnedAwayIsNotBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	before, away := h.version(t), errors.New("no role")
	err := pgx.BeginFunc(t.Context(), h.app, func(tx pgx.Tx) error {
		if _, err := h.KnowIn(t.Context(), tx, "console", proof("anna")); err != nil {
			return err
		}
		return away
	})
	if !errors.Is(err, away) {
		t.Fatal(err)
	}
	if all, err := h.Identities(t.Context()); err != nil || len(all) != 0 || h.version(t) != before {
		t.Errorf("%v, %v, version %d", all, err, h.version(t))
	}
}

// Whatever takes something from a person puts out who is signed in as him, on every
// server, and giving it back lets nobody in again.
func TestLoginDoesNotOutliveWhatWasTaken(t *testing.T) {
	t.Parallel()
	acts := map[string]func(h house) error{
		"frozen and lifted": func(h house) error {
			_, err := h.Freeze(t.Context(), "admin", "anna", "lost")
			return errors.Join(err, h.Unfreeze(t.Context(), "admin", "anna"))
		},
		"left and came back": func(h house) error {
			return errors.Join(h.Deactivate(t.Context(), "admin", "anna", "left"), h.Reactivate(t.Context(), "admin", "anna"))
		},
		"forgotten": func(h house) error { return h.Forget(t.Context(), "admin", "anna", issuer, "stolen") },
		"another login forgotten": func(h house) error {
			other := proof("anna")
			other.Issuer = "https://other.example"
			_, err := h.enter(t.Context(), other)
			return errors.Join(err, h.Forget(t.Context(), "admin", "anna", other.Issuer, "stolen"))
		},
		"held": func(h house) error { return h.Hold(t.Context(), "workspace", "anna", "suspended") },
		"held unlinked": func(h house) error {
			_ = h.UnlinkUser(t.Context(), "admin", "anna", "x")
			return h.Hold(t.Context(), "workspace", "anna", "suspended")
		},
		"merely frozen":   func(h house) error { _, err := h.Freeze(t.Context(), "admin", "anna", "lost"); return err },
		"merely has left": func(h house) error { return h.Deactivate(t.Context(), "admin", "anna", "left") },
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.mustPut(t, anna())
			if _, err := h.login(t.Context(), asking("anna", 100)); err != nil {
				t.Fatal(err)
			}
			l, err := h.enter(t.Context(), proof("anna"))
			if err != nil {
				t.Fatal(err)
			}
			replica := h.another()
			if i, err := replica.SignedIn(t.Context(), l.By.ID, l.Era); err != nil || i != l.By {
				t.Fatalf("before: %+v, %v", i, err)
			}
			if err := act(h); err != nil {
				t.Fatal(err)
			}
			if i, err := replica.SignedIn(t.Context(), l.By.ID, l.Era); !errors.Is(err, directory.ErrUnknown) {
				t.Errorf("%+v, %v", i, err)
			}
		})
	}
}

// What takes nothing away leaves logins alone.
func TestLoginOutlivesWhatTakesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	l, err := h.enter(t.Context(), proof("anna"))
	if err != nil {
		t.Fatal(err)
	}
	a := anna()
	a.Name, a.Email = "Anna S.", "anna.s@corp.example"
	h.mustPut(t, a)
	if err := h.Hold(t.Context(), "workspace", "boris", "suspended"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SignedIn(t.Context(), l.By.ID, l.Era); err != nil {
		t.Error(err)
	}
	for _, bad := range [][2]int64{{l.By.ID, l.Era + 1}, {l.By.ID + 1, l.Era}, {0, 0}} {
		if _, err := h.SignedIn(t.Context(), bad[0], bad[1]); !errors.Is(err, directory.ErrUnknown) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestWhoIsHeldLosesTheLinkAndIsPutOutAgainAndAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	if _, err := h.login(t.Context(), asking("anna", 100)); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		l, err := h.enter(t.Context(), proof("anna"))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Hold(t.Context(), "workspace", "anna", "suspended"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.SignedIn(t.Context(), l.By.ID, l.Era); !errors.Is(err, directory.ErrUnknown) {
			t.Errorf("round %d: %v", round, err)
		}
	}
	if e := h.entry(t, "anna"); !e.Active || e.Telegram != 0 {
		t.Errorf("%+v", e)
	}
	if j := h.journal(t, "anna"); len(j) != 4 || j[3] != "link.ended by workspace" {
		t.Errorf("%q", j)
	}
	for id, reason := range map[string]string{"nobody": "x", "anna": ""} {
		if err := h.Hold(t.Context(), "workspace", id, reason); err == nil {
			t.Errorf("%s, %q", id, reason)
		}
	}
}

// The company's directory names accounts by ids that Google's login gives, too: an address
// may change hands, or change, before somebody's first login.
func TestAccountOfTheCompanyIsWhoItsDirectorySays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u := anna()
	u.Workspace = "g-1"
	h.mustPut(t, u)
	at := func(issuer, subject, email string) directory.Proof {
		return directory.Proof{Issuer: issuer, Subject: subject, Email: email}
	}
	const google = "https://accounts.google.com"
	for name, c := range map[string]struct {
		proof directory.Proof
		want  error
	}{
		"a newcomer with her address":  {at(google, "g-2", u.Email), directory.ErrOtherIdentity},
		"herself with a new address":   {at(google, "g-1", "anna.married@corp.example"), nil},
		"another login service's word": {at("https://login.example", "g-2", u.Email), nil},
		"nobody":                       {at(google, "g-3", "nobody@corp.example"), directory.ErrUnknown},
	} {
		if e, err := h.Match(t.Context(), c.proof); !errors.Is(err, c.want) || err == nil && e.ExternalID != "anna" {
			t.Errorf("%s: %s, %v", name, e.ExternalID, err)
		}
	}
	n := directory.NewLink{Account: 100, Proof: at(google, "g-2", u.Email), Terms: directory.Terms{Confirm: directory.Notify}}
	if _, err := h.login(t.Context(), n); !errors.Is(err, directory.ErrOtherIdentity) {
		t.Errorf("linked: %v", err)
	}
}
