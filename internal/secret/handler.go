package secret

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// Handler masks the secrets in every message and attribute and hands the record
// on. It is the second net under [Text]: it catches the token in the text of a
// network error, the password in a database URL, the key in somebody's struct.
func Handler(next slog.Handler, known ...Text) slog.Handler {
	return net{next: next, masker: NewMasker(known...)}
}

type net struct {
	next   slog.Handler
	masker *Masker
}

func (n net) Enabled(ctx context.Context, level slog.Level) bool { return n.next.Enabled(ctx, level) }

func (n net) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, n.masker.Mask(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(n.attr(a))
		return true
	})
	return n.next.Handle(ctx, clean)
}

func (n net) WithAttrs(attrs []slog.Attr) slog.Handler {
	return net{next: n.next.WithAttrs(n.attrs(attrs)), masker: n.masker}
}

func (n net) WithGroup(name string) slog.Handler {
	return net{next: n.next.WithGroup(name), masker: n.masker}
}

func (n net) attrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, n.attr(a))
	}
	return clean
}

func (n net) attr(a slog.Attr) slog.Attr {
	key, value := n.masker.Mask(a.Key), a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		if telling(a.Key) && value.String() != "" {
			return slog.String(key, Masked)
		}
		return slog.String(key, n.masker.Mask(value.String()))
	case slog.KindGroup:
		return slog.Attr{Key: key, Value: slog.GroupValue(n.attrs(value.Group())...)}
	case slog.KindAny:
		if telling(a.Key) && value.Any() != nil {
			return slog.String(key, Masked)
		}
		return slog.Attr{Key: key, Value: n.value(value.Any())}
	default: // numbers, times and truths hold no secret
		return slog.Attr{Key: key, Value: value}
	}
}

// value masks what is no plain string. It looks at both renderings that a
// handler may choose, and leaves the value alone when both are clean.
func (n net) value(v any) slog.Value {
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.StringValue(n.masker.Mask(v.Error()))
	case []byte:
		return slog.StringValue(n.masker.Mask(string(v)))
	}
	text := fmt.Sprintf("%+v", v)
	if masked := n.masker.Mask(text); masked != text {
		return slog.StringValue(masked)
	}
	if encoded, err := json.Marshal(v); err == nil {
		if masked := n.masker.Mask(string(encoded)); masked != string(encoded) {
			return slog.StringValue(masked)
		}
	}
	return slog.AnyValue(v)
}

// telling reports whether the name of an attribute says that its value is a secret.
func telling(key string) bool {
	key = strings.ReplaceAll(strings.ToLower(key), "-", "_")
	for _, word := range []string{"token", "secret", "password", "passwd", "authorization", "cookie", "api_key", "private_key"} {
		if key == word || strings.HasSuffix(key, "_"+word) {
			return true
		}
	}
	return false
}
