package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/chat"
	"countersign/internal/config"
	"countersign/internal/journal"
	"countersign/internal/secret"
)

// openJournal makes what keeps what is received from Telegram and sent to it.
func (g *gateway) openJournal(context.Context) error {
	dropped := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "countersign_journal_dropped_total", Help: "Entries of the journal for which there was no room.",
	})
	g.journal = &journal.Journal{
		Store: &journal.Store{Pool: g.records.pool, Crash: g.crash}, Texts: journal.Texts(g.cfg.Journal.Texts),
		Mask: secret.NewMasker(g.cfg.Secrets()...), Case: chat.CaseOf, Dropped: func(n int) { dropped.Add(float64(n)) }, Now: time.Now, Log: g.log,
	}
	return g.meters.registry.Register(dropped)
}

// writeJournal runs the journal beside all other parts. The function ends it, when they have
// ended: what they did last is written, too.
func (g *gateway) writeJournal(ctx context.Context) func() error {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- g.journal.Run(ctx) }()
	return func() error { end(); return <-done }
}

func keepJournal(j config.Journal) journal.Keep {
	return journal.Keep{Entries: j.Keep, Failed: j.KeepFailed}
}
