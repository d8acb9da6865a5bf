package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Ask is what somebody wants to see, in the words in which he writes it down.
type Ask struct {
	Since, Until string // "2h", "3d" ago, a date, or a moment
	Chat         string // its number
	Person       string // external id
	Document     string // SOURCE/EXTERNAL_ID
	Method       string
	Outcome      string
	Error        string // part of its text
	Update       string
	Request      string
	Failed       bool
	After        string // the page before
}

// ErrAsk comes back for what cannot be looked for; the text says which and why.
var ErrAsk = errors.New("cannot look for that")

// Lookup finds what entries say of people and documents.
type Lookup struct {
	Accounts func(ctx context.Context, person string) ([]int64, error)
	Cases    func(ctx context.Context, source, externalID string) ([]string, error)
}

// Query reads what is asked; all mistakes are told at once.
func (a Ask) Query(ctx context.Context, now time.Time, by Lookup) (Query, error) {
	a = a.tidy()
	q := Query{Method: a.Method, Outcome: a.Outcome, Said: a.Error, Request: a.Request, Failed: a.Failed, After: a.After}
	var wrong []error
	read := func(err error) {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	var err error
	q.Since, err = Moment("since", a.Since, now)
	read(err)
	q.Until, err = Moment("until", a.Until, now)
	read(err)
	q.Chat, err = number("chat", a.Chat)
	read(err)
	q.Update, err = number("update", a.Update)
	read(err)
	source, id, cut := strings.Cut(a.Document, "/")
	if a.Document != "" && (!cut || source == "" || id == "") {
		read(fmt.Errorf("%w: document %q: write it as SOURCE/EXTERNAL_ID", ErrAsk, a.Document))
	}
	if len(wrong) > 0 {
		return q, errors.Join(wrong...)
	}
	if a.Person != "" {
		if q.Accounts, err = by.Accounts(ctx, a.Person); err != nil {
			return q, err
		}
		q.Accounts = append([]int64{}, q.Accounts...) // nobody's is not anybody's
	}
	if a.Document != "" {
		if q.Cases, err = by.Cases(ctx, source, id); err != nil {
			return q, err
		}
		q.Cases = append([]string{}, q.Cases...)
	}
	return q, nil
}

func number(name, text string) (int64, error) {
	if text = strings.TrimSpace(text); text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%w: %s %q is no number of one", ErrAsk, name, text)
	}
	return n, nil
}

// Moment reads a time, or how long ago it was; empty is none. The name is for whoever wrote it.
func Moment(name, text string, now time.Time) (time.Time, error) {
	if text = strings.TrimSpace(text); text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil && t.Year() > 1970 && t.Year() < 10000 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s %q: write how long ago (2h, 3d), a date (2026-07-31) or a moment (2026-07-31T15:04:05Z)", ErrAsk, name, text)
}

// tidy is what was asked without what the search does not look at: nobody can hide behind it
// what he looks for.
func (a Ask) tidy() Ask {
	for _, part := range []*string{&a.Since, &a.Until, &a.Chat, &a.Person, &a.Document, &a.Method, &a.Outcome, &a.Error, &a.Update, &a.Request, &a.After} {
		*part = strings.TrimSpace(storable(*part, mostSaid))
	}
	for _, part := range []*string{&a.Chat, &a.Update} {
		if n, err := strconv.ParseInt(*part, 10, 64); err == nil { // whatever zeros it was written with
			*part = strconv.FormatInt(n, 10)
		}
	}
	return a
}

// String is what was asked, for whoever looks into who looked: in one line that any table
// takes, whom and what it is about first. What is long is cut, so that it leaves room.
func (a Ask) String() string {
	const mostPart = 80
	a = a.tidy()
	var parts []string
	for _, p := range [][2]string{
		{"person", a.Person},
		{"document", a.Document},
		{"chat", a.Chat},
		{"update", a.Update},
		{"request", a.Request},
		{"error", a.Error},
		{"method", a.Method},
		{"outcome", a.Outcome},
		{"since", a.Since},
		{"until", a.Until},
		{"after", a.After},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+storable(p[1], mostPart))
		}
	}
	if a.Failed {
		parts = append(parts, "failed")
	}
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(strings.Join(parts, ", "), "?"))
	return strings.TrimSpace(cmp.Or(storable(line, 190), "everything"))
}
