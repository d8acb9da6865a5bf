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
	case of == sumOfDocument && o.in.fine(o.at("amount")) && o.in.fine(o.at("amount_minor")):
		o.fault("amount", "missing_field")
	}
	if hasText && hasMinor && a.Currency != "" && a.Minor != minor {
		o.fault("amount_minor", "conflict")
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
	if o.in.lenient {
		text = printed(sent)
	}
	if text != sent || v.Kind() != '"' {
		o.in.note(o.at(field), sent, text)
	}
	return text, true
}

// printed understands 125 000,00: spaces of all kinds between digits, and a comma for the
// point. With both a comma and a point nothing is certain, and nothing is done.
func printed(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '\u202f' || r == '\u2009' {
			return -1
		}
		return r
	}, text)
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		text = strings.ReplaceAll(text, ",", ".")
	}
	return text
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
		o.in.note(o.at(field), sent, day)
	}
	return day
}

// day gives the day of a text, or nothing for the empty date.
func (in *intake) day(sent string) (day string, ok bool) {
	if sent == "" {
		return "", true
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
