package hook_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/hook"
	"countersign/internal/ledger"
	"countersign/internal/postgres"
	"countersign/internal/postgres/postgrestest"
	"countersign/internal/wake"
)

// syncing gives a ledger on a server that flushes every commit, and a hook.
func syncing(b *testing.B) (*ledger.DB, *hook.Hook) {
	b.Helper()
	server := postgrestest.Open(b, postgres.Options{})
	if _, err := ledger.Migrate(b.Context(), server.OwnerDSN(), slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	config, err := pgxpool.ParseConfig(server.AppDSN())
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	db := &ledger.DB{Pool: pool, Now: time.Now, Bell: &wake.Bell{}}
	h := &hook.Hook{Pool: pool, Ledger: db, Bell: db.Bell, Now: time.Now, Log: slog.New(slog.DiscardHandler), Egress: loopback()}
	return db, h
}

// counter is a receiver that is quick.
func counter(b *testing.B, got func()) string {
	b.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got() }))
	b.Cleanup(s.Close)
	return s.URL
}

// BenchmarkDeliveries works off a backlog: deliveries a second, each noted as done.
func BenchmarkDeliveries(b *testing.B) {
	for _, test := range []struct{ endpoints, inFlight int }{{1, 4}, {1, 16}, {2, 4}, {2, 16}, {8, 4}} {
		b.Run(fmt.Sprintf("endpoints=%d/in_flight=%d", test.endpoints, test.inFlight), func(b *testing.B) {
			db, h := syncing(b)
			var done atomic.Int64
			finished := make(chan struct{})
			total := int64(b.N * test.endpoints)
			h.Metrics.Delivered = func(string, time.Duration, time.Duration) {
				if done.Add(1) == total {
					close(finished)
				}
			}
			url := counter(b, func() {})
			for range test.endpoints {
				if _, _, err := h.Create(b.Context(), source, hook.NewEndpoint{URL: url, InFlight: test.inFlight}); err != nil {
					b.Fatal(err)
				}
			}
			kinds := slices.Repeat([]string{"vote.cast"}, 5)
			for left := b.N; left > 0; left -= len(kinds) {
				if _, err := emit(b.Context(), db.Pool, fmt.Sprint("D", left), kinds[:min(left, len(kinds))]...); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			stop := run(b, h)
			<-finished
			b.StopTimer()
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "deliveries/s")
			stop()
		})
	}
}

// BenchmarkCommitToReceiver sends single events through an idle gateway: how long from
// their commit until the receiver has them.
func BenchmarkCommitToReceiver(b *testing.B) {
	db, h := syncing(b)
	arrived := make(chan struct{}, 1)
	url := counter(b, func() { arrived <- struct{}{} })
	if _, _, err := h.Create(b.Context(), source, hook.NewEndpoint{URL: url}); err != nil {
		b.Fatal(err)
	}
	run(b, h)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		if _, err := emit(b.Context(), db.Pool, fmt.Sprint("D", i), "case.decided"); err != nil {
			b.Fatal(err)
		}
		committed := time.Now()
		db.Bell.Ring()
		<-arrived
		took = append(took, time.Since(committed))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50_ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99_ms")
}

// BenchmarkPurge removes old history, a delivery and its attempt for each count; try
// -benchtime 1000000x.
func BenchmarkPurge(b *testing.B) {
	db, h := syncing(b)
	e, _, err := h.Create(b.Context(), source, hook.NewEndpoint{URL: counter(b, func() {})})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := emit(b.Context(), db.Pool, "D", "case.started"); err != nil {
		b.Fatal(err)
	}
	if err := furnish(b.Context(), db.Pool, e.ID, b.N); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	n, err := h.Purge(b.Context(), time.Now().Add(-90*day))
	if err != nil || n != 2*int64(b.N) {
		b.Fatalf("%d rows purged, %v", n, err)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}
