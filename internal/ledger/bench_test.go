package ledger_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// BenchmarkVote measures the decide transaction by itself, 1 and 16 at once.
func BenchmarkVote(b *testing.B) {
	for _, at := range []int{1, 16} {
		b.Run(fmt.Sprintf("at-once-%d", at), func(b *testing.B) {
			l := ledgertest.New(b)
			taps := make([]ledger.Tap, b.N)
			for i := range taps {
				st := l.Post(b, fmt.Sprint(i))
				taps[i] = ledger.Tap{Account: ledgertest.Budget, Case: st.Case.ID, Round: 1, Revision: 1, Verdict: approval.Accept}
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range at {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(len(taps)); i = next.Add(1) - 1 {
						if _, err := l.DB.Vote(b.Context(), taps[i]); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
