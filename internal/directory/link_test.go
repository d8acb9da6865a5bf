package directory_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/people"
)

const issuer = "https://login.example"

// proof is what the login service says of a person after a sign-in.
func proof(externalID string) directory.Proof {
	return directory.Proof{Issuer: issuer, Subject: "sub-" + externalID, Email: externalID + "@corp.example"}
}

func asking(externalID string, account int64) directory.NewLink {
	return directory.NewLink{Account: account, Proof: proof(externalID), Terms: directory.Terms{Confirm: directory.Notify}}
}

// login links in a transaction of its own.
func (h house) login(ctx context.Context, n directory.NewLink) (l directory.Link, err error) {
	err = pgx.BeginFunc(ctx, h.app, func(tx pgx.Tx) (err error) {
		l, err = h.LinkIn(ctx, tx, "link", n)
		return err
	})
	return l, err
}

func TestLinkIsMadeProvedReplacedAndEndedAndAllOfItStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	if e := h.entry(t, "anna"); e.LinkState != directory.NeverLinked {
		t.Errorf("before: %+v", e)
	}
	n := asking("anna", 100)
	n.SeenAs = "Аня"
	first, err := h.login(t.Context(), n)
	if err != nil || first.Replaced != 0 || first.ID == 0 || first.Identity == 0 || first.Power != (people.Power{Proved: first.At}) {
		t.Fatalf("%+v, %v", first, err)
	}
	h.clock.advance(time.Hour)
	again, err := h.login(t.Context(), n)
	if err != nil || again.ID != first.ID || !again.Proved.Equal(first.At.Add(time.Hour)) {
		t.Errorf("again: %+v, %v", again, err)
	}
	second, err := h.login(t.Context(), asking("anna", 200))
	if err != nil || second.Replaced != 100 || second.Identity != first.Identity {
		t.Fatalf("%+v, %v", second, err)
	}
	if e := h.entry(t, "anna"); e.LinkState != directory.Linked || e.Link.Account != 200 || e.Telegram != 200 || e.Power != second.Power {
		t.Errorf("linked: %+v", e)
	}
	h.clock.advance(time.Hour)
	for range 2 {
		if err := h.Unlink(t.Context(), "anna", p.ID, "lost the telephone"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := h.Links(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	second.Replaced = 0 // a matter of the act, not of the history
	want := []directory.PastLink{
		{Link: again, By: "link", Ended: first.At.Add(time.Hour), EndedBy: "link", Why: "replaced by another account"},
		{Link: second, By: "link", Ended: second.At.Add(time.Hour), EndedBy: "anna", Why: "lost the telephone"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	journal := []string{
		"person.added by test", "identity.bound by link", "link.made by link", "link.proved by link",
		"link.ended by link", "link.made by link", "link.ended by anna",
	}
	if d := cmp.Diff(journal, h.journal(t, "anna")); d != "" {
		t.Error(d)
	}
}

func TestLinkIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := anna()
	a.Telegram = 100
	lost := directory.User{ExternalID: "lost", Name: "L", Email: "lost@corp.example"}
	h.mustPut(t, a, boris(), directory.User{ExternalID: "gone", Name: "G", Email: "gone@corp.example"}, lost)
	if err := h.Deactivate(t.Context(), "admin", "gone", "left"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Freeze(t.Context(), "admin", "lost", "telephone stolen"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.login(t.Context(), asking("boris", 300)); err != nil {
		t.Fatal(err)
	}
	with := func(change func(*directory.NewLink)) directory.NewLink {
		n := asking("boris", 5)
		change(&n)
		return n
	}
	tests := map[string]struct {
		link directory.NewLink
		want error
	}{
		"account of another":        {asking("boris", 100), directory.ErrLinkedElsewhere},
		"leaver":                    {asking("gone", 5), directory.ErrInactive},
		"frozen":                    {asking("lost", 5), directory.ErrFrozen},
		"nobody":                    {asking("nobody", 5), directory.ErrUnknown},
		"another was shown":         {with(func(n *directory.NewLink) { n.Person = "somebody" }), directory.ErrOtherIdentity},
		"address with a new owner":  {with(func(n *directory.NewLink) { n.Proof.Subject = "made-anew" }), directory.ErrOtherIdentity},
		"no account":                {asking("boris", 0), directory.ErrInvalid},
		"too great an account":      {asking("boris", 1<<52+1), directory.ErrInvalid},
		"Telegram itself":           {asking("boris", 777000), directory.ErrInvalid},
		"anonymous administrator":   {asking("boris", 1087968824), directory.ErrInvalid},
		"channel":                   {asking("boris", 136817688), directory.ErrInvalid},
		"name with a line break":    {with(func(n *directory.NewLink) { n.SeenAs = "a\nb" }), directory.ErrInvalid},
		"no subject":                {with(func(n *directory.NewLink) { n.Proof.Subject = "" }), directory.ErrInvalid},
		"subject of 256":            {with(func(n *directory.NewLink) { n.Proof.Subject = strings.Repeat("1", 256) }), directory.ErrInvalid},
		"subject with a space":      {with(func(n *directory.NewLink) { n.Proof.Subject = "a b" }), directory.ErrInvalid},
		"no address":                {with(func(n *directory.NewLink) { n.Proof.Email = "" }), directory.ErrInvalid},
		"two signs in the address":  {with(func(n *directory.NewLink) { n.Proof.Email = "a@b@corp.example" }), directory.ErrInvalid},
		"no issuer":                 {with(func(n *directory.NewLink) { n.Proof.Issuer = "" }), directory.ErrInvalid},
		"no terms":                  {with(func(n *directory.NewLink) { n.Terms = directory.Terms{} }), directory.ErrInvalid},
		"cooling off for no time":   {with(func(n *directory.NewLink) { n.Terms.Confirm = directory.CoolingOff }), directory.ErrInvalid},
		"subject of another issuer": {with(func(n *directory.NewLink) { n.Proof.Issuer, n.Proof.Email = "https://other.example", "x@corp.example" }), directory.ErrUnknown},
	}
	before := h.version(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if l, err := h.login(t.Context(), tc.link); !errors.Is(err, tc.want) || l != (directory.Link{}) {
				t.Errorf("%+v, %v", l, err)
			}
			if v := h.version(t); v != before {
				t.Errorf("version went from %d to %d", before, v)
			}
		})
	}
}

func TestPersonIsFoundByAddressOnceAndByTheAccountEverAfter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	persons := h.mustPut(t, anna(), boris())
	if e, err := h.Match(t.Context(), proof("anna")); err != nil || e.ID != persons[0].ID {
		t.Fatalf("by address: %+v, %v", e, err)
	}
	if _, err := h.login(t.Context(), asking("anna", 100)); err != nil {
		t.Fatal(err)
	}
	a, b := anna(), boris()
	a.Email, b.Email = "anna.new@corp.example", "anna@corp.example" // her old address is his now
	h.mustPut(t, a, b)
	if e, err := h.Match(t.Context(), proof("anna")); err != nil || e.ID != persons[0].ID {
		t.Errorf("by account: %+v, %v", e, err)
	}
	if err := h.Forget(t.Context(), "admin", "anna", issuer, "account made anew"); err != nil {
		t.Fatal(err)
	}
	if e := h.entry(t, "anna"); e.LinkState != directory.Unlinked {
		t.Errorf("the link outlived the login it rests on: %+v", e)
	}
	if e, err := h.Match(t.Context(), proof("anna")); err != nil || e.ID != persons[1].ID {
		t.Errorf("by address again: %+v, %v", e, err)
	}
	if err := h.Forget(t.Context(), "admin", "anna", issuer, "again"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("nothing to forget: %v", err)
	}
	if all, err := h.Identities(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("identities: %v, %v", all, err)
	}
}

func TestNewLinkDecidesWhenItsTermsSaySo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	waits := asking("anna", 100)
	waits.Terms.Confirm = directory.ByAdmin
	if l, err := h.login(t.Context(), waits); err != nil || !errors.Is(l.Decides(h.clock.Now(), 0), people.ErrUnconfirmed) {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := h.Confirm(t.Context(), "anna", "anna"); !errors.Is(err, directory.ErrOwnLink) {
		t.Errorf("confirmed by herself: %v", err)
	}
	if l, err := h.Confirm(t.Context(), "admin", "anna"); err != nil || l.Decides(h.clock.Now(), 0) != nil || l.ConfirmedBy != "admin" {
		t.Errorf("confirmed: %+v, %v", l, err)
	}
	if p := h.person(t, "anna"); p.Power.Decides(h.clock.Now(), 0) != nil {
		t.Errorf("as the core sees it: %+v", p.Power)
	}
	cools := asking("boris", 200)
	cools.Terms = directory.Terms{Confirm: directory.CoolingOff, Cooling: time.Hour}
	l, err := h.login(t.Context(), cools)
	if err != nil || !errors.Is(l.Decides(h.clock.Now(), 0), people.ErrCoolingOff) || l.Decides(h.clock.Now().Add(time.Hour), 0) != nil {
		t.Errorf("cooling off: %+v, %v", l, err)
	}
	if _, err := h.Confirm(t.Context(), "admin", "boris"); err != nil {
		t.Errorf("an administrator cuts the time short: %v", err)
	}
	for _, who := range []string{"anna", "boris"} {
		if _, err := h.Confirm(t.Context(), "admin", who); !errors.Is(err, directory.ErrNotWaiting) {
			t.Errorf("%s again: %v", who, err)
		}
	}
}

func TestAccountThatAnAdministratorLinkedDecidesAtOnceAlsoByLogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := anna()
	a.Telegram = 100
	h.mustPut(t, a)
	waits := asking("anna", 100)
	waits.Terms.Confirm = directory.ByAdmin
	l, err := h.login(t.Context(), waits)
	if err != nil || l.How != directory.ByLogin || l.Replaced != 0 || l.Decides(h.clock.Now(), 0) != nil {
		t.Errorf("%+v, %v", l, err)
	}
	waits.Account = 200 // another account is another matter
	if l, err = h.login(t.Context(), waits); err != nil || l.Replaced != 100 || !errors.Is(l.Decides(h.clock.Now(), 0), people.ErrUnconfirmed) {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestFreezeEndsTheLinkAndLetsNoOtherBeMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	if _, err := h.login(t.Context(), asking("anna", 100)); err != nil {
		t.Fatal(err)
	}
	f, err := h.Freeze(t.Context(), "boris", "anna", "telephone lost")
	if err != nil || f.Already || f.Person.Telegram != 100 {
		t.Fatalf("%+v, %v", f, err)
	}
	if f, err = h.Freeze(t.Context(), "boris", "anna", "again"); err != nil || !f.Already {
		t.Errorf("again: %+v, %v", f, err)
	}
	e := h.entry(t, "anna")
	if e.Telegram != 0 || e.FrozenAt.IsZero() || e.FrozenWhy != "telephone lost" {
		t.Errorf("frozen: %+v", e)
	}
	a := anna()
	a.Telegram, a.Name = 300, "Anna S."
	if change, err := h.PutUser(t.Context(), "erp", a); err != nil || !change.Frozen || change.Kind != directory.Changed {
		t.Errorf("put: %+v, %v", change, err)
	}
	if e := h.entry(t, "anna"); e.Telegram != 0 || e.Name != "Anna S." {
		t.Errorf("put: %+v", e)
	}
	if err := h.Unfreeze(t.Context(), "anna", "anna"); !errors.Is(err, directory.ErrOwnLink) {
		t.Errorf("lifted by herself: %v", err)
	}
	for range 2 {
		if err := h.Unfreeze(t.Context(), "admin", "anna"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.login(t.Context(), asking("anna", 100)); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestOfTwoWhoLinkOneAccountAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	names := []string{"anna", "boris"}
	for round := range 10 {
		account := int64(1000 + round)
		errs := make([]error, len(names))
		var wg sync.WaitGroup
		for i, name := range names {
			another := h
			another.Store = h.another()
			wg.Go(func() { _, errs[i] = another.login(t.Context(), asking(name, account)) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
		}
		if err := errors.Join(errs...); !errors.Is(err, directory.ErrLinkedElsewhere) {
			t.Errorf("round %d: %v", round, err)
		}
		if n := ask[int](t, h.app, "select count(*) from telegram_link where account = $1 and unlinked_at is null", account); n != 1 {
			t.Errorf("round %d: %d live links", round, n)
		}
	}
}

func TestLinkInsideALentTransactionComesAndGoesWithIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	before := h.version(t)
	if _, err := h.Snapshot(t.Context()); err != nil { // now the version is in memory
		t.Fatal(err)
	}
	undo := errors.New("undo")
	err := pgx.BeginFunc(t.Context(), h.app, func(tx pgx.Tx) error {
		if _, err := h.LinkIn(t.Context(), tx, "link", asking("anna", 100)); err != nil {
			return err
		}
		// What is not yet true for others may be remembered: its version never comes again.
		dir, err := h.At(t.Context(), tx, before)
		if err != nil {
			return err
		}
		if _, ok := dir.ByTelegram(100); ok {
			t.Error("the old version knows the new link")
		}
		var version int64
		if err := tx.QueryRow(t.Context(), "select version from directory_state").Scan(&version); err != nil {
			return err
		}
		if dir, err = h.At(t.Context(), tx, version); err != nil {
			return err
		}
		if _, ok := dir.ByTelegram(100); !ok {
			t.Error("the transaction does not see its own link")
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if v := h.version(t); v != before {
		t.Errorf("version went from %d to %d", before, v)
	}
	if _, err := h.login(t.Context(), asking("boris", 300)); err != nil {
		t.Fatal(err)
	}
	dir, err := h.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := dir.ByTelegram(100); ok {
		t.Error("the link that was undone is remembered")
	}
	if _, ok := dir.ByTelegram(300); !ok {
		t.Error("the later link is not seen")
	}
}
