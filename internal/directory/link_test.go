package directory_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"countersign/internal/directory"
	"countersign/internal/people"
)

func TestLinkIsMadeReplacedAndEndedAndAllOfItStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.mustPut(t, anna())[0]
	if e := h.entry(t, "anna"); e.LinkState != directory.NeverLinked {
		t.Errorf("before: %+v", e)
	}
	first, err := h.Link(t.Context(), "link", directory.NewLink{Person: p.ID, Account: 100, How: directory.ByGoogle, SeenAs: "Аня"})
	if err != nil || first.Replaced != 0 || first.ID == 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	before := h.version(t)
	again, err := h.Link(t.Context(), "link", directory.NewLink{Person: p.ID, Account: 100, How: directory.ByGoogle})
	if err != nil || again != first || h.version(t) != before {
		t.Errorf("again: %+v, %v", again, err)
	}
	h.clock.advance(time.Hour)
	second, err := h.Link(t.Context(), "admin", directory.NewLink{Person: p.ID, Account: 200, How: directory.ByAdministrator})
	if err != nil || second.Replaced != 100 {
		t.Fatalf("%+v, %v", second, err)
	}
	if e := h.entry(t, "anna"); e.LinkState != directory.Linked || e.Link.Account != 200 || e.Telegram != 200 {
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
		{Link: first, By: "link", Ended: first.At.Add(time.Hour), EndedBy: "admin", Why: "replaced by another account"},
		{Link: second, By: "admin", Ended: second.At.Add(time.Hour), EndedBy: "anna", Why: "lost the telephone"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	journal := []string{"person.added by test", "link.made by link", "link.ended by admin", "link.made by admin", "link.ended by anna"}
	if d := cmp.Diff(journal, h.journal(t, "anna")); d != "" {
		t.Error(d)
	}
}

func TestLinkIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := anna()
	a.Telegram = 100
	persons := h.mustPut(t, a, boris(), directory.User{ExternalID: "gone", Name: "G"})
	if err := h.Deactivate(t.Context(), "admin", "gone", "left"); err != nil {
		t.Fatal(err)
	}
	b, gone := persons[1].ID, persons[2].ID
	google := directory.ByGoogle
	tests := map[string]struct {
		link directory.NewLink
		want error
	}{
		"account of another":      {directory.NewLink{Person: b, Account: 100, How: google}, directory.ErrLinkedElsewhere},
		"leaver":                  {directory.NewLink{Person: gone, Account: 5, How: google}, directory.ErrInactive},
		"nobody":                  {directory.NewLink{Person: "per_x", Account: 5, How: google}, directory.ErrUnknown},
		"no account":              {directory.NewLink{Person: b, How: google}, directory.ErrInvalid},
		"too great an account":    {directory.NewLink{Person: b, Account: 1<<52 + 1, How: google}, directory.ErrInvalid},
		"Telegram itself":         {directory.NewLink{Person: b, Account: 777000, How: google}, directory.ErrInvalid},
		"anonymous administrator": {directory.NewLink{Person: b, Account: 1087968824, How: google}, directory.ErrInvalid},
		"channel":                 {directory.NewLink{Person: b, Account: 136817688, How: google}, directory.ErrInvalid},
		"unknown way":             {directory.NewLink{Person: b, Account: 5, How: "magic"}, directory.ErrInvalid},
		"name with a line break":  {directory.NewLink{Person: b, Account: 5, How: google, SeenAs: "a\nb"}, directory.ErrInvalid},
	}
	before := h.version(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if l, err := h.Link(t.Context(), "link", tc.link); !errors.Is(err, tc.want) || l != (directory.Link{}) {
				t.Errorf("%+v, %v", l, err)
			}
			if v := h.version(t); v != before {
				t.Errorf("version went from %d to %d", before, v)
			}
		})
	}
}

func TestOfTwoWhoLinkOneAccountAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	persons := h.mustPut(t, anna(), boris())
	for round := range 10 {
		account := int64(1000 + round)
		errs := make([]error, len(persons))
		var wg sync.WaitGroup
		for i, p := range persons {
			s := h.another()
			wg.Go(func() {
				_, errs[i] = s.Link(t.Context(), "link", directory.NewLink{Person: p.ID, Account: account, How: directory.ByGoogle})
			})
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
	p := h.mustPut(t, anna())[0]
	before := h.version(t)
	if _, err := h.Snapshot(t.Context()); err != nil { // now the version is in memory
		t.Fatal(err)
	}
	undo := errors.New("undo")
	err := pgx.BeginFunc(t.Context(), h.app, func(tx pgx.Tx) error {
		if _, err := h.LinkIn(t.Context(), tx, "link", directory.NewLink{Person: p.ID, Account: 100, How: directory.ByGoogle}); err != nil {
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
	mustLink(t, h, h.mustPut(t, boris())[0].ID, 300)
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

func mustLink(tb testing.TB, h house, id people.ID, account int64) directory.Link {
	tb.Helper()
	l, err := h.Link(tb.Context(), "test", directory.NewLink{Person: id, Account: account, How: directory.ByAdministrator})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}
