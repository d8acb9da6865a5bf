// Package discreet says what a log may carry of an error: what went wrong and where, and
// nothing of what people wrote, who they are and what they pay. Others read logs than those
// who may see documents, and keep them elsewhere.
//
// It owns the form in which errors are logged. In the full form they are in the journal of
// package journal and in the rows they belong to; secrets are package secret's.
package discreet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"countersign/internal/telegram"
)

// Error is what a log may carry of an error. Of those that repeat what they were given it
// keeps the code and the names of our own; of all others what is no quotation, no address
// and no long number.
func Error(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	kept := map[string]string{} // what was judged already is not cut again
	for i, e := range known(err) {
		mark := fmt.Sprintf("\x00%d\x00", i)
		text = strings.ReplaceAll(text, e.full, mark)
		kept[mark] = e.short
	}
	text = Text(text)
	for mark, short := range kept {
		text = strings.ReplaceAll(text, mark, short)
	}
	return text
}

// part is an error in a chain whose text we know how to shorten.
type part struct{ full, short string }

// known finds them, the outermost first.
func known(err error) (out []part) {
	switch e := err.(type) { //nolint:errorlint // every link of the chain is looked at
	case nil:
		return nil
	case *telegram.Error:
		return []part{{e.Error(), messenger(e)}}
	case refused:
		return []part{{e.Error(), database(e)}}
	case interface{ Unwrap() error }:
		return known(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			out = append(out, known(one)...)
		}
	}
	return out
}

func messenger(e *telegram.Error) string {
	why := e.Known()
	if cause := errors.Unwrap(e); cause != nil {
		why = Error(cause)
	}
	if why == "" {
		why = "in words that are in the journal"
	}
	return fmt.Sprintf("telegram %s (%s): %d %s", e.Method, e.Kind, e.Code, why)
}

// Text is a text without its quotations, mail addresses and long numbers: what people
// typed is quoted in errors, and their accounts and telephones are numbers.
func Text(text string) string {
	for _, cut := range []struct{ pattern, with string }{
		{`"(?:[^"\\]|\\.)*"`, `"…"`},
		{"`[^`]*`", "`…`"},
		{`«[^»]*»`, `«…»`},
		{`(^|[\s(\[:=])'[^']*'`, `$1'…'`},
		{`[^\s"'<>()\[\]:;,=]+@[^\s"'<>()\[\]:;,]+\.[^\s"'<>()\[\]:;,]+`, `…@…`},
		{`\+?\b\d[\d\x{a0} ()-]{4,}\d\b`, `#`},
	} {
		text = regexp.MustCompile(cut.pattern).ReplaceAllString(text, cut.with)
	}
	return text
}

// Handler logs errors, and panics, in the discreet form.
func Handler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ next slog.Handler }

// Enabled says whether a record is worth writing.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle hands the record on.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool { out.AddAttrs(attr(a)); return true })
	return h.next.Handle(ctx, out)
}

// WithAttrs stays discreet.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.next.WithAttrs(all(attrs))}
}

// WithGroup stays discreet.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(name)} }

func all(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = attr(a)
	}
	return out
}

func attr(a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindGroup {
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(all(a.Value.Group())...)}
	}
	switch v := a.Value.Any().(type) {
	case error: // before it may describe itself
		return slog.String(a.Key, Error(v))
	case slog.LogValuer:
		return attr(slog.Attr{Key: a.Key, Value: a.Value.Resolve()})
	case string:
		if a.Key == "error" || a.Key == "panic" || a.Key == "reason" || a.Key == "said" {
			return slog.String(a.Key, Text(v))
		}
	}
	if a.Key == "panic" {
		return slog.String(a.Key, Text(fmt.Sprint(a.Value.Any())))
	}
	return a
}
