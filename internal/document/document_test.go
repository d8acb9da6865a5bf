package document_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/document"
	"countersign/internal/money"
)

// rent is a document with every field set, and every field different.
func rent() document.Document {
	return document.Document{
		Type: "payment_request", Number: "PR-17", Title: "Office rent, March", Company: "LLC-A",
		Requester: "eve", OnBehalfOf: "max", LastEditor: "zoe",
		Amount: money.Amount{Minor: 125_000_00, Currency: "RUB"}, DueDate: "2026-03-31",
		Payee: document.Payee{
			Name: "Landlord", TaxID: "7701234567", Account: "40702810900000000001", BankID: "044525225", Person: "ivy",
		},
		Contract: "C-5", CostCenter: "HQ", URL: "https://erp.example.com/pr/17",
		Fields: map[string]string{"Договор": "от 1 марта", "project": "move"},
		Lines: []document.Line{
			{No: 1, Text: "rent", Amount: money.Amount{Minor: 100_000_00, Currency: "RUB"}, CostCenter: "HQ"},
			{No: 2, Text: "parking", Amount: money.Amount{Minor: 25_000_00, Currency: "RUB"}, CostCenter: "CARS"},
		},
		Files: []document.File{
			{Name: "invoice.pdf", SHA256: strings.Repeat("ab", 32), Size: 10, MediaType: "application/pdf"},
			{Name: "act.pdf", SHA256: strings.Repeat("cd", 32), Size: 20, MediaType: "application/pdf"},
		},
	}
}

func TestPartiesAreEverybodyWhoWroteItOrGains(t *testing.T) {
	t.Parallel()
	d := rent()
	if diff := cmp.Diff([]string{"eve", "max", "zoe", "ivy"}, d.Persons()); diff != "" {
		t.Error(diff)
	}
	d.OnBehalfOf, d.LastEditor, d.Payee.Person = " eve ", "", "  "
	if diff := cmp.Diff([]string{"eve"}, d.Persons()); diff != "" {
		t.Error(diff)
	}
	if got := (document.Document{}).Persons(); got != nil {
		t.Errorf("an empty document names %q", got)
	}
}

func TestRoutesKnowTheFieldsThatADocumentGives(t *testing.T) {
	t.Parallel()
	d := rent()
	for name, want := range map[string]string{
		"company": "LLC-A", "cost_center": "HQ", "currency": "RUB", "type": "payment_request",
		"contract": "C-5", "requester": "eve", "fields.project": "move", "fields.Договор": "от 1 марта",
	} {
		if got := d.Field(name); got != want || !document.Known(name) {
			t.Errorf("%s is %q, known: %t", name, got, document.Known(name))
		}
	}
	if d.Field("fields.none") != "" || !document.Known("fields.none") {
		t.Error("a free field that is not there is empty and known")
	}
	for _, name := range []string{"", "amount", "fields", "fields.", "payee.account", "Company", "project"} {
		if document.Known(name) || d.Field(name) != "" {
			t.Errorf("%q is %q, known: %t", name, d.Field(name), document.Known(name))
		}
	}
}

func TestADocumentSurvivesStoringWithItsHash(t *testing.T) {
	t.Parallel()
	for _, d := range []document.Document{rent(), {Type: "memo"}} {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var again document.Document
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" || again.Hash() != d.Hash() {
			t.Errorf("%s came back otherwise:\n%s", d.Type, diff)
		}
	}
}
