package courier_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/courier"
	"countersign/internal/ledger/ledgertest"
)

func (o *office) count(t *testing.T, sql string) (n int) {
	t.Helper()
	must(t, o.Pool.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

// started is a replica that starts with this on the cards.
func (o *office) started(t *testing.T, look courier.Look) *courier.Courier {
	t.Helper()
	c := newCourier(t, ledgertest.On(t, o.OwnerURL, o.AppURL), o.tg.URL(), o.tg.Token())
	c.Look = look
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

// Cards that were sent before talks were turned on get the button, and lose it when they are
// turned off: once, whichever replica draws, and however many start.
func TestOpenCasesAreShownAnewOnceWhenTalksAreTurnedOnOrOff(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.courier.Appear(t.Context()))
	const id = "7301"
	o.pay(t, id, 5_000)
	o.calm(t)
	shows := func(when string, want courier.Look) {
		t.Helper()
		o.calm(t)
		cards := o.cards(ledgertest.Budget, id)
		if len(cards) != 1 {
			t.Fatalf("%s: %d cards", when, len(cards))
		}
		var is courier.Look
		_, is.Meet = cards[0].Button("📹")
		_, is.Phone = cards[0].Button("☎️")
		if is != want {
			t.Errorf("%s: leads to %+v, want %+v: %v", when, is, want, cards[0].Keyboard)
		}
	}
	shows("before", courier.Look{})
	for _, on := range []courier.Look{{Meet: true}, {}, {Phone: true}, {Meet: true, Phone: true}} {
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

// A gateway that never had talks asks for nothing, and what a kill cuts off is gone on
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
	o.started(t, courier.Look{Phone: true}) // and it dies
	next := o.started(t, courier.Look{Phone: true})
	o.renew(t, next)
	if n := o.count(t, behind); n != 2 {
		t.Errorf("%d asked for", n)
	}
	if n := o.count(t, `select count(*) from card_look where done and phone and not meet`); n != 1 {
		t.Error("it goes on for ever")
	}
}

// Where connections are few, one replica that shows cases anew holds no connection while it
// waits for another: with others that do the same nobody would ever get one.
func TestCasesAreShownAnewWhileOneConnectionIsFree(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.pay(t, "7321", 5_000)
	o.calm(t)
	must(t, o.courier.Appear(t.Context()))
	next := o.started(t, courier.Look{Meet: true})
	_, err := o.Pool.Exec(t.Context(), `update card_look set changed_at = changed_at - interval '1 minute'`)
	must(t, err)
	config := next.Store.Pool.Config()
	config.MaxConns = 2
	few, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(few.Close)
	next.Store.Pool, next.Ledger.Pool = few, few
	other, err := few.Acquire(t.Context())
	must(t, err)
	defer other.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // it would wait for ever
	defer cancel()
	if more, err := next.Renew(ctx); err != nil || !more || o.count(t, behind) != 1 {
		t.Errorf("more %t, %v, %d behind", more, err, o.count(t, behind))
	}
}
