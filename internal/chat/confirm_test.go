package chat_test

import (
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/assure"
	"countersign/internal/ledger/ledgertest"
)

// Whoever casts and dies before that is noted lets the same be cast again: it is one vote.
func TestSameConfirmationCastTwiceIsOneVote(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Post(t, "21")
	tap := o.Tap(t, "21", ledgertest.Budget, approval.Accept)
	a := assure.Ask{
		Account: tap.Account, Case: string(tap.Case), Round: tap.Round, Step: tap.Step, No: tap.No, Revision: tap.Revision,
		Verdict: string(tap.Verdict), Language: "en",
	}
	for i, words := range []string{"✅", "Already recorded"} {
		text, err := o.door.Cast(t.Context(), a, "pin")
		if err != nil || !strings.Contains(text, words) {
			t.Errorf("%d: %q, %v", i+1, text, err)
		}
	}
	st, err := o.Document(t.Context(), ledgertest.Key("21"))
	must(t, err)
	votes := 0
	for _, s := range st.Case.Slots {
		if s.Vote != nil {
			votes++
		}
	}
	if votes != 1 || st.Case.Step != 1 {
		t.Errorf("%d votes, at step %d", votes, st.Case.Step)
	}
}
