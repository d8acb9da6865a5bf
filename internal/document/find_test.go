package document_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/internal/document"
	"countersign/internal/money"
)

func request() document.Document {
	return document.Document{
		Type: "payment_request", Number: "ПЗ-0004711", Title: "Аренда офиса, июнь", Company: "ООО «Ёлка»", Contract: "Nr. 12/2026",
		Amount: money.Amount{Minor: 125000050, Currency: "RUB"}, Payee: document.Payee{Name: "Müller & Söhne Straßenbau GmbH"},
	}
}

// finds reports whether the document has what is sought, as a store would.
func finds(d document.Document, text string) bool {
	m, s := d.Marks(), document.Seek(text)
	if len(s.Terms) == 0 {
		return false
	}
	for _, term := range s.Terms {
		if !slices.ContainsFunc(term, func(w document.Word) bool {
			return slices.ContainsFunc(m.Words, func(have string) bool { return have == w.Text || w.Begins && strings.HasPrefix(have, w.Text) })
		}) {
			return false
		}
	}
	return true
}

func TestDocumentIsFoundAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"4711", "0004711", "ПЗ-0004711", "пз 4711", "ПЗ-000",
		"1 250 000,50", "1250000.5", "1,250,000.50", "1.250.000,50", "1'250'000.50", "1’250’000,50", "1\u00a0250\u00a0000,50", "1250000,50",
		"1 250 000,50 rub", "аренда 1 250 000,50", "1250000.50 елка",
		"АРЕНДА", "арен", "ёлка", "Елка", "muller", "MÜLLER", "sohne", "strassenbau", "straße", "12/2026", "офиса июнь",
		"АPEHДA", // А, P, E, H, A of Latin or of Cyrillic, as the keyboard was set
	} {
		if !finds(request(), text) {
			t.Errorf("%q does not find it", text)
		}
	}
}

func TestDocumentIsNotFoundByWhatItIsNot(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "%", "_", "\\", "'", "&|!():*", "4712", "47", "711", "1250000", "1250000,51", "125000050", "12 50 000,50", "0,50",
		"аренда склада", "офисы", "40702810", "\x00", "\u202e", "=", "#",
	} {
		if finds(request(), text) {
			t.Errorf("%q finds it", text)
		}
	}
}

func TestMarkBetweenThousandsOrBeforeCentsIsReadBothWays(t *testing.T) {
	t.Parallel()
	for minor, texts := range map[int64][]string{
		1250:    {"12,5", "12.50", "012,50"},
		125000:  {"1.250", "1,250", "1 250", "1250", "1250.00", "1.250,00", "1,250.00", "01250"},
		1200000: {"12000", "12 000", "12.000", "12,000", "12'000"},
		5:       {"0.05", "0,05", "00,050"},
	} {
		for _, other := range []int64{1250, 125000, 1200000, 5} {
			d := document.Document{Amount: money.Amount{Minor: other, Currency: "EUR"}}
			for _, text := range texts {
				if got := finds(d, text); got != (other == minor) {
					t.Errorf("%d minor units found by %q: %v", other, text, got)
				}
			}
		}
	}
}

func TestAmountsKnowTheirCurrency(t *testing.T) {
	t.Parallel()
	yen := document.Document{Amount: money.Amount{Minor: 5000, Currency: "JPY"}}
	dinar := document.Document{Amount: money.Amount{Minor: 5000125, Currency: "KWD"}}
	if !finds(yen, "5 000 jpy") || finds(yen, "50") || !finds(dinar, "5000.125") || !finds(dinar, "5,000.125 KWD") {
		t.Errorf("yen %v, dinar %v", yen.Marks().Words, dinar.Marks().Words)
	}
}

func TestNumberAloneIsLookedForWhole(t *testing.T) {
	t.Parallel()
	s := document.Seek(" пз 0004711 ")
	if s.Number != request().Marks().Number || s.Part != "" {
		t.Errorf("sought %+v, the document has %q", s, request().Marks().Number)
	}
	if s := document.Seek("04711"); s.Part != "#4711" || !slices.Contains(request().Marks().Words, s.Part) {
		t.Errorf("part %q", s.Part)
	}
}

func FuzzSeek(f *testing.F) {
	for _, s := range []string{"4711", "1 250 000,50", "a' & !b:*", "\x00\\%_", "\u202eabc", "ﬁ ß ё İ", strings.Repeat("9 ", 9000), "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := document.Seek(text)
		if len(s.Terms) > 10 || utf8.RuneCountInString(s.Number) > 40 || len(s.Terms) > 0 && s.Number == "" {
			t.Fatalf("%q: %+v", text, s)
		}
		words := document.Document{Number: text, Title: text, Payee: document.Payee{Name: text}}.Marks().Words
		for _, term := range s.Terms {
			for _, w := range term {
				words = append(words, w.Text)
			}
		}
		for _, w := range words {
			rest := strings.TrimLeft(w, "#=")
			if rest == "" || len(w) > 400 || !utf8.ValidString(w) || strings.ContainsAny(w, "'\\\x00&|!():*<> %_") || len(w)-len(rest) > 1 {
				t.Fatalf("%q gives the word %q", text, w)
			}
		}
	})
}
