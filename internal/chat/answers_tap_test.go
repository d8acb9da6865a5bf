package chat_test

import (
	"fmt"
	"strings"
	"time"

	"countersign/internal/approval"
	"countersign/internal/assure"
	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
)

// taps: of those who may not, in places where nobody does, and once more.
func (a *album) taps() {
	a.t.Helper()
	accept := sign(a.asked("401"), "✅")
	a.tells("a tap of somebody who is not connected", 9001, accept)
	a.tells("of somebody who is not asked", ledgertest.Treasurer, accept)
	a.tellsIn("in a group", ledgertest.Budget, groupID, accept)
	a.tells("of nonsense", ledgertest.Budget, "x")
	a.tells("to approve", ledgertest.Budget, accept)
	a.tg.Clock().Advance(time.Minute)
	a.tells("to approve once more", ledgertest.Budget, accept)
	a.Vote(a.t, "401", ledgertest.Finance, approval.Accept, "")
	second := a.card(a.t, ledgertest.Second, "401")
	a.Vote(a.t, "401", ledgertest.Treasurer, approval.Accept, "")
	a.tells("when it is over", ledgertest.Second, sign(second, "✅"))
	for i, v := range []approval.Verdict{approval.Reject, approval.Return} {
		id := fmt.Sprint(402 + i)
		a.asked(id)
		tap := a.Tap(a.t, id, ledgertest.Budget, v)
		text, err := a.door.Cast(a.t.Context(), assure.Ask{
			Account: tap.Account, Case: string(tap.Case), Round: tap.Round, Step: tap.Step, No: tap.No, Revision: tap.Revision,
			Verdict: string(v), Reason: "Not this year", Language: a.tag,
		}, "pin")
		must(a.t, err)
		fmt.Fprintf(&a.text, "=== %s, on the page of a proof\n(%s)\n\n", v, text)
	}
	st, err := a.Document(a.t.Context(), ledgertest.Key("401"))
	must(a.t, err)
	for i, who := range []int64{ledgertest.Budget, 9001} { // a posted card that nobody told us of
		update := int64(980001 + i)
		body := fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":%q,"from":{"id":%d,"is_bot":false,"first_name":"P","language_code":%q},"chat_instance":"1","inline_message_id":"abc","data":"i:%s"}}`,
			update, query(update), who, a.tag, st.Case.ID)
		a.receive(a.t, update, body)
		fmt.Fprintf(&a.text, "=== a posted card is to be refreshed by %d\n(%s)\n\n", who, a.told(a.t, update))
	}
}

// endings: taps that come after something else.
func (a *album) endings() {
	a.t.Helper()
	accept := sign(a.asked("404"), "✅")
	_, err := a.Withdraw(a.t.Context(), ledgertest.Key("404"), "no longer needed")
	must(a.t, err)
	a.tells("of a document that was withdrawn", ledgertest.Budget, accept)
	accept = sign(a.asked("405"), "✅")
	a.submits("405", func(d *document.Document) { d.Amount.Minor++ })
	a.tells("of a document that was changed", ledgertest.Budget, accept)
	a.submits("406", func(d *document.Document) {
		d.Files = []document.File{{Name: "act.pdf", SHA256: strings.Repeat("0", 64)}}
	})
	a.tells("of a document whose file is not there", ledgertest.Budget, sign(a.card(a.t, ledgertest.Budget, "406"), "✅"))
	a.submits("410", func(d *document.Document) { d.LastEditor = "p.petrov@example.org" })
	accept = sign(a.card(a.t, ledgertest.Budget, "410"), "✅")
	p := a.find(a.t, "petrov")
	for _, mail := range []string{"p.petrov@example.org", p.Email} {
		_, err = a.Directory.PutUser(a.t.Context(), "test", directory.User{ExternalID: p.ExternalID, Email: mail, Name: p.Name, Roles: p.Roles, Locale: a.tag})
		must(a.t, err)
		if mail != p.Email {
			a.tells("of a document that he edited himself", ledgertest.Budget, accept)
		}
	}
	a.standsIn(a.t, "petrov", "orlova")
	a.asked("408")
	a.asked("409")
	deputy := a.card(a.t, ledgertest.Second, "408")
	a.Vote(a.t, "408", ledgertest.Budget, approval.Accept, "")
	a.tells("of a step that another has closed", ledgertest.Second, sign(deputy, "✅"))
	deputy = a.card(a.t, ledgertest.Second, "409")
	for _, g := range a.given(a.t) {
		_, err := a.Directory.TakeBack(a.t.Context(), "test", g.Principal, g.ID)
		must(a.t, err)
	}
	a.tells("of a deputy who is none any more", ledgertest.Second, sign(deputy, "✅"))
	a.quiet(a.t)
}

// proofs: a tap that is not enough, and the pages that are led to.
func (a *album) proofs() {
	a.t.Helper()
	_, err := a.Publish(a.t.Context(), []byte(ledgertest.StepUp("[[step_up]]\nover = \"1000000.00\"\ncurrency = \"RUB\"\nleast = \"totp\"")), "test")
	must(a.t, err)
	a.submits("411", func(d *document.Document) { d.Amount.Minor = 200_000_000 })
	accept := sign(a.card(a.t, ledgertest.Budget, "411"), "✅")
	a.tells("a tap is not enough, and there is nothing else", ledgertest.Budget, accept)
	a.said(ledgertest.Budget, "/security")
	a.door.Assure = &assure.Desk{
		Store: &assure.Store{Pool: a.Pool}, Directory: a.Directory, PublicURL: "https://pay.example.org", Texts: a.texts, Zone: time.UTC, Log: a.door.Log,
	}
	a.shown("the link", ledgertest.Budget, func() { a.tells("a tap is not enough", ledgertest.Budget, accept) })
	a.said(ledgertest.Budget, "/security")
	for range 9 {
		_, err := a.door.Assure.Enroll(a.t.Context(), a.find(a.t, "petrov").ID, ledgertest.Budget, a.tag)
		must(a.t, err)
	}
	a.said(ledgertest.Budget, "/security")
}

// newHands: those whose connection does not decide yet, or not any more.
func (a *album) newHands() {
	a.t.Helper()
	a.links("waiting", 9011, directory.Terms{Confirm: directory.ByAdmin})
	a.links("cooling", 9012, directory.Terms{Confirm: directory.CoolingOff, Cooling: time.Hour})
	a.links("stale", 9013, directory.Terms{Confirm: directory.Notify})
	a.asked("421")
	a.Vote(a.t, "421", ledgertest.Budget, approval.Accept, "")
	waiting := a.card(a.t, 9011, "421")
	a.tells("a tap of somebody who waits for an administrator", 9011, sign(waiting, "✅"))
	a.tells("a tap of somebody who is new", 9012, sign(a.card(a.t, 9012, "421"), "✅"))
	a.shown("a comment of somebody who waits for an administrator", 9011, func() { a.says(a.t, 9011, "Fine", waiting.ID) })
	stale := sign(a.card(a.t, 9013, "421"), "✅")
	a.LoginLife = time.Hour
	a.tg.Clock().Advance(2 * time.Hour)
	a.tells("a tap of somebody whose login is old", 9013, stale)
	a.LoginLife = 0
}
