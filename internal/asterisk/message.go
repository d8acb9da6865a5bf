package asterisk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// field is one line of a message.
type field struct{ key, value string }

// message is what goes over the wire between two empty lines.
type message []field

// get gives the first field of a name, "" when there is none.
func (m message) get(key string) string {
	for _, f := range m {
		if strings.EqualFold(f.key, key) {
			return f.value
		}
	}
	return ""
}

// size is how long its texts are together.
func (m message) size() (n int) {
	for _, f := range m {
		n += len(f.key) + len(f.value)
	}
	return n
}

// What Asterisk reads of a line and of an action, and what we read of its messages.
const (
	mostSent   = 1000 // its buffer is 1024
	mostFields = 100  // it takes 128
	mostLine   = 8 << 10
	mostRead   = 256
	mostText   = 64 << 10 // of a message
)

// head are the fields that Asterisk writes before anything that somebody else may have chosen.
func head(key string) bool {
	return slices.ContainsFunc([]string{"Event", "Response", "ActionID", "EventList"}, func(k string) bool { return strings.EqualFold(k, key) })
}

// sole leaves out what is told twice, but for the head. Measured: Asterisk 16 and 22 write the
// number of a caller with the line breaks that somebody put into it, so that it can bring a
// Uniqueid or an account code of its own, which comes before the true one.
func (m message) sole() message {
	times := map[string]int{}
	for _, f := range m {
		times[strings.ToLower(f.key)]++
	}
	if len(times) == len(m) {
		return m
	}
	return slices.DeleteFunc(m, func(f field) bool { return times[strings.ToLower(f.key)] > 1 && !head(f.key) })
}

// writable reports whether a text comes out of a line as it went in.
func writable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) && strings.TrimSpace(s) == s
}

// encode writes an action. No field can end its line, and no key can be another one.
func encode(m message) ([]byte, error) {
	var b bytes.Buffer
	if len(m) > mostFields {
		return nil, &FieldError{"the action", fmt.Sprintf("has more than %d fields", mostFields)}
	}
	for _, f := range m {
		switch {
		case !made(f.key, 1, 40, small+capital):
			return nil, &FieldError{"a field", "must have a name of letters"}
		case !writable(f.value):
			return nil, &FieldError{f.key, "must be text without line breaks and other control characters, and without spaces at its ends"}
		case len(f.key)+len(f.value) > mostSent:
			return nil, &FieldError{f.key, "is too long"}
		}
		b.WriteString(f.key + ": " + f.value + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

// reader takes messages apart.
type reader struct{ r *bufio.Reader }

// line reads one, without its end.
func (r reader) line() (string, error) {
	raw, err := r.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errors.New("a line is too long")
	case err != nil:
		return "", err
	}
	return string(bytes.TrimRight(raw, "\r\n")), nil
}

// next reads a message. Values are made text that can be shown and stored: a name may come
// from any telephone network. A line that is no field, as a value with a break in it leaves,
// is passed over.
func (r reader) next() (message, error) {
	var m message
	size := 0
	for {
		line, err := r.line()
		switch {
		case err != nil:
			return nil, err
		case line == "" && len(m) > 0:
			return m, nil
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok || key == "" {
			continue
		}
		if size += len(line); len(m) == mostRead || size > mostText {
			return nil, errors.New("a message is too long")
		}
		m = append(m, field{clean(key), clean(strings.TrimSpace(value))})
	}
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
