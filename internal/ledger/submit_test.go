package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/people"
)

// rename gives a person other names, as an ERP's directory does.
func rename(t *testing.T, b *ledgertest.Bench, id, mail string, roles ...string) {
	t.Helper()
	u := ledgertest.User(id, id, roles[0], 0)
	u.Email = mail
	for _, r := range roles[1:] {
		u.Roles = append(u.Roles, people.ParseRole(r))
	}
	b.Import(t, u)
}

func TestWhoWroteTheDocumentNeverDecidesWhateverHeIsCalledLater(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	rename(t, b, "ivanova", "ivanova@example.org", "requester", "treasurer")
	d := ledgertest.Payment("1")
	d.Requester = "Ivanova@Example.org"
	if _, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d}); err != nil {
		t.Fatal(err)
	}
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	rename(t, b, "ivanova", "smirnova@example.org", "requester", "treasurer")
	st := b.Vote(t, "1", ledgertest.Finance, approval.Accept, "").Status
	for _, a := range st.Awaiting {
		if a.User == "ivanova" {
			t.Error("the requester is asked")
		}
	}
	if len(st.Awaiting) != 2 {
		t.Errorf("asked are %+v, want the two treasurers", st.Awaiting)
	}
	assertReplay(t, b, "1")
}

func TestWhoWroteTheDocumentIsKnownInItsNextCaseToo(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	rename(t, b, "ivanova", "ivanova@example.org", "requester", "budget_holder")
	d := ledgertest.Payment("1")
	d.Requester = "ivanova@example.org"
	post := func() ledger.Status {
		st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	post()
	if _, err := b.Withdraw(t.Context(), ledgertest.Key("1"), ""); err != nil {
		t.Fatal(err)
	}
	rename(t, b, "ivanova", "smirnova@example.org", "requester", "budget_holder")
	d.Amount.Minor++
	if st := post(); len(st.Awaiting) != 1 || st.Awaiting[0].User != "petrov" {
		t.Errorf("asked are %+v, want the other budget holder alone", st.Awaiting)
	}
	assertReplay(t, b, "1")
}

func TestStateThatIsNoNewsUsesUpItsNumber(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	post := func(revision int, minor int64) error {
		d := ledgertest.Payment("1")
		d.Amount.Minor = minor
		_, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d, Revision: revision})
		return err
	}
	for _, c := range []struct {
		revision int
		minor    int64
		want     error
	}{
		{5, 100, nil},
		{7, 100, nil},
		{6, 200, ledger.ErrOldRevision},
		{7, 200, ledger.ErrOldRevision},
		{6, 100, nil},
		{8, 200, nil},
		{0, 300, nil},
		{9, 400, ledger.ErrOldRevision},
		{10, 400, nil},
	} {
		if err := post(c.revision, c.minor); !errors.Is(err, c.want) {
			t.Errorf("revision %d with %d: %v, want %v", c.revision, c.minor, err, c.want)
		}
	}
}

func TestConditionOnADocumentThatIsNotThereIsStale(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	_, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: ledgertest.Payment("1"), IfMatch: 3})
	if !errors.Is(err, ledger.ErrStale) {
		t.Errorf("%v, want stale", err)
	}
	if _, err := b.Document(t.Context(), ledgertest.Key("1")); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("the document was made: %v", err)
	}
}

func TestFileThatCameAnotherWayIsNotMissed(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	sum := sha256.Sum256([]byte("invoice"))
	d := ledgertest.Payment("1")
	d.Files = []document.File{{Name: "a.txt", SHA256: hex.EncodeToString(sum[:])}}
	post := func() ledger.Status {
		st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	if st := post(); len(st.Case.Missing) != 1 {
		t.Fatalf("missing %q", st.Case.Missing)
	}
	if _, err := b.DB.Vote(t.Context(), b.Tap(t, "1", ledgertest.Budget, approval.Accept)); !errors.Is(err, approval.ErrFilesMissing) {
		t.Fatalf("accepted without the file: %v", err)
	}
	if _, err := b.Files.Put(t.Context(), ledgertest.Source, "", strings.NewReader("invoice")); err != nil {
		t.Fatal(err)
	}
	if st := post(); st.Class != document.Unchanged || len(st.Case.Missing) != 0 {
		t.Errorf("posted again: %s, missing %q", st.Class, st.Case.Missing)
	}
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	assertReplay(t, b, "1")
}

func TestWhoIsAskedAgainIsAskedForTheNewReason(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	b.Import(t, ledgertest.User("kozlov", "Ivan Kozlov", "auditor", ledgertest.Treasurer))
	b.Post(t, "1")
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	b.Vote(t, "1", ledgertest.Finance, approval.Accept, "")
	staff := func(who, role string, account int64) {
		t.Helper()
		b.Import(t, ledgertest.User(who, who, role, account))
		if _, err := b.Recheck(t.Context()); err != nil {
			t.Fatal(err)
		}
		assertReplay(t, b, "1")
	}
	if err := b.Directory.Deactivate(t.Context(), "test", "orlova", "left"); err != nil {
		t.Fatal(err)
	}
	staff("kozlov", "auditor", ledgertest.Treasurer)
	st, err := b.Document(t.Context(), ledgertest.Key("1"))
	if err != nil || st.Case.State != approval.Blocked {
		t.Fatalf("%s, %v; want it blocked", st.Case.State, err)
	}
	if err := b.Directory.Reactivate(t.Context(), "test", "orlova"); err != nil {
		t.Fatal(err)
	}
	staff("orlova", "treasurer@LLC-A", ledgertest.Second)
	st, err = b.Document(t.Context(), ledgertest.Key("1"))
	if err != nil || len(st.Awaiting) != 1 || st.Awaiting[0].User != "orlova" {
		t.Errorf("asked are %+v, %v", st.Awaiting, err)
	}
}

func TestEventOfACrowdFitsIntoItsBound(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	for i := range 400 {
		id := fmt.Sprintf("%03d-%s", i, strings.Repeat("имя", 60))
		u := ledgertest.User(id, id, "finance_manager", 0)
		u.Email = ""
		b.Import(t, u)
	}
	b.Post(t, "1")
	st := b.Vote(t, "1", ledgertest.Budget, approval.Accept, "").Status
	if len(st.Awaiting) < 400 {
		t.Fatalf("%d are asked", len(st.Awaiting))
	}
	b.SequenceAll(t)
	feed, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	last := feed[len(feed)-1].Body
	if !strings.Contains(last, `"asked_count":401`) || !strings.Contains(last, `"shortened":true`) || len(last) > 20<<10 {
		t.Errorf("%d bytes: %.300s", len(last), last)
	}
	if err := b.Comment(t.Context(), ledgertest.Key("1"), ledger.Remark{
		ID: "com_" + strings.Repeat("0", 26), Author: "x", Text: strings.Repeat("<", 4000),
	}); err != nil {
		t.Errorf("a comment of brackets: %v", err)
	}
}
