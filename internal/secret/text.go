// Package secret owns values that must not be seen: a string type that hides
// itself wherever it is printed, and a log handler that masks what slips past
// the type. It leaves where secrets come from to config and what they open to
// the packages that hold them.
package secret

import (
	"fmt"
	"log/slog"
)

// Masked is what stands in the place of a secret.
const Masked = "[redacted]"

// Text is a secret string. Printing, logging or encoding it gives [Masked], or
// nothing when it is empty; only [Text.Reveal] gives the value. The fmt package
// cannot call the methods of a value in an unexported field, so keep a Text in
// exported fields; JSON does not ask map keys, and the TOML encoder does not ask
// strings at all. [Handler] is the net below that.
type Text string

// Reveal returns the value itself. Call it where the value is used and nowhere else.
func (t Text) Reveal() string { return string(t) }

// String hides the value.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return Masked
}

// GoString hides the value from %#v.
func (t Text) GoString() string { return fmt.Sprintf("%q", t.String()) }

// Format hides the value from every verb, also from %x and %d.
func (t Text) Format(f fmt.State, verb rune) {
	text := t.String()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = t.GoString()
	}
	_, _ = f.Write([]byte(text)) // fmt keeps no error of a Formatter
}

// LogValue hides the value from slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText hides the value from encoders that ask, among them JSON.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText takes the value as it stands.
func (t *Text) UnmarshalText(text []byte) error {
	*t = Text(text)
	return nil
}
