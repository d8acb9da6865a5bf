package chat_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"countersign/internal/chat"
	"countersign/internal/inbox"
	tracks "countersign/internal/journal"
	"countersign/internal/telegram"
)

func (d *desk) call(c telegram.Call) {
	if j := d.kept.Load(); j != nil {
		j.Call(c)
	}
}

func (d *desk) update(e inbox.Ending) {
	if j := d.kept.Load(); j != nil {
		j.Update(e)
	}
}

// BenchmarkTapJournalled measures taps with the journal that is kept of them, against taps
// without, on the same cluster, interleaved.
func BenchmarkTapJournalled(b *testing.B) {
	d := newDesk(b)
	j := &tracks.Journal{Store: &tracks.Store{Pool: d.Pool}, Texts: tracks.Digest, Case: chat.CaseOf, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(b.Context())
	var writing sync.WaitGroup
	writing.Go(func() { _ = j.Run(ctx) })
	const round = 2000
	d.press(b, d.taps(b, 500, 0), 0, connections) // warm
	from := 500
	rates := map[bool][]float64{}
	for b.Loop() {
		for _, kept := range []bool{true, false} {
			b.StopTimer()
			taps := d.taps(b, round, from)
			if kept {
				d.kept.Store(j)
			} else {
				d.kept.Store(nil)
			}
			b.StartTimer()
			took := d.press(b, taps, from, connections)
			from += round
			rates[kept] = append(rates[kept], round/took.Seconds())
		}
	}
	b.StopTimer()
	cancel()
	writing.Wait()
	var rows int
	if err := d.Pool.QueryRow(b.Context(), "select count(*) from journal_entry").Scan(&rows); err != nil || rows < round*len(rates[true]) {
		b.Errorf("%d entries: %v", rows, err)
	}
	b.ReportMetric(median(rates[true]), "taps/s")
	b.ReportMetric(median(rates[false]), "taps/s-without")
	b.ReportMetric(median(rates[true])/median(rates[false]), "ratio")
}
