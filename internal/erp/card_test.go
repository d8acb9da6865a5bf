package erp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"

	"countersign/internal/approval"
	"countersign/internal/card"
	"countersign/internal/document"
	"countersign/internal/ledger/ledgertest"
	"countersign/internal/locale/localetest"
)

// most is the longest text of one character that takes so many units on a card.
func most(of string, units int) string {
	return strings.Repeat(of, units/len(utf16.Encode([]rune(norm.NFC.String(of)))))
}

// payee is one whose texts are all as long as they may be.
func payee(letter, digit string) map[string]string {
	return map[string]string{
		"name": most(letter, 500), "account": most(digit, 150), "tax_id": most(digit, 100), "bank_id": most(digit, 100), "person": most("p", 100),
	}
}

// extent is how many parts a document has.
type extent struct{ fields, lines, files int }

// large is a document whose texts are all as long as they may be, or longer than any card
// shows.
func large(tb testing.TB, payee map[string]string, variant string, has extent) string {
	tb.Helper()
	fields := map[string]string{}
	for i := range has.fields {
		fields[fmt.Sprintf("%03d", i)+most("k", 97)] = variant + most("я", 500)
	}
	var lines, files []any
	for i := range has.lines {
		lines = append(lines, map[string]any{"no": i + 1, "text": variant + most("L", 999), "amount": "999999999999999.99", "cost_center": most("c", 100)})
	}
	for i := range has.files {
		files = append(files, map[string]any{"name": most("f", 250), "sha256": hexDigest(variant + fmt.Sprint(i)), "upload": "pending"})
	}
	body, err := json.Marshal(map[string]any{
		"type": "payment_request", "number": most("N", 100), "title": most("Ж", 500), "company": most("C", 100), "requester": "ivanova", "on_behalf_of": most("o", 200),
		"last_editor": "ivanova", "amount": "999999999999999.99", "currency": "RUB", "due_date": "2026-06-30", "payee": payee, "contract": variant + most("к", 199),
		"cost_center": most("c", 100), "url": "https://erp.example.org/" + most("u", 1000), "fields": fields, "lines": lines, "files": files,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(body)
}

// The first thing that an approver reads is where the money goes: nothing that the door
// takes may be cut there, or take the button away.
func TestTheLargestDocumentIsShownWholeWithItsButtons(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	some := extent{25, 20, 12} // more than a card shows
	for name, c := range map[string]struct {
		letter, digit string
		has           extent
	}{
		"Latin": {"W", "4", extent{200, 500, 50}}, "Cyrillic": {"Щ", "Щ", some}, "two units": {"😀", "𝟘", some}, "right to left": {"א", "٤", some},
		"composed longer": {"\u0958", "\u0958", some}, "markup": {"&", "<", some}, "bare": {`"`, `"`, extent{}},
	} {
		id := strings.ReplaceAll(name, " ", "-")
		b.put(t, id, large(t, payee("Z", "9"), "A", c.has))
		earlier := b.view(t, id)
		b.drawn(t, name+" at first", earlier, "en", payee("Z", "9"))
		b.Vote(t, id, ledgertest.Budget, approval.Return, most("q", 500)) // the next state asks him again
		to := payee(c.letter, c.digit)
		b.put(t, id, large(t, to, "B", c.has))
		v := b.view(t, id)
		v.Earlier = map[int]document.Document{earlier.Case.Revision: earlier.Doc}
		for _, tag := range []string{"en", "ru", "de", "es"} {
			b.drawn(t, name+" "+tag, v, tag, to)
		}

		for field, limit := range map[string]int{"name": 500, "account": 150, "tax_id": 100, "bank_id": 100, "person": 100} {
			longer := payee(c.letter, c.digit)
			longer[field] += "x"
			out := b.call(t, request{method: "PUT", path: documentPath(id), body: large(t, longer, "B", extent{})})
			expect(t, out, 422, "invalid_field")
			if f := out.faults(t); len(f) != 1 || f[0] != "payee."+field+" too_long" || !strings.Contains(string(out.body), fmt.Sprintf("≤ %d UTF-16", limit)) {
				t.Errorf("%s: %s", name, out.body)
			}
		}
	}
}

// view is what the cards of a document are drawn from.
func (b *bench) view(t *testing.T, id string) card.View {
	t.Helper()
	st, err := b.Document(t.Context(), ledgertest.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := b.Directory.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return card.View{Case: &st.Case, Doc: st.Document, People: dir}
}

// drawn holds the card of the one who is asked against what the door took.
func (b *bench) drawn(t *testing.T, name string, v card.View, tag string, to map[string]string) {
	t.Helper()
	lang := localetest.Texts(t).For(tag)
	asked := 0
	for _, s := range card.Audience(v) {
		if s.Kind != card.KindApprover || s.Past {
			continue
		}
		asked++
		shown := card.For(v, s, lang)
		if n := len(utf16.Encode([]rune(shown.Plain))); n > 4096 {
			t.Errorf("%s: %d units", name, n)
		}
		parts := strings.SplitN(shown.Plain, "\n\n", 3)
		figures := parts[min(1, len(parts)-1)]
		for _, field := range []string{"name", "account", "tax_id", "bank_id", "person"} {
			if !strings.Contains(figures, norm.NFC.String(to[field])) {
				t.Errorf("%s: %s is not there whole:\n%s", name, field, shown.Plain)
			}
		}
		if sum := lang.Money(v.Doc.Amount); sum == "" || !strings.Contains(figures, sum) {
			t.Errorf("%s: %s is not there:\n%s", name, sum, shown.Plain)
		}
		if len(shown.Buttons) == 0 || len(shown.Buttons[0]) != 2 || !strings.HasPrefix(shown.Buttons[0][0].Text, "✅") || !strings.HasPrefix(shown.Buttons[0][1].Text, "❌") {
			t.Errorf("%s: the buttons are %v", name, shown.Buttons)
		}
	}
	if asked != 1 {
		t.Errorf("%s: %d are asked", name, asked)
	}
}

func TestWhatDoesNotShowIsNoAccount(t *testing.T) {
	t.Parallel()
	b := common(t)
	for _, c := range []struct{ old, with, fault string }{
		{`"account":"4070`, `"account":"4070\u200b`, "payee.account bad_characters"},
		{`"account":"4070`, `"account":"4070\u00ad`, "payee.account bad_characters"},
		{`"bank_id":"0445`, `"bank_id":"0445\u2060`, "payee.bank_id bad_characters"},
		{`"tax_id":"7701`, `"tax_id":"\ufe0f7701`, "payee.tax_id bad_characters"},
		{`"company":"LLC-A"`, `"company":"\u200b"`, "company bad_characters"},
		{`"requester":"ivanova"`, `"requester":"\u3164"`, "requester bad_characters"},
	} {
		out := b.call(t, request{method: "PUT", path: b.path("A"), body: replace(t, rent, c.old, c.with)})
		expect(t, out, 422, "invalid_field")
		if f := out.faults(t); len(f) != 1 || f[0] != c.fault {
			t.Errorf("%s: %v", c.with, f)
		}
	}
	b.put(t, "A", replace(t, rent, `"Landlord LLC"`, `"\u200b\u2060"`))
	if got := b.get(t, b.path("A")).at(t, "document.payee.name"); got != "" {
		t.Errorf("a name of nothing is told as %q", got)
	}
}
