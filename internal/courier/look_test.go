package courier_test

import (
	"sync"
	"testing"

	"countersign/internal/courier"
	"countersign/internal/ledger/ledgertest"
)

func (o *office) count(t *testing.T, sql string) (n int) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

// started is a replica that starts with meetings on or off.
func (o *office) started(t *testing.T, meet bool) *courier.Courier {
	t.Helper()
	c := newCourier(t, ledgertest.On(t, o.OwnerURL, o.AppURL), o.tg.URL(), o.tg.Token())
	c.Meet = meet
	must(t, c.Appear(t.Context()))
	return c
}

// renew asks for what is to be drawn anew, to the end, when all have heard of it.
func (o *office) renew(t *testing.T, replicas ...*courier.Courier) {
	t.Helper()
	_, err := o.Pool.Exec(t.Context(), `update card_look set changed_at = changed_at - interval '1 minute'`)
	must(t, err)
	var all sync.WaitGroup
	for _, c := range replicas {
		all.Go(func() {
			for more := true; more; {
				var err error
				if more, err = c.Renew(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

const behind = `select count(*) from approval_case where cards_at < events`

// Cards that were sent before meetings were turned on get the button, and lose it when they
// are turned off: once, whichever replica draws, and however many start.
func TestOpenCasesAreShownAnewOnceWhenMeetingsAreTurnedOnOrOff(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.courier.Appear(t.Context()))
	const id = "7301"
	o.pay(t, id, 5_000)
	o.calm(t)
	shows := func(when string, want bool) {
		t.Helper()
		o.calm(t)
		cards := o.cards(ledgertest.Budget, id)
		if len(cards) != 1 {
			t.Fatalf("%s: %d cards", when, len(cards))
		}
		if _, is := cards[0].Button("📹"); is != want {
			t.Errorf("%s: leads to a meeting %t, %v", when, is, cards[0].Keyboard)
		}
	}
	shows("before", false)
	for _, on := range []bool{true, false, true} {
		first := o.started(t, on)
		if more, err := first.Renew(t.Context()); err != nil || !more || o.count(t, behind) != 0 {
			t.Errorf("before the others have heard of it: %t, %v, %d behind", more, err, o.count(t, behind))
		}
		_, err := o.courier.Renew(t.Context()) // the old replica hears of it
		must(t, err)
		second := o.started(t, on)
		o.renew(t, first, second, o.courier)
		if n := o.count(t, behind); n != 1 {
			t.Errorf("%d asked for", n)
		}
		shows("drawn by the old replica", on)
		o.renew(t, o.started(t, on), first, second)
		if n := o.count(t, behind); n != 0 {
			t.Errorf("%d asked for at another start", n)
		}
	}
}

// A gateway that never had meetings asks for nothing, and what a kill cuts off is gone on
// with by the next one.
func TestRenewalThatIsCutOffIsGoneOnWith(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, id := range []string{"7311", "7312"} {
		o.pay(t, id, 5_000)
	}
	o.calm(t)
	must(t, o.courier.Appear(t.Context()))
	o.renew(t, o.courier)
	if n := o.count(t, behind); n != 0 {
		t.Errorf("%d asked for, and nothing changed", n)
	}
	o.started(t, true) // and it dies
	next := o.started(t, true)
	o.renew(t, next)
	if n := o.count(t, behind); n != 2 {
		t.Errorf("%d asked for", n)
	}
	if n := o.count(t, `select count(*) from card_look where done and meet`); n != 1 {
		t.Error("it goes on for ever")
	}
}
