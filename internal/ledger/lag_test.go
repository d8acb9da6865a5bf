package ledger_test

import (
	"testing"
	"time"

	"countersign/internal/ledger/ledgertest"
)

func TestLagCountsOnlyCasesThatNothingHasJustHappenedTo(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "41")
	for quiet, want := range map[time.Duration]int{-time.Minute: 1, time.Hour: 0} {
		if n, err := b.LagSince(t.Context(), quiet); err != nil || n != want {
			t.Errorf("quiet for %s: %d, %v; want %d", quiet, n, err, want)
		}
	}
	draw(t, b)
	if n, err := b.LagSince(t.Context(), -time.Minute); err != nil || n != 0 {
		t.Errorf("when all is drawn: %d, %v", n, err)
	}
}
