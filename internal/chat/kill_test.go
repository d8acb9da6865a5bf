package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/crash/crashtest"
	"countersign/internal/directory"
	"countersign/internal/inbox"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
	"countersign/internal/telegram/telegramtest"
)

// mortal is a replica that dies when told to; what it was at goes on in vain meanwhile.
func (o *office) mortal(t *testing.T) (*office, *crashtest.Life) {
	t.Helper()
	life := crashtest.New(t)
	api, err := url.Parse(o.tg.URL())
	must(t, err)
	v := &office{Bench: o.Mortal(t, life), tg: o.tg, texts: o.texts}
	v.build(t, "http://"+life.Wire(t, "tcp", api.Host))
	return v, life
}

// killed lets a replica do something and die with its n-th message to the others. It reports
// false when all was done before.
func (o *office) killed(t *testing.T, n int, do func(context.Context, *office) error) bool {
	t.Helper()
	v, life := o.mortal(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	var wg sync.WaitGroup
	life.EndAfter(n)
	wg.Go(func() { done <- do(ctx, v) })
	t.Cleanup(wg.Wait)
	defer cancel()
	select {
	case err := <-done:
		if !life.Ended() {
			must(t, err)
			life.EndAfter(0)
			o.Buried(t)
			return false
		}
	case <-life.Over():
	}
	o.Buried(t)
	return true
}

// TestKilledAtEveryArrowADelegationIsMadeAndEndedOnce: the update comes again to whoever lives,
// as the inbox hands it on, and the duty looks after what the dead left.
func TestKilledAtEveryArrowADelegationIsMadeAndEndedOnce(t *testing.T) {
	t.Parallel()
	o := newOfficeAt(t, telegramtest.ManualClock(time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)))
	o.Post(t, "51")
	o.card(t, ledgertest.Budget, "51")
	update, told := int64(990_000), 0
	confirmed := func(n int, m telegramtest.Message, data string) bool {
		update++
		it := &inbox.Item{ID: update, Body: []byte(button(o, update, m.ID, data)), Attempt: 1}
		killed := o.killed(t, n, func(ctx context.Context, v *office) error {
			_, err := v.door.Handle(ctx, it)
			return err
		})
		if killed {
			again := *it
			again.Attempt = 2
			_, err := o.door.Handle(t.Context(), &again)
			must(t, err)
		}
		must(t, errors.Join(o.DB.StandIn(t.Context()), o.door.TellDeputies(t.Context())))
		if told++; o.notices(t) != told {
			t.Errorf("killed after %d messages: the deputy is told %d times, want %d", n, o.notices(t), told)
		}
		return killed
	}
	kills := 0
	for n, making, ending := 1, true, true; making || ending; n++ {
		o.say(t, ledgertest.Budget, "/delegate maria")
		o.press(t, ledgertest.Budget, "👤 Maria Orlova")
		o.press(t, ledgertest.Budget, "Until")
		o.press(t, ledgertest.Budget, "A week")
		form := o.lastCard(t, ledgertest.Budget, "Deputy: Maria Orlova")
		making = confirmed(n, form, data(t, o.panel(t, ledgertest.Budget, "✅ Delegate"), "✅ Delegate"))
		all := o.given(t)
		if len(all) != 1 {
			t.Fatalf("killed after %d messages: %+v", n, all)
		}
		o.becomes(t, ledgertest.Budget, form.ID, "Done. The deputy will be told.")
		o.asked(t, n, o.find(t, "orlova"), 1)
		ending = confirmed(n, form, fmt.Sprintf("m:dl:end:%d:yes", all[0].ID))
		if left := o.given(t); len(left) != 0 {
			t.Fatalf("killed after %d messages: %+v", n, left)
		}
		o.becomes(t, ledgertest.Budget, form.ID, "Delegations")
		o.asked(t, n, o.find(t, "orlova"), 0)
		o.tg.Clock().Advance(5 * time.Minute) // what follows from it has followed
		must(t, o.DB.StandIn(t.Context()))
		for _, was := range []bool{making, ending} {
			if was {
				kills++
			}
		}
	}
	if kills < 40 {
		t.Errorf("only %d kills", kills)
	}
	if n := o.count(t, `select count(*) from delegation`); 2*n != told {
		t.Errorf("%d delegations, told %d times", n, told)
	}
}

// asked looks whether somebody is asked by so many open slots.
func (o *office) asked(t *testing.T, n int, p people.Person, asked int) {
	t.Helper()
	st, err := o.Document(t.Context(), ledgertest.Key("51"))
	must(t, err)
	got := 0
	for _, s := range st.Case.Slots {
		if s.Person == p.ID && s.State == approval.SlotOpen {
			got++
		}
	}
	if got != asked {
		t.Errorf("killed after %d messages: %s is asked by %d slots, want %d", n, p.Name, got, asked)
	}
}

func TestKilledAtEveryArrowADigestComesOnceADay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 15, 9, 30, 0, 0, time.UTC)
	o := newOfficeAt(t, telegramtest.ManualClock(at))
	o.Post(t, "52")
	o.card(t, ledgertest.Budget, "52")
	_, err := o.Directory.Set(t.Context(), "test", o.find(t, "petrov").ID, func(s *directory.Setting) { s.Digest = directory.Digest{On: true, Hour: 8} })
	must(t, err)
	days, kills := 0, 0
	for n, more := 1, true; more; n++ {
		days++
		eight := time.Date(2026, 6, 15+days, 8, 0, 0, 0, time.UTC)
		more = o.killed(t, n, func(ctx context.Context, v *office) error {
			v.door.Now = func() time.Time { return eight }
			return v.door.Digests(ctx)
		})
		o.atOnce(t, eight.Add(time.Minute), 2)
		if got := o.notices(t); got != days {
			t.Fatalf("killed after %d messages: %d digests in %d days", n, got, days)
		}
		if more {
			kills++
		}
	}
	if kills < 10 {
		t.Errorf("only %d kills", kills)
	}
}
