package calendar

import (
	"fmt"
	"time"
)

// Date is a day of the calendar without a time zone. As text, and as a key in
// JSON or TOML, it is 2026-01-31.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads a date in the form 2026-01-31.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, fmt.Errorf("date %.20q is not like 2026-01-31: %w", text, ErrInvalid)
	}
	return dateOf(t), nil
}

// String returns the date in the form 2026-01-31.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDate does.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

func dateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{Year: year, Month: month, Day: day}
}

// noon stands for the date where any moment of it will do.
func (d Date) noon() time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }

func (d Date) next() Date { return dateOf(d.noon().AddDate(0, 0, 1)) }

func (d Date) weekday() time.Weekday { return d.noon().Weekday() }

func (d Date) exists() bool { return dateOf(d.noon()) == d }
