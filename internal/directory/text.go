package directory

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// plain says what is wrong with a text that people and logs will see, or nothing. It
// refuses what the schema's plain_text refuses: control characters, line separators, and
// the characters that reorder their neighbors on the screen.
func plain(field, text string, least, most int) string {
	n := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text):
		return field + " is not UTF-8 text"
	case n < least:
		return field + " is missing"
	case n > most:
		return fmt.Sprintf("%s has %d characters, at most %d fit", field, n, most)
	case strings.IndexFunc(text, unprintable) >= 0:
		return field + " contains control characters"
	case text != strings.TrimSpace(text):
		return field + " begins or ends with a space"
	default:
		return ""
	}
}

func unprintable(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r == 0xfeff:
		return true
	default:
		return r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}
}

// word reports whether the text is a lower-case name of at most so many bytes that starts
// with one of the first characters and goes on with letters, digits or one of the others.
func word(text string, most int, digitFirst, others string) bool {
	if text == "" || len(text) > most || strings.IndexByte(digitFirst+"abcdefghijklmnopqrstuvwxyz", text[0]) < 0 {
		return false
	}
	return only(text, others)
}

// only reports whether the text has nothing but lower-case letters, digits and the others.
func only(text, others string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// isSubject reports whether the text can be what a login service calls an account for good.
func isSubject(text string) bool {
	return text != "" && len(text) <= 255 && strings.IndexFunc(text, func(r rune) bool { return r < '!' || r > '~' }) < 0
}

// shown quotes a refused value for a message, cut so that it cannot flood it.
func shown(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
