package telegramtest

import (
	"strings"
	"unicode/utf8"
)

const (
	maxRawText = 32768
	maxText    = 4096
	maxCaption = 1024
)

// content is a text as the server keeps it.
type content struct {
	text     string
	html     string // as it was sent; empty for plain text
	entities []Entity
}

// readContent takes the text of a call: name is "text", "caption" or "message_text" with its limit.
func readContent(params map[string]string, name string, limit int) (content, *refusal) {
	raw := params[name]
	if len(raw) > maxRawText {
		return content{}, bad("Text is too long")
	}
	c := content{text: raw}
	switch mode := strings.ToLower(params["parse_mode"]); mode {
	case "":
	case "html":
		var err error
		c.html = raw
		if c.text, c.entities, err = parseHTML(raw); err != nil {
			return content{}, bad("can't parse entities: " + capital(err.Error()))
		}
	default:
		return content{}, bad("unsupported parse_mode")
	}
	c.tidy()
	switch length := len16(c.text); {
	case length == 0 && name == "caption":
		return content{}, nil
	case length == 0:
		return content{}, bad("message text is empty")
	case length > limit && name == "caption":
		return content{}, bad("message caption is too long")
	case length > limit:
		return content{}, bad("message is too long")
	}
	return c, nil
}

// tidy does what the server does to every text: control characters become spaces, direction overrides
// and carriage returns vanish, blanks at both ends are cut off, and the entities move along.
func (c *content) tidy() {
	var out strings.Builder
	moved := make([]int, 0, len(c.text)+1) // where a unit of the old text is in the new one
	at := 0
	for _, r := range c.text {
		kept := tidyRune(r)
		for range units(r) {
			moved = append(moved, at)
		}
		if kept >= 0 {
			out.WriteRune(kept)
			at += units(kept)
		}
	}
	moved = append(moved, at)
	text := strings.TrimRight(out.String(), " \n")
	right := len16(text)
	text = strings.TrimLeft(text, " \n")
	left := right - len16(text)
	c.text = text
	kept := c.entities[:0]
	for _, e := range c.entities {
		from := max(moved[e.Offset], left)
		to := min(moved[e.Offset+e.Length], right)
		if to > from {
			e.Offset, e.Length = from-left, to-from
			kept = append(kept, e)
		}
	}
	c.entities = kept
}

func tidyRune(r rune) rune {
	switch {
	case r == '\r', r >= 0x2028 && r <= 0x202E:
		return -1
	case r < ' ' && r != '\n', r == 0x7f:
		return ' '
	default:
		return r
	}
}

func len16(s string) int {
	n := 0
	for _, r := range s {
		n += units(r)
	}
	return n
}

func units(r rune) int {
	if r >= 0x10000 && r != utf8.RuneError {
		return 2
	}
	return 1
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
