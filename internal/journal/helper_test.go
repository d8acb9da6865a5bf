package journal_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"countersign/internal/journal"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/secret"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// desk is a database with journals that write to it.
type desk struct {
	url   string
	owner *pgxpool.Pool
	log   *record
}

func newDesk(tb testing.TB) *desk {
	tb.Helper()
	owner, app := ledgertest.Database(tb)
	return &desk{url: app, owner: connect(tb, owner), log: &record{}}
}

func connect(tb testing.TB, url string) *pgxpool.Pool {
	tb.Helper()
	pool, err := pgxpool.New(tb.Context(), url)
	must(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// journal is one of a replica's that does not run yet.
func (d *desk) journal(tb testing.TB) *journal.Journal {
	tb.Helper()
	return &journal.Journal{
		Store: &journal.Store{Pool: connect(tb, d.url)}, Texts: journal.Digest, Mask: secret.NewMasker("4242:AA-secret_token_of_the_bot"), Now: time.Now,
		Case: func(data string) string { _, id, _ := strings.Cut(data, ":"); return id },
		Log:  slog.New(slog.NewTextHandler(d.log, nil)),
	}
}

// run lets a journal write; the function ends it as a process does that is told to.
func run(tb testing.TB, j *journal.Journal) (end func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	end = sync.OnceFunc(func() { cancel(); must(tb, <-done) })
	tb.Cleanup(end)
	return end
}

func (d *desk) count(tb testing.TB, where string, args ...any) (n int) {
	tb.Helper()
	must(tb, d.owner.QueryRow(tb.Context(), "select count(*) from journal_entry where "+where, args...).Scan(&n))
	return n
}

func (d *desk) exec(tb testing.TB, sql string) {
	tb.Helper()
	_, err := d.owner.Exec(tb.Context(), sql)
	must(tb, err)
}

// until waits for something to become true.
func until(tb testing.TB, holds func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeoutCause(tb.Context(), 20*time.Second, errors.New("it never happened"))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			tb.Fatal(context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// record is a log.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.text.String(), text)
}
