// Package markup owns the handling of text that people did not write for a machine: cleaning what
// comes from outside, cutting it to a length in UTF-16 units, and escaping it for Telegram's HTML.
// It is pure. It leaves the words of a card to card and the sending to telegram.
//
// The order that keeps a message whole is Clean, Truncate, Escape, and only then the tags: cutting
// rendered HTML would cut tags.
package markup

import (
	"html"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Ellipsis is what Truncate leaves in place of the part it took away.
const Ellipsis = "…"

// Escape makes s safe as text and as an attribute value of Telegram's HTML.
func Escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// Plain returns the text of an HTML message without its tags: what to send when Telegram
// could not read the tags.
func Plain(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "<")
		b.WriteString(html.UnescapeString(before))
		if !found {
			return b.String()
		}
		_, after, closed := strings.Cut(rest, ">")
		if closed && tagLike(rest) {
			s = after
			continue
		}
		b.WriteByte('<')
		s = rest
	}
}

// tagLike says whether what follows a "<" begins like a tag.
func tagLike(s string) bool {
	s = strings.TrimPrefix(s, "/")
	return s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

// Clean removes what makes a text read differently from what it is: control characters, direction
// overrides and isolates, zero-width and other invisible characters. Line breaks of every kind become
// \n and tabs become spaces; invalid UTF-8 becomes U+FFFD; the result is in NFC.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return norm.NFC.String(strings.Map(cleanRune, s))
}

// cleanRune returns the rune to keep in place of r, or -1.
func cleanRune(r rune) rune {
	switch {
	case r == '\n', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
		return '\n'
	case r == '\t':
		return ' '
	case r >= 0xFE00 && r <= 0xFE0F: // variation selectors: an emoji needs them
		return r
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // format characters that are visible
		return r
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point):
		return -1
	default:
		return r
	}
}

// Len16 is the length of s as Telegram counts it, in UTF-16 units.
func Len16(s string) int {
	n := 0
	for _, r := range s {
		n += units(r)
	}
	return n
}

// Truncate returns s if it has at most limit UTF-16 units, and otherwise a beginning of s with an
// ellipsis, together at most limit units. It never parts a character from its accents.
func Truncate(s string, limit int) string {
	if limit <= 0 {
		return ""
	}
	if len(s) <= limit || Len16(s) <= limit {
		return s
	}
	left, cut := limit-units([]rune(Ellipsis)[0]), 0
	for i, r := range s {
		if !attaches(r) {
			cut = i
		}
		left -= units(r)
		if left < 0 {
			break
		}
	}
	return strings.TrimRight(s[:cut], " \n") + Ellipsis
}

// attaches says whether r belongs to the character before it.
func attaches(r rune) bool {
	return unicode.In(r, unicode.M, unicode.Variation_Selector) || r == '\u200D' || (r >= 0x1F3FB && r <= 0x1F3FF)
}

func units(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}
