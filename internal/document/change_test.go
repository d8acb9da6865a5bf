package document_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/document"
	"countersign/internal/money"
)

// edit makes a change to the document of the tests.
type edit func(d *document.Document)

func policy() document.Policy {
	return document.Policy{
		Cosmetic: []string{"title", "url", "fields.note", "lines", "payee.name", "amount", "files"},
		Tolerant: []string{"due_date", "cost_center", "payee.account", "fields.project"},
		Drift:    money.Tolerance{BasisPoints: 500},
	}
}

func TestEveryChangeHasItsClass(t *testing.T) {
	t.Parallel()
	replaced := document.File{Name: "act.pdf", SHA256: strings.Repeat("ef", 32)}
	tests := map[string]struct {
		edit  edit
		want  document.Class
		field string
		texts [2]string // what was, what is; both empty: not looked at
	}{
		"nothing":           {func(*document.Document) {}, document.Unchanged, "", [2]string{}},
		"type":              {func(d *document.Document) { d.Type = "act" }, document.Material, "type", [2]string{"payment_request", "act"}},
		"number, unnamed":   {func(d *document.Document) { d.Number = "9" }, document.Material, "number", [2]string{"PR-17", "9"}},
		"title":             {func(d *document.Document) { d.Title = "t" }, document.Cosmetic, "title", [2]string{"Office rent, March", "t"}},
		"company":           {func(d *document.Document) { d.Company = "B" }, document.Material, "company", [2]string{"LLC-A", "B"}},
		"requester":         {func(d *document.Document) { d.Requester = "x" }, document.Material, "requester", [2]string{"eve", "x"}},
		"on behalf of":      {func(d *document.Document) { d.OnBehalfOf = "" }, document.Material, "on_behalf_of", [2]string{"max", ""}},
		"last editor":       {func(d *document.Document) { d.LastEditor = "x" }, document.Material, "last_editor", [2]string{"zoe", "x"}},
		"amount":            {func(d *document.Document) { d.Amount.Minor++ }, document.Tolerant, "amount", [2]string{"125000.00", "125000.01"}},
		"currency":          {func(d *document.Document) { d.Amount.Currency = "USD" }, document.Material, "currency", [2]string{"RUB", "USD"}},
		"due date":          {func(d *document.Document) { d.DueDate = "" }, document.Tolerant, "due_date", [2]string{"2026-03-31", ""}},
		"payee name, hard":  {func(d *document.Document) { d.Payee.Name = "x" }, document.Material, "payee.name", [2]string{"Landlord", "x"}},
		"payee tax id":      {func(d *document.Document) { d.Payee.TaxID = "x" }, document.Material, "payee.tax_id", [2]string{"7701234567", "x"}},
		"account, hard":     {func(d *document.Document) { d.Payee.Account = "x" }, document.Material, "payee.account", [2]string{"40702810900000000001", "x"}},
		"bank":              {func(d *document.Document) { d.Payee.BankID = "x" }, document.Material, "payee.bank_id", [2]string{"044525225", "x"}},
		"payee person":      {func(d *document.Document) { d.Payee.Person = "x" }, document.Material, "payee.person", [2]string{"ivy", "x"}},
		"contract":          {func(d *document.Document) { d.Contract = "x" }, document.Material, "contract", [2]string{"C-5", "x"}},
		"cost center":       {func(d *document.Document) { d.CostCenter = "x" }, document.Tolerant, "cost_center", [2]string{"HQ", "x"}},
		"url":               {func(d *document.Document) { d.URL = "" }, document.Cosmetic, "url", [2]string{"https://erp.example.com/pr/17", ""}},
		"field unnamed":     {func(d *document.Document) { d.Fields["new"] = "1" }, document.Material, "fields.new", [2]string{"", "1"}},
		"field cosmetic":    {func(d *document.Document) { d.Fields["note"] = "1" }, document.Cosmetic, "fields.note", [2]string{"", "1"}},
		"field tolerant":    {func(d *document.Document) { d.Fields["project"] = "1" }, document.Tolerant, "fields.project", [2]string{"move", "1"}},
		"field gone":        {func(d *document.Document) { delete(d.Fields, "Договор") }, document.Material, "fields.Договор", [2]string{"от 1 марта", ""}},
		"empty field comes": {func(d *document.Document) { d.Fields["new"] = "" }, document.Material, "fields.new", [2]string{}},
		"line changed": {
			func(d *document.Document) { d.Lines[0].Amount.Minor = 1 }, document.Cosmetic, "lines",
			[2]string{"1. rent — 100000.00 RUB [HQ]", "1. rent — 0.01 RUB [HQ]"},
		},
		"line added":    {func(d *document.Document) { d.Lines = append(d.Lines, document.Line{No: 3, Text: "x"}) }, document.Cosmetic, "lines", [2]string{}},
		"line removed":  {func(d *document.Document) { d.Lines = d.Lines[:1] }, document.Cosmetic, "lines", [2]string{"2. parking — 25000.00 RUB [CARS]", ""}},
		"file added":    {func(d *document.Document) { d.Files = append(d.Files, replaced) }, document.Tolerant, "files", [2]string{"", "act.pdf (efefefef)"}},
		"file removed":  {func(d *document.Document) { d.Files = d.Files[:1] }, document.Material, "files", [2]string{"act.pdf (cdcdcdcd)", ""}},
		"file replaced": {func(d *document.Document) { d.Files[1] = replaced }, document.Material, "files", [2]string{"act.pdf (cdcdcdcd)", "act.pdf (efefefef)"}},
		"file doubled":  {func(d *document.Document) { d.Files = append(d.Files, d.Files[0]) }, document.Tolerant, "files", [2]string{"", "invoice.pdf (abababab)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := rent()
			test.edit(&after)
			got := document.Compare(rent(), after, policy())
			want := document.Change{Class: document.Unchanged}
			if test.field != "" {
				want = document.Change{Class: test.want, Differences: []document.Difference{
					{Field: test.field, Old: test.texts[0], New: test.texts[1], Class: test.want},
				}}
			}
			if test.texts == [2]string{} && len(got.Differences) == 1 {
				want.Differences[0].Old, want.Differences[0].New = got.Differences[0].Old, got.Differences[0].New
			}
			if name == "currency" { // the same number of another currency is another amount
				want.Differences = append(want.Differences, document.Difference{
					Field: "amount", Old: "125000.00", New: "125000.00", Class: document.Material,
				})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARenamedFileIsOneGoneAndOneCome(t *testing.T) {
	t.Parallel()
	after := rent()
	after.Files[1].Name = "statement.pdf"
	got := document.Compare(rent(), after, policy())
	want := document.Change{Class: document.Material, Differences: []document.Difference{
		{Field: "files", Old: "act.pdf (cdcdcdcd)", Class: document.Material},
		{Field: "files", New: "statement.pdf (cdcdcdcd)", Class: document.Tolerant},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheGravestDifferenceGivesTheClass(t *testing.T) {
	t.Parallel()
	classes := []document.Class{document.Unchanged, document.Cosmetic, document.Tolerant, document.Material}
	for i, a := range classes {
		for j, b := range classes {
			if got := a.Worse(b); got != classes[max(i, j)] {
				t.Errorf("%s and %s: %s", a, b, got)
			}
		}
	}
	after := rent()
	after.Title, after.DueDate, after.Contract = "x", "x", "x"
	if got := document.Compare(rent(), after, policy()); got.Class != document.Material || len(got.Differences) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestNoPolicySoftensWhereTheMoneyGoes(t *testing.T) {
	t.Parallel()
	hard := map[string]edit{
		"company":       func(d *document.Document) { d.Company = "x" },
		"contract":      func(d *document.Document) { d.Contract = "x" },
		"currency":      func(d *document.Document) { d.Amount.Currency = "USD" },
		"payee.name":    func(d *document.Document) { d.Payee.Name = "x" },
		"payee.tax_id":  func(d *document.Document) { d.Payee.TaxID = "x" },
		"payee.account": func(d *document.Document) { d.Payee.Account = "x" },
		"payee.bank_id": func(d *document.Document) { d.Payee.BankID = "x" },
		"payee.person":  func(d *document.Document) { d.Payee.Person = "x" },
		"amount":        func(d *document.Document) { d.Amount.Minor++ }, // without a drift
	}
	var all []string
	for field := range maps.Keys(hard) {
		all = append(all, field)
	}
	for field, change := range hard {
		if !document.Hard(field) {
			t.Errorf("%s is not hard", field)
		}
		after := rent()
		change(&after)
		for _, p := range []document.Policy{{Cosmetic: all}, {Tolerant: all}, {Cosmetic: []string{"files"}}} {
			if got := document.Compare(rent(), after, p); got.Class != document.Material {
				t.Errorf("%s is %s under %+v", field, got.Class, p)
			}
		}
	}
	for _, field := range []string{"title", "due_date", "cost_center", "fields.amount", ""} {
		if document.Hard(field) {
			t.Errorf("%q is hard", field)
		}
	}
}

func TestTheAmountMayDriftAsFarAsThePolicySays(t *testing.T) {
	t.Parallel()
	rub := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "RUB"} }
	tests := []struct {
		from, to money.Amount
		drift    money.Tolerance
		want     bool
	}{
		{rub(100), rub(100), money.Tolerance{}, true},
		{rub(100), rub(101), money.Tolerance{}, false},
		{rub(100), rub(105), money.Tolerance{BasisPoints: 500}, true},
		{rub(100), rub(106), money.Tolerance{BasisPoints: 500}, false},
		{rub(100), rub(95), money.Tolerance{BasisPoints: 500}, true},
		{rub(100), rub(94), money.Tolerance{BasisPoints: 500}, false},
		{rub(100), rub(110), money.Tolerance{Minor: 10}, true},
		{rub(100), rub(111), money.Tolerance{Minor: 10}, false},
		{rub(100), money.Amount{Minor: 100, Currency: "USD"}, money.Tolerance{Minor: 1000, BasisPoints: 10_000}, false},
		{rub(100), money.Amount{}, money.Tolerance{Minor: 1000, BasisPoints: 10_000}, false},
		{money.Amount{Minor: 1, Currency: "???"}, money.Amount{Minor: 2, Currency: "???"}, money.Tolerance{Minor: 10}, false},
	}
	for _, test := range tests {
		if got := (document.Policy{Drift: test.drift}).Allows(test.from, test.to); got != test.want {
			t.Errorf("%s to %s %s within %+v: %t", test.from, test.to, test.to.Currency, test.drift, got)
		}
	}
}
