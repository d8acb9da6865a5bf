package directory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
)

func threeADay(who string) directory.Colleague {
	return directory.Colleague{ExternalID: who, Most: 3, Within: 24 * time.Hour}
}

// crowd makes boris, who decides, and as many others.
func (h house) crowd(tb testing.TB, n int) []string {
	tb.Helper()
	users, ids := []directory.User{boris()}, make([]string, n)
	for i := range n {
		ids[i] = fmt.Sprintf("person-%02d", i)
		users = append(users, directory.User{ExternalID: ids[i], Name: "P", Email: ids[i] + "@corp.example"})
	}
	h.mustPut(tb, users...)
	if _, err := h.login(tb.Context(), asking("boris", 900)); err != nil {
		tb.Fatal(err)
	}
	return ids
}

func TestColleagueFreezesSoManyAndNoMoreHoweverManyServersHeAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ids := h.crowd(t, 12)
	stores := []*directory.Store{h.another(), h.another()}
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { _, errs[i] = stores[i%2].FreezeBy(t.Context(), threeADay("boris"), id, "telephone lost") })
	}
	wg.Wait()
	frozen := 0
	for i, err := range errs {
		switch e := h.entry(t, ids[i]); {
		case (err == nil) != e.Frozen, err != nil && !errors.Is(err, directory.ErrTooMany):
			t.Errorf("%s: frozen %t, %v", ids[i], e.Frozen, err)
		case e.Frozen:
			frozen++
		}
	}
	if frozen != threeADay("").Most {
		t.Errorf("%d are frozen", frozen)
	}
}

func TestLiftedFreezeCountsStill(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ids := h.crowd(t, 5)
	for _, id := range ids[:3] {
		if _, err := h.FreezeBy(t.Context(), threeADay("boris"), id, "lost"); err != nil {
			t.Fatal(err)
		}
		if err := h.Unfreeze(t.Context(), "admin", id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.FreezeBy(t.Context(), threeADay("boris"), ids[3], "lost"); !errors.Is(err, directory.ErrTooMany) || h.entry(t, ids[3]).Frozen {
		t.Errorf("the fourth: %v", err)
	}
	if _, err := h.Freeze(t.Context(), "admin", ids[3], "lost"); err != nil {
		t.Errorf("an administrator has no bound: %v", err)
	}
	if f, err := h.FreezeBy(t.Context(), threeADay("boris"), ids[3], "lost"); err != nil || !f.Already {
		t.Errorf("who is frozen anyway: %+v, %v", f, err)
	}
	h.clock.advance(threeADay("").Within)
	if _, err := h.FreezeBy(t.Context(), threeADay("boris"), ids[4], "lost"); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

func TestWhoDecidesNothingFreezesNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna(), boris())
	waits, cools := asking("boris", 900), asking("boris", 900)
	waits.Terms.Confirm = directory.ByAdmin
	cools.Terms = directory.Terms{Confirm: directory.CoolingOff, Cooling: time.Hour}
	tests := []struct {
		name string
		now  func() error
	}{
		{"never linked", func() error { return nil }},
		{"waits for an administrator", func() error { _, err := h.login(t.Context(), waits); return err }},
		{"too new", func() error {
			cools.Account = 901
			_, err := h.login(t.Context(), cools)
			return err
		}},
		{"frozen himself", func() error { _, err := h.Freeze(t.Context(), "admin", "boris", "lost"); return err }},
		{"left", func() error { return h.Deactivate(t.Context(), "admin", "boris", "left") }},
	}
	for _, tc := range tests {
		if err := tc.now(); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if _, err := h.FreezeBy(t.Context(), threeADay("boris"), "anna", "lost"); !errors.Is(err, directory.ErrPowerless) || h.entry(t, "anna").Frozen {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := h.FreezeBy(t.Context(), threeADay("nobody"), "anna", "lost"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("nobody: %v", err)
	}
}

// What an administrator was shown may be no more.
func TestActIsOnWhatWasShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mustPut(t, anna())
	waits := asking("anna", 100)
	waits.Terms.Confirm = directory.ByAdmin
	first, err := h.login(t.Context(), waits)
	if err != nil {
		t.Fatal(err)
	}
	waits.Account = 200
	second, err := h.login(t.Context(), waits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ConfirmLink(t.Context(), "admin", "anna", first.ID); !errors.Is(err, directory.ErrChanged) {
		t.Errorf("the link before: %v", err)
	}
	if l, err := h.ConfirmLink(t.Context(), "admin", "anna", second.ID); err != nil || l.Account != 200 {
		t.Errorf("%+v, %v", l, err)
	}
	if err := h.ForgetLogin(t.Context(), "admin", "anna", second.Identity+1, "x"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("another login: %v", err)
	}
	if err := h.ForgetLogin(t.Context(), "admin", "anna", second.Identity, "x"); err != nil || h.entry(t, "anna").Telegram != 0 {
		t.Errorf("%v", err)
	}
	if _, err := h.Freeze(t.Context(), "admin", "anna", "lost"); err != nil {
		t.Fatal(err)
	}
	at := h.entry(t, "anna").FrozenAt
	if err := h.UnfreezeSince(t.Context(), "admin", "anna", at.Add(-time.Microsecond)); !errors.Is(err, directory.ErrChanged) || !h.entry(t, "anna").Frozen {
		t.Errorf("the freeze before: %v", err)
	}
	for range 2 {
		if err := h.UnfreezeSince(t.Context(), "admin", "anna", at); err != nil || h.entry(t, "anna").Frozen {
			t.Errorf("%v", err)
		}
	}
}
