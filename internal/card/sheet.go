package card

import (
	"strings"

	"golang.org/x/text/unicode/bidi"

	"countersign/internal/markup"
)

// What Telegram and an eye can take, in UTF-16 units.
const (
	maxText   = 4096
	maxName   = 60
	maxTitle  = 300
	maxValue  = 120
	maxReason = 500
)

// line is one line of a message, in HTML and without tags.
type line struct{ html, plain string }

func words(s string) line {
	if !strings.ContainsAny(s, `<>&"`) { // as nearly always
		return line{s, s}
	}
	return line{markup.Escape(s), s}
}

func code(s string) line {
	l := words(s)
	l.html = "<code>" + l.html + "</code>"
	return l
}

func (l line) bold() line { return line{"<b>" + l.html + "</b>", l.plain} }

func (l line) then(next line) line { return line{l.html + next.html, l.plain + next.plain} }

// size counts the line with its line break.
func (l line) size() int { return markup.Len16(l.plain) + 1 }

func size(lines []line) int {
	n := 0
	for _, l := range lines {
		n += l.size()
	}
	return n
}

// room is what the blocks leave of a message for one block more.
func room(blocks [][]line) int {
	left := maxText
	for _, b := range blocks {
		left -= size(b) + 1 // with the empty line that parts blocks
	}
	return left
}

// compose joins blocks with an empty line between them. Lines that do not fit are left
// out from the end: the blocks are made so that there are none.
func compose(blocks ...[]line) Card {
	var html, plain strings.Builder
	used := 0
	for _, b := range blocks {
		for i, l := range b {
			gap := ""
			switch {
			case used == 0:
			case i == 0:
				gap = "\n\n"
			default:
				gap = "\n"
			}
			if used+len(gap)+markup.Len16(l.plain) > maxText {
				break
			}
			html.WriteString(gap + l.html)
			plain.WriteString(gap + l.plain)
			used += len(gap) + markup.Len16(l.plain)
		}
	}
	return Card{HTML: html.String(), Plain: plain.String()}
}

// take keeps the lines that fit into the room. Of all lines, those missing at the end
// of the ones given count too; if any is left out, more says how many, on its own line.
func take(lines []line, all, room int, more func(n int) string) []line {
	if len(lines) == all && size(lines) <= room {
		return lines
	}
	for n := range len(lines) + 1 {
		last := words(more(all - n))
		if n == len(lines) || room-lines[n].size() < last.size() {
			if room < last.size() {
				return lines[:n]
			}
			return append(lines[:n:n], last)
		}
		room -= lines[n].size()
	}
	return lines
}

// tidy makes a text from outside fit for one line: nothing invisible, no line breaks that
// could pass for lines of ours, no more than limit units. A text of a script that runs
// from right to left is fenced in, so that it cannot reorder what stands beside it.
func tidy(s string, limit int) string {
	return fence(markup.Truncate(flat(s), limit))
}

// flat is tidy without a limit.
func flat(s string) string {
	s = strings.Join(strings.FieldsFunc(markup.Clean(s), func(r rune) bool { return r == ' ' || r == '\n' }), " ")
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

func fence(s string) string {
	for _, r := range s {
		switch p, _ := bidi.LookupRune(r); p.Class() {
		case bidi.R, bidi.AL, bidi.AN:
			return "\u2068" + s + "\u2069" // first strong isolate, end of isolate
		default:
		}
	}
	return s
}
