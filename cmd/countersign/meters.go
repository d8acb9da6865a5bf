package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/ledger"
	"countersign/internal/server"
	"countersign/internal/telegram"
)

// meters are what operators watch, beside the requests.
type meters struct {
	registry *prometheus.Registry
	http     *server.Metrics
	calls    *prometheus.CounterVec
	callTime *prometheus.HistogramVec
	updates  *prometheus.CounterVec
	sends    *prometheus.CounterVec
	lag      prometheus.Histogram
}

func newMeters(registry *prometheus.Registry) (*meters, error) {
	http, err := server.NewMetrics(registry)
	m := &meters{
		registry: registry, http: http,
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_telegram_calls_total", Help: "Calls of the Bot API, by method and outcome.",
		}, []string{"method", "outcome"}),
		callTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_telegram_call_seconds", Help: "Duration of calls of the Bot API.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"method"}),
		updates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_telegram_updates_total", Help: "Updates that came in, by what became of them.",
		}, []string{"state"}),
		sends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_webhook_attempts_total", Help: "Attempts to deliver an event, by what became of them.",
		}, []string{"outcome"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "countersign_webhook_lag_seconds", Help: "Time from an event to its delivery.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 5, 30, 300, 3600, 86400},
		}),
	}
	return m, errors.Join(err, registry.Register(m.calls), registry.Register(m.callTime), registry.Register(m.updates),
		registry.Register(m.sends), registry.Register(m.lag))
}

func (m *meters) call(method string, kind telegram.Kind, took time.Duration) {
	m.calls.WithLabelValues(method, kind.String()).Inc()
	m.callTime.WithLabelValues(method).Observe(took.Seconds())
}

// hook counts deliveries; endpoints are not labels, because ERPs make them at will.
func (m *meters) hook() hook.Metrics {
	return hook.Metrics{
		Delivered: func(_ string, lag, _ time.Duration) {
			m.sends.WithLabelValues("delivered").Inc()
			m.lag.Observe(lag.Seconds())
		},
		Failed: func(string, int, time.Duration) { m.sends.WithLabelValues("failed").Inc() },
		Dead:   func(string) { m.sends.WithLabelValues("dead").Inc() },
		Stale:  func(string) { m.sends.WithLabelValues("stale").Inc() },
	}
}

func (m *meters) update(state string) { m.updates.WithLabelValues(state).Inc() }

// backlog shows at each scrape what waits, and what waits for somebody to look at it.
type backlog struct {
	ledger *ledger.DB
	inbox  *inbox.Inbox
	size   *prometheus.Desc
}

func newBacklog(l *ledger.DB, x *inbox.Inbox) *backlog {
	return &backlog{ledger: l, inbox: x, size: prometheus.NewDesc(
		"countersign_backlog", "What waits: updates, cases whose messages are behind, events without a place in the feed; and updates parked or unreadable.",
		[]string{"what"}, nil,
	)}
}

// Describe names the figure.
func (b *backlog) Describe(to chan<- *prometheus.Desc) { to <- b.size }

// Collect asks the database. What it does not tell in time is left out.
func (b *backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	tell := func(what string, n int, err error) {
		if err == nil {
			to <- prometheus.MustNewConstMetric(b.size, prometheus.GaugeValue, float64(n), what)
		}
	}
	waiting, parked, unreadable, err := b.inbox.Counts(ctx)
	tell("updates_waiting", waiting, err)
	tell("updates_parked", parked, err)
	tell("updates_unreadable", unreadable, err)
	behind, err := b.ledger.Lag(ctx)
	tell("cases_behind", behind, err)
	unplaced, err := b.ledger.Unsequenced(ctx)
	tell("events_unplaced", unplaced, err)
}
