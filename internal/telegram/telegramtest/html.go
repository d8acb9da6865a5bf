package telegramtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Entity is a part of a text with a format; offset and length are in UTF-16 units.
type Entity struct {
	Type     string `json:"type"`
	Offset   int    `json:"offset"`
	Length   int    `json:"length"`
	URL      string `json:"url,omitempty"`
	Language string `json:"language,omitempty"`
}

// htmlReader reads Telegram's HTML as the server does: few tags, four named entities, and the first slip refuses all.
type htmlReader struct {
	in       string
	at       int
	out      strings.Builder
	units    int
	open     []openTag
	entities []Entity
}

type openTag struct {
	name   string
	entity Entity
}

// parseHTML returns the text without tags, and its entities, or what is wrong.
func parseHTML(in string) (string, []Entity, error) {
	p := &htmlReader{in: in}
	for p.at < len(in) {
		var err error
		switch in[p.at] {
		case '&':
			p.character()
		case '<':
			err = p.tag()
		default:
			r, size := utf8.DecodeRuneInString(in[p.at:])
			p.emit(r)
			p.at += size
		}
		if err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, fmt.Errorf("can't find end tag corresponding to start tag %q", p.open[n-1].name)
	}
	slices.SortStableFunc(p.entities, func(a, b Entity) int {
		if a.Offset != b.Offset {
			return a.Offset - b.Offset
		}
		return b.Length - a.Length
	})
	return p.out.String(), p.entities, nil
}

func (p *htmlReader) emit(r rune) {
	p.out.WriteRune(r)
	p.units += units(r)
}

// character reads a character reference; what is none stays an ampersand.
func (p *htmlReader) character() {
	rest := p.in[p.at+1:]
	name, _, found := strings.Cut(rest, ";")
	if numeric, is := strings.CutPrefix(name, "#"); found && is {
		base := 10
		if hex, isHex := strings.CutPrefix(strings.ToLower(numeric), "x"); isHex {
			numeric, base = hex, 16
		}
		n, err := strconv.ParseInt(numeric, base, 32)
		if err == nil && n > 0 && utf8.ValidRune(rune(n)) {
			p.emit(rune(n))
			p.at += len(name) + 2
			return
		}
	}
	known := map[string]rune{"lt": '<', "gt": '>', "amp": '&', "quot": '"'}
	if r, ok := known[name]; ok && found {
		p.emit(r)
		p.at += len(name) + 2
		return
	}
	p.emit('&')
	p.at++
}

func (p *htmlReader) tag() error {
	if strings.HasPrefix(p.in[p.at:], "</") {
		return p.endTag()
	}
	begin := p.at
	p.at++
	name := strings.ToLower(p.until(" \t\n\r>"))
	if p.at >= len(p.in) {
		return fmt.Errorf("unclosed start tag at byte offset %d", begin)
	}
	if !slices.Contains(tagNames(), name) {
		return fmt.Errorf("unsupported start tag %q at byte offset %d", name, begin)
	}
	attributes, err := p.attributes(name, begin)
	if err != nil {
		return err
	}
	entity, err := entityOf(name, attributes, begin)
	if err != nil {
		return err
	}
	if n := len(p.open); name == "code" && n > 0 && p.open[n-1].name == "pre" {
		p.open[n-1].entity.Language = strings.TrimPrefix(attributes["class"], "language-")
		entity.Type = ""
	}
	entity.Offset = p.units
	p.open = append(p.open, openTag{name: name, entity: entity})
	return nil
}

func (p *htmlReader) attributes(tag string, begin int) (map[string]string, error) {
	attributes := map[string]string{}
	for {
		p.skipSpace()
		if p.at >= len(p.in) {
			return nil, fmt.Errorf("unclosed start tag %q at byte offset %d", tag, begin)
		}
		if p.in[p.at] == '>' {
			p.at++
			return attributes, nil
		}
		name := strings.ToLower(p.until(" \t\n\r>=/"))
		if name == "" {
			return nil, fmt.Errorf("empty attribute name in the tag %q at byte offset %d", tag, begin)
		}
		p.skipSpace()
		if p.at >= len(p.in) || p.in[p.at] != '=' {
			if tag == "blockquote" && name == "expandable" {
				attributes[name] = ""
				continue
			}
			return nil, fmt.Errorf("expected equal sign in declaration of an attribute of the tag %q at byte offset %d", tag, begin)
		}
		p.at++
		p.skipSpace()
		value, err := p.value(tag, begin)
		if err != nil {
			return nil, err
		}
		attributes[name] = value
	}
}

func (p *htmlReader) value(tag string, begin int) (string, error) {
	var raw string
	if p.at < len(p.in) && (p.in[p.at] == '"' || p.in[p.at] == '\'') {
		quote := p.in[p.at]
		end := strings.IndexByte(p.in[p.at+1:], quote)
		if end < 0 {
			return "", fmt.Errorf("unclosed start tag %q at byte offset %d", tag, begin)
		}
		raw = p.in[p.at+1 : p.at+1+end]
		p.at += end + 2
	} else {
		raw = p.until(" \t\n\r>")
		if raw == "" {
			return "", fmt.Errorf("unexpected end of name token at byte offset %d", p.at)
		}
	}
	inner := &htmlReader{in: raw}
	for inner.at < len(raw) {
		if raw[inner.at] == '&' {
			inner.character()
			continue
		}
		r, size := utf8.DecodeRuneInString(raw[inner.at:])
		inner.emit(r)
		inner.at += size
	}
	return inner.out.String(), nil
}

func (p *htmlReader) endTag() error {
	begin := p.at
	p.at += 2
	name := strings.ToLower(p.until(" \t\n\r>"))
	p.skipSpace()
	n := len(p.open)
	switch {
	case n == 0:
		return fmt.Errorf("unexpected end tag at byte offset %d", begin)
	case p.at >= len(p.in) || p.in[p.at] != '>':
		return fmt.Errorf("unclosed end tag at byte offset %d", begin)
	case name != "" && name != p.open[n-1].name:
		return fmt.Errorf("unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, p.open[n-1].name, name)
	}
	p.at++
	entity := p.open[n-1].entity
	p.open = p.open[:n-1]
	entity.Length = p.units - entity.Offset
	if entity.Length > 0 && entity.Type != "" {
		p.entities = append(p.entities, entity)
	}
	return nil
}

// until returns what comes before any of the characters.
func (p *htmlReader) until(stop string) string {
	begin := p.at
	for p.at < len(p.in) && !strings.ContainsRune(stop, rune(p.in[p.at])) {
		p.at++
	}
	return p.in[begin:p.at]
}

func (p *htmlReader) skipSpace() {
	for p.at < len(p.in) && strings.ContainsRune(" \t\n\r", rune(p.in[p.at])) {
		p.at++
	}
}

func tagNames() []string {
	return []string{
		"a", "b", "strong", "i", "em", "s", "strike", "del", "u", "ins", "tg-spoiler", "tg-emoji", "tg-time",
		"span", "pre", "code", "blockquote",
	}
}

func entityOf(tag string, attributes map[string]string, begin int) (Entity, error) {
	switch tag {
	case "b", "strong":
		return Entity{Type: "bold"}, nil
	case "i", "em":
		return Entity{Type: "italic"}, nil
	case "s", "strike", "del":
		return Entity{Type: "strikethrough"}, nil
	case "u", "ins":
		return Entity{Type: "underline"}, nil
	case "span":
		if attributes["class"] != "tg-spoiler" {
			return Entity{}, fmt.Errorf("tag \"span\" must have class \"tg-spoiler\" at byte offset %d", begin)
		}
		return Entity{Type: "spoiler"}, nil
	case "tg-spoiler":
		return Entity{Type: "spoiler"}, nil
	case "tg-emoji":
		if attributes["emoji-id"] == "" {
			return Entity{}, fmt.Errorf("tag \"tg-emoji\" must have attribute \"emoji-id\" at byte offset %d", begin)
		}
		return Entity{Type: "custom_emoji"}, nil
	case "tg-time":
		return Entity{Type: "date_time"}, nil
	case "a":
		if attributes["href"] == "" { // the text is the address then, and nothing marks it here
			return Entity{}, nil
		}
		return Entity{Type: "text_link", URL: attributes["href"]}, nil
	case "blockquote":
		if _, expandable := attributes["expandable"]; expandable {
			return Entity{Type: "expandable_blockquote"}, nil
		}
		return Entity{Type: "blockquote"}, nil
	default:
		return Entity{Type: tag}, nil // pre and code
	}
}
