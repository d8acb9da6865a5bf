package erp

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// rule is what a text must be. Names and numbers by which machines find each other are
// refused when they have control characters, characters that reorder their neighbors, a
// space at an edge, or nothing that can be seen. Texts for people are cleaned of all that
// instead, and the answer lists what was cleaned.
type rule struct {
	most     int  // characters
	exact    bool // shown whole on cards, and counted as cards do
	required bool
	free     bool // for people, in one line
	lines    bool // for people, in lines
	word     bool // small Latin letters, digits and _
}

func name(most int) rule { return rule{most: most} }
func free(most int) rule { return rule{most: most, free: true} }

func (r rule) must() rule { r.required = true; return r }

// whole is a text that cards must show whole.
func (r rule) whole() rule { r.exact = true; return r }

func prose(most int) rule { return rule{most: most, lines: true} }

// word is the name of a type, a status: small Latin letters, digits and _.
func word() rule { return rule{most: 64, word: true} }

func isWord(text string) bool {
	return text[0] >= 'a' && text[0] <= 'z' && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// apply gives the text as it is taken, or the code of what is wrong with it.
func (r rule) apply(text string) (taken, code string) {
	switch {
	case r.lines:
		text = clean(text)
	case r.free:
		text = oneLine(text)
	case strings.ContainsFunc(text, unprintable) || text != strings.TrimSpace(text) || text != "" && blank(text):
		return "", "bad_characters"
	case r.exact && strings.ContainsFunc(text, invisible): // what is approved must be what is seen
		return "", "bad_characters"
	}
	switch {
	case blank(text):
		return "", ""
	case r.length(text) > r.most:
		return "", "too_long"
	case r.word && !isWord(text):
		return "", "invalid_field"
	}
	return text, ""
}

// hint says what would be right, the same in all languages.
func (r rule) hint(code string) string {
	switch {
	case code != "too_long":
		return ""
	case r.exact:
		return "≤ " + strconv.Itoa(r.most) + " UTF-16"
	default:
		return "≤ " + strconv.Itoa(r.most)
	}
}

// length counts characters; where cards must show all of them, as cards count: in UTF-16
// units of the composed form, which may be longer than what was sent.
func (r rule) length(text string) int {
	if !r.exact {
		return utf8.RuneCountInString(text)
	}
	n := 0
	for _, c := range norm.NFC.String(text) {
		n += utf16.RuneLen(c)
	}
	return n
}

// blank: there is nothing to be seen.
func blank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && !invisible(r) })
}

// invisible are the characters that take no place on a screen, and that cards leave out.
// Emoji and some scripts need a few of them between others.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
}

// clean removes from a text for people what does not show or shows something else.
func clean(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return strings.TrimSpace(text)
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", " ").Replace(text)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && unprintable(r) {
			return -1
		}
		return r
	}, text))
}

// oneLine cleans a text that has no lines.
func oneLine(text string) string { return strings.ReplaceAll(clean(text), "\n", " ") }

// unprintable are control characters, line separators, and the characters that reorder
// their neighbors on the screen.
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

// shown cuts a text that came from outside so that an answer can hold it.
func shown(text string) string {
	const most = 100
	n, end := 0, ""
	for i := range text {
		if n == most {
			text, end = text[:i], "…"
			break
		}
		n++
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && unprintable(r) {
			return '\ufffd'
		}
		return r
	}, text) + end
}

// mostName is what a file system takes, in bytes.
const mostName = 255

// safeName gives the name under which a file may be shown and saved: no folders, nothing
// that does not show, not longer than file systems take, never empty.
func safeName(sent string) string {
	sent = strings.ReplaceAll(oneLine(sent), `\`, "/")
	sent = strings.TrimSpace(sent[strings.LastIndexByte(sent, '/')+1:])
	sent = strings.Map(func(r rune) rune {
		if slices.Contains([]rune(`<>:"|?*`), r) {
			return '_'
		}
		return r
	}, sent)
	sent = strings.TrimLeft(sent, ". ")
	if len(sent) > mostName {
		end := path.Ext(sent)
		if len(end) > 20 {
			end = ""
		}
		sent = cutBytes(strings.TrimSuffix(sent, end), mostName-len(end)) + end
	}
	return cmp.Or(sent, "file")
}

// cutBytes cuts between characters.
func cutBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
