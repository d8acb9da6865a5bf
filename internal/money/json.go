package money

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// stored is how an amount looks in JSON: a decimal text, never a number.
type stored struct {
	Amount   *string `json:"amount"`
	Currency *string `json:"currency"`
}

// MarshalJSON writes {"amount":"125000.00","currency":"RUB"}, or null for the
// zero value.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a == (Amount{}) {
		return []byte("null"), nil
	}
	if _, ok := Digits(a.Currency); !ok {
		return nil, fmt.Errorf("currency %.16q: %w", a.Currency, ErrCurrency)
	}
	return []byte(`{"amount":"` + a.String() + `","currency":"` + a.Currency + `"}`), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, negative and zero sums included.
// The amount must carry exactly the digits of its currency. It is meant for
// stored values; what comes from outside goes through Parse.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		*a = Amount{}
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var s stored
	if err := decoder.Decode(&s); err != nil {
		return fmt.Errorf("amount: %w: %w", ErrSyntax, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("amount: data after the object: %w", ErrSyntax)
	}
	if s.Amount == nil || s.Currency == nil {
		return fmt.Errorf("amount: needs amount and currency: %w", ErrSyntax)
	}
	digits, ok := Digits(*s.Currency)
	if !ok {
		return fmt.Errorf("currency %.16q: %w", *s.Currency, ErrCurrency)
	}
	minor, err := strconv.ParseInt(strings.Replace(*s.Amount, ".", "", 1), 10, 64)
	read := Amount{Minor: minor, Currency: *s.Currency}
	if err != nil || read.String() != *s.Amount {
		return fmt.Errorf("amount %.40q with %d decimals: %w", *s.Amount, digits, ErrSyntax)
	}
	*a = read
	return nil
}
