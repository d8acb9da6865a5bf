package calendar

import (
	"fmt"
	"strings"
)

const (
	minutesPerHour = 60
	minutesPerDay  = 24 * minutesPerHour
)

// Span is a stretch of a day in minutes since midnight, From included and To
// not. As text it is 09:00-18:00; a day ends at 24:00.
type Span struct {
	From int
	To   int
}

// ParseSpans reads the working hours of a day: spans in ascending order,
// divided by commas, such as 09:00-13:00,14:00-18:00. An empty text is a day
// off.
func ParseSpans(text string) ([]Span, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var spans []Span
	for part := range strings.SplitSeq(text, ",") {
		var span Span
		if err := span.UnmarshalText([]byte(strings.TrimSpace(part))); err != nil {
			return nil, err
		}
		spans = append(spans, span)
	}
	if err := checkSpans(spans); err != nil {
		return nil, err
	}
	return spans, nil
}

// String returns the span in the form 09:00-18:00.
func (s Span) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/minutesPerHour, s.From%minutesPerHour, s.To/minutesPerHour, s.To%minutesPerHour)
}

// MarshalText writes the span as String does.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a span in the form 09:00-18:00.
func (s *Span) UnmarshalText(text []byte) error {
	from, to, found := strings.Cut(string(text), "-")
	parsed := Span{From: parseClock(from), To: parseClock(to)}
	if !found || parsed.From < 0 || parsed.To < 0 {
		return fmt.Errorf("hours %.20q are not like 09:00-18:00: %w", text, ErrInvalid)
	}
	if err := checkSpans([]Span{parsed}); err != nil {
		return err
	}
	*s = parsed
	return nil
}

// parseClock reads 09:00 as 540, up to 24:00, and returns -1 for anything else.
func parseClock(text string) int {
	if len(text) != 5 || text[2] != ':' {
		return -1
	}
	digits := [4]int{}
	for i, at := range [4]int{0, 1, 3, 4} {
		digit := int(text[at]) - '0'
		if digit < 0 || digit > 9 {
			return -1
		}
		digits[i] = digit
	}
	minute := digits[2]*10 + digits[3]
	total := (digits[0]*10+digits[1])*minutesPerHour + minute
	if minute >= minutesPerHour || total > minutesPerDay {
		return -1
	}
	return total
}

func checkSpans(spans []Span) error {
	last := 0
	for i, span := range spans {
		switch {
		case span.From < 0 || span.To > minutesPerDay:
			return fmt.Errorf("hours from minute %d to %d leave the day: %w", span.From, span.To, ErrInvalid)
		case span.From >= span.To:
			return fmt.Errorf("hours %s end before they begin: %w", span, ErrInvalid)
		case i > 0 && span.From < last:
			return fmt.Errorf("hours %s begin before the ones in front of them end: %w", span, ErrInvalid)
		}
		last = span.To
	}
	return nil
}
