package document

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// How much of a text is looked at, in characters and in words.
const (
	longestField = 1000
	longestWord  = 40
	mostWords    = 100
	longestQuery = 256
	mostTerms    = 10
)

// LeastBegun is how many letters of a word find it by its beginning: fewer would find
// everything.
const LeastBegun = 3

// Marks are what a document can be found by: its number in one piece, and words. Of these
// "#" begins a part of the number without leading zeros, and "=" an amount.
type Marks struct {
	Number string
	Words  []string
}

// Sought is what somebody looks for: a document that has, of each of the terms, one of the
// words.
type Sought struct {
	Number string // the whole of it, as if it were a number
	Part   string // that, if it is digits only, as a word of the marks; else empty
	Terms  [][]Word
}

// Word is a word of the marks, or the beginning of one.
type Word struct {
	Text   string
	Begins bool
}

// Marks lists what the document can be found by.
func (d Document) Marks() Marks {
	m := Marks{Number: joined(d.Number)}
	add := func(w string) {
		if len(m.Words) < mostWords && !slices.Contains(m.Words, w) {
			m.Words = append(m.Words, w)
		}
	}
	for _, w := range split(d.Number) {
		add(w)
		for _, run := range digits(w) {
			add("#" + bare(run))
		}
	}
	if d.Amount.Currency != "" {
		whole, fraction, _ := strings.Cut(d.Amount.String(), ".")
		add("=" + decimal(whole, fraction))
		add(fold(d.Amount.Currency))
	}
	for _, text := range []string{d.Payee.Name, d.Company, d.Contract, d.Title} {
		for _, w := range split(text) {
			add(w)
		}
	}
	return m
}

// Seek reads what a person typed: words, a number, an amount as people write it.
func Seek(text string) Sought {
	text = first(text, longestQuery)
	s := Sought{Number: joined(text)}
	if onlyDigits(s.Number) {
		s.Part = "#" + bare(s.Number)
	}
	for _, run := range runs(text) {
		whole := amounts(run)
		for _, w := range split(run) {
			if len(s.Terms) == mostTerms {
				return s
			}
			term := []Word{begins(w, utf8.RuneCountInString(w))}
			if onlyDigits(w) {
				term = append(term, begins("#"+bare(w), len(bare(w))))
			}
			for _, a := range slices.Concat(whole, amounts(w)) {
				if exact := (Word{Text: "=" + a}); !slices.Contains(term, exact) {
					term = append(term, exact)
				}
			}
			s.Terms = append(s.Terms, term)
		}
	}
	return s
}

func begins(w string, length int) Word { return Word{Text: w, Begins: length >= LeastBegun} }

// runs parts a text where figures end: blanks and marks between digits may belong to an
// amount.
func runs(text string) []string {
	var out []string
	var now strings.Builder
	flush := func() {
		if now.Len() > 0 {
			out = append(out, now.String())
			now.Reset()
		}
	}
	figures := false
	for word := range strings.FieldsSeq(text) {
		is := strings.Trim(word, "0123456789.,'’") == ""
		if !is || !figures {
			flush()
		}
		if now.Len() > 0 {
			now.WriteByte(' ')
		}
		now.WriteString(word)
		figures = is
	}
	flush()
	return out
}

// amounts gives what a text can mean as an amount, as plain decimals: a mark between three
// digits and three may part thousands or begin the cents.
func amounts(text string) []string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '’':
			return '\''
		default:
			return r
		}
	}, strings.Trim(text, ".,' "))
	if text == "" || len(text) > longestWord || strings.Trim(text, "0123456789., '") != "" {
		return nil
	}
	var out []string
	if whole, ok := grouped(text); ok {
		out = append(out, decimal(whole, ""))
	}
	if at := strings.LastIndexAny(text, ".,"); at >= 0 && onlyDigits(text[at+1:]) && strings.Count(text, text[at:at+1]) == 1 {
		if whole, ok := grouped(text[:at]); ok {
			out = append(out, decimal(whole, text[at+1:]))
		}
	}
	return out
}

// grouped reads a whole number whose thousands may be parted, all by the same mark.
func grouped(text string) (string, bool) {
	at := strings.IndexAny(text, "., '")
	if at < 0 {
		return text, onlyDigits(text)
	}
	parts := strings.Split(text, text[at:at+1])
	for i, p := range parts {
		if !onlyDigits(p) || i > 0 && len(p) != 3 || i == 0 && len(p) > 3 {
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

// decimal is the one way of writing a number.
func decimal(whole, fraction string) string {
	whole, fraction = bare(whole), strings.TrimRight(fraction, "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

func bare(number string) string {
	if out := strings.TrimLeft(number, "0"); out != "" || number == "" {
		return out
	}
	return "0"
}

func onlyDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// digits lists the runs of digits in a word.
func digits(w string) []string {
	return strings.FieldsFunc(w, func(r rune) bool { return r < '0' || r > '9' })
}

func joined(text string) string { return first(strings.Join(split(text), ""), longestWord) }

// split gives the words of a text as they are compared.
func split(text string) []string {
	words := strings.FieldsFunc(fold(first(text, longestField)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
	for i, w := range words {
		words[i] = first(w, longestWord)
	}
	return words
}

// fold makes equal what people type for the same: capitals and small letters, letters with
// and without accents, and the letters that look the same in Cyrillic and in Latin.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ToValidUTF8(s, " ")))
	return strings.Map(alike, cases.Fold().String(s))
}

// alike gives the Latin letter that a Cyrillic one looks like.
func alike(r rune) rune {
	const cyrillic, latin = "авекмнорстухіјѕ", "abekmhopctyxijs"
	if at := strings.IndexRune(cyrillic, r); r >= 'а' && at >= 0 {
		return rune(latin[at/2])
	}
	return r
}

// first gives the first so many characters.
func first(s string, most int) string {
	for i := range s {
		if most == 0 {
			return s[:i]
		}
		most--
	}
	return s
}
