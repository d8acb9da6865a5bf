package ledger_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"countersign/internal/ident"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// remark is a comment with a new id.
func remark(t *testing.T) ledger.Remark {
	t.Helper()
	id, err := ident.New("com")
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Remark{ID: id, Author: "ivanova", Text: "The invoice is attached now."}
}

// told lists the ids of the comments that the feed tells of.
func told(t *testing.T, b *ledgertest.Bench) []string {
	t.Helper()
	b.SequenceAll(t)
	events, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Types: []string{"comment.added"}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range events {
		_, rest, _ := strings.Cut(e.Body, `"comment_id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		ids = append(ids, id)
	}
	return ids
}

func TestACommentOfOneIdIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	m := remark(t)
	var wg sync.WaitGroup
	for range 10 { // as many tries whose answers were lost
		wg.Go(func() {
			if err := b.Comment(t.Context(), ledgertest.Key("4711"), m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var id, author, text string
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select min(id), min(author), min(text), count(*) from comment`).Scan(&id, &author, &text, &n); err != nil {
		t.Fatal(err)
	}
	if n != 1 || id != m.ID || author != m.Author || text != m.Text {
		t.Errorf("%d comments, %s by %s: %s", n, id, author, text)
	}
	if ids := told(t, b); len(ids) != 1 || ids[0] != m.ID {
		t.Errorf("told of %v, want %s", ids, m.ID)
	}
}

func TestWhatIsLentIsCommittedWithTheComment(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	failing := func(batch *pgx.Batch, _ error) { batch.Queue(`select 1/0`) }
	m := remark(t)
	if err := b.Comment(t.Context(), ledgertest.Key("4711"), m, failing); err == nil {
		t.Error("the lent work failed and the comment did not")
	}
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from comment`).Scan(&n); err != nil || n != 0 || len(told(t, b)) != 0 {
		t.Errorf("%d comments, %v, told of %v", n, err, told(t, b))
	}
	if err := b.Comment(t.Context(), ledgertest.Key("4711"), m); err != nil {
		t.Error(err)
	}
	if ids := told(t, b); len(ids) != 1 || ids[0] != m.ID {
		t.Errorf("told of %v, want %s", ids, m.ID)
	}
}

func TestTheIdOfACommentBelongsToOneDocument(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "4711")
	b.Post(t, "4712")
	m := remark(t)
	if err := b.Comment(t.Context(), ledgertest.Key("4711"), m); err != nil {
		t.Fatal(err)
	}
	if err := b.Comment(t.Context(), ledgertest.Key("4712"), m); err == nil {
		t.Error("the same id was taken for another document")
	}
	if err := b.Comment(t.Context(), ledgertest.Key("none"), remark(t)); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("no such document: %v", err)
	}
	if ids := told(t, b); len(ids) != 1 || ids[0] != m.ID {
		t.Errorf("told of %v, want %s", ids, m.ID)
	}
}
