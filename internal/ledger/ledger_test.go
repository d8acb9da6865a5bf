package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

func TestPaymentRequestGoesThroughThreeStepsAndIsConsumedOnce(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	st := b.Post(t, "4711")
	if !st.Created || st.Case.State != approval.InProgress || len(st.Awaiting) != 1 || st.Awaiting[0].User != "petrov" {
		t.Fatalf("posted: %+v", st)
	}
	b.Approve(t, "4711")
	key := ledgertest.Key("4711")
	st, err := b.Decision(t.Context(), key, st.Hash)
	if err != nil || st.Case.State != approval.Approved || st.Case.Decision == nil {
		t.Fatalf("decision: %+v, %v", st.Case, err)
	}
	if _, err := b.Consume(t.Context(), key, "sha256:other", "pay-1"); !errors.Is(err, approval.ErrRevision) {
		t.Errorf("other hash: %v", err)
	}
	for range 2 {
		if st, err = b.Consume(t.Context(), key, st.Hash, "pay-1"); err != nil || st.Case.Consumed.Ref != "pay-1" {
			t.Fatalf("consume: %+v, %v", st.Case.Consumed, err)
		}
	}
	if _, err := b.Consume(t.Context(), key, st.Hash, "pay-2"); !errors.Is(err, approval.ErrConsumed) {
		t.Errorf("another payment: %v", err)
	}
	if _, err := b.Withdraw(t.Context(), key, "too late"); !errors.Is(err, approval.ErrConsumed) {
		t.Errorf("withdraw: %v", err)
	}
	assertReplay(t, b, "4711")
}

// assertReplay folds the stored events and compares with the stored rows.
func assertReplay(t *testing.T, b *ledgertest.Bench, id string) {
	t.Helper()
	st, err := b.Document(t.Context(), ledgertest.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	events, err := b.Events(t.Context(), st.Case.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := approval.Replay(events)
	if diff := cmp.Diff(normal(t, st.Case), normal(t, got)); diff != "" {
		t.Errorf("events do not rebuild the case (-rows +events):\n%s", diff)
	}
}

func normal(t *testing.T, c approval.Case) map[string]any {
	t.Helper()
	if len(c.Missing) == 0 {
		c.Missing = nil
	}
	text, err := json.Marshal(c) //nolint:musttag // only compared with its like
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRejectNeedsAReasonAndEndsTheCase(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	tap := b.Tap(t, "1", ledgertest.Budget, approval.Reject)
	if _, err := b.DB.Vote(t.Context(), tap); !errors.Is(err, approval.ErrReasonNeeded) {
		t.Fatalf("without a reason: %v", err)
	}
	tap.Reason = "duplicate"
	v, err := b.DB.Vote(t.Context(), tap)
	if err != nil || v.Status.Case.State != approval.Rejected {
		t.Fatalf("with a reason: %+v, %v", v.Status.Case, err)
	}
	tap.Verdict = approval.Accept
	var already *approval.AlreadyVotedError
	if _, err := b.DB.Vote(t.Context(), tap); !errors.As(err, &already) || already.Same {
		t.Errorf("accept after reject: %v", err)
	}
	assertReplay(t, b, "1")
}

func TestMaterialChangeVoidsVotesAndOpensARound(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	old := b.Tap(t, "1", ledgertest.Finance, approval.Accept)
	d := ledgertest.Payment("1")
	d.Amount.Minor++
	st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
	if err != nil || st.Class != document.Material || st.Case.Round != 2 || st.Revision != 2 || st.Awaiting[0].User != "petrov" {
		t.Fatalf("revised: %+v, %v", st, err)
	}
	if _, err := b.DB.Vote(t.Context(), old); !errors.Is(err, approval.ErrMovedOn) {
		t.Errorf("old button: %v", err)
	}
	b.Approve(t, "1")
	assertReplay(t, b, "1")
	b.SequenceAll(t)
	feed, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range feed {
		if e.Seq != i+1 || !json.Valid([]byte(e.Body)) {
			t.Errorf("event %d: seq %d, body %s", i, e.Seq, e.Body)
		}
	}
	if feed[0].Kind != "document.received" || feed[len(feed)-1].Kind != "case.decided" {
		t.Errorf("feed from %s to %s", feed[0].Kind, feed[len(feed)-1].Kind)
	}
}

func TestSameContentChangesNothing(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	first := b.Post(t, "1")
	again := b.Post(t, "1")
	if again.Class != document.Unchanged || again.Created || again.Case.Events != first.Case.Events {
		t.Errorf("posted again: %+v", again)
	}
}

func TestRevisionNumbersOfTheERPAreKeptInOrder(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	post := func(revision, ifMatch int, minor int64) (ledger.Status, error) {
		d := ledgertest.Payment("1")
		d.Amount.Minor = minor
		return b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d, Revision: revision, IfMatch: ifMatch})
	}
	if st, err := post(4, 0, 100); err != nil || st.Revision != 4 {
		t.Fatalf("first: %d, %v", st.Revision, err)
	}
	if _, err := post(4, 0, 200); !errors.Is(err, ledger.ErrOldRevision) {
		t.Errorf("used up number: %v", err)
	}
	if _, err := post(5, 3, 200); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("stale If-Match: %v", err)
	}
	if st, err := post(7, 4, 200); err != nil || st.Revision != 7 {
		t.Errorf("next: %d, %v", st.Revision, err)
	}
}

func TestClosedCaseIsFollowedByAnotherOne(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	st := b.Post(t, "1")
	if _, err := b.Withdraw(t.Context(), ledgertest.Key("1"), ""); err != nil {
		t.Fatal(err)
	}
	old := ledger.Tap{Account: ledgertest.Budget, Case: st.Case.ID, Round: 1, Revision: 1, Verdict: approval.Accept}
	d := ledgertest.Payment("1")
	d.Payee.Account = "40702810000000000002"
	next, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
	if err != nil || next.Case.ID == st.Case.ID || next.Case.State != approval.InProgress || next.Revision != 2 {
		t.Fatalf("next case: %+v, %v", next, err)
	}
	if _, err := b.DB.Vote(t.Context(), old); !errors.Is(err, approval.ErrMovedOn) {
		t.Errorf("tap on the old case: %v", err)
	}
	assertReplay(t, b, "1")
}

func TestHundredTapsAtOnceAreOneDecision(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	tap := b.Tap(t, "1", ledgertest.Budget, approval.Accept)
	var wg sync.WaitGroup
	results := make(chan error, 100)
	for i := range 100 {
		mine := tap
		if i%2 == 1 {
			mine.Verdict, mine.Reason = approval.Reject, "no"
		}
		wg.Go(func() {
			_, err := b.DB.Vote(context.WithoutCancel(t.Context()), mine)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		var already *approval.AlreadyVotedError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &already):
			t.Errorf("loser is told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d votes were taken, want 1", won)
	}
	assertReplay(t, b, "1")
}

func TestSameNewDocumentFromManyIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]int{}
	created := 0
	for range 20 {
		wg.Go(func() {
			st, err := b.Submit(context.WithoutCancel(t.Context()), ledger.Submission{Key: ledgertest.Key("1"), Document: ledgertest.Payment("1")})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[st.ID]++
			if st.Created {
				created++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || created != 1 {
		t.Errorf("documents %v, created %d times", ids, created)
	}
}

func TestDeciderAndWithdrawalRaceToOneEnd(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	for i := range 20 {
		id := fmt.Sprint(i)
		b.Post(t, id)
		b.Vote(t, id, ledgertest.Budget, approval.Accept, "")
		b.Vote(t, id, ledgertest.Finance, approval.Accept, "")
		tap := b.Tap(t, id, ledgertest.Treasurer, approval.Accept)
		var wg sync.WaitGroup
		var voted, withdrawn error
		wg.Go(func() { _, voted = b.DB.Vote(context.WithoutCancel(t.Context()), tap) })
		wg.Go(func() { _, withdrawn = b.Withdraw(context.WithoutCancel(t.Context()), ledgertest.Key(id), "") })
		wg.Wait()
		st, err := b.Document(t.Context(), ledgertest.Key(id))
		if err != nil {
			t.Fatal(err)
		}
		switch st.Case.State {
		case approval.Approved:
			if voted != nil || !errors.Is(withdrawn, approval.ErrReasonNeeded) {
				t.Errorf("approved, yet vote %v and withdrawal %v", voted, withdrawn)
			}
		case approval.Withdrawn:
			if withdrawn != nil || !errors.Is(voted, approval.ErrClosed) {
				t.Errorf("withdrawn, yet vote %v and withdrawal %v", voted, withdrawn)
			}
		default:
			t.Errorf("state %s", st.Case.State)
		}
	}
}

func TestStrangerAndUnlinkedCannotVote(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	tap := b.Tap(t, "1", ledgertest.Budget, approval.Accept)
	for _, account := range []int64{999, ledgertest.Treasurer, ledgertest.Requester} {
		tap.Account = account
		if _, err := b.DB.Vote(t.Context(), tap); !errors.Is(err, approval.ErrNotAsked) {
			t.Errorf("account %d: %v", account, err)
		}
	}
}

func TestBlockedCaseGoesOnWhenSomebodyGetsTheRole(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	d := ledgertest.Payment("1")
	d.Requester = "petrov" // the only budget holder
	st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
	if err != nil || st.Case.State != approval.Blocked {
		t.Fatalf("posted: %s, %v", st.Case.State, err)
	}
	if n, err := b.Recheck(t.Context()); err != nil || n != 0 {
		t.Errorf("rechecked too early: %d, %v", n, err)
	}
	b.Import(t, ledgertest.User("new", "New Holder", "budget_holder", 2001))
	if n, err := b.Recheck(t.Context()); err != nil || n != 1 {
		t.Errorf("rechecked: %d, %v", n, err)
	}
	if st, _ = b.Document(t.Context(), ledgertest.Key("1")); st.Case.State != approval.InProgress || st.Awaiting[0].User != "new" {
		t.Errorf("after the recheck: %+v", st.Awaiting)
	}
	assertReplay(t, b, "1")
}

func TestWhoLeavesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Post(t, "1")
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	b.Vote(t, "1", ledgertest.Finance, approval.Accept, "")
	leave := func(who string) ledger.Status {
		if err := b.Directory.Deactivate(t.Context(), "test", who, "left"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Recheck(t.Context()); err != nil {
			t.Fatal(err)
		}
		st, err := b.Document(t.Context(), ledgertest.Key("1"))
		if err != nil {
			t.Fatal(err)
		}
		assertReplay(t, b, "1")
		return st
	}
	if st := leave("kozlov"); st.Case.State != approval.InProgress || len(st.Awaiting) != 1 || st.Awaiting[0].User != "orlova" {
		t.Errorf("one of two left: %s, %v", st.Case.State, st.Awaiting)
	}
	if st := leave("orlova"); st.Case.State != approval.Blocked || len(st.Awaiting) != 0 {
		t.Errorf("both left: %s, %v", st.Case.State, st.Awaiting)
	}
	b.Import(t, ledgertest.User("new", "New Treasurer", "treasurer", 2002))
	if n, err := b.Recheck(t.Context()); err != nil || n != 1 {
		t.Errorf("rechecked: %d, %v", n, err)
	}
	b.Vote(t, "1", 2002, approval.Accept, "")
	assertReplay(t, b, "1")
}
