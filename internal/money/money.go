// Package money owns exact amounts: a whole number of minor units in a
// currency of ISO 4217, how such an amount is read from a decimal text, written
// back, compared and added. No floating point is used anywhere. It leaves
// grouping, decimal marks and languages to locale, and exchange rates to
// nobody: two currencies are never mixed here.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Why an amount was refused. Every error of this package wraps one of them.
var (
	// ErrSyntax means that the text is not a plain decimal such as 125000.00.
	ErrSyntax = errors.New("not a plain decimal")
	// ErrTooPrecise means more decimals than the currency has.
	ErrTooPrecise = errors.New("more decimals than the currency has")
	// ErrRange means not above zero, not below 1e15, or beyond what an int64 of
	// minor units can hold.
	ErrRange = errors.New("amount out of range")
	// ErrCurrency means an unknown currency, or two different ones in one sum.
	ErrCurrency = errors.New("unknown or different currency")
)

// maxIntegerDigits makes the upper limit 1e15, which the database repeats as a
// constraint.
const maxIntegerDigits = 15

// Amount is a sum of money. Amounts are comparable with ==; the zero value
// stands for "no amount" and belongs to no currency.
type Amount struct {
	// Minor counts the smallest units of the currency: kopecks, cents, yen.
	Minor int64
	// Currency is the upper-case code of ISO 4217.
	Currency string
}

// Parse reads an amount that a document may carry: above zero, below 1e15, a
// plain decimal with a point and at most as many decimals as the currency has.
// Fewer decimals are fine. Signs, exponents, separators, blanks, leading zeros
// and digits of other scripts are refused. Currencies of four decimals end at
// 922337203685477.5807, where an int64 of minor units does.
func Parse(text, currency string) (Amount, error) {
	digits, ok := Digits(currency)
	if !ok {
		return Amount{}, fmt.Errorf("currency %.16q: %w", currency, ErrCurrency)
	}
	minor, err := parseMinor(text, digits)
	if err != nil {
		return Amount{}, fmt.Errorf("amount %.40q %s: %w", text, currency, err)
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

func parseMinor(text string, digits int) (int64, error) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	switch {
	case !isDigits(whole), hasPoint && !isDigits(fraction):
		return 0, ErrSyntax
	case len(whole) > 1 && whole[0] == '0':
		return 0, ErrSyntax
	case len(fraction) > digits:
		return 0, ErrTooPrecise
	case len(whole) > maxIntegerDigits:
		return 0, ErrRange
	}
	padded := whole + fraction + strings.Repeat("0", digits-len(fraction))
	minor, err := strconv.ParseInt(padded, 10, 64)
	if err != nil || minor == 0 {
		return 0, ErrRange
	}
	return minor, nil
}

// isDigits reports whether s is a non-empty run of ASCII digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// FromMinor makes an amount of a known currency from its minor units, of
// either sign. Use Valid to learn whether a document may carry it.
func FromMinor(minor int64, currency string) (Amount, error) {
	if _, ok := Digits(currency); !ok {
		return Amount{}, fmt.Errorf("currency %.16q: %w", currency, ErrCurrency)
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

// Valid tells why a document may not carry the amount: the same limits that
// Parse enforces. It returns nil when it may.
func (a Amount) Valid() error {
	digits, ok := Digits(a.Currency)
	if !ok {
		return fmt.Errorf("currency %.16q: %w", a.Currency, ErrCurrency)
	}
	if a.Minor <= 0 || uint64(a.Minor)/pow10(digits) >= pow10(maxIntegerDigits) {
		return fmt.Errorf("amount %s %s: %w", a, a.Currency, ErrRange)
	}
	return nil
}

// IsZero reports whether there are no minor units, in whatever currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// String writes the exact decimal with all digits of the currency and without
// its code: 125000.00, 1500 for JPY, -0.05. Parse reads back what a document
// may carry.
func (a Amount) String() string {
	digits, _ := Digits(a.Currency)
	text := strconv.FormatUint(magnitude(a.Minor), 10)
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	if digits > 0 {
		point := len(text) - digits
		text = text[:point] + "." + text[point:]
	}
	if a.Minor < 0 {
		text = "-" + text
	}
	return text
}

// Compare returns -1, 0 or 1, or ErrCurrency when the currencies differ.
func (a Amount) Compare(b Amount) (int, error) {
	if err := sameCurrency(a, b); err != nil {
		return 0, err
	}
	switch {
	case a.Minor < b.Minor:
		return -1, nil
	case a.Minor > b.Minor:
		return 1, nil
	}
	return 0, nil
}

// Add returns a + b, ErrCurrency when the currencies differ, or ErrRange when
// the sum does not fit.
func (a Amount) Add(b Amount) (Amount, error) {
	if err := sameCurrency(a, b); err != nil {
		return Amount{}, err
	}
	if (b.Minor > 0 && a.Minor > math.MaxInt64-b.Minor) || (b.Minor < 0 && a.Minor < math.MinInt64-b.Minor) {
		return Amount{}, fmt.Errorf("%s + %s %s: %w", a, b, a.Currency, ErrRange)
	}
	return Amount{Minor: a.Minor + b.Minor, Currency: a.Currency}, nil
}

// Sub returns a - b, ErrCurrency when the currencies differ, or ErrRange when
// the difference does not fit.
func (a Amount) Sub(b Amount) (Amount, error) {
	if err := sameCurrency(a, b); err != nil {
		return Amount{}, err
	}
	if (b.Minor < 0 && a.Minor > math.MaxInt64+b.Minor) || (b.Minor > 0 && a.Minor < math.MinInt64+b.Minor) {
		return Amount{}, fmt.Errorf("%s - %s %s: %w", a, b, a.Currency, ErrRange)
	}
	return Amount{Minor: a.Minor - b.Minor, Currency: a.Currency}, nil
}

func sameCurrency(a, b Amount) error {
	if a.Currency != b.Currency {
		return fmt.Errorf("currencies %.16q and %.16q: %w", a.Currency, b.Currency, ErrCurrency)
	}
	if _, ok := Digits(a.Currency); !ok {
		return fmt.Errorf("currency %.16q: %w", a.Currency, ErrCurrency)
	}
	return nil
}

// magnitude is |n| without the overflow of the smallest int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n) //nolint:gosec // two's complement makes this exact for every negative number
	}
	return uint64(n)
}

// distance is |a - b|, which always fits an uint64.
func distance(a, b int64) uint64 {
	x, y := magnitude(a), magnitude(b)
	if (a < 0) != (b < 0) {
		return x + y
	}
	return max(x, y) - min(x, y)
}

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
