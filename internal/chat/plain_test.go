package chat_test

import (
	"testing"
	"time"

	"countersign/internal/directory"
	"countersign/internal/document"
	"countersign/internal/ledger"
	"countersign/internal/ledger/ledgertest"
)

// A document may have no number and nobody who is paid: lists say what it is about.
func TestDocumentWithoutANumberAndAPayeeIsNamedInLists(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := ledgertest.Payment("92")
	d.Number, d.Title, d.Payee = "", "Leave of July", document.Payee{}
	_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key("92"), Document: d})
	must(t, err)
	o.card(t, ledgertest.Budget, "Leave of July")
	o.say(t, ledgertest.Budget, "/queue")
	o.sees(t, ledgertest.Budget, "1. Payment request · Leave of July · RUB\u00a0125,000.00 · less than a minute ago")
	o.press(t, ledgertest.Budget, "1")
	o.sees(t, ledgertest.Budget, "⬆️ Payment request · RUB\u00a0125,000.00 · Leave of July")
	o.say(t, ledgertest.Budget, "/find leave")
	o.panel(t, ledgertest.Budget, "⏳ Payment request · RUB\u00a0125,000.00 · Leave of July")
	if r := o.typed(t, ledgertest.Budget, "leave").Results[0]; r.Title != "Payment request" || r.Description != "RUB\u00a0125,000.00 · Leave of July\n⏳ Awaiting approval" {
		t.Errorf("%+v", r)
	}
}

// Whoever has a clock of his own reads all times by it.
func TestDocumentsOfOneNumberAreToldApartByHisClock(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.find(t, "petrov")
	_, err := o.Directory.Set(t.Context(), "test", p.ID, func(s *directory.Setting) { s.Zone = "Asia/Tokyo" })
	must(t, err)
	for _, id := range []string{"93", "94"} {
		d := ledgertest.Payment("93")
		_, err := o.Submit(t.Context(), ledger.Submission{Key: ledgertest.Key(id), Document: d})
		must(t, err)
	}
	st, err := o.Document(t.Context(), ledgertest.Key("93"))
	must(t, err)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	must(t, err)
	o.say(t, ledgertest.Budget, "/who 93")
	o.panel(t, ledgertest.Budget, "RUB\u00a0125,000.00 · Landlord LLC · "+o.door.Texts.For("en").DateTime(st.Case.OpenedAt, tokyo))
}
