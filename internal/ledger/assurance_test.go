package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/approval"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/money"
)

const (
	largeSums = "[[step_up]]\nover = \"100000.00\"\ncurrency = \"RUB\"\nsteps = [\"treasurer\"]\nleast = \"totp\"\n"
	newPayees = "[[step_up]]\nnew_payee = true\nleast = \"pin\"\n"
)

// asking gives a ledger whose route asks for more than the chat.
func asking(t *testing.T, tables string) *ledgertest.Bench {
	t.Helper()
	b := ledgertest.New(t)
	if _, err := b.Publish(t.Context(), []byte(ledgertest.StepUp(tables)), "test"); err != nil {
		t.Fatal(err)
	}
	return b
}

// prove lets the person accept with a proof.
func prove(t *testing.T, b *ledgertest.Bench, id string, account int64, by approval.Assurance) (ledger.Voted, error) {
	t.Helper()
	tap := b.Tap(t, id, account, approval.Accept)
	tap.Assurance = by
	return b.DB.Vote(t.Context(), tap)
}

func TestLargeSumIsAcceptedWithMoreThanTheChatOnly(t *testing.T) {
	t.Parallel()
	b := asking(t, largeSums)
	st := b.Post(t, "1")
	if diff := cmp.Diff([]approval.Assurance{"chat", "chat", "totp"}, st.Case.Asks); diff != "" {
		t.Fatal(diff)
	}
	b.Vote(t, "1", ledgertest.Budget, approval.Accept, "")
	if _, err := prove(t, b, "1", ledgertest.Finance, approval.ByPasskey); err != nil { // more than is asked
		t.Fatal(err)
	}
	before, err := b.Document(t.Context(), ledgertest.Key("1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []approval.Assurance{"", approval.ByChat, approval.ByPIN, approval.ByLogin} {
		v, err := prove(t, b, "1", ledgertest.Treasurer, by)
		if less, ok := errors.AsType[*approval.AssuranceError](err); !ok || less.Least != approval.ByTOTP || !errors.Is(err, approval.ErrAssurance) {
			t.Errorf("accepted with %q: %v", by, err)
		}
		if diff := cmp.Diff(before.Case, v.Status.Case); diff != "" {
			t.Errorf("refused, and yet:\n%s", diff)
		}
	}
	if _, err := prove(t, b, "1", ledgertest.Treasurer, "face"); !errors.Is(err, approval.ErrVerdict) {
		t.Errorf("an unknown proof: %v", err)
	}
	if v, err := prove(t, b, "1", ledgertest.Treasurer, approval.ByTOTP); err != nil || v.Status.Case.State != approval.Approved {
		t.Fatalf("with a code: %s, %v", v.Status.Case.State, err)
	}
	assertReplay(t, b, "1")
	if got := heard(t, b); !cmp.Equal(got, []string{"chat", "passkey", "totp"}) {
		t.Errorf("the world is told of %q", got)
	}
}

// heard lists what the feed says of the votes.
func heard(t *testing.T, b *ledgertest.Bench) []string {
	t.Helper()
	b.SequenceAll(t)
	feed, err := b.Feed(t.Context(), ledger.FeedQuery{Source: ledgertest.Source, Types: []string{"vote.cast"}, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range feed {
		var body struct {
			Data struct {
				Assurance string `json:"assurance"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(e.Body), &body); err != nil {
			t.Fatal(err)
		}
		out = append(out, body.Data.Assurance)
	}
	return out
}

func TestRefusingALargeSumNeedsNoMoreThanTheChat(t *testing.T) {
	t.Parallel()
	b := asking(t, strings.Replace(largeSums, "steps = [\"treasurer\"]", "", 1))
	for id, verdict := range map[string]approval.Verdict{"1": approval.Reject, "2": approval.Return} {
		b.Post(t, id)
		b.Vote(t, id, ledgertest.Budget, verdict, "why")
		assertReplay(t, b, id)
	}
}

func TestPayeeIsNewUntilADecisionForItWasConsumed(t *testing.T) {
	t.Parallel()
	b := asking(t, newPayees)
	pay := func(id string, edit func(k *document.Key, d *document.Document)) bool {
		t.Helper()
		k, d := ledgertest.Key(id), ledgertest.Payment(id)
		edit(&k, &d)
		st, err := b.Submit(t.Context(), ledger.Submission{Key: k, Document: d})
		if err != nil {
			t.Fatal(err)
		}
		if asks := len(st.Case.Asks) > 0; asks != st.Case.NewPayee || st.Case.NewPayee && st.Case.Least(2) != approval.ByPIN {
			t.Errorf("%s: new %t, asks for %q", id, st.Case.NewPayee, st.Case.Asks)
		}
		return st.Case.NewPayee
	}
	plain := func(*document.Key, *document.Document) {}
	if !pay("first", plain) {
		t.Error("nothing was paid yet, and the payee is known")
	}
	for _, account := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
		if _, err := prove(t, b, "first", account, approval.ByPIN); err != nil {
			t.Fatal(err)
		}
	}
	if !pay("approved only", plain) {
		t.Error("known before the decision was consumed")
	}
	st, err := b.Document(t.Context(), ledgertest.Key("first"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Consume(t.Context(), ledgertest.Key("first"), st.Hash, "pay-1"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit func(k *document.Key, d *document.Document)
		want bool
	}{
		"the same":            {plain, false},
		"with blanks":         {func(_ *document.Key, d *document.Document) { d.Payee.Account = " 40702810 0000\u00a00000 0001\t" }, false},
		"another name":        {func(_ *document.Key, d *document.Document) { d.Payee.Name = "Landlord" }, false},
		"another account":     {func(_ *document.Key, d *document.Document) { d.Payee.Account = "40702810000000000002" }, true},
		"another bank":        {func(_ *document.Key, d *document.Document) { d.Payee.BankID = "044525226" }, true},
		"no bank":             {func(_ *document.Key, d *document.Document) { d.Payee.BankID = "" }, true},
		"no account":          {func(_ *document.Key, d *document.Document) { d.Payee.Account = " " }, true},
		"another company":     {func(_ *document.Key, d *document.Document) { d.Company = "LLC-B" }, true},
		"another system":      {func(k *document.Key, _ *document.Document) { k.Source = "erp2" }, true},
		"an account too long": {func(_ *document.Key, d *document.Document) { d.Payee.Account = strings.Repeat("4", 151) }, true},
	} {
		if got := pay(name, test.edit); got != test.want {
			t.Errorf("%s: new %t", name, got)
		}
	}
	assertReplay(t, b, "first")
	assertReplay(t, b, "the same")
	assertReplay(t, b, "another bank")
}

func TestAccountIsKnownWhateverItsCase(t *testing.T) {
	t.Parallel()
	b := asking(t, newPayees)
	for i, account := range []string{"DE89 3704 0044 0532 0130 00", "de89370400440532013000"} {
		id := fmt.Sprint(i)
		d := ledgertest.Payment(id)
		d.Payee.Account, d.Payee.BankID = account, []string{"COBADEFF", "cobadeff "}[i]
		st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
		if err != nil || st.Case.NewPayee != (i == 0) {
			t.Fatalf("%s: new %t, %v", account, st.Case.NewPayee, err)
		}
		for _, who := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
			if _, err := prove(t, b, id, who, approval.ByPIN); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Consume(t.Context(), ledgertest.Key(id), st.Hash, "pay"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPayeeOfADecisionTooLongToBeKeptIsPaidAllTheSame(t *testing.T) {
	t.Parallel()
	b := ledgertest.New(t)
	d := ledgertest.Payment("1")
	d.Payee.Account, d.Company = strings.Repeat("4", 5000), strings.Repeat("C", 5000)
	st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("1"), Document: d})
	if err != nil {
		t.Fatal(err)
	}
	b.Approve(t, "1")
	if _, err := b.Consume(t.Context(), ledgertest.Key("1"), st.Hash, "pay"); err != nil {
		t.Error(err)
	}
}

// TestSumThatGrowsWithinTheToleranceAsksAgain: the tolerance must not be a way around the
// limit, one small step after the other.
func TestSumThatGrowsWithinTheToleranceAsksAgain(t *testing.T) {
	t.Parallel()
	text := strings.Replace(ledgertest.StepUp(strings.Replace(largeSums, "steps = [\"treasurer\"]", "", 1)),
		`tolerance_percent = "0"`, `tolerance_percent = "5"`, 1)
	b := ledgertest.New(t)
	if _, err := b.Publish(t.Context(), []byte(text), "test"); err != nil {
		t.Fatal(err)
	}
	for id, voted := range map[string]bool{"quiet": false, "voted": true} {
		post := func(minor int64) ledger.Status {
			t.Helper()
			d := ledgertest.Payment(id)
			d.Amount = money.Amount{Minor: minor, Currency: "RUB"}
			st, err := b.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		if st := post(9_900_000); st.Case.Asks != nil {
			t.Fatalf("%s: below the limit it asks for %q", id, st.Case.Asks)
		}
		want, round := document.Tolerant, 1
		if voted {
			b.Vote(t, id, ledgertest.Budget, approval.Accept, "")
			want, round = document.Material, 2
		}
		if st := post(10_000_001); st.Class != want || st.Case.Round != round || st.Case.Least(0) != approval.ByTOTP {
			t.Errorf("%s: %s, round %d, asks for %q", id, st.Class, st.Case.Round, st.Case.Asks)
		}
		if _, err := prove(t, b, id, ledgertest.Budget, approval.ByChat); !errors.Is(err, approval.ErrAssurance) {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := prove(t, b, id, ledgertest.Budget, approval.ByTOTP); err != nil {
			t.Error(err)
		}
		if st := post(9_950_000); st.Class != document.Tolerant || st.Case.Least(1) != approval.ByTOTP {
			t.Errorf("%s: what the round asks for fell: %s, %q", id, st.Class, st.Case.Asks)
		}
		assertReplay(t, b, id)
	}
}

func TestManyDecisionsForOnePayeeAreConsumedAtOnce(t *testing.T) {
	t.Parallel()
	b := asking(t, newPayees)
	var hashes []string
	for i := range 12 {
		st := b.Post(t, fmt.Sprint(i))
		hashes = append(hashes, st.Hash)
		for _, who := range []int64{ledgertest.Budget, ledgertest.Finance, ledgertest.Treasurer} {
			if _, err := prove(t, b, fmt.Sprint(i), who, approval.ByPIN); err != nil {
				t.Fatal(err)
			}
		}
	}
	var wg sync.WaitGroup
	for i, hash := range hashes {
		wg.Go(func() {
			if _, err := b.Consume(context.WithoutCancel(t.Context()), ledgertest.Key(fmt.Sprint(i)), hash, "pay"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var n int
	if err := b.Pool.QueryRow(t.Context(), `select count(*) from known_payee`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d payees are known, %v", n, err)
	}
}
