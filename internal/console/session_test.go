package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/google/googletest"
	"countersign/internal/pages/pagestest"
)

func TestSessionsEndAtOnceAndCannotBeGivenToAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	people := h.web.URL + "/console/people"
	b := h.inside(t, "anna")
	u, err := url.Parse(h.web.URL)
	must(t, err)
	var cookie *http.Cookie
	for _, c := range b.Client.Jar.Cookies(u) {
		if c.Name == "__Host-session" {
			cookie = c
		}
	}
	if p := b.Post(h.web.URL+"/console/logout", nil); p.Location != h.web.URL+"/console" {
		t.Errorf("logout: %d %s", p.Status, p.Body)
	}
	thief := pagestest.Open(t, h.web)
	cookie.Path, cookie.Secure = "/", true
	thief.Client.Jar.SetCookies(u, []*http.Cookie{cookie})
	if p := thief.Get(people); p.Status != http.StatusUnauthorized {
		t.Errorf("C-05 a cookie after logout: %d", p.Status)
	}
	h.signIn(t, thief, "anna") // C-04: the preset cookie does not become hers
	for _, c := range thief.Client.Jar.Cookies(u) {
		if c.Name == "__Host-session" && c.Value == cookie.Value {
			t.Error("C-04: the cookie of before was taken over")
		}
	}
	b = h.inside(t, "anna")
	h.age(t, "seen_at = seen_at - interval '31 minutes', created_at = created_at - interval '31 minutes', expires_at = expires_at - interval '31 minutes'")
	if p := b.Get(people); p.Status != http.StatusUnauthorized {
		t.Errorf("idle for half an hour: %d", p.Status)
	}
	b = h.inside(t, "anna")
	h.age(t, "created_at = created_at - interval '12 hours', expires_at = expires_at - interval '12 hours'")
	if p := b.Get(people); p.Status != http.StatusUnauthorized {
		t.Errorf("after twelve hours: %d", p.Status)
	}
	b = h.inside(t, "anna")
	_, err = h.Directory.Freeze(t.Context(), "test", "anna", "lost")
	must(t, err)
	if p := b.Get(people); p.Status != http.StatusUnauthorized {
		t.Errorf("C-05 frozen: %d", p.Status)
	}
	if p := h.signIn(t, pagestest.Open(t, h.web), "anna"); p.Status != http.StatusForbidden {
		t.Errorf("frozen, a sign-in: %d", p.Status)
	}
	must(t, h.Directory.Unfreeze(t.Context(), "test", "anna"))
	b = h.inside(t, "anna")
	must(t, h.Directory.Deactivate(t.Context(), "test", "anna", "left"))
	if p := b.Get(people); p.Status != http.StatusUnauthorized {
		t.Errorf("C-05 left: %d", p.Status)
	}
}

// age changes every session as time would, which only the owner of the table can.
func (h *house) age(t *testing.T, set string) {
	t.Helper()
	h.owner(t, `alter table console_session disable trigger console_session_only_ends;
		update console_session set `+set+` where ended_at is null;
		alter table console_session enable always trigger console_session_only_ends`)
}

// Whatever takes something from a person ends his sessions for good: also what was given
// back before he came again opens nothing.
func TestC05SessionDoesNotOutliveWhatWasTaken(t *testing.T) {
	t.Parallel()
	acts := map[string]func(ctx context.Context, h *house) error{
		"frozen and lifted": func(ctx context.Context, h *house) error {
			_, err := h.Directory.Freeze(ctx, "test", "anna", "lost")
			return errors.Join(err, h.Directory.Unfreeze(ctx, "test", "anna"))
		},
		"left and came back": func(ctx context.Context, h *house) error {
			return errors.Join(h.Directory.Deactivate(ctx, "test", "anna", "left"), h.Directory.Reactivate(ctx, "test", "anna"))
		},
		"login forgotten": func(ctx context.Context, h *house) error {
			return h.Directory.Forget(ctx, "test", "anna", h.google.URL(), "stolen")
		},
		"held back as the last approver": func(ctx context.Context, h *house) error {
			return h.Directory.Hold(ctx, "test", "anna", "suspended")
		},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			b := h.inside(t, "anna")
			must(t, act(t.Context(), h))
			if p := b.Get(h.web.URL + "/console/people"); p.Status != http.StatusUnauthorized || p.Key() != "door" {
				t.Errorf("%d %s", p.Status, p.Key())
			}
			if p := b.Post(h.web.URL+"/console/logout", nil); p.Status != http.StatusUnauthorized {
				t.Errorf("an act: %d", p.Status)
			}
			if n := h.count(t, "select count(*) from console_session where ended_at is null"); n != 0 {
				t.Errorf("%d sessions are open", n)
			}
			h.inside(t, "anna") // a new sign-in is another matter
		})
	}
}

// Another account of the same person may be easier to come by than the one whose address
// the configuration names.
func TestOnlyTheNamedAccountMakesAnAdministrator(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.inside(t, "anna")
	key, err := signingKey()
	must(t, err)
	callback := h.web.URL + "/auth/other/callback"
	second, err := googletest.Open(t.Context(), googletest.Options{
		ClientID: "client", Secret: "hush", Redirects: []string{callback}, Now: time.Now, Key: key,
		Accounts: []googletest.Account{{Subject: "1", Email: "a.smith@example.org", Verified: true, Domain: "example.org"}},
	})
	must(t, err)
	t.Cleanup(func() { _ = second.Close() })
	h.desk.Services[1].Issuer = second.URL()
	proof := directory.Proof{Issuer: second.URL(), Subject: "1", Email: "a.smith@example.org"}
	h.Import(t, directory.User{ExternalID: "anna", Name: "Anna", Email: proof.Email})
	must(t, pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		_, err := h.Directory.KnowIn(t.Context(), tx, "test", proof)
		return err
	}))
	b := pagestest.Open(t, h.web)
	to, err := second.SignIn(t.Context(), b.Post(h.web.URL+"/console/login/other", nil).Location, proof.Email)
	must(t, err)
	if p := b.Get(to); p.Status != http.StatusForbidden || p.Location != "" {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}

func TestWhoMayNotComeInIsNotBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if p := h.signIn(t, pagestest.Open(t, h.web), "boris"); p.Status != http.StatusForbidden {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if n := h.count(t, "select count(*) from identity"); n != 0 {
		t.Errorf("%d logins are bound", n)
	}
	if notes, err := h.Directory.Journal(t.Context(), "boris", 0, 10); err != nil || len(notes) != 1 { // that he was added
		t.Errorf("%v, %v", notes, err)
	}
	// Nobody's proof of today says to whom the address belongs tomorrow.
	h.Import(t, directory.User{ExternalID: "boris", Name: "Boris", Email: "other@example.org"})
	h.Import(t, directory.User{ExternalID: "carol", Name: "Carol", Email: "boris@example.org"})
	h.act(t, h.inside(t, "anna"), "carol", "role", url.Values{"role": {"viewer"}})
	if p := h.signIn(t, pagestest.Open(t, h.web), "boris"); p.Location == "" {
		t.Errorf("whose address it is now: %d %s", p.Status, p.Body)
	}
}

func TestCallbackOnAnotherServicesPathIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := pagestest.Open(t, h.web)
	callback, calls := h.callback(t, b, "anna@example.org"), h.google.TokenCalls()
	for _, service := range []string{"other", "nobody"} {
		if p := b.Get(strings.Replace(callback, "/auth/google/", "/auth/"+service+"/", 1)); p.Status != http.StatusTeapot || h.google.TokenCalls() != calls {
			t.Errorf("%s: %d, %d token calls", service, p.Status, h.google.TokenCalls()-calls)
		}
	}
	if p := b.Get(callback); p.Location != h.web.URL+"/console/people" {
		t.Errorf("on its own: %d %s", p.Status, p.Body)
	}
}

func (h *house) count(tb testing.TB, sql string) (n int) {
	tb.Helper()
	must(tb, h.Pool.QueryRow(tb.Context(), sql).Scan(&n))
	return n
}
