package chat_test

import (
	"sync"
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// A deputy hears once that he decides for somebody no more, in his language, and in his quiet
// hours without a sound: whoever ended it, and wherever that was handled.
func TestADeputyIsToldOnceThatADelegationWasTakenBack(t *testing.T) {
	t.Parallel()
	vacation := directory.Name{Source: ledgertest.Source, ExternalID: "vacation-1"}
	for name, c := range map[string]struct {
		give, end func(*testing.T, *office, directory.NewDelegation)
		quiet     people.Quiet
	}{
		"by the principal": {end: func(t *testing.T, o *office, n directory.NewDelegation) {
			t.Helper()
			if ended, err := o.Directory.TakeBack(t.Context(), "chat:petrov", n.Principal, o.given(t)[0].ID); err != nil || !ended {
				t.Errorf("%t, %v", ended, err)
			}
		}},
		"by the ERP, in quiet hours": {quiet: people.Quiet{From: 9 * 60, To: 10 * 60}, end: func(t *testing.T, o *office, _ directory.NewDelegation) {
			t.Helper()
			_, err := o.Directory.RevokeNamed(t.Context(), "key", vacation, "by key")
			must(t, err)
		}},
		"with an absence": {give: func(t *testing.T, o *office, n directory.NewDelegation) {
			t.Helper()
			_, _, err := o.Directory.PutAbsence(t.Context(), "test", directory.NewAbsence{Absence: people.Absence{Person: n.Principal, Until: n.Until}, Deputy: n.Deputy})
			must(t, err)
		}, end: func(t *testing.T, o *office, n directory.NewDelegation) {
			t.Helper()
			_, err := o.Directory.Back(t.Context(), "chat:petrov", n.Principal, "back")
			must(t, err)
		}},
		"with the account": {end: func(t *testing.T, o *office, _ directory.NewDelegation) {
			t.Helper()
			must(t, o.Directory.Deactivate(t.Context(), "test", "petrov", "left"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)))
			_, err := o.Pool.Exec(t.Context(), "insert into source (name, created_at) values ($1, now()) on conflict do nothing", ledgertest.Source)
			must(t, err)
			deputy := o.find(t, "orlova").ID
			_, err = o.Directory.Set(t.Context(), "test", deputy, func(s *directory.Setting) { s.Locale, s.Quiet = "ru", c.quiet })
			must(t, err)
			n := directory.NewDelegation{Name: vacation, Delegation: people.Delegation{
				Principal: o.find(t, "petrov").ID, Deputy: deputy, Until: o.tg.Clock().Now().AddDate(0, 0, 7), Hands: 1,
			}}
			if c.give == nil {
				_, _, err = o.Directory.Delegate(t.Context(), "test", n)
				must(t, err)
			} else {
				c.give(t, o, n)
			}
			o.tellDeputies(t, 1)
			c.end(t, o, n)
			o.tellDeputies(t, 4)
			o.tellDeputies(t, 1)
			if n := o.notices(t); n != 2 {
				t.Errorf("%d messages of a beginning and an end", n)
			}
			_, err = o.board.RunOnce(t.Context())
			must(t, err)
			o.sees(t, ledgertest.Second, "Вас назначили заместителем: вы решаете за коллегу (Pyotr Petrov)")
			m := o.sees(t, ledgertest.Second, "Вы больше не решаете за коллегу (Pyotr Petrov)", "до 22 июн. 2026 г., 09:30) прекращено.")
			if m.Silent != (c.quiet != people.Quiet{}) {
				t.Errorf("silent: %t", m.Silent)
			}
		})
	}
}

// Of the end of what he never heard of, or what is over by now anyway, a deputy hears nothing.
func TestADeputyHearsOnlyOfTheEndOfWhatHeKnows(t *testing.T) {
	t.Parallel()
	o := newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)))
	principal := o.find(t, "petrov").ID
	o.standsIn(t, "petrov", "orlova")
	_, err := o.Directory.TakeBack(t.Context(), "test", principal, o.given(t)[0].ID)
	must(t, err)
	o.tellDeputies(t, 1)
	if n := o.notices(t); n != 0 {
		t.Errorf("%d messages of what was never told", n)
	}
	o.standsIn(t, "petrov", "orlova")
	o.tellDeputies(t, 1)
	_, err = o.Directory.TakeBack(t.Context(), "test", principal, o.given(t)[0].ID)
	must(t, err)
	o.tg.Clock().Advance(24 * 365 * time.Hour)
	o.tellDeputies(t, 1)
	if n := o.notices(t); n != 1 {
		t.Errorf("%d messages, the last of what is long over", n)
	}
}

// tellDeputies lets some replicas tell deputies at the same time.
func (o *office) tellDeputies(t *testing.T, replicas int) {
	t.Helper()
	found := make([]error, replicas)
	var wg sync.WaitGroup
	for i := range replicas {
		wg.Go(func() { found[i] = o.door.TellDeputies(t.Context()) })
	}
	wg.Wait()
	for _, err := range found {
		must(t, err)
	}
}
