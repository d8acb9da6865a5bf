package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

const scan = "%PDF-1.4 of the contract"

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// announce submits a document that comes with the scan.
func announce(t *testing.T, b *ledgertest.Bench, k document.Key) ledger.Status {
	t.Helper()
	d := ledgertest.Payment(k.ExternalID)
	d.Files = []document.File{{Name: "scan.pdf", SHA256: digestOf(scan), Size: int64(len(scan))}}
	st, err := b.Submit(t.Context(), ledger.Submission{Key: k, Document: d})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// upload stores the scan and tells nobody.
func upload(t *testing.T, b *ledgertest.Bench) {
	t.Helper()
	if _, err := b.Files.Put(t.Context(), ledgertest.Source, digestOf(scan), bytes.NewReader([]byte(scan))); err != nil {
		t.Fatal(err)
	}
}

// missing counts the files that a document waits for.
func missing(t *testing.T, b *ledgertest.Bench, k document.Key) int {
	t.Helper()
	st, err := b.Document(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return len(st.Case.Missing)
}

func TestAFileIsSentOnceForAllDocumentsOfItsSource(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	stranger := document.Key{Source: "crm", ExternalID: "1"}
	keys := []document.Key{ledgertest.Key("1"), ledgertest.Key("2"), ledgertest.Key("3"), stranger}
	for _, k := range keys {
		announce(t, b, k)
	}
	if _, err := b.Withdraw(t.Context(), ledgertest.Key("3"), "no longer needed"); err != nil {
		t.Fatal(err)
	}
	upload(t, b)
	st, err := b.FileArrived(t.Context(), ledgertest.Key("1"), digestOf(scan))
	if err != nil || len(st.Case.Missing) != 0 || st.Key != ledgertest.Key("1") {
		t.Errorf("%v misses %v, %v", st.Key, st.Case.Missing, err)
	}
	for i, want := range []int{0, 0, 1, 1} { // the third has ended, the fourth is another's
		if n := missing(t, b, keys[i]); n != want {
			t.Errorf("%v misses %d files, want %d", keys[i], n, want)
		}
	}
	b.Approve(t, "2")
	assertReplay(t, b, "2")
	again, err := b.FileArrived(t.Context(), ledgertest.Key("1"), digestOf(scan))
	if err != nil || again.Case.Events != st.Case.Events {
		t.Errorf("the second arrival is event %d after %d, %v", again.Case.Events, st.Case.Events, err)
	}
}

func TestRecheckSuppliesTheFileThatCameTogetherWithItsDocument(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	k := ledgertest.Key("1")
	announce(t, b, k)
	if _, err := b.Recheck(t.Context()); err != nil || missing(t, b, k) != 1 {
		t.Fatalf("%d missing while the file is not here, %v", missing(t, b, k), err)
	}
	upload(t, b)
	if _, err := b.Recheck(t.Context()); err != nil || missing(t, b, k) != 0 {
		t.Fatalf("%d missing, %v", missing(t, b, k), err)
	}
	b.Approve(t, "1")
	assertReplay(t, b, "1")
}

func TestRecheckSuppliesTheFileOfAnApprovedDocument(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	k := ledgertest.Key("1")
	b.Post(t, "1")
	b.Approve(t, "1")
	if st := announce(t, b, k); st.Case.State != approval.Approved || len(st.Case.Missing) != 1 {
		t.Fatalf("%s, missing %v", st.Case.State, st.Case.Missing)
	}
	upload(t, b)
	if _, err := b.Recheck(t.Context()); err != nil || missing(t, b, k) != 0 {
		t.Errorf("%d missing, %v", missing(t, b, k), err)
	}
	assertReplay(t, b, "1")
}
