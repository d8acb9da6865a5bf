package calendar_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/calendar"
)

func TestHoursAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	tests := map[string][]calendar.Span{
		"":                         nil,
		"09:00-18:00":              {{From: 540, To: 1080}},
		"09:00-13:00,14:00-18:00":  {{From: 540, To: 780}, {From: 840, To: 1080}},
		"09:00-13:00, 13:00-18:00": {{From: 540, To: 780}, {From: 780, To: 1080}},
		"00:00-24:00":              {{From: 0, To: 1440}},
	}
	for text, want := range tests {
		got, err := calendar.ParseSpans(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for _, text := range []string{
		"9-18", "09:00", "09:00-", "-18:00", "09:00-09:00", "18:00-09:00", "09:00-24:01", "09:60-10:00", "25:00-26:00",
		"09:00-18:00,", "14:00-18:00,09:00-13:00", "09:00-14:00,13:00-18:00", "٠٩:00-18:00", "09:00–18:00", "09:00-18:00-19:00", "+9:00-18:00",
	} {
		if got, err := calendar.ParseSpans(text); !errors.Is(err, calendar.ErrInvalid) {
			t.Errorf("%q was read as %v, %v", text, got, err)
		}
	}
}

func TestDatesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	got, err := calendar.ParseDate("2028-02-29")
	if want := (calendar.Date{Year: 2028, Month: time.February, Day: 29}); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, text := range []string{"", "2026-02-29", "2026-13-01", "2026-1-1", "01.02.2026", "2026-01-01T00:00:00Z", strings.Repeat("1", 1000)} {
		if got, err := calendar.ParseDate(text); !errors.Is(err, calendar.ErrInvalid) || got != (calendar.Date{}) {
			t.Errorf("%q was read as %v, %v", text, got, err)
		}
	}
}

func TestEveryFaultOfACalendarIsToldAtOnce(t *testing.T) {
	t.Parallel()
	faulty := calendar.Calendar{Days: map[calendar.Date][]calendar.Span{
		{Year: 2026, Month: time.February, Day: 30}: nil,
		{Year: 2026, Month: time.May, Day: 1}:       {{From: 600, To: 500}},
	}}
	faulty.Week[time.Tuesday] = []calendar.Span{{From: 600, To: 700}, {From: 650, To: 800}}
	faulty.Week[time.Friday] = []calendar.Span{{From: -1, To: 1441}}
	err := faulty.Validate()
	if !errors.Is(err, calendar.ErrInvalid) {
		t.Fatal(err)
	}
	for _, part := range []string{"Tuesday", "Friday", "2026-02-30", "2026-05-01"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in:\n%v", part, err)
		}
	}
	holidaysOnly := calendar.Calendar{Days: map[calendar.Date][]calendar.Span{{Year: 2026, Month: time.May, Day: 1}: {{From: 0, To: 60}}}}
	if err := holidaysOnly.Validate(); !errors.Is(err, calendar.ErrInvalid) {
		t.Errorf("a week without hours was accepted: %v", err)
	}
	if err := calendar.Standard(time.UTC).Validate(); err != nil {
		t.Errorf("the standard calendar: %v", err)
	}
}

func TestDaysSurviveJSON(t *testing.T) {
	t.Parallel()
	days := map[calendar.Date][]calendar.Span{
		{Year: 2026, Month: time.January, Day: 1}:   {},
		{Year: 2026, Month: time.December, Day: 31}: {{From: 540, To: 780}},
	}
	data, err := json.Marshal(days)
	if want := `{"2026-01-01":[],"2026-12-31":["09:00-13:00"]}`; err != nil || string(data) != want {
		t.Fatalf("wrote %s, %v; want %s", data, err, want)
	}
	var back map[calendar.Date][]calendar.Span
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(days, back); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"2026-02-30":[]}`), &back); !errors.Is(err, calendar.ErrInvalid) {
		t.Errorf("a date that does not exist was read: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"2026-02-01":["9-18"]}`), &back); !errors.Is(err, calendar.ErrInvalid) {
		t.Errorf("bad hours were read: %v", err)
	}
}

func FuzzParseSpans(f *testing.F) {
	for _, text := range []string{"", "09:00-18:00", "09:00-13:00,14:00-18:00", "00:00-24:00", "9-18", ",", "09:00-18:00,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := calendar.ParseSpans(text)
		if err != nil {
			if !errors.Is(err, calendar.ErrInvalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		written := make([]string, 0, len(parsed))
		for _, span := range parsed {
			written = append(written, span.String())
		}
		again, err := calendar.ParseSpans(strings.Join(written, ","))
		if diff := cmp.Diff(parsed, again); err != nil || diff != "" {
			t.Fatalf("%q became %q: %v %s", text, written, err, diff)
		}
	})
}
