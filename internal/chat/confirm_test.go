package chat_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/approval"
	"countersign/internal/assure"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/telegram/telegramtest"
)

// demanding posts a request that a tap is not enough to accept, by a route that is the shipped
// one but for what is replaced, and gives the budget holder's card.
func (o *office) demanding(t *testing.T, id string, replaced ...string) telegramtest.Message {
	t.Helper()
	o.door.Assure = &assure.Desk{
		Store: &assure.Store{Pool: o.Pool}, Directory: o.Directory, PublicURL: "https://pay.example.org", Texts: o.texts, Zone: time.UTC, Log: o.door.Log,
	}
	route := ledgertest.StepUp("[[step_up]]\nover = \"1000000.00\"\ncurrency = \"RUB\"\nleast = \"totp\"")
	_, err := o.Publish(t.Context(), []byte(strings.NewReplacer(replaced...).Replace(route)), "test")
	must(t, err)
	d := ledgertest.Payment(id)
	d.Amount.Minor = 200_000_000
	_, err = o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
	must(t, err)
	o.quiet(t)
	return o.card(t, ledgertest.Budget, id)
}

const wayToThePage = "confirm your approval in the browser"

// TestLinkThatCannotBeSentNowIsSentLater: the update waits for it, and is no act that is done.
func TestLinkThatCannotBeSentNowIsSentLater(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]telegramtest.Fault{"429": telegramtest.TooMany(1), "page of a proxy": {Status: 403, Body: "<html>blocked</html>"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			card := o.demanding(t, "31")
			o.tg.FailNext("sendMessage", fault)
			pressed, err := o.tg.Press(ledgertest.Budget, ledgertest.Budget, card.ID, "✅")
			must(t, err)
			if a, err := pressed.Wait(t.Context()); err != nil || !strings.Contains(a.Text, "I am sending you a link") {
				t.Errorf("told %q, %v", a.Text, err)
			}
			o.sees(t, ledgertest.Budget, wayToThePage)
			if state, outcome := o.settled(t, pressed.UpdateID); state != "done" || outcome != "refused: more proof of the person is needed: totp" {
				t.Errorf("%s %q", state, outcome)
			}
			if n := o.showing(ledgertest.Budget, wayToThePage); n != 1 {
				t.Errorf("%d links", n)
			}
			if n := o.count(t, `select count(*) from assure_attempt where ended_at is null`); n != 1 {
				t.Errorf("%d pages are open", n)
			}
		})
	}
}

// TestReasonIsKeptUntilTheLinkIsSent: the question ends with the way to the page, not before.
func TestReasonIsKeptUntilTheLinkIsSent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	card := o.demanding(t, "32", `"on_reject"`, `"always"`)
	o.tap(t, ledgertest.Budget, card, "✅")
	q := o.sees(t, ledgertest.Budget, "reason for your approval")
	o.wait(t, func() bool { return o.count(t, `select count(*) from dialog where $1 = any (messages)`, q.ID) == 1 })
	o.tg.FailNext("sendMessage", telegramtest.TooMany(1))
	body := text(990001, q.ID+50, q.ID, "As agreed")
	if state, outcome := o.receive(t, 990001, body); state != "done" || outcome != "refused: more proof of the person is needed: totp" {
		t.Errorf("%s %q", state, outcome)
	}
	o.sees(t, ledgertest.Budget, wayToThePage)
	o.reads(t, q, "I am sending you a link")
	if n := o.count(t, `select count(*) from dialog where outcome = 'refused' and ended_by = 990001`); n != 1 {
		t.Error("the question did not end with its reason")
	}
	if n := o.count(t, `select count(*) from assure_attempt where ended_at is null and reason = 'As agreed'`); n != 1 {
		t.Errorf("%d pages know the reason", n)
	}
	if n := o.showing(ledgertest.Budget, "Time is up"); n != 0 {
		t.Error("told that it came too late")
	}
}

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
