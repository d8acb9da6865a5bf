package card_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/locale/localetest"
	"countersign/internal/money"
)

// marked is a document in which every field has a value that is found nowhere by chance.
func marked(no int) document.Document {
	m := func(name string) string { return fmt.Sprintf("Zq%s%dX", name, no) }
	d := document.Document{
		Type: "payment_request", Number: m("number"), Title: m("title"), Company: m("company"), Requester: m("requester"), OnBehalfOf: m("onbehalfof"),
		Amount: rub(int64(777_123_400 + no)), DueDate: fmt.Sprintf("2031-07-1%d", no), Contract: m("contract"), CostCenter: m("costcenter"),
		Payee:  document.Payee{Name: m("payeename"), TaxID: m("taxid"), Account: m("account"), BankID: m("bankid"), Person: m("person")},
		Fields: map[string]string{"Note": m("fields")},
		Lines:  []document.Line{{No: 1, Text: m("lines"), Amount: rub(int64(888_123_400 + no)), CostCenter: m("costcenter")}},
		Files:  []document.File{{Name: "a.pdf", SHA256: invoice, Size: 5}},
	}
	quoted := fmt.Sprint(d.Number, d.Title, d.Company, d.Requester, d.OnBehalfOf, d.DueDate, d.Contract, d.CostCenter, d.Payee, d.Fields["Note"], d.Lines[0].Text,
		" ", d.Amount, " ", d.Lines[0].Amount, " 7 771 234,0", no, " ")
	d.Fields["Quoted"] = quoted[:min(len(quoted), 120)]
	d.Files[0].Name = strings.ToUpper(quoted) + ".pdf"
	return d
}

// traces are the texts that betray a field of a marked document, in any language.
func traces(field string, no int) []string {
	m := func(name string) string { return strings.ToLower(fmt.Sprintf("Zq%s%dX", name, no)) }
	payee := map[string]string{"payee.name": m("payeename"), "payee.tax_id": m("taxid"), "payee.account": m("account"), "payee.bank_id": m("bankid"), "payee.person": m("person")}
	switch field {
	case "amount":
		return []string{"77712340", "77712341", "88812340", "88812341"} // as digits alone
	case "due_date":
		return []string{fmt.Sprintf("2031-07-1%d", no), fmt.Sprintf("7/1%d/2031", no), fmt.Sprintf("1%d.07.2031", no), fmt.Sprintf("1%d jul", no), fmt.Sprintf("jul 1%d", no), fmt.Sprintf("1%d июл", no)}
	case "payee":
		return slices.Collect(func(yield func(string) bool) {
			for _, v := range payee {
				if !yield(v) {
					return
				}
			}
		})
	case "reasons":
		return []string{"zqreason"}
	default:
		if v, ok := payee[field]; ok {
			return []string{v}
		}
		return []string{m(strings.ReplaceAll(field, "_", ""))}
	}
}

// courses are ways that a case about marked documents goes.
func courses(t *testing.T) []*story {
	t.Helper()
	plan := threeSteps()
	plan.Steps = plan.Steps[1:]
	plan.Steps[1].Who[0].Of = ""
	plan.Change.Drift = money.Tolerance{BasisPoints: 500}
	all := staff()
	for i := range all {
		for j := range all[i].Roles {
			all[i].Roles[j].Scope = ""
		}
	}
	start := func() *story { return begin(t, marked(1), plan, slices.Clone(all)) }
	quoting := func(s *story) string { return "ZqReason " + s.doc().Files[0].Name + " " + s.doc().Amount.String() }
	revised := start().accept("per_petr").revise(func(d *document.Document) { *d = marked(2) })
	rejected := start()
	rejected.vote("per_petr", approval.Reject, quoting(rejected))
	returned := start()
	returned.vote("per_petr", approval.Return, quoting(returned))
	tolerated := start().accept("per_petr").revise(func(d *document.Document) { d.Amount.Minor += 100 })
	paid := start().accept("per_petr", "per_tanya", "per_lucia")
	if _, err := paid.c.Consume(paid.c.Hash, "Ref "+paid.doc().Number, paid.tick()); err != nil {
		t.Fatal(err)
	}
	out := []*story{start(), revised, rejected, returned, tolerated, paid, start().withdraw("ZqReason"), start().expire()}
	blocked := start()
	blocked.staff[4].Active, blocked.staff[5].Active = false, false
	out = append(out, blocked.accept("per_petr"))
	talked := start()
	talked.ask("per_petr", quoting(talked))
	talked.say("per_petr", quoting(talked), &document.File{Name: "Act " + talked.doc().Amount.String() + ".pdf", SHA256: act, Size: 5000})
	out = append(out, talked.say("", quoting(talked), nil))
	for _, s := range out {
		s.ops = []card.Group{{ID: "finance"}}
	}
	return out
}

// told is everything that leaves for a group, in one case and without what parts digits.
func told(t *testing.T, v card.View, tag string) string {
	t.Helper()
	var b strings.Builder
	for _, s := range card.Audience(v) {
		if s.Chat == "" {
			continue
		}
		c := card.For(v, s, localetest.Texts(t).For(tag))
		fmt.Fprintln(&b, c.HTML, c.Plain, c.Buttons)
		if c.File != nil {
			fmt.Fprintln(&b, c.File.Name)
		}
	}
	return strings.ToLower(b.String())
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '.' || r == ',' {
			return -1
		}
		return r
	}, s)
}

func TestHiddenFieldNeverLeavesForTheGroup(t *testing.T) {
	t.Parallel()
	for _, field := range card.Hideable() {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			seen := false
			for i, s := range courses(t) {
				for _, tag := range []string{"en", "ru", "de", "es"} {
					for no := range 3 {
						open := s.view()
						masked := s.view()
						masked.Groups[0].Hidden, masked.Fallback[0].Hidden = []string{field}, []string{field}
						masked.Fallback[0].ID, masked.Groups[0].ID = "ops", "finance"
						check(t, masked, tag)
						plain, veiled := told(t, open, tag), told(t, masked, tag)
						for _, trace := range traces(field, no) {
							if field == "amount" {
								plain, veiled = digits(plain), digits(veiled)
							}
							seen = seen || strings.Contains(plain, trace)
							if strings.Contains(veiled, trace) {
								t.Fatalf("course %d, %s: %q is there:\n%s", i, tag, trace, veiled)
							}
						}
					}
				}
			}
			if !seen {
				t.Error("it is not shown where it is not hidden either: this test sees nothing")
			}
		})
	}
}

// Of an amount that is hidden a group sees no digit, however somebody wrote it in a text:
// the cents alone would tell it among others.
func TestHiddenAmountLeavesNoDigitOfItselfInAnyText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount money.Amount
		texts  []string
	}{
		{rub(125_000_37), []string{"125000.37", "125 000,37", "125.000,37 €", "125'000.37", "125\u202f000,37", "125000-37", "125 000 руб. 37 коп.", "125000.37RUB", "125000,37₽", "125 000.4", "125000.370", "-125000.37"}},
		{rub(125_000_00), []string{"125000.00", "125 000,00 RUB", "125 000,0", "125000-00", "125000"}},
		{rub(5_37), []string{"5.37", "5,37 RUB", "5 руб. 37 коп.", "5-37"}},
		{money.Amount{Minor: 1500, Currency: "JPY"}, []string{"1500", "1,500", "¥1500.00"}},
		{money.Amount{Minor: 1_234_567, Currency: "KWD"}, []string{"1234.567", "1,234.567", "1 234,567 KWD"}},
	} {
		for _, text := range c.texts {
			d := request()
			d.Title, d.Amount, d.Fields, d.Lines, d.Files = "pays "+text+" for it", c.amount, nil, nil, nil
			s := begin(t, d, threeSteps(), staff())
			s.veil = []string{"amount"}
			for _, spot := range card.Audience(s.view()) {
				if spot.Chat == "" {
					continue
				}
				plain := card.For(s.view(), spot, localetest.Texts(t).For("en")).Plain
				i := strings.Index(plain, "pays ")
				if i < 0 {
					t.Fatalf("no subject in\n%s", plain)
				}
				if line, _, _ := strings.Cut(plain[i:], "\n"); strings.ContainsFunc(line, unicode.IsDigit) || !strings.Contains(line, "•••") || !strings.HasSuffix(line, " for it") {
					t.Errorf("of %s written as %q there stays %q", c.amount, text, line)
				}
			}
		}
	}
}

func TestGroupThatNobodyKnowsAnyMoreSeesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range courses(t) {
		v := s.view()
		spot := card.Spot{Kind: card.KindGroup, Chat: "gone"}
		for _, c := range []card.Card{card.For(v, spot, localetest.Texts(t).For("en")), card.Astray(v, spot, localetest.Texts(t).For("en"))} {
			for _, field := range card.Hideable() {
				for _, trace := range append(traces(field, 1), traces(field, 2)...) {
					if text := strings.ToLower(c.HTML); strings.Contains(text, trace) || field == "amount" && strings.Contains(digits(text), trace) {
						t.Errorf("%s: %q in\n%s", field, trace, c.HTML)
					}
				}
			}
		}
	}
}

func TestMaskLeavesTheCaseItselfAndThePeopleAskedAlone(t *testing.T) {
	t.Parallel()
	s := situations()["masked_whole"](t)
	v := s.view()
	before := fmt.Sprintf("%+v", s.c)
	told(t, v, "en")
	if after := fmt.Sprintf("%+v", s.c); after != before {
		t.Errorf("the case changed:\n%s\n%s", before, after)
	}
	for _, spot := range card.Audience(v) {
		if c := card.For(v, spot, localetest.Texts(t).For("en")); spot.Kind == card.KindApprover && !strings.Contains(c.Plain, "40702810900000012345") {
			t.Errorf("an approver does not see the account:\n%s", c.Plain)
		}
	}
}

func TestGroupWithoutFilesGetsNone(t *testing.T) {
	t.Parallel()
	v := situations()["masked"](t).view()
	persons := 0
	for _, s := range card.Audience(v) {
		switch {
		case s.Kind == card.KindFile && s.Chat != "":
			t.Errorf("%s", s.Key())
		case s.Kind == card.KindFile:
			persons++
		}
	}
	if persons == 0 {
		t.Error("the people asked get none either")
	}
}
