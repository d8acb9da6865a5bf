package wake_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/wake"
)

func closed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestARingWakesEverybodyOnce(t *testing.T) {
	t.Parallel()
	b := &wake.Bell{}
	first, second, own := b.Wait(), b.Wait(), b.Rung()
	if closed(first) || closed(second) || closed(own) {
		t.Error("woken before the ring")
	}
	b.Ring()
	if !closed(first) || !closed(second) || !closed(own) {
		t.Error("not woken by the ring")
	}
	if closed(b.Wait()) || closed(b.Rung()) {
		t.Error("a ring of the past wakes who waits afterwards")
	}
}

func TestAnEchoIsNotCarriedOn(t *testing.T) {
	t.Parallel()
	b := &wake.Bell{}
	loop, carrier := b.Wait(), b.Rung()
	b.Echo()
	if !closed(loop) || closed(carrier) {
		t.Errorf("loop woken: %t, carrier woken: %t", closed(loop), closed(carrier))
	}
	b.Ring()
	if !closed(carrier) {
		t.Error("the carrier missed the ring after the echo")
	}
}

func TestANilBellRingsForNobody(t *testing.T) {
	t.Parallel()
	var b *wake.Bell
	b.Ring()
	b.Echo()
	if closed(b.Wait()) || closed(b.Rung()) {
		t.Error("nobody rang")
	}
}

func TestRestEndsWithItsTimeOrWithItsContext(t *testing.T) {
	t.Parallel()
	if !wake.Rest(t.Context(), time.Nanosecond) {
		t.Error("it did not last")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if wake.Rest(ended, time.Hour) {
		t.Error("it outlasted its context")
	}
}
