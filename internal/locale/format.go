package locale

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/ru"

	"countersign/internal/money"
)

const (
	// noBreak keeps an amount and its currency on one line.
	noBreak = "\u00a0"
	// noAmount stands where a document has no amount.
	noAmount = "—"
	day      = 24 * time.Hour
)

type dateFormat func(time.Time) string

// dateFormats returns how a language writes dates, in full and in short. Any
// other language gets 2026-01-31, which is read everywhere.
func dateFormats(base string) (full, short dateFormat) {
	switch base {
	case "en":
		return en.New().FmtDateLong, en.New().FmtDateMedium
	case "ru":
		return ru.New().FmtDateLong, ru.New().FmtDateMedium
	case "de":
		return de.New().FmtDateLong, de.New().FmtDateMedium
	case "es":
		return es.New().FmtDateLong, es.New().FmtDateMedium
	}
	return isoDate, isoDate
}

func isoDate(t time.Time) string { return t.Format(time.DateOnly) }

// Money writes an amount exactly: all decimals of its currency, digits grouped
// and marked as the language does, always in Latin digits and with the ISO code
// rather than a sign, since several currencies share $ and ¥. The code follows
// the number, except in English, where it stands in front; a no-break space
// lies between. No amount is a dash.
func (l Lang) Money(amount money.Amount) string {
	if amount.Currency == "" {
		return noAmount
	}
	whole, fraction, hasFraction := strings.Cut(amount.String(), ".")
	whole, negative := strings.CutPrefix(whole, "-")
	text := l.group(whole)
	if hasFraction {
		text += l.mark() + fraction
	}
	if negative {
		text = "-" + text
	}
	if l.tag == fallback || strings.HasPrefix(l.tag, fallback+"-") || l.tag == "" {
		return amount.Currency + noBreak + text
	}
	return text + noBreak + amount.Currency
}

// Decimal writes a measure with one decimal.
func (l Lang) Decimal(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', 1, 64), ".", l.mark(), 1)
}

func (l Lang) group(digits string) string {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || l.numbers == nil {
		return digits
	}
	return l.numbers.Sprintf("%d", n)
}

func (l Lang) mark() string {
	if l.decimal == "" {
		return "."
	}
	return l.decimal
}

// Date writes the date of t in full, in the time zone that t carries: 5 марта
// 2026 г.
func (l Lang) Date(t time.Time) string {
	if l.date == nil {
		return isoDate(t)
	}
	return l.date(t)
}

// DateTime writes date and time in a time zone, the date in its short form and
// the time of 24 hours: 5 мар. 2026 г., 14:05. With no location t keeps its own.
func (l Lang) DateTime(t time.Time, location *time.Location) string {
	if location != nil {
		t = t.In(location)
	}
	format := l.short
	if format == nil {
		format = isoDate
	}
	return format(t) + ", " + t.Format("15:04")
}

// Until writes when something is over, as DateTime does. What ends at midnight lasts to the
// end of the day before, which is the day that people name: it is not told by the next.
func (l Lang) Until(t time.Time, location *time.Location) string {
	if location != nil {
		t = t.In(location)
	}
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		t = t.Add(-time.Minute)
	}
	return l.DateTime(t, nil)
}

// Duration writes roughly how long something takes, in its two largest units:
// 2 h 5 min, 3 d 4 h. A day has 24 hours here. The direction of time is lost.
func (l Lang) Duration(d time.Duration) string {
	d = d.Abs()
	if d < time.Minute {
		return l.T("duration.moment", nil)
	}
	minutes := d.Truncate(time.Minute)
	parts := []struct {
		key string
		n   int64
	}{
		{"duration.days", int64(minutes / day)},
		{"duration.hours", int64(minutes % day / time.Hour)},
		{"duration.minutes", int64(minutes % time.Hour / time.Minute)},
	}
	for len(parts) > 1 && parts[0].n == 0 {
		parts = parts[1:]
	}
	var words []string
	for _, part := range parts[:min(2, len(parts))] {
		if part.n > 0 {
			words = append(words, l.T(part.key, map[string]any{"N": part.n}))
		}
	}
	return strings.Join(words, " ")
}
