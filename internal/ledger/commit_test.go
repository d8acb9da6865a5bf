package ledger_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
)

var errScan = errors.New("not what was expected")

func TestOnlyALostAnswerMakesTheOutcomeUnknown(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	for name, c := range map[string]struct {
		lent    func(*pgx.Batch)
		unknown bool
		stored  int
		tries   int
	}{
		"a value that cannot be encoded": {lent: func(b *pgx.Batch) { b.Queue(`select $1::int`, int64(1)<<40) }, tries: 1},
		"a statement that is no SQL":     {lent: func(b *pgx.Batch) { b.Queue(`selct 1`) }, tries: 1},
		"a statement that is refused":    {lent: func(b *pgx.Batch) { b.Queue(`select 1 / 0`) }, tries: 1},
		"a connection that ends before the commit": {
			lent:    func(b *pgx.Batch) { b.Queue(`select pg_terminate_backend(pg_backend_pid())`) },
			unknown: true, tries: 4,
		},
		"an answer that cannot be read, of a commit that was done": {
			lent:    func(b *pgx.Batch) { b.Queue(`select 1`).QueryRow(func(pgx.Row) error { return errScan }) },
			unknown: true, stored: 1, tries: 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.Post(t, name)
			m, tries := remark(t), 0
			err := b.Comment(t.Context(), ledgertest.Key(name), m, func(batch *pgx.Batch, _ error) {
				tries++
				c.lent(batch)
			})
			if err == nil || errors.Is(err, ledger.ErrUnknown) != c.unknown || tries != c.tries {
				t.Errorf("after %d tries: %v", tries, err)
			}
			var n int
			if err := b.Pool.QueryRow(t.Context(), `select count(*) from comment where id = $1`, m.ID).Scan(&n); err != nil || n != c.stored {
				t.Errorf("%d comments, %v", n, err)
			}
		})
	}
}

// TestWhatIsToldComesAfterACommit: whoever reads something that may tell a decision
// leaves his mark in the row of the document.
func TestWhatIsToldComesAfterACommit(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	st := b.Post(t, "1")
	b.SequenceAll(t)
	feed, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Limit: 10})
	if err != nil || len(feed) == 0 {
		t.Fatal(feed, err)
	}
	for _, c := range []struct {
		name string
		read func() error
	}{
		{"document", func() error { _, err := b.Document(t.Context(), ledgertest.Key("1")); return err }},
		{"case", func() error { _, err := b.Case(t.Context(), st.Case.ID); return err }},
		{"decision", func() error { _, err := b.Decision(t.Context(), ledgertest.Key("1"), st.Hash); return err }},
		{"feed", func() error {
			_, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Limit: 10})
			return err
		}},
		{"event", func() error { _, err := b.Event(t.Context(), ledgertest.Source, feed[0].ID); return err }},
		{"queue", func() error {
			petrov, _, err := b.Queue(t.Context(), person(t, b, "petrov"), 10)
			if err == nil && len(petrov) != 1 {
				t.Errorf("%d wait", len(petrov))
			}
			return err
		}},
	} {
		before := locks(t, b)
		if err := c.read(); err != nil {
			t.Fatal(c.name, err)
		}
		if looked(t, b, before) != 1 {
			t.Errorf("%s is told from a pure read", c.name)
		}
	}
	if _, err := b.Event(t.Context(), "another", feed[0].ID); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("of another source: %v", err)
	}
}

// person gives the id of somebody.
func person(t *testing.T, b *ledgertest.Bench, externalID string) people.ID {
	t.Helper()
	dir, err := b.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, ok := dir.Find(externalID)
	if !ok {
		t.Fatalf("nobody is called %s", externalID)
	}
	return p.ID
}
