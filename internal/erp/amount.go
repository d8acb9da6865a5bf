package erp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"countersign/internal/money"
)

// sumOf says of what a sum is: that decides what it may be.
type sumOf int

const (
	sumOfDocument sumOf = iota // there, and above zero
	sumOfLine                  // may be left out; a discount is below zero
)

// amount reads amount, amount_minor, or both if they agree.
func (o *object) amount(currency string, of sumOf) money.Amount {
	_, known := money.Digits(currency)
	if !known && currency != "" && of == sumOfDocument {
		o.fault("currency", "unknown_currency")
	}
	text, hasText := o.decimal("amount")
	minor, hasMinor := o.whole("amount_minor", -1<<62, 1<<62)
	if !known {
		return money.Amount{} // said at currency
	}
	var a money.Amount
	switch {
	case hasText:
		a = o.parse(text, currency, of)
	case hasMinor:
		a = money.Amount{Minor: minor, Currency: currency}
		if err := a.Valid(); err != nil && of == sumOfDocument {
			o.fault("amount_minor", codeOf(err))
		}
	case of == sumOfDocument && o.fine("amount") && o.fine("amount_minor"):
		o.fault("amount", "missing_field")
	}
	if hasText && hasMinor && a.Currency != "" && a.Minor != minor {
		o.refuse("amount_minor", "conflict", "≠ amount")
	}
	return a
}

func (o *object) parse(text, currency string, of sumOf) money.Amount {
	digits, negative := text, false
	if of == sumOfLine {
		digits, negative = strings.CutPrefix(text, "-")
	}
	a, err := money.Parse(digits, currency)
	if of == sumOfLine && errors.Is(err, money.ErrRange) && strings.Trim(digits, "0.") == "" {
		a, err = money.FromMinor(0, currency)
	}
	if err != nil {
		o.fault("amount", codeOf(err))
		return money.Amount{}
	}
	if negative {
		a.Minor = -a.Minor
	}
	return a
}

func codeOf(err error) string {
	switch {
	case errors.Is(err, money.ErrTooPrecise):
		return "too_precise"
	case errors.Is(err, money.ErrRange):
		return "out_of_range"
	case errors.Is(err, money.ErrCurrency):
		return "unknown_currency"
	default:
		return "not_a_decimal"
	}
}

// decimal reads a sum as a text. A JSON number is none: half of all programs round it on
// the way. When lenient, a number is taken as it is written, and a text as ERPs print it.
func (o *object) decimal(field string) (string, bool) {
	v, ok := o.value(field)
	if !ok {
		return "", false
	}
	sent := string(v)
	switch kind := v.Kind(); {
	case kind == '"':
		sent = unquote(v)
	case kind != '0':
		o.fault(field, "wrong_type")
		return "", false
	case !o.in.lenient:
		o.fault(field, "not_a_decimal")
		return "", false
	}
	if sent == "" {
		return "", false
	}
	text := sent
	if o.in.lenient && len(sent) <= 64 { // longer than any amount
		var sure bool
		if text, sure = printed(sent); !sure {
			o.fault(field, "ambiguous_amount")
			return "", false
		}
	}
	if text != sent || v.Kind() != '"' {
		o.note(field, sent, text)
	}
	return text, true
}

// printed understands 125 000,00: spaces of all kinds between groups of three digits, and
// a comma for the point. It is not clear what was meant where spaces stand elsewhere
// (125 00 may have lost its comma), nor where one comma has three digits behind it and one
// to three before it: 1,000 is a thousand here and one there, and in a currency of three
// decimals nothing else would tell. Not so 0,500 and 1 000,000 and 1000,000: no groups look
// like that. With both a comma and a point nothing is done, and no amount comes of it.
//
// A point is always the decimal point: 1.000 KWD is one dinar, lenient or not, because what
// is right without the flag must not become something else with it.
func printed(sent string) (text string, sure bool) {
	text = strings.Trim(strings.Map(func(r rune) rune {
		if r == '\u00a0' || r == '\u202f' || r == '\u2009' {
			return ' '
		}
		return r
	}, sent), " ")
	digits, negative := strings.CutPrefix(text, "-")
	digits = strings.TrimLeft(digits, " ")
	end := strings.IndexAny(digits, ",.")
	if end < 0 {
		end = len(digits)
	}
	whole, rest := digits[:end], digits[end:]
	if strings.Contains(digits, " ") {
		if !grouped(whole) || strings.Contains(rest, " ") {
			return "", false
		}
		whole = strings.ReplaceAll(whole, " ", "")
	}
	if strings.HasPrefix(rest, ",") && !strings.ContainsAny(rest[1:], ",.") {
		if len(rest) == 4 && len(whole) <= 3 && whole != "0" {
			return "", false
		}
		rest = "." + rest[1:]
	}
	if negative {
		whole = "-" + whole
	}
	return whole + rest, true
}

// grouped reports whether spaces stand where groups of three digits meet.
func grouped(whole string) bool {
	for i, group := range strings.Split(whole, " ") {
		if len(group) != 3 && (i > 0 || len(group) == 0 || len(group) > 3) {
			return false
		}
	}
	return true
}

// date reads a day. The empty date of 1C, and an empty text, are none.
func (o *object) date(field string) string {
	v, ok := o.value(field)
	if !ok {
		return ""
	}
	if v.Kind() != '"' {
		o.fault(field, "wrong_type")
		return ""
	}
	sent := unquote(v)
	day, ok := o.in.day(sent)
	switch {
	case !ok:
		o.fault(field, "bad_date")
	case day != sent:
		o.note(field, sent, day)
	}
	return day
}

// day gives the day of a text, or nothing for the empty date.
func (in *intake) day(sent string) (day string, ok bool) {
	switch {
	case sent == "":
		return "", true
	case len(sent) > 64: // longer than any form
		return "", false
	}
	layouts := []string{time.DateOnly, "2006-01-02T15:04:05", time.RFC3339Nano}
	if in.lenient {
		layouts = append(layouts, "02.01.2006", "02.01.2006 15:04:05", "02.01.2006 3:04:05", "20060102", "20060102150405", time.DateTime)
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, sent)
		if err != nil {
			continue
		}
		switch {
		case t.Year() == 1 && t.YearDay() == 1:
			return "", true
		case t.Year() < 1970 || t.Year() > 2199:
			return "", false
		}
		return t.Format(time.DateOnly), true
	}
	return "", false
}

func digestHex(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
