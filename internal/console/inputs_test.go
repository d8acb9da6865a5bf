package console_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/pages/pagestest"
)

// C-11 does not apply: the console exports nothing. C-14 is package server's.

func TestC05RoleThatChangesEndsTheSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.gives(t, anna, "boris", "operator")
	boris, phone := h.inside(t, "boris"), h.inside(t, "boris")
	h.gives(t, anna, "boris", "auditor")
	for _, b := range []*pagestest.Browser{boris, phone} {
		if p := b.Get(h.web.URL + "/console/people"); p.Status != http.StatusUnauthorized {
			t.Errorf("another role: %d", p.Status)
		}
	}
	h.gives(t, anna, "boris", "")
	h.gives(t, anna, "boris", "auditor")
	if p := boris.Get(h.web.URL + "/console/journal"); p.Status != http.StatusUnauthorized {
		t.Errorf("taken and given again: %d", p.Status)
	}
	if p := anna.Get(h.web.URL + "/console/people"); p.Status != http.StatusOK {
		t.Errorf("who gave it: %d", p.Status)
	}
}

func TestC07NoPageIsShownInAFrame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	for _, address := range []string{h.web.URL + "/console/people", h.page("dan"), h.page("nobody"), h.web.URL + "/console/journal"} {
		p := b.Get(address)
		if p.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %v", address, p.Header)
		}
	}
	if p := pagestest.Open(t, h.web).Get(h.web.URL + "/console"); p.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the door: %v", p.Header)
	}
}

func TestC08NobodyIsSentElsewhereAfterTheSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := pagestest.Open(t, h.web)
	const evil = "next=https%3A%2F%2Fevil.example&redirect=//evil.example&return_to=https://evil.example"
	if p := b.Get(h.web.URL + "/console?" + evil); strings.Contains(p.Body, "evil") {
		t.Errorf("the door: %s", p.Body)
	}
	out := b.Post(h.web.URL+"/console/login/google?"+evil, url.Values{"next": {"https://evil.example"}})
	if !strings.HasPrefix(out.Location, h.google.URL()+"/") || strings.Contains(out.Location, "evil") {
		t.Errorf("to the login service: %s", out.Location)
	}
	to, err := h.google.SignIn(t.Context(), out.Location, "anna@example.org")
	must(t, err)
	if p := b.Get(to + "&" + evil); p.Location != h.web.URL+"/console/people" {
		t.Errorf("after it: %s", p.Location)
	}
	for _, act := range []string{"/console?" + evil, "/console/people?" + evil} {
		if p := b.Get(h.web.URL + act); strings.Contains(p.Location, "evil") {
			t.Errorf("%s: %s", act, p.Location)
		}
	}
}

func TestC10FieldsThatAFormDoesNotHaveAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.inside(t, "anna")
	h.gives(t, anna, "boris", "operator")
	b := h.inside(t, "boris")
	for name, form := range map[string]url.Values{
		"a role beside":    {"id": {"dan"}, "reason": {"lost"}, "role": {"administrator"}},
		"two persons":      {"id": {"dan", "carol"}, "reason": {"lost"}},
		"nobody":           {"reason": {"lost"}},
		"two reasons":      {"id": {"dan"}, "reason": {"lost", "found"}},
		"an administrator": {"id": {"dan"}, "reason": {"lost"}, "admin": {"true"}},
	} {
		if p := b.Post(h.web.URL+"/console/person/freeze", form); p.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, p.Status, p.Body)
		}
	}
	two := h.filled(t, "dan", "role", url.Values{"role": {"viewer", "administrator"}})
	if p := anna.Post(h.web.URL+"/console/person/role", two); p.Status != http.StatusBadRequest {
		t.Errorf("two roles: %d", p.Status)
	}
	if e, err := h.Directory.User(t.Context(), "dan"); err != nil || e.Frozen || h.roleOf(t, "dan") != "" || h.roleOf(t, "boris") != "operator" {
		t.Errorf("%+v, %v", e, err)
	}
}

// A name must not be able to look like something else than it is, or to write over what
// stands beside it.
func TestNameWithSeparatorsOrBidiMarksComesInByNoDoor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.inside(t, "anna")
	for _, mark := range []string{"\u202e", "\u202a", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c", "\u2028", "\u2029", "\ufeff", "\n", "\t", "\x00", "\x1b"} {
		name := "Anna" + mark + "htimS"
		if _, err := h.Directory.PutUser(t.Context(), "erp", directory.User{ExternalID: "dan", Name: name}); !errors.Is(err, directory.ErrInvalid) || !strings.Contains(err.Error(), "control characters") {
			t.Errorf("a name with %q: %v", mark, err)
		}
		err := pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
			_, err := h.Directory.LinkIn(t.Context(), tx, "test", directory.NewLink{
				Account: 77, SeenAs: name, Terms: directory.Terms{Confirm: directory.Notify},
				Proof: directory.Proof{Issuer: h.google.URL(), Subject: "sub-dan", Email: "dan@example.org"},
			})
			return err
		})
		if !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("a name seen with %q: %v", mark, err)
		}
		p := h.act(t, b, "dan", "freeze", why("lost"+mark+"again"))
		if p.Status != http.StatusUnprocessableEntity {
			t.Errorf("a reason with %q: %d", mark, p.Status)
		}
	}
}

// A name of a script from right to left is a name, and stays in its own place.
func TestNameFromRightToLeftIsShownApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const name = "דנה 12"
	b := h.inside(t, "anna")
	h.Import(t, directory.User{ExternalID: "dan", Name: name, Email: "dan@example.org"}, directory.User{ExternalID: "anna", Name: name, Email: "anna@example.org"})
	must(t, pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
		_, err := h.Directory.LinkIn(t.Context(), tx, name, directory.NewLink{
			Account: 77, SeenAs: name, Terms: directory.Terms{Confirm: directory.Notify},
			Proof: directory.Proof{Issuer: h.google.URL(), Subject: "sub-dan", Email: "dan@example.org"},
		})
		return err
	}))
	must(t, h.Directory.UnlinkUser(t.Context(), name, "dan", name))
	for _, address := range []string{h.web.URL + "/console/people", h.page("dan"), h.web.URL + "/console/journal"} {
		p := b.Get(address)
		apart := strings.Count(p.Body, "<bdi>"+name+"</bdi>")
		quoted := strings.Count(p.Body, "&#34;"+name+"&#34;") // in the journal's own notation, which runs from left to right
		if n := strings.Count(p.Body, name); apart == 0 || apart+quoted != n {
			t.Errorf("%s: %d times, %d apart, %d quoted: %s", address, n, apart, quoted, p.Body)
		}
	}
}
