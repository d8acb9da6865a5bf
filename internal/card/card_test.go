package card_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/locale/localetest"
	"countersign/internal/markup"
	"countersign/internal/money"
	"countersign/internal/people"
	"countersign/internal/route"
)

// checkHTML is strict: only the two tags that cards use, closed in order, and only the
// entities that Telegram knows.
func checkHTML(text string) error {
	var open []string
	for text != "" {
		switch i := strings.IndexAny(text, "<>&\""); {
		case i < 0:
			text = ""
		case text[i] == '<':
			tag, rest, ok := strings.Cut(text[i+1:], ">")
			name, closing := strings.CutPrefix(tag, "/")
			if !ok || name != "b" && name != "code" {
				return fmt.Errorf("tag %.20q", tag)
			}
			switch {
			case !closing:
				open = append(open, name)
			case len(open) == 0 || open[len(open)-1] != name:
				return fmt.Errorf("tag %q closes nothing", name)
			default:
				open = open[:len(open)-1]
			}
			text = rest
		case text[i] == '&':
			entity, rest, ok := strings.Cut(text[i+1:], ";")
			if !ok || !slices.Contains([]string{"lt", "gt", "amp", "quot"}, entity) {
				return fmt.Errorf("entity %.10q", text[i:])
			}
			text = rest
		default:
			return fmt.Errorf("bare %q", text[i])
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("open tags %v", open)
	}
	return nil
}

// check holds what is true of every card of a view; whole are texts that must not be cut.
func check(t *testing.T, v card.View, tag string, whole ...string) {
	t.Helper()
	lang := localetest.Texts(t).For(tag)
	for _, s := range card.Audience(v) {
		c := card.For(v, s, lang)
		if err := checkHTML(c.HTML); err != nil {
			t.Fatalf("%s: %v in\n%s", s.Key(), err, c.HTML)
		}
		if got := markup.Plain(c.HTML); got != c.Plain {
			t.Fatalf("%s: plain text differs from the HTML:\n%s\n%s", s.Key(), c.Plain, got)
		}
		if n := markup.Len16(c.Plain); n < 1 || n > 4096 || len(c.HTML) > 32768 {
			t.Fatalf("%s: %d units, %d bytes", s.Key(), n, len(c.HTML))
		}
		if n := markup.Len16(c.Plain); s.Kind == card.KindFile && n > 1024 {
			t.Fatalf("%s: caption of %d units", s.Key(), n)
		}
		asks := len(c.Buttons) > 0 && c.Buttons[0][0].Data != ""
		if asks && leadsToTalk(c.Buttons[0][0]) { // it is open to those who took part, and is no decision
			if len(c.Buttons) != 1 {
				t.Fatalf("%s: a talk among decisions, %v", s.Key(), c.Buttons)
			}
			asks = false
		}
		for _, b := range slices.Concat(c.Buttons...) {
			if leadsToTalk(b) && (s.Chat != "" || !v.Case.State.Open() || !v.Meet && !v.Phone) {
				t.Fatalf("%s: leads to a talk by %v", s.Key(), c.Buttons)
			}
		}
		if s.Kind == card.KindGroup && asks {
			t.Fatalf("%s: decision buttons in a group", s.Key())
		}
		if s.Kind == card.KindQuestion && asks == s.Past {
			t.Fatalf("%s: past %t, and has a button %t", s.Key(), s.Past, asks)
		}
		if !asks || s.Kind == card.KindQuestion {
			continue
		}
		if s.Past || s.Kind != card.KindApprover || s.Round != v.Case.Round || s.Step != v.Case.Step {
			t.Fatalf("%s: buttons on a card that asks nobody", s.Key())
		}
		for _, text := range whole {
			if !strings.Contains(c.HTML, markup.Escape(text)) {
				t.Fatalf("%s: %q is not there whole:\n%s", s.Key(), text, c.HTML)
			}
		}
	}
}

// leadsToTalk reports whether a button brings people together.
func leadsToTalk(b card.Button) bool {
	t, err := card.ParseTap(b.Data)
	return err == nil && (t.Verdict == card.Discuss || t.Verdict == card.Phone)
}

func TestHostileTextNeitherBreaksNorPushesAway(t *testing.T) {
	t.Parallel()
	s := situations()["hostile"](t)
	c := card.For(s.view(), card.Audience(s.view())[0], localetest.Texts(t).For("ru"))
	head := strings.SplitN(c.Plain, "\n\n", 3)
	if len(head) < 3 || !strings.Contains(head[1], "125\u00a0000,00\u00a0RUB") || !strings.Contains(head[1], "40702810900000012345") {
		t.Errorf("sum and account are not the first thing after the headline:\n%s", c.Plain)
	}
	if strings.ContainsAny(head[1], "\u202e\u2066\u2069\u200b") {
		t.Errorf("what reorders or hides text came through: %q", head[1])
	}
	if n := strings.Count(head[1], "\n"); n != 4 {
		t.Errorf("the payee's name made lines of its own:\n%s", head[1])
	}
}

func TestButtonsAreAcceptRejectAndTheOthersBelow(t *testing.T) {
	t.Parallel()
	v := situations()["opened"](t).view()
	for _, tag := range []string{"en", "ru", "de", "es"} {
		c := card.For(v, card.Audience(v)[0], localetest.Texts(t).For(tag))
		if len(c.Buttons) != 3 || len(c.Buttons[0]) != 2 || len(c.Buttons[1]) != 1 || len(c.Buttons[2]) != 2 {
			t.Fatalf("%s: rows %v", tag, c.Buttons)
		}
		yes, no, back := c.Buttons[0][0], c.Buttons[0][1], c.Buttons[1][0]
		if !strings.HasPrefix(yes.Text, "✅") || yes.Style != card.Success || !strings.HasPrefix(no.Text, "❌") || no.Style != card.Danger {
			t.Errorf("%s: first row %v %v", tag, yes, no)
		}
		for verdict, b := range map[approval.Verdict]card.Button{approval.Accept: yes, approval.Reject: no, approval.Return: back, card.Ask: c.Buttons[2][0], card.Details: c.Buttons[2][1]} {
			tap, err := card.ParseTap(b.Data)
			want := card.Tap{Case: caseID, Round: 1, Step: 0, No: 0, Revision: 1, Verdict: verdict}
			if err != nil || tap != want {
				t.Errorf("%s: %s says %+v, %v", tag, b.Text, tap, err)
			}
		}
	}
}

func TestWhatCannotBeShownWholeCannotBeAccepted(t *testing.T) {
	t.Parallel()
	v := situations()["unshown"](t).view()
	c := card.For(v, card.Audience(v)[0], localetest.Texts(t).For("en"))
	for _, row := range c.Buttons {
		for _, b := range row {
			if tap, err := card.ParseTap(b.Data); err != nil || tap.Verdict == approval.Accept {
				t.Errorf("button %s: %+v, %v", b.Text, tap, err)
			}
		}
	}
}

func TestCardStaysTheSameUntilThereIsNews(t *testing.T) {
	t.Parallel()
	for name, tell := range situations() {
		lang := localetest.Texts(t).For("ru")
		one, two := tell(t).view(), tell(t).view()
		for i, s := range card.Audience(one) {
			if a, b := card.For(one, s, lang), card.For(two, card.Audience(two)[i], lang); a.Digest() != b.Digest() {
				t.Errorf("%s, %s: two redraws differ", name, s.Key())
			}
		}
	}
}

func TestDigestSeesEverythingThatIsShown(t *testing.T) {
	t.Parallel()
	file := &document.File{Name: "a", SHA256: "b"}
	base := card.Card{HTML: "x", Plain: "x", Buttons: [][]card.Button{{{Text: "t", Data: "d"}}}, File: file}
	for what, other := range map[string]card.Card{
		"text":    {HTML: "y", Buttons: base.Buttons, File: file},
		"button":  {HTML: "x", Buttons: [][]card.Button{{{Text: "t", Data: "e"}}}, File: file},
		"style":   {HTML: "x", Buttons: [][]card.Button{{{Text: "t", Data: "d", Style: card.Danger}}}, File: file},
		"rows":    {HTML: "x", File: file},
		"file":    {HTML: "x", Buttons: base.Buttons, File: &document.File{Name: "a", SHA256: "c"}},
		"no file": {HTML: "x", Buttons: base.Buttons},
	} {
		if other.Digest() == base.Digest() {
			t.Errorf("%s: the digest does not change", what)
		}
	}
	silent := base
	silent.Silent, silent.Plain = true, "z"
	if silent.Digest() != base.Digest() {
		t.Error("what is not shown changes the digest")
	}
}

func TestOlderCardsOfAPersonAskNoMore(t *testing.T) {
	t.Parallel()
	v := situations()["third_round"](t).view()
	var live []string
	for _, s := range card.Audience(v) {
		if s.Kind == card.KindApprover && !s.Past {
			live = append(live, s.Key())
		}
	}
	if !slices.Equal(live, []string{"approver/3/1/per_petr"}) {
		t.Errorf("asking: %v", live)
	}
}

func TestUnknownPersonsGetNothingAndUnknownSpotsSayLittle(t *testing.T) {
	t.Parallel()
	s := situations()["approved"](t)
	v := s.view()
	v.People = people.NewDirectory(nil)
	for _, spot := range card.Audience(v) {
		if spot.Kind != card.KindGroup && spot.Chat == "" {
			t.Errorf("%s is listed", spot.Key())
		}
	}
	lang := localetest.Texts(t).For("en")
	for _, key := range []string{
		"approver/1/0/per_nobody", "approver/9/9/per_anna", "requester/per_nobody", "outcome/9/expired/per_olga", "group/nowhere", "blocked/9/9/nowhere", "file/00/group/x",
	} {
		spot, err := card.ParseSpot(key)
		if err != nil {
			t.Fatal(err)
		}
		c := card.For(s.view(), spot, lang)
		if err := checkHTML(c.HTML); err != nil || c.HTML == "" {
			t.Errorf("%s: %q, %v", key, c.HTML, err)
		}
		if spot.Kind == card.KindApprover && c.Buttons != nil {
			t.Errorf("%s: buttons", key)
		}
	}
	if c := card.For(v, card.Spot{Kind: "else"}, lang); c.HTML != "" {
		t.Errorf("a spot of no kind: %q", c.HTML)
	}
}

func TestManyStepsAndPeopleFit(t *testing.T) {
	t.Parallel()
	plan := threeSteps()
	plan.Steps, plan.Reason = nil, route.ReasonAlways
	all := staff()
	for i := range 40 {
		id := fmt.Sprintf("m%02d", i)
		all = append(all, people.Person{
			ID: people.ID("per_" + id), ExternalID: id, Name: strings.Repeat("Член правления ", 9) + id,
			Active: true, Roles: []people.Role{{Name: "board"}},
		})
	}
	for i := range 20 {
		plan.Steps = append(plan.Steps, route.Step{
			Key: fmt.Sprintf("s%d", i), Title: strings.Repeat("Шаг ", 40), Mode: route.All, Who: []route.Selector{{Role: "board"}},
		})
	}
	d := request()
	d.Payee.Name, d.Payee.Account = strings.Repeat("Ж", 500), strings.Repeat("9", 150)
	s := begin(t, d, plan, all)
	for i := range 60 {
		s.vote(people.ID(fmt.Sprintf("per_m%02d", i%40)), approval.Accept, strings.Repeat("потому что ", 300))
	}
	s.revise(func(d *document.Document) {
		d.Payee.Account = strings.Repeat("8", 150)
		for i := range 200 {
			d.Fields[fmt.Sprintf("поле %d", i)] = strings.Repeat("з", 300)
		}
	})
	check(t, s.view(), "ru", d.Payee.Name, strings.Repeat("8", 150))
}

// FuzzDocument: whatever an ERP writes, the cards are valid, and the sum and where it
// goes are there whole.
func FuzzDocument(f *testing.F) {
	f.Add("4711", "Paper", "ООО «Ромашка»", "40702810900000012345", "note", int64(1))
	f.Add("</b>", "\u202e<a href=\"x\">", "A & B < C > \"D\"", "DE89\u00a03704 0044\n0532", "{{.Name}}", int64(math.MaxInt64))
	f.Add("\xff", strings.Repeat("x\n", 5000), "שלום 123", "\u200b", "&amp;", int64(-5))
	f.Add("\U0001F469\u200d\U0001F467", "e\u0301", "a\u0301\u0301", "👩", "state.approved", int64(0))
	f.Fuzz(func(t *testing.T, number, title, payee, account, other string, minor int64) {
		d := request()
		d.Number, d.Title, d.Payee.Name, d.Payee.Account = number, title, payee, account
		d.Payee.BankID, d.Payee.TaxID, d.Company, d.Contract, d.Type = other, other, other, title, number
		d.CostCenter = "sales" // whose budget holders are asked
		d.Amount = money.Amount{Minor: minor, Currency: "KWD"}
		d.Fields = map[string]string{other: title, title: other}
		d.Lines = []document.Line{{No: 1, Text: title, Amount: d.Amount, CostCenter: other}}
		d.Files[0].Name = other
		s := begin(t, d, threeSteps(), staff())
		v := s.view()
		lang := localetest.Texts(t).For("de")
		flat := func(s string) string {
			return strings.Join(strings.FieldsFunc(markup.Clean(s), func(r rune) bool { return r == ' ' || r == '\n' }), " ")
		}
		var whole []string
		if p, a := flat(payee), flat(account); strings.TrimSpace(p) != "" && markup.Len16(p) <= 500 && markup.Len16(a) <= 150 {
			whole = append(whole, p, a, lang.Money(d.Amount))
		}
		check(t, v, "de", whole...)
		s.vote("per_anna", approval.Return, title+"?")
		s.revise(func(d *document.Document) { d.Payee.Name, d.Title = other+"!", payee })
		check(t, s.view(), "de")
	})
}

// What the REST door takes is shown whole and can be accepted, to the last unit; beyond
// that nothing is, whatever else the document says.
func TestFiguresAreShownWholeOrNotAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		limit int
		set   func(d *document.Document, text string)
	}{
		{"payee.name", 500, func(d *document.Document, text string) { d.Payee.Name = text }},
		{"payee.account", 150, func(d *document.Document, text string) { d.Payee.Account = text }},
		{"payee.bank_id", 100, func(d *document.Document, text string) { d.Payee.BankID = text }},
		{"payee.tax_id", 100, func(d *document.Document, text string) { d.Payee.TaxID = text }},
		{"payee.person", 100, func(d *document.Document, text string) { d.Payee.Person = text }},
	} {
		for length, accepted := range map[int]bool{c.limit: true, c.limit + 1: false} {
			d := long(request())
			value := strings.Repeat("ж", length-2) + "<&"
			c.set(&d, value)
			s := begin(t, d, threeSteps(), staff())
			drawn := card.For(s.view(), card.Audience(s.view())[0], localetest.Texts(t).For("de"))
			if got := accepts(drawn); got != accepted || strings.Contains(drawn.Plain, value) != accepted {
				t.Errorf("%s of %d units: can be accepted %t, shown as\n%s", c.field, length, got, drawn.Plain)
			}
			if !strings.Contains(drawn.Plain, localetest.Texts(t).For("de").Money(d.Amount)) {
				t.Errorf("%s of %d units: the sum is not there", c.field, length)
			}
			if len(drawn.Buttons) == 0 || !accepted && len(drawn.Buttons[0]) != 1 {
				t.Errorf("%s of %d units: buttons %v; to reject and to return is always possible", c.field, length, drawn.Buttons)
			}
		}
	}
}

// long is a document with every other text as long as the REST door takes it.
func long(d document.Document) document.Document {
	d.Amount.Minor = math.MaxInt64
	d.Payee = document.Payee{
		Name: strings.Repeat("Щ", 500), Account: strings.Repeat("9", 150), BankID: strings.Repeat("8", 100), TaxID: strings.Repeat("7", 100),
		Person: strings.Repeat("p", 100),
	}
	d.Number, d.Title, d.Contract = strings.Repeat("N", 200), strings.Repeat("T", 500), strings.Repeat("C", 200)
	for i := range 200 {
		d.Fields[fmt.Sprintf("field %d", i)] = strings.Repeat("v", 2000)
	}
	return d
}

func accepts(c card.Card) bool {
	return slices.ContainsFunc(c.Buttons, func(row []card.Button) bool {
		return slices.ContainsFunc(row, func(b card.Button) bool { return b.Style == card.Success })
	})
}

func TestPayeeWhoIsAPersonWithALongNameIsShownWhole(t *testing.T) {
	t.Parallel()
	all := staff()
	all = append(all, people.Person{ID: "per_payee", ExternalID: "payee", Name: strings.Repeat("Иванов-", 28) + "Петров", Active: true})
	d := long(request())
	d.Payee.Person = "payee"
	s := begin(t, d, threeSteps(), all)
	drawn := card.For(s.view(), card.Audience(s.view())[0], localetest.Texts(t).For("ru"))
	if name := all[len(all)-1].Name; !accepts(drawn) || !strings.Contains(drawn.Plain, name) {
		t.Errorf("can be accepted %t, shown as\n%s", accepts(drawn), drawn.Plain)
	}
}

func TestMessageThatWentAstraySaysNothingOfThePayment(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"en": "Payment request No. 4711\n🔄 This message is out of date.", "ru": "Заявка на оплату № 4711\n🔄 Это сообщение устарело.",
		"de": "Zahlungsantrag Nr. 4711\n🔄 Diese Nachricht ist überholt.", "es": "Solicitud de pago n.º 4711\n🔄 Este mensaje ya no está vigente.",
	}
	for name, tell := range situations() {
		v := tell(t).view()
		v.Doc.Type, v.Doc.Number = "payment_request", "4711"
		for tag, text := range want {
			c := card.Astray(v, card.Spot{Kind: card.KindRequester, Person: "per_olga"}, localetest.Texts(t).For(tag))
			if c.Plain != text || c.Buttons != nil || c.File != nil {
				t.Errorf("%s, %s: %+v, want\n%s", name, tag, c, text)
			}
			if err := checkHTML(c.HTML); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
